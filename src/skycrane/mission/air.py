"""The air: a table of its state against height, and the wind."""

from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import Field, model_validator

from skycrane.mission.base import Positive, Section

__all__ = ["Atmosphere", "Wind"]

Column = Annotated[list[float], Field(min_length=2, max_length=4096)]


def _check_rising(name: str, values: list[float]) -> None:
    for before, after in itertools.pairwise(values):
        if not after > before:
            raise ValueError(
                f"{name} has to rise from value to value, but {after} follows {before}"
            )


class Atmosphere(Section):
    """Temperature and pressure against height; hydrostatic between and beyond the rows."""

    datum_radius_m: Positive
    """Distance from the planet's centre of the level that `table_altitude_m` counts from, m."""
    gas_constant_j_kg_k: Annotated[float, Field(ge=20, le=5000)]
    """Specific gas constant of the air, J/kg/K."""
    heat_capacity_ratio: Annotated[float, Field(gt=1, lt=1.7)]
    """Ratio of specific heats, for the speed of sound."""
    table_altitude_m: Column
    """Heights of the rows above the datum, rising, m."""
    table_temperature_k: Column
    """Temperature of each row, K; linear in height between rows."""
    table_pressure_pa: Column
    """Pressure of each row, Pa; logarithm linear in height between rows."""
    upper_altitude_m: Column
    """Heights above the table where `upper_temperature_k` is given, rising, m."""
    upper_temperature_k: Column
    """Temperature above the table, K; pressure there follows from hydrostatic equilibrium."""
    density_altitude_m: Column
    """Heights above the datum where `density_factors` are given, rising, m."""
    density_factors: Annotated[list[Annotated[float, Field(gt=0, le=1e3)]], Field(min_length=2)]
    """Factor on the density at each; its logarithm is a smooth monotone cubic between."""
    perturbation_altitude_m: Column
    """Heights above the datum where `perturbation_rms` is given, rising, m."""
    perturbation_rms: Annotated[list[Annotated[float, Field(ge=0, le=0.5)]], Field(min_length=2)]
    """Standard deviation of the density about the profile, a fraction of it; not of case 0."""
    perturbation_length_m: Annotated[float, Field(ge=100, le=100_000)]
    """Height over which the perturbation loses its correlation, by a factor e, m."""

    @model_validator(mode="after")
    def _check(self) -> Atmosphere:
        _check_rising("table_altitude_m", self.table_altitude_m)
        if not (
            len(self.table_altitude_m)
            == len(self.table_temperature_k)
            == len(self.table_pressure_pa)
        ):
            raise ValueError(
                "table_altitude_m, table_temperature_k, table_pressure_pa: same length"
            )
        for heights, values in (
            ("upper_altitude_m", "upper_temperature_k"),
            ("density_altitude_m", "density_factors"),
            ("perturbation_altitude_m", "perturbation_rms"),
        ):
            _check_rising(heights, getattr(self, heights))
            if len(getattr(self, heights)) != len(getattr(self, values)):
                raise ValueError(f"{heights} and {values} need the same length")
        if self.upper_altitude_m[0] <= self.table_altitude_m[-1]:
            raise ValueError("upper_altitude_m has to begin above table_altitude_m")
        temperatures = self.table_temperature_k + self.upper_temperature_k
        if not 20 <= min(temperatures) <= max(temperatures) <= 3000:
            raise ValueError("temperatures have to lie between 20 and 3000 K")
        if not 0 < min(self.table_pressure_pa) <= max(self.table_pressure_pa) <= 1e8:
            raise ValueError("pressures have to lie above 0 and up to 1e8 Pa")
        _check_rising("falling table_pressure_pa", [-p for p in self.table_pressure_pa])
        return self


class Wind(Section):
    """Steady wind against height, and gusts carried with it."""

    altitude_m: Column
    """Heights above the landing target, rising, m; held below the first and above the last."""
    east_m_s: Column
    """Wind blowing toward the east at each height, m/s."""
    north_m_s: Column
    """Wind blowing toward the north at each height, m/s."""
    gust_rms_m_s: Annotated[float, Field(ge=0, le=200)]
    """Root mean square of each horizontal gust component, m/s."""
    gust_length_m: Annotated[float, Field(ge=1, le=20_000)]
    """Length scale of the gusts, m; a falling body meets it as a slow change of wind."""
    gust_drift_m_s: Annotated[float, Field(ge=0, le=200)]
    """Speed at which the frozen field of gusts passes a body at rest (Taylor), m/s."""

    @model_validator(mode="after")
    def _check(self) -> Wind:
        _check_rising("altitude_m", self.altitude_m)
        if not len(self.altitude_m) == len(self.east_m_s) == len(self.north_m_s):
            raise ValueError("altitude_m, east_m_s and north_m_s need the same length")
        if max(map(abs, self.east_m_s + self.north_m_s)) > 500:
            raise ValueError("a wind is faster than 500 m/s")
        return self
