"""Force and moment of the air on a rigid sphere-cone at any attitude."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Tables
from skycrane.flight.surroundings import Air
from skycrane.vehicle.aerodynamics import aero_row, axial_normal

__all__ = ["Wrench", "sphere_cone"]

f64 = wp.float64


@wp.struct
class Wrench:
    """Force in mars_fixed axes, torque about the mass centre in the body's axes."""

    force: wp.vec3d
    torque: wp.vec3d
    alpha: wp.float64


@wp.func
def sphere_cone(
    case: Case,
    tables: Tables,
    air: Air,
    attitude: wp.quatd,
    rates: wp.vec3d,
    centre: wp.vec3d,
):
    """The air on a body with the aeroshell's face, its mass centre at `centre` in its axes.

    The force acts at the centre of pressure on the axis; pitch and yaw rates meet the table's
    damping, q S D (D / 2V) Cmq w.
    """
    out = Wrench()
    forward = wp.vec3d(f64(0.0), f64(0.0), f64(1.0))
    if air.speed > f64(1.0e-6):
        forward = air.velocity / air.speed
    to_wind = wp.quat_rotate_inv(attitude, forward)
    cosine = to_wind[2]
    sine = wp.sqrt(to_wind[0] * to_wind[0] + to_wind[1] * to_wind[1])
    out.alpha = wp.atan2(sine, cosine)
    row = aero_row(tables.aero, air.mach)
    ca_cn = axial_normal(
        row[0] * case.axial_factor, row[1] * case.normal_factor, cosine, sine, case.cone_sine2
    )
    across = ca_cn[1] / wp.max(sine, f64(1.0e-9))
    load = -air.pressure * case.area
    force = wp.vec3d(to_wind[0] * across, to_wind[1] * across, ca_cn[0]) * load
    lever = wp.vec3d(f64(0.0), f64(0.0), case.nose - row[2] * case.diameter) - centre
    lag = -load * case.diameter * case.diameter / (f64(2.0) * wp.max(air.speed, f64(1.0)))
    turning = wp.vec3d(rates[0], rates[1], f64(0.0))
    out.torque = wp.cross(lever, force) + turning * (lag * row[3])
    out.force = wp.quat_rotate(attitude, force)
    return out
