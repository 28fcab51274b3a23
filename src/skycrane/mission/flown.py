"""What was flown, to compare with; the flight never reads it."""

from __future__ import annotations

from skycrane.mission.base import Positive, Section

__all__ = ["FLOWN_FIGURES", "FlownEvent", "FlownFigure"]


class FlownEvent(Section):
    """One event of the real landing."""

    name: str
    """Name of the event, as in flight/events.json."""
    t_s: float
    """When it happened, s after entry interface."""
    tolerance_s: Positive
    """How far the simulated time may be from it, s."""
    note: str = ""
    """What else is known of it."""
    reason: str = ""
    """Why the simulation may miss it; told where it does."""


FLOWN_FIGURES = (
    "peak_heating_w_cm2",
    "peak_deceleration_g",
    "peak_deceleration_t_s",
    "parachute_deploy_mach",
    "parachute_deploy_dynamic_pressure_pa",
    "parachute_deploy_altitude_m",
    "peak_parachute_load_kn",
    "heat_shield_separation_altitude_m",
    "heat_shield_separation_speed_m_s",
    "backshell_separation_altitude_m",
    "backshell_separation_speed_m_s",
    "propellant_at_powered_descent_kg",
    "propellant_at_bridle_cut_kg",
    "touchdown_t_s",
    "touchdown_vertical_speed_m_s",
    "touchdown_horizontal_speed_m_s",
    "miss_m",
    "rappel_s",
)
"""Figures of a flight that can be compared; units in their names."""


class FlownFigure(Section):
    """One figure of the real landing."""

    name: str
    """Which, one of `FLOWN_FIGURES`."""
    value: float
    """As flown, in the unit its name ends with."""
    tolerance: Positive
    """How far the simulated figure may be from it, same unit."""
    note: str = ""
    """What else is known of it."""
    reason: str = ""
    """Why the simulation may miss it; told where it does."""
