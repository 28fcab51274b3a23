"""Lenses: distortion against OpenCV and against its own inverse."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from skycrane.cameras.optics import Lens, lens_of
from skycrane.mission.cameras import Camera

CAMERAS = ["puc_a", "ddc", "ruc", "rdc"]


@pytest.fixture(params=CAMERAS)
def lens(request, mission):
    return lens_of(mission.cameras[request.param])


def _pixels(lens):
    columns = np.linspace(-0.5, lens.width - 0.5, 23)
    rows = np.linspace(-0.5, lens.height - 0.5, 19)
    return np.stack(np.meshgrid(columns, rows), axis=-1)


def test_round_trip(lens):
    pixels = _pixels(lens)
    assert np.abs(lens.project(lens.directions(pixels)) - pixels).max() < 1e-6


def test_against_opencv():
    lens = Lens(1280, 1024, 1400.0, 1390.0, 630.0, 520.0, (-0.2, 0.05, 1e-3, -2e-3, 0.01))
    points = np.random.default_rng(1).uniform([-0.4, -0.3, 1], [0.4, 0.3, 1], (200, 3))
    matrix = np.array([[1400.0, 0, 630], [0, 1390.0, 520], [0, 0, 1]])
    expected, _ = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), matrix, np.array(lens.distortion)
    )
    assert np.abs(lens.project(points) - expected[:, 0]).max() < 1e-9


def test_binning_keeps_the_directions_of_the_corners(lens):
    half = lens.scaled(lens.width // 2, lens.height // 2)
    corners = np.array([[-0.5, -0.5], [lens.width - 0.5, lens.height - 0.5]])
    halved = (corners + 0.5) / 2 - 0.5
    assert np.abs(half.directions(halved) - lens.directions(corners)).max() < 1e-9


def test_attitude_maps_the_optical_axes(mission):
    camera = mission.cameras["rdc"]
    from skycrane.mars.frames import rotate

    z = rotate(camera.attitude_wxyz, [0.0, 0.0, 1.0])
    up = rotate(camera.attitude_wxyz, [0.0, -1.0, 0.0])
    assert z == pytest.approx([0, 0, 1], abs=1e-12)
    assert up == pytest.approx([1, 0, 0], abs=1e-12)


@pytest.mark.parametrize(
    "k", [(-0.28, 0.07, 0, 0, 0), (0.6, 0, 1e-3, 0, 0), (0.3, 0.4, 0, 1e-3, 0.2)]
)
def test_lenses_that_bend_much_are_undone(k):
    """A fixed point is no longer drawn to itself where the edges are stretched to twice."""
    lens = Lens(640, 480, 330.0, 330.0, 319.5, 239.5, k)
    columns, rows = np.meshgrid(np.arange(0, 640, 13), np.arange(0, 480, 11))
    pixels = np.stack([columns, rows], -1)
    assert np.abs(lens.project(lens.directions(pixels)) - pixels).max() < 1e-8


def test_a_lens_that_folds_its_picture_is_refused(mission):
    camera = mission.cameras["ddc"].model_dump()
    camera["optics"]["distortion"] = [-0.9, 0.0, 0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"folds the picture back .* photosites from its middle"):
        Camera(**camera)
