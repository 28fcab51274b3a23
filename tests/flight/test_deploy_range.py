"""The range of the parachute that is found by flying, against the ones that were chosen."""

from __future__ import annotations

import pytest
from flight_builders import changed

from skycrane.flight.simulate import FlightPlan, simulate
from skycrane.flight.state import Outcome
from skycrane.mission import load_mission


@pytest.mark.parametrize("name", ["mars2020", "msl"])
def test_it_comes_near_the_one_in_the_file(name):
    """Chosen by hand so as to come down as flown; found by nothing but the descent."""
    mission = load_mission(name)
    open_range = changed(mission, guidance__parachute__deploy_range_m=None)
    found = FlightPlan.of(open_range).mission.guidance.parachute.deploy_range_m
    assert found == pytest.approx(mission.guidance.parachute.deploy_range_m, abs=300.0)
    raw = simulate(open_range)
    assert raw.outcome == Outcome.LANDED


def test_a_given_one_is_left_alone(mission):
    assert FlightPlan.of(mission).mission is mission


def test_a_mission_without_a_parachute_ends_the_search(mission):
    dead = changed(
        mission,
        guidance__parachute__deploy_range_m=None,
        fault=[{"kind": "parachute_failed"}],
    )
    assert simulate(dead).outcome == Outcome.CAPSULE_HIT_GROUND
