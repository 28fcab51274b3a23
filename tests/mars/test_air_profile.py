"""The air against height: hydrostatic balance, closed solutions, the mission's own rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from skycrane.mars.air_table import DENSITY, SOUND, air_rows
from skycrane.mars.atmosphere import AIR_FLOOR_M, AIR_STEP_M, air_profile, smooth_factor
from skycrane.mars.sun import solar_position
from skycrane.mars.surface_pressure import surface_pressure_pa
from skycrane.mission import Mission

R_GAS = 188.92


def without_factors(mission, **values):
    """The mission with no factor on its density, and other values of its air."""
    table = mission.model_dump(exclude_none=True)
    table["atmosphere"]["density_factors"] = [1.0] * len(mission.atmosphere.density_factors)
    table["atmosphere"] |= values
    return Mission.model_validate(table)


@pytest.fixture(scope="module")
def profile(mission):
    return air_profile(without_factors(mission))


def test_the_rows_of_the_table_are_kept(mission, profile):
    air = mission.atmosphere
    h = profile.altitude_m
    got = np.interp(air.table_altitude_m, h, profile.pressure_pa)
    np.testing.assert_allclose(got, air.table_pressure_pa, rtol=1e-6)
    # The reference prints densities of its rows; ideal gas gives them back.
    for height, density in ((0.0, 1.319e-2), (10e3, 5.762e-3), (30e3, 7.659e-4), (48e3, 8.416e-5)):
        got = profile.density_kg_m3(air.datum_radius_m + height)
        assert got == pytest.approx(density, rel=5e-3)


def test_beyond_the_table_the_weight_of_the_air_above_is_its_pressure(mission, profile):
    air, planet = mission.atmosphere, mission.planet
    h = profile.altitude_m
    gravity = planet.gm_m3_s2 / (air.datum_radius_m + h) ** 2
    for low, high in ((air.table_altitude_m[-1], 150e3), (AIR_FLOOR_M, air.table_altitude_m[0])):
        inside = (h >= low) & (h <= high)
        weight = np.trapezoid((profile.density * gravity)[inside], h[inside])
        pressure = profile.pressure_pa[inside]
        assert weight == pytest.approx(pressure[0] - pressure[-1], rel=1e-5)


def test_between_rows_the_balance_is_as_good_as_the_rows(mission, profile):
    """What the measured rows themselves lack in balance, and no more, is spread between them."""
    air, planet = mission.atmosphere, mission.planet
    h = profile.altitude_m
    gravity = planet.gm_m3_s2 / (air.datum_radius_m + h) ** 2
    lapse = -np.gradient(np.log(profile.pressure_pa), h) * R_GAS * profile.temperature_k / gravity
    for low, high in zip(air.table_altitude_m, air.table_altitude_m[1:], strict=False):
        inside = (h > low + AIR_STEP_M) & (h < high - AIR_STEP_M)
        assert np.ptp(lapse[inside]) < 1e-5
        # The reference's averages of the day fall short of balance by up to 5.4 % (5 to 10 km).
        assert lapse[inside].mean() == pytest.approx(1.0, abs=0.06)


def test_isothermal_air_is_the_closed_solution(mission):
    """ln p = -GM/(R T) (1/r0 - 1/r): isothermal ideal gas about a point mass."""
    t, planet = 150.0, mission.planet
    still = without_factors(
        mission,
        table_altitude_m=[0.0, 25.0],
        table_pressure_pa=[600.0, 600.0 * np.exp(-25.0 * 3.7169 / R_GAS / t)],
        table_temperature_k=[t, t],
        upper_altitude_m=[100.0, 1000.0],
        upper_temperature_k=[t, t],
    )
    air, profile = still.atmosphere, air_profile(still)
    r0, h = air.datum_radius_m + 25.0, np.array([1e3, 20e3, 80e3, 150e3])
    got = np.interp(h, profile.altitude_m, np.log(profile.pressure_pa))
    expected = np.log(air.table_pressure_pa[1]) - planet.gm_m3_s2 / (R_GAS * t) * (
        1 / r0 - 1 / (air.datum_radius_m + h)
    )
    np.testing.assert_allclose(got, expected, atol=2e-7)


def test_density_between_points_of_the_grid_is_that_of_the_exact_profile(mission):
    """The exact one: hydrostatic equilibrium integrated by another method at 1e-11."""
    still = without_factors(mission)
    air, planet = still.atmosphere, still.planet
    rows_h = air.table_altitude_m + air.upper_altitude_m
    rows_t = air.table_temperature_k + air.upper_temperature_k
    start = air.table_altitude_m[-1]

    def slope(h, _):
        return (
            -planet.gm_m3_s2 / (air.datum_radius_m + h) ** 2 / R_GAS / np.interp(h, rows_h, rows_t)
        )

    h = np.sort(np.random.default_rng(1).uniform(start, 130e3, 500))
    exact = solve_ivp(
        slope, (start, h[-1]), [np.log(air.table_pressure_pa[-1])],
        t_eval=h, rtol=1e-11, atol=1e-12, max_step=100.0,
    ).y[0]  # fmt: skip
    density = np.exp(exact) / R_GAS / np.interp(h, rows_h, rows_t)
    got = air_profile(still).density_kg_m3(air.datum_radius_m + h)
    np.testing.assert_allclose(got, density, rtol=1e-5)


def test_the_rows_of_the_kernels_are_an_ideal_gas_with_the_mission_s_factors(mission):
    air = mission.atmosphere
    rows, profile = air_rows(mission), air_profile(mission)
    factor = smooth_factor(profile.altitude_m, air.density_altitude_m, air.density_factors)
    ideal = factor * profile.pressure_pa / R_GAS / profile.temperature_k
    np.testing.assert_allclose(rows[:, DENSITY], ideal, rtol=1e-12)
    np.testing.assert_allclose(
        rows[:, SOUND] ** 2, air.heat_capacity_ratio * profile.temperature_k * R_GAS, rtol=1e-12
    )
    assert (np.diff(rows[:, DENSITY]) < 0).all()


def test_factors_are_met_at_their_rows_and_stay_between_them():
    rows, factors = [0.0, 40e3, 60e3, 80e3], [1.1, 1.1, 1.3, 2.5]
    h = np.linspace(-10e3, 150e3, 3201)
    got = smooth_factor(h, rows, factors)
    np.testing.assert_allclose(np.interp(rows, h, got), factors, rtol=1e-12)
    assert (np.diff(got) >= 0).all()
    assert got[0] == pytest.approx(1.1)
    assert got[-1] == pytest.approx(2.5)
    # Smooth: steps of the slope fall with the grid's; at a kink they would stay.
    finer = smooth_factor(np.linspace(-10e3, 150e3, 6401), rows, factors)
    assert np.abs(np.diff(finer, 2)).max() < 0.3 * np.abs(np.diff(got, 2)).max()


# ---- temperatures alone ----


@pytest.mark.parametrize(
    ("ls_deg", "altitude_m", "low_pa", "high_pa"),
    [
        # The first days of Viking Lander 1: a mean of 7.65 mbar (Hess et al. 1976, Science 193,
        # 788).
        (97.0, -3630.0, 760.0, 770.0),
        # Viking Lander 1, first years (Hess et al. 1980, Geophys. Res. Lett. 7, 197; Tillman et
        # al. 1993, J. Geophys. Res. 98, 10963): minimum and maximum of the diurnal means.
        (149.0, -3630.0, 665.0, 695.0),
        (260.0, -3630.0, 870.0, 910.0),
        # Curiosity's first weeks in Gale, diurnal means (Haberle et al. 2014, J. Geophys. Res.
        # Planets 119, 440).
        (151.0, -4500.0, 710.0, 760.0),
    ],
)
def test_the_season_gives_the_pressures_that_landers_measured(
    mission, ls_deg, altitude_m, low_pa, high_pa
):
    air = mission.atmosphere
    at_base = surface_pressure_pa(air.surface, np.radians(ls_deg))
    scale_m = air.gas_constant_j_kg_k * 220.0 / 3.72
    here = at_base * np.exp(-(altitude_m - air.surface.altitude_m) / scale_m)
    assert low_pa < here < high_pa


def test_the_seasonal_cycle_is_that_of_the_polar_caps(mission):
    """Two maxima and two minima; the deeper minimum in southern winter, the higher peak after."""
    ls = np.radians(np.arange(0, 360, 1.0))
    p = np.array([surface_pressure_pa(mission.atmosphere.surface, x) for x in ls])
    turns = np.flatnonzero(np.diff(np.sign(np.diff(np.append(p, p[:2])))))
    assert len(turns) == 4
    assert 140 <= np.argmin(p) <= 160
    assert 245 <= np.argmax(p) <= 275
    assert 1.25 < p.max() / p.min() < 1.4


def test_hydrostatic_air_begins_with_the_season_s_pressure_and_balances(mission):
    still = without_factors(mission, model="hydrostatic")
    air, profile = still.atmosphere, air_profile(still)
    sun = solar_position(
        still.epoch.entry_interface_utc, still.site.latitude_deg, still.site.longitude_deg
    )
    h = profile.altitude_m
    assert np.degrees(sun.ls_rad) == pytest.approx(5.2, abs=0.5)
    base = np.exp(np.interp(air.surface.altitude_m, h, np.log(profile.pressure_pa)))
    assert base == pytest.approx(surface_pressure_pa(air.surface, sun.ls_rad), rel=1e-6)
    gravity = still.planet.gm_m3_s2 / (air.datum_radius_m + h) ** 2
    weight = np.trapezoid(profile.density * gravity, h)
    assert weight == pytest.approx(profile.pressure_pa[0] - profile.pressure_pa[-1], rel=1e-5)
    # Perseverance's first sols: diurnal mean of some 725 Pa (MEDA; Harri et al. 2024).
    at_site = np.interp(still.site.radius_m - air.datum_radius_m, h, profile.pressure_pa)
    assert at_site == pytest.approx(725.0, rel=0.04)


def test_a_pressure_given_outright_overrides_the_season(mission):
    surface = mission.atmosphere.surface.model_dump(exclude_none=True) | {
        "pressure_pa": 612.0,
        "altitude_m": 0.0,
    }
    still = without_factors(mission, model="hydrostatic", surface=surface)
    profile = air_profile(still)
    assert np.interp(0.0, profile.altitude_m, profile.pressure_pa) == pytest.approx(612.0)


def test_dust_warms_the_middle_air_and_lifts_the_upper(mission):
    air = mission.atmosphere
    dusty = air.dust.model_dump() | {"optical_depth": air.dust.reference_optical_depth + 4.0}
    clear = air_profile(without_factors(mission, model="hydrostatic"))
    storm = air_profile(without_factors(mission, model="hydrostatic", dust=dusty))
    h = clear.altitude_m
    warmer = storm.temperature_k - clear.temperature_k
    assert h[np.argmax(warmer)] == pytest.approx(25e3, abs=1e3)
    # The storm of 2001: 40 K, up to 45 km, hardly any above 60 km (Gurwell et al. 2005).
    assert warmer.max() == pytest.approx(40.0, abs=0.5)
    assert warmer[h > 65e3].max() < 2.0
    np.testing.assert_allclose(
        storm.pressure_pa[h < -3000], clear.pressure_pa[h < -3000], rtol=0.01
    )
    # Hypsometric: the column between two levels thickens with its mean temperature.
    ratio = np.log(storm.pressure_pa / clear.pressure_pa)
    gravity = mission.planet.gm_m3_s2 / (air.datum_radius_m + h) ** 2
    thinning = gravity / R_GAS * (1 / clear.temperature_k - 1 / storm.temperature_k)
    lifted = np.trapezoid(thinning[(h >= 0) & (h <= 60e3)], h[(h >= 0) & (h <= 60e3)])
    gained = np.interp(60e3, h, ratio) - np.interp(0.0, h, ratio)
    assert gained == pytest.approx(lifted, rel=1e-3)
    assert np.interp(80e3, h, storm.density / clear.density) > 1.5


def test_densities_of_a_table_are_kept_where_they_are_no_ideal_gas(mission):
    air = mission.atmosphere
    ideal = np.array(air.table_pressure_pa) / R_GAS / air.table_temperature_k
    given = ideal * np.linspace(1.0, 1.06, len(ideal))
    profile = air_profile(without_factors(mission, table_density_kg_m3=given.tolist()))
    got = np.interp(air.table_altitude_m, profile.altitude_m, profile.density)
    np.testing.assert_allclose(got, given, rtol=1e-6)
