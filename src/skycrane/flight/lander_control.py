"""Attitude control through the throttles: torque wanted, and a thrust for each engine."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Tables
from skycrane.flight.rotation import attitude_from_axes
from skycrane.flight.state import vec8d

__all__ = [
    "ALL_EIGHT",
    "FOUR_ALONE",
    "FOUR_JOINED",
    "allocate",
    "axial_limits",
    "torque_toward",
    "upright",
]

f64 = wp.float64

ALL_EIGHT = wp.constant(0)
FOUR_JOINED = wp.constant(1)
FOUR_ALONE = wp.constant(2)
SPARE = wp.constant(wp.float64(0.04))
"""Share of the throttle range kept free at both ends for the attitude."""


@wp.func
def upright(case: Case, up: wp.vec3d, heading: wp.float64):
    """Attitude with -z along `up` and x toward a heading, as nearly as `up` allows."""
    toward = case.east * wp.sin(heading) + case.north * wp.cos(heading)
    y = wp.normalize(wp.cross(toward, up))
    return attitude_from_axes(wp.cross(up, y), y, -up)


@wp.func
def torque_toward(
    case: Case, inertia: wp.vec3d, attitude: wp.quatd, rates: wp.vec3d, command: wp.quatd
):
    """Torque [N m], own axes, that turns toward `command` as a damped spring would, limited."""
    error = wp.quat_inverse(attitude) * command
    sign = wp.where(error[3] < f64(0.0), f64(-1.0), f64(1.0))
    vector = wp.vec3d(error[0], error[1], error[2]) * sign
    sine = wp.length(vector)
    angle = f64(2.0) * wp.atan2(sine, error[3] * sign)
    turn = vector * wp.where(sine > f64(1.0e-12), angle / wp.max(sine, f64(1.0e-12)), f64(2.0))
    w = case.attitude_frequency
    pull = turn * (w * w) - rates * (f64(2.0) * case.attitude_damping * w)
    size = wp.length(pull)
    if size > case.angular_limit:
        pull = pull * (case.angular_limit / size)
    return wp.cw_mul(inertia, pull) + wp.cross(rates, wp.cw_mul(inertia, rates))


@wp.func
def axial_limits(case: Case, tables: Tables, row: wp.int32):
    """Least and largest axial force [N] that leave the attitude some throttle."""
    least = case.thrust_minimum
    most = case.thrust_maximum * case.thrust_factor
    spare = SPARE * (most - least)
    weakest = f64(1.0e9)
    strongest = f64(0.0)
    for k in range(8):
        share = tables.mixing[row, k][0]
        strongest = wp.max(strongest, share)
        if share > f64(0.0):
            weakest = wp.min(weakest, share)
    return wp.vec2d((least + spare) / weakest, (most - spare) / wp.max(strongest, f64(1.0e-9)))


@wp.func
def allocate(case: Case, tables: Tables, row: wp.int32, axial: wp.float64, torque: wp.vec3d):
    """Thrust [N] of each engine for an axial force within `axial_limits` and a torque.

    Torque gives way where an engine would leave its range; engines that do not run stay at zero.
    """
    least = case.thrust_minimum
    most = case.thrust_maximum * case.thrust_factor
    scale = f64(1.0)
    for k in range(8):
        m = tables.mixing[row, k]
        if m[0] > f64(0.0):
            base = m[0] * axial
            more = m[1] * torque[0] + m[2] * torque[1] + m[3] * torque[2]
            if more > f64(1.0e-9):
                scale = wp.min(scale, wp.max((most - base) / more, f64(0.0)))
            if more < f64(-1.0e-9):
                scale = wp.min(scale, wp.max((base - least) / -more, f64(0.0)))
    out = vec8d()
    for k in range(8):
        m = tables.mixing[row, k]
        if m[0] > f64(0.0):
            more = m[1] * torque[0] + m[2] * torque[1] + m[3] * torque[2]
            out[k] = wp.clamp(m[0] * axial + more * scale, least, most)
    return out
