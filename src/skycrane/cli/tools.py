"""Commands beside the way: missions, grounds, runs looked into, exports, the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from skycrane.cli.application import app
from skycrane.cli.options import (
    Json,
    Quiet,
)
from skycrane.cli.telling import (
    brief,
    print_result,
)
from skycrane.errors import InputError
from skycrane.progress import Progress

__all__: list[str] = []

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
    print_result(result, as_json=as_json)


@app.command
def check(mission: str = "mars2020", *, as_json: Json = False) -> None:
    """Check a mission file and say what it holds."""
    from skycrane.mission import load_mission
    from skycrane.mission.told import told_of
    from skycrane.vehicle.gltf import told_of_models

    parsed = load_mission(mission)
    models = told_of_models(parsed)
    if as_json:
        print(json.dumps(parsed.model_dump(mode="json"), indent=2))
        return
    print(f"{mission}: a whole mission, {parsed.mission.title}")
    for label, text in told_of(parsed):
        print(f"  {label:<9}{text}")
    for text in models:
        print(f"  {'body':<9}{text}")


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
        print(f"  {name:<8}{entry['seconds']:>8.1f} s  {brief(entry['summary'])}")
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
