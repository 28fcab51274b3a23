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
    "balanced_limit",
    "torque_toward",
    "upright",
]

f64 = wp.float64

ALL_EIGHT = wp.constant(0)
FOUR_JOINED = wp.constant(1)
FOUR_ALONE = wp.constant(2)
SHARINGS = wp.constant(16)
"""How often what clipped engines leave undone is shared out again."""
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
    axial = f64(0.0)
    for k in range(8):
        if tables.runs[row, k] == 1:
            axial += tables.engine_axes[k][2]
    return wp.vec2d((least + spare) * axial, (most - spare) * axial)


@wp.func
def balanced_limit(case: Case, tables: Tables, row: wp.int32):
    """Largest axial force [N] without torque that the engines share in their least-norm way.

    With an engine out its neighbour alone holds their corner: much less than all of them could.
    """
    most = case.thrust_maximum * case.thrust_factor
    least = case.thrust_minimum
    strongest = f64(1.0e-9)
    for k in range(8):
        strongest = wp.max(strongest, tables.mixing[row, k][0])
    return (most - SPARE * (most - least)) / strongest


@wp.func
def _given(case: Case, tables: Tables, centre: wp.vec3d, thrust: vec8d):
    """Axial force and torques that thrusts give about a mass centre."""
    out = wp.vec4d()
    for k in range(8):
        axis = tables.engine_axes[k]
        lever = tables.engine_points[k] + case.stage_position - centre
        turn = wp.cross(lever, axis * (-thrust[k]))
        out = out + wp.vec4d(axis[2] * thrust[k], turn[0], turn[1], turn[2])
    return out


@wp.func
def allocate(
    case: Case,
    tables: Tables,
    row: wp.int32,
    centre: wp.vec3d,
    axial: wp.float64,
    torque: wp.vec3d,
):
    """Thrust [N] of each engine for an axial force and a torque about the mass centre.

    The minimum-norm solution; where it leaves an engine's range, what is missing is shared out
    again among the engines that have some left (redistributed pseudo-inverse). Engines that do not
    run stay at zero.
    """
    least = case.thrust_minimum
    most = case.thrust_maximum * case.thrust_factor
    wanted = wp.vec4d(axial, torque[0], torque[1], torque[2])
    missing = wanted
    out = vec8d()
    tries = wp.int32(0)
    while tries < SHARINGS:
        clipped = wp.int32(0)
        for k in range(8):
            if tables.runs[row, k] == 1:
                asked = out[k] + wp.dot(tables.mixing[row, k], missing)
                out[k] = wp.clamp(asked, least, most)
                if out[k] != asked:
                    clipped = 1
        tries += 1
        if clipped == 0:
            tries = SHARINGS
        else:
            missing = wanted - _given(case, tables, centre, out)
    return out
