"""Wakes that the dust draws behind stones, and small stones that the gas carries off."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from skycrane.cameras.dust_state import DustState
from skycrane.cameras.dust_streaks import Fan, offset

__all__ = ["BUMP_CELL_M", "bump_map", "stones", "stones_aloft", "wake"]

wp.set_module_options({"enable_backward": False})

Array = NDArray[np.float64]

BUMP_CELL_M = 0.06
_COUNT = 640
"""Cells along an edge: what the cameras see of the ground from the last 20 m."""
_GROUND_CELLS = 14.0
"""Width over which the ground is averaged that stones stand out of, cells."""
_WIDTHS = (0.9, 2.2, 4.0)
"""Widths over which stones are averaged, cells: the farther down the flow, the wider their wake."""

# Odd multipliers of the lattice hash; as constants, because a literal is a signed 32-bit number.
_MIX_A = wp.constant(wp.uint32(0x7FEB352D))
_MIX_B = wp.constant(wp.uint32(0x846CA68B))
_STEP_X = wp.constant(wp.uint32(0x85EBCA77))
_STEP_Y = wp.constant(wp.uint32(0xC2B2AE3D))
_STEP_Z = wp.constant(wp.uint32(0x27D4EB2F))
_STEP_SEED = wp.constant(wp.uint32(0x9E3779B1))
_STONE_CELLS = wp.constant(110)
"""Cells of the flow around each plume."""
_STONE_LAG = wp.constant(0.12)
"""Speed of stones over that of the dust."""


@wp.func
def _mix(h: wp.uint32) -> wp.uint32:
    """Scramble 32 bits (the finaliser "lowbias32" of Wellons's integer-hash search)."""
    h = (h ^ (h >> wp.uint32(16))) * _MIX_A
    h = (h ^ (h >> wp.uint32(15))) * _MIX_B
    return h ^ (h >> wp.uint32(16))


@wp.func
def _bump(state: DustState, east: float, north: float, near: bool) -> wp.vec3:
    """Return how far the ground stands out near a place, [m]: averaged over three widths.

    Seen from near between cells, else of the nearest.
    """
    x = (east - state.bump_east) / state.bump_cell
    y = (north - state.bump_north) / state.bump_cell
    last_x = float(state.bumps.shape[1] - 2)
    last_y = float(state.bumps.shape[0] - 2)
    if x < 0.0 or y < 0.0 or x >= last_x or y >= last_y:
        return wp.vec3(0.0, 0.0, 0.0)
    if not near:
        return state.bumps[int(y + 0.5), int(x + 0.5)]
    i = int(y)
    j = int(x)
    fx = x - float(j)
    fy = y - float(i)
    low = state.bumps[i, j] * (1.0 - fx) + state.bumps[i, j + 1] * fx
    high = state.bumps[i + 1, j] * (1.0 - fx) + state.bumps[i + 1, j + 1] * fx
    return low * (1.0 - fy) + high * fy


@wp.func
def wake(state: DustState, fan: Fan, east: float, north: float) -> float:
    """Return how much a place lies in the wake of stones up the flow, 0 to about 1.

    Dust that the flow digs out at a stone's flanks and what gathers in its lee leave it in a tail,
    the wider the farther.
    """
    if state.bumps.shape[0] < 2:
        return 0.0
    out = float(0.0)
    s = float(0.12)
    for k in range(5):
        b = _bump(state, east - s * fan.out[0], north - s * fan.out[1], fan.foot < 0.02)
        rise = b[0]
        if k > 3:
            rise = 2.2 * b[2]
        elif k > 1:
            rise = 1.4 * b[1]
        out = wp.max(out, wp.smoothstep(0.015, 0.10, rise) * (1.0 - s / 3.6))
        s += 0.2 + 0.4 * s
    return out


@wp.func
def stones(state: DustState, fan: Fan) -> float:
    """Return how a small stone that the gas carries off covers a place, 0 to 1.

    One stone at most to a cell of the flow, in which it stays: cells run outward and grow.
    """
    around = float(_STONE_CELLS)
    u = wp.atan2(fan.out[1], fan.out[0]) * around * 0.15915494
    v = (fan.log - _STONE_LAG * state.phase) * around * 0.15915494
    iu = int(wp.floor(u))
    iv = int(wp.floor(v))
    wrapped = (iu + 2 * _STONE_CELLS) % _STONE_CELLS
    h = _mix(
        state.seed
        + wp.uint32(fan.which) * _STEP_SEED
        + wp.uint32(wrapped) * _STEP_X
        + wp.uint32(iv) * _STEP_Y
    )
    if float(h >> wp.uint32(8)) > state.stone_share * 16777216.0:
        return 0.0
    a = _mix(h + wp.uint32(1))
    b = _mix(h + wp.uint32(2))
    x = 0.2 + 0.6 * float(a >> wp.uint32(8)) / 16777216.0
    y = 0.2 + 0.6 * float(b >> wp.uint32(8)) / 16777216.0
    du = u - float(iu) - x
    dv = v - float(iv) - y
    away = wp.sqrt(du * du + dv * dv) * 6.2831853 * fan.r / around
    radius = state.stone_radius * (0.4 + 1.2 * float(h & wp.uint32(1023)) / 1023.0)
    return wp.where(away < radius, float(1.0), float(0.0))


@wp.func
def stones_aloft(state: DustState, at: wp.vec3) -> float:
    """Return how a small stone thrown up by the plume that is felt most covers a place, 0 to 1."""
    best = float(0.0)
    way = wp.vec2(1.0, 0.0)
    fan = Fan()
    for i in range(4):
        if state.depth[i] > 0.05:
            some = offset(state, i, at[0], at[1])
            felt = state.depth[i] / wp.max(wp.length(some), 0.1)
            if felt > best:
                best = felt
                way = some
                fan.which = 211 + i
    if best <= 0.0:
        return 0.0
    fan.r = wp.max(wp.length(way), 0.1)
    fan.out = way / fan.r
    fan.log = wp.log(fan.r)
    return stones(state, fan)


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
