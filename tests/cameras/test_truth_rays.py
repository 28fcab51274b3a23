"""The truth of single frames against what geometry says: planes, spheres, shadows, motion."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from truth_builders import HALF_SUN_RAD, SLOPE, Place, lens, looking_down, plate, sphere

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.cords import Ropes
from skycrane.cameras.dust import DustState
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.truth_about import BODY_IDS, MATERIAL_IDS
from skycrane.cameras.truth_frame import pose_of, truth_of
from skycrane.mars.regolith import regolith_of
from skycrane.mars.sky import air_of
from skycrane.vehicle.materials import MATERIALS

ALL = ("depth", "body", "material", "normal", "visibility", "dust", "flow")
SUN = (0.5, 0.3, 0.6)
ROVER = BODY_IDS["rover"]


@pytest.fixture(scope="module")
def ball(mission):
    """A sphere of radius 1 m that stands over a tilted plane."""
    return Place(mission, SUN, {"rover": sphere()})


def _truth(place, now, later=None, channels=ALL, glass=None, workers=1):
    return truth_of(Renderer(place, workers=workers), glass or lens(), now, later, channels)


def _points(view, glass, depth):
    """Return the points seen, local frame: eye plus ray times depth, in double precision."""
    return view.pose.eye_m + (glass.grid() @ view.pose.turn.T) * depth.astype(float)[..., None]


def _view(place, at=(0.0, 0.0, 3.0), eye=(0.4, -0.3, 9.0), yaw=12.0, spin=20.0, **more):
    poses = {"rover": (np.array(at), Rotation.from_euler("xyz", [spin, 5, 30], degrees=True))}
    return place.view(place.moment(poses, **more), np.array(eye), looking_down(yaw, 4.0))


def test_plane_and_sphere_are_met_where_they_are(ball):
    view, glass = _view(ball), lens()
    truth = _truth(ball, view)
    points = _points(view, glass, truth.depth_m)
    on = truth.body == ROVER
    assert on.sum() > 500
    assert np.abs(np.linalg.norm(points[on] - [0, 0, 3], axis=1) - 1).max() < 1e-3  # 96 facets
    x, y, z = points[truth.body == 1].T
    drop = (x**2 + y**2) / (2 * ball.mission.site.radius_m)
    assert np.abs(z + drop - SLOPE[0] * x - SLOPE[1] * y).max() < 2e-5
    assert set(np.unique(truth.body)) == {1, ROVER}
    assert set(np.unique(truth.material)) == {1, MATERIAL_IDS["glass"]}
    assert (truth.material[on] == MATERIAL_IDS["glass"]).all()


def test_normals_are_those_of_plane_and_sphere(ball):
    view, glass = _view(ball), lens()
    truth = _truth(ball, view)
    normal = truth.normal.astype(float) @ view.pose.turn.T
    plane = np.array([-SLOPE[0], -SLOPE[1], 1.0])
    plane /= np.linalg.norm(plane)
    assert np.abs(normal[truth.body == 1] - plane).max() < 1.5e-3  # half precision
    on = truth.body == ROVER
    outward = _points(view, glass, truth.depth_m)[on] - [0, 0, 3]
    error = np.linalg.norm(normal[on] - outward, axis=1)
    assert np.median(error) < 5e-4
    assert error.max() < 0.01  # facets are 0.03 rad wide
    assert (np.sum(truth.normal.astype(float) * glass.grid(), axis=-1) < 0).all()


def test_bodies_stay_in_their_place_at_great_height(mission):
    """Single precision of a height of 10 km is a millimetre; beside the camera that would show."""
    place = Place(mission, SUN, {"rover": sphere()})
    glass = lens()
    eye = np.array([7000.123, -3000.456, 9000.789])
    view = _view(place, at=eye + np.array([0.1, 0.05, -2.5]), eye=eye)
    truth = _truth(place, view)
    on = truth.body == ROVER
    away = (glass.grid() @ view.pose.turn.T) * truth.depth_m.astype(float)[..., None]
    radius = np.linalg.norm(away[on] - [0.1, 0.05, -2.5], axis=1)
    smooth = _truth(place, _view(place, at=(0.1, 0.05, 6.5), eye=(0.0, 0.0, 9.0)))
    assert np.abs(truth.depth_m[on] - smooth.depth_m[on]).max() < 2e-5
    assert np.abs(radius - 1).max() < 1e-3


def test_sky_is_sky(mission):
    place = Place(mission, SUN, {})
    up = place.view(place.moment({}), np.array([0.0, 0, 5]), Rotation.from_euler("x", 0.0))
    truth = _truth(place, up, up)
    assert (truth.depth_m == -1).all()
    assert not truth.body.any()
    assert not truth.material.any()
    for empty in (truth.normal, truth.sun_visibility, truth.flow_px):
        assert np.isnan(empty.astype(float)).all()


def _moved(place):
    now = _view(place)
    later = _view(place, at=(0.3, 0.2, 3.1), eye=(0.5, -0.1, 8.6), yaw=15.0, spin=27.0)
    return now, later


def _expected_flow(now, later, glass, truth):
    """Return the flow by depth and poses alone, in double precision."""
    points = _points(now, glass, truth.depth_m)
    k = SURFACES.index("rover")
    on = truth.body == ROVER
    fixed = (points[on] - now.moment.origin_m[k]) @ now.moment.turn[k]
    points[on] = fixed @ later.moment.turn[k].T + later.moment.origin_m[k]
    pixel = glass.project((points - later.pose.eye_m) @ later.pose.turn)
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    return pixel - np.stack([columns, rows], -1)


def test_flow_is_depth_reprojected_by_the_poses(ball):
    (now, later), glass = _moved(ball), lens()
    truth = _truth(ball, now, later)
    expected = _expected_flow(now, later, glass, truth)
    seen = np.isfinite(truth.flow_px[..., 0])
    assert seen.mean() > 0.75
    error = np.linalg.norm(truth.flow_px[seen] - expected[seen], axis=-1)
    print(f"flow against reprojected depth: at most {error.max():.2e} px")
    assert error.max() < 0.05
    on = truth.body == ROVER
    assert np.linalg.norm(truth.flow_px[seen & on], axis=-1).max() > 3
    # Where there is none, the point is outside the next frame or behind the sphere.
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    at = expected + np.stack([columns, rows], -1)
    inside = ((at > -0.5) & (at < np.array([glass.width, glass.height]) - 0.5)).all(-1)
    assert not (seen & ~inside).any()
    hidden = inside & ~seen
    assert 20 < hidden.sum() < 500
    assert _covered_by_ball(now, later, glass, truth)[hidden & (truth.body == 1)].all()


def _covered_by_ball(now, later, glass, truth):
    """Return of each ground point whether the sphere's image covers it in the next frame."""
    away = _points(now, glass, truth.depth_m) - later.pose.eye_m
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    middle = later.moment.origin_m[SURFACES.index("rover")] - later.pose.eye_m
    along = away @ middle
    return middle @ middle - along**2 < 1.01


def test_the_point_that_flow_leads_to_is_the_same_point(ball):
    (now, later), glass = _moved(ball), lens()
    truth, then = _truth(ball, now, later), _truth(ball, later)
    expected = _points(now, glass, truth.depth_m)
    k = SURFACES.index("rover")
    on = truth.body == ROVER
    fixed = (expected[on] - now.moment.origin_m[k]) @ now.moment.turn[k]
    expected[on] = fixed @ later.moment.turn[k].T + later.moment.origin_m[k]
    there = _points(later, glass, then.depth_m)
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    at = truth.flow_px + np.stack([columns, rows], -1)
    seen = np.isfinite(at[..., 0])
    seen &= (at >= 0).all(-1) & (at <= np.array([glass.width, glass.height]) - 1.001).all(-1)
    low = np.floor(np.where(seen[..., None], at, 0)).astype(int)
    i, j = low[..., 1], low[..., 0]
    v, u = (np.where(seen, at[..., k] - low[..., k], 0)[..., None] for k in (1, 0))
    corners = [then.body[i + a, j + b] for a in (0, 1) for b in (0, 1)]
    same = seen & np.logical_and.reduce([c == truth.body for c in corners])
    mixed = (1 - v) * ((1 - u) * there[i, j] + u * there[i, j + 1])
    mixed += v * ((1 - u) * there[i + 1, j] + u * there[i + 1, j + 1])
    gap = np.linalg.norm(mixed - expected, axis=-1)
    assert same.sum() > 0.7 * seen.size
    assert np.quantile(gap[same & ~on], 0.99) < 0.01  # a photosite is 0.1 m wide there
    # The sphere bends between photosites, more toward its rim.
    assert np.median(gap[same & on]) < 0.01
    # No visible point was lost but at edges: its neighbours there are of the same body.
    column, row = np.rint(at[seen]).astype(int).T
    body_there = then.body[row, column]
    assert (body_there == truth.body[seen]).mean() > 0.98


def test_flow_follows_a_shape_that_changes(ball):
    grown = sphere(1.2)
    now = _view(ball, spin=0.0, moving={"rover": sphere()})
    later = _view(ball, spin=0.0, moving={"rover": grown})
    glass = lens()
    truth = _truth(ball, now, later)
    on = (truth.body == ROVER) & np.isfinite(truth.flow_px[..., 0])
    centre = np.array([0.0, 0.0, 3.0])
    points = centre + (_points(now, glass, truth.depth_m)[on] - centre) * 1.2
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    start = np.stack([columns, rows], -1)[on]
    expected = glass.project((points - later.pose.eye_m) @ later.pose.turn) - start
    assert on.sum() > 300
    assert np.abs(truth.flow_px[on] - expected).max() < 0.05
    assert np.abs(expected).max() > 2


def test_a_riser_near_the_camera_has_no_gaps_nor_yields_to_thin_lines(mission):
    place, glass = Place(mission, SUN, {}), lens(256, 192, 260.0)
    # A broad cord that runs aslant, half a metre wide in the view, and a bundle of thin ones on it.
    start, end = np.array([-3.2, -2.0, 5.7]), np.array([3.6, 2.4, 6.9])
    thin = start + np.linspace(-0.02, 0.02, 40)[:, None] * [0.0, 1.0, 0.0]
    cords = (
        np.vstack([thin, start]),
        np.vstack([thin + (end - start), end]),
        np.array([*[0.003] * 40, 0.25]),
    )
    view = place.view(place.moment({}, cords=cords), np.array([0.0, 0.0, 9.0]), looking_down())
    truth = _truth(place, view, channels=("depth", "body"), glass=glass)
    # A ray meets the cord where it passes the axis at less than its radius.
    ray = glass.grid() @ view.pose.turn.T
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    across = np.cross(ray, end - start)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    gap = np.abs(across @ (start - view.pose.eye_m))
    assert (gap < 0.24).sum() > 2000
    assert (truth.body[gap < 0.24] == BODY_IDS["parachute"]).all()
    assert (truth.body[gap > 0.27] != BODY_IDS["parachute"]).all()


def test_cords_are_seen_and_flow_with_their_ends(mission):
    place = Place(mission, SUN, {})
    glass = lens()
    ends = np.array([[-2.0, 0.3, 5.0]]), np.array([[2.0, 0.1, 5.4]]), np.array([0.12])
    ahead = ends[0] + [0.1, 0.2, 0], ends[1] + [0.1, 0.4, 0], ends[2]
    now, later = (_view(place, cords=cords) for cords in (ends, ahead))
    truth = _truth(place, now, later)
    on = truth.body == BODY_IDS["parachute"]
    assert on.sum() > 100
    assert (truth.material[on] == MATERIAL_IDS["line_white"]).all()
    points = _points(now, glass, truth.depth_m)[on]
    share = (points[:, 0] + 2) / 4
    axis = ends[0] + share[:, None] * (ends[1] - ends[0])
    assert np.linalg.norm(points - axis, axis=1).max() < 0.3
    moved = points + [0.1, 0, 0] + share[:, None] * [0, 0.2, 0] + [0, 0.2, 0]
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    expected = glass.project((moved - later.pose.eye_m) @ later.pose.turn)
    flow = truth.flow_px[on] - (expected - np.stack([columns, rows], -1)[on])
    kept = np.isfinite(flow[:, 0])
    assert kept.mean() > 0.9
    assert np.abs(flow[kept]).max() < 0.05


def test_no_next_frame_no_flow(ball):
    assert np.isnan(_truth(ball, _view(ball)).flow_px).all()


def _edge_visibility(points, normal, half_rad, sun):
    """Return the visible share of the sun's disk beside a straight edge (Abramowitz: segments).

    `normal` (n, 3) are the planes through each point and the edge, toward the free side.
    """
    offset = np.arcsin(normal @ sun) / half_rad
    s = np.clip(offset, -1, 1)
    return 0.5 + (s * np.sqrt(1 - s * s) + np.arcsin(s)) / np.pi


def test_shadow_of_a_plate_has_its_place_and_penumbra(mission):
    high = 40.0
    place = Place(mission, (0.6, 0.0, 0.8), {"backshell": plate(6.0)}, height=lambda x, y: 0 * x)
    poses = {"backshell": (np.array([30.0, 0, high]), Rotation.identity())}
    # The plate's western edge, at x = 24, throws its shadow's edge to x = 24 - 30 = -6.
    glass = lens(width=128, height=32, focal=600.0)
    view = place.view(place.moment(poses), np.array([-6.0, 0.0, 4.0]), looking_down())
    truth = _truth(place, view, glass=glass)
    points = _points(view, glass, truth.depth_m).reshape(-1, 3)
    edge = np.array([24.0, 0, high])
    toward = edge - points
    normal = np.cross(toward, [0.0, 1.0, 0.0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal *= np.sign(normal @ [-1.0, 0, 0])[:, None]
    expected = _edge_visibility(points, normal, HALF_SUN_RAD, place.sun)
    seen = truth.sun_visibility.astype(float).ravel()
    # The plane in the grid's light is level to 1 part in 1023.
    assert expected.min() == 0
    assert expected.max() == 1
    assert ((expected > 0.1) & (expected < 0.9)).sum() > 100
    error = np.abs(seen - expected)
    print(f"penumbra: at most {error.max():.3f}, mean {error.mean():.4f}")
    assert error.max() < 0.08  # 32 points on the disk
    assert error.mean() < 0.015


def test_what_faces_away_is_in_the_dark(ball):
    view = _view(ball)
    truth = _truth(ball, view)
    normal = truth.normal.astype(float) @ view.pose.turn.T
    away = (normal @ ball.sun) < -0.01
    assert away.sum() > 20
    assert not truth.sun_visibility[away].any()
    toward = (truth.body == ROVER) & ((normal @ ball.sun) > 0.02)
    assert (truth.sun_visibility[toward] == 1).all()


def test_grids_of_light_count_too(mission):
    """Ground that the relief shades by half has half the sun."""
    place = Place(mission, SUN, {})
    texels = place.ground.texels.numpy().copy()
    lit = texels[:, 0] & 4095
    texels[:, 0] = (texels[:, 0] & ~np.uint32(4095)) | lit // 2
    place.ground.texels.assign(texels)
    truth = _truth(place, _view(place))
    assert np.abs(truth.sun_visibility.astype(float) - 0.5).max() < 0.01


def test_workers_change_nothing_and_ids_stay(ball):
    now, later = _moved(ball)
    one, two = (_truth(ball, now, later, workers=n) for n in (1, 2))
    for name, value in vars(one).items():
        assert value.tobytes() == getattr(two, name).tobytes()
    # Recorded truth depends on these: add at the end only.
    assert list(BODY_IDS)[:9] == ["sky", "ground", "heat_shield", "backshell", "parachute_cover",
                                  "descent_stage", "rover", "parachute", "bridles"]  # fmt: skip
    assert list(BODY_IDS.values()) == list(range(len(BODY_IDS)))
    assert MATERIAL_IDS["ablator"] == 2
    assert MATERIAL_IDS["nylon_orange"] == 28
    assert len(MATERIAL_IDS) == len(MATERIALS) + 2 < 256


def test_only_what_is_chosen_is_made(ball):
    truth = _truth(ball, _view(ball), channels=("normal",))
    made = {name for name, value in vars(truth).items() if value is not None}
    assert made == {"normal"}


def test_poses_lead_back_to_the_view(ball):
    view = _view(ball)
    told = pose_of(ball, view)
    turn = Rotation.from_quat(told["camera_attitude_wxyz"], scalar_first=True)
    point = np.array([0.2, -0.1, 5.0])
    fixed = turn.apply(point) + told["camera_position_m"]
    local = view.pose.turn @ point + view.pose.eye_m
    assert ball.frame.position_site_m(fixed) == pytest.approx(local, abs=1e-6)
    site = Rotation.from_quat(told["camera_attitude_site_wxyz"], scalar_first=True)
    assert site.apply(point) + told["camera_position_site_m"] == pytest.approx(local, abs=1e-9)
    k = SURFACES.index("rover")
    assert told["body_position_site_m"][k] == [0.0, 0.0, 3.0]
    assert told["body_present"][k] == 1
    assert told["body_present"][0] == 0
    assert np.linalg.norm(told["body_attitude_wxyz"], axis=1) == pytest.approx(1)


def test_footage_and_truth_meet_the_same_cords(mission):
    """Bridles that bend before ground and sphere, and thin lines of a parachute, from near by."""
    ball = Place(mission, SUN, {"rover": sphere()})
    ball.air, ball.regolith = air_of(mission, ball.sun, sun_distance_au=1.6), regolith_of(mission)
    ball.dust = SimpleNamespace(state=lambda *_, **__: DustState())
    glass = lens(320, 256, 300.0)
    bend = np.linspace(0, 1, 21)[:, None]
    paths = [
        np.array([-1.5, y, 5.5]) + bend * [3.0, 0.4, 1.2] + 0.2 * np.sin(3 * bend) * [0, 1.0, 0]
        for y in (-0.8, 0.1, 0.9)
    ]
    ropes = Ropes(paths, [0.008, 0.03, 0.1], [1, 1, 2])
    rng = np.random.default_rng(8)
    ends = rng.uniform([-2, -2, 4], [2, 2, 7], (30, 2, 3))
    cords = (ends[:, 0], ends[:, 1], rng.choice([0.003, 0.012, 0.05], 30))
    view = _view(ball, cords=cords, ropes=ropes)
    renderer = Renderer(ball, workers=1)
    truth = truth_of(renderer, glass, view, None, ("depth", "body", "material", "normal"))
    _, depth, body = renderer.light(view.moment, view.pose, glass, jitter=0.0, truth=True)
    for name in ("parachute", "bridles"):
        on = truth.body == BODY_IDS[name]
        assert on.sum() > 1000
        # Where a cord covers half of a photosite to the last bit, rounding decides.
        same = on & (body.numpy() == BODY_IDS[name])
        assert (on != (body.numpy() == BODY_IDS[name])).sum() <= 2
        assert np.abs(depth.numpy()[same] - truth.depth_m[same]).max() < 1e-4
        normal = truth.normal[on].astype(float)
        assert np.linalg.norm(normal, axis=1) == pytest.approx(1, abs=2e-3)
        assert (np.sum(normal * glass.grid()[on], axis=1) < 2e-3).all()
    assert {"bridle", "umbilical", "line_white"} <= {
        name for name, k in MATERIAL_IDS.items() if k in np.unique(truth.material)
    }
    # Skin lies a half width from the middle.
    on = truth.material == MATERIAL_IDS["umbilical"]
    points = _points(view, glass, truth.depth_m)[on]
    middle = np.concatenate([a + bend * (b - a) for a, b in pairwise(paths[2])])
    gap = np.linalg.norm(points[:, None] - middle, axis=2).min(axis=1)
    assert np.median(gap) == pytest.approx(0.1, abs=0.01)
