"""Relief finer than any grid, keyed to the place: how it tilts the ground under a photosite."""

from __future__ import annotations

import warp as wp

from skycrane.mars.noise import hash2, shift
from skycrane.mars.terrain_stones import stones

__all__ = ["fine_slope", "noise2_slope"]

wp.set_module_options({"enable_backward": False})

_STEEPNESS = wp.constant(0.022)
"""Amplitude over wavelength, alike at all scales: assumption, by eye from published close-ups."""


@wp.func
def _gradient(x: int, y: int, seed: int) -> wp.vec2:
    h = hash2(x, y, seed)
    return wp.vec2(
        float(h & wp.uint32(0xFFFF)) * (2.0 / 65535.0) - 1.0,
        float(h >> wp.uint32(16)) * (2.0 / 65535.0) - 1.0,
    )


@wp.func
def noise2_slope(x: float, y: float, seed: int) -> wp.vec2:
    """Return the derivatives of `skycrane.mars.noise.noise2`, exactly, at the price of one."""
    begin = shift(seed)
    x += begin[0]
    y += begin[1]
    fx = wp.floor(x)
    fy = wp.floor(y)
    ix = int(fx)
    iy = int(fy)
    dx = x - fx
    dy = y - fy
    u = dx * dx * dx * (dx * (dx * 6.0 - 15.0) + 10.0)
    v = dy * dy * dy * (dy * (dy * 6.0 - 15.0) + 10.0)
    rise_u = 30.0 * dx * dx * (dx - 1.0) * (dx - 1.0)
    rise_v = 30.0 * dy * dy * (dy - 1.0) * (dy - 1.0)
    ga = _gradient(ix, iy, seed)
    gb = _gradient(ix + 1, iy, seed)
    gc = _gradient(ix, iy + 1, seed)
    gd = _gradient(ix + 1, iy + 1, seed)
    a = ga[0] * dx + ga[1] * dy
    b = gb[0] * (dx - 1.0) + gb[1] * dy
    c = gc[0] * dx + gc[1] * (dy - 1.0)
    d = gd[0] * (dx - 1.0) + gd[1] * (dy - 1.0)
    twist = a - b - c + d
    plain = ga + (gb - ga) * u + (gc - ga) * v + (ga - gb - gc + gd) * (u * v)
    bent = wp.vec2(rise_u * (b - a + v * twist), rise_v * (c - a + u * twist))
    return (plain + bent) * 1.7


@wp.func
def fine_slope(x: float, y: float, cell: float, foot: float, seed: int) -> wp.vec2:
    """Return the slope (east, north) of relief from a grid's `cell` [m] down to two footprints."""
    slope = wp.vec2(0.0, 0.0)
    # A footprint averages what is not much wider than itself: the sinc of their ratio, nearly.
    e = wp.max(foot, 0.02 * cell)
    wavelength = wp.min(2.0 * cell, 3.0)
    for i in range(3):
        if wavelength > 2.0 * foot:
            share = wp.min(e / wavelength, 0.5)
            keep = _STEEPNESS * (1.0 - 1.45 * share * share)
            slope += noise2_slope(x / wavelength, y / wavelength, seed + i) * keep
            wavelength *= 0.5
    size = 0.7 * cell
    if size > 2.0 * foot and size < 0.03:
        h = stones(x, y, size, 0.35, seed + 20)[0]
        east = stones(x + e, y, size, 0.35, seed + 20)[0]
        north = stones(x, y + e, size, 0.35, seed + 20)[0]
        slope += wp.vec2(east - h, north - h) / e
    return slope
