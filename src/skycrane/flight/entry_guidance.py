"""How the entry is guided: range to go, bank for it, and the bank's own motion.

Terminal-point control as for Apollo, after Harpold and Graves (Shuttle Entry Guidance, 1979) and
Mendeck and Craig McGrew (Entry guidance design and postflight performance for 2011 MSL, 2014).
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case
from skycrane.mars.atmosphere import grid_value

__all__ = [
    "REFERENCE_STEP_M_S",
    "Reference",
    "bank_acceleration",
    "bank_magnitude",
    "range_to_target",
]

f64 = wp.float64

REFERENCE_STEP_M_S = 40.0
"""Step in speed of the reference trajectory's table."""


@wp.struct
class Reference:
    """The reference trajectory against planet-relative speed, every `REFERENCE_STEP_M_S` from 0."""

    range: wp.array(dtype=wp.float64)
    drag: wp.array(dtype=wp.float64)
    climb: wp.array(dtype=wp.float64)
    lift_up: wp.array(dtype=wp.float64)
    range_drag: wp.array(dtype=wp.float64)
    range_climb: wp.array(dtype=wp.float64)
    range_lift: wp.array(dtype=wp.float64)


@wp.func
def range_to_target(case: Case, position: wp.vec3d, velocity: wp.vec3d):
    """Ground range to the target and crossrange of it [m], on the sphere of the target's radius.

    Crossrange is the target's distance from the great circle flown, positive to the left.
    """
    up = wp.normalize(position)
    plane = wp.normalize(wp.cross(up, velocity))
    across = wp.clamp(wp.dot(plane, case.up), f64(-1.0), f64(1.0))
    total = wp.atan2(wp.length(wp.cross(up, case.up)), wp.dot(up, case.up))
    return wp.vec2d(total * case.site_radius, wp.asin(across) * case.site_radius)


@wp.func
def bank_magnitude(
    case: Case,
    ref: Reference,
    speed: wp.float64,
    climb: wp.float64,
    drag: wp.float64,
    to_go: wp.float64,
):
    """Bank [rad] that flies the range to go."""
    x = speed / f64(REFERENCE_STEP_M_S)
    predicted = (
        grid_value(ref.range, x)
        + grid_value(ref.range_drag, x) * (drag - grid_value(ref.drag, x))
        + grid_value(ref.range_climb, x) * (climb - grid_value(ref.climb, x))
    )
    slope = wp.max(grid_value(ref.range_lift, x), f64(1000.0))
    lift_up = grid_value(ref.lift_up, x) + case.overcontrol * (to_go - predicted) / slope
    lift_up = wp.clamp(lift_up, wp.cos(case.maximum_bank), wp.cos(case.minimum_bank))
    return wp.acos(lift_up)


@wp.func
def bank_acceleration(
    case: Case, bank: wp.float64, rate: wp.float64, command: wp.float64, h: wp.float64
):
    """Bank acceleration [rad/s2] held for `h` seconds on the fastest way to a commanded bank.

    Within the limits of rate and acceleration; the braking curve is softened to a linear approach
    near the command so that it settles.
    """
    error = command - bank
    reach = wp.sqrt(f64(2.0) * f64(0.9) * case.bank_acceleration * wp.abs(error))
    wanted = wp.min(wp.min(reach, f64(2.0) * wp.abs(error)), case.bank_rate)
    wanted = wp.where(error < f64(0.0), -wanted, wanted)
    return wp.clamp((wanted - rate) / h, -case.bank_acceleration, case.bank_acceleration)
