"""The steady wind against height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.mission.air import Wind

__all__ = ["steady_wind"]

Array = NDArray[np.float64]


def steady_wind(wind: Wind, altitude_m: Array) -> tuple[Array, Array]:
    """Return the wind toward east and north [m/s] at heights above the target, shape (n,)."""
    return (
        np.interp(altitude_m, wind.altitude_m, wind.east_m_s),
        np.interp(altitude_m, wind.altitude_m, wind.north_m_s),
    )
