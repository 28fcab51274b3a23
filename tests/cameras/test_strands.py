"""Cords thinner and broader than a photosite: what covers a picture, and how round they look."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.cameras.cords import Ropes
from skycrane.cameras.optics import Lens
from skycrane.cameras.strand_set import StrandSet, shows_cords
from skycrane.cameras.strands import Cord, Strands, cord_at
from skycrane.vehicle.bridles import BridleSurface

WIDTH, HEIGHT, FX = 160, 128, 200.0


@wp.kernel(enable_backward=False)
def _cover(
    s: Strands,
    fx: float,
    far: float,
    cover: wp.array2d(dtype=float),
    across: wp.array2d(dtype=float),
):
    i, j = wp.tid()
    cell = wp.vec2(1.0 / fx, 1.0 / fx)
    at = wp.vec2(
        (float(j) - 0.5 * float(cover.shape[1] - 1)) / fx,
        (float(i) - 0.5 * float(cover.shape[0] - 1)) / fx,
    )
    met = Cord()
    met = cord_at(s, i, j, at, wp.vec3(0.0, 0.0, 0.0), cell, far)
    cover[i, j] = met.cover
    across[i, j] = met.across


@wp.kernel(enable_backward=False)
def _cover_of(s: Strands, fx: float, at: wp.array2d(dtype=wp.vec2), cover: wp.array2d(dtype=float)):
    i, j = wp.tid()
    cell = wp.vec2(1.0 / fx, 1.0 / fx)
    cover[i, j] = cord_at(s, i, j, at[i, j], wp.vec3(0.0, 0.0, 0.0), cell, 1.0e4).cover


def lens():
    return Lens(WIDTH, HEIGHT, FX, FX, (WIDTH - 1) / 2, (HEIGHT - 1) / 2, (0.0,) * 5)


def drawn(paths, radius_m, *, far_m=1e4):
    strands = StrandSet("cpu")
    ropes = Ropes([np.array(p, float) for p in paths], [radius_m] * len(paths), [1] * len(paths))
    strands.place(None, ropes, eye_m=np.zeros(3), turn=np.eye(3), lens=lens())
    cover = wp.zeros((HEIGHT, WIDTH), dtype=float, device="cpu")
    across = wp.zeros((HEIGHT, WIDTH), dtype=float, device="cpu")
    wp.launch(_cover, (HEIGHT, WIDTH), [strands.data, FX, far_m, cover, across], device="cpu")
    return cover.numpy().astype(float), across.numpy()


def across_picture(angle_deg, depth_m=10.0, shift_px=0.0):
    """Return ends of a line through the whole picture, at an angle from its rows."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    middle = np.array([-s, c]) * shift_px / FX * depth_m
    reach = 8.0
    return [
        [*(middle - reach * np.array([c, s])), depth_m],
        [*(middle + reach * np.array([c, s])), depth_m],
    ]


@pytest.mark.parametrize("angle_deg", [0.0, 3.0, 17.0, 33.0, 45.0, 61.0, 88.0])
@pytest.mark.parametrize("wide_px", [0.05, 0.3, 2.6])
def test_a_thin_cord_has_no_dashes(angle_deg, wide_px):
    # Sums over the columns (or rows) that it crosses all give the same: its width over the cosine.
    radius = 0.5 * wide_px * 10.0 / FX
    steep = angle_deg > 45.0
    for shift in (0.0, 0.21, 0.5):
        cover, _ = drawn([across_picture(angle_deg, shift_px=shift)], radius)
        sums = cover.sum(axis=1 if steep else 0)[20:-20]
        slant = np.sin(np.radians(angle_deg)) if steep else np.cos(np.radians(angle_deg))
        seen = sums[sums > 0.5 * sums.max()] if steep else sums
        assert len(seen) > 40
        assert seen == pytest.approx(wide_px / slant, rel=0.02)


def test_pieces_that_meet_are_one_cord():
    straight = np.array(across_picture(27.0))
    parts = straight[0] + np.linspace(0, 1, 23)[:, None] * (straight[1] - straight[0])
    whole, _ = drawn([straight], 0.02)
    pieces, _ = drawn([parts], 0.02)
    assert np.abs(whole - pieces).max() < 0.02


def test_two_cords_hide_as_much_as_chance_has_it():
    one, _ = drawn([across_picture(30.0)], 0.01)
    both, _ = drawn([across_picture(30.0), across_picture(30.0, shift_px=0.3)], 0.01)
    assert one.max() < both.max() < 2 * one.max()
    assert both.sum() == pytest.approx(2 * one.sum(), rel=0.25)


def test_a_broad_cord_has_two_sides_and_is_hidden_by_what_is_nearer():
    cover, across = drawn([across_picture(0.0)], 0.5)
    column = across[:, WIDTH // 2]
    inside = cover[:, WIDTH // 2] > 0.99
    assert inside.sum() == pytest.approx(2 * 0.5 / 10.0 * FX, abs=2)
    step = np.diff(column[inside])
    assert np.all(step > 0) or np.all(step < 0)
    assert np.ptp(column[inside]) > 1.7
    assert drawn([across_picture(0.0)], 0.5, far_m=9.0)[0].max() == 0.0


def test_a_cord_that_passes_the_eye_gets_broader_toward_it():
    cover, _ = drawn([[[0.3, 0.2, -5.0], [-1.0, 0.1, 20.0]]], 0.02)
    rows = cover.sum(axis=1)
    lit = np.flatnonzero(rows > 0.0)
    assert rows[lit[-5]] > 5 * rows[lit[5]]


def test_tiles_list_every_cord_that_is_drawn_in_them():
    glass = Lens(WIDTH, HEIGHT, FX, FX, 80.0, 63.0, (-0.25, 0.08, 0.0, 0.0, 0.0))
    rng = np.random.default_rng(2)
    ends = rng.uniform([-6, -5, -1], [6, 5, 12], (60, 2, 3))
    radius = rng.choice([0.003, 0.05, 0.4], 60)
    strands = StrandSet("cpu")
    lines = (ends[:, 0], ends[:, 1], radius)
    strands.place(lines, None, eye_m=np.zeros(3), turn=np.eye(3), lens=glass)
    plane = glass.undistort((np.indices((HEIGHT, WIDTH)).transpose(1, 2, 0)[..., ::-1]
                             - [glass.cx, glass.cy]) / FX)  # fmt: skip
    at = wp.array(plane.astype(np.float32), dtype=wp.vec2, device="cpu")
    seen = []
    listed = strands.data.first
    everything = np.broadcast_to(np.argsort(-radius, kind="stable"), (*listed.shape[:2], 60))
    for first in (listed, wp.array(everything.astype(np.int16), dtype=wp.int16, device="cpu")):
        strands.data.first = first
        cover = wp.zeros((HEIGHT, WIDTH), dtype=float, device="cpu")
        wp.launch(_cover_of, (HEIGHT, WIDTH), [strands.data, FX, at, cover], device="cpu")
        seen.append(cover.numpy())
    assert 0.1 < (seen[0] > 0).mean() < 0.95
    assert (listed.numpy() >= 0).sum() < 0.3 * everything.size
    assert np.array_equal(*seen)


def test_paths_of_the_bridles_are_their_middles(mission):
    surface = BridleSurface(mission.shape.bridles)
    shape = surface.shape(rover_position_m=[0.0, 0.0, 7.5], rover_rotation=np.eye(3), payout_m=6.4)
    paths = surface.paths_m(shape)
    section = mission.shape.bridles
    starts = [*section.stage_points_m, section.stage_umbilical_m]
    feet = np.array([*section.rover_points_m, section.rover_umbilical_m])
    ends = feet + np.array([0.0, 0.0, 7.5])
    for path, start, end in zip(paths, starts, ends, strict=True):
        assert path[0] == pytest.approx(start, abs=1e-4)
        assert path[-1] == pytest.approx(end, abs=1e-4)
    # Each corner of the skin lies a half width from its path's nearest point.
    coil = shape.vertices_m[-81 * 7 :].astype(float)
    gaps = np.linalg.norm(coil[:, None] - paths[3][None], axis=2).min(axis=1)
    assert gaps == pytest.approx(section.umbilical_radius_m, abs=2e-3)


def test_a_coarse_look_has_no_cords():
    assert shows_cords(lens())
    assert not shows_cords(lens().scaled(40, 32))
