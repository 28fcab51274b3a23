"""How a force and torques are shared among the engines that run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mixing_rows"]

Array = NDArray[np.float64]


def mixing_rows(points_m: Array, axes: Array, centres_m: Array, running: list[list[int]]) -> Array:
    """Return what each engine gives to a unit of axial force and of torque.

    The minimum-norm solution (Moore-Penrose) of: axial thrust and three torques from the thrusts
    of the engines that run.

    Args:
        points_m: nozzles in the axes of the centres, shape (8, 3).
        axes: directions of the exhaust, shape (8, 3).
        centres_m: centre of mass of each mode, shape (3, 3).
        running: engines of each mode.

    Returns:
        shape (3 modes x 9 engines out or none, 8 engines, 4): force, torque x, y, z.
    """
    rows = np.zeros((len(centres_m) * 9, 8, 4))
    for mode, (centre, engines) in enumerate(zip(centres_m, running, strict=True)):
        effect = np.zeros((4, 8))
        effect[0] = axes[:, 2]
        effect[1:] = np.cross(points_m - centre, -axes).T
        for out in range(9):
            left = [k for k in engines if k != out]
            rows[mode * 9 + out][left] = np.linalg.pinv(effect[:, left])
    return rows
