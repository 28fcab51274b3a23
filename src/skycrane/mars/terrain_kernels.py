"""Kernels that fill grids: the landform, the units of ground, and all that lies on them."""

# mypy: ignore-errors
# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.terrain_colour import tint
from skycrane.mars.terrain_detail import ground_at
from skycrane.mars.terrain_form import Form, step
from skycrane.mars.terrain_landform import base_height
from skycrane.mars.terrain_units import Units, theirs, units_at

__all__ = ["base_kernel", "bicubic", "ground_kernel", "units_kernel"]

wp.set_module_options({"enable_backward": False})


@wp.kernel(enable_backward=False)
def base_kernel(
    row0: int,
    origin: wp.vec2,
    cell: float,
    finest: float,
    form: Form,
    height: wp.array2d(dtype=float),
):
    """Fill heights of the landform, of wavelengths down to `finest` [m]."""
    i, j = wp.tid()
    i += row0
    x = origin[0] + float(j) * cell
    y = origin[1] + float(i) * cell
    height[i, j] = base_height(x, y, finest, form)


@wp.func
def _weights(u: float) -> wp.vec4:
    # Catmull-Rom: passes through the nodes with a continuous slope.
    return wp.vec4(
        u * (-0.5 + u * (1.0 - 0.5 * u)),
        1.0 + u * u * (-2.5 + 1.5 * u),
        u * (0.5 + u * (2.0 - 1.5 * u)),
        u * u * (-0.5 + 0.5 * u),
    )


@wp.func
def bicubic(grid: wp.array2d(dtype=float), x: float, y: float) -> float:
    """Return a grid between its nodes, smoothly (Catmull-Rom); x, y in cells."""
    n = grid.shape[0]
    j = wp.clamp(int(wp.floor(x)), 1, n - 3)
    i = wp.clamp(int(wp.floor(y)), 1, n - 3)
    wx = _weights(x - float(j))
    wy = _weights(y - float(i))
    total = float(0.0)
    for k in range(4):
        row = float(0.0)
        for m in range(4):
            row += wx[m] * grid[i + k - 1, j + m - 1]
        total += wy[k] * row
    return total


@wp.kernel(enable_backward=False)
def units_kernel(
    row0: int,
    origin: float,
    cell: float,
    form: Form,
    units: wp.array2d(dtype=Units),
):
    """Fill a square grid of units of ground."""
    i, j = wp.tid()
    i += row0
    units[i, j] = units_at(origin + float(j) * cell, origin + float(i) * cell, form)


@wp.func
def _mix(a: Units, b: Units, share: float) -> Units:
    m = Units()
    m.into = a.into + (b.into - a.into) * share
    m.pitted = a.pitted + (b.pitted - a.pitted) * share
    m.mantle = a.mantle + (b.mantle - a.mantle) * share
    m.hummock = a.hummock + (b.hummock - a.hummock) * share
    m.soft = a.soft + (b.soft - a.soft) * share
    m.inside = a.inside + (b.inside - a.inside) * share
    m.rim = a.rim + (b.rim - a.rim) * share
    m.lows = a.lows + (b.lows - a.lows) * share
    m.patch = a.patch + (b.patch - a.patch) * share
    m.tone = a.tone + (b.tone - a.tone) * share
    return m


@wp.func
def _units(grid: wp.array2d(dtype=Units), x: float, y: float) -> Units:
    n = grid.shape[0]
    j = wp.clamp(int(wp.floor(x)), 0, n - 2)
    i = wp.clamp(int(wp.floor(y)), 0, n - 2)
    low = _mix(grid[i, j], grid[i, j + 1], x - float(j))
    high = _mix(grid[i + 1, j], grid[i + 1, j + 1], x - float(j))
    return _mix(low, high, y - float(i))


@wp.func
def _linear(grid: wp.array2d(dtype=wp.vec3), x: float, y: float) -> wp.vec3:
    n = grid.shape[0]
    j = wp.clamp(int(wp.floor(x)), 0, n - 2)
    i = wp.clamp(int(wp.floor(y)), 0, n - 2)
    u = wp.clamp(x - float(j), 0.0, 1.0)
    v = wp.clamp(y - float(i), 0.0, 1.0)
    low = wp.lerp(grid[i, j], grid[i, j + 1], u)
    high = wp.lerp(grid[i + 1, j], grid[i + 1, j + 1], u)
    return wp.lerp(low, high, v)


@wp.kernel(enable_backward=False)
def ground_kernel(
    row0: int,
    points: wp.array2d(dtype=wp.vec2),
    units: wp.array2d(dtype=Units),
    units_origin: float,
    units_cell: float,
    base: wp.array2d(dtype=float),
    base_sand: wp.array2d(dtype=float),
    base_origin: wp.vec2,
    base_cell: float,
    surface: wp.array2d(dtype=wp.vec3),
    extra_height: wp.array2d(dtype=float),
    extra_tone: wp.array2d(dtype=float),
    extra_cell: float,
    resolved: wp.vec2,
    finest: float,
    form: Form,
    height: wp.array2d(dtype=float),
    albedo: wp.array2d(dtype=wp.vec3),
):
    """Fill heights, and reflectances where asked for, at points of the ground."""
    i, j = wp.tid()
    i += row0
    p = points[i, j]
    gx = (p[0] - base_origin[0]) / base_cell
    gy = (p[1] - base_origin[1]) / base_cell
    cover = wp.clamp(bicubic(base_sand, gx, gy), -1.0, 1.0)
    u = Units()
    if units.shape[0] > 1:
        u = _units(units, (p[0] - units_origin) / units_cell, (p[1] - units_origin) / units_cell)
    else:
        u = units_at(p[0], p[1], form)
    h = bicubic(base, gx, gy)
    # What a user's files say here: x of `surface` is how far the ground is theirs, y how bright
    # it is, z how far that counts; `extra` refines height and brightness around the target.
    told = wp.vec3(0.0, 1.0, 0.0)
    known = resolved[0]
    if surface.shape[0] > 1:
        told = _linear(surface, gx, gy)
        if extra_height.shape[0] > 1 and finest < 4.0 * extra_cell:
            half = 0.5 * float(extra_height.shape[0]) * extra_cell
            near = wp.max(wp.abs(p[0]), wp.abs(p[1])) / half
            share = step(0.96, 0.80, near)
            if share > 0.0:
                ex = (p[0] + half) / extra_cell
                ey = (p[1] + half) / extra_cell
                h += share * bicubic(extra_height, ex, ey)
                told[1] += share * (bicubic(extra_tone, ex, ey) - told[1])
            known = wp.where(share > 0.5, resolved[1], known)
        u = theirs(u, wp.max(told[0], told[2]), told[2])
    g = ground_at(p[0], p[1], u, cover, finest, wp.vec2(told[0], known), told[2], form)
    height[i, j] = h + g.height
    if albedo.shape[0] > 0:
        # Sand that is caught in a hollow keeps moving: no dust settles on it.
        caught = 0.28 * step(0.0, 0.80, cover) * (1.0 - told[2])
        colour = wp.lerp(g.albedo, form.sand, caught)
        # And what it has swept shows rock.
        swept = step(0.0, -0.30, cover) * step(10.0, -30.0, u.inside)
        colour = wp.lerp(colour, form.bedrock, 0.14 * swept * (1.0 - told[2]))
        if told[2] > 0.0:
            colour = wp.cw_mul(colour, wp.lerp(wp.vec3(1.0), tint(told[1], form), told[2]))
        albedo[i, j] = colour
