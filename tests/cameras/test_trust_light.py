"""Light that must come out right: a furnace, a Lambert patch and a shadow, against Mitsuba 3."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
import warp as wp
from scipy.ndimage import binary_erosion, distance_transform_edt
from trust_builders import ALBEDO_TOP, Bench, clear_air, even_level, pinhole

from skycrane.vehicle.mesh import Shape

SUN = np.array([-0.6, 0.2, 0.0])
SUN[2] = np.sqrt(1 - SUN @ SUN)
ACROSS_DEG = 40.0


def _shape(vertices, triangles):
    m = len(triangles)
    return Shape(
        np.asarray(vertices, np.float32), np.asarray(triangles, np.int32), np.zeros(m, np.int32)
    )


def _square(half, height, tilt_deg=0.0):
    a = np.radians(tilt_deg)
    x = half * np.array([-1, 1, 1, -1])
    y = half * np.array([-1, -1, 1, 1])
    vertices = np.column_stack([x * np.cos(a), y, height + x * np.sin(a)])
    return _shape(vertices, [[0, 1, 2], [0, 2, 3]])


def _peer(mi, folder, objects, eye, target, lens, *, samples, sun=SUN):
    """Return Mitsuba's radiance (height, width) of (shape, reflectance) under the sun alone."""
    at = mi.ScalarTransform4f().look_at(origin=eye, target=target, up=[0, 1, 0])
    film = {"type": "hdrfilm", "width": lens.width, "height": lens.height}
    scene = {
        "type": "scene",
        "integrator": {"type": "direct"},
        "sun": {"type": "directional", "direction": (-sun).tolist(), "irradiance": 1.0},
        "sensor": {
            "type": "perspective",
            "fov": ACROSS_DEG,
            "fov_axis": "x",
            "to_world": at,
            "film": {**film, "rfilter": {"type": "box"}, "pixel_format": "luminance"},
            "sampler": {"type": "independent", "sample_count": samples},
        },
    }
    for k, (shape, reflectance) in enumerate(objects):
        mesh = mi.Mesh(f"m{k}", len(shape.vertices_m), len(shape.triangles))
        given = mi.traverse(mesh)
        given["vertex_positions"] = shape.vertices_m.ravel().astype(np.float32)
        given["faces"] = shape.triangles.ravel().astype(np.uint32)
        given.update()
        mesh.write_ply(str(folder / f"m{k}.ply"))
        bsdf = {"type": "diffuse", "reflectance": {"type": "rgb", "value": reflectance}}
        scene[f"m{k}"] = {
            "type": "ply",
            "filename": str(folder / f"m{k}.ply"),
            "face_normals": True,
            "bsdf": {"type": "twosided", "material": bsdf},
        }
    return np.asarray(mi.render(mi.load_dict(scene)))[..., 0]


@pytest.fixture(scope="module")
def mi():
    mitsuba = pytest.importorskip("mitsuba")
    mitsuba.set_variant("scalar_rgb")
    return mitsuba


def test_white_furnace(mission):
    """A convex white body in even light from all sides cannot be told from the light."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
    bench = Bench(
        mission,
        shapes={"rover": _shape(ball.vertices, ball.faces)},
        air=clear_air(SUN, beam=False, glow=1.0),
        sun=SUN,
        white=True,
    )
    for eye in ([0.0, -4.0, 1.0], [3.0, 0.0, -2.5], [0.5, 1.0, 4.0]):
        light, _, body = bench.look(eye, [0, 0, 0], pinhole(64, 64, ACROSS_DEG), up=(0, 0, 1))
        ball_seen = body > 1
        assert ball_seen.sum() > 900
        # Ground is never white; what stands far below one of the views is left out.
        assert np.abs(light[body != 1] - 1.0).max() < 0.005


FINISHES = [(0.9, 0.25, 0.0), (0.5, 0.6, 0.0), (0.3, 1.0, 0.0), (0.6, 0.4, 0.5)]


@pytest.mark.parametrize("finish", FINISHES)
def test_glossy_furnace(mission, finish):
    """What the gloss mirrors the matt ground under it does not get: white is white."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
    shape = _shape(ball.vertices, ball.faces)
    air = clear_air(SUN, beam=False, glow=1.0)
    bench = Bench(mission, shapes={"rover": shape}, air=air, sun=SUN, white=True)
    bench.bodies.data.finish.fill_(wp.vec3(*finish))
    lens = pinhole(64, 64, ACROSS_DEG)
    light, _, body = bench.look([0.0, -4.0, 1.0], [0, 0, 0], lens, up=(0, 0, 1))
    assert (body > 1).sum() > 900
    assert np.abs(light[body > 1] - 1.0).max() < 0.005


def _lobe_returns(power, from_rad, steps=600):
    """Return the integral of cos^power of the half angle times the sun's cosine over all suns."""
    u = (np.arange(steps) + 0.5) / steps
    turn = 2 * np.pi * (np.arange(200) + 0.5) / 200
    c = u ** (1 / (power + 1))
    s = np.sqrt(1 - c * c)
    half = np.stack([np.outer(s, np.cos(turn)), np.outer(s, np.sin(turn)), np.outer(c, turn**0)], 2)
    view = np.array([np.sin(from_rad), 0.0, np.cos(from_rad)])
    meets = half @ view
    sun_z = 2 * meets * half[..., 2] - view[2]
    each = np.where((meets > 0) & (sun_z > 0), 4 * meets * sun_z, 0.0)
    return float(each.mean()) * 2 * np.pi / (power + 1)


@pytest.mark.parametrize("finish", FINISHES[:3])
def test_a_glossy_patch_mirrors_the_sun_and_returns_no_more_than_comes(mission, finish):
    """At the mirrored view the lobe has the height at which it sends back all that comes along
    the normal (by quadrature); from every other side it then sends back less."""
    bench = Bench(
        mission, shapes={"rover": _square(8.0, 0.0)}, air=clear_air(SUN), sun=SUN, white=True
    )
    bench.bodies.data.finish.fill_(wp.vec3(*finish))
    power = 2.0 / finish[1] ** 4 - 1.0
    height = 1.0 / _lobe_returns(power, 0.0)
    for from_rad in np.radians([0, 20, 45, 70, 85]):
        assert height * _lobe_returns(power, from_rad) < 1.005
    light, _, _ = bench.look(5.0 * SUN * [-1, -1, 1], [0, 0, 0], pinhole(3, 3, 0.05), jitter=0.0)
    share = finish[0] * (0.55 + 0.45 * (1.0 - SUN[2]) ** 3)
    expected = (1.0 - share) * SUN[2] / np.pi + share * height * SUN[2]
    assert light[1, 1] == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("tilt_deg", [-35.0, 0.0, 25.0])
def test_lambert_patch_of_a_body(mission, mi, tmp_path, tilt_deg):
    square = _square(8.0, 0.0, tilt_deg)
    bench = Bench(mission, shapes={"rover": square}, air=clear_air(SUN), sun=SUN, white=True)
    eye, lens = [0.3, -1.0, 5.0], pinhole(32, 32, ACROSS_DEG)
    light, _, body = bench.look(eye, [0, 0, 0], lens)
    a = np.radians(tilt_deg)
    expected = max(np.dot([-np.sin(a), 0, np.cos(a)], SUN), 0.0) / np.pi
    assert (body > 1).all()
    assert light == pytest.approx(expected, rel=0.01)
    peer = _peer(mi, tmp_path, [(square, 1.0)], eye, [0, 0, 0], lens, samples=256)
    assert light == pytest.approx(peer, rel=0.01)


def test_lambert_patch_of_the_ground(mission, mi, tmp_path):
    level = even_level(np.zeros((512, 512)), 0.05, SUN)
    bench = Bench(mission, levels=[level], air=clear_air(SUN), sun=SUN)
    eye, lens = [0.3, -1.0, 8.0], pinhole(32, 32, ACROSS_DEG)
    light, _, body = bench.look(eye, [0, 0, 0], lens)
    assert (body == 1).all()
    assert light == pytest.approx(ALBEDO_TOP * SUN[2] / np.pi, rel=0.01)
    peer = _peer(
        mi, tmp_path, [(_square(12.0, 0.0), ALBEDO_TOP)], eye, [0, 0, 0], lens, samples=256
    )
    assert light == pytest.approx(peer, rel=0.01)


def _edge(dark):
    return dark & ~binary_erosion(dark, border_value=1)


def test_shadow_edge(mission, mi, tmp_path):
    """The line at half light lies within a photosite of Mitsuba's, from either to the other."""
    square = _square(0.8, 1.5, 12.0)
    level = even_level(np.zeros((512, 512)), 0.025, SUN)
    bench = Bench(
        mission, shapes={"rover": square}, levels=[level], air=clear_air(SUN), sun=SUN, white=True
    )
    eye, target, lens = [0.9, -0.7, 8.0], [0.5, 0.0, 0.0], pinhole(160, 128, ACROSS_DEG)
    light, _, body = bench.look(eye, target, lens, samples=16)
    floor = _square(6.0, 0.0)
    peer = _peer(mi, tmp_path, [(floor, ALBEDO_TOP), (square, 1.0)], eye, target, lens, samples=16)
    half = 0.5 * ALBEDO_TOP * SUN[2] / np.pi
    ours, theirs = _edge(light < half), _edge(peer < half)
    assert ours.sum() > 80
    assert (body > 1).sum() > 500
    assert distance_transform_edt(~theirs)[ours].max() <= 1.0
    assert distance_transform_edt(~ours)[theirs].max() <= 1.0
