"""Entry: lift steered by bank, from entry interface to the mortar."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Tables
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
    put_event,
)
from skycrane.flight.surroundings import Air, air_at, free_acceleration, height_above_ground
from skycrane.mars.atmosphere import grid_value
from skycrane.vehicle.aerodynamics import axial_normal, stagnation_heating

__all__ = [
    "REFERENCE_STEP_M_S",
    "Reference",
    "entry_forces",
    "entry_step",
    "fly_entry",
    "range_to_target",
]

f64 = wp.float64

REFERENCE_STEP_M_S = 40.0
"""Step in speed of the reference trajectory's table."""

PREBANK = wp.constant(0)
RANGE_CONTROL = wp.constant(1)
HEADING_ALIGNMENT = wp.constant(2)
STRAIGHT = wp.constant(3)


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


@wp.struct
class Forces:
    """Aerodynamic forces on the entry vehicle, along the wind and across."""

    drag: wp.float64
    lift: wp.float64


@wp.func
def entry_forces(case: Case, tables: Tables, air: Air, alpha: wp.float64):
    """Drag and lift [N] at an angle of attack."""
    c = wp.cos(alpha)
    s = wp.sin(alpha)
    ca_cn = axial_normal(tables.axial, tables.normal, air.mach, c, s, case.cone_sine2)
    out = Forces()
    load = air.pressure * case.area
    out.drag = load * (ca_cn[0] * c + ca_cn[1] * s)
    out.lift = load * (ca_cn[0] * s - ca_cn[1] * c)
    return out


@wp.func
def _acceleration(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    position: wp.vec3d,
    velocity: wp.vec3d,
    mass: wp.float64,
    lift_up: wp.float64,
    lift_right: wp.float64,
    alpha: wp.float64,
):
    air = air_at(case, tables, index, position, velocity, t)
    out = free_acceleration(case, position, velocity)
    if air.speed > f64(0.0):
        forces = entry_forces(case, tables, air, alpha)
        forward = air.velocity / air.speed
        right = wp.normalize(wp.cross(forward, position))
        above = wp.cross(right, forward)
        lift = above * lift_up + right * lift_right
        out = out + (lift * forces.lift - forward * forces.drag) / mass
    return out


@wp.struct
class Ballistic:
    """Position and velocity, mars_fixed."""

    position: wp.vec3d
    velocity: wp.vec3d


@wp.func
def entry_step(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    position: wp.vec3d,
    velocity: wp.vec3d,
    mass: wp.float64,
    lift0: wp.vec2d,
    lift1: wp.vec2d,
    alpha0: wp.float64,
    alpha1: wp.float64,
    h: wp.float64,
):
    """One step of classical Runge-Kutta; lift direction (up, right) and alpha go linearly."""
    half = f64(0.5) * h
    lift_m = (lift0 + lift1) * f64(0.5)
    alpha_m = (alpha0 + alpha1) * f64(0.5)
    a1 = _acceleration(case, tables, index, t, position, velocity, mass, lift0[0], lift0[1], alpha0)
    p2 = position + velocity * half
    v2 = velocity + a1 * half
    a2 = _acceleration(case, tables, index, t + half, p2, v2, mass, lift_m[0], lift_m[1], alpha_m)
    p3 = position + v2 * half
    v3 = velocity + a2 * half
    a3 = _acceleration(case, tables, index, t + half, p3, v3, mass, lift_m[0], lift_m[1], alpha_m)
    p4 = position + v3 * h
    v4 = velocity + a3 * h
    a4 = _acceleration(case, tables, index, t + h, p4, v4, mass, lift1[0], lift1[1], alpha1)
    out = Ballistic()
    sixth = h / f64(6.0)
    out.position = position + (velocity + (v2 + v3) * f64(2.0) + v4) * sixth
    out.velocity = velocity + (a1 + (a2 + a3) * f64(2.0) + a4) * sixth
    return out


@wp.func
def range_to_target(case: Case, position: wp.vec3d, velocity: wp.vec3d):
    """Ground range to the target and crossrange of it [m], on the sphere of the target's radius.

    Crossrange is the target's distance from the great circle flown, positive to the left.
    """
    up = wp.normalize(position)
    plane = wp.normalize(wp.cross(up, velocity))
    across = wp.dot(plane, case.up)
    total = wp.atan2(wp.length(wp.cross(up, case.up)), wp.dot(up, case.up))
    return wp.vec2d(total * case.site_radius, wp.asin(across) * case.site_radius)


@wp.func
def _lift_direction(bank: wp.float64):
    return wp.vec2d(wp.cos(bank), wp.sin(bank))


@wp.func
def _bank_magnitude(
    case: Case,
    ref: Reference,
    speed: wp.float64,
    climb: wp.float64,
    drag: wp.float64,
    to_go: wp.float64,
):
    """Bank that flies the range to go: terminal-point control (Harpold and Graves 1979)."""
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
def _bank_rate(case: Case, bank: wp.float64, rate: wp.float64, command: wp.float64, h: wp.float64):
    """Rate after `h` seconds: fastest stop on the command within rate and acceleration limits."""
    error = command - bank
    # Braking curve, softened to a linear approach near the command so that it settles.
    reach = wp.sqrt(f64(2.0) * f64(0.9) * case.bank_acceleration * wp.abs(error))
    wanted = wp.min(wp.min(reach, f64(2.0) * wp.abs(error)), case.bank_rate)
    wanted = wp.where(error < f64(0.0), -wanted, wanted)
    change = wp.clamp(wanted - rate, -case.bank_acceleration * h, case.bank_acceleration * h)
    return rate + change


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
    position = case.entry_position
    velocity = case.entry_velocity
    t = f64(0.0)
    h = case.entry_step
    bank = case.entry_bank
    bank_rate = f64(0.0)
    bank_command = bank
    side = wp.where(bank < f64(0.0), f64(-1.0), f64(1.0))
    alpha = case.trim_angle
    alpha_rate = f64(0.0)
    dropped = wp.int32(0)
    phase = wp.int32(PREBANK)
    reversing = wp.int32(0)
    reversals = wp.int32(0)
    next_cycle = f64(0.0)
    straight_since = f64(0.0)
    outcome = wp.int32(Outcome.FLYING)
    count = wp.int32(0)
    entry_radius = wp.length(position)
    dry = (
        case.rover_mass
        + case.stage_mass
        + case.backshell_mass
        + case.parachute_mass
        + case.heat_shield_mass
    )
    mass = dry + case.propellant + f64(case.balance_count) * case.balance_mass
    spent = f64(0.0)
    peak_heat = f64(0.0)
    peak_load = f64(0.0)
    peak_pressure = f64(0.0)
    heat_event = EventSlot()
    load_event = EventSlot()
    pressure_event = EventSlot()
    running = wp.int32(1)
    while running == 1:
        air = air_at(case, tables, i, position, velocity, t)
        forces = entry_forces(case, tables, air, alpha)
        load = wp.sqrt(forces.drag * forces.drag + forces.lift * forces.lift) / mass
        drag = forces.drag / mass
        up = wp.normalize(position)
        climb = wp.dot(velocity, up)
        speed = wp.length(velocity)
        if count < samples.shape[1]:
            s = Sample()
            s.t = t
            s.position = position
            s.velocity = velocity
            s.attitude = entry_attitude(position, air.velocity, bank, alpha)
            s.air_velocity = air.velocity
            s.mass = mass
            s.propellant = case.propellant - spent
            s.mach = air.mach
            s.pressure = air.pressure
            s.bank = bank
            s.angle_of_attack = alpha
            s.drag = forces.drag
            s.lift = forces.lift
            s.load = load
            samples[i, count] = s
            count += 1
        if t == f64(0.0):
            put_event(
                events,
                i,
                EventId.ENTRY_INTERFACE,
                t,
                position,
                velocity,
                air.mach,
                air.pressure,
                f64(0.0),
            )
        heat = stagnation_heating(case.sutton_graves, air.density, case.nose_radius, air.speed)
        now = EventSlot()
        now.happened = 1
        now.t = t
        now.position = position
        now.velocity = velocity
        now.mach = air.mach
        now.pressure = air.pressure
        if heat > peak_heat:
            peak_heat = heat
            heat_event = now
            heat_event.value = heat
        if load > peak_load:
            peak_load = load
            load_event = now
            load_event.value = load
        if air.pressure > peak_pressure:
            peak_pressure = air.pressure
            pressure_event = now
            pressure_event.value = air.pressure

        to_go = range_to_target(case, position, velocity)
        # Navigation and mode logic run at every step; the bank command at its own cycle.
        if phase == PREBANK and drag > case.range_control_load:
            phase = RANGE_CONTROL
            next_cycle = t
            put_event(
                events,
                i,
                EventId.RANGE_CONTROL_START,
                t,
                position,
                velocity,
                air.mach,
                air.pressure,
                drag,
            )
        if phase == RANGE_CONTROL and speed < case.alignment_speed:
            phase = HEADING_ALIGNMENT
            put_event(
                events,
                i,
                EventId.HEADING_ALIGNMENT_START,
                t,
                position,
                velocity,
                air.mach,
                air.pressure,
                to_go[1],
            )
        if phase > PREBANK and phase < STRAIGHT and speed < case.straighten_speed:
            phase = STRAIGHT
            straight_since = t
            bank_command = f64(0.0)
            put_event(
                events,
                i,
                EventId.STRAIGHTEN_UP_AND_FLY_RIGHT,
                t,
                position,
                velocity,
                air.mach,
                air.pressure,
                bank,
            )
        if t >= next_cycle - f64(1.0e-9):
            next_cycle = next_cycle + case.cycle
            if phase == RANGE_CONTROL:
                size = _bank_magnitude(case, ref, speed, climb, drag, to_go[0] - case.deploy_range)
                deadband = case.reversal_crossrange + case.reversal_crossrange_s2 * speed * speed
                # The target to the left (positive) wants the lift to the left (negative bank).
                if to_go[1] * side > deadband and reversing == 0:
                    side = -side
                    reversing = 1
                    if reversals < wp.static(REVERSALS):
                        put_event(
                            events,
                            i,
                            EventId.BANK_REVERSAL_START + reversals,
                            t,
                            position,
                            velocity,
                            air.mach,
                            air.pressure,
                            to_go[1],
                        )
                bank_command = side * size
            if phase == HEADING_ALIGNMENT:
                ahead = wp.max(to_go[0] - case.deploy_range, f64(5000.0))
                bank_command = wp.clamp(
                    -case.alignment_gain * to_go[1] / ahead,
                    -case.alignment_limit,
                    case.alignment_limit,
                )
        if reversing == 1 and bank * side > f64(0.0) and wp.abs(bank - bank_command) < f64(0.09):
            reversing = 0
            if reversals < wp.static(REVERSALS):
                put_event(
                    events,
                    i,
                    EventId.BANK_REVERSAL_END + reversals,
                    t,
                    position,
                    velocity,
                    air.mach,
                    air.pressure,
                    to_go[1],
                )
            reversals += 1

        if phase == STRAIGHT and dropped < case.balance_count:
            due = (
                straight_since
                + case.balance_delay
                + f64(dropped / case.balance_pair) * case.balance_interval
            )
            if t >= due - f64(1.0e-9):
                put_event(
                    events,
                    i,
                    EventId.BALANCE_MASS_JETTISON,
                    t,
                    position,
                    velocity,
                    air.mach,
                    air.pressure,
                    f64(case.balance_count),
                )
                aside = wp.normalize(wp.cross(velocity, up))
                for k in range(case.balance_pair):
                    if dropped < case.balance_count and dropped < wp.static(BALANCE_SLOTS):
                        b = FallState()
                        b.started = 1
                        b.t = t
                        b.position = position
                        swing = (f64(k) - f64(0.5) * f64(case.balance_pair - 1)) * f64(0.5)
                        b.velocity = (
                            velocity
                            - up * case.balance_speed
                            + aside * (swing * case.balance_speed)
                        )
                        b.mass = case.balance_mass
                        b.drag_area = case.balance_drag_area
                        falling[i, 1 + dropped] = b
                        # What the blocks take along, the vehicle loses.
                        mass = mass - case.balance_mass
                        velocity = velocity - (b.velocity - velocity) * (case.balance_mass / mass)
                        dropped += 1

        if (
            phase == STRAIGHT
            and air.mach < case.mach_maximum
            and (to_go[0] < case.deploy_range or air.mach < case.mach_minimum)
        ):
            running = 0
        if height_above_ground(case, tables.ground, position) <= f64(0.0):
            outcome = wp.int32(Outcome.CAPSULE_HIT_GROUND)
            running = 0
        if climb > f64(0.0) and wp.length(position) > entry_radius + f64(1000.0):
            outcome = wp.int32(Outcome.MISSED_ENTRY)
            running = 0
        if t > case.entry_limit:
            outcome = wp.int32(Outcome.GAVE_UP)
            running = 0
        if running == 1:
            lift0 = _lift_direction(bank)
            alpha0 = alpha
            new_rate = _bank_rate(case, bank, bank_rate, bank_command, h)
            bank = bank + f64(0.5) * (bank_rate + new_rate) * h
            bank_rate = new_rate
            left = f64(1.0)
            if case.balance_count > 0:
                left = f64(case.balance_count - dropped) / f64(case.balance_count)
            w = case.pitch_frequency
            pull = (
                w * w * (case.trim_angle * left - alpha)
                - f64(2.0) * case.pitch_damping * w * alpha_rate
            )
            alpha_rate = alpha_rate + pull * h
            alpha = alpha + alpha_rate * h
            # Control propellant goes with the turning that it pays for.
            used = wp.min(wp.abs(bank_rate) * h * case.control_flow, case.propellant - spent)
            spent = spent + used
            mass = mass - used
            moved = entry_step(
                case,
                tables,
                i,
                t,
                position,
                velocity,
                mass,
                lift0,
                _lift_direction(bank),
                alpha0,
                alpha,
                h,
            )
            position = moved.position
            velocity = moved.velocity
            t = t + h

    if peak_heat > f64(0.0):
        events[i, EventId.PEAK_HEATING] = heat_event
        events[i, EventId.PEAK_DECELERATION] = load_event
        events[i, EventId.MAX_DYNAMIC_PRESSURE] = pressure_event
    counts[i] = count
    air = air_at(case, tables, i, position, velocity, t)
    if outcome != Outcome.FLYING:
        put_event(
            events, i, EventId.CRASH, t, position, velocity, air.mach, air.pressure, f64(outcome)
        )
    out = VehicleState()
    out.t = t
    out.position = position
    out.velocity = velocity
    out.attitude = entry_attitude(position, air.velocity, bank, alpha)
    forward = wp.normalize(velocity)
    # The vehicle turns with the flight path (pitching down as it bends) and with its bank.
    bend = wp.cross(forward, free_acceleration(case, position, velocity)) / wp.length(velocity)
    out.rates = wp.quat_rotate_inv(out.attitude, forward * bank_rate + bend)
    out.mass = mass
    out.propellant = case.propellant - spent
    out.outcome = outcome
    states[i] = out
