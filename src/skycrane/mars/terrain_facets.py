"""Noise of flat facets: its lines of equal height run straight and turn at corners."""

from __future__ import annotations

import warp as wp

from skycrane.mars.noise import hash2, unit

__all__ = ["facets"]

wp.set_module_options({"enable_backward": False})

_SKEW = wp.constant(0.3660254037844386)


@wp.func
def _corner(i: int, j: int, seed: int) -> float:
    return 2.0 * unit(hash2(i, j, seed), 0) - 1.0


@wp.func
def facets(x: float, y: float, seed: int) -> float:
    """Return noise of unit wavelength, -1 to 1, linear over each triangle of a regular net.

    The net is that of simplex noise (Perlin 2002): (sqrt(3) - 1) / 2 skews squares into pairs of
    equal triangles. A rock face that joints and fallen slabs have cut is made of such lengths.
    """
    skew = (x + y) * _SKEW
    i = int(wp.floor(x + skew))
    j = int(wp.floor(y + skew))
    a = x + skew - float(i)
    b = y + skew - float(j)
    first = _corner(i, j, seed)
    last = _corner(i + 1, j + 1, seed)
    # Barycentric weights: the square's diagonal parts its two triangles.
    if a > b:
        return (1.0 - a) * first + (a - b) * _corner(i + 1, j, seed) + b * last
    return (1.0 - b) * first + (b - a) * _corner(i, j + 1, seed) + a * last
