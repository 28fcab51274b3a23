"""How the landing is guided: entry, triggers, powered descent, sky crane, flyaway."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from skycrane.mission.base import NonNegative, Positive, Section

__all__ = [
    "EntryGuidance",
    "Flyaway",
    "Guidance",
    "Navigation",
    "ParachuteTrigger",
    "PoweredDescent",
    "SkyCrane",
    "Steps",
]

Bank = Annotated[float, Field(ge=0, le=180, strict=False)]


class EntryGuidance(Section):
    """Terminal-point control of range through bank, reversals, heading alignment."""

    range_control_load_m_s2: Positive = 1.96
    """Sensed drag at which range control takes over from the fixed bank, m/s2."""
    late_bank_deg: Bank = 15.0
    """Bank of the reference at `heading_alignment_speed_m_s`; the early bank is derived."""
    early_speed_m_s: Positive = 4600.0
    """Above this speed the reference holds its early bank; linear in speed below, m/s."""
    minimum_bank_deg: Bank = 0.0
    """Range control banks no less than this."""
    maximum_bank_deg: Bank = 110.0
    """Range control banks no more than this."""
    overcontrol: Positive = 5.0
    """Factor on the range correction (Apollo's K)."""
    reversal_crossrange_m: NonNegative = 2000.0
    """Bank reverses when the crossrange to the target exceeds this at no speed, m, plus"""
    reversal_crossrange_s2_m: NonNegative = 1.3e-4
    """this times the square of the speed, m/(m/s)^2."""
    heading_alignment_speed_m_s: Positive = 1100.0
    """Below this speed bank nulls the crossrange instead of the range error, m/s."""
    heading_alignment_gain: Positive = 8.0
    """Bank a unit of crossrange over range to go."""
    heading_alignment_limit_deg: Bank = 20.0
    """Bank of the heading alignment at most."""
    cycle_s: Annotated[float, Field(ge=0.01, le=60)] = 1.0
    """How often the commanded bank is computed anew, s."""
    control_s: Annotated[float, Field(ge=0.01, le=2)] = 0.1
    """How often the thrusters and the triggers are looked after, s."""


class ParachuteTrigger(Section):
    """From straightening up to the heat shield's separation."""

    straighten_speed_m_s: Positive
    """Straighten up and fly right begins below this speed, m/s."""
    balance_delay_s: NonNegative = 5.15
    """From there to the first pair of balance masses (flight software timer), s."""
    balance_interval_s: NonNegative = 2.0
    """Between pairs (flight software timer), s."""
    balance_pair: Annotated[int, Field(ge=1, le=8)] = 2
    """Masses dropped at a time."""
    deploy_trigger: Literal["range", "speed"]
    """What fires the mortar: the range to the target, or the speed."""
    deploy_range_m: Positive | None = None
    """Ground range to the target at which the entry is guided to end, and the range trigger, m."""
    deploy_speed_m_s: Positive
    """Planet-relative speed of the speed trigger, m/s."""
    mach_reference: Positive
    """Mach number at which the reference trajectory ends at that range."""
    mach_minimum: Positive = 1.4
    """The mortar fires at once below this Mach number"""
    mach_maximum: Positive = 2.2
    """and never above this one,"""
    dynamic_pressure_minimum_pa: NonNegative = 250.0
    """at once below this dynamic pressure, Pa,"""
    dynamic_pressure_maximum_pa: Positive = 750.0
    """and never above this one, Pa."""
    heat_shield_mach: Positive = 0.7
    """The heat shield goes below this Mach number,"""
    heat_shield_delay_s: NonNegative = 5.0
    """and not before this long after full inflation (flight software timer), s."""


class Navigation(Section):
    """What the vehicle knows of where it is."""

    fix_on_terrain: bool
    """Whether a camera fixes the position on a map: only then the target can be flown to."""
    fix_altitude_m: Positive = 4200.0
    """Height above the target at which that fix is had, m."""
    radar_range_m: Positive = 9000.0
    """Height above ground below which the radar measures, m."""


class PoweredDescent(Section):
    """From the backshell's separation to the sky crane."""

    deceleration_m_s2: Positive
    """Vertical deceleration that the altitude of the backshell's separation is reckoned with."""
    free_fall_s: NonNegative = 1.0
    """From the backshell's separation to thrust (flight software timer), s."""
    constant_velocity_m_s: Positive
    """Downward speed of the constant-velocity phase, m/s."""
    constant_velocity_altitude_m: Positive
    """Height of the wheels above ground at which that phase begins, m."""
    divert_margin_s: NonNegative = 4.0
    """The divert ends this long after the constant-velocity phase begins, s."""
    divert_minimum_m: NonNegative
    """The landing point is moved so as to be at least this far from where the backshell lets go."""
    divert_maximum_m: Positive = 1000.0
    """and no farther than this: the divert's reach."""
    tilt_limit_deg: Annotated[float, Field(gt=0, lt=90, strict=False)] = 45.0
    """Largest tilt of the thrust from the vertical."""
    horizontal_frequency_rad_s: Positive = 0.4
    """Natural frequency of holding the target once above it, rad/s."""
    vertical_gain_1_s: Positive = 2.0
    """Acceleration a unit of vertical speed error, 1/s."""
    vertical_integral_1_s2: NonNegative = 1.5
    """Acceleration a unit of accumulated vertical speed error, on the sky crane, 1/s2."""
    constant_deceleration_m_s2: Positive = 5.28
    """Deceleration from the constant velocity to the sky crane's, m/s2."""
    heading_deg: float
    """Heading of the rover's forward axis, degrees east of north."""


class SkyCrane(Section):
    """Lowering the rover, touching down, letting go."""

    speed_m_s: Positive
    """Descent of the descent stage, m/s."""
    altitude_m: Positive
    """Height of the wheels above ground at which the sky crane begins, m."""
    settle_speed_m_s: Positive = 0.15
    """The rover is let go once the vertical speed has been within this of the commanded, m/s,"""
    settle_s: NonNegative = 2.5
    """for this long, s."""
    offload_fraction: Annotated[float, Field(gt=0, lt=1, strict=False)] = 0.75
    """Touchdown is sensed when thrust falls below this fraction of what carried both,"""
    offload_s: NonNegative = 1.0
    """for this long, s."""


class Flyaway(Section):
    """How the descent stage leaves."""

    climb_m: NonNegative = 2.0
    """Straight up until this much higher, m,"""
    climb_acceleration_m_s2: Positive = 1.5
    """with this acceleration, m/s2;"""
    pitch_deg: Annotated[float, Field(gt=0, lt=90, strict=False)] = 45.0
    """then pitched by this from the vertical,"""
    heading_deg: float
    """toward this direction, degrees east of north,"""
    burn_s: Positive = 3.2
    """at full thrust for this long (flight software timer), s."""


class Steps(Section):
    """Steps of the integration (fourth-order Runge-Kutta) and of the record."""

    entry_s: Annotated[float, Field(ge=0.005, le=0.5)] = 0.1
    """Before the mortar, s."""
    descent_s: Annotated[float, Field(ge=0.002, le=0.02)] = 0.015625
    """After it, s; short enough for the cameras."""
    computer_s: Annotated[float, Field(ge=0.002, le=0.1)] = 0.015625
    """Cycle of the flight computer after the mortar, s; a whole number of steps."""
    point_mass_entry_s: Annotated[float, Field(ge=0.005, le=0.5)] = 0.1
    """Before the mortar, of the point-mass fidelity, s."""
    point_mass_descent_s: Annotated[float, Field(ge=0.002, le=0.05)] = 0.03125
    """After it, of the point-mass fidelity, where the computer's cycle is no shorter, s."""
    entry_limit_s: Annotated[float, Field(ge=10, le=3600)] = 900.0
    """A flight that has not fired its mortar by then is given up, s."""
    descent_limit_s: Annotated[float, Field(ge=10, le=3600)] = 900.0
    """A descent that has not ended this long after the mortar is given up, s."""


class Guidance(Section):
    """Everything that decides during the landing."""

    entry: EntryGuidance = EntryGuidance()
    parachute: ParachuteTrigger
    navigation: Navigation
    powered: PoweredDescent
    sky_crane: SkyCrane
    flyaway: Flyaway
    steps: Steps = Steps()

    @model_validator(mode="after")
    def _check(self) -> Guidance:
        if self.entry.minimum_bank_deg > self.entry.maximum_bank_deg:
            raise ValueError("entry.minimum_bank_deg is above entry.maximum_bank_deg")
        if self.parachute.mach_minimum >= self.parachute.mach_maximum:
            raise ValueError("parachute.mach_minimum has to be below parachute.mach_maximum")
        low = self.parachute.dynamic_pressure_minimum_pa
        if low >= self.parachute.dynamic_pressure_maximum_pa:
            raise ValueError(
                "parachute.dynamic_pressure_minimum_pa has to be below dynamic_pressure_maximum_pa"
            )
        if self.powered.divert_minimum_m >= self.powered.divert_maximum_m:
            raise ValueError("powered.divert_minimum_m has to be below divert_maximum_m")
        if self.sky_crane.altitude_m >= self.powered.constant_velocity_altitude_m:
            raise ValueError("sky_crane.altitude_m has to be below the constant-velocity altitude")
        return self
