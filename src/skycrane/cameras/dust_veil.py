"""The veil: dust in the air over the sheet, in two layers, torn to clouds; what is held under the
rover.

Density falls off with height as in a mixed layer, times clouds whose mean is one: what is in the
air, on the mean, is what the budget has raised (dust_air). Clouds tear the more the higher they
are: a layer's top is where it comes and goes. A ray goes through in a few steps, each with a cloud
of its own and its light: heads turned to the sun are bright, what lies behind them is dim.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_noise import cloud
from skycrane.cameras.dust_state import DustState

__all__ = ["Veil", "layer", "over", "trapped", "veil"]

wp.set_module_options({"enable_backward": False})

_TOP = wp.constant(7.0)
"""Height over the lower end of a ray up to which single clouds are told apart, m."""
_WIDE = wp.constant(7.0)
"""Cells of the wide clouds to a metre: they measure half a metre to five."""
_FINE = wp.constant(33.0)
"""The same of the fine ones."""
_FINEST = wp.constant(150.0)
"""The same of those that only an eye among them sees."""
_RISES = wp.constant(0.5)
"""Height by which clouds rise while they drift by one (dust_flow): they turn over so."""
_UP_SUN = wp.constant(0.3)
"""How far up the sun clouds are compared, m."""


@wp.struct
class Veil:
    """The veil along a ray: its optical depth, and the brightness of what is seen of it."""

    depth: float
    shade: float


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
def _clouds(state: DustState, p: wp.vec3, told: float, tear: float, deep: float) -> wp.vec2:
    """Return (how much thicker the veil is, a logarithm whose exponential has the mean 1; light).

    `told`: what the camera tells apart there, m; `tear`: how much clouds differ; `deep`: their
    optical depth.
    """
    x = p[0] - state.carry[0]
    y = p[1] - state.carry[1]
    z = p[2] - _RISES * state.drift
    wide = cloud(state.cube, _WIDE * x, _WIDE * y, _WIDE * z)
    light = float(0.0)
    # Thin ones shade one another little, and show no fine ones.
    if deep > 0.1:
        se = _UP_SUN * state.sun_east
        sn = _UP_SUN * state.sun_north
        up = cloud(state.cube, _WIDE * (x + se), _WIDE * (y + sn), _WIDE * (z + 0.7 * _UP_SUN))
        light = 0.5 * (wide - up)
    g = 0.65 * wide
    spread = float(0.4225)
    fine = 0.65 * (1.0 - wp.smoothstep(0.05, 0.2, told))
    if fine > 0.02:
        # Pushed about by the wide ones.
        bend = 1.4 * wide
        f = cloud(state.cube, _FINE * x + bend, _FINE * y - bend, 0.8 * _FINE * z)
        g += fine * f
        spread += fine * fine
        finest = 0.6 * (1.0 - wp.smoothstep(0.003, 0.012, told)) * wp.smoothstep(0.3, 0.8, deep)
        if finest > 0.02:
            bend = 1.4 * f
            g += finest * cloud(state.cube, _FINEST * x + bend, _FINEST * y - bend, _FINEST * z)
            spread += finest * finest
    return wp.vec2(tear * g - 0.5 * tear * tear * spread, light + 0.4 * g)


@wp.func
def veil(state: DustState, start: wp.vec3, end: wp.vec3, lift: float, told: float) -> Veil:
    """Return the veil along a segment.

    Args:
        state: the dust at this instant.
        start: the eye: east, north, height above the ground [m].
        end: what the ray meets, likewise.
        lift: how much what streams along the ground pushes up the lowest of it, logarithm.
        told: what the camera tells apart, rad.
    """
    out = Veil()
    out.shade = 1.0
    up = start[2] < end[2]
    foot = wp.where(up, start, end)
    way = wp.where(up, end - start, start - end)
    length = wp.max(wp.length(way), 1.0e-6)
    span = wp.min(1.0, wp.min(_TOP / wp.max(way[2], 1.0e-3), 3.0 * state.veil_radius / length))
    reach = wp.min(1.0, 3.0 * state.veil_radius / length)
    sharp = 1.0 / (state.veil_radius * state.veil_radius)
    # Thin, it is even.
    torn = wp.min(0.2 + 0.45 * (state.veil_depth + state.low_depth), 1.0)
    light = float(0.0)
    left = float(1.0)
    s0 = float(0.0)
    z0 = wp.max(foot[2], 0.0)
    high0 = wp.exp(-z0 / state.veil_height)
    low0 = wp.exp(-z0 / state.low_height)
    for k in range(3):
        # Steps gather toward the ground, where most of it is.
        part = wp.float32(k + 1) / 3.0
        s1 = wp.where(k == 2, reach, span * part * part)
        z1 = wp.max(foot[2] + way[2] * s1, 0.0)
        high1 = wp.exp(-z1 / state.veil_height)
        low1 = wp.exp(-z1 / state.low_height)
        # Where most of a step's dust is.
        p = foot + way * (s0 + 0.42 * (s1 - s0))
        run = wp.max((s1 - s0) * length, 1.0e-6)
        rise = (z1 - z0) / run
        here = state.veil_depth * _between(high0, high1, rise, run, state.veil_height)
        here += state.low_depth * _between(low0, low1, rise, run, state.low_height)
        de = p[0] - state.veil_east
        dn = p[1] - state.veil_north
        here *= wp.exp(-(de * de + dn * dn) * sharp)
        bright = float(1.0)
        if here > 0.03:
            tear = torn * wp.min(0.4 + 0.45 * p[2] / state.low_height, 1.0)
            # A long step passes many clouds, which make up for one another.
            tear /= wp.sqrt(1.0 + 0.4 * run)
            c = _clouds(state, p, told * wp.length(p - start), tear, here)
            here *= wp.exp(c[0] + wp.where(k == 0, lift, float(0.0)))
            # Thin clouds are lit throughout.
            bright += wp.clamp(0.2 * c[1], -0.35, 0.4) * torn * here / (here + 0.4)
        share = 1.0 - wp.exp(-here)
        if up:
            light += left * share * bright
        else:
            light = light * (1.0 - share) + share * bright
        left *= 1.0 - share
        out.depth += here
        s0 = s1
        z0 = z1
        high0 = high1
        low0 = low1
    if left < 0.9999:
        out.shade = light / (1.0 - left)
    return out


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
