"""Under the parachute: capsule and canopy on elastic lines, from the mortar to the ground.

Two bodies. The capsule is rigid and turns under the pull of the riser (its wrist mode); the canopy
is a point with the mass of the air it carries along. Line stretch, inflation, opening load and
swinging follow; nothing is placed in time. After the backshell lets the lander go the same
equations carry it and the canopy to the ground.
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Tables
from skycrane.flight.rotation import attitude_rate
from skycrane.flight.state import (
    EventId,
    EventSlot,
    FallState,
    LanderState,
    Outcome,
    Sample,
    VehicleState,
    put_event,
)
from skycrane.flight.surroundings import air_at, free_acceleration, height_above_ground
from skycrane.mars.atmosphere import grid_value
from skycrane.vehicle.aerodynamics import MACH_STEP, axial_normal

__all__ = ["fly_parachute"]

f64 = wp.float64

PAYING_OUT = wp.constant(0)
FILLING = wp.constant(1)
FULL = wp.constant(2)
SHIELD_GONE = wp.constant(3)
BACKSHELL_ALONE = wp.constant(4)
BACKSHELL_DOWN = wp.constant(5)


@wp.struct
class Hanging:
    """State of capsule (at its centre of mass) and canopy."""

    position: wp.vec3d
    velocity: wp.vec3d
    attitude: wp.quatd
    rates: wp.vec3d
    canopy_position: wp.vec3d
    canopy_velocity: wp.vec3d
    filled: wp.float64


@wp.struct
class Setting:
    """What does not change within a step."""

    mass: wp.float64
    inertia: wp.vec3d
    lever: wp.vec3d
    stage: wp.int32
    torn: wp.int32
    drag_area: wp.float64


@wp.struct
class Felt:
    """Forces at an instant, for the record."""

    load: wp.float64
    drag: wp.float64
    canopy_drag: wp.float64
    inflation: wp.float64
    tension: wp.float64
    length: wp.float64
    angle_of_attack: wp.float64
    mach: wp.float64
    pressure: wp.float64
    air_velocity: wp.vec3d
    speed: wp.float64


@wp.struct
class Change:
    """Derivative of `Hanging`, with what was felt on the way."""

    rate: Hanging
    felt: Felt


@wp.func
def _inflation(case: Case, set: Setting, filled: wp.float64):
    out = f64(0.0)
    if set.stage >= FILLING and case.canopy_diameter > f64(0.0):
        share = filled / (case.filling_diameters * case.canopy_diameter)
        out = wp.pow(wp.clamp(share, f64(0.0), f64(1.0)), case.filling_exponent)
    return out


@wp.func
def _change(case: Case, tables: Tables, index: wp.int32, t: wp.float64, s: Hanging, set: Setting):
    out = Change()
    felt = Felt()
    air = air_at(case, tables, index, s.position, s.velocity, t)
    forward = wp.vec3d(f64(0.0), f64(0.0), f64(1.0))
    if air.speed > f64(1.0e-6):
        forward = air.velocity / air.speed
    z = wp.quat_rotate(s.attitude, wp.vec3d(f64(0.0), f64(0.0), f64(1.0)))
    cosine = wp.dot(z, forward)
    across = forward - z * cosine
    sine = wp.length(across)
    force = wp.vec3d()
    torque = wp.vec3d()
    if set.stage < BACKSHELL_ALONE:
        ca_cn = axial_normal(tables.axial, tables.normal, air.mach, cosine, sine, case.cone_sine2)
        normal = across * (ca_cn[1] / wp.max(sine, f64(1.0e-9)))
        force = (z * ca_cn[0] + normal) * (-air.pressure * case.area)
        turn = wp.cross(z, forward) * (case.moment_slope * air.pressure * case.area * case.diameter)
        torque = wp.quat_rotate_inv(s.attitude, turn)
    else:
        force = forward * (-air.pressure * set.drag_area)
    felt.drag = wp.max(-wp.dot(force, forward), f64(0.0))

    arm = wp.quat_rotate(s.attitude, set.lever)
    anchor_velocity = s.velocity + wp.quat_rotate(s.attitude, wp.cross(s.rates, set.lever))
    line = s.canopy_position - s.position - arm
    length = wp.length(line)
    along = line / wp.max(length, f64(1.0e-9))
    tension = f64(0.0)
    if set.stage >= FILLING and length > case.line_length:
        opening = wp.dot(s.canopy_velocity - anchor_velocity, along)
        pull = case.line_stiffness * (length - case.line_length) + case.line_damping * opening
        tension = wp.max(pull, f64(0.0))
    force = force + along * tension
    torque = torque + wp.cross(set.lever, wp.quat_rotate_inv(s.attitude, along * tension))
    torque = torque - s.rates * case.rate_damping * (set.mass / f64(3000.0))

    inflation = _inflation(case, set, s.filled)
    canopy_air = air_at(case, tables, index, s.canopy_position, s.canopy_velocity, t)
    coefficient = grid_value(tables.canopy_drag, canopy_air.mach / f64(MACH_STEP))
    drag_area = case.pack_drag_area + coefficient * case.canopy_area * inflation
    if set.torn == 1:
        drag_area = case.pack_drag_area
    moving = canopy_air.velocity / wp.max(canopy_air.speed, f64(1.0e-9))
    canopy_force = moving * (-canopy_air.pressure * drag_area) - along * tension
    carried = (
        case.apparent_mass_factor
        * canopy_air.density
        * case.canopy_diameter
        * case.canopy_diameter
        * case.canopy_diameter
        * inflation
    )
    weight = case.parachute_mass / (case.parachute_mass + carried)

    rate = Hanging()
    rate.position = s.velocity
    rate.velocity = free_acceleration(case, s.position, s.velocity) + force / set.mass
    rate.attitude = attitude_rate(s.attitude, s.rates)
    spin = wp.cw_mul(set.inertia, s.rates)
    rate.rates = wp.cw_div(torque - wp.cross(s.rates, spin), set.inertia)
    rate.canopy_position = s.canopy_velocity
    # The air carried along has inertia but no weight.
    rate.canopy_velocity = free_acceleration(
        case, s.canopy_position, s.canopy_velocity
    ) * weight + canopy_force / (case.parachute_mass + carried)
    if set.stage >= FILLING:
        rate.filled = canopy_air.speed
    if set.stage == BACKSHELL_DOWN:
        rate.position = wp.vec3d()
        rate.velocity = wp.vec3d()
        rate.attitude = wp.quatd()
        rate.rates = wp.vec3d()
        rate.filled = f64(0.0)
    felt.load = wp.length(force) / set.mass
    felt.canopy_drag = canopy_air.pressure * drag_area
    felt.inflation = inflation
    felt.tension = tension
    felt.length = length
    felt.angle_of_attack = wp.atan2(sine, cosine)
    felt.mach = air.mach
    felt.pressure = air.pressure
    felt.air_velocity = air.velocity
    felt.speed = air.speed
    out.rate = rate
    out.felt = felt
    return out


@wp.func
def _moved(s: Hanging, k: Hanging, h: wp.float64):
    out = Hanging()
    out.position = s.position + k.position * h
    out.velocity = s.velocity + k.velocity * h
    out.attitude = s.attitude + k.attitude * h
    out.rates = s.rates + k.rates * h
    out.canopy_position = s.canopy_position + k.canopy_position * h
    out.canopy_velocity = s.canopy_velocity + k.canopy_velocity * h
    out.filled = s.filled + k.filled * h
    return out


@wp.func
def _step(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Hanging,
    set: Setting,
    h: wp.float64,
):
    half = f64(0.5) * h
    k1 = _change(case, tables, index, t, s, set)
    k2 = _change(case, tables, index, t + half, _moved(s, k1.rate, half), set)
    k3 = _change(case, tables, index, t + half, _moved(s, k2.rate, half), set)
    k4 = _change(case, tables, index, t + h, _moved(s, k3.rate, h), set)
    out = _moved(s, k1.rate, h / f64(6.0))
    out = _moved(out, k2.rate, h / f64(3.0))
    out = _moved(out, k3.rate, h / f64(3.0))
    out = _moved(out, k4.rate, h / f64(6.0))
    out.attitude = wp.normalize(out.attitude)
    return out


@wp.func
def _origin(case: Case, s: Hanging):
    return s.position - wp.quat_rotate(s.attitude, case.mass_centre)


@wp.func
def _velocity_at(s: Hanging, lever: wp.vec3d):
    return s.velocity + wp.quat_rotate(s.attitude, wp.cross(s.rates, lever))


@wp.kernel(enable_backward=False)
def fly_parachute(
    cases: wp.array(dtype=Case),
    tables: Tables,
    states: wp.array(dtype=VehicleState),
    samples: wp.array(dtype=Sample, ndim=2),
    counts: wp.array(dtype=wp.int32),
    landers: wp.array(dtype=LanderState),
    events: wp.array(dtype=EventSlot, ndim=2),
    falling: wp.array(dtype=FallState, ndim=2),
):
    """Fly each case from the mortar until backshell and canopy lie on the ground."""
    i = wp.tid()
    case = cases[i]
    begin = states[i]
    count = wp.int32(0)
    if begin.outcome == Outcome.FLYING:
        t = begin.t
        start = t
        h = case.descent_step
        set = Setting()
        set.mass = begin.mass - case.parachute_mass
        set.inertia = case.inertia
        set.lever = case.riser_position - case.mass_centre
        set.stage = wp.int32(PAYING_OUT)
        set.drag_area = case.backshell_drag_area
        s = Hanging()
        s.position = begin.position + wp.quat_rotate(begin.attitude, case.mass_centre)
        s.attitude = begin.attitude
        s.rates = begin.rates
        back = wp.quat_rotate(s.attitude, wp.vec3d(f64(0.0), f64(0.0), f64(-1.0)))
        # The mortar's recoil: momentum before and after is the same.
        recoil = case.mortar_speed * case.parachute_mass / begin.mass
        s.velocity = begin.velocity - back * recoil
        s.canopy_position = begin.position + wp.quat_rotate(s.attitude, case.pack_position)
        s.canopy_velocity = s.velocity + back * case.mortar_speed
        air = air_at(case, tables, i, begin.position, begin.velocity, t)
        put_event(
            events,
            i,
            EventId.PARACHUTE_DEPLOY,
            t,
            begin.position,
            begin.velocity,
            air.mach,
            air.pressure,
            f64(0.0),
        )
        full_since = f64(0.0)
        peak_load = EventSlot()
        running = wp.int32(1)
        down_since = f64(0.0)
        while running == 1:
            change = _change(case, tables, i, t, s, set)
            felt = change.felt
            origin = _origin(case, s)
            origin_velocity = _velocity_at(s, -case.mass_centre)
            if count < samples.shape[1]:
                r = Sample()
                r.t = t
                r.position = origin
                r.velocity = origin_velocity
                r.attitude = s.attitude
                r.rates = s.rates
                r.second_position = s.canopy_position
                r.second_velocity = s.canopy_velocity
                r.air_velocity = felt.air_velocity
                r.mass = set.mass
                r.propellant = begin.propellant
                r.mach = felt.mach
                r.pressure = felt.pressure
                r.angle_of_attack = felt.angle_of_attack
                r.drag = felt.drag
                r.load = felt.load
                r.thrust = felt.canopy_drag
                r.inflation = felt.inflation
                r.length = felt.length
                r.tension = felt.tension
                r.stage = set.stage
                samples[i, count] = r
                count += 1
            if set.stage < BACKSHELL_ALONE and felt.tension > peak_load.value:
                peak_load.happened = 1
                peak_load.t = t
                peak_load.position = origin
                peak_load.velocity = origin_velocity
                peak_load.mach = felt.mach
                peak_load.pressure = felt.pressure
                peak_load.value = felt.tension
            if felt.tension > case.load_limit and set.torn == 0:
                set.torn = 1
                put_event(
                    events,
                    i,
                    EventId.PARACHUTE_TORN,
                    t,
                    origin,
                    origin_velocity,
                    felt.mach,
                    felt.pressure,
                    felt.tension,
                )

            # What the sensors tell, one thing after the other.
            if set.stage == PAYING_OUT and felt.length >= case.line_length:
                set.stage = FILLING
                put_event(
                    events,
                    i,
                    EventId.LINE_STRETCH,
                    t,
                    origin,
                    origin_velocity,
                    felt.mach,
                    felt.pressure,
                    f64(0.0),
                )
            elif set.stage == FILLING and felt.inflation >= f64(1.0):
                set.stage = FULL
                full_since = t
                put_event(
                    events,
                    i,
                    EventId.PARACHUTE_FULL_INFLATION,
                    t,
                    origin,
                    origin_velocity,
                    felt.mach,
                    felt.pressure,
                    felt.tension,
                )
            elif (
                set.stage == FULL
                and felt.mach < case.heat_shield_mach
                and t - full_since >= case.heat_shield_delay
            ):
                set.stage = SHIELD_GONE
                put_event(
                    events,
                    i,
                    EventId.HEAT_SHIELD_SEPARATION,
                    t,
                    origin,
                    origin_velocity,
                    felt.mach,
                    felt.pressure,
                    f64(0.0),
                )
                down = wp.quat_rotate(s.attitude, wp.vec3d(f64(0.0), f64(0.0), f64(1.0)))
                b = FallState()
                b.started = 1
                b.t = t
                b.position = origin
                b.attitude = s.attitude
                b.mass = case.heat_shield_mass
                b.drag_area = case.shield_drag_area
                push = case.shield_speed / set.mass
                b.velocity = origin_velocity + down * (push * (set.mass - case.heat_shield_mass))
                s.velocity = s.velocity - down * (push * case.heat_shield_mass)
                set.mass = set.mass - case.heat_shield_mass
                falling[i, 0] = b
            elif set.stage == SHIELD_GONE:
                up = wp.normalize(s.position)
                sink = -wp.dot(s.velocity, up)
                fall = wp.length(free_acceleration(case, s.position, s.velocity)) * case.free_fall
                later = sink + fall
                needed = case.constant_velocity_altitude + (sink + f64(0.5) * fall) * case.free_fall
                excess = later * later - case.constant_velocity * case.constant_velocity
                needed += wp.max(excess, f64(0.0)) / (f64(2.0) * case.approach_deceleration)
                wheels = origin + wp.quat_rotate(s.attitude, case.rover_position)
                # Heights count from the target's ground, as the lander's guidance will count.
                if wp.length(wheels) - case.site_radius <= needed:
                    set.stage = BACKSHELL_ALONE
                    put_event(
                        events,
                        i,
                        EventId.BACKSHELL_SEPARATION,
                        t,
                        origin,
                        origin_velocity,
                        felt.mach,
                        felt.pressure,
                        f64(0.0),
                    )
                    lever = case.stage_position - case.mass_centre
                    shell = case.backshell_mass
                    gap = case.backshell_speed
                    down = wp.quat_rotate(s.attitude, wp.vec3d(f64(0.0), f64(0.0), f64(1.0)))
                    g = LanderState()
                    g.started = 1
                    g.t = t
                    g.position = s.position + wp.quat_rotate(s.attitude, lever)
                    g.velocity = _velocity_at(s, lever) + down * (gap * shell / set.mass)
                    g.attitude = s.attitude
                    g.rates = s.rates
                    g.propellant = begin.propellant
                    g.outcome = wp.int32(Outcome.FLYING)
                    landers[i] = g
                    s.velocity = s.velocity - down * (gap * (set.mass - shell) / set.mass)
                    set.inertia = set.inertia * (shell / set.mass)
                    set.mass = shell

            if set.stage < BACKSHELL_DOWN:
                low = origin + wp.quat_rotate(
                    s.attitude, wp.vec3d(f64(0.0), f64(0.0), case.edge_height)
                )
                if height_above_ground(case, tables.ground, low) <= f64(0.0):
                    down_since = t
                    if set.stage == BACKSHELL_ALONE:
                        put_event(
                            events,
                            i,
                            EventId.BACKSHELL_IMPACT,
                            t,
                            origin,
                            origin_velocity,
                            felt.mach,
                            felt.pressure,
                            f64(0.0),
                        )
                    else:
                        put_event(
                            events,
                            i,
                            EventId.CRASH,
                            t,
                            origin,
                            origin_velocity,
                            felt.mach,
                            felt.pressure,
                            f64(Outcome.CAPSULE_HIT_GROUND),
                        )
                    set.stage = BACKSHELL_DOWN
                    s.velocity = wp.vec3d()
                    s.rates = wp.vec3d()
            if set.stage == BACKSHELL_DOWN:
                # The canopy spills its air as it comes down, and lies where it lands.
                s.filled = s.filled * wp.exp(-h / f64(1.5))
                if height_above_ground(case, tables.ground, s.canopy_position) <= f64(
                    0.3
                ) or t > down_since + f64(60.0):
                    running = 0
            if t - start > case.descent_limit:
                running = 0
            if running == 1:
                s = _step(case, tables, i, t, s, set, h)
                t = t + h
        if peak_load.happened == 1:
            events[i, EventId.PEAK_PARACHUTE_LOAD] = peak_load
        if landers[i].started == 0:
            done = begin
            done.outcome = wp.int32(Outcome.CAPSULE_HIT_GROUND)
            states[i] = done
    counts[i] = count
