"""The ground of a mission: nested grids of height and light around the target and a focus.

Three levels lie around the target (160 m, 20 m and 4 m apart, out to 82 km); four finer ones
(0.8 m to 1 cm) around the focus, where the rover comes down. All are samples of one
function of the place, so that the ground is the same wherever the focus lies.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import ArrayLike, NDArray

from skycrane.compute import start_warp
from skycrane.errors import InputError
from skycrane.files import atomic_path
from skycrane.mars.parallel import launch_rows
from skycrane.mars.terrain_craters import draw_craters, stamp_craters
from skycrane.mars.terrain_detail import Units, ground_at, units_at
from skycrane.mars.terrain_form import Form, base_height, form_of
from skycrane.mars.terrain_light import bake
from skycrane.mission import Mission

__all__ = ["Level", "Terrain", "cache_directory", "terrain_of"]

wp.set_module_options({"enable_backward": False})

VERSION = 6
"""Counts changes of the ground's making, so that no stale cache is used."""

_BASE = ((160.0, 1024), (20.0, 2048), (4.0, 2048))
_FINE = ((0.8, 2048), (0.2, 2048), (0.05, 2048), (0.01, 1024))
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


@dataclass(frozen=True)
class _Base:
    cell_m: float
    origin_m: tuple[float, float]
    height_m: NDArray[np.float32]
    sand: NDArray[np.float32]


@wp.kernel
def _base_kernel(
    row0: int,
    origin: wp.vec2,
    cell: float,
    form: Form,
    height: wp.array2d(dtype=float),  # type: ignore[valid-type]
):
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    x = origin[0] + float(j) * cell
    y = origin[1] + float(i) * cell
    height[i, j] = base_height(x, y, 4.0 * cell, form)


@wp.func
def _weights(u: float) -> wp.vec4:
    # Catmull-Rom: passes through the nodes with a continuous slope.
    return wp.vec4(
        u * (-0.5 + u * (1.0 - 0.5 * u)),
        1.0 + u * u * (-2.5 + 1.5 * u),
        u * (0.5 + u * (2.0 - 1.5 * u)),
        u * u * (-0.5 + 0.5 * u),
    )


@wp.func
def _bicubic(grid: wp.array2d(dtype=float), x: float, y: float) -> float:  # type: ignore[valid-type]
    n = grid.shape[0]
    j = wp.clamp(int(wp.floor(x)), 1, n - 3)
    i = wp.clamp(int(wp.floor(y)), 1, n - 3)
    wx = _weights(x - float(j))
    wy = _weights(y - float(i))
    total = float(0.0)
    for k in range(4):
        row = float(0.0)
        for m in range(4):
            row += wx[m] * grid[i + k - 1, j + m - 1]
        total += wy[k] * row
    return total


@wp.kernel
def _units_kernel(
    row0: int,
    origin: float,
    cell: float,
    form: Form,
    units: wp.array2d(dtype=Units),  # type: ignore[valid-type]
):
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    units[i, j] = units_at(origin + float(j) * cell, origin + float(i) * cell, form)


@wp.func
def _mix(a: Units, b: Units, share: float) -> Units:
    m = Units()
    m.rough = a.rough + (b.rough - a.rough) * share
    m.inside = a.inside + (b.inside - a.inside) * share
    m.rim = a.rim + (b.rim - a.rim) * share
    m.lows = a.lows + (b.lows - a.lows) * share
    m.patch = a.patch + (b.patch - a.patch) * share
    m.tone = a.tone + (b.tone - a.tone) * share
    return m


@wp.func
def _units(grid: wp.array2d(dtype=Units), x: float, y: float) -> Units:  # type: ignore[valid-type]
    n = grid.shape[0]
    j = wp.clamp(int(wp.floor(x)), 0, n - 2)
    i = wp.clamp(int(wp.floor(y)), 0, n - 2)
    low = _mix(grid[i, j], grid[i, j + 1], x - float(j))
    high = _mix(grid[i + 1, j], grid[i + 1, j + 1], x - float(j))
    return _mix(low, high, y - float(i))


@wp.kernel
def _ground_kernel(
    row0: int,
    points: wp.array2d(dtype=wp.vec2),  # type: ignore[valid-type]
    units: wp.array2d(dtype=Units),  # type: ignore[valid-type]
    units_origin: float,
    units_cell: float,
    base: wp.array2d(dtype=float),  # type: ignore[valid-type]
    base_sand: wp.array2d(dtype=float),  # type: ignore[valid-type]
    base_origin: wp.vec2,
    base_cell: float,
    finest: float,
    form: Form,
    height: wp.array2d(dtype=float),  # type: ignore[valid-type]
    albedo: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
):
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    p = points[i, j]
    gx = (p[0] - base_origin[0]) / base_cell
    gy = (p[1] - base_origin[1]) / base_cell
    sand = wp.clamp(_bicubic(base_sand, gx, gy), 0.0, 1.0)
    u = Units()
    if units.shape[0] > 1:
        u = _units(units, (p[0] - units_origin) / units_cell, (p[1] - units_origin) / units_cell)
    else:
        u = units_at(p[0], p[1], form)
    g = ground_at(p[0], p[1], u, sand, finest, form)
    height[i, j] = _bicubic(base, gx, gy) + g.height
    if albedo.shape[0] > 0:
        albedo[i, j] = g.albedo


class Terrain:
    """The built ground of one mission: its base levels, and finer ones where they are asked for."""

    def __init__(self, mission: Mission, base: list[_Base], target_height_m: float) -> None:
        self._mission = mission
        self._base = base
        self._form = form_of(mission, target_height_m=target_height_m)
        self._arrays = [(wp.array(b.height_m), wp.array(b.sand)) for b in base]
        cell, count = _UNITS
        self._no_units = wp.zeros((1, 1), dtype=Units, device="cpu")
        self._units = wp.zeros((count, count), dtype=Units, device="cpu")
        inputs = [-cell * count / 2, cell, self._form, self._units]
        launch_rows(_units_kernel, count, count, inputs)
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
        height, sand = self._arrays[level]
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
            finest_m,
            self._form,
            out,
            albedo,
        ]
        launch_rows(_ground_kernel, rows, columns, inputs, workers=workers)
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
        """Return the lit levels, coarse to fine; the finer four lie around `focus_m`.

        Args:
            focus_m: east and north of the target that the finest levels centre on.
            sun_site: unit vector toward the sun, site axes.
            sun_distance_au: sets the width of penumbrae.
            workers: threads to build with.
        """
        sun = np.asarray(sun_site, np.float64)
        key = _digest(self._mission, [*np.round(sun, 6), *np.round(focus_m, 1), sun_distance_au])
        path = cache_directory() / f"ground-{key}.npz"
        stored = _load(path, ("cell_m", "origin_m"))
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
        _save(path, arrays)
        _forget_oldest(path.parent, "ground-*.npz", keep=3)
        return levels

    def _build_levels(
        self, focus_m: tuple[float, float], sun: Array, distance_au: float, workers: int | None
    ) -> list[Level]:
        levels: list[Level] = []
        half_sun = _SUN_RADIUS_AU_RAD / distance_au
        specs = [(b.cell_m, len(b.height_m), b.origin_m, k) for k, b in enumerate(self._base)]
        for cell, count in _FINE:
            # Snap to the nodes of the 4 m level, so that one focus or another samples alike.
            centre = [round(f / 4.0) * 4.0 for f in focus_m]
            specs.append(
                (cell, count, (centre[0] - cell * count / 2, centre[1] - cell * count / 2), 2)
            )
        parent = wp.zeros((1, 1), dtype=wp.vec2ui)
        for cell, count, origin, source in specs:
            place = np.arange(count) * cell
            points = np.stack(np.meshgrid(origin[0] + place, origin[1] + place), axis=-1)
            albedo = wp.zeros((count, count), dtype=wp.vec3, device="cpu")
            height = self._evaluate(points, source, 2.0 * cell, albedo, workers)
            texels = wp.zeros((count, count), dtype=wp.vec2ui)
            offset, ratio = wp.vec2(0.0, 0.0), 1.0
            if levels:
                above = levels[-1]
                ratio = cell / above.cell_m
                offset = wp.vec2(
                    *((o - p) / above.cell_m for o, p in zip(origin, above.origin_m, strict=True))
                )
            lit = [height, albedo, cell, wp.vec3(*sun), half_sun, parent, offset, ratio, texels]
            launch_rows(bake, count, count, lit, workers=workers)
            parent = texels
            levels.append(
                Level(cell, origin, height.numpy() - np.float32(self._target_m), texels.numpy())
            )
        return levels


def cache_directory() -> Path:
    """Return where built grounds are kept: skycrane/ in the user's cache directory."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "skycrane"


def _digest(mission: Mission, extra: list[float]) -> str:
    model = mission.terrain.model_dump_json()
    text = f"{VERSION}|{mission.site.seed}|{model}|{[float(x) for x in extra]!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _load(path: Path, needed: tuple[str, ...]) -> dict[str, NDArray] | None:
    """Return the arrays of a cache file, or None where it is missing or damaged in any byte."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    return arrays if all(name in arrays for name in needed) else None


def _save(path: Path, arrays: dict[str, NDArray]) -> None:
    # A cache that cannot be written costs time at the next run, nothing else.
    with contextlib.suppress(InputError), atomic_path(path) as partial:
        np.savez(partial, **arrays)  # type: ignore[arg-type]


def _forget_oldest(directory: Path, pattern: str, *, keep: int) -> None:
    """Remove the oldest cache files; each landing place makes one of 250 MB."""
    with contextlib.suppress(OSError):
        files = sorted(directory.glob(pattern), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in files[keep:]:
            path.unlink(missing_ok=True)


def _build_base(mission: Mission, workers: int | None) -> list[_Base]:
    form = form_of(mission)
    built = []
    craters = np.zeros((0, 5), np.float32)
    for index, (cell, count) in enumerate(_BASE):
        origin = (-cell * count / 2, -cell * count / 2)
        height = wp.zeros((count, count), dtype=float)
        launch_rows(
            _base_kernel, count, count, [wp.vec2(*origin), cell, form, height], workers=workers
        )
        fresh = draw_craters(mission, 4.0 * cell, cell * count / 2, index)
        craters = np.concatenate([craters, fresh])
        grid, sand = height.numpy(), np.zeros((count, count), np.float32)
        stamp_craters(grid, sand, craters, origin, cell)
        built.append(_Base(cell, origin, grid, sand))
    return built


def terrain_of(mission: Mission, *, workers: int | None = None) -> Terrain:
    """Return the ground of a mission, built or from the user's cache.

    The cache is keyed by a hash of everything the ground is made from; a damaged file is rebuilt.
    """
    start_warp()
    path = cache_directory() / f"landform-{_digest(mission, [])}.npz"
    stored = _load(path, ("height_0", "height_1", "height_2"))
    base = None
    if stored is not None:
        with contextlib.suppress(KeyError, ValueError):
            base = [
                _Base(
                    cell, (-cell * n / 2, -cell * n / 2), stored[f"height_{k}"], stored[f"sand_{k}"]
                )
                for k, (cell, n) in enumerate(_BASE)
            ]
    if base is None:
        base = _build_base(mission, workers)
        arrays = {}
        for k, b in enumerate(base):
            arrays[f"height_{k}"], arrays[f"sand_{k}"] = b.height_m, b.sand
        _save(path, arrays)
        _forget_oldest(path.parent, "landform-*.npz", keep=3)
    return Terrain(mission, base, 0.0)
