"""How the powered descent is guided: phases, the force wanted in each, where to land.

The powered approach and the divert follow polynomial guidance as Apollo's and MSL's landings did
(Klumpp 1974; Singh, SanMartin and Wong, AAS 07-022), which arrives at the next phase's state: an
even deceleration down, the path of least jerk across (Flash and Hogan 1985), so that the lander
stands upright where the divert begins and ends, as the flown camera's aims tell. Below that,
velocity and altitude are held.
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.bodies import Body, rover_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.lander_motion import Lander
from skycrane.flight.navigation import (
    Radar,
    believed_position,
    believed_velocity,
    sensed_height,
)
from skycrane.flight.surroundings import free_acceleration, height_above_ground

__all__ = [
    "APPROACH",
    "AWAY",
    "BALLISTIC",
    "CLIMB",
    "CONSTANT_DECELERATION",
    "CONSTANT_VELOCITY",
    "DOWN",
    "FREE_FALL",
    "LOWERED",
    "RAPPEL",
    "SETTLING",
    "Guide",
    "Seen",
    "divert_across",
    "landing_point",
    "see",
    "wanted_force",
]

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

# The path is bent as for a time left of at least this, several times what the stage takes to tilt:
# nearer its end ever harder jerks would be asked for ever smaller errors.
STEERED_S = wp.constant(wp.float64(4.0))
# Of the largest tilt, what the way to a landing point may need; the rest is for wind and engines.
REACH_SHARE = wp.constant(wp.float64(0.9))


@wp.struct
class Guide:
    """The descent computer's memory."""

    phase: wp.int32
    since: wp.float64
    settled: wp.float64
    offloaded: wp.float64
    integral: wp.float64
    carried: wp.float64
    touched: wp.int32
    empty: wp.int32
    climb_from: wp.float64
    aim: wp.vec3d
    across: wp.vec3d
    radar: Radar
    fixed: wp.int32


@wp.struct
class Seen:
    """What the descent computer has to go by; heights are of the wheels."""

    height: wp.float64
    over_target: wp.float64
    to_go: wp.vec3d
    climb: wp.float64
    drift: wp.vec3d
    gravity: wp.float64
    whole: wp.float64


@wp.func
def _flat(case: Case, v: wp.vec3d):
    return v - case.up * wp.dot(v, case.up)


@wp.func
def see(case: Case, tables: Tables, g: Guide, s: Lander, body: Body):
    """What navigation and radar tell."""
    out = Seen()
    wheels = s.p2 + wp.quat_rotate(s.q2, case.rover_position - rover_body(case).centre)
    out.over_target = sensed_height(case, tables.ground, g.radar, wheels, g.fixed, g.aim)
    out.height = out.over_target
    if g.radar.lost == 0 and g.radar.seen == 1:
        height = height_above_ground(case, tables.ground, wheels)
        out.height = height * case.radar_scale + case.radar_bias
    velocity = believed_velocity(case, s.v1, g.radar.seen)
    out.climb = wp.dot(velocity, case.up)
    out.drift = _flat(case, velocity)
    out.to_go = _flat(case, case.site + g.aim - believed_position(case, s.p1, g.fixed))
    out.gravity = -wp.dot(free_acceleration(case, s.p1, s.v1), case.up)
    out.whole = body.mass
    if g.phase >= RAPPEL and g.phase < CLIMB:
        out.whole = body.mass + case.rover_mass
    return out


@wp.func
def _time_left(case: Case, see: Seen):
    """Time [s] until the constant velocity begins, at an even deceleration."""
    sink = wp.max(-see.climb, f64(1.0))
    left = wp.max(see.over_target - case.constant_velocity_altitude, f64(0.0))
    return f64(2.0) * left / (sink + case.constant_velocity)


@wp.func
def _approach(case: Case, see: Seen):
    """Upward force wanted of a unit of mass on the way down to the constant velocity."""
    excess = wp.max(-see.climb, f64(1.0)) - case.constant_velocity
    return see.gravity + excess / wp.max(_time_left(case, see), f64(0.5))


@wp.func
def _steepest(to_go: wp.vec3d, velocity: wp.vec3d, time: wp.float64):
    """Largest acceleration [m/s2] of the path of least jerk to rest after `time`."""
    most = f64(0.0)
    for n in range(1, 16):
        u = f64(n) / f64(16.0)
        far = f64(60.0) + u * (f64(-180.0) + u * f64(120.0))
        fast = f64(-36.0) + u * (f64(96.0) - u * f64(60.0))
        a = to_go * (u * far / (time * time)) + velocity * (u * fast / time)
        most = wp.max(most, wp.length(a))
    return most


@wp.func
def landing_point(case: Case, g: Guide, s: Lander, see: Seen):
    """Where to land, as an offset [m] from the site.

    The target, if it is within the divert's reach, else the nearest point that is; without a map
    of the site the point below. No nearer than allowed to where the backshell let go: it comes
    down there. The reach ends where the path there would tilt the lander more than it may.
    """
    here = _flat(case, believed_position(case, s.p1, g.fixed) - case.site)
    aim = wp.vec3d()
    if case.to_target == 0:
        aim = here
    to_go = aim - here
    away = wp.length(to_go)
    aside = wp.normalize(wp.cross(case.up, see.drift + case.east * f64(1.0e-3)))
    if away > f64(1.0):
        aside = to_go / away
    away = wp.min(away, case.divert_maximum)
    most = REACH_SHARE * wp.tan(case.tilt_limit) * _approach(case, see)
    time = wp.max(_time_left(case, see) + case.divert_margin, STEERED_S)
    for _ in range(40):
        if _steepest(aside * away, see.drift, time) > most:
            away = f64(0.95) * away
    return here + aside * wp.max(away, case.divert_minimum)


@wp.func
def _divert_left(case: Case, g: Guide, see: Seen, t: wp.float64):
    """Time [s] until the divert is to end."""
    if g.phase == CONSTANT_VELOCITY:
        return case.divert_margin - (t - g.since)
    return _time_left(case, see) + case.divert_margin


@wp.func
def divert_across(case: Case, g: Guide, see: Seen, t: wp.float64):
    """Horizontal acceleration [m/s2] wanted one tick on, mars_fixed.

    Of the paths that arrive at rest and upright after the time left, the one with the least jerk
    squared, a polynomial of fifth order: its jerk at this moment is followed for a tick. In the
    last second the target is held instead.
    """
    time = _divert_left(case, g, see, t)
    if g.phase != APPROACH and (g.phase != CONSTANT_VELOCITY or time <= f64(1.0)):
        w = case.horizontal_frequency
        return see.to_go * (w * w) - see.drift * (f64(1.6) * w)
    time = wp.max(time, STEERED_S)
    square = time * time
    jerk = see.to_go * (f64(60.0) / (square * time)) - see.drift * (f64(36.0) / square)
    across = g.across + (jerk - g.across * (f64(9.0) / time)) * case.tick
    # What the tilt's limit withholds is not asked for later, when it would be too much.
    most = wp.tan(case.tilt_limit) * _approach(case, see)
    return across * wp.min(most / wp.max(wp.length(across), f64(1.0e-9)), f64(1.0))


@wp.func
def _limited(case: Case, wanted: wp.vec3d):
    """Force with its tilt from the vertical limited; the vertical part comes first."""
    vertical = wp.max(wp.dot(wanted, case.up), f64(1.0))
    across = _flat(case, wanted)
    size = wp.length(across)
    most = vertical * wp.tan(case.tilt_limit)
    if size > most:
        across = across * (most / size)
    return case.up * vertical + across


@wp.func
def wanted_force(case: Case, g: Guide, see: Seen):
    """Force [N] wanted of the engines, mars_fixed; `g.across` is of this tick."""
    w = case.horizontal_frequency
    out = case.up * see.gravity
    if g.phase == APPROACH:
        out = case.up * _approach(case, see) + g.across
    elif g.phase == CONSTANT_VELOCITY:
        error = -case.constant_velocity - see.climb
        out = case.up * (see.gravity + case.vertical_gain * error) + g.across
    elif g.phase == CONSTANT_DECELERATION:
        drop = wp.max(see.height - case.crane_altitude, f64(0.01))
        rise = (see.climb * see.climb - case.crane_speed * case.crane_speed) / (f64(2.0) * drop)
        rise = wp.clamp(rise, f64(0.0), f64(1.5) * case.constant_deceleration)
        out = case.up * (see.gravity + rise) + g.across
    elif g.phase >= SETTLING and g.phase <= LOWERED:
        error = -case.crane_speed - see.climb
        across = g.across
        # Once the wheels have touched, the stage stays where it is and only comes down.
        if g.touched == 1:
            across = -see.drift * w
        out = case.up * (see.gravity + case.vertical_gain * error + g.integral) + across
    elif g.phase == CLIMB:
        out = case.up * (see.gravity + case.climb_acceleration) - see.drift * w
    out = _limited(case, out * see.whole)
    if g.phase == AWAY:
        away = case.east * wp.sin(case.flyaway_heading) + case.north * wp.cos(case.flyaway_heading)
        most = f64(8.0) * case.thrust_maximum
        out = (case.up * wp.cos(case.pitch) + away * wp.sin(case.pitch)) * most
    return out
