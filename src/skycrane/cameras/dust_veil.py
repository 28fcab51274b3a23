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
def _between(near: float, far: float, rise: float, run: float, scale: float) -> float:
    """Return the path through an exponential layer between densities of two heights, in columns.

    `rise` is the height between them over the path's length; `run` that length.
    """
    steep = wp.abs(rise)
    return wp.where(
        steep > 1.0e-3, wp.abs(near - far) / wp.max(steep, 1.0e-3), 0.5 * (near + far) * run / scale
    )


@wp.func
def veil(state: DustState, start: wp.vec3, end: wp.vec3) -> float:
    """Return the veil's optical depth along a segment, by four samples of its denser part."""
    way = end - start
    length = wp.max(wp.length(way), 1.0e-6)
    span = wp.min(length, 3.0 * state.veil_radius) / length
    sharp = 1.0 / (state.veil_radius * state.veil_radius)
    e = start[0] - state.veil_east
    n = start[1] - state.veil_north
    total = float(0.0)
    s0 = float(0.0)
    z0 = wp.max(start[2], 0.0)
    high0 = wp.exp(-z0 / state.veil_height)
    low0 = wp.exp(-z0 / state.low_height)
    for k in range(4):
        # Samples gather toward the start: the near part of a long ray matters most.
        part = 0.25 * wp.float32(k + 1)
        s1 = span * part * part
        z1 = wp.max(start[2] + way[2] * s1, 0.0)
        high1 = wp.exp(-z1 / state.veil_height)
        low1 = wp.exp(-z1 / state.low_height)
        middle = 0.5 * (s0 + s1)
        de = e + way[0] * middle
        dn = n + way[1] * middle
        run = (s1 - s0) * length
        rise = (z1 - z0) / run
        here = state.veil_depth * _between(high0, high1, rise, run, state.veil_height)
        here += state.low_depth * _between(low0, low1, rise, run, state.low_height)
        total += here * wp.exp(-(de * de + dn * dn) * sharp)
        s0 = s1
        z0 = z1
        high0 = high1
        low0 = low1
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
