"""Bodies on their own, flown to the ground as points: heat shield and balance masses."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Tables
from skycrane.flight.state import EventSlot, FallState, Sample
from skycrane.flight.surroundings import air_at, free_acceleration, height_above_ground

__all__ = ["fly_falling"]

f64 = wp.float64


@wp.func
def _acceleration(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    position: wp.vec3d,
    velocity: wp.vec3d,
    area_over_mass: wp.float64,
):
    air = air_at(case, tables, index, position, velocity, t)
    drag = air.velocity * (f64(-0.5) * air.density * air.speed * area_over_mass)
    return free_acceleration(case, position, velocity) + drag


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
        h = case.descent_step
        position = begin.position
        velocity = begin.velocity
        ratio = begin.drag_area / begin.mass
        count = wp.int32(0)
        running = wp.int32(1)
        while running == 1:
            if body == 0 and count < samples.shape[1]:
                air = air_at(case, tables, i, position, velocity, t)
                r = Sample()
                r.t = t
                r.position = position
                r.velocity = velocity
                r.air_velocity = air.velocity
                r.mass = begin.mass
                r.mach = air.mach
                r.pressure = air.pressure
                r.drag = air.pressure * begin.drag_area
                r.load = r.drag / begin.mass
                samples[i, count] = r
                count += 1
            if height_above_ground(case, tables.ground, position) <= f64(0.0):
                air = air_at(case, tables, i, position, velocity, t)
                e = EventSlot()
                e.happened = 1
                e.t = t
                e.position = position
                e.velocity = velocity
                e.mach = air.mach
                e.pressure = air.pressure
                impacts[i, body] = e
                running = 0
            elif t - begin.t > case.descent_limit:
                running = 0
            else:
                half = f64(0.5) * h
                a1 = _acceleration(case, tables, i, t, position, velocity, ratio)
                v2 = velocity + a1 * half
                a2 = _acceleration(case, tables, i, t + half, position + velocity * half, v2, ratio)
                v3 = velocity + a2 * half
                a3 = _acceleration(case, tables, i, t + half, position + v2 * half, v3, ratio)
                v4 = velocity + a3 * h
                a4 = _acceleration(case, tables, i, t + h, position + v3 * h, v4, ratio)
                position = position + (velocity + (v2 + v3) * f64(2.0) + v4) * (h / f64(6.0))
                velocity = velocity + (a1 + (a2 + a3) * f64(2.0) + a4) * (h / f64(6.0))
                t = t + h
        if body == 0:
            counts[i] = count
