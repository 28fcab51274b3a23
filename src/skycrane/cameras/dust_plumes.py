"""Engines whose plumes fall together, and what is fed and leaks away over a flight's steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.mission.mission import Mission

__all__ = ["FAR_M", "PLUMES", "STEP_S", "gather", "hold_last", "leaky", "plumes_of"]

Array = NDArray[np.float64]
Series = dict[str, Array]

STEP_S = 0.05
"""Step with which the dust is followed, s."""
PLUMES = 4
FAR_M = 1.0e3
"""Length of a plume that reaches the ground nowhere, m."""


def plumes_of(mission: Mission) -> list[list[int]]:
    """Return engine numbers by plume: left and right, canted less and canted more."""
    side = np.array(mission.shape.stage.engine_points_m)[:, 1] > 0.0
    cant = np.array(mission.vehicle.engines.cant_deg)
    more = cant > 0.5 * (cant.min() + cant.max())
    groups = [
        np.flatnonzero((side == s) & (more == m)) for s in (False, True) for m in (False, True)
    ]
    forward = np.array(mission.shape.stage.engine_points_m)[:, 0]
    return [sorted((int(i) for i in g), key=lambda i: forward[i]) for g in groups if len(g)]


def gather(groups: list[list[int]], thrust_n: Array, hits: list[tuple[Array, Array]]) -> Series:
    """Return what drives each plume, (n, plumes), of engines' thrusts and impingement points."""
    names = ("pull", "east", "north", "reach", "half_east", "half_north")
    out = {name: np.zeros((len(thrust_n), PLUMES)) for name in names}
    out["reach"] += FAR_M
    for i, members in enumerate(groups):
        places = np.stack([hits[m][0] for m in members])
        length = np.mean([hits[m][1] for m in members], axis=0)
        out["pull"][:, i] = thrust_n[:, members].sum(axis=1) / length**2
        out["reach"][:, i] = length
        out["east"][:, i], out["north"][:, i] = places.mean(axis=0).T
        # Impingement points of one plume stand in a row: half the way between the outermost.
        half = 0.5 * (places[-1] - places[0])
        out["half_east"][:, i], out["half_north"][:, i] = half.T
    return out


def leaky(fed: Array, rate_hz: float) -> Array:
    """Return the integral of what is fed each step, less what goes at a rate, shape (n,)."""
    keep = np.exp(-STEP_S * rate_hz)
    out = np.empty(len(fed))
    level = 0.0
    for k, more in enumerate(fed):
        level = level * keep + more
        out[k] = level
    return out


def hold_last(values: Array, good: NDArray[np.bool_]) -> Array:
    """Return values with every bad one replaced by the last good one before it."""
    if not good.any():
        return np.zeros(len(values))
    index = np.maximum.accumulate(np.where(good, np.arange(len(values)), np.argmax(good)))
    return np.asarray(values[index])
