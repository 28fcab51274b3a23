"""The veil: dust in the air over the sheet, in two layers, and what is held under the rover."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_state import DustState

__all__ = ["layer", "over", "trapped", "veil"]

wp.set_module_options({"enable_backward": False})


@wp.func
def layer(low: float, high: float, length: float, scale: float) -> float:
    """Return the path through an exponential layer, in vertical columns."""
    rise = high - low
    if rise > 1.0e-3 * length:
        return (wp.exp(-low / scale) - wp.exp(-high / scale)) * length / rise
    return wp.exp(-low / scale) * length / scale


@wp.func
def veil(state: DustState, start: wp.vec3, end: wp.vec3) -> float:
    """Return the veil's optical depth along a segment, by four samples of its denser part."""
    way = end - start
    length = wp.length(way)
    span = wp.min(length, 3.0 * state.veil_radius) / wp.max(length, 1.0e-6)
    total = float(0.0)
    for k in range(4):
        # Samples gather toward the start: the near part of a long ray matters most.
        s0 = wp.float32(k) / 4.0
        s1 = wp.float32(k + 1) / 4.0
        a = start + way * (span * s0 * s0)
        b = start + way * (span * s1 * s1)
        de = 0.5 * (a[0] + b[0]) - state.veil_east
        dn = 0.5 * (a[1] + b[1]) - state.veil_north
        spread = wp.exp(-(de * de + dn * dn) / (state.veil_radius * state.veil_radius))
        low = wp.max(wp.min(a[2], b[2]), 0.0)
        high = wp.max(wp.max(a[2], b[2]), 0.0)
        piece = wp.length(b - a)
        total += spread * state.veil_depth * layer(low, high, piece, state.veil_height)
        total += spread * state.low_depth * layer(low, high, piece, state.low_height)
    return total


@wp.func
def over(state: DustState, height: float) -> float:
    """Return the optical depth of the veil above a height [m] over its middle."""
    above = state.veil_depth * wp.exp(-height / state.veil_height)
    return above + state.low_depth * wp.exp(-height / state.low_height)


@wp.func
def trapped(state: DustState, start: wp.vec3, length: float) -> float:
    """Return the optical depth of what the fountain holds under the rover, from an eye there."""
    if state.trapped <= 0.0 or start[2] > state.cover_height:
        return 0.0
    de = start[0] - state.cover_east
    dn = start[1] - state.cover_north
    ahead = wp.abs(de * state.cover_ahead[0] + dn * state.cover_ahead[1])
    aside = wp.abs(de * state.cover_ahead[1] - dn * state.cover_ahead[0])
    if ahead > state.cover_half[0] + 0.3 or aside > state.cover_half[1] + 0.3:
        return 0.0
    return state.trapped * wp.min(length, 2.0 * state.cover_half[1])
