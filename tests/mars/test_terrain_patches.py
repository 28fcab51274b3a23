"""Even ground beside rough: sheets of regolith, short ridges between them, no walls like cracks."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy import ndimage

from skycrane.mars.terrain_bedforms import bedforms
from skycrane.mars.terrain_detail import even_sheet, ground_at
from skycrane.mars.terrain_form import Form, form_of, step
from skycrane.mars.terrain_units import units_at

wp.set_module_options({"enable_backward": False})


@wp.kernel(enable_backward=False)
def _ridges(cell: float, form: Form, out: wp.array2d(dtype=wp.vec2)):
    i, j = wp.tid()
    # Along the wind in columns, across it in rows.
    u = float(j) * cell
    v = float(i) * cell
    x = u * form.ripple_across[0] - v * form.ripple_across[1]
    y = u * form.ripple_across[1] + v * form.ripple_across[0]
    out[i, j] = bedforms(x, y, 0.0, 0.0, 1.0, 0.4, form)


@wp.kernel(enable_backward=False)
def _ground(cell: float, finest: float, form: Form, out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    x = -150.0 + float(j) * cell
    y = -150.0 + float(i) * cell
    u = units_at(x, y, form)
    rough = step(-14.0, 14.0, u.into)
    even = even_sheet(x, y, u, rough, finest, form.seed)
    g = ground_at(x, y, u, 0.0, finest, wp.vec2(0.0, 1.0e9), 0.0, form)
    out[i, j] = wp.vec3(g.height, even, g.albedo[1])


@pytest.fixture(scope="module")
def ground(mission):
    out = wp.zeros((600, 600), dtype=wp.vec3, device="cpu")
    wp.launch(_ground, dim=(600, 600), inputs=[0.5, 1.0, form_of(mission), out], device="cpu")
    return np.moveaxis(out.numpy().astype(float), -1, 0)


def test_ridges_on_loose_soil_are_short_apart_and_a_few_metres_from_each_other(mission):
    cell, n = 0.2, 900
    out = wp.zeros((n, n), dtype=wp.vec2, device="cpu")
    wp.launch(_ridges, dim=(n, n), inputs=[cell, form_of(mission), out], device="cpu")
    height, crest = np.moveaxis(out.numpy().astype(float), -1, 0)
    # Flown image 74: bright crests of 3 to 15 m, over part of the ground.
    labels, count = ndimage.label(crest > 0.55)
    boxes = ndimage.find_objects(labels)
    area = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(1, count + 1)) * cell**2
    long = np.array([np.hypot(*(s.stop - s.start for s in b)) * cell for b in boxes])[area > 0.3]
    assert len(long) > 80
    assert 2.0 < np.median(long) < 15.0
    assert np.percentile(long, 95) < 40.0
    assert 0.01 < (crest > 0.55).mean() < 0.20
    # Along the wind a third of the power and more lies between the middle and the small length.
    power = np.abs(np.fft.rfft(height - height.mean(), axis=1)) ** 2
    wavelength = n * cell / np.maximum(np.arange(power.shape[1]), 1e-9)
    spread = power.mean(axis=0)
    among = spread[(wavelength > 1.3) & (wavelength < 6.5)].sum()
    assert among > 0.33 * spread[1:].sum()
    # No higher than a twelfth of the middle length, by the steepness asked for.
    ripples = mission.terrain.ripples
    assert height.max() < 1.3 * ripples.steepness * ripples.wavelengths_m[1]


def test_even_ground_lies_beside_rough(ground):
    height, even, green = ground
    inside, between = even > 0.95, even < 0.05
    assert inside.mean() > 0.15
    assert between.mean() > 0.15
    # Mounds and swells of many metres are taken away: what is told is the ground's texture.
    texture = np.abs(height - ndimage.gaussian_filter(height, 3.0))
    assert np.median(texture[inside]) < 0.75 * np.median(texture[between])
    tone = np.abs(green - ndimage.gaussian_filter(green, 3.0))
    assert np.median(tone[inside]) < 0.8 * np.median(tone[between])


def test_no_walls_that_look_like_cracks(ground):
    height, _, _ = ground
    # Over half a metre, stones too: what is steeper throws a black shadow seen from 150 m.
    north, east = np.gradient(height, 0.5)
    steep = np.degrees(np.arctan(np.hypot(east, north))) > 31.0
    assert steep.mean() < 0.01
    # None of it in long lines.
    labels, _ = ndimage.label(steep, structure=np.ones((3, 3)))
    long = [max(s.stop - s.start for s in b) * 0.5 for b in ndimage.find_objects(labels)]
    assert max(long, default=0.0) < 5.0
