"""Gravity of an oblate planet, and the apparent forces of its rotating frame."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

__all__ = ["apparent_acceleration", "gravity"]


@wp.func
def gravity(
    position_m: wp.vec3d, gm_m3_s2: wp.float64, j2: wp.float64, reference_radius_m: wp.float64
):
    """Gravitational acceleration [m/s2], mars_fixed axes, of a point mass with J2.

    Source: Vallado, Fundamentals of Astrodynamics (2013), section 8.7.1, from the potential's
    gradient; valid outside the reference sphere.
    """
    r2 = wp.dot(position_m, position_m)
    # One root and one division: this is where a flight spends its time.
    per_r = wp.float64(1.0) / wp.sqrt(r2)
    per_r2 = per_r * per_r
    central = -gm_m3_s2 * per_r2 * per_r
    k = wp.float64(1.5) * j2 * reference_radius_m * reference_radius_m * per_r2
    s2 = position_m[2] * position_m[2] * per_r2
    across = central * (wp.float64(1.0) + k * (wp.float64(1.0) - wp.float64(5.0) * s2))
    along = central * (wp.float64(1.0) + k * (wp.float64(3.0) - wp.float64(5.0) * s2))
    return wp.vec3d(across * position_m[0], across * position_m[1], along * position_m[2])


@wp.func
def apparent_acceleration(position_m: wp.vec3d, velocity_m_s: wp.vec3d, rotation_rad_s: wp.float64):
    """Coriolis and centrifugal acceleration [m/s2] in axes turning about z."""
    two = wp.float64(2.0) * rotation_rad_s
    square = rotation_rad_s * rotation_rad_s
    return wp.vec3d(
        two * velocity_m_s[1] + square * position_m[0],
        -two * velocity_m_s[0] + square * position_m[1],
        wp.float64(0.0),
    )
