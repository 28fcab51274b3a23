"""The simulated flight beside the flown one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from skycrane.flight.record import Event, Flight
from skycrane.mission.flown import FlownEvent, FlownFigure

__all__ = ["compare", "compare_figures", "misses"]


def compare(flight: Flight, flown: list[FlownEvent]) -> list[dict[str, Any]]:
    """Return one row an event of the flown timeline, in its order.

    Keys: name, note, simulated_t_s, flown_t_s, difference_s (simulated less flown), tolerance_s,
    within, reason (the mission's, why the simulation may miss it). The first, second, ... of
    several events of one name are paired in order; what did not happen has None for its time and
    difference and is not within.
    """
    seen: Counter[str] = Counter()
    rows = []
    for wanted in flown:
        same = [event for event in flight.events if event.name == wanted.name]
        index = seen[wanted.name]
        seen[wanted.name] += 1
        found: Event | None = same[index] if index < len(same) else None
        difference = None if found is None else round(found.t_s - wanted.t_s, 3)
        rows.append(
            {
                "name": wanted.name,
                "note": wanted.note,
                "simulated_t_s": None if found is None else round(found.t_s, 3),
                "flown_t_s": wanted.t_s,
                "difference_s": difference,
                "tolerance_s": wanted.tolerance_s,
                "within": difference is not None and abs(difference) <= wanted.tolerance_s,
                "reason": wanted.reason,
            }
        )
    return rows


def compare_figures(figures: dict[str, float], flown: list[FlownFigure]) -> list[dict[str, Any]]:
    """Return one row a flown figure, in the mission's order.

    Keys: name, note, simulated, flown, difference (simulated less flown), tolerance, within,
    reason. A figure that the flight did not come to has None and is not within.
    """
    rows = []
    for wanted in flown:
        value = figures.get(wanted.name)
        difference = None if value is None else round(value - wanted.value, 4)
        rows.append(
            {
                "name": wanted.name,
                "note": wanted.note,
                "simulated": value,
                "flown": wanted.value,
                "difference": difference,
                "tolerance": wanted.tolerance,
                "within": difference is not None and abs(difference) <= wanted.tolerance,
                "reason": wanted.reason,
            }
        )
    return rows


def misses(rows: list[dict[str, Any]]) -> list[str]:
    """Return the names of the events that are absent or farther off than their tolerance."""
    return [row["name"] for row in rows if not row["within"]]
