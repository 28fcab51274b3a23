"""Hollows of the floor, of many sizes and by tracts; facets that give cliffs straight lengths."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy import ndimage

from skycrane.mars.terrain_facets import facets
from skycrane.mars.terrain_form import Form, form_of
from skycrane.mars.terrain_hollows import hollows

wp.set_module_options({"enable_backward": False})


@wp.kernel(enable_backward=False)
def _deep(cell: float, share: float, finest: float, form: Form, out: wp.array2d(dtype=float)):
    i, j = wp.tid()
    out[i, j] = hollows(float(j) * cell, float(i) * cell, share, 0.0, finest, form)


@wp.kernel(enable_backward=False)
def _noise(cell: float, seed: int, out: wp.array2d(dtype=float)):
    i, j = wp.tid()
    out[i, j] = facets(float(j) * cell + 3.7, float(i) * cell - 5.1, seed)


def _hollows(mission, cell, n, share=1.0, finest=16.0):
    out = wp.zeros((n, n), dtype=float, device="cpu")
    wp.launch(_deep, (n, n), [cell, share, finest, form_of(mission), out], device="cpu")
    return out.numpy().astype(float)


@pytest.fixture(scope="module")
def deep(mission):
    return _hollows(mission, 4.0, 1000)


def test_hollows_are_of_many_sizes_more_small_than_large(deep):
    labels, count = ndimage.label(deep > 0.3)
    wide = np.sqrt(ndimage.sum_labels(np.ones_like(deep), labels, np.arange(1, count + 1))) * 4.0
    assert count > 300
    # Flown images 47 to 72: 20 to 200 m.
    assert np.percentile(wide, 90) > 2.5 * np.percentile(wide, 10)
    assert (wide < 60.0).sum() > 2 * (wide > 120.0).sum() > 20


def test_hollows_differ_from_tract_to_tract(deep):
    blocks = (deep > 0.3).reshape(10, 100, 10, 100).mean(axis=(1, 3))
    # Strewn evenly, tracts of 400 m with hundreds of cells each would hold much the same.
    assert blocks.min() < 0.4 * blocks.mean()
    assert blocks.max() > 1.7 * blocks.mean()


def test_no_hollow_is_cut_off_and_none_is_a_pit_with_walls(mission, deep):
    model = mission.terrain.relief
    assert deep.min() == 0.0
    assert 0.4 * model.hollow_m < deep.max() <= model.hollow_m
    fine, finer = _hollows(mission, 0.5, 1200), _hollows(mission, 0.25, 2400)
    # Over half the way walls fall half as far; a cut would be as high as before.
    for axis in (0, 1):
        whole, half = (np.abs(np.diff(one, axis=axis)).max() for one in (fine, finer))
        assert half == pytest.approx(0.5 * whole, rel=0.05)
    steep = np.hypot(*np.gradient(fine, 0.5))[fine > 0.2]
    assert 5.0 < np.degrees(np.arctan(np.percentile(steep, 75))) < 30.0


def test_fewer_hollows_where_less_of_the_floor_is_worn(mission, deep):
    few = _hollows(mission, 4.0, 1000, share=0.4)
    assert 0.0 < (few > 0.3).mean() < 0.75 * (deep > 0.3).mean()
    assert (few <= deep + 1e-4).all()


def test_facets_are_flat_and_meet_without_steps():
    n, cell = 600, 0.02
    out = wp.zeros((n, n), dtype=float, device="cpu")
    wp.launch(_noise, (n, n), [cell, 5, out], device="cpu")
    value = out.numpy().astype(float)
    assert np.abs(value).max() <= 1.0
    assert 0.25 < value.std() < 0.6
    assert max(np.abs(np.diff(value, axis=k)).max() for k in (0, 1)) < 3.0 * cell
    # Flat but at the edges: the second derivative is nothing at most places, so that lines of
    # equal height are straight; gradient noise bends everywhere.
    bend = np.abs(value[2:, 1:-1] - 2.0 * value[1:-1, 1:-1] + value[:-2, 1:-1])
    assert (bend < 1e-5).mean() > 0.85
    assert bend.max() > 1e-3
