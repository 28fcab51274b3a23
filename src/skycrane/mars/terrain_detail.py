"""What lies on the landform at a place: sand, bedforms, bedrock, small craters and stones."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import noise2
from skycrane.mars.terrain_bedforms import bedforms
from skycrane.mars.terrain_colour import Lies, colour_at
from skycrane.mars.terrain_craters import small_craters
from skycrane.mars.terrain_form import Form, octave_slope, step
from skycrane.mars.terrain_outcrop import bare_at, ledge, outcrop
from skycrane.mars.terrain_stones import crowd_at, strewn, swept
from skycrane.mars.terrain_units import Units

__all__ = ["Ground", "even_sheet", "ground_at"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Ground:
    """Relief below the landform's grids and what the surface is made of, at a point."""

    height: float
    albedo: wp.vec3


@wp.func
def _made(size: float, told: wp.vec2) -> float:
    """Return the share of relief of a size [m] that is made up, not left to a user's file."""
    return wp.where(size > told[1], 1.0 - told[0], 1.0)


@wp.func(inline=True)
def _sand(x: float, y: float, units: Units, finest: float, form: Form) -> float:
    """Return how thick sand lies, 0 to 1: in lows, along margins, before the scarp, in drifts."""
    s = form.seed
    into = units.into
    rough = step(-14.0, 14.0, into)
    inside = units.inside
    delta = step(-10.0, 30.0, inside)
    hill = wp.max(delta * 0.8, units.rim)
    lows = units.lows
    patch = units.patch
    bare = lows + 0.55 * patch
    sand = rough * (0.10 + 0.42 * step(-0.70, 0.90, 0.7 * bare + 1.3 * units.tone)) * (1.0 - hill)
    margin = step(0.0, 30.0, into) * step(230.0, 10.0, into + 260.0 * patch)
    sand = wp.max(sand, 0.48 * (1.0 - units.soft) * rough * margin)
    # A strip of it along the scarp's foot, and what thins out before that.
    strip = step(-120.0, -55.0, inside + 60.0 * lows) + 0.30 * step(-420.0, -60.0, inside)
    sand = wp.max(sand, wp.min(strip, 1.0) * step(-8.0, -45.0, inside))
    # Drifts of sand on the even floor, here and there, drawn out along the wind.
    along = x * form.ripple_across[0] + y * form.ripple_across[1]
    aside = x * form.ripple_across[1] - y * form.ripple_across[0]
    drift = noise2(along / 120.0, aside / 33.0, s + 8012)
    if finest < 14.0:
        drift += 0.55 * noise2(along / 36.0, aside / 12.0, s + 8013)
    drifted = step(0.05, 0.45, units.tone + 0.5 * wp.exp(-(x * x + y * y) / (350.0 * 350.0)))
    drifted *= (1.0 - rough) * (1.0 - hill)
    sand = wp.max(sand, 0.40 * step(0.10, 0.85, drift + 0.5 * lows) * drifted)
    sand = wp.max(sand, 0.35 * delta * step(0.30, 0.42, lows))
    return wp.max(sand, 0.5 * units.rim * step(0.42, 0.55, lows) * step(0.0, 0.3, units.tone))


@wp.func(inline=True)
def _undulation(
    x: float, y: float, uneven: float, broken: float, finest: float, told: wp.vec2, form: Form
) -> float:
    """Return relief [m] of octaves from 8 m down, each turned against the one before."""
    slope = octave_slope(form.floor_slope, 8.0)
    h = float(0.0)
    wavelength = float(8.0)
    px = x / 8.0
    py = y / 8.0
    for i in range(13):
        if wavelength >= finest:
            steep = slope * wp.where(wavelength > 1.0, uneven, 1.3 + 2.6 * uneven)
            steep += form.rough_slope * broken * 0.6
            steep *= 0.45 * _made(wavelength, told)
            h += steep * wavelength * noise2(px, py, form.seed + 8100 + i)
        wavelength *= 0.5
        qx = 1.6 * px - 1.2 * py
        py = 1.2 * px + 1.6 * py
        px = qx
    return h


@wp.func(inline=True)
def even_sheet(x: float, y: float, units: Units, rough: float, finest: float, s: int) -> float:
    """Return how far regolith lies as an even sheet, 0 to 1: about half of the smooth floor.

    Sheets are some tens of metres wide and end in lobes; between them stones, bedrock and short
    ridges crowd, as in the flown images, where even ground lies beside rough.
    """
    n = 0.30 * units.patch + 0.4 * (0.45 - units.hummock)
    if finest < 30.0:
        n += noise2(x / 74.0, y / 74.0, s + 8018)
    if finest < 13.0:
        n += 0.5 * noise2(x / 27.0, y / 27.0, s + 8019)
    if finest < 4.5:
        n += 0.22 * noise2(x / 9.0, y / 9.0, s + 8022)
    if finest < 1.3:
        n += 0.10 * noise2(x / 2.7, y / 2.7, s + 8023)
    # What is too wide apart to tell has the mean of a step over noise.
    wide = 0.05 * wp.clamp(finest / 3.0, 1.0, 8.0)
    return step(0.07 - wide, 0.07 + wide, n) * (1.0 - 0.8 * rough)


@wp.func
def ground_at(
    x: float,
    y: float,
    units: Units,
    cover: float,
    finest: float,
    told: wp.vec2,
    seen: float,
    form: Form,
) -> Ground:
    """Return relief of wavelengths from 8 m down to `finest` [m], and the reflectance.

    `cover` is how far a crater is filled with sand here, 0 to 1, or rocky, 0 to -1. `told` is how
    far the ground is a user's, 0 to 1, and what size [m] of relief their file holds: none as large
    is added to it; `seen` is how far its brightness is theirs.
    """
    s = form.seed
    rough = step(-14.0, 14.0, units.into)
    hill = wp.max(step(-10.0, 30.0, units.inside) * 0.8, units.rim)
    pond = wp.max(cover, 0.0)
    if pond > 0.0 and finest < 18.0:
        # Sand ends in a ragged line where it laps at a crater's wall.
        pond *= step(0.12, 0.42, pond + 0.55 * noise2(x / 9.0, y / 9.0, s + 8032))
    blocky = wp.max(-cover, 0.0)
    field = _sand(x, y, units, finest, form) * (1.0 - blocky)
    sand = wp.max(field, pond)
    even = even_sheet(x, y, units, rough, finest, s) * (1.0 - blocky) * (1.0 - hill)
    stands = bare_at(x, y, units, sand, even, blocky, finest, form)
    bare = stands[0]
    broken = step(-0.3, 0.5, stands[1])
    rim = float(0.0)
    if finest < 16.0 and hill < 1.0:
        share = _made(60.0, told) * (1.0 - hill) * (1.0 - sand) * (1.0 - even)
        rim = ledge(x, y, share * step(-0.30, 0.30, units.patch), finest, form)
        bare = wp.min(bare + 0.55 * rim, 1.0)
    # Where bedrock shows it stands up, worn less than what lies on it: low ragged mounds.
    h = (0.16 * rim + 0.34 * broken) * _made(60.0, told) * (1.0 - hill)
    loose = (1.0 - 0.75 * even) * (1.0 - broken)
    wind = bedforms(x, y, field, pond, loose, finest, form)
    h += wind[0] * _made(form.ripple_length[0], told)
    rock = outcrop(x, y, bare, rough, finest, told, form)
    h += rock[0]
    uneven = (0.20 + 0.45 * units.hummock) * (1.0 - 0.5 * even)
    h += _undulation(x, y, uneven, broken, finest, told, form)
    # Craters too small for the landform's grids, down to the few metres that the air lets through.
    size = float(8.0)
    for i in range(3):
        if size > finest:
            pits = small_craters(x, y, size, s + 8120 + i * 7, form)
            h += pits * (1.0 - 0.7 * rough) * _made(size, told)
        size *= 0.5
    lag = step(-0.08, 0.26, swept(x, y, finest, form))
    lag *= (1.0 - 0.9 * sand) * (1.0 - 0.5 * rock[1]) * (1.0 - 0.85 * even)
    crowd = (crowd_at(x, y, even, broken, finest, s) + 1.2 * rim) * (1.0 - 0.92 * sand)
    stony = 1.0 + 0.6 * rough + 2.5 * blocky
    # By eye to the panorama: some pebbles lie on all soil, not on swept patches alone.
    gravelly = form.gravel_cover * (0.30 * (1.0 - sand) + 0.70 * lag)
    stone = strewn(x, y, stony, crowd, gravelly, finest, form)
    h += stone.height
    g = Ground()
    g.height = h
    # Dust veils most of the bedrock, by neighbourhoods.
    veil = 0.22 + 0.36 * step(-0.3, 0.5, noise2(x / 57.0, y / 57.0, s + 8031) + units.lows)
    lies = Lies()
    lies.stone = stone.share
    lies.pale = stone.pale
    lies.tone = stone.tone
    lies.sand = sand
    lies.crest = wind[1]
    lies.slab = rock[1] * veil
    lies.even = even * (1.0 - sand)
    g.albedo = colour_at(x, y, units, finest, seen, lies, form)
    covered = 0.26 * lag * (1.0 - lies.stone) * (1.0 - rock[1]) * (1.0 - seen)
    g.albedo = wp.lerp(g.albedo, form.sand, covered)
    return g
