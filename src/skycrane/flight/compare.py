"""The simulated flight beside the flown one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from skycrane.flight.record import Event, Flight
from skycrane.mission.flown import FlownEvent

__all__ = ["compare", "misses"]


def compare(flight: Flight, flown: list[FlownEvent]) -> list[dict[str, Any]]:
    """Return one row an event of the flown timeline, in its order.

    Keys: name, note, simulated_t_s, flown_t_s, difference_s (simulated less flown), tolerance_s,
    within. The first, second, ... of several events of one name are paired in order; what did not
    happen has None for its time and difference and is not within.
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
            }
        )
    return rows


def misses(rows: list[dict[str, Any]]) -> list[str]:
    """Return the names of the events that are absent or farther off than their tolerance."""
    return [row["name"] for row in rows if not row["within"]]
