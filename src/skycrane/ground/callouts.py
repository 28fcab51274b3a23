"""Call-outs: what mission control says, generated from the events that really happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from skycrane.flight.record import Flight
from skycrane.mission.film import Callout, Film

__all__ = ["Spoken", "figures", "plan_callouts", "say"]

_GAP_S = 0.45
"""Silence between two speakers, s: the least that still sounds like taking turns."""


@dataclass(frozen=True)
class Spoken:
    """One call-out with its place in time.

    Attributes:
        event: name of the event it belongs to.
        speaker: key of the film's speakers.
        text: what is said, figures filled in.
        start_s: when the first word begins, seconds after entry interface.
        end_s: when the last word ends.
        priority: the call-out's.
    """

    event: str
    speaker: str
    text: str
    start_s: float
    end_s: float
    priority: int


def figures(flight: Flight, t_s: float) -> dict[str, str]:
    """Return the figures of the flight at `t_s`, as people say them: rounded, with the unit."""
    altitude = max(0.0, float(flight.altitude_m(t_s)))
    speed = float(flight.speed_m_s(t_s))
    ahead = float(flight.altitude_m(t_s + 0.5))
    descent = float(flight.altitude_m(t_s - 0.5)) - ahead
    vehicle = flight.bodies["entry_vehicle"]
    mach = float(vehicle.driver("mach", t_s)) if "mach" in vehicle.drivers else 0.0
    touchdown = flight.event("touchdown").t_s if flight.has_event("touchdown") else t_s
    return {
        "altitude": _spoken_length(altitude),
        "speed": _spoken_number(speed),
        "speed_km_h": _spoken_number(speed * 3.6),
        "descent": _spoken_number(max(0.0, descent)),
        "mach": f"{mach:.1f}",
        "load": f"{float(flight.load_g(t_s)):.1f}",
        "since_entry": _spoken_number(t_s),
        "to_touchdown": _spoken_number(max(0.0, touchdown - t_s)),
    }


def _spoken_number(value: float) -> str:
    if value >= 100:
        return f"{round(value, -1):.0f}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _spoken_length(metres: float) -> str:
    if metres >= 3000:
        return f"{metres / 1000:.1f} kilometres"
    if metres >= 1000:
        return f"{round(metres, -2):.0f} metres"
    if metres >= 100:
        return f"{round(metres, -1):.0f} metres"
    return f"{metres:.0f} metres" if metres >= 1.5 else f"{metres:.1f} metres"


def say(template: str, values: dict[str, str]) -> str:
    """Fill the figures into a call-out's text; nothing else in it is interpreted."""
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def plan_callouts(
    flight: Flight,
    film: Film,
    duration_s: Callable[[str, str], float],
    *,
    between_s: tuple[float, float],
) -> list[Spoken]:
    """Return what is said between two times, in order, no two at once.

    A call-out whose event did not happen is not made. When two would overlap, the one of less
    priority waits; if it would have to wait longer than it may, it is left out. `duration_s` tells
    how long a speaker (key) takes for a text.
    """
    placed: list[Spoken] = []
    wishes = [
        (-callout.priority, flight.event(callout.event).t_s + callout.after_s, callout)
        for callout in film.callouts
        if flight.has_event(callout.event)
    ]
    for _, wanted_s, callout in sorted(wishes, key=lambda wish: wish[:2]):
        spoken = _place(callout, wanted_s, placed, flight, duration_s, between_s)
        if spoken is not None:
            placed = sorted([*placed, spoken], key=lambda s: s.start_s)
    return placed


def _place(
    callout: Callout,
    wanted_s: float,
    placed: list[Spoken],
    flight: Flight,
    duration_s: Callable[[str, str], float],
    between_s: tuple[float, float],
) -> Spoken | None:
    """Return the call-out at the first free time from `wanted_s` on, if it may wait that long."""
    starts = [wanted_s, *(s.end_s + _GAP_S for s in placed if s.end_s + _GAP_S > wanted_s)]
    for start_s in starts:
        if start_s - wanted_s > callout.may_wait_s:
            return None
        # Figures are read off at the moment they are spoken, however late that is.
        text = say(callout.says, figures(flight, start_s))
        end_s = start_s + duration_s(callout.speaker, text)
        clear = all(
            end_s + _GAP_S <= s.start_s or start_s >= s.end_s + _GAP_S - 1e-9 for s in placed
        )
        if clear and between_s[0] <= start_s and end_s <= between_s[1]:
            return Spoken(callout.event, callout.speaker, text, start_s, end_s, callout.priority)
    return None
