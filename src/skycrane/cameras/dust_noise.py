"""Noise that the dust's texture is made of: plain value noise, and a cube of folded clouds.

What a turbulent flow carries is drawn out into filaments and folded over itself. The cube holds
that ready made, many sizes in one: numbers with the power spectrum of a scalar in turbulence
(Kolmogorov 1941, Obukhov 1949: the five-thirds law), pushed about by smooth swirls. One look into
it costs no more than plain noise. It repeats; a pattern that must not be seen to is warped first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.special import ndtri

__all__ = ["CUBE", "LATTICE", "cloud", "cloud_cube", "noise"]

wp.set_module_options({"enable_backward": False})

LATTICE = 32
"""Numbers along an edge of the cube that noise is made from, a power of two."""
_SIDE = wp.constant(LATTICE)
_LAST = wp.constant(LATTICE - 1)
CUBE = 64
"""Numbers along an edge of the cube of clouds, a power of two."""
_EDGE = wp.constant(CUBE)
_END = wp.constant(CUBE - 1)
_SIZES_CELLS = (2.6, 40.0)
"""Wavelengths of the finest and the widest clouds in the cube."""
_POWER = 2.6
"""Steepness of their spectrum, by volume of wave numbers. A scalar in turbulence has 11/3; swirls
steepen it further as they fold it, and what is looked up anew between numbers is smoothed."""
_SWIRLS = ((24.0, 4.0), (11.0, 2.0))
"""Wavelength of the swirls that push clouds about, and how far, cells."""


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
def cloud(
    cube: wp.array(dtype=float),  # type: ignore[valid-type]
    x: float,
    y: float,
    z: float,
) -> float:
    """Return folded clouds of many sizes, mean 0 and variance 1, at a place in the cube's cells."""
    ix = _floor(x)
    iy = _floor(y)
    iz = _floor(z)
    fx = x - float(ix)
    fy = y - float(iy)
    fz = z - float(iz)
    x0 = ix & _END
    x1 = (ix + 1) & _END
    y0 = (iy & _END) * _EDGE
    y1 = ((iy + 1) & _END) * _EDGE
    z0 = (iz & _END) * _EDGE * _EDGE
    z1 = ((iz + 1) & _END) * _EDGE * _EDGE
    a = wp.lerp(cube[x0 + y0 + z0], cube[x1 + y0 + z0], fx)
    b = wp.lerp(cube[x0 + y1 + z0], cube[x1 + y1 + z0], fx)
    c = wp.lerp(cube[x0 + y0 + z1], cube[x1 + y0 + z1], fx)
    d = wp.lerp(cube[x0 + y1 + z1], cube[x1 + y1 + z1], fx)
    return wp.lerp(wp.lerp(a, b, fy), wp.lerp(c, d, fy), fz)


def cloud_cube(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the cube of clouds, (CUBE ** 3,): periodic, normally distributed."""
    line = np.fft.fftfreq(CUBE)
    half = np.fft.rfftfreq(CUBE)
    k = np.sqrt(line[:, None, None] ** 2 + line[:, None] ** 2 + half**2)
    k[0, 0, 0] = 1.0

    def field(power: float, finest: float, widest: float) -> Any:
        shape = k ** (-0.5 * power) * np.exp(-((k * finest) ** 2)) * (k > 1.0 / widest)
        white = np.fft.rfftn(rng.standard_normal((CUBE, CUBE, CUBE)))
        out = np.fft.irfftn(white * shape, s=(CUBE, CUBE, CUBE), axes=(0, 1, 2))
        return out / out.std()

    clouds = field(_POWER, *_SIZES_CELLS)
    for wide, far in _SWIRLS:
        place = np.indices(clouds.shape, dtype=float)
        place += far * np.stack([field(4.0, 0.7 * wide, 64.0) for _ in range(3)])
        clouds = map_coordinates(clouds, place, order=1, mode="grid-wrap")
    rank = np.empty(clouds.size)
    rank[np.argsort(clouds, axis=None, kind="stable")] = np.arange(clouds.size)
    return ndtri((rank + 0.5) / clouds.size).astype(np.float32)
