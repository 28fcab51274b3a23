"""The dust's texture: the clouds it is made of, streaks, billows, stones thrown up."""

import cv2
import numpy as np
import pytest
import warp as wp
from scipy.ndimage import map_coordinates
from scipy.stats import kstest
from test_dust import hover, looking_down, optics, outer

from skycrane.cameras.dust_history import DustHistory
from skycrane.cameras.dust_noise import CUBE, cloud, cloud_cube
from skycrane.mission.load import load_mission


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


@wp.kernel(enable_backward=False)
def cloud_kernel(
    cube: wp.array(dtype=float), at: wp.array(dtype=wp.vec3), out: wp.array(dtype=float)
):
    i = wp.tid()
    out[i] = cloud(cube, at[i][0], at[i][1], at[i][2])


def clouds(cube, at):
    out = wp.zeros(len(at), dtype=float)
    places = wp.array(at.astype(np.float32), dtype=wp.vec3)
    wp.launch(cloud_kernel, len(at), [wp.array(cube, dtype=float), places, out])
    return out.numpy()


@pytest.fixture(scope="module")
def cube():
    return cloud_cube(np.random.default_rng(3))


def test_clouds_between_their_numbers_are_as_scipy_has_them(cube):
    at = np.random.default_rng(5).uniform(-100.0, 100.0, (500, 3))
    block = cube.reshape(CUBE, CUBE, CUBE).transpose(2, 1, 0)
    wanted = map_coordinates(block, at.T, order=1, mode="grid-wrap")
    assert clouds(cube, at) == pytest.approx(wanted, abs=2e-3)


def test_clouds_are_normally_distributed_and_of_many_sizes(cube):
    assert cube.mean() == pytest.approx(0.0, abs=1e-3)
    assert kstest(cube, "norm").statistic < 0.005
    # What is torn by them keeps its mean: exp(a g - a a / 2).
    assert np.exp(0.8 * cube - 0.32).mean() == pytest.approx(1.0, abs=0.01)
    power = np.abs(np.fft.fftn(cube.reshape(CUBE, CUBE, CUBE))) ** 2
    k = np.sqrt(sum(f**2 for f in np.meshgrid(*3 * [np.fft.fftfreq(CUBE, 1 / CUBE)])))
    means = [power[(k > 0.8 * n) & (k < 1.25 * n)].mean() for n in (3.0, 6.0, 12.0)]
    slopes = np.diff(np.log2(means))
    assert (slopes < -1.5).all()
    assert (slopes > -5.0).all()


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
    r = np.arange(1.0, 12.0, 0.0005)
    for angle in (-0.6, 0.1, 0.7):
        spots = at + r[:, None] * np.array([np.cos(angle), np.sin(angle)])
        rays = np.column_stack([spots, 0 * r])
        eyes = np.column_stack([spots, np.full(len(r), 8.0)])
        tau = np.log(optics(state, eyes, rays)[0][:, 0])
        assert np.ptp(tau) > 0.1
        assert np.abs(np.diff(tau)).max() < 0.01


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
    depths, shades = [], []
    for t in (14.0, 14.1, 14.2, 14.3, 14.4, 14.5):
        state = history.state(t)
        state.stone_share = 0.0
        # As at touchdown.
        state.veil_depth, state.low_depth = 0.9, 5.5
        out = optics(state, *looking_down(0.8, half_m=0.6))[0]
        depths.append(np.median(out[:, 0]))
        shades.append(out[:, 1] / out[:, 1].mean())
    assert np.mean(depths) > 2.0
    assert min(depths) > 1.0
    assert min(np.std(s) for s in shades) > 0.02
    assert np.std(shades[-1] - shades[0]) > 0.02


def test_stones_fly_between_a_low_eye_and_the_ground(mission):
    history = DustHistory(mission, hover(mission, [9.0], seconds=15.0, engines=outer(mission)))

    def size(eye_m):
        """Return the mean area of a stone in the picture, photosites."""
        shares, count = [], 0
        for t in np.arange(12.0, 14.9, 0.6):
            state = history.state(float(t))
            state.wake_contrast = 0.0
            rays = looking_down(eye_m, half_m=0.45 * eye_m, count=481)
            with_stones = optics(state, *rays)[0][:, 0]
            state.stone_share = 0.0
            seen = (with_stones - optics(state, *rays)[0][:, 0] > 1.5).reshape(481, 481)
            shares.append(seen.sum())
            count += cv2.connectedComponents(seen.astype(np.uint8))[0] - 1
        assert count > 20
        return sum(shares) / count

    # Below where stones are thrown to they fly between, and are nearer.
    assert size(4.0) > 2.0 * size(5.5)


@pytest.fixture(scope="module")
def cloudy(mission):
    """A state with nothing but a veil as 1 s before touchdown."""
    history = DustHistory(mission, hover(mission, [9.0], seconds=15.0, engines=outer(mission)))
    state = history.state(14.0)
    state.depth = wp.vec4(0.0, 0.0, 0.0, 0.0)
    state.veil_depth, state.low_depth = 0.8, 5.0
    state.veil_east = state.veil_north = state.stone_share = 0.0
    return state


def at_height(state, height_m, *, eye_m=8.0):
    """Return depth and brightness down to a height, over a patch of 3 m, 30 times anew."""
    rays = []
    line = np.linspace(-1.5, 1.5, 25)
    x, y = (a.ravel() for a in np.meshgrid(line, line))
    for drift in range(30):
        state.drift = 41.0 * drift
        start, end = (np.column_stack([x, y, 0 * x + z]) for z in (eye_m, height_m))
        rays.append(optics(state, start, end)[0][:, :2])
    return np.array(rays)


def test_clouds_tear_the_veil_and_leave_as_much_dust_in_the_air(cloudy):
    for height_m in (0.0, 0.3, 1.1):
        low, high = (
            depth * (np.exp(-height_m / scale) - np.exp(-8.0 / scale))
            for depth, scale in ((5.0, cloudy.low_height), (0.8, cloudy.veil_height))
        )
        # The veil thins a little toward the patch's edge.
        assert at_height(cloudy, height_m)[:, :, 0].mean() == pytest.approx(low + high, rel=0.1)


def test_the_veil_has_no_hard_top_and_wisps_hide_one_wheel_and_not_another(cloudy):
    heights = np.arange(0.0, 2.0, 0.1)
    through = np.array([np.exp(-at_height(cloudy, z)[:, :, 0]) for z in heights])
    level = through.mean(axis=(1, 2))
    assert (np.diff(level) > 0.0).all()
    assert np.diff(level).max() < 0.08
    wheel, deck = through[3], through[11]
    # Within one frame, between places as far apart as wheels.
    assert np.median(np.ptp(wheel, axis=1)) > 0.15
    assert np.median(np.ptp(deck, axis=1)) > 0.15
    assert deck.mean() > 1.8 * wheel.mean()


def test_an_eye_in_the_dust_sees_the_clouds_before_it(cloudy):
    # What is more than a few optical depths off does not count.
    near = at_height(cloudy, 0.0, eye_m=0.6)[:, :, 1]
    assert np.median(near.std(axis=1) / near.mean(axis=1)) > 0.015


def test_streaks_differ_in_width_and_few_are_bright(mission):
    state, at = sheet_alone(mission)
    tau = np.concatenate([around(state, at, r) for r in (3.0, 5.0, 7.0)])
    fine = tau - cv2.GaussianBlur(tau.reshape(1, -1), (0, 0), 60.0)[0]
    over = np.flatnonzero(np.diff((fine > 0.0).astype(int)))
    widths = np.diff(over) * 0.004
    assert np.percentile(widths, 90) > 6.0 * np.percentile(widths, 20)
    # Leans to the bright side.
    assert ((fine / fine.std()) ** 3).mean() > 0.15
