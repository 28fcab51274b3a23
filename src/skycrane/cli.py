"""The command line: one command a stage, thin."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from skycrane import __version__
from skycrane.errors import InputError, LandingError, SkycraneError
from skycrane.progress import Progress
from skycrane.stage import Quality, StageContext

__all__ = ["app", "main"]

app = App(
    name="skycrane",
    version=__version__,
    help="Land a rover on Mars: fly it, film it, bring the film home, cut it, and listen.",
    suppress_keyboard_interrupt=False,
)
app.register_install_completion_command()

_MOST_WORKERS = 1024

Directory = Annotated[Path, Parameter(name=["--output", "-o"], help="The run directory.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Print no progress.")]
Seed = Annotated[int, Parameter(help="The seed of every random draw.")]
Case = Annotated[
    int, Parameter(help="Fly this case of a Monte Carlo with the same seed; 0 is the nominal one.")
]
Device = Annotated[
    str, Parameter(help="auto, cpu or cuda:0 (auto takes a CUDA device where there is one).")
]
Workers = Annotated[int | None, Parameter(help="Threads to use; the result does not depend on it.")]
Qualities = Annotated[Quality, Parameter(help="How many pixels and frames to spend.")]
Truth = Annotated[
    bool, Parameter(negative="", help="Keep depth and body of every pixel under truth/.")
]
TruthChannels = Annotated[
    str | None,
    Parameter(
        help="What truth to keep instead: any of depth,body,material,normal,visibility,flow,pose, "
        "or all."
    ),
]


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

    teller = _Teller(as_json=as_json, quiet=quiet)
    parsed = load_mission(mission)
    _check_case(case)
    options = _options(truth, truth_channels)
    with RunDir.create(output, parsed, seed=seed, case=case, quality=quality) as run:
        context = _context(run, device=device, workers=workers, quiet=quiet)
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

    teller = _Teller(as_json=as_json, quiet=quiet)
    parsed = load_mission(mission)
    _check_case(case)
    with RunDir.create(output, parsed, seed=seed, case=case, quality=quality) as run:
        context = _context(run, device=device, workers=None, quiet=quiet)
        entries = perform(run, ["fly"], context, told=teller.told)
        summary = entries["fly"]["summary"]
    if not as_json:
        _print_comparison(summary["comparison"])
        _print_figures(summary["figures"])
        _print_misses([*summary["comparison"], *summary["figures"]], dispersed=case != 0)
    told = {key: summary[key] for key in ("comparison", "figures")}
    teller.finish(output, entries, extra=told)


@app.command
def montecarlo(
    mission: str = "mars2020",
    *,
    cases: Annotated[
        int, Parameter(name=["--cases", "-n"], help="How many cases, the nominal one included.")
    ] = 8001,
    output: Directory = Path("montecarlo"),
    seed: Seed = 0,
    workers: Annotated[int | None, Parameter(help="Processes to fly with on this machine.")] = None,
    dask: Annotated[
        str | None, Parameter(help="Fly on the workers of this Dask scheduler (tcp://HOST:8786).")
    ] = None,
    device: Device = "auto",
    fidelity: Annotated[
        Literal["full", "point_mass"], Parameter(help="How much of each flight is computed.")
    ] = "full",
    shard: Annotated[
        str | None, Parameter(help="Fly part i of n (i/n, from 0/n): for job arrays.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fly a mission many times over, each case dispersed, and tell the statistics.

    Killed and started again, it goes on from the finished cases. `fly --case K` and
    `land --case K` with the same seed fly any one of them alone.
    """
    from skycrane.compute import resolve_device
    from skycrane.mission import load_mission
    from skycrane.montecarlo.campaign import parse_shard
    from skycrane.montecarlo.report import report_lines
    from skycrane.montecarlo.run import Order, fly_many

    order = Order(
        cases=cases,
        seed=seed,
        fidelity=fidelity,
        device="cpu" if dask is not None and device == "auto" else resolve_device(device),
        workers=_workers(workers),
        dask=dask,
        shard=None if shard is None else parse_shard(shard),
    )
    parsed = load_mission(mission)
    statistics = fly_many(parsed, output, order, Progress(quiet=quiet or as_json))
    if as_json:
        told = {"directory": str(output), "finished": statistics is not None}
        print(json.dumps({**told, "statistics": statistics}, indent=2))
    elif statistics is None:
        print(f"{output}: this shard is done; the last one to be done merges all")
    else:
        print("\n".join(report_lines(statistics)))
        print(f"\n{output / 'statistics.json'}")


def _stage_command(
    name: str,
    directory: Path,
    *,
    device: str = "auto",
    workers: int | None = None,
    as_json: bool,
    quiet: bool,
    options: dict[str, dict[str, Any]] | None = None,
) -> None:
    """Perform one stage on a run that `fly` or `land` began."""
    from skycrane.land import perform
    from skycrane.rundir import RunDir

    teller = _Teller(as_json=as_json, quiet=quiet)
    with RunDir.open(directory) as run:
        context = _context(run, device=device, workers=workers, quiet=quiet)
        entries = perform(run, [name], context, options=options, told=teller.told)
    teller.finish(directory, entries)


@app.command
def film(
    directory: Path,
    /,
    *,
    device: Device = "auto",
    workers: Workers = None,
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
        as_json=as_json,
        quiet=quiet,
        options=_options(truth, truth_channels),
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

    _print_result(develop_folder(source, output, progress=Progress(quiet=quiet)), as_json=as_json)


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
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take the rover's noise out of a run's recording, or of any recording, and keep the breeze.

    SOURCE is a run directory, or with --output a recording (WAV, FLAC, MP3, OGG).
    """
    if output is None:
        if reference or residual or strength != 1.0:
            raise InputError(
                "--reference, --residual and --strength belong to a single recording",
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
        progress=Progress(quiet=quiet),
    )
    _print_result(result, as_json=as_json)


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


export_app = App(name="export", help="Write what a run holds in other formats.")
app.command(export_app)


@export_app.command
def coco(
    directory: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], help="A new or empty directory.")],
    camera: Annotated[
        list[str] | None, Parameter(help="Only this camera; give it again for more.")
    ] = None,
    pictures: Annotated[bool, Parameter(help="Write the frames as PNG beside the masks.")] = True,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the masks of the bodies in every frame of DIRECTORY as a COCO data set.

    The run must have been filmed with the truth of bodies: `skycrane film DIRECTORY --truth`.
    """
    from skycrane.export.coco import export_coco

    result = export_coco(
        directory, output, cameras=camera, pictures=pictures, progress=Progress(quiet=quiet)
    )
    _print_result(result, as_json=as_json)


@app.command
def check(mission: str = "mars2020", *, as_json: Json = False) -> None:
    """Check a mission file and say what it holds."""
    from skycrane.mission import load_mission
    from skycrane.mission.told import told_of

    parsed = load_mission(mission)
    if as_json:
        print(json.dumps(parsed.model_dump(mode="json"), indent=2))
        return
    print(f"{mission}: a whole mission, {parsed.mission.title}")
    for label, text in told_of(parsed):
        print(f"  {label:<9}{text}")


terrain_app = App(
    name="terrain", help="Fetch public maps of a site; tell what a ground is made of."
)
app.command(terrain_app)


@terrain_app.command
def fetch(
    place: str,
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Where to; PLACE if not given.")
    ] = None,
    camera: Annotated[
        Literal["ctx", "hirise"],
        Parameter(help="ctx: the basin at 20 m and 6 m. hirise: the target's surroundings at 1 m."),
    ] = "ctx",
    mission: Annotated[str, Parameter(help="Whose target lies in the middle.")] = "mars2020",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch the window around the target out of the public maps of PLACE (jezero).

    Reads only the blocks it needs. Broken off and started again, it goes on where it was.
    """
    from skycrane.mars.terrain_fetch import PLACES, fetch_terrain
    from skycrane.mission import load_mission

    if place not in PLACES:
        raise InputError(
            f"there is no place {place!r}", where="PLACE", right=f"Known: {', '.join(PLACES)}."
        )
    folder = output or Path(place)
    came: dict[str, int] = {}
    with Progress(quiet=quiet or as_json).task(f"maps of {place}, MB") as advance:

        def told(key: str, count: int) -> None:
            advance((count - came.get(key, 0)) / 1e6)
            came[key] = count

        record = fetch_terrain(PLACES[place][camera], load_mission(mission), folder, told=told)
    if as_json:
        print(json.dumps(record, indent=2))
        return
    for key, entry in record.items():
        size = " x ".join(str(n) for n in entry["pixels"])
        print(f"{folder / key}.tif: {size} pixels, sha256 {entry['sha256']}")
    print(f"put the keys of {folder / 'terrain.toml'} into the [terrain] of a mission file")


@terrain_app.command(name="show")
def show_terrain(mission: str = "mars2020", /, *, as_json: Json = False) -> None:
    """Build a mission's ground and tell what of it was read from which files."""
    from skycrane.mars.terrain import terrain_of
    from skycrane.mission import load_mission

    told = list(terrain_of(load_mission(mission)).told)
    if as_json:
        print(json.dumps({"told": told}, indent=2))
    else:
        print("\n".join(told) or "made up by the code, from the mission's [terrain] and its seed")


mission_app = App(name="mission", help="Write mission files.")
app.command(mission_app)


@mission_app.command
def new(
    name: str,
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="The file; NAME.toml if not given.")
    ] = None,
    source: Annotated[
        str, Parameter(name="--from", help="Built-in mission to begin with the values of.")
    ] = "mars2020",
    force: Annotated[bool, Parameter(negative="", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented template with every key, to make another mission of.

    NAME is what the mission is called: lower-case letters, digits, - and _.
    """
    from skycrane.mission.new import write_mission_template

    path = write_mission_template(name, output, source=source, force=force)
    if as_json:
        print(json.dumps({"mission": name, "file": str(path), "from": source}, indent=2))
        return
    print(f"{path}: a whole mission with the values of {source}")
    print("  write the published figures of your flight into part 1, then")
    print(f"  skycrane check {path}")
    print(f"  skycrane fly {path}")


@app.command
def missions(*, as_json: Json = False) -> None:
    """List the missions that come with Skycrane."""
    from skycrane.mission import built_in_missions, load_mission

    titles = {name: load_mission(name).mission.title for name in built_in_missions()}
    if as_json:
        print(json.dumps(titles, indent=2))
    else:
        for name, title in titles.items():
            print(f"{name:<16}{title}")


@app.command
def info(directory: Path, /, *, as_json: Json = False) -> None:
    """Say what a run directory holds: its mission, its finished stages and their figures."""
    from skycrane.rundir import read_run

    record = read_run(directory)
    if as_json:
        print(json.dumps(record, indent=2))
        return
    case = f", case {record['case']}" if record["case"] else ""
    print(
        f"{directory}: {record['mission']}, seed {record['seed']}{case}, "
        f"{record['quality']} quality"
    )
    for name, entry in record["stages"].items():
        print(f"  {name:<8}{entry['seconds']:>8.1f} s  {_brief(entry['summary'])}")
    if not record["stages"]:
        print("  no stage is finished")


@app.command
def doctor(*, as_json: Json = False) -> None:
    """Check what this machine has for the work: devices, codecs, voices, space."""
    from skycrane.doctor import examine

    findings = examine()
    if as_json:
        print(json.dumps(findings, indent=2))
    else:
        for finding in findings:
            print(f"{'ok  ' if finding['ok'] else 'MISS'}  {finding['what']:<12}{finding['found']}")
    if not all(f["ok"] for f in findings):
        raise SystemExit(1)


_MOST_CASES = 10_000_000


def _check_case(case: int) -> None:
    if not 0 <= case < _MOST_CASES:
        raise InputError(
            f"there is no case {case}",
            where="--case",
            right=f"Cases are numbered from 0, the nominal one, to {_MOST_CASES - 1}.",
        )


def _options(truth: bool, channels: str | None) -> dict[str, dict[str, Any]]:
    if channels is not None:
        from skycrane.cameras.truth import chosen

        return {"film": {"truth": list(chosen(channels))}}
    return {"film": {"truth": True}} if truth else {}


def _context(run: Any, *, device: str, workers: int | None, quiet: bool) -> StageContext:
    from skycrane.compute import resolve_device

    return StageContext(
        directory=run.path,
        mission=run.mission,
        device=resolve_device(device),
        progress=Progress(quiet=quiet),
        workers=_workers(workers),
    )


def _workers(workers: int | None) -> int:
    """Return how many workers are meant, all cores of this machine if none are named."""
    if workers is not None and not 1 <= workers <= _MOST_WORKERS:
        raise InputError(
            f"{workers} workers",
            where="--workers",
            right=f"Give 1 or more, up to {_MOST_WORKERS}; here are {os.cpu_count()} cores.",
        )
    return workers or os.cpu_count() or 1


class _Teller:
    """Tells each stage's outcome as it comes, and the whole at the end."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.console = Console(stderr=True, quiet=quiet or as_json, highlight=False)

    def told(self, name: str, entry: dict[str, Any], ran: bool) -> None:
        done = f"{entry['seconds']:6.1f} s" if ran else "  ready "
        self.console.print(f"[bold]{name:<8}[/bold]{done}  {_brief(entry['summary'])}", markup=True)

    def finish(
        self,
        directory: Path,
        entries: dict[str, dict[str, Any]],
        *,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Print the result; raise LandingError where the flight did not end in a landing."""
        outcome = entries.get("fly", {}).get("summary", {})
        if self.as_json:
            told = {
                n: {k: e[k] for k in ("seconds", "summary", "outputs")} for n, e in entries.items()
            }
            print(
                json.dumps({"directory": str(directory), "stages": told, **(extra or {})}, indent=2)
            )
        elif "page" in entries:
            print(f"{directory / 'index.html'}")
        if outcome.get("outcome", "landed") != "landed":
            raise LandingError(
                f"the landing failed: {outcome.get('reason', 'no reason known')}",
                where=str(directory),
                right="See flight/events.json for what happened when.",
            )


def _brief(summary: dict[str, Any]) -> str:
    """Write a summary's plain figures on one line."""
    shown = []
    for key, value in summary.items():
        if isinstance(value, float):
            shown.append(f"{key} {value:.4g}")
        elif isinstance(value, (str, int)):
            shown.append(f"{key} {value}")
    return ", ".join(shown[:7])


def _print_comparison(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    print(f"{'event':<30}{'simulated s':>12}{'flown s':>10}{'difference':>12}{'within':>9}")
    for row in rows:
        values = [row["simulated_t_s"], row["flown_t_s"], row["difference_s"]]
        cells = ["-" if v is None else f"{v:.2f}" for v in values]
        within = f"{row['tolerance_s']:g} s" if row["within"] else "MISSED"
        print(f"{row['name']:<30}{cells[0]:>12}{cells[1]:>10}{cells[2]:>12}{within:>9}")


def _print_figures(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    print(f"\n{'figure':<38}{'simulated':>10}{'flown':>10}{'difference':>12}{'within':>9}")
    for row in rows:
        values = [row["simulated"], row["flown"], row["difference"]]
        cells = ["-" if v is None else f"{v:.7g}" for v in values]
        within = f"{row['tolerance']:g}" if row["within"] else "MISSED"
        print(f"{row['name']:<38}{cells[0]:>10}{cells[1]:>10}{cells[2]:>12}{within:>9}")


def _print_misses(rows: list[dict[str, Any]], *, dispersed: bool) -> None:
    """Say of each miss why, as far as the mission knows."""
    unknown = "this case is a dispersed one" if dispersed else "no reason known"
    for row in rows:
        if not row["within"]:
            which = f" ({row['note']})" if row["note"] else ""
            print(f"missed: {row['name']}{which}: {row['reason'] or unknown}")


def _print_result(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:<28}{value}")


def main(arguments: list[str] | None = None) -> Literal[0, 1, 2, 130, 141]:
    """Run the command line; return its exit status (the console script's entry point)."""
    from skycrane.files import as_input_error

    before = None
    try:
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGTERM, _stop)
        app(arguments, exit_on_error=False, print_error=False, result_action="return_none")
        if sys.stdout is not None:
            sys.stdout.flush()
    except CycloptsError as error:
        return _fail(f"{error} See `skycrane --help`.", 2)
    except SkycraneError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on from here", 130)
    except BrokenPipeError:
        return _reader_gone()
    except MemoryError:
        return _fail("out of memory. Use fewer --workers, a lower --quality or a smaller input.", 2)
    except OSError as error:
        if error.errno is None:
            raise
        return _fail(str(as_input_error(error, Path(error.filename or "disk"))), 2)
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    return 0


def _reader_gone() -> Literal[141]:
    """End without a word, as programs do whose reader has had enough (`| head -1`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere
    return 141


def _stop(*_: object) -> None:
    """Treat a request to end like Ctrl-C, so that nothing half-written stays behind."""
    raise KeyboardInterrupt


def _fail(message: str, status: Any) -> Any:
    # Names and texts come from files: what would act on the terminal is shown as its escape.
    line = message.replace("\n", " ")
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
    with contextlib.suppress(OSError):
        print(f"skycrane: {plain}", file=sys.stderr)
    return status
