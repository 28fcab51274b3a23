"""Powered descent, sky crane, touchdown and flyaway: descent stage and rover on eight engines."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Tables
from skycrane.flight.rotation import advance_attitude, attitude_from_axes, steer_rates
from skycrane.flight.state import EventId, EventSlot, LanderState, Outcome, Sample, put_event
from skycrane.flight.surroundings import (
    air_at,
    free_acceleration,
    ground_height,
    height_above_ground,
)

__all__ = ["fly_powered"]

f64 = wp.float64

FREE_FALL = wp.constant(0)
APPROACH = wp.constant(1)
CONSTANT_VELOCITY = wp.constant(2)
CONSTANT_DECELERATION = wp.constant(3)
SETTLING = wp.constant(4)
RAPPEL = wp.constant(5)
LOWERED = wp.constant(6)
CLIMB = wp.constant(7)
AWAY = wp.constant(8)
BALLISTIC = wp.constant(9)
DOWN = wp.constant(10)

REST_S = wp.constant(wp.float64(20.0))


@wp.struct
class Pair:
    """Descent stage and rover as points, mars_fixed."""

    p1: wp.vec3d
    v1: wp.vec3d
    p2: wp.vec3d
    v2: wp.vec3d


@wp.struct
class Push:
    """What acts within a step: thrust, masses, and whether and how the two hang together."""

    thrust: wp.vec3d
    mass: wp.float64
    rover_mass: wp.float64
    joined: wp.int32
    hanging: wp.int32
    rest_length: wp.float64
    payout: wp.float64
    fixed: wp.int32


@wp.struct
class PairForces:
    """Accelerations of both, with the bridle's tension and the ground's push."""

    a1: wp.vec3d
    a2: wp.vec3d
    tension: wp.float64
    ground: wp.float64
    felt1: wp.vec3d
    felt2: wp.vec3d


@wp.func
def _drag(case: Case, tables: Tables, index: wp.int32, t: wp.float64, p: wp.vec3d, v: wp.vec3d):
    air = air_at(case, tables, index, p, v, t)
    return air.velocity * (f64(-0.5) * air.density * air.speed * case.lander_drag_area)


@wp.func
def _ground_push(case: Case, tables: Tables, p: wp.vec3d, v: wp.vec3d):
    depth = -height_above_ground(case, tables.ground, p)
    force = wp.vec3d()
    if depth > f64(0.0):
        sink = -wp.dot(v, case.up)
        push = wp.max(case.ground_stiffness * depth + case.ground_damping * sink, f64(0.0))
        across = v + case.up * sink
        slide = wp.length(across)
        # Coulomb friction, linear below a creep of 2 cm/s.
        grip = case.ground_friction * push / wp.max(slide, f64(0.02))
        force = case.up * push - across * grip
    return force


@wp.func
def _forces(case: Case, tables: Tables, index: wp.int32, t: wp.float64, s: Pair, f: Push):
    out = PairForces()
    drag = _drag(case, tables, index, t, s.p1, s.v1)
    if f.joined == 1:
        felt = (f.thrust + drag) / f.mass
        out.felt1 = felt
        out.felt2 = felt
        out.a1 = free_acceleration(case, s.p1, s.v1) + felt
        out.a2 = out.a1
    else:
        line = s.p2 - s.p1
        length = wp.length(line)
        along = line / length
        pull = f64(0.0)
        if f.hanging == 1 and length > f.rest_length:
            opening = wp.dot(s.v2 - s.v1, along) - f.payout
            pull = case.bridle_stiffness * (length - f.rest_length) + case.bridle_damping * opening
            pull = wp.max(pull, f64(0.0))
        ground = _ground_push(case, tables, s.p2, s.v2)
        out.tension = pull
        out.ground = wp.dot(ground, case.up)
        out.felt1 = (f.thrust + drag + along * pull) / f.mass
        out.felt2 = (ground - along * pull) / f.rover_mass
        out.a1 = free_acceleration(case, s.p1, s.v1) + out.felt1
        out.a2 = free_acceleration(case, s.p2, s.v2) + out.felt2
        if f.fixed == 1:
            out.a1 = wp.vec3d()
    return out


@wp.func
def _moved(s: Pair, v1: wp.vec3d, a1: wp.vec3d, v2: wp.vec3d, a2: wp.vec3d, h: wp.float64):
    out = Pair()
    out.p1 = s.p1 + v1 * h
    out.v1 = s.v1 + a1 * h
    out.p2 = s.p2 + v2 * h
    out.v2 = s.v2 + a2 * h
    return out


@wp.func
def _step(
    case: Case, tables: Tables, index: wp.int32, t: wp.float64, s: Pair, f: Push, h: wp.float64
):
    half = f64(0.5) * h
    two = f64(2.0)
    k1 = _forces(case, tables, index, t, s, f)
    b = _moved(s, s.v1, k1.a1, s.v2, k1.a2, half)
    k2 = _forces(case, tables, index, t + half, b, f)
    c = _moved(s, b.v1, k2.a1, b.v2, k2.a2, half)
    k3 = _forces(case, tables, index, t + half, c, f)
    d = _moved(s, c.v1, k3.a1, c.v2, k3.a2, h)
    k4 = _forces(case, tables, index, t + h, d, f)
    sixth = h / f64(6.0)
    return _moved(
        s,
        (s.v1 + (b.v1 + c.v1) * two + d.v1) / f64(6.0),
        (k1.a1 + (k2.a1 + k3.a1) * two + k4.a1) / f64(6.0),
        (s.v2 + (b.v2 + c.v2) * two + d.v2) / f64(6.0),
        (k1.a2 + (k2.a2 + k3.a2) * two + k4.a2) / f64(6.0),
        sixth * f64(6.0),
    )


@wp.func
def _upright(case: Case, up: wp.vec3d, heading: wp.float64):
    """Attitude with -z along `up` and x toward a heading, as nearly as `up` allows."""
    toward = case.east * wp.sin(heading) + case.north * wp.cos(heading)
    y = wp.normalize(wp.cross(toward, up))
    return attitude_from_axes(wp.cross(up, y), y, -up)


@wp.func
def _limited(case: Case, wanted: wp.vec3d):
    """Force wanted [N] with its tilt from the vertical limited; the vertical part comes first."""
    vertical = wp.max(wp.dot(wanted, case.up), f64(1.0))
    across = wanted - case.up * wp.dot(wanted, case.up)
    size = wp.length(across)
    most = vertical * wp.tan(case.tilt_limit)
    if size > most:
        across = across * (most / size)
    return case.up * vertical + across


@wp.func
def _divert(to_go: wp.vec3d, velocity: wp.vec3d, time: wp.float64):
    """Horizontal acceleration that arrives at rest after `time`, falling linearly in time."""
    return to_go * (f64(6.0) / (time * time)) - velocity * (f64(4.0) / time)


@wp.func
def _thrust_range(case: Case, phase: wp.int32):
    """Least and largest axial thrust of the engines that run."""
    axial = wp.where(phase >= SETTLING, case.axial_four, case.axial_all)
    return wp.vec2d(axial * case.thrust_minimum, axial * case.thrust_maximum)


@wp.kernel(enable_backward=False)
def fly_powered(
    cases: wp.array(dtype=Case),
    tables: Tables,
    landers: wp.array(dtype=LanderState),
    samples: wp.array(dtype=Sample, ndim=2),
    counts: wp.array(dtype=wp.int32),
    events: wp.array(dtype=EventSlot, ndim=2),
):
    """Fly each case from the backshell's separation until descent stage and rover are at rest."""
    i = wp.tid()
    case = cases[i]
    begin = landers[i]
    count = wp.int32(0)
    if begin.started == 1:
        t = begin.t
        h = case.descent_step
        phase = wp.int32(FREE_FALL)
        since = t
        attitude = begin.attitude
        rates = begin.rates
        propellant = begin.propellant
        empty = wp.int32(0)
        thrust = f64(0.0)
        command = f64(0.0)
        hung = case.rover_position - case.stage_position
        stowed = wp.length(hung)
        rover_attitude = attitude
        rover_rates = rates
        s = Pair()
        s.p1 = begin.position
        s.v1 = begin.velocity
        s.p2 = s.p1 + wp.quat_rotate(attitude, hung)
        s.v2 = s.v1
        f = Push()
        f.rover_mass = case.rover_mass
        f.joined = 1
        f.rest_length = stowed
        paid = f64(0.0)
        payout = f64(0.0)
        settled = f64(0.0)
        offloaded = f64(0.0)
        integral = f64(0.0)
        carried = f64(0.0)
        touched = wp.int32(0)
        last_height = f64(0.0)
        last_velocity = s.v2
        touch_time = f64(0.0)
        climb_from = f64(0.0)
        outcome = wp.int32(Outcome.FLYING)
        aim = wp.vec3d()
        normal = case.up
        heading = case.heading
        running = wp.int32(1)
        while running == 1:
            # ---- what is sensed ----
            height = height_above_ground(case, tables.ground, s.p2)
            # On the way to the target heights count from its ground, which the map knows; the
            # radar's view of whatever passes below would jerk the profile.
            over_target = wp.length(s.p2) - case.site_radius
            over_target = over_target - ground_height(
                tables.ground, wp.dot(aim, case.east), wp.dot(aim, case.north)
            )
            to_site = case.site + aim - s.p1
            to_go = to_site - case.up * wp.dot(to_site, case.up)
            climb = wp.dot(s.v1, case.up)
            drift = s.v1 - case.up * climb
            gravity = -wp.dot(free_acceleration(case, s.p1, s.v1), case.up)
            f.mass = (
                case.stage_mass + propellant + wp.where(f.joined == 1, case.rover_mass, f64(0.0))
            )
            whole = (
                case.stage_mass + propellant + wp.where(phase < CLIMB, case.rover_mass, f64(0.0))
            )
            air = air_at(case, tables, i, s.p1, s.v1, t)
            forces = _forces(case, tables, i, t, s, f)

            # ---- what it decides ----
            if phase == FREE_FALL and t - since >= case.free_fall - f64(1.0e-9):
                phase = wp.int32(APPROACH)
                put_event(
                    events,
                    i,
                    EventId.POWERED_DESCENT_START,
                    t,
                    s.p1,
                    s.v1,
                    air.mach,
                    air.pressure,
                    propellant,
                )
                # Land no nearer to where the backshell let go than allowed: it comes down there.
                away = wp.length(to_go)
                if away < case.divert_minimum:
                    aside = wp.where(away > f64(1.0), to_go / wp.max(away, f64(1.0)), case.east)
                    aim = aside * (case.divert_minimum - away)
            if phase == APPROACH and over_target <= case.constant_velocity_altitude:
                phase = wp.int32(CONSTANT_VELOCITY)
                put_event(
                    events,
                    i,
                    EventId.CONSTANT_VELOCITY_START,
                    t,
                    s.p1,
                    s.v1,
                    air.mach,
                    air.pressure,
                    propellant,
                )
                since = t
            slowing = case.crane_altitude + (
                climb * climb - case.crane_speed * case.crane_speed
            ) / (f64(2.0) * case.constant_deceleration)
            if phase == CONSTANT_VELOCITY and height <= slowing:
                phase = wp.int32(CONSTANT_DECELERATION)
                put_event(
                    events,
                    i,
                    EventId.CONSTANT_DECELERATION_START,
                    t,
                    s.p1,
                    s.v1,
                    air.mach,
                    air.pressure,
                    propellant,
                )
            if phase == CONSTANT_DECELERATION and -climb <= case.crane_speed + case.settle_speed:
                phase = wp.int32(SETTLING)
                settled = t
                put_event(
                    events,
                    i,
                    EventId.SKY_CRANE_START,
                    t,
                    s.p1,
                    s.v1,
                    air.mach,
                    air.pressure,
                    propellant,
                )
            if phase == SETTLING:
                if wp.abs(climb + case.crane_speed) > case.settle_speed:
                    settled = t
                elif t - settled >= case.settle:
                    phase = wp.int32(RAPPEL)
                    f.joined = 0
                    f.hanging = 1
                    put_event(
                        events,
                        i,
                        EventId.ROVER_SEPARATION,
                        t,
                        s.p1,
                        s.v1,
                        air.mach,
                        air.pressure,
                        propellant,
                    )
            if phase == RAPPEL:
                left = case.bridle_length - paid
                brake = wp.sqrt(f64(2.0) * case.payout_acceleration * wp.max(left, f64(0.0)))
                payout = wp.min(
                    wp.min(payout + case.payout_acceleration * h, case.payout_speed), brake
                )
                if left < f64(1.0e-3):
                    payout = f64(0.0)
                    phase = wp.int32(LOWERED)
                    put_event(
                        events, i, EventId.RAPPEL_DONE, t, s.p2, s.v2, air.mach, air.pressure, paid
                    )
            if phase == LOWERED and touched == 0:
                # The weight that the engines carry, slowly averaged: what off-loading is told by.
                carried = wp.where(carried == f64(0.0), thrust, carried + (thrust - carried) * h)
            if f.joined == 0 and touched == 0 and height <= f64(0.0):
                touched = 1
                # The moment between two steps, and the speed before the ground took any of it.
                share = wp.clamp(
                    height / wp.min(height - last_height, f64(-1.0e-9)), f64(0.0), f64(1.0)
                )
                touch_time = t - share * h
                put_event(
                    events,
                    i,
                    EventId.TOUCHDOWN,
                    touch_time,
                    s.p2 - last_velocity * (share * h),
                    last_velocity,
                    air.mach,
                    air.pressure,
                    propellant,
                )
                sink = -wp.dot(last_velocity, case.up)
                slide = wp.length(last_velocity + case.up * sink)
                if sink > case.touchdown_limit or slide > case.across_limit:
                    outcome = wp.int32(Outcome.TOUCHDOWN_TOO_FAST)
                    put_event(
                        events,
                        i,
                        EventId.CRASH,
                        touch_time,
                        s.p2,
                        last_velocity,
                        air.mach,
                        air.pressure,
                        f64(Outcome.TOUCHDOWN_TOO_FAST),
                    )
            last_height = height
            last_velocity = s.v2
            if f.joined == 1 and phase < DOWN and height <= f64(0.0):
                outcome = wp.int32(Outcome.LANDER_HIT_GROUND)
                put_event(
                    events,
                    i,
                    EventId.CRASH,
                    t,
                    s.p1,
                    s.v1,
                    air.mach,
                    air.pressure,
                    f64(Outcome.LANDER_HIT_GROUND),
                )
                phase = wp.int32(DOWN)
                touched = 1
                touch_time = t
                s.v1 = wp.vec3d()
                s.v2 = wp.vec3d()
                f.joined = 0
                f.hanging = 0
                f.fixed = 1
            if phase == LOWERED:
                if thrust > case.offload_fraction * carried:
                    offloaded = t
                elif t - offloaded >= case.offload:
                    phase = wp.int32(CLIMB)
                    f.hanging = 0
                    climb_from = wp.dot(s.p1 - case.site, case.up)
                    put_event(
                        events,
                        i,
                        EventId.BRIDLE_CUT,
                        t,
                        s.p1,
                        s.v1,
                        air.mach,
                        air.pressure,
                        propellant,
                    )
                    put_event(
                        events,
                        i,
                        EventId.FLYAWAY_START,
                        t,
                        s.p1,
                        s.v1,
                        air.mach,
                        air.pressure,
                        propellant,
                    )
            if phase == CLIMB and wp.dot(s.p1 - case.site, case.up) > climb_from + case.climb:
                phase = wp.int32(AWAY)
                since = t
            if phase == AWAY and t - since > case.burn:
                phase = wp.int32(BALLISTIC)
            foot = s.p1 - case.up * f64(0.8)
            airborne = phase > RAPPEL and phase < DOWN and f.joined == 0
            if airborne and height_above_ground(case, tables.ground, foot) <= f64(0.0):
                put_event(
                    events,
                    i,
                    EventId.DESCENT_STAGE_IMPACT,
                    t,
                    s.p1,
                    s.v1,
                    air.mach,
                    air.pressure,
                    propellant,
                )
                phase = wp.int32(DOWN)
                s.v1 = wp.vec3d()
                f.fixed = 1
                f.hanging = 0

            # Four engines give what four can, from the moment the others shut.
            thrust = wp.min(thrust, _thrust_range(case, phase)[1])

            # ---- record ----
            if count < samples.shape[1]:
                r = Sample()
                r.t = t
                r.position = s.p1
                r.velocity = s.v1
                r.attitude = attitude
                r.rates = rates
                r.second_position = s.p2
                r.second_velocity = s.v2
                r.second_attitude = rover_attitude
                r.air_velocity = air.velocity
                r.mass = f.mass
                r.propellant = propellant
                r.mach = air.mach
                r.pressure = air.pressure
                r.load = wp.length(forces.felt1)
                r.second_load = wp.length(forces.felt2)
                if phase == DOWN:
                    r.load = gravity
                r.thrust = thrust
                r.engines = wp.where(phase >= SETTLING, 4, 8)
                r.length = paid
                r.tension = forces.tension
                r.stage = phase
                samples[i, count] = r
                count += 1

            # ---- what it commands ----
            wanted = case.up
            command = f64(0.0)
            turn_to = heading
            w = case.horizontal_frequency
            hold = to_go * (w * w) - drift * (f64(1.6) * w)
            if phase == APPROACH:
                sink = wp.max(-climb, f64(1.0))
                time = (
                    f64(2.0)
                    * wp.max(over_target - case.constant_velocity_altitude, f64(0.0))
                    / (sink + case.constant_velocity)
                )
                rise = (sink - case.constant_velocity) / wp.max(time, f64(0.5))
                lateral = _divert(to_go, drift, wp.max(time + case.divert_margin, f64(1.0)))
                wanted = (case.up * (gravity + rise) + lateral) * whole
            elif phase == CONSTANT_VELOCITY:
                left = case.divert_margin - (t - since)
                lateral = hold
                if left > f64(1.0):
                    lateral = _divert(to_go, drift, left)
                wanted = (
                    case.up * (gravity + case.vertical_gain * (-case.constant_velocity - climb))
                    + lateral
                ) * whole
            elif phase == CONSTANT_DECELERATION:
                drop = wp.max(height - case.crane_altitude, f64(0.01))
                rise = (climb * climb - case.crane_speed * case.crane_speed) / (f64(2.0) * drop)
                rise = wp.clamp(rise, f64(0.0), f64(1.5) * case.constant_deceleration)
                wanted = (case.up * (gravity + rise) + hold) * whole
            elif phase >= SETTLING and phase <= LOWERED:
                error = -case.crane_speed - climb
                if phase > SETTLING:
                    integral = wp.clamp(
                        integral + case.vertical_integral * error * h, f64(-3.0), f64(3.0)
                    )
                # Once the wheels have touched, the stage stays where it is and only comes down.
                sideways = wp.where(touched == 1, -drift * w, hold)
                wanted = (
                    case.up * (gravity + case.vertical_gain * error + integral) + sideways
                ) * whole
            elif phase == CLIMB:
                wanted = (case.up * (gravity + case.climb_acceleration) - drift * w) * whole
            elif phase == AWAY:
                out = case.east * wp.sin(case.flyaway_heading) + case.north * wp.cos(
                    case.flyaway_heading
                )
                wanted = (case.up * wp.cos(case.pitch) + out * wp.sin(case.pitch)) * (
                    case.axial_four * case.thrust_maximum
                )
            if phase >= APPROACH and phase <= CLIMB:
                wanted = _limited(case, wanted)
            if phase >= APPROACH and phase < BALLISTIC:
                limits = _thrust_range(case, phase)
                axis = -wp.quat_rotate(attitude, wp.vec3d(f64(0.0), f64(0.0), f64(1.0)))
                # Only the part along the axis is thrust; the attitude follows the direction.
                command = wp.clamp(wp.dot(wanted, axis), limits[0], limits[1])
            if propellant <= f64(0.0):
                command = f64(0.0)
                if empty == 0:
                    empty = 1
                    put_event(
                        events,
                        i,
                        EventId.PROPELLANT_EMPTY,
                        t,
                        s.p1,
                        s.v1,
                        air.mach,
                        air.pressure,
                        f64(0.0),
                    )

            # ---- how it moves ----
            before = thrust
            thrust = command + (thrust - command) * wp.exp(-h / case.lag)
            if empty == 1 or phase >= BALLISTIC:
                thrust = wp.where(thrust < f64(1.0), f64(0.0), thrust)
            mean = f64(0.5) * (before + thrust)
            axial = wp.where(
                phase >= SETTLING, case.axial_four / f64(4.0), case.axial_all / f64(8.0)
            )
            propellant = wp.max(propellant - mean / axial / case.exhaust_speed * h, f64(0.0))
            if phase >= APPROACH and phase < BALLISTIC and empty == 0:
                rates = steer_rates(
                    attitude,
                    rates,
                    _upright(case, wp.normalize(wanted), turn_to),
                    case.attitude_frequency,
                    case.attitude_damping,
                    case.angular_limit,
                    h,
                )
            if phase == DOWN:
                rates = wp.vec3d()
            middle = advance_attitude(attitude, rates, f64(0.5) * h)
            attitude = advance_attitude(attitude, rates, h)
            f.thrust = -wp.quat_rotate(middle, wp.vec3d(f64(0.0), f64(0.0), mean))
            if phase == RAPPEL:
                paid = wp.min(paid + payout * h, case.bridle_length)
            f.payout = payout
            f.rest_length = stowed + paid
            s = _step(case, tables, i, t, s, f, h)
            t = t + h
            if f.joined == 1:
                lever = wp.quat_rotate(attitude, hung)
                s.p2 = s.p1 + lever
                s.v2 = s.v1 + wp.quat_rotate(attitude, wp.cross(rates, hung))
                rover_attitude = attitude
                rover_rates = rates
            else:
                upward = wp.normalize(s.p1 - s.p2)
                frequency = f64(5.0)
                if touched == 1:
                    upward = normal
                rover_rates = steer_rates(
                    rover_attitude,
                    rover_rates,
                    _upright(case, upward, heading),
                    frequency,
                    f64(0.9),
                    f64(3.0),
                    h,
                )
                rover_attitude = advance_attitude(rover_attitude, rover_rates, h)
            if outcome == Outcome.FLYING and touched == 1 and phase == DOWN:
                outcome = wp.int32(Outcome.LANDED)
            if phase == DOWN and t > touch_time + REST_S:
                running = 0
            if t - begin.t > case.descent_limit:
                running = 0
                if outcome == Outcome.FLYING:
                    outcome = wp.int32(Outcome.GAVE_UP)
                    put_event(
                        events,
                        i,
                        EventId.CRASH,
                        t,
                        s.p1,
                        s.v1,
                        air.mach,
                        air.pressure,
                        f64(Outcome.GAVE_UP),
                    )
        done = begin
        done.t = t
        done.position = s.p1
        done.velocity = s.v1
        done.rover_position = s.p2
        done.rover_velocity = s.v2
        done.propellant = propellant
        done.outcome = outcome
        landers[i] = done
    counts[i] = count
