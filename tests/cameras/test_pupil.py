"""The entrance pupil that moves: film and truth start their rays where the published model does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import warp as wp
from scipy.spatial.transform import Rotation
from test_cahvore import LVS, _by_geometry
from truth_builders import SLOPE, Place, looking_down, sphere

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.optics import lens_of
from skycrane.cameras.pupil import Pupil, pupil_of, pupil_start
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.truth_about import BODY_IDS, intrinsics_of
from skycrane.cameras.truth_frame import truth_of
from skycrane.mars.regolith import regolith_of
from skycrane.mars.sky import air_of

SUN = (0.5, 0.3, 0.6)
ROVER = BODY_IDS["rover"]


@pytest.fixture(scope="module")
def glass(mission):
    """The landing-vision camera, read out coarsely."""
    return lens_of(mission.cameras["lvs"], 8)


@pytest.fixture(scope="module")
def near(mission):
    """A ball of 0.2 m over a tilted plane, with air and ground for the footage."""
    place = Place(mission, SUN, {"rover": sphere(0.2)})
    place.air = air_of(mission, place.sun, sun_distance_au=1.6)
    place.regolith = regolith_of(mission)
    return place


def _published_rays(height, width):
    """Return origins and directions of every photosite in the optical frame, by the equations.

    Written anew after Gennery (2006) from the vectors as published: the angle of a ray by
    bisection on chi's polynomial, the pupil by its own equation.
    """
    a, h, v, o = (np.array(LVS[k]) for k in "ahvo")
    scale = 1024 / width
    columns, rows = (
        (x + 0.5) * scale - 0.5 for x in np.meshgrid(np.arange(width), np.arange(height))
    )
    seen = np.cross(v - rows[..., None] * a, h - columns[..., None] * a)
    seen /= (seen @ o)[..., None]
    across = seen - o
    bent = np.linalg.norm(across, axis=-1)
    low, high = np.zeros_like(bent), bent.copy() + 0.1
    for _ in range(60):
        t = (low + high) / 2
        more = t * (1 + sum(k * t ** (2 * i) for i, k in enumerate(LVS["r"]))) > bent
        low, high = np.where(more, low, t), np.where(more, t, high)
    side = across / bent[..., None]
    direction = np.cos(t)[..., None] * o + np.sin(t)[..., None] * side
    moved = (t / np.sin(t) - 1) * sum(k * t ** (2 * i) for i, k in enumerate(LVS["e"]))
    z = a / np.linalg.norm(a)
    x = h - z * (z @ h)
    x /= np.linalg.norm(x)
    turn = np.array([x, np.cross(z, x), z])
    return (moved[..., None] * o) @ turn.T, direction @ turn.T


def test_the_kernels_pupil_is_the_published_one(glass):
    assert glass.pupil[1] == LVS["e"]

    @wp.kernel
    def starts(pupil: Pupil, d: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.vec3)):
        k = wp.tid()
        out[k] = pupil_start(pupil, d[k])

    origins, directions = _published_rays(glass.height, glass.width)
    d = wp.array(directions.reshape(-1, 3).astype(np.float32), dtype=wp.vec3)
    out = wp.zeros_like(d)
    wp.launch(starts, dim=len(d), inputs=[pupil_of(glass), d, out])
    assert np.abs(out.numpy() - origins.reshape(-1, 3)).max() < 1e-7
    assert 3e-3 < np.linalg.norm(origins, axis=-1).max() < 4e-3
    assert glass.pupil_reach_m >= np.linalg.norm(origins, axis=-1).max()
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    assert np.abs(glass.starts_m(np.stack([columns, rows], -1)) - origins).max() < 2e-8
    assert intrinsics_of(glass)["cahvore"]["e"] == list(LVS["e"])


def test_near_points_are_drawn_where_the_published_model_draws_them(mission):
    lens = lens_of(mission.cameras["lvs"])
    rng = np.random.default_rng(5)
    points = rng.uniform([-0.3, -0.3, 0.3], [0.3, 0.3, 0.6], (40, 3))
    a, h = np.array(LVS["a"]), np.array(LVS["h"])
    z = a / np.linalg.norm(a)
    x = h - z * (z @ h)
    x /= np.linalg.norm(x)
    published = points @ np.array([x, np.cross(z, x), z]) + LVS["c"]
    expected = np.array([_by_geometry(LVS, p) for p in published])
    assert np.abs(lens.project_points(points) - expected).max() < 1e-3
    # Were they far, they would be drawn elsewhere.
    assert np.abs(lens.project(points) - expected).max() > 0.3
    starts = lens.starts_m(expected)
    assert np.abs(lens.seen_from_m(points) - starts).max() < 1e-7
    away = points - starts
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    assert np.abs(away - lens.directions(expected)).max() < 1e-6


def _near_view(place, at=(0.28, 0.2, 0.55), eye=(0.0, 0.0, 1.0), yaw=0.0):
    poses = {"rover": (np.array(at), Rotation.from_euler("z", 10, degrees=True))}
    return place.view(place.moment(poses), np.array(eye), looking_down(yaw))


def test_truth_and_film_meet_what_the_published_rays_meet(near, glass):
    """A ball and ground within a metre: half a millimetre there is a tenth of a photosite."""
    view = _near_view(near)
    renderer = Renderer(near, workers=1)
    truth = truth_of(renderer, glass, view, None, ("depth", "body"))
    origins, directions = _published_rays(glass.height, glass.width)
    o = view.pose.eye_m + origins @ view.pose.turn.T
    d = directions @ view.pose.turn.T
    ground = truth.body == 1
    x, y, z = (o + d * truth.depth_m.astype(float)[..., None])[ground].T
    assert np.abs(z - SLOPE[0] * x - SLOPE[1] * y).max() < 2e-6
    on = truth.body == ROVER
    centre = view.moment.origin_m[SURFACES.index("rover")]
    to = centre - o
    along = np.sum(to * d, -1)
    inside = 0.2**2 - (np.sum(to * to, -1) - along**2)
    expected = along - np.sqrt(np.maximum(inside, 0))
    clear = np.abs(inside) > 2e-4  # facets of 0.2 m / 30 at the rim
    assert on.sum() > 500
    assert ((inside > 0) == on)[clear].all()
    met = on & (inside > 4e-3)
    error = np.abs(truth.depth_m - expected)[met]
    assert error.max() < 2e-4  # facets
    # From the optical centre it would be off by far more.
    still = truth_of(renderer, _still(glass), view, None, ("depth", "body"))
    assert np.abs(still.depth_m - truth.depth_m)[met & (still.body == ROVER)].max() > 5e-4
    _, depth, body = renderer.light(view.moment, view.pose, glass, jitter=0.0, truth=True)
    same = body.numpy() == truth.body
    assert (~same).sum() <= 2
    # A tile's four rays share their start: so coarsely read out, half a millimetre in the corners.
    same &= (truth.body == 1) | met
    gap = np.abs(depth.numpy() - truth.depth_m)[same]
    print(f"film beside truth: {1e3 * np.median(gap):.3f} mm, at most {1e3 * gap.max():.2f} mm")
    assert np.median(gap) < 2e-5
    assert gap.max() < 6e-4


def _still(glass):
    """Return the lens without its pupil's movement."""
    return replace(glass, model=replace(glass.model, e=(0.0, 0.0, 0.0)))


def test_flow_through_a_pupil_that_moves(near, glass):
    now = _near_view(near)
    later = _near_view(near, at=(0.25, 0.22, 0.56), eye=(0.02, -0.03, 0.97), yaw=4.0)
    truth = truth_of(Renderer(near, workers=1), glass, now, later, ("depth", "body", "flow"))
    origins, directions = _published_rays(glass.height, glass.width)
    points = origins + directions * truth.depth_m.astype(float)[..., None]
    points = now.pose.eye_m + points @ now.pose.turn.T
    k = SURFACES.index("rover")
    points[truth.body == ROVER] += later.moment.origin_m[k] - now.moment.origin_m[k]
    pixel = glass.project_points((points - later.pose.eye_m) @ later.pose.turn)
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    error = np.linalg.norm(truth.flow_px + np.stack([columns, rows], -1) - pixel, axis=-1)
    seen = np.isfinite(error)
    assert seen.mean() > 0.6
    assert (seen & (truth.body == ROVER)).sum() > 300
    assert error[seen].max() < 0.01
    far = glass.project((points - later.pose.eye_m) @ later.pose.turn)
    assert np.linalg.norm(far - pixel, axis=-1)[seen].max() > 0.03


def test_cords_near_a_pupil_that_moves(near, glass):
    """One runs on far beyond the picture, where E's polynomial means nothing."""
    start, end = np.array([[-0.5, -0.2, 0.6]]), np.array([[0.6, -0.12, 0.75]])
    cords = start, end, np.array([0.02])
    view = near.view(near.moment({}, cords=cords), np.array([0.0, 0.0, 1.0]), looking_down())
    renderer = Renderer(near, workers=1)
    truth = truth_of(renderer, glass, view, None, ("depth", "body"))
    on = truth.body == BODY_IDS["parachute"]
    assert on.sum() > 400
    origins, directions = _published_rays(glass.height, glass.width)
    o, d = view.pose.eye_m + origins @ view.pose.turn.T, directions @ view.pose.turn.T
    gap = _past(o, d, start[0], (end - start)[0])
    # On both sides of the cord's middle as many photosites; without the pupil it lies a millimetre
    # to one side.
    middle = np.array([gap[on[:, c], c].mean() for c in range(16, 112)])
    aside = _past(view.pose.eye_m, d, start[0], (end - start)[0])
    off = np.array([(gap - aside)[on[:, c], c].mean() for c in range(16, 112)])
    print(f"a cord's middle: {1e3 * middle.mean():.2f} mm off, {1e3 * off.mean():.2f} mm moved")
    assert abs(middle.mean()) < 0.25 * abs(off.mean())
    assert abs(off.mean()) > 7e-4
    _, depth, body = renderer.light(view.moment, view.pose, glass, jitter=0.0, truth=True)
    same = on & (body.numpy() == truth.body)
    assert (on & ~same).sum() <= 2
    assert np.median(np.abs(depth.numpy() - truth.depth_m)[same]) < 1e-4


def _past(o, d, start, whole):
    """Return by how much rays pass a line aside, signed, m."""
    across = np.cross(d, whole)
    return np.sum(across * (start - o), -1) / np.linalg.norm(across, axis=-1)
