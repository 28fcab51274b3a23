"""Shading of meshes: normals smoothed but for creases, and how open each corner is to the sky."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import contextlib
import hashlib

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from skycrane.errors import InputError
from skycrane.files import atomic_path
from skycrane.mars.parallel import launch_rows
from skycrane.mars.terrain import cache_directory
from skycrane.vehicle.mesh import Shape

__all__ = ["Corners"]

wp.set_module_options({"enable_backward": False})

_CREASE_COS = 0.78
"""Faces that meet at more than 39 degrees keep an edge."""
_RAYS = 20
_INWARD = (0.08, 0.3, 0.6)
"""How far toward the triangle's middle a corner's openness is looked for: a little, so that a
neighbour's edge does not count as a wall."""


def _face_normals(shape: Shape) -> NDArray[np.float32]:
    a, b, c = (shape.vertices_m[shape.triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a).astype(np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-20)


@wp.kernel
def _openness(
    row0: int,
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),  # type: ignore[valid-type]
    normals: wp.array(dtype=wp.vec3),  # type: ignore[valid-type]
    reach: float,
    count: int,
    out: wp.array(dtype=float),  # type: ignore[valid-type]
):
    i, _ = wp.tid()  # type: ignore[misc]
    i += row0
    n = normals[i]
    helper = wp.where(wp.abs(n[0]) < 0.7, wp.vec3(1.0, 0.0, 0.0), wp.vec3(0.0, 1.0, 0.0))
    a = wp.normalize(wp.cross(n, helper))
    b = wp.cross(n, a)
    free = float(0.0)
    for k in range(count):
        # A spiral over the hemisphere, cosine-weighted (Malley; golden angle).
        r2 = (float(k) + 0.5) / float(count)
        turn = 2.39996323 * float(k) + 0.7
        r = wp.sqrt(r2)
        d = a * (r * wp.cos(turn)) + b * (r * wp.sin(turn)) + n * wp.sqrt(1.0 - r2)
        if not wp.mesh_query_ray_anyhit(mesh, points[i], d, reach):
            free += 1.0
    out[i] = free / float(count)


class Corners:
    """The corners of one surface's triangles: which faces smooth into which, and openness."""

    def __init__(self, shape: Shape, *, workers: int | None = None, closed: bool = True) -> None:
        self._triangles = shape.triangles
        vertex = shape.triangles.ravel()
        order = np.argsort(vertex, kind="stable")
        counts = np.bincount(vertex, minlength=len(shape.vertices_m))
        starts = np.concatenate([[0], np.cumsum(counts)])
        # Every pair of a corner and a face around its vertex, as a matrix that sums faces: the
        # creases are those of the shape given here, and stay when it moves.
        repeats = counts[vertex]
        corner = np.repeat(np.arange(len(vertex)), repeats)
        within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        face = order[starts[vertex[corner]] + within] // 3
        unit = _unit(_face_normals(shape))
        same = np.einsum("ij,ij->i", unit[corner // 3], unit[face]) > _CREASE_COS
        size = (len(vertex), len(shape.triangles))
        self._sum = csr_matrix(
            (np.ones(int(same.sum()), np.float32), (corner[same], face[same])), shape=size
        )
        self.open = np.ones(len(vertex), np.float32)
        if closed:
            self.open = self._remembered(shape, workers)

    def normals(self, shape: Shape) -> NDArray[np.float32]:
        """Return the shading normals of the corners, shape (3 m, 3), body frame."""
        faces = _face_normals(shape)
        total = self._sum @ faces
        size = np.linalg.norm(total, axis=1, keepdims=True)
        if size.min(initial=1.0) > 1e-20:
            return np.asarray(total / size, np.float32)
        flat = np.repeat(_unit(faces), 3, axis=0)
        return np.where(size > 1e-20, total / np.maximum(size, 1e-20), flat).astype(np.float32)

    def _remembered(self, shape: Shape, workers: int | None) -> NDArray[np.float32]:
        """Return the openness from the user's cache, or bake it; keyed by the shape itself."""
        key = hashlib.sha256(f"{_RAYS}|{_CREASE_COS}|{_INWARD}".encode())
        key.update(shape.vertices_m.tobytes() + shape.triangles.tobytes())
        path = cache_directory() / f"open-{key.hexdigest()[:24]}.npy"
        with contextlib.suppress(OSError, ValueError, EOFError):
            stored = np.load(path, allow_pickle=False)
            if stored.shape == self.open.shape and stored.dtype == np.uint8:
                return stored.astype(np.float32) / 255.0
        coarse = np.round(self._bake(shape, workers) * 255).astype(np.uint8)
        with contextlib.suppress(InputError), atomic_path(path) as partial:
            np.save(partial, coarse)
        return coarse.astype(np.float32) / 255.0

    def _bake(self, shape: Shape, workers: int | None) -> NDArray[np.float32]:
        mesh = wp.Mesh(
            wp.array(shape.vertices_m, dtype=wp.vec3, device="cpu"),
            wp.array(shape.triangles.ravel(), dtype=int, device="cpu"),
        )
        normals = self.normals(shape)
        corners = shape.vertices_m[shape.triangles]
        middle = corners.mean(axis=1, keepdims=True)
        reach = 0.35 * float(np.ptp(shape.vertices_m, axis=0).max())
        found = np.zeros(len(normals), np.float32)
        for inward in _INWARD:
            # A corner inside another part sees nothing, which says nothing about the rest of its
            # triangle: there a place further in stands for it.
            dark = np.flatnonzero(found == 0.0)
            points = (corners * (1 - inward) + middle * inward).reshape(-1, 3) + normals * 2e-3
            out = wp.zeros(len(dark), dtype=float, device="cpu")
            inputs = [
                mesh.id,
                wp.array(points[dark].astype(np.float32), dtype=wp.vec3, device="cpu"),
                wp.array(normals[dark], dtype=wp.vec3, device="cpu"),
                reach,
                _RAYS,
                out,
            ]
            launch_rows(_openness, len(dark), 1, inputs, workers=workers)
            found[dark] = out.numpy()
        return found
