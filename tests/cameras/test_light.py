"""Light: a Lambert patch and a furnace against what must come out, haze and sky against limits."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.mars.regolith import Regolith, sun_gain
from skycrane.mars.sky import Air, air_of, path_light, sky_light, sun_through

SUN = np.array([-0.6, 0.0, 0.8])


@wp.kernel
def _paths(air: Air, heights: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.vec2)):
    i = wp.tid()
    h = heights[i]
    out[i] = path_light(air, h[0], h[1], h[2], 0.3, 1)


@wp.kernel
def _skies(air: Air, ups: wp.array(dtype=float), out: wp.array(dtype=wp.vec2)):
    i = wp.tid()
    out[i] = wp.vec2(sky_light(air, 0.0, ups[i], 0.2, 1), sun_through(air, 0.0))


@wp.kernel
def _gains(r: Regolith, angles: wp.array(dtype=wp.vec3), out: wp.array(dtype=float)):
    i = wp.tid()
    a = angles[i]
    out[i] = sun_gain(r, a[0], a[1], a[2])


def _run(kernel, data, given, dtype, out_type):
    out = wp.zeros(len(given), dtype=out_type, device="cpu")
    array = wp.array(np.asarray(given, np.float32), dtype=dtype, device="cpu")
    wp.launch(kernel, dim=len(given), inputs=[data, array, out], device="cpu")
    return out.numpy()


@pytest.fixture(scope="module")
def air(mission):
    return air_of(mission, SUN, sun_distance_au=1.57)


def test_transmittance_is_beer_lambert_in_an_exponential_layer(mission, air):
    scale, depth = mission.sky.scale_height_m, mission.sky.optical_depth
    cases = [(0.0, 8000.0, 8000.0), (10000.0, 0.0, 14000.0), (1500.0, 1500.0, 30000.0)]
    found = _run(_paths, air, cases, wp.vec3, wp.vec2)[:, 0]
    for (a, b, length), t in zip(cases, found, strict=True):
        s = np.linspace(0, 1, 20001)
        density = np.exp(-(a + (b - a) * s) / scale) * depth / scale
        assert t == pytest.approx(np.exp(-np.trapezoid(density, s) * length), rel=2e-4)


def test_cutting_a_path_in_two_changes_no_transmittance(air):
    whole, near, far = _run(
        _paths, air, [(0, 6000, 9000), (0, 3000, 4500), (3000, 6000, 4500)], wp.vec3, wp.vec2
    )
    assert whole[0] == pytest.approx(near[0] * far[0], rel=1e-5)


def test_no_dust_is_black_sky_and_full_sun(mission):
    sky = mission.sky.model_copy(update={"optical_depth": 0.0})
    clear = air_of(mission.model_copy(update={"sky": sky}), SUN, sun_distance_au=1.57)
    light = _run(_skies, clear, [0.1, 0.5, 1.0], float, wp.vec2)
    assert np.abs(light[:, 0]).max() == 0.0
    assert light[:, 1] == pytest.approx(1.0)


def test_sky_takes_less_than_the_air_takes_from_the_sun(mission, air):
    """Energy: diffuse light on the ground is less than what scattering removed from the beam."""
    mu = SUN[2]
    direct = mu * np.exp(-mission.sky.optical_depth / np.sqrt(mu * mu + 0.0021))
    diffuse = np.array(air.sky_irradiance)
    assert (diffuse > 0.02).all()
    # The ground's own light comes back once more from the sky, hence a little over the beam's loss.
    assert (diffuse < 1.15 * (mu - direct)).all()
    assert diffuse[0] > diffuse[2]  # butterscotch


def test_regolith_without_its_terms_is_lambert():
    r = Regolith()
    r.width = 0.05
    angles = [(0.2, 0.9, 0.1), (0.8, 0.3, -0.5), (1.0, 1.0, 1.0)]
    assert _run(_gains, r, angles, wp.vec3, float) == pytest.approx(1.0)


def test_opposition_brightens_toward_zero_phase():
    r = Regolith()
    r.lunar, r.surge, r.width, r.lobe, r.back, r.again = 0.5, 0.8, 0.05, 0.3, 0.8, 0.6
    phase = np.radians([0.0, 1.0, 3.0, 10.0, 40.0, 90.0])
    angles = np.column_stack([np.full(6, 0.7), np.full(6, 0.7), np.cos(phase)])
    gain = _run(_gains, r, angles, wp.vec3, float)
    assert (np.diff(gain) < 0).all()
    assert gain[0] / gain[3] > 1.3
