"""The figures of a flight: what it is summed up in, and compared with the flown landing by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skycrane.flight.record import STANDARD_GRAVITY_M_S2
from skycrane.flight.simulate import RawFlight
from skycrane.flight.state import EventId
from skycrane.mars.frames import SiteFrame
from skycrane.mission import Mission

__all__ = ["FIGURES", "figures_of"]

Slot = Any


def _speed(row: Slot, _: SiteFrame) -> float:
    return float(np.linalg.norm(row["velocity"]))


def _altitude(row: Slot, frame: SiteFrame) -> float:
    return float(frame.altitude_m(row["position"]))


def _sink(row: Slot, frame: SiteFrame) -> float:
    return float(-frame.vector_site(row["velocity"])[2])


def _across(row: Slot, frame: SiteFrame) -> float:
    return float(np.hypot(*frame.vector_site(row["velocity"])[:2]))


def _miss(row: Slot, frame: SiteFrame) -> float:
    return float(np.hypot(*frame.position_site_m(row["position"])[:2]))


def _field(name: str, scale: float = 1.0) -> Callable[[Slot, SiteFrame], float]:
    return lambda row, _: float(row[name]) * scale


FIGURES: dict[str, tuple[EventId, Callable[[Slot, SiteFrame], float], int]] = {
    "peak_heating_w_cm2": (EventId.PEAK_HEATING, _field("value", 1e-4), 2),
    "peak_deceleration_g": (
        EventId.PEAK_DECELERATION,
        _field("value", 1 / STANDARD_GRAVITY_M_S2),
        3,
    ),
    "peak_deceleration_t_s": (EventId.PEAK_DECELERATION, _field("t"), 3),
    "parachute_deploy_mach": (EventId.PARACHUTE_DEPLOY, _field("mach"), 3),
    "parachute_deploy_dynamic_pressure_pa": (EventId.PARACHUTE_DEPLOY, _field("pressure"), 1),
    "parachute_deploy_altitude_m": (EventId.PARACHUTE_DEPLOY, _altitude, 1),
    "peak_parachute_load_kn": (EventId.PEAK_PARACHUTE_LOAD, _field("value", 1e-3), 2),
    "heat_shield_separation_altitude_m": (EventId.HEAT_SHIELD_SEPARATION, _altitude, 1),
    "heat_shield_separation_speed_m_s": (EventId.HEAT_SHIELD_SEPARATION, _speed, 2),
    "backshell_separation_altitude_m": (EventId.BACKSHELL_SEPARATION, _altitude, 1),
    "backshell_separation_speed_m_s": (EventId.BACKSHELL_SEPARATION, _speed, 2),
    "propellant_at_powered_descent_kg": (EventId.POWERED_DESCENT_START, _field("value"), 1),
    "propellant_at_bridle_cut_kg": (EventId.BRIDLE_CUT, _field("value"), 1),
    "touchdown_t_s": (EventId.TOUCHDOWN, _field("t"), 3),
    "touchdown_vertical_speed_m_s": (EventId.TOUCHDOWN, _sink, 4),
    "touchdown_horizontal_speed_m_s": (EventId.TOUCHDOWN, _across, 4),
    "miss_m": (EventId.TOUCHDOWN, _miss, 2),
}
"""Each figure's event, how it is read from it, and the decimals it is told with."""


def figures_of(raw: RawFlight, mission: Mission) -> dict[str, float]:
    """Return the figures of what happened, units in the names; `rappel_s` is a duration."""
    frame = SiteFrame.of(mission.site)
    found = {}
    for name, (slot, read, digits) in FIGURES.items():
        row = raw.events[slot]
        if row["happened"]:
            found[name] = round(read(row, frame), digits)
    begin, end = raw.events[EventId.ROVER_SEPARATION], raw.events[EventId.RAPPEL_DONE]
    if end["happened"]:
        found["rappel_s"] = round(float(end["t"] - begin["t"]), 3)
    return found
