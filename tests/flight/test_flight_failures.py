"""Impossible missions crash, and say what, when and how fast."""

from __future__ import annotations

import re

import numpy as np
import pytest
from flight_builders import changed

from skycrane.errors import InputError
from skycrane.flight.record import read_flight, write_flight
from skycrane.flight.simulate import simulate
from skycrane.flight.state import EventId, Outcome

CASES = {
    "no propellant": (
        {"fault": [{"kind": "low_propellant", "propellant_kg": 0.0}]},
        r"descent stage hit the ground .*propellant was gone",
        "lander",
    ),
    "little propellant": (
        {"fault": [{"kind": "low_propellant", "propellant_kg": 200.0}]},
        r"(hit the ground|touched down too fast).*propellant was gone",
        "lander",
    ),
    "no parachute": (
        {"vehicle__parachute__diameter_m": 0.0},
        r"capsule hit the ground",
        "capsule",
    ),
    "weak parachute": (
        {"vehicle__parachute__load_limit_n": 60e3},
        r"capsule hit the ground .*parachute tore",
        "capsule",
    ),
    "no lift": (
        {"vehicle__stack__balance_mass_position_m": [0.0, 0.0, 0.1]},
        r"hit the ground",
        "any",
    ),
    "hardly any air": (
        {"atmosphere__density_altitude_m": [0.0, 1e5], "atmosphere__density_factors": [0.001] * 2},
        r"capsule hit the ground .*never fired",
        "any",
    ),
    "flies past": (
        {"entry__velocity_m_s": [-6239.0, 2912.0, -1261.0]},
        r"left the atmosphere",
        "any",
    ),
    "weak engines": (
        {"vehicle__engines__thrust_maximum_n": 900.0},
        r"hit the ground",
        "lander",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_crashes_honestly(name, mission, to_flight, tmp_path):
    values, reason, where = CASES[name]
    wrong = changed(mission, **values)
    flight = to_flight(simulate(wrong), wrong)
    assert flight.outcome == "crashed"
    assert re.search(reason, flight.reason), flight.reason
    crash = flight.event("crash")
    assert crash.speed_m_s > 2.0
    assert not flight.has_event("bridle_cut")
    assert flight.has_event("backshell_separation") == (where == "lander") or where == "any"
    # The record of a crash is as whole as that of a landing: it can be filmed.
    write_flight(flight, tmp_path)
    again = read_flight(tmp_path)
    assert (again.outcome, again.reason) == ("crashed", flight.reason)
    for track in again.bodies.values():
        times = np.linspace(0, again.t_end_s, 50)
        assert np.isfinite(track.position(times)).all()
        assert np.isfinite(track.attitude(times)).all()


@pytest.mark.parametrize(
    "values",
    [
        {"vehicle__parachute__line_stiffness_n_m": 1e12},
        {"vehicle__bridle__stiffness_n_m": 1e12},
    ],
)
def test_a_motion_that_runs_away_is_told_and_not_recorded(values, mission):
    with pytest.raises(InputError, match=r"ran away .*s after entry.*very stiff"):
        simulate(changed(mission, **values))


def test_a_body_of_hardly_any_inertia_is_refused_or_flown(mission):
    """Never a record of numbers that are none."""
    table = {
        "vehicle__inertia__backshell_kg_m2": [1e-9] * 3,
        "vehicle__inertia__heat_shield_kg_m2": [1e-9] * 3,
    }
    try:
        raw = simulate(changed(mission, **table))
    except InputError as error:
        assert "ran away" in str(error)  # noqa: PT017
    else:
        assert np.isfinite(raw.shield["position"]).all()
        assert np.isfinite(raw.parachute["attitude"]).all()


def inject(mission, *faults):
    return changed(mission, fault=list(faults))


def place(raw) -> np.ndarray:
    """Where the wheels touched, east and north of the target, m."""
    d = raw.events[EventId.TOUCHDOWN]["position"] - raw.case["site"]
    return np.array([d @ raw.case["east"], d @ raw.case["north"]])


def assert_it_can_be_filmed(flight) -> None:
    for track in flight.bodies.values():
        times = np.linspace(0.0, flight.t_end_s, 200)
        assert np.isfinite(track.position(times)).all()
        np.testing.assert_allclose(np.linalg.norm(track.attitude(times), axis=1), 1.0, atol=1e-9)
        np.testing.assert_array_equal(track.velocity_m_s[-1], 0.0)
        np.testing.assert_array_equal(track.position_m[-1], track.position_m[-2])
        # Nothing ends up below the ground or hanging in the sky.
        height = np.linalg.norm(track.position_m[-1]) - flight.site_radius_m
        assert -5.0 < height < 10.0, track.name


def test_a_late_parachute_opens_late_and_lower(mission, raw, to_flight):
    late = inject(mission, {"kind": "parachute_late", "delay_s": 3.0})
    other = simulate(late)
    mortar = EventId.PARACHUTE_DEPLOY
    assert other.events[mortar]["t"] - raw.events[mortar]["t"] == pytest.approx(3.0, abs=1e-6)
    assert other.outcome == Outcome.LANDED
    assert place(other) == pytest.approx(place(raw), abs=30.0)
    assert_it_can_be_filmed(to_flight(other, late))


def test_a_parachute_much_too_late_ends_on_the_ground(mission, to_flight):
    """Its trigger is met, its mortar fires 90 s later: too low for anything to help."""
    late = inject(mission, {"kind": "parachute_late", "delay_s": 90.0})
    flight = to_flight(simulate(late), late)
    assert flight.outcome == "crashed"
    assert re.search(r"hit the ground .*m/s", flight.reason)
    assert flight.event("crash").speed_m_s > 50.0
    assert_it_can_be_filmed(flight)


@pytest.mark.parametrize(("left", "outcome"), [(0.9, "landed"), (0.3, "crashed"), (0.0, "crashed")])
def test_a_torn_canopy(left, outcome, mission, to_flight):
    """What is left of its area decides: nearly all of it lands, a third does not."""
    torn = inject(mission, {"kind": "parachute_torn", "area_left": left})
    flight = to_flight(simulate(torn), torn)
    assert flight.has_event("parachute_torn")
    assert flight.outcome == outcome
    if outcome == "crashed":
        assert "the parachute tore" in flight.reason
        # A third of it brings the lander down too fast for its propellant; none, the capsule.
        assert flight.event("crash").speed_m_s > (10.0 if left else 100.0)
    assert_it_can_be_filmed(flight)


def test_a_parachute_that_never_fires(mission, to_flight):
    dead = inject(mission, {"kind": "parachute_failed"})
    flight = to_flight(simulate(dead), dead)
    assert flight.outcome == "crashed"
    assert re.search(r"capsule hit the ground .*mortar failed", flight.reason)
    assert not flight.has_event("parachute_deploy")
    # A capsule of 150 kg/m2 arrives at some hundreds of metres a second.
    assert 150.0 < flight.event("crash").speed_m_s < 600.0
    assert_it_can_be_filmed(flight)


def test_an_engine_out_that_the_sky_crane_does_not_need(mission, raw):
    """It stops once only the other four run: nothing is missed."""
    took = raw.events[EventId.SKY_CRANE_START]["t"] - raw.events[EventId.POWERED_DESCENT_START]["t"]
    idle = next(k for k in range(8) if k not in mission.vehicle.engines.sky_crane)
    fault = {"kind": "engine_out", "engine": idle, "delay_s": float(took) + 1.0}
    out = simulate(inject(mission, fault))
    assert out.outcome == Outcome.LANDED
    np.testing.assert_allclose(place(out), place(raw), atol=0.1)


@pytest.mark.parametrize("engine", range(8))
def test_seven_engines_bring_it_down(engine, mission, to_flight):
    """Out during the approach: seven fly on, and brake as early as what they give asks for.

    Fails where the last braking is planned with what eight would give. Three of the sky crane's
    four cannot hold it level: an engine that it needs ends in a crash.
    """
    mission = inject(mission, {"kind": "engine_out", "engine": engine, "delay_s": 5.0})
    out = simulate(mission)
    started = out.events[EventId.POWERED_DESCENT_START]["t"]
    assert out.events[EventId.ENGINE_OUT]["t"] == pytest.approx(started + 5.0, abs=0.05)
    rows = out.powered[out.powered["t"] > started + 7.0]
    assert np.abs(rows["engines"][:, engine]).max() < 1.0
    # Calm through the whole approach.
    calm = rows[rows["t"] < out.events[EventId.CONSTANT_VELOCITY_START]["t"]]
    assert np.degrees(np.linalg.norm(calm["rates"], axis=1)).max() < 12.0
    sink = -out.events[EventId.CONSTANT_DECELERATION_START]["velocity"] @ out.case["up"]
    assert sink == pytest.approx(mission.guidance.powered.constant_velocity_m_s, abs=1.0)
    flight = to_flight(out, mission)
    if engine in mission.vehicle.engines.sky_crane:
        assert flight.outcome == "crashed"
        assert re.search(rf"engine {engine} stopped at", flight.reason)
        assert 2.0 < flight.event("crash").speed_m_s < 30.0
    else:
        assert flight.outcome == "landed"
        assert np.linalg.norm(place(out)) < 60.0
    assert_it_can_be_filmed(flight)


def test_one_of_the_sky_cranes_four_out_ends_honestly(mission, to_flight):
    """Three canted engines cannot hold it level: whatever comes of it is told with its speed."""
    crane = mission.vehicle.engines.sky_crane[0]
    out = inject(mission, {"kind": "engine_out", "engine": crane, "delay_s": 5.0})
    flight = to_flight(simulate(out), out)
    assert flight.has_event("engine_out")
    if flight.outcome == "crashed":
        assert re.search(r"[0-9.]+ s after entry interface at [0-9.]+ m/s", flight.reason)
    assert_it_can_be_filmed(flight)


def test_a_wrong_fix_moves_the_landing_by_as_much(mission, raw):
    """The vehicle lands where it believes the target to be: true place = target - error."""
    error = np.array([35.0, -20.0])
    fault = {
        "kind": "navigation_bias",
        "position_m": [0.0, 0.0, 0.0],
        "velocity_m_s": [0.0, 0.0, 0.0],
        "fix_m": error.tolist(),
    }
    other = simulate(inject(mission, fault))
    assert other.outcome == Outcome.LANDED
    np.testing.assert_allclose(place(other) - place(raw), -error, atol=3.0)


def test_a_wrong_position_before_the_fix_is_put_right_by_it(mission, raw):
    """Entry guidance steers 1 km beside; the mortar comes there; the fix and the divert repair."""
    fault = {
        "kind": "navigation_bias",
        "position_m": [800.0, 0.0, 0.0],
        "velocity_m_s": [0.0, 0.0, 0.0],
        "fix_m": [0.0, 0.0],
    }
    other = simulate(inject(mission, fault))
    mortar = EventId.PARACHUTE_DEPLOY
    apart = other.events[mortar]["position"] - raw.events[mortar]["position"]
    # It believes to be farther east than it is, and fires that much too early, to the west.
    assert apart @ raw.case["east"] == pytest.approx(-800.0, abs=150.0)


def test_a_wind_step_is_felt(mission, raw):
    """Fifteen metres a second more toward the north below 8 km carry the capsule north."""
    fault = {"kind": "wind_step", "altitude_m": 8000.0, "east_m_s": 0.0, "north_m_s": 15.0}
    other = simulate(inject(mission, fault))
    slot = EventId.BACKSHELL_SEPARATION
    apart = other.events[slot]["position"] - raw.events[slot]["position"]
    rows = raw.parachute
    height = np.linalg.norm(rows["position"], axis=1) - raw.case["site_radius"]
    since = rows["t"][np.argmax(height < 8000.0)]
    time_s = float(raw.events[slot]["t"] - since)
    # A body falling at V picks a cross-wind up with the time constant V / g.
    falling = (rows["t"] > since) & (rows["t"] < raw.events[slot]["t"])
    lag_s = float(np.linalg.norm(rows["velocity"][falling], axis=1).mean()) / 3.72
    expected = 15.0 * (time_s - lag_s * (1 - np.exp(-time_s / lag_s)))
    assert apart @ raw.case["north"] == pytest.approx(expected, rel=0.1)
    before = EventId.HEAT_SHIELD_SEPARATION
    assert other.events[before]["t"] == raw.events[before]["t"]


def test_low_propellant_runs_out_and_falls(mission, to_flight):
    dry = inject(mission, {"kind": "low_propellant", "propellant_kg": 220.0})
    flight = to_flight(simulate(dry), dry)
    assert flight.outcome == "crashed"
    assert "the propellant was gone" in flight.reason
    empty, crash = flight.event("propellant_empty"), flight.event("crash")
    assert empty.t_s < crash.t_s
    # It falls freely from where the engines stopped: v2 = v0^2 + 2 g h, less a little drag.
    drop = empty.altitude_m - crash.altitude_m
    fallen = np.sqrt(empty.speed_m_s**2 + 2 * 3.72 * drop)
    assert crash.speed_m_s == pytest.approx(fallen, rel=0.05)
    assert_it_can_be_filmed(flight)


def test_a_radar_that_looks_away_and_back(mission, raw):
    """Lost for 20 s under the parachute: told, found again, landed where it would have."""
    fault = {"kind": "sensor_dropout", "delay_s": 20.0, "duration_s": 20.0}
    other = simulate(inject(mission, fault))
    gone = raw.events[EventId.HEAT_SHIELD_SEPARATION]["t"]
    assert other.events[EventId.RADAR_LOST]["t"] == pytest.approx(gone + 20.0, abs=0.05)
    assert other.outcome == Outcome.LANDED
    assert np.linalg.norm(place(other) - place(raw)) < 10.0


def test_a_radar_that_never_sees_the_ground(mission, to_flight):
    """From the heat shield's separation on it flies on its navigation alone, and says so."""
    blind = inject(mission, {"kind": "sensor_dropout", "delay_s": 0.0, "duration_s": 1000.0})
    flight = to_flight(simulate(blind), blind)
    assert flight.has_event("radar_lost")
    assert not flight.has_event("radar_found")
    # Over level ground its navigation, without error, is as good as the radar.
    assert flight.outcome == "landed"


def test_a_blind_radar_and_a_wrong_height_end_in_the_ground(mission, to_flight):
    """Believing to be 60 m higher than it is, with nothing to tell it otherwise."""
    faults = [
        {"kind": "sensor_dropout", "delay_s": 0.0, "duration_s": 1000.0},
        {
            "kind": "navigation_bias",
            "position_m": [0.0, 0.0, 60.0],
            "velocity_m_s": [0.0, 0.0, 0.0],
            "fix_m": [0.0, 0.0],
        },
    ]
    blind = inject(mission, *faults)
    flight = to_flight(simulate(blind), blind)
    assert flight.outcome == "crashed"
    assert re.search(r"hit the ground .*m/s", flight.reason)
    # At 60 m it has just begun to brake from its constant velocity.
    assert flight.event("crash").speed_m_s > 10.0
    assert_it_can_be_filmed(flight)
