"""The landform: basin floor, delta, rim, mounds and units of ground, as one function of the place.

Everything here is evaluated at a point (east, north of the target, m), from the same seed, so that
grids of any spacing and placement agree with each other.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from skycrane.mars.noise import fbm, lattice2, ridged
from skycrane.mission import Mission

__all__ = [
    "Form",
    "base_height",
    "delta_inside",
    "form_of",
    "hollow",
    "hummock_share",
    "mantle_share",
    "mound_inside",
    "octave_slope",
    "pitted_share",
    "rim_share",
    "rough_inside",
    "soft_margin",
    "step",
]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Form:
    """What the landform functions need of a mission's terrain."""

    seed: int
    delta_apex: wp.vec2
    delta_axis: float
    delta_half_width: float
    delta_reach: float
    delta_height: float
    rim_centre: wp.vec2
    rim_radius: float
    rim_height: float
    rim_width: float
    upland: float
    floor_slope: float
    hummocks: float
    rough_slope: float
    rough_level: float
    pitted_level: float
    mantle_level: float
    crater_number: float
    crater_slope: float
    crater_depth: float
    crater_most: float
    ripple_length: wp.vec3
    ripple_steepness: float
    ripple_across: wp.vec2
    rock_cover: float
    pale_share: float
    gravel_cover: float
    clear_radius: float
    clear_over: float
    target_height: float
    soil: wp.vec3
    sand: wp.vec3
    dust: wp.vec3
    bedrock: wp.vec3
    rock: wp.vec3
    pale_rock: wp.vec3
    mounds: wp.array(dtype=wp.vec4)  # type: ignore[valid-type]


def _level(fraction: float) -> float:
    """Return the level of unit noise (deviation 0.42, near normal) above which a share lies."""
    share = min(max(fraction, 1e-3), 1 - 1e-3)
    return float(-0.42 * np.log(share / (1 - share)) / 1.702)


def form_of(mission: Mission, *, target_height_m: float = 0.0, device: str = "cpu") -> Any:
    """Return the `Form` of a mission; heights count from `target_height_m` of the raw landform."""
    model = mission.terrain
    form = Form()
    form.seed = int(mission.site.seed) & 0x7FFFFFFF
    form.delta_apex = wp.vec2(*model.delta.apex_m)
    form.delta_axis = float(np.radians(90.0 - model.delta.axis_deg))
    form.delta_half_width = float(np.radians(model.delta.half_width_deg))
    form.delta_reach = model.delta.reach_m
    form.delta_height = model.delta.height_m
    form.rim_centre = wp.vec2(*model.rim.centre_m)
    form.rim_radius = model.rim.radius_m
    form.rim_height = model.rim.height_m
    form.rim_width = model.rim.width_m
    form.upland = model.rim.upland_m
    form.floor_slope = model.floor_slope
    form.hummocks = 1.0
    form.rough_slope = model.rough_slope
    form.rough_level = _level(model.rough_fraction)
    form.pitted_level = _level(model.pitted_fraction)
    form.mantle_level = _level(model.mantle_fraction)
    form.crater_number = model.craters.per_km2_over_1_km
    form.crater_slope = model.craters.slope
    form.crater_depth = model.craters.fresh_depth
    # Craters over D a square D where as many wear out as form (Gault 1970: saturation 1.54).
    form.crater_most = 1.54 * model.craters.equilibrium_share
    form.ripple_length = wp.vec3(*model.ripples.wavelengths_m)
    form.ripple_steepness = model.ripples.steepness
    across = np.radians(model.ripples.direction_deg)
    form.ripple_across = wp.vec2(float(np.sin(across)), float(np.cos(across)))
    form.rock_cover = model.rocks.cover
    form.pale_share = model.rocks.pale_share
    form.gravel_cover = model.rocks.gravel_cover
    form.clear_radius = model.rocks.clear_radius_m
    form.clear_over = model.rocks.clear_over_m
    form.target_height = target_height_m
    for name in ("soil", "sand", "dust", "bedrock", "rock", "pale_rock"):
        setattr(form, name, wp.vec3(*getattr(model.colours, name)))
    mounds = np.array(model.mounds, np.float32).reshape(-1, 4)
    form.mounds = wp.array(mounds, dtype=wp.vec4, device=device)
    return form


@wp.func
def step(low: float, high: float, x: float) -> float:
    """Return the smooth step from 0 at `low` to 1 at `high`."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def octave_slope(at_100_m: float, wavelength: float) -> float:
    """Return the slope of an octave of relief: a self-affine surface's, Hurst exponent 0.75.

    Within the 0.7 to 0.95 that altimeter profiles of Mars give (Orosei et al. 2003, J. Geophys.
    Res. 108, 8023): amplitudes fall more slowly than wavelengths, short slopes are the steeper.
    """
    return at_100_m * wp.pow(wavelength / 100.0, -0.25)


@wp.func
def _fan(x: float, y: float, form: Form) -> wp.vec2:
    dx = x - form.delta_apex[0]
    dy = y - form.delta_apex[1]
    angle = wp.atan2(dy, dx) - form.delta_axis
    angle = wp.atan2(wp.sin(angle), wp.cos(angle))
    return wp.vec2(wp.sqrt(dx * dx + dy * dy), angle)


@wp.func
def delta_inside(x: float, y: float, form: Form) -> float:
    """Return how far a place lies behind the delta's scarp, m; negative in front of it."""
    fan = _fan(x, y, form)
    s = form.seed + 7000
    # Lobes of the fan and the bays cut back between them run with its radius.
    lobes = 2100.0 * lattice2(fan[1] * 2.3, fan[0] / 9000.0, s)
    lobes += 1500.0 * (0.30 - wp.abs(lattice2(fan[1] * 5.2, fan[0] / 5200.0, s + 5)))
    # Alcoves with sharp spurs between them: the crease of |noise| makes the spurs.
    lobes += 900.0 * (0.30 - wp.abs(lattice2(x / 1150.0, y / 1150.0, s + 1)))
    lobes += 210.0 * (0.30 - wp.abs(lattice2(x / 330.0, y / 330.0, s + 2)))
    lobes += 34.0 * lattice2(x / 95.0, y / 95.0, s + 3)
    side = step(form.delta_half_width, form.delta_half_width * 1.6, wp.abs(fan[1]))
    return form.delta_reach - fan[0] + lobes - 9000.0 * side


@wp.func
def _rim_offset(x: float, y: float, form: Form) -> float:
    dx = x - form.rim_centre[0]
    dy = y - form.rim_centre[1]
    warp = 2200.0 * lattice2(x / 11000.0, y / 11000.0, form.seed + 7100)
    return (wp.sqrt(dx * dx + dy * dy) + warp - form.rim_radius) / form.rim_width


@wp.func
def rim_share(x: float, y: float, form: Form) -> float:
    """Return 0 on the basin floor, 1 on its wall and outside."""
    return step(-1.6, -0.6, _rim_offset(x, y, form))


@wp.func
def soft_margin(x: float, y: float, form: Form) -> float:
    """Return 0 where the rough unit ends at a steep step, 1 where the floor goes over into it."""
    s = form.seed + 7250
    n = lattice2(x / 760.0, y / 760.0, s) + 0.6 * lattice2(x / 1900.0, y / 1900.0, s + 1)
    return step(-0.24, 0.26, n)


@wp.func
def hummock_share(x: float, y: float, form: Form) -> float:
    """Return how hummocky the smooth floor is, 0 to 1: about the target, in places elsewhere."""
    n = fbm(x, y, 1500.0, 3, 0.5, form.seed + 7260)
    far = x * x + y * y
    share = wp.max(step(-0.12, 0.46, n), 0.8 * wp.exp(-far / (420.0 * 420.0)))
    return (0.03 + 0.97 * share) * (1.0 - 0.5 * wp.exp(-far / (110.0 * 110.0)))


@wp.func
def _hummocks(x: float, y: float, finest: float, form: Form) -> float:
    """Return relief [m] of low hummocks and worn hollows, drawn out along the wind."""
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
    steep = float(0.065)
    for i in range(6):
        if wavelength >= finest:
            n = lattice2(along / (stretch * wavelength), aside / wavelength, s + i)
            # Flat crests, worn hollows between: more of the ground stands high than low.
            n = 0.35 * n - 0.80 * step(0.20, 0.38, -n)
            h += steep * wavelength * n
        wavelength *= 0.55
        steep *= 1.05
        stretch = 1.0 + 0.7 * (stretch - 1.0)
    return h


@wp.func
def rough_inside(x: float, y: float, inside: float, form: Form) -> float:
    """Return how far a place lies within the rough, lower unit, m; negative outside it.

    `inside` is how far it lies behind the delta's scarp [m].
    Its margin is a line of wide lobes, as of a surface worn back; where it is soft (`soft_margin`)
    the metres are nine times as long and it frays into patches.
    """
    s = form.seed + 7200
    wx = x + 420.0 * lattice2(x / 1500.0, y / 1500.0, s + 11)
    wy = y + 420.0 * lattice2(x / 1500.0 + 7.3, y / 1500.0, s + 12)
    n = fbm(wx, wy, 3000.0, 3, 0.36, s)
    n += 0.05 * (0.3 - wp.abs(lattice2(x / 260.0, y / 260.0, s + 13)))
    n += 0.012 * lattice2(x / 70.0, y / 70.0, s + 14)
    n += 0.006 * lattice2(x / 24.0, y / 24.0, s + 16)
    # Keep the target itself on the smooth unit, a few hundred metres from its margin.
    n -= 0.7 * wp.exp(-(x * x + y * y) / (260.0 * 260.0))
    n -= 0.25 * step(-700.0, 200.0, inside)
    soft = soft_margin(x, y, form)
    frayed = 9.0 * soft * fbm(x, y, 120.0, 3, 0.6, s + 15)
    return (n - form.rough_level) * 1500.0 / (1.0 + 8.0 * soft) + frayed


@wp.func
def pitted_share(x: float, y: float, form: Form) -> float:
    """Return 0 to 1: where the smooth floor is worn into hollows."""
    n = fbm(x, y, 4200.0, 3, 0.5, form.seed + 7220)
    n -= 0.5 * wp.exp(-(x * x + y * y) / (300.0 * 300.0))
    return step(-0.30, 0.40, n - form.pitted_level)


@wp.func
def mantle_share(x: float, y: float, form: Form) -> float:
    """Return 0 to 1: where the smooth floor wears a dark, even mantle, thin at its margin."""
    n = fbm(x, y, 5200.0, 4, 0.5, form.seed + 7230)
    return step(-0.20, 0.22, n - form.mantle_level)


@wp.func
def hollow(x: float, y: float, form: Form) -> float:
    """Return 0 on level ground, 1 on the floor of a hollow, where the floor is worn into them."""
    s = form.seed + 7240
    n = lattice2(x / 62.0, y / 62.0, s) + 0.35 * lattice2(x / 23.0, y / 23.0, s + 1)
    n += 0.35 * lattice2(x / 510.0, y / 510.0, s + 2)
    return step(0.10, 0.58, n)


@wp.func
def _delta_height(x: float, y: float, inside: float, finest: float, form: Form) -> float:
    # A cliff of strong beds over a slope of fallen blocks at the angle of repose.
    talus = wp.clamp((inside + 85.0) / 85.0, 0.0, 1.0)
    h = form.delta_height * 0.52 * talus * wp.sqrt(talus)
    h += form.delta_height * 0.40 * step(-0.25 * finest, wp.max(14.0, 0.25 * finest), inside)
    h += form.delta_height * 0.08 * step(40.0, 220.0, inside) + 38.0 * step(0.0, 5000.0, inside)
    top = step(0.0, 90.0, inside)
    if top <= 0.0:
        return h
    fan = _fan(x, y, form)
    s = form.seed + 7300
    wx = x + 240.0 * lattice2(x / 800.0, y / 800.0, s + 1)
    wy = y + 240.0 * lattice2(x / 800.0 + 3.1, y / 800.0, s + 2)
    # Inverted channels run down the fan: noise stretched along the radius.
    along = ridged(fan[0] * 0.22, fan[1] * 7000.0, 620.0, 3, 0.5, s)
    relief = 70.0 * fbm(wx, wy, 1500.0, 3, 0.42, s + 10) + 28.0 * along
    relief += 15.0 * ridged(wx, wy, 270.0, 3, 0.5, s + 15)
    # Beds of unlike strength: flats between short steep risers.
    bench = 13.0
    level = (h + relief) / bench
    part = level - wp.floor(level)
    wide = wp.clamp(finest / 160.0, 0.24, 0.5)
    bedded = (wp.floor(level) + step(0.5 - wide, 0.5 + wide, part)) * bench
    # Hollows where weaker beds were blown out.
    pits = step(0.20, 0.60, lattice2(wx / 300.0, wy / 300.0, s + 20)) * 12.0
    worn = 0.40 * (h + relief) + 0.60 * bedded - pits
    return h * (1.0 - top) + top * worn


@wp.func
def _rim_height(x: float, y: float, form: Form) -> float:
    t = _rim_offset(x, y, form)
    ring = wp.exp(-t * t)
    massif = 0.25 + 1.05 * ridged(x, y, 7000.0, 6, 0.52, form.seed + 7400)
    outside = form.upland * step(-0.3, 1.6, t)
    rugged = step(-1.3, 0.2, t) * (220.0 * ridged(x, y, 2600.0, 5, 0.5, form.seed + 7410) - 60.0)
    h = form.rim_height * ring * massif + outside + rugged
    # The inlet valley that fed the delta.
    dx = x - form.delta_apex[0]
    dy = y - form.delta_apex[1] - 900.0 * wp.sin(dx / 2400.0)
    west = step(1800.0, -400.0, dx)
    across = wp.exp(-(dy * dy) / (650.0 * 650.0))
    return h * (1.0 - 0.93 * west * across)


@wp.func
def _mound_inside(x: float, y: float, i: int, form: Form) -> float:
    """Return how far a place lies within a mound's foot, in its radii; negative outside."""
    m = form.mounds[i]
    dx = x - m[0]
    dy = y - m[1]
    d = wp.sqrt(dx * dx + dy * dy) / m[2]
    if d > 2.0:
        return -1.0
    edge = 0.62 * fbm(x, y, m[2] * 1.3, 4, 0.5, form.seed + 7500 + i)
    return 0.85 - d - edge


@wp.func
def mound_inside(x: float, y: float, form: Form) -> float:
    """Return how far a place lies within the nearest mound's foot, m; -1000 far outside."""
    best = float(-1000.0)
    for i in range(form.mounds.shape[0]):
        t = _mound_inside(x, y, i, form)
        if t > -0.99:
            best = wp.max(best, t * form.mounds[i][2])
    return best


@wp.func
def _mound_height(x: float, y: float, form: Form) -> float:
    h = float(0.0)
    for i in range(form.mounds.shape[0]):
        t = _mound_inside(x, y, i, form)
        m = form.mounds[i]
        if t > 0.0:
            # Worn edges under caps of stronger beds, ribbed by gullies.
            rib = ridged(x, y, m[2] * 0.6, 3, 0.5, form.seed + 7550 + i)
            h += m[3] * (0.55 * step(0.0, 0.26, t) + 0.30 * wp.min(t * 1.4, 1.0))
            h += m[3] * 0.35 * rib * step(0.0, 0.35, t)
    return h


@wp.func
def base_height(x: float, y: float, finest: float, form: Form) -> float:
    """Return the height of the landform [m] with relief of wavelengths down to `finest` [m]."""
    rim = rim_share(x, y, form)
    inside = delta_inside(x, y, form)
    into = rough_inside(x, y, inside, form)
    rough = step(-14.0, 14.0, into)
    h = _rim_height(x, y, form) * rim
    if inside > -200.0:
        h += _delta_height(x, y, inside, finest, form) * (1.0 - rim)
    h += _mound_height(x, y, form)
    # The rough unit lies lower, under a steep margin, and a low ridge runs along it.
    open_floor = (1.0 - rim) * step(60.0, -60.0, inside)
    ridge = (into + 22.0) / wp.max(17.0, 0.4 * finest)
    crest = 3.4 * wp.exp(-ridge * ridge) * (1.0 - soft_margin(x, y, form))
    h += open_floor * (crest - 8.0 * step(-16.0, 12.0, into))
    pitted = float(0.0)
    if rough < 1.0 and open_floor > 0.0:
        pitted = pitted_share(x, y, form) * (1.0 - rough) * open_floor
        if pitted > 0.0 and finest < 100.0:
            h -= 4.5 * pitted * hollow(x, y, form)
    even = float(1.0)
    if finest < 240.0 and open_floor > 0.0:
        uneven = hummock_share(x, y, form)
        even = 0.38 + 0.8 * uneven
        hummocks = form.hummocks * uneven * (1.0 - 0.6 * rough) * open_floor
        if hummocks > 0.0:
            h += hummocks * _hummocks(x, y, finest, form)
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
    return h - form.target_height
