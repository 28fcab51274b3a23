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
_CELL = wp.constant(0.102)
"""Share of its cell that a stone covers on average."""


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
def _outline(u: float, v: float, a: float, b: float) -> float:
    """Return 0 in a stone's middle to 1 on its outline: six sides, none as far as another.

    It holds as much ground as a circle of radius 1 on average over the chances `a` and `b`.
    """
    p = u / (0.80 + 0.34 * a)
    p = wp.max(p, -u / (1.12 - 0.32 * b))
    q = 0.5 * u + 0.866 * v
    p = wp.max(p, wp.max(q / (1.14 - 0.34 * a), -q / (0.82 + 0.30 * b)))
    q = 0.5 * u - 0.866 * v
    p = wp.max(p, wp.max(q / (0.84 + 0.26 * b), -q / (1.08 - 0.26 * a)))
    # Corners are worn round: half way between the sides and a circle.
    return 0.5 * p * p + 0.5 * (u * u + v * v)


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
            if unit(h, 0) < density:
                g = hash2(cx, cy, seed + 5)
                ox = (px - float(cx) - 0.25 - 0.5 * unit(h, 1)) * cell
                oy = (py - float(cy) - 0.25 - 0.5 * unit(h, 2)) * cell
                r = size * (0.30 + 0.30 * unit(g, 0))
                turn = 6.2831853 * unit(g, 1)
                c = wp.cos(turn)
                s = wp.sin(turn)
                u = (c * ox + s * oy) / r
                v = (c * oy - s * ox) / (r * (0.55 + 0.4 * unit(g, 2)))
                u += 0.16 * noise2(ox / r * 1.7 + unit(g, 0) * 91.0, oy / r * 1.7, seed + 6)
                d = _outline(u, v, unit(h, 2), unit(g, 1))
                if d < 1.0:
                    dome = wp.sqrt(1.0 - d)
                    own = unit(hash2(cx, cy, seed + 9), 0)
                    top = float(0.0)
                    if own < 0.7:
                        tilt = 0.22 * (u * (unit(g, 2) - 0.5) + v * (unit(h, 1) - 0.5))
                        rough = 0.05 * noise2(3.1 * ox / r, 3.1 * oy / r, seed + 7)
                        top = wp.max(wp.min(0.5 * dome, 0.19 + tilt + rough), 0.02) * r
                    else:
                        cut = 0.55 + 0.4 * (0.7 * u - 0.5 * v) * (unit(g, 1) - 0.3)
                        cut2 = 0.9 - 0.8 * wp.abs(0.6 * v + 0.5 * u - 0.2)
                        top = wp.min(wp.min(dome * 1.1, cut), cut2)
                        top = top * (0.55 + 0.5 * unit(h, 1)) * r
                    if top > best:
                        best = top
                        share = step(0.0, 0.3, dome)
                        kind = own
    return wp.vec3(best, share, kind)


@wp.func
def stone_share(size: float, cover: float) -> float:
    """Return the share of cells of `stones` that hold one, where rocks cover `cover` of the ground.

    Rocks of diameter D or more cover k exp(-q D), q = 1.79 + 0.152 / k (Golombek and Rapp 1997, J.
    Geophys. Res. 102, 4117). A class has diameters of 0.6 to 1.2 of its size, the next one goes on
    from there; a stone of it covers 0.102 of its cell on average.
    """
    q = 1.79 + 0.152 / cover
    return cover * (wp.exp(-0.6 * q * size) - wp.exp(-1.2 * q * size)) / _CELL


@wp.func(inline=True)
def rocks(x: float, y: float, stony: float, crowd: float, finest: float, form: Form) -> Stones:
    """Return the rocks at a place: each class half the one before in size.

    `stony` is how many times the mission's cover the unit of ground bears, along the published
    family of curves; `crowd` how many times as many of all sizes as its mean lie about here, and
    each class has clusters of its own besides, log-normal about that. Those too small to tell
    apart at `finest` [m] count by their mean share.
    """
    s = form.seed
    out = Stones()
    cover = wp.clamp(form.rock_cover * stony, 1.0e-4, 0.45)
    clear = x * x + y * y < form.clear_radius * form.clear_radius
    size = float(_LARGEST)
    told = float(-1.0)
    for i in range(_CLASSES):
        if size > 1.2 * finest:
            if not (clear and size > form.clear_over):
                near = noise2(x / (size * 9.0), y / (size * 9.0), s + 8150 + i)
                # exp(k n) of noise with deviation 0.35 has the mean exp((0.35 k)^2 / 2).
                many = crowd * wp.exp(1.8 * near - 0.198)
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
def _gravel(x: float, y: float, cover: float, finest: float, form: Form) -> wp.vec2:
    """Return (height [m], share) of gravel and granules that cover a share of the ground."""
    h = float(0.0)
    share = float(0.0)
    size = float(0.055)
    for i in range(3):
        if size > 1.2 * finest:
            local = wp.clamp(cover / (3.0 * _CELL), 0.0, 0.9)
            st = stones(x, y, size, local, form.seed + 8195 + i * 11)
            if st[0] > 0.0:
                h += st[0]
                share = wp.max(share, 0.8 * st[1])
        size *= 0.5
    return wp.vec2(h, share)


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
            out.pale = 0.0
            out.tone = 0.0
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
