"""A user's table of the air, from Mars-GRAM, the Mars Climate Database or plain columns.

Heights are metres above `atmosphere.datum_radius_m` (altitude), or distances from the planet's
centre (radius), which need no datum and are preferred where a file has both. The GRAM Suite's
CSV calls its columns Height_km, TotalRadius_km, Temperature_K, Pressure_Pa, Density_kgm3,
EWWind_ms and NSWind_ms; the Mars Climate Database's NetCDF uses temp, pressure, rho, u and v over
altitude. One column of air is read: of a NetCDF file every other dimension must have length one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.mission.air_columns import KNOWN, PLAIN, in_order, quantities, whole_state
from skycrane.mission.air_csv import read_csv
from skycrane.mission.air_netcdf import is_netcdf, read_netcdf

__all__ = ["read_air", "resolve_air_file"]

Array = NDArray[np.float64]

_MAX_BYTES = 64 << 20


def _bytes_of(path: Path) -> bytes:
    where = str(path)
    if not path.is_file():
        what = "this is not a file" if path.exists() else "there is no such file"
        raise InputError(what, where=where, right="Give a path relative to the mission file.")
    try:
        with path.open("rb") as handle:
            data = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            str(error.strerror), where=where, right="Give a file you may read."
        ) from error
    if len(data) > _MAX_BYTES:
        raise InputError(
            f"larger than {_MAX_BYTES >> 20} MiB", where=where, right="Cut out one column of air."
        )
    if not data.strip():
        raise InputError("the file is empty", where=where, right=f"Give columns {PLAIN}.")
    return data


def _parse(data: bytes, where: str, datum_radius_m: float, gas_constant: float) -> dict[str, Array]:
    read = read_netcdf if is_netcdf(data) else read_csv
    air = quantities(read(data, where, set(KNOWN)), where)
    if "radius" in air:
        air["altitude"] = air.pop("radius") - datum_radius_m
    return whole_state(in_order(air, where), gas_constant, where)


def read_air(path: Path, *, datum_radius_m: float, gas_constant_j_kg_k: float) -> dict[str, Array]:
    """Read one column of air.

    Args:
        path: CSV or NetCDF (classic or NetCDF-4), at most 64 MiB and 4096 rows.
        datum_radius_m: distance from the planet's centre that heights count from.
        gas_constant_j_kg_k: to find temperature or pressure where the file has only two of
            temperature, pressure and density.

    Returns:
        altitude [m above the datum, rising], temperature [K], pressure [Pa]; density [kg/m3] and
        winds toward east and north [m/s] where the file has them; each of shape (n,).

    Raises:
        InputError: there is no such table in the file; the message names file, column and row.
    """
    return _parse(_bytes_of(path), str(path), datum_radius_m, gas_constant_j_kg_k)


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
    air, wind, site = (table.get(name) for name in ("atmosphere", "wind", "site"))
    if not (isinstance(air, dict) and isinstance(wind, dict) and isinstance(site, dict)):
        return table
    wants_wind = wind.get("from_air_file", False)
    wind = {name: value for name, value in wind.items() if name != "from_air_file"}
    _check_wind(wind, wants_wind, "file" in air, f"{where}, key wind.from_air_file")
    if "file" not in air:
        return table | {"wind": wind}
    _check_keys(air, folder, f"{where}, key atmosphere.file")
    assert folder is not None
    datum = _positive(air, "atmosphere.datum_radius_m", where)
    gas = _positive(air, "atmosphere.gas_constant_j_kg_k", where)
    radius = _positive(site, "site.radius_m", where)
    path = folder / air["file"]
    data = _bytes_of(path)
    rows = _parse(data, str(path), datum, gas)
    digest = hashlib.sha256(data).hexdigest()
    resolved = {"atmosphere": _with_rows(air, rows, f"{path.name[:200]}, sha256 {digest}")}
    if wants_wind:
        if "east" not in rows:
            raise InputError(
                "the file holds no winds", where=str(path), right="Give east_m_s and north_m_s."
            )
        wind["altitude_m"] = _tidy(rows["altitude"] + datum - radius)
        wind |= {f"{name}_m_s": _tidy(rows[name]) for name in ("east", "north")}
    return table | resolved | {"wind": wind}


def _positive(section: dict[str, Any], key: str, where: str) -> float:
    value = section.get(key.split(".")[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise InputError(
            "reading the air's file needs a number here" if value is None else f"{value!r} is none",
            where=f"{where}, key {key}",
            right="Write a bare number; the unit is in the key.",
        )
    return float(value)


def _check_wind(wind: dict[str, Any], wanted: Any, has_file: bool, key: str) -> None:
    own = [k for k in ("altitude_m", "east_m_s", "north_m_s") if k in wind]
    if not isinstance(wanted, bool):
        raise InputError(f"{wanted!r} is not right", where=key, right="Write true or false.")
    if wanted and not has_file:
        raise InputError(
            "there is no atmosphere.file to take winds from",
            where=key,
            right="Give atmosphere.file, or altitude_m, east_m_s and north_m_s.",
        )
    if wanted and own:
        raise InputError(f"beside it stands {own[0]}", where=key, right="Leave one of them out.")


def _check_keys(air: dict[str, Any], folder: Path | None, key: str) -> None:
    name = air["file"]
    if not isinstance(name, str) or not name:
        raise InputError(f"{name!r} is no path", where=key, right='Write file = "air.csv".')
    if folder is None:
        raise InputError(
            "there is no folder to look in", where=key, right="Load the mission from a file."
        )
    clash = [k for k in air if k.startswith("table_") or k == "read_from"]
    if clash or air.get("model") != "table":
        raise InputError(
            f"beside it stands {clash[0]}" if clash else f"the model is {air.get('model')!r}",
            where=key,
            right='A file replaces every table_ key and needs model = "table".',
        )


def _tidy(values: Array) -> list[float]:
    # To the micrometre: what is nearly nothing is nothing, and reads back as it was written.
    return [float(v) for v in np.round(values, 6) + 0.0]


def _with_rows(air: dict[str, Any], rows: dict[str, Array], source: str) -> dict[str, Any]:
    out = {k: v for k, v in air.items() if k != "file"} | {"read_from": source}
    out["table_altitude_m"] = _tidy(rows["altitude"])
    for name, unit in (("temperature", "k"), ("pressure", "pa"), ("density", "kg_m3")):
        if name in rows:
            out[f"table_{name}_{unit}"] = rows[name].tolist()
    heights, values = out.get("upper_altitude_m"), out.get("upper_temperature_k")
    if isinstance(heights, list) and isinstance(values, list) and len(heights) == len(values):
        # What the file reaches itself is not continued by guesses.
        top = out["table_altitude_m"][-1]
        kept = [type(h) not in (int, float) or h > top for h in heights]
        out["upper_altitude_m"] = [h for h, keep in zip(heights, kept, strict=True) if keep]
        out["upper_temperature_k"] = [t for t, keep in zip(values, kept, strict=True) if keep]
    return out
