"""The four rays of a tile of photosites against a tree, walked once for all of them.

They start at one place and meet nearly the same boxes: a box is entered where any of the four may
enter it (Reshetov, Soupikov and Hurley 2005), and the larger part of what a triangle asks for is
the same for all. What a ray meets is what it meets alone.
"""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.tree_layout import STACK
from skycrane.cameras.trees import EDGE_ON, SLACK, Trees, below, inverse, lowest, spread, vec8

__all__ = ["FourHits", "four_nearest", "mat43"]

wp.set_module_options({"enable_backward": False})

mat43 = wp.types.matrix(shape=(4, 3), dtype=float)
_Nodes = wp.types.vector(length=STACK, dtype=int)
_Whens = wp.types.vector(length=STACK, dtype=float)
_NONE = wp.constant(2147483647)
_NEVER = wp.constant(1.0e9)
_ANY = wp.constant(1.0e9)
"""Farther than any box, m, but nearer than what stands for a child that is none."""


@wp.struct
class FourHits:
    """Where four rays meet a tree: distance (-1: nowhere), triangle, weights of two corners."""

    t: wp.vec4
    face: wp.vec4i
    u: wp.vec4
    v: wp.vec4


@wp.struct
class _Bundle:
    """What holds four rays from one place: by axis, how they come to planes across it.

    Attributes:
        near, far: which row of a node's boxes they come to first, which last.
        at, by: where they start, for the one and for the other.
        least, most: one over the direction.
    """

    near: wp.vec3i
    far: wp.vec3i
    at: wp.vec3
    by: wp.vec3
    least: wp.vec3
    most: wp.vec3


@wp.func(inline=True)
def _bundle(o: wp.vec3, d: mat43) -> _Bundle:
    b = _Bundle()
    b.at = o
    b.by = o
    for axis in range(3):
        low = wp.min(wp.min(d[0, axis], d[1, axis]), wp.min(d[2, axis], d[3, axis]))
        high = wp.max(wp.max(d[0, axis], d[1, axis]), wp.max(d[2, axis], d[3, axis]))
        b.least[axis] = wp.min(inverse(low), inverse(high))
        b.most[axis] = wp.max(inverse(low), inverse(high))
        b.near[axis] = wp.where(low > 0.0, axis, axis + 3)
        b.far[axis] = wp.where(low > 0.0, axis + 3, axis)
        if low <= 0.0 and high >= 0.0:
            # Some run one way, some the other: this axis tells nothing.
            b.at[axis] = float(_ANY)
            b.by[axis] = -float(_ANY)
            b.least[axis] = 1.0
            b.most[axis] = 1.0
    return b


@wp.func(inline=True)
def _first(s: Trees, n: int, row: int, at: float, least: float, most: float) -> vec8:
    gap = s.boxes[n, row] - spread(at)
    return wp.min(gap * least, gap * most)


@wp.func(inline=True)
def _last(s: Trees, n: int, row: int, at: float, least: float, most: float) -> vec8:
    gap = s.boxes[n, row] - spread(at)
    return wp.max(gap * least, gap * most)


@wp.func(inline=True)
def _entries(s: Trees, n: int, b: _Bundle, far: float) -> vec8:
    """Return where the first of four rays may enter each child; past 1e9 m where none does."""
    x = _first(s, n, b.near[0], b.at[0], b.least[0], b.most[0])
    y = _first(s, n, b.near[1], b.at[1], b.least[1], b.most[1])
    z = _first(s, n, b.near[2], b.at[2], b.least[2], b.most[2])
    enter = wp.max(wp.max(x, y), wp.max(z, spread(0.0)))
    x = _last(s, n, b.far[0], b.by[0], b.least[0], b.most[0])
    y = _last(s, n, b.far[1], b.by[1], b.least[1], b.most[1])
    z = _last(s, n, b.far[2], b.by[2], b.least[2], b.most[2])
    leave = wp.min(wp.min(x, y), wp.min(z, spread(far)))
    return enter + wp.max(enter - leave * 1.000001, spread(0.0)) * 1.0e15


@wp.func(inline=True)
def _weighted(x: vec8, y: vec8, z: vec8, d: wp.vec3) -> vec8:
    return x * d[0] + y * d[1] + z * d[2]


@wp.func(inline=True)
def _inverse_of(det: vec8) -> vec8:
    return wp.cw_div(det, wp.max(wp.cw_mul(det, det), spread(EDGE_ON)))


@wp.func(inline=True)
def _reached(second: vec8, third: vec8, along: vec8, det: vec8) -> vec8:
    """Return the distances to triangles; past an edge, behind or edge-on so far off as never."""
    edge = wp.min(wp.min(second, third), spread(1.0) - second - third) + spread(SLACK)
    off = wp.max(wp.max(edge * -1.0, along * -1.0), spread(0.0)) * 1.0e18
    return along + off + wp.max(spread(EDGE_ON) - wp.cw_mul(det, det), spread(0.0)) * 1.0e38


@wp.func(inline=True)
def _meet_from(
    s: Trees, leaf: int, o: wp.vec3, d: mat43, nearest: wp.vec4, best: FourHits
) -> FourHits:
    """Return `best` with what four rays from one place meet of a leaf before `nearest`."""
    e1x = s.corner[leaf, 3]
    e1y = s.corner[leaf, 4]
    e1z = s.corner[leaf, 5]
    e2x = s.corner[leaf, 6]
    e2y = s.corner[leaf, 7]
    e2z = s.corner[leaf, 8]
    tx = spread(o[0]) - s.corner[leaf, 0]
    ty = spread(o[1]) - s.corner[leaf, 1]
    tz = spread(o[2]) - s.corner[leaf, 2]
    # The triple products of Moeller and Trumbore (1997), turned so that the direction comes last.
    mx = wp.cw_mul(e2y, e1z) - wp.cw_mul(e2z, e1y)
    my = wp.cw_mul(e2z, e1x) - wp.cw_mul(e2x, e1z)
    mz = wp.cw_mul(e2x, e1y) - wp.cw_mul(e2y, e1x)
    rx = wp.cw_mul(e2y, tz) - wp.cw_mul(e2z, ty)
    ry = wp.cw_mul(e2z, tx) - wp.cw_mul(e2x, tz)
    rz = wp.cw_mul(e2x, ty) - wp.cw_mul(e2y, tx)
    qx = wp.cw_mul(ty, e1z) - wp.cw_mul(tz, e1y)
    qy = wp.cw_mul(tz, e1x) - wp.cw_mul(tx, e1z)
    qz = wp.cw_mul(tx, e1y) - wp.cw_mul(ty, e1x)
    away = wp.cw_mul(e2x, qx) + wp.cw_mul(e2y, qy) + wp.cw_mul(e2z, qz)
    count = int(4)
    for k in range(count):
        det = _weighted(mx, my, mz, d[k])
        inv = _inverse_of(det)
        second = wp.cw_mul(_weighted(rx, ry, rz, d[k]), inv)
        third = wp.cw_mul(_weighted(qx, qy, qz, d[k]), inv)
        along = _reached(second, third, wp.cw_mul(away, inv), det)
        mask = below(along, nearest[k])
        near = nearest[k]
        while mask != 0:
            m = lowest(mask)
            mask = mask & (mask - 1)
            if along[m] < near:
                near = along[m]
                best.t[k] = along[m]
                best.face[k] = s.face[leaf][m]
                best.u[k] = 1.0 - second[m] - third[m]
                best.v[k] = second[m]
    return best


@wp.func(inline=True)
def four_nearest(s: Trees, surface: int, o: wp.vec3, d: mat43, far: wp.vec4) -> FourHits:
    """Return where rays from one place, in a surface's frame, first meet it within `far` [m].

    `far` 0 leaves a ray out.
    """
    best = FourHits()
    best.t = wp.vec4(-1.0, -1.0, -1.0, -1.0)
    nearest = far
    reach = wp.max(far)
    b = _bundle(o, d)
    node = _Nodes()
    when = _Whens()
    depth = int(0)
    count = int(4)
    n = s.root[surface]
    while True:
        if n < 0:
            best = _meet_from(s, -1 - n, o, d, nearest, best)
            for k in range(count):
                nearest[k] = wp.where(best.t[k] >= 0.0, best.t[k], nearest[k])
            reach = wp.max(nearest)
        else:
            enter = _entries(s, n, b, reach)
            mask = below(enter, _NEVER)
            if mask != 0:
                child = s.child[n]
                k = lowest(mask)
                mask = mask & (mask - 1)
                near = enter[k]
                n = child[k]
                while mask != 0:
                    k = lowest(mask)
                    mask = mask & (mask - 1)
                    if enter[k] < near:
                        node[depth] = n
                        when[depth] = near
                        near = enter[k]
                        n = child[k]
                    else:
                        node[depth] = child[k]
                        when[depth] = enter[k]
                    depth += 1
                continue
        n = int(_NONE)
        while depth > 0:
            depth -= 1
            if when[depth] < reach:
                n = node[depth]
                break
        if n == _NONE:
            break
    return best
