"""The dust's texture: slopes of its noise, streaks of one width, billows, stones thrown up."""

import cv2
import numpy as np
import pytest
import warp as wp
from test_dust import hover, looking_down, optics, outer

from skycrane.cameras.dust_history import DustHistory
from skycrane.cameras.dust_noise import LATTICE, noise, noise_slope
from skycrane.mission.load import load_mission


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


@wp.kernel(enable_backward=False)
def noise_kernel(
    lattice: wp.array(dtype=float), at: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.vec4)
):
    i = wp.tid()
    p = at[i]
    slope = noise_slope(lattice, 5, p[0], p[1], p[2])
    out[i] = wp.vec4(noise(lattice, 5, p[0], p[1], p[2]), slope[0], slope[1], slope[2])


def noises(lattice, at):
    out = wp.zeros(len(at), dtype=wp.vec4)
    wp.launch(noise_kernel, len(at), [lattice, wp.array(at.astype(np.float32), dtype=wp.vec3), out])
    return out.numpy()


def test_slope_of_the_noise_is_that_of_finite_differences():
    rng = np.random.default_rng(3)
    numbers = rng.uniform(-1.0, 1.0, LATTICE**3).astype(np.float32)
    lattice = wp.array(numbers, dtype=float)
    at = rng.uniform(-40.0, 40.0, (500, 3))
    here = noises(lattice, at)
    assert here[:, 0] == pytest.approx(here[:, 1], abs=1e-6)
    assert np.ptp(here[:, 0]) > 0.5
    for axis in (0, 1):
        step = np.zeros(3)
        step[axis] = 0.01
        after, before = (noises(lattice, at + s * step)[:, 0] for s in (1.0, -1.0))
        assert here[:, 2 + axis] == pytest.approx((after - before) / 0.02, abs=0.02)


def sheet_alone(mission, *, height_m=14.0):
    """Return a state with nothing but one side's sheet and its streaks, and its plume's middle."""
    history = DustHistory(mission, hover(mission, [height_m], engines=outer(mission)))
    state = history.state(10.0)
    state.ridge_depth = state.veil_depth = state.low_depth = state.stone_share = 0.0
    plume = int(np.argmax(np.array(state.depth) * (np.array(state.east) > 0)))
    return state, np.array([state.east[plume], state.north[plume]])


def around(state, at, r_m, eye_m=8.0):
    """Return the sheet's log depth on half a circle away from the other plume, every 4 mm."""
    angle = np.arange(-1.3, 1.3, 0.004 / r_m)
    spots = at + r_m * np.column_stack([np.cos(angle), np.sin(angle)])
    rays = np.column_stack([spots, 0 * angle])
    eyes = np.column_stack([spots, np.full(len(angle), eye_m)])
    return np.log(optics(state, eyes, rays)[0][:, 0])


def spacing_m(tau):
    """Return how far apart streaks stand along a line of steps of 4 mm, m."""
    x = tau - cv2.GaussianBlur(tau.reshape(1, -1), (0, 0), 60.0)[0]
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    frequency = np.fft.rfftfreq(len(x), 0.004)
    return 1.0 / ((power * frequency).sum() / power.sum())


def test_streaks_are_as_wide_near_a_plume_as_far_from_it(mission):
    state, at = sheet_alone(mission)
    near, far = spacing_m(around(state, at, 2.5)), spacing_m(around(state, at, 7.5))
    assert far / near == pytest.approx(1.0, abs=0.5)
    # Flown: 0.16 to 0.3 m.
    assert 0.08 < near < 0.35


def test_streaks_are_hundreds(mission):
    state, at = sheet_alone(mission)
    assert 2.0 * np.pi * 5.0 / spacing_m(around(state, at, 5.0)) > 100


def test_sizes_of_streaks_take_over_without_a_seam(mission):
    state, at = sheet_alone(mission)
    r = np.arange(1.0, 12.0, 0.002)
    for angle in (-0.6, 0.1, 0.7):
        spots = at + r[:, None] * np.array([np.cos(angle), np.sin(angle)])
        rays = np.column_stack([spots, 0 * r])
        eyes = np.column_stack([spots, np.full(len(r), 8.0)])
        tau = np.log(optics(state, eyes, rays)[0][:, 0])
        assert np.ptp(tau) > 0.1
        assert np.abs(np.diff(tau)).max() < 0.02


def test_a_camera_that_tells_less_apart_sees_fainter_streaks(mission):
    state, at = sheet_alone(mission)
    fine, coarse = (around(state, at, 5.0, eye_m=z) for z in (8.0, 60.0))
    rough = [np.std(np.diff(x)) for x in (fine, coarse)]
    assert rough[1] < 0.5 * rough[0]


def test_thin_dust_is_paler_than_thick_dust(mission):
    history = DustHistory(mission, hover(mission, [30.0, 9.0], engines=outer(mission)))
    thin, thick = (np.array(history.state(t).albedo) for t in (5.0, 23.0))
    assert thin[0] / thin[2] < 0.9 * thick[0] / thick[2]
    assert thick == pytest.approx(mission.dust.albedo, rel=0.05)


def test_a_whiteout_has_clouds_that_move(mission):
    history = DustHistory(mission, hover(mission, [9.0], seconds=15.0, engines=outer(mission)))
    shades = []
    for t in (14.0, 14.5):
        state = history.state(t)
        state.stone_share = 0.0
        # As at touchdown.
        state.veil_depth, state.low_depth = 0.9, 5.5
        out = optics(state, *looking_down(0.8, half_m=0.6))[0]
        assert np.median(out[:, 0]) > 2.0
        shades.append(out[:, 1] / out[:, 1].mean())
    assert min(np.std(s) for s in shades) > 0.02
    assert np.std(shades[1] - shades[0]) > 0.02


def test_stones_fly_between_a_low_eye_and_the_ground(mission):
    history = DustHistory(mission, hover(mission, [9.0], seconds=15.0, engines=outer(mission)))

    def share(eye_m):
        counts = []
        for t in np.arange(12.0, 14.9, 0.3):
            state = history.state(float(t))
            state.wake_contrast = 0.0
            rays = looking_down(eye_m, half_m=0.45 * eye_m, count=121)
            with_stones = optics(state, *rays)[0][:, 0]
            state.stone_share = 0.0
            counts.append(np.mean(with_stones - optics(state, *rays)[0][:, 0] > 1.5))
        return np.mean(counts)

    # Above where stones are thrown to only those on the ground are met.
    assert share(4.0) > 1.3 * share(5.5) > 0.0
