"""The ground that all workers of a campaign fly over, sampled once and kept beside the chunks.

The whole terrain takes hundreds of megabytes; what flights need of it, two grids, a few.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skycrane.files import atomic_path
from skycrane.flight.tables import Heights, ground_heights, is_ground
from skycrane.mission import Mission

__all__ = ["campaign_ground"]

_NAMES = ("wide", "fine")


def campaign_ground(directory: Path, mission: Mission) -> Heights:
    """Return the heights of a campaign's ground; sampled and kept where they are not there yet.

    Raises:
        InputError: the directory cannot be written to or the disk is full.
    """
    kept = {name: _read(_path(directory, name)) for name in _NAMES}
    found = {name: grid for name, grid in kept.items() if grid is not None}
    if is_ground(found):
        return found
    from skycrane.mars.terrain import terrain_of

    heights = ground_heights(terrain_of(mission).height_m)
    for name, grid in heights.items():
        with atomic_path(_path(directory, name)) as partial, open(partial, "wb") as file:
            np.save(file, grid, allow_pickle=False)
    return heights


def _path(directory: Path, name: str) -> Path:
    return directory / f"ground_{name}.npy"


def _read(path: Path) -> NDArray[np.float32] | None:
    """Return a kept grid, or None where it is missing or damaged."""
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError):
        return None
