"""The point-mass fidelity against the full one, on the same dispersed cases."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.flight.simulate import FlightPlan
from skycrane.flight.state import EventId, Outcome
from skycrane.mars.frames import SiteFrame

CASES = 200
TIMED = (
    EventId.PEAK_DECELERATION,
    EventId.PARACHUTE_DEPLOY,
    EventId.PARACHUTE_FULL_INFLATION,
    EventId.HEAT_SHIELD_SEPARATION,
    EventId.BACKSHELL_SEPARATION,
    EventId.SKY_CRANE_START,
    EventId.TOUCHDOWN,
    EventId.BRIDLE_CUT,
    EventId.BACKSHELL_IMPACT,
    EventId.DESCENT_STAGE_IMPACT,
)
VALUED = (EventId.PEAK_DECELERATION, EventId.PEAK_PARACHUTE_LOAD, EventId.BRIDLE_CUT)


@pytest.fixture(scope="module")
def both(mission):
    ids = list(range(1, CASES + 1))
    return [FlightPlan.of(mission, fidelity=f).fly(ids) for f in ("full", "point_mass")]


def _half_width(values):
    """Half the 95 % confidence interval of a mean."""
    return 1.96 * np.std(values) / np.sqrt(len(values))


def _shared(both, slot):
    a, b = (flown.events[:, slot] for flown in both)
    happened = (a["happened"] == 1) & (b["happened"] == 1)
    assert happened.sum() > 0.95 * CASES
    return a[happened], b[happened]


def test_the_same_cases_land(both):
    full, point = (flown.outcomes == Outcome.LANDED for flown in both)
    share = full.mean()
    assert abs(point.mean() - share) <= 1.96 * np.sqrt(max(share * (1 - share), 0.01) / CASES)


@pytest.mark.parametrize("slot", TIMED, ids=lambda s: s.name.lower())
def test_events_come_at_the_same_times(both, slot):
    a, b = _shared(both, slot)
    assert abs(np.mean(b["t"] - a["t"])) <= _half_width(a["t"])
    assert np.std(b["t"]) == pytest.approx(np.std(a["t"]), rel=0.1)


@pytest.mark.parametrize("slot", VALUED, ids=lambda s: s.name.lower())
def test_loads_and_propellant_are_the_same(both, slot):
    a, b = _shared(both, slot)
    assert abs(np.mean(b["value"] - a["value"])) <= _half_width(a["value"])


@pytest.mark.parametrize("slot", [EventId.BACKSHELL_SEPARATION, EventId.TOUCHDOWN])
def test_footprints_are_the_same(both, slot, mission):
    frame = SiteFrame.of(mission.site)
    a, b = (
        np.array([frame.position_site_m(p)[:2] for p in rows["position"]])
        for rows in _shared(both, slot)
    )
    for axis in range(2):
        assert abs(np.mean(b[:, axis] - a[:, axis])) <= _half_width(a[:, axis])
    sizes = [np.sqrt(np.linalg.eigvalsh(np.cov(p.T))) for p in (a, b)]
    # A standard deviation of 200 cases is known to 5 %, twice that with 95 % confidence.
    np.testing.assert_allclose(sizes[1], sizes[0], rtol=0.1)
