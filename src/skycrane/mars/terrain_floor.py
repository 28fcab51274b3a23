"""The basin floor's relief: its undulation, hummocks, worn hollows and the units' margins."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import fbm, lattice2
from skycrane.mars.terrain_form import (
    Form,
    mantle_share,
    octave_slope,
    pitted_share,
    soft_margin,
    step,
)
from skycrane.mars.terrain_hollows import hollows, tract

__all__ = ["floor_height", "undulation"]

wp.set_module_options({"enable_backward": False})


@wp.func
def _hummocks(x: float, y: float, bold: float, finest: float, form: Form) -> float:
    """Return relief [m] of low hummocks and worn hollows, drawn out along the wind.

    `bold`, 0 to 1, makes the widest of them higher.
    """
    s = form.seed + 7270
    along = x * form.ripple_across[0] + y * form.ripple_across[1]
    aside = x * form.ripple_across[1] - y * form.ripple_across[0]
    # Bent, or long rows of them would show the wind's direction as a ruled line.
    aside += 26.0 * lattice2(x / 170.0, y / 170.0, s + 9)
    if finest < 34.0:
        aside += 8.0 * lattice2(x / 37.0, y / 37.0, s + 10)
        along += 13.0 * lattice2(x / 41.0, y / 41.0, s + 11)
    h = float(0.0)
    wavelength = float(240.0)
    stretch = float(2.1)
    steep = float(form.hummock_slope)
    for i in range(6):
        if wavelength >= finest:
            n = lattice2(along / (stretch * wavelength), aside / wavelength, s + i)
            # Flat crests, worn hollows between: more of the ground stands high than low.
            n = 0.35 * n - 0.80 * step(0.13, 0.43, -n)
            h += steep * wavelength * n * (1.0 + 1.4 * bold * step(40.0, 200.0, wavelength))
        wavelength *= 0.55
        steep *= 1.05
        stretch = 1.0 + 0.7 * (stretch - 1.0)
    return h


@wp.func
def _margin(x: float, y: float, into: float, finest: float, form: Form) -> float:
    """Return relief [m] of the rough unit's margin: it lies lower, under a steep, knobby edge."""
    s = form.seed + 7280
    # The edge is a row of blocks and spurs, here higher, there gone.
    at = into + 22.0 + 9.0 * lattice2(x / 44.0, y / 44.0, s)
    ridge = at / wp.max(17.0, 0.4 * finest)
    n = lattice2(x / 130.0, y / 130.0, s + 1)
    if finest < 40.0:
        n += 0.9 * lattice2(x / 39.0, y / 39.0, s + 2) + 0.5 * lattice2(x / 21.0, y / 21.0, s + 3)
    crest = form.margin_ridge * wp.exp(-ridge * ridge) * wp.max(0.75 + 1.3 * n, 0.0)
    return crest * (1.0 - soft_margin(x, y, form)) - form.margin_height * step(-34.0, 18.0, into)


@wp.func
def _mantle(x: float, y: float, finest: float, form: Form) -> float:
    """Return the relief, about -1 to 1, of a mantle worn into ridges along the wind."""
    s = form.seed + 7290
    along = x * form.ripple_across[0] + y * form.ripple_across[1]
    aside = x * form.ripple_across[1] - y * form.ripple_across[0]
    aside += 40.0 * lattice2(x / 330.0, y / 330.0, s)
    total = float(0.0)
    size = float(330.0)
    gain = float(1.0)
    for i in range(3):
        if size >= 0.8 * finest:
            n = lattice2(along / (1.5 * size), aside / size, s + 1 + i)
            total += gain * (0.28 - wp.abs(n)) * 1.6
        size *= 0.48
        gain *= 0.62
    return total


@wp.func
def floor_height(
    x: float,
    y: float,
    into: float,
    inside: float,
    rough: float,
    uneven: float,
    share: float,
    finest: float,
    form: Form,
) -> float:
    """Return relief [m] of the floor's units where `share` of the ground is floor.

    `into` is how far a place lies within the rough unit, `inside` how far behind the delta's
    scarp [m], `rough` how far the rough unit shows,
    `uneven` how hummocky the smooth floor is.
    """
    if share <= 0.0:
        return 0.0
    # None of this tilts the ground at the target.
    apart = x * x + y * y
    guard = 1.0 - wp.exp(-apart / (520.0 * 520.0))
    h = _margin(x, y, into, finest, form)
    # Broad swells with worn ridges between them.
    s = form.seed + 7295
    swell = fbm(x, y, 1050.0, 3, 0.6, s)
    swell += 0.8 * (0.25 - wp.abs(lattice2(x / 640.0, y / 640.0, s + 5)))
    h += form.swell * guard * swell
    if rough > 0.0:
        # Basins of the rough unit, where dark sand lies: the same noise as `Units.lows`.
        lows = fbm(x, y, 420.0, 4, 0.55, form.seed + 8000)
        h -= 1.2 * form.hollow_depth * guard * step(20.0, 140.0, into) * step(-0.05, 0.45, lows)
    mantle = mantle_share(x, y, form) * (1.0 - 0.8 * rough)
    if mantle > 0.0:
        h += form.mantle_relief * guard * mantle * _mantle(x, y, finest, form)
    if rough < 1.0 and finest < 100.0:
        # The mantle wears into more of them than bare rock.
        pitted = wp.max(0.45 + 0.35 * pitted_share(x, y, form), 1.1 * mantle) * (1.0 - rough)
        # What has come down from the scarp has filled those before it.
        pitted *= 1.0 - 0.6 * step(3000.0, 7000.0, wp.sqrt(apart))
        pitted *= step(-250.0, -900.0, inside) * (1.0 - wp.exp(-apart / (75.0 * 75.0)))
        if pitted > 0.0:
            # About the target lies a tract full of them, as in flown images 65 to 72.
            tracts = 0.80 * wp.exp(-apart / (800.0 * 800.0))
            h -= hollows(x, y, pitted, tracts, finest, form)
    if finest < 240.0:
        # The landing site is picked for being even; away from it tracts differ.
        far = step(250.0, 900.0, wp.sqrt(apart))
        bold = float(0.0)
        hummocks = form.hummocks * wp.max(uneven, 0.8 * far * mantle) * (1.0 - 0.6 * rough)
        if far > 0.0:
            among = step(-0.20, 0.5, tract(x, y, form.seed + 7285))
            bold = far * among
            hummocks *= 1.0 + far * (0.8 * among - 0.40)
        # Before the scarp what has come down from it lies even; beyond some kilometres dust does.
        hummocks *= 0.35 + 0.65 * step(-150.0, -700.0, inside)
        hummocks *= 1.0 - 0.5 * step(3000.0, 7000.0, wp.sqrt(apart))
        if hummocks > 0.0:
            h += hummocks * _hummocks(x, y, bold, finest, form)
    return h * share


@wp.func
def undulation(
    x: float, y: float, rough: float, rim: float, uneven: float, finest: float, form: Form
) -> float:
    """Return relief [m] of octaves from 9 km down to `finest` [m], on floor and wall alike."""
    even = 0.38 + 0.8 * uneven
    h = float(0.0)
    wavelength = float(9000.0)
    px = x / wavelength
    py = y / wavelength
    for i in range(24):
        if wavelength >= finest:
            slope = octave_slope(form.floor_slope, wavelength)
            # What is not hummocky is smooth down to some metres.
            slope *= wp.where(wavelength < 100.0, even, 1.0)
            slope += form.rough_slope * wp.max(rim, rough * step(900.0, 200.0, wavelength))
            n = lattice2(px, py, form.seed + i * 37)
            if wavelength < 120.0:
                # Worn bedrock: hummocks with creases between, where the floor is rough.
                n += 0.8 * rough * (0.45 - 1.6 * wp.abs(n))
            h += slope * wavelength * 0.45 * n
        wavelength *= 0.5
        qx = 1.6 * px - 1.2 * py + 17.31
        py = 1.2 * px + 1.6 * py - 5.77
        px = qx
    return h
