"""How open surfaces are to the sky: alone, in a hollow, and where parts stick in each other."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.cameras.surfaces import Corners
from skycrane.vehicle.mesh import MeshBuilder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_box_alone_is_open_all_round():
    mesh = MeshBuilder()
    mesh.box([0, 0, 0], (1.0, 1.0, 1.0), "white_paint")
    assert Corners(mesh.build(), workers=1).open == pytest.approx(1.0)


def test_a_box_inside_another_sees_no_sky():
    mesh = MeshBuilder()
    mesh.box([0, 0, 0], (0.55, 0.55, 0.55), "white_paint")
    inner = 3 * len(mesh.build().triangles)
    mesh.box([0, 0, 0], (0.6, 0.6, 0.6), "white_paint")
    openness = Corners(mesh.build(), workers=1).open
    assert openness[:inner].max() < 0.1
    assert openness[inner:] == pytest.approx(1.0)


def test_a_tube_does_not_darken_where_one_of_its_rings_sticks_in_a_clamp():
    mesh = MeshBuilder()
    mesh.tube([[0, -0.4, 0], [0, 0, 0], [0, 0.4, 0]], 0.05, "white_paint", segments=20)
    tube = 3 * len(mesh.build().triangles)
    mesh.bar([0, -0.015, 0], [0, 0.015, 0], 0.06, "black", 20)
    shape = mesh.build()
    inside = np.abs(shape.vertices_m[shape.triangles.ravel()[:tube], 1]) < 0.01
    assert inside.sum() >= 100
    assert Corners(shape, workers=1).open[:tube][inside].min() > 0.6
