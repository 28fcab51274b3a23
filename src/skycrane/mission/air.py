"""The air: its state against height by one of several models, and the wind."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import Field, model_validator

from skycrane.mission.base import NonNegative, Positive, Section

__all__ = ["MOST_ROWS", "AirDust", "Atmosphere", "SurfacePressure", "Wind"]

MOST_ROWS = 4096
"""Most rows of a table of the air."""

Column = Annotated[list[float], Field(min_length=2, max_length=MOST_ROWS)]
Harmonics = Annotated[list[Annotated[float, Field(ge=-1, le=1)]], Field(max_length=8)]


def _check_rising(name: str, values: list[float]) -> None:
    for before, after in itertools.pairwise(values):
        if not after > before:
            raise ValueError(
                f"{name} has to rise from value to value, but {after} follows {before}"
            )


class SurfacePressure(Section):
    """Pressure at one height through the year, or given outright."""

    pressure_pa: Annotated[float, Field(gt=0, le=1e8)] | None = None
    """Pressure at `altitude_m`, Pa, whatever the season; overrides the seasonal fit."""
    altitude_m: Annotated[float, Field(ge=-10_000, le=100_000)]
    """Height above the datum that the pressure is for, m."""
    mean_pa: Annotated[float, Field(gt=0, le=1e8)]
    """The fit's constant term, Pa."""
    sine: Harmonics
    """Amplitudes of sin(k Ls) relative to `mean_pa`, k = 1, 2, ..."""
    cosine: Harmonics
    """Amplitudes of cos(k Ls) relative to `mean_pa`, k = 1, 2, ..."""

    @model_validator(mode="after")
    def _check(self) -> SurfacePressure:
        if sum(map(abs, self.sine + self.cosine)) >= 1:
            raise ValueError("sine and cosine may not add up to one: no pressure would be left")
        return self


class AirDust(Section):
    """How dust in the air shifts the temperature profile."""

    optical_depth: Annotated[float, Field(ge=0, le=10)]
    """Optical depth of the day, visible light."""
    reference_optical_depth: Annotated[float, Field(ge=0, le=10)]
    """Optical depth that the given temperatures are for."""
    warming_k: Annotated[float, Field(ge=-100, le=100)]
    """Warming at `altitude_m` for each unit of optical depth more, K."""
    altitude_m: float
    """Height above the datum where dust warms most, m."""
    width_m: Positive
    """Distance from there at which the warming has fallen by a factor e, m."""


class Atmosphere(Section):
    """Temperature and pressure against height above a datum that follows the planet's figure.

    `file = "air.csv"` in a mission file is replaced by the rows read from it: see `air_file`.
    """

    model: Literal["table", "hydrostatic"]
    """table: pressures of the rows; hydrostatic: from the temperatures and `surface` alone."""
    read_from: str | None = None
    """The file that the rows were read from, where they were."""
    datum_radius_m: Positive
    """Distance from the planet's centre, at the site's latitude, of the level heights count from,
    m."""
    flattening: Annotated[float, Field(ge=0, le=0.2)]
    """Flattening of the datum: surfaces of equal height sink toward the poles by it."""
    gas_constant_j_kg_k: Annotated[float, Field(ge=20, le=5000)]
    """Specific gas constant of the air, J/kg/K."""
    heat_capacity_ratio: Annotated[float, Field(gt=1, lt=1.7)]
    """Ratio of specific heats, for the speed of sound."""
    table_altitude_m: Column
    """Heights of the rows above the datum, rising, m."""
    table_temperature_k: Column
    """Temperature of each row, K; linear in height between rows."""
    table_pressure_pa: Column | None = None
    """Pressure of each row, Pa; hydrostatic between rows. The model "table" needs it."""
    table_density_kg_m3: Column | None = None
    """Density of each row, kg/m3, where it is not that of an ideal gas of this constant."""
    upper_altitude_m: Annotated[list[float], Field(max_length=MOST_ROWS)] = Field(
        default_factory=list
    )
    """Heights above the table where `upper_temperature_k` is given, rising, m."""
    upper_temperature_k: Annotated[list[float], Field(max_length=MOST_ROWS)] = Field(
        default_factory=list
    )
    """Temperature above the table, K; pressure there follows from hydrostatic equilibrium."""
    surface: SurfacePressure | None = None
    """Where the model "hydrostatic" begins; it needs it."""
    dust: AirDust | None = None
    """Shift of the temperatures, for the model "hydrostatic"."""
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
        if self.model == "table" and self.table_pressure_pa is None:
            raise ValueError('model = "table" needs table_pressure_pa')
        if self.model == "hydrostatic" and self.surface is None:
            raise ValueError('model = "hydrostatic" needs the table atmosphere.surface')
        if self.model == "hydrostatic" and self.table_density_kg_m3 is not None:
            raise ValueError('table_density_kg_m3 belongs to model = "table"')
        self._check_lengths()
        if self.upper_altitude_m and self.upper_altitude_m[0] <= self.table_altitude_m[-1]:
            raise ValueError("upper_altitude_m has to begin above table_altitude_m")
        temperatures = self.table_temperature_k + self.upper_temperature_k
        if not 20 <= min(temperatures) <= max(temperatures) <= 3000:
            raise ValueError("temperatures have to lie between 20 and 3000 K")
        for name, most in (("table_pressure_pa", 1e8), ("table_density_kg_m3", 1e4)):
            values = getattr(self, name)
            if values is not None and not 0 < min(values) <= max(values) <= most:
                raise ValueError(f"{name} has to lie above 0 and up to {most:g}")
        if self.table_pressure_pa is not None:
            _check_rising("falling table_pressure_pa", [-p for p in self.table_pressure_pa])
        return self

    def _check_lengths(self) -> None:
        for heights, names in (
            (
                "table_altitude_m",
                ("table_temperature_k", "table_pressure_pa", "table_density_kg_m3"),
            ),
            ("upper_altitude_m", ("upper_temperature_k",)),
            ("density_altitude_m", ("density_factors",)),
            ("perturbation_altitude_m", ("perturbation_rms",)),
        ):
            _check_rising(heights, getattr(self, heights))
            for name in names:
                values = getattr(self, name)
                if values is not None and len(values) != len(getattr(self, heights)):
                    raise ValueError(f"{heights} and {name} need the same length")


class Wind(Section):
    """Steady wind against height, and gusts carried with it.

    `from_air_file = true` in a mission file is replaced by the winds of `atmosphere.file`.
    """

    altitude_m: Column
    """Heights above the landing target, rising, m; held below the first and above the last."""
    east_m_s: Column
    """Wind blowing toward the east at each height, m/s."""
    north_m_s: Column
    """Wind blowing toward the north at each height, m/s."""
    surface_layer_m: NonNegative
    """Height above the target up to which the wind falls to the ground logarithmically, m."""
    roughness_m: Annotated[float, Field(ge=1e-6, le=10)]
    """Roughness length of the ground, m."""
    gust_rms_m_s: Annotated[float, Field(ge=0, le=200)]
    """Root mean square of each horizontal gust component, m/s."""
    gust_length_m: Annotated[float, Field(ge=1, le=20_000)]
    """Length scale of the gusts, m; a falling body meets it as a slow change of wind."""
    gust_top_m: Annotated[float, Field(ge=100, le=100_000)]
    """Height above the target where the gusts end; they fade out over its last half, m."""
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
