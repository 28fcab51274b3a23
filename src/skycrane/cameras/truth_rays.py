"""Rays for the truth: one through each photosite's centre, at the instant of the frame."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import Bodies, BodyHit, body_hit, body_normal
from skycrane.cameras.dust import DustState
from skycrane.cameras.heightfield import Ground, trace_ground
from skycrane.cameras.pupil import Pupil, pupil_start
from skycrane.cameras.strands import (
    Strands,
    cell_of,
    cord_across,
    cord_at,
    cord_body,
    cord_facing,
    cord_front,
)
from skycrane.cameras.truth_ground import datum_normal, even_ground, ground_normal, relief_sun
from skycrane.cameras.truth_light import bodies_sun, through_dust

__all__ = ["Eye", "Later", "truth_kernel"]

wp.set_module_options({"enable_backward": False})

_FAR = wp.constant(140000.0)


@wp.struct
class Eye:
    """A camera at one instant.

    Attributes:
        at: optical centre in the local frame, m.
        turn: rotation from the optical frame to the local one.
        cone: angle of a photosite, rad.
        pupil: how the entrance pupil moves.
        sun: toward the sun, local axes.
        half_sun: the sun's angular radius, rad.
        cord_material: what cords are made of, by their kind.
        cord_width: four times the half width of the widest cord, m.
    """

    at: wp.vec3
    turn: wp.mat33
    cone: float
    pupil: Pupil
    sun: wp.vec3
    half_sun: float
    cord_material: wp.vec3i
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
        cords: how many pieces of cords there are then.
        start, end: ends of the cords' pieces from the eye then, local axes, m.
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


@wp.struct
class Met:
    """What a ray met.

    Attributes:
        t: distance from where the ray starts, m; -1 for open sky.
        body, material: ids, 0 for open sky.
        at: the point from the optical centre, local axes, m.
        normal: unit vector on the side that is seen; NaN for open sky.
        then: where the point is from the eye in the next frame, local axes, m; 0 for nowhere.
    """

    t: float
    body: int
    material: int
    at: wp.vec3
    normal: wp.vec3
    then: wp.vec3


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


@wp.func
def _on_ground(met: Met, o: wp.vec3, d: wp.vec3, t: float, later: Later) -> Met:
    """Return `met` moved to a point of the ground; its normal is still to be set."""
    met.t = t
    met.body = int(1)
    met.material = int(1)
    met.at = o + d * t
    met.then = met.at + later.shift
    return met


@wp.func
def _surface_met(
    eye: Eye,
    ground: Ground,
    bodies: Bodies,
    later: Later,
    row: int,
    column: int,
    o: wp.vec3,
    d: wp.vec3,
) -> Met:
    """Return what a ray meets of bodies and ground; it starts at `o` from the optical centre."""
    met = Met()
    met.normal = wp.vec3(wp.nan, wp.nan, wp.nan)
    near = float(_FAR)
    hit = body_hit(bodies, row, column, o, d, near)
    if hit.t >= 0.0:
        near = hit.t
    t = trace_ground(ground, eye.at + o, d, eye.cone, near)
    if t >= 0.0 and t < near:
        met = _on_ground(met, o, d, t, later)
        met.normal = ground_normal(ground, eye.at + met.at, t, eye.cone)
    elif hit.t >= 0.0:
        met.t = hit.t
        met.body = hit.surface + 2
        met.material = bodies.kind[bodies.material[bodies.first[hit.surface] + hit.face]] + 2
        met.at = o + d * hit.t
        met.normal = body_normal(bodies, hit, d)
        if later.active != 0:
            met.then = _body_then(bodies, later, hit, met.at)
    else:
        met.t = even_ground(ground, eye.at, d)
        if met.t >= 0.0:
            met = _on_ground(met, o, d, met.t, later)
            met.normal = datum_normal(ground, eye.at + met.at)
    return met


@wp.func
def _cord_met(
    met: Met,
    eye: Eye,
    strands: Strands,
    later: Later,
    row: int,
    column: int,
    o: wp.vec3,
    d: wp.vec3,
    ahead: wp.vec3,
    cell: wp.vec2,
) -> Met:
    """Return the cord before what was met where it covers more than half of the photosite.

    `o` is where the ray starts and `d` where it looks, local axes; `ahead` the same as `d` in the
    optical frame, `cell` the photosite's size.
    """
    at = wp.vec2(ahead[0] / ahead[2], ahead[1] / ahead[2])
    slant = wp.sqrt(1.0 + wp.dot(at, at))
    behind = wp.where(met.t > 0.0, met.t, float(_FAR)) / slant
    cord = cord_at(strands, row, column, at, pupil_start(eye.pupil, ahead), cell, behind)
    if cord.cover <= 0.5:
        return met
    k = cord.piece
    met.t = cord_front(strands, cord, slant)
    met.body = cord_body(strands, cord)
    met.material = eye.cord_material[strands.kind[k]]
    met.at = o + d * met.t
    x = cord.across
    side = eye.turn * wp.vec3(cord.side[0], cord.side[1], 0.0)
    across = cord_across(strands, cord, side, d)
    met.normal = across * x + cord_facing(strands, cord, across, d) * wp.sqrt(1.0 - x * x)
    met.then = wp.vec3(0.0, 0.0, 0.0)
    if later.active != 0 and k < later.cords:
        whole = strands.end[k] - strands.start[k]
        way = wp.dot(met.at - strands.start[k], whole)
        share = way / wp.max(wp.dot(whole, whole), 1.0e-12)
        a = later.start[k] - strands.start[k]
        e = later.end[k] - strands.end[k]
        met.then = met.at + a + (e - a) * share
    return met


@wp.func
def _target(later: Later, met: Met) -> wp.vec3:
    """Return where a point is in the optical frame of the next frame, all zero for nowhere."""
    if later.active == 0 or met.body == 0 or wp.dot(met.then, met.then) == 0.0:
        return wp.vec3(0.0, 0.0, 0.0)
    return later.back * met.then


@wp.func
def _sun_seen(met: Met, eye: Eye, ground: Ground, bodies: Bodies, want: int) -> float:
    """Return the share of the sun's disk seen from a point; NaN for open sky or not wanted."""
    if met.body == 0 or want == 0:
        return float(wp.nan)
    if wp.dot(met.normal, eye.sun) <= 0.0:
        return float(0.0)
    lit = float(1.0)
    if met.body == 1:
        lit = relief_sun(ground, eye.at + met.at, met.t, eye.cone, eye.sun)
    if lit > 0.0:
        lit *= bodies_sun(bodies, met.at + met.normal * 4.0e-3, eye.sun, eye.half_sun)
    return lit


@wp.kernel(enable_backward=False)
def truth_kernel(
    row0: int,
    eye: Eye,
    directions: wp.array2d(dtype=wp.vec3),
    ground: Ground,
    bodies: Bodies,
    strands: Strands,
    later: Later,
    dust: DustState,
    want_sun: int,
    want_dust: int,
    depth: wp.array2d(dtype=float),
    body: wp.array2d(dtype=wp.uint8),
    material: wp.array2d(dtype=wp.uint8),
    normal: wp.array2d(dtype=wp.vec3),
    sun: wp.array2d(dtype=float),
    through: wp.array2d(dtype=float),
    target: wp.array2d(dtype=wp.vec3),
):
    """Fill the truth of every photosite.

    `bodies` and `strands` are placed from the eye, not in the local frame: single precision then
    keeps a rivet in its place from any height. For `target` see `_target`.
    """
    i, j = wp.tid()
    i += row0
    d = wp.normalize(eye.turn * directions[i, j])
    o = eye.turn * pupil_start(eye.pupil, directions[i, j])
    met = _surface_met(eye, ground, bodies, later, i, j, o, d)
    if strands.count > 0:
        ahead = directions[i, j]
        met = _cord_met(met, eye, strands, later, i, j, o, d, ahead, cell_of(directions, i, j))
    sun[i, j] = _sun_seen(met, eye, ground, bodies, want_sun)
    through[i, j] = float(1.0)
    if want_dust != 0:
        through[i, j] = through_dust(dust, met.t, met.body == 1, eye.at + o, d)
    depth[i, j] = met.t
    body[i, j] = wp.uint8(met.body)
    material[i, j] = wp.uint8(met.material)
    normal[i, j] = wp.transpose(eye.turn) * met.normal
    target[i, j] = _target(later, met)
