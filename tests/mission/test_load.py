"""Mission files: what is right is read back the same, what is wrong is told with key and remedy."""

import tomllib
from importlib import resources

import pytest
import tomli_w

from skycrane.errors import InputError
from skycrane.mission import built_in_missions, dump_mission, load_mission
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
        at = at[part]
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


def test_every_value_of_mars2020_carries_its_grade_or_source():
    """A number with no comment on its line or above its block is one nobody vouches for."""
    source = resources.files("skycrane.mission") / "missions" / "mars2020.toml"
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
