"""Cloth of the canopy: dark at its seams, shining across its threads, lit by itself inside."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy.spatial.transform import Rotation

from skycrane.cameras.cloth import cavity_of, sewn, weave_shine
from skycrane.mission import load_mission
from skycrane.vehicle.materials import PAINTS, material_id
from skycrane.vehicle.mesh import Shape
from skycrane.vehicle.shapes import Bodies

GORES = 80
RADIUS_M = 4.0


@wp.kernel
def _cloth(
    turn: wp.mat33,
    places: wp.array(dtype=wp.vec3),
    d: wp.vec3,
    sun: wp.vec3,
    foot: float,
    out: wp.array(dtype=wp.vec4),
    shine: wp.array(dtype=float),
):
    i = wp.tid()
    n = turn * wp.vec3(0.0, 0.0, 1.0)
    cloth = sewn(turn, places[i], n, 80.0, foot)
    out[i] = wp.vec4(cloth.normal[0], cloth.normal[1], cloth.normal[2], cloth.sheer)
    shine[i] = weave_shine(turn, cloth, d, sun)


def cloth_at(azimuth, *, turn=None, off_deg=20.0, foot=0.15):
    """Return normals, sheerness and shine around a circle of flat cloth, seen straight from below.

    The sun is behind it, `off_deg` from the way of sight toward azimuth 0.
    """
    turn = np.eye(3) if turn is None else turn
    places = RADIUS_M * np.column_stack([np.cos(azimuth), np.sin(azimuth), 0.0 * azimuth])
    off = np.radians(off_deg)
    d, sun = np.array([0.0, 0.0, -1.0]), np.array([np.sin(off), 0.0, -np.cos(off)])
    given = wp.array((places @ turn.T).astype(np.float32), dtype=wp.vec3, device="cpu")
    out = wp.zeros(len(places), dtype=wp.vec4, device="cpu")
    shine = wp.zeros(len(places), dtype=float, device="cpu")
    inputs = [wp.mat33(*turn.ravel()), given, wp.vec3(*(turn @ d)), wp.vec3(*(turn @ sun))]
    wp.launch(_cloth, dim=len(places), inputs=[*inputs, foot, out, shine], device="cpu")
    return out.numpy()[:, :3], out.numpy()[:, 3], shine.numpy()


def test_cloth_is_dark_at_the_seams_and_nowhere_else():
    gore = np.arange(GORES)
    seam = cloth_at((gore + 1e-4) * 2 * np.pi / GORES, foot=0.02)[1]
    middle = cloth_at((gore + 0.5) * 2 * np.pi / GORES, foot=0.02)[1]
    assert (middle == 1.0).all()
    assert (seam < 0.5).all()


def test_a_tape_takes_the_same_light_however_coarsely_it_is_seen():
    azimuth = (np.arange(200_000) + 0.5) / 200_000 * 2 * np.pi
    taken = [1.0 - cloth_at(azimuth, foot=foot)[1].mean() for foot in (0.005, 0.02, 0.05, 0.1)]
    assert taken == pytest.approx([taken[0]] * 4, rel=0.02)


def test_cloth_stays_as_the_canopy_turns():
    azimuth = np.random.default_rng(1).uniform(0, 2 * np.pi, 500)
    turn = Rotation.from_euler("xyz", [0.4, -0.7, 2.0]).as_matrix()
    normal, sheer, shine = cloth_at(azimuth, foot=0.02)
    turned, same, again = cloth_at(azimuth, turn=turn, foot=0.02)
    assert np.abs(normal @ turn.T - turned).max() < 2e-3
    assert np.abs(sheer - same).max() < 2e-2
    assert np.median(np.abs(shine - again)) < 1e-2


def test_gores_shine_whose_threads_lie_across_the_way_to_the_sun():
    gore = np.arange(GORES)
    shine = cloth_at((gore + 0.5) * 2 * np.pi / GORES)[2]
    # Cut on the bias, that is those at 45 degrees to either side of the sun and away from it.
    best = np.sort((np.argsort(shine)[-8:] + 0.5) * 360 / GORES % 90)
    assert (np.abs(best - 45) < 8).all()
    assert shine.max() > 10 * np.median(shine)
    # Before the sun itself all cloth shines.
    assert cloth_at((gore + 0.5) * 2 * np.pi / GORES, off_deg=0.5)[2].min() > shine.max()


def _half_sphere(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return directions and area of equal patches of half a sphere of radius 1, z up."""
    k = np.arange(count) + 0.5
    z, turn = k / count, 2.39996323 * k
    r = np.sqrt(1 - z * z)
    return np.column_stack([r * np.cos(turn), r * np.sin(turn), z]), 2 * np.pi / count


def test_light_inside_is_what_patches_of_half_a_sphere_send_each_other():
    points, area = _half_sphere(1500)
    white = PAINTS.albedo[material_id("nylon_white")].astype(float)
    thin = float(PAINTS.finish[material_id("nylon_white"), 2])
    apart = points[None] - points[:, None]
    square = (apart**2).sum(axis=2) + np.eye(len(points))
    # cos cos over pi distance squared, normals toward the middle.
    cosine = np.einsum("ijk,ik->ij", apart, -points)
    form = cosine * cosine.T / (np.pi * square**2) * area
    np.fill_diagonal(form, 0.0)
    through, kept = white[0] * thin, white[0] * (1 - thin)
    sent = through * points[:, 2]
    light = np.linalg.solve(np.eye(len(points)) - kept * form, form @ sent)
    triangle = Shape(
        np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32),
        np.array([[0, 1, 2]], np.int32),
        np.array([material_id("nylon_white")], np.int32),
    )
    assert cavity_of(triangle, PAINTS)[0] == pytest.approx(light.mean(), rel=0.03)


def test_what_is_no_cloth_has_no_light_inside():
    triangle = Shape(
        np.eye(3, dtype=np.float32),
        np.array([[0, 1, 2]], np.int32),
        np.array([material_id("titanium")], np.int32),
    )
    assert (cavity_of(triangle, PAINTS) == 0.0).all()


@wp.kernel
def _hidden(
    mesh: wp.uint64, points: wp.array(dtype=wp.vec3), sun: wp.vec3, out: wp.array(dtype=int)
):
    i = wp.tid()
    out[i] = int(wp.mesh_query_ray_anyhit(mesh, points[i], sun, 100.0))


@pytest.mark.parametrize("angle_deg", [0.0, 25.0, 50.0])
def test_nothing_of_a_full_canopy_keeps_the_sun_from_the_back_of_its_disk(angle_deg: float):
    bodies = Bodies(load_mission("mars2020"))
    gores, disk = bodies.sewn
    assert gores == GORES
    shape = bodies.canopy_shape(inflation=1.0, deployed_length_m=bodies.parachute_length_m)
    corner = shape.vertices_m[shape.triangles[:disk]].astype(float)
    middle = corner.mean(axis=1)
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(normal, axis=1)
    normal /= area[:, None]
    outward = np.sign(np.einsum("ij,ij->i", normal, middle - [0.0, 0.0, 2.0]))[:, None] * normal
    angle = np.radians(angle_deg)
    sun = np.array([np.sin(angle), 0.0, -np.cos(angle)])
    lit = outward @ sun > 0.0
    mesh = wp.Mesh(
        wp.array(shape.vertices_m, dtype=wp.vec3, device="cpu"),
        wp.array(shape.triangles.ravel(), dtype=int, device="cpu"),
    )
    start = (middle + 4e-3 * outward)[lit].astype(np.float32)
    out = wp.zeros(len(start), dtype=int, device="cpu")
    given = wp.array(start, dtype=wp.vec3, device="cpu")
    wp.launch(_hidden, dim=len(start), inputs=[mesh.id, given, wp.vec3(*sun), out], device="cpu")
    # Bulges throw a little shadow on their neighbours where the sun grazes them.
    light = area[lit] * (outward @ sun)[lit]
    assert lit.mean() > 0.85
    assert light @ out.numpy() < 0.02 * light.sum()
