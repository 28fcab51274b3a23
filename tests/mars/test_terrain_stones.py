"""The built-in ground's stones: as many and as pale as published, all over the floor."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy import ndimage

from skycrane.mars.terrain_colour import Lies, colour_at
from skycrane.mars.terrain_detail import even_sheet
from skycrane.mars.terrain_form import Form, form_of, step
from skycrane.mars.terrain_stones import crowd_at, rocks, stone_share, stones, strewn
from skycrane.mars.terrain_units import Units, units_at

wp.set_module_options({"enable_backward": False})

LUMA = np.array([0.2126, 0.7152, 0.0722])


@wp.kernel(enable_backward=False)
def _rocks(cell: float, finest: float, form: Form, out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    # Clear of the target, about which the largest are left out.
    s = rocks(100.0 + float(j) * cell, float(i) * cell, 1.0, 1.0, finest, form)
    out[i, j] = wp.vec3(s.height, s.share, s.pale)


@wp.kernel(enable_backward=False)
def _stones(cell: float, density: float, out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    out[i, j] = stones(float(j) * cell, float(i) * cell, 1.0, density, 7)


@wp.kernel(enable_backward=False)
def _strewn(cell: float, form: Form, out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    s = strewn(100.0 + float(j) * cell, float(i) * cell, 0.0, 1.0, 0.06, 0.008, form)
    out[i, j] = wp.vec3(s.height, s.share, s.pale)


@wp.kernel(enable_backward=False)
def _shares(cover: float, out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    size = 2.4 * wp.pow(0.5, float(i))
    out[i, j] = wp.vec3(size, stone_share(size, cover), 0.0)


@wp.kernel(enable_backward=False)
def _crowds(cell: float, finest: float, form: Form, out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    x = -300.0 + float(j) * cell
    y = -300.0 + float(i) * cell
    u = units_at(x, y, form)
    rough = step(-14.0, 14.0, u.into)
    even = even_sheet(x, y, u, rough, finest, form.seed)
    out[i, j] = wp.vec3(crowd_at(x, y, even, 0.0, finest, form.seed), even, rough)


@wp.kernel(enable_backward=False)
def _colours(cell: float, stone: float, pale: float, form: Form, out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    lies = Lies()
    lies.stone = stone
    lies.pale = pale
    lies.tone = 2.0 * float((i * 7 + j) % 16) / 15.0 - 1.0
    out[i, j] = colour_at(float(j) * cell, float(i) * cell, Units(), 2.0 * cell, 0.0, lies, form)


def _evaluated(kernel, n, *inputs):
    out = wp.zeros((n, n), dtype=wp.vec3, device="cpu")
    wp.launch(kernel, dim=(n, n), inputs=[*inputs, out], device="cpu")
    return out.numpy().astype(float)


def test_all_sizes_together_cover_what_golombek_and_rapp_give(mission):
    cell, n = 0.025, 2000
    height, _, _ = np.moveaxis(_evaluated(_rocks, n, cell, 0.03, form_of(mission)), -1, 0)
    cover = mission.terrain.rocks.cover
    q = 1.79 + 0.152 / cover
    labels, count = ndimage.label(height > 0)
    # Stones that touch count as one here, so that sizes are told by area, over wide classes.
    area = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(1, count + 1)) * cell**2
    across = np.sqrt(4 * area / np.pi)
    for d in (0.1, 0.2, 0.4):
        found = area[across > d].sum() / (n * cell) ** 2
        assert found == pytest.approx(cover * np.exp(-q * d), rel=0.3), d
    # All that is told, from 5.6 mm up; what is under 36 mm is left out at this `finest`.
    assert (height > 0).mean() == pytest.approx(cover * np.exp(-q * 0.0225), rel=0.12)


def test_a_stone_covers_its_share_of_a_cell(mission):
    found = (_evaluated(_stones, 2400, 0.1, 0.2)[..., 0] > 0).mean() / 0.2
    size, share, _ = np.moveaxis(_evaluated(_shares, 9, 0.07), -1, 0)[:, :, 0]
    q = 1.79 + 0.152 / 0.07
    covered = 0.07 * (np.exp(-0.6 * q * size) - np.exp(-1.2 * q * size))
    assert share * found == pytest.approx(covered, rel=0.06)


def test_gravel_grows_in_number_with_the_inverse_square_of_its_size(mission):
    cell = 0.004
    _, share, _ = np.moveaxis(_evaluated(_strewn, 2400, cell, form_of(mission)), -1, 0)
    labels, count = ndimage.label(share > 0.4)
    area = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(1, count + 1)) * cell**2
    across = np.sqrt(4 * area / np.pi)
    number = np.array([(across > d).sum() for d in (0.012, 0.024, 0.048)])
    assert number[2] > 30
    assert 2.2 < number[0] / number[1] < 6.5
    assert number[1] / number[2] > 2.2


def test_stones_lie_in_clusters(mission):
    """Numbers in squares of 2 m vary as their mean by chance, less where they lie in rows."""
    height = _evaluated(_rocks, 1600, 0.025, 0.05, form_of(mission))[..., 0]
    labels, count = ndimage.label(height > 0)
    places = np.array(ndimage.center_of_mass(labels > 0, labels, np.arange(1, count + 1)))
    number = np.histogram2d(*places.T, bins=20)[0]
    assert number.var() > 1.4 * number.mean()


def test_as_many_are_pale_as_said_and_they_lie_flat(mission):
    s = _evaluated(_rocks, 1600, 0.025, 0.03, form_of(mission))
    stone = s[s[..., 1] > 0.5]
    pale = stone[:, 2] > 0.5
    assert pale.mean() == pytest.approx(mission.terrain.rocks.pale_share, abs=0.06)
    assert np.median(stone[pale, 0]) < 0.65 * np.median(stone[~pale, 0])


def test_stones_too_small_to_tell_cover_their_mean(mission):
    form = form_of(mission)
    sharp = _evaluated(_rocks, 1600, 0.025, 0.03, form)[..., 1].mean()
    blurred = _evaluated(_rocks, 200, 0.2, 1.0, form)[..., 1].mean()
    assert blurred == pytest.approx(sharp, rel=0.2)


@pytest.mark.parametrize("finest", [1.0, 8.0, 40.0])
def test_stones_lie_in_fields_and_are_as_many_as_the_mean(mission, finest):
    many, even, rough = np.moveaxis(_evaluated(_crowds, 300, 2.0, finest, form_of(mission)), -1, 0)
    floor = rough < 0.01
    assert floor.sum() > 40_000
    assert many[floor].mean() == pytest.approx(1.0, abs=0.25)
    assert 0.25 < even[floor].mean() < 0.65
    if finest < 2.0:
        # Half the ground bears a quarter of them at most, a tenth of it a third and more.
        ranked = np.sort(many[floor])
        shares = np.cumsum(ranked) / ranked.sum()
        assert shares[len(shares) // 2] < 0.25
        assert 1 - shares[int(0.9 * len(shares))] > 0.33


def test_pale_stones_outshine_the_soil_and_dark_ones_are_greyer(mission):
    form = form_of(mission)
    soil, pale, dark = (
        _evaluated(_colours, 200, 0.5, *kind, form) for kind in ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0))
    )
    light = [np.median(c @ LUMA) for c in (soil, pale, dark)]
    # Slabs of the panorama (PIA24264) are two to three times as bright as the soil beside them.
    assert 1.5 < light[1] / light[0] < 3.0
    assert light[2] < 0.95 * light[0]
    hue = [np.median(c[..., 0] / c[..., 2]) for c in (soil, pale, dark)]
    assert hue[2] < 0.8 * min(hue[0], hue[1])


@pytest.mark.parametrize(
    ("name", "bright", "red_over_blue"),
    [
        ("soil", (0.14, 0.25), (2.8, 3.8)),
        ("dust", (0.26, 0.36), (3.6, 4.4)),
        ("rock", (0.11, 0.14), (2.0, 2.3)),
        ("pale_rock", (0.19, 0.36), (2.7, 4.2)),
    ],
)
def test_colours_lie_where_pathfinders_do(mission, name, bright, red_over_blue):
    """Smith et al. (1997), Science 278, 1758, Table 2: I/F and red over blue of soils and rocks.

    Their dark and disturbed soil, bright soil to pink rock, dark rock, bright to pink rock.
    """
    red, _, blue = getattr(mission.terrain.colours, name)
    assert bright[0] <= red <= bright[1]
    assert red_over_blue[0] <= red / blue <= red_over_blue[1]
