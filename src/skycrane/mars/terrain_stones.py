"""Stones: flat pale ones and dark ones that stand up, as many of each size as was published."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import hash2, noise2, unit
from skycrane.mars.terrain_form import Form, step

__all__ = ["Stones", "crowd_at", "rocks", "stone_share", "stones", "strewn", "swept"]

wp.set_module_options({"enable_backward": False})

_LARGEST = wp.constant(2.4)
_CLASSES = wp.constant(9)
_CELL = wp.constant(0.085)
"""Share of its cell that a stone covers on average: computed, see test_terrain_stones.py."""
_GRAVEL = wp.constant(3)


@wp.struct
class Stones:
    """The stones at a place.

    height: m over what they lie on; share: of the ground that stone covers here, 0 to 1; pale: how
    much of that is pale stone, 0 to 1; tone: brighter or darker than its kind, about -1 to 1.
    """

    height: float
    share: float
    pale: float
    tone: float


@wp.func
def _outline(u: float, v: float, a: wp.uint32, b: wp.uint32) -> float:
    """Return 0 in a stone's middle to 1 on its outline: six uneven sides at uneven angles.

    `a` and `b` are the stone's hashes: how far off its sides lie and how they are turned.
    """
    lean = 0.8 * (unit(b, 0) - 0.5)
    p = wp.max(u / (0.62 + 0.58 * unit(a, 0)), -u / (0.62 + 0.58 * unit(a, 1)))
    q = (0.5 + lean) * u + 0.866 * v
    p = wp.max(p, wp.max(q / (0.62 + 0.58 * unit(a, 2)), -q / (0.62 + 0.58 * unit(b, 1))))
    q = (0.5 - lean) * u - 0.866 * v
    p = wp.max(p, wp.max(q / (0.62 + 0.58 * unit(b, 2)), -q / (1.20 - 0.58 * unit(a, 0))))
    # Corners are worn, little.
    return 0.8 * p * p + 0.2 * (u * u + v * v)


@wp.func
def _slab(u: float, v: float, dome: float, rough: float, a: wp.uint32, b: wp.uint32) -> float:
    """Return how high a flat stone stands, in its radii: tilted, part of it under soil, or split.

    `rough` is noise over its face, deviation 0.35.
    """
    tilt = 0.30 * (u * (unit(a, 2) - 0.5) + v * (unit(b, 1) - 0.5))
    top = wp.min(0.9 * dome, 0.23 + tilt + 0.05 * rough)
    # Soil laps over its low side.
    top -= 0.16 * unit(b, 2) + 0.06 * rough
    if unit(a, 1) < 0.2:
        # Split by frost and sun into two, which lie a little apart.
        along = 0.8 * u + (unit(b, 0) - 0.5) * v + 0.06 * rough - 0.9 * (unit(a, 0) - 0.5)
        top = wp.min(top, 2.2 * wp.abs(along) - 0.07)
    return top


@wp.func
def _block(u: float, v: float, dome: float, rough: float, a: wp.uint32, b: wp.uint32) -> float:
    """Return how high an angular stone stands, in its radii: a half ellipsoid cut by planes."""
    cut = 0.50 + 0.55 * (u * (unit(a, 1) - 0.5) + v * (unit(b, 0) - 0.5))
    cut2 = 0.85 - 0.8 * wp.abs(0.6 * v + 0.5 * u - 0.3 * (unit(a, 0) - 0.2))
    top = wp.min(wp.min(dome * 1.1, cut), cut2) + 0.05 * rough
    return top * (0.50 + 0.5 * unit(b, 2)) - 0.05


@wp.func
def stones(x: float, y: float, size: float, density: float, seed: int) -> wp.vec3:
    """Return (height, share, kind) of the stone at a place: one candidate in each cell.

    It is about `size` across; `density` is the fraction of cells that hold one; `kind` is a chance
    from 0 to 1 of its own. Those up to 0.7 are flat slabs, a tenth as high as wide, those over it
    angular blocks, cut from a half ellipsoid by planes, so that facets catch the light.
    """
    cell = size * 2.2
    px = x / cell
    py = y / cell
    fx = wp.floor(px - 0.5)
    fy = wp.floor(py - 0.5)
    best = float(0.0)
    share = float(0.0)
    kind = float(0.0)
    for j in range(2):
        for i in range(2):
            cx = int(fx) + i
            cy = int(fy) + j
            h = hash2(cx, cy, seed)
            there = unit(h, 0)
            if there < density:
                # Anywhere in the cell and a little over its edge: no rows, and some lie together.
                ox = (px - float(cx) + 0.1 - 1.2 * unit(h, 1)) * cell
                oy = (py - float(cy) + 0.1 - 1.2 * unit(h, 2)) * cell
                g = hash2(cx, cy, seed + 5)
                r = size * (0.30 + 0.30 * unit(g, 0))
                # No outline reaches farther.
                if ox * ox + oy * oy < 2.0 * r * r:
                    turn = 6.2831853 * unit(g, 1)
                    c = wp.cos(turn) / r
                    s = wp.sin(turn) / r
                    u = c * ox + s * oy
                    v = (c * oy - s * ox) / (0.50 + 0.5 * unit(g, 2))
                    far = unit(g, 0) * 91.0
                    u += 0.13 * noise2(ox / r * 1.7 + far, oy / r * 1.7, seed + 6)
                    rough = noise2(ox / r * 3.7 + far, oy / r * 3.7, seed + 7)
                    a = hash2(cx, cy, seed + 6)
                    b = hash2(cx, cy, seed + 9)
                    d = _outline(u, v + 0.09 * rough, a, b)
                    if d < 1.0:
                        dome = wp.sqrt(1.0 - d)
                        own = unit(hash2(cx, cy, seed + 3), 0)
                        top = float(0.0)
                        if own < 0.7:
                            top = _slab(u, v, dome, rough, a, b)
                        else:
                            top = _block(u, v, dome, rough, a, b)
                        # Where stones grow scarce they lie deeper: none is cut off by its density.
                        top = wp.min(top, 6.0 * (1.0 - there / density)) * r
                        if top > best:
                            best = top
                            share = step(0.0, 0.05, top / r)
                            kind = own
    return wp.vec3(best, share, kind)


@wp.func
def stone_share(size: float, cover: float) -> float:
    """Return the share of cells of `stones` that hold one, where rocks cover `cover` of the ground.

    Rocks of diameter D or more cover k exp(-q D), q = 1.79 + 0.152 / k (Golombek and Rapp 1997, J.
    Geophys. Res. 102, 4117). A class has diameters of 0.6 to 1.2 of its size, the next one goes on
    from there; a stone of it covers 0.085 of its cell on average.
    """
    q = 1.79 + 0.152 / cover
    return cover * (wp.exp(-0.6 * q * size) - wp.exp(-1.2 * q * size)) / _CELL


@wp.func(inline=True)
def rocks(x: float, y: float, stony: float, crowd: float, finest: float, form: Form) -> Stones:
    """Return the rocks at a place: each class half the one before in size.

    `stony` is how many times the mission's cover the unit of ground bears, along the published
    family of curves; `crowd` how many times as many of all sizes as its mean lie about here. Each
    class has clusters of its own besides, log-normal about that, and lies thicker where the next
    larger one does. Those too small to tell apart at `finest` [m] count by their mean share.
    """
    s = form.seed
    out = Stones()
    cover = wp.clamp(form.rock_cover * stony, 1.0e-4, 0.45)
    clear = x * x + y * y < form.clear_radius * form.clear_radius
    size = float(_LARGEST)
    told = float(-1.0)
    larger = float(0.0)
    for i in range(_CLASSES):
        if size > 1.2 * finest:
            if not (clear and size > form.clear_over):
                near = noise2(x / (size * 9.0), y / (size * 9.0), s + 8150 + i)
                # The last number brings the mean to 1: computed over the noise, deviation 0.30.
                many = crowd * wp.exp(2.6 * near + 1.6 * larger - 0.42)
                larger = near
                st = stones(x, y, size, many * stone_share(size, cover), s + 8160 + i * 11)
                if st[0] > 0.0:
                    out.height += st[0]
                    if st[1] >= out.share:
                        out.share = st[1]
                        out.pale = wp.where(st[2] < form.pale_share, 1.0, 0.0)
                        # Within its kind, from a chance that has told the kind already.
                        part = 61.7 * st[2]
                        out.tone = 2.0 * (part - wp.floor(part)) - 1.0
        elif told < 0.0:
            told = 1.2 * size
        size *= 0.5
    if told > 0.0 and out.share < 0.05:
        q = 1.79 + 0.152 / cover
        out.share = wp.min(crowd * cover * (1.0 - wp.exp(-q * told)), 0.4)
        out.pale = form.pale_share
    return out


@wp.func(inline=True)
def _gravel(x: float, y: float, cover: float, finest: float, form: Form) -> wp.vec3:
    """Return (height [m], share, kind) of gravel and granules, in clusters.

    Three sizes from 5.5 cm down, a third of `cover` each: as many over a size as go with its
    inverse square. Finer ones are drawn by `skycrane.cameras.relief`. `kind` is a stone's chance.
    """
    out = wp.vec3(0.0, 0.0, 0.0)
    size = float(0.055)
    larger = float(0.0)
    for i in range(_GRAVEL):
        if size > 1.2 * finest:
            near = noise2(x / (size * 9.0), y / (size * 9.0), form.seed + 8185 + i)
            local = cover / (3.0 * _CELL) * wp.exp(1.8 * near + 1.0 * larger - 0.19)
            larger = near
            st = stones(x, y, size, wp.min(local, 0.9), form.seed + 8195 + i * 11)
            if st[0] > out[0]:
                out = wp.vec3(st[0], 0.9 * st[1], st[2])
        size *= 0.5
    return out


@wp.func(inline=True)
def strewn(
    x: float,
    y: float,
    stony: float,
    crowd: float,
    gravelly: float,
    finest: float,
    form: Form,
) -> Stones:
    """Return rocks, and between them gravel that covers a share `gravelly`; else as `rocks`."""
    out = rocks(x, y, stony, crowd, finest, form)
    if out.share < 0.05:
        granules = _gravel(x, y, gravelly, finest, form)
        out.height += granules[0]
        if granules[1] > out.share:
            out.share = granules[1]
            # Worn basalt, some of it as pale as what breaks off slabs.
            out.pale = wp.where(granules[2] < 0.25, 0.5, 0.0)
            part = 61.7 * granules[2]
            out.tone = 2.0 * (part - wp.floor(part)) - 1.0
    return out


@wp.func(inline=True)
def crowd_at(x: float, y: float, even: float, broken: float, finest: float, s: int) -> float:
    """Return how many times their mean number of stones lie here: few on even sheets, or fields.

    Log-normal about 1 on average over sheets, the ground between and what bedrock sheds.
    """
    many = float(1.0)
    # The mean of exp(k n) is exp((k d)^2 / 2) with n of deviation d.
    if finest < 4.5:
        n = noise2(x / 31.0, y / 31.0, s + 8146) + 0.8 * noise2(x / 9.5, y / 9.5, s + 8147)
        many = wp.exp(2.7 * n - 0.73)
    return many * wp.lerp(1.45 + 0.5 * broken, 0.35, even)


@wp.func(inline=True)
def swept(x: float, y: float, finest: float, form: Form) -> float:
    """Return where the wind has swept the soil off its gravel, about -1 to 1."""
    total = float(0.0)
    wavelength = float(7.0)
    for i in range(4):
        # What is finer than a grid's cells would stand in it as chance.
        if wavelength >= finest:
            total += 0.66 * noise2(x / wavelength, y / wavelength, form.seed + 8180 + i)
        wavelength *= 0.37
    return total
