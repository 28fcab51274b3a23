"""Cloth of a canopy as light meets it: creases, tapes on its seams, and the shine of its weave."""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.relief import noise2_slope
from skycrane.mars.noise import hash2, unit
from skycrane.vehicle.materials import Paints
from skycrane.vehicle.mesh import Shape

__all__ = ["Cloth", "cavity_of", "sewn", "weave_shine"]

wp.set_module_options({"enable_backward": False})

_TURN = wp.constant(6.2831853)
# Assumptions, by eye from the flown picture of the canopy from below.
_TAPE_M = wp.constant(0.014)
"""Half the width of the tape along a seam."""
_TAPE_DARK = wp.constant(0.62)
"""Share of the light through cloth that a tape and the cloth folded under it take."""
_CREASE = wp.constant(0.08)
"""Slope of creases."""
_CREASE_M = wp.constant(0.55)
"""Distance between creases across a gore; along it they are four times as long."""
_ASKEW_RAD = wp.constant(0.05)
"""How far the weave of one gore lies from its neighbour's, beyond the turn of the gore."""
_SHINE = wp.constant(3.2)
"""Light that goes nearly straight on between the threads, as a factor on what is scattered."""
_NARROW = wp.constant(0.05)
"""How far off the plane across its threads that light goes, as a sine."""
_WIDE = wp.constant(0.34)
"""How far it is turned within that plane."""


@wp.struct
class Cloth:
    """A place of the canopy.

    Attributes:
        normal: unit vector, local frame, on the side that is seen.
        smooth: that without most of the creases.
        sheer: factor on the light that comes through.
        along: unit vector along the middle of its gore, from the axis, canopy's frame.
        askew: how far its gore's weave lies from the bias, rad.
    """

    normal: wp.vec3
    smooth: wp.vec3
    sheer: float
    along: wp.vec3
    askew: float


@wp.func
def sewn(turn: wp.mat33, p: wp.vec3, n: wp.vec3, gores: float, foot: float) -> Cloth:
    """Return the cloth at a place `p` of the canopy, from its skirt's middle, local axes [m].

    `gores`: how many there are, with a seam at azimuth 0; `n`: the normal; `foot`: width of the
    photosite there [m], finer than which nothing is drawn.
    """
    cloth = Cloth()
    at = wp.transpose(turn) * p
    r = wp.sqrt(at[0] * at[0] + at[1] * at[1])
    place = wp.atan2(at[1], at[0]) * (gores / _TURN)
    number = wp.floor(place)
    across = place - number
    inv = 1.0 / wp.max(r, 0.05)
    # By a small angle from here to the middle of the gore.
    bend = (0.5 - across) * (_TURN / gores)
    east = at[0] * inv
    north = at[1] * inv
    cloth.along = wp.vec3(east - bend * north, north + bend * east, 0.0)
    cloth.askew = _ASKEW_RAD * (2.0 * unit(hash2(int(number), 77, 533), 0) - 1.0)
    width = _TURN * r / gores
    # The share of a photosite that the tape covers: tapes are about as wide as one.
    apart = width * wp.min(across, 1.0 - across)
    half = 0.5 * wp.max(foot, 1.0e-3)
    begin = wp.max(apart - half, -_TAPE_M)
    lap = wp.max(wp.min(apart + half, _TAPE_M) - begin, 0.0) / (2.0 * half)
    cloth.sheer = 1.0 - _TAPE_DARK * lap
    cloth.normal = n
    cloth.smooth = n
    if foot < 0.12:
        # Pulled from seam to seam, and each gore for itself.
        x = across * width / _CREASE_M + 7.3 * number
        y = at[2] / (4.0 * _CREASE_M) + 0.35 * r
        slope = noise2_slope(x, y, 531)
        back = wp.transpose(turn) * n
        side = wp.vec3(-north, east, 0.0)
        folded = side * slope[0] + wp.cross(back, side) * (0.4 * slope[1])
        crease = turn * (folded * _CREASE)
        cloth.normal = wp.normalize(n + crease)
        # Creases bend threads less than they tilt cloth.
        cloth.smooth = wp.normalize(n + crease * 0.3)
    return cloth


@wp.func
def weave_shine(turn: wp.mat33, cloth: Cloth, d: wp.vec3, sun: wp.vec3) -> float:
    """Return the light that passes between the threads, as a factor on what cloth scatters.

    Threads turn light only across themselves: behind cloth cut on the bias a light is seen as a
    cross, and gores shine whose threads lie right between it and the eye. `d`: the way of sight.
    """
    n = cloth.smooth
    along = turn * cloth.along
    along = wp.normalize(along - n * wp.dot(n, along))
    off = sun - d
    p = wp.dot(off, along)
    q = wp.dot(off, wp.cross(n, along))
    # Turned by the bias and a little more or less.
    x = 0.70710678 * ((p + q) + cloth.askew * (q - p))
    y = 0.70710678 * ((q - p) - cloth.askew * (p + q))
    x2 = x * x
    y2 = y * y
    # Seen aslant, threads close the way between them.
    slant = wp.min(-1.6 * wp.dot(n, sun), 1.0)
    narrow = 1.0 / (_NARROW * _NARROW)
    wide = 1.0 / (_WIDE * _WIDE)
    one = 1.0 / (1.0 + 0.5 * x2 * narrow)
    other = 1.0 / (1.0 + 0.5 * y2 * narrow)
    both = one * one / (1.0 + y2 * wide) + other * other / (1.0 + x2 * wide)
    return _SHINE * wp.max(slant, 0.0) * both


def cavity_of(shape: Shape, paints: Paints) -> NDArray[np.float64]:
    """Return light inside a canopy over sunlight on its mouth, both irradiances, by colour, (3,).

    Sunlight through cloth, and thrown to and fro inside: on the wall of a sphere the light from any
    part of the wall is the same everywhere, so that the inside of an opened one gets its wall's
    share of the whole sphere of what its wall sends (the integrating sphere). A canopy with rays
    along its axis as half a sphere: half of that, and twice the mouth's area of wall.
    """
    corner = shape.vertices_m[shape.triangles].astype(np.float64)
    area = np.linalg.norm(
        np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1
    )
    thin = paints.finish[shape.material, 2].astype(np.float64)
    if not (area * thin).any():
        return np.zeros(3)
    albedo = paints.albedo[shape.material].astype(np.float64)
    share = (area / area.sum())[:, None]
    through = (share * albedo * thin[:, None]).sum(axis=0)
    kept = (share * albedo * (1.0 - thin[:, None])).sum(axis=0)
    return np.asarray(0.5 * 0.5 * through / (1.0 - 0.5 * kept))
