"""Descent stage and rover as rigid bodies: engines, bridles, wheels on the ground, one step.

Until the rover is let go the two are one body; then each has six degrees of freedom of its own and
three elastic bridles pull both where they are tied.
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.bodies import Body, lander_body, rover_body, stage_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.rotation import attitude_rate
from skycrane.flight.state import vec8d
from skycrane.flight.surroundings import air_at, free_acceleration, height_above_ground

__all__ = [
    "Lander",
    "Loads",
    "Rig",
    "engine_torque",
    "first_body",
    "lander_change",
    "lander_step",
    "lowest_wheel",
    "parted",
]

f64 = wp.float64

ENGINES = wp.constant(8)
BRIDLES = wp.constant(3)
WHEELS = wp.constant(6)
CREEP_M_S = wp.constant(wp.float64(0.02))
"""Friction is linear below this speed, so that what stands needs no switching."""
SOFT_M = wp.constant(wp.float64(0.01))
"""Stretch or depth over which dampers set in."""


@wp.struct
class Lander:
    """Descent stage (1; with the rover while they are one) and rover (2), at their mass centres."""

    p1: wp.vec3d
    v1: wp.vec3d
    q1: wp.quatd
    w1: wp.vec3d
    p2: wp.vec3d
    v2: wp.vec3d
    q2: wp.quatd
    w2: wp.vec3d
    thrust: vec8d
    propellant: wp.float64


@wp.struct
class Rig:
    """What does not change within a step: how the bodies hang together, what is commanded."""

    joined: wp.int32
    hanging: wp.int32
    stage_down: wp.int32
    rover_down: wp.int32
    command: vec8d
    paid: wp.float64
    payout: wp.float64
    normal: wp.vec3d


@wp.struct
class Loads:
    """What is felt: accelerations, the bridles' and the ground's forces."""

    felt1: wp.float64
    felt2: wp.float64
    tension: wp.float64
    ground: wp.float64


@wp.struct
class LanderChange:
    """Derivative of `Lander`, with what was felt on the way."""

    rate: Lander
    loads: Loads


@wp.struct
class Pushes:
    """Forces [N], mars_fixed, and torques [N m], own axes, on both bodies."""

    f1: wp.vec3d
    t1: wp.vec3d
    f2: wp.vec3d
    t2: wp.vec3d
    tension: wp.float64
    ground: wp.float64
    flow: wp.float64


@wp.func
def first_body(case: Case, rig: Rig, propellant: wp.float64):
    """Body 1: descent stage and rover, or the stage alone."""
    if rig.joined == 1:
        return lander_body(case, propellant)
    return stage_body(case, propellant)


@wp.func
def _exhaust_speed(case: Case, thrust: wp.float64):
    """Effective exhaust speed [m/s], linear in thrust between the two that the mission gives."""
    share = (thrust - case.thrust_minimum) / (case.thrust_maximum - case.thrust_minimum)
    share = wp.clamp(share, f64(0.0), f64(1.0))
    low = case.exhaust_low
    return (low + (case.exhaust_high - low) * share) * case.exhaust_factor


@wp.func
def engine_torque(case: Case, tables: Tables, thrust: vec8d, body: Body):
    """Torque [N m], own axes, of thrusts about a body's mass centre."""
    out = wp.vec3d()
    for k in range(ENGINES):
        lever = tables.engine_points[k] + case.stage_position - body.centre
        out = out + wp.cross(lever, tables.engine_axes[k] * (-thrust[k]))
    return out


@wp.func
def _engines(case: Case, tables: Tables, s: Lander, body: Body, p: Pushes):
    out = p
    force = wp.vec3d()
    if s.propellant > f64(0.0):
        for k in range(ENGINES):
            push = tables.engine_axes[k] * (-s.thrust[k])
            force = force + push
            out.flow = out.flow + s.thrust[k] / _exhaust_speed(case, s.thrust[k])
        out.t1 = out.t1 + engine_torque(case, tables, s.thrust, body)
    out.f1 = out.f1 + wp.quat_rotate(s.q1, force)
    return out


@wp.func
def _bridles(case: Case, tables: Tables, s: Lander, rig: Rig, stage: Body, rover: Body, p: Pushes):
    """Three elastic lines, each a third of the stiffness; slack ones do not push."""
    out = p
    for k in range(BRIDLES):
        a = tables.bridle_stage[k] + case.stage_position - stage.centre
        b = tables.bridle_rover[k] + case.rover_position - rover.centre
        stowed = (
            tables.bridle_rover[k]
            + case.rover_position
            - (tables.bridle_stage[k] + case.stage_position)
        )
        line = s.p2 + wp.quat_rotate(s.q2, b) - s.p1 - wp.quat_rotate(s.q1, a)
        length = wp.max(wp.length(line), f64(1.0e-9))
        along = line / length
        stretch = length - wp.length(stowed) - rig.paid
        if stretch > f64(0.0):
            turning2 = wp.quat_rotate(s.q2, wp.cross(s.w2, b))
            turning1 = wp.quat_rotate(s.q1, wp.cross(s.w1, a))
            opening = wp.dot(s.v2 + turning2 - s.v1 - turning1, along) - rig.payout
            grip = wp.min(stretch / SOFT_M, f64(1.0))
            pull = case.bridle_stiffness * stretch + case.bridle_damping * grip * opening
            pull = wp.max(pull, f64(0.0)) / f64(BRIDLES)
            out.tension = out.tension + pull
            out.f1 = out.f1 + along * pull
            out.f2 = out.f2 - along * pull
            out.t1 = out.t1 + wp.cross(a, wp.quat_rotate_inv(s.q1, along * pull))
            out.t2 = out.t2 - wp.cross(b, wp.quat_rotate_inv(s.q2, along * pull))
    return out


@wp.func
def _wheels(case: Case, tables: Tables, s: Lander, rig: Rig, rover: Body, p: Pushes):
    """Six wheels on the ground: spring and damper along its normal, Coulomb friction across."""
    out = p
    for k in range(WHEELS):
        lever = tables.wheels[k] + case.rover_position - rover.centre
        place = s.p2 + wp.quat_rotate(s.q2, lever)
        depth = -height_above_ground(case, tables.ground, place)
        if depth > f64(0.0):
            depth = depth * wp.dot(rig.normal, case.up)
            v = s.v2 + wp.quat_rotate(s.q2, wp.cross(s.w2, lever))
            sink = -wp.dot(v, rig.normal)
            grip = wp.min(depth / SOFT_M, f64(1.0))
            push = case.ground_stiffness * depth + case.ground_damping * grip * sink
            push = wp.max(push, f64(0.0)) / f64(WHEELS)
            across = v + rig.normal * sink
            hold = case.ground_friction * push / wp.max(wp.length(across), CREEP_M_S)
            force = rig.normal * push - across * hold
            out.f2 = out.f2 + force
            out.t2 = out.t2 + wp.cross(lever, wp.quat_rotate_inv(s.q2, force))
            out.ground = out.ground + push
    return out


@wp.func
def _spun(inertia: wp.vec3d, rates: wp.vec3d, torque: wp.vec3d):
    """Euler's equations."""
    spin = wp.cw_mul(inertia, rates)
    return wp.cw_div(torque - wp.cross(rates, spin), inertia)


@wp.func
def lander_change(case: Case, tables: Tables, index: wp.int32, t: wp.float64, s: Lander, rig: Rig):
    """Derivative of the state and what is felt."""
    out = LanderChange()
    body = first_body(case, rig, s.propellant)
    rover = rover_body(case)
    p = Pushes()
    p = _engines(case, tables, s, body, p)
    air = air_at(case, tables, index, s.p1, s.v1, t)
    p.f1 = p.f1 - air.velocity * (f64(0.5) * air.density * air.speed * case.lander_drag_area)
    if rig.joined == 0:
        if rig.hanging == 1:
            p = _bridles(case, tables, s, rig, body, rover, p)
        if rig.rover_down == 0:
            p = _wheels(case, tables, s, rig, rover, p)
    for k in range(ENGINES):
        out.rate.thrust[k] = (rig.command[k] - s.thrust[k]) / case.lag
    out.rate.propellant = -p.flow
    if rig.stage_down == 0:
        out.rate.p1 = s.v1
        out.rate.v1 = free_acceleration(case, s.p1, s.v1) + p.f1 / body.mass
        if case.point == 0:
            out.rate.q1 = attitude_rate(s.q1, s.w1)
            out.rate.w1 = _spun(body.inertia, s.w1, p.t1)
    if rig.joined == 0 and rig.rover_down == 0:
        out.rate.p2 = s.v2
        out.rate.v2 = free_acceleration(case, s.p2, s.v2) + p.f2 / rover.mass
        out.rate.q2 = attitude_rate(s.q2, s.w2)
        out.rate.w2 = _spun(rover.inertia, s.w2, p.t2 - s.w2 * case.rover_turn_damping)
    out.loads.felt1 = wp.length(p.f1) / body.mass
    out.loads.felt2 = wp.length(p.f2) / rover.mass
    if rig.joined == 1:
        out.loads.felt2 = out.loads.felt1
    out.loads.tension = p.tension
    out.loads.ground = p.ground
    return out


@wp.func
def _moved(s: Lander, k: Lander, h: wp.float64):
    out = Lander()
    out.p1 = s.p1 + k.p1 * h
    out.v1 = s.v1 + k.v1 * h
    out.q1 = s.q1 + k.q1 * h
    out.w1 = s.w1 + k.w1 * h
    out.p2 = s.p2 + k.p2 * h
    out.v2 = s.v2 + k.v2 * h
    out.q2 = s.q2 + k.q2 * h
    out.w2 = s.w2 + k.w2 * h
    out.thrust = s.thrust + k.thrust * h
    out.propellant = s.propellant + k.propellant * h
    return out


@wp.func
def lander_step(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Lander,
    rig: Rig,
    k1: Lander,
    h: wp.float64,
):
    """One step of classical Runge-Kutta; `k1` is the derivative at its begin."""
    half = f64(0.5) * h
    total = k1
    probe = _moved(s, k1, half)
    during = rig
    stage = wp.int32(1)
    while stage < 4:
        late = wp.where(stage == 3, h, half)
        during.paid = rig.paid + rig.payout * late
        k = lander_change(case, tables, index, t + late, probe, during).rate
        total = _moved(total, k, wp.where(stage == 3, f64(1.0), f64(2.0)))
        if stage < 3:
            probe = _moved(s, k, wp.where(stage == 1, half, h))
        stage += 1
    out = _moved(s, total, h / f64(6.0))
    out.q1 = wp.normalize(out.q1)
    out.propellant = wp.max(out.propellant, f64(0.0))
    if rig.joined == 1:
        out = parted(case, out)
    else:
        out.q2 = wp.normalize(out.q2)
    return out


@wp.func
def parted(case: Case, s: Lander):
    """The rover's motion as part of the joined body, for the moment they part and the record."""
    out = s
    body = lander_body(case, s.propellant)
    lever = rover_body(case).centre - body.centre
    out.p2 = s.p1 + wp.quat_rotate(s.q1, lever)
    out.v2 = s.v1 + wp.quat_rotate(s.q1, wp.cross(s.w1, lever))
    out.q2 = s.q1
    out.w2 = s.w1
    return out


@wp.func
def lowest_wheel(case: Case, tables: Tables, s: Lander):
    """Height [m] above ground of the wheel nearest to it."""
    centre = rover_body(case).centre
    least = f64(1.0e9)
    for k in range(WHEELS):
        lever = tables.wheels[k] + case.rover_position - centre
        place = s.p2 + wp.quat_rotate(s.q2, lever)
        least = wp.min(least, height_above_ground(case, tables.ground, place))
    return least
