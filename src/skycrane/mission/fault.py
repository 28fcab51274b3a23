"""Faults that a mission file may inject into its flight."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skycrane.mission.base import NonNegative, Section, Vector3

__all__ = [
    "EngineOut",
    "Fault",
    "LowPropellant",
    "NavigationBias",
    "ParachuteFailed",
    "ParachuteLate",
    "ParachuteTorn",
    "SensorDropout",
    "WindStep",
]

Horizontal = Annotated[
    list[Annotated[float, Field(ge=-200, le=200)]], Field(min_length=2, max_length=2)
]


class ParachuteLate(Section):
    """The mortar fires late."""

    kind: Literal["parachute_late"]
    """Which fault this is."""
    delay_s: Annotated[float, Field(ge=0, le=600)]
    """After its trigger was met, s."""


class ParachuteTorn(Section):
    """The canopy tears as it fills."""

    kind: Literal["parachute_torn"]
    """Which fault this is."""
    area_left: Annotated[float, Field(ge=0, lt=1, strict=False)]
    """Share of its area that still draws."""


class ParachuteFailed(Section):
    """The mortar does not fire."""

    kind: Literal["parachute_failed"]
    """Which fault this is."""


class EngineOut(Section):
    """One of the descent stage's engines stops."""

    kind: Literal["engine_out"]
    """Which fault this is."""
    engine: Annotated[int, Field(ge=0, le=7)]
    """Which, 0 to 7."""
    delay_s: NonNegative
    """After the powered descent's start, s."""


class NavigationBias(Section):
    """What the vehicle believes of its motion is wrong by this, from entry interface on."""

    kind: Literal["navigation_bias"]
    """Which fault this is."""
    position_m: Vector3
    """Error of the position, toward east, north, up at the site, m."""
    velocity_m_s: Vector3
    """Error of the velocity in the same axes, until the radar corrects it, m/s."""
    fix_m: Horizontal
    """Error of the fix on the terrain, toward east and north, m."""


class WindStep(Section):
    """Below a height the wind is another one."""

    kind: Literal["wind_step"]
    """Which fault this is."""
    altitude_m: NonNegative
    """Height above the target, m."""
    east_m_s: Annotated[float, Field(ge=-200, le=200)]
    """Added to the wind toward the east, m/s."""
    north_m_s: Annotated[float, Field(ge=-200, le=200)]
    """Added to the wind toward the north, m/s."""


class LowPropellant(Section):
    """The descent stage carries less propellant."""

    kind: Literal["low_propellant"]
    """Which fault this is."""
    propellant_kg: Annotated[float, Field(ge=0, le=1e6)]
    """At entry interface, kg."""


class SensorDropout(Section):
    """The radar sees nothing for a while."""

    kind: Literal["sensor_dropout"]
    """Which fault this is."""
    delay_s: NonNegative
    """After the heat shield's separation, s."""
    duration_s: NonNegative
    """For how long, s."""


Fault = Annotated[
    ParachuteLate
    | ParachuteTorn
    | ParachuteFailed
    | EngineOut
    | NavigationBias
    | WindStep
    | LowPropellant
    | SensorDropout,
    Field(discriminator="kind"),
]
"""Any of them, told apart by `kind`."""
