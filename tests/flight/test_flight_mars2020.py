"""Mars 2020 against the flown landing, and the record's own consistency."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skycrane.flight.compare import compare, misses
from skycrane.flight.record import BODIES, read_flight
from skycrane.flight.stage import fly
from skycrane.mars.frames import SiteFrame, unrotate
from skycrane.stage import StageContext

# Seconds after entry interface, and how near the flown moment the nominal flight has to come.
TIMELINE = {
    "peak_deceleration": (87.04, 3.0),
    "parachute_deploy": (240.63, 5.0),
    "heat_shield_separation": (263.26, 5.0),
    "sky_crane_start": (399.73, 8.0),
    "touchdown": (418.07, 8.0),
}


def test_every_flown_event_happens_in_time(flight, mission):
    rows = compare(flight, mission.flown)
    assert misses(rows) == []
    for row in rows:
        limit = 25.0 if row["flown_t_s"] > 418 else 15.0
        assert abs(row["difference_s"]) <= limit, row


@pytest.mark.parametrize("name", TIMELINE)
def test_moments_near_the_flown_ones(name, flight):
    flown, tolerance = TIMELINE[name]
    assert flight.event(name).t_s == pytest.approx(flown, abs=tolerance)


def test_the_rappel_takes_its_flown_time(flight):
    took = flight.event("rappel_done").t_s - flight.event("rover_separation").t_s
    assert took == pytest.approx(5.5, abs=1.0)


def test_events_come_in_the_flown_order(flight, mission):
    names = [e.name for e in sorted(mission.flown, key=lambda e: e.t_s)]
    # Peak load and largest dynamic pressure fall within the first reversal, in either order.
    strict = [
        n for n in dict.fromkeys(names) if not n.startswith(("bank", "peak_dec", "max_dynamic"))
    ]
    times = [flight.event(n).t_s for n in strict]
    assert times == sorted(times)
    assert [e.t_s for e in flight.events] == sorted(e.t_s for e in flight.events)


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("touchdown_vertical_speed_m_s", 0.65, 0.80),
        ("touchdown_horizontal_speed_m_s", 0.0, 0.3),
        ("miss_m", 0.0, 60.0),
        ("peak_deceleration_g", 10.69 * 0.95, 10.69 * 1.05),
        ("parachute_deploy_mach", 1.72, 1.92),
        ("parachute_deploy_dynamic_pressure_pa", 478.0, 558.0),
        ("peak_parachute_load_kn", 152.3 * 0.85, 152.3 * 1.15),
        ("backshell_separation_altitude_m", 1980.0, 2380.0),
        ("backshell_separation_speed_m_s", 77.0, 89.0),
        ("propellant_at_bridle_cut_kg", 55.7, 135.7),
    ],
)
def test_figures_near_the_flown_ones(summary, key, low, high):
    assert low <= summary[key] <= high


def test_what_is_left_behind_comes_down_too(flight):
    names = [e.name for e in flight.events]
    assert flight.outcome == "landed"
    assert names.count("balance_mass_impact") == 6
    for body in ("heat_shield", "backshell", "descent_stage"):
        assert flight.event(f"{body}_impact").altitude_m == pytest.approx(0, abs=3)
    away = flight.event("descent_stage_impact")
    frame_gap = (
        flight.bodies["descent_stage"].position_m[-1] - flight.bodies["rover"].position_m[-1]
    )
    assert 150 < np.linalg.norm(frame_gap) < 1500
    assert away.t_s > flight.event("bridle_cut").t_s


def test_the_record_goes_on_until_all_is_at_rest(flight):
    assert flight.t_end_s >= flight.event("touchdown").t_s + 20
    for track in flight.bodies.values():
        np.testing.assert_array_equal(track.velocity_m_s[-1], 0.0)
        np.testing.assert_array_equal(track.position_m[-1], track.position_m[-2])


def test_sample_rates(flight):
    mortar = flight.event("parachute_deploy").t_s
    for track in flight.bodies.values():
        gaps = np.diff(track.time_s[:-1])
        after = track.time_s[1:-1] > mortar + 1e-6
        assert gaps.max() <= 0.1 + 1e-9
        assert gaps[after].max() <= 0.02 + 1e-9


def test_attached_bodies_ride_where_the_stack_says(flight, mission):
    stack = mission.vehicle.stack
    vehicle = flight.bodies["entry_vehicle"]
    for name, offset in (
        ("rover", stack.rover_position_m),
        ("descent_stage", stack.descent_stage_position_m),
        ("heat_shield", [0.0, 0.0, 0.0]),
        ("parachute", stack.parachute_position_m),
    ):
        track = flight.bodies[name]
        t = np.linspace(1.0, min(240.0, track.time_s[track.attached][-1]), 200)
        apart = track.position(t) - vehicle.position(t)
        turn = vehicle.attitude(t)
        # Between samples of a tenth of a second poses are interpolated, each in its own way.
        np.testing.assert_allclose(unrotate(turn, apart), np.tile(offset, (200, 1)), atol=0.02)
        np.testing.assert_allclose(track.attitude(t), turn, atol=1e-9)


@pytest.mark.parametrize("name", BODIES)
def test_velocity_is_the_rate_of_position(flight, mission, name):
    track = flight.bodies[name]
    rest = np.flatnonzero(np.linalg.norm(track.velocity_m_s, axis=1) == 0)[0]
    t, p, v = track.time_s[:rest], track.position_m[:rest], track.velocity_m_s[:rest]
    mean = (v[1:] + v[:-1]) / 2
    rate = np.diff(p, axis=0) / np.diff(t)[:, None]
    wrong = np.linalg.norm(mean - rate, axis=1)
    assert np.quantile(wrong, 0.98) < 0.1
    # Mortar, snatch and contact change the velocity within one step; nothing moves by more.
    assert wrong.max() < mission.vehicle.parachute.mortar_speed_m_s


@pytest.mark.parametrize("name", BODIES)
def test_attitudes_are_smooth(flight, name):
    track = flight.bodies[name]
    np.testing.assert_allclose(np.linalg.norm(track.attitude_wxyz, axis=1), 1, atol=1e-9)
    q = Rotation.from_quat(track.attitude_wxyz, scalar_first=True)
    step = (q[1:] * q[:-1].inv()).magnitude()
    rate = np.degrees(step / np.diff(track.time_s))
    # The canopy tips over as it falls onto the ground; nothing else turns faster than commanded.
    landed = track.time_s[1:] > flight.event("backshell_impact").t_s
    calm = rate[~landed] if name == "parachute" else rate
    assert calm.max() < 75.0
    turn = np.diff(track.attitude_wxyz, axis=0)
    assert np.abs(turn).max() < 0.5


def test_the_rover_hangs_its_bridle_below_and_stands_at_the_end(flight, mission):
    frame = SiteFrame.of(mission.site)
    t = flight.event("rappel_done").t_s + 3.0
    stage = frame.position_site_m(flight.bodies["descent_stage"].position(t))
    rover = frame.position_site_m(flight.bodies["rover"].position(t))
    stack = mission.vehicle.stack
    stowed = stack.rover_position_m[2] - stack.descent_stage_position_m[2]
    assert stage[2] - rover[2] == pytest.approx(stowed + mission.vehicle.bridle.length_m, abs=0.15)
    z = frame.vector_site(
        Rotation.from_quat(
            flight.bodies["rover"].attitude(flight.t_end_s), scalar_first=True
        ).apply([0, 0, 1])
    )
    assert z[2] < -0.999
    rest = frame.position_site_m(flight.bodies["rover"].position(flight.t_end_s))
    assert rest[2] == pytest.approx(0.0, abs=0.1)


def test_throttles_stay_within_the_engines(flight, mission):
    stage = flight.bodies["descent_stage"]
    throttle, engines = stage.drivers["throttle"], mission.vehicle.engines
    # Valves close with their lag: what is left of a thrust fades toward zero, from either side.
    assert throttle.min() > -1e-12
    assert throttle.max() <= 1.0 + 1e-9
    crane = flight.event("sky_crane_start").t_s
    others = [k for k in range(engines.count) if k not in engines.sky_crane]
    closed = stage.time_s > crane + 20 * engines.lag_s
    assert np.abs(throttle[closed][:, others]).max() < 1e-6
    assert (throttle[:, engines.sky_crane].max(axis=0) > 0.9).all()
    np.testing.assert_allclose(
        stage.drivers["thrust_n"], throttle.sum(axis=1) * engines.thrust_maximum_n, rtol=1e-9
    )


def test_stage_writes_the_same_bytes_over_real_ground(mission, tmp_path):
    results = [
        fly(StageContext(directory=tmp_path / name, mission=mission, workers=1))
        for name in ("a", "b")
    ]
    for one, other in zip(results[0].outputs, results[1].outputs, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert results[0].summary["outcome"] == "landed"
    json.dumps(results[0].summary, allow_nan=False)
    again = read_flight(tmp_path / "a")
    assert misses(compare(again, mission.flown)) == []
    assert set(again.bodies) == set(BODIES)


def test_another_seed_is_another_wind(mission, flight, to_flight):
    from skycrane.flight.simulate import simulate

    other = to_flight(simulate(mission, seed=7), mission)
    assert other.outcome == "landed"
    assert other.event("touchdown").t_s != flight.event("touchdown").t_s
