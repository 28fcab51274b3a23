"""Stones: angular, as many of each size as the published law of the cover gives."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import hash2, noise2, unit
from skycrane.mars.terrain_form import Form, step

__all__ = ["gravel", "rocks", "stone_share", "stones"]

wp.set_module_options({"enable_backward": False})


@wp.func
def stones(x: float, y: float, size: float, density: float, seed: int) -> wp.vec2:
    """Return (height, share) of the stone at a place: one candidate of about `size` in each cell.

    `density` is the fraction of cells that hold one. Stones are angular: a half ellipsoid cut by
    planes, so that facets catch the light.
    """
    cell = size * 2.2
    px = x / cell
    py = y / cell
    fx = wp.floor(px - 0.5)
    fy = wp.floor(py - 0.5)
    best = float(0.0)
    share = float(0.0)
    for j in range(2):
        for i in range(2):
            cx = int(fx) + i
            cy = int(fy) + j
            h = hash2(cx, cy, seed)
            if unit(h, 0) < density:
                g = hash2(cx, cy, seed + 5)
                ox = (px - float(cx) - 0.25 - 0.5 * unit(h, 1)) * cell
                oy = (py - float(cy) - 0.25 - 0.5 * unit(h, 2)) * cell
                r = size * (0.30 + 0.30 * unit(g, 0))
                turn = 6.2831853 * unit(g, 1)
                c = wp.cos(turn)
                s = wp.sin(turn)
                u = (c * ox + s * oy) / r
                v = (c * oy - s * ox) / (r * (0.55 + 0.4 * unit(g, 2)))
                u += 0.22 * noise2(ox / r * 1.3 + unit(g, 0) * 91.0, oy / r * 1.3, seed + 6)
                d = u * u + v * v
                if d < 1.0:
                    dome = wp.sqrt(1.0 - d)
                    cut = 0.55 + 0.4 * (0.7 * u - 0.5 * v) * (unit(g, 1) - 0.3)
                    cut2 = 0.9 - 0.8 * wp.abs(0.6 * v + 0.5 * u - 0.2)
                    top = wp.min(wp.min(dome * 1.1, cut), cut2)
                    top = top * (0.55 + 0.5 * unit(h, 1)) * r
                    if top > best:
                        best = top
                        share = step(0.0, 0.3, dome)
    return wp.vec2(best, share)


@wp.func
def stone_share(size: float, cover: float) -> float:
    """Return the share of cells of `stones` that hold one, where rocks cover `cover` of the ground.

    Rocks of diameter D or more cover k exp(-q D), q = 1.79 + 0.152 / k (Golombek and Rapp 1997, J.
    Geophys. Res. 102, 4117). A class has diameters of 0.6 to 1.2 of its size, the next one goes on
    from there; a stone of it covers 0.102 of its cell on average.
    """
    q = 1.79 + 0.152 / cover
    return cover * (wp.exp(-0.6 * q * size) - wp.exp(-1.2 * q * size)) / 0.102


@wp.func(inline=True)
def rocks(x: float, y: float, stony: float, finest: float, form: Form) -> wp.vec2:
    """Return (height [m], share) of the rocks at a place: each class half the one before in size.

    `stony` is how many times the mission's cover lies about here. They lie in clusters, of each
    class its own, whose cover is log-normal about that.
    """
    s = form.seed
    h = float(0.0)
    rock = float(0.0)
    clear = x * x + y * y < form.clear_radius * form.clear_radius
    size = float(2.4)
    for i in range(9):
        if size > 1.2 * finest and not (clear and size > form.clear_over):
            near = noise2(x / (size * 9.0), y / (size * 9.0), s + 8150 + i)
            # exp(k n) of noise with deviation 0.35 has the mean exp((0.35 k)^2 / 2).
            local = wp.clamp(form.rock_cover * stony * wp.exp(2.6 * near - 0.41), 1.0e-4, 0.45)
            st = stones(x, y, size, stone_share(size, local), s + 8160 + i * 11)
            if st[0] > 0.0:
                h += st[0]
                rock = wp.max(rock, st[1])
        size *= 0.5
    return wp.vec2(h, rock)


@wp.func(inline=True)
def gravel(x: float, y: float, cover: float, finest: float, form: Form) -> wp.vec2:
    """Return (height [m], share) of gravel and granules that cover a share of the ground."""
    h = float(0.0)
    share = float(0.0)
    size = float(0.055)
    for i in range(3):
        if size > 1.2 * finest:
            local = wp.clamp(cover / (3.0 * 0.102), 0.0, 0.9)
            st = stones(x, y, size, local, form.seed + 8195 + i * 11)
            if st[0] > 0.0:
                h += st[0]
                share = wp.max(share, 0.8 * st[1])
        size *= 0.5
    return wp.vec2(h, share)
