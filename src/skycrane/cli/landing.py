"""Commands of the way of the data: a whole landing, or one stage of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from skycrane.cli.application import app
from skycrane.cli.options import (
    Case,
    Dask,
    Device,
    Directory,
    Json,
    Qualities,
    Quiet,
    Seed,
    Truth,
    TruthChannels,
    Workers,
    check_case,
    context_of,
    options_of,
)
from skycrane.cli.telling import (
    Teller,
    print_comparison,
    print_figures,
    print_misses,
    print_result,
)
from skycrane.errors import InputError
from skycrane.progress import Progress

__all__: list[str] = []


@app.command
def land(
    mission: str = "mars2020",
    *,
    output: Directory = Path("landing"),
    quality: Qualities = "preview",
    seed: Seed = 0,
    case: Case = 0,
    device: Device = "auto",
    workers: Workers = None,
    truth: Truth = False,
    truth_channels: TruthChannels = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fly, film, relay, develop, clean, cut and show one whole landing.

    MISSION is the name of a built-in mission or the path of a mission file. Killed and started
    again, it goes on where it was.
    """
    from skycrane.land import WAY, perform
    from skycrane.mission import load_mission
    from skycrane.rundir import RunDir

    teller = Teller(as_json=as_json, quiet=quiet)
    parsed = load_mission(mission)
    check_case(case)
    options = options_of(truth, truth_channels)
    with RunDir.create(output, parsed, seed=seed, case=case, quality=quality) as run:
        context = context_of(run, device=device, workers=workers, quiet=quiet)
        entries = perform(run, WAY, context, options=options, told=teller.told)
    teller.finish(output, entries)


@app.command
def fly(
    mission: str = "mars2020",
    *,
    output: Directory = Path("landing"),
    quality: Qualities = "preview",
    seed: Seed = 0,
    case: Case = 0,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fly the landing and compare its events with the flown ones."""
    from skycrane.land import perform
    from skycrane.mission import load_mission
    from skycrane.rundir import RunDir

    teller = Teller(as_json=as_json, quiet=quiet)
    parsed = load_mission(mission)
    check_case(case)
    with RunDir.create(output, parsed, seed=seed, case=case, quality=quality) as run:
        context = context_of(run, device=device, workers=None, quiet=quiet)
        entries = perform(run, ["fly"], context, told=teller.told)
        summary = entries["fly"]["summary"]
    if not as_json:
        print_comparison(summary["comparison"])
        print_figures(summary["figures"])
        print_misses([*summary["comparison"], *summary["figures"]], dispersed=case != 0)
    told = {key: summary[key] for key in ("comparison", "figures")}
    teller.finish(output, entries, extra=told)


def _stage_command(
    name: str,
    directory: Path,
    *,
    device: str = "auto",
    workers: int | None = None,
    dask: str | None = None,
    as_json: bool,
    quiet: bool,
    options: dict[str, dict[str, Any]] | None = None,
) -> None:
    """Perform one stage on a run that `fly` or `land` began."""
    from skycrane.land import perform
    from skycrane.rundir import RunDir

    teller = Teller(as_json=as_json, quiet=quiet)
    with RunDir.open(directory) as run:
        context = context_of(run, device=device, workers=workers, quiet=quiet, dask=dask)
        entries = perform(run, [name], context, options=options, told=teller.told)
    teller.finish(directory, entries)


@app.command
def film(
    directory: Path,
    /,
    *,
    device: Device = "auto",
    workers: Workers = None,
    dask: Dask = None,
    truth: Truth = False,
    truth_channels: TruthChannels = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Film the flight in DIRECTORY with the mission's cameras."""
    _stage_command(
        "film",
        directory,
        device=device,
        workers=workers,
        dask=dask,
        as_json=as_json,
        quiet=quiet,
        options=options_of(truth, truth_channels),
    )


@app.command
def record(directory: Path, /, *, as_json: Json = False, quiet: Quiet = False) -> None:
    """Record the surface minute and the noise reference in DIRECTORY."""
    _stage_command("record", directory, as_json=as_json, quiet=quiet)


@app.command
def relay(directory: Path, /, *, as_json: Json = False, quiet: Quiet = False) -> None:
    """Bring what is on board in DIRECTORY to the ground, byte for byte."""
    _stage_command("relay", directory, as_json=as_json, quiet=quiet)


@app.command
def develop(
    source: Path,
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Where a folder's pictures go.")
    ] = None,
    frames: Annotated[
        bool, Parameter(negative="", help="Keep every frame under products/frames/.")
    ] = False,
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Develop the frames of a run, or of any folder of raw frames, into colour pictures.

    SOURCE is a run directory, or with --output a folder of raw Bayer frames (MCAP, PNG, TIFF).
    """
    if output is None:
        _stage_command(
            "develop",
            source,
            workers=workers,
            as_json=as_json,
            quiet=quiet,
            options={"develop": {"frames": True}} if frames else None,
        )
        return
    from skycrane.ground.develop import develop_folder

    print_result(develop_folder(source, output, progress=Progress(quiet=quiet)), as_json=as_json)


@app.command
def clean(
    source: Path,
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Where a recording's result goes.")
    ] = None,
    reference: Annotated[Path | None, Parameter(help="A recording of the noise alone.")] = None,
    residual: Annotated[Path | None, Parameter(help="Where to write what was removed.")] = None,
    strength: Annotated[
        float,
        Parameter(help="From 0 (nothing) over 1 (the noise as known, best) to 2 (harsher)."),
    ] = 1.0,
    keep: Annotated[
        Literal["everything", "wind"],
        Parameter(help="With wind, motors, rattles, knocks and voices go too, whoever made them."),
    ] = "everything",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take the rover's noise out of a run's recording, or of any recording, and keep the breeze.

    SOURCE is a run directory, or with --output a recording (WAV, FLAC, MP3, OGG).
    """
    if output is None:
        if reference or residual or strength != 1.0 or keep != "everything":
            raise InputError(
                "--reference, --residual, --strength and --keep belong to a single recording",
                where="skycrane clean",
                right="Add --output OUT and give a recording as SOURCE.",
            )
        _stage_command("clean", source, as_json=as_json, quiet=quiet)
        return
    from skycrane.sound.clean import clean_file

    result = clean_file(
        source,
        output,
        reference=reference,
        residual=residual,
        strength=strength,
        keep=keep,
        progress=Progress(quiet=quiet),
    )
    print_result(result, as_json=as_json)


@app.command
def cut(
    directory: Path,
    /,
    *,
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Cut the film of DIRECTORY, with call-outs, captions and instruments."""
    _stage_command("cut", directory, workers=workers, as_json=as_json, quiet=quiet)


@app.command
def page(directory: Path, /, *, as_json: Json = False, quiet: Quiet = False) -> None:
    """Make the page of DIRECTORY to watch, listen and look at."""
    _stage_command("page", directory, as_json=as_json, quiet=quiet)
