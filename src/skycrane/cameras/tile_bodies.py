"""The bodies as the four rays of a tile of photosites meet them."""

# ruff: noqa: UP018, RUF046 - int(-1) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import Bodies, BodyHit, aim_past, eye_past, moves, surface_hit
from skycrane.cameras.tree_tiles import four_nearest, mat43

__all__ = ["TileHits", "hit_of", "tile_hits"]

wp.set_module_options({"enable_backward": False})

_CLOSE = wp.constant(60.0)
"""How far off, m, single precision still keeps triangles that share an edge together."""


@wp.struct
class TileHits:
    """Where four rays meet bodies: distance (-1: nowhere), surface, triangle, corner weights."""

    t: wp.vec4
    surface: wp.vec4i
    face: wp.vec4i
    u: wp.vec4
    v: wp.vec4


@wp.func
def hit_of(hits: TileHits, k: int) -> BodyHit:
    """Return where one of the four rays meets a body."""
    hit = BodyHit()
    hit.t = hits.t[k]
    hit.surface = hits.surface[k]
    hit.face = hits.face[k]
    hit.u = hits.u[k]
    hit.v = hits.v[k]
    return hit


@wp.func(inline=True)
def _one_by_one(
    b: Bodies, hits: TileHits, k: int, o: wp.vec3, d: mat43, nearest: wp.vec4
) -> TileHits:
    """Return `hits` with those of a surface that lies ahead of the camera."""
    count = int(4)
    for n in range(count):
        hit = surface_hit(b, k, o, d[n], nearest[n])
        if hit.t >= 0.0:
            hits.t[n] = hit.t
            hits.surface[n] = k
            hits.face[n] = hit.face
            hits.u[n] = hit.u
            hits.v[n] = hit.v
    return hits


@wp.func(inline=True)
def tile_hits(
    b: Bodies, row: int, column: int, eye: wp.vec3, aims: mat43, when: float, far: float
) -> TileHits:
    """Return the nearest bodies that the rays of a tile at a photosite meet within `far` [m].

    `eye` and `aims` are those of the exposure's middle, `when` the moment that the rays are of.
    """
    hits = TileHits()
    hits.t = wp.vec4(-1.0, -1.0, -1.0, -1.0)
    if b.seen_count == 0:
        return hits
    mask = int(b.tiles[row >> 4, column >> 4])
    nearest = wp.vec4(far, far, far, far)
    count = int(4)
    k = int(-1)
    while mask != 0:
        k += 1
        bit = mask & 1
        mask = mask >> 1
        if bit != 0:
            o = eye
            d = aims
            if moves(b, k):
                o = eye_past(b, k, eye, when)
                for n in range(count):
                    d[n] = aim_past(b, k, aims[n], when)
            begin = wp.length(b.centre[k] - o)
            if begin > _CLOSE:
                hits = _one_by_one(b, hits, k, o, d, nearest)
            else:
                back = wp.transpose(b.turn[k])
                way = mat43()
                for n in range(count):
                    way[n] = back * d[n]
                q = four_nearest(b.trees, k, back * (o - b.origin[k]), way, nearest)
                for n in range(count):
                    if q.t[n] >= 0.0:
                        hits.t[n] = q.t[n]
                        hits.surface[n] = k
                        hits.face[n] = q.face[n]
                        hits.u[n] = q.u[n]
                        hits.v[n] = q.v[n]
            for n in range(count):
                nearest[n] = wp.where(hits.t[n] >= 0.0, hits.t[n], nearest[n])
    return hits
