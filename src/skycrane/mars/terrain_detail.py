"""What lies on the landform: bedforms, broken bedrock, stones and small craters."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import blocks, hash2, noise2, unit
from skycrane.mars.terrain_colour import colour_at
from skycrane.mars.terrain_form import Form, hollow, octave_slope, step
from skycrane.mars.terrain_units import Units

__all__ = ["Ground", "ground_at", "small_craters", "stone_share", "stones"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Ground:
    """Relief below the landform's grids and what the surface is made of, at a point."""

    height: float
    albedo: wp.vec3


@wp.func
def _bedform(x: float, y: float, length: float, seed: int, form: Form) -> float:
    """Return the profile of a field of ripples, 0 trough to 1 crest, crests forking and ending."""
    bend = 0.9 * noise2(x / (5.0 * length), y / (5.0 * length), seed)
    bend += 0.34 * noise2(x / (1.9 * length), y / (1.9 * length), seed + 1)
    turn = 0.5 * noise2(x / (23.0 * length), y / (23.0 * length), seed + 2)
    ax = form.ripple_across[0] - turn * form.ripple_across[1]
    ay = form.ripple_across[1] + turn * form.ripple_across[0]
    phase = (x * ax + y * ay) / length + bend
    f = phase - wp.floor(phase)
    # Sharp crest, windward side longer than the slip side.
    rise = wp.where(f < 0.62, f / 0.62, (1.0 - f) / 0.38)
    ends = step(-0.30, 0.25, noise2(x / (2.6 * length) + 31.0, y / (2.6 * length), seed + 3))
    return rise * wp.sqrt(rise) * (0.25 + 0.75 * ends)


@wp.func
def stones(x: float, y: float, size: float, density: float, seed: int) -> wp.vec2:
    """Return (height, share) of the stone at a place: one candidate of about `size` in each cell.

    `density` is the fraction of cells that hold one. Stones are angular: a half ellipsoid cut by
    planes, so that facets catch the light.
    """
    cell = size * 2.2
    px = x / cell
    py = y / cell
    fx = wp.floor(px - 0.5)
    fy = wp.floor(py - 0.5)
    best = float(0.0)
    share = float(0.0)
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
                u += 0.22 * noise2(ox / r * 1.3 + unit(g, 0) * 91.0, oy / r * 1.3, seed + 6)
                d = u * u + v * v
                if d < 1.0:
                    dome = wp.sqrt(1.0 - d)
                    cut = 0.55 + 0.4 * (0.7 * u - 0.5 * v) * (unit(g, 1) - 0.3)
                    cut2 = 0.9 - 0.8 * wp.abs(0.6 * v + 0.5 * u - 0.2)
                    top = wp.min(wp.min(dome * 1.1, cut), cut2)
                    top = top * (0.55 + 0.5 * unit(h, 1)) * r
                    if top > best:
                        best = top
                        share = step(0.0, 0.3, dome)
    return wp.vec2(best, share)


@wp.func
def stone_share(size: float, cover: float) -> float:
    """Return the share of cells of `stones` that hold one, where rocks cover `cover` of the ground.

    Rocks of diameter D or more cover k exp(-q D), q = 1.79 + 0.152 / k (Golombek and Rapp 1997, J.
    Geophys. Res. 102, 4117). A class has diameters of 0.6 to 1.2 of its size, the next one goes on
    from there; a stone of it covers 0.102 of its cell on average.
    """
    q = 1.79 + 0.152 / cover
    return cover * (wp.exp(-0.6 * q * size) - wp.exp(-1.2 * q * size)) / 0.102


@wp.func
def small_craters(x: float, y: float, size: float, seed: int, form: Form) -> float:
    """Return relief [m] of craters with diameters of `size` to twice that [m].

    As many as the production function says, one at most in each cell of three times `size`, in
    every state of decay, shallower than larger ones (drift fills them first).
    """
    cell = size * 3.0
    px = x / cell
    py = y / cell
    fx = wp.floor(px - 0.5)
    fy = wp.floor(py - 0.5)
    slope = form.crater_slope
    fewer = wp.pow(2.0, -slope)
    number = form.crater_number * wp.pow(size * 1.0e-3, -slope) * (1.0 - fewer)
    share = wp.min(number * cell * cell * 1.0e-6, 0.7)
    h = float(0.0)
    for j in range(2):
        for i in range(2):
            k = hash2(int(fx) + i, int(fy) + j, seed)
            if unit(k, 0) < share:
                dx = (px - fx - float(i) - 0.3 - 0.4 * unit(k, 1)) * cell
                dy = (py - fy - float(j) - 0.3 - 0.4 * unit(k, 2)) * cell
                m = hash2(int(fx) + i, int(fy) + j, seed + 3)
                diameter = size * wp.pow(1.0 - unit(m, 0) * (1.0 - fewer), -1.0 / slope)
                d = wp.sqrt(dx * dx + dy * dy) / (0.5 * diameter)
                if d < 2.0:
                    fresh = unit(m, 1)
                    depth = 0.55 * form.crater_depth * diameter * (0.10 + 0.90 * fresh * fresh)
                    bowl = wp.min(d * d - 1.0, 0.0) * depth
                    h += bowl + 0.22 * depth * wp.exp(-8.0 * (d - 1.0) * (d - 1.0))
    return h


@wp.func
def _made(size: float, told: wp.vec2) -> float:
    """Return the share of relief of a size [m] that is made up, not left to a user's file."""
    return wp.where(size > told[1], 1.0 - told[0], 1.0)


@wp.func
def ground_at(
    x: float,
    y: float,
    units: Units,
    floor_sand: float,
    finest: float,
    told: wp.vec2,
    seen: float,
    form: Form,
) -> Ground:
    """Return relief of wavelengths from 8 m down to `finest` [m], and the reflectance.

    `floor_sand` is how far a crater's floor is filled with sand here, 0 to 1. `told` is how far
    the ground is a user's, 0 to 1, and what size [m] of relief their file holds: none as large is
    added to it; `seen` is how far its brightness is theirs.
    """
    g = Ground()
    s = form.seed
    into = units.into
    rough = step(-14.0, 14.0, into)
    inside = units.inside
    delta = step(-10.0, 30.0, inside)
    rim = units.rim
    hill = wp.max(delta * 0.8, rim)
    lows = units.lows
    patch = units.patch
    worn = float(0.0)
    if units.pitted > 0.01 and hill < 0.5 and rough < 0.99:
        worn = units.pitted * hollow(x, y, form) * (1.0 - rough) * (1.0 - hill)
    # Sand: in the lows of the rough ground, along its margin, before the scarp, in hollows.
    bare = lows + 0.55 * patch
    sand = wp.max(
        floor_sand,
        rough * (0.06 + 0.58 * step(-0.45, 0.60, 0.7 * bare + 1.3 * units.tone)) * (1.0 - hill),
    )
    sand = wp.max(
        sand,
        0.85
        * (1.0 - units.soft)
        * rough
        * step(0.0, 25.0, into)
        * step(170.0, 40.0, into + 260.0 * patch),
    )
    sand = wp.max(sand, step(-330.0, -110.0, inside + 150.0 * lows) * step(-15.0, -75.0, inside))
    sand = wp.max(sand, 0.36 * worn)
    # Drifts of sand on the even floor, here and there.
    drift = noise2(x / 41.0, y / 41.0, s + 8012)
    if finest < 14.0:
        drift += 0.55 * noise2(x / 14.0, y / 14.0, s + 8013)
    drifted = step(0.05, 0.45, units.tone + 0.5 * wp.exp(-(x * x + y * y) / (350.0 * 350.0)))
    drifted *= (1.0 - rough) * (1.0 - hill)
    sand = wp.max(sand, 0.5 * step(0.24, 0.50, drift + 0.5 * lows) * drifted)
    sand = wp.max(sand, 0.35 * delta * step(0.30, 0.42, lows))
    sand = wp.max(sand, 0.5 * rim * step(0.42, 0.55, lows) * step(0.0, 0.3, units.tone))
    stony = wp.max(rough, wp.max(step(0.05, 0.35, units.tone), units.hummock))
    broken = wp.max(rough * (1.0 - sand), 0.35 * hill)
    broken = wp.max(broken, 0.8 * step(0.12, 0.55, patch + 0.4 * lows) * (1.0 - sand) * stony)
    h = float(0.0)
    # Bedforms: large ones in the sand, small ones nearly everywhere loose soil lies.
    crest = float(0.0)
    l0 = form.ripple_length[0]
    if sand > 0.01 and finest < l0 * 0.5:
        b = _bedform(x, y, l0, s + 8020, form) * _made(l0, told)
        crest = b * sand
        h += b * sand * l0 * form.ripple_steepness
    l1 = form.ripple_length[1]
    loose = wp.max(
        sand, 0.35 * step(-0.05, 0.3, noise2(x / 31.0, y / 31.0, s + 8030)) * (1.0 - broken)
    )
    if loose > 0.01 and finest < l1 * 0.5:
        b = _bedform(x, y, l1, s + 8040, form) * _made(l1, told)
        crest = wp.max(crest, 0.7 * b * loose)
        h += b * loose * l1 * form.ripple_steepness * 0.7
    l2 = form.ripple_length[2]
    if loose > 0.3 and finest < l2 * 0.5:
        h += _bedform(x, y, l2, s + 8050, form) * (loose - 0.3) * l2 * form.ripple_steepness
    # Broken bedrock: blocks in three sizes, each standing a little differently, sand in the cracks.
    tops = float(0.0)
    if broken > 0.02:
        wx = x + 1.6 * noise2(x / 7.0, y / 7.0, s + 8060)
        wy = y + 1.6 * noise2(x / 7.0 + 9.0, y / 7.0, s + 8061)
        size = float(22.0)
        for i in range(4):
            if size > finest * 2.0:
                bk = blocks(wx, wy, size, s + 8070 + i)
                stand = step(0.02, 0.16, bk[0]) * step(0.30, 0.75, bk[1] + 0.3 * (broken - 0.5))
                stand *= _made(size, told)
                low = 0.5 + 0.5 * step(9.0, 2.0, size)
                h += broken * stand * size * low * (0.030 + 0.07 * bk[1])
                # From afar blocks are relief, hardly colour.
                pale = 0.10 + 0.90 * step(6.0, 1.5, size)
                tops = wp.max(tops, stand * broken * pale * (0.45 + 0.55 * bk[1]))
            size *= 0.32
    # The flat pale stones of the smooth floor: in fields, of two sizes, half buried.
    if finest < 0.8:
        field = noise2(x / 13.0, y / 13.0, s + 8088) + 0.6 * noise2(x / 3.7, y / 3.7, s + 8089)
        size = float(1.15)
        for i in range(2):
            if size > 2.0 * finest:
                wx = x + 0.24 * size * noise2(x / (0.5 * size), y / (0.5 * size), s + 8090 + i)
                wy = y + 0.24 * size * noise2(x / (0.5 * size), y / (0.5 * size), s + 8092 + i)
                bp = blocks(wx, wy, size, s + 8094 + i)
                rise = bp[1] - 0.88 + 0.30 * field
                pave = step(0.03, 0.17, bp[0]) * step(0.0, 0.12, rise) * (1.0 - sand)
                h += pave * size * 0.05 * (0.4 + bp[1])
                tops = wp.max(tops, pave * (0.25 + 0.75 * step(0.0, 0.4, rise)))
            size *= 0.45
    # Undulation below the landform's finest.
    wavelength = float(8.0)
    for i in range(10):
        if wavelength >= finest:
            slope = octave_slope(form.floor_slope, 8.0)
            slope *= wp.where(wavelength > 1.0, 0.5 + 0.7 * units.hummock, 1.0)
            slope += form.rough_slope * broken * 0.6
            slope *= 0.45 * _made(wavelength, told)
            h += slope * wavelength * noise2(x / wavelength, y / wavelength, s + 8100 + i)
        wavelength *= 0.5
    # Craters too small for the landform's grids, down to the few metres that the air lets through.
    size = float(8.0)
    for i in range(3):
        if size > finest:
            pits = small_craters(x, y, size, s + 8120 + i * 7, form)
            h += pits * (1.0 - 0.7 * rough) * _made(size, told)
        size *= 0.5
    # Stones: each class half the size of the one before, as many as the law of the cover here.
    rocky = form.rock_cover * (0.35 + 1.5 * step(-0.1, 0.5, patch) + 0.9 * rough)
    rocky *= 1.0 - 0.92 * sand
    clear = x * x + y * y < form.clear_radius * form.clear_radius
    rock = float(0.0)
    size = float(2.4)
    for i in range(9):
        if size > 1.2 * finest and not (clear and size > form.clear_over):
            near = noise2(x / (size * 9.0), y / (size * 9.0), s + 8150 + i)
            local = wp.clamp(rocky * (1.0 + 1.5 * near), 0.002, 0.45)
            st = stones(x, y, size, stone_share(size, local), s + 8160 + i * 11)
            if st[0] > 0.0:
                h += st[0]
                rock = wp.max(rock, st[1])
        size *= 0.5
    # Gravel and granules lie between them, in patches that the wind has swept.
    swept = float(0.0)
    wavelength = float(7.0)
    for i in range(4):
        # What is finer than a grid's cells would stand in it as chance.
        if wavelength >= finest:
            swept += 0.66 * noise2(x / wavelength, y / wavelength, s + 8180 + i)
        wavelength *= 0.37
    lag = step(-0.40, 0.55, swept) * (1.0 - 0.9 * sand) * (1.0 - 0.5 * tops)
    size = float(0.055)
    for i in range(3):
        if size > 1.2 * finest:
            local = wp.clamp(form.gravel_cover * lag / (3.0 * 0.102), 0.0, 0.9)
            st = stones(x, y, size, local, s + 8195 + i * 11)
            if st[0] > 0.0 and rock < 0.05:
                h += st[0]
                rock = wp.max(rock, 0.8 * st[1])
        size *= 0.5
    g.height = h
    g.albedo = colour_at(x, y, units, finest, seen, wp.vec4(sand, crest, tops, rock), form)
    g.albedo = wp.lerp(g.albedo, form.sand, 0.28 * lag * (1.0 - rock) * (1.0 - tops) * (1.0 - seen))
    return g
