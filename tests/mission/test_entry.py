"""The entry state: one state, written as vectors or as published, in either frame."""

import tomllib
from importlib import resources

import numpy as np
import pytest
import tomli_w

from skycrane.errors import InputError
from skycrane.mission import dump_mission, load_mission
from skycrane.mission.entry import Entry, motion_of
from skycrane.mission.load import parse_mission

# Mars 2020 at entry interface as published (NAIF's state): radius, speeds, angles.
RELATIVE = {"speed_m_s": 5332.37, "flight_path_angle_deg": -16.140, "azimuth_deg": 100.348}
INERTIAL = {"speed_m_s": 5553.40, "flight_path_angle_deg": -15.482}
PLACE = {"radius_m": 3522200.0, "latitude_deg": 20.827, "longitude_deg": 66.802, "bank_deg": 75.0}


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


@pytest.fixture(scope="module")
def table():
    source = resources.files("skycrane.mission") / "missions" / "mars2020.toml"
    return tomllib.loads(source.read_text())


def written(table, entry):
    copy = tomllib.loads(tomli_w.dumps(table))
    copy["entry"] = entry
    return tomli_w.dumps(copy)


def test_both_published_speeds_and_angles_come_out_of_the_one_state(mission):
    """The state vectors are NAIF's; the four figures are published beside them."""
    position, velocity = mission.entry.state(mission.planet)
    relative = motion_of(position, velocity, mission.planet, "relative")
    inertial = motion_of(position, velocity, mission.planet, "inertial")
    assert relative.radius_m == pytest.approx(3522.2e3, abs=1.0)
    assert relative.latitude_deg == pytest.approx(20.827, abs=5e-4)
    assert relative.longitude_deg == pytest.approx(66.802, abs=5e-4)
    assert relative.speed_m_s == pytest.approx(5332.37, abs=0.01)
    assert relative.flight_path_angle_deg == pytest.approx(-16.140, abs=5e-4)
    assert relative.azimuth_deg == pytest.approx(100.348, abs=5e-4)
    assert inertial.speed_m_s == pytest.approx(5553.40, abs=0.01)
    assert inertial.flight_path_angle_deg == pytest.approx(-15.482, abs=5e-4)


def test_the_published_figures_give_the_state_vectors(mission):
    """What rounding to the published digits allows: some ten metres, some cm/s."""
    position, velocity = mission.entry.state(mission.planet)
    entry = Entry(**PLACE, **RELATIVE, frame="relative")
    at, moving = entry.state(mission.planet)
    assert np.linalg.norm(at - position) < 40
    assert np.linalg.norm(moving - velocity) < 0.1


@pytest.mark.parametrize("frame", ["relative", "inertial"])
@pytest.mark.parametrize("height", ["radius", "altitude"])
def test_either_frame_and_height_give_the_same_state(mission, frame, height):
    position, velocity = mission.entry.state(mission.planet)
    m = motion_of(position, velocity, mission.planet, frame)
    if height == "radius":
        where = {"radius_m": m.radius_m}
    else:
        where = {"altitude_m": m.radius_m - 3396190.0, "over_radius_m": 3396190.0}
    entry = Entry(
        **where,
        latitude_deg=m.latitude_deg,
        longitude_deg=m.longitude_deg,
        speed_m_s=m.speed_m_s,
        flight_path_angle_deg=m.flight_path_angle_deg,
        azimuth_deg=m.azimuth_deg,
        frame=frame,
        bank_deg=0.0,
    )
    at, moving = entry.state(mission.planet)
    assert np.allclose(at, position, rtol=0, atol=1e-6)
    assert np.allclose(moving, velocity, rtol=0, atol=1e-9)


def test_the_relative_speed_with_the_inertial_angle_is_another_trajectory(mission):
    right = Entry(**PLACE, **RELATIVE, frame="relative").state(mission.planet)[1]
    mixed = {**RELATIVE, "flight_path_angle_deg": INERTIAL["flight_path_angle_deg"]}
    wrong = Entry(**PLACE, **mixed, frame="relative").state(mission.planet)[1]
    assert np.linalg.norm(wrong - right) > 60


def test_the_published_form_survives_being_written_and_read(table):
    text = written(table, {**PLACE, **RELATIVE, "frame": "relative"})
    mission = parse_mission(text, where="mine.toml")
    again = parse_mission(dump_mission(mission), where="again.toml")
    assert again.entry == mission.entry
    assert mission.entry.position_m is None


WHOLE = {**PLACE, **RELATIVE, "frame": "relative"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": None}, r"key entry\.frame: missing\. Say what speed and angles are relative"),
        ({"frame": "absolute"}, r"entry\.frame: 'absolute' is not right.*'relative' or 'inertial'"),
        ({"speed_m_s": None}, r"entry\.speed_m_s: missing"),
        ({"azimuth_deg": None}, r"entry\.azimuth_deg: missing"),
        ({"radius_m": None}, r"entry\.radius_m: missing\. Give radius_m"),
        ({"altitude_m": 125e3}, r"entry\.radius_m: .*cannot place the entry"),
        ({"radius_m": None, "altitude_m": 125e3}, r"altitude_m alone cannot place"),
        ({"position_m": [1e6, 3e6, 1e6]}, r"entry\.radius_m: given beside position_m: two forms"),
        ({"velocity_m_s": [1.0, 2.0, 3.0]}, r"given beside velocity_m_s: two forms"),
        ({"flight_path_angle_deg": 16.14}, r"flight_path_angle_deg: moves away.*negative"),
        ({"flight_path_angle_deg": -100.0}, r"flight_path_angle_deg: -100\.0 is not right"),
        ({"radius_m": 3522.2}, r"entry\.radius_m: lies -.* km above the level of the site"),
        ({"speed_m_s": 5.3e5}, r"entry\.speed_m_s: .* is no speed to enter at"),
        ({"speed_m_s": "5.3 km/s"}, r"entry\.speed_m_s: '5\.3 km/s' is text, not a number"),
        ({"speed_m_s": float("nan")}, r"entry\.speed_m_s: nan is not right"),
        ({"longitude_deg": -66.8}, r"longitude_deg: lies .* degrees from the site and far"),
        ({"azimuth_deg": 280.0}, r"longitude_deg: lies 10\.\d degrees from the site and moving aw"),
        ({"latitude_deg": 95.0}, r"entry\.latitude_deg: 95\.0 is not right"),
        ({"speed_km_s": 5.3}, r"entry\.speed_km_s: unknown key\. Did you mean speed_m_s"),
    ],
)
def test_a_wrong_entry_is_told_with_its_remedy(table, change, message):
    entry = {k: v for k, v in {**WHOLE, **change}.items() if v is not None}
    with pytest.raises(InputError, match=message) as caught:
        parse_mission(written(table, entry), where="mine.toml")
    assert "\n" not in str(caught.value)


def test_half_of_the_vectors_is_told(table):
    with pytest.raises(InputError, match=r"entry\.velocity_m_s: missing\. Add it: relative"):
        entry = {"position_m": table["entry"]["position_m"], "bank_deg": 0.0}
        parse_mission(written(table, entry), where="mine.toml")


def test_a_planet_that_does_not_turn_knows_one_frame(mission):
    still = mission.planet.model_copy(update={"rotation_rate_rad_s": 0.0})
    position, velocity = mission.entry.state(still)
    assert motion_of(position, velocity, still, "relative") == motion_of(
        position, velocity, still, "inertial"
    )
