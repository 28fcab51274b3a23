"""One column of air out of a NetCDF file, classic or NetCDF-4, whatever it may hold beside."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.io import netcdf_file

from skycrane.errors import InputError

__all__ = ["is_netcdf", "read_netcdf"]

Array = NDArray[np.float64]

_MOST_VALUES = 65_536
_UNITS = {
    "km": 1e3,
    "hpa": 1e2,
    "mbar": 1e2,
    "mb": 1e2,
    "millibar": 1e2,
    "kpa": 1e3,
    "bar": 1e5,
    "kg/km3": 1e-9,
    "km/s": 1e3,
}
"""Factors to SI of units other than SI; a name that carries its unit needs none."""
_SI = {"", "m", "meters", "metres", "meter", "pa", "k", "kelvin", "kg/m3", "kg m-3", "kg/m^3"}
_SI |= {"kg.m-3", "m/s", "m s-1", "m.s-1", "pascal", "kg m^-3", "m s^-1", "kg m**-3", "m s**-1"}


def is_netcdf(data: bytes) -> bool:
    """Tell by its first bytes whether a file is NetCDF, classic or NetCDF-4."""
    return data[:3] == b"CDF" or data[:4] == b"\x89HDF"


def read_netcdf(data: bytes, where: str, names: set[str]) -> dict[str, Array]:
    """Return the variables whose name, in lower case, is among `names`, in SI, by that name.

    Args:
        data: the file.
        where: names it in errors.
        names: those wanted.

    Raises:
        InputError: the file is damaged, a variable is no single column, or of an unknown unit.
    """
    classic = data[:3] == b"CDF"
    try:
        found = list((_classic if classic else _hdf5)(data, where, names))
    except InputError:
        raise
    # Damaged files make both libraries raise nearly anything.
    except Exception as error:
        raise InputError(
            f"damaged NetCDF ({type(error).__name__})", where=where, right="Write it again."
        ) from error
    lengths = {name: len(values) for name, values in found}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {n}" for name, n in sorted(lengths.items()))
        raise InputError(
            f"columns of different length ({listed})",
            where=where,
            right="Give variables over one and the same height.",
        )
    return dict(found)


def _classic(data: bytes, where: str, names: set[str]) -> Iterator[tuple[str, Array]]:
    with netcdf_file(io.BytesIO(data), "r", mmap=False) as file:
        for name, variable in file.variables.items():
            if name.lower() in names:
                _check_size(name, variable.shape, where)
                values = np.array(variable[()], dtype=np.float64)
                yield name.lower(), _column(name, values, vars(variable), where)


def _hdf5(data: bytes, where: str, names: set[str]) -> Iterator[tuple[str, Array]]:
    with h5py.File(io.BytesIO(data), "r") as file:
        for name in file:
            if name.lower() in names and isinstance(file[name], h5py.Dataset):
                dataset = file[name]
                _check_size(name, dataset.shape, where)
                values = np.array(dataset[()], dtype=np.float64)
                yield name.lower(), _column(name, values, dict(dataset.attrs), where)


def _check_size(name: str, shape: tuple[int, ...], where: str) -> None:
    # Before anything is read: a small file may claim a huge array.
    if sum(n != 1 for n in shape) > 1 or math.prod(shape) > _MOST_VALUES:
        raise InputError(
            f"{name[:60]} has shape {shape}",
            where=where,
            right="Cut out one column of air: one place, one time, heights only.",
        )


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _column(name: str, values: Array, attributes: dict[str, Any], where: str) -> Array:
    values = values.reshape(-1)
    for key in ("_FillValue", "missing_value"):
        if key in attributes:
            values = np.where(values == np.float64(np.ravel(attributes[key])[0]), np.nan, values)
    for key, apply in (("scale_factor", np.multiply), ("add_offset", np.add)):
        if key in attributes:
            values = apply(values, np.float64(np.ravel(attributes[key])[0]))
    unit = _text(attributes.get("units", "")).strip().lower()
    # Names such as Height_km say the unit themselves.
    if unit in _SI or name.lower().endswith(("_km", "_ms", "_m_s")):
        return values
    if unit not in _UNITS:
        raise InputError(
            f"{name[:60]} is in {unit[:30]!r}",
            where=where,
            right="Give metres, kelvin, pascal, kg/m3 and m/s.",
        )
    return values * _UNITS[unit]
