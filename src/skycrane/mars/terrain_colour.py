"""The colours of the ground: soil, dust, sand, bedrock and stones, by what lies where."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import fbm, noise2
from skycrane.mars.terrain_form import Form, step
from skycrane.mars.terrain_units import Units

__all__ = ["colour_at", "tint"]

wp.set_module_options({"enable_backward": False})


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
def colour_at(
    x: float,
    y: float,
    units: Units,
    finest: float,
    seen: float,
    lies: wp.vec4,
    form: Form,
) -> wp.vec3:
    """Return the reflectance where `lies` is what lies here: sand, crest, pale tops, dark rock."""
    s = form.seed
    sand = lies[0]
    rough = step(-14.0, 14.0, units.into)
    delta = step(-10.0, 30.0, units.inside)
    # The foot of the scarp and its slope of blocks, where sand gathers and dust slides off.
    scarp = step(-190.0, -60.0, units.inside) * step(25.0, 0.0, units.inside)
    hill = wp.max(0.8 * delta, units.rim)
    floor = (1.0 - hill) * (1.0 - rough)
    # Octaves that lie fixed on the ground, so that a finer level refines what a coarser one shows.
    # What is wider than some metres is faint on the even floor and strong on broken ground.
    even = 0.32 + 0.33 * wp.max(rough, wp.max(hill, 0.5 * units.pitted))
    mottle = float(0.0)
    wavelength = float(90.0)
    for i in range(14):
        if wavelength >= finest:
            part = noise2(x / wavelength + 0.37 * float(i), y / wavelength, s + 8210 + i)
            part *= even + (0.75 - even) * step(26.0, 6.0, wavelength)
            part *= 1.0 + 0.6 * step(4.0, 1.5, wavelength)
            mottle += part * (1.0 - seen * step(4.0, 12.0, wavelength))
        wavelength *= 0.5
    fine = wp.clamp(0.5 * mottle, -1.0, 1.0)
    tone = units.tone
    albedo = form.soil * (1.0 + 0.34 * tone + 0.08 * fine)
    # A dark mantle on part of the floor, and dust blown over the rest in long streaks.
    along = x * form.ripple_across[0] + y * form.ripple_across[1]
    aside = x * form.ripple_across[1] - y * form.ripple_across[0]
    albedo = wp.lerp(albedo, form.sand, 0.22 * units.mantle * floor * (1.0 - 0.3 * fine))
    streak = fbm(along / 9.0, aside, 420.0, 4, 0.62, s + 8240)
    dusty = 0.14 * step(0.0, 0.6, tone) + 0.06 * step(-0.1, 0.7, streak) * (1.0 - rough)
    albedo = wp.lerp(albedo, form.dust, wp.clamp((dusty + 0.08 * fine) * (1.0 - seen), 0.0, 0.7))
    # The ridge along the rough unit's margin is bare rock.
    margin = (units.into + 22.0) / 18.0
    bare = 0.22 * wp.exp(-margin * margin) * (1.0 - hill) * step(-0.25, 0.45, units.patch)
    bare *= (1.0 - units.soft) * step(-0.35, 0.35, units.lows)
    albedo = wp.lerp(
        albedo,
        form.bedrock,
        wp.clamp(0.75 * delta * (1.0 + 0.5 * fine) + 0.50 * units.rim + bare, 0.0, 0.9),
    )
    # Sand lies thick and thin, drawn out along the wind, with dust between: no patch is one tone.
    thick = fbm(along / 3.2, aside, 110.0, 4, 0.6, s + 8230) + 0.5 * fine
    cover = sand * (0.55 + 0.45 * step(-0.55, 0.45, thick))
    albedo = wp.lerp(albedo, form.sand, wp.clamp(cover * (0.95 - 0.35 * lies[1]), 0.0, 0.95))
    albedo = wp.lerp(albedo, form.sand * 0.85, 0.30 * scarp)
    albedo = wp.lerp(albedo, form.dust, wp.clamp(lies[2] * (0.55 + 0.25 * fine), 0.0, 0.9))
    # Stones are bare and grey or wear dust, by neighbourhoods.
    worn = step(-0.4, 0.6, noise2(x / 0.7, y / 0.7, s + 8250))
    stone = wp.lerp(form.rock * 0.70, 0.5 * (form.rock + form.dust), worn)
    return wp.lerp(albedo, stone, 0.85 * lies[3])
