"""The detector: photon transfer gives back gain and read noise; curve; darkness."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy.stats import kstest, norm

from skycrane.cameras.sensor import expose_kernel, flat_kernel, linear_of, normal_of, sensor_of
from skycrane.mars.noise import hash2

SIZE = 256


@wp.kernel(enable_backward=False)
def _normals(hashes: wp.array(dtype=wp.uint32), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = normal_of(hashes[i])


@wp.kernel(enable_backward=False)
def _hashes(key: int, out: wp.array2d(dtype=wp.uint32)):
    i, j = wp.tid()
    out[i, j] = hash2(j, i, key)


def _normals_of(hashes):
    out = wp.zeros(len(hashes), dtype=float, device="cpu")
    given = wp.array(hashes, dtype=wp.uint32, device="cpu")
    wp.launch(_normals, dim=len(hashes), inputs=[given, out], device="cpu")
    return out.numpy().astype(float)


def test_normal_numbers_are_the_inverse_of_the_normal_distribution():
    ends = [0, 511, 512, 5000, 2**32 - 5000, 2**32 - 1]
    hashes = np.concatenate([np.linspace(0, 2**32 - 1, 20001), ends]).astype(np.uint32)
    wanted = norm.ppf(((hashes >> 9) + 0.5) / 2**23)
    assert _normals_of(hashes) == pytest.approx(wanted, abs=2e-5)


def test_noise_of_neighbours_is_normal_and_unrelated():
    hashes = wp.zeros((SIZE, SIZE), dtype=wp.uint32, device="cpu")
    wp.launch(_hashes, dim=(SIZE, SIZE), inputs=[3, hashes], device="cpu")
    noise = _normals_of(hashes.numpy().ravel()).reshape(SIZE, SIZE)
    assert kstest(noise.ravel(), "norm").pvalue > 0.001
    # Four deviations of the mean of as many products.
    for one, other in ((noise[:, 1:], noise[:, :-1]), (noise[1:], noise[:-1])):
        assert abs(np.mean(one * other)) < 4 / SIZE


def _expose(detector, radiance, *, key=1, dark=0, vignetting=0.0):
    light = wp.full((SIZE, SIZE), radiance, dtype=float, device="cpu")
    ahead = wp.full((SIZE, SIZE), wp.vec3(0.0, 0.0, 1.0), dtype=wp.vec3, device="cpu")
    image = wp.zeros((SIZE, SIZE), dtype=wp.uint8, device="cpu")
    sensor = sensor_of(
        detector, exposure_s=1e-3, vignetting=vignetting, noise_key=key, pattern_key=9
    )
    sensor.dark = dark
    flat = wp.zeros((SIZE, SIZE), dtype=float, device="cpu")
    wp.launch(flat_kernel, dim=(SIZE, SIZE), inputs=[0, ahead, sensor, flat], device="cpu")
    wp.launch(expose_kernel, dim=(SIZE, SIZE), inputs=[0, light, flat, sensor, image], device="cpu")
    return image.numpy()


@pytest.fixture
def detector(mission):
    # Linear, coarse noise: so that rounding to eight bits does not hide what is measured.
    return mission.cameras["rdc"].detector.model_copy(
        update={"companding": "linear", "full_scale_e": 2000.0, "read_noise_e": 20.0}
    )


def test_photon_transfer(detector):
    """Variance of differences over mean is a line: slope 1/gain, intercept read noise squared."""
    unit = detector.electrons_s * 1e-3 * np.pi
    mean, variance = [], []
    for electrons in (200, 500, 800, 1100, 1400):
        a = _expose(detector, electrons / unit, key=1).astype(float)
        b = _expose(detector, electrons / unit, key=2).astype(float)
        mean.append(a.mean())
        variance.append(np.var(a - b) / 2 - 1 / 12)
    slope, offset = np.polyfit(mean, variance, 1)
    per_dn = detector.full_scale_e / 255
    assert 1 / slope == pytest.approx(per_dn, rel=0.03)
    assert np.sqrt(offset) * per_dn == pytest.approx(detector.read_noise_e, rel=0.06)


@pytest.mark.parametrize("companding", ["linear", "square_root"])
def test_curve_is_undone(detector, companding):
    quiet = detector.model_copy(
        update={"companding": companding, "full_scale_e": 1e9, "electrons_s": 1e12}
    )
    unit = quiet.electrons_s * 1e-3 * np.pi
    image = _expose(quiet, 0.4e9 / unit)
    assert linear_of(image, quiet).mean() == pytest.approx(0.4, rel=0.01)


def test_dark_sensor_sees_read_noise_alone(detector):
    image = _expose(detector, 1.0, dark=1)
    assert image.mean() < 3
    assert image.std() > 0


def test_noise_is_keyed(detector):
    assert np.array_equal(_expose(detector, 1e-3, key=5), _expose(detector, 1e-3, key=5))
    assert not np.array_equal(_expose(detector, 1e-3, key=5), _expose(detector, 1e-3, key=6))


def test_rows_that_wait_longer_gather_more_dark_signal(detector):
    waiting = detector.model_copy(update={"dark_signal_e": 800.0, "dark_rise": 0.3})
    rows = _expose(waiting, 0.0, dark=1).astype(float).mean(axis=1) * waiting.full_scale_e / 255
    share = (np.arange(SIZE) + 0.5) / SIZE
    wanted = 800.0 * (1 - np.exp(-share / 0.3)) / (1 - np.exp(-1 / 0.3))
    # Rounding to eight bits and the noise below zero, which is cut off, bend the first rows.
    assert rows[20:] == pytest.approx(wanted[20:], abs=9.0)
    even = _expose(detector, 0.0, dark=1).astype(float)
    assert even[128:].mean() == pytest.approx(even[:128].mean(), abs=0.05)
