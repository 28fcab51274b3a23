"""Entry: lift steered by bank, from entry interface to the mortar."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.bodies import capsule_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.entry_guidance import (
    Reference,
    bank_acceleration,
    bank_magnitude,
    range_to_target,
)
from skycrane.flight.entry_motion import (
    Ballistic,
    Leaning,
    between,
    cosine_sine,
    entry_forces,
    entry_step,
    leaned,
    trim_at,
)
from skycrane.flight.navigation import believed_position, believed_velocity
from skycrane.flight.rotation import entry_attitude
from skycrane.flight.state import (
    BALANCE_SLOTS,
    REVERSALS,
    EventId,
    EventSlot,
    FallState,
    Outcome,
    Sample,
    VehicleState,
)
from skycrane.flight.surroundings import Air, air_at, free_acceleration, height_above_ground
from skycrane.vehicle.aerodynamics import aero_row, stagnation_heating

__all__ = ["fly_entry"]

f64 = wp.float64

PREBANK = wp.constant(0)
RANGE_CONTROL = wp.constant(1)
HEADING_ALIGNMENT = wp.constant(2)
STRAIGHT = wp.constant(3)
MOUNTAIN_M = wp.constant(wp.float64(30000.0))
"""No ground reaches higher above the target."""
REVERSED_RAD = wp.constant(wp.float64(0.09))
"""A reversal is over when the bank is this close to its command on the new side."""


@wp.struct
class Computer:
    """The entry computer: its mode, and what it commands."""

    phase: wp.int32
    side: wp.float64
    reversing: wp.int32
    reversals: wp.int32
    next_cycle: wp.float64
    straight_since: wp.float64
    command: wp.float64
    fire: wp.int32
    fire_at: wp.float64


@wp.struct
class Sensed:
    """What the entry computer has to go by."""

    to_go: wp.float64
    crossrange: wp.float64
    speed: wp.float64
    climb: wp.float64
    drag: wp.float64
    mach: wp.float64
    pressure: wp.float64


@wp.struct
class Peak:
    """The largest of a series, found between its samples: the last two values, and the top."""

    best: EventSlot
    last: wp.float64
    before: wp.float64


@wp.func
def slot_of(t: wp.float64, s: Ballistic, air: Air, value: wp.float64):
    """An event of now."""
    e = EventSlot()
    e.happened = 1
    e.t = t
    e.position = s.position
    e.velocity = s.velocity
    e.mach = air.mach
    e.pressure = air.pressure
    e.value = value
    return e


@wp.func
def peaked(p: Peak, value: wp.float64, prev: EventSlot, now: EventSlot):
    """Take the value of `now`; of three about a maximum, at `prev`, the parabola's top counts."""
    out = p
    top = p.last
    if prev.happened == 1 and top > p.best.value and top >= value and top >= p.before:
        out.best = prev
        out.best.value = top
        bend = p.before - f64(2.0) * top + value
        if bend < f64(0.0):
            share = f64(0.5) * (p.before - value) / bend
            h = (now.t - prev.t) * share
            out.best.t = prev.t + h
            out.best.position = prev.position + prev.velocity * h
            out.best.velocity = prev.velocity + (now.velocity - prev.velocity) * share
            out.best.value = top - f64(0.25) * (p.before - value) * share
    out.before = top
    out.last = value
    return out


@wp.func
def note(events: wp.array(dtype=EventSlot, ndim=2), case: wp.int32, slot: wp.int32, e: EventSlot):
    """Note an event; of several in one slot the first stays."""
    if events[case, slot].happened == 0:
        events[case, slot] = e


@wp.func
def taken_back(e: EventSlot, height: wp.float64):
    """An impact seen below the ground, at the moment its height was zero."""
    out = e
    sink = -wp.dot(e.velocity, wp.normalize(e.position))
    late = wp.clamp(-height / wp.max(sink, f64(0.1)), f64(0.0), f64(0.5))
    out.t = e.t - late
    out.position = e.position - e.velocity * late
    return out


@wp.func
def _sense(case: Case, s: Ballistic, air: Air, drag: wp.float64, where_to: wp.int32):
    """What the computer has: its own navigation, and the accelerometers' drag."""
    velocity = believed_velocity(case, s.velocity, 0)
    out = Sensed()
    out.speed = wp.length(velocity)
    # The way to the target is worked out for the guidance and for the parachute's trigger only.
    if where_to == 1 or out.speed < wp.max(case.alignment_speed, case.straighten_speed):
        position = believed_position(case, s.position, 0)
        both = range_to_target(case, position, velocity)
        out.to_go = both[0]
        out.crossrange = both[1]
        out.climb = wp.dot(velocity, wp.normalize(position))
    out.drag = drag
    # Without an air-data sensor Mach number and dynamic pressure follow the navigated speed.
    share = out.speed / wp.max(air.speed, f64(1.0))
    out.mach = air.mach * share
    out.pressure = air.pressure * share * share
    return out


@wp.func
def _mode(
    case: Case,
    events: wp.array(dtype=EventSlot, ndim=2),
    i: wp.int32,
    c: Computer,
    sensed: Sensed,
    now: EventSlot,
    bank: wp.float64,
):
    """Which part of the entry it is."""
    out = c
    e = now
    if out.phase == PREBANK and sensed.drag > case.range_control_load:
        out.phase = RANGE_CONTROL
        out.next_cycle = now.t
        e.value = sensed.drag
        note(events, i, EventId.RANGE_CONTROL_START, e)
    if out.phase == RANGE_CONTROL and sensed.speed < case.alignment_speed:
        out.phase = HEADING_ALIGNMENT
        e.value = sensed.crossrange
        note(events, i, EventId.HEADING_ALIGNMENT_START, e)
    if out.phase > PREBANK and out.phase < STRAIGHT and sensed.speed < case.straighten_speed:
        out.phase = STRAIGHT
        out.straight_since = now.t
        out.command = f64(0.0)
        e.value = bank
        note(events, i, EventId.STRAIGHTEN_UP_AND_FLY_RIGHT, e)
    return out


@wp.func
def _command(
    case: Case,
    ref: Reference,
    events: wp.array(dtype=EventSlot, ndim=2),
    i: wp.int32,
    c: Computer,
    sensed: Sensed,
    now: EventSlot,
):
    """The commanded bank, once a guidance cycle."""
    out = c
    out.next_cycle = c.next_cycle + case.cycle
    ahead = sensed.to_go - case.deploy_range
    if c.phase == RANGE_CONTROL:
        size = bank_magnitude(case, ref, sensed.speed, sensed.climb, sensed.drag, ahead)
        deadband = case.reversal_crossrange + case.reversal_crossrange_s2 * (
            sensed.speed * sensed.speed
        )
        # The target to the left (positive) wants the lift to the left (negative bank).
        if sensed.crossrange * c.side > deadband and c.reversing == 0:
            out.side = -c.side
            out.reversing = 1
            if c.reversals < wp.static(REVERSALS):
                e = now
                e.value = sensed.crossrange
                note(events, i, EventId.BANK_REVERSAL_START + c.reversals, e)
        out.command = out.side * size
    if c.phase == HEADING_ALIGNMENT:
        out.command = wp.clamp(
            -case.alignment_gain * sensed.crossrange / wp.max(ahead, f64(5000.0)),
            -case.alignment_limit,
            case.alignment_limit,
        )
    return out


@wp.func
def _trigger(case: Case, c: Computer, sensed: Sensed, t: wp.float64):
    """Whether the mortar's trigger has been met, and when it fires."""
    out = c
    inside = sensed.mach < case.mach_maximum and sensed.pressure < case.pressure_maximum
    slow = sensed.mach < case.mach_minimum or sensed.pressure < case.pressure_minimum
    near = case.by_range == 1 and sensed.to_go < case.deploy_range
    near = near or sensed.speed < case.deploy_speed
    ready = c.phase == STRAIGHT and c.fire == 0 and case.mortar_dead == 0
    # Below the box there is nothing to wait for: better a hard opening than none.
    if ready and (slow or (inside and near)):
        out.fire = 1
        out.fire_at = t + case.mortar_delay
    return out


@wp.func
def _drop(
    case: Case,
    falling: wp.array(dtype=FallState, ndim=2),
    i: wp.int32,
    first: wp.int32,
    count: wp.int32,
    t: wp.float64,
    s: Ballistic,
    attitude: wp.quatd,
    mass: wp.float64,
):
    """Let balance masses go; the vehicle's velocity afterwards. Momentum is kept."""
    velocity = s.velocity
    rest = mass
    out = wp.quat_rotate(attitude, wp.vec3d(f64(1.0), f64(0.0), f64(0.0)))
    aside = wp.quat_rotate(attitude, wp.vec3d(f64(0.0), f64(1.0), f64(0.0)))
    for k in range(count):
        b = FallState()
        b.started = 1
        b.t = t
        b.position = s.position + wp.quat_rotate(attitude, case.balance_position)
        swing = (f64(k) - f64(0.5) * f64(case.balance_pair - 1)) * f64(0.5)
        away = (out + aside * swing) * case.balance_speed
        rest = rest - case.balance_mass
        # Speeds are relative to the vehicle, which recoils.
        velocity = velocity - away * (case.balance_mass / (rest + case.balance_mass))
        b.velocity = velocity + away
        b.attitude = attitude
        b.mass = case.balance_mass
        b.drag_area = case.balance_drag_area
        falling[i, 1 + first + k] = b
    return velocity


@wp.func
def _sample(case: Case, t: wp.float64, s: Ballistic, lean: Leaning, bank: wp.float64, air: Air):
    r = Sample()
    r.t = t
    r.position = s.position
    r.velocity = s.velocity
    r.attitude = entry_attitude(s.position, air.velocity, bank, lean.alpha)
    r.air_velocity = air.velocity
    r.mach = air.mach
    r.pressure = air.pressure
    r.bank = bank
    r.angle_of_attack = lean.alpha
    return r


@wp.func
def _how_it_ended(case: Case, tables: Tables, t: wp.float64, s: Ballistic):
    out = wp.int32(Outcome.FLYING)
    # Nested, as the kernels' `and` looks at both sides, and the ground's look costs.
    if wp.length(s.position) - case.site_radius < MOUNTAIN_M:  # noqa: SIM102
        if height_above_ground(case, tables.ground, s.position) <= f64(0.0):
            out = wp.int32(Outcome.CAPSULE_HIT_GROUND)
    rising = wp.dot(s.velocity, s.position) > f64(0.0)
    if rising and wp.length(s.position) > wp.length(case.entry_position) + f64(1000.0):
        out = wp.int32(Outcome.MISSED_ENTRY)
    if t > case.entry_limit:
        out = wp.int32(Outcome.GAVE_UP)
    return out


@wp.func
def _handed_on(case: Case, t: wp.float64, s: Ballistic, lean: Leaning, bank: wp.vec2d, air: Air):
    """The vehicle as the parachute finds it: turning with its flight path and its bank."""
    out = VehicleState()
    out.t = t
    out.position = s.position
    out.velocity = s.velocity
    out.attitude = entry_attitude(s.position, air.velocity, bank[0], lean.alpha)
    forward = wp.normalize(s.velocity)
    bend = wp.cross(forward, free_acceleration(case, s.position, s.velocity))
    turning = forward * bank[1] + bend / wp.length(s.velocity)
    out.rates = wp.quat_rotate_inv(out.attitude, turning)
    return out


@wp.kernel(enable_backward=False)
def fly_entry(
    cases: wp.array(dtype=Case),
    tables: Tables,
    ref: Reference,
    samples: wp.array(dtype=Sample, ndim=2),
    counts: wp.array(dtype=wp.int32),
    states: wp.array(dtype=VehicleState),
    events: wp.array(dtype=EventSlot, ndim=2),
    falling: wp.array(dtype=FallState, ndim=2),
):
    """Fly each case from entry interface to the mortar. Launch with one thread a case."""
    i = wp.tid()
    case = cases[i]
    s = Ballistic()
    s.position = case.entry_position
    s.velocity = case.entry_velocity
    t = f64(0.0)
    # The computer's tick is a whole number of steps, or one step where that is longer.
    per_tick = wp.max(wp.int32(wp.round(case.control / case.entry_step)), 1)
    h = case.entry_step
    bank = wp.vec2d(case.entry_bank, f64(0.0))
    bank_pull = f64(0.0)
    c = Computer()
    c.side = wp.where(case.entry_bank < f64(0.0), f64(-1.0), f64(1.0))
    c.command = case.entry_bank
    propellant = case.propellant
    left = case.balance_count
    body = capsule_body(case, propellant, left, 1, 1)
    case.inertia = body.inertia
    case.nose_to_centre = case.nose - body.centre[2]
    lean = Leaning()
    lean.alpha = trim_at(case, tables, f64(30.0), body.centre[0])
    lean.trim = lean.alpha
    turn = cosine_sine(lean.alpha)
    lift_to = cosine_sine(bank[0])
    heat = Peak()
    load = Peak()
    pressure = Peak()
    prev = EventSlot()
    outcome = wp.int32(Outcome.FLYING)
    count = wp.int32(0)
    step = wp.int32(0)
    running = wp.int32(1)
    while running == 1:
        air = air_at(case, tables, i, s.position, s.velocity, t)
        row = aero_row(tables.aero, air.mach)
        forces = entry_forces(case, row, air, turn)
        felt = wp.sqrt(forces.drag * forces.drag + forces.lift * forces.lift) / body.mass
        if count < samples.shape[1]:
            r = _sample(case, t, s, lean, bank[0], air)
            r.mass = body.mass
            r.propellant = propellant
            r.drag = forces.drag
            r.lift = forces.lift
            r.load = felt
            samples[i, count] = r
            count += 1
        now = slot_of(t, s, air, f64(0.0))
        if step == 0:
            note(events, i, EventId.ENTRY_INTERFACE, now)
        hot = stagnation_heating(case.sutton_graves, air.density, case.nose_radius, air.speed)
        heat = peaked(heat, hot, prev, now)
        load = peaked(load, felt, prev, now)
        pressure = peaked(pressure, air.pressure, prev, now)
        prev = now

        if step % per_tick == 0:
            drag = forces.drag / body.mass
            cycle = t >= c.next_cycle - f64(1.0e-9)
            starting = c.phase == PREBANK and drag > case.range_control_load
            where_to = wp.where(cycle or starting, 1, 0)
            sensed = _sense(case, s, air, drag, where_to)
            c = _mode(case, events, i, c, sensed, now, bank[0])
            if cycle or starting:
                c = _command(case, ref, events, i, c, sensed, now)
            on_side = bank[0] * c.side > f64(0.0) and wp.abs(bank[0] - c.command) < REVERSED_RAD
            if c.reversing == 1 and on_side:
                c.reversing = 0
                if c.reversals < wp.static(REVERSALS):
                    note(events, i, EventId.BANK_REVERSAL_END + c.reversals, now)
                c.reversals += 1
            pairs = (case.balance_count - left) / case.balance_pair
            due = c.straight_since + case.balance_delay + f64(pairs) * case.balance_interval
            if c.phase == STRAIGHT and left > 0 and t >= due - f64(1.0e-9):
                e = now
                e.value = f64(case.balance_count)
                note(events, i, EventId.BALANCE_MASS_JETTISON, e)
                going = wp.min(wp.min(left, case.balance_pair), wp.static(BALANCE_SLOTS))
                attitude = entry_attitude(s.position, air.velocity, bank[0], lean.alpha)
                first = case.balance_count - left
                s.velocity = _drop(case, falling, i, first, going, t, s, attitude, body.mass)
                left = left - going
                body = capsule_body(case, propellant, left, 1, 1)
                case.inertia = body.inertia
                case.nose_to_centre = case.nose - body.centre[2]
            c = _trigger(case, c, sensed, t)
            period = h * f64(per_tick)
            bank_pull = bank_acceleration(case, bank[0], bank[1], c.command, period)
        outcome = _how_it_ended(case, tables, t, s)
        if c.fire == 1 and t >= c.fire_at - f64(1.0e-9):
            running = 0
        if outcome != Outcome.FLYING:
            running = 0
        if running == 1:
            half = f64(0.5) * h
            mid = bank[0] + (bank[1] + f64(0.5) * bank_pull * half) * half
            end = bank[0] + (bank[1] + f64(0.5) * bank_pull * h) * h
            leaning = leaned(case, row, air.pressure, lean, body.centre[0], h)
            # Thrusters: torque over their arm, and what that thrust burns. The step flies at its
            # mean mass, or it would be of first order.
            torque = wp.abs(bank_pull) * case.inertia[2]
            used = wp.min(torque / (case.control_arm * case.control_exhaust) * h, propellant)
            lift_mid = lift_to
            lift_end = lift_to
            if end != bank[0] or mid != bank[0]:
                lift_mid = cosine_sine(mid)
                lift_end = cosine_sine(end)
            turn_end = cosine_sine(leaning.alpha)
            s = entry_step(
                case,
                tables,
                i,
                t,
                s,
                air,
                forces,
                body.mass - f64(0.5) * used,
                lift_to,
                lift_mid,
                lift_end,
                between(turn, turn_end),
                turn_end,
                h,
            )
            lift_to = lift_end
            turn = turn_end
            bank = wp.vec2d(end, bank[1] + bank_pull * h)
            lean = leaning
            propellant = propellant - used
            body.mass = body.mass - used
            step += 1
            t = f64(step) * h

    if heat.best.happened == 1:
        events[i, EventId.PEAK_HEATING] = heat.best
    if load.best.happened == 1:
        events[i, EventId.PEAK_DECELERATION] = load.best
        events[i, EventId.MAX_DYNAMIC_PRESSURE] = pressure.best
    counts[i] = count
    air = air_at(case, tables, i, s.position, s.velocity, t)
    if outcome != Outcome.FLYING:
        ended = slot_of(t, s, air, f64(outcome))
        if outcome == Outcome.CAPSULE_HIT_GROUND:
            # Where it struck, not where the step came to an end below the ground.
            ended = taken_back(ended, height_above_ground(case, tables.ground, s.position))
            if count > 0 and count < samples.shape[1]:
                last = samples[i, count - 1]
                last.t = ended.t
                last.position = ended.position
                samples[i, count - 1] = last
        note(events, i, EventId.CRASH, ended)
    out = _handed_on(case, t, s, lean, bank, air)
    out.mass = body.mass
    out.propellant = propellant
    out.balance_left = left
    out.outcome = outcome
    states[i] = out
