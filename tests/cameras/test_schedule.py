"""When cameras film: heights, the flown counts; and free cameras: where a known point lands."""

from __future__ import annotations

import numpy as np
import pytest
from camera_builders import EVENTS, synthetic_flight

from skycrane.cameras import surfaces as surfaces_module
from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.mounts import camera_pose
from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.scene import Scene
from skycrane.cameras.schedule import frame_times_s, returns_footage
from skycrane.cameras.stage import film
from skycrane.flight.record import write_flight
from skycrane.ground.footage import CameraFootage
from skycrane.mars import terrain as terrain_module
from skycrane.mars.frames import rotate
from skycrane.mission.cameras import Camera, Rates
from skycrane.onboard.store import FrameReader
from skycrane.stage import StageContext

FLOWN_S = {"first": 254.37, "last": 441.17}


@pytest.fixture(scope="module")
def flight(mission):
    return synthetic_flight(mission)


def _counts(mission, flight, quality):
    return {
        name: len(frame_times_s(camera, flight, quality))
        for name, camera in mission.cameras.items()
        if returns_footage(camera, flight)
    }


def test_five_cameras_bring_home_what_the_flown_ones_did(mission, flight):
    counts = _counts(mission, flight, "flight")
    five = {"puc_a", "puc_b", "ddc", "ruc", "rdc"}
    assert set(counts) == five | {"lvs"}
    # The made-up flight ends before the rover's camera stops; the landing's own track goes on.
    rdc = mission.cameras["rdc"]
    lost = round((EVENTS["touchdown"] + rdc.schedule[-1].after_s - flight.t_end_s) * 30)
    frames = {name: counts[name] + lost * (name == "rdc") for name in five}
    assert 23000 <= sum(frames.values()) < 24000
    assert frames["rdc"] == pytest.approx(7000, rel=0.03)
    pixels = {
        n: mission.cameras[n].detector.width * mission.cameras[n].detector.height for n in five
    }
    assert sum(frames[n] * pixels[n] for n in five) == pytest.approx(30e9, rel=0.08)


def test_rates_are_those_flown(mission, flight):
    rates = {"puc_a": {75, 30}, "ddc": {12}, "ruc": {30}, "rdc": {30}, "lvs": {0.3, 0.88}}
    for name, wanted in rates.items():
        given = {p.rates_hz.flight for p in mission.cameras[name].schedule} - {0}
        assert given == wanted, name


def test_the_landing_vision_camera_films_by_height(mission, flight):
    times = frame_times_s(mission.cameras["lvs"], flight, "flight")
    assert len(times) == pytest.approx(87, abs=4)
    assert times[0] == pytest.approx(FLOWN_S["first"], abs=4)
    assert times[-1] == pytest.approx(min(FLOWN_S["last"], flight.t_end_s), abs=4)
    rover = flight.bodies["rover"]
    height = np.linalg.norm(rover.position(times), axis=1) - flight.site_radius_m
    assert height[0] == pytest.approx(11220, abs=5)
    gap = np.diff(times)
    fast = (height[:-1] < 4200.5) & (height[1:] > 500)
    assert gap[fast] == pytest.approx(1 / 0.88)
    assert gap[height[1:] > 4250] == pytest.approx(1 / 0.3)
    # No clock: the same camera on a track a kilometre higher begins later.
    raised = {
        n: type(b)(**{**b.__dict__, "position_m": b.position_m * (1 + 1000 / flight.site_radius_m)})
        for n, b in flight.bodies.items()
    }
    higher = type(flight)(raised, flight.events, flight.site_radius_m)
    later = frame_times_s(mission.cameras["lvs"], higher, "flight")
    assert later[0] - times[0] == pytest.approx(1000 / 88, abs=3)


def test_a_height_never_reached_leaves_the_phase_out(mission, flight):
    lvs = mission.cameras["lvs"]
    phase = lvs.schedule[0].model_copy(update={"below_m": 1e-9})
    high = type(flight)(flight.bodies, flight.events, flight.site_radius_m - 1000.0)
    assert not len(frame_times_s(lvs.model_copy(update={"schedule": [phase]}), high, "flight"))


# ---- free cameras ----


def _free(mission, **mount):
    """Return a camera of the mission's make, mounted otherwise."""
    given = mission.cameras["rdc"].model_dump()
    for key in ("body", "looks", "dark_until"):
        given.pop(key)
    return Camera(**given | mount)


MOUNTS = {
    "world": {
        "mount": "world", "position_m": [40.0, -25.0, 1.7], "looks": [-40.0, 25.0, 2.0],
        "image_up": [0.0, 0.0, 1.0],
    },
    "tracking": {
        "mount": "tracking", "body": "descent_stage", "position_m": [14.0, -9.0, 3.0],
        "image_up": [0.0, 0.0, 1.0],
    },
    "body": {
        "mount": "body", "body": "rover", "position_m": [0.16, -0.36, -1.14],
        "looks": [0.02, 0.05, -1.0], "image_up": [1.0, 0.0, 0.0],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def scene(mission, flight, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 128), (4.0, 256)))
        patch.setattr(terrain_module, "_FINE", ((0.8, 256), (0.2, 256), (0.05, 256)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 128))
        patch.setattr(surfaces_module, "_RAYS", 3)
        yield Scene(mission, flight, workers=2)


@pytest.fixture(scope="module")
def renderer(scene):
    return Renderer(scene, workers=2)


@pytest.mark.parametrize("kind", MOUNTS)
def test_a_free_camera_sees_the_descent_stage_where_it_is(mission, scene, renderer, kind):
    camera = _free(mission, **MOUNTS[kind])
    lens = lens_of(camera, 8)
    t_s = 409.0
    pose = camera_pose(scene, camera, t_s)
    _, depth, body = renderer.light(scene.moment(t_s), pose, lens, encoding="mono8", truth=True)
    rows, columns = np.nonzero(body.numpy() == 2 + SURFACES.index("descent_stage"))
    assert len(rows) > 20
    origin, _ = scene.body_pose("descent_stage", t_s)
    column, row = lens.project(pose.turn.T @ (origin - pose.eye_m))
    # The stage's origin lies inside it: within the box around its image, at about its distance.
    assert columns.min() - 1 <= column <= columns.max() + 1
    assert rows.min() - 1 <= row <= rows.max() + 1
    away = float(np.linalg.norm(origin - pose.eye_m))
    assert np.median(depth.numpy()[rows, columns]) == pytest.approx(away, abs=1.5)


def test_a_world_camera_stands_on_the_ground_and_stays(mission, scene):
    camera = _free(mission, **MOUNTS["world"])
    a, b = (camera_pose(scene, camera, t_s) for t_s in (300.0, 430.0))
    assert np.array_equal(a.position_m, b.position_m)
    site = scene.frame.position_site_m(a.position_m)
    ground = float(scene.terrain.height_m(40.0, -25.0))
    assert site == pytest.approx([40.0, -25.0, ground + 1.7], abs=2e-3)
    axis = scene.frame.axes.T @ (np.array([-40.0, 25.0, 2.0]) / np.linalg.norm([40, 25, 2]))
    assert rotate(a.attitude_wxyz, [0.0, 0.0, 1.0]) == pytest.approx(axis, abs=1e-12)


def test_a_tracking_camera_is_smooth_and_keeps_its_body_in_the_middle(mission, scene, flight):
    camera = _free(mission, **MOUNTS["tracking"])
    lens = lens_of(camera)
    t = np.arange(395.0, 418.0, 0.1)
    poses = [camera_pose(scene, camera, float(x)) for x in t]
    body = np.array([scene.body_pose("descent_stage", float(x))[0] for x in t])
    eye = np.array([p.eye_m for p in poses])
    assert np.abs(eye - body - [14, -9, 3]).max() < 2.0
    middle = [lens.project(p.turn.T @ (b - p.eye_m)) for p, b in zip(poses, body, strict=True)]
    assert np.abs(np.array(middle) - [lens.cx, lens.cy]).max() < 1e-6
    stiff = camera.model_copy(update={"smooth_s": 0.0})
    exact = np.array([camera_pose(scene, stiff, float(x)).eye_m for x in t])
    jolt = [np.abs(np.diff(path, n=3, axis=0)).max() for path in (eye, exact)]
    assert jolt[0] < 0.5 * jolt[1]


def test_a_tracking_camera_does_not_go_underground(mission, scene, flight):
    mount = MOUNTS["tracking"] | {"body": "rover", "position_m": [5.0, 5.0, -30.0]}
    camera = _free(mission, **mount)
    site = scene.frame.position_site_m(camera_pose(scene, camera, 430.0).position_m)
    assert site[2] == pytest.approx(float(scene.terrain.height_m(*site[:2])) + 0.5, abs=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mount": "world", "body": "rover", "looks": [1.0, 0.0, 0.0]}, "leave body out"),
        ({"mount": "body", "looks": [1.0, 0.0, 0.0]}, "needs a body: heat_shield"),
        ({"mount": "tracking"}, "needs a body"),
        ({"mount": "tracking", "body": "rover", "looks": [1.0, 0.0, 0.0]}, "leave looks out"),
        ({"mount": "tracking", "body": "rover", "position_m": [0.0, 0.0, 0.0]}, "sits inside"),
        ({"mount": "world"}, "looks is missing"),
        ({"mount": "world", "looks": [0.0, 0, 2.0], "position_m": [0, 0, 3.0]}, "on one line"),
        ({"mount": "world", "looks": [1.0, 0, 0], "position_m": [0, 0, -3.0]}, "in the ground"),
    ],
)
def test_mounts_that_make_no_sense_are_told(mission, change, message):
    with pytest.raises(ValueError, match=message):
        _free(mission, **{"image_up": [0.0, 0.0, 1.0]} | change)


def test_the_grey_camera_films_into_its_store_and_is_developed(mission, flight, scene, tmp_path):
    lvs = mission.cameras["lvs"]
    rates = {"preview": 1.0, "standard": 1.0, "flight": 1.0}
    begin = lvs.schedule[1].model_copy(update={"rates_hz": Rates(**rates)})
    stop = lvs.schedule[3].model_copy(update={"event": "backshell_separation", "after_s": -20.0})
    short = lvs.model_copy(update={"schedule": [begin, stop]})
    quality = mission.film_quality["preview"].model_copy(update={"scale": 16})
    small = mission.model_copy(
        update={"cameras": {"lvs": short}, "film_quality": {"preview": quality}}
    )
    write_flight(flight, tmp_path)
    film(StageContext(directory=tmp_path, mission=small, workers=2, options={}))
    path = tmp_path / "onboard" / "lvs.mcap"
    with FrameReader(path) as reader:
        assert reader.info.encoding == "mono8"
        frames = list(reader)
    assert len(frames) == len(frame_times_s(short, flight, "preview")) > 1
    for frame in frames:
        assert frame.image.shape == (64, 64)
        assert frame.exposure_s == 150e-6
        # The ground, neither black nor burnt out, and no checkerboard of a colour filter.
        assert 40 < frame.image.mean() < 200
        squares = [float(frame.image[i::2, j::2].mean()) for i in (0, 1) for j in (0, 1)]
        assert np.ptp(squares) < 4
    footage = CameraFootage(path, mission.film.colour, {})
    picture = footage.picture(0)
    footage.close()
    assert picture.shape == (64, 64, 3)
    assert picture.mean() > 20
