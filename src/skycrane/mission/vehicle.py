"""The vehicle: masses, how it is stacked, aerodynamics, parachute, engines, bridle."""

from __future__ import annotations

import itertools
import math
from typing import Annotated

from pydantic import Field, model_validator

from skycrane.mission.base import NonNegative, Positive, Section, wrong
from skycrane.mission.trim import balance_offset_m

__all__ = [
    "Aeroshell",
    "Bridle",
    "Engines",
    "FallingBody",
    "HeatShield",
    "Inertia",
    "Masses",
    "Parachute",
    "ReactionControl",
    "Stack",
    "Vehicle",
]

Column = Annotated[list[float], Field(min_length=2, max_length=4096)]
Mass = Annotated[float, Field(ge=0.1, le=1e6)]
Coordinates = Annotated[
    list[Annotated[float, Field(ge=-100, le=100)]], Field(min_length=3, max_length=3)
]
Moments = Annotated[list[Positive], Field(min_length=3, max_length=3)]
Rates = Annotated[list[Annotated[float, Field(ge=-360, le=360)]], Field(min_length=3, max_length=3)]
Angle = Annotated[float, Field(ge=0, lt=90, strict=False)]


class Masses(Section):
    """What each part weighs; the entry mass is their sum."""

    rover_kg: Mass
    """Rover."""
    descent_stage_dry_kg: Mass
    """Descent stage without propellant."""
    propellant_kg: Annotated[float, Field(ge=0, le=1e6)]
    """Propellant of the descent stage at entry interface."""
    backshell_kg: Mass
    """Backshell without the parachute."""
    parachute_kg: Mass
    """Canopy, lines and riser."""
    heat_shield_kg: Mass
    """Heat shield."""
    balance_mass_kg: Annotated[float, Field(ge=0, le=1e6)]
    """Each of the balance masses dropped before the parachute."""
    balance_mass_count: Annotated[int, Field(ge=0, le=32)]
    """How many of them."""

    @property
    def entry_kg(self) -> float:
        """Mass at entry interface, kg."""
        return (
            self.rover_kg
            + self.descent_stage_dry_kg
            + self.propellant_kg
            + self.backshell_kg
            + self.parachute_kg
            + self.heat_shield_kg
            + self.balance_mass_kg * self.balance_mass_count
        )


class Inertia(Section):
    """Where each part's centre of mass lies, and its moments of inertia about that centre.

    The whole stack's, at every stage of the landing, are put together from these.
    """

    rover_centre_m: Coordinates
    """In the rover's axes, from the plane of its wheels, m."""
    rover_kg_m2: Moments
    """About x, y, z, kg m2."""
    descent_stage_centre_m: Coordinates
    """In the descent stage's axes, m."""
    descent_stage_kg_m2: Moments
    """Without propellant, kg m2."""
    tank_radius_m: NonNegative
    """The propellant lies in a ring of this radius about the stage's centre, m."""
    backshell_centre_m: Coordinates
    """In the entry vehicle's axes, without the parachute, m."""
    backshell_kg_m2: Moments
    """About x, y, z, kg m2."""
    heat_shield_centre_m: Coordinates
    """In the entry vehicle's axes, m."""
    heat_shield_kg_m2: Moments
    """About x, y, z, kg m2."""


class Stack(Section):
    """Where the parts ride, in the axes of the entry vehicle (x forward, y right, z down)."""

    descent_stage_position_m: Coordinates
    """Centre of the descent stage's structure, m."""
    rover_position_m: Coordinates
    """Centre of the plane the deployed wheels will stand on, m."""
    parachute_position_m: Coordinates
    """Skirt of the packed canopy in its canister, m."""
    riser_position_m: Coordinates
    """Where the legs of the parachute's bridle meet: the lines pull there, m."""
    lower_edge_height_m: Annotated[float, Field(ge=-100, le=100)]
    """z of the part that reaches the ground first when the backshell comes down, m."""
    balance_mass_position_m: Coordinates
    """Where the balance masses sit, m; beside the axis they set the trim angle of attack."""
    lift_to_drag: Annotated[float, Field(gt=0, lt=1, strict=False)] | None = None
    """Lift over drag at trim, at Mach 20. Where it is given, the balance masses sit as far along x
    as it takes, and the first component of `balance_mass_position_m` is not used."""


class Aeroshell(Section):
    """The sphere-cone's aerodynamics: tables against Mach, Newtonian in the angle of attack."""

    diameter_m: Positive
    """Largest diameter, m; coefficients refer to its disk."""
    nose_radius_m: Positive
    """Radius of the spherical nose, for stagnation heating, m."""
    cone_half_angle_deg: Angle
    """Half angle of the fore cone; sets how the coefficients change with the angle of attack."""
    mach: Column
    """Mach numbers of the tables, rising."""
    axial_coefficient: Column
    """Axial-force coefficient at zero angle of attack at each Mach number."""
    normal_factor: Column
    """Factor on the Newtonian normal force at each Mach number."""
    pressure_centre: Column
    """Distance of the centre of pressure behind the nose at each Mach number, diameters."""
    pitch_damping: Annotated[
        list[Annotated[float, Field(ge=-10, le=10)]], Field(min_length=2, max_length=4096)
    ]
    """Pitch-damping coefficient Cmq at each Mach number, on rate times diameter over 2 V."""
    sutton_graves_kg05_m: Positive
    """Constant k of stagnation heating q = k sqrt(rho / nose radius) v^3, kg^0.5/m."""

    @model_validator(mode="after")
    def _check(self) -> Aeroshell:
        _same_length(self.mach, self.axial_coefficient, self.normal_factor, self.pressure_centre)
        if len(self.pitch_damping) != len(self.mach):
            raise ValueError("the columns of the table need the same length")
        return self


class ReactionControl(Section):
    """The thrusters that bank and pitch the entry vehicle."""

    bank_rate_limit_deg_s: Positive = 20.0
    """Fastest bank, deg/s."""
    bank_acceleration_limit_deg_s2: Positive = 5.0
    """Strongest bank acceleration, deg/s2."""
    pitch_damping: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Damping ratio with which the angle of attack settles on its trim."""
    rate_damping_n_m_s: NonNegative = 1500.0
    """Torque against the rates of the hanging capsule, N m per rad/s."""
    arm_m: Positive
    """Lever arm of the thrusters, m."""
    point_mass_use_kg_s: NonNegative
    """What they burn under the parachute in point-mass flights, which have no rates, kg/s."""
    exhaust_speed_m_s: Positive = 2200.0
    """Their effective exhaust speed; they burn from the descent stage's tanks, m/s."""


class Parachute(Section):
    """A disk-gap-band canopy on its lines, fired by a mortar."""

    diameter_m: NonNegative
    """Nominal diameter, m; the drag coefficient refers to its disk."""
    mortar_speed_m_s: Positive = 44.0
    """Speed of the pack out of the mortar, relative to the capsule, m/s."""
    line_length_m: Positive
    """From the riser's attachment to the skirt when the lines are stretched, m."""
    line_stiffness_n_m: Positive = 30000.0
    """Tension a metre of stretch, all lines together, N/m."""
    line_damping_n_s_m: NonNegative = 1500.0
    """Tension a metre a second of stretching, N s/m."""
    pack_drag_area_m2: NonNegative = 0.5
    """Drag area of the pack on its way out, m2."""
    filling_diameters: Positive = 11.0
    """Inflation is complete after this many diameters of air have passed the canopy."""
    filling_exponent: Positive = 3.0
    """Projected area grows with this power of the distance."""
    mach: Column
    """Mach numbers of the drag table, rising."""
    drag_coefficient: Column
    """Drag coefficient at each Mach number."""
    apparent_mass_factor: NonNegative = 0.15
    """Mass of air moving with the canopy, as a factor on density times diameter cubed."""
    breathing_mach: NonNegative = 1.4
    """Above this Mach number the full canopy breathes: its area swings,"""
    breathing_depth: Annotated[float, Field(ge=0, lt=1, strict=False)] = 0.15
    """by this share at most, reached 0.4 Mach higher,"""
    breathing_strouhal: NonNegative = 0.09
    """this many times while a diameter of air passes."""
    sway_supersonic: Annotated[float, Field(ge=0, lt=1, strict=False)] = 0.12
    """Coefficient of the unsteady side force, 0.4 above that Mach number,"""
    sway_subsonic: Annotated[float, Field(ge=0, lt=1, strict=False)] = 0.02
    """and below it."""
    trim_angle_deg: Angle = 10.0
    """Angle of attack at which the canopy flies of itself; it glides below it."""
    normal_slope_1_rad: NonNegative = 0.1
    """Slope of its normal-force coefficient at no angle of attack, 1/rad (unstable)."""
    load_limit_n: Positive
    """The canopy tears above this load, N."""

    @model_validator(mode="after")
    def _check(self) -> Parachute:
        _same_length(self.mach, self.drag_coefficient)
        return self


class Engines(Section):
    """The descent stage's eight throttled engines."""

    count: Annotated[int, Field(ge=8, le=8)]
    """Engines; eight, in four pairs."""
    cant_deg: Annotated[list[Angle], Field(min_length=8, max_length=8)]
    """Cant of each engine from the stage's axis, outward, deg."""
    sky_crane: Annotated[list[Annotated[int, Field(ge=0, le=7)]], Field(min_length=4, max_length=4)]
    """Which four (0 to 7) carry the sky crane and the flyaway."""
    thrust_minimum_n: NonNegative
    """Least thrust of a running engine, N."""
    thrust_maximum_n: Positive
    """Largest thrust of an engine, N."""
    exhaust_speed_minimum_m_s: Positive
    """Effective exhaust speed at the least thrust, m/s; linear in thrust between."""
    exhaust_speed_maximum_m_s: Positive
    """Effective exhaust speed at the largest thrust, m/s."""
    lag_s: Positive = 0.08
    """Time constant of the thrust, s."""
    attitude_frequency_rad_s: Positive = 4.0
    """Natural frequency of the attitude control through the throttles, rad/s."""
    attitude_damping: Positive = 0.9
    """Damping ratio of the attitude control."""
    angular_acceleration_limit_deg_s2: Positive = 90.0
    """Strongest angular acceleration asked of the throttles, deg/s2."""
    drag_area_m2: NonNegative
    """Drag area of descent stage and rover, m2."""

    @model_validator(mode="after")
    def _check(self) -> Engines:
        if len(set(self.sky_crane)) != 4:
            raise ValueError("sky_crane has to name four different engines")
        if self.thrust_minimum_n >= self.thrust_maximum_n:
            raise ValueError("thrust_minimum_n has to be below thrust_maximum_n")
        return self


class Bridle(Section):
    """What the rover is lowered on."""

    length_m: Positive
    """Length paid out, m."""
    payout_speed_m_s: Positive = 1.35
    """Speed of the even part of the lowering, m/s."""
    payout_acceleration_m_s2: Positive = 2.0
    """How the lowering speeds up and slows down, m/s2."""
    stiffness_n_m: Positive = 60000.0
    """Tension a metre of stretch, all three together, N/m."""
    damping_n_s_m: NonNegative = 4000.0
    """Tension a metre a second of stretching, N s/m."""
    turn_damping_n_m_s: NonNegative = 60.0
    """Torque against the rates of the hanging rover, N m per rad/s."""
    ground_stiffness_n_m: Positive = 80000.0
    """Force of ground and suspension a metre of sinking in, N/m."""
    ground_damping_n_s_m: NonNegative = 14000.0
    """The same a metre a second, N s/m."""
    ground_friction: NonNegative = 0.6
    """Coefficient of friction of the wheels on the ground."""


class FallingBody(Section):
    """How a body falls once it is on its own."""

    drag_area_m2: NonNegative
    """Drag area, m2."""
    separation_speed_m_s: NonNegative
    """Speed relative to what it leaves, m/s."""


class HeatShield(Section):
    """How the heat shield leaves; it then flies as a sphere-cone of its own mass and inertia."""

    separation_speed_m_s: NonNegative
    """Speed relative to what it leaves, along its axis, m/s."""
    tip_off_deg_s: Rates
    """Rates that the springs give it about its x, y, z axes, deg/s."""


class Vehicle(Section):
    """Everything that flies."""

    masses: Masses
    inertia: Inertia
    stack: Stack
    aeroshell: Aeroshell
    reaction_control: ReactionControl
    parachute: Parachute
    engines: Engines
    bridle: Bridle
    heat_shield: HeatShield
    backshell: FallingBody
    balance_mass: FallingBody
    touchdown_speed_limit_m_s: Positive
    """The rover survives touching down up to this vertical speed, m/s."""
    touchdown_across_limit_m_s: Positive
    """The rover survives touching down up to this horizontal speed, m/s."""

    @property
    def balance_mass_position_m(self) -> list[float]:
        """Where the balance masses sit, in the axes of the entry vehicle, m, shape (3,)."""
        x, y, z = self.stack.balance_mass_position_m
        if self.stack.lift_to_drag is not None:
            x = balance_offset_m(self, self.stack.lift_to_drag)
        return [x, y, z]

    @model_validator(mode="after")
    def _trims(self) -> Vehicle:
        try:
            x, y, _ = self.balance_mass_position_m
        except ValueError as error:
            key = "vehicle.stack.lift_to_drag"
            raise wrong(key, "cannot be had", f"{str(error).capitalize()}.") from error
        if math.hypot(x, y) > 0.5 * self.aeroshell.diameter_m:
            raise wrong(
                "vehicle.stack.lift_to_drag"
                if self.stack.lift_to_drag is not None
                else "vehicle.stack.balance_mass_position_m",
                f"puts the balance masses {math.hypot(x, y):.2f} m beside the axis, outside the "
                "aeroshell",
                "Look at vehicle.masses: heavier balance masses need less, a heavier vehicle more.",
            )
        return self


def _same_length(*columns: list[float]) -> None:
    if len({len(column) for column in columns}) != 1:
        raise ValueError("the columns of the table need the same length")
    mach = columns[0]
    if mach[0] < 0 or mach[-1] > 100:
        raise ValueError("mach has to lie between 0 and 100")
    if min(min(column) for column in columns[1:]) < 0:
        raise ValueError("the coefficients of the table may not be negative")
    for before, after in itertools.pairwise(mach):
        if not after > before:
            raise ValueError(f"mach has to rise from value to value, but {after} follows {before}")
