"""Where what lies: the delta's outline, the rim, mounds and units of the floor, at any place.

Everything here is evaluated at a point (east, north of the target, m), from the same seed, so that
grids of any spacing and placement agree with each other. How high it stands: `terrain_landform`.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from skycrane.mars.noise import fbm, lattice2
from skycrane.mars.terrain_facets import facets
from skycrane.mission import Mission

__all__ = [
    "Form",
    "delta_inside",
    "fan_at",
    "form_of",
    "hummock_share",
    "mantle_share",
    "mound_at",
    "mound_inside",
    "octave_slope",
    "pitted_share",
    "rim_offset",
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
    delta_face: float
    bed_height: float
    bed_spacing: float
    channel_height: float
    knob_height: float
    rim_centre: wp.vec2
    rim_radius: float
    rim_height: float
    rim_width: float
    upland: float
    floor_slope: float
    hummocks: float
    hummock_slope: float
    swell: float
    mantle_relief: float
    hollow_depth: float
    margin_height: float
    margin_ridge: float
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
    form.delta_face = float(np.tan(np.radians(model.delta.face_deg)))
    form.bed_height = model.delta.bed_height_m
    form.bed_spacing = model.delta.bed_spacing_m
    form.channel_height = model.delta.channel_height_m
    form.knob_height = model.delta.knob_height_m
    form.rim_centre = wp.vec2(*model.rim.centre_m)
    form.rim_radius = model.rim.radius_m
    form.rim_height = model.rim.height_m
    form.rim_width = model.rim.width_m
    form.upland = model.rim.upland_m
    form.floor_slope = model.floor_slope
    form.hummocks = 1.0
    form.hummock_slope = model.relief.hummock_slope
    form.swell = model.relief.swell_m
    form.mantle_relief = model.relief.mantle_m
    form.hollow_depth = model.relief.hollow_m
    form.margin_height = model.relief.margin_m
    form.margin_ridge = model.relief.ridge_m
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
def fan_at(x: float, y: float, form: Form) -> wp.vec2:
    """Return distance from the fan's apex [m] and angle from its axis."""
    dx = x - form.delta_apex[0]
    dy = y - form.delta_apex[1]
    angle = wp.atan2(dy, dx) - form.delta_axis
    angle = wp.atan2(wp.sin(angle), wp.cos(angle))
    return wp.vec2(wp.sqrt(dx * dx + dy * dy), angle)


@wp.func
def delta_inside(x: float, y: float, form: Form) -> float:
    """Return how far a place lies behind the delta's scarp, m; negative in front of it."""
    fan = fan_at(x, y, form)
    s = form.seed + 7000
    # Lobes of the fan and the bays cut back between them run with its radius.
    lobes = 2100.0 * lattice2(fan[1] * 2.3, fan[0] / 9000.0, s)
    lobes += 1500.0 * (0.30 - wp.abs(lattice2(fan[1] * 5.2, fan[0] / 5200.0, s + 5)))
    # A few winding valleys far into the front, as wide as two alcoves.
    valley = lattice2(fan[1] * 2.9, fan[0] / 9500.0, s + 6) + 0.22 * lattice2(
        x / 900.0, y / 900.0, s + 7
    )
    lobes -= (
        1500.0
        * step(0.20, 0.02, wp.abs(valley))
        * step(-0.2, 0.2, lattice2(x / 3100.0, y / 3100.0, s + 8))
    )
    # Straight lengths with sharp corners, as joints and fallen slabs leave them, hardly bent.
    wx = x + 38.0 * lattice2(x / 470.0, y / 470.0, s + 1)
    wy = y + 38.0 * lattice2(x / 470.0 + 4.7, y / 470.0, s + 1)
    lobes += 640.0 * facets(wx / 1250.0, wy / 1250.0, s + 9)
    lobes += 150.0 * facets(wx / 410.0 + 3.3, wy / 410.0, s + 2)
    # Alcoves with spurs between them, some tens of metres wide: the crease of |noise| is the spur.
    cut = step(-0.15, 0.35, lattice2(x / 820.0, y / 820.0, s + 10))
    lobes += (16.0 + 40.0 * cut) * (0.30 - wp.abs(lattice2(x / 128.0, y / 128.0, s + 3)))
    lobes += 8.0 * lattice2(x / 52.0, y / 52.0, s + 4)
    side = step(form.delta_half_width, form.delta_half_width * 1.6, wp.abs(fan[1]))
    return form.delta_reach - fan[0] + lobes - 9000.0 * side


@wp.func
def rim_offset(x: float, y: float, form: Form) -> float:
    """Return how far outside the basin's crest a place lies, in half widths of its wall."""
    dx = x - form.rim_centre[0]
    dy = y - form.rim_centre[1]
    warp = 2200.0 * lattice2(x / 11000.0, y / 11000.0, form.seed + 7100)
    return (wp.sqrt(dx * dx + dy * dy) + warp - form.rim_radius) / form.rim_width


@wp.func
def rim_share(x: float, y: float, form: Form) -> float:
    """Return 0 on the basin floor, 1 on its wall and outside."""
    return step(-1.6, -0.6, rim_offset(x, y, form))


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
def _crease(n: float) -> float:
    """Return a ridge along noise's zero line, blunt: a sharp one leaves trenches like cuts."""
    return 0.3 - wp.sqrt(n * n + 0.006)


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
    # Scallops of three sizes, spurs between them.
    n += 0.05 * _crease(lattice2(x / 260.0, y / 260.0, s + 13))
    n += 0.016 * _crease(lattice2(x / 96.0, y / 96.0, s + 14))
    n += 0.006 * _crease(lattice2(x / 37.0, y / 37.0, s + 16))
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
def mound_at(x: float, y: float, i: int, form: Form) -> float:
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
        t = mound_at(x, y, i, form)
        if t > -0.99:
            best = wp.max(best, t * form.mounds[i][2])
    return best
