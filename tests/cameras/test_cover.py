"""Tiles in which a surface may be seen: all that its triangles are drawn in, and few more."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy.spatial.transform import Rotation
from truth_builders import Place, looking_down, sphere

from skycrane.cameras.cover import TILE, chart_of, cover_kernel
from skycrane.cameras.optics import Lens, lens_of
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.truth_about import BODY_IDS
from skycrane.cameras.truth_frame import truth_of
from skycrane.compute import start_warp

start_warp()
BENT = Lens(640, 512, 420.0, 420.0, 321.0, 254.0, (-0.21, 0.06, 1e-3, -5e-4, 0.0))


def _marked(glass, points, triangles):
    """Return which tiles the kernel marks, for points in the optical frame."""
    tiles = wp.zeros((-(-glass.height // TILE), -(-glass.width // TILE)), dtype=int, device="cpu")
    inputs = [
        0,
        chart_of(glass, "cpu"),
        wp.array(points.astype(np.float32), dtype=wp.vec3, device="cpu"),
        wp.array(triangles.astype(np.int32), dtype=int, device="cpu"),
        wp.mat33(*np.eye(3).ravel()),
        wp.vec3(0.0, 0.0, 0.0),
        1,
        tiles,
    ]
    wp.launch(cover_kernel, dim=(len(triangles), 1), inputs=inputs, device="cpu")
    return tiles.numpy() != 0


def _drawn(glass, points, triangles, shape):
    """Return the tiles that points all over the triangles are drawn in, one by one."""
    side = np.linspace(0, 1, 220)
    u, v = (x.ravel() for x in np.meshgrid(side, side))
    weights = np.stack([u, v, 1 - u - v], axis=-1)[u + v <= 1]
    seen = np.zeros(shape, bool)
    for corners in points[triangles]:
        inside = weights @ corners
        inside = inside[inside[:, 2] > 0.05]
        # Far aside a lens's polynomial comes back into the picture.
        inside = inside[(np.abs(inside[:, :2]) < 1.15 * glass.half_extent * inside[:, 2:]).all(1)]
        pixel = glass.project(inside)
        size = [glass.width, glass.height]
        pixel = pixel[((pixel > -0.5) & (pixel < np.array(size) - 0.5)).all(axis=1)]
        column, row = (np.rint(pixel).astype(int) // TILE).T
        seen[row, column] = True
    return seen


@pytest.mark.parametrize("name", ["bent", "lvs"])
def test_large_and_thin_triangles_mark_where_they_are_drawn(mission, name):
    glass = BENT if name == "bent" else lens_of(mission.cameras["lvs"])
    rng = np.random.default_rng(5)
    few = 0.0
    for depth in (2.0, 9.0, 60.0):
        for _ in range(12):
            middle = np.array([*rng.uniform(-0.6, 0.6, 2) * depth, depth])
            points = middle + rng.uniform(-0.7, 0.7, (3, 3)) * depth
            # A sliver: two corners close together.
            points[2] = points[1] + rng.uniform(-0.02, 0.02, 3) * depth
            triangles = np.array([[0, 1, 2]])
            marked = _marked(glass, points, triangles)
            drawn = _drawn(glass, points, triangles, marked.shape)
            assert not (drawn & ~marked).any()
            few += marked.mean() / 36
    # A sphere around a sliver 0.7 of the depth long would mark most of the picture.
    assert few < 0.25


def test_what_passes_the_camera_counts_everywhere_and_what_is_behind_nowhere():
    passing = np.array([[0.5, 0.5, -1.0], [0.4, 0.5, 3.0], [0.5, 0.4, 3.0]])
    assert _marked(BENT, passing, np.array([[0, 1, 2]])).all()
    assert not _marked(BENT, passing - [0, 0, 5.0], np.array([[0, 1, 2]])).any()


@pytest.mark.parametrize(
    ("field_deg", "k1"), [(175.0, 0.0), (110.0, 0.0), (0.0, -0.28), (0.0, 0.6)]
)
def test_bodies_at_the_edge_of_a_wide_field_are_drawn(mission, field_deg, k1):
    """Up to a ray's own angle; the chart has to go as far as the lens."""
    width, height = 320, 240
    focal = width / 2 / np.tan(np.radians(field_deg / 2)) if field_deg else 165.0
    glass = Lens(
        width, height, focal, focal, 159.5, 119.5, (k1, 0.07 if k1 < 0 else 0.0, 0.0, 0.0, 0.0)
    )
    place = Place(mission, (0.5, 0.3, 0.6), {"rover": sphere(0.3)})
    eye = np.array([0.0, 0.0, 5.0])
    outermost = np.arctan(glass.half_extent[0])
    at = eye + 3 * np.array([np.sin(outermost - 0.08), 0.0, -np.cos(outermost - 0.08)])
    view = place.view(place.moment({"rover": (at, Rotation.identity())}), eye, looking_down())
    truth = truth_of(Renderer(place), glass, view, None, ("body",))
    rays = glass.grid() @ view.pose.turn.T
    along = rays @ (at - eye)
    met = ((at - eye) @ (at - eye) - along**2 < 0.3**2) & (along > 0)
    assert met.sum() > 100
    assert (truth.body == BODY_IDS["rover"]).sum() == pytest.approx(met.sum(), rel=0.01, abs=3)
