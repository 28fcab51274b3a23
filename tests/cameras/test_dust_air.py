"""What plumes raise is aloft, fallen or carried off; on the deck stays what nothing sweeps away."""

import numpy as np
import pytest
from test_dust import hover, outer, with_rover

from skycrane.cameras.dust_history import DustHistory
from skycrane.mission.load import load_mission


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


def dusty(mission, *, wind=None, **changes):
    """Return the history of a hover 9 m up for 15 s with changes to the mission's dust."""
    dust = mission.dust.model_copy(update=changes)
    update = {"dust": dust} if wind is None else {"dust": dust, "wind": wind}
    changed = mission.model_copy(update=update)
    flight = with_rover(changed, hover(changed, [9.0], seconds=15.0, engines=outer(changed)))
    return DustHistory(changed, flight)


def calm(mission):
    still = [0.0] * len(mission.wind.altitude_m)
    return mission.wind.model_copy(update={"east_m_s": still, "north_m_s": still})


def test_what_was_lifted_is_aloft_fallen_or_carried_off(mission):
    history = dusty(mission)
    lifted = []
    for t in np.arange(1.0, 50.0, 1.7):
        was = history.budget(float(t))
        lifted.append(was["lifted"])
        parts = was["aloft"] + was["fallen"] + was["carried"]
        assert parts == pytest.approx(was["lifted"], rel=1e-9)
        assert min(was.values()) >= 0.0
    assert (np.diff(lifted) >= 0.0).all()
    assert lifted[-1] > 5.0


def test_without_wind_all_of_the_coarse_dust_falls(mission):
    was = dusty(mission, wind=calm(mission), fine_share=0.0, low_share=1.0).budget(80.0)
    assert was["carried"] == pytest.approx(0.0, abs=1e-9)
    assert was["fallen"] == pytest.approx(was["lifted"], rel=1e-3)


def test_dust_that_does_not_settle_never_falls(mission):
    was = dusty(mission, settling_m_s=0.0, fine_share=0.0).budget(60.0)
    assert was["fallen"] == 0.0
    assert was["carried"] > 0.5 * was["lifted"]


def test_it_falls_as_fast_as_stokes_law_tells(mission):
    # One layer: what falls a second is its depth times the settling speed over its height.
    history = dusty(mission, fine_share=0.0, low_share=1.0)
    dust = mission.dust
    a, b = history.budget(18.0), history.budget(18.2)
    rate = (b["fallen"] - a["fallen"]) / 0.2
    middle = 0.5 * (a["aloft"] + b["aloft"])
    assert rate == pytest.approx(middle * dust.settling_m_s / dust.low_height_m, rel=0.05)


def test_nothing_is_lifted_without_dust(mission):
    assert set(dusty(mission, enabled=False).budget(10.0).values()) == {0.0}


def test_plumes_sweep_the_deck_and_what_falls_after_them_stays(mission):
    history = dusty(mission, fine_share=0.0, low_share=1.0)
    # The engines run for 15 s; at 20 s what they hold off has long closed over the deck.
    assert history.state(14.7).settled == 0.0
    assert history.budget(14.7)["fallen"] > 1.0
    times = (20.0, 24.0)
    fallen = np.diff([history.budget(t)["fallen"] for t in times])[0]
    stayed = np.diff([history.state(t).settled for t in times])[0]
    deck_m = -mission.shape.rover.deck_z_m
    assert stayed == pytest.approx(fallen * np.exp(-deck_m / mission.dust.low_height_m), rel=0.02)


def test_the_deck_stays_mostly_white(mission):
    # As flown: less than half of it is covered in the first images of the mast's cameras.
    settled = dusty(mission).state(50.0).settled
    assert 0.02 < 1.0 - np.exp(-settled) < 0.5
