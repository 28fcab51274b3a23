"""The base of a ground: grids of the landform around the target, built in or a user's.

Where a user's files cover the ground it is theirs down to their pixels, with the built-in craters
and relief of smaller sizes beneath; toward their edges it goes over smoothly into the built-in
landform, lifted to meet them. Heights count from the target, so that only differences within the
file matter: whatever its datum, the target's ground lies at `site.radius_m`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from skycrane.errors import InputError
from skycrane.mars.parallel import launch_rows
from skycrane.mars.terrain_craters import draw_craters, draw_secondaries, stamp_craters
from skycrane.mars.terrain_files import MapFile, Sampled, fill_holes, open_map
from skycrane.mars.terrain_form import form_of
from skycrane.mars.terrain_kernels import base_kernel
from skycrane.mission import Mission

__all__ = ["Base", "BaseLevel", "build_base"]

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

_EXTRA_CELL_M = 1.0
_EXTRA_BELOW_M = 2.5
"""Files with pixels smaller than this are read once more at 1 m around the target."""
_TONES = (0.12, 4.0)
_TARGET_M = 310.0
_HIGHEST_M = 45_000.0
"""More relief than this is no ground of a planet."""


@dataclass(frozen=True)
class BaseLevel:
    """One grid of the landform.

    Attributes:
        cell_m: spacing of the nodes.
        origin_m: east and north of node [0, 0], from the target.
        height_m: heights, rows north, columns east, (n, n).
        sand: how far craters are filled, 0 to 1, (n, n).
        told: of a user's files: how far the height is theirs, brightness over the middle one, how
            far that counts; (n, n, 3), or (1, 1, 3) where there are none.
    """

    cell_m: float
    origin_m: tuple[float, float]
    height_m: Grid
    sand: Grid
    told: Grid


@dataclass(frozen=True)
class Base:
    """All that a ground is made from.

    Attributes:
        levels: coarse to fine.
        extra_height_m: what a user's file adds to the finest at 1 m around the target, (n, n).
        extra_tone: brightness there, (n, n); both (1, 1) where nothing is as fine.
        extra_cell_m: their spacing.
        resolved_m: sizes of relief above which nothing is made up: on the levels, and there.
        told: what was read from whose files, in words.
    """

    levels: list[BaseLevel]
    extra_height_m: Grid
    extra_tone: Grid
    extra_cell_m: float
    resolved_m: tuple[float, float]
    told: tuple[str, ...]


def _nothing() -> Grid:
    return np.zeros((1, 1), np.float32)


def _origin(cell_m: float, count: int) -> tuple[float, float]:
    return (-cell_m * count / 2, -cell_m * count / 2)


def _landform(
    mission: Mission,
    cell: float,
    count: int,
    finest: float,
    workers: int | None,
    *,
    hummocks: float = 1.0,
) -> Grid:
    height = wp.zeros((count, count), dtype=float, device="cpu")
    form = form_of(mission)
    form.hummocks = hummocks
    inputs = [wp.vec2(*_origin(cell, count)), cell, finest, form, height]
    launch_rows(base_kernel, count, count, inputs, workers=workers)
    return height.numpy()


@contextlib.contextmanager
def _files(mission: Mission) -> Iterator[dict[str, MapFile]]:
    """Open the files that the mission names, by key."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name in ("elevation", "orthophoto"):
            path = getattr(mission.terrain, name)
            if path is not None:
                found[name] = stack.enter_context(
                    open_map(
                        Path(path),
                        where=path,
                        sha256=getattr(mission.terrain, f"{name}_sha256"),
                        site=mission.site,
                        planet=mission.planet,
                    )
                )
        yield found


def build_base(
    mission: Mission,
    specs: tuple[tuple[float, int], ...],
    extra_count: int,
    workers: int | None,
) -> Base:
    """Build the base of a mission's ground.

    Args:
        mission: whose [terrain] it is.
        specs: spacing [m] and nodes a side of each level, coarse to fine.
        extra_count: nodes a side of the 1 m grid that files of finer pixels are read on.
        workers: threads to build with.

    Raises:
        InputError: a file of the mission is not what it should be; see terrain_files.
    """
    with _files(mission) as files:
        elevation, photo = files.get("elevation"), files.get("orthophoto")
        told: list[str] = []
        middle = _middle_tone(photo, specs[min(1, len(specs) - 1)], told) if photo else 1.0
        levels: list[BaseLevel] = []
        lift: Array | None = None
        craters = _landmarks(mission, specs[0])
        for index, (cell, count) in enumerate(specs):
            largest = 4.0 * specs[index - 1][0] if index else mission.terrain.craters.largest_m
            fresh = draw_craters(mission, 4.0 * cell, largest, cell * count / 2, index)
            craters = np.concatenate([craters, fresh])
            if index == 1:
                # Too small for the widest grid.
                craters = np.concatenate([craters, draw_secondaries(mission, cell * count / 2)])
            origin = _origin(cell, count)
            height = _landform(mission, cell, count, 4.0 * cell, workers)
            sand = np.zeros((count, count), np.float32)
            stamp_craters(height, sand, craters, origin, cell)
            sand = _gathered(mission, height, sand, origin, cell)
            surface = np.zeros((1, 1, 3), np.float32)
            if files:
                surface = np.zeros((count, count, 3), np.float32)
                surface[..., 1] = 1.0
            if elevation:
                mine = elevation.sample(origin, cell, count)
                _check_heights(mine, elevation)
                above = levels[-1] if levels else None
                lift = _lifted(mine, height, lift, above, cell)
                under, under_sand = _beneath(mission, elevation, craters, cell, count, workers)
                weight = mine.weight
                height = (height + lift + weight * under).astype(np.float32)
                sand = sand * (1 - weight) + under_sand * weight
                surface[..., 0] = weight
                if index == len(specs) - 1:
                    told.append(_said(elevation, mine))
            if photo:
                seen = photo.sample(origin, cell, count)
                surface[..., 1] = np.clip(seen.values / middle, *_TONES)
                surface[..., 2] = seen.weight
            levels.append(BaseLevel(cell, origin, height, sand, surface))
        extra, tone = _extra(levels[-1], elevation, photo, middle, extra_count)
        fine = 2.0 * max(elevation.pixel_m, _EXTRA_CELL_M) if elevation else 0.0
        size = 2.0 * elevation.pixel_m if elevation else 1e9
        resolved = (max(size, 2.0 * specs[-1][0]), fine if len(extra) > 1 else size)
        if elevation and resolved[1] > 1e8:
            resolved = (resolved[0], resolved[0])
    return Base(levels, extra, tone, _EXTRA_CELL_M, resolved, tuple(told))


def _gathered(
    mission: Mission, height: Grid, sand: Grid, origin: tuple[float, float], cell: float
) -> Grid:
    """Return `sand` with what the wind has left in hollows and along the feet of slopes."""
    model = mission.terrain.relief
    if cell > model.sand_wide_m:
        return sand
    low = gaussian_filter(height, model.sand_wide_m / cell, mode="nearest") - height
    share = model.sand_most * np.clip((low / model.sand_deep_m - 0.15) / 0.85, 0.0, 1.0)
    nodes = origin[0] + cell * np.arange(len(height))
    apart = np.add.outer(nodes**2, nodes**2)
    # What lies at the target itself the finer ground tells.
    share *= 1.0 - np.exp(-apart / _TARGET_M**2)
    # Blocks about young craters stay bare.
    return np.where(sand < -0.08, sand, np.maximum(sand, share)).astype(np.float32)


def _landmarks(mission: Mission, widest: tuple[float, int]) -> Grid:
    """Return the craters that the mission places, in the columns of `draw_craters`."""
    reach = widest[0] * widest[1] / 2
    placed = [p for p in mission.terrain.craters.placed if max(abs(p[0]), abs(p[1])) < reach]
    return np.array(placed, np.float32).reshape(-1, 6)


def _lifted(
    mine: Sampled, built: Grid, lift: Array | None, above: BaseLevel | None, cell: float
) -> Array:
    """Return what to add to the built-in landform: up to the file, and beyond it smoothly on."""
    weight = mine.weight.astype(np.float64)
    own = mine.values - built
    if lift is None or above is None:
        around = fill_holes(own, weight)
    else:
        nodes = (np.arange(len(built)) - len(built) / 2) * cell
        at = (nodes - above.origin_m[0]) / above.cell_m
        around = map_coordinates(lift, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest")
    return weight * own + (1.0 - weight) * around


def _beneath(
    mission: Mission,
    file: MapFile,
    craters: Grid,
    cell: float,
    count: int,
    workers: int | None,
) -> tuple[Grid, Grid]:
    """Return relief [m] and sand of built-in craters and undulation finer than the file."""
    relief = np.zeros((count, count), np.float32)
    sand = np.zeros((count, count), np.float32)
    if 2.0 * file.pixel_m > 4.0 * cell:
        # Undulation as everywhere; whether hummocks lie here, the file's own relief would tell.
        fine, coarse = (
            _landform(mission, cell, count, finest, workers, hummocks=0.0)
            for finest in (4.0 * cell, 2.0 * file.pixel_m)
        )
        relief = fine - coarse
    small = craters[craters[:, 2] < 3.0 * file.pixel_m]
    stamp_craters(relief, sand, small, _origin(cell, count), cell)
    return relief, sand


def _extra(
    finest: BaseLevel, elevation: MapFile | None, photo: MapFile | None, middle: float, count: int
) -> tuple[Grid, Grid]:
    """Return what 1 m of the files adds to the finest level around the target."""
    fine_height = elevation is not None and elevation.pixel_m < _EXTRA_BELOW_M
    fine_tone = photo is not None and photo.pixel_m < _EXTRA_BELOW_M
    if not (fine_height or fine_tone):
        return _nothing(), _nothing()
    origin = _origin(_EXTRA_CELL_M, count)
    height = np.zeros((count, count), np.float32)
    nodes = (origin[0] + _EXTRA_CELL_M * np.arange(count) - finest.origin_m[0]) / finest.cell_m
    if elevation is not None and fine_height:
        mine = elevation.sample(origin, _EXTRA_CELL_M, count)
        low = _catmull_rom(finest.height_m, nodes)
        height = (mine.weight * (mine.values - low)).astype(np.float32)
    grid = np.meshgrid(nodes, nodes, indexing="ij")
    tone = map_coordinates(finest.told[..., 1], grid, order=1, mode="nearest")
    if photo is not None and fine_tone:
        seen = photo.sample(origin, _EXTRA_CELL_M, count)
        bright = np.clip(seen.values / middle, *_TONES)
        tone = seen.weight * bright + (1 - seen.weight) * tone
    return height, tone.astype(np.float32)


def _catmull_rom(grid: Grid, nodes: NDArray[Any]) -> Array:
    """Return a grid at the crossings of `nodes` (in its own), as the ground's kernel reads it."""
    first = np.clip(np.floor(nodes).astype(int), 1, len(grid) - 3)
    u = nodes - first
    weights = [
        u * (-0.5 + u * (1.0 - 0.5 * u)),
        1.0 + u * u * (-2.5 + 1.5 * u),
        u * (0.5 + u * (2.0 - 1.5 * u)),
        u * u * (-0.5 + 0.5 * u),
    ]
    wide = grid.astype(np.float64)
    rows = sum(w[:, None] * wide[first + k - 1] for k, w in enumerate(weights))
    return sum(w[None, :] * rows[:, first + k - 1] for k, w in enumerate(weights))  # type: ignore


def _check_heights(mine: Sampled, file: MapFile) -> None:
    covered = mine.values[mine.weight > 0]
    if not covered.size:
        raise InputError(
            "it says nothing about the ground at the target",
            where=file.where,
            right="Give a map that covers the target.",
        )
    relief = float(np.ptp(covered))
    if relief > _HIGHEST_M:
        raise InputError(
            f"relief of {relief / 1000:.0f} km",
            where=file.where,
            right="Give heights in metres, and name the value that stands for no data.",
        )
    middle = len(mine.weight) // 2
    if mine.weight[middle, middle] < 0.5:
        raise InputError(
            "the target lies in a hole or at the edge of it",
            where=file.where,
            right="Give a map with ground around the target.",
        )


def _middle_tone(photo: MapFile, spec: tuple[float, int], told: list[str]) -> float:
    """Return the median brightness, which becomes the soil's."""
    cell, count = spec
    seen = photo.sample(_origin(cell, count), cell, count)
    bright = seen.values[seen.weight > 0.5]
    middle = float(np.median(bright)) if bright.size else 0.0
    if not middle > 0:
        raise InputError(
            f"its middle brightness is {middle:g}",
            where=photo.where,
            right="Give a picture with brightness above nothing around the target.",
        )
    told.append(
        f"{Path(photo.where).name}: {photo.pixel_m:.3g} m a pixel; brightness {middle:.4g}, the "
        f"middle one, is the soil's; {100 * seen.filled:.2g} % of it filled"
    )
    return middle


def _said(file: MapFile, mine: Sampled) -> str:
    middle = len(mine.values) // 2
    height = float(mine.values[middle, middle])
    return (
        f"{Path(file.where).name}: {file.pixel_m:.3g} m a pixel; its height {height:.1f} m at the "
        f"target lies at site.radius_m = {file.site.radius_m:.0f} m, and heights count from there; "
        f"{100 * mine.filled:.2g} % of it filled"
    )
