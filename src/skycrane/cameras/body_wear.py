"""How a body's skin varies from place to place: stains, a film of dust, the crinkle of foil."""

# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.relief import noise2_slope
from skycrane.mars.noise import lattice2
from skycrane.vehicle.materials import material_id

__all__ = ["Skin", "worn_skin"]

wp.set_module_options({"enable_backward": False})

_SILVER = wp.constant(material_id("foil_silver"))
_GOLD = wp.constant(material_id("foil_gold"))
# Assumptions, by eye from published photographs of the hardware.
_STAIN = wp.constant(0.10)
"""Share by which reflectance varies over centimetres, and close by over millimetres."""
_CRINKLE = wp.constant(0.18)
"""Slope of the folds of insulating foil, and close by of those a third as wide."""
_FOLD_M = wp.constant(0.08)


@wp.struct
class Skin:
    """A place of a body's skin.

    Attributes:
        normal: unit vector, local frame, on the side that is seen.
        tint: factor on its reflectance.
    """

    normal: wp.vec3
    tint: float


@wp.func
def _laid_flat(p: wp.vec3, n: wp.vec3) -> wp.vec2:
    """Return coordinates on the plane of the body's axes that a place faces most."""
    x = wp.abs(n[0])
    y = wp.abs(n[1])
    z = wp.abs(n[2])
    if z >= x and z >= y:
        return wp.vec2(p[0], p[1])
    if x >= y:
        return wp.vec2(p[1], p[2])
    return wp.vec2(p[2], p[0])


@wp.func
def worn_skin(
    turn: wp.mat33, p: wp.vec3, n: wp.vec3, kind: int, albedo: wp.vec3, foot: float
) -> Skin:
    """Return the skin at a place of a rigid body, where its normal is `n` in the local frame.

    `turn`: the body's rotation; `p`: the place from its origin [m], local axes; `kind`: what it is
    made of; `albedo`: its reflectance unworn; `foot`: width of the photosite there [m], finer than
    which nothing is drawn. Keyed to the place on the body, so that it stays as the body moves.
    """
    skin = Skin()
    skin.normal = n
    skin.tint = 1.0
    if foot > 0.06:
        return skin
    back = wp.transpose(turn)
    facing = back * n
    at = _laid_flat(back * p, facing)
    x = at[0]
    y = at[1]
    # Close by, finer: each layer costs, and one finer than a photosite would only flicker.
    close = wp.clamp(1.6 - foot / 2.5e-3, 0.0, 1.0)
    stain = lattice2(x * 15.0, y * 15.0, 501)
    if close > 0.0:
        stain += 0.8 * close * lattice2(x * 110.0, y * 110.0, 502)
    # What sends back all light has no stain.
    most = wp.max(albedo) * wp.max(albedo)
    skin.tint = 1.0 + _STAIN * stain * (1.0 - most * most)
    # Not `in`, which kernels do not know.
    if kind == _SILVER or kind == _GOLD:  # noqa: SIM109
        slope = noise2_slope(x / _FOLD_M, y / _FOLD_M, 511)
        if close > 0.0:
            slope += noise2_slope(3.1 * x / _FOLD_M, 3.1 * y / _FOLD_M, 512) * close
        side = wp.normalize(wp.cross(facing, wp.vec3(0.31, 0.87, 0.38)))
        folded = side * slope[0] + wp.cross(facing, side) * slope[1]
        skin.normal = wp.normalize(n + turn * (folded * _CRINKLE))
    return skin
