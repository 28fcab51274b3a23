"""Depth against Embree: the posed bodies as they fly, and ground between the nodes of its grid."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from trust_builders import Bench, axes_of, clear_air, even_level, pinhole

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.motion import Motion
from skycrane.cameras.renderer import Renderer
from skycrane.vehicle import shapes

SUN = np.array([-0.6, 0.0, 0.8])


def _embree(vertices, faces, eye, directions):
    """Return distances (n,) to a mesh along unit rays from a point, -1 where they miss."""
    engine = pytest.importorskip("trimesh.ray.ray_pyembree")
    mesh = trimesh.Trimesh(vertices - eye, faces, process=False)
    rays = engine.RayMeshIntersector(mesh, scale_to_box=False)
    _, which, places = rays.intersects_id(
        np.zeros_like(directions), directions, multiple_hits=False, return_locations=True
    )
    out = np.full(len(directions), -1.0)
    out[which] = np.linalg.norm(places, axis=1)
    return out


def _compare(depth, expected):
    """Check that rays hit and miss alike, and how far apart they hit."""
    depth, expected = depth.ravel().astype(float), expected.ravel()
    both = (depth > 0) & (expected > 0)
    assert both.mean() > 0.03
    assert ((depth > 0) != (expected > 0)).mean() < 0.001
    assert np.percentile(np.abs(depth - expected)[both], 99.9) < 1e-3


def _bodies(mission):
    vehicle = shapes.Bodies(mission)
    return {
        "descent_stage": vehicle.fixed["descent_stage"],
        "rover": vehicle.rover_shape(wheels_deployed=1.0),
        "heat_shield": vehicle.fixed["heat_shield"],
        "backshell": vehicle.fixed["backshell"],
    }


@pytest.mark.parametrize(
    ("eye", "target"),
    [
        ([4.0, -5.0, 3.0], [0.0, 0.0, 2.0]),
        ([0.5, 0.4, 6.5], [0.0, 0.0, 0.0]),
        ([-12.0, 9.0, -4.0], [0.0, 0.0, 4.0]),
    ],
)
def test_bodies(mission, eye, target):
    given = _bodies(mission)
    bench = Bench(mission, shapes=given, air=clear_air(SUN), sun=SUN)
    vertices, faces, first = [], [], 0
    for n, (name, shape) in enumerate(given.items()):
        k = SURFACES.index(name)
        bench.turn[k] = Rotation.from_euler(
            "xyz", [170 + 9 * n, 7 - 4 * n, 40 * n], True
        ).as_matrix()
        bench.origin_m[k] = [0.3 * n, -0.2 * n, [7.5, 0.4, -6.0, 13.0][n]]
        vertices.append(shape.vertices_m.astype(float) @ bench.turn[k].T + bench.origin_m[k])
        faces.append(shape.triangles + first)
        first += len(shape.vertices_m)
    lens = pinhole(320, 256, 60.0)
    _, depth, body = bench.look(eye, target, lens, up=(0, 0, 1), jitter=0.0)
    depth[body < 2] = -1.0
    d = (lens.grid() @ axes_of(eye, target, (0, 0, 1)).T).reshape(-1, 3)
    _compare(depth, _embree(np.concatenate(vertices), np.concatenate(faces), np.array(eye), d))


def _rough(n):
    """Return relief (n, n) of unit deviation."""
    random = np.random.default_rng(5)
    spectrum = np.fft.rfft2(random.standard_normal((n, n)))
    k = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :])
    height = np.fft.irfft2(spectrum * np.where(k > 0, np.maximum(k, 0.02) ** -2.0, 0), s=(n, n))
    return height / height.std()


@pytest.mark.parametrize(
    ("eye", "target"),
    [
        ([-9.0, -12.0, 22.0], [3.0, 4.0, 0.0]),
        ([-20.0, 1.0, 3.6], [20.0, 4.0, 2.0]),
        ([0.0, 0.0, 3.0], [4.0, 0.3, 6.0]),
        ([40.0, -300.0, 900.0], [0.0, 4.0, 0.0]),
    ],
)
def test_rays_that_begin_where_beams_end_see_the_same(mission, monkeypatch, eye, target):
    coarse = even_level(8.0 * _rough(256), 4.0, SUN)
    fine = even_level(1.2 * _rough(128), 0.4, SUN)
    bench = Bench(mission, levels=[coarse, fine], air=clear_air(SUN), sun=SUN)
    lens = pinhole(203, 170, 50.0)
    none = np.zeros((len(SURFACES), 3))
    drift_m, spin_rad = np.array([0.3, 0.1, -0.2]), np.array([0.0, 0.01, 0.004])
    moving = {"motion": Motion(drift_m, spin_rad, none, none)}
    from_beams = bench.look(eye, target, lens, up=(0, 0, 1), **moving)
    begins = bench.renderer._buffers[(lens, "begins")]
    assert begins.numpy().max() > 0.3 * np.linalg.norm(np.subtract(eye, target))

    def from_the_eye(self, view, lens):
        begins.zero_()
        return begins

    monkeypatch.setattr(Renderer, "_begins", from_the_eye)
    for ours, plain in zip(
        from_beams, bench.look(eye, target, lens, up=(0, 0, 1), **moving), strict=True
    ):
        assert np.isclose(ours, plain, rtol=1e-4, atol=1e-3).mean() > 0.9999


def test_ground(mission):
    """Cells are bilinear: each is handed to Embree as 8 x 8 pieces, which sag by microns."""
    n, cell, parts = 64, 0.1, 8
    level = even_level(0.12 * _rough(n), cell, SUN)
    bench = Bench(mission, levels=[level], air=clear_air(SUN), sun=SUN)
    # The tracer leaves a margin of two cells at a level's edge: the view stays inside.
    eye, target, lens = [-0.9, -1.2, 2.2], [0.3, 0.4, 0.0], pinhole(256, 256, 30.0)
    _, depth, _ = bench.look(eye, target, lens, jitter=0.0)
    at = np.arange((n - 1) * parts + 1) / parts
    i = np.minimum(at.astype(int), n - 2)
    u = at - i
    h = level.height_m.astype(float)
    rows = h[i] * (1 - u)[:, None] + h[i + 1] * u[:, None]
    fine = rows[:, i] * (1 - u) + rows[:, i + 1] * u
    x, y = np.meshgrid(at * cell + level.origin_m[0], at * cell + level.origin_m[1])
    m = len(at)
    a = (np.arange(m - 1)[:, None] * m + np.arange(m - 1)).ravel()
    faces = np.concatenate(
        [np.column_stack([a, a + 1, a + m + 1]), np.column_stack([a, a + m + 1, a + m])]
    )
    vertices = np.column_stack([x.ravel(), y.ravel(), fine.ravel()])
    d = (lens.grid() @ axes_of(eye, target, (0, 1, 0)).T).reshape(-1, 3)
    _compare(depth, _embree(vertices, faces, np.array(eye), d))
