"""Mars Science Laboratory, from published parameters, lands and meets its own flown timeline."""

import numpy as np
import pytest
from flying import Flown

from skycrane.mission import load_mission


@pytest.fixture(scope="module")
def flown():
    return Flown(load_mission("msl"))


def test_it_lands_softly_within_the_published_ellipse(flown):
    """The ellipse was 20 x 7 km; without a fix on the terrain it lands where it comes down."""
    assert flown.landed
    assert 0.6 <= flown.summary["touchdown_vertical_speed_m_s"] <= 0.85
    assert flown.summary["touchdown_horizontal_speed_m_s"] < 0.3
    assert flown.summary["miss_m"] < 3500


def test_it_meets_its_own_flown_timeline(flown):
    assert len(flown.rows) >= 14
    assert {r["name"]: r["difference_s"] for r in flown.rows if not r["within"]} == {}


def test_it_meets_its_own_flown_figures(flown):
    figures = flown.summary["figures"]
    assert len(figures) >= 8
    assert {r["name"]: r["difference"] for r in figures if not r["within"]} == {}


def test_it_lands_beside_its_backshell_by_the_published_divert(flown):
    """300 m aside of where the backshell let go (Sell et al. 2014), since it knows no target."""
    released, touched = flown.first("backshell_separation"), flown.first("touchdown")
    bodies = flown.flight.bodies
    start = bodies["backshell"].position(released.t_s)
    end = bodies["rover"].position(touched.t_s)
    angle = np.arccos(start @ end / np.linalg.norm(start) / np.linalg.norm(end))
    assert 250 < angle * flown.mission.site.radius_m < 450
