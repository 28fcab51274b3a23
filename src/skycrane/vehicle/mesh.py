"""Triangle meshes built from solids: what every body's shape is assembled with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.draws import generator
from skycrane.vehicle.materials import material_id

__all__ = ["MeshBuilder", "Shape", "axes_along", "rotation_about"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """A body's surface in its own frame (x forward, y right, z down).

    Attributes:
        vertices_m: shape (n, 3), float32.
        triangles: vertex indices, counter-clockwise seen from outside, shape (m, 3), int32.
        material: index into `skycrane.vehicle.materials.MATERIALS`, shape (m,), int32.
    """

    vertices_m: NDArray[np.float32]
    triangles: NDArray[np.int32]
    material: NDArray[np.int32]

    def with_vertices(self, vertices_m: ArrayLike) -> Shape:
        """Return the same surface with its vertices moved."""
        return Shape(np.asarray(vertices_m, dtype=np.float32), self.triangles, self.material)


def rotation_about(axis: ArrayLike, angle_rad: float) -> Array:
    """Return the matrix that turns by `angle_rad` about `axis` (Rodrigues' formula)."""
    x, y, z = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle_rad) * cross + (1.0 - np.cos(angle_rad)) * (cross @ cross)


def axes_along(direction: ArrayLike, hint: ArrayLike = (1.0, 0.0, 0.0)) -> Array:
    """Return a rotation matrix whose third column is `direction` and first is near `hint`."""
    third = np.asarray(direction, dtype=float)
    third = third / np.linalg.norm(third)
    first = np.asarray(hint, dtype=float) - np.dot(hint, third) * third
    if np.linalg.norm(first) < 1e-6:
        first = np.cross(third, [0.0, 1.0, 0.0] if abs(third[1]) < 0.9 else [0.0, 0.0, 1.0])
    first = first / np.linalg.norm(first)
    return np.stack([first, np.cross(third, first), third], axis=1)


def _outward(vertices: Array, triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the closed surface's triangles wound so that its signed volume is positive."""
    local = vertices - vertices.mean(axis=0)
    a, b, c = local[triangles[:, 0]], local[triangles[:, 1]], local[triangles[:, 2]]
    volume = np.einsum("ij,ij->", a, np.cross(b, c))
    return triangles if volume >= 0.0 else triangles[:, ::-1]


def _rings(count: int, segments: int, *, loop: bool) -> NDArray[np.int64]:
    """Return triangles of a (count, segments) grid closed around, and along too if `loop`."""
    rows = np.arange(count if loop else count - 1)[:, None]
    cols = np.arange(segments)[None, :]
    a = rows * segments + cols
    b = rows * segments + (cols + 1) % segments
    c = ((rows + 1) % count) * segments + cols
    d = ((rows + 1) % count) * segments + (cols + 1) % segments
    return np.stack([a, b, d, a, d, c], axis=-1).reshape(-1, 3)


@dataclass
class MeshBuilder:
    """Collects solids; each keeps its own vertices, so every solid stays a closed component."""

    _vertices: list[Array] = field(default_factory=list)
    _triangles: list[NDArray[np.int64]] = field(default_factory=list)
    _material: list[NDArray[np.int64]] = field(default_factory=list)
    _count: int = 0

    @property
    def count(self) -> int:
        """Number of vertices so far, to mark where a moving part begins and ends."""
        return self._count

    def add(self, vertices: ArrayLike, triangles: ArrayLike, material: str | ArrayLike) -> None:
        """Add a surface as it is; `material` is one name or an id per triangle."""
        points = np.asarray(vertices, dtype=float).reshape(-1, 3)
        faces = np.asarray(triangles, dtype=np.int64).reshape(-1, 3)
        ids = (
            np.full(len(faces), material_id(material))
            if isinstance(material, str)
            else np.asarray(material, dtype=np.int64)
        )
        self._vertices.append(points)
        self._triangles.append(faces + self._count)
        self._material.append(ids)
        self._count += len(points)

    def solid(self, vertices: ArrayLike, triangles: ArrayLike, material: str | ArrayLike) -> None:
        """Add a closed surface, wound outward whatever way it was given."""
        points = np.asarray(vertices, dtype=float)
        self.add(points, _outward(points, np.asarray(triangles, dtype=np.int64)), material)

    def box(
        self, centre: ArrayLike, size: ArrayLike, material: str, turn: ArrayLike | None = None
    ) -> None:
        """Add a box of edge lengths `size` [m], turned by the matrix `turn` about its centre."""
        half = np.asarray(size, dtype=float) / 2.0
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
        if turn is not None:
            corners = corners @ np.asarray(turn).T
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
        self.solid(corners + np.asarray(centre, dtype=float), faces, material)

    def blanket(
        self,
        centre: ArrayLike,
        size: ArrayLike,
        material: str,
        turn: ArrayLike | None = None,
        *,
        cells: int = 5,
        crumple: float = 0.035,
    ) -> None:
        """Add a box wrapped in crumpled foil: corners rounded, faces uneven by `crumple`."""
        grid = np.arange(cells + 1)
        lattice = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)
        skin = ((lattice == 0) | (lattice == cells)).any(axis=1)
        number = np.full(len(lattice), -1)
        number[skin] = np.arange(int(skin.sum()))
        unit = 2.0 * lattice[skin] / cells - 1.0
        # Halfway between a box and its inner ellipsoid near the edges.
        soft = unit * (1.0 - 0.05 * (np.abs(unit) ** 4).sum(axis=1, keepdims=True))
        rng = generator(0, "crumpled foil", self._count)
        soft = soft + rng.normal(0.0, crumple, soft.shape)
        points = 0.5 * soft * np.asarray(size, dtype=float)
        if turn is not None:
            points = points @ np.asarray(turn).T

        def at(i: int, j: int, axis: int, side: int) -> int:
            place = [0, 0, 0]
            place[axis], place[(axis + 1) % 3], place[(axis + 2) % 3] = side, i, j
            return int(number[(place[0] * (cells + 1) + place[1]) * (cells + 1) + place[2]])

        faces = []
        for axis in range(3):
            for side in (0, cells):
                for i in range(cells):
                    for j in range(cells):
                        a, b = at(i, j, axis, side), at(i + 1, j, axis, side)
                        c, d = at(i + 1, j + 1, axis, side), at(i, j + 1, axis, side)
                        ring = (a, b, c, d) if side else (a, d, c, b)
                        faces += [(ring[0], ring[1], ring[2]), (ring[0], ring[2], ring[3])]
        self.solid(points + np.asarray(centre, dtype=float), faces, material)

    def prism(
        self,
        outline: ArrayLike,
        bottom_m: float,
        top_m: float,
        material: str,
        *,
        origin: ArrayLike = (0.0, 0.0, 0.0),
        turn: ArrayLike | None = None,
        shrink: float = 1.0,
    ) -> None:
        """Add a prism on a star-shaped `outline` (k, 2) between two heights along its third axis.

        `shrink` scales the outline at `top_m` about its centroid.
        """
        flat = np.asarray(outline, dtype=float)
        k = len(flat)
        middle = flat.mean(axis=0)
        upper = middle + (flat - middle) * shrink
        points = np.vstack(
            [
                np.column_stack([flat, np.full(k, bottom_m)]),
                np.column_stack([upper, np.full(k, top_m)]),
                [[*middle, bottom_m], [*middle, top_m]],
            ]
        )
        i = np.arange(k)
        j = (i + 1) % k
        faces = np.vstack(
            [
                np.stack([i, j, j + k], axis=1),
                np.stack([i, j + k, i + k], axis=1),
                np.stack([j, i, np.full(k, 2 * k)], axis=1),
                np.stack([i + k, j + k, np.full(k, 2 * k + 1)], axis=1),
            ]
        )
        if turn is not None:
            points = points @ np.asarray(turn).T
        self.solid(points + np.asarray(origin, dtype=float), faces, material)

    def tube(
        self,
        path: ArrayLike,
        radius_m: float | Sequence[float],
        material: str,
        *,
        segments: int = 8,
    ) -> None:
        """Add a round bar along `path` (k, 3) with flat ends; radius may vary along it."""
        line = np.asarray(path, dtype=float)
        k = len(line)
        radius = np.broadcast_to(np.asarray(radius_m, dtype=float), (k,))
        tangent = np.gradient(line, axis=0)
        angle = 2.0 * np.pi * np.arange(segments) / segments
        hint = axes_along(tangent[0])[:, 0]
        rings = []
        for point, along, r in zip(line, tangent, radius, strict=True):
            # The last section's first axis as the hint keeps the bar from twisting.
            axes = axes_along(along, hint)
            hint = axes[:, 0]
            rings.append(
                point
                + r * (np.outer(np.cos(angle), axes[:, 0]) + np.outer(np.sin(angle), axes[:, 1]))
            )
        points = np.vstack([*rings, line[:1], line[-1:]])
        i = np.arange(segments)
        j = (i + 1) % segments
        last = (k - 1) * segments
        faces = np.vstack(
            [
                _rings(k, segments, loop=False),
                np.stack([j, i, np.full(segments, k * segments)], axis=1),
                np.stack([i + last, j + last, np.full(segments, k * segments + 1)], axis=1),
            ]
        )
        self.solid(points, faces, material)

    def bar(
        self, start: ArrayLike, end: ArrayLike, radius_m: float, material: str, segments: int = 8
    ) -> None:
        """Add a straight round bar between two points."""
        a, b = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
        # A long bar often ends inside a joint: sections near its ends keep the joint's shade there.
        long = np.linalg.norm(b - a) > 12.0 * radius_m
        t = np.array([0.0, 0.12, 0.88, 1.0] if long else [0.0, 1.0])
        self.tube(a + t[:, None] * (b - a), radius_m, material, segments=segments)

    def sphere(
        self,
        centre: ArrayLike,
        radius_m: float | ArrayLike,
        material: str,
        *,
        segments: int = 24,
        rings: int = 16,
        crumple: float = 0.0,
    ) -> None:
        """Add a sphere, or an ellipsoid when `radius_m` has three values; `crumple` for foil."""
        polar = np.pi * np.arange(1, rings) / rings
        angle = 2.0 * np.pi * np.arange(segments) / segments
        body = np.stack(
            [
                np.outer(np.sin(polar), np.cos(angle)),
                np.outer(np.sin(polar), np.sin(angle)),
                np.outer(np.cos(polar), np.ones(segments)),
            ],
            axis=-1,
        ).reshape(-1, 3)
        points = np.vstack([body, [[0, 0, 1.0], [0, 0, -1.0]]])
        if crumple:
            rng = generator(0, "crumpled foil", self._count)
            # Cells shrink toward the poles, and so must the folds.
            fold = crumple * np.hypot(points[:, 0], points[:, 1])[:, None]
            points = points * (1.0 + fold * rng.normal(0.0, 1.0, fold.shape))
        i = np.arange(segments)
        j = (i + 1) % segments
        last = (rings - 2) * segments
        faces = np.vstack(
            [
                _rings(rings - 1, segments, loop=False),
                np.stack([j, i, np.full(segments, len(body))], axis=1),
                np.stack([i + last, j + last, np.full(segments, len(body) + 1)], axis=1),
            ]
        )
        scale = np.asarray(radius_m, dtype=float)
        self.solid(points * scale + np.asarray(centre, dtype=float), faces, material)

    def revolve(
        self,
        profile: ArrayLike,
        material: str | Sequence[str],
        *,
        origin: ArrayLike = (0.0, 0.0, 0.0),
        turn: ArrayLike | None = None,
        segments: int = 48,
    ) -> None:
        """Add the solid swept by a closed `profile` (k, 2) of radius and height about its axis.

        The loop is closed from last to first point. Radii stay above zero (a hair's breadth on the
        axis), so the swept surface is a torus-like closed one. `material` may name one for each
        edge of the loop.
        """
        loop = np.asarray(profile, dtype=float)
        k = len(loop)
        radius = np.maximum(loop[:, 0], 1e-4)
        angle = 2.0 * np.pi * np.arange(segments) / segments
        points = np.stack(
            [
                np.outer(radius, np.cos(angle)),
                np.outer(radius, np.sin(angle)),
                np.outer(loop[:, 1], np.ones(segments)),
            ],
            axis=-1,
        ).reshape(-1, 3)
        if turn is not None:
            points = points @ np.asarray(turn).T
        names = [material] * k if isinstance(material, str) else list(material)
        ids = np.repeat([material_id(name) for name in names], 2 * segments)
        self.solid(points + np.asarray(origin, dtype=float), _rings(k, segments, loop=True), ids)

    def build(self) -> Shape:
        """Return everything added so far as one shape."""
        return Shape(
            np.vstack(self._vertices).astype(np.float32),
            np.vstack(self._triangles).astype(np.int32),
            np.concatenate(self._material).astype(np.int32),
        )
