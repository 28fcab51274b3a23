"""Bodies on their own, flown to the ground: the heat shield turning, balance masses as points."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.bodies import shield_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.entry import note, taken_back
from skycrane.flight.rotation import attitude_rate
from skycrane.flight.sphere_cone import sphere_cone
from skycrane.flight.state import EventSlot, FallState, Sample
from skycrane.flight.surroundings import air_at, free_acceleration, height_above_ground
from skycrane.vehicle.aerodynamics import aero_row

__all__ = ["fly_falling"]

f64 = wp.float64


@wp.struct
class Tumbling:
    """A rigid body: at its centre of mass, rates in its axes."""

    position: wp.vec3d
    velocity: wp.vec3d
    attitude: wp.quatd
    rates: wp.vec3d


@wp.func
def _change(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Tumbling,
    begin: FallState,
    shaped: wp.int32,
):
    out = Tumbling()
    air = air_at(case, tables, index, s.position, s.velocity, t)
    force = air.velocity * (f64(-0.5) * air.density * air.speed * begin.drag_area)
    if shaped == 1:
        body = shield_body(case)
        wrench = sphere_cone(case, tables, air, s.attitude, s.rates, body.centre)
        force = wrench.force
        if case.point == 1:
            # Facing the wind, as it settles to.
            row = aero_row(tables.aero, air.mach)
            drag = row[0] * case.axial_factor * air.pressure * case.area
            force = air.velocity * (-drag / wp.max(air.speed, f64(1.0e-6)))
        if case.point == 0:
            spin = wp.cw_mul(body.inertia, s.rates)
            torque = wrench.torque - wp.cross(s.rates, spin)
            out.rates = wp.cw_div(torque, body.inertia)
            out.attitude = attitude_rate(s.attitude, s.rates)
    out.position = s.velocity
    out.velocity = free_acceleration(case, s.position, s.velocity) + force / begin.mass
    return out


@wp.func
def _moved(s: Tumbling, k: Tumbling, h: wp.float64):
    out = Tumbling()
    out.position = s.position + k.position * h
    out.velocity = s.velocity + k.velocity * h
    out.attitude = s.attitude + k.attitude * h
    out.rates = s.rates + k.rates * h
    return out


@wp.func
def _step(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Tumbling,
    begin: FallState,
    shaped: wp.int32,
    h: wp.float64,
):
    half = f64(0.5) * h
    total = _change(case, tables, index, t, s, begin, shaped)
    probe = _moved(s, total, half)
    stage = wp.int32(1)
    while stage < 4:
        late = wp.where(stage == 3, h, half)
        k = _change(case, tables, index, t + late, probe, begin, shaped)
        total = _moved(total, k, wp.where(stage == 3, f64(1.0), f64(2.0)))
        if stage < 3:
            probe = _moved(s, k, wp.where(stage == 1, half, h))
        stage += 1
    out = _moved(s, total, h / f64(6.0))
    out.attitude = wp.normalize(out.attitude)
    return out


@wp.func
def _sample(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Tumbling,
    begin: FallState,
):
    air = air_at(case, tables, index, s.position, s.velocity, t)
    body = shield_body(case)
    wrench = sphere_cone(case, tables, air, s.attitude, s.rates, body.centre)
    r = Sample()
    r.t = t
    r.position = s.position - wp.quat_rotate(s.attitude, body.centre)
    r.velocity = s.velocity - wp.quat_rotate(s.attitude, wp.cross(s.rates, body.centre))
    r.attitude = s.attitude
    r.rates = s.rates
    r.air_velocity = air.velocity
    r.mass = begin.mass
    r.mach = air.mach
    r.pressure = air.pressure
    r.angle_of_attack = wrench.alpha
    r.drag = wp.length(wrench.force)
    r.load = r.drag / begin.mass
    return r


@wp.func
def _landing(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Tumbling,
    height: wp.float64,
):
    """The impact."""
    air = air_at(case, tables, index, s.position, s.velocity, t)
    e = EventSlot()
    e.happened = 1
    e.t = t
    e.position = s.position
    e.velocity = s.velocity
    e.mach = air.mach
    e.pressure = air.pressure
    return taken_back(e, height)


@wp.kernel(enable_backward=False)
def fly_falling(
    cases: wp.array(dtype=Case),
    tables: Tables,
    falling: wp.array(dtype=FallState, ndim=2),
    samples: wp.array(dtype=Sample, ndim=2),
    counts: wp.array(dtype=wp.int32),
    impacts: wp.array(dtype=EventSlot, ndim=2),
):
    """Fly each body of each case to the ground; the first of each case is recorded."""
    i, body = wp.tid()
    case = cases[i]
    begin = falling[i, body]
    if begin.started == 1:
        t = begin.t
        s = Tumbling()
        s.position = begin.position
        s.velocity = begin.velocity
        s.attitude = begin.attitude
        s.rates = begin.rates
        shaped = wp.where(body == 0, 1, 0)
        h = wp.where(body == 0, case.descent_step, case.entry_step)
        count = wp.int32(0)
        steps = wp.int32(0)
        running = wp.int32(1)
        while running == 1:
            if body == 0 and count < samples.shape[1]:
                samples[i, count] = _sample(case, tables, i, t, s, begin)
                count += 1
            height = height_above_ground(case, tables.ground, s.position)
            if height <= f64(0.0):
                note(impacts, i, body, _landing(case, tables, i, t, s, height))
                running = 0
            elif t - begin.t > case.descent_limit:
                running = 0
            else:
                s = _step(case, tables, i, t, s, begin, shaped, h)
                steps += 1
                t = begin.t + f64(steps) * h
        if body == 0:
            counts[i] = count
