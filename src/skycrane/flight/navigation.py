"""What the vehicle believes of its motion, and how it measures its height.

Inertial navigation is the truth plus a constant error a case; a fix on the terrain replaces the
horizontal error once the cameras see the ground; the radar measures the height above the ground
below, while it is in range and works. Without the radar the last correction it gave is kept.
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Ground
from skycrane.flight.surroundings import ground_height, height_above_ground

__all__ = ["Radar", "believed_position", "believed_velocity", "measure", "sensed_height"]

f64 = wp.float64


@wp.struct
class Radar:
    """The radar's state: whether it sees the ground, and its last correction to the height."""

    seen: wp.int32
    lost: wp.int32
    offset: wp.float64


@wp.func
def _in_planet_axes(case: Case, v: wp.vec3d):
    return case.east * v[0] + case.north * v[1] + case.up * v[2]


@wp.func
def believed_position(case: Case, position: wp.vec3d, fixed: wp.int32):
    """Position [m], mars_fixed, as navigation has it; `fixed` after the fix on the terrain."""
    error = case.navigation_position
    if fixed == 1:
        error = wp.vec3d(
            case.navigation_fix[0], case.navigation_fix[1], case.navigation_position[2]
        )
    return position + _in_planet_axes(case, error)


@wp.func
def believed_velocity(case: Case, velocity: wp.vec3d, seen: wp.int32):
    """Velocity [m/s], mars_fixed, as navigation has it; exact once the radar has seen the ground.

    The radar measures it by Doppler, and the filter keeps what it has learnt.
    """
    if seen == 1:
        return velocity
    return velocity + _in_planet_axes(case, case.navigation_velocity)


@wp.func
def _mapped(case: Case, ground: Ground, d: wp.vec3d):
    """Height [m] of the ground at an offset from the site, by the map on board; level without."""
    out = f64(0.0)
    if case.to_target == 1:
        out = ground_height(ground, wp.dot(d, case.east), wp.dot(d, case.north))
    return out


@wp.func
def measure(
    case: Case,
    ground: Ground,
    radar: Radar,
    position: wp.vec3d,
    fixed: wp.int32,
    since_shield: wp.float64,
):
    """The radar's state after a look at the ground below.

    The correction is to the height over the map's ground at the same place, so that what passes
    below does not jerk the descent. A vehicle without a map follows the ground below.
    """
    out = radar
    lost = since_shield >= case.dropout_start and since_shield < case.dropout_end
    out.lost = wp.where(lost, 1, 0)
    height = height_above_ground(case, ground, position)
    if out.lost == 0 and height < case.radar_range:
        out.seen = 1
        measured = height * case.radar_scale + case.radar_bias
        believed = believed_position(case, position, fixed)
        mapped = _mapped(case, ground, believed - case.site)
        out.offset = measured - (wp.length(believed) - case.site_radius - mapped)
    return out


@wp.func
def sensed_height(
    case: Case, ground: Ground, radar: Radar, point: wp.vec3d, fixed: wp.int32, aim: wp.vec3d
):
    """Height [m] of a point over the ground at the landing point, as the vehicle has it."""
    believed = believed_position(case, point, fixed)
    height = wp.length(believed) - case.site_radius - _mapped(case, ground, aim)
    if radar.seen == 1:
        height = height + radar.offset
    return height
