"""How a place of the ground looks: its grids' light, finer relief, shadows and aureole."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import Bodies, body_shadow, may_shade
from skycrane.cameras.ground_texels import sample_shading
from skycrane.cameras.heightfield import Ground, datum_height
from skycrane.cameras.relief import is_fine, normal_of, read_at, roughened
from skycrane.mars.noise import unit
from skycrane.mars.regolith import Regolith, sun_gain
from skycrane.mars.sky import Air, sun_through

__all__ = ["Reflected", "ground_light"]

wp.set_module_options({"enable_backward": False})

# Inlined, for each call would copy the structures it is given.
_INV_PI = wp.constant(0.31830989)
_IN_SHADOW = wp.constant(2)
"""Rays toward the aureole from ground that bodies hide the sun from."""
_AUREOLE = wp.constant(0.5)
"""Radius of the sky about the sun whose light counts as its aureole, rad: half of a forward lobe of
asymmetry 0.7 lies within (Henyey and Greenstein 1941), the share that `Air.aureole` gives."""

_WRAP = wp.constant(0.2)
"""Cosine past the edge of night at which half of the aureole's rim still stands over a slope."""
_HALF_LIT = wp.constant(1.5707963)
"""Irradiance of the radiance of lit ground, half of which is in shade: pi / 2."""


@wp.struct
class Reflected:
    """What a place of the ground sends back.

    Attributes:
        light: radiance, by colour.
        kept: what it would send back besides, did no body stand before the sun.
    """

    light: wp.vec3
    kept: wp.vec3


@wp.func(inline=True)
def _level_at(g: Ground, p: wp.vec3, foot: float, key: wp.uint32) -> int:
    """Return the coarsest level that resolves a footprint [m].

    By chance one of two near a level's edge and where one takes over from the next, so that
    neither shows as a line or as a jump from frame to frame.
    """
    chosen = int(0)
    near = foot * (0.75 + 0.5 * unit(key, 2))
    for m in range(g.levels.shape[0]):
        if m > 0 and g.levels[chosen].cell <= near:
            break
        lv = g.levels[m]
        reach = float(lv.count - 1) * lv.cell
        edge = wp.min(
            wp.min(p[0] - lv.x0, lv.x0 + reach - p[0]), wp.min(p[1] - lv.y0, lv.y0 + reach - p[1])
        )
        inside = edge > 3.0 * lv.cell + 0.06 * reach * unit(key, 2)
        if inside:
            chosen = m
    return chosen


@wp.func(inline=True)
def _aureole_on(sunlight: float, facing: float, level: float) -> float:
    """Return how much of the aureole's light a slope gets, 1 on level ground in the sun.

    Wide as it is it wraps around the edges of slopes, and behind what hides the sun about half of
    it stands above: `sunlight` is the cosine that the sun comes in with, less what hides it;
    `facing` that cosine itself, below 0 where the slope faces away; `level` that of level ground.
    """
    seen = wp.clamp(sunlight / wp.max(facing, 0.05), 0.0, 1.0)
    wrapped = wp.max(facing + _WRAP, 0.0) / (level + _WRAP)
    return wrapped * (0.5 + 0.5 * seen)


@wp.func(inline=True)
def _toward(sun: wp.vec3, r: float, turn: float) -> wp.vec3:
    """Return the direction `r` [rad] off the sun's middle, to the side that `turn`, 0 to 1, is."""
    right = wp.normalize(wp.vec3(sun[1], -sun[0], 1.0e-6))
    up = wp.cross(right, sun)
    a = 6.2831853 * turn
    return wp.normalize(sun + (right * wp.cos(a) + up * wp.sin(a)) * r)


@wp.func
def _aureole_left(
    b: Bodies, p: wp.vec3, sun: wp.vec3, rays: int, key: wp.uint32, quarter: int
) -> float:
    """Return the share of the sun's aureole that bodies do not hide from a point.

    Its light is brightest at the sun: about as much in each ring of one width. The photosites of a
    tile take every fourth ring each.
    """
    open = float(0.0)
    for k in range(rays):
        n = float(4 * k + quarter)
        out = (n + unit(key, 0)) / float(4 * rays)
        turn = unit(key, 1) + 0.618034 * n
        if not body_shadow(b, p, _toward(sun, _AUREOLE * out, turn)):
            open += 1.0 / float(rays)
    return open


@wp.func(inline=True)
def ground_light(
    g: Ground,
    air: Air,
    reg: Regolith,
    b: Bodies,
    p: wp.vec3,
    d: wp.vec3,
    t: float,
    cone: float,
    key: wp.uint32,
    quarter: int,
) -> Reflected:
    """Return the light that the ground at `p` sends back along the ray."""
    foot = wp.max(t * cone, 1.0e-4)
    chosen = _level_at(g, p, foot, key)
    lv = g.levels[chosen]
    sharp = wp.clamp(wp.log2(wp.max(foot / lv.cell, 1.0e-6)) - 0.3, 0.0, 9.0)
    # Between two steps of the pyramid chance decides, at half the price of mixing them.
    mip = int(sharp + unit(key, 1))
    at = wp.vec2(p[0], p[1])
    if foot < 0.7 * lv.cell:
        at = read_at(lv, p[0], p[1], foot)
    s = sample_shading(g, lv, mip, at[0], at[1])
    if is_fine(lv.cell, foot):
        s = roughened(s, p[0], p[1], lv.cell, foot, 4711 + chosen, air.sun)
    n = normal_of(s)
    mu0 = wp.max(wp.dot(n, air.sun), 0.0)
    mu = wp.max(-wp.dot(n, d), 0.0)
    gain = sun_gain(reg, mu0, mu, -wp.dot(d, air.sun))
    # The sun is a disk, and its aureole a wide one: a point on each by chance softens the shadows.
    direct = s.sunlight
    hidden = float(0.0)
    aureole = air.aureole * _aureole_on(s.sunlight, wp.dot(n, air.sun), air.sun[2])
    if may_shade(b, p, air.sun, _AUREOLE):
        above = p + n * 1.0e-3
        rays = int(1)
        if direct > 0.0 and may_shade(b, p, air.sun, 0.0031):
            edge = 0.0030 * wp.sqrt(unit(key, 0))
            if body_shadow(b, above, _toward(air.sun, edge, unit(key, 1))):
                hidden = direct
                direct = 0.0
                # Now the aureole is most of the light.
                rays = _IN_SHADOW
        aureole *= _aureole_left(b, above, air.sun, rays, key, quarter)
    beam = sun_through(air, datum_height(g, p)) * gain
    # What the dust scatters forward comes from about the sun and is thrown back as its light is.
    around = s.open_sky * (1.0 - air.aureole) + aureole * (1.0 + wp.min(gain - 1.0, 0.8))
    # Hollows see each other: what hides the sky is ground, half of it lit.
    lit = air.sky_irradiance * around
    lit += air.ground_radiance * ((1.0 - s.open_sky) * _HALF_LIT)
    lit += wp.vec3(1.0, 1.0, 1.0) * (direct * beam)
    sent = Reflected()
    sent.light = wp.cw_mul(s.albedo, lit) * _INV_PI
    sent.kept = s.albedo * (hidden * beam * _INV_PI)
    return sent
