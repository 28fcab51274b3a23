"""Noise and hashes of a place: Warp functions that give the same at a place from anywhere."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

__all__ = ["fbm", "hash2", "lattice2", "noise2", "plates", "ridged", "shift", "unit"]

wp.set_module_options({"enable_backward": False})


@wp.func
def hash2(x: int, y: int, seed: int) -> wp.uint32:
    """Mix two lattice coordinates and a seed to 32 bits (finaliser of MurmurHash3, Appleby)."""
    # The constants are 0x8DA6B343, 0xD8163841, 0xCB1AB31F, 0x85EBCA6B and 0xC2B2AE35 as the signed
    # numbers that Warp keeps whole numbers in.
    h = wp.uint32(x) * wp.uint32(-1918454973) ^ wp.uint32(y) * wp.uint32(-669632447)
    h = h ^ (wp.uint32(seed) * wp.uint32(-887442657))
    h = (h ^ (h >> wp.uint32(16))) * wp.uint32(-2048144789)
    h = (h ^ (h >> wp.uint32(13))) * wp.uint32(-1028477387)
    return h ^ (h >> wp.uint32(16))


@wp.func
def unit(h: wp.uint32, part: int) -> float:
    """Return 0 to 1 from a hash; `part` 0, 1, 2 takes different bits of it."""
    return float((h >> wp.uint32(part * 10)) & wp.uint32(1023)) * (1.0 / 1023.0)


@wp.func
def _slope(x: int, y: int, seed: int, dx: float, dy: float) -> float:
    h = hash2(x, y, seed)
    gx = float(h & wp.uint32(0xFFFF)) * (2.0 / 65535.0) - 1.0
    gy = float(h >> wp.uint32(16)) * (2.0 / 65535.0) - 1.0
    return gx * dx + gy * dy


@wp.func
def shift(seed: int) -> wp.vec2:
    """Return where a seed's lattice begins, apart from others': noise is 0 at all its nodes.

    Octaves whose wavelengths halve would else share nodes, which show as a faint regular pattern.
    """
    part = float(seed & 1023)
    # Steps of the plastic number's powers spread evenly over a square (Roberts 2018, R2 sequence).
    return wp.vec2(0.75487766 * part, 0.56984029 * part)


@wp.func
def lattice2(x: float, y: float, seed: int) -> float:
    """Return gradient noise (Perlin 2002): unit wavelength, mean 0, deviation near 0.35.

    It is 0 at whole numbers: for one layer, or octaves that are turned against each other.
    """
    fx = wp.floor(x)
    fy = wp.floor(y)
    ix = int(fx)
    iy = int(fy)
    dx = x - fx
    dy = y - fy
    u = dx * dx * dx * (dx * (dx * 6.0 - 15.0) + 10.0)
    v = dy * dy * dy * (dy * (dy * 6.0 - 15.0) + 10.0)
    a = _slope(ix, iy, seed, dx, dy)
    b = _slope(ix + 1, iy, seed, dx - 1.0, dy)
    c = _slope(ix, iy + 1, seed, dx, dy - 1.0)
    d = _slope(ix + 1, iy + 1, seed, dx - 1.0, dy - 1.0)
    low = a + u * (b - a)
    return (low + v * (c + u * (d - c) - low)) * 1.7


@wp.func
def noise2(x: float, y: float, seed: int) -> float:
    """Return `lattice2` moved by its seed, for octaves over one place that are not turned."""
    begin = shift(seed)
    return lattice2(x + begin[0], y + begin[1], seed)


@wp.func
def fbm(x: float, y: float, wavelength: float, octaves: int, gain: float, seed: int) -> float:
    """Return a sum of octaves, each half the wavelength and `gain` the amplitude of the one before.

    Each octave is turned and shifted against the last, so that no lattice shows through.
    """
    total = float(0.0)
    amplitude = float(1.0)
    px = x / wavelength
    py = y / wavelength
    for i in range(octaves):
        total += amplitude * lattice2(px, py, seed + i * 101)
        qx = 1.6 * px - 1.2 * py + 17.31
        py = 1.2 * px + 1.6 * py - 5.77
        px = qx
        amplitude *= gain
    return total


@wp.func
def ridged(x: float, y: float, wavelength: float, octaves: int, gain: float, seed: int) -> float:
    """Return fractal noise with sharp crests, about 0 to 1 (Musgrave's ridged multifractal)."""
    total = float(0.0)
    amplitude = float(0.5)
    weight = float(1.0)
    px = x / wavelength
    py = y / wavelength
    for i in range(octaves):
        n = 1.0 - wp.min(wp.abs(lattice2(px, py, seed + i * 101)) * 1.4, 1.0)
        n = n * n * weight
        total += amplitude * n
        weight = wp.clamp(n * 1.6, 0.0, 1.0)
        qx = 1.6 * px - 1.2 * py + 17.31
        py = 1.2 * px + 1.6 * py - 5.77
        px = qx
        amplitude *= gain
    return total


@wp.func
def plates(x: float, y: float, size: float, seed: int) -> wp.vec4:
    """Return broken ground in plates of `size`, with where in its plate a place lies.

    (half of F2 - F1, the plate's value 0 to 1, east and north of its seed point), lengths in units
    of `size` (Worley 1996). The plates' rows are turned against the axes.
    """
    px = (0.8 * x - 0.6 * y) / size
    py = (0.6 * x + 0.8 * y) / size
    fx = wp.floor(px)
    fy = wp.floor(py)
    ix = int(fx)
    iy = int(fy)
    nearest = float(9.0)
    second = float(9.0)
    value = float(0.0)
    ox = float(0.0)
    oy = float(0.0)
    for j in range(-1, 2):
        for i in range(-1, 2):
            h = hash2(ix + i, iy + j, seed)
            dx = float(i) + 0.1 + 0.8 * unit(h, 0) - (px - fx)
            dy = float(j) + 0.1 + 0.8 * unit(h, 1) - (py - fy)
            d = dx * dx + dy * dy
            if d < nearest:
                second = nearest
                nearest = d
                value = unit(h, 2)
                ox = dx
                oy = dy
            elif d < second:
                second = d
    return wp.vec4(0.5 * (wp.sqrt(second) - wp.sqrt(nearest)), value, -ox, -oy)
