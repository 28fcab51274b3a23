"""Lines too thin for rays: a parachute's cords drawn by how much of a photosite they cover.

A cord of some millimetres seen from 40 m is a tenth of a photosite wide: single rays hit it by
chance, and a tree of boxes is slow on cords that run aslant. Each frame the cords are listed by
tile of the picture; a ray blends in the cords of its tile by the overlap of their width with its
own.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from skycrane.cameras.cover import TILE
from skycrane.cameras.optics import Lens
from skycrane.vehicle.materials import MATERIALS, material_id
from skycrane.vehicle.mesh import Shape

__all__ = ["StrandSet", "Strands", "StrandsOf", "cover_by_strands"]

wp.set_module_options({"enable_backward": False})

Array = NDArray[np.float64]

_LIST = 12
_SAMPLES = 128
_NEAR_M = 0.05


@wp.struct
class Strands:
    """The cords of one view.

    Attributes:
        start, end: ends in the local frame, m.
        radius: half widths, m.
        first: strand numbers by tile, -1 beyond the last, (tiles down, tiles across, list).
        albedo: reflectance.
        count: how many there are now; 0 skips everything.
    """

    start: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    end: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    radius: wp.array(dtype=float)  # type: ignore[valid-type]
    first: wp.array3d(dtype=wp.int16)  # type: ignore[valid-type]
    albedo: wp.vec3
    count: int


@wp.func
def cover_by_strands(
    s: Strands, row: int, column: int, o: wp.vec3, d: wp.vec3, far: float, cone: float
) -> wp.vec2:
    """Return (share of the ray's width covered, distance of the nearest cord) before `far`."""
    free = float(1.0)
    nearest = far
    i = row >> 4
    j = column >> 4
    for k in range(s.first.shape[2]):
        n = int(s.first[i, j, k])
        if n < 0:
            break
        a = s.start[n]
        along = s.end[n] - a
        # Closest approach of the ray to the cord's line.
        cross = wp.cross(d, along)
        size = wp.length(cross)
        w = a - o
        t = wp.dot(wp.cross(w, along), cross) / wp.max(size * size, 1.0e-12)
        u = wp.dot(wp.cross(w, d), cross) / wp.max(size * size, 1.0e-12)
        if t > 0.02 and t < far and u >= 0.0 and u <= 1.0:
            gap = wp.abs(wp.dot(w, cross)) / wp.max(size, 1.0e-12)
            half = 0.5 * cone * t
            r = s.radius[n]
            share = (wp.min(gap + half, r) - wp.max(gap - half, -r)) / (2.0 * half)
            if share > 0.0:
                free *= 1.0 - wp.min(share, 1.0)
                nearest = wp.min(nearest, t)
    return wp.vec2(1.0 - free, nearest)


@dataclass(frozen=True)
class StrandsOf:
    """Finds the cords of a shape once, and their ends whenever it has moved.

    Attributes:
        cloth: triangles that are not cords, and their materials.
    """

    first: csr_matrix
    last: csr_matrix
    cloth: NDArray[np.bool_]

    @classmethod
    def of(cls, shape: Shape, material: str = "line_white") -> StrandsOf:
        """Return the finder for bars of one material: each connected piece is a bar."""
        line = shape.material == material_id(material)
        triangles = shape.triangles[line]
        n = len(shape.vertices_m)
        pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
        graph = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
        _, label = connected_components(graph, directed=False)
        used = np.unique(triangles)
        pieces = np.unique(label[used])
        if not len(pieces):
            none = csr_matrix((0, n))
            return cls(none, none, ~line)
        rows: list[list[NDArray]] = [[], []]
        for piece in pieces:
            vertices = used[label[used] == piece]
            points = shape.vertices_m[vertices].astype(np.float64)
            axis = np.linalg.svd(points - points.mean(axis=0))[2][0]
            late = (points - points.mean(axis=0)) @ axis > 0
            rows[0].append(vertices[~late])
            rows[1].append(vertices[late])
        means = []
        for side in rows:
            length = np.array([len(v) for v in side])
            row = np.repeat(np.arange(len(side)), length)
            weight = np.repeat(1.0 / length, length)
            means.append(csr_matrix((weight, (row, np.concatenate(side))), shape=(len(side), n)))
        return cls(means[0], means[1], ~line)

    def without(self, shape: Shape) -> Shape:
        """Return a shape less its cords; its vertices stay."""
        return Shape(shape.vertices_m, shape.triangles[self.cloth], shape.material[self.cloth])

    def ends(self, shape: Shape) -> tuple[Array, Array, Array]:
        """Return starts and ends (n, 3) and half widths (n,) of the cords of a moved shape, m."""
        vertices = shape.vertices_m.astype(np.float64)
        a, b = self.first @ vertices, self.last @ vertices
        # Half width: root of the mean square distance of an end's corners from its middle.
        square = self.first @ np.sum(vertices**2, axis=1) - np.sum(a**2, axis=1)
        return a, b, np.sqrt(np.maximum(square, 1e-10))


class StrandSet:
    """The cords as one thread's kernels see them."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.data: Any = Strands()
        self.data.albedo = wp.vec3(*MATERIALS[material_id("line_white")].albedo)
        self._empty = wp.full((1, 1, 1), -1, dtype=wp.int16, device=device)
        self.clear()

    def clear(self) -> None:
        """Have no cords."""
        s = self.data
        s.count, s.first = 0, self._empty
        s.start = wp.zeros(1, dtype=wp.vec3, device=self.device)
        s.end = wp.zeros(1, dtype=wp.vec3, device=self.device)
        s.radius = wp.zeros(1, dtype=float, device=self.device)

    def place(
        self,
        start_m: Array,
        end_m: Array,
        radius_m: Array,
        *,
        eye_m: Array,
        turn: Array,
        lens: Lens,
    ) -> None:
        """List the cords by the tiles of a view.

        Args:
            start_m, end_m: ends in the local frame, (n, 3).
            radius_m: half widths, (n,).
            eye_m, turn: the camera in the local frame.
            lens: what it draws with.
        """
        if lens.width < 4 * TILE:
            # A coarse look at the light of the scene, to which cords add nothing.
            self.clear()
            return
        a, b = (start_m - eye_m) @ turn, (end_m - eye_m) @ turn
        ahead = (a[:, 2] > _NEAR_M) | (b[:, 2] > _NEAR_M)
        # Cut what lies behind the camera.
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = np.clip((_NEAR_M - a[:, 2]) / (b[:, 2] - a[:, 2]), 0, 1)[:, None]
        middle = a + (b - a) * np.nan_to_num(cut)
        a = np.where(a[:, 2:] < _NEAR_M, middle, a)
        b = np.where(b[:, 2:] < _NEAR_M, middle, b)
        p, q = a[:, :2] / np.maximum(a[:, 2:], 1e-6), b[:, :2] / np.maximum(b[:, 2:], 1e-6)
        # Beyond the picture the lens's polynomial means nothing: keep to a window around it.
        window = 1.3 * lens.half_extent
        s = np.linspace(0, 1, _SAMPLES)[None, :, None]
        low, high = _inside(p, q, window)
        p, q = p + (q - p) * low[:, None], p + (q - p) * high[:, None]
        ahead &= high > low
        points = lens.distort(p[:, None] + (q - p)[:, None] * s)
        pixel = points * [lens.fx, lens.fy] + [lens.cx, lens.cy]
        # Depth runs as the inverse along a line's image, the nearer end is the broader.
        near = np.minimum(np.maximum(a[:, 2], _NEAR_M), np.maximum(b[:, 2], _NEAR_M))
        wide = lens.fx * radius_m / near
        # The broadest first: where a tile's list is full, the thinnest are left out.
        order = np.argsort(-radius_m, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        across, down = -(-lens.width // TILE), -(-lens.height // TILE)
        code = _tiles_of(pixel[ahead], wide[ahead], rank[ahead], across, down)
        tile, which = code // 4096, code % 4096
        place = np.arange(len(tile)) - np.searchsorted(tile, tile, side="left")
        lists = np.full((down * across, _LIST), -1, np.int16)
        keep = place < _LIST
        lists[tile[keep], place[keep]] = order[which[keep]]
        data, device = self.data, self.device
        data.first = wp.array(lists.reshape(down, across, _LIST), dtype=wp.int16, device=device)
        data.start = wp.array(start_m.astype(np.float32), dtype=wp.vec3, device=device)
        data.end = wp.array(end_m.astype(np.float32), dtype=wp.vec3, device=device)
        data.radius = wp.array(radius_m.astype(np.float32), dtype=float, device=device)
        data.count = len(start_m)


def _tiles_of(
    pixel: Array, wide_px: Array, rank: NDArray[np.int64], across: int, down: int
) -> NDArray[np.int64]:
    """Return tile * 4096 + rank of every tile that cords touch, sorted, each once.

    Args:
        pixel: places along each cord, (n, samples, 2).
        wide_px: half widths in the picture, (n,).
        rank: each cord's number, (n,).
        across, down: tiles of the picture.
    """
    # Samples lie some five photosites apart; spreading by three leaves no gaps, and covers the
    # rays' jitter.
    found = [np.zeros(0, np.int64)]
    broad = wide_px > 2.0
    for some, steps in ((~broad, (-1.0, 1.0)), (broad, np.linspace(-1.0, 1.0, 9))):
        spread = 3.0 + np.minimum(wide_px[some], 60.0)[:, None]
        number = np.broadcast_to(rank[some][:, None], pixel[some].shape[:2])
        for dx in steps:
            j = np.floor((pixel[some][..., 0] + dx * spread) / TILE).astype(np.int64)
            for dy in steps:
                i = np.floor((pixel[some][..., 1] + dy * spread) / TILE).astype(np.int64)
                ok = (i >= 0) & (i < down) & (j >= 0) & (j < across)
                found.append((i[ok] * across + j[ok]) * 4096 + number[ok])
    return np.unique(np.concatenate(found))


def _inside(p: Array, q: Array, window: Array) -> tuple[Array, Array]:
    """Return the shares of the way from p to q between which it lies in +-window (Liang-Barsky)."""
    low, high = np.zeros(len(p)), np.ones(len(p))
    for k in range(2):
        step = q[:, k] - p[:, k]
        step = np.where(np.abs(step) < 1e-12, 1e-12, step)
        first, second = (-window[k] - p[:, k]) / step, (window[k] - p[:, k]) / step
        low = np.maximum(low, np.minimum(first, second))
        high = np.minimum(high, np.maximum(first, second))
    return low, high
