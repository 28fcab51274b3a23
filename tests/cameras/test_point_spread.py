"""Point spread: light kept, widths as asked, filters that pass their own colour alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import warp as wp

from skycrane.cameras.point_spread import (
    gather_kernel,
    spread_kernel,
    spread_variance_px2,
    weights_of,
)


def gathered(colours: np.ndarray, variance_px2: float, bayer: int) -> np.ndarray:
    """Return the light of each photosite behind the spread."""
    shape = colours.shape[:2]
    given = wp.array(colours.astype(np.float32), dtype=wp.vec3)
    spread, light = wp.zeros(shape, dtype=wp.vec3), wp.zeros(shape, dtype=float)
    weights = weights_of(variance_px2)
    wp.launch(spread_kernel, shape, [0, given, weights, spread])
    wp.launch(gather_kernel, shape, [0, spread, weights, bayer, light])
    return np.asarray(light.numpy(), np.float64)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 0.7])
def test_a_point_spreads_by_its_variance_and_keeps_its_light(sigma: float):
    colours = np.zeros((15, 17, 3))
    colours[7, 8] = 1.0
    light = gathered(colours, sigma**2, 0)
    assert light.sum() == pytest.approx(1.0, abs=1e-6)
    rows, columns = np.mgrid[-7:8, -8:9]
    # What is cut off beyond the second photosite narrows the widest by a fifteenth.
    assert (light * rows**2).sum() == pytest.approx(sigma**2, rel=0.07)
    assert (light * columns**2).sum() == pytest.approx(sigma**2, rel=0.07)


def test_a_perfect_lens_changes_nothing():
    colours = np.random.default_rng(1).random((8, 10, 3))
    assert gathered(colours, 0.0, 3) == pytest.approx(colours[..., 1], abs=1e-7)


def test_a_detector_without_filter_takes_all_colours_alike():
    colours = np.random.default_rng(2).random((8, 10, 3))
    assert gathered(colours, 0.0, 0) == pytest.approx(colours.mean(axis=2), abs=1e-6)


def test_waves_lose_the_contrast_that_a_gaussian_takes():
    sigma, period = 0.5, 8.0
    wave = 1.0 + np.cos(2 * np.pi * np.arange(64) / period)
    colours = np.repeat(np.repeat(wave[None, :, None], 6, axis=0), 3, axis=2)
    row = gathered(colours, sigma**2, 0)[3, 8:56]
    contrast = (row.max() - row.min()) / 2
    assert contrast == pytest.approx(np.exp(-2 * (np.pi * sigma / period) ** 2), rel=0.005)


def test_photosites_see_their_own_colour_and_edges_do_not_darken():
    colours = np.ones((6, 8, 3)) * [3.0, 2.0, 1.0]
    light = gathered(colours, 0.25, 1)
    want = np.tile([[3.0, 2.0], [2.0, 1.0]], (3, 4))
    assert light == pytest.approx(want, rel=1e-6)
    for colour in range(3):
        assert gathered(colours, 0.25, colour + 2) == pytest.approx(3.0 - colour, rel=1e-6)


def test_a_detector_that_adds_up_one_colour_reaches_as_far_as_its_photosites():
    lens_px, scale = 0.5, 2
    draw = np.random.default_rng(2)
    # Where light comes from that one read-out value sums: of `scale` photosites two apart, over
    # each one's width, through the lens.
    x = 2.0 * draw.integers(0, scale, 400_000) + draw.uniform(-0.5, 0.5, 400_000)
    x += lens_px * draw.standard_normal(400_000)
    total = x.var() / scale**2
    made = spread_variance_px2(lens_px, scale, colour=True) + 1 / 12
    assert made == pytest.approx(total, rel=0.01)
    assert spread_variance_px2(lens_px, 2, colour=False) == pytest.approx(0.0625)
    assert spread_variance_px2(lens_px, 1, colour=True) == pytest.approx(0.25)


def test_a_thin_white_cable_is_not_a_rainbow():
    # One ray a photosite meets a cable much thinner than a photosite here and there.
    hits = np.random.default_rng(3).random((64, 64)) < 0.12
    colours = np.where(hits[..., None], 1.0, 0.02) * np.ones(3)

    def hue(variance_px2: float) -> float:
        mosaic = np.round(gathered(colours, variance_px2, 1) * 60000).astype(np.uint16)
        rgb = cv2.demosaicing(mosaic, cv2.COLOR_BayerRGGB2RGB_EA).astype(np.float64)
        return float(np.mean(rgb.max(axis=2) - rgb.min(axis=2)) / rgb.mean())

    assert hue(0.25) < 0.7 * hue(0.0)
