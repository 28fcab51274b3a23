"""Simulated beside flown."""

from __future__ import annotations

from skycrane.flight.compare import compare, misses
from skycrane.flight.record import Event, Flight
from skycrane.mission.flown import FlownEvent


def event(name: str, t_s: float) -> Event:
    return Event(name, t_s, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_rows_pair_events_in_order_and_tell_what_is_missing():
    flight = Flight({}, [event("turn", 1.0), event("turn", 5.0)], 1.0)
    flown = [
        FlownEvent(name="turn", t_s=1.5, tolerance_s=1.0),
        FlownEvent(name="turn", t_s=9.0, tolerance_s=1.0, note="second"),
        FlownEvent(name="turn", t_s=10.0, tolerance_s=1.0),
        FlownEvent(name="touchdown", t_s=20.0, tolerance_s=1.0),
    ]
    rows = compare(flight, flown)
    assert [row["difference_s"] for row in rows] == [-0.5, -4.0, None, None]
    assert [row["within"] for row in rows] == [True, False, False, False]
    assert rows[1]["note"] == "second"
    assert misses(rows) == ["turn", "turn", "touchdown"]
