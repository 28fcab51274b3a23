"""Light in dusty air: what a path takes away and what it adds, from the ground to open sky.

One model serves haze and sky alike: a layer of dust around the planet that thins exponentially with
height, single scattering with a double Henyey-Greenstein phase function, integrated along the path,
and light scattered more than once as a glow the same all around, weaker higher up, as strong as the
diffuse light on the ground and out of the air asks by the delta-Eddington approximation. Radiance
is in units where the sun outside the air gives an irradiance of 1 in each colour on a surface
facing it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mission import Mission
from skycrane.mission.sky import Sky

__all__ = [
    "Air",
    "air_of",
    "diffuse_irradiance",
    "ground_beyond",
    "path_light",
    "sky_light",
    "sun_through",
]

wp.set_module_options({"enable_backward": False})

Array = NDArray[np.float64]
_PI = wp.constant(3.14159265)


@wp.struct
class Air:
    """What the light functions need of a mission's sky and of the sun now.

    Attributes:
        sun: unit vector toward the sun, site axes.
        depth: vertical optical depth from the datum.
        scale: scale height, m.
        radius: the planet's, m.
        omega: single-scattering albedo, by colour.
        forward: asymmetry of the forward lobe, by colour.
        backward: asymmetry of the backward lobe.
        share: weight of the forward lobe.
        glow_top: radiance source, at the top, of light scattered more than once, by colour.
        glow_more: how much stronger that source is a unit of optical depth further down.
        sky_irradiance: diffuse light on level ground, by colour.
        ground_radiance: what sunlit level ground sends up, by colour, for light from below.
        cos_sun: cosine of the sun's angular radius.
        aureole: share of scattered light that comes from near the sun.
    """

    sun: wp.vec3
    depth: float
    scale: float
    radius: float
    omega: wp.vec3
    forward: wp.vec3
    backward: float
    share: float
    glow_top: wp.vec3
    glow_more: wp.vec3
    sky_irradiance: wp.vec3
    ground_radiance: wp.vec3
    cos_sun: float
    aureole: float


@wp.func
def _lobe(g: float, c: float) -> float:
    d = 1.0 + g * g - 2.0 * g * c
    return (1.0 - g * g) / (d * wp.sqrt(d))


@wp.func
def sun_through(air: Air, height: float) -> float:
    """Return the share of direct sunlight left at a height above the datum [m]."""
    mu = wp.sqrt(air.sun[2] * air.sun[2] + 0.0021)
    return wp.exp(-air.depth * wp.exp(-height / air.scale) / mu)


@wp.func
def _added(air: Air, above0: float, above1: float, depth: float, cos_sun: float) -> wp.vec3:
    """Return the radiance, by colour, that the dust of a path adds.

    `above0`, `above1`: vertical optical depth above its near and its far end; `depth`: along it.
    Between them the one grows as the other, so that sunlight weakened on its way in and scattered
    light on its way out integrate in closed form.
    """
    slant = wp.sqrt(air.sun[2] * air.sun[2] + 0.0021)
    ends = wp.exp(-above0 / slant) - wp.exp(-above1 / slant - depth)
    e = depth + (above1 - above0) / slant
    once = wp.exp(-above0 / slant) * depth
    if wp.abs(e) > 1.0e-3:
        once = ends * depth / e
    back = (1.0 - air.share) * _lobe(air.backward, cos_sun)
    phase = wp.vec3(back, back, back)
    for c in range(3):
        phase[c] += air.share * _lobe(air.forward[c], cos_sun)
    scattered = wp.cw_mul(air.omega, phase) * (once / (4.0 * _PI))
    # The glow's source grows evenly along the path too.
    left = wp.exp(-depth)
    later = 0.5 * depth - depth * depth / 3.0
    if depth > 0.03:
        later = (1.0 - left) / depth - left
    shone = (1.0 - left) * above0 + later * (above1 - above0)
    return scattered + air.glow_top * (1.0 - left) + air.glow_more * shone


@wp.func
def path_light(
    air: Air, height0: float, height1: float, distance: float, cos_sun: float
) -> wp.vec4:
    """Return the radiance that a straight path between two heights [m] adds, and what it lets pass.

    Red, green, blue, transmittance.
    """
    a = wp.exp(-wp.max(height0, -3000.0) / air.scale)
    b = wp.exp(-wp.max(height1, -3000.0) / air.scale)
    rise = (height1 - height0) / air.scale
    mean = 0.5 * (a + b)
    if wp.abs(rise) > 0.02:
        mean = (a - b) / rise
    depth = air.depth * distance / air.scale * mean
    added = _added(air, air.depth * a, air.depth * b, depth, cos_sun)
    return wp.vec4(added[0], added[1], added[2], wp.exp(-depth))


@wp.func
def _outward(air: Air, above: float, up: float) -> float:
    """Return the optical depth from a place to space, its zenith cosine `up` 0 or more.

    The slant path follows the curved planet: Chapman's function for places far from its centre, by
    the quotient of Smith and Smith (1972, J. Geophys. Res. 77, 3592), within 0.2 %.
    """
    root = wp.sqrt(0.5 * air.radius / air.scale)
    y = root * up
    mass = (1.0606963 + 0.55643831 * y) / (1.0619896 + (1.7245609 + y) * y)
    return above * 1.7724539 * root * mass


@wp.func
def sky_light(air: Air, height: float, up: float, cos_sun: float) -> wp.vec3:
    """Return the radiance of open sky seen from `height` [m] in a direction of zenith cosine `up`.

    By colour. Below the horizontal a path goes down to where it comes nearest to the planet, and
    out again.
    """
    here = air.depth * wp.exp(-wp.max(height, -3000.0) / air.scale)
    light = _added(air, here, 0.0, _outward(air, here, wp.max(up, 0.0)), cos_sun)
    if up < 0.0:
        lowest = wp.max(height - 0.5 * air.radius * up * up, 0.0)
        nearest = air.depth * wp.exp(-lowest / air.scale)
        half = _outward(air, nearest, 0.0)
        near = wp.max(half - _outward(air, here, -up), 0.0)
        beyond = _added(air, nearest, 0.0, half, cos_sun)
        light = _added(air, here, nearest, near, cos_sun) + beyond * wp.exp(-near)
    if cos_sun > air.cos_sun:
        disk = sun_through(air, height) * 14600.0
        light += wp.vec3(disk, disk, disk)
    return light


@wp.func
def ground_beyond(air: Air, height: float, up: float, cos_sun: float, gain: float) -> wp.vec4:
    """Return radiance and distance [m] of even ground on the curved planet; distance -1 if missed.

    Red, green, blue, distance. `gain` is what its radiance is multiplied by for how it is seen.
    """
    rest = up * up - 2.0 * height / air.radius
    if up >= 0.0 or rest < 0.0 or height <= 0.0:
        return wp.vec4(0.0, 0.0, 0.0, -1.0)
    there = wp.sqrt(rest)
    here = air.depth * wp.exp(-height / air.scale)
    depth = wp.max(_outward(air, air.depth, there) - _outward(air, here, -up), 0.0)
    light = air.ground_radiance * (gain * wp.exp(-depth))
    light += _added(air, here, air.depth, depth, cos_sun)
    return wp.vec4(light[0], light[1], light[2], 2.0 * height / (there - up))


@wp.kernel
def _measure_sky(air: Air, directions: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.vec3)):  # type: ignore[valid-type]
    i = wp.tid()
    d = directions[i]
    s = wp.min(wp.dot(d, air.sun), air.cos_sun)
    out[i] = sky_light(air, 0.0, d[2], s)


def _level_irradiance(air: Any) -> NDArray[np.float64]:
    """Return the diffuse irradiance on level ground by colour, integrated over the sky, (3,)."""
    up = (np.arange(24) + 0.5) / 24
    azimuth = (np.arange(48) + 0.5) * (2 * np.pi / 48)
    z, a = (x.ravel() for x in np.meshgrid(up, azimuth, indexing="ij"))
    across = np.sqrt(1 - z * z)
    directions = np.column_stack([across * np.cos(a), across * np.sin(a), z]).astype(np.float32)
    out = wp.zeros(len(z), dtype=wp.vec3, device="cpu")
    given = wp.array(directions, dtype=wp.vec3, device="cpu")
    wp.launch(_measure_sky, dim=len(z), inputs=[air, given, out], device="cpu")
    return np.asarray((out.numpy() * z[:, None]).sum(axis=0) * (2 * np.pi / len(z)), np.float64)


def diffuse_irradiance(sky: Sky, mu: float, ground: Array) -> Array:
    """Return the diffuse light on level ground, by colour, (3,), of light scattered ever so often.

    The delta-Eddington approximation (Joseph, Wiscombe and Weinman 1976, J. Atmos. Sci. 33, 2452)
    in the closed form of Meador and Weaver (1980, J. Atmos. Sci. 37, 630), over ground of the
    reflectance `ground`, (3,). `mu`: cosine of the sun's zenith angle. In units of the sunlight
    outside the air.
    """
    return _two_streams(sky, mu, ground)[0]


def _two_streams(sky: Sky, mu: float, ground: Array) -> tuple[Array, Array]:
    """Return diffuse light down on the ground, and light up out of the air, (3,) each."""
    share, forward = sky.forward_share, np.array(sky.forward_asymmetry)
    peak = share * forward**2 + (1 - share) * sky.backward_asymmetry**2
    whole = np.minimum(np.array(sky.single_scattering_albedo), 0.99999)
    depth = (1 - whole * peak) * sky.optical_depth
    w = (1 - peak) * whole / (1 - whole * peak)
    g = (share * forward + (1 - share) * sky.backward_asymmetry - peak) / (1 - peak)
    g1, g2 = (7 - w * (4 + 3 * g)) / 4, -(1 - w * (4 - 3 * g)) / 4
    g3 = (2 - 3 * g * mu) / 4
    g4 = 1 - g3
    k = np.sqrt(g1 * g1 - g2 * g2)
    a1, a2 = g1 * g4 + g2 * g3, g1 * g3 + g2 * g4
    up, down, beam = np.exp(k * depth), np.exp(-k * depth), np.exp(-depth / mu)
    both = (k + g1) * up + (k - g1) * down
    share_of = w / ((1 - (k * mu) ** 2) * both)
    kept = (1 + k * mu) * (a1 + k * g4) * up - (1 - k * mu) * (a1 - k * g4) * down
    through = beam - share_of * (kept * beam - 2 * k * (g4 + a1 * mu))
    thrown = (1 - k * mu) * (a2 + k * g3) * up - (1 + k * mu) * (a2 - k * g3) * down
    thrown = share_of * (thrown - 2 * k * (g3 - a2 * mu) * beam)
    # What the ground sends up comes down again in part, and again.
    back, passed = g2 * (up - down) / both, 2 * k / both
    total = mu * through / (1 - ground * back)
    out = mu * thrown + ground * total * passed
    return np.asarray(total - mu * np.exp(-sky.optical_depth / mu)), np.asarray(out)


def _glow(mission: Mission, air: Any, once: Array) -> tuple[Array, Array]:
    """Return the source at the top of light scattered more than once, and its growth with depth.

    As strong as brings the diffuse light on the ground, of which `once` is what light scattered
    once brings, (3,). It goes with the diffuse light all around: at the top that from below alone,
    at the bottom what comes down and what the ground sends up; between the two along a line.
    """
    sky, sun = mission.sky, np.array(air.sun)
    if sky.optical_depth <= 0.0:
        return np.zeros(3), np.zeros(3)
    mu, ground = max(float(sun[2]), 0.05), np.array(mission.terrain.colours.soil)
    wanted, out = _two_streams(sky, mu, ground)
    lit = mu * np.exp(-sky.optical_depth / mu)
    top = np.minimum(out / (wanted + ground * (lit + wanted)), 1.0)
    more = (1.0 - top) / sky.optical_depth
    air.omega, air.glow_top, air.glow_more = wp.vec3(0.0), wp.vec3(*top), wp.vec3(*more)
    even = _level_irradiance(air)
    air.omega = wp.vec3(*sky.single_scattering_albedo)
    strength = sky.multiple_scattering * np.maximum(wanted - once, 0.0) / even
    return np.asarray(strength * top), np.asarray(strength * more)


def air_of(mission: Mission, sun_site: NDArray[np.float64], *, sun_distance_au: float) -> Any:
    """Return the `Air` of a mission with the sun in a direction (site axes)."""
    sky = mission.sky
    air = Air()
    air.sun = wp.vec3(*(float(x) for x in sun_site))
    air.depth = sky.optical_depth
    air.scale = sky.scale_height_m
    air.radius = mission.site.radius_m
    omega = np.array(sky.single_scattering_albedo)
    air.omega = wp.vec3(*omega)
    air.forward = wp.vec3(*sky.forward_asymmetry)
    air.backward = sky.backward_asymmetry
    air.share = sky.forward_share
    air.cos_sun = float(np.cos(0.00465047 / sun_distance_au))
    # The forward peak as light not scattered at all (delta scaling, Joseph et al. 1976, J. Atmos.
    # Sci. 33, 2452), as far as it goes with the beam.
    air.aureole = float(sky.forward_share * np.mean(np.square(sky.forward_asymmetry)))
    once = _level_irradiance(air)
    top, more = _glow(mission, air, once)
    air.glow_top, air.glow_more = wp.vec3(*top), wp.vec3(*more)
    diffuse = _level_irradiance(air)
    # Only what is scattered once has a peak.
    air.aureole *= float(np.mean(once / np.maximum(diffuse, 1e-9)))
    air.sky_irradiance = wp.vec3(*diffuse)
    ground, mu = np.array(mission.terrain.colours.soil), max(float(sun_site[2]), 0.05)
    lit = mu * np.exp(-sky.optical_depth / mu)
    air.ground_radiance = wp.vec3(*(ground * (lit + diffuse) / np.pi))
    return air
