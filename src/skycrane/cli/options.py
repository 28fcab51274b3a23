"""Options that several commands share, and what of them must hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from skycrane.errors import InputError
from skycrane.progress import Progress
from skycrane.stage import Quality, StageContext

__all__ = [
    "Case",
    "Dask",
    "Device",
    "Directory",
    "Json",
    "Qualities",
    "Quiet",
    "Seed",
    "Truth",
    "TruthChannels",
    "Workers",
    "check_case",
    "context_of",
    "options_of",
    "worker_count",
]

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
Dask = Annotated[
    str | None, Parameter(help="Work on the workers of this Dask scheduler (tcp://HOST:8786).")
]
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

_MOST_CASES = 10_000_000


def check_case(case: int) -> None:
    """Raise InputError where there cannot be such a case."""
    if not 0 <= case < _MOST_CASES:
        raise InputError(
            f"there is no case {case}",
            where="--case",
            right=f"Cases are numbered from 0, the nominal one, to {_MOST_CASES - 1}.",
        )


def options_of(truth: bool, channels: str | None) -> dict[str, dict[str, Any]]:
    """Return the options of each stage that `--truth` and `--truth-channels` mean."""
    if channels is not None:
        from skycrane.cameras.truth import chosen

        return {"film": {"truth": list(chosen(channels))}}
    return {"film": {"truth": True}} if truth else {}


def context_of(
    run: Any, *, device: str, workers: int | None, quiet: bool, dask: str | None = None
) -> StageContext:
    """Return what a stage of this run works with."""
    from skycrane.compute import resolve_device

    return StageContext(
        directory=run.path,
        mission=run.mission,
        device="cpu" if dask is not None and device == "auto" else resolve_device(device),
        progress=Progress(quiet=quiet),
        workers=worker_count(workers),
        dask=dask,
    )


def worker_count(workers: int | None) -> int:
    """Return how many workers are meant, all cores of this machine if none are named."""
    if workers is not None and not 1 <= workers <= _MOST_WORKERS:
        raise InputError(
            f"{workers} workers",
            where="--workers",
            right=f"Give 1 or more, up to {_MOST_WORKERS}; here are {os.cpu_count()} cores.",
        )
    return workers or os.cpu_count() or 1
