"""Masses, centres of mass and moments of inertia of the parts, alone and joined.

Positions are in the axes of the entry vehicle; inertias are the diagonal about a body's own centre
of mass. Products of inertia are left out: the stack is symmetric but for the balance masses.
"""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.flight.case import Case

__all__ = [
    "Body",
    "backshell_body",
    "capsule_body",
    "joined",
    "lander_body",
    "rover_body",
    "shield_body",
    "stage_body",
]

f64 = wp.float64


@wp.struct
class Body:
    """A rigid body."""

    mass: wp.float64
    centre: wp.vec3d
    inertia: wp.vec3d


@wp.func
def _shifted(mass: wp.float64, d: wp.vec3d):
    """Moment of inertia of a point mass at `d` from the axes (Steiner)."""
    return (
        wp.vec3d(d[1] * d[1] + d[2] * d[2], d[0] * d[0] + d[2] * d[2], d[0] * d[0] + d[1] * d[1])
        * mass
    )


@wp.func
def joined(a: Body, b: Body):
    """Two bodies as one."""
    out = Body()
    out.mass = a.mass + b.mass
    out.centre = (a.centre * a.mass + b.centre * b.mass) / wp.max(out.mass, f64(1.0e-9))
    out.inertia = (
        a.inertia
        + b.inertia
        + _shifted(a.mass, a.centre - out.centre)
        + _shifted(b.mass, b.centre - out.centre)
    )
    return out


@wp.func
def stage_body(case: Case, propellant: wp.float64):
    """Descent stage with what is in its tanks, a ring about its centre."""
    out = Body()
    out.mass = case.stage_mass + propellant
    out.centre = case.stage_position + case.stage_centre
    ring = propellant * case.tank_radius * case.tank_radius
    out.inertia = case.stage_inertia + wp.vec3d(f64(0.5) * ring, f64(0.5) * ring, ring)
    return out


@wp.func
def rover_body(case: Case):
    """Rover, stowed."""
    out = Body()
    out.mass = case.rover_mass
    out.centre = case.rover_position + case.rover_centre
    out.inertia = case.rover_inertia
    return out


@wp.func
def lander_body(case: Case, propellant: wp.float64):
    """Descent stage and rover."""
    return joined(stage_body(case, propellant), rover_body(case))


@wp.func
def shield_body(case: Case):
    """Heat shield."""
    out = Body()
    out.mass = case.heat_shield_mass
    out.centre = case.shield_centre
    out.inertia = case.shield_inertia
    return out


@wp.func
def backshell_body(case: Case):
    """Backshell without the parachute."""
    out = Body()
    out.mass = case.backshell_mass
    out.centre = case.backshell_centre
    out.inertia = case.backshell_inertia
    return out


@wp.func
def capsule_body(
    case: Case,
    propellant: wp.float64,
    balance_left: wp.int32,
    with_shield: wp.int32,
    with_pack: wp.int32,
):
    """The entry vehicle, with or without heat shield, packed parachute, balance masses."""
    out = joined(lander_body(case, propellant), backshell_body(case))
    if with_shield == 1:
        out = joined(out, shield_body(case))
    point = Body()
    if with_pack == 1:
        point.mass = case.parachute_mass
        point.centre = case.pack_position
        out = joined(out, point)
    if balance_left > 0:
        point.mass = case.balance_mass * f64(balance_left)
        point.centre = case.balance_position
        out = joined(out, point)
    return out
