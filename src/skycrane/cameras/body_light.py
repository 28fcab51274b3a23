"""Light that a body sends back: matt and glossy, from sun, sky and ground, and through cloth."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import Bodies, BodyHit, body_normal, body_shadow
from skycrane.cameras.body_wear import worn_skin
from skycrane.cameras.cloth import Cloth, sewn, weave_shine
from skycrane.cameras.heightfield import Ground, datum_height
from skycrane.mars.noise import unit
from skycrane.mars.sky import Air

__all__ = ["body_light"]

wp.set_module_options({"enable_backward": False})

_INV_PI = wp.constant(0.31830989)


@wp.func
def _shine(power: float) -> float:
    """Return what makes the lobe of Blinn and Phong send back all that comes along the normal.

    From other sides it sends back less (Giesen 2009, "Phong normalization factor derivation").
    """
    return (
        (power + 2.0)
        * (power + 4.0)
        * 0.0397887
        / (wp.exp(wp.max(-0.34657359 * power, -60.0)) + power)
    )


@wp.func
def _sun_on(b: Bodies, p: wp.vec3, n: wp.vec3, sun: wp.vec3, key: wp.uint32, quarter: int) -> bool:
    """Return whether the sun comes to a point of a body, on the side that faces it.

    From a point of the sun's disk by chance; the photosites of a tile take a `quarter` each, so
    that a penumbra shows in the tile and gets more rays.
    """
    r = 0.0030 * wp.sqrt(unit(key, 0))
    a = 6.2831853 * (unit(key, 1) + 0.25 * float(quarter))
    there = wp.normalize(sun + wp.vec3(r * wp.cos(a), r * wp.sin(a), 0.0))
    side = wp.where(wp.dot(n, sun) > 0.0, 4.0e-3, -4.0e-3)
    return not body_shadow(b, p + n * side, there)


@wp.func
def _inside(b: Bodies, surface: int, place: wp.vec3, n: wp.vec3, sun: wp.vec3) -> wp.vec3:
    """Return the light, by colour, that cloth gets from other cloth, over sunlight, times pi.

    The inside of a canopy faces down its axis, or across it toward the axis.
    """
    turn = b.turn[surface]
    down = wp.vec3(turn[0, 2], turn[1, 2], turn[2, 2])
    across = place - down * wp.dot(place, down)
    facing = wp.dot(n, down) * wp.length(across) - wp.dot(n, across)
    return b.cavity * wp.where(facing > 0.0, wp.max(-wp.dot(down, sun), 0.0), 0.0)


@wp.func
def body_light(
    g: Ground,
    air: Air,
    b: Bodies,
    hit: BodyHit,
    o: wp.vec3,
    d: wp.vec3,
    cone: float,
    key: wp.uint32,
    quarter: int,
) -> wp.vec3:
    """Return the radiance, by colour, that a body sends back along a ray as wide as `cone` [rad].

    What the gloss mirrors the matt ground under it does not get: together no more than came.
    """
    n = body_normal(b, hit, d)
    p = o + d * hit.t
    triangle = b.first[hit.surface] + hit.face
    w = 1.0 - hit.u - hit.v
    at = 3 * triangle
    openness = b.open[at] * hit.u + b.open[at + 1] * hit.v + b.open[at + 2] * w
    material = b.material[triangle]
    albedo = b.albedo[material]
    finish = b.finish[material]
    thin = finish[2]
    place = p - b.origin[hit.surface]
    cloth = Cloth()
    sheer = float(1.0)
    if thin == 0.0:
        kind = b.kind[material]
        skin = worn_skin(b.turn[hit.surface], place, n, kind, albedo, hit.t * cone)
        n = skin.normal
        albedo = albedo * skin.tint
    elif b.gores > 0.0:
        cloth = sewn(b.turn[hit.surface], place, n, b.gores, hit.t * cone)
        n = cloth.normal
        sheer = cloth.sheer
    facing = wp.max(-wp.dot(n, d), 0.0)
    s = wp.dot(n, air.sun)
    # Dust above the place takes of the sunlight, and alone sends light down.
    above = air.depth * wp.exp(-wp.max(datum_height(g, p), -3000.0) / air.scale)
    left = float(0.0)
    if s > 0.0 or thin > 0.0:
        left = wp.exp(-above / wp.sqrt(air.sun[2] * air.sun[2] + 0.0021))
    beam = float(0.0)
    if thin > 0.0 and s < 0.0 and hit.face < b.round:
        beam = left
    elif s > 0.0 or thin > 0.0:  # noqa: SIM102 - kernels work out both sides of "and"
        if _sun_on(b, p, n, air.sun, key, quarter):
            beam = left
    light = albedo * (_INV_PI * beam * wp.where(s > 0.0, (1.0 - thin) * s, -1.3 * thin * sheer * s))
    # Light from the sky above and from the ground below, and through thin cloth from behind.
    up = 0.5 + 0.5 * n[2]
    dusty = wp.min(above / wp.max(air.depth, 1.0e-6), 1.0)
    sky = air.sky_irradiance * (_INV_PI * dusty)
    around = sky * up + air.ground_radiance * (1.0 - up)
    behind = sky * (1.0 - up) + air.ground_radiance * up
    light += wp.cw_mul(albedo, around * (1.0 - thin) + behind * (thin * sheer)) * openness
    if thin > 0.0 and b.gores > 0.0:
        if beam > 0.0 and s < 0.0:
            shine = weave_shine(b.turn[hit.surface], cloth, d, air.sun)
            light += albedo * (_INV_PI * beam * thin * sheer * sheer * shine)
        inside = _inside(b, hit.surface, place, n, air.sun)
        light += wp.cw_mul(albedo, inside) * ((1.0 - thin) * _INV_PI * left)
    gloss = finish[0]
    if gloss > 0.02:
        rough = wp.max(finish[1], 0.05)
        peak = float(0.0)
        if beam > 0.0 and s > 0.0:
            power = 2.0 / (rough * rough * rough * rough) - 1.0
            half = wp.normalize(air.sun - d)
            peak = wp.pow(wp.max(wp.dot(n, half), 0.0), power) * _shine(power)
        edge = 1.0 - wp.min(facing, 1.0)
        strength = gloss * (0.55 + 0.45 * edge * edge * edge)
        # Metals colour what they mirror; paint does not.
        white = wp.vec3(1.0, 1.0, 1.0)
        tint = white + (albedo - white) * wp.clamp(gloss * 1.4 - 0.2, 0.0, 1.0)
        mirror = d + n * (2.0 * facing)
        blend = wp.clamp(0.5 + 2.0 * mirror[2], 0.0, 1.0)
        seen = sky * blend + air.ground_radiance * (1.0 - blend)
        glint = white * (beam * peak * s)
        light += (wp.cw_mul(tint, glint + seen * openness) - light) * strength
    return light
