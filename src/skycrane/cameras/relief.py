"""What is finer than any grid, keyed to the place: slopes, pebbles and their shadows, grains.

It changes how the ground is lit and what colour it has, not where a ray meets it.
"""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.ground_texels import Shading
from skycrane.cameras.heightfield import GroundLevel
from skycrane.mars.noise import hash2, noise2, shift, unit

__all__ = [
    "Fine",
    "Pebble",
    "fine_relief",
    "is_fine",
    "noise2_slope",
    "normal_of",
    "pebble_at",
    "read_at",
    "roughened",
]

wp.set_module_options({"enable_backward": False})

_STEEPNESS = wp.constant(0.032)
"""Amplitude over wavelength, alike at all scales: assumption, by eye from published close-ups."""
_GRAVEL = wp.constant(0.055)
"""Largest size of gravel, m; each next one is half as large (as in `terrain_stones`)."""
_IN_GRIDS = wp.constant(3)
"""Sizes of gravel that the grids hold where their cells are fine enough."""
_LARGEST = wp.constant(0.5 * 0.055 / 8.0)
"""Footprint, m, under which some gravel can be told that no grid holds."""
_SIZES = wp.constant(7)
"""Sizes of gravel in all, the least 0.9 mm."""
_COVER = wp.constant(0.22)
"""Share of cells that hold a pebble, on average: assumption, by eye to published close-ups."""
_SEED = wp.constant(4700)
"""Of what is one and the same whichever grid lies under it."""


@wp.struct
class Pebble:
    """The pebble of a class at a place, or its shadow.

    Attributes:
        slope: rise to east and north.
        tone: how bright it is for a stone, -1 to 1.
        share: 1 on the pebble, 0 beside it.
        lit: share of the sun that it leaves here.
    """

    slope: wp.vec2
    tone: float
    share: float
    lit: float


@wp.struct
class Fine:
    """What is finer than the grids at a place.

    Attributes:
        slope: rise to east and north.
        lit: share of the sun that pebbles leave.
        tone: how bright a pebble is for its kind, -1 to 1.
        share: of the ground that pebbles cover here, 0 to 1.
    """

    slope: wp.vec2
    lit: float
    tone: float
    share: float


@wp.func
def _gradient(x: int, y: int, seed: int) -> wp.vec2:
    h = hash2(x, y, seed)
    return wp.vec2(
        float(h & wp.uint32(0xFFFF)) * (2.0 / 65535.0) - 1.0,
        float(h >> wp.uint32(16)) * (2.0 / 65535.0) - 1.0,
    )


@wp.func
def noise2_slope(x: float, y: float, seed: int) -> wp.vec2:
    """Return the derivatives of `skycrane.mars.noise.noise2`, exactly, at the price of one."""
    begin = shift(seed)
    x += begin[0]
    y += begin[1]
    fx = wp.floor(x)
    fy = wp.floor(y)
    ix = int(fx)
    iy = int(fy)
    dx = x - fx
    dy = y - fy
    u = dx * dx * dx * (dx * (dx * 6.0 - 15.0) + 10.0)
    v = dy * dy * dy * (dy * (dy * 6.0 - 15.0) + 10.0)
    rise_u = 30.0 * dx * dx * (dx - 1.0) * (dx - 1.0)
    rise_v = 30.0 * dy * dy * (dy - 1.0) * (dy - 1.0)
    ga = _gradient(ix, iy, seed)
    gb = _gradient(ix + 1, iy, seed)
    gc = _gradient(ix, iy + 1, seed)
    gd = _gradient(ix + 1, iy + 1, seed)
    a = ga[0] * dx + ga[1] * dy
    b = gb[0] * (dx - 1.0) + gb[1] * dy
    c = gc[0] * dx + gc[1] * (dy - 1.0)
    d = gd[0] * (dx - 1.0) + gd[1] * (dy - 1.0)
    twist = a - b - c + d
    plain = ga + (gb - ga) * u + (gc - ga) * v + (ga - gb - gc + gd) * (u * v)
    bent = wp.vec2(rise_u * (b - a + v * twist), rise_v * (c - a + u * twist))
    return (plain + bent) * 1.7


@wp.func
def pebble_at(x: float, y: float, size: float, density: float, sun: wp.vec3, seed: int) -> Pebble:
    """Return the pebble at a place: half ellipsoids with uneven sides, in a cell of 2.2 sizes each.

    A shadow is that of the whole ellipsoid on level ground: a point lies in it where the ray to
    the sun passes the middle within the radius, in axes in which the ellipsoid is a sphere. Its
    rim is as soft as corners are uneven.
    """
    cell = 2.2 * size
    px = x / cell
    py = y / cell
    fx = int(wp.floor(px - 0.5))
    fy = int(wp.floor(py - 0.5))
    out = Pebble()
    out.lit = 1.0
    nearest = float(1.0)
    for k in range(4):
        cx = fx + k % 2
        cy = fy + k // 2
        h = hash2(cx, cy, seed)
        if unit(h, 0) < density:
            ox = (px - float(cx) - unit(h, 1)) * cell
            oy = (py - float(cy) - unit(h, 2)) * cell
            g = hash2(cx, cy, seed + 5)
            r = size * (0.25 + 0.35 * unit(g, 0) * unit(g, 0))
            # No shadow reaches farther with the sun 30 degrees up.
            if ox * ox + oy * oy < 6.0 * r * r:
                b = hash2(cx, cy, seed + 9)
                turn = 6.2831853 * unit(g, 1)
                c = wp.cos(turn) / r
                s = wp.sin(turn) / r
                wide = 1.0 / (0.55 + 0.45 * unit(g, 2))
                tall = 0.35 + 0.40 * unit(b, 0)
                u = c * ox + s * oy
                v = (c * oy - s * ox) * wide
                # Sides: flat on four, at uneven distances.
                sides = wp.max(u / (0.70 + 0.5 * unit(b, 1)), -u / (0.70 + 0.5 * unit(b, 2)))
                sides = wp.max(sides, (0.5 * u + 0.8 * v) / (0.70 + 0.5 * unit(g, 0)))
                sides = wp.max(sides, (0.3 * u - 0.9 * v) / (0.70 + 0.5 * unit(h, 1)))
                d = 0.6 * sides * sides + 0.4 * (u * u + v * v)
                if d < 1.0:
                    if d < nearest:
                        nearest = d
                        out.share = 1.0
                        out.lit = 1.0
                        out.tone = 2.0 * unit(hash2(cx, cy, seed + 3), 0) - 1.0
                        # Flattened on top, and no side steeper than 60 degrees or so.
                        steep = tall * (0.25 + 1.4 * d)
                        su = steep * (u + 0.8 * (unit(b, 1) - 0.5))
                        sv = steep * (v * wide + 0.8 * (unit(b, 2) - 0.5))
                        out.slope = wp.vec2(c * su - s * sv, s * su + c * sv) * (-r)
                elif out.share < 0.5:
                    su = (c * sun[0] + s * sun[1]) * r
                    sv = (c * sun[1] - s * sun[0]) * r * wide
                    sw = sun[2] / tall
                    along = u * su + v * sv
                    if along < 0.0:
                        past = u * u + v * v - along * along / (su * su + sv * sv + sw * sw)
                        out.lit = wp.min(out.lit, wp.clamp((past - 0.9) / 0.25, 0.0, 1.0))
    return out


@wp.func
def read_at(lv: GroundLevel, x: float, y: float, foot: float) -> wp.vec2:
    """Return where a grid is read for a place that it draws over many photosites.

    A little to the side, by noise, so that outlines are as uneven as grains are; and nearer the
    middle of its node than the place is, so that they are narrower than a cell.
    """
    cell = lv.cell
    share = wp.clamp(1.2 - 2.4 * foot / cell, 0.0, 1.0)
    if share == 0.0:
        return wp.vec2(x, y)
    side = 0.45 * share
    u = (x - lv.x0) / cell + side * noise2(x / (1.6 * cell), y / (1.6 * cell), _SEED + 30)
    v = (y - lv.y0) / cell + side * noise2(x / (1.6 * cell), y / (1.6 * cell), _SEED + 31)
    i = wp.floor(u)
    j = wp.floor(v)
    u -= i
    v -= j
    u += 0.5 * share * (u * u * (3.0 - 2.0 * u) - u)
    v += 0.5 * share * (v * v * (3.0 - 2.0 * v) - v)
    return wp.vec2(lv.x0 + (i + u) * cell, lv.y0 + (j + v) * cell)


@wp.func
def fine_relief(x: float, y: float, cell: float, foot: float, sun: wp.vec3, seed: int) -> Fine:
    """Return what lies there from a grid's `cell` [m] down to two footprints of a photosite.

    `sun` is the unit vector toward it, east, north, up. Each size fades in while a pebble of it
    grows from two photosites to four.
    """
    out = Fine()
    out.lit = 1.0
    fade = wp.clamp((0.7 * cell - foot) / (0.5 * cell), 0.0, 1.0)
    # A footprint averages what is not much wider than itself: the sinc of their ratio, nearly.
    e = wp.max(foot, 0.02 * cell)
    wavelength = wp.min(2.0 * cell, 3.0)
    for i in range(3):
        if wavelength > 2.0 * foot and fade > 0.0:
            share = wp.min(e / wavelength, 0.5)
            keep = fade * _STEEPNESS * (1.0 - 1.45 * share * share)
            out.slope += noise2_slope(x / wavelength, y / wavelength, seed + i) * keep
            wavelength *= 0.5
    size = float(_GRAVEL)
    many = float(-1.0)
    # Warp unrolls loops over a constant, and its copies are not inlined.
    sizes = int(_SIZES)
    k = int(0)
    while k < sizes:
        # A grid holds the gravel that is wider than 2.4 of its cells.
        if size > 2.0 * foot and (k >= _IN_GRIDS or size < 2.4 * cell):
            if many < 0.0:
                # Swept patches and bare ones, and clusters in them.
                near = noise2(x / 0.31, y / 0.31, _SEED + 40) + noise2(
                    x / 0.07, y / 0.07, _SEED + 41
                )
                many = wp.min(_COVER * wp.exp(1.7 * near - 0.26), 0.8)
            keep = wp.min(0.5 * size / foot - 1.0, 1.0)
            p = pebble_at(x, y, size, many, sun, _SEED + 50 + 17 * k)
            out.lit *= 1.0 - keep * (1.0 - p.lit)
            if p.share > 0.0 and out.share < 0.5:
                out.slope = wp.lerp(out.slope, p.slope, keep)
                out.share = keep
                out.tone = p.tone
        size *= 0.5
        k += 1
    return out


@wp.func(inline=True)
def normal_of(s: Shading) -> wp.vec3:
    """Return the unit normal of a place's shading, east, north, up."""
    steep = s.east * s.east + s.north * s.north
    return wp.vec3(s.east, s.north, wp.sqrt(wp.max(1.0 - steep, 0.01)))


@wp.func(inline=True)
def roughened(s: Shading, x: float, y: float, cell: float, foot: float, seed: int, sun: wp.vec3):
    """Return a place's shading with what is finer than any grid, keyed to the place."""
    n = normal_of(s)
    fade = wp.clamp((0.7 * cell - foot) / (0.5 * cell), 0.0, 1.0)
    fine = fine_relief(x, y, cell, foot, sun, seed)
    bent = wp.normalize(wp.vec3(n[0] - fine.slope[0], n[1] - fine.slope[1], n[2]))
    before = wp.max(wp.dot(n, sun), 0.05)
    s.sunlight *= wp.clamp(wp.dot(bent, sun), 0.0, 1.0) / before
    s.sunlight *= fine.lit
    s.open_sky *= 0.65 + 0.35 * fine.lit
    # Pebbles are greyer than the soil between them, as bright on average.
    grey = (s.albedo[0] + s.albedo[1] + s.albedo[2]) / 3.0
    grey *= 0.85 + 0.40 * fine.tone
    s.albedo = wp.lerp(s.albedo, wp.vec3(1.40, 0.96, 0.64) * grey, 0.8 * fine.share)
    if fade > 0.0:
        mottle = noise2(x / (0.6 * cell), y / (0.6 * cell), seed + 90)
        grains = wp.clamp(0.25 * cell / foot - 1.0, 0.0, 1.0)
        if grains > 0.0:
            mottle += 0.9 * grains * noise2(x / (0.25 * cell), y / (0.25 * cell), seed + 91)
        s.albedo *= 1.0 + 0.16 * mottle * fade
    s.east = bent[0]
    s.north = bent[1]
    return s


@wp.func
def is_fine(cell: float, foot: float) -> bool:
    """Tell whether a footprint [m] shows what is finer than a grid holds."""
    return foot < wp.max(0.7 * cell, _LARGEST)
