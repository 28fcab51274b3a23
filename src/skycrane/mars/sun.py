"""Where the sun stands: Mars's season, equation of time and the sun's direction at the site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from skycrane.mission import Mission

__all__ = ["SolarPosition", "solar_position", "sun_direction_site"]

_TT_MINUS_UTC_S = 69.184
"""Terrestrial time minus UTC since 2017-01-01 (IERS Bulletin C)."""
_J2000 = datetime(2000, 1, 1, 12)

# Perturbations of the mean anomaly by the planets: amplitude deg, period a, phase deg
# (Allison and McEwen 2000, table 5).
_PERTURBATIONS = np.array(
    [
        (0.0071, 2.2353, 49.409),
        (0.0057, 2.7543, 168.173),
        (0.0039, 1.1177, 191.837),
        (0.0037, 15.7866, 21.736),
        (0.0021, 2.1354, 15.704),
        (0.0020, 2.4694, 95.528),
        (0.0018, 32.8493, 49.095),
    ]
)


@dataclass(frozen=True)
class SolarPosition:
    """The sun as seen from one place on Mars.

    Attributes:
        ls_rad: areocentric solar longitude (the season; 0 is northern spring equinox).
        declination_rad: areocentric latitude under the sun.
        true_solar_time_h: local true solar time, 0 to 24.
        elevation_rad: above the horizon.
        azimuth_rad: east of north.
        distance_au: from the sun.
    """

    ls_rad: float
    declination_rad: float
    true_solar_time_h: float
    elevation_rad: float
    azimuth_rad: float
    distance_au: float

    @property
    def direction_site(self) -> NDArray[np.float64]:
        """Unit vector toward the sun, site axes (east, north, up), shape (3,)."""
        across = np.cos(self.elevation_rad)
        return np.array(
            [
                across * np.sin(self.azimuth_rad),
                across * np.cos(self.azimuth_rad),
                np.sin(self.elevation_rad),
            ]
        )


def solar_position(utc: datetime, latitude_deg: float, east_longitude_deg: float) -> SolarPosition:
    """Return the sun's place in the sky of Mars.

    Model: Allison and McEwen 2000, Planetary and Space Science 48, 215-235 (equations 14 to 28);
    accurate to 0.01 deg in solar longitude between 1874 and 2127. The site's horizon is the
    areocentric one, as everywhere in this project.
    """
    naive = utc.replace(tzinfo=None) - (utc.utcoffset() or timedelta(0))
    days = ((naive - _J2000).total_seconds() + _TT_MINUS_UTC_S) / 86400.0
    mean_anomaly = np.radians(19.3871 + 0.52402073 * days)
    mean_sun = 270.3871 + 0.524038496 * days
    amplitude, period, phase = _PERTURBATIONS.T
    shift = np.sum(amplitude * np.cos(np.radians(0.985626 * days / period + phase)))
    m = mean_anomaly
    centre = (
        (10.691 + 3.0e-7 * days) * np.sin(m)
        + 0.623 * np.sin(2 * m)
        + 0.050 * np.sin(3 * m)
        + 0.005 * np.sin(4 * m)
        + 0.0005 * np.sin(5 * m)
        + shift
    )
    ls = np.radians((mean_sun + centre) % 360.0)
    equation_of_time_deg = (
        2.861 * np.sin(2 * ls) - 0.071 * np.sin(4 * ls) + 0.002 * np.sin(6 * ls) - centre
    )
    # Mean solar time at the prime meridian from the Mars Sol Date (equation 22).
    sol_date = (days - 4.5) / 1.0274912517 + 44796.0 - 0.0009626
    true_time_h = (
        24.0 * sol_date + (east_longitude_deg + equation_of_time_deg) * 24.0 / 360.0
    ) % 24.0
    sine = 0.42565 * np.sin(ls)
    declination = np.arcsin(sine) + np.radians(0.25) * np.sin(ls)
    hour_angle = np.radians(15.0 * (true_time_h - 12.0))
    latitude = np.radians(latitude_deg)
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.cos(latitude) * np.sin(declination) - np.sin(latitude) * np.cos(
        declination
    ) * np.cos(hour_angle)
    up = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        hour_angle
    )
    distance = 1.52367934 * (
        1.00436
        - 0.09309 * np.cos(m)
        - 0.004336 * np.cos(2 * m)
        - 0.00031 * np.cos(3 * m)
        - 0.00003 * np.cos(4 * m)
    )
    return SolarPosition(
        ls_rad=float(ls),
        declination_rad=float(declination),
        true_solar_time_h=float(true_time_h),
        elevation_rad=float(np.arcsin(np.clip(up, -1, 1))),
        azimuth_rad=float(np.arctan2(east, north) % (2 * np.pi)),
        distance_au=float(distance),
    )


def sun_direction_site(mission: Mission, t_s: float) -> NDArray[np.float64]:
    """Return the unit vector toward the sun at `t_s`, site axes (east, north, up), shape (3,).

    The mission's epoch may override azimuth and elevation, for studies.
    """
    epoch, site = mission.epoch, mission.site
    utc = epoch.entry_interface_utc + timedelta(seconds=float(t_s))
    sun = solar_position(utc, site.latitude_deg, site.longitude_deg)
    azimuth, elevation = sun.azimuth_rad, sun.elevation_rad
    if epoch.sun_azimuth_deg is not None:
        azimuth = float(np.radians(epoch.sun_azimuth_deg))
    if epoch.sun_elevation_deg is not None:
        elevation = float(np.radians(epoch.sun_elevation_deg))
    across = np.cos(elevation)
    return np.array([across * np.sin(azimuth), across * np.cos(azimuth), np.sin(elevation)])
