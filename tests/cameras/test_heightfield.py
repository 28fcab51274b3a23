"""Rays against the ground: brute force, curvature, and what is baked into it."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.cameras.heightfield import Ground, ground_of, trace_ground
from skycrane.mars.terrain import Level
from skycrane.mars.terrain_light import Relief, bake, unpack_light

COUNT, CELL, RADIUS = 256, 4.0, 3.39e6


@wp.kernel
def _trace(
    ground: Ground,
    origins: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    cone: float,
    out: wp.array(dtype=float),
):
    i = wp.tid()
    out[i] = trace_ground(ground, origins[i], directions[i], cone, 1.0e5)


@wp.kernel
def _unpack(texels: wp.array2d(dtype=wp.vec2ui), out: wp.array2d(dtype=wp.vec3)):
    i, j = wp.tid()
    out[i, j] = unpack_light(texels[i, j][0])


def _level(height, cell=CELL, texels=None):
    n = len(height)
    origin = (-cell * n / 2, -cell * n / 2)
    if texels is None:
        texels = np.zeros((n, n, 2), np.uint32)
    return Level(cell, origin, height.astype(np.float32), texels)


def _rough(seed=3):
    random = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(random.standard_normal((COUNT, COUNT)))
    k = np.hypot(np.fft.fftfreq(COUNT)[:, None], np.fft.rfftfreq(COUNT)[None, :])
    spectrum *= np.where(k > 0, np.maximum(k, 1e-3) ** -1.8, 0)
    h = np.fft.irfft2(spectrum, s=(COUNT, COUNT))
    return 25 * h / h.std()


def _shoot(ground, origins, directions, cone=1e-6):
    out = wp.zeros(len(origins), dtype=float, device="cpu")
    inputs = [
        ground,
        wp.array(np.asarray(origins, np.float32), dtype=wp.vec3, device="cpu"),
        wp.array(np.asarray(directions, np.float32), dtype=wp.vec3, device="cpu"),
        cone,
        out,
    ]
    wp.launch(_trace, dim=len(origins), inputs=inputs, device="cpu")
    return out.numpy()


def _brute(height, o, d, step=0.02, far=900.0):
    t = np.arange(0, far, step)
    p = o + d * t[:, None]
    g = (p[:, :2] + CELL * COUNT / 2) / CELL
    ok = (g > 2).all(axis=1) & (g < COUNT - 3).all(axis=1)
    j, i = np.floor(g[ok]).astype(int).T
    u, v = (g[ok] - np.stack([j, i], 1)).T
    h = (height[i, j] * (1 - u) + height[i, j + 1] * u) * (1 - v) + (
        height[i + 1, j] * (1 - u) + height[i + 1, j + 1] * u
    ) * v
    z = p[ok, 2] + (p[ok, 0] ** 2 + p[ok, 1] ** 2) / (2 * RADIUS)
    under = np.flatnonzero(z <= h)
    return t[ok][under[0]] if len(under) else -1.0


def test_against_brute_force():
    height = _rough()
    ground = ground_of([_level(height)], (0.0, 0.0), RADIUS)
    random = np.random.default_rng(7)
    origins = np.column_stack([random.uniform(-250, 250, (60, 2)), random.uniform(90, 160, 60)])
    d = np.column_stack([random.normal(size=(60, 2)), random.uniform(-1.5, 0.02, 60)])
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    d = d.astype(np.float32).astype(float)
    found = _shoot(ground, origins, d)
    expected = np.array(
        [_brute(height.astype(np.float32), o, e) for o, e in zip(origins, d, strict=True)]
    )
    assert (expected > 0).sum() > 30
    assert np.abs(found - expected)[expected > 0].max() < 0.06
    assert (found[expected < 0] < 0).all()


def test_finer_level_is_met_where_it_lies():
    coarse = _level(np.zeros((COUNT, COUNT)))
    fine = _level(np.full((COUNT, COUNT), 5.0), cell=0.5)
    ground = ground_of([coarse, fine], (0.0, 0.0), RADIUS)
    down = [[0.0, 0.0, -1.0]] * 2
    t = _shoot(ground, [[0.0, 0.0, 50.0], [300.0, 0.0, 50.0]], down)
    assert t == pytest.approx([45.0, 50.0], abs=0.02)
    # From far off a pixel is wider than the fine cells, and the coarse level is taken.
    assert _shoot(ground, [[0.0, 0.0, 50.0]], down[:1], cone=0.1)[0] == pytest.approx(50, abs=0.02)


def test_planet_curves_away():
    ground = ground_of([_level(np.zeros((COUNT, COUNT)), cell=160.0)], (0.0, 0.0), RADIUS)
    eye, dip = 100.0, np.sqrt(2 * 100.0 / RADIUS)
    start = [[-15e3, 0.0, eye - 15e3**2 / (2 * RADIUS)]] * 2
    # Directions level at the eye's own place: turned by the angle from the origin.
    turn = 15e3 / RADIUS
    tilt = [[np.cos(a - turn), 0.0, -np.sin(a - turn)] for a in (0.97 * dip, 1.05 * dip)]
    t = _shoot(ground, start, tilt)
    assert t[0] == -1.0
    assert t[1] == pytest.approx(np.sqrt(2 * eye * RADIUS), rel=0.4)


def _relief(level, first):
    relief = Relief()
    relief.x0, relief.y0 = level.origin_m
    relief.cell, relief.count, relief.first = level.cell_m, len(level.height_m), first
    relief.top = float(level.height_m.max())
    return relief


def _sunlight(levels, sun):
    """Return the sunlight that the last of the levels receives, past relief of them all."""
    device = {"device": "cpu"}
    first = np.cumsum([0] + [x.height_m.size for x in levels])
    reliefs = [_relief(x, int(f)) for x, f in zip(levels, first, strict=False)]
    heights = np.concatenate([x.height_m.ravel() for x in levels])
    parent = wp.zeros((1, 1), dtype=wp.vec2ui, **device)
    for own, level in enumerate(levels):
        shape = level.height_m.shape
        texels = wp.zeros(shape, dtype=wp.vec2ui, **device)
        inputs = [
            0,
            wp.array(level.height_m, dtype=float, **device),
            wp.full(shape, wp.vec3(0.2, 0.1, 0.05), dtype=wp.vec3, **device),
            wp.array(reliefs, dtype=Relief, **device),
            wp.array(heights, dtype=float, **device),
            own,
            wp.vec3(*sun),
            0.003,
            parent,
            texels,
        ]
        wp.launch(bake, dim=shape, inputs=inputs, **device)
        parent = texels
    light = wp.zeros(shape, dtype=wp.vec3, **device)
    wp.launch(_unpack, dim=shape, inputs=[texels, light], **device)
    return light.numpy()[..., 0]


def test_shadow_falls_away_from_the_sun():
    height = np.zeros((COUNT, COUNT))
    height[120:136, 120:136] = 40.0
    sun = np.array([-np.cos(np.radians(30)), 0.0, np.sin(np.radians(30))])
    row = _sunlight([_level(height)], sun)[128]
    # Open ground receives the sine of the elevation; the shadow is 40 m / tan 30 deg long, east.
    assert row[60] == pytest.approx(0.5, abs=0.002)
    assert row[100] == pytest.approx(0.5, abs=0.002)
    dark = np.flatnonzero(row[136:] < 0.25) + 136
    assert dark.max() - 135 == pytest.approx(40 / np.tan(np.radians(30)) / CELL, abs=2.0)


def test_a_far_edge_throws_a_straight_shadow_with_a_penumbra():
    # A ridge runs aslant beyond the finer grid: its shadow there comes from the coarser one.
    bearing, elevation, fine = np.radians(27), np.radians(22), 0.8
    sun = np.array([-np.cos(elevation), 0.0, np.sin(elevation)])

    def ridge(x, y):
        return 60 * np.exp(-(((x * np.cos(bearing) + y * np.sin(bearing) + 150) / 30) ** 2))

    levels = []
    for cell in (CELL, fine):
        places = (np.arange(COUNT) - COUNT / 2) * cell
        levels.append(_level(ridge(*np.meshgrid(places, places)), cell=cell))
    light = _sunlight(levels, sun)[60:200]
    full = np.sin(elevation)
    # Where the sun's centre rises over the crest, by plane geometry.
    x = np.linspace(-400, -110, 5001)
    rows = places[60:200]
    expected = np.array([np.max(x + ridge(x, y) / np.tan(elevation)) for y in rows])
    edge = []
    for row, near in zip(light, expected, strict=True):
        around = np.abs(places - near) < 8
        edge.append(np.interp(0.5 * full, row[around], places[around]))
    off = np.array(edge) - expected
    assert np.abs(off).max() < 1.5
    assert np.abs(off - np.polyval(np.polyfit(rows, off, 1), rows)).max() < 0.6 * fine
    # The sun's disk is 0.006 rad across, at a slant distance of 160 m, and strikes at a slant.
    soft = (light > 0.05 * full) & (light < 0.9 * full) & (places > expected[:, None] - 10)
    assert 1.2 < soft.sum(axis=1).mean() * fine < 5.0
