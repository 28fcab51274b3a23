"""Clouds of the veil, which ride on the air of the last metres."""

from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_noise import noise, noise_slope
from skycrane.cameras.dust_state import DustState

__all__ = ["billow"]

wp.set_module_options({"enable_backward": False})


@wp.func
def _fold(n: float) -> float:
    """Return rounded heads with narrow dark folds between them, about -1 to 1, of noise."""
    return 2.0 * wp.sqrt(wp.abs(n) + 0.02) - 1.0


@wp.func
def billow(state: DustState, at: wp.vec3, foot: float, rich: float) -> wp.vec2:
    """Return how much thicker the veil is at a place, about -1 to 1, and its light and shade.

    Clouds are carried, and turn over slowly as they go. Each size pushes the next finer one aside,
    so that they curl; the side toward the sun is light. `foot`: what can be told apart, m;
    `rich`: how much of the finer sizes shows, 0 to 1.
    """
    t = state.drift
    x = at[0] - state.carry[0]
    y = at[1] - state.carry[1]
    z = at[2] - 0.5 * t
    se = state.sun_east
    sn = state.sun_north
    a = noise(state.lattice, 3, 0.1 * x, 0.1 * y, 0.1 * z)
    px = x + 1.1 * a
    py = y - 1.4 * a
    b = noise_slope(state.lattice, 5, 0.31 * px, 0.31 * py, 0.31 * z)
    thick = 0.6 * a + 0.4 * b[0]
    lit = 0.1 * a - 0.08 * (se * b[1] + sn * b[2])
    if foot < 0.2 and rich > 0.0:
        px += 0.6 * b[0]
        py += 0.5 * b[0]
        c = noise_slope(state.lattice, 71, 0.93 * px, 0.93 * py, 0.7 * z)
        thick += 0.35 * rich * c[0]
        lit -= 0.09 * rich * (se * c[1] + sn * c[2])
        if foot < 0.04:
            near = rich * (1.0 - 25.0 * foot)
            px += 0.35 * c[0]
            py -= 0.3 * b[0]
            d = noise_slope(state.lattice, 73, 2.7 * px, 2.7 * py, 1.5 * z)
            thick += 0.35 * near * _fold(d[0])
            lit -= 0.08 * near * (se * d[1] + sn * d[2])
            if foot < 0.01:
                near = rich * (1.0 - 100.0 * foot)
                px += 0.1 * d[0]
                py -= 0.1 * c[0]
                e = noise_slope(state.lattice, 75, 7.9 * px, 7.9 * py, 3.5 * z)
                thick += 0.3 * near * _fold(e[0])
                lit -= 0.1 * near * (se * e[1] + sn * e[2])
                if foot < 0.0025:
                    near = rich * (1.0 - 400.0 * foot)
                    px += 0.04 * e[0]
                    py -= 0.04 * d[0]
                    f = noise_slope(state.lattice, 77, 22.0 * px, 22.0 * py, 9.0 * z)
                    thick += 0.25 * near * _fold(f[0])
                    lit -= 0.1 * near * (se * f[1] + sn * f[2])
    return wp.vec2(thick, wp.clamp(lit, -0.3, 0.4))
