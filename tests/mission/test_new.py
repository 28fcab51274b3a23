"""A new mission's template: whole, commented key by key, safe to write, and it lands."""

import re
import tomllib
import typing
from datetime import UTC, datetime

import numpy as np
import pytest
from flying import Flown, with_values
from hypothesis import given
from hypothesis import strategies as st

from skycrane.cli import main
from skycrane.errors import InputError
from skycrane.mission import load_mission
from skycrane.mission.derived import DERIVED
from skycrane.mission.load import parse_mission
from skycrane.mission.mission import Mission
from skycrane.mission.new import mission_template, write_mission_template
from skycrane.mission.new_comments import comments_of
from skycrane.mission.new_hints import ANY_DAY
from skycrane.mission.new_tables import sections_in, unit_of
from skycrane.mission.new_values import toml_key, toml_value

SOURCES = ["mars2020", "msl"]
READ_FROM_A_FILE = {
    ("Atmosphere", "read_from"),
    ("GltfShape", "file_sha256"),
    ("TerrainModel", "elevation_sha256"),
    ("TerrainModel", "orthophoto_sha256"),
}
"""Keys that nobody writes."""


@pytest.fixture(scope="module", params=SOURCES)
def source(request):
    return request.param


@pytest.fixture(scope="module")
def text(source):
    return mission_template("mine", source=source)


def every_section(model=Mission, seen=None):
    seen = set() if seen is None else seen
    for info in model.model_fields.values():
        for inner in sections_in(info.annotation):
            if inner not in seen:
                seen.add(inner)
                every_section(inner, seen)
    return seen


def words(text):
    return " ".join(text.split())


def test_every_value_of_its_source_is_in_it_but_the_air_and_what_follows(source, text):
    values = parse_mission(text, where="mine.toml").model_dump()
    wanted = load_mission(source).model_dump()
    for path in [*DERIVED, *ANY_DAY]:
        *parents, last = path.split(".")
        for table in (values, wanted):
            for part in parents:
                table = table[part]
            del table[last]
    for apart in ("mission", "entry", "flown", "flown_figure"):
        values.pop(apart), wanted.pop(apart)
    assert values == wanted


def test_it_enters_as_its_source_does(source, text):
    mission, wanted = parse_mission(text, where="mine.toml"), load_mission(source)
    position, velocity = mission.entry.state(mission.planet)
    at, moving = wanted.entry.state(wanted.planet)
    assert np.linalg.norm(position - at) < 0.05
    assert np.linalg.norm(velocity - moving) < 1e-3
    assert mission.entry.bank_deg == wanted.entry.bank_deg


def test_what_its_source_flew_is_not_held_against_it(text):
    mission = parse_mission(text, where="mine.toml")
    assert mission.flown == []
    assert mission.flown_figure == []
    assert mission.mission.name == "mine"


def test_every_key_of_the_schema_is_there_with_what_it_means(text):
    lines = text.splitlines()
    said = words(" ".join(line.lstrip("# ") for line in lines if line.startswith("# ")))
    keys = {m[1] for line in lines if (m := re.match(r"#?([a-z0-9_]+) = ", line))}
    keys |= set(re.findall(r"[{,] ([a-z0-9_]+) = ", text))
    checked = 0
    for section in every_section():
        for key, info in section.model_fields.items():
            inner = list(sections_in(info.annotation))
            if (section.__name__, key) in READ_FROM_A_FILE:
                continue
            if not inner and typing.get_origin(info.annotation) is not dict:
                assert key in keys, f"{section.__name__}.{key}"
                checked += 1
            if info.description:
                assert words(info.description) in said, f"{section.__name__}.{key}"
            else:
                assert inner, f"{section.__name__}.{key} says nothing"
    assert checked > 300


def test_every_key_with_a_unit_is_told_in_that_unit_where_it_first_stands(text):
    lines = text.splitlines()
    schema = {key for section in every_section() for key in section.model_fields}
    seen = set()
    for number, line in enumerate(lines):
        key = re.match(r"#?([a-z0-9_]+) = ", line)
        if key is None or key[1] not in schema - seen or not (unit := unit_of(key[1])):
            continue
        seen.add(key[1])
        above = number
        while lines[above - 1].startswith("# "):
            above -= 1
        said = words(" ".join(x.lstrip("# ") for x in lines[above:number]))
        spelt = {"degrees": "deg(rees)?", "N m s": "N m per rad/s"}.get(unit, re.escape(unit))
        assert re.search(rf"(?<!\w){spelt}(?!\w)", said), f"{key[1]}: {said}"
    assert len(seen) > 100


def test_the_published_figures_come_first(text):
    first = [text.index(f"\n[{t}]\n") for t in ("site", "epoch", "entry", "vehicle.masses")]
    rest = [text.index(f"\n[{t}]\n") for t in ("guidance.entry", "planet", "link", "film")]
    assert max(first) < min(rest)
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("table", ["flown", "flown_figure", "fault"])
def test_lines_left_out_can_be_taken_in(text, table):
    """Without the sign # before its keys, the first block is a flown event, a fault."""
    block = re.search(rf"#\[\[{table}\]\]\n(?:#.*\n)*", text)[0]
    taken_in = text + "\n" + re.sub(r"(?m)^#(?=[\[a-z])", "", block)
    assert len(getattr(parse_mission(taken_in, where="mine.toml"), table)) == 1


def test_a_template_is_always_the_same_bytes(text, source):
    assert mission_template("mine", source=source) == text


def test_it_lands_as_it_stands(tmp_path):
    path = write_mission_template("mine", tmp_path / "mine.toml")
    flown = Flown(load_mission(path))
    assert flown.landed
    assert flown.summary["miss_m"] < 300


STRANGER = {
    # What anybody finds of Mars Science Laboratory in papers, press kit and encyclopedias.
    "mission.name": "stranger",
    "site.name": "Gale crater",
    "site.latitude_deg": -4.5965,
    "site.longitude_deg": 137.4019,
    "site.radius_m": 3391100.0,
    "epoch.entry_interface_utc": datetime(2012, 8, 6, 5, 10, 46, tzinfo=UTC),
    "entry": {
        "radius_m": 3522200.0,
        "latitude_deg": -3.9186,
        "longitude_deg": 126.72,
        "speed_m_s": 6083.3,
        "flight_path_angle_deg": -15.4892,
        "azimuth_deg": 93.2065,
        "frame": "inertial",
        "bank_deg": 75.0,
    },
    "vehicle.masses.rover_kg": 899.0,
    "vehicle.masses.descent_stage_dry_kg": 829.0,
    "vehicle.masses.propellant_kg": 399.0,
    "vehicle.masses.backshell_kg": 431.0,
    "vehicle.masses.parachute_kg": 60.0,
    "vehicle.masses.heat_shield_kg": 382.0,
    "vehicle.stack.lift_to_drag": 0.24,
    "vehicle.parachute.diameter_m": 21.35,
    "vehicle.parachute.load_limit_n": 289000.0,
    "vehicle.bridle.length_m": 7.5,
    "atmosphere.datum_radius_m": 3395600.0,
    "guidance.parachute.deploy_trigger": "speed",
    "guidance.parachute.deploy_speed_m_s": 406.0,
    "guidance.parachute.mach_reference": 1.75,
    "guidance.navigation.fix_on_terrain": False,
    "guidance.powered.divert_minimum_m": 300.0,
    "guidance.powered.constant_velocity_m_s": 20.0,
    "guidance.powered.constant_velocity_altitude_m": 142.0,
    # (80^2 - 20^2) / 2 h from a backshell let go at 1.65 km: 1.4 km above the constant velocity.
    "guidance.powered.deceleration_m_s2": 2.15,
    # Published when subsonic: 0.636 flown; above that the template's.
    "vehicle.parachute.mach": [0.0, 0.7, 0.9, 1.0, 1.1, 1.2, 1.4, 1.8, 2.0, 2.5],
    "vehicle.parachute.drag_coefficient": [
        0.636,
        0.636,
        0.50,
        0.49,
        0.57,
        0.63,
        0.78,
        0.84,
        0.80,
        0.65,
    ],
}


@pytest.mark.parametrize("leave", [None, "vehicle.stack.lift_to_drag", "guidance", "atmosphere"])
def test_another_flown_mission_lands_by_its_published_values_alone(leave):
    """Also for someone who overlooks a part of them."""
    given_values = {k: v for k, v in STRANGER.items() if leave is None or not k.startswith(leave)}
    flown = Flown(with_values(tomllib.loads(mission_template("stranger")), given_values))
    assert flown.landed, flown.flight
    assert flown.summary["miss_m"] < 3500
    # Its own flown times: the entry's by physics alone, the rest by what is published of it.
    assert flown.summary["peak_deceleration_t_s"] == pytest.approx(80.0, abs=5)
    if leave is None:
        assert flown.summary["backshell_separation_altitude_m"] == pytest.approx(1650, abs=200)
        assert flown.first("heading_alignment_start").t_s == pytest.approx(135.0, abs=5)
        assert flown.first("parachute_deploy").t_s == pytest.approx(259.0, abs=15)
        # The air keeps the template's temperatures, those of another season: msl.toml is nearer.
        assert flown.first("touchdown").t_s == pytest.approx(431.6, abs=20)


NAMES = ["", "Mine", "../x", "a/b", "a b", "-x", "x" * 65, "mi\nne", "é", "a.toml", "\x1b[31m", "~"]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_is_refused_and_nothing_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot name a mission"):
        write_mission_template(name)
    assert list(tmp_path.iterdir()) == []


def test_the_names_of_built_in_missions_are_taken(tmp_path):
    with pytest.raises(InputError, match=r"built-in mission.*mars2020-mine"):
        write_mission_template("mars2020", tmp_path / "x.toml")


def test_a_file_that_is_there_is_kept_without_force(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("my work")
    with pytest.raises(InputError, match=r"a file of that name already.*--force"):
        write_mission_template("mine", path)
    assert path.read_text() == "my work"
    write_mission_template("mine", path, force=True)
    assert load_mission(path).mission.name == "mine"


def test_places_where_no_file_can_be(tmp_path):
    with pytest.raises(InputError, match=r"a directory.*mine\.toml"):
        write_mission_template("mine", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        write_mission_template("mine", tmp_path / "file" / "mine.toml")
    link = tmp_path / "link.toml"
    link.symlink_to(tmp_path / "nowhere" / "else.toml")
    with pytest.raises(InputError, match="already"):
        write_mission_template("mine", link)


def test_a_source_that_is_none_names_those_there_are(tmp_path):
    with pytest.raises(InputError, match=r"no built-in mission 'mars'.*mars2020, msl"):
        write_mission_template("mine", tmp_path / "x.toml", source="mars")


def test_the_command_writes_it_and_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["mission", "new", "mine", "--from", "msl"]) == 0
    assert "skycrane check mine.toml" in capsys.readouterr().out
    assert main(["check", "mine.toml"]) == 0
    told = capsys.readouterr().out
    for figure in (
        "6083.3 m/s at -15.489 deg",
        "5844.0 m/s at -16.140 deg",
        "3150.0 kg",
        "lift over drag 0.240",
    ):
        assert figure in told
    assert main(["mission", "new", "mine"]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["mission", "new", "two", "-o", "sub/two.toml", "--json"]) == 0
    assert '"file": "sub/two.toml"' in capsys.readouterr().out


# ---- the parts ----

plain = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
)


@given(
    st.recursive(
        plain,
        lambda inner: (
            st.lists(inner, max_size=30)
            | st.dictionaries(st.text('ab-_. "é', max_size=6), inner, max_size=4)
        ),
        max_leaves=40,
    )
)
def test_any_value_is_read_back_the_same(value):
    assert tomllib.loads(f"x = {toml_value(value, used=4)}") == {"x": value}


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=20))
def test_any_key_is_read_back_the_same(key):
    assert tomllib.loads(f"{toml_key(key)} = 1") == {key: 1}


def test_times_keep_their_moment():
    when = datetime(2021, 2, 18, 20, 36, 50, 80000, tzinfo=UTC)
    assert toml_value(when) == "2021-02-18T20:36:50.080Z"


def test_comments_are_found_by_the_key_they_stand_at():
    found = comments_of(
        "# ---- a banner ----\n\n"
        "# of the table\n[a]\n"
        'x = "no # comment"  # of x\n'
        "# above y\n# and more\ny = [  # of y\n  1, # inside\n]\nz = 1\n\n# far off\n\n"
        "[[b]]\nx = 1 # first\n[[b]]\nx = { k = [1] } # second\n"
    )
    assert found.above == {"a": ["of the table"], "a.y": ["above y", "and more"]}
    assert found.beside == {"a.x": "of x", "a.y": "of y", "b.0.x": "first", "b.1.x": "second"}
