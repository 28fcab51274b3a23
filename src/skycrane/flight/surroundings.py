"""What a body meets where it is: gravity, air, wind, ground."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Ground, Tables
from skycrane.mars.air_table import DENSITY, DENSITY_RMS, EAST, NORTH, SOUND, air_row
from skycrane.mars.atmosphere import AIR_FLOOR_M, AIR_ROWS_A_M
from skycrane.mars.gravity import apparent_acceleration, gravity
from skycrane.mars.turbulence import gusts_at, perturbation_at
from skycrane.mars.wind import surface_layer

__all__ = ["Air", "air_at", "free_acceleration", "ground_height", "height_above_ground"]

f64 = wp.float64


@wp.struct
class Air:
    """The air at a body; `velocity` is the body's, relative to the air, mars_fixed axes."""

    density: wp.float64
    velocity: wp.vec3d
    speed: wp.float64
    mach: wp.float64
    pressure: wp.float64


@wp.func
def free_acceleration(case: Case, position: wp.vec3d, velocity: wp.vec3d):
    """Acceleration [m/s2] relative to the rotating planet of a body that nothing touches."""
    return gravity(position, case.gm, case.j2, case.reference_radius) + apparent_acceleration(
        position, velocity, case.rotation
    )


@wp.func
def air_at(
    case: Case,
    tables: Tables,
    index: wp.int32,
    position: wp.vec3d,
    velocity: wp.vec3d,
    t: wp.float64,
):
    """The air at a body that moves at `velocity` relative to the planet.

    Gusts are a field frozen into the air (Taylor's hypothesis) that drifts past, so that a vehicle
    at rest feels them too; they fade out within the last 100 m above the target's height.
    """
    # Roots and quotients side by side, none waiting for another: this runs at every evaluation.
    flat2 = position[0] * position[0] + position[1] * position[1]
    radius2 = flat2 + position[2] * position[2]
    flat = wp.sqrt(flat2)
    radius = wp.sqrt(radius2)
    per_radius2 = f64(1.0) / wp.max(radius2, f64(1.0))
    above = radius - case.site_radius
    # Surfaces of equal pressure follow the planet's figure, not a sphere.
    sunk = tables.datum_sink * (position[2] * position[2] * per_radius2 - tables.site_sine2)
    height = radius - case.datum_radius + sunk
    row = air_row(tables.air, (height - f64(AIR_FLOOR_M)) * f64(AIR_ROWS_A_M))
    perturbation = f64(1.0) + row[DENSITY_RMS] * perturbation_at(
        tables.density, index, height * tables.density_per_m
    )
    # Gusts are of the convective layer: a fast entry high above meets none. Near the ground they
    # lose most of their strength.
    gusts = wp.vec2f()
    fade = f64(0.0)
    if above < tables.gust_top:
        gusts = gusts_at(tables.gusts, index, (above + tables.gust_drift * t) * tables.gust_per_m)
        high = f64(2.0) - f64(2.0) * above / tables.gust_top
        fade = wp.min(wp.clamp(above * f64(0.01), f64(0.2), f64(1.0)), high)
        fade = fade * tables.gust_rms * case.gust_factor
    layer = surface_layer(above, tables.layer_top, tables.layer_roughness, tables.layer_scale)
    to_east = layer * (row[EAST] * case.wind_factor + case.wind_offset[0]) + fade * f64(gusts[0])
    to_north = layer * (row[NORTH] * case.wind_factor + case.wind_offset[1]) + fade * f64(gusts[1])
    if above < case.wind_step_altitude:
        to_east += case.wind_step[0]
        to_north += case.wind_step[1]
    # East and north without a frame: on the axis itself neither exists and no wind blows.
    per_flat = flat / wp.max(flat2, f64(1.0))
    north_inward = to_north * position[2] * radius * per_radius2 * per_flat
    east_across = to_east * per_flat
    air = Air()
    air.velocity = wp.vec3d(
        velocity[0] + east_across * position[1] + north_inward * position[0],
        velocity[1] - east_across * position[0] + north_inward * position[1],
        velocity[2] - to_north * flat * radius * per_radius2,
    )
    air.density = row[DENSITY] * wp.max(perturbation, f64(0.1)) * case.density_factor
    air.speed = wp.length(air.velocity)
    air.mach = air.speed / row[SOUND]
    air.pressure = f64(0.5) * air.density * air.speed * air.speed
    return air


@wp.func
def _grid_height(
    heights: wp.array(dtype=wp.float32, ndim=2), step: wp.float64, e: wp.float64, n: wp.float64
):
    last = heights.shape[0] - 1
    half = f64(last) * f64(0.5)
    x = wp.clamp(e / step + half, f64(0.0), f64(last))
    y = wp.clamp(n / step + half, f64(0.0), f64(last))
    # Of a motion that ran away x and y are no numbers; an index may never leave the grid.
    i = wp.clamp(wp.int32(x), 0, last - 1)
    j = wp.clamp(wp.int32(y), 0, last - 1)
    a = x - f64(i)
    b = y - f64(j)
    low = f64(heights[j, i]) * (f64(1.0) - a) + f64(heights[j, i + 1]) * a
    high = f64(heights[j + 1, i]) * (f64(1.0) - a) + f64(heights[j + 1, i + 1]) * a
    return low * (f64(1.0) - b) + high * b


@wp.func
def ground_height(ground: Ground, e: wp.float64, n: wp.float64):
    """Height [m] of the ground over the site plane at east, north; bilinear, held at the edges."""
    inner = (f64(ground.fine.shape[0]) - f64(3.0)) * f64(0.5) * ground.fine_step
    height = _grid_height(ground.wide, ground.wide_step, e, n)
    if wp.abs(e) < inner and wp.abs(n) < inner:
        height = _grid_height(ground.fine, ground.fine_step, e, n)
    return height


@wp.func
def height_above_ground(case: Case, ground: Ground, position: wp.vec3d):
    """Height [m] of a point over the ground below it.

    The ground's heights count from the sphere of the target's radius.
    """
    d = position - case.site
    below = ground_height(ground, wp.dot(d, case.east), wp.dot(d, case.north))
    return wp.length(position) - case.site_radius - below
