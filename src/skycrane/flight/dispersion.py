"""Draws the cases of a Monte Carlo: each quantity of a case by itself, keyed by (seed, case)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from skycrane.draws import generator
from skycrane.mission import Mission
from skycrane.mission.dispersion import Axes, Dispersion

__all__ = ["NOMINAL", "disperse", "dispersed_inputs", "entry_axes", "entry_deviation"]

Array = NDArray[np.float64]
Rows = NDArray[Any]

NOMINAL = 0
"""The case that no dispersion touches; its gusts are those of every single flight."""

_NO_PIVOT = 1e-10
"""Share of a variance, 1e-5 of a standard deviation, below which nothing is left to draw."""


def disperse(record: Rows, mission: Mission, *, seed: int, case_ids: Sequence[int]) -> None:
    """Change the cases of `record`, fields of `Case`, shape (n,), in place; case 0 stays nominal.

    What a case draws depends on nothing but the seed, its number and the mission's `dispersion`;
    a mission without one is left as it is. Every quantity has a generator of its own, so that
    dispersing one more changes none of the others.

    Args:
        record: equal cases of the mission (`case.case_record`).
        mission: whose `dispersion` is drawn from.
        seed: of every draw.
        case_ids: the cases' numbers, shape (n,).
    """
    if mission.dispersion is None:
        return
    draws = _Draws(mission, mission.dispersion, seed)
    for row, case in enumerate(case_ids):
        if case != NOMINAL:
            for quantity in _QUANTITIES:
                quantity(record, row, draws, case)


class _Draws:
    """The draws of a mission's cases."""

    def __init__(self, mission: Mission, dispersion: Dispersion, seed: int) -> None:
        self.dispersion = dispersion
        self.seed = seed
        self.entry: tuple[Array, Array] | None = None
        if dispersion.entry is not None:
            root = _root(np.array(dispersion.entry.covariance))
            self.entry = root, entry_axes(mission, dispersion.entry.axes)

    def unit(self, name: str, case: int, count: int, distribution: str) -> Array:
        """Return independent draws of zero mean and unit standard deviation, shape (count,).

        Normal ones by inversion of the distribution truncated at +-`truncate_sigma`, so that each
        takes one uniform number, in order.
        """
        u = generator(self.seed, f"flight/dispersion/{name}", case).random(count)
        if distribution == "uniform":
            return np.asarray(np.sqrt(3.0) * (2 * u - 1))
        low = ndtr(-self.dispersion.truncate_sigma)
        return np.asarray(ndtri(low + u * (1 - 2 * low)))


def _scalar(field: str, way: str, how: Callable[[Any, float], Any]) -> Callable[..., None]:
    """Return what draws the spread at `way` of a dispersion and puts it into a field."""

    def draw(record: Rows, row: int, draws: _Draws, case: int) -> None:
        spread = _at(draws.dispersion, way)
        if spread.sigma > 0:
            unit = draws.unit(way, case, 1, spread.distribution)
            record[field][row] = how(record[field][row], float(spread.sigma * unit[0]))

    return draw


def _vector(field: str, way: str) -> Callable[..., None]:
    """Return what draws the vector at `way` and adds it to a field, as many components as given."""

    def draw(record: Rows, row: int, draws: _Draws, case: int) -> None:
        spread = _at(draws.dispersion, way)
        count = len(spread.sigma)
        unit = draws.unit(way, case, count, spread.distribution)
        record[field][row][:count] += np.array(spread.sigma) * unit

    return draw


def _at(dispersion: Dispersion, way: str) -> Any:
    section, name = way.split(".")
    return getattr(getattr(dispersion, section), name)


def _times(nominal: Any, drawn: float) -> Any:
    return nominal * (1.0 + drawn)


def _plus(nominal: Any, drawn: float) -> Any:
    return nominal + drawn


def _at_least_none(nominal: Any, drawn: float) -> Any:
    """A wind's strength turns by a larger draw into calm, not into its opposite."""
    return nominal * max(0.0, 1.0 + drawn)


def entry_axes(mission: Mission, axes: Axes) -> Array:
    """Return the axes of the entry state's covariance, rows in mars_fixed, shape (3, 3)."""
    position, velocity = mission.entry.state(mission.planet)
    up = position / np.linalg.norm(position)
    if axes == "east_north_up":
        east = np.cross([0.0, 0.0, 1.0], up)
        east /= np.linalg.norm(east)
        return np.stack([east, np.cross(up, east), up])
    along = velocity - up * (velocity @ up)
    along /= np.linalg.norm(along)
    return np.stack([along, np.cross(along, up), up])


def _root(covariance: Array) -> Array:
    """Return the lower triangular L of covariance = L L^T; a component without variance gets none.

    Cholesky's factorisation, by plain sums in a fixed order, so that the same mission draws the
    same states whatever linear algebra library is at hand; scaled to unit variances first, since
    positions in metres and velocities in m/s lie far apart. Of a semidefinite matrix a pivot that
    rounding leaves of a zero is taken for one.
    """
    sigma = np.sqrt(np.diag(covariance))
    unit = np.where(sigma > 0, sigma, 1.0)
    scaled = covariance / np.outer(unit, unit)
    root = np.zeros_like(scaled)
    for j in range(len(scaled)):
        pivot = scaled[j, j] - sum(root[j, k] ** 2 for k in range(j))
        if pivot <= _NO_PIVOT:
            continue
        root[j, j] = np.sqrt(pivot)
        for i in range(j + 1, len(scaled)):
            done = sum(root[i, k] * root[j, k] for k in range(j))
            root[i, j] = (scaled[i, j] - done) / root[j, j]
    return np.asarray(unit[:, None] * root)


def _entry(record: Rows, row: int, draws: _Draws, case: int) -> None:
    if draws.entry is None:
        return
    root, axes = draws.entry
    drawn = root @ draws.unit("entry", case, 6, "normal")
    record["entry_position"][row] += drawn[:3] @ axes
    record["entry_velocity"][row] += drawn[3:] @ axes


_FACTORS = (
    ("density_factor", "air.density_factor", _times),
    ("wind_factor", "wind.factor", _at_least_none),
    ("gust_factor", "wind.gust_factor", _at_least_none),
    ("rover_mass", "masses.rover_kg", _plus),
    ("stage_mass", "masses.descent_stage_dry_kg", _plus),
    ("propellant", "masses.propellant_kg", _plus),
    ("backshell_mass", "masses.backshell_kg", _plus),
    ("parachute_mass", "masses.parachute_kg", _plus),
    ("heat_shield_mass", "masses.heat_shield_kg", _plus),
    ("axial_factor", "aerodynamics.axial_factor", _times),
    ("normal_factor", "aerodynamics.normal_factor", _times),
    ("canopy_drag_factor", "parachute.drag_factor", _times),
    ("filling_diameters", "parachute.filling_factor", _times),
    ("mortar_speed", "parachute.mortar_speed_m_s", _plus),
    ("thrust_factor", "engines.thrust_factor", _times),
    ("exhaust_factor", "engines.exhaust_factor", _times),
    ("radar_scale", "navigation.radar_scale", _times),
    ("radar_bias", "navigation.radar_bias_m", _plus),
)
_VECTORS = (
    ("wind_offset", "wind.offset_m_s"),
    ("navigation_position", "navigation.position_m"),
    ("navigation_velocity", "navigation.velocity_m_s"),
    ("navigation_fix", "navigation.fix_m"),
)
_QUANTITIES: tuple[Callable[..., None], ...] = (
    _entry,
    *(_scalar(*factor) for factor in _FACTORS),
    *(_vector(*vector) for vector in _VECTORS),
)


def entry_deviation(record: Rows, mission: Mission, axes: Axes) -> Array:
    """Return how far entry states lie from the nominal one, (n, 6): m, m/s, in the axes named."""
    # Sums in a fixed order: a product of matrices rounds differently for another number of rows.
    columns = []
    nominal = mission.entry.state(mission.planet)
    for field, vector in zip(("entry_position", "entry_velocity"), nominal, strict=True):
        x, y, z = (np.asarray(record[field]) - vector).T
        columns += [x * a + y * b + z * c for a, b, c in entry_axes(mission, axes)]
    return np.stack(columns, axis=1)


_UNITS = {
    "rover_mass": "kg",
    "stage_mass": "kg",
    "propellant": "kg",
    "backshell_mass": "kg",
    "parachute_mass": "kg",
    "heat_shield_mass": "kg",
    "mortar_speed": "m_s",
    "radar_bias": "m",
    "wind_offset": "m_s",
    "navigation_position": "m",
    "navigation_velocity": "m_s",
    "navigation_fix": "m",
}
_COMPONENTS = ("east", "north", "up")


def dispersed_inputs(record: Rows, mission: Mission) -> Iterator[tuple[str, Array]]:
    """Yield name and values, shape (n,), of everything a dispersion may have changed.

    Names end in the unit, none for factors; the entry state as its deviation in the covariance's
    axes (east, north, up where the mission disperses none).
    """
    spread = mission.dispersion.entry if mission.dispersion else None
    axes: Axes = spread.axes if spread else "east_north_up"
    deviation = entry_deviation(record, mission, axes)
    parts = axes.split("_")
    for column, (kind, unit) in enumerate([("position", "m")] * 3 + [("velocity", "m_s")] * 3):
        yield f"entry_{kind}_{parts[column % 3]}_{unit}", deviation[:, column]
    for field, _, _ in _FACTORS:
        unit = f"_{_UNITS[field]}" if field in _UNITS else ""
        yield f"{field}{unit}", np.asarray(record[field], dtype=np.float64)
    for field, way in _VECTORS:
        count = 2 if way == "wind.offset_m_s" else 3
        for k in range(count):
            yield f"{field}_{_COMPONENTS[k]}_{_UNITS[field]}", np.array(record[field][:, k])
