"""A user's table of the air, from Mars-GRAM, the Mars Climate Database or plain columns.

Heights are metres above `atmosphere.datum_radius_m` (altitude), or distances from the planet's
centre (radius), which need no datum and are preferred where a file has both. The GRAM Suite's
CSV calls its columns Height_km, TotalRadius_km, Temperature_K, Pressure_Pa, Density_kgm3,
EWWind_ms and NSWind_ms; the Mars Climate Database's NetCDF uses temp, pressure, rho, u and v over
altitude. One column of air is read: of a NetCDF file every other dimension must have length one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.mission.air import MOST_ROWS
from skycrane.mission.air_netcdf import read_netcdf

__all__ = ["read_air", "resolve_air_file"]

Array = NDArray[np.float64]

_MAX_BYTES = 64 << 20
_HIGHEST_M = 300_000.0

# Name in lower case: what it is, and the factor to SI.
_COLUMNS: dict[str, tuple[str, float]] = {
    "radius_m": ("radius", 1.0),
    "totalradius_km": ("radius", 1e3),
    "altitude_m": ("altitude", 1.0),
    "height_km": ("altitude", 1e3),
    "altitude": ("altitude", 1.0),
    "zareoid": ("altitude", 1.0),
    "temperature_k": ("temperature", 1.0),
    "temperature": ("temperature", 1.0),
    "temp": ("temperature", 1.0),
    "pressure_pa": ("pressure", 1.0),
    "pressure": ("pressure", 1.0),
    "density_kg_m3": ("density", 1.0),
    "density_kgm3": ("density", 1.0),
    "density": ("density", 1.0),
    "rho": ("density", 1.0),
    "east_m_s": ("east", 1.0),
    "ewwind_ms": ("east", 1.0),
    "u": ("east", 1.0),
    "north_m_s": ("north", 1.0),
    "nswind_ms": ("north", 1.0),
    "v": ("north", 1.0),
}
_PLAIN = "altitude_m or radius_m, temperature_k, pressure_pa, density_kg_m3, east_m_s, north_m_s"


def _fail(what: str, where: str, right: str) -> InputError:
    return InputError(what, where=where, right=right)


def _bytes_of(path: Path) -> bytes:
    where = str(path)
    if not path.exists():
        raise _fail(
            "there is no such file",
            where,
            "atmosphere.file is a path relative to the mission file.",
        )
    if not path.is_file():
        raise _fail("this is not a file", where, "Give a CSV or NetCDF file.")
    try:
        with path.open("rb") as handle:
            data = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _fail(str(error.strerror), where, "Give a file you may read.") from error
    if len(data) > _MAX_BYTES:
        raise _fail(f"larger than {_MAX_BYTES >> 20} MiB", where, "Cut out one column of air.")
    if not data.strip():
        raise _fail("the file is empty", where, f"Give columns {_PLAIN}.")
    return data


def _read_csv(data: bytes, where: str) -> dict[str, Array]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fail(
            f"neither NetCDF nor UTF-8 text (byte {error.start})", where, "Give CSV or NetCDF."
        ) from error
    lines = (line for line in io.StringIO(text) if line.strip() and line.lstrip()[0] != "#")
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        wanted = [k for k, name in enumerate(header) if name in _COLUMNS]
        values: list[list[float]] = []
        for row in rows:
            # GRAM ends every line with a comma; what is missing inside a row is told below.
            if len(row) < len([name for name in header if name]):
                raise _fail(
                    f"{len(row)} values where the header has {len(header)}",
                    f"{where}, row {len(values) + 1}",
                    "The file may be cut off; write it again.",
                )
            values.append([_number(row[k], where, header[k], len(values) + 1) for k in wanted])
            if len(values) > MOST_ROWS:
                raise _fail(f"more than {MOST_ROWS} rows", where, "Thin it out.")
    except csv.Error as error:
        raise _fail(f"not CSV: {error}", where, f"Give columns {_PLAIN}.") from error
    table = np.array(values, dtype=np.float64).reshape(len(values), len(wanted))
    return {header[k]: table[:, j] for j, k in enumerate(wanted)}


def _number(text: str, where: str, column: str, row: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        shown = text.strip()[:30]
        shown = shown if shown.isprintable() else repr(shown)
        raise _fail(
            f"{shown!r} is no number", f"{where}, column {column}, row {row}", "Write numbers."
        )
    return value


def _quantities(columns: dict[str, Array], where: str) -> dict[str, Array]:
    """Give the columns their meanings, in SI; the first of several names wins."""
    out: dict[str, Array] = {}
    for name, (meaning, factor) in _COLUMNS.items():
        if name in columns and meaning not in out:
            out[meaning] = columns[name] * factor
    have = ", ".join(sorted(columns)) or "none of them"
    if "radius" not in out and "altitude" not in out:
        raise _fail(f"no heights among its columns ({have})", where, f"Give columns {_PLAIN}.")
    if sum(name in out for name in ("temperature", "pressure", "density")) < 2:
        raise _fail(
            f"too little of the air's state among its columns ({have})",
            where,
            "Give two of temperature_k, pressure_pa and density_kg_m3.",
        )
    if ("east" in out) != ("north" in out):
        raise _fail("a wind of one component only", where, "Give east_m_s and north_m_s.")
    return out


def _check_values(air: dict[str, Array], where: str) -> None:
    limits: dict[str, tuple[float, float]] = {
        "temperature": (20, 3000),
        "pressure": (1e-14, 1e8),
        "density": (1e-14, 1e4),
        "east": (-500, 500),
        "north": (-500, 500),
    }
    for name, values in air.items():
        low, high = limits.get(name, (-np.inf, np.inf))
        bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if bad.any():
            row = int(np.argmax(bad))
            raise _fail(
                f"a {name} of {values[row]:g}",
                f"{where}, row {row + 1}",
                f"Between {low:g} and {high:g} can be; mind the unit.",
            )


def read_air(path: Path, *, datum_radius_m: float, gas_constant_j_kg_k: float) -> dict[str, Array]:
    """Read one column of air.

    Args:
        path: CSV or NetCDF (classic or NetCDF-4).
        datum_radius_m: distance from the planet's centre that heights count from.
        gas_constant_j_kg_k: to complete pressure or temperature where the file has only two of
            the three.

    Returns:
        altitude [m above the datum, rising], temperature [K], pressure [Pa]; density [kg/m3] and
        winds east and north [m/s] where the file has them; each of shape (n,).

    Raises:
        InputError: there is no such table in the file; the message names file, column and row.
    """
    where = str(path)
    data = _bytes_of(path)
    binary = data[:3] == b"CDF" or data[:4] == b"\x89HDF"
    read: Callable[[bytes, str], dict[str, Array]] = _read_csv
    if binary:
        names = set(_COLUMNS)

        def read(data: bytes, where: str) -> dict[str, Array]:
            return read_netcdf(data, where, names)

    air = _quantities(read(data, where), where)
    if "radius" in air:
        air["altitude"] = air.pop("radius") - datum_radius_m
    height = air["altitude"]
    if len(height) < 2:
        raise _fail(f"{len(height)} rows", where, "Two at least make a profile.")
    if len(height) > MOST_ROWS:
        raise _fail(f"more than {MOST_ROWS} rows", where, "Thin it out.")
    _check_values(air, where)
    if height[0] > height[-1]:
        air = {name: values[::-1] for name, values in air.items()}
    height = air["altitude"]
    if not (np.diff(height) > 0).all():
        row = int(np.argmin(np.diff(height) > 0)) + 2
        raise _fail(
            "heights neither rise nor fall throughout",
            f"{where}, row {row} counted upward",
            "Give one row a height, in order.",
        )
    if not -20_000 < height[0] < _HIGHEST_M:
        raise _fail(
            f"the lowest row lies {height[0] / 1e3:.0f} km above the datum",
            where,
            "Between -20 and 300 km can be; mind the unit, and altitude against radius.",
        )
    air = {name: values[height <= _HIGHEST_M] for name, values in air.items()}
    if "temperature" not in air:
        air["temperature"] = air["pressure"] / air["density"] / gas_constant_j_kg_k
    if "pressure" not in air:
        air["pressure"] = air["density"] * gas_constant_j_kg_k * air["temperature"]
    _check_values(air, where)
    if not (np.diff(air["pressure"]) < 0).all():
        raise _fail("pressure does not fall with height", where, "Compare heights and pressures.")
    return air


def resolve_air_file(table: dict[str, Any], folder: Path | None, where: str) -> dict[str, Any]:
    """Return a mission's tables with `atmosphere.file` replaced by the rows it holds.

    The mission then needs the file no more. `wind.from_air_file = true` takes its winds too.

    Args:
        table: the mission file as read.
        folder: the mission file's, that the path is relative to; None where there is none.
        where: names the mission file in errors.

    Raises:
        InputError: the file or what it holds is not right.
    """
    air, wind = table.get("atmosphere"), table.get("wind")
    if not isinstance(air, dict) or not isinstance(wind, dict):
        return table
    wants_wind = wind.get("from_air_file", False)
    if "file" not in air:
        if wants_wind is not False:
            raise _fail(
                "there is no atmosphere.file to take winds from",
                f"{where}, key wind.from_air_file",
                "Give atmosphere.file, or altitude_m, east_m_s and north_m_s.",
            )
        wind = {name: value for name, value in wind.items() if name != "from_air_file"}
        return table | {"wind": wind}
    key = f"{where}, key atmosphere.file"
    name, datum, gas = (air.get(k) for k in ("file", "datum_radius_m", "gas_constant_j_kg_k"))
    site = table.get("site")
    radius = site.get("radius_m") if isinstance(site, dict) else None
    if not isinstance(name, str) or not name:
        raise _fail(f"{name!r} is no path", key, 'Write file = "air.csv".')
    if folder is None:
        raise _fail("there is no folder to look in", key, "Load the mission from a file.")
    if not isinstance(wants_wind, bool):
        raise _fail(
            f"{wants_wind!r} is not right", f"{where}, key wind.from_air_file", "true or false."
        )
    clash = [k for k in air if k.startswith("table_")] + [k for k in ("read_from",) if k in air]
    if clash or air.get("model") != "table":
        raise _fail(
            f"beside it stands {clash[0]}" if clash else f"model is {air.get('model')!r}",
            key,
            'A file replaces every table_ key and needs model = "table".',
        )
    if not all(isinstance(v, int | float) and v > 0 for v in (datum, gas, radius)):
        return table  # told by the schema, better than here
    return table | _with_rows(air, wind, folder / name, float(radius), wants_wind, key)  # type: ignore[arg-type]


def _with_rows(
    air: dict[str, Any], wind: dict[str, Any], path: Path, site_radius: float, wants: bool, key: str
) -> dict[str, Any]:
    datum = float(air["datum_radius_m"])
    rows = read_air(
        path, datum_radius_m=datum, gas_constant_j_kg_k=float(air["gas_constant_j_kg_k"])
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    out = {k: v for k, v in air.items() if k != "file"}
    out["read_from"] = f"{path.name[:200]}, sha256 {digest}"
    # To the micrometre: what is nearly nothing is nothing, and reads back as it was written.
    height = np.round(rows["altitude"], 6) + 0.0
    out["table_altitude_m"] = height.tolist()
    for name, unit in (("temperature", "k"), ("pressure", "pa"), ("density", "kg_m3")):
        if name in rows:
            out[f"table_{name}_{unit}"] = rows[name].tolist()
    _keep_upper(out, float(height[-1]))
    wind = {name: value for name, value in wind.items() if name != "from_air_file"}
    if wants:
        if "east" not in rows:
            raise _fail("the file holds no winds", key, "Give columns east_m_s and north_m_s.")
        if any(k in wind for k in ("altitude_m", "east_m_s", "north_m_s")):
            raise _fail(
                "[wind] gives winds of its own beside from_air_file",
                key,
                "Leave out altitude_m, east_m_s and north_m_s, or from_air_file.",
            )
        wind["altitude_m"] = (np.round(rows["altitude"] + datum - site_radius, 6) + 0.0).tolist()
        for name in ("east", "north"):
            wind[f"{name}_m_s"] = (np.round(rows[name], 6) + 0.0).tolist()
    return {"atmosphere": out, "wind": wind}


def _keep_upper(out: dict[str, Any], top_m: float) -> None:
    """Drop the rows of `upper_` that the file's own reach above."""
    heights, values = out.get("upper_altitude_m"), out.get("upper_temperature_k")
    if isinstance(heights, list) and isinstance(values, list) and len(heights) == len(values):
        kept = [
            (h, t)
            for h, t in zip(heights, values, strict=True)
            if not isinstance(h, int | float) or h > top_m
        ]
        out["upper_altitude_m"] = [h for h, _ in kept]
        out["upper_temperature_k"] = [t for _, t in kept]
