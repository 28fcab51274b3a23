"""The steady wind against height: a profile above, a logarithmic layer near the ground."""

# Warp types arrays by calls; mypy cannot follow.
# mypy: disable-error-code="valid-type"
from __future__ import annotations

import math

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mission.air import Wind

__all__ = ["layer_scale", "steady_wind", "surface_layer"]

Array = NDArray[np.float64]


def steady_wind(wind: Wind, altitude_m: Array) -> tuple[Array, Array]:
    """Return the wind toward east and north [m/s] at heights above the target, shape (n,).

    Inside the surface layer it is that of the layer's top: `surface_layer` brings it down.
    """
    height = np.maximum(altitude_m, wind.surface_layer_m)
    return (
        np.interp(height, wind.altitude_m, wind.east_m_s),
        np.interp(height, wind.altitude_m, wind.north_m_s),
    )


def layer_scale(wind: Wind) -> float:
    """Return the factor that makes `surface_layer` one at the layer's top."""
    if wind.surface_layer_m == 0.0:
        return 0.0
    return 1.0 / math.log1p(wind.surface_layer_m / wind.roughness_m)


@wp.func
def surface_layer(
    altitude_m: wp.float64, top_m: wp.float64, roughness_m: wp.float64, scale: wp.float64
):
    """Wind inside the surface layer over that at its top, from 0 at the ground to 1.

    The logarithmic law of a neutral layer, u ~ ln((z + z0) / z0) (Panofsky and Dutton, Atmospheric
    Turbulence, 1984, section 6.2); heights count from the target's, not from the slope below.
    """
    out = wp.float64(1.0)
    if altitude_m < top_m:
        z = wp.max(altitude_m, wp.float64(0.0))
        out = wp.log(wp.float64(1.0) + z / roughness_m) * scale
    return out
