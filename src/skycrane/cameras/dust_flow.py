"""Each plume's sheet over a flight: it grows, thins, streams outward, and leaves when cut off.

Engines whose plumes fall together count as one plume.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.mission.dust import Dust
from skycrane.mission.mission import Mission

__all__ = ["FAR_M", "PLUMES", "STEP_S", "gather", "hold_last", "leaky", "plumes_of", "sheets"]

Array = NDArray[np.float64]
Series = dict[str, Array]

STEP_S = 0.05
"""Step with which the dust is followed, s."""
PLUMES = 4
FAR_M = 1.0e3
"""Length of a plume that reaches the ground nowhere, m."""

_CUT = 0.6
"""A plume that could hold no more than this share of its sheet counts as cut off."""
_EMPTY = 3.3
"""How much faster than streaks run a sheet empties behind the last of the flow."""
_RUN_S = 1.0
"""Time constant with which the flow of a cut plume slows down."""
_BLOWN = 12.0
"""Logarithm of the distance by which a sheet is let go: beyond the horizon."""
_FOLLOW_S = 0.2
"""Time constant with which a sheet's middle follows its plume along the ground."""


def sheets(dust: Dust, force: Series, excess: Array) -> Series:
    """Return depth and place of each plume's sheet, (n, plumes), and phase and front, (n,).

    Args:
        dust: the mission's table.
        force: what drives each plume (`gather`).
        excess: each plume's excess over the threshold, in thresholds, (n, plumes).
    """
    out = _follow(dust, force, excess)
    strongest = np.sqrt(force["pull"].max(axis=1))
    out["phase"] = np.cumsum(dust.stream_rate_hz * strongest) * STEP_S
    pull = force["pull"].sum(axis=1)
    out["drift"] = np.cumsum(np.minimum(0.15 + np.sqrt(pull) * 0.35, 4.0)) * STEP_S
    total = excess.sum(axis=1)
    front = np.zeros(len(total))
    for k in range(1, len(total)):
        speed = dust.front_speed_m_s * np.sqrt(total[k]) / (1.0 + front[k - 1] / dust.front_decay_m)
        front[k] = front[k - 1] + speed * STEP_S
    out["front"] = front
    return out


def _follow(dust: Dust, force: Series, excess: Array) -> Series:
    """Return each plume's sheet, relaxing to what it could hold, and where it last blew."""
    target = dust.sheet_optical_depth * excess / (excess + dust.half_excess)
    names = ("east", "north", "reach", "half_east", "half_north")
    out = {name: np.zeros(excess.shape) for name in ("depth", "gone", *names)}
    now = {name: force[name][0].copy() for name in names}
    speed = np.zeros(excess.shape[1])
    depth, blown = np.zeros(excess.shape[1]), np.zeros(excess.shape[1])
    follow = 1.0 - np.exp(-STEP_S / _FOLLOW_S)
    slower = np.exp(-STEP_S / _RUN_S)
    for k in range(len(excess)):
        live = excess[k] > 0.0
        share = np.where(live & (depth < 1e-3), 1.0, np.where(live, follow, 0.0))
        for name, value in now.items():
            value += share * (force[name][k] - value)
            out[name][k] = value
        rate = np.where(target[k] > depth, dust.sheet_rise_s, dust.sheet_fall_s)
        depth = depth + (target[k] - depth) * (1.0 - np.exp(-STEP_S / rate))
        out["depth"][k] = depth
        # What a plume raised last runs on outward from the core ahead of the streaks that it
        # drove, and nothing follows.
        speed = np.maximum(dust.stream_rate_hz * np.sqrt(force["pull"][k]), speed * slower)
        cut = target[k] < _CUT * depth
        blown = np.where(cut, blown + _EMPTY * speed * STEP_S, blown * (1.0 - follow))
        gone = dust.core_share * now["reach"] * np.expm1(np.minimum(blown, _BLOWN))
        out["gone"][k] = gone
    return out


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
