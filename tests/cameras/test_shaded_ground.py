"""Ground that a body shades from the sun: what is left of the aureole, without speckles."""

from __future__ import annotations

import numpy as np
import pytest
from trust_builders import Bench, clear_air, even_level, pinhole

from skycrane.mission import load_mission
from skycrane.vehicle.mesh import MeshBuilder

SUN = np.array([-0.6, 0.0, 0.8])


@pytest.fixture(scope="module")
def shaded() -> np.ndarray:
    """The light of ground under the rim of a plate: the sun is hidden, its aureole in part."""
    mesh = MeshBuilder()
    mesh.box([0.0, 0.0, 1.5], (3.0, 3.0, 0.05), "white_paint")
    air = clear_air(SUN, glow=0.05)
    air.aureole = 0.6
    level = even_level(np.zeros((256, 256)), 0.05, SUN)
    bench = Bench(
        load_mission("mars2020"), shapes={"rover": mesh.build()}, levels=[level], air=air, sun=SUN
    )
    light, _, body = bench.look([0.0, 0.0, 1.0], [0.0, 0.0, 0.0], pinhole(128, 128, 60.0))
    assert (body == 1).all()
    return light


def test_neighbours_in_shadow_look_alike(shaded: np.ndarray):
    columns = shaded.mean(axis=0)  # the plate's rim runs along them
    dark, lit = columns.min(), columns.max()
    half = (columns > 1.3 * dark) & (columns < dark + 0.2 * (lit - dark))
    assert half.sum() > 10
    noise = shaded[:, half] - columns[half]
    assert noise.std() < 0.3 * columns[half].mean()
    # And from the dark to where the aureole comes in it grows lighter all the way.
    assert (np.diff(columns[half]) < 0.05 * lit).all()
    assert columns[half][0] > columns[half][-1]
