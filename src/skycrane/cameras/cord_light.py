"""Light of cords: round, plaited or twisted, in sun and shade."""

# mypy: ignore-errors
# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import Bodies, body_shadow
from skycrane.cameras.heightfield import Ground, datum_height
from skycrane.cameras.strands import Cord, Strands, cord_across, cord_facing
from skycrane.mars.noise import unit
from skycrane.mars.sky import Air, sun_through

__all__ = ["cord_light"]

wp.set_module_options({"enable_backward": False})

_INV_PI = wp.constant(0.31830989)
_PLAIT_TURN = wp.constant(210.0)
"""Plaits of a bridle, rad a metre: one in 30 mm, three half widths."""
_PLAITS = wp.constant(5.0)
_WRAP_TURN = wp.constant(420.0)
"""Wraps of the umbilical, rad a metre: one in 15 mm."""


@wp.func
def _texture(kind: int, along: float, azimuth: float) -> float:
    """Return how a cord's make brightens and darkens it, about -1 to 1."""
    if kind == 1:
        # Two families of strands that wind either way and pass over and under each other.
        a = _PLAITS * azimuth + _PLAIT_TURN * along
        b = _PLAITS * azimuth - _PLAIT_TURN * along
        return wp.max(wp.cos(a), wp.cos(b)) * 1.4 - 0.85
    return 0.7 * wp.cos(_WRAP_TURN * along + azimuth)


@wp.func
def cord_light(
    s: Strands,
    cord: Cord,
    g: Ground,
    air: Air,
    b: Bodies,
    middle: wp.vec3,
    side: wp.vec3,
    d: wp.vec3,
    key: wp.uint32,
) -> wp.vec3:
    """Return the radiance, by colour, of the nearest cord in a photosite.

    Args:
        s: the cords.
        cord: what the photosite sees of them.
        g, air, b: the ground, the air, and what may throw a shadow.
        middle: the point of the cord's axis, local frame.
        side: across the cord in the picture, local frame, as `cord.across` counts.
        d: direction of the ray.
        key: random key.
    """
    kind = s.kind[cord.piece]
    axis = s.axis[cord.piece]
    albedo = wp.vec3(s.albedo[kind, 0], s.albedo[kind, 1], s.albedo[kind, 2])
    across = cord_across(s, cord, side, d)
    front = cord_facing(s, cord, across, d)
    # A cord thinner than a photosite shows all its visible half: three places on it stand for it.
    spread = 0.75 * wp.clamp(0.7 / wp.max(cord.broad, 1.0e-3), 0.0, 1.0)
    centre = cord.across * (1.0 - spread)
    facing = float(0.0)
    up = float(0.0)
    for k in range(3):
        x = wp.clamp(centre + spread * float(k - 1), -0.98, 0.98)
        n = across * x + front * wp.sqrt(1.0 - x * x)
        facing += wp.max(wp.dot(n, air.sun), 0.0) / 3.0
        up += (0.5 + 0.5 * n[2]) / 3.0
    beam = float(0.0)
    if facing > 0.0:
        beam = sun_through(air, datum_height(g, middle))
        if kind > 0:
            r = 0.0030 * wp.sqrt(unit(key, 0))
            a = 6.2831853 * unit(key, 1)
            sun = wp.normalize(air.sun + wp.vec3(r * wp.cos(a), r * wp.sin(a), 0.0))
            # From beside the cord, whose own body is among what throws shadows.
            beside = wp.normalize(air.sun - axis * wp.dot(air.sun, axis))
            if body_shadow(b, middle + beside * (1.6 * s.radius[cord.piece]), sun):
                beam = 0.0
    if kind > 0 and cord.broad > 1.0:
        x = wp.clamp(cord.across, -0.98, 0.98)
        deep = _texture(kind, cord.along, wp.asin(x))
        albedo *= 1.0 + 0.09 * wp.clamp(0.4 * (cord.broad - 1.5), 0.0, 1.0) * deep
    around = air.sky_irradiance * (_INV_PI * up) + air.ground_radiance * (1.0 - up)
    return wp.cw_mul(albedo, around + wp.vec3(1.0, 1.0, 1.0) * (_INV_PI * beam * facing))
