"""Trim of the entry vehicle: angle of attack, lift over drag, and the mass offset that gives them.

Newtonian sphere-cone as the flight has it (Anderson, Hypersonic and High-Temperature Gas Dynamics,
2006, section 3.3): CA ~ 2 sin2 d cos2 a + cos2 d sin2 a, CN ~ f cos2 d sin 2a, f the table's factor
on the normal force, d the cone's half angle. At trim CN times the distance of the centre of
pressure behind the mass centre is CA times the mass centre's offset from the axis.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from skycrane.mission.vehicle import Vehicle

__all__ = ["TRIM_MACH", "Trim", "balance_offset_m", "trim_of"]

TRIM_MACH = 20.0
"""Mach number at which lift over drag is published, near peak deceleration."""

_MOST = math.radians(25.0)
"""Beyond this the cone's whole face is no longer in the wind."""


class Trim(NamedTuple):
    """How the entry vehicle flies before its balance masses go."""

    angle_deg: float
    """Angle of attack, degrees."""
    lift_to_drag: float
    """Lift over drag."""
    offset_m: float
    """Distance of the mass centre from the axis, along x, m."""


class _Stacked(NamedTuple):
    """The entry vehicle without the balance masses' place beside the axis."""

    mass_kg: float
    behind_m: float
    other_moment_kg_m: float


def trim_of(vehicle: Vehicle, balance_x_m: float, mach: float = TRIM_MACH) -> Trim:
    """Return the trim with the balance masses `balance_x_m` beside the axis."""
    stacked = _stacked(vehicle, mach)
    offset = (stacked.other_moment_kg_m + _balance_kg(vehicle) * balance_x_m) / stacked.mass_kg
    factor, sine2 = _shape(vehicle, mach)
    ratio = sine2 / (1 - sine2)
    arm = factor * stacked.behind_m
    root = math.sqrt(max(arm * arm - 2 * ratio * offset * offset, 0.0))
    angle = math.atan(2 * ratio * offset / (arm + root))
    return Trim(math.degrees(angle), _lift_to_drag(angle, factor, sine2), offset)


def balance_offset_m(vehicle: Vehicle, lift_to_drag: float, mach: float = TRIM_MACH) -> float:
    """Return how far beside the axis the balance masses have to sit for a lift over drag, m.

    Raises:
        ValueError: no angle of attack up to 25 degrees gives it, or there are no balance masses.
    """
    factor, sine2 = _shape(vehicle, mach)
    if _balance_kg(vehicle) <= 0:
        raise ValueError("lift_to_drag needs balance masses")
    if not 0 < lift_to_drag <= _lift_to_drag(_MOST, factor, sine2):
        most = _lift_to_drag(_MOST, factor, sine2)
        raise ValueError(f"lift_to_drag has to lie between 0 and {most:.2f} for this cone")
    low, high = 0.0, _MOST
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = _lift_to_drag(middle, factor, sine2) < lift_to_drag
        low, high = (middle, high) if below else (low, middle)
    axial, normal = _axial_normal(low, factor, sine2)
    stacked = _stacked(vehicle, mach)
    offset = normal * stacked.behind_m / axial
    return (offset * stacked.mass_kg - stacked.other_moment_kg_m) / _balance_kg(vehicle)


def _shape(vehicle: Vehicle, mach: float) -> tuple[float, float]:
    shell = vehicle.aeroshell
    factor = float(np.interp(mach, shell.mach, shell.normal_factor))
    return factor, math.sin(math.radians(shell.cone_half_angle_deg)) ** 2


def _axial_normal(angle: float, factor: float, sine2: float) -> tuple[float, float]:
    cosine2 = 1 - sine2
    axial = 2 * sine2 * math.cos(angle) ** 2 + cosine2 * math.sin(angle) ** 2
    return axial, factor * cosine2 * math.sin(2 * angle)


def _lift_to_drag(angle: float, factor: float, sine2: float) -> float:
    axial, normal = _axial_normal(angle, factor, sine2)
    lift = axial * math.sin(angle) - normal * math.cos(angle)
    return lift / (axial * math.cos(angle) + normal * math.sin(angle))


def _balance_kg(vehicle: Vehicle) -> float:
    return vehicle.masses.balance_mass_kg * vehicle.masses.balance_mass_count


def _stacked(vehicle: Vehicle, mach: float) -> _Stacked:
    masses, stack, inertia = vehicle.masses, vehicle.stack, vehicle.inertia
    stage = np.add(stack.descent_stage_position_m, inertia.descent_stage_centre_m)
    rover = np.add(stack.rover_position_m, inertia.rover_centre_m)
    parts = [
        (masses.descent_stage_dry_kg + masses.propellant_kg, stage),
        (masses.rover_kg, rover),
        (masses.backshell_kg, np.array(inertia.backshell_centre_m)),
        (masses.heat_shield_kg, np.array(inertia.heat_shield_centre_m)),
        (masses.parachute_kg, np.array(stack.parachute_position_m)),
    ]
    balance = _balance_kg(vehicle)
    total = sum(mass for mass, _ in parts) + balance
    height = sum(mass * place[2] for mass, place in parts)
    height = (height + balance * stack.balance_mass_position_m[2]) / total
    shell = vehicle.aeroshell
    half_angle = math.radians(shell.cone_half_angle_deg)
    nose = 0.5 * shell.diameter_m / math.tan(half_angle)
    nose -= shell.nose_radius_m * (1 / math.sin(half_angle) - 1)
    centre = float(np.interp(mach, shell.mach, shell.pressure_centre)) * shell.diameter_m
    behind = max(centre - (nose - height), 1e-6)
    return _Stacked(total, behind, float(sum(mass * place[0] for mass, place in parts)))
