"""Dispersions: what a case draws depends on seed and case alone, and has the mission's spread."""

from __future__ import annotations

import numpy as np
import pytest
import tomli_w
from scipy import stats

from skycrane.errors import InputError
from skycrane.flight.case_record import case_record
from skycrane.flight.dispersion import disperse, dispersed_inputs, entry_axes, entry_deviation
from skycrane.mission import Mission
from skycrane.mission.load import parse_mission

SEED = 11
MANY = 6000


def with_dispersion(mission: Mission, dispersion: dict) -> Mission:
    table = mission.model_dump()
    table["dispersion"] = dispersion
    return Mission.model_validate(table)


def drawn(mission: Mission, case_ids, seed: int = SEED):
    record = case_record(mission, len(case_ids))
    disperse(record, mission, seed=seed, case_ids=case_ids)
    return record


def same(one, other) -> bool:
    """Compare cases field by field, since the bytes between fields mean nothing."""
    return all(np.array_equal(one[name], other[name]) for name in one.dtype.names)


def test_a_case_draws_the_same_in_any_company(mission):
    together = drawn(mission, range(40))
    backwards = drawn(mission, range(39, -1, -1))[::-1]
    alone = np.concatenate([drawn(mission, [k]) for k in range(40)])
    assert same(together, backwards)
    assert same(together, alone)


def test_the_nominal_case_stays_as_it_is(mission):
    assert same(drawn(mission, [0, 1])[:1], case_record(mission, 1))


def test_seed_and_case_both_matter(mission):
    first, second = drawn(mission, [1, 2])
    assert not same(first, second)
    assert not same(drawn(mission, [1], seed=12)[0], first)


def test_every_quantity_of_the_section_is_drawn(mission):
    """Of mars2020, which disperses all there is, no input of two cases is the same."""
    values = dict(dispersed_inputs(drawn(mission, [1, 2]), mission))
    assert len(values) == 35
    assert [name for name, v in values.items() if v[0] == v[1]] == []


def test_one_more_dispersed_quantity_changes_no_other(mission):
    fewer = mission.dispersion.model_dump()
    fewer["masses"] = {}
    before = dict(dispersed_inputs(drawn(with_dispersion(mission, fewer), [5]), mission))
    after = dict(dispersed_inputs(drawn(mission, [5]), mission))
    changed = {name for name in after if before[name] != after[name]}
    assert changed == {name for name in after if name.endswith("_kg")}


@pytest.mark.parametrize("axes", ["along_cross_up", "east_north_up"])
def test_entry_states_have_the_covariance_of_the_mission(mission, axes):
    covariance = np.array(mission.dispersion.entry.covariance)
    entry = {"axes": axes, "covariance": covariance.tolist()}
    only = with_dispersion(mission, {"entry": entry})
    deviation = entry_deviation(drawn(only, range(1, MANY + 1)), only, axes)
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, deviation.T)
    # Sampling error of a covariance of n normal draws: sqrt(2 / n) on the diagonal.
    error = 5 * np.sqrt(2 / MANY)
    assert np.abs(np.cov(white) - np.eye(6)).max() < error
    assert np.abs(white.mean(axis=1)).max() < 5 / np.sqrt(MANY)


def test_the_axes_of_the_entry_state_are_what_they_are_called(mission):
    position, velocity = mission.entry.state(mission.planet)
    for axes in ("along_cross_up", "east_north_up"):
        turn = entry_axes(mission, axes)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-14)
        assert np.linalg.det(turn) == pytest.approx(-1 if axes == "along_cross_up" else 1)
        np.testing.assert_allclose(turn[2], position / np.linalg.norm(position))
    along, cross, _ = entry_axes(mission, "along_cross_up") @ velocity
    assert along == pytest.approx(5332.37 * np.cos(np.radians(16.14)), abs=0.1)
    assert cross == pytest.approx(0, abs=1e-9)
    east, north, _ = entry_axes(mission, "east_north_up") @ velocity
    assert np.degrees(np.arctan2(east, north)) == pytest.approx(100.348, abs=0.001)
    # Flying east by south, what lies to the right is south.
    assert entry_axes(mission, "along_cross_up")[1] @ entry_axes(mission, "east_north_up")[1] < -0.9


def test_the_spread_of_the_entry_angle_is_the_one_the_mission_file_gives(mission):
    """0.05 deg at 3 sigma, of the inertial path at the radius of entry interface."""
    position, velocity = mission.entry.state(mission.planet)
    spin = np.array([0, 0, mission.planet.rotation_rate_rad_s])
    axes = entry_axes(mission, "along_cross_up")
    radius = np.linalg.norm(position)

    def angle_deg(deviation):
        r = position + deviation[:3] @ axes
        v = velocity + deviation[3:] @ axes + np.cross(spin, r)
        momentum = np.linalg.norm(np.cross(r, v))
        # Vis-viva: the speed where the two-body path crosses the radius of entry interface.
        speed = np.sqrt(v @ v + 2 * mission.planet.gm_m3_s2 * (1 / radius - 1 / np.linalg.norm(r)))
        return -np.degrees(np.arccos(momentum / (radius * speed)))

    assert angle_deg(np.zeros(6)) == pytest.approx(-15.482, abs=0.001)
    gradient = np.array([angle_deg(row) - angle_deg(-row) for row in np.eye(6)]) / 2
    sigma = np.sqrt(gradient @ np.array(mission.dispersion.entry.covariance) @ gradient)
    assert sigma == pytest.approx(0.05 / 3, rel=0.02)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [("normal", stats.truncnorm(-2, 2)), ("uniform", stats.uniform(-(3**0.5), 2 * 3**0.5))],
)
def test_draws_have_their_distribution(mission, distribution, expected):
    spread = {"sigma": 0.01, "distribution": distribution}
    only = with_dispersion(mission, {"truncate_sigma": 2.0, "air": {"density_factor": spread}})
    unit = (drawn(only, range(1, MANY + 1))["density_factor"] - 1) / 0.01
    assert stats.kstest(unit, expected.cdf).pvalue > 0.001


def test_quantities_are_independent_of_each_other(mission):
    record = drawn(mission, range(1, 2001))
    values = np.array([v for name, v in dispersed_inputs(record, mission) if "entry" not in name])
    off = np.corrcoef(values) - np.eye(len(values))
    assert np.abs(off).max() < 5 / np.sqrt(2000)


def test_a_component_without_variance_is_not_drawn(mission):
    """Entry at a fixed time along a line: one degree of freedom, a matrix of rank one."""
    line = np.array([100.0, 0.0, -50.0, 0.0, 0.0, 0.02])
    entry = {"axes": "along_cross_up", "covariance": np.outer(line, line).tolist()}
    only = with_dispersion(mission, {"entry": entry})
    deviation = entry_deviation(drawn(only, range(1, 50)), only, "along_cross_up")
    share = deviation[:, :1] / line[0]
    np.testing.assert_allclose(deviation, share * line, atol=2e-6)
    assert 0.5 < share.std() < 1.5


def set_covariance(i, j, value):
    def change(dispersion):
        dispersion["entry"]["covariance"][i][j] = value

    return change


def set_value(way, value):
    def change(dispersion):
        *path, last = way.split(".")
        for name in path:
            dispersion = dispersion[name]
        dispersion[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_covariance(0, 1, 5.0), r"key dispersion\.entry: .*symmetric, but row 1 column 2 is 5"),
        (set_covariance(2, 2, 1.0), r"dispersion\.entry: .*positive semidefinite"),
        (set_covariance(3, 3, -1.0), r"dispersion\.entry: .*positive semidefinite"),
        (set_covariance(0, 0, float("nan")), r"covariance\.0\.0: nan is not right"),
        (set_covariance(0, 0, "big"), r"covariance\.0\.0: 'big' is text"),
        (set_value("entry.covariance", [[1.0] * 6] * 5), r"dispersion\.entry\.covariance: "),
        (set_value("entry.axes", "rtn"), r"entry\.axes: 'rtn' is not right.*along_cross_up"),
        (set_value("masses.rover_kg.sigma", -1.0), r"rover_kg\.sigma: -1\.0 is not right"),
        (set_value("masses.rover_kg.sigma", 300.0), r"rover_kg\.sigma: 300 reaches 1200 from 1025"),
        (set_value("air.density_factor.sigma", 4.0), r"density_factor\.sigma: 4 reaches 16 from 1"),
        (set_value("parachute.mortar_speed_m_s.sigma", 20.0), r"mortar_speed_m_s\.sigma: 20 reach"),
        (set_value("engines.thrust_factor.distribution", "cauchy"), r"distribution: 'cauchy' is"),
        (set_value("wind.offset_m_s.sigma", [1.0]), r"offset_m_s\.sigma: "),
        (set_value("navigation.fix_m.sigma", [1.0, -1.0, 0.0]), r"navigation\.fix_m: "),
        (set_value("truncate_sigma", 0.0), r"truncate_sigma: 0\.0 is not right"),
        (set_value("air.densty_factor", {"sigma": 1.0}), r"densty_factor: unknown.*density_factor"),
    ],
)
def test_dispersions_that_cannot_be_are_told(mission, change, message):
    table = mission.model_dump(exclude_none=True)
    change(table["dispersion"])
    with pytest.raises(InputError, match=message) as caught:
        parse_mission(tomli_w.dumps(table), where="mine.toml")
    assert str(caught.value).isprintable()


def test_a_mission_without_dispersions_draws_nothing(mission):
    table = mission.model_dump(exclude_none=True)
    del table["dispersion"]
    still = parse_mission(tomli_w.dumps(table), where="mine.toml")
    assert same(drawn(still, [0, 1, 2]), case_record(still, 3))
