from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from skycrane.flight.events import crash_reason, events_of
from skycrane.flight.record import Flight
from skycrane.flight.simulate import RawFlight, simulate
from skycrane.flight.stage import summarise
from skycrane.flight.state import Outcome
from skycrane.flight.tracks import tracks_of
from skycrane.mission import Mission, load_mission


def flight_of(raw: RawFlight, mission: Mission) -> Flight:
    return Flight(
        tracks_of(raw, mission),
        events_of(raw),
        mission.site.radius_m,
        "landed" if raw.outcome == Outcome.LANDED else "crashed",
        crash_reason(raw),
    )


@pytest.fixture(scope="session")
def to_flight() -> Callable[[RawFlight, Mission], Flight]:
    return flight_of


@pytest.fixture(scope="session")
def mission() -> Mission:
    return load_mission("mars2020")


@pytest.fixture(scope="session")
def raw(mission) -> RawFlight:
    """Mars 2020 over level ground."""
    return simulate(mission)


@pytest.fixture(scope="session")
def flight(raw, mission) -> Flight:
    return flight_of(raw, mission)


@pytest.fixture(scope="session")
def summary(raw, flight, mission) -> dict[str, Any]:
    return summarise(raw, flight, mission)
