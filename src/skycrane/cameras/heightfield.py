"""Rays against the ground: nested height grids under pyramids of maxima, on a curved planet.

The frame is the site's (east, north, up) moved to the focus of the finest grids. Heights in the
grids count from the curved datum; a ray is lifted by the datum's drop instead, so that it becomes
a parabola over a flat grid. Within a cell the ground is bilinear and the ray's clearance over it a
quadratic in the ray's length, which is solved exactly.
"""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mars.parallel import launch_rows
from skycrane.mars.terrain import Level
from skycrane.mars.terrain_light import halve

__all__ = [
    "Ground",
    "GroundLevel",
    "block_top",
    "datum_height",
    "ground_of",
    "trace_ground",
    "trace_ground_from",
]

wp.set_module_options({"enable_backward": False})

_BLOCK = wp.constant(7)
"""Coarsest pyramid step a ray starts with: blocks of 128 cells."""
_LIMIT = wp.constant(900)
"""Steps after which a ray counts as missed; grazing rays over rough ground take about 200."""


@wp.struct
class GroundLevel:
    """One grid: place, spacing, size, and where its data begin in the shared arrays."""

    x0: float
    y0: float
    cell: float
    count: int
    heights: int
    maxima: int
    texels: int
    top: float
    low: float


@wp.struct
class Ground:
    """All levels, coarse to fine.

    Attributes:
        levels: the grids.
        heights: node heights of all levels, m.
        maxima: pyramids of maxima of all levels, from blocks of two cells on.
        texels: pyramids of packed light and surface of all levels.
        focus: east and north of the frame's origin from the target, m.
        curvature: half the inverse of the planet's radius, 1/m.
    """

    levels: wp.array(dtype=GroundLevel)  # type: ignore[valid-type]
    heights: wp.array(dtype=float)  # type: ignore[valid-type]
    maxima: wp.array(dtype=float)  # type: ignore[valid-type]
    texels: wp.array(dtype=wp.vec2ui)  # type: ignore[valid-type]
    focus: wp.vec2
    curvature: float


def _maxima(height: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return maxima over blocks of 2, 4, 8 ... cells, each with the nodes on its far edges."""
    n = len(height)
    padded = np.pad(height, ((0, 1), (0, 1)), mode="edge")
    rows = np.maximum(np.maximum(padded[0:n:2], padded[1 : n + 1 : 2]), padded[2 : n + 2 : 2])
    block = np.maximum(np.maximum(rows[:, 0:n:2], rows[:, 1 : n + 1 : 2]), rows[:, 2 : n + 2 : 2])
    pyramid = [block]
    while len(block) > 1:
        block = np.maximum(
            np.maximum(block[0::2, 0::2], block[1::2, 0::2]),
            np.maximum(block[0::2, 1::2], block[1::2, 1::2]),
        )
        pyramid.append(block)
    return pyramid


def _texel_pyramid(texels: NDArray[np.uint32], workers: int | None) -> list[NDArray[np.uint32]]:
    fine = wp.array(texels, dtype=wp.vec2ui, device="cpu")
    pyramid = [texels.reshape(-1, 2)]
    n = len(texels)
    while n > 1:
        n //= 2
        coarse = wp.zeros((n, n), dtype=wp.vec2ui, device="cpu")
        launch_rows(halve, n, n, [fine, coarse], workers=workers)
        pyramid.append(coarse.numpy().reshape(-1, 2))
        fine = coarse
    return pyramid


def ground_of(
    levels: Sequence[Level],
    focus_m: tuple[float, float],
    radius_m: float,
    *,
    device: str = "cpu",
    workers: int | None = None,
) -> Any:
    """Return the `Ground` of lit levels (coarse to fine, sizes powers of two) on a device."""
    table, heights, maxima, texels = [], [], [], []
    at = [0, 0, 0]
    for level in levels:
        n = len(level.height_m)
        if n & (n - 1):
            raise ValueError(f"a level of {n} nodes; a power of two is needed")
        row = GroundLevel()
        row.x0 = level.origin_m[0] - focus_m[0]
        row.y0 = level.origin_m[1] - focus_m[1]
        row.cell, row.count = level.cell_m, n
        row.heights, row.maxima, row.texels = at
        row.top = float(level.height_m.max())
        row.low = float(level.height_m.min())
        table.append(row)
        heights.append(level.height_m.ravel())
        maxima += [block.ravel() for block in _maxima(level.height_m)]
        texels += _texel_pyramid(level.texels, workers)
        at = [sum(map(len, part)) for part in (heights, maxima, texels)]
    ground = Ground()
    ground.levels = wp.array(table, dtype=GroundLevel, device=device)
    ground.heights = wp.array(np.concatenate(heights), dtype=float, device=device)
    ground.maxima = wp.array(np.concatenate(maxima), dtype=float, device=device)
    ground.texels = wp.array(np.concatenate(texels), dtype=wp.vec2ui, device=device)
    ground.focus = wp.vec2(*focus_m)
    ground.curvature = 0.5 / radius_m
    return ground


@wp.func
def datum_height(g: Ground, p: wp.vec3) -> float:
    """Return the height of a point above the curved datum, m."""
    x = p[0] + g.focus[0]
    y = p[1] + g.focus[1]
    return p[2] + (x * x + y * y) * g.curvature


@wp.func
def block_top(g: Ground, lv: GroundLevel, step: int, i: int, j: int) -> float:
    """Return the greatest height of a level in block (i, j) of 2^step cells, step 1 or more."""
    row = lv.count >> step
    before = (lv.count * lv.count - (lv.count >> (step - 1)) * (lv.count >> (step - 1))) // 3
    return g.maxima[lv.maxima + before + i * row + j]


@wp.func
def _clearance(g: Ground, lv: GroundLevel, i: int, j: int, p: wp.vec3) -> float:
    """Return the height of a point over the bilinear ground of cell (i, j)."""
    at = lv.heights + i * lv.count + j
    u = (p[0] - lv.x0) / lv.cell - float(j)
    v = (p[1] - lv.y0) / lv.cell - float(i)
    a = g.heights[at]
    b = g.heights[at + 1]
    c = g.heights[at + lv.count]
    d = g.heights[at + lv.count + 1]
    low = a + u * (b - a)
    return datum_height(g, p) - (low + v * (c + u * (d - c) - low))


@wp.func
def _root(f0: float, fm: float, f1: float) -> float:
    """Return where in 0..1 a quadratic of f(0), f(1/2), f(1) first falls to 0; 2 if nowhere."""
    if f0 <= 0.0:
        return float(0.0)
    a = 2.0 * (f0 - 2.0 * fm + f1)
    b = f1 - f0 - a
    disc = b * b - 4.0 * a * f0
    if disc < 0.0:
        return float(2.0)
    # The root of a falling crossing, in the form that loses no digits (Press et al.).
    q = -0.5 * (b - wp.sqrt(disc))
    if b < 0.0:
        # f0 > 0 and falling: the first root is f0 / q with the larger q.
        return wp.where(q > 0.0, f0 / q, 2.0)
    if a < 0.0:
        return (-b - wp.sqrt(disc)) / (2.0 * a)
    return float(2.0)


@wp.func(inline=True)
def _trace_level(
    g: Ground,
    lv: GroundLevel,
    o: wp.vec3,
    d: wp.vec3,
    inv_x: float,
    inv_y: float,
    start: float,
    end: float,
) -> float:
    """Return the first distance in [start, end] at which the ray meets this level, or -1."""
    t = start
    across = d[0] * d[0] + d[1] * d[1]
    # No ray falls faster toward the datum than this, whichever way the datum curves. So far it
    # falls to the level's top at once; from there, blocks about as wide as its way through relief.
    fastest = wp.max(-d[2], 0.0) + 0.03
    fall = wp.max(-d[2], 1.0e-3)
    t = wp.min(t + wp.max(datum_height(g, o + d * t) - lv.top, 0.0) / fastest, end)
    width = (lv.top - lv.low) * wp.sqrt(across) / fall / lv.cell
    step = wp.clamp(int(wp.log2(wp.max(width, 1.0))) + 1, 2, int(_BLOCK))
    # A hair into the next cell, so that a step ends in it and not on its edge.
    nudge = lv.cell * 2.0e-3
    for _n in range(_LIMIT):
        if t >= end:
            return float(-1.0)
        x = o[0] + d[0] * t - lv.x0 + wp.sign(inv_x) * nudge
        y = o[1] + d[1] * t - lv.y0 + wp.sign(inv_y) * nudge
        j = wp.clamp(int(wp.floor(x / lv.cell)), 0, lv.count - 2)
        i = wp.clamp(int(wp.floor(y / lv.cell)), 0, lv.count - 2)
        bj = j >> step
        bi = i >> step
        size = lv.cell * float(1 << step)
        edge_x = float(wp.where(inv_x > 0.0, bj + 1, bj)) * size + lv.x0
        edge_y = float(wp.where(inv_y > 0.0, bi + 1, bi)) * size + lv.y0
        leave = wp.min((edge_x - o[0]) * inv_x, (edge_y - o[1]) * inv_y)
        leave = wp.min(wp.max(leave, t + nudge * 0.5), end)
        z0 = datum_height(g, o + d * t)
        z1 = datum_height(g, o + d * leave)
        # The parabola sags below its chord by this much at most.
        span = leave - t
        lowest = wp.min(z0, z1) - across * span * span * g.curvature * 0.25
        if step > 0:
            highest = block_top(g, lv, step, bi, bj)
            if lowest > highest:
                t = leave
                step = wp.min(step + 1, int(_BLOCK))
            else:
                t = wp.min(t + wp.max(z0 - highest, 0.0) / fastest, leave - nudge * 0.25)
                step -= 1
                if step > 1:
                    step -= 1
        else:
            f0 = _clearance(g, lv, i, j, o + d * t)
            fm = _clearance(g, lv, i, j, o + d * (0.5 * (t + leave)))
            f1 = _clearance(g, lv, i, j, o + d * leave)
            if f0 <= 0.0 or f1 <= 0.0 or fm <= 0.0 or fm < 0.5 * wp.min(f0, f1):
                r = _root(f0, fm, f1)
                if r <= 1.0:
                    return t + r * span
            t = leave
            step = 1
    return float(-1.0)


@wp.func
def _inside(lv: GroundLevel, o: wp.vec3, ix: float, iy: float) -> wp.vec2:
    """Return the distances between which the ray is over a level; first > second if never."""
    reach = float(lv.count - 1) * lv.cell
    margin = 2.0 * lv.cell
    a = (lv.x0 + margin - o[0]) * ix
    b = (lv.x0 + reach - margin - o[0]) * ix
    c = (lv.y0 + margin - o[1]) * iy
    e = (lv.y0 + reach - margin - o[1]) * iy
    enter = wp.max(wp.min(a, b), wp.min(c, e))
    leave = wp.min(wp.max(a, b), wp.max(c, e))
    return wp.vec2(enter, leave)


@wp.func
def trace_ground(g: Ground, o: wp.vec3, d: wp.vec3, cone: float, far: float) -> float:
    """Return the distance to the ground along a ray [m], or -1.

    `cone` is the angle of a pixel [rad]: a level is used only while its cells are not much smaller
    than a pixel. `far` bounds the distance.
    """
    return trace_ground_from(g, o, d, cone, 0.0, far)


@wp.func(inline=True)
def trace_ground_from(
    g: Ground, o: wp.vec3, d: wp.vec3, cone: float, begin: float, far: float
) -> float:
    """Return as `trace_ground`, for a ray that meets nothing before `begin` [m]."""
    if begin >= far:
        return float(-1.0)
    count = g.levels.shape[0]
    ix = 1.0 / wp.where(wp.abs(d[0]) < 1.0e-7, 1.0e-7, d[0])
    iy = 1.0 / wp.where(wp.abs(d[1]) < 1.0e-7, 1.0e-7, d[1])
    t = float(begin)
    if d[2] > 0.0:
        # A rising ray that leaves each level above the top of the next meets nothing.
        m = count - 1
        while m >= 0 and datum_height(g, o + d * t) > g.levels[m].top:
            t = wp.max(t, _inside(g.levels[m], o, ix, iy)[1])
            m -= 1
        if m < 0:
            return float(-1.0)
        t = float(begin)
    for _k in range(16):
        # The finest level here that is still worth its cells, and where a finer one begins.
        best = int(-1)
        until = far
        m = count - 1
        while m >= 0:
            lv = g.levels[m]
            worth = wp.where(m == 0, far, 1.2 * lv.cell / cone)
            if t < worth:
                span = _inside(lv, o, ix, iy)
                leave = wp.min(span[1], worth)
                enter = wp.max(span[0], 0.0)
                if t >= enter and t < leave - 1.0e-4:
                    best = m
                    until = wp.min(until, leave)
                    break
                if enter > t and enter < leave:
                    until = wp.min(until, enter)
            m -= 1
        if best < 0:
            return float(-1.0)
        chosen = g.levels[best]
        hit = _trace_level(g, chosen, o, d, ix, iy, t, until)
        if hit >= 0.0:
            return hit
        t = until
        if t >= far:
            return float(-1.0)
    return float(-1.0)
