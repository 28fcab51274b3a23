"""Mission files: what is right is read back the same, what is wrong is told with key and remedy."""

import tomllib
from datetime import datetime
from importlib import resources

import pytest
import tomli_w

from skycrane.errors import InputError
from skycrane.flight.state import EVENT_NAMES
from skycrane.mission import built_in_missions, dump_mission, load_mission
from skycrane.mission.consistency import EVENTS
from skycrane.mission.load import parse_mission


@pytest.fixture(scope="module")
def table():
    source = resources.files("skycrane.mission") / "missions" / "mars2020.toml"
    return tomllib.loads(source.read_text())


def changed(table, path, value):
    """Return the mission's text with one key set, or removed where value is None."""
    copy = tomllib.loads(tomli_w.dumps(table))
    *parents, last = path.split(".")
    at = copy
    for part in parents:
        at = at[int(part)] if isinstance(at, list) else at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return tomli_w.dumps(copy)


@pytest.mark.parametrize("name", built_in_missions())
def test_built_in_missions_load_under_their_own_name(name):
    assert load_mission(name).mission.name == name


def test_what_is_dumped_reads_back_the_same():
    mission = load_mission("mars2020")
    text = dump_mission(mission)
    again = parse_mission(text, where="again")
    assert again == mission
    assert dump_mission(again) == text


@pytest.mark.parametrize("name", built_in_missions())
def test_every_value_carries_its_grade_or_source(name):
    """A number with no comment on its line or above its block is one nobody vouches for."""
    source = resources.files("skycrane.mission") / "missions" / f"{name}.toml"
    bare, vouched = [], False
    for number, line in enumerate(source.read_text().splitlines(), 1):
        text = line.strip()
        if not text:
            vouched = False
        elif text.startswith("#"):
            vouched = True
        elif "=" in text and "#" not in text and not vouched and '"' not in text:
            bare.append(f"{number}: {text}")
    assert not bare


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "site.latitude_dg",
            1.0,
            r"key site\.latitude_dg: unknown key\. Did you mean latitude_deg",
        ),
        ("film.colour.sharpness", 1e9, r"less than or equal to 5"),
        ("terrain.relief.hummock_slope", 1e9, r"less than or equal to 1"),
        ("terrain.craters.secondaries.cluster_m", 1e9, r"less than or equal to 20000"),
        ("terrain.craters.placed", [[0.0, 0.0, 1e9, 0.1, 0.0, 0.0]], r"its diameter, m, from 1 to"),
        ("terrain.craters.placed", [[0.0, 0.0]], r"at least 6 items"),
        (
            "site.radius_km",
            3391.9,
            r"site\.radius_km: unknown key\. Did you mean radius_m\? Convert",
        ),
        ("planett", {}, r"key planett: unknown key\. Did you mean planet\?"),
        ("site.radius_m", "3391 km", r"site\.radius_m: '3391 km' is text, not a number.*in m;"),
        (
            "site.radius_m",
            -1.0,
            r"site\.radius_m: -1\.0 is not right\. It should be greater than 0",
        ),
        ("site.radius_m", float("nan"), r"site\.radius_m: nan is not right"),
        ("site.latitude_deg", 91, r"site\.latitude_deg: 91 is not right.*less than or equal to 90"),
        ("site.latitude_deg", True, r"site\.latitude_deg: "),
        ("planet.gm_m3_s2", None, r"planet\.gm_m3_s2: missing"),
        ("site", None, r"key site: missing"),
        ("epoch.entry_interface_utc", "soon", r"entry_interface_utc: 'soon'"),
        ("mission.name", "../etc", r"mission\.name: '\.\./etc' is not right"),
    ],
)
def test_a_wrong_key_or_value_is_told_with_its_remedy(table, path, value, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_mission(changed(table, path, value), where="mine.toml")
    assert str(caught.value).startswith("mine.toml, key ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"site = [", "not valid TOML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a = 1\na = 2", "not valid TOML"),
        (b"x = " + b"[" * 20000, "not valid TOML"),
        (b"#" * (5 << 20), "larger than 4 MiB"),
        (b"", "missing"),
    ],
)
def test_files_that_are_no_mission(tmp_path, data, message):
    path = tmp_path / "m.toml"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        load_mission(path)


def test_a_mission_that_is_not_there_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match="Did you mean mars2020"):
        load_mission("mars2002")
    with pytest.raises(InputError, match="not a file"):
        load_mission(tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("film.edit.0.event", "tuchdown", r"film\.edit\.0\.event: .*'tuchdown'\. Did you mean tou"),
        ("film.edit.1.views", ["pucc_a"], r"film\.edit\.1\.views: .*camera 'pucc_a'\. Did you"),
        ("film.stills.0.cameras", ["lcam"], r"film\.stills\.0\.cameras: there is no camera 'lcam'"),
        ("film.stand_ins.lcam", ["ddc"], r"film\.stand_ins\.lcam: there is no camera"),
        ("film.stills.1.name", "featured", r"film\.stills\.1\.name: 'featured' is the name of an"),
        ("film.opens_at", "", r"film\.opens_at: there is no event ''"),
        ("flown.0.name", "landed", r"flown\.0\.name: there is no event 'landed'"),
        ("film_quality.flight", None, r"film_quality\.flight: missing"),
        ("site.radius_m", 1.0, r"site\.radius_m: 1 m does not fit a planet of"),
        ("planet.gm_m3_s2", 1e18, r"planet\.gm_m3_s2: gives a gravity"),
        ("planet.rotation_rate_rad_s", 1.0, r"rotation_rate_rad_s: at this rate"),
        ("atmosphere.datum_radius_m", 3.2e6, r"atmosphere\.datum_radius_m: puts the site"),
        ("entry.position_m", [1e6, 2e6, 1e6], r"entry\.position_m: lies -.* km above"),
        ("entry.velocity_m_s", [5048.0, -1012.0, 1387.0], r"entry\.velocity_m_s: moves away"),
        ("entry.velocity_m_s", [0.0, 0.0, 0.0], r"entry\.velocity_m_s: moves away"),
        ("epoch.entry_interface_utc", datetime(2021, 2, 18), r"interface_utc: .*with a Z"),
        ("mission.title", "a\x1b[31mb", r"mission\.title: holds control characters"),
        ("mission.title", "é" * 3000, r"mission\.title: too long"),
        ("vehicle.masses.rover_kg", 1e300, r"masses\.rover_kg: 1e\+300 is not right"),
        ("vehicle.masses.rover_kg", 1e-300, r"masses\.rover_kg: 1e-300 is not right"),
        ("vehicle.engines.sky_crane", [0, 2, 4, 99], r"sky_crane\.3: 99 is not right"),
        ("vehicle.engines.sky_crane", [0, 2, 4, 4], r"vehicle\.engines: .*four different"),
        ("vehicle.engines.thrust_minimum_n", 5e3, r"vehicle\.engines: .*below thrust_max"),
        ("vehicle.parachute.mach", [i - 13.0 for i in range(13)], r"mach has to lie between"),
        ("guidance.steps.descent_limit_s", 1e9, r"descent_limit_s: .*less than or equal"),
        ("guidance.steps.entry_s", 1e-9, r"entry_s: .*greater than or equal"),
        ("guidance.entry.minimum_bank_deg", 170.0, r"minimum_bank_deg is above"),
        ("terrain.craters.per_km2_over_1_km", 1e9, r"per_km2_over_1_km: .*less than or equal"),
        ("wind.east_m_s", [1e4] * 6, r"key wind: .*faster than 500"),
        ("soundscape.duration_s", 0.0, r"soundscape\.duration_s: 0\.0 is not right"),
        ("soundscape.duration_s", 1e-9, r"soundscape\.duration_s: 1e-09 is not right"),
        ("soundscape.reference.duration_s", 1e12, r"reference\.duration_s: .*equal to 3600"),
        ("soundscape.clicks.relay.rate_hz", 1e9, r"relay\.rate_hz: .*equal to 1000"),
        ("soundscape.clicks.relay.modes", [[-5.0, 0.0]], r"clicks\.relay: .*modes have to be"),
        ("soundscape.whines.0.level_db", 1e5, r"whines\.0\.level_db: .*equal to 200"),
        ("soundscape.air.temperature_k", 1e-3, r"air\.temperature_k: .*equal to 20"),
        ("microphone.low_corner_hz", 1e6, r"key microphone: .*low_corner_hz has to be below"),
        ("link.orbiters", [], r"link\.orbiters: "),
    ],
)
def test_values_that_do_not_fit_together_are_told(table, path, value, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_mission(changed(table, path, value), where="mine.toml")
    assert str(caught.value).startswith("mine.toml, key ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["../ddc", "a/b", "A", "", "x" * 256, "é", "a\nb"])
def test_a_camera_has_a_name_that_a_file_can_have(table, name):
    copy = tomllib.loads(tomli_w.dumps(table))
    copy["cameras"][name] = copy["cameras"]["ddc"]
    with pytest.raises(InputError, match=r"key cameras\..*(cannot name a file|control char)"):
        parse_mission(tomli_w.dumps(copy), where="mine.toml")


def test_ten_thousand_cameras_are_too_many(table):
    copy = tomllib.loads(tomli_w.dumps(table))
    copy["cameras"] |= {f"c{i}": {} for i in range(10_001)}
    with pytest.raises(InputError, match=r"key cameras: 100\d\d values"):
        parse_mission(tomli_w.dumps(copy), where="mine.toml")


def test_the_mission_and_the_flight_know_the_same_events():
    assert set(EVENTS) == set(EVENT_NAMES)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([{"kind": "meteor"}], ["fault.0", "no kind 'meteor'"]),
        ([{"delay_s": 2.0}], ["fault.0", "no kind is given"]),
        ([{"kind": "engine_oot", "engine": 1, "delay_s": 2.0}], ["Did you mean engine_out?"]),
        (
            [
                {"kind": "engine_out", "engine": 1, "delay_s": 2.0},
                {"kind": "engine_out", "engine": 3, "delay_s": 2.0},
            ],
            ["fault.1.kind", "a second fault of kind 'engine_out'"],
        ),
    ],
)
def test_faults_that_are_none_or_come_twice(faults, words):
    """The second of a kind would silently take the place of the first."""
    table = tomllib.loads(dump_mission(load_mission("mars2020"))) | {"fault": faults}
    with pytest.raises(InputError) as error:
        parse_mission(tomli_w.dumps(table), where="mine.toml")
    for part in words:
        assert part in str(error.value)
