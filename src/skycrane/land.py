"""The whole way of the data, stage by stage, in one run directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from skycrane.rundir import RunDir
from skycrane.stage import StageContext

__all__ = ["WAY", "perform"]

WAY = ("fly", "film", "record", "relay", "develop", "clean", "cut", "page")
"""The stages of a landing, in order."""


def perform(
    run: RunDir,
    stages: Sequence[str],
    context: StageContext,
    *,
    options: dict[str, dict[str, Any]] | None = None,
    told: Callable[[str, dict[str, Any], bool], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Perform `stages` in order; return each one's entry of run.json.

    Args:
        run: the opened run directory.
        stages: names out of `WAY`.
        context: surroundings common to all stages.
        options: choices of single stages, such as {"film": {"truth": True}}.
        told: called after each stage with its name, entry and whether it had to run.

    Raises:
        SkycraneError: the first one a stage raises; what is finished stays finished.
    """
    entries = {}
    for name in stages:
        own = StageContext(
            directory=run.path,
            mission=run.mission,
            seed=run.seed,
            case=run.case,
            quality=run.quality,
            device=context.device,
            progress=context.progress,
            workers=context.workers,
            dask=context.dask,
            options=(options or {}).get(name, {}),
        )
        entries[name], ran = run.perform(name, own)
        if told:
            told(name, entries[name], ran)
    return entries
