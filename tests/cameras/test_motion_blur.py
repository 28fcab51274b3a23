"""Motion blur over the exposure: against plain kinematics, and against many sharp pictures."""

from __future__ import annotations

import numpy as np
import pytest
from test_truth_bodies import _cameras, scene  # noqa: F401
from trust_builders import Bench, clear_air, pinhole
from truth_builders import plate

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.motion import Motion
from skycrane.cameras.mounts import camera_pose, motion_of
from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.truth_frame import View, truth_of

SUN = (0.0, 0.0, 1.0)
EXPOSURE_S = 0.02
SHIELD = SURFACES.index("heat_shield")
GREEN = 1


def _still():
    return np.zeros((len(SURFACES), 3))


def _profile(bench, motion, lens):
    """Return by column how much of a plate's light there is, its edge about the middle."""
    bench.origin_m[SHIELD] = [-8.0, 0.0, 0.0]
    light, _, _ = bench.look(
        [0.0, 0.0, 20.0], [0.0, 0.0, 0.0], lens, samples=64, body_samples=64, motion=motion
    )
    row = light[8:-8].mean(axis=0)
    return (row - row[-4:].mean()) / (row[:4].mean() - row[-4:].mean())


def _width(profile):
    """Return over how many photosites a step is spread evenly, and its middle.

    By the variance of the profile's slope, of which a photosite's own width is a twelfth.
    """
    slope = -np.diff(profile)
    at = np.arange(len(slope)) + 0.5
    middle = (slope @ at) / slope.sum()
    variance = (slope @ (at - middle) ** 2) / slope.sum()
    return np.sqrt(max(12 * variance - 1, 0.0)), middle


@pytest.fixture(scope="module")
def edge(mission):
    """A plate of 16 m whose right edge lies under a camera at 20 m that looks down."""
    return Bench(mission, shapes={"heat_shield": plate(8.0)}, air=clear_air(SUN), sun=SUN)


@pytest.mark.parametrize(("speed_m_s", "camera_m_s"), [(60.0, 0.0), (0.0, 30.0), (80.0, 50.0)])
def test_a_body_that_crosses_smears_over_its_way(edge, speed_m_s, camera_m_s):
    """Speed x exposure x focal / distance photosites, whoever moves; half to each side."""
    lens = pinhole(128, 40, 30.0)
    drift, past = np.array([camera_m_s, 0, 0]), _still()
    past[SHIELD, 0] = camera_m_s - speed_m_s
    motion = Motion(drift * EXPOSURE_S, np.zeros(3), past * EXPOSURE_S, _still())
    expected = abs(speed_m_s - camera_m_s) * EXPOSURE_S * lens.fx / 20.0
    width, middle = _width(_profile(edge, motion, lens))
    print(f"smeared over {width:.2f} photosites of {expected:.2f}, middle {middle:.2f}")
    assert width == pytest.approx(expected, rel=0.03)
    # The truth is of the middle of the exposure.
    assert middle == pytest.approx(63.5, abs=0.1)
    assert _width(_profile(edge, None, lens))[0] < 0.3


def test_what_carries_the_camera_is_sharp_however_it_moves(edge):
    """Ground and sky rush by and the carrier turns; in its own frame the camera stands."""
    lens = pinhole(128, 40, 30.0)
    motion = Motion(np.array([3.0, 1.0, -2.0]), np.array([0.1, 0.0, 0.3]), _still(), _still())
    moved, still = (_profile(edge, m, lens) for m in (motion, None))
    # What lies behind the edge is not the same picture, so a ray or two weigh otherwise.
    assert moved == pytest.approx(still, abs=0.05)
    assert _width(moved)[0] < 0.5


def test_a_body_that_turns_smears_by_its_turn(edge):
    """About the camera's own axis: more, the farther from the middle of the picture."""
    lens = pinhole(160, 120, 50.0)
    about, turn_rad = _still(), 0.15
    about[SHIELD, 2] = turn_rad
    edge.origin_m[SHIELD] = [-8.0, 0.0, 0.0]
    motion = Motion(np.zeros(3), np.zeros(3), _still(), about)
    light, _, _ = edge.look(
        [0, 0, 20.0], [0, 0, 0], lens, samples=64, body_samples=64, motion=motion
    )
    for rows in ([8, 9, 10, 11], [56, 57, 58, 59, 60, 61, 62, 63]):
        row = light[rows].mean(axis=0)
        row = (row - row[-4:].mean()) / (row[:4].mean() - row[-4:].mean())
        width, _ = _width(row)
        expected = turn_rad * np.sqrt(np.mean((np.array(rows) - 59.5) ** 2))
        print(f"row {np.mean(rows)}: {width:.2f} photosites of {expected:.2f}")
        assert width == pytest.approx(expected, rel=0.05, abs=0.7)


CASES = [
    # camera, middle of the exposure, its length, what moves there
    pytest.param("world", 405.0, 0.3, "rover", id="rover lowered, from the ground"),
    pytest.param("rdc", 264.0, 0.05, "heat_shield", id="heat shield falls"),
    pytest.param("by_shield", 266.0, 0.1, "heat_shield", id="heat shield tumbles"),
    pytest.param("on_shield", 266.0, 0.03, "backshell", id="from the tumbling heat shield"),
    pytest.param("beside", 404.5, 0.2, "descent_stage", id="from beside the rover"),
]


@pytest.mark.parametrize(("name", "t_s", "exposure_s", "body"), CASES)
def test_an_exposure_is_the_mean_of_its_moments(
    scene,  # noqa: F811
    monkeypatch,
    name,
    t_s,
    exposure_s,
    body,
):
    """Sharp pictures all through the exposure, everything placed anew for each, are its light."""
    camera, count = _cameras(scene)[name], 24
    lens = lens_of(camera, 10)
    renderer = Renderer(scene, workers=2)
    whole = {"colour": GREEN, "samples": 32, "body_samples": 32}
    # Dust churns meanwhile; a picture has it as at the middle of its exposure.
    churned = scene.dust.state
    monkeypatch.setattr(scene.dust, "state", lambda _, **about: churned(t_s, **about))
    times = t_s + exposure_s * ((np.arange(count) + 0.5) / count - 0.5)
    sharp = []
    for t in times:
        pose = camera_pose(scene, camera, t)
        light, _, _ = renderer.light(scene.moment(t), pose, lens, colour=GREEN, samples=2)
        sharp.append(light.numpy().astype(float))
    mean = np.mean(sharp, axis=0)
    pose = camera_pose(scene, camera, t_s)
    made = {}
    for key, motion in (("still", None), ("moving", motion_of(scene, camera, t_s, exposure_s))):
        light, _, ids = renderer.light(
            scene.moment(t_s), pose, lens, truth=True, motion=motion, **whole
        )
        made[key] = light.numpy().astype(float)
    change = np.std(sharp, axis=0)
    edge = change > 0.3 * change.max()
    off = {key: np.sqrt(np.mean((m - mean)[edge] ** 2)) for key, m in made.items()}
    print(f"{name}: off by {off['moving']:.4f}, without motion {off['still']:.4f}, {edge.sum()}")
    assert (ids.numpy() == SURFACES.index(body) + 2).any()
    assert edge.sum() > 100
    assert off["moving"] < 0.4 * off["still"]


@pytest.mark.parametrize(
    ("name", "t_s", "body"),
    [
        ("on_shield", 266.0, "backshell"),
        ("by_shield", 266.0, "heat_shield"),
        ("world", 405.0, "rover"),
    ],
)
def test_the_smear_is_the_flow_of_the_truth(scene, name, t_s, body):  # noqa: F811
    """Flow over an exposure is how far the film smears the point: by the poses of its two ends."""
    camera, step = _cameras(scene)[name], 0.02
    lens, k = lens_of(camera, 10), SURFACES.index(body)
    now, later = (View(scene.moment(t), camera_pose(scene, camera, t)) for t in (t_s, t_s + step))
    truth = truth_of(Renderer(scene, workers=2), lens, now, later, ("depth", "body", "flow"))
    on = (truth.body == k + 2) & np.isfinite(truth.flow_px[..., 0])
    assert on.sum() > 100
    motion = motion_of(scene, camera, t_s + 0.5 * step, step)
    # In the body's frame it is the camera that moves on and turns.
    axes = now.moment.turn[k].T @ now.pose.turn
    points = (lens.grid()[on] * truth.depth_m[on, None].astype(float)) @ axes.T
    then = points - motion.past_m[k]
    then = then - np.cross(motion.about_rad[k], then)
    told = lens.project_points(then @ axes) - lens.project_points(points @ axes)
    size = np.linalg.norm(truth.flow_px[on], axis=1)
    off = np.linalg.norm(truth.flow_px[on] - told, axis=1)
    print(f"{name}: smears of {size.min():.2f} to {size.max():.2f} px, at most {off.max():.3f} off")
    assert size.max() > 0.5
    assert off.max() < 0.05 + 0.02 * size.max()
