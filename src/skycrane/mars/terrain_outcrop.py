"""Bedrock that breaks through the soil: plates and blocks, cracks between them, half buried."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import noise2, plates
from skycrane.mars.terrain_form import Form, step

__all__ = ["outcrop"]

wp.set_module_options({"enable_backward": False})

_SIZES = wp.constant(6)
_FINER = wp.constant(0.42)
_MEAN = wp.constant(0.80)
"""Share of pale rock that plates show on average where bedrock stands well over the soil."""


@wp.func(inline=True)
def outcrop(
    x: float, y: float, bare: float, rough: float, finest: float, told: wp.vec2, form: Form
) -> wp.vec2:
    """Return (relief [m], share of pale rock) where bedrock stands `bare` over or under the soil.

    Six sizes of plates from 14 m to 0.2 m, the smaller thick where a larger one stands out. Each
    is tilted its own way, and what of it lies lower than the soil is buried: `bare` about -0.4
    shows nothing, 0 the high corners of some, 0.5 a pavement with cracks. `told`: see `ground_at`.
    """
    s = form.seed
    h = float(0.0)
    pale = float(0.0)
    level = float(bare)
    size = float(14.0)
    for i in range(_SIZES):
        # Below that no corner is high enough.
        if size > 2.0 * finest and level > -0.95:
            wander = 0.22 * size
            wx = x + wander * noise2(x / (0.7 * size), y / (0.7 * size), s + 8060 + 2 * i)
            wy = y + wander * noise2(x / (0.7 * size), y / (0.7 * size), s + 8061 + 2 * i)
            p = plates(wx, wy, size, s + 8080 + i)
            v = p[1]
            east = 37.7 * v - wp.floor(37.7 * v) - 0.5
            north = 91.3 * v - wp.floor(91.3 * v) - 0.5
            top = level + 0.75 * (v - 0.5) + 0.8 * (east * p[2] + north * p[3])
            gap = 1.0 - step(0.01, 0.13, p[0])
            # As deep at a crack from either side, so that nothing jumps there.
            out = top - (0.55 + top) * gap
            # Large plates are low swells of the rock, the small ones stand clear of the soil.
            tall = wp.where(size > 4.0, 0.035 + 0.035 * rough, 0.11 + 0.05 * rough)
            if out > 0.0:
                made = wp.where(size > told[1], 1.0 - told[0], 1.0)
                h += made * tall * size * out / (1.0 + 1.6 * out)
                if size < 6.5:
                    shown = step(0.0, 0.14, out) * (0.45 + 0.55 * v)
                    pale = wp.max(pale, shown * step(6.5, 2.2, size))
            level += wp.where(size > 1.5, 0.45, 0.15) * wp.clamp(out, -0.8, 0.8) - 0.04
        elif size <= 2.0 * finest:
            # What is too fine to be told apart brightens the ground on average.
            pale = wp.max(pale, _MEAN * step(-0.30, 0.75, level) * step(6.5, 2.2, size))
        size *= _FINER
    return wp.vec2(h, pale)
