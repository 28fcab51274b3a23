"""Craters: as many as a production function and erosion leave, in every state of decay.

Large ones are drawn once and stamped into the landform's grids; those of a few metres are a
function of the place (`small_craters`).
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.draws import generator
from skycrane.mars.noise import hash2, unit
from skycrane.mars.terrain_form import Form
from skycrane.mission import Mission
from skycrane.mission.terrain import Craters

__all__ = ["craters_per_km2", "draw_craters", "draw_secondaries", "small_craters", "stamp_craters"]

wp.set_module_options({"enable_backward": False})

Array = NDArray[np.float32]

_SATURATION = 1.54
"""Craters over D a square D when no more find room (Gault 1970, Radio Science 5, 273)."""
_RIM = 0.20
"""Height of a rim over the depth below the plain: 0.04 of the diameter (Pike 1977)."""


def craters_per_km2(model: Craters, diameter_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many craters over a diameter lie in a square kilometre.

    The production function, or where that would give more the equilibrium in which each new crater
    wears out an old one: a share of saturation (Gault 1970).
    """
    d_km = np.asarray(diameter_m, np.float64) / 1000.0
    made = model.per_km2_over_1_km * d_km**-model.slope
    return np.minimum(made, model.equilibrium_share * _SATURATION * d_km**-2.0)


def draw_craters(
    mission: Mission, smallest_m: float, largest_m: float, half_width_m: float, index: int
) -> Array:
    """Return craters (n, 6): east, north, diameter [m], depth over diameter, wear, share of sand.

    Diameters from `smallest_m` to `largest_m` in a square of +- `half_width_m` around the target.
    They form at an even rate and wear away by diffusion, so that all states from fresh to nearly
    gone are met; most are shallow, round-rimmed saucers (classes of Sweeney et al. 2018, J.
    Geophys. Res. Planets 123, 2732). Where sand has blown in, the worn hold more of it.
    """
    model = mission.terrain.craters
    area = (2 * half_width_m / 1000.0) ** 2
    random = generator(mission.site.seed, "terrain craters", index)
    sizes = np.geomspace(smallest_m, max(largest_m, smallest_m), 400)
    number = craters_per_km2(model, sizes)
    count = int(random.poisson(area * (number[0] - number[-1])))
    drawn = number[-1] + (number[0] - number[-1]) * random.random(count)
    diameter = np.interp(drawn, number[::-1], sizes[::-1])
    place = random.uniform(-half_width_m, half_width_m, (count, 2))
    fresh = random.random(count)
    # Small ones wear faster than large ones: fewer of them are met deep.
    fresh **= 0.6 + 0.7 * np.clip(np.log(300.0 / diameter) / np.log(300.0 / 16.0), 0.0, 1.0)
    # Secondaries and craters in loose ground begin shallower (Watters et al. 2015).
    begin = model.fresh_depth * np.clip(0.55 + 0.45 * (diameter / 200.0) ** 0.5, 0.0, 1.0)
    depth = begin * (0.30 + 0.70 * fresh)
    wear = 1.0 - fresh
    # Wind brings sand into nearly all: old ones are filled deep, young ones' floors are covered.
    caught = random.random(count) < 0.85
    sand = caught * (0.15 + 0.85 * wear) * random.random(count) ** 2
    # Ripples march through shallow ones.
    sand *= np.clip((diameter / 160.0) ** 2, 0.03, 1.0)
    # Nothing deep enough to tilt the landing lies on the target itself.
    keep = np.hypot(place[:, 0], place[:, 1]) > 0.9 * diameter + 8.0
    columns = [place, diameter, depth, wear, np.sqrt(sand)]
    table = np.column_stack(columns).astype(np.float32)[keep]
    return table[np.argsort(-table[:, 2], kind="stable")]


def draw_secondaries(mission: Mission, half_width_m: float) -> Array:
    """Return craters as `draw_craters` does, of clusters thrown from a large, far crater.

    Each cluster is drawn out along the way the blocks came (McEwen and Bierhaus 2006, Annu. Rev.
    Earth Planet. Sci. 34, 535): a Thomas process, stretched twofold. They lie in a square of
    +- `half_width_m` around the target.
    """
    model = mission.terrain.craters.secondaries
    random = generator(mission.site.seed, "terrain secondaries", 0)
    wide = half_width_m + 3.0 * model.cluster_m
    area = (2 * wide / 1000.0) ** 2
    clusters = int(random.poisson(area * model.per_km2_over_100_m / model.in_cluster))
    # Most hold few, some many.
    mean = model.in_cluster * (model.smallest_m / 100.0) ** -model.slope
    counts = random.poisson(mean * random.exponential(1.0, clusters))
    total = int(counts.sum())
    middle = np.repeat(random.uniform(-wide, wide, (clusters, 2)), counts, axis=0)
    turn = np.repeat(random.normal(0.9, 0.35, clusters), counts)
    along, across = model.cluster_m * random.normal(0.0, 1.0, (2, total)) * [[1.0], [0.5]]
    place = middle + np.column_stack(
        [
            along * np.cos(turn) - across * np.sin(turn),
            along * np.sin(turn) + across * np.cos(turn),
        ]
    )
    diameter = model.smallest_m * (1.0 - random.random(total)) ** (-1.0 / model.slope)
    wear = random.beta(1.4, 2.2, total)
    depth = model.depth * (1.0 - 0.55 * wear)
    sand = random.random(total) * np.clip((diameter / 160.0) ** 2, 0.0, 1.0)
    table = np.column_stack([place, diameter, depth, wear, sand]).astype(np.float32)
    apart = np.hypot(place[:, 0], place[:, 1]) - 1.5 * diameter > model.clear_m
    inside = np.abs(place).max(axis=1, initial=0.0) < half_width_m
    table = table[apart & inside & (diameter <= model.largest_m)]
    return table[np.argsort(-table[:, 2], kind="stable")]


def _profile(
    d: Array, diameter: float, depth: float, wear: float, sand: float
) -> tuple[Array, Array]:
    """Return relief [m] and cover over the distance `d` in radii.

    Cover is sand from 0 to 1; below 0, down to -0.3, the ejecta's blocks and bare rock of the rim:
    no rims of the site's craters shine in the flown images.
    """
    deep = depth * diameter
    rim = _RIM * deep
    bowl = -deep + (deep + rim) * d**2.4
    floor = -deep * (1.0 - 0.35 * sand)
    inner = np.maximum(bowl, floor)
    outer = rim * np.maximum(d, 1.0) ** -3.2 - rim * (d / 3.0) ** 2 * 3.0**-3.2
    young = np.where(d < 1.0, inner, np.maximum(outer, 0.0))
    # What diffusion leaves: a saucer wider than the crater was, in a rim that is hardly one.
    old = floor * np.exp(-1.45 * d * d) + 0.9 * rim * np.exp(-(((d - 1.15) / 0.42) ** 2))
    relief = young + min(1.0, 0.10 + 1.1 * wear) * (old - young)
    # Sand lies level up to where it laps at the wall: the wider, the deeper it fills.
    edge = ((floor / deep + 1.0) / (1.0 + _RIM)) ** (1 / 2.4) + 0.10 + 0.20 * wear
    cover = sand * np.clip((edge - d) / 0.40 + 0.5, 0.0, 1.0)
    cover -= 0.3 * (1.0 - wear) ** 2 * np.exp(-(((d - 1.05) / 0.45) ** 2))
    return relief.astype(np.float32), cover.astype(np.float32)


def stamp_craters(
    height: Array, cover: Array, craters: Array, origin_m: tuple[float, float], cell_m: float
) -> None:
    """Add craters to a grid of heights [m] and of cover (sand above 0, blocks below), in place.

    Rows run north, columns east; `origin_m` is the place of the first node. Larger craters come
    first and a later one within them replaces nothing but adds its own relief.
    """
    rows, columns = height.shape
    for e, n, diameter, depth, wear, fill in craters.tolist():
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
        # Never quite round: harmonics keyed by the crater itself, the older the more cut into.
        phase = (e * 12.9898 + n * 78.233) % (2 * np.pi)
        bulge = 1 + (0.05 + 0.08 * wear) * np.sin(2 * azimuth + phase)
        bulge += (0.03 + 0.05 * wear) * np.sin(3 * azimuth + 3 * phase)
        bulge += 0.010 * np.sin(7 * azimuth + 7 * phase) + 0.05 * wear * np.sin(5 * azimuth - phase)
        d = (np.hypot(x[None, :], y[:, None]) * bulge).astype(np.float32)
        relief, covered = _profile(d, diameter, depth, wear, fill)
        height[i0:i1, j0:j1] += relief
        under = cover[i0:i1, j0:j1]
        under[:] = np.where(np.abs(covered) > np.abs(under), covered, under)


@wp.func
def small_craters(x: float, y: float, size: float, seed: int, form: Form) -> float:
    """Return relief [m] of craters with diameters of `size` to twice that [m].

    As many as `craters_per_km2` says, one at most in each cell of three times `size`, in every
    state of decay, most of them mere dimples: drift fills small ones first.
    """
    cell = size * 3.0
    px = x / cell
    py = y / cell
    fx = wp.floor(px - 0.5)
    fy = wp.floor(py - 0.5)
    slope = form.crater_slope
    number = form.crater_number * wp.pow(size * 1.0e-3, -slope)
    most = form.crater_most * 1.0e6 / (size * size)
    if number > most:
        number = most
        slope = 2.0
    fewer = wp.pow(2.0, -slope)
    share = wp.min(number * (1.0 - fewer) * cell * cell * 1.0e-6, 0.7)
    h = float(0.0)
    for j in range(2):
        for i in range(2):
            k = hash2(int(fx) + i, int(fy) + j, seed)
            if unit(k, 0) < share:
                dx = (px - fx - float(i) - 0.3 - 0.4 * unit(k, 1)) * cell
                dy = (py - fy - float(j) - 0.3 - 0.4 * unit(k, 2)) * cell
                m = hash2(int(fx) + i, int(fy) + j, seed + 3)
                diameter = size * wp.pow(1.0 - unit(m, 0) * (1.0 - fewer), -1.0 / slope)
                q = (dx * dx + dy * dy) / (0.25 * diameter * diameter)
                if q < 4.0 and q > 0.0:
                    # Nothing is left at the edge of what is looked at.
                    edge = wp.min(4.0 * (2.0 - wp.sqrt(q)), 1.0)
                    # Lobed, not round: cosines of two and three times the azimuth.
                    e = (dx * dx - dy * dy) / (dx * dx + dy * dy)
                    f = 2.0 * dx * dy / (dx * dx + dy * dy)
                    turn = 6.2831853 * unit(m, 2)
                    lobe = wp.cos(turn) * e + wp.sin(turn) * f
                    q *= 1.0 + 0.22 * lobe + 0.16 * lobe * (wp.sin(turn) * e - wp.cos(turn) * f)
                    fresh = unit(m, 1)
                    begin = 0.55 * form.crater_depth * diameter
                    depth = begin * (0.06 + 0.94 * fresh * fresh * fresh)
                    d = wp.sqrt(q)
                    bowl = wp.max(1.0 - q, 0.0)
                    young = 0.2 * wp.exp(-9.0 * (d - 1.0) * (d - 1.0)) - bowl * wp.sqrt(bowl)
                    old = 0.16 * wp.exp(-5.0 * (d - 1.15) * (d - 1.15)) - wp.exp(-1.6 * q)
                    h += depth * wp.lerp(old, young, fresh * fresh) * edge
    return h
