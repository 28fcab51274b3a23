"""Rays for the truth: one through each photosite's centre, at the instant of the frame."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import Bodies, BodyHit, body_hit, body_shadow
from skycrane.cameras.heightfield import Ground, datum_height, sample_light, trace_ground
from skycrane.cameras.strands import Strands, cover_by_strands

__all__ = ["DISC_RAYS", "Eye", "Later", "hidden_kernel", "truth_kernel"]

wp.set_module_options({"enable_backward": False})

DISC_RAYS = 32
"""Points on the sun's disk that visibility is counted by; the first 8 alone where they agree."""

_FAR = wp.constant(140000.0)
_DISC = wp.constant(DISC_RAYS)
_PROBES = wp.constant(8)


@wp.struct
class Eye:
    """A camera at one instant.

    Attributes:
        at: optical centre in the local frame, m.
        turn: rotation from the optical frame to the local one.
        cone: angle of a photosite, rad.
        sun: toward the sun, local axes.
        half_sun: the sun's angular radius, rad.
        cord_body, cord_material: what cords count as.
        cord_width: four times the half width of the widest cord, m.
    """

    at: wp.vec3
    turn: wp.mat33
    cone: float
    sun: wp.vec3
    half_sun: float
    cord_body: int
    cord_material: int
    cord_width: float


@wp.struct
class Later:
    """Where everything is in the camera's next frame.

    Attributes:
        active: 0 where there is no next frame.
        shift: from the eye then to the eye now, local axes, m.
        back: rotation from the local frame to the optical one of then.
        origin: of each surface, from the eye then, local axes, m.
        turn: rotations from the surfaces' frames to the local one.
        present: which surfaces exist then.
        first: first vertex of each surface in `moved`, -1 where its shape stays as it is.
        moved: how far each vertex moves within its surface's frame, m.
        cords: how many cords there are then.
        start, end: ends of the cords from the eye then, local axes, m.
    """

    active: int
    shift: wp.vec3
    back: wp.mat33
    origin: wp.array(dtype=wp.vec3)
    turn: wp.array(dtype=wp.mat33)
    present: wp.array(dtype=int)
    first: wp.array(dtype=int)
    moved: wp.array(dtype=wp.vec3)
    cords: int
    start: wp.array(dtype=wp.vec3)
    end: wp.array(dtype=wp.vec3)


@wp.func
def _level_met(g: Ground, p: wp.vec3, t: float, cone: float) -> int:
    """Return the grid that a ray met the ground on, by the rule that `trace_ground` goes by."""
    m = g.levels.shape[0] - 1
    while m > 0:
        lv = g.levels[m]
        reach = float(lv.count - 1) * lv.cell
        edge = wp.min(
            wp.min(p[0] - lv.x0, lv.x0 + reach - p[0]), wp.min(p[1] - lv.y0, lv.y0 + reach - p[1])
        )
        if t <= 1.2 * lv.cell / cone and edge >= 2.0 * lv.cell:
            return m
        m -= 1
    return int(0)


@wp.func
def _ground_normal(g: Ground, p: wp.vec3, t: float, cone: float) -> wp.vec3:
    """Return the normal of the bilinear cell that was met, on the curved datum."""
    lv = g.levels[_level_met(g, p, t, cone)]
    x = (p[0] - lv.x0) / lv.cell
    y = (p[1] - lv.y0) / lv.cell
    j = wp.clamp(int(wp.floor(x)), 0, lv.count - 2)
    i = wp.clamp(int(wp.floor(y)), 0, lv.count - 2)
    u = x - float(j)
    v = y - float(i)
    at = lv.heights + i * lv.count + j
    a = g.heights[at]
    b = g.heights[at + 1]
    c = g.heights[at + lv.count]
    d = g.heights[at + lv.count + 1]
    east = ((b - a) * (1.0 - v) + (d - c) * v) / lv.cell
    north = ((c - a) * (1.0 - u) + (d - b) * u) / lv.cell
    bend = 2.0 * g.curvature
    return wp.normalize(
        wp.vec3(bend * (p[0] + g.focus[0]) - east, bend * (p[1] + g.focus[1]) - north, 1.0)
    )


@wp.func
def _relief_sun(g: Ground, p: wp.vec3, t: float, cone: float, sun: wp.vec3) -> float:
    """Return how much of the sun the relief leaves at a point, from the light baked there.

    The grid and the step of its pyramid are those the footage takes, without its chances.
    """
    foot = wp.max(t * cone, 1.0e-4)
    chosen = int(0)
    for m in range(g.levels.shape[0]):
        lv = g.levels[m]
        reach = float(lv.count - 1) * lv.cell
        edge = wp.min(
            wp.min(p[0] - lv.x0, lv.x0 + reach - p[0]), wp.min(p[1] - lv.y0, lv.y0 + reach - p[1])
        )
        if m == 0 or (edge > 3.0 * lv.cell + 0.03 * reach and g.levels[chosen].cell > foot):
            chosen = m
    lv = g.levels[chosen]
    sharp = wp.clamp(wp.log2(wp.max(foot / lv.cell, 1.0e-6)) - 0.3, 0.0, 9.0)
    light = sample_light(g, lv, int(sharp + 0.5), p[0], p[1])
    flat = light[1] * light[1] + light[2] * light[2]
    n = wp.vec3(light[1], light[2], wp.sqrt(wp.max(1.0 - flat, 0.01)))
    facing = wp.dot(n, sun)
    if facing < 0.02:
        return float(0.0)
    return wp.clamp(light[0] / facing, 0.0, 1.0)


@wp.func
def _bodies_sun(b: Bodies, p: wp.vec3, sun: wp.vec3, half_sun: float) -> float:
    """Return the share of the sun's disk that no body covers."""
    helper = wp.where(wp.abs(sun[0]) < 0.7, wp.vec3(1.0, 0.0, 0.0), wp.vec3(0.0, 1.0, 0.0))
    e1 = wp.normalize(wp.cross(sun, helper))
    e2 = wp.cross(sun, e1)
    free = int(0)
    for n in range(_DISC):
        if n == _PROBES and (free == 0 or free == _PROBES):
            return wp.where(free == 0, 0.0, 1.0)
        # Points of a sunflower (Vogel 1979), its rim first: what comes over the disk's edge is met
        # by one of the first 8 before it covers a fiftieth.
        k = int(_DISC) - 1 - n
        r = half_sun * wp.sqrt((float(k) + 0.5) / float(_DISC))
        a = 2.39996323 * float(k)
        d = wp.normalize(sun + e1 * (r * wp.cos(a)) + e2 * (r * wp.sin(a)))
        if not body_shadow(b, p, d):
            free += 1
    return float(free) / float(_DISC)


@wp.func
def _cord(s: Strands, row: int, column: int, d: wp.vec3, far: float, cone: float) -> wp.vec3:
    """Return (number, share of its length, distance) of the nearest cord; number -1 for none."""
    best = wp.vec3(-1.0, 0.0, far)
    i = row >> 4
    j = column >> 4
    for k in range(s.first.shape[2]):
        n = int(s.first[i, j, k])
        if n < 0:
            break
        a = s.start[n]
        along = s.end[n] - a
        cross = wp.cross(d, along)
        size = wp.max(wp.dot(cross, cross), 1.0e-12)
        t = wp.dot(wp.cross(a, along), cross) / size
        u = wp.dot(wp.cross(a, d), cross) / size
        gap = wp.abs(wp.dot(a, cross)) / wp.sqrt(size)
        touched = u >= 0.0 and u <= 1.0 and gap < s.radius[n] + 0.5 * cone * t
        if touched and t > 0.02 and t < best[2]:
            best = wp.vec3(float(n), u, t)
    return best


@wp.func
def _even_ground(g: Ground, o: wp.vec3, d: wp.vec3) -> float:
    """Return the distance to the datum beyond the grids, or -1; open sky as the footage has it."""
    high = datum_height(g, o)
    if d[2] >= 0.0 or high >= 0.25 * d[2] * d[2] / g.curvature:
        return float(-1.0)
    # Height over the datum along the ray is a quadratic of its length.
    a = g.curvature * (d[0] * d[0] + d[1] * d[1])
    b = d[2] + 2.0 * g.curvature * ((o[0] + g.focus[0]) * d[0] + (o[1] + g.focus[1]) * d[1])
    disc = b * b - 4.0 * a * high
    if disc < 0.0 or b >= 0.0:
        return -high / d[2]
    return 2.0 * high / (wp.sqrt(disc) - b)


@wp.func
def _body_normal(b: Bodies, hit: BodyHit, d: wp.vec3) -> wp.vec3:
    """Return the smoothed normal that the footage shades with, on the side that is seen."""
    at = 3 * (b.first[hit.surface] + hit.face)
    w = 1.0 - hit.u - hit.v
    n = b.normal[at] * hit.u + b.normal[at + 1] * hit.v + b.normal[at + 2] * w
    n = wp.normalize(b.turn[hit.surface] * n)
    if wp.dot(n, d) > 0.0:
        n = n * -1.0
    return n


@wp.func
def _body_then(b: Bodies, later: Later, hit: BodyHit, r: wp.vec3) -> wp.vec3:
    """Return where a point of a body, `r` from the eye now, is from the eye then; else 0."""
    k = hit.surface
    if later.present[k] == 0:
        return wp.vec3(0.0, 0.0, 0.0)
    p = wp.transpose(b.turn[k]) * (r - b.origin[k])
    if later.first[k] >= 0:
        triangle = b.first[k] + hit.face
        at = later.first[k]
        w = 1.0 - hit.u - hit.v
        p += later.moved[at + b.vertices[triangle, 0]] * hit.u
        p += later.moved[at + b.vertices[triangle, 1]] * hit.v
        p += later.moved[at + b.vertices[triangle, 2]] * w
    return later.turn[k] * p + later.origin[k]


@wp.kernel(enable_backward=False)
def truth_kernel(
    row0: int,
    eye: Eye,
    directions: wp.array2d(dtype=wp.vec3),
    ground: Ground,
    bodies: Bodies,
    strands: Strands,
    later: Later,
    want_sun: int,
    depth: wp.array2d(dtype=float),
    body: wp.array2d(dtype=wp.uint8),
    material: wp.array2d(dtype=wp.uint8),
    normal: wp.array2d(dtype=wp.vec3),
    sun: wp.array2d(dtype=float),
    target: wp.array2d(dtype=wp.vec3),
):
    """Fill the truth of every photosite.

    `bodies` and `strands` are placed from the eye, not in the local frame: single precision then
    keeps a rivet in its place from any height. `target` is where the point seen lies in the optical
    frame of the next frame, all zero where it is nowhere.
    """
    i, j = wp.tid()
    i += row0
    nowhere = wp.vec3(0.0, 0.0, 0.0)
    d = wp.normalize(eye.turn * directions[i, j])
    near = float(_FAR)
    hit = body_hit(bodies, i, j, nowhere, d, near)
    if hit.t >= 0.0:
        near = hit.t
    met = int(0)
    made = int(0)
    lit = float(wp.nan)
    t = trace_ground(ground, eye.at, d, eye.cone, near)
    n = wp.vec3(wp.nan, wp.nan, wp.nan)
    r = nowhere
    then = nowhere
    if t >= 0.0 and t < near:
        met = int(1)
        r = d * t
        n = _ground_normal(ground, eye.at + r, t, eye.cone)
        then = r + later.shift
    elif hit.t >= 0.0:
        t = hit.t
        met = hit.surface + 2
        r = d * t
        n = _body_normal(bodies, hit, d)
        made = bodies.kind[bodies.material[bodies.first[hit.surface] + hit.face]] + 2
        if later.active != 0:
            then = _body_then(bodies, later, hit, r)
    else:
        t = _even_ground(ground, eye.at, d)
        if t >= 0.0:
            met = int(1)
            r = d * t
            bend = 2.0 * ground.curvature
            n = wp.normalize(
                wp.vec3(
                    bend * (eye.at[0] + r[0] + ground.focus[0]),
                    bend * (eye.at[1] + r[1] + ground.focus[1]),
                    1.0,
                )
            )
            then = r + later.shift
    if strands.count > 0:
        behind = wp.where(t > 0.0, t, float(_FAR))
        cover = cover_by_strands(strands, i, j, nowhere, d, behind, eye.cone)
        if cover[0] > 0.5:
            cord = _cord(strands, i, j, d, behind, eye.cone)
            k = int(cord[0])
            if k >= 0:
                t = cord[2]
                met = eye.cord_body
                made = eye.cord_material
                r = d * t
                axis = wp.normalize(strands.end[k] - strands.start[k])
                n = wp.normalize(axis * wp.dot(d, axis) - d)
                then = nowhere
                if later.active != 0 and k < later.cords:
                    a = later.start[k] - strands.start[k]
                    e = later.end[k] - strands.end[k]
                    then = r + a + (e - a) * cord[1]
    if met == 1:
        made = int(1)
    if want_sun != 0 and met > 0:
        facing = wp.dot(n, eye.sun)
        lit = float(0.0)
        if facing > 0.0:
            lit = float(1.0)
            if met == 1:
                lit = _relief_sun(ground, eye.at + r, t, eye.cone, eye.sun)
            if lit > 0.0:
                lit *= _bodies_sun(bodies, r + n * 4.0e-3, eye.sun, eye.half_sun)
    depth[i, j] = t
    body[i, j] = wp.uint8(met)
    material[i, j] = wp.uint8(made)
    normal[i, j] = wp.transpose(eye.turn) * n
    sun[i, j] = lit
    if later.active != 0 and met > 0 and wp.dot(then, then) > 0.0:
        target[i, j] = later.back * then
    else:
        target[i, j] = nowhere


@wp.kernel(enable_backward=False)
def hidden_kernel(
    row0: int,
    eye: Eye,
    ground: Ground,
    bodies: Bodies,
    strands: Strands,
    target: wp.array2d(dtype=wp.vec3),
    pixel: wp.array2d(dtype=wp.vec2),
    body: wp.array2d(dtype=wp.uint8),
    normal: wp.array2d(dtype=wp.vec3),
    turn_of_normal: wp.mat33,
    hidden: wp.array2d(dtype=wp.uint8),
):
    """Tell of points, placed in a view's optical frame, which of them something else covers.

    `eye`, `bodies` and `strands` are those of that view. `pixel` is where the points fall (column,
    row; NaN is skipped); `turn_of_normal` takes normals to the local frame. Near and far the ground
    has grids of different steps, so that its point may lie a little below a finer grid: the less
    the ray slants, the less this counts.
    """
    i, j = wp.tid()
    i += row0
    hidden[i, j] = wp.uint8(0)
    x = pixel[i, j][0]
    y = pixel[i, j][1]
    if wp.isnan(x) or wp.isnan(y):
        return
    nowhere = wp.vec3(0.0, 0.0, 0.0)
    reach = wp.length(target[i, j])
    d = wp.normalize(eye.turn * target[i, j])
    row = int(y + 0.5)
    column = int(x + 0.5)
    slack = 3.0e-3 + 2.0e-4 * reach
    if body[i, j] == wp.uint8(1):
        slant = wp.abs(wp.dot(turn_of_normal * normal[i, j], d))
        slack += 1.5 * reach * eye.cone / wp.max(slant, 0.05)
    if int(body[i, j]) == eye.cord_body:
        # A cord's point lies where the ray came closest to its middle, elsewhere for another ray.
        slack += eye.cord_width
    far = reach - slack
    if far <= 0.0:
        return
    hit = body_hit(bodies, row, column, nowhere, d, far)
    covered = hit.t >= 0.0
    if not covered:
        t = trace_ground(ground, eye.at, d, eye.cone, far)
        covered = t >= 0.0 and t < far
    if not covered and strands.count > 0:
        covered = cover_by_strands(strands, row, column, nowhere, d, far, eye.cone)[0] > 0.5
    if covered:
        hidden[i, j] = wp.uint8(1)
