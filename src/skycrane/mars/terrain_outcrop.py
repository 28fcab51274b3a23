"""Bedrock that breaks through the soil: plates and blocks, cracks between them, half buried."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import noise2, plates
from skycrane.mars.terrain_form import Form, step
from skycrane.mars.terrain_units import Units

__all__ = ["bare_at", "ledge", "outcrop"]

wp.set_module_options({"enable_backward": False})

_SIZES = wp.constant(6)
_FINER = wp.constant(0.42)
_MEAN = wp.constant(0.80)
"""Share of pale rock that plates show on average where bedrock stands well over the soil."""


@wp.func(inline=True)
def _standing(field: float, units: Units, rough: float, hill: float, blocky: float) -> float:
    """Return how far bedrock would stand over the soil, were there neither sand nor sheets."""
    # Where the floor is even, soil covers all but the highest of it.
    floor = 1.05 * field - 0.82 + 0.58 * wp.max(units.hummock, step(0.05, 0.35, units.tone))
    bare = wp.lerp(floor, 0.10 + 0.75 * field, wp.max(rough, 0.6 * hill))
    bare = wp.max(bare, blocky * (0.35 + 1.3 * field) - 0.35 * (1.0 - blocky))
    ridge = (units.into + 22.0) / 18.0
    ridge = wp.exp(-ridge * ridge) * (1.0 - units.soft) * (1.0 - hill)
    return wp.max(bare, ridge * (0.45 + 0.9 * field) - 0.6 * (1.0 - ridge))


@wp.func(inline=True)
def bare_at(
    x: float,
    y: float,
    units: Units,
    sand: float,
    even: float,
    blocky: float,
    finest: float,
    form: Form,
) -> wp.vec2:
    """Return how far bedrock stands over the soil or under it, -1 to 1 (see `outcrop`).

    The first number tells it stone by stone, the second over some metres.
    """
    s = form.seed
    rough = step(-14.0, 14.0, units.into)
    hill = wp.max(step(-10.0, 30.0, units.inside) * 0.8, units.rim)
    # Worn into patches drawn out along the wind, frayed at their edges.
    along = x * form.ripple_across[0] + y * form.ripple_across[1]
    aside = x * form.ripple_across[1] - y * form.ripple_across[0]
    field = 0.95 * noise2(along / 95.0, aside / 38.0, s + 8015) + 0.35 * units.patch
    if finest < 12.0:
        field += 0.70 * noise2(along / 21.0, aside / 11.0, s + 8016)
    wide = _standing(field, units, rough, hill, blocky)
    if finest < 4.0:
        field += 0.42 * noise2(x / 5.1, y / 5.1, s + 8017)
    if finest < 1.5:
        field += 0.36 * noise2(x / 1.7, y / 1.7, s + 8024)
    fine = _standing(field, units, rough, hill, blocky)
    cover = 1.3 * sand + 0.55 * even
    return wp.vec2(wp.clamp(fine - cover, -1.0, 1.0), wp.clamp(wide - cover, -1.0, 1.0))


@wp.func(inline=True)
def ledge(x: float, y: float, share: float, finest: float, form: Form) -> float:
    """Return how near the worn edge of a bed of rock lies, 0 to `share`.

    The edge is broken: short lengths of it stand out of what has come down over the others.
    """
    s = form.seed
    n = noise2(x / 88.0, y / 88.0, s + 8140) + 0.45 * noise2(x / 29.0, y / 29.0, s + 8141)
    if finest < 6.0:
        n += 0.24 * noise2(x / 7.3, y / 7.3, s + 8142)
    # The noise falls by about 0.02 a metre: a strip some five metres wide.
    edge = n / (0.07 + 0.012 * finest)
    if wp.abs(edge) > 2.6:
        return 0.0
    shown = step(-0.05, 0.25, noise2(x / 12.0, y / 12.0, s + 8143))
    return share * shown * wp.exp(-edge * edge)


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
