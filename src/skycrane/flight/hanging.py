"""Capsule and canopy on elastic lines: the equations of motion, and one step of them.

The capsule is rigid and turns under air, riser and thrusters (its wrist mode). The canopy is a
point that carries its air along, with its axis along the lines: drag, a normal force that makes it
glide at small angles of attack and restores it at large ones, an area that fills and breathes.
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.bodies import Body
from skycrane.flight.case import Case, Tables
from skycrane.flight.rotation import attitude_rate
from skycrane.flight.sphere_cone import sphere_cone
from skycrane.flight.surroundings import Air, air_at, free_acceleration
from skycrane.mars.atmosphere import grid_value
from skycrane.vehicle.aerodynamics import MACH_STEP

__all__ = [
    "BACKSHELL_ALONE",
    "BACKSHELL_DOWN",
    "FILLING",
    "FULL",
    "PAYING_OUT",
    "SHIELD_GONE",
    "Change",
    "Hanging",
    "Setting",
    "change_of",
    "hanging_step",
    "line_of",
    "velocity_at",
]

f64 = wp.float64

PAYING_OUT = wp.constant(0)
FILLING = wp.constant(1)
FULL = wp.constant(2)
SHIELD_GONE = wp.constant(3)
BACKSHELL_ALONE = wp.constant(4)
BACKSHELL_DOWN = wp.constant(5)
SOFT = wp.constant(wp.float64(0.005))
"""Share of the line's length over whose first stretch its damping sets in."""
GOLDEN = wp.constant(wp.float64(0.6180339887498949))
"""Ratio of the swings' periods: they never repeat together, nor keep step with the breathing."""
TAU = wp.constant(wp.float64(6.283185307179586))


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

    body: Body
    lever: wp.vec3d
    stage: wp.int32
    area_left: wp.float64
    damping: wp.float64


@wp.struct
class Felt:
    """Forces at an instant, for the record and for the sensors."""

    load: wp.float64
    drag: wp.float64
    canopy_drag: wp.float64
    inflation: wp.float64
    tension: wp.float64
    angle_of_attack: wp.float64
    control: wp.float64
    air: Air


@wp.struct
class Change:
    """Derivative of `Hanging`, with what was felt on the way."""

    rate: Hanging
    felt: Felt


@wp.struct
class Canopy:
    """Forces of the air on the canopy, and the air it carries."""

    force: wp.vec3d
    drag: wp.float64
    carried: wp.float64
    inflation: wp.float64
    speed: wp.float64


@wp.func
def velocity_at(s: Hanging, lever: wp.vec3d):
    """Velocity of a point of the capsule, `lever` from its centre of mass in its axes."""
    return s.velocity + wp.quat_rotate(s.attitude, wp.cross(s.rates, lever))


@wp.func
def line_of(s: Hanging, set: Setting):
    """From the riser's attachment to the canopy's skirt."""
    return s.canopy_position - s.position - wp.quat_rotate(s.attitude, set.lever)


@wp.func
def _inflation(case: Case, set: Setting, filled: wp.float64, mach: wp.float64):
    """Projected area over that of the full canopy.

    It grows with a power of the air's path (Heinrich's filling distance, Knacke 1992); full, it
    breathes above a Mach number, as such canopies do (Sengupta et al., AIAA 2009-2900).
    """
    out = f64(0.0)
    if set.stage >= FILLING and case.canopy_diameter > f64(0.0):
        paths = filled / case.canopy_diameter
        share = paths / case.filling_diameters
        out = wp.pow(wp.clamp(share, f64(0.0), f64(1.0)), case.filling_exponent)
        if share > f64(1.0) and mach > case.breathing_mach:
            depth = case.breathing_depth * wp.min((mach - case.breathing_mach) / f64(0.4), f64(1.0))
            phase = TAU * case.breathing_strouhal * (paths - case.filling_diameters)
            out = out - depth * wp.sin(phase)
    return out * set.area_left


@wp.func
def _sway(case: Case, s: Hanging, set: Setting, along: wp.vec3d, air: Air):
    """Side-force coefficient of a canopy in a wake: two swings across, of unequal periods.

    Phenomenological: the capsule's unsteady wake pushes the canopy about, most above the Mach
    number where it breathes; the rates that this gives a capsule are what it is chosen by.
    """
    out = wp.vec3d()
    if set.stage >= FILLING and case.canopy_diameter > f64(0.0):
        share = wp.clamp((air.mach - case.breathing_mach) / f64(0.4), f64(0.0), f64(1.0))
        size = case.sway_subsonic + (case.sway_supersonic - case.sway_subsonic) * share
        phase = TAU * case.breathing_strouhal * s.filled / case.canopy_diameter
        x = wp.quat_rotate(s.attitude, wp.vec3d(f64(1.0), f64(0.0), f64(0.0)))
        x = wp.normalize(x - along * wp.dot(x, along))
        y = wp.cross(along, x)
        slow = GOLDEN * GOLDEN * phase
        out = (x * wp.sin(slow) + y * wp.sin(GOLDEN * slow)) * size
    return out


@wp.func
def _canopy(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Hanging,
    set: Setting,
    along: wp.vec3d,
):
    air = air_at(case, tables, index, s.canopy_position, s.canopy_velocity, t)
    out = Canopy()
    out.inflation = _inflation(case, set, s.filled, air.mach)
    coefficient = grid_value(tables.canopy_drag, air.mach / f64(MACH_STEP))
    area = case.canopy_area * out.inflation
    drag_area = case.pack_drag_area + coefficient * case.canopy_drag_factor * area
    moving = air.velocity / wp.max(air.speed, f64(1.0e-9))
    out.drag = air.pressure * drag_area
    out.force = moving * (-out.drag)
    lateral = moving + along * wp.dot(moving, -along)
    sine = wp.length(lateral)
    if sine > f64(1.0e-9) and case.canopy_trim > f64(0.0):
        alpha = wp.min(wp.asin(wp.min(sine, f64(1.0))), f64(2.0) * case.canopy_trim)
        ratio = alpha / case.canopy_trim
        normal = case.canopy_normal_slope * alpha * (ratio * ratio - f64(1.0))
        out.force = out.force - lateral * (air.pressure * area * normal / sine)
    out.force = out.force + _sway(case, s, set, along, air) * (air.pressure * area)
    cube = case.canopy_diameter * case.canopy_diameter * case.canopy_diameter
    out.carried = case.apparent_mass_factor * air.density * cube * out.inflation
    out.speed = air.speed
    return out


@wp.func
def _capsule(case: Case, tables: Tables, air: Air, s: Hanging, set: Setting):
    """The air on the capsule, or on the backshell alone."""
    out = sphere_cone(case, tables, air, s.attitude, s.rates, set.body.centre)
    if set.stage >= BACKSHELL_ALONE:
        out.force = air.velocity * (-air.pressure * case.backshell_drag_area)
        out.force = out.force / wp.max(air.speed, f64(1.0e-6))
        out.torque = wp.vec3d()
    return out


@wp.func
def _pull(case: Case, s: Hanging, set: Setting, line: wp.vec3d, length: wp.float64):
    """Tension of the lines: a spring with a damper that sets in with the first stretch."""
    out = f64(0.0)
    stretch = length - case.line_length
    if set.stage >= FILLING and stretch > f64(0.0):
        opening = wp.dot(s.canopy_velocity - velocity_at(s, set.lever), line) / length
        grip = wp.min(stretch / (SOFT * case.line_length), f64(1.0))
        pull = case.line_stiffness * stretch + case.line_damping * grip * opening
        out = wp.max(pull, f64(0.0))
    return out


@wp.func
def change_of(case: Case, tables: Tables, index: wp.int32, t: wp.float64, s: Hanging, set: Setting):
    """Derivative of the state and what is felt."""
    out = Change()
    air = air_at(case, tables, index, s.position, s.velocity, t)
    body = _capsule(case, tables, air, s, set)
    line = line_of(s, set)
    length = wp.max(wp.length(line), f64(1.0e-9))
    along = line / length
    tension = _pull(case, s, set, line, length)
    canopy = _canopy(case, tables, index, t, s, set, along)
    force = body.force + along * tension
    pull = wp.quat_rotate_inv(s.attitude, along * tension)
    control = s.rates * set.damping
    torque = body.torque + wp.cross(set.lever, pull) - control
    weight = case.parachute_mass / (case.parachute_mass + canopy.carried)
    out.rate.canopy_position = s.canopy_velocity
    # The air carried along has inertia but no weight.
    out.rate.canopy_velocity = free_acceleration(
        case, s.canopy_position, s.canopy_velocity
    ) * weight + (canopy.force - along * tension) / (case.parachute_mass + canopy.carried)
    if set.stage != BACKSHELL_DOWN:
        out.rate.position = s.velocity
        out.rate.velocity = free_acceleration(case, s.position, s.velocity) + force / set.body.mass
        if case.point == 0:
            out.rate.attitude = attitude_rate(s.attitude, s.rates)
            spin = wp.cw_mul(set.body.inertia, s.rates)
            out.rate.rates = wp.cw_div(torque - wp.cross(s.rates, spin), set.body.inertia)
        if set.stage >= FILLING:
            out.rate.filled = canopy.speed
    out.felt.load = wp.length(force) / set.body.mass
    out.felt.drag = wp.length(body.force)
    out.felt.canopy_drag = canopy.drag
    out.felt.inflation = canopy.inflation
    out.felt.tension = tension
    out.felt.angle_of_attack = body.alpha
    out.felt.control = wp.abs(control[0]) + wp.abs(control[1]) + wp.abs(control[2])
    out.felt.air = air
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
def hanging_step(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Hanging,
    set: Setting,
    k1: Hanging,
    h: wp.float64,
):
    """One step of classical Runge-Kutta; `k1` is the derivative at its begin."""
    half = f64(0.5) * h
    total = k1
    probe = _moved(s, k1, half)
    stage = wp.int32(1)
    while stage < 4:
        late = wp.where(stage == 3, h, half)
        k = change_of(case, tables, index, t + late, probe, set).rate
        share = wp.where(stage == 3, f64(1.0), f64(2.0))
        total = _moved(total, k, share)
        if stage < 3:
            probe = _moved(s, k, wp.where(stage == 1, half, h))
        stage += 1
    out = _moved(s, total, h / f64(6.0))
    out.attitude = wp.normalize(out.attitude)
    return out
