"""The frames: mars_fixed (IAU_MARS, rotating) and site (east, north, up at the target)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from skycrane.mission.place import Site

__all__ = ["SiteFrame", "mars_fixed_from_lat_lon", "rotate", "unrotate"]

Array = NDArray[np.float64]


def mars_fixed_from_lat_lon(
    latitude_rad: ArrayLike, longitude_rad: ArrayLike, radius_m: ArrayLike
) -> Array:
    """Return mars_fixed positions [m], (..., 3), of areocentric latitude and east longitude."""
    lat, lon, r = np.broadcast_arrays(latitude_rad, longitude_rad, radius_m)
    return np.stack(
        [r * np.cos(lat) * np.cos(lon), r * np.cos(lat) * np.sin(lon), r * np.sin(lat)], axis=-1
    ).astype(np.float64)


def rotate(attitude_wxyz: ArrayLike, vector: ArrayLike) -> Array:
    """Rotate body-frame vectors (..., 3) by attitudes (..., 4) into mars_fixed."""
    return Rotation.from_quat(np.asarray(attitude_wxyz), scalar_first=True).apply(
        np.asarray(vector)
    )


def unrotate(attitude_wxyz: ArrayLike, vector: ArrayLike) -> Array:
    """Rotate mars_fixed vectors (..., 3) into the body frame of attitudes (..., 4)."""
    rotation = Rotation.from_quat(np.asarray(attitude_wxyz), scalar_first=True)
    return rotation.apply(np.asarray(vector), inverse=True)


@dataclass(frozen=True)
class SiteFrame:
    """East, north, up at the landing target, on the target's radius.

    Attributes:
        origin_m: the target in mars_fixed, shape (3,).
        axes: rows are east, north and up in mars_fixed, shape (3, 3).
    """

    origin_m: Array
    axes: Array

    @classmethod
    def of(cls, site: Site) -> SiteFrame:
        """Return the frame of a mission's site."""
        lat, lon = np.radians(site.latitude_deg), np.radians(site.longitude_deg)
        east = np.array([-np.sin(lon), np.cos(lon), 0.0])
        north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
        up = np.cross(east, north)
        return cls(mars_fixed_from_lat_lon(lat, lon, site.radius_m), np.stack([east, north, up]))

    def position_site_m(self, position_m: ArrayLike) -> Array:
        """Return (..., 3) east, north, up [m] of mars_fixed positions."""
        return (np.asarray(position_m) - self.origin_m) @ self.axes.T

    def position_m(self, position_site_m: ArrayLike) -> Array:
        """Return mars_fixed positions [m] of (..., 3) east, north, up."""
        return np.asarray(position_site_m) @ self.axes + self.origin_m

    def vector_site(self, vector: ArrayLike) -> Array:
        """Turn mars_fixed vectors (..., 3) into site axes."""
        return np.asarray(vector) @ self.axes.T

    def vector(self, vector_site: ArrayLike) -> Array:
        """Turn site vectors (..., 3) into mars_fixed axes."""
        return np.asarray(vector_site) @ self.axes

    def altitude_m(self, position_m: ArrayLike) -> Array:
        """Return the altitude [m] above the sphere of the target's radius, shape (...)."""
        return np.linalg.norm(np.asarray(position_m), axis=-1) - np.linalg.norm(self.origin_m)

    def attitude_site_wxyz(self, attitude_wxyz: ArrayLike) -> Array:
        """Return attitudes (..., 4) that rotate body into site instead of into mars_fixed."""
        turn = Rotation.from_matrix(self.axes)
        return (turn * Rotation.from_quat(np.asarray(attitude_wxyz), scalar_first=True)).as_quat(
            scalar_first=True
        )
