"""Statistics: against distributions that are known, and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from skycrane.montecarlo.statistics import clopper_pearson, ellipse_of, spread_of


def touchdowns(semi, azimuth_deg, centre, count=100_000, seed=3):
    """Draw touchdowns of a bivariate normal distribution with these 99 % half axes."""
    rng = np.random.default_rng(seed)
    sigma = np.array(semi) / np.sqrt(stats.chi2(2).ppf(0.99))
    turn = np.radians(azimuth_deg)
    major = np.array([np.sin(turn), np.cos(turn)])
    minor = np.array([np.cos(turn), -np.sin(turn)])
    drawn = rng.standard_normal((count, 2)) * sigma
    return (np.array(centre) + drawn @ np.stack([major, minor])).T


@pytest.mark.parametrize("azimuth_deg", [0.5, 30.0, 90.0, 137.0])
def test_the_ellipse_of_a_known_distribution(azimuth_deg):
    ellipse = ellipse_of(*touchdowns((3850.0, 1200.0), azimuth_deg, (120.0, -40.0)))
    assert ellipse.semi_major_m == pytest.approx(3850, rel=0.01)
    assert ellipse.semi_minor_m == pytest.approx(1200, rel=0.01)
    assert ellipse.azimuth_deg == pytest.approx(azimuth_deg, abs=0.5)
    assert (ellipse.centre_east_m, ellipse.centre_north_m) == pytest.approx((120, -40), abs=20)
    assert ellipse.share_inside == pytest.approx(0.99, abs=0.0016)  # 5 sigma of a share
    assert ellipse.count == 100_000


def test_the_share_inside_is_counted_not_assumed():
    """Of a uniform square less than 99 % of the points, or more, lie in a normal's ellipse."""
    rng = np.random.default_rng(1)
    assert ellipse_of(*rng.uniform(-1, 1, (2, 20_000))).share_inside == 1.0
    tails = rng.standard_t(2, (2, 20_000))
    assert ellipse_of(*tails).share_inside < 0.9895


def test_touchdowns_on_one_line_and_too_few_of_them():
    ellipse = ellipse_of(np.array([0.0, 10.0, 20.0]), np.zeros(3))
    assert ellipse.semi_minor_m == 0.0
    assert ellipse.azimuth_deg == pytest.approx(90)
    assert ellipse.share_inside == 1.0
    assert ellipse_of(np.full(5, 2.0), np.full(5, 3.0)).semi_major_m == 0.0
    assert ellipse_of(np.zeros(2), np.zeros(2)) is None


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (7, 10), (7990, 8000)])
def test_the_interval_of_a_success_rate(successes, trials):
    theirs = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(successes, trials) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_the_interval_of_8001_flights_without_a_failure():
    """The rule of three: with no failure in n, the upper bound lies near 3 / n (one-sided)."""
    low, high = clopper_pearson(8000, 8000, confidence=0.90)
    assert high == 1.0
    assert 1 - low == pytest.approx(3 / 8000, rel=0.002)


def test_percentiles_of_a_normal_variable():
    spread = spread_of(stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000))
    assert spread["percentiles"]["0.135"] == pytest.approx(-3, abs=0.01)
    assert spread["percentiles"]["99.865"] == pytest.approx(3, abs=0.01)
    assert spread["percentiles"]["50"] == pytest.approx(0, abs=1e-9)
    assert spread["sigma"] == pytest.approx(1, abs=1e-3)


def test_what_did_not_happen_is_not_counted():
    assert spread_of(np.array([1.0, np.nan, 3.0]))["count"] == 2
    assert spread_of(np.array([np.nan])) == {"count": 0}
    assert spread_of(np.array([4.0]))["sigma"] is None
