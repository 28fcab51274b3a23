"""The bodies as one thread poses them: shapes that move, and which of them matter to a view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.bodies import SURFACES, Bodies
from skycrane.cameras.cloth import cavity_of
from skycrane.cameras.cover import TILE, chart_of, cover_kernel
from skycrane.cameras.forest import Forest
from skycrane.cameras.motion import Motion, Passing
from skycrane.cameras.optics import Lens
from skycrane.cameras.surfaces import Corners
from skycrane.cameras.tree_layout import remembered_layout
from skycrane.vehicle.materials import PAINTS, Paints
from skycrane.vehicle.mesh import Shape

__all__ = ["BodySet", "Looker"]

Array = NDArray[np.float64]

_FEW = 8192
"""Photosites below which looking for what can be seen costs more than it spares."""
_SUN_WIDTH_RAD = 0.0059
"""How wide the sun is from Mars on the mean; a shadow blurs by this much of its length."""


@dataclass(frozen=True)
class Looker:
    """What choosing bodies needs to know of a view.

    Attributes:
        eye_m: the camera in the local frame.
        axes: rotation from its optical frame to the local one, (3, 3).
        lens: what it draws with.
        half_angle_rad: half the angle of a cone around what it sees.
        sway_m: how far from the optical centre its rays start at most.
        above_ground_m: how high it is, for the reach of shadows.
    """

    eye_m: Array
    axes: Array
    lens: Lens
    half_angle_rad: float
    sway_m: float
    above_ground_m: float


class BodySet:
    """The surfaces on a device; one set for each thread that renders, as shapes move."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        *,
        device: str,
        corners: Mapping[str, Corners],
        paints: Paints = PAINTS,
        sewn: tuple[int, int] = (0, 0),
    ) -> None:
        """Lay out shapes; `sewn`: gores of the canopy's cloth, and triangles of its disk."""
        self.device = device
        self._corners = corners
        every = [shapes[name] for name in SURFACES]
        counts = [len(shape.triangles) for shape in every]
        first = np.cumsum([0, *counts])
        self._slices = [slice(3 * at, 3 * (at + n)) for at, n in zip(first, counts, strict=False)]
        self._radius, self._centre = np.zeros(len(SURFACES)), np.zeros((len(SURFACES), 3))
        self._unfitted: dict[int, Shape] = {}
        self._unsmoothed: dict[int, Shape] = {}
        self._charts: dict[Lens, tuple[Any, Any]] = {}
        triangles = [shape.triangles for shape in every]
        layouts = [remembered_layout(shape) for shape in every]
        self._forest = Forest(layouts, triangles, device=device)
        for k, shape in enumerate(every):
            self._bound(k, shape)
            self._forest.fit(k, shape.vertices_m)
        self.data: Any = self._arrays(shapes, first[:-1], paints)
        self.data.gores, self._disk_triangles = float(sewn[0]), sewn[1]
        self._full_m = _mouth_m(shapes["parachute"])
        self.data.round = self._disk_triangles
        self.data.cavity = wp.vec3(*cavity_of(shapes["parachute"], paints))

    def _arrays(self, shapes: Mapping[str, Shape], first: NDArray, paints: Paints) -> Any:
        """Return the `Bodies` of shapes as they are now, nowhere yet."""

        def put(values: Any, dtype: Any) -> Any:
            return wp.array(values, dtype=dtype, device=self.device)

        def joined(values: Iterable[NDArray]) -> NDArray:
            return np.concatenate(list(values))

        b = Bodies()
        b.trees = self._forest.data
        b.vertices = put(joined(shapes[n].triangles for n in SURFACES), int)
        b.first = put(first.astype(np.int32), int)
        b.normal = put(joined(self._corners[n].normals(shapes[n]) for n in SURFACES), wp.vec3)
        b.open = put(joined(self._corners[n].open for n in SURFACES), float)
        b.material = put(joined(shapes[n].material for n in SURFACES), int)
        b.albedo, b.finish = put(paints.albedo, wp.vec3), put(paints.finish, wp.vec3)
        b.kind = put(paints.kind, int)
        some: dict[str, Any] = {"origin": wp.vec3, "turn": wp.mat33, "centre": wp.vec3}
        for name, dtype in (
            some | {"radius": float, "casters": int, "past": wp.vec3, "about": wp.vec3}
        ).items():
            setattr(b, name, wp.zeros(len(SURFACES), dtype=dtype, device=self.device))
        b.tiles = wp.zeros((1, 1), dtype=int, device=self.device)
        return b

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
        if name == "parachute" and self._disk_triangles:
            # Folds of a canopy that fills do throw shadows.
            full = _mouth_m(shape) > 0.9 * self._full_m
            self.data.round = self._disk_triangles if full else 0
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
        looker: Looker,
        sun: Array,
        unseen: Sequence[str] = (),
        motion: Motion | None = None,
    ) -> None:
        """Place the surfaces and choose those that matter to one view.

        Args:
            origin_m: origins of the surfaces' frames in the local frame, (n, 3).
            turn: rotations from their frames to the local one, (n, 3, 3).
            present: which of them exist now, (n,).
            looker: the view.
            sun: toward the sun.
            unseen: surfaces that are drawn otherwise, and here only cast shadows.
            motion: of camera and surfaces during the exposure.
        """
        centre = np.einsum("kij,kj->ki", turn, self._centre) + origin_m
        radius = np.where(present, self._radius, 0.0)
        passing = Passing.of(motion, turn, centre - looker.eye_m, radius, looker.lens.fx)
        near = present & _in_view(centre, radius + 0.5 * passing.sway_m, looker)
        casters = np.flatnonzero(present & (_casts(centre, radius, looker, sun) | near.any()))
        near[[SURFACES.index(name) for name in unseen]] = False
        seen = np.flatnonzero(near).tolist()
        self._fit(set(seen), set(casters.tolist()))
        self._cover(seen, origin_m - looker.eye_m, turn, looker, passing)
        b = self.data
        values = {"origin": origin_m, "turn": turn, "centre": centre, "radius": radius}
        values |= {"past": passing.past_m, "about": passing.about_rad}
        for name, value in values.items():
            self._put(getattr(b, name), value.astype(np.float32))
        b.seen_count, b.moving, b.smeared = len(seen), passing.moving, passing.smeared
        self._cast(casters, centre, radius)

    def _fit(self, seen: set[int], casters: set[int]) -> None:
        """Take up shapes that have moved: no normals of what is not seen, no tree of the rest."""
        for k in self._unfitted.keys() & (seen | casters):
            self._forest.fit(k, self._unfitted.pop(k).vertices_m)
        for k in self._unsmoothed.keys() & seen:
            self._smooth(k)

    def _cast(self, casters: NDArray[np.intp], centre: Array, radius: Array) -> None:
        """Tell the kernels which surfaces throw shadows, and a sphere around them all."""
        b = self.data
        b.caster_count = len(casters)
        pad = np.zeros(len(SURFACES), np.int32)
        pad[: len(casters)] = casters
        self._put(b.casters, pad)
        if len(casters):
            middle = (centre[casters].min(axis=0) + centre[casters].max(axis=0)) / 2
            reach = np.linalg.norm(centre[casters] - middle, axis=1) + radius[casters]
            b.all_centre, b.all_radius = wp.vec3(*middle), float(reach.max())

    def _cover(
        self, near: list[int], away_m: Array, turn: Array, looker: Looker, passing: Passing
    ) -> None:
        """Tell in which tiles of a picture surfaces may be seen; `away_m` is from the camera."""
        lens, axes = looker.lens, looker.axes
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
            # What moves is looked for as far about as it comes; so would rays that start apart.
            chart.sway = looker.sway_m + 0.5 * float(passing.sway_m[k])
            inputs = [0, chart, points, triangles, to_optical, shift, 1 << k, tiles]
            wp.launch(cover_kernel, dim=(len(triangles), 1), inputs=inputs, device=self.device)

    def _put(self, array: Any, values: NDArray) -> None:
        if self.device == "cpu":
            array.numpy()[...] = values
        else:
            array.assign(values)


def _mouth_m(shape: Shape) -> float:
    """Return how far a canopy reaches from its axis, m."""
    return float(np.abs(shape.vertices_m[:, :2]).max(initial=0.0))


def _in_view(centre: Array, radius: Array, looker: Looker) -> NDArray[np.bool_]:
    """Return which spheres (n,) the cone around what a camera sees may meet."""
    away = centre - looker.eye_m
    distance = np.linalg.norm(away, axis=1)
    reach = radius + looker.sway_m
    sine = np.clip(reach / np.maximum(distance, 1e-6), 0, 1)
    cosine = away @ looker.axes[:, 2] / np.maximum(distance, 1e-6)
    angle = np.arccos(np.clip(cosine, -1, 1))
    inside = distance <= reach
    return np.asarray(inside | (angle - np.arcsin(sine) < looker.half_angle_rad))


def _casts(centre: Array, radius: Array, looker: Looker, sun: Array) -> NDArray[np.bool_]:
    """Return which spheres (n,) throw a shadow to speak of on the ground below."""
    high = np.maximum(centre[:, 2] - looker.eye_m[2] + looker.above_ground_m, 0.0)
    # A body farther from the ground than its width over the sun's has none.
    blur = _SUN_WIDTH_RAD * high / max(sun[2], 0.05)
    return np.asarray(2 * radius > 0.35 * blur)
