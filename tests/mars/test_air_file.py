"""A user's table of the air: every format gives the same flight tables, every damage is told."""

from __future__ import annotations

import tomllib
from importlib import resources

import h5py
import numpy as np
import pytest
import tomli_w
from scipy.io import netcdf_file

from skycrane.errors import InputError
from skycrane.mars.air_table import DENSITY, EAST, air_rows
from skycrane.mars.atmosphere import air_profile
from skycrane.mission import dump_mission, load_mission
from skycrane.mission.air_file import read_air
from skycrane.mission.load import parse_mission

DATUM_M, GAS = 3394506.5, 188.92


@pytest.fixture(scope="module")
def column():
    """Air to 130 km in 2 km rows, in SI, with winds; no ideal gas of GAS high up."""
    height = np.arange(-4e3, 130e3, 2e3)
    temperature = 130.0 + 95.0 * np.exp(-(((height + 4e3) / 40e3) ** 2))
    pressure = 800.0 * np.exp(-(height + 4e3) / 9e3 * (1 + height / 2e6))
    heavier = 1 + 0.05 * np.clip((height - 90e3) / 40e3, 0, 1)
    return {
        "altitude_m": height,
        "temperature_k": temperature,
        "pressure_pa": pressure,
        "density_kg_m3": pressure / temperature / GAS * heavier,
        "east_m_s": 20.0 * np.sin(height / 3e4),
        "north_m_s": -5.0 + height / 2e4,
    }


def csv_text(columns, *, order=1, end=""):
    rows = np.stack(list(columns.values()), axis=1)[::order]
    lines = [",".join(columns) + end] + [",".join(map(repr, r.tolist())) + end for r in rows]
    return "\n".join(lines) + "\n"


def as_plain(columns, folder):
    (folder / "air.csv").write_text("# made by hand\n\n" + csv_text(columns))
    return "air.csv"


def as_radius(columns, folder):
    named = {"radius_m": columns["altitude_m"] + DATUM_M} | columns
    named["altitude_m"] = columns["altitude_m"] * 0  # of no meaning beside the radius
    (folder / "air.csv").write_text(csv_text(named))
    return "air.csv"


def as_gram(columns, folder):
    """The GRAM Suite's own names, kilometres, falling, with its comma at the end of each line."""
    named = {
        "ElapsedTime_s": np.arange(len(columns["altitude_m"])) * 1.0,
        "Height_km": columns["altitude_m"] / 1e3 - 7.0,  # of its ellipsoid, not of our datum
        "Latitude_deg": np.full(len(columns["altitude_m"]), 18.4),
        "TotalRadius_km": (columns["altitude_m"] + DATUM_M) / 1e3,
        "Temperature_K": columns["temperature_k"],
        "Pressure_Pa": columns["pressure_pa"],
        "Density_kgm3": columns["density_kg_m3"],
        "PerturbedDensity_kgm3": columns["density_kg_m3"] * 1.3,
        "EWWind_ms": columns["east_m_s"],
        "NSWind_ms": columns["north_m_s"],
    }
    (folder / "OUTPUT.csv").write_text(csv_text(named, order=-1, end=","))
    return "OUTPUT.csv"


MCD = {
    "temp": ("temperature_k", "K", 1.0),
    "pressure": ("pressure_pa", "Pa", 1.0),
    "rho": ("density_kg_m3", "kg/m3", 1.0),
    "u": ("east_m_s", "m/s", 1.0),
    "v": ("north_m_s", "m/s", 1.0),
}


def as_classic(columns, folder):
    """NetCDF classic with lengths of one beside the height, as cut out of a climate database."""
    with netcdf_file(folder / "air.nc", "w") as file:
        file.createDimension("altitude", len(columns["altitude_m"]))
        file.createDimension("Time", 1)
        axis = file.createVariable("altitude", "f8", ("altitude",))
        axis[:], axis.units = columns["altitude_m"] / 1e3, "km"
        for name, (key, unit, _) in MCD.items():
            variable = file.createVariable(name, "f8", ("Time", "altitude"))
            variable[:], variable.units = columns[key][None], unit
    return "air.nc"


def as_netcdf4(columns, folder):
    with h5py.File(folder / "air.nc", "w") as file:
        file["altitude"] = columns["altitude_m"]
        file["altitude"].attrs["units"] = "m"
        for name, (key, unit, _) in MCD.items():
            file[name] = columns[key][None, :, None, None]
            file[name].attrs["units"] = np.bytes_(unit)
        file["pressure"][...] /= 100.0
        file["pressure"].attrs["units"] = "hPa"
    return "air.nc"


@pytest.fixture(scope="module")
def tables():
    source = resources.files("skycrane.mission") / "missions" / "mars2020.toml"
    return tomllib.loads(source.read_text())


def mission_text(tables, name, /, *, winds=True, **values):
    """The built-in mission's text with its air from a file."""
    air = {k: v for k, v in tables["atmosphere"].items() if not k.startswith("table_")}
    wind = dict(tables["wind"])
    if winds:
        wind = {k: v for k, v in wind.items() if k not in ("altitude_m", "east_m_s", "north_m_s")}
        wind["from_air_file"] = True
    air = air | {"model": "table", "file": name} | values
    return tomli_w.dumps(tables | {"atmosphere": air, "wind": wind})


def flown_from(tables, columns, write, folder):
    (folder / "mine.toml").write_text(mission_text(tables, write(columns, folder)))
    return load_mission(folder / "mine.toml")


FORMATS = [as_plain, as_radius, as_gram, as_classic, as_netcdf4]


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_gives_the_flight_the_same_air(tables, column, write, tmp_path):
    mission = flown_from(tables, column, write, tmp_path)
    h = column["altitude_m"]
    profile, rows = air_profile(mission), air_rows(mission)
    ones = np.ones(len(mission.atmosphere.density_factors)).tolist()
    plain = mission.model_copy(
        update={"atmosphere": mission.atmosphere.model_copy(update={"density_factors": ones})}
    )
    density = np.interp(h, profile.altitude_m, air_rows(plain)[:, DENSITY])
    np.testing.assert_allclose(density, column["density_kg_m3"], rtol=1e-6)
    pressure = np.interp(h, profile.altitude_m, profile.pressure_pa)
    np.testing.assert_allclose(pressure, column["pressure_pa"], rtol=1e-6)
    aloft = h > 1000.0
    east = np.interp(h, profile.altitude_m, rows[:, EAST])
    np.testing.assert_allclose(east[aloft], column["east_m_s"][aloft], atol=2e-2)
    assert mission.atmosphere.upper_altitude_m == []
    assert mission.atmosphere.read_from.startswith(("air.", "OUTPUT.csv"))


@pytest.mark.parametrize("write", FORMATS)
def test_the_mission_holds_the_rows_and_needs_the_file_no_more(tables, column, write, tmp_path):
    mission = flown_from(tables, column, write, tmp_path)
    text = dump_mission(mission)
    for path in tmp_path.iterdir():
        path.unlink()
    again = parse_mission(text, where="mission.toml of a run")
    assert again == mission
    assert dump_mission(again) == text
    assert "from_air_file" not in text


def test_another_table_is_another_mission(tables, column, tmp_path):
    texts = set()
    for factor in (1.0, 1.01):
        columns = column | {"density_kg_m3": column["density_kg_m3"] * factor}
        texts.add(dump_mission(flown_from(tables, columns, as_plain, tmp_path)))
    assert len(texts) == 2


def test_winds_of_the_file_are_taken_only_where_asked_for(tables, column, tmp_path):
    name = as_plain(column, tmp_path)
    (tmp_path / "mine.toml").write_text(mission_text(tables, name, winds=False))
    mission = load_mission(tmp_path / "mine.toml")
    assert mission.wind.east_m_s == tables["wind"]["east_m_s"]
    taken = flown_from(tables, column, as_plain, tmp_path)
    # Heights count from the datum in the file, from the target in the wind's table.
    offset = DATUM_M - taken.site.radius_m
    np.testing.assert_allclose(taken.wind.altitude_m, column["altitude_m"] + offset, atol=1e-5)


def test_two_of_temperature_pressure_and_density_are_enough(column, tmp_path):
    ideal = column["pressure_pa"] / GAS / column["temperature_k"]
    state = {**column, "density_kg_m3": ideal}
    for missing in ("temperature_k", "pressure_pa", "density_kg_m3"):
        path = tmp_path / "two.csv"
        path.write_text(csv_text({k: v for k, v in state.items() if k != missing}))
        air = read_air(path, datum_radius_m=DATUM_M, gas_constant_j_kg_k=GAS)
        np.testing.assert_allclose(air["temperature"], column["temperature_k"], rtol=1e-12)
        np.testing.assert_allclose(air["pressure"], column["pressure_pa"], rtol=1e-12)


def swapped(columns, **values):
    out = dict(columns)
    for name, (row, value) in values.items():
        out[name] = out[name].copy()
        out[name][row] = value
    return csv_text(out).encode()


def without(columns, *names):
    return csv_text({k: v for k, v in columns.items() if k not in names}).encode()


HOSTILE = {
    "empty": (lambda c: b"", "empty"),
    "blank": (lambda c: b" \n\n", "empty"),
    "header only": (lambda c: csv_text(c).split("\n")[0].encode(), "0 rows"),
    "one row": (lambda c: "\n".join(csv_text(c).split("\n")[:2]).encode(), "1 rows"),
    "no heights": (lambda c: without(c, "altitude_m"), "no heights"),
    "too little": (lambda c: without(c, "pressure_pa", "density_kg_m3"), "too little"),
    "half a wind": (lambda c: without(c, "north_m_s"), "one component"),
    "nan": (
        lambda c: swapped(c, temperature_k=(3, np.nan)),
        r"column temperature_k, row 4: 'nan' is no number",
    ),
    "inf": (lambda c: swapped(c, pressure_pa=(0, np.inf)), "'inf' is no number"),
    "text": (
        lambda c: csv_text(c).replace("\n-2000.0", "\n\x1b[31mtwo"[:9], 1).encode(),
        "is no number",
    ),
    "negative density": (lambda c: swapped(c, density_kg_m3=(5, -1e-3)), "density is -0.001"),
    "zero pressure": (lambda c: swapped(c, pressure_pa=(5, 0.0)), "pressure is 0"),
    "celsius": (lambda c: swapped(c, temperature_k=(7, -60.0)), "temperature is -60"),
    "storm": (lambda c: swapped(c, east_m_s=(7, 900.0)), "east is 900"),
    "out of order": (lambda c: swapped(c, altitude_m=(4, 1e5)), "neither rise nor fall"),
    "twice": (lambda c: swapped(c, altitude_m=(4, 2000.0)), "neither rise nor fall"),
    "rising pressure": (lambda c: swapped(c, pressure_pa=(6, 700.0)), "does not fall"),
    "altitude for radius": (
        lambda c: csv_text({"radius_m": c["altitude_m"]} | c).encode(),
        "above the datum",
    ),
    "cut off": (lambda c: csv_text(c).encode()[:-60], "values where the header has 6"),
    "huge": (lambda c: csv_text(c).encode() + b"1,2,3,4,5,6\n" * 5000, "more than 4096 rows"),
    "larger": (lambda c: b"#" * ((64 << 20) + 1), "larger than 64 MiB"),
    "binary": (lambda c: b"\x00\xff\xfe" * 50, "neither NetCDF nor UTF-8"),
    "quotes": (lambda c: b'altitude_m,"temperature_k\n1,2\n', "not CSV"),
    "wide": (lambda c: b"x" * 200_000 + b"\n1\n", "not CSV|no heights"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_table_is_told_in_one_line(tables, column, name, tmp_path):
    make, message = HOSTILE[name]
    (tmp_path / "air.csv").write_bytes(make(column))
    (tmp_path / "mine.toml").write_text(mission_text(tables, "air.csv"))
    with pytest.raises(InputError, match=message) as caught:
        load_mission(tmp_path / "mine.toml")
    assert str(tmp_path / "air.csv") in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("write", [as_classic, as_netcdf4])
def test_a_netcdf_file_cut_anywhere_is_told(column, write, tmp_path):
    data = (tmp_path / write(column, tmp_path)).read_bytes()
    path = tmp_path / "cut.nc"
    for size in [4, 5, 8, 12, 40, 100, *range(200, len(data) - 8, 331)]:
        path.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"damaged NetCDF|no heights|too little|length|rows"):
            read_air(path, datum_radius_m=DATUM_M, gas_constant_j_kg_k=GAS)


def test_a_netcdf_file_with_bytes_changed_gives_air_or_an_error(column, tmp_path):
    rng = np.random.default_rng(4)
    path = tmp_path / "changed.nc"
    for write in (as_classic, as_netcdf4):
        data = np.frombuffer((tmp_path / write(column, tmp_path)).read_bytes(), dtype=np.uint8)
        for _ in range(60):
            bad = data.copy()
            bad[rng.integers(4, 600, 4)] = rng.integers(0, 256, 4)
            path.write_bytes(bad.tobytes())
            try:
                air = read_air(path, datum_radius_m=DATUM_M, gas_constant_j_kg_k=GAS)
            except InputError:
                continue
            assert (np.diff(air["altitude"]) > 0).all()
            assert np.isfinite(np.concatenate(list(air.values()))).all()


def test_a_netcdf_file_of_many_columns_or_strange_units_is_told(column, tmp_path):
    path = tmp_path / "many.nc"
    with h5py.File(path, "w") as file:
        file["altitude"] = column["altitude_m"]
        file["temp"] = np.tile(column["temperature_k"], (4, 1))
        file["rho"] = column["density_kg_m3"]
    with pytest.raises(InputError, match=r"temp has shape \(4, 67\).*one place, one time"):
        read_air(path, datum_radius_m=DATUM_M, gas_constant_j_kg_k=GAS)
    with h5py.File(path, "w") as file:
        # Claims 8 TB; nothing of it is there to be read.
        file.create_dataset("altitude", (1 << 40,), dtype="f8", chunks=(1024,))
        file["temp"], file["rho"] = column["temperature_k"], column["density_kg_m3"]
    with pytest.raises(InputError, match="altitude has shape"):
        read_air(path, datum_radius_m=DATUM_M, gas_constant_j_kg_k=GAS)
    with h5py.File(path, "w") as file:
        file["altitude"], file["rho"] = column["altitude_m"], column["density_kg_m3"]
        file["temp"] = column["temperature_k"]
        file["temp"].attrs["units"] = "degF"
    with pytest.raises(InputError, match="temp is in 'degf'"):
        read_air(path, datum_radius_m=DATUM_M, gas_constant_j_kg_k=GAS)
    with h5py.File(path, "w") as file:
        file["altitude"], file["rho"] = column["altitude_m"], column["density_kg_m3"][:-1]
        file["temp"] = column["temperature_k"]
    with pytest.raises(InputError, match="columns of different length"):
        read_air(path, datum_radius_m=DATUM_M, gas_constant_j_kg_k=GAS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file": "none.csv"}, r"none\.csv: there is no such file"),
        ({"file": "."}, "this is not a file"),
        ({"file": 3}, r"key atmosphere\.file: 3 is no path"),
        ({"file": ""}, "is no path"),
        ({"table_altitude_m": [0.0, 1.0]}, "beside it stands table_altitude_m"),
        ({"model": "hydrostatic"}, "the model is 'hydrostatic'"),
        ({"read_from": "elsewhere"}, "beside it stands read_from"),
        ({"datum_radius_m": "3394 km"}, r"datum_radius_m: '3394 km' is none"),
        ({"flie": "air.csv"}, "unknown key"),
    ],
)
def test_a_wrong_mention_of_the_file_is_told(tables, column, values, message, tmp_path):
    as_plain(column, tmp_path)
    (tmp_path / "mine.toml").write_text(mission_text(tables, "air.csv", **values))
    with pytest.raises(InputError, match=message):
        load_mission(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("wind", "message"),
    [
        ({"from_air_file": "yes"}, "'yes' is not right"),
        ({"east_m_s": [0.0, 1.0]}, "beside it stands east_m_s"),
    ],
)
def test_a_wrong_wish_for_its_winds_is_told(tables, column, wind, message, tmp_path):
    as_plain(column, tmp_path)
    table = tomllib.loads(mission_text(tables, "air.csv"))
    table["wind"] |= wind
    (tmp_path / "mine.toml").write_text(tomli_w.dumps(table))
    with pytest.raises(InputError, match=rf"wind\.from_air_file: .*{message}"):
        load_mission(tmp_path / "mine.toml")


def test_winds_that_the_file_does_not_hold_and_no_file_at_all(tables, column, tmp_path):
    still = {k: v for k, v in column.items() if not k.endswith("_m_s")}
    as_plain(still, tmp_path)
    (tmp_path / "mine.toml").write_text(mission_text(tables, "air.csv"))
    with pytest.raises(InputError, match="holds no winds"):
        load_mission(tmp_path / "mine.toml")
    with pytest.raises(InputError, match="no folder"):
        parse_mission(mission_text(tables, "air.csv"), where="text")
    text = tomli_w.dumps(tables | {"wind": tables["wind"] | {"from_air_file": True}})
    with pytest.raises(InputError, match=r"no atmosphere\.file to take winds from"):
        parse_mission(text, where="text")
