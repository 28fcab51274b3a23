"""The ground that all workers of a campaign fly over, sampled once and kept beside the chunks.

The whole terrain takes hundreds of megabytes; what flights need of it, two grids, a few.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from skycrane.files import write_bytes
from skycrane.flight.tables import Heights, ground_heights, ground_size
from skycrane.mission import Mission

__all__ = ["campaign_ground"]

_NAMES = ("wide", "fine")
_DIGEST = hashlib.sha256().digest_size


def campaign_ground(directory: Path, mission: Mission) -> Heights:
    """Return the heights of a campaign's ground; sampled and kept where they are not there yet.

    Two square float32 grids over the target's sphere, m (see `tables.ground_heights`). A file that
    is damaged, or holds more or less than the grids, is made anew: flights over another ground
    would pass for those of this campaign.

    Raises:
        InputError: the directory cannot be written to or the disk is full.
    """
    path = directory / "ground.bin"
    kept = _read(path)
    if kept is not None:
        return kept
    from skycrane.mars.terrain import terrain_of

    heights = ground_heights(terrain_of(mission).height_m)
    content = b"".join(heights[name].astype("<f4").tobytes() for name in _NAMES)
    write_bytes(path, hashlib.sha256(content).digest() + content)
    return heights


def _read(path: Path) -> Heights | None:
    """Return the kept grids, or None where they are missing or not whole."""
    sizes = {name: ground_size(name) for name in _NAMES}
    whole = _DIGEST + 4 * sum(size * size for size in sizes.values())
    try:
        if path.stat().st_size != whole:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) != whole or hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        return None
    heights, at = {}, _DIGEST
    for name, size in sizes.items():
        grid = np.frombuffer(content, dtype="<f4", count=size * size, offset=at)
        heights[name] = grid.astype(np.float32).reshape(size, size)
        at += 4 * size * size
    return heights
