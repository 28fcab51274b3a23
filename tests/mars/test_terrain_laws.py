"""The built-in ground's small craters and rocks against the published laws they are made by."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy import ndimage

from skycrane.mars.terrain_craters import craters_per_km2, small_craters
from skycrane.mars.terrain_form import Form, form_of
from skycrane.mars.terrain_stones import stone_share, stones

wp.set_module_options({"enable_backward": False})


@wp.kernel(enable_backward=False)
def _craters(cell: float, size: float, form: Form, out: wp.array2d(dtype=float)):
    i, j = wp.tid()
    out[i, j] = small_craters(float(j) * cell, float(i) * cell, size, 77, form)


@wp.kernel(enable_backward=False)
def _stones(cell: float, size: float, cover: float, out: wp.array2d(dtype=float)):
    i, j = wp.tid()
    share = stone_share(size, cover)
    out[i, j] = stones(float(j) * cell, float(i) * cell, size, share, 31)[0]


def _evaluated(kernel, n, *inputs):
    out = wp.zeros((n, n), dtype=float, device="cpu")
    wp.launch(kernel, dim=(n, n), inputs=[*inputs, out], device="cpu")
    return out.numpy()


@pytest.mark.parametrize("size", [8.0, 4.0, 2.0])
def test_small_craters_are_as_many_as_production_and_equilibrium_leave(mission, size):
    model = mission.terrain.craters
    n, cell = 1400, size / 10.0
    relief = _evaluated(_craters, n, cell, size, form_of(mission))
    # A crater is where the ground lies below what no rim of a neighbour makes.
    _, found = ndimage.label(relief < -0.004 * size)
    km2 = (n * cell / 1000.0) ** 2
    # 5 % of saturation, 1.54 D^-2 (Gault 1970), is fewer than have formed at this size.
    over = model.equilibrium_share * 1.54 * np.array([size / 1000.0, size / 500.0]) ** -2
    assert over[0] < model.per_km2_over_1_km * (size / 1000.0) ** -model.slope
    expected = km2 * (over[0] - over[1])
    assert found == pytest.approx(expected, rel=0.12, abs=3.5 * np.sqrt(expected))
    assert relief.min() > -0.6 * model.fresh_depth * 2 * size


def test_as_many_craters_as_the_chronology_gives_until_they_wear_each_other_out(mission):
    model = mission.terrain.craters
    # Ivanov (2001) for the 2.6 Ga of Jezero's dark floor (Shahrzad et al. 2019).
    age = 2.6
    over_1_km = 2.68e-14 * (np.exp(6.93 * age) - 1) + 4.13e-4 * age
    found = craters_per_km2(model, np.array([1000.0, 100.0, 4.0]))
    assert found[0] == pytest.approx(over_1_km, rel=0.05)
    assert np.log10(found[1] / found[0]) == pytest.approx(model.slope)
    assert found[2] == pytest.approx(model.equilibrium_share * 1.54 / 0.004**2)


@pytest.mark.parametrize("cover", [0.03, 0.07, 0.20])
def test_rocks_cover_what_golombek_and_rapp_give(cover):
    q = 1.79 + 0.152 / cover
    for size in (1.2, 0.3, 0.075):
        n = 1500
        height = _evaluated(_stones, n, size / 12.0, size, cover)
        found = float((height > 0).mean())
        # The class of diameters 0.6 to 1.2 of its size.
        expected = cover * (np.exp(-0.6 * q * size) - np.exp(-1.2 * q * size))
        stones_seen = expected / 0.102 * (n / 12.0 / 2.2) ** 2
        assert found == pytest.approx(expected, rel=0.10 + 4.0 / np.sqrt(stones_seen))


def test_rocks_have_the_diameters_of_their_class():
    size, cell = 0.6, 0.6 / 24.0
    labels, count = ndimage.label(_evaluated(_stones, 1600, cell, size, 0.05) > 0)
    area = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(1, count + 1)) * cell**2
    longest = np.sqrt(4 * area / np.pi / 0.75)
    assert 0.6 * size * 0.7 < np.percentile(longest, 5)
    assert np.percentile(longest, 95) < 1.2 * size * 1.3
