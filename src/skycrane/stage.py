"""What every stage of a landing is handed, and what it hands back."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from skycrane.progress import Progress

if TYPE_CHECKING:
    from skycrane.mission import Mission

__all__ = ["Quality", "StageContext", "StageResult"]

Quality = Literal["preview", "standard", "flight"]


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """The surroundings of one stage.

    Attributes:
        directory: the run directory; every path of the contract is below it.
        mission: the mission as resolved.
        seed: the one seed of the run; draw through `skycrane.draws` only.
        case: which case of a Monte Carlo with this seed is flown; 0 is the nominal flight.
        quality: how many pixels and frames to spend.
        device: "cpu" or "cuda:0", already resolved from "auto".
        progress: where to report steps.
        workers: threads or processes to use; the result must not depend on it.
        dask: address of a Dask scheduler whose workers are to be used; the result does not depend
            on it.
        options: further choices of the command, such as {"truth": True}.
    """

    directory: Path
    mission: Mission
    seed: int = 0
    case: int = 0
    quality: Quality = "preview"
    device: str = "cpu"
    progress: Progress = field(default_factory=Progress)
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    dask: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """What one stage did.

    Attributes:
        outputs: the finished files or directories, below the run directory.
        summary: figures for the terminal and --json, plain JSON values with units in the keys.
        device: what computed it.
    """

    outputs: list[Path]
    summary: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
