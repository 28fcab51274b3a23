"""Cords as shapes have them: found once, followed as they move, and cut into straight pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from skycrane.vehicle.materials import material_id
from skycrane.vehicle.mesh import Shape

__all__ = ["Pieces", "Ropes", "StrandsOf"]

Array = NDArray[np.float64]


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
class Pieces:
    """Straight pieces of cords: ends, half widths, way from the cord's beginning, cord, kind."""

    start_m: Array
    end_m: Array
    radius_m: Array
    begin_m: Array
    cord: NDArray[np.int32]
    kind: NDArray[np.int32]

    @classmethod
    def of(cls, lines: tuple[Array, Array, Array] | None, ropes: Ropes | None) -> Pieces:
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
