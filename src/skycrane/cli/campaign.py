"""The command that flies a mission many times over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from skycrane.cli.application import app
from skycrane.cli.options import (
    Device,
    Directory,
    Json,
    Quiet,
    Seed,
    worker_count,
)
from skycrane.progress import Progress

__all__: list[str] = []


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
        workers=worker_count(workers),
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
