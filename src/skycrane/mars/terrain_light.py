"""Light baked into the ground's grids: normals, sun on each point with penumbra, open sky, colour.

The sun moves 0.04 degrees in the minutes of a landing, so that its shadows are computed once. A
texel is two words: sunlight (12 bits), normal east and north (10 each); reflectance red, green,
blue (8 bits each, square-root coded up to `ALBEDO_TOP`) and the open share of the sky (8).
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import hash2, unit

__all__ = ["ALBEDO_TOP", "Relief", "bake", "halve", "pack", "unpack_light", "unpack_surface"]

wp.set_module_options({"enable_backward": False})

ALBEDO_TOP = 0.6
"""Largest reflectance a texel can hold."""

_TOP = wp.constant(ALBEDO_TOP)
_NEAR = wp.constant(24.0)
"""Cells over which a grid's own relief casts shadows; beyond, the next coarser one's does."""


@wp.func
def _word(value: float, top: int, dither: float) -> wp.uint32:
    return wp.uint32(int(wp.clamp(value * float(top) + dither, 0.0, float(top))))


@wp.func
def pack(light: wp.vec3, surface: wp.vec4, key: wp.uint32) -> wp.vec2ui:
    """Pack (sunlight, normal east, normal north) and (red, green, blue, open sky), dithered."""
    a = unit(key, 0)
    b = unit(key, 1)
    c = unit(key, 2)
    w0 = _word(light[0], 4095, a)
    w0 = w0 | (_word(light[1] * 0.5 + 0.5, 1023, b) << wp.uint32(12))
    w0 = w0 | (_word(light[2] * 0.5 + 0.5, 1023, c) << wp.uint32(22))
    w1 = _word(wp.sqrt(surface[0] / _TOP), 255, a)
    w1 = w1 | (_word(wp.sqrt(surface[1] / _TOP), 255, a) << wp.uint32(8))
    w1 = w1 | (_word(wp.sqrt(surface[2] / _TOP), 255, a) << wp.uint32(16))
    w1 = w1 | (_word(surface[3], 255, b) << wp.uint32(24))
    return wp.vec2ui(w0, w1)


@wp.func
def unpack_light(w: wp.uint32) -> wp.vec3:
    """Return (sunlight, normal east, normal north)."""
    return wp.vec3(
        float(w & wp.uint32(4095)) * (1.0 / 4095.0),
        float((w >> wp.uint32(12)) & wp.uint32(1023)) * (2.0 / 1023.0) - 1.0,
        float(w >> wp.uint32(22)) * (2.0 / 1023.0) - 1.0,
    )


@wp.func
def unpack_surface(w: wp.uint32) -> wp.vec4:
    """Return (red, green, blue, open sky)."""
    r = float(w & wp.uint32(255)) * (1.0 / 255.0)
    g = float((w >> wp.uint32(8)) & wp.uint32(255)) * (1.0 / 255.0)
    b = float((w >> wp.uint32(16)) & wp.uint32(255)) * (1.0 / 255.0)
    sky = float(w >> wp.uint32(24)) * (1.0 / 255.0)
    return wp.vec4(r * r * _TOP, g * g * _TOP, b * b * _TOP, sky)


@wp.struct
class Relief:
    """One grid of heights among all those that may cast a shadow: place, spacing, size.

    first: where its heights begin in the shared array; top: the highest of them, m.
    """

    x0: float
    y0: float
    cell: float
    count: int
    first: int
    top: float


@wp.func
def _height(h: wp.array2d(dtype=float), x: float, y: float) -> float:  # type: ignore[valid-type]
    i = int(y)
    j = int(x)
    v = y - float(i)
    u = x - float(j)
    low = h[i, j] + u * (h[i, j + 1] - h[i, j])
    high = h[i + 1, j] + u * (h[i + 1, j + 1] - h[i + 1, j])
    return low + v * (high - low)


@wp.func
def _height_of(lv: Relief, h: wp.array(dtype=float), x: float, y: float) -> float:  # type: ignore[valid-type]
    i = int(y)
    j = int(x)
    at = lv.first + i * lv.count + j
    v = y - float(i)
    u = x - float(j)
    low = h[at] + u * (h[at + 1] - h[at])
    high = h[at + lv.count] + u * (h[at + lv.count + 1] - h[at + lv.count])
    return low + v * (high - low)


@wp.func
def _sunlit(
    reliefs: wp.array(dtype=Relief),  # type: ignore[valid-type]
    heights: wp.array(dtype=float),  # type: ignore[valid-type]
    own: int,
    i: int,
    j: int,
    sun: wp.vec3,
    half_sun: float,
) -> float:
    """Return the share of the sun's disk seen from a node, past all that the grids hold.

    The ray goes cell by cell over its own grid, and where that is as fine as needed no more over
    the next coarser: what throws a shadow far is larger than what throws one near.
    """
    me = reliefs[own]
    across = wp.max(wp.sqrt(sun[0] * sun[0] + sun[1] * sun[1]), 1.0e-6)
    rise = wp.max(sun[2], 0.0) / across
    dx = sun[0] / across
    dy = sun[1] / across
    x = me.x0 + float(j) * me.cell
    y = me.y0 + float(i) * me.cell
    h0 = heights[me.first + i * me.count + j]
    far = 1.2 * me.cell
    lit = float(1.0)
    for q in range(own + 1):
        lv = reliefs[own - q]
        end = wp.where(own == q, 1.0e6, _NEAR * lv.cell)
        u = (x - lv.x0) / lv.cell
        v = (y - lv.y0) / lv.cell
        last = float(lv.count - 1)
        while far < end and lit > 0.0:
            if h0 + rise * far > lv.top:
                # It has left all of this grid below.
                far = wp.max(end, far)
                break
            px = u + dx * far / lv.cell
            py = v + dy * far / lv.cell
            if px < 0.0 or py < 0.0 or px >= last or py >= last:
                break
            # Clearance of the ray to the sun's centre over its distance, against the sun's width;
            # near the start the grid's own roughness blurs it.
            gap = (h0 - _height_of(lv, heights, px, py)) / far + rise
            soft = half_sun * (1.0 + rise * rise) + 0.06 * lv.cell / far
            lit = wp.min(lit, 0.5 + 0.5 * gap / soft)
            far += lv.cell
    lit = wp.clamp(lit, 0.0, 1.0)
    # The part of a disk that an edge leaves free, within a hundredth.
    return lit * lit * (3.0 - 2.0 * lit)


@wp.func
def _open_sky(h: wp.array2d(dtype=float), i: int, j: int, cell: float) -> float:  # type: ignore[valid-type]
    n = h.shape[0]
    total = float(0.0)
    for k in range(8):
        turn = float(k) * 0.7853982 + 0.3
        highest = float(0.0)
        reach = float(1.5)
        for _q in range(3):
            x = wp.clamp(float(j) + wp.cos(turn) * reach, 0.0, float(n) - 1.01)
            y = wp.clamp(float(i) + wp.sin(turn) * reach, 0.0, float(n) - 1.01)
            highest = wp.max(highest, (_height(h, x, y) - h[i, j]) / (reach * cell))
            reach *= 2.7
        total += 1.0 / (1.0 + highest * highest)
    return total * 0.125


@wp.func
def _parent_sky(parent: wp.array2d(dtype=wp.vec2ui), x: float, y: float) -> float:  # type: ignore[valid-type]
    i = int(y)
    j = int(x)
    v = y - float(i)
    u = x - float(j)
    a = unpack_surface(parent[i, j][1])[3]
    b = unpack_surface(parent[i, j + 1][1])[3]
    c = unpack_surface(parent[i + 1, j][1])[3]
    d = unpack_surface(parent[i + 1, j + 1][1])[3]
    low = a + u * (b - a)
    return low + v * (c + u * (d - c) - low)


@wp.kernel
def bake(
    row0: int,
    height: wp.array2d(dtype=float),  # type: ignore[valid-type]
    albedo: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    reliefs: wp.array(dtype=Relief),  # type: ignore[valid-type]
    heights: wp.array(dtype=float),  # type: ignore[valid-type]
    own: int,
    sun: wp.vec3,
    half_sun: float,
    parent: wp.array2d(dtype=wp.vec2ui),  # type: ignore[valid-type]
    texels: wp.array2d(dtype=wp.vec2ui),  # type: ignore[valid-type]
):
    """Fill the texels of level `own`; its heights and all coarser ones' stand in `heights`."""
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    n = height.shape[0]
    cell = reliefs[own].cell
    ja = wp.max(j - 1, 0)
    jb = wp.min(j + 1, n - 1)
    ia = wp.max(i - 1, 0)
    ib = wp.min(i + 1, n - 1)
    gx = (height[i, jb] - height[i, ja]) / (float(jb - ja) * cell)
    gy = (height[ib, j] - height[ia, j]) / (float(ib - ia) * cell)
    normal = wp.normalize(wp.vec3(-gx, -gy, 1.0))
    facing = wp.dot(normal, sun)
    lit = float(0.0)
    if facing > 0.0:
        lit = _sunlit(reliefs, heights, own, i, j, sun, half_sun)
    sky = _open_sky(height, i, j, cell)
    if own > 0:
        # Hollows too wide for this grid close the sky as the coarser one says.
        me = reliefs[own]
        above = reliefs[own - 1]
        top = float(above.count) - 1.01
        px = wp.clamp((me.x0 + float(j) * cell - above.x0) / above.cell, 0.0, top)
        py = wp.clamp((me.y0 + float(i) * cell - above.y0) / above.cell, 0.0, top)
        sky *= 0.3 + 0.7 * _parent_sky(parent, px, py)
    light = wp.vec3(wp.max(facing, 0.0) * lit, normal[0], normal[1])
    a = albedo[i, j]
    key = hash2(i, j, 77)
    texels[i, j] = pack(light, wp.vec4(a[0], a[1], a[2], sky), key)


@wp.kernel
def halve(
    row0: int,
    fine: wp.array2d(dtype=wp.vec2ui),  # type: ignore[valid-type]
    coarse: wp.array2d(dtype=wp.vec2ui),  # type: ignore[valid-type]
):
    """Average two by two texels into one: light received and normals stay right on average."""
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    light = wp.vec3(0.0, 0.0, 0.0)
    surface = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for k in range(4):
        w = fine[2 * i + k // 2, 2 * j + k % 2]
        light += unpack_light(w[0]) * 0.25
        surface += unpack_surface(w[1]) * 0.25
    coarse[i, j] = pack(light, surface, hash2(i, j, 78))
