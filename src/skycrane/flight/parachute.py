"""Under the parachute: from the mortar until the backshell lies on the ground.

Line stretch and full inflation are located within a step; what the flight computer decides (heat
shield, backshell) it decides at its own ticks, from what it senses. After the backshell lets the
lander go the same equations carry it and the canopy to the ground.
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.bodies import (
    Body,
    backshell_body,
    capsule_body,
    lander_body,
    shield_body,
)
from skycrane.flight.case import Case, Tables
from skycrane.flight.entry import Peak, note, peaked, taken_back
from skycrane.flight.hanging import (
    BACKSHELL_ALONE,
    BACKSHELL_DOWN,
    FILLING,
    FULL,
    PAYING_OUT,
    SHIELD_GONE,
    Felt,
    Hanging,
    Setting,
    change_of,
    hanging_step,
    line_of,
    velocity_at,
)
from skycrane.flight.navigation import (
    Radar,
    believed_position,
    believed_velocity,
    measure,
    sensed_height,
)
from skycrane.flight.rotation import attitude_from_axes
from skycrane.flight.state import (
    EventId,
    EventSlot,
    FallState,
    LanderState,
    Outcome,
    Sample,
    VehicleState,
)
from skycrane.flight.surroundings import free_acceleration, height_above_ground

__all__ = ["fly_parachute"]

f64 = wp.float64

TRIES = wp.constant(6)
"""Secant steps that locate an event within a step of the integration; far below a microsecond."""
CLOSE_M = wp.constant(wp.float64(1.0e-9))
"""An event is met this near to it."""
CANOPY_DOWN_S = wp.constant(wp.float64(60.0))
"""How long the canopy may take to come down after the backshell."""


@wp.struct
class Descent:
    """The flight computer under the parachute."""

    full_since: wp.float64
    shield_since: wp.float64
    fixed: wp.int32
    radar: Radar


@wp.func
def _fired(case: Case, begin: VehicleState, set: Setting, centre: wp.vec3d):
    """Capsule and pack right after the mortar: momentum before and after is the same."""
    s = Hanging()
    s.attitude = begin.attitude
    s.rates = begin.rates
    turning = wp.quat_rotate(begin.attitude, wp.cross(begin.rates, set.body.centre))
    back = wp.quat_rotate(s.attitude, wp.vec3d(f64(0.0), f64(0.0), f64(-1.0)))
    recoil = case.mortar_speed * case.parachute_mass / begin.mass
    s.position = begin.position + wp.quat_rotate(s.attitude, set.body.centre)
    s.velocity = begin.velocity + turning - back * recoil
    s.canopy_position = begin.position + wp.quat_rotate(s.attitude, case.pack_position)
    muzzle = case.pack_position - set.body.centre
    swing = wp.quat_rotate(s.attitude, wp.cross(begin.rates, muzzle))
    s.canopy_velocity = s.velocity + swing + back * case.mortar_speed
    lever = wp.cross(muzzle, wp.vec3d(f64(0.0), f64(0.0), f64(1.0)))
    kick = lever * (case.mortar_speed * case.parachute_mass * set.body.mass / begin.mass)
    s.rates = s.rates + wp.cw_div(kick, set.body.inertia)
    return s


@wp.func
def _event(t: wp.float64, s: Hanging, set: Setting, felt: Felt, value: wp.float64):
    e = EventSlot()
    e.happened = 1
    e.t = t
    e.position = s.position - wp.quat_rotate(s.attitude, set.body.centre)
    e.velocity = velocity_at(s, -set.body.centre)
    e.mach = felt.air.mach
    e.pressure = felt.air.pressure
    e.value = value
    return e


@wp.func
def _sample(t: wp.float64, s: Hanging, set: Setting, felt: Felt, propellant: wp.float64):
    r = Sample()
    r.t = t
    r.position = s.position - wp.quat_rotate(s.attitude, set.body.centre)
    r.velocity = velocity_at(s, -set.body.centre)
    r.attitude = s.attitude
    r.rates = s.rates
    r.second_position = s.canopy_position
    r.second_velocity = s.canopy_velocity
    r.air_velocity = felt.air.velocity
    r.mass = set.body.mass
    r.propellant = propellant
    r.mach = felt.air.mach
    r.pressure = felt.air.pressure
    r.angle_of_attack = felt.angle_of_attack
    r.drag = felt.drag
    r.load = felt.load
    r.thrust = felt.canopy_drag
    r.inflation = felt.inflation
    r.length = wp.length(line_of(s, set))
    r.tension = felt.tension
    r.stage = set.stage
    return r


@wp.func
def _ahead_of_event(case: Case, s: Hanging, set: Setting):
    """Negative before the next physical event of the canopy, positive after it."""
    out = f64(-1.0)
    if set.stage == PAYING_OUT:
        out = wp.length(line_of(s, set)) - case.line_length
    if set.stage == FILLING and case.canopy_diameter > f64(0.0):
        out = s.filled - case.filling_diameters * case.canopy_diameter
    return out


@wp.func
def _separated(s: Hanging, set: Setting, centre: wp.vec3d, push: wp.float64):
    """What stays when a part leaves at `push` (m/s, downward) relative to it: its new state."""
    out = s
    lever = centre - set.body.centre
    down = wp.quat_rotate(s.attitude, wp.vec3d(f64(0.0), f64(0.0), f64(1.0)))
    out.position = s.position + wp.quat_rotate(s.attitude, lever)
    out.velocity = velocity_at(s, lever) + down * push
    return out


@wp.func
def _backshell_due(case: Case, tables: Tables, s: Hanging, set: Setting, d: Descent, aim: wp.vec3d):
    """Whether the height over the target is what the powered descent needs from here."""
    velocity = believed_velocity(case, s.velocity, d.radar.seen)
    sink = -wp.dot(velocity, wp.normalize(s.position))
    fall = wp.length(free_acceleration(case, s.position, s.velocity)) * case.free_fall
    later = sink + fall
    needed = case.constant_velocity_altitude + (sink + f64(0.5) * fall) * case.free_fall
    excess = later * later - case.constant_velocity * case.constant_velocity
    needed += wp.max(excess, f64(0.0)) / (f64(2.0) * case.approach_deceleration)
    wheels = s.position + wp.quat_rotate(s.attitude, case.rover_position - set.body.centre)
    height = sensed_height(case, tables.ground, d.radar, wheels, d.fixed, aim)
    return height <= needed


@wp.func
def _release(
    case: Case,
    t: wp.float64,
    s: Hanging,
    set: Setting,
    d: Descent,
    propellant: wp.float64,
    landers: wp.array(dtype=LanderState),
    i: wp.int32,
):
    """Let the lander go; the state of the backshell. Momentum is kept."""
    lander = lander_body(case, propellant)
    shell = backshell_body(case)
    share = shell.mass / (shell.mass + lander.mass)
    fallen = _separated(s, set, lander.centre, case.backshell_speed * share)
    g = LanderState()
    g.started = 1
    g.t = t
    g.position = fallen.position
    g.velocity = fallen.velocity
    g.attitude = s.attitude
    g.rates = s.rates
    g.propellant = propellant
    g.fixed = d.fixed
    g.radar_offset = d.radar.offset
    g.radar_seen = d.radar.seen
    g.shield_gone_t = d.shield_since
    g.outcome = wp.int32(Outcome.FLYING)
    landers[i] = g
    return _separated(s, set, shell.centre, case.backshell_speed * (share - f64(1.0)))


@wp.func
def _shed(
    case: Case,
    t: wp.float64,
    s: Hanging,
    set: Setting,
    rest: Body,
    falling: wp.array(dtype=FallState, ndim=2),
    i: wp.int32,
):
    """Let the heat shield go; the state of the `rest`. Momentum is kept, the turning one too."""
    shield = shield_body(case)
    share = shield.mass / set.body.mass
    gone = _separated(s, set, shield.centre, case.shield_speed * (f64(1.0) - share))
    b = FallState()
    b.started = 1
    b.t = t
    b.position = gone.position
    b.velocity = gone.velocity
    b.attitude = s.attitude
    tip = wp.cw_div(case.shield_tip_off, shield.inertia + rest.inertia)
    b.rates = s.rates + wp.cw_mul(tip, rest.inertia)
    b.mass = shield.mass
    falling[i, 0] = b
    stays = _separated(s, set, rest.centre, -case.shield_speed * share)
    stays.rates = s.rates - wp.cw_mul(tip, shield.inertia)
    return stays


@wp.func
def _aligned(s: Hanging, set: Setting):
    """Attitude with the capsule's axis along the lines, for the point-mass fidelity."""
    z = wp.normalize(s.position - s.canopy_position)
    x = wp.quat_rotate(s.attitude, wp.vec3d(f64(1.0), f64(0.0), f64(0.0)))
    y = wp.normalize(wp.cross(z, x))
    return attitude_from_axes(wp.cross(y, z), y, z)


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
        propellant = begin.propellant
        set = Setting()
        set.body = capsule_body(case, propellant, begin.balance_left, 1, 0)
        set.body.mass = begin.mass - case.parachute_mass
        set.lever = case.riser_position - set.body.centre
        set.stage = wp.int32(PAYING_OUT)
        set.area_left = f64(1.0)
        set.damping = case.rate_damping
        s = _fired(case, begin, set, set.body.centre)
        d = Descent()
        felt = change_of(case, tables, i, t, s, set).felt
        note(events, i, EventId.PARACHUTE_DEPLOY, _event(t, s, set, felt, f64(0.0)))
        pull = Peak()
        prev = EventSlot()
        reached = wp.int32(0)
        ticks = wp.int32(0)
        down_since = f64(0.0)
        running = wp.int32(1)
        while running == 1:
            change = change_of(case, tables, i, t, s, set)
            felt = change.felt
            if count < samples.shape[1]:
                samples[i, count] = _sample(t, s, set, felt, propellant)
                count += 1
            now = _event(t, s, set, felt, felt.tension)
            if set.stage < BACKSHELL_ALONE:
                pull = peaked(pull, felt.tension, prev, now)
                prev = now
            if felt.tension > case.load_limit and set.area_left > f64(0.0):
                set.area_left = f64(0.0)
                note(events, i, EventId.PARACHUTE_TORN, now)

            # What happens of itself.
            if reached == 1:
                reached = 0
                if set.stage == PAYING_OUT:
                    set.stage = FILLING
                    note(events, i, EventId.LINE_STRETCH, now)
                elif set.stage == FILLING:
                    set.stage = FULL
                    d.full_since = t
                    note(events, i, EventId.PARACHUTE_FULL_INFLATION, now)
                    if case.tear_left < f64(1.0):
                        set.area_left = wp.min(set.area_left, case.tear_left)
                        note(events, i, EventId.PARACHUTE_TORN, now)
                change = change_of(case, tables, i, t, s, set)

            # What the computer decides at its ticks.
            due = begin.t + f64(ticks) * case.tick
            if t >= due - f64(1.0e-9) and set.stage < BACKSHELL_ALONE:
                ticks += 1
                velocity = believed_velocity(case, s.velocity, d.radar.seen)
                mach = felt.air.mach * wp.length(velocity) / wp.max(felt.air.speed, f64(1.0))
                decided = wp.int32(0)
                if (
                    set.stage == FULL
                    and mach < case.heat_shield_mach
                    and t - d.full_since >= case.heat_shield_delay
                ):
                    note(events, i, EventId.HEAT_SHIELD_SEPARATION, now)
                    rest = capsule_body(case, propellant, begin.balance_left, 0, 0)
                    s = _shed(case, t, s, set, rest, falling, i)
                    set.body = rest
                    set.stage = SHIELD_GONE
                    d.shield_since = t
                    decided = 1
                elif set.stage == SHIELD_GONE:
                    seen = d.radar.seen
                    lost = d.radar.lost
                    d.radar = measure(
                        case, tables.ground, d.radar, s.position, d.fixed, t - d.shield_since
                    )
                    if d.radar.lost == 1 and lost == 0:
                        note(events, i, EventId.RADAR_LOST, now)
                    if d.radar.seen == 1 and seen == 0:
                        note(events, i, EventId.RADAR_FOUND, now)
                    believed = believed_position(case, s.position, d.fixed)
                    over = wp.length(believed) - case.site_radius
                    if case.to_target == 1 and d.fixed == 0 and over < case.fix_altitude:
                        d.fixed = 1
                        note(events, i, EventId.NAVIGATION_FIX, now)
                    aim = wp.vec3d()
                    if case.to_target == 0:
                        aim = believed - case.site
                        aim = aim - case.up * wp.dot(aim, case.up)
                    if _backshell_due(case, tables, s, set, d, aim):
                        note(events, i, EventId.BACKSHELL_SEPARATION, now)
                        s = _release(case, t, s, set, d, propellant, landers, i)
                        set.body = backshell_body(case)
                        set.stage = BACKSHELL_ALONE
                        set.damping = case.rate_damping * f64(0.1)
                        decided = 1
                if decided == 1:
                    set.lever = case.riser_position - set.body.centre
                    change = change_of(case, tables, i, t, s, set)

            if set.stage < BACKSHELL_DOWN:
                edge = wp.vec3d(f64(0.0), f64(0.0), case.edge_height) - set.body.centre
                low = s.position + wp.quat_rotate(s.attitude, edge)
                above = height_above_ground(case, tables.ground, low)
                if above <= f64(0.0):
                    down_since = t
                    e = taken_back(now, above)
                    s.position = s.position + e.position - now.position
                    if count > 0 and count < samples.shape[1]:
                        last = samples[i, count - 1]
                        last.position = e.position
                        samples[i, count - 1] = last
                    if set.stage == BACKSHELL_ALONE:
                        note(events, i, EventId.BACKSHELL_IMPACT, e)
                    else:
                        e.value = f64(Outcome.CAPSULE_HIT_GROUND)
                        note(events, i, EventId.CRASH, e)
                    set.stage = BACKSHELL_DOWN
                    s.velocity = wp.vec3d()
                    s.rates = wp.vec3d()
                    change = change_of(case, tables, i, t, s, set)
            canopy_height = height_above_ground(case, tables.ground, s.canopy_position)
            if set.stage == BACKSHELL_DOWN:
                # The canopy spills its air as it comes down, and lies where it lands.
                s.filled = s.filled * wp.exp(-case.descent_step / f64(1.5))
                if canopy_height <= f64(0.3) or t > down_since + CANOPY_DOWN_S:
                    running = 0
                if canopy_height < f64(0.0) and count > 0 and count < samples.shape[1]:
                    last = samples[i, count - 1]
                    up = wp.normalize(s.canopy_position)
                    last.second_position = s.canopy_position - up * canopy_height
                    samples[i, count - 1] = last
            if t - begin.t > case.descent_limit:
                running = 0
            if running == 1:
                next_tick = begin.t + f64(ticks) * case.tick
                h = case.descent_step
                if set.stage < SHIELD_GONE:
                    # The canopy bounces on its lines as it opens: twice as fast as anything later.
                    h = f64(0.5) * h
                if set.stage < BACKSHELL_ALONE and t + h > next_tick - f64(1.0e-9):
                    h = wp.max(next_tick - t, f64(1.0e-9))
                low_h = f64(0.0)
                low_g = _ahead_of_event(case, s, set)
                whole = h
                tries = wp.int32(0)
                moved = s
                while tries < TRIES:
                    moved = hanging_step(case, tables, i, t, s, set, change.rate, h)
                    g = _ahead_of_event(case, moved, set)
                    tries += 1
                    if tries == 1 and g < f64(0.0):
                        tries = TRIES
                    elif tries == TRIES or wp.abs(g) < CLOSE_M:
                        tries = TRIES
                        reached = 1
                    else:
                        # Secant from the last point before the event, kept within the step.
                        slope = (g - low_g) / (h - low_h)
                        guess = h - g / wp.max(slope, f64(1.0e-9))
                        if g < f64(0.0):
                            low_h = h
                            low_g = g
                        h = wp.clamp(guess, f64(0.0), whole)
                used = felt.control / (case.control_arm * case.control_exhaust) * h
                if case.point == 1:
                    used = case.control_use * h
                if set.stage < BACKSHELL_ALONE:
                    propellant = wp.max(propellant - used, f64(0.0))
                s = moved
                t = t + h
                if case.point == 1 and set.stage >= FILLING and set.stage < BACKSHELL_DOWN:
                    s.attitude = _aligned(s, set)
        if pull.best.happened == 1:
            events[i, EventId.PEAK_PARACHUTE_LOAD] = pull.best
        if landers[i].started == 0:
            done = begin
            done.propellant = propellant
            # Time ran out where nothing came down: that is no impact.
            ended = wp.int32(Outcome.CAPSULE_HIT_GROUND)
            if set.stage < BACKSHELL_DOWN:
                ended = wp.int32(Outcome.GAVE_UP)
                e = _event(t, s, set, felt, f64(Outcome.GAVE_UP))
                note(events, i, EventId.CRASH, e)
            done.outcome = ended
            states[i] = done
    counts[i] = count
