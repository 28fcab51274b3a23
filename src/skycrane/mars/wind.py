"""The wind: steady against height, with gusts frozen into the air."""

# Warp types arrays by calls; mypy cannot follow.
# mypy: disable-error-code="valid-type"
from __future__ import annotations

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.draws import generator
from skycrane.mars.atmosphere import grid_value
from skycrane.mission.air import Wind

__all__ = ["GUST_MODES", "WIND_STEP_M", "gust_modes", "wind_east_north", "wind_grid"]

Array = NDArray[np.float64]

WIND_STEP_M = 50.0
"""Step of the grid of steady wind, m above the target."""
GUST_MODES = 12
"""Waves that each gust component is made of."""


def wind_grid(wind: Wind) -> tuple[Array, Array]:
    """Return the steady wind toward east and north [m/s] every `WIND_STEP_M` from the target up."""
    height = np.arange(0.0, max(wind.altitude_m[-1], WIND_STEP_M) + 2 * WIND_STEP_M, WIND_STEP_M)
    return (
        np.interp(height, wind.altitude_m, wind.east_m_s),
        np.interp(height, wind.altitude_m, wind.north_m_s),
    )


def gust_modes(wind: Wind, seed: int, case: int = 0) -> Array:
    """Return the gusts' waves, shape (2, GUST_MODES, 3): amplitude [m/s], wavenumber [1/m], phase.

    Wavelengths step down from `gust_length_m` by octaves' thirds; amplitudes follow Kolmogorov's
    inertial range (energy per octave with wavelength to 2/3), scaled to the mission's RMS.
    """
    rng = generator(seed, "flight/gusts", case)
    length = wind.gust_length_m * 2.0 ** (-np.arange(GUST_MODES) / 3)
    amplitude = length ** (1 / 3)
    amplitude *= wind.gust_rms_m_s * np.sqrt(2 / np.sum(amplitude**2))
    modes = np.empty((2, GUST_MODES, 3))
    modes[:, :, 0] = amplitude
    modes[:, :, 1] = 2 * np.pi / length
    modes[:, :, 2] = rng.uniform(0, 2 * np.pi, (2, GUST_MODES))
    return modes


@wp.func
def wind_east_north(
    east: wp.array(dtype=wp.float64),
    north: wp.array(dtype=wp.float64),
    gusts: wp.array(dtype=wp.float64, ndim=4),
    case: wp.int32,
    altitude_m: wp.float64,
    t_s: wp.float64,
):
    """Wind toward east and north [m/s] at a height above the target; third component zero.

    The gusts are a frozen field carried past at 5 m/s (Taylor's hypothesis), so that a vehicle at
    rest feels them too. They fade out within the last 100 m above ground.
    """
    x = altitude_m / wp.float64(WIND_STEP_M)
    e = grid_value(east, x)
    n = grid_value(north, x)
    fade = wp.clamp(altitude_m / wp.float64(100.0), wp.float64(0.2), wp.float64(1.0))
    place = altitude_m + wp.float64(5.0) * t_s
    for k in range(gusts.shape[2]):
        e += (
            fade
            * gusts[case, 0, k, 0]
            * wp.sin(gusts[case, 0, k, 1] * place + gusts[case, 0, k, 2])
        )
        n += (
            fade
            * gusts[case, 1, k, 0]
            * wp.sin(gusts[case, 1, k, 1] * place + gusts[case, 1, k, 2])
        )
    return wp.vec3d(e, n, wp.float64(0.0))
