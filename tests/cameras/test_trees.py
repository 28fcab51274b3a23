"""Trees of triangles against every triangle tried in double precision, and against bad caches."""

import numpy as np
import pytest
import warp as wp

from skycrane.cameras.forest import Forest
from skycrane.cameras.tree_layout import STACK, WIDE, layout_of, remembered_layout
from skycrane.cameras.tree_tiles import four_nearest, mat43
from skycrane.cameras.trees import Trees, tree_any, tree_nearest
from skycrane.compute import start_warp
from skycrane.vehicle.mesh import Shape

start_warp()
FAR = 1000.0


@wp.kernel(enable_backward=False)
def _shoot(
    s: Trees,
    surface: int,
    o: wp.array(dtype=wp.vec3),
    d: wp.array(dtype=wp.vec3),
    far: float,
    hit: wp.array(dtype=wp.vec4),
    met: wp.array(dtype=int),
):
    i = wp.tid()
    q = tree_nearest(s, surface, o[i], d[i], far)
    hit[i] = wp.vec4(q.t, float(q.face), q.u, q.v)
    met[i] = wp.where(tree_any(s, surface, o[i], d[i], far), 1, 0)


@wp.kernel(enable_backward=False)
def _shoot_four(
    s: Trees, o: wp.array(dtype=wp.vec3), d: wp.array(dtype=mat43), hit: wp.array2d(dtype=wp.vec4)
):
    i = wp.tid()
    q = four_nearest(s, 0, o[i], d[i], wp.vec4(1000.0, 1000.0, 0.0, 1000.0))
    for k in range(4):
        hit[i, k] = wp.vec4(q.t[k], float(q.face[k]), q.u[k], q.v[k])


def _shape(vertices, triangles):
    triangles = np.asarray(triangles, np.int32).reshape(-1, 3)
    return Shape(np.asarray(vertices, np.float32), triangles, np.zeros(len(triangles), np.int32))


def _soup(rng, count, size=0.3):
    """Triangles anywhere in a box of two metres, among them thin ones and points."""
    middle = rng.uniform(-1, 1, (count, 1, 3))
    corners = middle + size * rng.uniform(-1, 1, (count, 3, 3)) * rng.uniform(0, 1, (count, 1, 3))
    corners[::17] = corners[::17, :1]
    return _shape(corners.reshape(-1, 3), np.arange(3 * count))


def _forest(*shapes):
    forest = Forest([layout_of(s) for s in shapes], [s.triangles for s in shapes], device="cpu")
    for k, s in enumerate(shapes):
        forest.fit(k, s.vertices_m)
    return forest


def _shot(forest, surface, o, d, far=FAR):
    n = len(o)
    given = [wp.array(np.asarray(x, np.float32), dtype=wp.vec3, device="cpu") for x in (o, d)]
    hit, met = wp.zeros(n, dtype=wp.vec4, device="cpu"), wp.zeros(n, dtype=int, device="cpu")
    inputs = [forest.data, surface, *given, far, hit, met]
    wp.launch(_shoot, dim=n, inputs=inputs, device="cpu")
    return hit.numpy(), met.numpy().astype(bool)


def _every_triangle(shape, o, d):
    """Return distance (infinite for none) of the first triangle that each ray meets, one by one."""
    p, q, r = (shape.vertices_m[shape.triangles[:, k]].astype(float) for k in range(3))
    best, edge = np.full(len(o), np.inf), np.full(len(o), np.inf)
    for k in range(len(o)):
        h = np.cross(d[k], r - p)
        det = np.einsum("ij,ij->i", q - p, h)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("ij,ij->i", o[k] - p, h) / det
            g = np.cross(o[k] - p, q - p)
            v, t = g @ d[k] / det, np.einsum("ij,ij->i", r - p, g) / det
            inner = np.minimum(np.minimum(u, v), 1 - u - v)
        ok = (inner > 0) & (t > 0) & (np.abs(det) > 1e-14)
        best[k] = t[ok].min(initial=np.inf)
        near = (np.abs(det) > 1e-14) & (t > -1e-3) & (t < best[k] + 1e-3)
        edge[k] = np.abs(inner[near]).min(initial=np.inf)
    return best, edge


def _rays(rng, count):
    o = rng.normal(size=(count, 3)) * rng.choice([0.2, 4.0], (count, 1))
    d = rng.uniform(-1, 1, (count, 3)) - o * rng.choice([0, 1], (count, 1))
    d[::11] = np.eye(3)[rng.integers(0, 3, len(d[::11]))]
    return o.astype(np.float32).astype(float), _unit(d)


def _unit(d):
    return (d / np.linalg.norm(d, axis=1, keepdims=True)).astype(np.float32).astype(float)


@pytest.mark.parametrize("count", [1, 7, 9, 400])
def test_nearest_and_any_are_those_of_every_triangle_tried(count):
    rng = np.random.default_rng(count)
    shape = _soup(rng, count)
    o, d = _rays(rng, 1500)
    expected, edge = _every_triangle(shape, o, d)
    hit, met = _shot(_forest(_soup(rng, 30), shape), 1, o, d)
    clear = edge > 1e-4
    assert clear.mean() > 0.9
    found = np.where(hit[:, 0] < 0, np.inf, hit[:, 0])
    assert np.array_equal(np.isfinite(found), met)
    np.testing.assert_allclose(found[clear], expected[clear], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("apart", [0.0, 1e-3, 0.3, 2.0])
def test_four_rays_meet_what_each_meets_alone(apart):
    rng = np.random.default_rng(11)
    forest = _forest(_soup(rng, 3000))
    o, d = _rays(rng, 1200)
    four = _unit((d[:, None] + apart * rng.normal(size=(len(d), 4, 3))).reshape(-1, 3))
    four = four.reshape(-1, 4, 3)
    start = wp.array(o.astype(np.float32), dtype=wp.vec3, device="cpu")
    ways = wp.array(four.astype(np.float32), dtype=mat43, device="cpu")
    hit = wp.zeros((len(o), 4), dtype=wp.vec4, device="cpu")
    wp.launch(_shoot_four, dim=len(o), inputs=[forest.data, start, ways, hit], device="cpu")
    found, left_out = hit.numpy(), 2
    assert (found[:, left_out, 0] == -1).all()
    for k in (0, 1, 3):
        alone, met = _shot(forest, 0, o, four[:, k])
        assert 0.2 < met.mean() < 0.999
        # At an edge rounding may tell otherwise.
        same = found[:, k, 1] == alone[:, 1]
        assert same[met].mean() > 0.995
        assert ((found[:, k, 0] >= 0) == met).mean() > 0.998
        some = met & same
        np.testing.assert_allclose(found[some, k, 0], alone[some, 0], rtol=2e-5, atol=1e-5)
        np.testing.assert_allclose(found[some, k, 2:], alone[some, 2:], atol=5e-3)


def test_the_weights_of_the_corners_give_the_point_that_is_met():
    rng = np.random.default_rng(3)
    shape = _soup(rng, 300)
    o, d = _rays(rng, 800)
    hit, met = _shot(_forest(shape), 0, o, d)
    assert met.sum() > 100
    t, face, u, v = hit[met].T
    corners = shape.vertices_m[shape.triangles[face.astype(int)]].astype(float)
    weights = np.stack([u, v, 1 - u - v], axis=1)
    point = np.einsum("ij,ijk->ik", weights, corners)
    np.testing.assert_allclose(point, o[met] + d[met] * t[:, None], atol=2e-5)


def test_nothing_is_met_past_the_far_end():
    shape = _shape([[0, 0, 5], [1, 0, 5], [0, 1, 5]], [[0, 1, 2]])
    o, d = [[0.2, 0.2, 0]] * 2, [[0, 0, 1]] * 2
    assert not _shot(_forest(shape), 0, o, d, far=4.99)[1].any()
    assert _shot(_forest(shape), 0, o, d, far=5.01)[1].all()


def _ball(steps):
    """Return a sphere of radius 1 that is closed: neighbours share their vertices."""
    u, v = np.meshgrid(np.arange(2 * steps), np.arange(1, steps))
    a, b = np.pi * u.ravel() / steps, np.pi * v.ravel() / steps
    ring = np.stack([np.cos(a) * np.sin(b), np.sin(a) * np.sin(b), np.cos(b)], axis=1)
    n, triangles = 2 * steps, []
    for i in range(steps - 2):
        for j in range(n):
            p, q = i * n + j, i * n + (j + 1) % n
            triangles += [[p, p + n, q], [q, p + n, q + n]]
    last = (steps - 2) * n
    for j in range(n):
        triangles += [[len(ring), j, (j + 1) % n]]
        triangles += [[len(ring) + 1, last + (j + 1) % n, last + j]]
    return _shape([*ring, [0, 0, 1], [0, 0, -1]], triangles)


def test_no_ray_leaves_a_closed_body_between_two_triangles():
    shape = _ball(24)
    # Straight at vertices and at middles of edges, from within.
    corner = shape.vertices_m[shape.triangles]
    aims = np.concatenate([shape.vertices_m, (corner[:, 0] + corner[:, 1]) / 2])
    o = np.tile([0.11, -0.07, 0.05], (len(aims), 1))
    _, met = _shot(_forest(shape), 0, o, _unit(aims - o))
    assert met.all()
    n = len(aims)
    ways = np.repeat(_unit(aims - o)[:, None], 4, axis=1).astype(np.float32)
    hit = wp.zeros((n, 4), dtype=wp.vec4, device="cpu")
    start = wp.array(o.astype(np.float32), dtype=wp.vec3, device="cpu")
    ways = wp.array(ways, dtype=mat43, device="cpu")
    wp.launch(_shoot_four, dim=n, inputs=[_forest(shape).data, start, ways, hit], device="cpu")
    assert (hit.numpy()[:, [0, 1, 3], 0] > 0).all()


def test_a_shape_that_moved_is_met_where_it_is():
    rng = np.random.default_rng(5)
    before = _soup(rng, 200)
    after = before.with_vertices(before.vertices_m * [1.0, 0.4, 2.0] + [0.3, 0.0, -0.5])
    o, d = _rays(rng, 600)
    forest = _forest(before)
    forest.fit(0, after.vertices_m)
    moved, fresh = _shot(forest, 0, o, d)[0], _shot(_forest(after), 0, o, d)[0]
    np.testing.assert_allclose(moved[:, 0], fresh[:, 0], atol=1e-6)
    assert not np.allclose(moved, _shot(_forest(before), 0, o, d)[0])


def test_every_triangle_lies_in_one_leaf_however_odd_the_shape():
    rng = np.random.default_rng(7)
    same = _shape(np.tile(rng.normal(size=(3, 3)), (40, 1)), np.arange(120))
    # Each ten times as far and as large as the one before: halvings peel off one at a time.
    chain = _shape(
        np.concatenate(
            [10.0 ** (k - 30) * np.array([[1, 0, 0], [2, 0, 0], [1, 1, 0]]) for k in range(60)]
        ),
        np.arange(180),
    )
    for shape in (same, chain, _soup(rng, 1000)):
        layout = layout_of(shape)
        held = layout.face[layout.face >= 0]
        assert np.array_equal(np.sort(held), np.arange(len(shape.triangles)))
        assert (WIDE - 1) * (len(layout.depths) - 1) + 1 <= STACK


def test_a_surface_without_triangles_is_never_met():
    empty = _shape(np.zeros((3, 3)), np.zeros((0, 3)))
    _, met = _shot(_forest(empty, _ball(6)), 0, [[0, 0, 0]], [[0, 0, 1]])
    assert not met.any()


def test_a_damaged_tree_in_the_cache_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("skycrane.cameras.tree_layout.cache_directory", lambda: tmp_path)
    shape = _soup(np.random.default_rng(9), 100)
    made = remembered_layout(shape)
    (path,) = tmp_path.glob("tree-*.npz")
    again = remembered_layout(shape)
    assert np.array_equal(again.child, made.child)
    assert np.array_equal(again.face, made.face)
    # A node that is its own child would never end; a face beyond the last reads other memory.
    circle, beyond = made.child.copy(), made.face.copy()
    circle[circle > 0] = 0
    circle[-1, 0] = len(circle) - 1
    beyond[0, 0] = 10**6
    for child, face in ((circle, made.face), (made.child, beyond)):
        np.savez(path, child=child, depths=np.array(made.depths), face=face)
        assert np.array_equal(remembered_layout(shape).face, made.face)
    path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(remembered_layout(shape).child, made.child)
