"""CAHV(OR(E)) against its geometry written anew, and over published models of flown cameras."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from skycrane.cameras.cahvore import CahvoreModel
from skycrane.cameras.optics import CahvoreLens, lens_of

# The landing-vision camera of one image, type 2: public label of Mars 2020's descent camera.
LVS = {
    "c": (701403.0, 3145680.0, 1075890.0),
    "a": (-0.171207, -0.938368, -0.300257),
    "h": (402.013, -460.182, -500.756),
    "v": (241.732, -699.869, 298.075),
    "o": (-0.170765, -0.938306, -0.300702),
    "r": (-1.165e-6, 0.120304, 0.033668),
    "e": (-0.0793475, 0.182685, -0.11582),
    "linearity": 0.0,
}


def _reference():
    found = os.environ.get("SKYCRANE_REFERENCE")
    place = Path(found) if found else Path(__file__).parents[3] / "shared" / "reference"
    path = place / "m2020-camera-models.json"
    if not path.is_file():
        return []
    models = []
    for entry in json.loads(path.read_text()):
        m = entry["model"]
        plain = m["type"] != "cahvore"
        given = {k.lower(): tuple(m[k] or (0.0, 0.0, 0.0)) for k in "CAHVORE"}
        if m["type"] == "cahv":
            given["o"] = given["a"]
        curve = {1: 1.0, 2: 0.0, 3: m["linearity"]}[1 if plain else m["pupilType"]]
        size = (m["width"], m["height"])
        models.append(pytest.param(given | {"linearity": curve}, size, id=entry["name"]))
    return models


CASES = [pytest.param(LVS, (1024, 1024), id="lvs"), *_reference()]


def _by_geometry(m, point):
    """Return the pixel of one point: the ray from the moved pupil found by bisection."""
    c, a, h, v, o = (np.array(m[k]) for k in "cahvo")
    n = m["linearity"]
    away = np.array(point) - c
    z = float(away @ o)
    across = away - z * o
    x = float(np.linalg.norm(across))

    def pupil(t):
        return (t / np.sin(t) - 1) * sum(k * t ** (2 * i) for i, k in enumerate(m["e"]))

    def turned(t):
        """Cross product, in the plane of axis and point, of the ray at t and the way to it."""
        return np.sin(t) * (z - pupil(t)) - np.cos(t) * x

    t = brentq(turned, 1e-7, 1.7, xtol=1e-15, rtol=1e-14)
    chi = t if n == 0 else (np.tan(n * t) / n if n > 0 else np.sin(n * t) / n)
    mu = sum(k * chi ** (2 * i) for i, k in enumerate(m["r"]))
    bent = o + chi * (1 + mu) * across / x
    return np.array([bent @ h, bent @ v]) / (bent @ a)


def _pixels(size):
    columns, rows = (np.linspace(0, n - 1, 9) for n in size)
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize(("given", "size"), CASES)
def test_projection_is_that_of_the_published_equations(given, size):
    model = CahvoreModel(**given)
    for distance_m in (1.0, 30.0, 3000.0):
        origins, directions = model.rays(_pixels(size) + 0.3)
        points = origins + directions * distance_m
        expected = np.array([_by_geometry(given, p) for p in points])
        assert np.abs(model.project(points) - expected).max() < 0.01


@pytest.mark.parametrize(("given", "size"), CASES)
def test_a_point_on_a_pixels_ray_falls_on_that_pixel(given, size):
    # About its own centre: megametres from the origin leave doubles no 1e-6 px.
    model = CahvoreModel(**(given | {"c": (0.0, 0.0, 0.0)}))
    pixels = _pixels(size)
    for distance_m in (0.5, 1e4):
        origins, directions = model.rays(pixels)
        back = model.project(origins + directions * distance_m)
        assert np.abs(back - pixels).max() < 1e-6
    assert np.abs(np.linalg.norm(directions, axis=-1) - 1).max() < 1e-12


def test_the_reference_is_whole_where_it_is_there():
    models = _reference()
    if not models:
        pytest.skip("no published camera models at hand")
    assert len(models) == 27


def test_cahv_is_the_pinhole():
    model = CahvoreModel.cahv((1, 2, 3), (0, 0, 1), (500, 0, 320), (0, 510, 240))
    points = np.random.default_rng(3).uniform([-2, -2, 4], [4, 5, 9], (50, 3))
    x, y, z = (points - [1, 2, 3]).T
    expected = np.column_stack([500 * x / z + 320, 510 * y / z + 240])
    assert np.abs(model.project(points) - expected).max() < 1e-9


def test_the_axis_and_the_end_of_the_curve():
    model = CahvoreModel(**(LVS | {"c": (0.0, 0.0, 0.0)}))
    ahead = np.array(LVS["o"]) * 5.0
    a, h, v = (np.array(LVS[k]) for k in "ahv")
    assert model.project(ahead) == pytest.approx([ahead @ h, ahead @ v] / (ahead @ a), abs=1e-6)
    narrow = CahvoreModel((0, 0, 0), (0, 0, 1), (9, 0, 0), (0, 9, 0), (0, 0, 1), linearity=0.9)
    assert np.isnan(narrow.project([1.0, 0.0, -5.0])).all()


def test_lens_of_the_landing_vision_camera(mission):
    camera = mission.cameras["lvs"]
    lens = lens_of(camera)
    assert isinstance(lens, CahvoreLens)
    pixels = _pixels((1024, 1024))
    assert np.abs(lens.project(lens.directions(pixels)) - pixels).max() < 1e-6
    # What the published model sees apart by some angle the lens does too: only the frame differs.
    _, published = CahvoreModel(**LVS).rays(pixels)
    between = published @ published.T
    ours = lens.directions(pixels)
    assert np.abs(ours @ ours.T - between).max() < 2e-6
    middle = lens.directions([[0, 511.5], [1023, 511.5]])
    across = np.degrees(np.arccos(middle[0] @ middle[1]))
    assert across == pytest.approx(90, abs=1)
    half = lens.scaled(512, 512)
    corners = np.array([[-0.5, -0.5], [1023.5, 700.0]])
    halved = (corners + 0.5) / 2 - 0.5
    assert np.abs(half.directions(halved) - lens.directions(corners)).max() < 1e-9


def test_a_coarser_detector_sees_the_same_field(mission):
    camera = mission.cameras["lvs"]
    small = camera.detector.model_copy(update={"width": 160, "height": 160})
    lens, full = lens_of(camera.model_copy(update={"detector": small})), lens_of(camera)
    corners = np.array([[-0.5, -0.5], [159.5, 159.5]])
    expected = full.directions((corners + 0.5) * 6.4 - 0.5)
    assert np.abs(lens.directions(corners) - expected).max() < 1e-9
