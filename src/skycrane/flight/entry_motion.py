"""The entry vehicle as it moves: forces at an angle of attack, its pitching, one step of flight."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case, Tables
from skycrane.flight.surroundings import Air, air_at, free_acceleration
from skycrane.vehicle.aerodynamics import aero_row, axial_normal, trim_angle

__all__ = [
    "Ballistic",
    "Leaning",
    "between",
    "cosine_sine",
    "entry_forces",
    "entry_step",
    "leaned",
    "trim_at",
]

f64 = wp.float64

FASTEST_RAD_S = wp.constant(wp.float64(6.0))
"""Above this the angle of attack follows its trim faster than anything else changes."""
STEADY_RAD = wp.constant(wp.float64(2.0e-3))
"""A trim that moves by more within a step has jumped, as when a balance mass goes."""


@wp.struct
class Ballistic:
    """Position and velocity, mars_fixed."""

    position: wp.vec3d
    velocity: wp.vec3d


@wp.struct
class Leaning:
    """Angle of attack, its rate, and the trim it followed last."""

    alpha: wp.float64
    rate: wp.float64
    trim: wp.float64


@wp.struct
class Forces:
    """Aerodynamic forces on the entry vehicle, along the wind and across."""

    drag: wp.float64
    lift: wp.float64


@wp.func
def _pushed(
    case: Case,
    position: wp.vec3d,
    velocity: wp.vec3d,
    air: Air,
    forces: Forces,
    per_mass: wp.float64,
    lift_to: wp.vec2d,
):
    """Acceleration [m/s2] under gravity and the air's forces, the lift pointing `lift_to`."""
    out = free_acceleration(case, position, velocity)
    if air.speed > f64(0.0):
        # Products with reciprocals, as a vector over a number is three divisions.
        forward = air.velocity * (f64(1.0) / air.speed)
        sideways = wp.cross(forward, position)
        # Straight down there is no right and no left; the lift has nowhere to point.
        right = sideways * (f64(1.0) / wp.max(wp.length(sideways), f64(1.0e-9)))
        above = wp.cross(right, forward)
        lift = above * lift_to[0] + right * lift_to[1]
        out = out + (lift * forces.lift - forward * forces.drag) * per_mass
    return out


@wp.func
def _forces(case: Case, row: wp.vec4d, air: Air, cosine: wp.float64, sine: wp.float64):
    ca_cn = axial_normal(
        row[0] * case.axial_factor, row[1] * case.normal_factor, cosine, sine, case.cone_sine2
    )
    out = Forces()
    load = air.pressure * case.area
    out.drag = load * (ca_cn[0] * cosine + ca_cn[1] * sine)
    out.lift = load * (ca_cn[0] * sine - ca_cn[1] * cosine)
    return out


@wp.func
def cosine_sine(angle: wp.float64):
    """Both at once: of a bank, the shares of the lift that point up and to the right."""
    return wp.vec2d(wp.cos(angle), wp.sin(angle))


@wp.func
def entry_forces(case: Case, row: wp.vec4d, air: Air, turn: wp.vec2d):
    """Drag and lift [N] at an angle of attack given by its cosine and sine.

    `row` is the aerodynamics' at the air's Mach number (`aero_row`).
    """
    return _forces(case, row, air, turn[0], turn[1])


@wp.func
def between(a: wp.vec2d, b: wp.vec2d):
    """Cosine and sine of the angle half-way between two, given as such."""
    out = a + b
    return out * (f64(1.0) / wp.max(wp.length(out), f64(1.0e-9)))


@wp.func
def trim_at(case: Case, tables: Tables, mach: wp.float64, offset: wp.float64):
    """Trim angle of attack [rad] with the mass centre `offset` metres beside the axis."""
    row = aero_row(tables.aero, mach)
    behind = row[2] * case.diameter - case.nose_to_centre
    return trim_angle(row[1] * case.normal_factor, case.cone_sine2, behind, offset)


@wp.func
def leaned(
    case: Case, row: wp.vec4d, pressure: wp.float64, s: Leaning, offset: wp.float64, h: wp.float64
):
    """Angle of attack after `h` seconds: a damped spring about the trim.

    The spring is the static stability of the sphere-cone, I a'' = -q S CN(a) (xcp - xcg); the
    damping ratio is that of the thrusters' rate control. `row` is the aerodynamics' at the Mach
    number of now. The step is the (2, 2) Pade approximant of the matrix exponential: of fourth
    order, and stable however stiff the spring (Hairer and Wanner, Solving ODEs II, 1996, IV.3).
    """
    behind = row[2] * case.diameter - case.nose_to_centre
    factor = row[1] * case.normal_factor
    trim_now = trim_angle(factor, case.cone_sine2, behind, offset)
    # The trim in the middle of the step, foreseen from its drift; a jump is no drift.
    drift = trim_now - s.trim
    trim = trim_now
    if wp.abs(drift) < STEADY_RAD:
        trim = trim_now + f64(0.5) * drift
    slope = row[0] * factor * (f64(1.0) - case.cone_sine2) / case.cone_sine2
    c = pressure * case.area * slope * wp.max(behind, f64(0.0)) / case.inertia[1]
    c = wp.min(c, FASTEST_RAD_S * FASTEST_RAD_S)
    d = f64(2.0) * case.pitch_damping * wp.sqrt(c)
    twelfth = h * h / f64(12.0)
    half = f64(0.5) * h
    e = s.alpha - trim
    same = f64(1.0) - twelfth * c
    cross = twelfth * c * d
    last = f64(1.0) + twelfth * (d * d - c)
    x = same * e + (half - twelfth * d) * s.rate
    y = (cross - half * c) * e + (last - half * d) * s.rate
    # The matrix on the left, [same, -b; a, g].
    a = cross + half * c
    b = half + twelfth * d
    g = last + half * d
    per_det = f64(1.0) / (same * g + a * b)
    out = Leaning()
    out.trim = trim_now
    out.alpha = trim + (g * x + b * y) * per_det
    out.rate = (same * y - a * x) * per_det
    return out


@wp.func
def _acceleration(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    position: wp.vec3d,
    velocity: wp.vec3d,
    per_mass: wp.float64,
    lift_to: wp.vec2d,
    turn: wp.vec2d,
):
    air = air_at(case, tables, index, position, velocity, t)
    forces = _forces(case, aero_row(tables.aero, air.mach), air, turn[0], turn[1])
    return _pushed(case, position, velocity, air, forces, per_mass, lift_to)


@wp.func
def entry_step(
    case: Case,
    tables: Tables,
    index: wp.int32,
    t: wp.float64,
    s: Ballistic,
    air: Air,
    forces: Forces,
    mass: wp.float64,
    lift0: wp.vec2d,
    lift_m: wp.vec2d,
    lift1: wp.vec2d,
    turn_m: wp.vec2d,
    turn1: wp.vec2d,
    h: wp.float64,
):
    """One step of classical Runge-Kutta.

    Air and forces are those of the begin. The lift's direction (up, right) is given at begin,
    middle and end, cosine and sine of the angle of attack at middle and end.
    """
    half = f64(0.5) * h
    per_mass = f64(1.0) / mass
    v1 = s.velocity
    a1 = _pushed(case, s.position, v1, air, forces, per_mass, lift0)
    p2 = s.position + v1 * half
    v2 = v1 + a1 * half
    a2 = _acceleration(case, tables, index, t + half, p2, v2, per_mass, lift_m, turn_m)
    p3 = s.position + v2 * half
    v3 = v1 + a2 * half
    a3 = _acceleration(case, tables, index, t + half, p3, v3, per_mass, lift_m, turn_m)
    p4 = s.position + v3 * h
    v4 = v1 + a3 * h
    a4 = _acceleration(case, tables, index, t + h, p4, v4, per_mass, lift1, turn1)
    out = Ballistic()
    sixth = h / f64(6.0)
    out.position = s.position + (v1 + (v2 + v3) * f64(2.0) + v4) * sixth
    out.velocity = v1 + (a1 + (a2 + a3) * f64(2.0) + a4) * sixth
    return out
