"""The air against height: temperature, pressure and density made hydrostatic, on an even grid.

Three ways lead to it: rows of temperature and pressure; temperatures alone, with the pressure at
the ground from the season and the dust of the day; rows of a file (mission/air_file.py).
"""

# Warp types arrays by calls; mypy cannot follow.
# mypy: disable-error-code="valid-type"
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from skycrane.mars.sun import solar_position
from skycrane.mars.surface_pressure import surface_pressure_pa
from skycrane.mission import Mission
from skycrane.mission.air import Atmosphere
from skycrane.mission.place import Planet

__all__ = [
    "AIR_FLOOR_M",
    "AIR_ROWS_A_M",
    "AIR_STEP_M",
    "AirProfile",
    "air_profile",
    "grid_value",
    "smooth_factor",
]

Array = NDArray[np.float64]

AIR_FLOOR_M = -10_000.0
"""Lowest height of the grid, m above the table's datum."""
AIR_STEP_M = 25.0
"""Step of the grid, m: density taken linearly between its points is within 3e-6 of the profile."""
AIR_ROWS_A_M = 1.0 / AIR_STEP_M
"""Points of the grid in a metre: a name, since Warp would work out a quotient in float32."""
_TOP_M = 200_000.0
_COLDEST_K, _WARMEST_K = 40.0, 3000.0


@dataclass(frozen=True)
class AirProfile:
    """The air on an even grid of heights above the datum.

    Attributes:
        datum_radius_m: where height zero is, distance from the planet's centre.
        density: [kg/m3], with the mission's factors on it, shape (n,).
        sound_speed_m_s: speed of sound, shape (n,).
        pressure_pa: shape (n,).
        temperature_k: shape (n,).
    """

    datum_radius_m: float
    density: Array
    sound_speed_m_s: Array
    pressure_pa: Array
    temperature_k: Array

    @property
    def altitude_m(self) -> Array:
        """Heights of the grid above the datum [m], shape (n,)."""
        return np.asarray(AIR_FLOOR_M + AIR_STEP_M * np.arange(len(self.density)), np.float64)

    def density_kg_m3(self, radius_m: ArrayLike) -> Array:
        """Return the density at distances from the centre at the site's latitude, shape (...)."""
        height = np.asarray(radius_m) - self.datum_radius_m
        return np.asarray(np.interp(height, self.altitude_m, self.density))


def smooth_factor(height_m: Array, rows_m: list[float], factors: list[float]) -> Array:
    """Return factors given at rows of height, their logarithm a smooth monotone cubic between.

    Fritsch and Carlson (1980): no new extremes between rows; held beyond both ends.
    """
    # A level row beyond each end makes the cubic arrive level, without a kink.
    rows = np.array([rows_m[0] - 1e4, *rows_m, rows_m[-1] + 1e4])
    logs = np.log([factors[0], *factors, factors[-1]])
    return np.asarray(np.exp(PchipInterpolator(rows, logs)(np.clip(height_m, rows[0], rows[-1]))))


def _column(height: Array, temperature: Array, air: Atmosphere, planet: Planet) -> Array:
    """Integral of d(ln p) = -g / (R T) dh from the first height up, trapezoid rule."""
    gravity = planet.gm_m3_s2 / (air.datum_radius_m + height) ** 2
    slope = -gravity / (air.gas_constant_j_kg_k * temperature)
    steps = (slope[1:] + slope[:-1]) / 2 * np.diff(height)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _temperature_rows(air: Atmosphere) -> tuple[Array, Array]:
    """Heights [m] and temperatures [K] that the profile is linear between."""
    height = np.array(air.table_altitude_m + air.upper_altitude_m)
    temperature = np.array(air.table_temperature_k + air.upper_temperature_k)
    if air.model != "hydrostatic" or air.dust is None:
        return height, temperature
    dust = air.dust
    nodes = np.union1d(height, np.arange(AIR_FLOOR_M, _TOP_M + 1.0, 1000.0))
    more = dust.optical_depth - dust.reference_optical_depth
    shape = np.exp(-(((nodes - dust.altitude_m) / dust.width_m) ** 2))
    warmed = np.interp(nodes, height, temperature) + dust.warming_k * more * shape
    return nodes, np.clip(warmed, _COLDEST_K, _WARMEST_K)


def _log_pressure(air: Atmosphere, height: Array, nodes: Array, column: Array, ls: float) -> Array:
    """Logarithm of the pressure [Pa] at heights, from the hydrostatic column at `nodes`."""
    at_grid = np.interp(height, nodes, column)
    if air.model == "hydrostatic":
        assert air.surface is not None
        base = np.interp(air.surface.altitude_m, nodes, column)
        return np.asarray(np.log(surface_pressure_pa(air.surface, ls)) + at_grid - base)
    assert air.table_pressure_pa is not None
    table_h, table_p = np.array(air.table_altitude_m), np.log(air.table_pressure_pa)
    at_rows = np.interp(table_h, nodes, column)
    # Linear in the hydrostatic column between rows; offsets beyond the first and the last.
    log_p = np.interp(-at_grid, -at_rows, table_p)
    log_p = np.where(height > table_h[-1], table_p[-1] + at_grid - at_rows[-1], log_p)
    return np.where(height < table_h[0], table_p[0] + at_grid - at_rows[0], log_p)


def _not_ideal(air: Atmosphere, height: Array) -> Array:
    """Density over that of the ideal gas: one, but where a table gives densities of its own."""
    if air.table_density_kg_m3 is None or air.table_pressure_pa is None:
        return np.ones_like(height)
    ideal = np.array(air.table_pressure_pa) / air.table_temperature_k / air.gas_constant_j_kg_k
    return np.interp(height, air.table_altitude_m, np.array(air.table_density_kg_m3) / ideal)


def air_profile(mission: Mission) -> AirProfile:
    """Return the air of a mission on the kernels' grid.

    Temperature is linear in height between rows. Pressure follows dp/dh = -p g(h) / (R T)
    (hydrostatic equilibrium of an ideal gas) with g of the datum's sphere, exactly so in the model
    "hydrostatic" and beyond a table; between two rows of a table it is scaled to meet both, since
    measured rows balance only nearly. Dust, in the model "hydrostatic", shifts the temperature by
    warming x (optical depth - reference) x exp(-((h - height) / width)^2): a plain rule, see
    `AirDust` and the mission file for its grounds.
    """
    air, planet, site = mission.atmosphere, mission.planet, mission.site
    sun = solar_position(mission.epoch.entry_interface_utc, site.latitude_deg, site.longitude_deg)
    height = np.arange(AIR_FLOOR_M, _TOP_M + AIR_STEP_M, AIR_STEP_M)
    rows_h, rows_t = _temperature_rows(air)
    # The rows are points of the integration, so that no kink of temperature falls inside a step.
    level = [air.surface.altitude_m] if air.surface is not None else []
    nodes = np.union1d(height, np.concatenate([rows_h, level]))
    column = _column(nodes, np.interp(nodes, rows_h, rows_t), air, planet)
    pressure = np.exp(_log_pressure(air, height, nodes, column, sun.ls_rad))
    temperature = np.interp(height, rows_h, rows_t)
    factor = smooth_factor(height, air.density_altitude_m, air.density_factors)
    ideal = pressure / (air.gas_constant_j_kg_k * temperature)
    sound = np.sqrt(air.heat_capacity_ratio * air.gas_constant_j_kg_k * temperature)
    density = factor * _not_ideal(air, height) * ideal
    return AirProfile(air.datum_radius_m, density, sound, pressure, temperature)


@wp.func
def grid_value(values: wp.array(dtype=wp.float64), x: wp.float64):
    """Linear interpolation at index `x` (0 is the first value), held beyond both ends.

    Of an `x` that is no number, the first value: an index may never leave the table.
    """
    last = values.shape[0] - 1
    u = wp.float64(0.0)
    if x > wp.float64(0.0):
        u = wp.min(x, wp.float64(last))
    i = wp.min(wp.int32(wp.floor(u)), last - 1)
    f = u - wp.float64(i)
    return values[i] + f * (values[i + 1] - values[i])
