"""Forces of the air on a sphere-cone: coefficients, trim angle of attack, stagnation heating."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mission.vehicle import Aeroshell

__all__ = [
    "MACH_STEP",
    "aero_grid",
    "aero_row",
    "axial_normal",
    "mach_grid",
    "nose_distance_m",
    "stagnation_heating",
    "trim_angle",
]

Array = NDArray[np.float64]
f64 = wp.float64

MACH_STEP = 0.01
"""Step of the Mach grids of the kernels."""


def mach_grid(mach: list[float], values: list[float]) -> Array:
    """Return a table against Mach on the kernels' even grid from 0 to its last Mach number."""
    grid = np.arange(0.0, mach[-1] + 2 * MACH_STEP, MACH_STEP)
    return np.asarray(np.interp(grid, mach, values))


def aero_grid(shell: Aeroshell) -> Array:
    """Return the aeroshell's table on the kernels' Mach grid, shape (n, 4).

    Columns: axial coefficient at zero angle, factor on the Newtonian normal force, centre of
    pressure behind the nose over the diameter, pitch-damping coefficient.
    """
    columns = (
        shell.axial_coefficient,
        shell.normal_factor,
        shell.pressure_centre,
        shell.pitch_damping,
    )
    return np.stack([mach_grid(shell.mach, column) for column in columns], axis=1)


def nose_distance_m(shell: Aeroshell) -> float:
    """Return how far the nose lies before the plane of the largest diameter, m.

    A cone of half angle d capped by a sphere of radius rn that it touches: the apex lies
    (D / 2) / tan d before the plane, the nose rn (1 / sin d - 1) behind the apex.
    """
    half_angle = np.radians(shell.cone_half_angle_deg)
    apex = 0.5 * shell.diameter_m / np.tan(half_angle)
    return float(apex - shell.nose_radius_m * (1.0 / np.sin(half_angle) - 1.0))


@wp.func
def aero_row(table: wp.array(dtype=wp.vec4d), mach: wp.float64):
    """Row of `aero_grid` at a Mach number, linear between rows, held beyond both ends."""
    last = table.shape[0] - 1
    u = f64(0.0)
    x = mach / f64(MACH_STEP)
    # Of a Mach number that is no number, the first row: an index may never leave the table.
    if x > f64(0.0):
        u = wp.min(x, f64(last))
    i = wp.min(wp.int32(u), last - 1)
    f = u - f64(i)
    return table[i] * (f64(1.0) - f) + table[i + 1] * f


@wp.func
def axial_normal(
    axial: wp.float64,
    normal_factor: wp.float64,
    cosine: wp.float64,
    sine: wp.float64,
    cone_sine2: wp.float64,
):
    """Axial and normal force coefficients of a sphere-cone at an angle of attack, as (CA, CN).

    Newtonian flow over a cone of half angle d (Anderson, Hypersonic and High-Temperature Gas
    Dynamics, 2006, section 3.3): CA = 2 sin2 d cos2 a + cos2 d sin2 a, CN = cos2 d sin 2a. The
    axial coefficient is scaled to `axial`, its value at zero angle, the normal one by its factor.
    Valid while the cone's whole face is in the wind (a < 20 deg for d = 70 deg); beyond that the
    axial force only keeps its sign, for capsules swinging under a parachute.
    """
    two = f64(2.0)
    cone_cosine2 = f64(1.0) - cone_sine2
    newton = two * cone_sine2
    shape = (newton * cosine * cosine + cone_cosine2 * sine * sine) / newton
    ca = axial * shape * wp.where(cosine < f64(0.0), f64(-0.6), f64(1.0))
    cn = axial / newton * cone_cosine2 * two * sine * wp.abs(cosine) * normal_factor
    return wp.vec2d(ca, cn)


@wp.func
def trim_angle(
    normal_factor: wp.float64, cone_sine2: wp.float64, behind: wp.float64, offset: wp.float64
):
    """Angle of attack [rad] at which a sphere-cone's moment about its mass centre is zero.

    The mass centre lies `offset` beside the axis, and `behind` is how far the centre of pressure
    lies behind it, in one unit of length. CN behind = CA offset with the coefficients of
    `axial_normal` is a quadratic in tan a; of its two roots this is the stable one. An offset too
    large to be trimmed gives the angle of the largest restoring moment.
    """
    ratio = cone_sine2 / (f64(1.0) - cone_sine2)
    arm = normal_factor * wp.max(behind, f64(1.0e-6))
    root = wp.sqrt(wp.max(arm * arm - f64(2.0) * ratio * offset * offset, f64(0.0)))
    return wp.atan(f64(2.0) * ratio * offset / (arm + root))


@wp.func
def stagnation_heating(
    k: wp.float64, density_kg_m3: wp.float64, nose_radius_m: wp.float64, speed_m_s: wp.float64
):
    """Convective stagnation-point heating [W/m2]: k sqrt(rho / rn) v3 (Sutton and Graves 1971)."""
    return k * wp.sqrt(density_kg_m3 / nose_radius_m) * speed_m_s * speed_m_s * speed_m_s
