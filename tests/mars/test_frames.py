"""The frames agree with the published entry state and with themselves."""

import numpy as np
import pytest

from skycrane.mars.frames import SiteFrame, mars_fixed_from_lat_lon, rotate, unrotate
from skycrane.mission.place import Site

SITE = Site(name="x", latitude_deg=18.4446, longitude_deg=77.4509, radius_m=3391936.5, seed=0)


def test_entry_point_in_mars_fixed():
    """NAIF's entry position (km): 1296.7489, 3025.8937, 1252.3188 at 20.827 N, 66.802 E."""
    got = mars_fixed_from_lat_lon(np.radians(20.827), np.radians(66.802), 3522.2e3)
    np.testing.assert_allclose(got, [1296748.9, 3025893.7, 1252318.8], atol=60)


def test_axes_are_right_handed_and_up_is_away_from_the_centre():
    frame = SiteFrame.of(SITE)
    np.testing.assert_allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(frame.axes) == pytest.approx(1)
    np.testing.assert_allclose(frame.axes[2], frame.origin_m / np.linalg.norm(frame.origin_m))


def test_round_trip_and_altitude():
    frame = SiteFrame.of(SITE)
    local = np.random.default_rng(0).normal(scale=1e4, size=(50, 3))
    np.testing.assert_allclose(frame.position_site_m(frame.position_m(local)), local, atol=1e-8)
    assert frame.altitude_m(frame.position_m([0, 0, 250.0])) == pytest.approx(250, abs=1e-8)
    # 10 km to the side the sphere has dropped by d^2 / 2R = 14.74 m.
    assert frame.altitude_m(frame.position_m([1e4, 0, 0])) == pytest.approx(14.74, abs=0.01)


def test_attitude_of_site_and_mars_fixed_agree():
    frame = SiteFrame.of(SITE)
    attitude = np.array([0.5, 0.5, -0.5, 0.5])
    vector = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(unrotate(attitude, rotate(attitude, vector)), vector, atol=1e-14)
    np.testing.assert_allclose(
        rotate(frame.attitude_site_wxyz(attitude), vector),
        frame.vector_site(rotate(attitude, vector)),
        atol=1e-14,
    )
