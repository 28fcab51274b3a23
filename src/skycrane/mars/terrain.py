"""The ground of a mission: nested grids of height and light around the target and a focus.

Three levels lie around the target (160 m, 20 m and 4 m apart, out to 82 km); six finer ones
(0.8 m to 1.25 mm) around the focus, where the rover comes down. All are samples of one
function of the place, so that the ground is the same wherever the focus lies.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import ArrayLike, NDArray

from skycrane.compute import start_warp
from skycrane.errors import InputError
from skycrane.mars.parallel import launch_rows
from skycrane.mars.terrain_base import Base, build_base
from skycrane.mars.terrain_cache import (
    cache_directory,
    forget_oldest,
    load_arrays,
    save_arrays,
)
from skycrane.mars.terrain_form import form_of
from skycrane.mars.terrain_kernels import ground_kernel, units_kernel
from skycrane.mars.terrain_light import Relief, bake
from skycrane.mars.terrain_units import Units
from skycrane.mission import Mission

__all__ = ["Level", "Terrain", "cache_directory", "terrain_of"]

VERSION = 23
"""Counts changes of the ground's making, so that no stale cache is used."""

_BASE = ((160.0, 1024), (20.0, 2048), (4.0, 2048))
_FINE = ((0.8, 2048), (0.2, 2048), (0.05, 2048), (0.02, 1024), (0.005, 1024), (0.00125, 2048))
_SNAP_M = 0.2
_EXTRA = 2048
_UNITS = (8.0, 1024)
_FINEST_M = 0.064
_SUN_RADIUS_AU_RAD = 0.00465047
"""Angular radius of the sun at 1 au (IAU 2015 nominal solar radius)."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """One grid of the ground.

    Attributes:
        cell_m: spacing of the nodes.
        origin_m: east and north of node [0, 0], from the target.
        height_m: heights above the curved datum at the nodes, rows north, columns east, (n, n).
        texels: packed light and surface (see terrain_light), (n, n, 2) uint32.
    """

    cell_m: float
    origin_m: tuple[float, float]
    height_m: NDArray[np.float32]
    texels: NDArray[np.uint32]


class Terrain:
    """The built ground of one mission: its base levels, and finer ones where they are asked for."""

    def __init__(self, mission: Mission, base: Base) -> None:
        self._mission = mission
        self._base = base.levels
        self.told = base.told
        """What was read of the user's own files, one line a file."""
        self._form = form_of(mission)
        self._arrays = [
            (wp.array(b.height_m), wp.array(b.sand), wp.array(b.told, dtype=wp.vec3))
            for b in base.levels
        ]
        self._extra = [
            wp.array(base.extra_height_m),
            wp.array(base.extra_tone),
            base.extra_cell_m,
            wp.vec2(*base.resolved_m),
        ]
        cell, count = _UNITS
        self._no_units = wp.zeros((1, 1), dtype=Units, device="cpu")
        self._units = wp.zeros((count, count), dtype=Units, device="cpu")
        inputs = [-cell * count / 2, cell, self._form, self._units]
        launch_rows(units_kernel, count, count, inputs)
        point = np.zeros((1, 2))
        self._target_m = 0.0
        self._target_m = float(self._heights(point, 2)[0])

    def _evaluate(
        self, points: Array, level: int, finest_m: float, albedo: Any, workers: int | None
    ) -> Any:
        """Return heights over a base level at points (rows, columns, 2), filling `albedo`."""
        base = self._base[level]
        rows, columns = points.shape[:2]
        out = wp.zeros((rows, columns), dtype=float, device="cpu")
        height, sand, told = self._arrays[level]
        inputs = [
            wp.array(points.astype(np.float32), dtype=wp.vec2, device="cpu"),
            # Around the target the units are read from a grid; over the wide levels computed.
            self._units if level == len(self._base) - 1 else self._no_units,
            -_UNITS[0] * _UNITS[1] / 2,
            _UNITS[0],
            height,
            sand,
            wp.vec2(*base.origin_m),
            base.cell_m,
            told,
            *self._extra,
            finest_m,
            self._form,
            out,
            albedo,
        ]
        launch_rows(ground_kernel, rows, columns, inputs, workers=workers)
        return out

    def _heights(self, points: Array, level: int) -> Array:
        finest = _FINEST_M if level == len(self._base) - 1 else 2 * self._base[level].cell_m
        nothing = wp.empty((0, 0), dtype=wp.vec3, device="cpu")
        out = self._evaluate(points[:, None, :], level, finest, nothing, 1)
        return out.numpy()[:, 0].astype(np.float64) - self._target_m

    def height_m(self, east_m: ArrayLike, north_m: ArrayLike) -> Array:
        """Return the height [m] of the ground above the curved datum; 0 at the target.

        Args:
            east_m: east of the target, any shape that broadcasts.
            north_m: north of the target.

        Raises:
            InputError: a point lies outside the built ground (82 km from the target).
        """
        east, north = np.broadcast_arrays(
            np.asarray(east_m, np.float64), np.asarray(north_m, np.float64)
        )
        points = np.column_stack([east.ravel(), north.ravel()])
        result = np.full(len(points), np.nan)
        for level in (2, 1, 0):
            base = self._base[level]
            reach = -base.origin_m[0] - 2 * base.cell_m
            chosen = np.isnan(result) & (np.abs(points).max(axis=1) < reach)
            if chosen.any():
                result[chosen] = self._heights(points[chosen], level)
        if np.isnan(result).any():
            raise InputError(
                "a place lies outside the built ground",
                where="terrain",
                right=f"Stay within {-self._base[0].origin_m[0] / 1000:.0f} km of the target.",
            )
        return result.reshape(east.shape)

    def levels(
        self,
        focus_m: tuple[float, float],
        sun_site: ArrayLike,
        *,
        sun_distance_au: float = 1.57,
        workers: int | None = None,
    ) -> list[Level]:
        """Return the lit levels, coarse to fine; the finer ones lie around `focus_m`.

        Args:
            focus_m: east and north of the target that the finest levels centre on.
            sun_site: unit vector toward the sun, site axes.
            sun_distance_au: sets the width of penumbrae.
            workers: threads to build with.
        """
        sun = np.asarray(sun_site, np.float64)
        key = _digest(self._mission, [*np.round(sun, 6), *np.round(focus_m, 1), sun_distance_au])
        path = cache_directory() / f"ground-{key}.npz"
        stored = load_arrays(path, ("cell_m", "origin_m"))
        if stored is not None:
            with contextlib.suppress(KeyError, ValueError):
                return [
                    Level(
                        float(stored["cell_m"][k]),
                        (float(stored["origin_m"][k, 0]), float(stored["origin_m"][k, 1])),
                        stored[f"height_{k}"],
                        stored[f"texels_{k}"],
                    )
                    for k in range(len(stored["cell_m"]))
                ]
        levels = self._build_levels(focus_m, sun, sun_distance_au, workers)
        arrays: dict[str, NDArray] = {
            "cell_m": np.array([x.cell_m for x in levels]),
            "origin_m": np.array([x.origin_m for x in levels]),
        }
        for k, level in enumerate(levels):
            arrays[f"height_{k}"] = level.height_m
            arrays[f"texels_{k}"] = level.texels
        save_arrays(path, arrays)
        forget_oldest(path.parent, "ground-*.npz", keep=3)
        return levels

    def _build_levels(
        self, focus_m: tuple[float, float], sun: Array, distance_au: float, workers: int | None
    ) -> list[Level]:
        levels: list[Level] = []
        half_sun = _SUN_RADIUS_AU_RAD / distance_au
        specs = [(b.cell_m, len(b.height_m), b.origin_m, k) for k, b in enumerate(self._base)]
        for cell, count in _FINE:
            # Snap to nodes that all share, so that one focus or another samples alike.
            snap = max(cell, _SNAP_M)
            centre = [round(f / snap) * snap for f in focus_m]
            specs.append(
                (cell, count, (centre[0] - cell * count / 2, centre[1] - cell * count / 2), 2)
            )
        parent = wp.zeros((1, 1), dtype=wp.vec2ui)
        reliefs: list[Any] = []
        ravelled: list[NDArray[np.float32]] = []
        for own, (cell, count, origin, source) in enumerate(specs):
            place = np.arange(count) * cell
            points = np.stack(np.meshgrid(origin[0] + place, origin[1] + place), axis=-1)
            albedo = wp.zeros((count, count), dtype=wp.vec3, device="cpu")
            height = self._evaluate(points, source, 2.0 * cell, albedo, workers)
            texels = wp.zeros((count, count), dtype=wp.vec2ui)
            ravelled.append(height.numpy().ravel())
            reliefs.append(_relief(cell, count, origin, ravelled))
            lit = [
                height,
                albedo,
                wp.array(reliefs, dtype=Relief, device="cpu"),
                wp.array(np.concatenate(ravelled), dtype=float, device="cpu"),
                own,
                wp.vec3(*sun),
                half_sun,
                parent,
                texels,
            ]
            launch_rows(bake, count, count, lit, workers=workers)
            parent = texels
            levels.append(
                Level(cell, origin, height.numpy() - np.float32(self._target_m), texels.numpy())
            )
        return levels


def _relief(
    cell: float, count: int, origin: tuple[float, float], ravelled: list[NDArray[np.float32]]
) -> Any:
    """Return where the last of the heights laid end to end lie, for shadows."""
    relief = Relief()
    relief.x0, relief.y0 = origin
    relief.cell, relief.count = cell, count
    relief.first = sum(len(h) for h in ravelled[:-1])
    relief.top = float(ravelled[-1].max())
    return relief


def _digest(mission: Mission, extra: list[float]) -> str:
    # Files count by what is in them, wherever they lie.
    model = mission.terrain.model_dump_json(exclude_none=True, exclude={"elevation", "orthophoto"})
    where = ""
    if mission.terrain.elevation or mission.terrain.orthophoto:
        site = mission.site
        where = repr((site.latitude_deg, site.longitude_deg, site.radius_m))
    text = f"{VERSION}|{mission.site.seed}|{model}|{where}|{[float(x) for x in extra]!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def terrain_of(mission: Mission, *, workers: int | None = None) -> Terrain:
    """Return the ground of a mission, built or from the user's cache.

    The cache is keyed by a hash of everything the ground is made from; a damaged file is rebuilt.
    """
    start_warp()
    path = cache_directory() / f"landform-{_digest(mission, [])}.npz"
    stored = load_arrays(path, ("extra_height", "extra_tone", "resolved", "told"))
    base = None
    if stored is not None:
        with contextlib.suppress(KeyError, ValueError):
            base = Base.of_arrays(stored, _BASE)
    if base is None:
        base = build_base(mission, _BASE, _EXTRA, workers)
        save_arrays(path, base.arrays())
        forget_oldest(path.parent, "landform-*.npz", keep=3)
    return Terrain(mission, base)
