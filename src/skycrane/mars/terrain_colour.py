"""The colours of the ground: soil, dust, sand, bedrock and stones, by what lies where."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import fbm, noise2
from skycrane.mars.terrain_form import Form, delta_inside, step
from skycrane.mars.terrain_units import Units

__all__ = ["Lies", "colour_at", "tint"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Lies:
    """What lies at a place, shares from 0 to 1.

    sand: how thick it lies; even: covered by an even sheet of regolith; crest: of a bedform; slab:
    the bedrock's pale tops; stone: covered by stones; pale: how much of these is pale; tone: how
    bright the stone is for its kind, -1 to 1.
    """

    sand: float
    even: float
    crest: float
    slab: float
    stone: float
    pale: float
    tone: float


@wp.func
def tint(tone: float, form: Form) -> wp.vec3:
    """Return the soil's factor where a picture is `tone` times as bright as its middle.

    Dark ground takes the hue of the sand and bright ground that of the dust.
    """
    level = (form.soil[0] + form.soil[1] + form.soil[2]) * tone
    sand = form.sand * (level / (form.sand[0] + form.sand[1] + form.sand[2]))
    dust = form.dust * (level / (form.dust[0] + form.dust[1] + form.dust[2]))
    colour = wp.lerp(form.soil * tone, sand, step(1.0, 0.5, tone))
    colour = wp.lerp(colour, dust, step(1.0, 1.6, tone))
    return wp.cw_div(colour, form.soil)


@wp.func
def _stained(colour: wp.vec3, by: wp.vec3, share: float) -> wp.vec3:
    """Return a colour of the same brightness, its hue brought towards another's."""
    luma = wp.vec3(0.2126, 0.7152, 0.0722)
    level = wp.dot(colour, luma) / wp.dot(by, luma)
    return wp.lerp(colour, by * level, share)


@wp.func
def _mottle(
    x: float, y: float, finest: float, even: float, sheet: float, seen: float, s: int
) -> float:
    """Return unevenness of wavelengths from 90 m down to `finest` [m], the wide ones by `even`.

    On an even `sheet`, 0 to 1, only the fine ones are left.
    Octaves lie fixed on the ground, so that a finer level refines what a coarser one shows.
    """
    total = float(0.0)
    wavelength = float(90.0)
    for i in range(17):
        if wavelength >= finest:
            part = noise2(x / wavelength + 0.37 * float(i), y / wavelength, s + 8210 + i)
            part *= 1.0 - 0.7 * sheet * step(1.5, 5.0, wavelength)
            part *= even + (0.75 - even) * step(26.0, 6.0, wavelength)
            part *= 1.0 + 0.9 * step(4.0, 1.5, wavelength) + 0.6 * step(1.2, 0.5, wavelength)
            total += part * (1.0 - seen * step(4.0, 12.0, wavelength))
        wavelength *= 0.5
    return total


@wp.func
def _film(x: float, y: float, along: float, aside: float, finest: float, s: int) -> float:
    """Return how dusty grains are, about -1 to 1, by neighbourhoods of three sizes."""
    film = fbm(along / 2.0, aside, 640.0, 3, 0.6, s + 8244)
    if finest < 40.0:
        film += 0.8 * fbm(x, y, 38.0, 3, 0.7, s + 8245)
    if finest < 2.5:
        film += 0.8 * fbm(x, y, 2.6, 3, 0.7, s + 8246)
    return film


@wp.func
def colour_at(
    x: float,
    y: float,
    units: Units,
    finest: float,
    seen: float,
    lies: Lies,
    form: Form,
) -> wp.vec3:
    """Return the reflectance where `lies` is what lies here."""
    s = form.seed
    sand = lies.sand
    rough = step(-14.0, 14.0, units.into)
    delta = step(-10.0, 30.0, units.inside)
    hill = wp.max(0.8 * delta, units.rim)
    floor = (1.0 - hill) * (1.0 - 0.5 * rough)
    # What is wider than some metres is faint on the even floor and strong on broken ground.
    even = 0.14 + 0.22 * wp.max(rough, wp.max(hill, 0.5 * units.pitted))
    # Where nothing breaks the floor nothing breaks its tone either.
    calm = 0.50 + 0.65 * wp.max(units.hummock, wp.max(rough, hill))
    mottle = calm * _mottle(x, y, finest, even, lies.even, seen, s)
    fine = wp.clamp(0.5 * mottle, -1.0, 1.0)
    albedo = form.soil * (1.0 + 0.08 * units.tone)
    # Soil is sand and dust in all shares: what varies is how much of each lies on top.
    albedo = wp.lerp(albedo, form.dust, 0.22 * wp.max(fine, 0.0))
    albedo = wp.lerp(albedo, form.sand, 0.34 * wp.max(-fine, 0.0))
    along = x * form.ripple_across[0] + y * form.ripple_across[1]
    aside = x * form.ripple_across[1] - y * form.ripple_across[0]
    # Dark sand lies over wide ground, thick or thin, drawn out along the wind: most on the mantle,
    # and thins out over a kilometre. No edge of it is a line: lines are ridges and scarps.
    streak = fbm(along / 7.0, aside, 240.0, 3, 0.62, s + 8240)
    lobes = fbm(along / 1.8, aside, 620.0, 3, 0.58, s + 8241)
    before = delta_inside(x, y, form)
    # The foot of the scarp and its slope of blocks, where sand gathers and dust slides off.
    scarp = (
        step(-170.0, -15.0, before) * step(30.0, 5.0, before) * step(-900.0, -600.0, units.inside)
    )
    wide = fbm(x, y, 10500.0, 2, 0.4, s + 8242)
    region = step(-7500.0, -1800.0, before + 2200.0 * wide + 900.0 * streak)
    sheet = step(-0.40, 0.90, 0.8 * units.mantle + 0.45 * lobes + 0.15 * streak)
    low = step(-0.45, 0.85, units.lows + 0.35 * units.patch)
    dark = region * (0.30 + 0.66 * sheet)
    dark = wp.lerp(dark, region * (0.46 + 0.34 * low), rough) * (1.0 - 0.85 * hill) * (1.0 - seen)
    drift = fbm(along / 2.2, aside, 480.0, 3, 0.6, s + 8243)
    dusty = 0.66 * step(-0.7, 0.9, 0.5 * streak + 0.8 * units.tone + 0.4 * drift)
    dusty *= floor * (1.0 - dark) * (1.0 - seen)
    albedo = wp.lerp(albedo, form.sand, wp.clamp((0.95 + 0.12 * fine) * dark, 0.0, 0.9))
    albedo = wp.lerp(albedo, form.dust, wp.clamp(0.30 * dusty, 0.0, 0.6))
    # A film of dust reddens dark grains more than it brightens them, and wind takes it off again.
    film = (_film(x, y, along, aside, finest, s) + 0.5 * lies.even - 0.15) * (1.0 - seen)
    albedo = wp.lerp(albedo, form.dust, 0.10 * lies.even * (1.0 - seen))
    albedo = _stained(albedo, form.sand, 0.42 * step(-0.1, 0.9, -film))
    albedo = _stained(albedo, form.dust, 0.80 * step(-0.1, 0.9, film))
    # The ridge along the rough unit's margin is bare rock.
    margin = (units.into + 22.0) / 18.0
    bare = 0.15 * wp.exp(-margin * margin) * (1.0 - hill) * step(-0.25, 0.45, units.patch)
    bare *= (0.4 + 0.6 * region) * (1.0 - units.soft) * step(-0.35, 0.35, units.lows)
    albedo = wp.lerp(
        albedo,
        form.bedrock,
        wp.clamp(delta * (0.74 + 0.3 * fine) + 0.50 * units.rim + bare, 0.0, 0.9),
    )
    # On the delta sand lies between the beds, dust on top of them.
    albedo = wp.lerp(albedo, form.sand, 0.34 * delta * step(-0.7, 0.9, lobes - 0.25 * fine))
    # Sand lies thick and thin, drawn out along the wind, with dust between: no patch is one tone.
    thick = fbm(along / 3.2, aside, 110.0, 4, 0.6, s + 8230) + 0.5 * fine
    cover = sand * (0.55 + 0.45 * step(-0.55, 0.45, thick)) * (0.20 + 0.80 * wp.max(region, seen))
    albedo = wp.lerp(albedo, form.sand, wp.clamp(cover * (0.95 - 0.35 * lies.crest), 0.0, 0.95))
    albedo = wp.lerp(albedo, form.sand * 0.85, 0.42 * scarp)
    # Crests are of coarse grains that stay, and hold dust between them.
    albedo = wp.lerp(albedo, form.dust, 0.50 * lies.crest * lies.crest * (1.0 - 0.4 * sand))
    slab = wp.lerp(form.pale_rock, form.dust, 0.5 + 0.4 * fine)
    albedo = wp.lerp(albedo, slab, wp.clamp(lies.slab * (0.65 + 0.25 * fine), 0.0, 0.95))
    return wp.lerp(albedo, _stone(x, y, albedo, finest, lies, form), 0.92 * lies.stone)


@wp.func
def _stone(x: float, y: float, soil: wp.vec3, finest: float, lies: Lies, form: Form) -> wp.vec3:
    """Return the colour of stones: flat ones wear dust, dark ones some by neighbourhoods.

    Under the dullest of the flat ones some `soil` lies still.
    """
    pale = wp.lerp(form.pale_rock, form.dust, 0.45 + 0.40 * lies.tone)
    pale = wp.lerp(pale * (1.05 + 0.10 * lies.tone), soil, 0.65 * step(0.0, 1.0, -lies.tone))
    worn = step(-0.1, 0.7, noise2(x / 0.7, y / 0.7, form.seed + 8250))
    dark = wp.lerp(form.rock * (0.95 + 0.30 * lies.tone), 0.5 * (form.rock + form.dust), 0.5 * worn)
    colour = wp.lerp(dark, pale, lies.pale)
    if finest < 0.05:
        # Pits and grains on their faces.
        colour *= 1.0 + 0.15 * noise2(x / 0.017, y / 0.017, form.seed + 8251)
    return colour
