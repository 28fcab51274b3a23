"""The bodies as rays meet them: meshes in their own frames, posed each frame, and their finish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.surfaces import Corners
from skycrane.vehicle.materials import MATERIALS
from skycrane.vehicle.mesh import Shape

__all__ = ["SURFACES", "Bodies", "BodySet", "body_hit", "body_shadow"]

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


@wp.struct
class Bodies:
    """What the kernels need of the bodies now.

    Attributes:
        mesh: mesh handles, by surface.
        origin, turn: pose of each surface's frame in the local frame.
        centre, radius: bounding spheres in the local frame, m; radius 0 is absent.
        first: first triangle of each surface in the arrays below.
        normal, open: shading normals (body frame) and open share of the sky, by corner.
        material: by triangle.
        albedo, finish: by material; finish is (specular, roughness, translucency).
        seen: surfaces that may be in view.
        casters: surfaces whose shadow may be in view.
        seen_count, caster_count: how many of each.
        all_centre, all_radius: a sphere around all casters.
    """

    mesh: wp.array(dtype=wp.uint64)  # type: ignore[valid-type]
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
    seen: wp.array(dtype=int)  # type: ignore[valid-type]
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
    off = wp.dot(c, c) - along * along
    return off < radius * radius and along > -radius and along - radius < far


@wp.func
def body_hit(b: Bodies, o: wp.vec3, d: wp.vec3, far: float) -> BodyHit:
    """Return the nearest body that a ray meets within `far` [m]."""
    hit = BodyHit()
    hit.t = float(-1.0)
    nearest = far
    for n in range(b.seen_count):
        k = b.seen[n]
        if _near(o, d, b.centre[k], b.radius[k], nearest):
            back = wp.transpose(b.turn[k])
            q = wp.mesh_query_ray(b.mesh[k], back * (o - b.origin[k]), back * d, nearest)
            if q.result:
                nearest = q.t
                hit.t = q.t
                hit.surface = k
                hit.face = q.face
                hit.u = q.u
                hit.v = q.v
    return hit


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
            if wp.mesh_query_ray_anyhit(b.mesh[k], back * (p - b.origin[k]), back * sun, far):
                return True
    return False


class BodySet:
    """The surfaces on a device; one set for each thread that renders, as shapes move."""

    def __init__(self, shapes: Mapping[str, Shape], *, device: str, corners: Mapping[str, Corners]):
        self.device = device
        self._meshes = []
        self._corners = corners
        self._slices: list[slice] = []
        self._radius = np.zeros(len(SURFACES))
        self._shapes = [shapes[name] for name in SURFACES]
        self._version = [0] * len(SURFACES)
        self._views: dict[tuple, bool] = {}
        self._centre = np.zeros((len(SURFACES), 3))
        normal, openness, material, first = [], [], [], []
        at = 0
        for k, name in enumerate(SURFACES):
            shape = shapes[name]
            self._meshes.append(
                wp.Mesh(
                    wp.array(shape.vertices_m, dtype=wp.vec3, device=device),
                    wp.array(shape.triangles.ravel(), dtype=int, device=device),
                )
            )
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
        b.mesh = wp.array([m.id for m in self._meshes], dtype=wp.uint64, device=device)
        b.first = wp.array(first, dtype=int, device=device)
        b.normal = wp.array(np.concatenate(normal), dtype=wp.vec3, device=device)
        b.open = wp.array(np.concatenate(openness), dtype=float, device=device)
        b.material = wp.array(np.concatenate(material), dtype=int, device=device)
        b.albedo = wp.array([m.albedo for m in MATERIALS], dtype=wp.vec3, device=device)
        finish = [(m.specular, m.roughness, m.translucency) for m in MATERIALS]
        b.finish = wp.array(finish, dtype=wp.vec3, device=device)
        b.origin = wp.zeros(n, dtype=wp.vec3, device=device)
        b.turn = wp.zeros(n, dtype=wp.mat33, device=device)
        b.centre = wp.zeros(n, dtype=wp.vec3, device=device)
        b.radius = wp.zeros(n, dtype=float, device=device)
        b.seen = wp.zeros(n, dtype=int, device=device)
        b.casters = wp.zeros(n, dtype=int, device=device)
        self.data: Any = b

    def _bound(self, k: int, shape: Shape) -> None:
        low, high = shape.vertices_m.min(axis=0), shape.vertices_m.max(axis=0)
        self._centre[k] = (low + high) / 2
        self._radius[k] = np.linalg.norm(shape.vertices_m - self._centre[k], axis=1).max() * 1.001

    def reshape(self, name: str, shape: Shape) -> None:
        """Move the vertices of a surface; its triangles stay."""
        k = SURFACES.index(name)
        mesh = self._meshes[k]
        mesh.points.assign(np.ascontiguousarray(shape.vertices_m, np.float32))
        mesh.refit()
        self._shapes[k] = shape
        self._version[k] += 1
        part = self._slices[k]
        fresh = self._corners[name].normals(shape)
        if self.device == "cpu":
            self.data.normal.numpy()[part] = fresh
        else:
            wp.copy(
                self.data.normal,
                wp.array(fresh, dtype=wp.vec3, device=self.device),
                dest_offset=part.start,
            )
        self._bound(k, shape)

    def pose(
        self,
        origin_m: Array,
        turn: Array,
        present: NDArray[np.bool_],
        *,
        eye_m: Array,
        axis: Array,
        half_angle_rad: float,
        sun: Array,
        ground_below_m: float,
    ) -> None:
        """Place the surfaces and choose those that matter to one view.

        Args:
            origin_m: origins of the surfaces' frames in the local frame, (n, 3).
            turn: rotations from their frames to the local one, (n, 3, 3).
            present: which of them exist now, (n,).
            eye_m: the camera.
            axis: its optical axis, local.
            half_angle_rad: half the angle of a cone around what it sees.
            sun: toward the sun.
            ground_below_m: height of the camera above the ground, for the reach of shadows.
        """
        centre = np.einsum("kij,kj->ki", turn, self._centre) + origin_m
        radius = np.where(present, self._radius, 0.0)
        away = centre - eye_m
        distance = np.linalg.norm(away, axis=1)
        sine = np.clip(radius / np.maximum(distance, 1e-6), 0, 1)
        angle = np.arccos(np.clip(away @ axis / np.maximum(distance, 1e-6), -1, 1))
        inside = distance <= radius
        seen = present & (inside | (angle - np.arcsin(sine) < half_angle_rad))
        for k in np.flatnonzero(seen & (distance < 3 * radius)):
            seen[k] = self._in_view(k, turn[k].T @ (eye_m - origin_m[k]), turn[k].T @ axis, half_angle_rad)
        # A body farther from the ground than its width over the sun's has no shadow to speak of.
        high = np.maximum(centre[:, 2] - eye_m[2] + ground_below_m, 0.0)
        blur = 0.0059 * high / max(sun[2], 0.05)
        casts = present & (2 * radius > 0.35 * blur)
        near = present & seen.any()
        casters = np.flatnonzero(casts | near)
        b = self.data
        self._put(b.origin, origin_m.astype(np.float32))
        self._put(b.turn, turn.astype(np.float32))
        self._put(b.centre, centre.astype(np.float32))
        self._put(b.radius, radius.astype(np.float32))
        order = np.flatnonzero(seen)
        b.seen_count, b.caster_count = len(order), len(casters)
        pad = np.zeros(len(SURFACES), np.int32)
        pad[: len(order)] = order
        self._put(b.seen, pad)
        pad = np.zeros(len(SURFACES), np.int32)
        pad[: len(casters)] = casters
        self._put(b.casters, pad)
        if len(casters):
            middle = (centre[casters].min(axis=0) + centre[casters].max(axis=0)) / 2
            reach = np.linalg.norm(centre[casters] - middle, axis=1) + radius[casters]
            b.all_centre, b.all_radius = wp.vec3(*middle), float(reach.max())

    def _in_view(self, k: int, eye: Array, axis: Array, half_angle_rad: float) -> bool:
        """Return whether any triangle of a surface near the camera may be in its view.

        A camera sits within the bounding sphere of its own body and mostly looks away from it;
        eye and axis are in the surface's frame. Remembered while neither pose nor shape change.
        """
        key = (k, *np.round(np.concatenate([eye, axis]), 3).tolist(), self._version[k])
        if key in self._views:
            return self._views[key]
        centre, reach = self._triangles_of(k)
        away = centre - eye
        along = away @ axis
        distance = np.linalg.norm(away, axis=1)
        sine = np.clip(reach / np.maximum(distance, 1e-6), 0, 1)
        angle = np.arccos(np.clip(along / np.maximum(distance, 1e-6), -1, 1))
        near = (angle - np.arcsin(sine) < half_angle_rad) | (distance < reach)
        # The farthest corner forward decides whether any of a triangle lies before the camera.
        shape = self._shapes[k]
        corners = (shape.vertices_m @ axis)[shape.triangles[near]].max(axis=1, initial=-np.inf)
        found = bool((corners > eye @ axis + 1e-4).any())
        if len(self._views) > 64:
            self._views.clear()
        self._views[key] = found
        return found

    def _triangles_of(self, k: int) -> tuple[Array, Array]:
        points = self._shapes[k].vertices_m[self._shapes[k].triangles]
        centre = points.mean(axis=1)
        return centre, np.linalg.norm(points - centre[:, None], axis=2).max(axis=1)

    def _put(self, array: Any, values: NDArray) -> None:
        if self.device == "cpu":
            array.numpy()[...] = values
        else:
            array.assign(values)
