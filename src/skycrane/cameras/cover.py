"""Which tiles of a picture each surface may be seen in, by the images of its triangles."""

# mypy: ignore-errors
from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from skycrane.cameras.optics import Lens

__all__ = ["TILE", "Chart", "chart_of", "cover_kernel"]

wp.set_module_options({"enable_backward": False})

TILE = 16
"""Photosites a tile's side, by which the kernels skip what cannot be seen there."""
_REACH = 3.0
"""How far from the axis the chart goes at least, on the plane at unit distance."""
_NODES = 385
_BEYOND = 1.15
"""How far past the picture's edge a triangle counts as outside, in half widths."""
_ALL = wp.constant(1.0e6)
_LARGE = wp.constant(32.0)
"""Photosites wide from which a triangle's corners bound its image, dearer but closer."""


@wp.struct
class Chart:
    """Where a lens draws what lies ahead of it.

    Attributes:
        pixel: column and row over ideal image-plane coordinates, (nodes down, nodes across).
        reach: half width of the chart on the plane at unit distance.
        edge: past these plane coordinates nothing is in the picture.
        focal: focal length, px.
        sway: how far from the optical centre rays start at most, m.
    """

    pixel: wp.array2d(dtype=wp.vec2)
    reach: float
    edge: wp.vec2
    focal: float
    sway: float


def chart_of(lens: Lens, device: str) -> Any:
    """Return the `Chart` of a lens on a device; bilinear, it errs by a tenth of a photosite."""
    reach = max(_REACH, 1.2 * float(lens.half_extent.max()))
    line = np.linspace(-reach, reach, _NODES)
    plane = np.stack(np.meshgrid(line, line), axis=-1)
    with np.errstate(all="ignore"):
        pixel = lens.distort(plane) * [lens.fx, lens.fy] + [lens.cx, lens.cy]
    chart = Chart()
    far = np.nan_to_num(np.clip(pixel, -1e6, 1e6), nan=1e6)
    chart.pixel = wp.array(far.astype(np.float32), dtype=wp.vec2, device=device)
    chart.reach, chart.focal, chart.sway = reach, lens.fx, lens.pupil_reach_m
    chart.edge = wp.vec2(*(lens.half_extent * _BEYOND))
    return chart


@wp.func
def _drawn(chart: Chart, plane: wp.vec2) -> wp.vec2:
    """Return the photosite (column, row) at which a point of the image plane is drawn."""
    last = float(chart.pixel.shape[0] - 1)
    x = wp.clamp((plane[0] / chart.reach + 1.0) * 0.5 * last, 0.0, last - 0.001)
    y = wp.clamp((plane[1] / chart.reach + 1.0) * 0.5 * last, 0.0, last - 0.001)
    j = int(x)
    i = int(y)
    u = x - float(j)
    v = y - float(i)
    low = chart.pixel[i, j] * (1.0 - u) + chart.pixel[i, j + 1] * u
    high = chart.pixel[i + 1, j] * (1.0 - u) + chart.pixel[i + 1, j + 1] * u
    return low * (1.0 - v) + high * v


@wp.func
def _beside(chart: Chart, p: wp.vec3, q: wp.vec3, r: wp.vec3) -> bool:
    """Return whether a triangle lies wholly behind the camera or beyond one edge of the picture."""
    if wp.max(p[2], wp.max(q[2], r[2])) <= 1.0e-3:
        return True
    for axis in range(2):
        edge = chart.edge[axis]
        a = p[axis]
        b = q[axis]
        c = r[axis]
        if wp.min(a - p[2] * edge, wp.min(b - q[2] * edge, c - r[2] * edge)) > 0.0:
            return True
        if wp.max(a + p[2] * edge, wp.max(b + q[2] * edge, c + r[2] * edge)) < 0.0:
            return True
    return False


@wp.func
def _circle(chart: Chart, p: wp.vec3, q: wp.vec3, r: wp.vec3) -> wp.vec4:
    """Return the photosites (left, top, right, bottom) that a triangle's sphere is drawn in."""
    c = (p + q + r) / 3.0
    reach = wp.max(wp.length(p - c), wp.max(wp.length(q - c), wp.length(r - c)))
    if c[2] < 1.5 * reach + 1.0e-3:
        return wp.vec4(-_ALL, -_ALL, _ALL, _ALL)
    plane = wp.vec2(c[0] / c[2], c[1] / c[2])
    if wp.max(wp.abs(plane[0]), wp.abs(plane[1])) >= chart.reach:
        return wp.vec4(_ALL, _ALL, -_ALL, -_ALL)
    pixel = _drawn(chart, plane)
    # A sphere's image is wider off the axis; three photosites for jitter and for the lens.
    wide = (reach + chart.sway) / wp.max(c[2] - reach, 1.0e-3) * (1.0 + wp.dot(plane, plane))
    wide = wide * chart.focal + 3.0
    return wp.vec4(pixel[0] - wide, pixel[1] - wide, pixel[0] + wide, pixel[1] + wide)


@wp.func
def _corners(chart: Chart, p: wp.vec3, q: wp.vec3, r: wp.vec3) -> wp.vec4:
    """Return the photosites that a triangle is drawn in, by its corners' images.

    A lens bends the edges between them: by some more than the middle of an edge is off its chord.
    """
    if wp.min(p[2], wp.min(q[2], r[2])) < 1.0e-3:
        return wp.vec4(-_ALL, -_ALL, _ALL, _ALL)
    a = wp.vec2(p[0] / p[2], p[1] / p[2])
    b = wp.vec2(q[0] / q[2], q[1] / q[2])
    c = wp.vec2(r[0] / r[2], r[1] / r[2])
    low = wp.min(a, wp.min(b, c))
    high = wp.max(a, wp.max(b, c))
    if wp.max(wp.max(high), -wp.min(low)) >= chart.reach:
        return wp.vec4(-_ALL, -_ALL, _ALL, _ALL)
    u = _drawn(chart, a)
    v = _drawn(chart, b)
    w = _drawn(chart, c)
    bend = wp.length(_drawn(chart, 0.5 * (a + b)) - 0.5 * (u + v))
    bend = wp.max(bend, wp.length(_drawn(chart, 0.5 * (b + c)) - 0.5 * (v + w)))
    bend = wp.max(bend, wp.length(_drawn(chart, 0.5 * (c + a)) - 0.5 * (w + u)))
    sway = chart.sway / wp.min(p[2], wp.min(q[2], r[2])) * chart.reach * chart.focal
    wide = 1.5 * bend + 3.0 + sway
    low = wp.min(u, wp.min(v, w))
    high = wp.max(u, wp.max(v, w))
    return wp.vec4(low[0] - wide, low[1] - wide, high[0] + wide, high[1] + wide)


@wp.kernel(enable_backward=False)
def cover_kernel(
    row0: int,
    chart: Chart,
    points: wp.array(dtype=wp.vec3),
    triangles: wp.array2d(dtype=int),
    turn: wp.mat33,
    shift: wp.vec3,
    bit: int,
    tiles: wp.array2d(dtype=int),
):
    """Set a surface's bit in the tiles that the spheres around its triangles may be drawn in.

    `turn` and `shift` take the surface's frame to the optical one. A triangle that passes by the
    camera so close that no circle bounds its image counts everywhere.
    """
    k, _ = wp.tid()
    k += row0
    p = turn * points[triangles[k, 0]] + shift
    q = turn * points[triangles[k, 1]] + shift
    r = turn * points[triangles[k, 2]] + shift
    if _beside(chart, p, q, r):
        return
    box = _circle(chart, p, q, r)
    if box[2] - box[0] > _LARGE:
        closer = _corners(chart, p, q, r)
        box[0] = wp.max(box[0], closer[0])
        box[1] = wp.max(box[1], closer[1])
        box[2] = wp.min(box[2], closer[2])
        box[3] = wp.min(box[3], closer[3])
    top = wp.max(int(wp.floor(box[1] / 16.0)), 0)
    left = wp.max(int(wp.floor(box[0] / 16.0)), 0)
    bottom = wp.min(int(wp.floor(box[3] / 16.0)), tiles.shape[0] - 1)
    right = wp.min(int(wp.floor(box[2] / 16.0)), tiles.shape[1] - 1)
    for i in range(top, bottom + 1):
        for j in range(left, right + 1):
            if (tiles[i, j] & bit) == 0:
                wp.atomic_or(tiles, i, j, bit)
