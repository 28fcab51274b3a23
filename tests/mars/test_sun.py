"""The sun against the worked examples that accompany Allison and McEwen (2000).

The figures are those of NASA GISS's Mars24 algorithm page, "Worked examples".
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from skycrane.mars.sun import solar_position, sun_direction_site


@pytest.mark.parametrize(
    ("utc", "longitude_east_deg", "ls_deg", "solar_time_h"),
    [
        # 2000-01-06 00:00 UTC, prime meridian: mean time 23:59:39, equation of time -5.18774 deg.
        (datetime(2000, 1, 6, tzinfo=UTC), 0.0, 277.18758, 23.9942 - 5.18774 / 15),
        # Spirit's landing: 184.702 deg W, true solar time 23:59:53.
        (datetime(2004, 1, 3, 13, 46, 31, tzinfo=UTC), 360 - 184.702, 327.32416, 23 + 59.89 / 60),
    ],
)
def test_published_examples(utc, longitude_east_deg, ls_deg, solar_time_h):
    sun = solar_position(utc, 0.0, longitude_east_deg)
    assert np.degrees(sun.ls_rad) == pytest.approx(ls_deg, abs=0.01)
    away = (sun.true_solar_time_h - solar_time_h + 12) % 24 - 12
    assert abs(away) < 0.01


def test_noon_sun_stands_at_colatitude_plus_declination():
    best = max(
        (
            solar_position(datetime(2021, 2, 18, h, m, tzinfo=UTC), 18.44, 77.45)
            for h in range(24)
            for m in range(0, 60, 2)
        ),
        key=lambda sun: sun.elevation_rad,
    )
    assert best.elevation_rad == pytest.approx(
        np.radians(90 - 18.44) + best.declination_rad, abs=2e-4
    )


def test_landing_is_in_the_afternoon_of_early_spring(mission):
    direction = sun_direction_site(mission, 418.0)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert direction[0] < -0.6  # in the west
    epoch = mission.epoch.entry_interface_utc
    assert np.degrees(solar_position(epoch, 18.44, 77.45).ls_rad) == pytest.approx(5.6, abs=0.2)


def test_epoch_may_override_the_sun(mission):
    epoch = mission.epoch.model_copy(update={"sun_elevation_deg": 90.0})
    direction = sun_direction_site(mission.model_copy(update={"epoch": epoch}), 0.0)
    assert direction[2] == pytest.approx(1.0)
