"""Haze and sky: energy, limits, and what numerical integration and the flown limb tell."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.mars.sky import Air, air_of, ground_beyond, path_light, sky_light, sun_through

SUN = np.array([-0.6, 0.0, 0.8])


@wp.kernel
def _paths(air: Air, heights: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.vec2)):
    i = wp.tid()
    h = heights[i]
    path = path_light(air, h[0], h[1], h[2], 0.3)
    out[i] = wp.vec2(path[3], path[1])


@wp.kernel
def _skies(air: Air, ups: wp.array(dtype=float), out: wp.array(dtype=wp.vec2)):
    i = wp.tid()
    out[i] = wp.vec2(sky_light(air, 0.0, ups[i], 0.2)[1], sun_through(air, 0.0))


@wp.kernel
def _horizon(air: Air, places: wp.array(dtype=wp.vec2), out: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    p = places[i]
    beyond = ground_beyond(air, p[0], p[1], -0.6, 1.0)
    out[i] = wp.vec3(beyond[3], beyond[0], sky_light(air, p[0], p[1], -0.6)[0])


@wp.kernel
def _skyward(air: Air, looks: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    v = looks[i]
    out[i] = sky_light(air, v[0], v[1], v[2])


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


def _lobe_cosine(rng, g, n):
    """Draw cosines of scattering from the lobe of Henyey and Greenstein."""
    s = (1 - g * g) / (1 - g + 2 * g * rng.random(n))
    return (1 + g * g - s * s) / (2 * g)


def _diffuse_by_photons(sky, colour, mu, ground, *, at, n=60000):
    """Follow photons through a plane layer of dust over Lambert ground; return diffuse light down.

    `at`: optical depth from the top where it is counted.
    """
    rng = np.random.default_rng(7)
    depth, d = np.zeros(n), np.tile([np.sqrt(1 - mu * mu), 0.0, -mu], (n, 1))
    weight, direct, down = np.ones(n), np.ones(n, bool), 0.0
    while len(depth):
        before, depth = depth, depth - d[:, 2] * rng.exponential(size=len(depth))
        landed, inside = depth >= sky.optical_depth, depth > 0
        down += weight[(before < at) & (depth >= at) & ~direct].sum()
        up, turn = np.sqrt(rng.random(landed.sum())), 2 * np.pi * rng.random(landed.sum())
        side = np.sqrt(1 - up * up)
        d[landed] = np.column_stack([side * np.cos(turn), side * np.sin(turn), up])
        weight[landed] *= ground
        depth[landed] = sky.optical_depth
        met = inside & ~landed
        weight[met] *= sky.single_scattering_albedo[colour]
        direct[:] = False
        m = met.sum()
        ahead = _lobe_cosine(rng, sky.forward_asymmetry[colour], m)
        c = np.where(
            rng.random(m) < sky.forward_share, ahead, _lobe_cosine(rng, sky.backward_asymmetry, m)
        )
        helper = np.where(np.abs(d[met][:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
        a = np.cross(d[met], helper)
        a /= np.linalg.norm(a, axis=1, keepdims=True)
        b, turn = np.cross(d[met], a), 2 * np.pi * rng.random((m, 1))
        off = np.sqrt(1 - c * c)[:, None]
        d[met] = c[:, None] * d[met] + off * (np.cos(turn) * a + np.sin(turn) * b)
        alive = inside & (weight > 1e-3)
        depth, d, weight, direct = depth[alive], d[alive], weight[alive], direct[alive]
    return down / n * mu


@pytest.mark.parametrize("colour", [0, 1, 2])
@pytest.mark.parametrize("mu", [0.64, 0.9])
def test_sky_sends_down_what_photons_followed_one_by_one_bring(mission, colour, mu):
    sky, ground = mission.sky, mission.terrain.colours.soil[colour]
    sun = np.array([-np.sqrt(1 - mu * mu), 0.0, mu])
    air = air_of(mission, sun, sun_distance_au=1.57)
    followed = _diffuse_by_photons(sky, colour, mu, ground, at=sky.optical_depth)
    # Delta-Eddington is good to some 3 %, 60,000 photons to 1.
    assert air.sky_irradiance[colour] == pytest.approx(followed, rel=0.045)


@pytest.mark.parametrize("colour", [0, 2])
@pytest.mark.parametrize("height", [5000.0, 11000.0])
def test_from_high_up_the_sky_is_as_dark_as_photons_followed_one_by_one_say(
    mission, colour, height
):
    """A glow as strong as on the ground brings a tenth too much there."""
    sky, mu = mission.sky, 0.64
    air = air_of(mission, np.array([-np.sqrt(1 - mu * mu), 0.0, mu]), sun_distance_au=1.57)
    up, turn = (np.arange(24) + 0.5) / 24, (np.arange(48) + 0.5) * (2 * np.pi / 48)
    z, a = (x.ravel() for x in np.meshgrid(up, turn, indexing="ij"))
    across = np.sqrt(1 - z * z)
    cos_sun = np.minimum(-np.sqrt(1 - mu * mu) * across * np.cos(a) + mu * z, air.cos_sun)
    looks = np.column_stack([np.full(len(z), height), z, cos_sun])
    seen = _run(_skyward, air, looks, wp.vec3, wp.vec3)[:, colour]
    above = sky.optical_depth * np.exp(-height / sky.scale_height_m)
    ground = mission.terrain.colours.soil[colour]
    followed = _diffuse_by_photons(sky, colour, mu, ground, at=above, n=120000)
    assert (seen * z).sum() * 2 * np.pi / len(z) == pytest.approx(followed, rel=0.06)


@pytest.mark.parametrize(
    ("low", "high", "length"), [(10e3, 0.0, 14e3), (0.0, 8e3, 20e3), (6e3, 500.0, 60e3)]
)
def test_haze_is_the_integral_of_what_each_part_of_the_path_scatters(
    mission, air, low, high, length
):
    sky, c, cos_sun = mission.sky, 1, 0.3
    found = _run(_paths, air, [(low, high, length)], wp.vec3, wp.vec2)[0, 1]
    s = np.linspace(0.0, length, 40001)
    height = low + (high - low) * s / length
    above = sky.optical_depth * np.exp(-height / sky.scale_height_m)
    extinction = above / sky.scale_height_m

    def lobe(g):
        return (1 - g * g) / (1 + g * g - 2 * g * cos_sun) ** 1.5

    phase = sky.forward_share * lobe(sky.forward_asymmetry[c])
    phase += (1 - sky.forward_share) * lobe(sky.backward_asymmetry)
    sun = np.exp(-above / np.sqrt(SUN[2] ** 2 + 0.0021))
    source = sky.single_scattering_albedo[c] * phase / (4 * np.pi) * sun
    source += air.glow_top[c] + air.glow_more[c] * above
    through = np.exp(
        -np.concatenate([[0.0], np.cumsum((extinction[1:] + extinction[:-1]) / 2)]) * (s[1] - s[0])
    )
    assert found == pytest.approx(np.trapezoid(source * extinction * through, s), rel=2e-3)


@pytest.mark.parametrize(("height", "edge"), [(300.0, 0.2), (2000.0, 0.05), (10000.0, 0.02)])
def test_the_horizon_lies_where_the_planet_curves_away_and_has_no_dark_band(
    mission, air, height, edge
):
    radius = mission.site.radius_m
    dip = np.sqrt(2 * height / radius)
    ups = -dip * np.array([0.8, 0.9, 0.97, 0.995, 1.005, 1.03, 1.1, 1.2])
    ground = _run(_horizon, air, [(height, u) for u in ups], wp.vec2, wp.vec3)
    assert (ground[:4, 0] == -1.0).all()
    assert (ground[4:, 0] > 0).all()
    # A sphere met by a straight ray, from the law of cosines.
    for up, found in zip(ups[4:], ground[4:, 0], strict=True):
        b = (radius + height) * up
        exact = -b - np.sqrt(b * b - (2 * radius * height + height * height))
        assert found == pytest.approx(exact, rel=0.03)
    seen = np.where(ground[:, 0] > 0, ground[:, 1], ground[:, 2])
    # From low down ground 45 km off is not yet lost in haze; from high up it is.
    assert abs(seen[4] / seen[3] - 1) < edge
    # Through the horizon nothing dips: brightness goes one way, or hardly changes.
    assert seen.min() > (0.98 - edge) * min(seen[0], seen[-1])


def _sky_by_steps(mission, air, height, elevation, cos_sun):
    """Return what dust along a straight path past the curved planet sends here, by small steps."""
    sky, radius = mission.sky, mission.site.radius_m
    s = 1.5e6 * np.linspace(0, 1, 40001) ** 2
    r = radius + height
    above = sky.optical_depth * np.exp(
        -(np.sqrt(r * r + s * s + 2 * r * s * np.sin(elevation)) - radius) / sky.scale_height_m
    )
    extinction = above / sky.scale_height_m

    def lobe(g):
        return (1 - g * g) / (1 + g * g - 2 * g * cos_sun) ** 1.5

    phase = sky.forward_share * lobe(sky.forward_asymmetry[1])
    phase += (1 - sky.forward_share) * lobe(sky.backward_asymmetry)
    source = sky.single_scattering_albedo[1] * phase / (4 * np.pi)
    source = source * np.exp(-above / np.sqrt(SUN[2] ** 2 + 0.0021))
    source += air.glow_top[1] + air.glow_more[1] * above
    steps = (extinction[1:] + extinction[:-1]) / 2 * np.diff(s)
    through = np.exp(-np.concatenate([[0.0], np.cumsum(steps)]))
    return np.trapezoid(source * extinction * through, s)


@pytest.mark.parametrize("height", [0.0, 2000.0, 10000.0])
def test_sky_is_the_integral_along_the_path_past_the_curved_planet(mission, air, height):
    dip = np.sqrt(2 * height / mission.site.radius_m)
    elevations = [-0.9 * dip, -0.5 * dip, 0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5]
    looks = [(height, np.sin(e), -0.5) for e in elevations]
    found = _run(_skyward, air, looks, wp.vec3, wp.vec3)[:, 1]
    expected = [_sky_by_steps(mission, air, height, e, -0.5) for e in elevations]
    assert found == pytest.approx(expected, rel=0.03)


def test_from_ten_kilometres_the_sky_falls_off_beyond_the_limb_as_flown(mission, air):
    """Medians of flown images 6 and 7 by elevation, in their grey levels.

    The zenith is where the lines of equal brightness say, straight to 0.2 degrees; the horizontal
    where the opposite of the sun then puts it. How they were stretched is not told: a straight
    line is left free, and the uncertainty of the horizontal, two degrees, in the tolerance.
    """
    elevation = np.radians([0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0])
    flown = np.array([224.0, 178.0, 126.0, 83.0, 51.0, 27.0, 9.0])
    looks = np.column_stack([np.full(7, 9500.0), np.sin(elevation), np.full(7, -0.75)])
    found = _run(_skyward, air, looks, wp.vec3, wp.vec3)[:, 1]
    slope, level = np.polyfit(found, flown, 1)
    assert np.abs(slope * found + level - flown).max() < 12.0
    # The stretch put black a third of the way up, so that the fall itself is by half.
    assert found[-1] / found[0] < 0.5
