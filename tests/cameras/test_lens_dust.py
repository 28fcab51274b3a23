"""Dust on the lens: none without dust about, then a film and grains that stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.cameras.lens_dust import soil, specks_of
from skycrane.cameras.optics import lens_of
from skycrane.mission.cameras import LensDust

DUST = LensDust(film=0.2, specks=120, speck_radius_px=4.0, speck_depth=0.6, half_s=10.0)


@pytest.fixture
def camera(mission):
    return mission.cameras["rdc"].model_copy(update={"lens_dust": DUST})


def soiled(camera, met_s, scale=4, key=3, level=(1.0, 1.0, 1.0, 1.0)):
    lens = lens_of(camera, scale)
    values = np.zeros((lens.height, lens.width), np.float32)
    for k in range(4):
        values[k // 2 :: 2, k % 2 :: 2] = level[k]
    values[: lens.height // 2] *= 0.1
    light = wp.array(values, dtype=float, device="cpu")
    soil(light, lens, camera, met_s=met_s, key=key)
    return values, light.numpy()


def test_a_clean_lens_changes_nothing(camera, mission):
    for given, met in ((camera, 0.0), (mission.cameras["rdc"], 50.0)):
        before, after = soiled(given, met)
        assert (before == after).all()


def test_a_film_lessens_contrast_as_it_settles(camera):
    film = camera.model_copy(update={"lens_dust": DUST.model_copy(update={"specks": 0})})
    for met, share in ((10.0, 0.5), (20.0, 0.75)):
        before, after = soiled(film, met)
        taken = DUST.film * share
        mean = before.mean()
        assert after == pytest.approx(before * (1 - taken) + 0.9 * mean * taken, rel=1e-4)


def test_each_colour_s_light_stays_its_own(camera):
    film = camera.model_copy(update={"lens_dust": DUST.model_copy(update={"specks": 0})})
    before, after = soiled(film, 1e4, level=(1.0, 0.5, 0.5, 0.2))
    for k in range(4):
        part = (slice(k // 2, None, 2), slice(k % 2, None, 2))
        assert after[part].mean() == pytest.approx(
            before[part].mean() * (0.8 + 0.2 * 0.9), rel=1e-4
        )


def test_grains_come_one_after_another_and_stay(camera):
    bare = camera.model_copy(update={"lens_dust": DUST.model_copy(update={"film": 0.0})})
    touched = []
    for met in (5.0, 15.0, 200.0):
        before, after = soiled(bare, met)
        touched.append(before != after)
    counts = [t.sum() for t in touched]
    assert 0 < counts[0] < counts[1] < counts[2]
    assert (touched[0] <= touched[1]).all()
    assert (touched[1] <= touched[2]).all()
    # Bright against what is dark, dark against what is bright.
    middle = before.shape[0] // 2
    assert (after[:middle] >= before[:middle]).all()
    assert (after[middle + 1 :] <= before[middle + 1 :]).all()


def test_they_are_the_camera_s_own_and_as_large_at_every_quality(camera):
    one, _ = specks_of(256, 320, 120, 4.0, 0.6, 3)
    again, _ = specks_of(256, 320, 120, 4.0, 0.6, 3)
    other, _ = specks_of(256, 320, 120, 4.0, 0.6, 4)
    assert (one == again).all()
    assert (one != other).any()
    large, _ = specks_of(1024, 1280, 120, 16.0, 0.6, 3)
    assert (large > 0).mean() == pytest.approx((one > 0).mean(), rel=0.25)
