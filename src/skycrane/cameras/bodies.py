"""The bodies as rays meet them: meshes in their own frames, posed each frame, and their finish."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.cover import TILE, chart_of, cover_kernel
from skycrane.cameras.forest import Forest
from skycrane.cameras.optics import Lens
from skycrane.cameras.surfaces import Corners
from skycrane.cameras.tree_layout import remembered_layout
from skycrane.cameras.trees import Trees, tree_any, tree_nearest
from skycrane.vehicle.materials import PAINTS, Paints
from skycrane.vehicle.mesh import Shape

__all__ = [
    "SURFACES",
    "Bodies",
    "BodyHit",
    "BodySet",
    "body_hit",
    "body_normal",
    "body_shadow",
    "may_shade",
    "surface_hit",
]

wp.set_module_options({"enable_backward": False})

SURFACES = (
    "heat_shield",
    "backshell",
    "parachute_cover",
    "descent_stage",
    "rover",
    "parachute",
    "bridles",
)
"""Every surface; in the truth, surface k has the id k + 2 (0 sky, 1 ground)."""

Array = NDArray[np.float64]

_FEW = 8192
"""Photosites below which looking for what can be seen costs more than it spares."""


@wp.struct
class Bodies:
    """What the kernels need of the bodies now.

    Attributes:
        trees: the surfaces' triangles as rays meet them.
        vertices: numbers of the triangles' vertices within their surface, (n, 3).
        origin, turn: pose of each surface's frame in the local frame.
        centre, radius: bounding spheres in the local frame, m; radius 0 is absent.
        first: first triangle of each surface in the arrays below.
        normal, open: shading normals (body frame) and open share of the sky, by corner.
        material: by triangle, the paint.
        albedo, finish: by paint; finish is (specular, roughness, translucency).
        kind: by paint, the material that the truth tells.
        tiles: which surfaces may be seen in each tile of the picture, a bit each.
        casters: surfaces whose shadow may be in view.
        seen_count, caster_count: how many may be in the picture, and how many casters.
        all_centre, all_radius: a sphere around all casters.
    """

    trees: Trees
    vertices: wp.array2d(dtype=int)  # type: ignore[valid-type]
    origin: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    turn: wp.array(dtype=wp.mat33)  # type: ignore[valid-type]
    centre: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    radius: wp.array(dtype=float)  # type: ignore[valid-type]
    first: wp.array(dtype=int)  # type: ignore[valid-type]
    normal: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    open: wp.array(dtype=float)  # type: ignore[valid-type]
    material: wp.array(dtype=int)  # type: ignore[valid-type]
    albedo: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    finish: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    kind: wp.array(dtype=int)  # type: ignore[valid-type]
    tiles: wp.array2d(dtype=int)  # type: ignore[valid-type]
    casters: wp.array(dtype=int)  # type: ignore[valid-type]
    seen_count: int
    caster_count: int
    all_centre: wp.vec3
    all_radius: float


@wp.struct
class BodyHit:
    """Where a ray meets a body: distance (-1: nowhere), surface, triangle, corner weights."""

    t: float
    surface: int
    face: int
    u: float
    v: float


@wp.func
def _near(o: wp.vec3, d: wp.vec3, centre: wp.vec3, radius: float, far: float) -> bool:
    c = centre - o
    along = wp.dot(c, d)
    # From the vector: a difference of squares loses its digits over kilometres.
    off = c - d * along
    return wp.dot(off, off) < radius * radius and along > -radius and along - radius < far


@wp.func
def may_shade(b: Bodies, p: wp.vec3, sun: wp.vec3, spread: float) -> bool:
    """Return whether a body may stand between a point and any part of a sun `spread` [rad] wide."""
    for n in range(b.caster_count):
        k = b.casters[n]
        c = b.centre[k] - p
        along = wp.dot(c, sun)
        off = c - sun * along
        r = b.radius[k] + spread * wp.max(along, 0.0)
        if wp.dot(off, off) < r * r and along > -r:
            return True
    return False


@wp.func
def surface_hit(b: Bodies, k: int, o: wp.vec3, d: wp.vec3, far: float) -> BodyHit:
    """Return where a ray meets surface `k` within `far` [m]."""
    hit = BodyHit()
    hit.t = float(-1.0)
    if _near(o, d, b.centre[k], b.radius[k], far):
        back = wp.transpose(b.turn[k])
        # From where the ray comes near: from kilometres off single precision would part
        # triangles that share an edge.
        begin = wp.max(wp.dot(b.centre[k] - o, d) - b.radius[k], 0.0)
        start = back * ((o - b.origin[k]) + d * begin)
        q = tree_nearest(b.trees, k, start, back * d, far - begin)
        if q.t >= 0.0:
            hit.t = begin + q.t
            hit.surface = k
            hit.face = q.face
            hit.u = q.u
            hit.v = q.v
    return hit


@wp.func
def body_hit(b: Bodies, row: int, column: int, o: wp.vec3, d: wp.vec3, far: float) -> BodyHit:
    """Return the nearest body that the ray of a photosite meets within `far` [m]."""
    hit = BodyHit()
    hit.t = float(-1.0)
    if b.seen_count == 0:
        return hit
    mask = int(b.tiles[row >> 4, column >> 4])
    nearest = far
    k = int(-1)
    while mask != 0:
        k += 1
        bit = mask & 1
        mask = mask >> 1
        if bit != 0:
            q = surface_hit(b, k, o, d, nearest)
            if q.t >= 0.0:
                nearest = q.t
                hit = q
    return hit


@wp.func
def body_normal(b: Bodies, hit: BodyHit, d: wp.vec3) -> wp.vec3:
    """Return the smoothed normal of a body where a ray meets it, on the side that is seen."""
    at = 3 * (b.first[hit.surface] + hit.face)
    w = 1.0 - hit.u - hit.v
    n = b.normal[at] * hit.u + b.normal[at + 1] * hit.v + b.normal[at + 2] * w
    n = wp.normalize(b.turn[hit.surface] * n)
    return wp.where(wp.dot(n, d) > 0.0, n * -1.0, n)


@wp.func
def body_shadow(b: Bodies, p: wp.vec3, sun: wp.vec3) -> bool:
    """Return whether a body stands between a point and the sun."""
    far = float(30000.0)
    if b.caster_count == 0:
        return False
    if not _near(p, sun, b.all_centre, b.all_radius, far):
        return False
    for n in range(b.caster_count):
        k = b.casters[n]
        if _near(p, sun, b.centre[k], b.radius[k], far):
            back = wp.transpose(b.turn[k])
            if tree_any(b.trees, k, back * (p - b.origin[k]), back * sun, far):
                return True
    return False


class BodySet:
    """The surfaces on a device; one set for each thread that renders, as shapes move."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        *,
        device: str,
        corners: Mapping[str, Corners],
        paints: Paints = PAINTS,
    ) -> None:
        self.device = device
        self._corners = corners
        self._slices: list[slice] = []
        self._radius = np.zeros(len(SURFACES))
        every = [shapes[name] for name in SURFACES]
        self._unfitted: dict[int, Shape] = {}
        self._unsmoothed: dict[int, Shape] = {}
        self._charts: dict[Lens, tuple[Any, Any]] = {}
        self._centre = np.zeros((len(SURFACES), 3))
        normal, openness, material, first = [], [], [], []
        at = 0
        for k, name in enumerate(SURFACES):
            shape = shapes[name]
            first.append(at)
            count = len(shape.triangles)
            self._slices.append(slice(3 * at, 3 * (at + count)))
            at += count
            normal.append(corners[name].normals(shape))
            openness.append(corners[name].open)
            material.append(shape.material)
            self._bound(k, shape)
        b = Bodies()
        n = len(SURFACES)
        triangles = [shape.triangles for shape in every]
        layouts = [remembered_layout(shape) for shape in every]
        self._forest = Forest(layouts, triangles, device=device)
        for k, shape in enumerate(every):
            self._forest.fit(k, shape.vertices_m)
        b.trees = self._forest.data
        b.vertices = wp.array(np.concatenate(triangles), dtype=int, device=device)
        b.first = wp.array(first, dtype=int, device=device)
        b.normal = wp.array(np.concatenate(normal), dtype=wp.vec3, device=device)
        b.open = wp.array(np.concatenate(openness), dtype=float, device=device)
        b.material = wp.array(np.concatenate(material), dtype=int, device=device)
        b.albedo = wp.array(paints.albedo, dtype=wp.vec3, device=device)
        b.finish = wp.array(paints.finish, dtype=wp.vec3, device=device)
        b.kind = wp.array(paints.kind, dtype=int, device=device)
        b.origin = wp.zeros(n, dtype=wp.vec3, device=device)
        b.turn = wp.zeros(n, dtype=wp.mat33, device=device)
        b.centre = wp.zeros(n, dtype=wp.vec3, device=device)
        b.radius = wp.zeros(n, dtype=float, device=device)
        b.tiles = wp.zeros((1, 1), dtype=int, device=device)
        b.casters = wp.zeros(n, dtype=int, device=device)
        self.data: Any = b

    def _bound(self, k: int, shape: Shape) -> None:
        # By columns: a reduction along rows of three is ten times slower.
        columns = [np.ascontiguousarray(c) for c in shape.vertices_m.T]
        self._centre[k] = [(float(c.min()) + float(c.max())) / 2 for c in columns]
        square = sum((c - m) ** 2 for c, m in zip(columns, self._centre[k], strict=True))
        self._radius[k] = np.sqrt(square.max()) * 1.001

    def reshape(self, name: str, shape: Shape) -> None:
        """Move the vertices of a surface; its triangles stay."""
        k = SURFACES.index(name)
        self._unfitted[k] = self._unsmoothed[k] = shape
        self._bound(k, shape)

    def _smooth(self, k: int) -> None:
        """Take the normals of the shape that a surface was given last."""
        shape = self._unsmoothed.pop(k)
        part = self._slices[k]
        fresh = self._corners[SURFACES[k]].normals(shape)
        if self.device == "cpu":
            self.data.normal.numpy()[part] = fresh
        else:
            wp.copy(
                self.data.normal,
                wp.array(fresh, dtype=wp.vec3, device=self.device),
                dest_offset=part.start,
            )

    def pose(
        self,
        origin_m: Array,
        turn: Array,
        present: NDArray[np.bool_],
        *,
        eye_m: Array,
        axes: Array,
        lens: Lens,
        half_angle_rad: float,
        sun: Array,
        ground_below_m: float,
        unseen: Sequence[str] = (),
    ) -> None:
        """Place the surfaces and choose those that matter to one view.

        Args:
            origin_m: origins of the surfaces' frames in the local frame, (n, 3).
            turn: rotations from their frames to the local one, (n, 3, 3).
            present: which of them exist now, (n,).
            eye_m: the camera.
            axes: rotation from its optical frame to the local one, (3, 3).
            lens: what it draws with.
            half_angle_rad: half the angle of a cone around what it sees.
            sun: toward the sun.
            ground_below_m: height of the camera above the ground, for the reach of shadows.
            unseen: surfaces that are drawn otherwise, and here only cast shadows.
        """
        centre = np.einsum("kij,kj->ki", turn, self._centre) + origin_m
        radius = np.where(present, self._radius, 0.0)
        away = centre - eye_m
        distance = np.linalg.norm(away, axis=1)
        sine = np.clip(radius / np.maximum(distance, 1e-6), 0, 1)
        angle = np.arccos(np.clip(away @ axes[:, 2] / np.maximum(distance, 1e-6), -1, 1))
        inside = distance <= radius
        near = present & (inside | (angle - np.arcsin(sine) < half_angle_rad))
        # A body farther from the ground than its width over the sun's has no shadow to speak of.
        high = np.maximum(centre[:, 2] - eye_m[2] + ground_below_m, 0.0)
        blur = 0.0059 * high / max(sun[2], 0.05)
        casts = present & (2 * radius > 0.35 * blur)
        casters = np.flatnonzero(casts | (present & near.any()))
        near[[SURFACES.index(name) for name in unseen]] = False
        # What is neither seen nor throws a shadow is not fitted, and what is not seen not smoothed.
        for k in self._unfitted.keys() & {*np.flatnonzero(near).tolist(), *casters.tolist()}:
            self._forest.fit(k, self._unfitted.pop(k).vertices_m)
        for k in self._unsmoothed.keys() & set(np.flatnonzero(near).tolist()):
            self._smooth(k)
        self._cover(np.flatnonzero(near).tolist(), origin_m - eye_m, turn, axes, lens)
        b = self.data
        self._put(b.origin, origin_m.astype(np.float32))
        self._put(b.turn, turn.astype(np.float32))
        self._put(b.centre, centre.astype(np.float32))
        self._put(b.radius, radius.astype(np.float32))
        b.seen_count, b.caster_count = int(near.sum()), len(casters)
        pad = np.zeros(len(SURFACES), np.int32)
        pad[: len(casters)] = casters
        self._put(b.casters, pad)
        if len(casters):
            middle = (centre[casters].min(axis=0) + centre[casters].max(axis=0)) / 2
            reach = np.linalg.norm(centre[casters] - middle, axis=1) + radius[casters]
            b.all_centre, b.all_radius = wp.vec3(*middle), float(reach.max())

    def _cover(self, near: list[int], away_m: Array, turn: Array, axes: Array, lens: Lens) -> None:
        """Tell in which tiles of a picture surfaces may be seen; `away_m` is from the camera."""
        if lens not in self._charts:
            shape = (-(-lens.height // TILE), -(-lens.width // TILE))
            tiles = wp.zeros(shape, dtype=int, device=self.device)
            self._charts[lens] = (chart_of(lens, self.device), tiles)
        chart, tiles = self._charts[lens]
        self.data.tiles = tiles
        if lens.width * lens.height < _FEW:
            tiles.fill_(sum(1 << k for k in near))
            return
        tiles.zero_()
        for k in near:
            points, triangles = self._forest.points[k], self._forest.triangles[k]
            to_optical = wp.mat33(*(axes.T @ turn[k]).ravel())
            shift = wp.vec3(*(axes.T @ away_m[k]))
            inputs = [0, chart, points, triangles, to_optical, shift, 1 << k, tiles]
            wp.launch(cover_kernel, dim=(len(triangles), 1), inputs=inputs, device=self.device)

    def _put(self, array: Any, values: NDArray) -> None:
        if self.device == "cpu":
            array.numpy()[...] = values
        else:
            array.assign(values)
