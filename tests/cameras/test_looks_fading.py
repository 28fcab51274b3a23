"""The reading of a phase curve off stretched images: a made one must come back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skycrane.cameras.looks import flown_frames, reference
from skycrane.cameras.looks_aims import flown_aim
from skycrane.cameras.looks_fading import PHASES_DEG, Shadows, Sights, fading_of
from skycrane.cameras.looks_places import follow
from skycrane.cameras.optics import lens_of

FACTOR = np.array([1.4, 1.3, 1.1, 1.0, 0.9, 0.8, 0.75, 0.7, 0.7])


def _made(images=24, places=300, seed=3):
    """Return sights, shadows as images of a known curve, stretched each its own way, would show."""
    rng = np.random.default_rng(seed)
    image, place = (x.ravel() for x in np.meshgrid(range(images), range(places), indexing="ij"))
    base = rng.uniform(10.0, 90.0, places)
    phase = np.clip(base[place] + 25.0 * np.sin(0.5 * image + 6.0 * base[place]), 5.0, 95.0)
    axis = np.cos(rng.uniform(0.0, 0.9, len(image)))
    albedo = np.exp(0.25 * rng.standard_normal(places))[place]
    sun, sky, haze = 3.0 - phase / 60.0, np.full(len(image), 1.0), np.full(len(image), 0.6)
    curve = np.exp(np.interp(phase, PHASES_DEG, np.log(FACTOR)))
    light = axis**0.9 * (albedo * (sun * curve + sky) + haze)
    black, gain = rng.uniform(-30.0, 10.0, images), rng.uniform(20.0, 45.0, images)
    value = black[image] + gain[image] * light + rng.normal(0.0, 1.5, len(image))
    sights = Sights(image, place, value, phase, axis, sun, sky, haze)
    which, there = np.arange(images), np.full(images, 0.8)
    dark = Shadows(which, black + gain * 0.8**0.9 * 1.1, there, np.full(images, 1.1))
    return sights, dark


def test_a_made_curve_comes_back_through_images_stretched_each_its_own_way():
    sights, dark = _made()
    found = fading_of(sights, dark, albedo_spread=0.3)
    assert found.factor == pytest.approx(FACTOR, rel=0.06)
    assert found.fall_off == pytest.approx(0.9, abs=0.08)
    assert found.albedo_spread == pytest.approx(0.25, abs=0.04)


def test_with_black_taken_for_too_low_the_same_images_tell_a_flatter_curve():
    """What was read without shadows hung on how far albedo was let differ."""
    sights, dark = _made()
    found = fading_of(sights, replace(dark, light=dark.light + 2.0), albedo_spread=0.3)
    assert found.factor[0] / found.factor[7] < 0.85 * FACTOR[0] / FACTOR[7]


@pytest.mark.skipif(reference() is None, reason="the flown images are no part of the project")
def test_the_camera_is_found_where_and_as_it_flew(mission):
    """Against aims found before by other means, and the published speed under the parachute."""
    chosen = {
        f.number: f.picture for f in flown_frames(reference(), mission) if 44 <= f.number <= 49
    }
    lens = lens_of(mission.cameras["lvs"]).scaled(256, 256)
    seen = follow(chosen, lens, start=47, height_m=2050.0, turn=flown_aim(47))
    assert list(seen.numbers) == [44, 45, 46, 47, 48, 49]
    assert np.median(seen.miss_px) < 0.3
    for number, turn in zip(seen.numbers[3:], seen.turn[3:], strict=True):
        cosine = (np.trace(flown_aim(int(number)) @ turn.T) - 1) / 2
        assert np.degrees(np.arccos(cosine)) < 2.5
    assert np.diff(seen.eye_m[:, 2]) == pytest.approx(-88.0, abs=12.0)
