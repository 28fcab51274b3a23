"""Where and when: the planet, the site and the epoch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from skycrane.mission.base import Latitude, Longitude, NonNegative, Positive, Section

__all__ = ["Epoch", "Planet", "Site"]


class Planet(Section):
    """The planet as a rotating, oblate point mass."""

    name: str
    """Name shown to people."""
    gm_m3_s2: Positive
    """Gravitational parameter, m3/s2."""
    j2: Annotated[float, Field(ge=0, le=0.2)]
    """Second zonal harmonic, normalised to `reference_radius_m`."""
    reference_radius_m: Positive
    """Equatorial radius that J2 refers to, m."""
    rotation_rate_rad_s: NonNegative
    """Sidereal rotation about the body's z axis, rad/s."""


class Site(Section):
    """The landing target, origin of the `site` frame (east, north, up)."""

    name: str
    """Name of the place, shown to people."""
    latitude_deg: Latitude
    """Areocentric latitude, degrees north."""
    longitude_deg: Longitude
    """East longitude, degrees."""
    radius_m: Positive
    """Distance of the ground at the target from the planet's centre, m; altitudes count from it."""
    seed: int
    """Seed of the built-in terrain: the place is the same whatever the seed of the run."""


class Epoch(Section):
    """When the flight begins and how the clocks on the ground count."""

    entry_interface_utc: datetime
    """Spacecraft time of entry interface, UTC."""
    sun_azimuth_deg: float | None = None
    """Overrides the computed sun direction (degrees east of north at the site), for studies."""
    sun_elevation_deg: float | None = None
    """Overrides the computed sun elevation, degrees."""
