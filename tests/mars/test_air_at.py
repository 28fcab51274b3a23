"""The air as a body meets it in the kernels: figure of the datum, wind and its shear, gusts."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.compute import start_warp
from skycrane.flight.case import Case, Tables
from skycrane.flight.case_record import case_record
from skycrane.flight.surroundings import air_at
from skycrane.flight.tables import make_tables, with_gusts
from skycrane.mars.air_table import air_rows
from skycrane.mars.atmosphere import air_profile
from skycrane.mars.frames import SiteFrame
from skycrane.mission import Mission


@wp.kernel(enable_backward=False)
def _meet(
    cases: wp.array(dtype=Case),
    tables: Tables,
    index: wp.int32,
    position: wp.array(dtype=wp.vec3d),
    t: wp.array(dtype=wp.float64),
    density: wp.array(dtype=wp.float64),
    mach: wp.array(dtype=wp.float64),
    velocity: wp.array(dtype=wp.vec3d),
):
    i = wp.tid()
    still = wp.vec3d(wp.float64(0.0), wp.float64(0.0), wp.float64(0.0))
    air = air_at(cases[index], tables, index, position[i], still, t[i])
    density[i] = air.density
    mach[i] = air.mach
    velocity[i] = air.velocity


def changed(mission, **values):
    table = mission.model_dump(exclude_none=True)
    for path, value in values.items():
        section, key = path.split("__")
        table[section][key] = value
    return Mission.model_validate(table)


def meet(mission, position, t=0.0, *, case=0, **fields):
    """Density, Mach number and wind (mars_fixed) where a body at rest stands at points (n, 3)."""
    start_warp()
    record = case_record(mission, 2)
    for name, value in fields.items():
        record[name] = value
    tables = with_gusts(
        make_tables(mission, device="cpu"), mission, device="cpu", seed=2, case_ids=[0, 1]
    )
    position = np.atleast_2d(position)
    n = len(position)
    out = [wp.zeros(n, dtype=d, device="cpu") for d in (wp.float64, wp.float64, wp.vec3d)]
    inputs = [
        wp.array(record, dtype=Case, device="cpu"),
        tables,
        case,
        wp.array(position, dtype=wp.vec3d, device="cpu"),
        wp.array(np.broadcast_to(np.float64(t), n).copy(), dtype=wp.float64, device="cpu"),
    ]
    wp.launch(_meet, dim=n, inputs=inputs, outputs=out, device="cpu")
    density, mach, velocity = (o.numpy() for o in out)
    return density, mach, -velocity


@pytest.fixture(scope="module")
def calm(mission):
    """Steady wind only, no layer at the ground."""
    return changed(mission, wind__gust_rms_m_s=0.0, wind__surface_layer_m=0.0)


def over_site(mission, heights):
    frame = SiteFrame.of(mission.site)
    return frame.origin_m + np.multiply.outer(heights, frame.axes[2])


def test_density_over_the_site_is_the_profile_s(mission):
    heights = np.random.default_rng(3).uniform(0, 120e3, 400)
    density, _, _ = meet(mission, over_site(mission, heights))
    expected = air_profile(mission).density_kg_m3(mission.site.radius_m + heights)
    np.testing.assert_allclose(density, expected, rtol=1e-9)


def test_density_is_even_over_the_areoid_and_not_over_a_sphere(mission):
    """An ellipsoid of the mission's flattening, from its own equation, carries one density."""
    air = mission.atmosphere
    site_sine2 = np.sin(np.radians(mission.site.latitude_deg)) ** 2
    equator = air.datum_radius_m / (1 - air.flattening * site_sine2)
    polar = equator * (1 - air.flattening)
    latitude = np.radians(np.array([0.0, 10.0, mission.site.latitude_deg, 25.0]))
    radius = 1 / np.sqrt((np.cos(latitude) / equator) ** 2 + (np.sin(latitude) / polar) ** 2)
    direction = np.stack([np.cos(latitude), 0 * latitude, np.sin(latitude)], axis=1)
    density, _, _ = meet(mission, direction * (radius + 40e3)[:, None])
    np.testing.assert_allclose(density, density[2], rtol=3e-3)
    sphere, _, _ = meet(mission, direction * (air.datum_radius_m + 40e3))
    assert sphere[0] / sphere[2] > 1.1


def test_wind_blows_toward_east_and_north_wherever_the_body_is(calm):
    rng = np.random.default_rng(5)
    # All around the planet at the site's two latitudes, where the datum stands as high as there.
    longitude = rng.uniform(-np.pi, np.pi, 60)
    latitude = np.radians(calm.site.latitude_deg) * rng.choice([-1, 1], 60)
    across = np.cos(latitude)
    up = np.stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=1
    )
    height = rng.uniform(0, 60e3, 60)
    _, _, wind = meet(calm, up * (calm.site.radius_m + height)[:, None])
    east = np.cross([0.0, 0.0, 1.0], up) / across[:, None]
    north = np.cross(up, east)
    np.testing.assert_allclose(np.sum(wind * up, axis=1), 0.0, atol=1e-10)
    for axis, rows in ((east, calm.wind.east_m_s), (north, calm.wind.north_m_s)):
        expected = np.interp(height, calm.wind.altitude_m, rows)
        np.testing.assert_allclose(np.sum(wind * axis, axis=1), expected, atol=0.1)
    at_site = meet(calm, over_site(calm, [2000.0, 8000.0]))[2] @ SiteFrame.of(calm.site).axes.T
    east_m_s = np.interp([2000.0, 8000.0], calm.wind.altitude_m, calm.wind.east_m_s)
    np.testing.assert_allclose(at_site[:, 0], east_m_s, atol=0.05)
    north_m_s = np.interp([2000.0, 8000.0], calm.wind.altitude_m, calm.wind.north_m_s)
    np.testing.assert_allclose(at_site[:, 1], north_m_s, atol=0.05)


def test_near_the_ground_the_wind_is_logarithmic(mission, calm):
    sheared = changed(mission, wind__gust_rms_m_s=0.0)
    top, roughness = mission.wind.surface_layer_m, mission.wind.roughness_m
    heights = np.array([0.0, 0.02, 0.5, 2.0, 10.0, 50.0, top - 1e-6, top + 1e-6])
    speed = np.linalg.norm(meet(sheared, over_site(mission, heights))[2], axis=1)
    above = np.linalg.norm(meet(calm, over_site(mission, [top]))[2], axis=1)
    expected = above * np.log((heights + roughness) / roughness)
    expected /= np.log((top + roughness) / roughness)
    np.testing.assert_allclose(speed[:6], expected[:6], rtol=1e-3, atol=1e-9)
    # Inside one step of the grid at its top the wind is already on its way up.
    assert speed[6] == pytest.approx(expected[6], rel=0.03)
    assert speed[-1] == pytest.approx(speed[-2], rel=1e-6)
    # The slope against ln z, times von Karman's constant, is one friction velocity throughout.
    friction = 0.4 * np.diff(speed[2:6]) / np.diff(np.log(heights[2:6] + roughness))
    np.testing.assert_allclose(friction, friction[0], rtol=2e-3)


def test_what_a_dispersion_changes_is_felt(calm):
    place = over_site(calm, [5000.0])
    density, _, wind = meet(calm, place)
    more, _, _ = meet(calm, place, density_factor=1.25)
    assert more == pytest.approx(1.25 * density)
    twice = meet(calm, place, wind_factor=2.0)[2]
    np.testing.assert_allclose(twice, 2 * wind, rtol=1e-9)
    pushed = meet(calm, place, wind_offset=(3.0, -4.0, 0.0))[2] - wind
    axes = SiteFrame.of(calm.site).axes
    np.testing.assert_allclose(axes @ pushed[0], [3.0, -4.0, 0.0], atol=1e-6)


def test_gusts_drift_past_a_body_at_rest_with_the_mission_s_strength(mission, calm):
    place = over_site(mission, [3000.0])
    t = np.linspace(0.0, 6000.0, 6001)
    steady = meet(calm, place)[2]
    gusts = meet(mission, np.repeat(place, len(t), axis=0), t)[2] - steady
    rms = np.sqrt(np.mean(gusts**2, axis=0).sum() / 2)
    assert rms == pytest.approx(mission.wind.gust_rms_m_s, rel=0.3)
    # Frozen: what is met at a height now is met a drift's way lower that much later.
    heights = np.linspace(2000.0, 4000.0, 200)
    delay = 100.0
    lower = heights - mission.wind.gust_drift_m_s * delay
    now = meet(mission, over_site(mission, heights))[2] - meet(calm, over_site(mission, heights))[2]
    later = meet(mission, over_site(mission, lower), delay)[2]
    later = later - meet(calm, over_site(mission, lower))[2]
    np.testing.assert_allclose(now, later, atol=1e-4)
    doubled = meet(mission, place, gust_factor=2.0)[2] - steady
    np.testing.assert_allclose(doubled, 2 * (meet(mission, place)[2] - steady), atol=1e-9)


def test_gusts_are_of_the_lower_air(mission, calm):
    """Full strength to half of their top, then less and less: a fast entry above meets none."""
    top = mission.wind.gust_top_m
    heights = np.linspace(0.0, 1.2 * top, 4001)
    strength = np.zeros_like(heights)
    for t in np.linspace(0.0, 5e4, 40):
        gusts = meet(mission, over_site(mission, heights), t)[2]
        strength += np.sum((gusts - meet(calm, over_site(mission, heights))[2]) ** 2, axis=1) / 80
    relative = np.sqrt(strength) / mission.wind.gust_rms_m_s
    full = (heights > 200) & (heights < 0.5 * top)
    assert relative[full].mean() == pytest.approx(1.0, abs=0.2)
    assert relative[(heights > 0.74 * top) & (heights < 0.76 * top)].mean() < 0.65
    assert relative[heights > top + 1.0].max() < 1e-6


def test_case_0_meets_the_profile_and_others_the_mission_s_spread(mission):
    heights = np.linspace(2e3, 120e3, 4000)
    place = over_site(mission, heights)
    nominal, other = meet(mission, place)[0], meet(mission, place, case=1)[0]
    expected = air_profile(mission).density_kg_m3(mission.site.radius_m + heights)
    np.testing.assert_allclose(nominal, expected, rtol=1e-9)
    air = mission.atmosphere
    above_datum = heights + mission.site.radius_m - air.datum_radius_m
    rms = np.interp(above_datum, air.perturbation_altitude_m, air.perturbation_rms)
    scaled = (other / nominal - 1) / rms
    assert 0.4 < np.std(scaled) < 1.8
    assert (other > 0).all()


@pytest.mark.parametrize(
    "place", [[np.nan] * 3, [np.inf, 0, 0], [0, 0, 0], [0, 0, 3.4e6], [1e300] * 3]
)
def test_nowhere_leaves_the_tables(mission, place):
    """A motion that ran away, the planet's centre and its axis: no crash, no wind that is huge."""
    density, _, _ = meet(mission, np.array(place, dtype=float))
    assert not density[0] > air_rows(mission)[:, 0].max() * 1.001
