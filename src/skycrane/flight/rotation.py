"""Attitudes in the kernels: building them, turning them."""

# Kernels are written in Warp's language, whose types mypy cannot follow.
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

__all__ = [
    "advance_attitude",
    "attitude_from_axes",
    "attitude_rate",
    "entry_attitude",
]

f64 = wp.float64


@wp.func
def attitude_from_axes(x: wp.vec3d, y: wp.vec3d, z: wp.vec3d):
    """Quaternion that takes the body's axes to the given unit vectors."""
    m = wp.mat33d(x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2])
    return wp.normalize(wp.quat_from_matrix(m))


@wp.func
def attitude_rate(attitude: wp.quatd, rates: wp.vec3d):
    """Derivative of a quaternion turning at body rates [rad/s]."""
    turn = wp.quatd(rates[0], rates[1], rates[2], f64(0.0))
    return attitude * turn * f64(0.5)


@wp.func
def advance_attitude(attitude: wp.quatd, rates: wp.vec3d, h: wp.float64):
    """Turn an attitude for `h` seconds at constant body rates, exactly."""
    speed = wp.length(rates)
    out = attitude
    if speed * h > f64(1.0e-14):
        half = f64(0.5) * speed * h
        axis = rates * (wp.sin(half) / speed)
        out = wp.normalize(attitude * wp.quatd(axis[0], axis[1], axis[2], wp.cos(half)))
    return out


@wp.func
def entry_attitude(position: wp.vec3d, air_velocity: wp.vec3d, bank: wp.float64, alpha: wp.float64):
    """Attitude of the entry vehicle trimmed at `alpha`, its lift at `bank` from the vertical.

    A blunt cone lifts away from its nose, so the nose (+z) points below the wind by `alpha` when
    the lift is up; x lies in the plane of wind and lift, on the lift's side.
    """
    forward = wp.normalize(air_velocity)
    right = wp.normalize(wp.cross(forward, position))
    above = wp.cross(right, forward)
    lift = above * wp.cos(bank) + right * wp.sin(bank)
    z = forward * wp.cos(alpha) - lift * wp.sin(alpha)
    x = lift * wp.cos(alpha) + forward * wp.sin(alpha)
    return attitude_from_axes(x, wp.cross(z, x), z)
