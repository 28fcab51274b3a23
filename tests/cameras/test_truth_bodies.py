"""Truth of bodies that move by themselves, against rays through every triangle in double precision.

Heat shield, filling and breathing canopy, swinging wheels, lines and bridles of a landing, from
cameras on board, in the world and beside the rover: depth, normal's side, and where each point of
the very same triangle is in the next frame.
"""

from __future__ import annotations

import numpy as np
import pytest
from camera_builders import synthetic_flight, tumbling
from scipy.spatial.transform import Rotation

from skycrane.cameras import surfaces as surfaces_module
from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.cords import Pieces
from skycrane.cameras.mounts import camera_pose
from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.scene import Scene
from skycrane.cameras.truth_about import BODY_IDS
from skycrane.cameras.truth_frame import View, truth_of
from skycrane.mars import terrain as terrain_module

CHANNELS = ("depth", "body", "material", "normal", "visibility", "flow", "dust")
FEW = 60
"""Photosites of each body that are looked at."""


@pytest.fixture(scope="module")
def scene(mission, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 128), (4.0, 256)))
        patch.setattr(terrain_module, "_FINE", ((0.8, 256), (0.2, 256), (0.05, 256)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 128))
        patch.setattr(surfaces_module, "_RAYS", 3)
        yield Scene(
            mission, tumbling(synthetic_flight(mission), "heat_shield", [0.7, -0.4, 1.1], 265.0)
        )


def _cameras(scene):
    """Return the mission's cameras, and others.

    One stands by the site, one keeps beside the rover, one beside the heat shield, which tumbles
    from 265 s on; two ride on that and look to the backshell and to the ground at 266 s.
    """
    ddc = scene.mission.cameras["ddc"]
    east, north = scene.focus_m
    world = {"position_m": [east + 14, north - 9, 1.6], "looks": [-14.0, 9.0, 4.0]}
    beside = {"position_m": [9.0, -6.0, 2.0], "looks": None, "body": "rover"}
    up = {"image_up": [0.0, 0.0, 1.0], "lens_dust": None}
    aim, _ = scene.body_pose("backshell", 266.0)
    origin, turn = scene.body_pose("heat_shield", 266.0)
    over = {"body": "heat_shield", "position_m": [0.0, 0.0, -3.0], "image_up": [1.0, 0.0, 0.0]}
    over |= {"looks": list(turn.T @ (aim - origin) - over["position_m"]), "lens_dust": None}
    under = over | {"position_m": [0.0, 0.0, 1.5], "looks": list(turn.T @ [0.1, 0.0, -1.0])}
    close = {"position_m": [7.0, -5.0, 3.0], "looks": None, "body": "heat_shield"}
    return {
        **scene.mission.cameras,
        "world": ddc.model_copy(update={"mount": "world", "body": None, **world, **up}),
        "beside": ddc.model_copy(update={"mount": "tracking", **beside, **up}),
        "by_shield": ddc.model_copy(update={"mount": "tracking", **close, **up}),
        "on_shield": ddc.model_copy(update=over),
        "under_shield": ddc.model_copy(update=under),
    }


CASES = [
    # camera, time, step, what moves there
    pytest.param("rdc", 264.3, 0.1, ("heat_shield",), id="heat shield falls"),
    pytest.param("puc_a", 242.0, 0.03, ("parachute",), id="canopy fills"),
    pytest.param("puc_a", 250.0, 0.1, ("parachute",), id="canopy breathes"),
    pytest.param("ddc", 404.5, 0.1, ("rover",), id="wheels swing"),
    pytest.param("beside", 405.0, 0.1, ("rover",), id="from beside"),
    pytest.param("world", 412.0, 0.1, ("rover", "descent_stage"), id="from the ground"),
    pytest.param("by_shield", 266.0, 0.1, ("heat_shield",), id="beside what tumbles"),
    pytest.param("on_shield", 266.0, 0.1, ("backshell",), id="tumbling along"),
]


def _view(scene, camera, t_s):
    return View(scene.moment(t_s), camera_pose(scene, camera, t_s))


def _nearest(corners, o, d):
    """Return distance, triangle and weights of the first triangle (n, 3, 3) that a ray meets.

    Moeller and Trumbore (1997), over all of them.
    """
    a, e, f = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(d, f)
    det = np.sum(e * p, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = o - a
        u = np.sum(s * p, axis=1) / det
        q = np.cross(s, e)
        v = (q @ d) / det
        t = np.sum(f * q, axis=1) / det
    t[~((u >= -1e-7) & (v >= -1e-7) & (u + v <= 1 + 1e-7) & (t > 0))] = np.inf
    k = int(np.argmin(t))
    return t[k], k, np.array([1 - u[k] - v[k], u[k], v[k]])


def _placed(scene, view, name):
    """Return the triangles of a surface in the local frame, (n, 3, 3)."""
    shape = view.moment.moving.get(name, scene.resting[name])
    k = SURFACES.index(name)
    points = shape.vertices_m.astype(np.float64) @ view.moment.turn[k].T + view.moment.origin_m[k]
    return points[shape.triangles]


@pytest.mark.parametrize(("name", "t_s", "step_s", "bodies"), CASES)
def test_bodies_and_their_motion(scene, name, t_s, step_s, bodies):
    camera = _cameras(scene)[name]
    glass = lens_of(camera, 10)
    now, later = _view(scene, camera, t_s), _view(scene, camera, t_s + step_s)
    truth = truth_of(Renderer(scene, workers=2), glass, now, later, CHANNELS)
    rays = glass.grid() @ now.pose.turn.T
    rng = np.random.default_rng(4)
    for body in bodies:
        # Lines, which are no triangles, have a test of their own.
        mine = (truth.body == BODY_IDS[body]) & np.isfinite(truth.flow_px[..., 0])
        if body == "parachute":
            mine &= truth.material != _material(scene, "line_white")
        rows, columns = np.nonzero(mine)
        assert len(rows) > FEW / 3, body
        some = rng.choice(len(rows), min(FEW, len(rows)), replace=False)
        here, there = (_placed(scene, view, body) for view in (now, later))
        gaps, errors, flows = [], [], []
        for i, j in zip(rows[some], columns[some], strict=True):
            t, k, weight = _nearest(here, now.pose.eye_m, rays[i, j])
            gaps.append(abs(t - truth.depth_m[i, j]) / t)
            pixel = glass.project_points((weight @ there[k] - later.pose.eye_m) @ later.pose.turn)
            errors.append(np.linalg.norm(truth.flow_px[i, j] + [j, i] - pixel))
            flows.append(np.linalg.norm(truth.flow_px[i, j]))
            assert truth.normal[i, j].astype(float) @ glass.grid()[i, j] < 1e-3
        print(f"{body}: depth {max(gaps):.1e}, flow {max(errors):.1e} of {max(flows):.1f} px")
        # A ray that grazes an edge may meet one body's triangle here and its neighbour's there.
        assert np.quantile(gaps, 0.95) < 1e-5
        assert np.quantile(errors, 0.95) < 0.05
        assert np.median(errors) < 1e-3
        assert max(flows) > 0.05


def _material(scene, name):
    return 2 + scene.vehicle.paints.names.index(name)


@pytest.mark.parametrize(("name", "t_s", "body"), [("puc_a", 250.0, 7), ("ddc", 404.5, 8)])
def test_cords_move_with_their_ends(scene, name, t_s, body):
    """The cord's point that a photosite sees, by the share of its piece, in the next frame."""
    camera = scene.mission.cameras[name]
    glass = lens_of(camera, 2)
    now, later = _view(scene, camera, t_s), _view(scene, camera, t_s + 0.1)
    truth = truth_of(
        Renderer(scene, workers=2), glass, now, later, ("depth", "body", "material", "flow")
    )
    names = ("line_white",) if body == 7 else ("bridle", "umbilical")
    on = np.isin(truth.material, [_material(scene, n) for n in names])
    on &= (truth.body == body) & np.isfinite(truth.flow_px[..., 0])
    assert on.sum() > 200
    rows, columns = np.nonzero(on)
    some = np.random.default_rng(2).choice(len(rows), FEW, replace=False)
    here, there = (Pieces.of(v.moment.cords, v.moment.ropes) for v in (now, later))
    errors = []
    for i, j in zip(rows[some], columns[some], strict=True):
        d = now.pose.turn @ glass.grid()[i, j]
        p = now.pose.eye_m + d * float(truth.depth_m[i, j])
        way = here.end_m - here.start_m
        share = np.clip(np.sum((p - here.start_m) * way, 1) / np.sum(way * way, 1), 0, 1)
        gap = np.linalg.norm(p - here.start_m - way * share[:, None], axis=1) / here.radius_m
        k = int(np.argmin(gap))
        move = (1 - share[k]) * (there.start_m - here.start_m)[k] + share[k] * (
            there.end_m - here.end_m
        )[k]
        pixel = glass.project_points((p + move - later.pose.eye_m) @ later.pose.turn)
        errors.append(np.linalg.norm(truth.flow_px[i, j] + [j, i] - pixel))
    print(f"cords of {name}: flow {np.median(errors):.1e}, at most {max(errors):.1e} px")
    assert np.quantile(errors, 0.9) < 0.05


@pytest.mark.parametrize(
    ("name", "t_s"), [("world", 411.0), ("beside", 411.0), ("rdc", 411.0), ("under_shield", 266.0)]
)
def test_ground_is_reprojected_from_outside_too(scene, name, t_s):
    camera = _cameras(scene)[name]
    glass = lens_of(camera, 10)
    now, later = _view(scene, camera, t_s), _view(scene, camera, t_s + 0.2)
    truth = truth_of(Renderer(scene, workers=2), glass, now, later, ("depth", "body", "flow"))
    points = (
        now.pose.eye_m + (glass.grid() @ now.pose.turn.T) * truth.depth_m.astype(float)[..., None]
    )
    pixel = glass.project_points((points - later.pose.eye_m) @ later.pose.turn)
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    seen = np.isfinite(truth.flow_px[..., 0]) & (truth.body == 1)
    assert seen.sum() > 1000
    error = np.linalg.norm(truth.flow_px + np.stack([columns, rows], -1) - pixel, axis=-1)[seen]
    print(f"{name}: ground at most {error.max():.1e} px of {np.abs(truth.flow_px[seen]).max():.1f}")
    assert error.max() < 0.05
    if name == "world":  # it stands, and so does the ground
        assert np.abs(truth.flow_px[seen]).max() < 1e-3


def test_poses_of_outside_cameras_lead_to_the_same_ground(scene):
    """Points that two cameras see, put together by depth and pose alone, lie on one ground."""
    pieces = []
    for name in ("world", "beside"):
        camera = _cameras(scene)[name]
        glass = lens_of(camera, 10)
        view = _view(scene, camera, 415.0)
        truth = truth_of(Renderer(scene, workers=2), glass, view, None, ("depth", "body"))
        turn = Rotation.from_quat(view.pose.attitude_wxyz, scalar_first=True).as_matrix()
        away = (glass.grid() @ turn.T) * truth.depth_m.astype(float)[..., None]
        points = scene.local_m(view.pose.position_m + away)[truth.body == 1]
        pieces.append(points[np.linalg.norm(points[:, :2], axis=1) < 15])
    assert min(len(p) for p in pieces) > 300
    for points in pieces:
        at = points[:, :2] + scene.focus_m
        height = scene.terrain.height_m(at[:, 0], at[:, 1])
        drop = np.sum(at**2, axis=1) / (2 * scene.mission.site.radius_m)
        assert np.median(np.abs(points[:, 2] + drop - height)) < 0.05
