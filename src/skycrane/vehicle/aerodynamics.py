"""Forces of the air on the sphere-cone, and stagnation heating."""

# Warp types arrays by calls; mypy cannot follow.
# mypy: disable-error-code="valid-type"
from __future__ import annotations

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mars.atmosphere import grid_value

__all__ = ["MACH_STEP", "axial_normal", "mach_grid", "stagnation_heating"]

MACH_STEP = 0.01
"""Step of the Mach grids of the kernels."""


def mach_grid(mach: list[float], values: list[float]) -> NDArray[np.float64]:
    """Return a table against Mach on the kernels' even grid from 0 to its last Mach number."""
    grid = np.arange(0.0, mach[-1] + 2 * MACH_STEP, MACH_STEP)
    return np.interp(grid, mach, values)


@wp.func
def axial_normal(
    axial: wp.array(dtype=wp.float64),
    normal: wp.array(dtype=wp.float64),
    mach: wp.float64,
    cosine: wp.float64,
    sine: wp.float64,
    cone_sine2: wp.float64,
):
    """Axial and normal force coefficients of a sphere-cone at an angle of attack, as (CA, CN, 0).

    Newtonian flow over a cone of half angle d (Anderson, Hypersonic and High-Temperature Gas
    Dynamics, 2006, section 3.3): CA = 2 sin2 d cos2 a + cos2 d sin2 a, CN = cos2 d sin 2a. The
    axial coefficient is scaled to the table's value at zero angle, the normal one by its factor.
    Valid while the cone's whole face is in the wind (a < 20 deg for d = 70 deg); beyond that the
    axial force only keeps its sign, for capsules swinging under a parachute.
    """
    x = mach / wp.float64(MACH_STEP)
    two = wp.float64(2.0)
    cone_cosine2 = wp.float64(1.0) - cone_sine2
    newton = two * cone_sine2
    ca0 = grid_value(axial, x)
    shape = (newton * cosine * cosine + cone_cosine2 * sine * sine) / newton
    ca = ca0 * shape * wp.where(cosine < wp.float64(0.0), wp.float64(-0.6), wp.float64(1.0))
    cn = ca0 / newton * cone_cosine2 * two * sine * wp.abs(cosine) * grid_value(normal, x)
    return wp.vec3d(ca, cn, wp.float64(0.0))


@wp.func
def stagnation_heating(
    k: wp.float64, density_kg_m3: wp.float64, nose_radius_m: wp.float64, speed_m_s: wp.float64
):
    """Convective stagnation-point heating [W/m2]: k sqrt(rho / rn) v3 (Sutton and Graves 1971)."""
    return k * wp.sqrt(density_kg_m3 / nose_radius_m) * speed_m_s * speed_m_s * speed_m_s
