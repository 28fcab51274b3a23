"""The built-in ground's units: their shares and margins; the same ground from level to level."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy.ndimage import gaussian_filter

from skycrane.mars import terrain as terrain_module
from skycrane.mars.terrain import terrain_of
from skycrane.mars.terrain_form import (
    Form,
    delta_inside,
    form_of,
    mantle_share,
    pitted_share,
    rough_inside,
    soft_margin,
)
from skycrane.mars.terrain_landform import base_height

wp.set_module_options({"enable_backward": False})

SUN = [-0.75, -0.17, 0.64]


@wp.kernel(enable_backward=False)
def _shares(origin: wp.vec2, cell: float, form: Form, out: wp.array2d(dtype=wp.vec4)):
    i, j = wp.tid()
    x = origin[0] + float(j) * cell
    y = origin[1] + float(i) * cell
    inside = delta_inside(x, y, form)
    out[i, j] = wp.vec4(
        rough_inside(x, y, inside, form),
        pitted_share(x, y, form),
        mantle_share(x, y, form),
        inside,
    )


@wp.kernel(enable_backward=False)
def _softness(origin: wp.vec2, cell: float, form: Form, out: wp.array2d(dtype=float)):
    i, j = wp.tid()
    out[i, j] = soft_margin(origin[0] + float(j) * cell, origin[1] + float(i) * cell, form)


@wp.kernel(enable_backward=False)
def _heights(points: wp.array(dtype=wp.vec2), form: Form, out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = base_height(points[i][0], points[i][1], 200.0, form)


def _units(mission, origin, cell, n):
    out = wp.zeros((n, n), dtype=wp.vec4, device="cpu")
    wp.launch(_shares, dim=(n, n), inputs=[wp.vec2(*origin), cell, form_of(mission), out])
    return out.numpy()


def test_units_cover_the_shares_asked_for(mission):
    # East of the delta, far from the target that is kept on the smooth unit.
    units = _units(mission, (2000.0, -20000.0), 40.0, 1000)
    model = mission.terrain
    assert (units[..., 0] > 0).mean() == pytest.approx(model.rough_fraction, abs=0.10)
    assert units[..., 1].mean() == pytest.approx(model.pitted_fraction, abs=0.10)
    assert units[..., 2].mean() == pytest.approx(model.mantle_fraction, abs=0.10)


def test_the_target_lies_on_the_smooth_unit_near_its_margin(mission):
    units = _units(mission, (-1500.0, -1500.0), 10.0, 301)
    assert units[150, 150, 0] < -100.0
    assert (units[..., 0] > 0).any()


def _drops(mission, edges, into, origin, cell):
    """Return by how much the ground falls within 45 m across some of the rough unit's edges."""
    gy, gx = np.gradient(into, cell)
    steps = []
    for i, j in edges[:: max(1, len(edges) // 300)]:
        slope = np.array([gx[i, j], gy[i, j]])
        across = slope / max(np.linalg.norm(slope), 1e-6)
        place = np.array([origin[0] + j * cell, origin[1] + i * cell])
        steps += [place - 20.0 * across, place + 25.0 * across]
    points = wp.array(np.array(steps, np.float32), dtype=wp.vec2, device="cpu")
    out = wp.zeros(len(steps), dtype=float, device="cpu")
    wp.launch(_heights, dim=len(steps), inputs=[points, form_of(mission), out], device="cpu")
    return out.numpy()[0::2] - out.numpy()[1::2]


def test_the_rough_units_margin_is_steep_in_places_and_gradual_in_others(mission):
    cell, n, origin = 8.0, 1000, (1000.0, -4000.0)
    units = _units(mission, origin, cell, n)
    into, inside = units[..., 0], units[..., 3]
    softness = wp.zeros((n, n), dtype=float, device="cpu")
    wp.launch(_softness, dim=(n, n), inputs=[wp.vec2(*origin), cell, form_of(mission), softness])
    soft = softness.numpy()[:, :-1]
    edge = (into[:, :-1] < 0) & (into[:, 1:] >= 0) & (inside[:, :-1] < -600)
    sharp, gradual = np.argwhere(edge & (soft < 0.02)), np.argwhere(edge & (soft > 0.9))
    assert len(sharp) > 100
    assert len(gradual) > 100
    drop = _drops(mission, sharp, into, origin, cell)
    # Some metres within 45 m, on undulation whose slope there is a few hundredths.
    assert np.median(drop) > 5.0
    assert (drop > 0).mean() > 0.85
    # Where it is gradual, a third of the step at most.
    gentle = abs(np.median(_drops(mission, gradual, into, origin, cell)))
    assert gentle < 0.33 * mission.terrain.relief.margin_m
    assert np.median(drop) > 2.0 * gentle


@pytest.fixture(scope="module")
def levels(tmp_path_factory, mission):
    """Return lit levels of spacings 20 to 0.2 m, wide enough to look for repetition."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 256), (4.0, 1024)))
        patch.setattr(terrain_module, "_FINE", ((0.8, 512), (0.2, 512)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 512))
        yield terrain_of(mission).levels((0.0, 0.0), SUN)


def _seen(level):
    """Return what level ground throws back in green under sun and sky, at each node."""
    light, surface = level.texels[..., 0], level.texels[..., 1]
    albedo = (((surface >> 8) & 255) / 255.0) ** 2 * 0.6
    return albedo * (0.75 * (light & 4095) / 4095.0 + 0.2 * (surface >> 24) / 255.0)


def _repeats(picture, lag):
    """Return the greatest autocorrelation of a picture beyond `lag` nodes."""
    x = picture - picture.mean()
    n = len(x)
    wide = np.zeros((2 * n, 2 * n))
    wide[:n, :n] = x
    power = np.abs(np.fft.fft2(wide)) ** 2
    found = np.fft.ifft2(power).real
    i, j = np.meshgrid(*[np.minimum(np.arange(2 * n), 2 * n - np.arange(2 * n))] * 2, indexing="ij")
    overlap = (n - np.minimum(i, n)) * (n - np.minimum(j, n))
    use = (np.hypot(i, j) > lag) & (i < n // 2) & (j < n // 2)
    return float((found[use] / overlap[use]).max() / x.var())


def test_the_ground_repeats_nowhere(levels):
    seen = _seen(levels[2])
    seen = seen - gaussian_filter(seen, 12)
    assert _repeats(seen, 40) < 0.08
    # Seen to find what does repeat.
    tile = seen[300:556, 300:556]
    assert _repeats(np.tile(tile, (4, 4)), 40) > 0.9


@pytest.mark.parametrize("pair", [(1, 2), (2, 3), (3, 4)])
def test_one_level_goes_over_into_the_next_without_popping(levels, pair):
    coarse, fine = (levels[k] for k in pair)
    ratio = round(coarse.cell_m / fine.cell_m)
    seen = _seen(fine)
    at = [
        round((f - c) / coarse.cell_m) for f, c in zip(fine.origin_m, coarse.origin_m, strict=True)
    ]
    n = len(seen) // ratio
    # Blocks about the coarse nodes, as a pixel of the coarse level's width averages them.
    half = ratio // 2
    blocks = seen[ratio - half : ratio - half + (n - 2) * ratio, :]
    blocks = blocks[:, ratio - half : ratio - half + (n - 2) * ratio]
    mine = blocks.reshape(n - 2, ratio, n - 2, ratio).mean(axis=(1, 3))
    theirs = _seen(coarse)[at[1] + 1 : at[1] + n - 1, at[0] + 1 : at[0] + n - 1]
    change = mine / np.maximum(theirs, 1e-4) - 1
    assert abs(np.median(change)) < 0.03
    assert np.median(np.abs(change)) < 0.065
    assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.7


def _height_at(levels, x, y):
    out = np.full(x.shape, np.nan)
    for level in levels[:3]:
        n = len(level.height_m)
        u, v = ((w - o) / level.cell_m for w, o in zip((x, y), level.origin_m, strict=True))
        inside = (u >= 0) & (v >= 0) & (u < n - 1) & (v < n - 1)
        i, j = (np.where(inside, w, 0).round().astype(int) for w in (v, u))
        out = np.where(inside, level.height_m[i, j], out)
    return out


def test_where_no_sun_comes_the_sky_is_as_open_as_the_horizon_says(levels):
    """Eight ways and three distances on each grid, against 24 profiles out to 4 km."""
    level = levels[2]
    word = level.texels
    dark = (word[..., 0] & 4095) < 20
    dark[:30] = dark[-30:] = dark[:, :30] = dark[:, -30:] = False
    i, j = np.nonzero(dark)
    chosen = np.random.default_rng(0).choice(len(i), 500, replace=False)
    i, j = i[chosen], j[chosen]
    x, y = level.origin_m[0] + j * level.cell_m, level.origin_m[1] + i * level.cell_m
    open_share = np.zeros(len(i))
    for turn in np.arange(24) * 2 * np.pi / 24:
        highest = np.zeros(len(i))
        for far in np.geomspace(1.5 * level.cell_m, 4000.0, 32):
            top = _height_at(levels, x + far * np.cos(turn), y + far * np.sin(turn))
            highest = np.fmax(highest, (top - level.height_m[i, j]) / far)
        open_share += 1 / (1 + highest**2) / 24
    ratio = (word[i, j, 1] >> 24) / 255.0 / open_share
    assert np.median(ratio) == pytest.approx(1.0, abs=0.06)
    assert np.percentile(ratio, 10) > 0.8
