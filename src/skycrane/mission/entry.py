"""The state at entry interface: a position and a velocity, or the angles that papers publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from skycrane.mission.base import Latitude, Longitude, Positive, Section, Vector3, wrong

if TYPE_CHECKING:
    from skycrane.mission.place import Planet

__all__ = ["Entry", "Motion", "motion_of"]

Vector = NDArray[np.float64]

_VECTORS = ("position_m", "velocity_m_s")
_ANGLES = (
    "latitude_deg",
    "longitude_deg",
    "speed_m_s",
    "flight_path_angle_deg",
    "azimuth_deg",
    "frame",
)
_HEIGHTS = ("radius_m", "altitude_m", "over_radius_m")


class Entry(Section):
    """Where the entry vehicle is at entry interface, and how it moves.

    Either `position_m` and `velocity_m_s`, or the published form: `radius_m` (or `altitude_m` and
    `over_radius_m`), `latitude_deg`, `longitude_deg`, `speed_m_s`, `flight_path_angle_deg`,
    `azimuth_deg` and `frame`. Never both.
    """

    radius_m: Positive | None = None
    """Distance from the planet's centre, m. Papers on Mars use 3522.2 km."""
    altitude_m: Positive | None = None
    """Instead of `radius_m`: height over `over_radius_m`, m."""
    over_radius_m: Positive | None = None
    """The radius that `altitude_m` counts from, m."""
    latitude_deg: Latitude | None = None
    """Areocentric latitude, degrees north."""
    longitude_deg: Longitude | None = None
    """East longitude, degrees."""
    speed_m_s: Positive | None = None
    """Speed, in the frame that `frame` says, m/s."""
    flight_path_angle_deg: Annotated[float, Field(ge=-90, le=90)] | None = None
    """Angle of the velocity above the local horizontal, in that frame: negative is downward."""
    azimuth_deg: Annotated[float, Field(ge=-360, le=360)] | None = None
    """Direction of the velocity's horizontal part, in that frame, degrees east of north."""
    frame: Literal["relative", "inertial"] | None = None
    """What speed and both angles are relative to: the rotating planet, or inertial space. A speed
    of one with an angle of the other is another trajectory."""
    position_m: Vector3 | None = None
    """Position in mars_fixed (IAU_MARS), m."""
    velocity_m_s: Vector3 | None = None
    """Velocity relative to the rotating planet, mars_fixed axes, m/s."""
    bank_deg: float
    """Bank angle at entry interface, positive to the right of the flight path."""

    @model_validator(mode="after")
    def _one_form(self) -> Entry:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        vectors = [name for name in _VECTORS if name in given]
        angles = [name for name in (*_HEIGHTS, *_ANGLES) if name in given]
        if vectors and angles:
            raise wrong(
                f"entry.{angles[0]}",
                f"given beside {vectors[0]}: two forms of one state",
                f"Keep either {' and '.join(_VECTORS)}, or the speed with its angles.",
            )
        if not vectors:
            self._check_height(given)
        for name in _VECTORS if vectors else _ANGLES:
            if name not in given:
                raise wrong(f"entry.{name}", "missing", _MISSING.get(name, f"Add {name}."))
        return self

    def _check_height(self, given: list[str]) -> None:
        heights = [name for name in _HEIGHTS if name in given]
        if heights not in (["radius_m"], ["altitude_m", "over_radius_m"]):
            said = " and ".join(heights) + " alone" if len(heights) < 2 else ", ".join(heights)
            raise wrong(
                "entry.radius_m",
                f"{said} cannot place the entry" if heights else "missing",
                "Give radius_m, the distance from the planet's centre, or else altitude_m and the "
                "over_radius_m it counts from.",
            )

    @property
    def height_key(self) -> str:
        """The key of this form that says how high the entry is."""
        if self.position_m is not None:
            return "position_m"
        return "radius_m" if self.radius_m is not None else "altitude_m"

    @property
    def place_key(self) -> str:
        """The key of this form that says over what point it is."""
        return "longitude_deg" if self.position_m is None else "position_m"

    @property
    def speed_key(self) -> str:
        """The key of this form that says how fast the entry is."""
        return "speed_m_s" if self.position_m is None else "velocity_m_s"

    @property
    def direction_key(self) -> str:
        """The key of this form that says whether it goes up or down."""
        return "flight_path_angle_deg" if self.position_m is None else "velocity_m_s"

    def state(self, planet: Planet) -> tuple[Vector, Vector]:
        """Return position [m] and velocity relative to the rotating planet [m/s].

        Both in mars_fixed axes, shape (3,). An inertial velocity is the one of axes that do not
        turn but stand as the mars_fixed ones at that moment; it loses omega x r.
        """
        if self.position_m is not None:
            return np.array(self.position_m, dtype=float), np.array(self.velocity_m_s, dtype=float)
        radius = self.radius_m
        if radius is None:
            radius = _number(self.altitude_m) + _number(self.over_radius_m)
        east, north, up = _local_axes(_number(self.latitude_deg), _number(self.longitude_deg))
        climb = np.radians(_number(self.flight_path_angle_deg))
        heading = np.radians(_number(self.azimuth_deg))
        ahead = np.sin(heading) * east + np.cos(heading) * north
        position = radius * up
        velocity = _number(self.speed_m_s) * (np.cos(climb) * ahead + np.sin(climb) * up)
        if self.frame == "inertial":
            velocity = velocity - _carried(position, planet)
        return position, velocity


_MISSING = {
    "frame": 'Say what speed and angles are relative to: "relative" (the rotating planet) or '
    '"inertial"; on Mars the two speeds differ by some 230 m/s eastward.',
    "flight_path_angle_deg": "Add it, negative for downward, of the frame that speed_m_s is in.",
    "velocity_m_s": "Add it: relative to the rotating planet, in the axes of position_m.",
    "position_m": "Add it: metres from the planet's centre, in rotating IAU_MARS axes.",
}


def _number(value: float | None) -> float:
    """Return a value that the validator has seen to be there."""
    if value is None:
        raise ValueError("an entry state without one of its values")
    return value


def _local_axes(latitude_deg: float, longitude_deg: float) -> tuple[Vector, Vector, Vector]:
    """Return the unit vectors toward east, north and up, shape (3,) each."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    up = np.array(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
    return east, np.cross(up, east), up


def _carried(position: Vector, planet: Planet) -> Vector:
    """Return omega x r, the velocity of a point that turns with the planet, m/s."""
    return np.cross([0.0, 0.0, planet.rotation_rate_rad_s], position)


class Motion(NamedTuple):
    """One state as papers publish it."""

    radius_m: float
    """Distance from the planet's centre, m."""
    latitude_deg: float
    """Areocentric latitude, degrees north."""
    longitude_deg: float
    """East longitude, 0 to 360 degrees."""
    speed_m_s: float
    """Speed in the frame asked for, m/s."""
    flight_path_angle_deg: float
    """Angle above the local horizontal in that frame, degrees."""
    azimuth_deg: float
    """Direction of the horizontal part in that frame, 0 to 360 degrees east of north."""


def motion_of(
    position: Vector, velocity: Vector, planet: Planet, frame: Literal["relative", "inertial"]
) -> Motion:
    """Return the published form of a state in `frame`.

    Args:
        position: in mars_fixed [m], shape (3,).
        velocity: relative to the rotating planet, mars_fixed axes [m/s], shape (3,).
        planet: whose rotation tells the two frames apart.
        frame: what speed and angles shall be relative to.
    """
    radius = float(np.linalg.norm(position))
    latitude = float(np.degrees(np.arcsin(np.clip(position[2] / radius, -1.0, 1.0))))
    longitude = float(np.degrees(np.arctan2(position[1], position[0]))) % 360.0
    east, north, up = _local_axes(latitude, longitude)
    moving = velocity + _carried(position, planet) if frame == "inertial" else velocity
    speed = float(np.linalg.norm(moving))
    climb = float(np.degrees(np.arctan2(moving @ up, np.hypot(moving @ east, moving @ north))))
    azimuth = float(np.degrees(np.arctan2(moving @ east, moving @ north))) % 360.0
    return Motion(radius, latitude, longitude, speed, climb, azimuth)
