"""Craters: drawn from a production function in every state of decay, and stamped into grids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.draws import generator
from skycrane.mission import Mission

__all__ = ["draw_craters", "stamp_craters"]

Array = NDArray[np.float32]


def draw_craters(mission: Mission, smallest_m: float, half_width_m: float, index: int) -> Array:
    """Return craters (n, 5): east, north, diameter [m], depth over diameter, share of sand.

    Diameters between `smallest_m` and six times that (the top class reaches the largest), in a
    square of +- `half_width_m` around the target, by the mission's power law; small ones are more
    decayed, as erosion and infill work faster on them.
    """
    model = mission.terrain.craters
    largest = model.largest_m if index == 0 else smallest_m * 6.0

    def per_km2(d: float) -> float:
        return model.per_km2_over_1_km * (d / 1000.0) ** -model.slope

    area = (2 * half_width_m / 1000.0) ** 2
    random = generator(mission.site.seed, "terrain craters", index)
    count = int(random.poisson(area * (per_km2(smallest_m) - per_km2(largest))))
    low, high = smallest_m**-model.slope, largest**-model.slope
    diameter = (low + (high - low) * random.random(count)) ** (-1.0 / model.slope)
    place = random.uniform(-half_width_m, half_width_m, (count, 2))
    # Most are old: drift and worn rims long ago.
    freshness = random.random(count) ** 1.2
    depth = model.fresh_depth * (0.22 + 0.78 * freshness)
    sand = np.clip(1.25 - 1.3 * freshness, 0, 1)
    # Nothing large enough to tilt the landing lies on the target itself.
    keep = np.hypot(place[:, 0], place[:, 1]) > 0.9 * diameter + 25.0
    table = np.column_stack([place, diameter, depth, sand]).astype(np.float32)[keep]
    return table[np.argsort(-table[:, 2], kind="stable")]


def _profile(d: Array, diameter: float, depth: float, sand: float) -> tuple[Array, Array]:
    """Return relief [m] and sand cover over the distance `d` in radii."""
    deep = depth * diameter
    rim = 0.22 * deep
    bowl = -deep + (deep + rim) * d**2.4
    floor = -deep * (1.0 - 0.55 * sand)
    inner = np.maximum(bowl, floor)
    outer = rim * np.maximum(d, 1.0) ** -3.2 - rim * (d / 3.0) ** 2 * 3.0**-3.2
    relief = np.where(d < 1.0, inner, np.maximum(outer, 0.0))
    # An old one's rim is round, its bowl a saucer.
    old = np.where(d < 1.6, floor * np.exp(-((d / 0.8) ** 4)), 0.0)
    old += 0.6 * rim * np.exp(-(((d - 1.1) / 0.4) ** 2))
    relief += 0.8 * sand * (old - relief)
    filled = sand * np.clip((floor - bowl) / (0.25 * deep) + 0.5, 0, 1) * (d < 1)
    return relief.astype(np.float32), filled.astype(np.float32)


def stamp_craters(
    height: Array, sand: Array, craters: Array, origin_m: tuple[float, float], cell_m: float
) -> None:
    """Add craters to a grid of heights [m] and sand cover, in place.

    Rows run north, columns east; `origin_m` is the place of the first node. Larger craters come
    first and a later one within them replaces nothing but adds its own relief.
    """
    rows, columns = height.shape
    for e, n, diameter, depth, fill in craters.tolist():
        radius = diameter / 2
        if diameter < 3.0 * cell_m:
            continue
        reach = 3.0 * radius
        i0 = max(0, int((n - reach - origin_m[1]) / cell_m) + 1)
        i1 = min(rows, int((n + reach - origin_m[1]) / cell_m) + 1)
        j0 = max(0, int((e - reach - origin_m[0]) / cell_m) + 1)
        j1 = min(columns, int((e + reach - origin_m[0]) / cell_m) + 1)
        if i0 >= i1 or j0 >= j1:
            continue
        y = (origin_m[1] + cell_m * np.arange(i0, i1) - n) / radius
        x = (origin_m[0] + cell_m * np.arange(j0, j1) - e) / radius
        azimuth = np.arctan2(y[:, None], x[None, :])
        # Never quite round: three low harmonics keyed by the crater itself.
        phase = (e * 12.9898 + n * 78.233) % (2 * np.pi)
        bulge = 1 + 0.07 * np.sin(2 * azimuth + phase) + 0.04 * np.sin(3 * azimuth + 3 * phase)
        # The older the more it is cut into.
        bulge += 0.010 * np.sin(7 * azimuth + 7 * phase) + 0.03 * fill * np.sin(5 * azimuth - phase)
        d = (np.hypot(x[None, :], y[:, None]) * bulge).astype(np.float32)
        relief, filled = _profile(d, diameter, depth, fill)
        height[i0:i1, j0:j1] += relief
        np.maximum(sand[i0:i1, j0:j1], filled, out=sand[i0:i1, j0:j1])
