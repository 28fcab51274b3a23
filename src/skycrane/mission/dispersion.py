"""How far the cases of a Monte Carlo stray from the nominal flight."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from skycrane.mission.base import Section, Vector3, wrong

if TYPE_CHECKING:
    from skycrane.mission.mission import Mission

__all__ = [
    "AerodynamicsSpread",
    "AirSpread",
    "Axes",
    "Dispersion",
    "EngineSpread",
    "EntrySpread",
    "MassSpread",
    "NavigationSpread",
    "ParachuteSpread",
    "Spread",
    "SpreadEastNorth",
    "SpreadVector",
    "WindSpread",
    "check_dispersion",
]

Distribution = Literal["normal", "uniform"]
Axes = Literal["east_north_up", "along_cross_up"]
Sigma = Annotated[float, Field(ge=0, le=1e7)]
Row6 = Annotated[list[float], Field(min_length=6, max_length=6)]
Matrix6 = Annotated[list[Row6], Field(min_length=6, max_length=6)]

_LEAST_FACTOR = 0.05
"""A factor or mass that a draw brings below this share of its nominal value is a mistake."""


class Spread(Section):
    """Independent draws of one quantity, in the unit that ends its key; factors without unit."""

    sigma: Sigma = 0.0
    """Standard deviation about the nominal value, of either distribution."""
    distribution: Distribution = "normal"
    """Either "normal", cut at `dispersion.truncate_sigma`, or "uniform", whose half width is then
    sqrt(3) sigma."""


class SpreadVector(Section):
    """Independent draws of a vector's components: east, north, up at the landing target."""

    sigma: Vector3
    """Standard deviation of each component."""
    distribution: Distribution = "normal"
    """As of a single quantity."""

    @model_validator(mode="after")
    def _check(self) -> SpreadVector:
        _check_sigmas(self.sigma)
        return self


class SpreadEastNorth(Section):
    """Independent draws of a horizontal vector's components: toward east, toward north."""

    sigma: Annotated[list[float], Field(min_length=2, max_length=2)]
    """Standard deviation of each component."""
    distribution: Distribution = "normal"
    """As of a single quantity."""

    @model_validator(mode="after")
    def _check(self) -> SpreadEastNorth:
        _check_sigmas(self.sigma)
        return self


def _check_sigmas(sigmas: list[float]) -> None:
    if not all(0 <= sigma <= 1e7 for sigma in sigmas):
        raise ValueError("standard deviations have to lie between 0 and 1e7")


_NONE = Spread()


class EntrySpread(Section):
    """The state at entry interface that delivery to the planet leaves uncertain."""

    axes: Axes
    """What the components are along. "east_north_up": local east, north and up where entry
    interface is. "along_cross_up": the horizontal direction of flight there, the horizontal to its
    right, and up. Velocities are relative to the rotating planet."""
    covariance: Matrix6
    """Covariance of position (first three, m) and velocity (last three, m/s) in these axes: m2,
    m2/s and m2/s2. Symmetric, without negative eigenvalues."""

    @model_validator(mode="after")
    def _check(self) -> EntrySpread:
        matrix = np.array(self.covariance)
        if np.abs(matrix).max() > 1e14:
            raise ValueError("covariance: no entry state is that uncertain; use m and m/s")
        sigma = np.sqrt(np.abs(np.diag(matrix)))
        scale = np.outer(sigma, sigma)
        off = np.argwhere(np.abs(matrix - matrix.T) > 1e-9 * np.maximum(scale, 1e-12))
        if len(off):
            i, j = (int(k) for k in off[0])
            raise ValueError(
                f"covariance has to be symmetric, but row {i + 1} column {j + 1} is "
                f"{matrix[i, j]:g} and row {j + 1} column {i + 1} is {matrix[j, i]:g}"
            )
        unit = np.where(sigma > 0, sigma, 1.0)
        least = float(np.linalg.eigvalsh(matrix / np.outer(unit, unit))[0])
        if (np.diag(matrix) < 0).any() or least < -1e-9:
            raise ValueError(
                "covariance has to be positive semidefinite; scaled to unit variances its "
                f"smallest eigenvalue is {least:.3g}"
            )
        return self


class AirSpread(Section):
    """The air as a whole; its local changes belong to the air itself."""

    density_factor: Spread = _NONE
    """Factor on the density at all heights."""


class WindSpread(Section):
    """The wind as a whole; each case also has gusts of its own."""

    factor: Spread = _NONE
    """Factor on the steady wind."""
    offset_m_s: SpreadEastNorth = SpreadEastNorth(sigma=[0.0, 0.0])
    """Wind added at all heights, toward east and north, m/s."""
    gust_factor: Spread = _NONE
    """Factor on the gusts."""


class MassSpread(Section):
    """Masses, each drawn by itself, kg; names as in vehicle.masses."""

    rover_kg: Spread = _NONE
    """The rover."""
    descent_stage_dry_kg: Spread = _NONE
    """The descent stage without propellant."""
    propellant_kg: Spread = _NONE
    """Propellant at entry interface."""
    backshell_kg: Spread = _NONE
    """The backshell."""
    parachute_kg: Spread = _NONE
    """The parachute."""
    heat_shield_kg: Spread = _NONE
    """The heat shield."""


class AerodynamicsSpread(Section):
    """Factors on the aeroshell's coefficients at all Mach numbers."""

    axial_factor: Spread = _NONE
    """Factor on the axial force."""
    normal_factor: Spread = _NONE
    """Factor on the normal force."""


class ParachuteSpread(Section):
    """The parachute."""

    drag_factor: Spread = _NONE
    """Factor on the canopy's drag at all Mach numbers."""
    filling_factor: Spread = _NONE
    """Factor on the distance over which the canopy fills."""
    mortar_speed_m_s: Spread = _NONE
    """Speed at which the mortar throws the pack, m/s."""


class EngineSpread(Section):
    """The engines, all of one descent stage alike."""

    thrust_factor: Spread = _NONE
    """Factor on the thrust that a command gives."""
    exhaust_factor: Spread = _NONE
    """Factor on the exhaust speed, and so on the specific impulse."""


class NavigationSpread(Section):
    """What the vehicle believes less what is true; site axes, the same error until replaced."""

    position_m: SpreadVector = SpreadVector(sigma=[0.0, 0.0, 0.0])
    """Error of the position known at entry interface, m."""
    velocity_m_s: SpreadVector = SpreadVector(sigma=[0.0, 0.0, 0.0])
    """Error of the velocity known at entry interface, m/s."""
    fix_m: SpreadVector = SpreadVector(sigma=[0.0, 0.0, 0.0])
    """Error of the position once it has been fixed on the terrain, m."""
    radar_scale: Spread = _NONE
    """Relative error of the landing radar: it reads 1 plus this times the truth."""
    radar_bias_m: Spread = _NONE
    """Error of the landing radar's range, m."""


class Dispersion(Section):
    """What each case of a Monte Carlo draws; whatever is not given is not dispersed."""

    truncate_sigma: Annotated[float, Field(ge=1, le=8)] = 4.0
    """Normal draws are cut at this many standard deviations, by drawing from the truncated
    distribution; at 4 its standard deviation is 0.05 % smaller. Of the entry state, the six
    independent components that its covariance is made of."""
    entry: EntrySpread | None = None
    """The state at entry interface."""
    air: AirSpread = AirSpread()
    """The air."""
    wind: WindSpread = WindSpread()
    """The wind."""
    masses: MassSpread = MassSpread()
    """Masses."""
    aerodynamics: AerodynamicsSpread = AerodynamicsSpread()
    """The aeroshell's aerodynamics."""
    parachute: ParachuteSpread = ParachuteSpread()
    """The parachute."""
    engines: EngineSpread = EngineSpread()
    """The engines."""
    navigation: NavigationSpread = NavigationSpread()
    """Navigation."""


def reach(spread: Spread, truncate_sigma: float) -> float:
    """Return the farthest that a draw strays from its nominal value."""
    return spread.sigma * (math.sqrt(3) if spread.distribution == "uniform" else truncate_sigma)


def _factors(dispersion: Dispersion) -> Iterator[tuple[str, Spread]]:
    yield "air.density_factor", dispersion.air.density_factor
    yield "aerodynamics.axial_factor", dispersion.aerodynamics.axial_factor
    yield "aerodynamics.normal_factor", dispersion.aerodynamics.normal_factor
    yield "parachute.drag_factor", dispersion.parachute.drag_factor
    yield "parachute.filling_factor", dispersion.parachute.filling_factor
    yield "engines.thrust_factor", dispersion.engines.thrust_factor
    yield "engines.exhaust_factor", dispersion.engines.exhaust_factor
    yield "navigation.radar_scale", dispersion.navigation.radar_scale


def check_dispersion(mission: Mission) -> None:
    """Check that no draw makes a mass, factor or speed vanish.

    Raises:
        PydanticCustomError: one could; it names the key and the remedy.
    """
    dispersion = mission.dispersion
    if dispersion is None:
        return
    nominal = [(key, spread, 1.0) for key, spread in _factors(dispersion)]
    for name in MassSpread.model_fields:
        value = getattr(mission.vehicle.masses, name)
        nominal.append((f"masses.{name}", getattr(dispersion.masses, name), value))
    mortar = mission.vehicle.parachute.mortar_speed_m_s
    nominal.append(("parachute.mortar_speed_m_s", dispersion.parachute.mortar_speed_m_s, mortar))
    for key, spread, value in nominal:
        far = reach(spread, dispersion.truncate_sigma)
        if spread.sigma > 0 and value - far < _LEAST_FACTOR * value:
            raise wrong(
                f"dispersion.{key}.sigma",
                f"{spread.sigma:g} reaches {far:g} from {value:g}: nothing would be left",
                f"Give at most {spread.sigma * (1 - _LEAST_FACTOR) * value / far:.3g}, the "
                "standard deviation and not a percentage.",
            )
