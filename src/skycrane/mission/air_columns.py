"""What the columns of a table of the air are called, what they mean, and what they may hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.mission.air import MOST_ROWS

__all__ = ["KNOWN", "PLAIN", "in_order", "quantities", "whole_state"]

Array = NDArray[np.float64]

KNOWN: dict[str, tuple[str, float]] = {
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
"""Names in lower case: what each is, and the factor to SI. Where several stand for the same, the
first of this list counts: radii before altitudes, since they need no datum."""

PLAIN = "altitude_m or radius_m, temperature_k, pressure_pa, density_kg_m3, east_m_s, north_m_s"
"""The names this project gives them, for messages."""

_HIGHEST_M = 300_000.0
_LIMITS: dict[str, tuple[float, float]] = {
    "temperature": (20, 3000),
    "pressure": (1e-14, 1e8),
    "density": (1e-14, 1e4),
    "east": (-500, 500),
    "north": (-500, 500),
}


def quantities(columns: dict[str, Array], where: str) -> dict[str, Array]:
    """Return the columns in SI by what they mean.

    Raises:
        InputError: heights, two of temperature, pressure and density, or half a wind are missing.
    """
    out: dict[str, Array] = {}
    for name, (meaning, factor) in KNOWN.items():
        if name in columns and meaning not in out:
            out[meaning] = columns[name] * factor
    have = ", ".join(sorted(columns)) or "none that is known"
    if "radius" not in out and "altitude" not in out:
        raise InputError(f"no heights ({have})", where=where, right=f"Give columns {PLAIN}.")
    if sum(name in out for name in ("temperature", "pressure", "density")) < 2:
        raise InputError(
            f"too little of the air's state ({have})",
            where=where,
            right="Give two of temperature_k, pressure_pa and density_kg_m3.",
        )
    if ("east" in out) != ("north" in out):
        raise InputError(
            "a wind of one component", where=where, right="Give east_m_s and north_m_s."
        )
    return out


def _check_values(air: dict[str, Array], where: str) -> None:
    for name, values in air.items():
        low, high = _LIMITS.get(name, (-np.inf, np.inf))
        bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(
                f"{name} is {values[row]:g}",
                where=f"{where}, row {row + 1}",
                right=f"Between {low:g} and {high:g} can be; mind the unit."
                if name in _LIMITS
                else "Give a number.",
            )


def in_order(air: dict[str, Array], where: str) -> dict[str, Array]:
    """Return the rows in rising order of `altitude` (m), those over 300 km left out.

    Raises:
        InputError: rows too few or too many, values that cannot be, heights out of order.
    """
    count = len(air["altitude"])
    if not 2 <= count <= MOST_ROWS:
        raise InputError(
            f"{count} rows", where=where, right=f"Between 2 and {MOST_ROWS} make a profile."
        )
    _check_values(air, where)
    if air["altitude"][0] > air["altitude"][-1]:
        air = {name: values[::-1] for name, values in air.items()}
    height = air["altitude"]
    rising = np.diff(height) > 0
    if not rising.all():
        raise InputError(
            f"heights neither rise nor fall throughout, near {height[int(np.argmin(rising))]:g} m",
            where=where,
            right="Give one row a height, in order.",
        )
    kept = height <= _HIGHEST_M
    if height[0] <= -20_000 or kept.sum() < 2:
        raise InputError(
            f"the lowest row lies {height[0] / 1e3:.0f} km above the datum",
            where=where,
            right="Between -20 and 300 km can be; mind the unit, and altitude against radius.",
        )
    return {name: values[kept] for name, values in air.items()}


def whole_state(air: dict[str, Array], gas_constant_j_kg_k: float, where: str) -> dict[str, Array]:
    """Return the rows with temperature or pressure found from the other two, where it is missing.

    Raises:
        InputError: what comes out cannot be, or pressure does not fall with height.
    """
    air = dict(air)
    if "temperature" not in air:
        air["temperature"] = air["pressure"] / air["density"] / gas_constant_j_kg_k
    if "pressure" not in air:
        air["pressure"] = air["density"] * gas_constant_j_kg_k * air["temperature"]
    _check_values(air, where)
    if not (np.diff(air["pressure"]) < 0).all():
        raise InputError(
            "pressure does not fall with height",
            where=where,
            right="Compare heights and pressures.",
        )
    return air
