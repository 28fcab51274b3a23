"""The bodies as rays meet them: meshes in their own frames, their poses and finish."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.trees import Trees, tree_any, tree_nearest

__all__ = [
    "SURFACES",
    "Bodies",
    "BodyHit",
    "aim_past",
    "body_hit",
    "body_normal",
    "body_shadow",
    "eye_past",
    "may_shade",
    "moves",
    "surface_hit",
]

wp.set_module_options({"enable_backward": False})

SURFACES = (
    "heat_shield",
    "backshell",
    "parachute_cover",
    "descent_stage",
    "rover",
    "parachute",
    "bridles",
)
"""Every surface; in the truth, surface k has the id k + 2 (0 sky, 1 ground)."""


@wp.struct
class Bodies:
    """What the kernels need of the bodies now.

    Attributes:
        trees: the surfaces' triangles as rays meet them.
        vertices: numbers of the triangles' vertices within their surface, (n, 3).
        origin, turn: pose of each surface's frame in the local frame.
        centre, radius: bounding spheres in the local frame, m; radius 0 is absent.
        first: first triangle of each surface in the arrays below.
        normal, open: shading normals (body frame) and open share of the sky, by corner.
        material: by triangle, the paint.
        albedo, finish: by paint; finish is (specular, roughness, translucency).
        kind: by paint, the material that the truth tells.
        tiles: which surfaces may be seen in each tile of the picture, a bit each.
        casters: surfaces whose shadow may be in view.
        seen_count, caster_count: how many may be in the picture, and how many casters.
        all_centre, all_radius: a sphere around all casters.
        gores: of the canopy's cloth; 0 is cloth that nobody knows how it is sewn.
        round: first triangles of the canopy that nothing of it keeps the sun behind from.
        cavity: light inside the canopy, by colour, over sunlight on its mouth.
        past, about: how far a camera moves [m] and turns [rad] in the frame of each surface during
            an exposure, local axes of its middle.
        moving: past which surfaces it moves so far that it shows, a bit each.
        smeared: those by more than a photosite.
    """

    trees: Trees
    vertices: wp.array2d(dtype=int)  # type: ignore[valid-type]
    origin: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    turn: wp.array(dtype=wp.mat33)  # type: ignore[valid-type]
    centre: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    radius: wp.array(dtype=float)  # type: ignore[valid-type]
    first: wp.array(dtype=int)  # type: ignore[valid-type]
    normal: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    open: wp.array(dtype=float)  # type: ignore[valid-type]
    material: wp.array(dtype=int)  # type: ignore[valid-type]
    albedo: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    finish: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    kind: wp.array(dtype=int)  # type: ignore[valid-type]
    tiles: wp.array2d(dtype=int)  # type: ignore[valid-type]
    casters: wp.array(dtype=int)  # type: ignore[valid-type]
    seen_count: int
    caster_count: int
    all_centre: wp.vec3
    all_radius: float
    gores: float
    round: int
    cavity: wp.vec3
    past: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    about: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    moving: int
    smeared: int


@wp.struct
class BodyHit:
    """Where a ray meets a body: distance (-1: nowhere), surface, triangle, corner weights."""

    t: float
    surface: int
    face: int
    u: float
    v: float


@wp.func
def _near(o: wp.vec3, d: wp.vec3, centre: wp.vec3, radius: float, far: float) -> bool:
    c = centre - o
    along = wp.dot(c, d)
    # From the vector: a difference of squares loses its digits over kilometres.
    off = c - d * along
    return wp.dot(off, off) < radius * radius and along > -radius and along - radius < far


@wp.func
def may_shade(b: Bodies, p: wp.vec3, sun: wp.vec3, spread: float) -> bool:
    """Return whether a body may stand between a point and any part of a sun `spread` [rad] wide."""
    for n in range(b.caster_count):
        k = b.casters[n]
        c = b.centre[k] - p
        along = wp.dot(c, sun)
        off = c - sun * along
        r = b.radius[k] + spread * wp.max(along, 0.0)
        if wp.dot(off, off) < r * r and along > -r:
            return True
    return False


@wp.func
def moves(b: Bodies, k: int) -> bool:
    """Return whether a surface moves before the camera during the exposure."""
    return ((b.moving >> k) & 1) != 0


@wp.func
def eye_past(b: Bodies, k: int, o: wp.vec3, when: float) -> wp.vec3:
    """Return where a ray of a moment starts, as if surface `k` stood still.

    So told, its shape, place and tree are those of the exposure's middle at every moment.
    """
    return o + b.past[k] * when


@wp.func
def aim_past(b: Bodies, k: int, d: wp.vec3, when: float) -> wp.vec3:
    """Return where a ray of a moment looks, as if surface `k` stood still."""
    return wp.normalize(d + wp.cross(b.about[k] * when, d))


@wp.func
def surface_hit(b: Bodies, k: int, o: wp.vec3, d: wp.vec3, far: float) -> BodyHit:
    """Return where a ray meets surface `k` within `far` [m]."""
    hit = BodyHit()
    hit.t = float(-1.0)
    if _near(o, d, b.centre[k], b.radius[k], far):
        back = wp.transpose(b.turn[k])
        # From where the ray comes near: from kilometres off single precision would part
        # triangles that share an edge.
        begin = wp.max(wp.dot(b.centre[k] - o, d) - b.radius[k], 0.0)
        start = back * ((o - b.origin[k]) + d * begin)
        q = tree_nearest(b.trees, k, start, back * d, far - begin)
        if q.t >= 0.0:
            hit.t = begin + q.t
            hit.surface = k
            hit.face = q.face
            hit.u = q.u
            hit.v = q.v
    return hit


@wp.func
def body_hit(b: Bodies, row: int, column: int, o: wp.vec3, d: wp.vec3, far: float) -> BodyHit:
    """Return the nearest body that the ray of a photosite meets within `far` [m]."""
    hit = BodyHit()
    hit.t = float(-1.0)
    if b.seen_count == 0:
        return hit
    mask = int(b.tiles[row >> 4, column >> 4])
    nearest = far
    k = int(-1)
    while mask != 0:
        k += 1
        bit = mask & 1
        mask = mask >> 1
        if bit != 0:
            q = surface_hit(b, k, o, d, nearest)
            if q.t >= 0.0:
                nearest = q.t
                hit = q
    return hit


@wp.func
def body_normal(b: Bodies, hit: BodyHit, d: wp.vec3) -> wp.vec3:
    """Return the smoothed normal of a body where a ray meets it, on the side that is seen."""
    at = 3 * (b.first[hit.surface] + hit.face)
    w = 1.0 - hit.u - hit.v
    n = b.normal[at] * hit.u + b.normal[at + 1] * hit.v + b.normal[at + 2] * w
    n = wp.normalize(b.turn[hit.surface] * n)
    return wp.where(wp.dot(n, d) > 0.0, n * -1.0, n)


@wp.func
def body_shadow(b: Bodies, p: wp.vec3, sun: wp.vec3) -> bool:
    """Return whether a body stands between a point and the sun."""
    far = float(30000.0)
    if b.caster_count == 0:
        return False
    if not _near(p, sun, b.all_centre, b.all_radius, far):
        return False
    for n in range(b.caster_count):
        k = b.casters[n]
        if _near(p, sun, b.centre[k], b.radius[k], far):
            back = wp.transpose(b.turn[k])
            if tree_any(b.trees, k, back * (p - b.origin[k]), back * sun, far):
                return True
    return False
