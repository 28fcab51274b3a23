"""The base of a ground: grids of the landform around the target, built in or a user's.

Where a user's files cover the ground it is theirs down to their pixels, with the built-in craters
and relief of smaller sizes beneath; toward their edges it goes over smoothly into the built-in
landform, lifted to meet them. Heights count from the target, so that only differences within the
file matter: whatever its datum, the target's ground lies at `site.radius_m`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, uniform_filter

from skycrane.mars.parallel import launch_rows
from skycrane.mars.terrain_craters import draw_craters, draw_secondaries, stamp_craters
from skycrane.mars.terrain_files import MapFile
from skycrane.mars.terrain_form import form_of
from skycrane.mars.terrain_kernels import base_kernel
from skycrane.mars.terrain_laid import (
    catmull_rom,
    check_heights,
    lifted,
    middle_tone,
    open_maps,
    said,
)
from skycrane.mission import Mission

__all__ = ["Base", "BaseLevel", "build_base"]

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

_EXTRA_CELL_M = 1.0
_EXTRA_BELOW_M = 2.5
"""Files with pixels smaller than this are read once more at 1 m around the target."""
_TONES = (0.12, 4.0)
_WIDER = 4.5
"""Lows count over two widths: the mission's, and so many times that."""
_TARGET_M = 110.0
"""Within this the finer ground tells where sand lies about the target, not the grids."""


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

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays, to be kept."""
        arrays: dict[str, NDArray[Any]] = {
            "extra_height": self.extra_height_m,
            "extra_tone": self.extra_tone,
            "resolved": np.array([*self.resolved_m, self.extra_cell_m]),
            "told": np.array(self.told, dtype=np.str_),
        }
        for k, b in enumerate(self.levels):
            arrays[f"height_{k}"], arrays[f"sand_{k}"] = b.height_m, b.sand
            arrays[f"surface_{k}"] = b.told
        return arrays

    @classmethod
    def of_arrays(
        cls, stored: dict[str, NDArray[Any]], specs: tuple[tuple[float, int], ...]
    ) -> Base:
        """Return the base that `arrays` gave, of levels of these spacings [m] and nodes a side.

        Raises:
            KeyError: an array is missing.
            ValueError: one has another form.
        """
        levels = []
        for k, (cell, n) in enumerate(specs):
            parts = (stored[f"{name}_{k}"] for name in ("height", "sand", "surface"))
            levels.append(BaseLevel(cell, _origin(cell, n), *parts))
        known = stored["resolved"]
        return cls(
            levels,
            stored["extra_height"],
            stored["extra_tone"],
            float(known[2]),
            (float(known[0]), float(known[1])),
            tuple(str(t) for t in stored["told"]),
        )


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
    form.hollow_depth *= hummocks
    inputs = [wp.vec2(*_origin(cell, count)), cell, finest, form, height]
    launch_rows(base_kernel, count, count, inputs, workers=workers)
    return height.numpy()


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
    with open_maps(mission) as files:
        elevation, photo = files.get("elevation"), files.get("orthophoto")
        told: list[str] = []
        middle = middle_tone(photo, specs[min(1, len(specs) - 1)], told) if photo else 1.0
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
                check_heights(mine, elevation)
                above = levels[-1] if levels else None
                lift = lifted(mine, height, lift, above, cell)
                under, under_sand = _beneath(mission, elevation, craters, cell, count, workers)
                weight = mine.weight
                height = (height + lift + weight * under).astype(np.float32)
                sand = sand * (1 - weight) + under_sand * weight
                surface[..., 0] = weight
                if index == len(specs) - 1:
                    told.append(said(elevation, mine))
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


def _smoothed(grid: Grid, deviation: float) -> Grid:
    """Return a grid blurred by three boxes, near a Gaussian of a deviation in cells."""
    size = max(1, round(float(np.sqrt(4.0 * deviation**2 + 1.0))))
    for _ in range(3):
        grid = uniform_filter(grid, size, mode="nearest")
    return grid


def _covered(low: NDArray[Any]) -> NDArray[Any]:
    """Return 0 on level ground, rising gradually to 1 where it lies low by one and more."""
    t = np.clip(low, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _gathered(
    mission: Mission, height: Grid, sand: Grid, origin: tuple[float, float], cell: float
) -> Grid:
    """Return `sand` with what the wind has left in hollows and along the feet of slopes.

    What stands higher than its surroundings it has swept: down to -0.3, rock shows there.
    """
    model = mission.terrain.relief
    if cell > model.sand_wide_m:
        return sand
    near = _smoothed(height, model.sand_wide_m / cell)
    low = near - height
    # In rugged country only the deepest hold any.
    wider = _WIDER * model.sand_wide_m / cell
    deep = np.maximum(model.sand_deep_m, 1.2 * _smoothed(np.abs(low), wider))
    # Thickest over the wide lows.
    wide = _smoothed(near, wider) - near
    share = np.maximum(0.65 * _covered(low / deep), _covered(wide / (1.4 * deep)))
    # Under a scarp it lies in aprons that hide all rock.
    apron = _covered((low + 0.5 * wide) / (4.0 * model.sand_deep_m)) * _covered(low / deep)
    share = model.sand_most * share + (0.95 - model.sand_most) * apron
    nodes = origin[0] + cell * np.arange(len(height))
    apart = np.add.outer(nodes**2, nodes**2)
    # What lies at the target itself the finer ground tells.
    share *= 1.0 - np.exp(-apart / _TARGET_M**2)
    # Blocks about young craters stay bare.
    bare = np.clip(-sand / 0.4, 0.0, 1.0)
    share = bare * sand + (1.0 - bare) * np.maximum(sand, share)
    swept = 0.3 * _covered(-low / (2.4 * deep)) * (1.0 - np.exp(-apart / _TARGET_M**2))
    return np.minimum(share, np.maximum(share - swept, -0.3)).astype(np.float32)


def _landmarks(mission: Mission, widest: tuple[float, int]) -> Grid:
    """Return the craters that the mission places, in the columns of `draw_craters`."""
    reach = widest[0] * widest[1] / 2
    placed = [p for p in mission.terrain.craters.placed if max(abs(p[0]), abs(p[1])) < reach]
    return np.array(placed, np.float32).reshape(-1, 6)


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
        # Undulation as everywhere; whether hummocks and hollows lie here, their relief would tell.
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
        low = catmull_rom(finest.height_m, nodes)
        height = (mine.weight * (mine.values - low)).astype(np.float32)
    grid = np.meshgrid(nodes, nodes, indexing="ij")
    tone = map_coordinates(finest.told[..., 1], grid, order=1, mode="nearest")
    if photo is not None and fine_tone:
        seen = photo.sample(origin, _EXTRA_CELL_M, count)
        bright = np.clip(seen.values / middle, *_TONES)
        tone = seen.weight * bright + (1 - seen.weight) * tone
    return height, tone.astype(np.float32)
