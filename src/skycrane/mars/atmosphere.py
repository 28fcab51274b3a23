"""The air against height: the mission's table made hydrostatic, on a grid for the kernels."""

# Warp types arrays by calls; mypy cannot follow.
# mypy: disable-error-code="valid-type"
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from numpy.typing import ArrayLike, NDArray

from skycrane.mission.air import Atmosphere
from skycrane.mission.place import Planet

__all__ = ["AIR_FLOOR_M", "AIR_STEP_M", "AirProfile", "air_profile", "grid_value"]

Array = NDArray[np.float64]

AIR_FLOOR_M = -10_000.0
"""Lowest height of the grid, m above the table's datum."""
AIR_STEP_M = 100.0
"""Step of the grid, m; the tables are linear between its points to far below their accuracy."""
_TOP_M = 200_000.0


@dataclass(frozen=True)
class AirProfile:
    """The air on an even grid of heights above the datum.

    Attributes:
        datum_radius_m: where height zero is, distance from the planet's centre.
        log_density: natural logarithm of the density [kg/m3], shape (n,).
        sound_speed_m_s: speed of sound, shape (n,).
        pressure_pa: shape (n,).
        temperature_k: shape (n,).
    """

    datum_radius_m: float
    log_density: Array
    sound_speed_m_s: Array
    pressure_pa: Array
    temperature_k: Array

    @property
    def altitude_m(self) -> Array:
        """Heights of the grid above the datum [m], shape (n,)."""
        return np.asarray(AIR_FLOOR_M + AIR_STEP_M * np.arange(len(self.log_density)), np.float64)

    def density_kg_m3(self, radius_m: ArrayLike) -> Array:
        """Return the density at distances from the planet's centre, shape (...)."""
        height = np.asarray(radius_m) - self.datum_radius_m
        return np.asarray(np.exp(np.interp(height, self.altitude_m, self.log_density)))


def air_profile(air: Atmosphere, planet: Planet) -> AirProfile:
    """Return the air of a mission on the kernels' grid.

    Within the table the logarithm of pressure and the temperature are linear in height; beyond it
    pressure follows dp/dh = -p g(h) / (R T) (hydrostatic equilibrium of an ideal gas).
    """
    height = np.arange(AIR_FLOOR_M, _TOP_M + AIR_STEP_M, AIR_STEP_M)
    rows_h = np.array(air.table_altitude_m + air.upper_altitude_m)
    rows_t = np.array(air.table_temperature_k + air.upper_temperature_k)
    temperature = np.interp(height, rows_h, rows_t)
    gravity = planet.gm_m3_s2 / (air.datum_radius_m + height) ** 2
    slope = -gravity / (air.gas_constant_j_kg_k * temperature)
    # Trapezoid rule on the grid, pinned to the table's last and first row.
    column = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * AIR_STEP_M)])
    table_h, table_p = np.array(air.table_altitude_m), np.log(air.table_pressure_pa)
    inside = np.interp(height, table_h, table_p)
    above = table_p[-1] + column - np.interp(table_h[-1], height, column)
    below = table_p[0] + column - np.interp(table_h[0], height, column)
    log_p = np.where(height > table_h[-1], above, np.where(height < table_h[0], below, inside))
    pressure = np.exp(log_p)
    density = air.density_factor * pressure / (air.gas_constant_j_kg_k * temperature)
    sound = np.sqrt(air.heat_capacity_ratio * air.gas_constant_j_kg_k * temperature)
    return AirProfile(air.datum_radius_m, np.log(density), sound, pressure, temperature)


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
