"""What stands out of the ground under the plumes, for the wakes that dust draws behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = ["BUMP_CELL_M", "bump_map"]

Array = NDArray[np.float64]

BUMP_CELL_M = 0.06
_COUNT = 640
"""Cells along an edge: what the cameras see of the ground from the last 20 m."""
_GROUND_CELLS = 14.0
"""Width over which the ground is averaged that stones stand out of, cells."""
_WIDTHS = (0.9, 2.2, 4.0)
"""Widths over which stones are averaged, cells: the farther down the flow, the wider their wake."""


def bump_map(
    height_m: Callable[[Array, Array], Array], east_m: float, north_m: float, device: Any = None
) -> tuple[Any, float, float]:
    """Return how far the ground stands out [m] around a place, and the map's south-west corner.

    Args:
        height_m: terrain height [m] at site east, north [m], vectorised.
        east_m, north_m: the map's middle.
        device: where the map is kept.

    Returns:
        A Warp array (cells north, cells east) of heights over the surroundings, averaged over three
        widths; east and north [m] of its first cell.
    """
    line = (np.arange(_COUNT) - 0.5 * _COUNT) * BUMP_CELL_M
    east, north = np.meshgrid(east_m + line, north_m + line)
    height = np.asarray(height_m(east, north), np.float32)
    around = gaussian_filter(height, _GROUND_CELLS, truncate=2.5)
    widths = [gaussian_filter(height, w, truncate=3.0) - around for w in _WIDTHS]
    bumps = np.ascontiguousarray(np.stack(widths, axis=-1))
    return wp.array(bumps, dtype=wp.vec3, device=device), float(east[0, 0]), float(north[0, 0])
