"""A user's maps laid over the built-in landform: opened, checked, and gone over into at edges."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from skycrane.errors import InputError
from skycrane.mars.terrain_files import MapFile, Sampled, fill_holes, open_map
from skycrane.mission import Mission

__all__ = ["Laid", "catmull_rom", "check_heights", "lifted", "middle_tone", "open_maps", "said"]

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

_HIGHEST_M = 45_000.0
"""More relief than this is no ground of a planet."""


class Laid(Protocol):
    """A grid's place: spacing [m], and east and north of its first node."""

    @property
    def cell_m(self) -> float:
        """Spacing of the nodes, m."""
        ...

    @property
    def origin_m(self) -> tuple[float, float]:
        """East and north of node [0, 0], m."""
        ...


@contextlib.contextmanager
def open_maps(mission: Mission) -> Iterator[dict[str, MapFile]]:
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


def lifted(
    mine: Sampled, built: Grid, lift: Array | None, above: Laid | None, cell: float
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


def catmull_rom(grid: Grid, nodes: NDArray[Any]) -> Array:
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


def check_heights(mine: Sampled, file: MapFile) -> None:
    """Check that a file tells the ground at the target, within what a planet's relief can be.

    Raises:
        InputError: it does not.
    """
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


def middle_tone(photo: MapFile, spec: tuple[float, int], told: list[str]) -> float:
    """Return the median brightness, which becomes the soil's."""
    cell, count = spec
    seen = photo.sample((-cell * count / 2, -cell * count / 2), cell, count)
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


def said(file: MapFile, mine: Sampled) -> str:
    """Return what was read of a file of heights, in words."""
    middle = len(mine.values) // 2
    height = float(mine.values[middle, middle])
    return (
        f"{Path(file.where).name}: {file.pixel_m:.3g} m a pixel; its height {height:.1f} m at the "
        f"target lies at site.radius_m = {file.site.radius_m:.0f} m, and heights count from there; "
        f"{100 * mine.filled:.2g} % of it filled"
    )
