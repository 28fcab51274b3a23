"""What is finer than the grids: slopes against differences, shadows against plane geometry."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.cameras.relief import fine_relief, noise2_slope, pebble_at
from skycrane.mars.noise import noise2


@wp.kernel
def _slopes(places: wp.array(dtype=wp.vec2), out: wp.array(dtype=wp.vec4)):
    i = wp.tid()
    p = places[i]
    e = 0.005
    east = (noise2(p[0] + e, p[1], 7) - noise2(p[0] - e, p[1], 7)) / (2.0 * e)
    north = (noise2(p[0], p[1] + e, 7) - noise2(p[0], p[1] - e, 7)) / (2.0 * e)
    exact = noise2_slope(p[0], p[1], 7)
    out[i] = wp.vec4(east, north, exact[0], exact[1])


def test_slope_is_the_noises_own():
    places = np.random.default_rng(1).uniform(-40, 40, (500, 2)).astype(np.float32)
    out = wp.zeros(500, dtype=wp.vec4, device="cpu")
    given = wp.array(places, dtype=wp.vec2, device="cpu")
    wp.launch(_slopes, dim=500, inputs=[given, out], device="cpu")
    found = out.numpy()
    assert found[:, 2:].std() > 0.5
    assert found[:, 2:] == pytest.approx(found[:, :2], abs=0.02)


@wp.kernel
def _pebbles(cell: float, sun: wp.vec3, out: wp.array2d(dtype=wp.vec4)):
    i, j = wp.tid()
    p = pebble_at(float(j) * cell, float(i) * cell, 1.0, 0.06, sun, 5)
    out[i, j] = wp.vec4(p.lit, p.share, p.slope[0], p.slope[1])


@wp.kernel
def _fine(step: float, foot: float, out: wp.array2d(dtype=wp.vec4)):
    i, j = wp.tid()
    sun = wp.vec3(-0.6, 0.0, 0.8)
    f = fine_relief(float(j) * step, float(i) * step, 0.005, foot, sun, 3)
    out[i, j] = wp.vec4(f.slope[0], f.slope[1], f.lit, f.share)


def _evaluated(kernel, n, *inputs):
    out = wp.zeros((n, n), dtype=wp.vec4, device="cpu")
    wp.launch(kernel, dim=(n, n), inputs=[*inputs, out], device="cpu")
    return np.moveaxis(out.numpy().astype(float), -1, 0)


STEP = 0.05


def _lit_from(elevation_deg):
    """Return (lit, share, slope east, slope north) of pebbles 1 across, the sun in the west."""
    e = np.deg2rad(elevation_deg)
    return _evaluated(_pebbles, 1500, STEP, wp.vec3(-np.cos(e), 0.0, np.sin(e)))


def _beyond(elevation_deg):
    """Return the shadow of half ellipsoids beyond their outline, over what they cover."""
    rng = np.random.default_rng(2)
    tall, wide, turn = (
        rng.uniform(0.35, 0.75, 9999),
        rng.uniform(0.55, 1, 9999),
        rng.uniform(0, 7, 9999),
    )
    # On the plane the shadow of an ellipsoid is an ellipse, longer than its base along the sun.
    along = np.hypot(np.cos(turn), wide * np.sin(turn))
    longer = np.sqrt(1 + (tall / np.tan(np.deg2rad(elevation_deg)) / along) ** 2)
    return np.mean(wide * 0.5 * (longer - 1)) / np.mean(wide)


@pytest.mark.parametrize("elevation_deg", [30.0, 40.0, 50.0])
def test_shadows_are_as_long_as_plane_geometry_has_them(elevation_deg):
    lit, share, _, _ = _lit_from(elevation_deg)
    stone = share > 0.5
    shadow = (lit < 0.5) & ~stone
    # Uneven sides leave part of the ellipsoid out, so that its shadow begins on its own slope.
    assert shadow.sum() / stone.sum() == pytest.approx(_beyond(elevation_deg), rel=0.5)
    # Towards the sun from a shadow stands its pebble, the other way none.
    back = np.zeros_like(stone)
    front = np.zeros_like(stone)
    for k in range(1, 16):
        back |= np.roll(stone, k, axis=1)
        front |= np.roll(stone, -k, axis=1)
    assert back[shadow].mean() > 0.9
    assert front[shadow].mean() < 0.5


def test_pebbles_slope_to_the_sun_on_the_side_that_faces_it():
    _, share, east, _ = _lit_from(40.0)
    stone = share > 0.5
    west_edge = stone & ~np.roll(stone, 4, axis=1)
    east_edge = stone & ~np.roll(stone, -4, axis=1)
    # Rising eastward on the western side.
    assert east[west_edge].mean() > 0.2
    assert east[east_edge].mean() < -0.2


def test_detail_fades_in_with_the_footprint():
    step, n = 0.00037, 600
    # At half a cell no pebble that grids leave out is wide enough to tell.
    wide = _evaluated(_fine, n, step, 0.0036)
    assert (wide[2] == 1.0).all()
    assert (wide[3] == 0.0).all()
    near = _evaluated(_fine, n, step, 0.0002)
    assert 0.03 < (near[3] > 0.5).mean() < 0.4
    for foot in np.geomspace(0.0003, 0.0034, 9):
        a, b = (_evaluated(_fine, n, step, f) for f in (foot, 1.01 * foot))
        # A hundredth of a footprint changes nothing by much.
        assert np.abs(a[2] - b[2]).max() < 0.06, foot
        assert np.abs(a[3] - b[3]).max() < 0.06, foot
