"""Hollows of the floor: single pits of many sizes, drawn out along the wind, by neighbourhoods."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import hash2, lattice2, unit
from skycrane.mars.terrain_form import Form, step

__all__ = ["hollows", "tract"]

wp.set_module_options({"enable_backward": False})

_SIZES = wp.constant(4)
_FINER = wp.constant(0.56)
_WIDEST_M = wp.constant(210.0)


@wp.func
def tract(x: float, y: float, seed: int) -> float:
    """Return noise, about -1 to 1, that tells tracts of some hundred metres from each other.

    Each has a character of its own; they lie along the wind no more than across it.
    """
    n = lattice2(x / 610.0, y / 610.0, seed) + 0.6 * lattice2(x / 270.0, y / 270.0, seed + 1)
    return n + 0.5 * lattice2(x / 1700.0, y / 1700.0, seed + 2)


@wp.func
def _pits(along: float, aside: float, size: float, share: float, seed: int) -> float:
    """Return depth, 0 to 1, of pits `size` to half of it across, at most one in each cell."""
    cell = 1.25 * size
    px = along / (1.45 * cell)
    py = aside / cell
    fx = wp.floor(px - 0.5)
    fy = wp.floor(py - 0.5)
    deepest = float(0.0)
    for j in range(2):
        for i in range(2):
            k = hash2(int(fx) + i, int(fy) + j, seed)
            if unit(k, 0) < share:
                m = hash2(int(fx) + i, int(fy) + j, seed + 3)
                wide = size * (0.5 + 0.5 * unit(m, 0))
                dx = (px - fx - float(i) - 0.3 - 0.4 * unit(k, 1)) * 1.45 * cell
                dy = (py - fy - float(j) - 0.3 - 0.4 * unit(k, 2)) * cell
                # Each is drawn out by its own measure and turned a little against the wind.
                turn = 0.9 * (unit(m, 1) - 0.5)
                long = 1.1 + 0.9 * unit(m, 2)
                ex = (dx + turn * dy) / (0.5 * wide * long)
                ey = (dy - turn * dx) / (0.5 * wide)
                q = wp.sqrt(ex * ex + ey * ey)
                # Worn back on the lee side, steep where the wind undercuts it.
                q *= 1.0 + 0.22 * ex / (0.4 + q)
                if q < 1.35:
                    # Toward its tract's edge it is shallower, so that none is cut off.
                    some = step(0.0, 0.25, share - unit(k, 0)) * (0.55 + 0.45 * unit(m, 1))
                    deepest = wp.max(deepest, some * step(1.12, 0.55, q) * wide / size)
    return deepest


@wp.func
def hollows(x: float, y: float, share: float, more: float, finest: float, form: Form) -> float:
    """Return how deep [m] the floor is worn into pits of 20 to 210 m, where `share` of it is.

    Which sizes a tract has is its own: here large ones, there a swarm of small ones. `more`, 0 to
    1, fills it with all of them.
    """
    s = form.seed + 7240
    along = x * form.ripple_across[0] + y * form.ripple_across[1]
    aside = x * form.ripple_across[1] - y * form.ripple_across[0]
    # No outline is an ellipse.
    wx = 15.0 * lattice2(x / 83.0, y / 83.0, s)
    wy = 15.0 * lattice2(x / 83.0 + 5.3, y / 83.0, s)
    if finest < 30.0:
        wx += 5.0 * lattice2(x / 31.0, y / 31.0, s + 1)
        wy += 5.0 * lattice2(x / 31.0 + 5.3, y / 31.0, s + 1)
    among = tract(x, y, s + 20)
    total = float(0.0)
    size = float(_WIDEST_M)
    for i in range(_SIZES):
        if size >= 1.6 * finest:
            here = 0.7 * among + 0.8 * lattice2(x / 450.0, y / 450.0, s + 30 + 7 * i) + more
            some = share * (0.02 + 0.90 * step(-0.10, 0.45, here))
            if some > 0.01:
                deep = _pits(along + wx, aside + wy, size, some, s + 60 + 11 * i)
                total = wp.max(total, deep * wp.pow(size / _WIDEST_M, 0.35))
        size *= _FINER
    return form.hollow_depth * total
