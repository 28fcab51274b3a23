"""Keys that a mission may leave out: written out all the same, right enough to land with."""

import math
import tomllib
from pathlib import Path

import pytest
import tomli_w
from flying import Flown, source_table, with_values

from skycrane.errors import InputError
from skycrane.mission import dump_mission, load_mission
from skycrane.mission.derived import DERIVED
from skycrane.mission.guidance import Guidance
from skycrane.mission.load import parse_mission
from skycrane.mission.new_tables import sections_in
from skycrane.mission.trim import balance_offset_m, trim_of
from skycrane.mission.vehicle import Vehicle

OPTIONAL = {"vehicle.stack.lift_to_drag"}
"""Another way of giving what is given otherwise."""
FOUND = {"guidance.parachute.deploy_range_m"}
"""Found by flying, each time alike, so that a resolved mission may still leave it out."""


def defaults(model, path):
    """Yield the paths and values of keys with defaults."""
    for name, info in model.model_fields.items():
        at = f"{path}.{name}"
        inner = list(sections_in(info.annotation))
        if inner:
            yield from defaults(inner[0], at)
        elif not info.is_required() and at not in OPTIONAL | FOUND:
            yield at, info.default


DEFAULTS = {**dict(defaults(Vehicle, "vehicle")), **dict(defaults(Guidance, "guidance"))}


def has(table, path):
    for part in path.split("."):
        if part not in table:
            return False
        table = table[part]
    return True


def without(table, paths):
    copy = tomllib.loads(tomli_w.dumps(table))
    for path in paths:
        *parents, last = path.split(".")
        at = copy
        for part in parents:
            at = at[part]
        del at[last]
    return copy


@pytest.mark.parametrize("name", ["mars2020", "msl"])
def test_built_in_missions_leave_no_number_of_the_flight_to_a_default(name):
    table = source_table(name)
    assert [path for path in [*DEFAULTS, *DERIVED] if not has(table, path)] == []


@pytest.mark.parametrize("name", ["mars2020", "msl"])
def test_a_mission_lands_with_every_default(name):
    table = without(source_table(name), [*DEFAULTS, *DERIVED])
    mission = with_values(table, {})
    assert len(DEFAULTS) > 60
    for path, value in DEFAULTS.items():
        at = mission
        for part in path.split("."):
            at = getattr(at, part)
        assert at == value, path
    flown = Flown(mission)
    assert flown.landed
    assert flown.summary["miss_m"] < 3500
    for row in flown.rows:
        if row["name"] in ("peak_deceleration", "parachute_deploy", "touchdown"):
            assert abs(row["difference_s"]) < 20, row


def test_a_dumped_mission_holds_every_default():
    mission = with_values(without(source_table("msl"), [*DEFAULTS, *DERIVED]), {})
    table = tomllib.loads(dump_mission(mission))
    assert {path for path in [*DEFAULTS, *DERIVED] if not has(table, path)} == FOUND


def test_the_documents_tell_every_default():
    text = (Path(__file__).parents[2] / "docs" / "mission-file.md").read_text()
    for path, value in DEFAULTS.items():
        table, _, key = path.rpartition(".")
        row = next(line for line in text.splitlines() if line.startswith(f"| `{table}` |"))
        assert f"{key} = {value}" in row, path
    for path in DERIVED:
        assert f"`{path}`" in text


# ---- what follows from other values ----


def test_the_areoid_comes_out_within_a_kilometre():
    """MOLA areoid at the sites: radius less elevation, 3394.5 km at Jezero, 3395.6 km at Gale."""
    for name, areoid in (("mars2020", 3394.5e3), ("msl", 3395.6e3)):
        air = with_values(without(source_table(name), DERIVED), {}).atmosphere
        assert air.datum_radius_m == pytest.approx(areoid, abs=1000)
        assert air.flattening == pytest.approx(0.00523, abs=2e-5)  # 1/191 of the areoid


@pytest.mark.parametrize("value", ["fast", [], None, {}, True, 1e400])
@pytest.mark.parametrize(
    "path", ["planet", "planet.gm_m3_s2", "site.latitude_deg", "atmosphere", "guidance.parachute"]
)
def test_nothing_is_derived_from_what_is_wrong(path, value):
    table = without(source_table("msl"), DERIVED)
    *parents, last = path.split(".")
    at = table
    for part in parents:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    with pytest.raises(InputError, match=r"^mine\.toml, key "):
        parse_mission(tomli_w.dumps(table), where="mine.toml")


# ---- trim ----


@pytest.mark.parametrize("name", ["mars2020", "msl"])
def test_the_trim_told_is_the_one_flown(name):
    """At Mach 20 the flight's lift over drag and angle of attack, from its own kernels."""
    mission = load_mission(name)
    rows = Flown(mission).raw.entry
    row = rows[(rows["mach"] < 20) & (rows["t"] > 60)][0]
    trim = trim_of(mission.vehicle, mission.vehicle.balance_mass_position_m[0])
    assert trim.lift_to_drag == pytest.approx(row["lift"] / row["drag"], abs=0.002)
    assert trim.angle_deg == pytest.approx(math.degrees(row["angle_of_attack"]), abs=0.15)


@pytest.mark.parametrize("wanted", [0.06, 0.18, 0.24, 0.3])
@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_a_published_lift_over_drag_is_had_whatever_the_masses(wanted, factor):
    heavier = {"vehicle.masses.rover_kg": 899.0 * factor, "vehicle.stack.lift_to_drag": wanted}
    vehicle = with_values(
        source_table("msl"), {**heavier, "vehicle.masses.balance_mass_kg": 40.0}
    ).vehicle
    x = balance_offset_m(vehicle, wanted)
    assert trim_of(vehicle, x).lift_to_drag == pytest.approx(wanted, abs=1e-9)
    assert vehicle.balance_mass_position_m[0] == x


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vehicle.stack.lift_to_drag": 0.9}, r"lift_to_drag: cannot be had.*between 0 and 0\.\d"),
        ({"vehicle.masses.balance_mass_count": 0}, r"lift_to_drag: cannot be had.*balance masses"),
        ({"vehicle.masses.balance_mass_kg": 5.0}, r"lift_to_drag: puts .* outside the aeroshell"),
    ],
)
def test_a_lift_over_drag_that_cannot_be_had_is_told(changes, message):
    with pytest.raises(InputError, match=message):
        with_values(source_table("msl"), changes)
