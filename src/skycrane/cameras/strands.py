"""Lines too thin for rays: cords drawn by how much of a photosite they cover.

A cord of some millimetres seen from 40 m is a tenth of a photosite wide: single rays hit it by
chance, and a tree of boxes is slow on cords that run aslant. Each frame the pieces of the cords
are listed by tile of the picture and laid on the image plane; a photosite takes of each the area
that lies in its square, exactly for a straight edge, so that along a cord the sum of what the
photosites take neither grows nor falls. The truth, which wants one thing a photosite, asks by a
ray instead.
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

__all__ = [
    "Cord",
    "Ropes",
    "StrandSet",
    "Strands",
    "StrandsOf",
    "cord_at",
    "cover_by_strands",
    "shows_cords",
]

wp.set_module_options({"enable_backward": False})

Array = NDArray[np.float64]

_LIST = 64
_SAMPLES = 128
_NEAR_M = 0.05


@wp.struct
class Strands:
    """The cords of one view.

    Attributes:
        start, end: ends in the local frame, m.
        radius: half widths, m.
        first: strand numbers by tile, -1 beyond the last, (tiles down, tiles across, list).
        plane: ends in the picture, on the plane at unit distance, (x, y, x, y).
        run: at the ends, one over the depth [1/m], and metres from the cord's
            beginning, (a, b, a, b).
        axis: directions in the local frame.
        cord: which cord each is a piece of.
        kind: 0 a line of the parachute, 1 a bridle, 2 the umbilical.
        albedo: reflectance, a row a kind.
        count: how many there are now; 0 skips everything.
    """

    start: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    end: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    radius: wp.array(dtype=float)  # type: ignore[valid-type]
    first: wp.array3d(dtype=wp.int16)  # type: ignore[valid-type]
    plane: wp.array(dtype=wp.vec4)  # type: ignore[valid-type]
    run: wp.array(dtype=wp.vec4)  # type: ignore[valid-type]
    axis: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    cord: wp.array(dtype=int)  # type: ignore[valid-type]
    kind: wp.array(dtype=int)  # type: ignore[valid-type]
    albedo: wp.mat33
    count: int


@wp.struct
class Cord:
    """What a photosite sees of cords.

    Attributes:
        cover: share of it that they cover.
        depth: of the nearest piece's middle, along the axis of the camera, m.
        piece: which one that is.
        across: where on its width, -1 to 1; positive to the left of its way in the picture.
        side: unit vector on the image plane that `across` counts along.
        along: metres from the cord's beginning.
        broad: its half width over the photosite's.
    """

    cover: float
    depth: float
    piece: int
    across: float
    side: wp.vec2
    along: float
    broad: float


@wp.func
def _bent(x: float) -> float:
    y = wp.max(x, 0.0)
    return y * y


@wp.func
def _below(x: float, a: float, b: float) -> float:
    """Return the share of a rectangle below x from its middle, cut by a line.

    `a` and `b` are its sides' lengths across the line: what lies on each parallel of the line is a
    trapezoid, whose integral this is.
    """
    long = wp.max(a, b)
    short = wp.max(wp.min(a, b), 0.02 * long)
    half = 0.5 * (long + short)
    flat = 0.5 * (long - short)
    y = wp.clamp(x, -half, half)
    area = _bent(y + half) - _bent(y + flat) - _bent(y - flat)
    return area / (2.0 * long * short)


@wp.func
def cord_at(s: Strands, row: int, column: int, at: wp.vec2, cell: wp.vec2, far: float) -> Cord:
    """Return what a photosite sees of cords nearer than `far`.

    Args:
        s: the cords.
        row, column: the photosite.
        at: its middle on the plane at unit distance.
        cell: its sides there.
        far: depth along the camera's axis beyond which something hides them, m.
    """
    out = Cord()
    out.depth = far
    out.piece = -1
    free = float(1.0)
    mine = float(0.0)
    best = float(0.0)
    last = int(-1)  # noqa: RUF046
    for k in range(s.first.shape[2]):
        n = int(s.first[row >> 4, column >> 4, k])
        if n < 0:
            break
        if s.cord[n] != last:
            # Pieces of one cord meet end to end: what two of them cover is not counted twice.
            free *= 1.0 - mine
            mine = 0.0
            last = s.cord[n]
        ends = s.plane[n]
        run = s.run[n]
        way = wp.vec2(ends[2] - ends[0], ends[3] - ends[1])
        to = wp.vec2(at[0] - ends[0], at[1] - ends[1])
        size = wp.max(wp.length(way), 1.0e-9)
        t = wp.clamp(wp.dot(to, way) / (size * size), 0.0, 1.0)
        near = run[0] + (run[1] - run[0]) * t
        half = s.radius[n] * near
        off = to - way * t
        side = wp.vec2(-way[1] / size, way[0] / size)
        gap = wp.dot(off, side)
        if t == 0.0 or t == 1.0:
            # Past an end the cord is round.
            apart = wp.length(off)
            gap = wp.where(gap < 0.0, -apart, apart)
        if wp.abs(gap) < half + cell[0] + cell[1] and 1.0 / near < far:
            a = wp.abs(side[0]) * cell[0]
            b = wp.abs(side[1]) * cell[1]
            share = _below(half - gap, a, b) - _below(-half - gap, a, b)
            mine = wp.max(mine, share)
            # Of the pieces of one cord that one which fills more, else the nearer: past its end a
            # piece that meets the next has no side to speak of.
            other = out.piece < 0 or s.cord[out.piece] != s.cord[n]
            fuller = share > best + 0.02 or (share > best - 0.02 and 1.0 / near < out.depth)
            if share > 0.0 and ((other and 1.0 / near < out.depth) or (not other and fuller)):
                best = share
                out.depth = 1.0 / near
                out.piece = n
                out.across = wp.clamp(gap / half, -1.0, 1.0)
                out.side = side
                out.along = run[2] + (run[3] - run[2]) * t * run[1] / near
                out.broad = 2.0 * half / (cell[0] + cell[1])
    out.cover = 1.0 - free * (1.0 - mine)
    return out


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


@dataclass(frozen=True)
class Ropes:
    """Cords that bend: bridles and umbilical, each a row of points.

    Attributes:
        paths_m: points along each, in the local frame, (points, 3).
        radius_m: half widths.
        kinds: 1 a bridle, 2 the umbilical.
    """

    paths_m: list[Array]
    radius_m: list[float]
    kinds: list[int]


@dataclass(frozen=True)
class _Pieces:
    """Straight pieces of cords: ends, half widths, way from the cord's beginning, cord, kind."""

    start_m: Array
    end_m: Array
    radius_m: Array
    begin_m: Array
    cord: NDArray[np.int32]
    kind: NDArray[np.int32]

    @classmethod
    def of(cls, lines: tuple[Array, Array, Array] | None, ropes: Ropes | None) -> _Pieces:
        """Return the pieces of a parachute's lines and of ropes."""
        none = np.zeros((0, 3))
        start, end, radius = lines if lines is not None else (none, none, np.zeros(0))
        count = len(start)
        parts: list[tuple[Any, ...]] = [
            (start, end, radius, np.zeros(count), np.arange(count), np.zeros(count))
        ]
        for k in range(len(ropes.paths_m) if ropes is not None else 0):
            assert ropes is not None
            path = ropes.paths_m[k]
            a, b, n = path[:-1], path[1:], len(path) - 1
            length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(b - a, axis=1))[:-1]])
            one = np.ones(n)
            parts.append(
                (a, b, ropes.radius_m[k] * one, length, (count + k) * one, ropes.kinds[k] * one)
            )
        whole = [np.concatenate(column) for column in zip(*parts, strict=True)]
        cord, kind = (column.astype(np.int32) for column in whole[4:])
        return cls(whole[0], whole[1], whole[2], whole[3], cord, kind)


class StrandSet:
    """The cords as one thread's kernels see them."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.data: Any = Strands()
        names = ("line_white", "bridle", "umbilical")
        albedo = np.array([MATERIALS[material_id(name)].albedo for name in names])
        self.data.albedo = wp.mat33(*albedo.ravel())
        self._empty = wp.full((1, 1, 1), -1, dtype=wp.int16, device=device)
        self.clear()

    def clear(self) -> None:
        """Have no cords."""
        s = self.data
        s.count, s.first = 0, self._empty
        for name, dtype in _FIELDS.items():
            setattr(s, name, wp.zeros(1, dtype=dtype, device=self.device))

    def place(
        self,
        lines: tuple[Array, Array, Array] | None,
        ropes: Ropes | None,
        *,
        eye_m: Array,
        turn: Array,
        lens: Lens,
    ) -> None:
        """List the cords by the tiles of a view.

        Args:
            lines: straight ones: starts and ends in the local frame, (n, 3), half widths (n,), m.
            ropes: bent ones.
            eye_m, turn: the camera in the local frame.
            lens: what it draws with; too coarse a look has no cords.
        """
        pieces = _Pieces.of(lines, ropes)
        if not shows_cords(lens) or not len(pieces.start_m):
            # A coarse look at the light of the scene, to which cords add nothing.
            self.clear()
            return
        a, b = (pieces.start_m - eye_m) @ turn, (pieces.end_m - eye_m) @ turn
        ahead = (a[:, 2] > _NEAR_M) | (b[:, 2] > _NEAR_M)
        # Cut what lies behind the camera.
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = np.nan_to_num(np.clip((_NEAR_M - a[:, 2]) / (b[:, 2] - a[:, 2]), 0, 1))
        size = np.linalg.norm(b - a, axis=1)
        middle = a + (b - a) * cut[:, None]
        from_m = pieces.begin_m + np.where(a[:, 2] < _NEAR_M, cut * size, 0.0)
        to_m = pieces.begin_m + np.where(b[:, 2] < _NEAR_M, cut, 1.0) * size
        a = np.where(a[:, 2:] < _NEAR_M, middle, a)
        b = np.where(b[:, 2:] < _NEAR_M, middle, b)
        near_a, near_b = 1.0 / np.maximum(a[:, 2], 1e-6), 1.0 / np.maximum(b[:, 2], 1e-6)
        p, q = a[:, :2] * near_a[:, None], b[:, :2] * near_b[:, None]
        # Beyond the picture the lens's polynomial means nothing: keep to a window around it.
        low, high = _inside(p, q, 1.3 * lens.half_extent)
        ahead &= high > low
        s = np.linspace(0, 1, _SAMPLES)[None, :, None]
        first, last = p + (q - p) * low[:, None], p + (q - p) * high[:, None]
        points = lens.distort(first[ahead, None] + (last - first)[ahead, None] * s)
        pixel = points * [lens.fx, lens.fy] + [lens.cx, lens.cy]
        # Depth runs as the inverse along a line's image, the nearer end is the broader.
        wide = lens.fx * pieces.radius_m * np.maximum(near_a, near_b)
        # The broadest first: where a tile's list is full, the thinnest are left out.
        order = np.argsort(-pieces.radius_m, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        across, down = -(-lens.width // TILE), -(-lens.height // TILE)
        code = _tiles_of(pixel, wide[ahead], rank[ahead], across, down)
        tile, which = code // 4096, code % 4096
        place = np.arange(len(tile)) - np.searchsorted(tile, tile, side="left")
        keep = place < _LIST
        longest = int(place[keep].max(initial=0)) + 1
        lists = np.full((down * across, longest), -1, np.int16)
        lists[tile[keep], place[keep]] = order[which[keep]]
        values = {
            "start": pieces.start_m,
            "end": pieces.end_m,
            "radius": pieces.radius_m,
            "plane": np.concatenate([p, q], axis=1),
            "run": np.column_stack([near_a, near_b, from_m, to_m]),
            "axis": (pieces.end_m - pieces.start_m) / np.maximum(size, 1e-9)[:, None],
            "cord": pieces.cord,
            "kind": pieces.kind,
        }
        data, device = self.data, self.device
        data.first = wp.array(lists.reshape(down, across, longest), dtype=wp.int16, device=device)
        for name, dtype in _FIELDS.items():
            kind = np.int32 if dtype is int else np.float32
            setattr(data, name, wp.array(values[name].astype(kind), dtype=dtype, device=device))
        data.count = len(pieces.start_m)


_FIELDS: dict[str, Any] = {
    "start": wp.vec3,
    "end": wp.vec3,
    "radius": float,
    "plane": wp.vec4,
    "run": wp.vec4,
    "axis": wp.vec3,
    "cord": int,
    "kind": int,
}


def shows_cords(lens: Lens) -> bool:
    """Return whether a lens draws finely enough for cords to be seen."""
    return lens.width >= 4 * TILE


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
