"""The ground from two heights a hundredth apart, over every change of level: nothing jumps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from camera_builders import EVENTS, synthetic_flight
from scipy.ndimage import map_coordinates, uniform_filter

from skycrane.cameras.mounts import Pose
from skycrane.cameras.optics import Lens
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.scene import Scene
from skycrane.mars import terrain as terrain_module

SIDE = 128
FOCAL = 8 * SIDE
"""Pixels: so long that all of a frame passes from one level to the next at about one height."""
CELLS_M = (4.0, 0.8, 0.2)


@pytest.fixture(scope="module")
def renderer(tmp_path_factory, mission):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 256), (4.0, 512)))
        patch.setattr(terrain_module, "_FINE", ((0.8, 512), (0.2, 512), (0.05, 512)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 256))
        yield Renderer(Scene(mission, synthetic_flight(mission), workers=2), workers=2)


def _from(renderer, height_m, key):
    """Return the light of the ground straight below, seen from a height, no body about."""
    scene = renderer.scene
    middle = (SIDE - 1) / 2
    lens = Lens(SIDE, SIDE, float(FOCAL), float(FOCAL), middle, middle, (0.0,) * 5)
    # Far into the powered descent: the vehicle is taken away, and no engine raises dust.
    moment = scene.moment(EVENTS["backshell_separation"] + 3.0)
    moment.present[:] = False
    moment = replace(moment, cords=None, ropes=None)
    down = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
    floor = float(scene.terrain.height_m(*scene.focus_m))
    eye = np.array([0.0, 0.0, floor + height_m])
    pose = Pose(eye, np.array([1.0, 0.0, 0.0, 0.0]), eye, down)
    light, _, _ = renderer.light(moment, pose, lens, colour=1, samples=16, key=key)
    return light.numpy().astype(float).copy()


def _change(renderer, height_m, ratio=1.01):
    """Return by how much the light of blocks of ground changes between two heights, (n, n)."""
    near, far = _from(renderer, height_m, 1), _from(renderer, height_m * ratio, 2)
    middle = (SIDE - 1) / 2
    at = (np.indices(near.shape) - middle) / ratio + middle
    same = map_coordinates(far, at, order=1, mode="nearest")
    crop = (slice(12, -12, 8),) * 2
    a, b = (uniform_filter(x, 9)[crop] for x in (near, same))
    return b / a - 1.0


@pytest.mark.parametrize("cell", CELLS_M)
def test_no_level_pops_into_the_next(renderer, cell):
    """Where a pixel is as wide as a level's cells, the next level takes over."""
    # The footprint is the height over FOCAL: from above the change to below it, by hundredths.
    for share in (1.28, 1.0, 0.995, 0.78):
        change = _change(renderer, share * cell * FOCAL)
        assert abs(np.median(change)) < 0.004, share
        # 0.003 and less; 0.016 to 0.028 where all rays change level at one height.
        assert np.percentile(np.abs(change), 95) < 0.008, share


def test_detail_finer_than_the_grids_fades_in(renderer):
    """Below the finest level pebbles and slopes of their own come in, size by size."""
    for share in (0.66, 0.5, 0.3, 0.2):
        change = _change(renderer, share * 0.05 * FOCAL)
        assert abs(np.median(change)) < 0.004, share
        assert np.percentile(np.abs(change), 95) < 0.02, share
