"""Impossible missions crash, and say what, when and how fast."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.errors import InputError
from skycrane.flight.record import read_flight, write_flight
from skycrane.flight.simulate import simulate

CASES = {
    "no propellant": (
        {"vehicle__masses__propellant_kg": 0.0},
        r"descent stage hit the ground .*propellant was gone",
        "lander",
    ),
    "little propellant": (
        {"vehicle__masses__propellant_kg": 200.0},
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
        {"vehicle__aeroshell__trim_angle_deg": 0.0},
        r"hit the ground",
        "any",
    ),
    "hardly any air": (
        {"atmosphere__density_factors": [0.001] * 4},
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
def test_it_crashes_honestly(name, mission, change, to_flight, tmp_path):
    values, reason, where = CASES[name]
    wrong = change(mission, **values)
    flight = to_flight(simulate(wrong), wrong)
    assert flight.outcome == "crashed"
    assert __import__("re").search(reason, flight.reason), flight.reason
    crash = flight.event("crash")
    assert crash.speed_m_s > 2.0
    assert not flight.has_event("bridle_cut")
    assert flight.has_event("backshell_separation") == (where == "lander") or where == "any"
    # The record of a crash is as whole as that of a landing: it can be filmed.
    write_flight(flight, tmp_path)
    again = read_flight(tmp_path)
    assert (again.outcome, again.reason) == ("crashed", flight.reason)
    for track in again.bodies.values():
        assert np.isfinite(track.position(np.linspace(0, again.t_end_s, 50))).all()


@pytest.mark.parametrize(
    "values",
    [
        {"vehicle__masses__capsule_inertia_kg_m2": [1e-9, 1e-9, 1e-9]},
        {"vehicle__parachute__line_stiffness_n_m": 1e12},
        {"vehicle__masses__parachute_kg": 0.1},
    ],
)
def test_a_motion_that_runs_away_is_told_and_not_recorded(values, mission, change):
    with pytest.raises(InputError, match=r"ran away .*s after entry.*very stiff"):
        simulate(change(mission, **values))
