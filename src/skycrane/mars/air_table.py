"""The air's profiles side by side on one grid: a row a height, read in one access."""

# Warp types arrays by calls; mypy cannot follow.
# mypy: disable-error-code="valid-type"
from __future__ import annotations

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mars.atmosphere import air_profile
from skycrane.mars.wind import steady_wind
from skycrane.mission import Mission

__all__ = ["DENSITY", "DENSITY_RMS", "EAST", "NORTH", "SOUND", "AirRow", "air_row", "air_rows"]

Array = NDArray[np.float64]

DENSITY, SOUND, EAST, NORTH, DENSITY_RMS = range(5)
"""Where a row holds density [kg/m3], speed of sound [m/s], wind [m/s], relative density RMS."""


AirRow = wp.types.vector(length=5, dtype=wp.float64)
"""One height of the air: see `DENSITY` and the others for what is where."""


def air_rows(mission: Mission) -> Array:
    """Return the air on the grid of `air_profile`, shape (n, 5), columns as `AirRow`."""
    air = mission.atmosphere
    profile = air_profile(mission)
    height = profile.altitude_m
    east, north = steady_wind(mission.wind, height + air.datum_radius_m - mission.site.radius_m)
    rms = np.interp(height, air.perturbation_altitude_m, air.perturbation_rms)
    return np.stack([profile.density, profile.sound_speed_m_s, east, north, rms], axis=1)


@wp.func
def air_row(rows: wp.array(dtype=AirRow), x: wp.float64):
    """Row at index `x`, linear between rows, held beyond both ends and for what is no number."""
    last = rows.shape[0] - 1
    u = wp.float64(0.0)
    if x > wp.float64(0.0):
        u = wp.min(x, wp.float64(last))
    i = wp.min(wp.int32(u), last - 1)
    f = u - wp.float64(i)
    return rows[i] * (wp.float64(1.0) - f) + rows[i + 1] * f
