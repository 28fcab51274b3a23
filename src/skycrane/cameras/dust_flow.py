"""Each plume's sheet over a flight: it grows, thins, streams outward, and leaves when cut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.cameras.dust_plumes import STEP_S
from skycrane.mission.dust import Dust

__all__ = ["sheets"]

Array = NDArray[np.float64]
Series = dict[str, Array]

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
        force: what drives each plume (dust_plumes.gather).
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
