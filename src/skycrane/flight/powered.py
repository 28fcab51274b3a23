"""Powered descent, sky crane, touchdown and flyaway: descent stage and rover on eight engines."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.bodies import Body, rover_body, stage_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.entry import note, taken_back
from skycrane.flight.lander_control import (
    ALL_EIGHT,
    FOUR_ALONE,
    FOUR_JOINED,
    allocate,
    axial_limits,
    balanced_limit,
    torque_toward,
    upright,
)
from skycrane.flight.lander_guidance import (
    APPROACH,
    AWAY,
    BALLISTIC,
    CLIMB,
    CONSTANT_DECELERATION,
    CONSTANT_VELOCITY,
    DOWN,
    FREE_FALL,
    LOWERED,
    RAPPEL,
    SETTLING,
    Guide,
    Seen,
    divert_across,
    landing_point,
    see,
    wanted_force,
)
from skycrane.flight.lander_motion import (
    Lander,
    Loads,
    Rig,
    engine_torque,
    first_body,
    lander_change,
    lander_step,
    lowest_wheel,
    parted,
)
from skycrane.flight.navigation import measure
from skycrane.flight.rotation import advance_attitude
from skycrane.flight.state import (
    EventId,
    EventSlot,
    LanderState,
    Outcome,
    Sample,
    vec8d,
)
from skycrane.flight.surroundings import Air, air_at, ground_height, height_above_ground

__all__ = ["fly_powered"]

f64 = wp.float64

REST_S = wp.constant(wp.float64(20.0))
"""How long the record goes on once everything is down."""
STILL_M_S = wp.constant(wp.float64(0.02))
"""A rover slower than this, a while after the bridles' cut, stands."""
STILL_S = wp.constant(wp.float64(3.0))
STAGE_HALF_HEIGHT_M = wp.constant(wp.float64(0.8))
"""From the stage's mass centre to the nozzles, which reach the ground first."""
BRAKE_SHARE = wp.constant(wp.float64(0.9))
"""Share of the deceleration within reach that the last braking is planned with."""
TIPPED = wp.constant(wp.float64(0.5))
"""Cosine of the tilt at which a rover on the ground counts as tipped over."""


@wp.struct
class Ending:
    """What came of it, and when everything was down."""

    outcome: wp.int32
    down_t: wp.float64
    touch_t: wp.float64


@wp.func
def _event(case: Case, t: wp.float64, s: Lander, body: Body, air: Air, value: wp.float64):
    """An event at the descent stage's origin."""
    e = EventSlot()
    lever = case.stage_position - body.centre
    e.happened = 1
    e.t = t
    e.position = s.p1 + wp.quat_rotate(s.q1, lever)
    e.velocity = s.v1 + wp.quat_rotate(s.q1, wp.cross(s.w1, lever))
    e.mach = air.mach
    e.pressure = air.pressure
    e.value = value
    return e


@wp.func
def _rover_event(case: Case, t: wp.float64, s: Lander, air: Air, value: wp.float64):
    """An event at the rover's origin, between its wheels."""
    e = EventSlot()
    lever = case.rover_position - rover_body(case).centre
    e.happened = 1
    e.t = t
    e.position = s.p2 + wp.quat_rotate(s.q2, lever)
    e.velocity = s.v2 + wp.quat_rotate(s.q2, wp.cross(s.w2, lever))
    e.mach = air.mach
    e.pressure = air.pressure
    e.value = value
    return e


@wp.func
def _slope(case: Case, tables: Tables, p: wp.vec3d):
    """Normal of the ground under a point, over a rover's length."""
    d = p - case.site
    e = wp.dot(d, case.east)
    n = wp.dot(d, case.north)
    half = f64(1.0)
    g = tables.ground
    rise_e = (ground_height(g, e + half, n) - ground_height(g, e - half, n)) * f64(0.5)
    rise_n = (ground_height(g, e, n + half) - ground_height(g, e, n - half)) * f64(0.5)
    return wp.normalize(case.up - case.east * rise_e - case.north * rise_n)


@wp.func
def _sample(case: Case, t: wp.float64, s: Lander, rig: Rig, body: Body, air: Air, loads: Loads):
    rover = _rover_event(case, t, s, air, f64(0.0))
    stage = _event(case, t, s, body, air, f64(0.0))
    r = Sample()
    r.t = t
    r.position = stage.position
    r.velocity = stage.velocity
    r.attitude = s.q1
    r.rates = s.w1
    r.second_position = rover.position
    r.second_velocity = rover.velocity
    r.second_attitude = s.q2
    r.second_rates = s.w2
    r.air_velocity = air.velocity
    r.mass = body.mass
    r.propellant = s.propellant
    r.mach = air.mach
    r.pressure = air.pressure
    r.load = loads.felt1
    r.second_load = loads.felt2
    if s.propellant > f64(0.0):
        r.engines = s.thrust
        for k in range(8):
            r.thrust = r.thrust + s.thrust[k]
    r.length = rig.paid
    r.tension = loads.tension
    return r


@wp.func
def _row(case: Case, g: Guide, rig: Rig, t: wp.float64, started: wp.float64):
    """Row of the mixing table: which engines run."""
    mode = ALL_EIGHT
    if g.phase >= SETTLING:
        mode = wp.where(rig.joined == 1, FOUR_JOINED, FOUR_ALONE)
    out = wp.int32(8)
    if case.engine_out >= 0 and started > f64(0.0) and t >= started + case.engine_out_delay:
        out = case.engine_out
    return mode * 9 + out


@wp.func
def _descend(
    case: Case,
    events: wp.array(dtype=EventSlot, ndim=2),
    i: wp.int32,
    g: Guide,
    seen: Seen,
    s: Lander,
    now: EventSlot,
    strength: wp.float64,
):
    """The phases from free fall to the sky crane; `strength` is the force [N] to brake with."""
    out = g
    t = now.t
    if g.phase == FREE_FALL and t - g.since >= case.free_fall - f64(1.0e-9):
        out.phase = wp.int32(APPROACH)
        out.since = t
        out.aim = landing_point(case, g, s, seen)
        note(events, i, EventId.POWERED_DESCENT_START, now)
    if g.phase == APPROACH and seen.over_target <= case.constant_velocity_altitude:
        out.phase = wp.int32(CONSTANT_VELOCITY)
        out.since = t
        note(events, i, EventId.CONSTANT_VELOCITY_START, now)
    if g.phase == CONSTANT_VELOCITY:
        excess = seen.climb * seen.climb - case.crane_speed * case.crane_speed
        # No later than what the engines that are left can brake in.
        brake = BRAKE_SHARE * (strength / seen.whole - seen.gravity)
        brake = wp.max(wp.min(brake, case.constant_deceleration), f64(0.1))
        if seen.height <= case.crane_altitude + excess / (f64(2.0) * brake):
            out.phase = wp.int32(CONSTANT_DECELERATION)
            note(events, i, EventId.CONSTANT_DECELERATION_START, now)
    if g.phase == CONSTANT_DECELERATION and -seen.climb <= case.crane_speed + case.settle_speed:
        out.phase = wp.int32(SETTLING)
        out.settled = t
        note(events, i, EventId.SKY_CRANE_START, now)
    if g.phase == SETTLING and wp.abs(seen.climb + case.crane_speed) > case.settle_speed:
        out.settled = t
    return out


@wp.func
def _rappel(
    case: Case,
    events: wp.array(dtype=EventSlot, ndim=2),
    i: wp.int32,
    g: Guide,
    rig: Rig,
    rover: EventSlot,
):
    """Pay the bridles out: speed up, run even, slow down before their end."""
    out = rig
    left = case.bridle_length - rig.paid
    brake = wp.sqrt(f64(2.0) * case.payout_acceleration * wp.max(left, f64(0.0)))
    faster = rig.payout + case.payout_acceleration * case.tick
    # Never past the end within one tick.
    most = wp.max(left, f64(0.0)) / case.tick
    out.payout = wp.min(wp.min(wp.min(faster, case.payout_speed), brake), most)
    if left < f64(1.0e-3):
        out.payout = f64(0.0)
        e = rover
        e.value = rig.paid
        note(events, i, EventId.RAPPEL_DONE, e)
    return out


@wp.func
def _lowered(case: Case, g: Guide, seen: Seen, thrust: wp.float64, t: wp.float64):
    """Touchdown by off-loading: the weight carried, slowly averaged, and its fall."""
    out = g
    if g.touched == 0:
        share = wp.min(case.tick / f64(1.0), f64(1.0))
        out.carried = wp.where(
            g.carried == f64(0.0), thrust, g.carried + (thrust - g.carried) * share
        )
    if thrust > case.offload_fraction * out.carried:
        out.offloaded = t
    return out


@wp.func
def _crashed(
    events: wp.array(dtype=EventSlot, ndim=2),
    i: wp.int32,
    end: Ending,
    e: EventSlot,
    outcome: wp.int32,
):
    out = end
    if end.outcome == Outcome.FLYING or end.outcome == Outcome.LANDED:
        out.outcome = outcome
        crash = e
        crash.value = f64(outcome)
        note(events, i, EventId.CRASH, crash)
    return out


@wp.func
def _turned(case: Case, s: Lander, body: Body, torque: wp.vec3d):
    """Attitude and rates a tick later under a torque, for the point-mass fidelity."""
    out = s
    spin = wp.cross(s.w1, wp.cw_mul(body.inertia, s.w1))
    out.w1 = s.w1 + wp.cw_div(torque - spin, body.inertia) * case.tick
    out.q1 = advance_attitude(s.q1, out.w1, case.tick)
    return out


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
        per_tick = wp.max(wp.int32(wp.round(case.tick / case.descent_step)), 1)
        h = case.descent_step
        case.tick = h * f64(per_tick)
        steps = wp.int32(0)
        s = Lander()
        s.p1 = begin.position
        s.v1 = begin.velocity
        s.q1 = begin.attitude
        s.w1 = begin.rates
        s.propellant = begin.propellant
        s = parted(case, s)
        rig = Rig()
        rig.joined = 1
        rig.normal = case.up
        g = Guide()
        g.phase = wp.int32(FREE_FALL)
        g.since = t
        g.fixed = begin.fixed
        g.radar.seen = begin.radar_seen
        g.radar.offset = begin.radar_offset
        end = Ending()
        end.outcome = wp.int32(Outcome.FLYING)
        started = f64(0.0)
        before = lowest_wheel(case, tables, s)
        still_since = t
        running = wp.int32(1)
        while running == 1:
            body = first_body(case, rig, s.propellant)
            air = air_at(case, tables, i, s.p1, s.v1, t)
            change = lander_change(case, tables, i, t, s, rig)
            loads = change.loads
            if count < samples.shape[1]:
                r = _sample(case, t, s, rig, body, air, loads)
                r.stage = g.phase
                samples[i, count] = r
                count += 1
            now = _event(case, t, s, body, air, s.propellant)
            rover = _rover_event(case, t, s, air, s.propellant)

            # ---- what happens of itself: contact, impact ----
            lowest = f64(1.0e3)
            if wp.length(rover.position) - case.site_radius < f64(3000.0) and end.touch_t == f64(
                0.0
            ):
                lowest = lowest_wheel(case, tables, s)
            if rig.joined == 0 and end.touch_t == f64(0.0) and lowest <= f64(0.0):
                g.touched = 1
                # The moment between two steps, and the speed before the ground took any of it.
                share = wp.clamp(lowest / wp.min(lowest - before, f64(-1.0e-9)), f64(0.0), f64(1.0))
                end.touch_t = t - share * h
                touch = rover
                touch.t = end.touch_t
                touch.position = rover.position - rover.velocity * (share * h)
                note(events, i, EventId.TOUCHDOWN, touch)
                sink = -wp.dot(s.v2, case.up)
                slide = wp.length(s.v2 + case.up * sink)
                if sink > case.touchdown_limit or slide > case.across_limit:
                    how = wp.int32(Outcome.TOUCHDOWN_TOO_FAST)
                    if rig.hanging == 0:
                        how = wp.int32(Outcome.ROVER_DROPPED)
                    end = _crashed(events, i, end, touch, how)
            before = lowest
            foot = s.p1 - case.up * STAGE_HALF_HEIGHT_M
            foot_height = height_above_ground(case, tables.ground, foot)
            if rig.stage_down == 0 and (
                (rig.joined == 1 and lowest <= f64(0.0)) or foot_height <= f64(0.0)
            ):
                if rig.joined == 1:
                    end = _crashed(events, i, end, now, wp.int32(Outcome.LANDER_HIT_GROUND))
                    rig.rover_down = 1
                    end.touch_t = t
                    s.v2 = wp.vec3d()
                    s.w2 = wp.vec3d()
                else:
                    note(events, i, EventId.DESCENT_STAGE_IMPACT, taken_back(now, foot_height))
                    if g.phase < CLIMB:
                        end = _crashed(events, i, end, now, wp.int32(Outcome.LANDER_HIT_GROUND))
                rig.stage_down = 1
                rig.hanging = 0
                g.phase = wp.int32(DOWN)
                end.down_t = t
                s.v1 = wp.vec3d()
                s.w1 = wp.vec3d()
                s.thrust = vec8d()
                rig.command = vec8d()

            # ---- what the computer decides and commands, at its ticks ----
            if steps % per_tick == 0 and g.phase < DOWN:
                lost = g.radar.lost
                g.radar = measure(
                    case, tables.ground, g.radar, s.p1, g.fixed, t - begin.shield_gone_t
                )
                if g.radar.lost == 1 and lost == 0:
                    note(events, i, EventId.RADAR_LOST, now)
                seen = see(case, tables, g, s, body)
                if g.phase <= SETTLING:
                    strength = balanced_limit(case, tables, _row(case, g, rig, t, started))
                    g = _descend(case, events, i, g, seen, s, now, strength)
                    if g.phase >= APPROACH and started == f64(0.0):
                        started = t
                if g.phase == SETTLING and t - g.settled >= case.settle:
                    g.phase = wp.int32(RAPPEL)
                    note(events, i, EventId.ROVER_SEPARATION, now)
                    stage = stage_body(case, s.propellant)
                    lever = stage.centre - body.centre
                    s.p1 = s.p1 + wp.quat_rotate(s.q1, lever)
                    s.v1 = s.v1 + wp.quat_rotate(s.q1, wp.cross(s.w1, lever))
                    rig.joined = 0
                    rig.hanging = 1
                    body = stage
                    seen = see(case, tables, g, s, body)
                if g.phase == RAPPEL:
                    rig = _rappel(case, events, i, g, rig, rover)
                    if rig.payout == f64(0.0) and rig.paid > f64(0.5) * case.bridle_length:
                        g.phase = wp.int32(LOWERED)
                axis = -wp.quat_rotate(s.q1, wp.vec3d(f64(0.0), f64(0.0), f64(1.0)))
                push = f64(0.0)
                for k in range(8):
                    push = push - s.thrust[k] * tables.engine_axes[k][2]
                push = -push
                if g.phase == LOWERED:
                    g = _lowered(case, g, seen, push, t)
                    if t - g.offloaded >= case.offload and g.carried > f64(0.0):
                        g.phase = wp.int32(CLIMB)
                        rig.hanging = 0
                        g.climb_from = wp.dot(s.p1 - case.site, case.up)
                        note(events, i, EventId.BRIDLE_CUT, now)
                        note(events, i, EventId.FLYAWAY_START, now)
                        still_since = t
                        if g.touched == 0:
                            end = _crashed(events, i, end, rover, wp.int32(Outcome.ROVER_DROPPED))
                risen = wp.dot(s.p1 - case.site, case.up) - g.climb_from
                if g.phase == CLIMB and risen > case.climb:
                    g.phase = wp.int32(AWAY)
                    g.since = t
                if g.phase == AWAY and t - g.since > case.burn:
                    g.phase = wp.int32(BALLISTIC)
                if g.phase > SETTLING and g.phase <= LOWERED:
                    error = -case.crane_speed - seen.climb
                    g.integral = wp.clamp(
                        g.integral + case.vertical_integral * error * case.tick,
                        f64(-3.0),
                        f64(3.0),
                    )
                if s.propellant <= f64(0.0) and g.empty == 0 and g.phase < BALLISTIC:
                    g.empty = 1
                    note(events, i, EventId.PROPELLANT_EMPTY, now)
                rig.command = vec8d()
                if g.phase >= APPROACH and g.phase < BALLISTIC and g.empty == 0:
                    g.across = divert_across(case, g, seen, t)
                    wanted = wanted_force(case, g, seen)
                    row = _row(case, g, rig, t, started)
                    if row % 9 < 8:
                        note(events, i, EventId.ENGINE_OUT, now)
                    limits = axial_limits(case, tables, row)
                    axial = wp.clamp(wp.dot(wanted, axis), limits[0], limits[1])
                    goal = upright(case, wp.normalize(wanted), case.heading)
                    torque = torque_toward(case, body.inertia, s.q1, s.w1, goal)
                    rig.command = allocate(case, tables, row, body.centre, axial, torque)
                    if case.point == 1:
                        # The throttles turn it as they would, but at the ticks alone.
                        given = engine_torque(case, tables, rig.command, body)
                        s = _turned(case, s, body, given)
                if g.phase >= SETTLING:
                    rig.normal = _slope(case, tables, s.p2)
                change = lander_change(case, tables, i, t, s, rig)

            # ---- rest ----
            if g.touched == 1 and rig.hanging == 0 and rig.rover_down == 0:
                if wp.length(s.v2) > STILL_M_S:
                    still_since = t
                lean = -wp.dot(
                    wp.quat_rotate(s.q2, wp.vec3d(f64(0.0), f64(0.0), f64(1.0))), case.up
                )
                if lean < TIPPED and end.touch_t > f64(0.0):
                    end = _crashed(events, i, end, rover, wp.int32(Outcome.TIPPED_OVER))
                if t - still_since > STILL_S or t - end.touch_t > f64(30.0):
                    rig.rover_down = 1
                    s.v2 = wp.vec3d()
                    s.w2 = wp.vec3d()
                    if end.outcome == Outcome.FLYING:
                        end.outcome = wp.int32(Outcome.LANDED)
                change = lander_change(case, tables, i, t, s, rig)
            all_down = rig.stage_down == 1 and rig.rover_down == 1
            if all_down and t > wp.max(end.down_t, end.touch_t) + REST_S:
                running = 0
            if t - begin.t > case.descent_limit:
                running = 0
                if end.outcome == Outcome.FLYING:
                    end = _crashed(events, i, end, now, wp.int32(Outcome.GAVE_UP))
            if running == 1:
                s = lander_step(case, tables, i, t, s, rig, change.rate, h)
                if g.phase == RAPPEL:
                    rig.paid = wp.min(rig.paid + rig.payout * h, case.bridle_length)
                steps += 1
                t = begin.t + f64(steps) * h
        done = begin
        done.t = t
        done.propellant = s.propellant
        done.outcome = end.outcome
        landers[i] = done
    counts[i] = count
