"""From the kernels' event slots to the events of the record, and why a flight crashed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.flight.record import Event
from skycrane.flight.simulate import RawFlight
from skycrane.flight.state import EVENT_NAMES, EventId, Outcome

__all__ = ["crash_reason", "events_of"]

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")

_REASONS = {
    Outcome.MISSED_ENTRY: "the entry vehicle left the atmosphere again",
    Outcome.CAPSULE_HIT_GROUND: "the capsule hit the ground",
    Outcome.LANDER_HIT_GROUND: "the descent stage hit the ground with the rover on board",
    Outcome.TOUCHDOWN_TOO_FAST: "the rover touched down too fast",
    Outcome.GAVE_UP: "the flight came to no end within the mission's time limit",
    Outcome.FLYING: "the flight came to no end",
}


def events_of(raw: RawFlight) -> list[Event]:
    """Return everything that happened, in order of time."""
    found: list[tuple[float, int, Event]] = []
    for slot, name in enumerate(EVENT_NAMES):
        if raw.events[slot]["happened"]:
            row = raw.events[slot]
            found.append((float(row["t"]), slot, _event(raw, name, row, _note(raw, slot, row))))
    for body, row in enumerate(raw.impacts):
        if row["happened"]:
            name = "balance_mass_impact" if body else "heat_shield_impact"
            note = f"{body} of {int(raw.case['balance_count'])}" if body else ""
            found.append((float(row["t"]), 1000 + body, _event(raw, name, row, note)))
    return [event for _, _, event in sorted(found, key=lambda item: item[:2])]


def _event(raw: RawFlight, name: str, row: NDArray[Any], note: str) -> Event:
    position, velocity = row["position"], row["velocity"]
    radius = float(np.linalg.norm(position))
    return Event(
        name=name,
        t_s=round(float(row["t"]), 6),
        altitude_m=round(radius - float(raw.case["site_radius"]), 3),
        speed_m_s=round(float(np.linalg.norm(velocity)), 4),
        vertical_speed_m_s=round(float(velocity @ position) / radius, 4),
        mach=round(float(row["mach"]), 5),
        dynamic_pressure_pa=round(float(row["pressure"]), 3),
        note=note,
    )


def _note(raw: RawFlight, slot: int, row: NDArray[Any]) -> str:
    value = float(row["value"])
    if slot >= EventId.BANK_REVERSAL_END:
        return _ORDINALS[slot - EventId.BANK_REVERSAL_END]
    if slot >= EventId.BANK_REVERSAL_START:
        return _ORDINALS[slot - EventId.BANK_REVERSAL_START]
    notes = {
        EventId.PEAK_HEATING: f"{value / 1e4:.1f} W/cm2 at the stagnation point",
        EventId.PEAK_DECELERATION: f"{value:.2f} m/s2",
        EventId.MAX_DYNAMIC_PRESSURE: f"{value / 1e3:.2f} kPa",
        EventId.BALANCE_MASS_JETTISON: (
            f"{int(value)} masses, {int(raw.case['balance_pair'])} at a time"
        ),
        EventId.PARACHUTE_FULL_INFLATION: f"{value / 1e3:.1f} kN",
        EventId.PEAK_PARACHUTE_LOAD: f"{value / 1e3:.1f} kN",
        EventId.PARACHUTE_TORN: f"{value / 1e3:.1f} kN",
        EventId.POWERED_DESCENT_START: f"{value:.1f} kg of propellant",
        EventId.BRIDLE_CUT: f"{value:.1f} kg of propellant left",
        EventId.RAPPEL_DONE: f"{value:.2f} m of bridle",
        EventId.CRASH: _REASONS.get(raw.outcome, ""),
    }
    return notes.get(EventId(slot), "")


def crash_reason(raw: RawFlight) -> str:
    """Return what crashed, when, how fast and after what; empty for a landing."""
    if raw.outcome == Outcome.LANDED:
        return ""
    text = _REASONS.get(raw.outcome, "the flight failed")
    crash = raw.events[EventId.CRASH]
    if crash["happened"]:
        speed = float(np.linalg.norm(crash["velocity"]))
        text += f" {float(crash['t']):.1f} s after entry interface at {speed:.1f} m/s"
    before = []
    if raw.events[EventId.PARACHUTE_TORN]["happened"]:
        torn = raw.events[EventId.PARACHUTE_TORN]
        load = float(torn["value"]) / 1e3
        before.append(f"the parachute tore at {float(torn['t']):.1f} s under {load:.0f} kN")
    if raw.events[EventId.PROPELLANT_EMPTY]["happened"]:
        empty = float(raw.events[EventId.PROPELLANT_EMPTY]["t"])
        if not crash["happened"] or empty <= float(crash["t"]):
            before.append(f"the propellant was gone at {empty:.1f} s")
    if raw.events[EventId.PARACHUTE_DEPLOY]["happened"] == 0:
        before.append("the parachute was never fired: its Mach number and range were not reached")
    return text + "".join(f"; {cause}" for cause in before)
