"""The ground's baked light at a place: texels of a grid's pyramid, mixed between neighbours."""

from __future__ import annotations

import warp as wp

from skycrane.cameras.heightfield import Ground, GroundLevel
from skycrane.mars.terrain_light import unpack_light, unpack_surface

__all__ = ["Shading", "sample_light", "sample_shading"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Shading:
    """The ground at a place: sunlight, normal east and north, reflectance by colour, open sky."""

    sunlight: float
    east: float
    north: float
    albedo: wp.vec3
    open_sky: float


@wp.func
def _texel(g: Ground, lv: GroundLevel, mip: int, x: float, y: float) -> wp.vec4:
    """Return the texel index of the lower left corner, weights, and row width, as floats."""
    size = lv.count >> mip
    u = (x - lv.x0) / lv.cell / float(1 << mip) - 0.5 * (1.0 - 1.0 / float(1 << mip))
    v = (y - lv.y0) / lv.cell / float(1 << mip) - 0.5 * (1.0 - 1.0 / float(1 << mip))
    u = wp.clamp(u, 0.0, float(size) - 1.001)
    v = wp.clamp(v, 0.0, float(size) - 1.001)
    return wp.vec4(u, v, float(size), 0.0)


@wp.func
def _first(lv: GroundLevel, mip: int) -> int:
    size = lv.count >> mip
    return lv.texels + 4 * (lv.count * lv.count - size * size) // 3


@wp.func
def sample_light(g: Ground, lv: GroundLevel, mip: int, x: float, y: float) -> wp.vec3:
    """Return (sunlight, normal east, normal north), bilinear at one step of the pyramid."""
    p = _texel(g, lv, mip, x, y)
    size = lv.count >> mip
    j = int(p[0])
    i = int(p[1])
    u = p[0] - float(j)
    v = p[1] - float(i)
    at = _first(lv, mip) + i * size + j
    a = unpack_light(g.texels[at][0])
    b = unpack_light(g.texels[at + 1][0])
    c = unpack_light(g.texels[at + size][0])
    e = unpack_light(g.texels[at + size + 1][0])
    low = a + (b - a) * u
    high = c + (e - c) * u
    return low + (high - low) * v


@wp.func
def sample_shading(g: Ground, lv: GroundLevel, mip: int, x: float, y: float) -> Shading:
    """Return what shading needs, bilinear at one step of the pyramid."""
    p = _texel(g, lv, mip, x, y)
    size = lv.count >> mip
    j = int(p[0])
    i = int(p[1])
    u = p[0] - float(j)
    v = p[1] - float(i)
    at = _first(lv, mip) + i * size + j
    s = Shading()
    for k in range(4):
        w = g.texels[at + (k // 2) * size + k % 2]
        share = wp.where(k % 2 == 0, 1.0 - u, u) * wp.where(k // 2 == 0, 1.0 - v, v)
        light = unpack_light(w[0])
        surface = unpack_surface(w[1])
        s.sunlight += light[0] * share
        s.east += light[1] * share
        s.north += light[2] * share
        s.albedo += wp.vec3(surface[0], surface[1], surface[2]) * share
        s.open_sky += surface[3] * share
    return s
