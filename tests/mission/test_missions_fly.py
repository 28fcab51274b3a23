"""Mars Science Laboratory, from published parameters, lands and meets its own flown timeline."""

import pytest

from skycrane.flight.compare import compare
from skycrane.flight.events import events_of
from skycrane.flight.record import Flight
from skycrane.flight.simulate import simulate
from skycrane.flight.stage import summarise
from skycrane.flight.tracks import tracks_of
from skycrane.mission import load_mission


@pytest.fixture(scope="module")
def flown():
    mission = load_mission("msl")
    raw = simulate(mission)
    events = events_of(raw)
    flight = Flight(tracks_of(raw, mission), events, mission.site.radius_m, "landed", "")
    return mission, raw, flight, summarise(raw, flight, mission)


def test_it_lands_softly_within_the_published_ellipse(flown):
    """The ellipse was 20 x 7 km; without a fix on the terrain it lands where it comes down."""
    _, raw, _, summary = flown
    assert raw.outcome == 1
    assert 0.6 <= summary["touchdown_vertical_speed_m_s"] <= 0.85
    assert summary["touchdown_horizontal_speed_m_s"] < 0.3
    assert summary["miss_m"] < 3500


def test_it_meets_its_own_flown_timeline(flown):
    mission, _, flight, _ = flown
    rows = compare(flight, mission.flown)
    assert {r["name"]: r["difference_s"] for r in rows if not r["within"]} == {}


@pytest.mark.parametrize(
    ("event", "figure", "published", "within"),
    [
        ("parachute_deploy", "mach", 1.75, 0.1),  # commonly quoted
        ("parachute_deploy", "dynamic_pressure_pa", 494.0, 50.0),  # commonly quoted
        ("backshell_separation", "altitude_m", 1650.0, 200.0),  # commonly quoted
        ("backshell_separation", "speed_m_s", 82.0, 6.0),  # 79 to 85 m/s
    ],
)
def test_it_is_where_the_flight_was(flown, event, figure, published, within):
    found = next(e for e in flown[2].events if e.name == event)
    assert getattr(found, figure) == pytest.approx(published, abs=within)


def test_its_loads_and_propellant_are_the_flown_ones(flown):
    """11 to 12 g were called out (12.6 is quoted too); 153.8 kN (Cruz et al. 2013); 95.7 kg left."""
    summary = flown[3]
    assert 11.0 <= summary["peak_deceleration_g"] <= 12.7
    assert summary["peak_parachute_load_kn"] == pytest.approx(153.8, rel=0.15)
    assert summary["propellant_at_bridle_cut_kg"] == pytest.approx(95.7, abs=40)
