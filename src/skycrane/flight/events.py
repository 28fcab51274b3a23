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
    Outcome.LANDER_HIT_GROUND: "the descent stage hit the ground before it had let the rover go",
    Outcome.TOUCHDOWN_TOO_FAST: "the rover touched down too fast",
    Outcome.ROVER_DROPPED: "the rover fell from its bridles",
    Outcome.TIPPED_OVER: "the rover tipped over on the ground",
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
            which = f"{body} of {int(raw.case['balance_count'])}, " if body else ""
            note = which + _place(raw, row)
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


def _place(raw: RawFlight, row: NDArray[Any]) -> str:
    """Say where on the ground something came down."""
    away = row["position"] - raw.case["site"]
    sides = []
    for axis, names in (("east", ("east", "west")), ("north", ("north", "south"))):
        metres = float(away @ raw.case[axis])
        sides.append(f"{abs(metres):.0f} m {names[metres < 0]}")
    return f"{sides[0]}, {sides[1]} of the target"


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
        EventId.TOUCHDOWN: _place(raw, row),
        EventId.BACKSHELL_IMPACT: _place(raw, row),
        EventId.DESCENT_STAGE_IMPACT: _place(raw, row),
        EventId.CRASH: f"{_REASONS.get(raw.outcome, '')}, {_place(raw, row)}",
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
    return text + "".join(f"; {cause}" for cause in _causes(raw))


def _causes(raw: RawFlight) -> list[str]:
    """Return what went wrong before the crash, in order of time."""
    crash = raw.events[EventId.CRASH]
    end = float(crash["t"]) if crash["happened"] else np.inf
    found = []

    def add(slot: EventId, words: str) -> None:
        row = raw.events[slot]
        if row["happened"] and float(row["t"]) <= end:
            t = float(row["t"])
            found.append((t, words.format(t=t, load=float(row["value"]) / 1e3)))

    add(EventId.PARACHUTE_TORN, "the parachute tore at {t:.1f} s under {load:.0f} kN")
    add(EventId.PROPELLANT_EMPTY, "the propellant was gone at {t:.1f} s")
    add(EventId.RADAR_LOST, "the radar lost the ground at {t:.1f} s")
    engine = f"engine {int(raw.case['engine_out'])} stopped at "
    add(EventId.ENGINE_OUT, engine + "{t:.1f} s")
    if raw.case["mortar_delay"] > 0 and raw.events[EventId.PARACHUTE_DEPLOY]["happened"]:
        late = f"the mortar fired {float(raw.case['mortar_delay']):.1f} s late, at "
        add(EventId.PARACHUTE_DEPLOY, late + "{t:.1f} s")
    causes = [words for _, words in sorted(found)]
    if raw.case["mortar_dead"]:
        causes.append("the parachute's mortar failed")
    elif not raw.events[EventId.PARACHUTE_DEPLOY]["happened"]:
        causes.append(
            "the parachute was never fired: its trigger was not met inside its box of Mach number "
            "and dynamic pressure"
        )
    return causes
