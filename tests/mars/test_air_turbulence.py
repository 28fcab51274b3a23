"""Gusts and density perturbations against the spectra and correlations they claim."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy.integrate import quad

from skycrane.compute import start_warp
from skycrane.flight.tables import make_tables, with_gusts
from skycrane.mars.turbulence import (
    DENSITY_POINTS,
    GUST_POINTS,
    density_series,
    density_step_m,
    gust_series,
    gust_step_m,
    gusts_at,
    perturbation_at,
)

CASES = range(1, 161)


@pytest.fixture(scope="module")
def gusts():
    """Both components of many cases, shape (n, GUST_POINTS)."""
    return np.concatenate([gust_series(7, case).T for case in CASES]).astype(np.float64)


@pytest.fixture(scope="module")
def density():
    return np.stack([density_series(7, case) for case in CASES]).astype(np.float64)


def test_variance_is_one_and_the_components_are_independent(gusts, density):
    assert np.mean(gusts**2) == pytest.approx(1.0, abs=0.03)
    assert np.mean(density**2) == pytest.approx(1.0, abs=0.06)
    assert np.abs(gusts.mean(axis=1)).max() < 1e-6
    east, north = gusts[0::2], gusts[1::2]
    assert abs(np.mean(east * north)) < 0.04
    # Gaussian: kurtosis of three, which twelve equal sines of random phase would not give.
    assert np.mean(gusts**4) / np.mean(gusts**2) ** 2 == pytest.approx(3.0, abs=0.15)


def test_gusts_have_von_karman_s_spectrum(mission, gusts):
    length, step = mission.wind.gust_length_m, gust_step_m(mission.wind)
    power = np.mean(np.abs(np.fft.rfft(gusts, axis=1)) ** 2, axis=0)
    wavenumber = 2 * np.pi * np.fft.rfftfreq(GUST_POINTS, step)
    # Kolmogorov's -5/3 from wavelengths of half the length scale down.
    inner = (wavenumber * length > 12) & (wavenumber < 0.8 * wavenumber[-1])
    slope = np.polyfit(np.log(wavenumber[inner]), np.log(power[inner]), 1)[0]
    assert slope == pytest.approx(-5 / 3, abs=0.03)

    def karman(k):
        x2 = (1.339 * length * k) ** 2
        return length / np.pi * (1 + 8 / 3 * x2) / (1 + x2) ** (11 / 6)

    assert quad(karman, 0, np.inf, limit=500)[0] == pytest.approx(1.0, abs=2e-3)
    total = power[1:].sum()
    for low, high in ((0.5, 2.0), (2.0, 8.0), (8.0, 64.0)):
        band = (wavenumber * length >= low) & (wavenumber * length < high)
        edges = wavenumber[band][0] - wavenumber[1] / 2, wavenumber[band][-1] + wavenumber[1] / 2
        assert power[band].sum() / total == pytest.approx(quad(karman, *edges)[0], rel=0.08)


def test_density_forgets_itself_over_the_mission_s_length(mission, density):
    step = density_step_m(mission.atmosphere)
    power = np.mean(np.abs(np.fft.rfft(density, axis=1)) ** 2, axis=0)
    correlation = np.fft.irfft(power)
    correlation /= correlation[0]
    lag = step * np.arange(DENSITY_POINTS // 2)
    length = mission.atmosphere.perturbation_length_m
    near = lag < 2 * length
    np.testing.assert_allclose(
        correlation[: len(lag)][near], np.exp(-lag[near] / length), atol=0.08
    )


def test_the_same_case_has_the_same_air_in_any_batch(mission):
    start_warp()
    tables = make_tables(mission, device="cpu")
    many = with_gusts(tables, mission, device="cpu", seed=5, case_ids=[3, 9, 0, 4])
    one = with_gusts(tables, mission, device="cpu", seed=5, case_ids=[9])
    for name in ("gusts", "density"):
        batch, alone = getattr(many, name).numpy(), getattr(one, name).numpy()
        assert batch[1].tobytes() == alone[0].tobytes()
        assert batch[0].tobytes() != alone[0].tobytes()
    other = with_gusts(tables, mission, device="cpu", seed=6, case_ids=[9])
    assert other.gusts.numpy().tobytes() != one.gusts.numpy().tobytes()


def test_the_nominal_case_has_gusts_but_the_profile_s_density(mission):
    start_warp()
    tables = with_gusts(
        make_tables(mission, device="cpu"), mission, device="cpu", seed=5, case_ids=[0, 1]
    )
    density, gusts = tables.density.numpy(), tables.gusts.numpy()
    assert not density[0].any()
    assert density[1].std() > 0.3
    assert gusts[0].std() > 0.3


def test_one_case_carries_less_than_50_kb(mission):
    start_warp()
    tables = with_gusts(
        make_tables(mission, device="cpu"), mission, device="cpu", seed=5, case_ids=range(4)
    )
    size = tables.gusts.numpy().nbytes + tables.density.numpy().nbytes
    assert size / 4 < 50_000


@wp.kernel(enable_backward=False)
def _look_up(
    gusts: wp.array(dtype=wp.vec2f, ndim=2),
    density: wp.array(dtype=wp.float32, ndim=2),
    x: wp.array(dtype=wp.float64),
    out: wp.array(dtype=wp.vec3d),
):
    i = wp.tid()
    g = gusts_at(gusts, 0, x[i])
    out[i] = wp.vec3d(wp.float64(g[0]), wp.float64(g[1]), perturbation_at(density, 0, x[i]))


def test_looking_up_is_linear_and_periodic_and_survives_what_is_no_number():
    start_warp()
    gusts, density = gust_series(1, 1), density_series(1, 1)
    x = np.array(
        [0.0, 7.25, GUST_POINTS - 0.5, -3.75, 5 * GUST_POINTS + 7.25, np.nan, np.inf, -1e300]
    )
    out = wp.zeros(len(x), dtype=wp.vec3d, device="cpu")
    inputs = [
        wp.array(gusts[None], dtype=wp.vec2f, device="cpu"),
        wp.array(density[None], dtype=wp.float32, device="cpu"),
        wp.array(x, dtype=wp.float64, device="cpu"),
    ]
    wp.launch(_look_up, dim=len(x), inputs=inputs, outputs=[out], device="cpu")
    got = out.numpy()
    held = np.where(np.abs(np.nan_to_num(x, nan=np.inf)) < 1e9, x, 0.0)
    for k, series in enumerate((gusts[:, 0], gusts[:, 1], density)):
        wrapped = np.mod(held, len(series))
        around = np.append(series, series[0]).astype(np.float64)
        expected = np.interp(wrapped, np.arange(len(around)), around)
        np.testing.assert_allclose(got[:, k], expected, atol=2e-6)
