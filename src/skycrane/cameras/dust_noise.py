"""Noise that the dust's texture is made of: a cube of numbers that repeats, and its slope."""

from __future__ import annotations

import warp as wp

__all__ = ["LATTICE", "noise", "noise_slope"]

wp.set_module_options({"enable_backward": False})

LATTICE = 32
"""Numbers along an edge of the cube that noise is made from, a power of two."""
_SIDE = wp.constant(LATTICE)
_LAST = wp.constant(LATTICE - 1)


@wp.func
def _floor(x: float) -> int:
    i = int(x)
    return wp.where(x < float(i), i - 1, i)


@wp.func
def noise(
    lattice: wp.array(dtype=float),  # type: ignore[valid-type]
    which: int,
    x: float,
    y: float,
    z: float,
) -> float:
    """Return value noise, -1 to 1, from a cube of numbers that repeats; `which` shifts it."""
    ix = _floor(x)
    iy = _floor(y)
    iz = _floor(z)
    fx = x - float(ix)
    fy = y - float(iy)
    fz = z - float(iz)
    fx = fx * fx * (3.0 - 2.0 * fx)
    fy = fy * fy * (3.0 - 2.0 * fy)
    fz = fz * fz * (3.0 - 2.0 * fz)
    x0 = (ix + 7 * which) & _LAST
    y0 = (iy + 13 * which) & _LAST
    z0 = (iz + 11 * which) & _LAST
    x1 = (x0 + 1) & _LAST
    y1 = ((y0 + 1) & _LAST) * _SIDE
    z1 = ((z0 + 1) & _LAST) * _SIDE * _SIDE
    y0 *= _SIDE
    z0 *= _SIDE * _SIDE
    a = wp.lerp(lattice[x0 + y0 + z0], lattice[x0 + y0 + z1], fz)
    b = wp.lerp(lattice[x1 + y0 + z0], lattice[x1 + y0 + z1], fz)
    c = wp.lerp(lattice[x0 + y1 + z0], lattice[x0 + y1 + z1], fz)
    d = wp.lerp(lattice[x1 + y1 + z0], lattice[x1 + y1 + z1], fz)
    return wp.lerp(wp.lerp(a, b, fx), wp.lerp(c, d, fx), fy)


@wp.func
def noise_slope(
    lattice: wp.array(dtype=float),  # type: ignore[valid-type]
    which: int,
    x: float,
    y: float,
    z: float,
) -> wp.vec3:
    """Return (noise, its slope along x, along y): the same noise, at the cost of one."""
    ix = _floor(x)
    iy = _floor(y)
    iz = _floor(z)
    fx = x - float(ix)
    fy = y - float(iy)
    fz = z - float(iz)
    sx = 6.0 * fx * (1.0 - fx)
    sy = 6.0 * fy * (1.0 - fy)
    fx = fx * fx * (3.0 - 2.0 * fx)
    fy = fy * fy * (3.0 - 2.0 * fy)
    fz = fz * fz * (3.0 - 2.0 * fz)
    x0 = (ix + 7 * which) & _LAST
    y0 = (iy + 13 * which) & _LAST
    z0 = (iz + 11 * which) & _LAST
    x1 = (x0 + 1) & _LAST
    y1 = ((y0 + 1) & _LAST) * _SIDE
    z1 = ((z0 + 1) & _LAST) * _SIDE * _SIDE
    y0 *= _SIDE
    z0 *= _SIDE * _SIDE
    a = wp.lerp(lattice[x0 + y0 + z0], lattice[x0 + y0 + z1], fz)
    b = wp.lerp(lattice[x1 + y0 + z0], lattice[x1 + y0 + z1], fz)
    c = wp.lerp(lattice[x0 + y1 + z0], lattice[x0 + y1 + z1], fz)
    d = wp.lerp(lattice[x1 + y1 + z0], lattice[x1 + y1 + z1], fz)
    low = wp.lerp(a, b, fx)
    high = wp.lerp(c, d, fx)
    return wp.vec3(wp.lerp(low, high, fy), sx * wp.lerp(b - a, d - c, fy), sy * (high - low))
