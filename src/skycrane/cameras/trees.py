"""Rays against eight-wide trees of boxes over triangles.

A node holds the boxes of up to eight children side by side, and a leaf up to eight triangles, so
that one ray meets eight of them at a time in the processor's vector registers (Wald, Benthin and
Boulos 2008). Choices within the eight are made by arithmetic and masks: a branch for each would
undo it.
"""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.tree_layout import STACK

__all__ = [
    "EDGE_ON",
    "SLACK",
    "TreeHit",
    "Trees",
    "below",
    "inverse",
    "lowest",
    "spread",
    "tree_any",
    "tree_nearest",
    "vec8",
    "vec8i",
]

wp.set_module_options({"enable_backward": False})

vec8 = wp.types.vector(length=8, dtype=float)
vec8i = wp.types.vector(length=8, dtype=int)
_Nodes = wp.types.vector(length=STACK, dtype=int)
_Whens = wp.types.vector(length=STACK, dtype=float)
_NONE = wp.constant(2147483647)
_NEVER = wp.constant(1.0e9)
"""Distance past which nothing was met, m."""
EDGE_ON = wp.constant(1.0e-28)
"""Square of a determinant, m^6, below which a ray runs along a triangle."""
SLACK = wp.constant(2.0e-6)
"""By which a triangle reaches past its edges, so that no ray passes between two that share one."""


@wp.struct
class Trees:
    """The trees of all surfaces, each in its surface's frame.

    Attributes:
        boxes: of each node, least x, y, z and greatest x, y, z of its eight children, (n, 6).
        child: nodes of the children, -1 - leaf, or 0 for none.
        corner: of each leaf, first corner x, y, z, then both edges from it, of its triangles, m,
            (m, 9); a slot without a triangle has edges of no length.
        face: the triangles' numbers within their surface.
        root: first node, by surface.
    """

    boxes: wp.array2d(dtype=vec8)
    child: wp.array(dtype=vec8i)
    corner: wp.array2d(dtype=vec8)
    face: wp.array(dtype=vec8i)
    root: wp.array(dtype=int)


@wp.struct
class TreeHit:
    """Where a ray meets a tree: distance (-1: nowhere), triangle, weights of two corners."""

    t: float
    face: int
    u: float
    v: float


@wp.func
def inverse(x: float) -> float:
    """Return one over a number, of one next to nothing as of 1e-7."""
    return 1.0 / wp.where(wp.abs(x) < 1.0e-7, 1.0e-7, x)


@wp.func
def spread(x: float) -> vec8:
    """Return a number eight times."""
    return vec8(x, x, x, x, x, x, x, x)


@wp.func
def _entries(s: Trees, n: int, o: wp.vec3, inv: wp.vec3, far: float) -> vec8:
    """Return where a ray enters each child of a node; past 1e9 m where it does not before `far`."""
    ox = spread(o[0])
    oy = spread(o[1])
    oz = spread(o[2])
    ax = (s.boxes[n, 0] - ox) * inv[0]
    bx = (s.boxes[n, 3] - ox) * inv[0]
    ay = (s.boxes[n, 1] - oy) * inv[1]
    by = (s.boxes[n, 4] - oy) * inv[1]
    az = (s.boxes[n, 2] - oz) * inv[2]
    bz = (s.boxes[n, 5] - oz) * inv[2]
    enter = wp.max(wp.max(wp.min(ax, bx), wp.min(ay, by)), wp.max(wp.min(az, bz), spread(0.0)))
    leave = wp.min(wp.min(wp.max(ax, bx), wp.max(ay, by)), wp.min(wp.max(az, bz), spread(far)))
    # Arithmetic in place of choices, which would be made for one child after another. Rounding may
    # close a box as flat as a plate.
    return enter + wp.max(enter - leave * 1.000001, spread(0.0)) * 1.0e15


_BELOW = """
#if defined(__clang__) && !defined(__CUDACC__)
    // Eight comparisons at once; the compiler turns them into the processor's mask.
    typedef float floats __attribute__((ext_vector_type(8)));
    typedef bool bits __attribute__((ext_vector_type(8)));
    floats x;
    __builtin_memcpy(&x, &values, sizeof(x));
    const bits below = __builtin_convertvector(x < limit, bits);
    unsigned char mask;
    __builtin_memcpy(&mask, &below, 1);
    return mask;
#else
    int mask = 0;
    for (int k = 0; k < 8; ++k)
        mask |= (values[k] < limit) << k;
    return mask;
#endif
"""


@wp.func_native(_BELOW)
def below(values: vec8, limit: float) -> int:
    """Return which of eight numbers are below a limit, a bit each."""
    ...


@wp.func
def lowest(mask: int) -> int:
    """Return the number of the lowest bit set."""
    return wp.bit_count((mask & -mask) - 1)


@wp.func
def _meet(s: Trees, leaf: int, o: wp.vec3, d: wp.vec3, far: float) -> TreeHit:
    """Return the nearest triangle of a leaf that a ray meets (Moeller and Trumbore 1997)."""
    e1x = s.corner[leaf, 3]
    e1y = s.corner[leaf, 4]
    e1z = s.corner[leaf, 5]
    e2x = s.corner[leaf, 6]
    e2y = s.corner[leaf, 7]
    e2z = s.corner[leaf, 8]
    px = e2z * d[1] - e2y * d[2]
    py = e2x * d[2] - e2z * d[0]
    pz = e2y * d[0] - e2x * d[1]
    det = wp.cw_mul(e1x, px) + wp.cw_mul(e1y, py) + wp.cw_mul(e1z, pz)
    tx = spread(o[0]) - s.corner[leaf, 0]
    ty = spread(o[1]) - s.corner[leaf, 1]
    tz = spread(o[2]) - s.corner[leaf, 2]
    qx = wp.cw_mul(ty, e1z) - wp.cw_mul(tz, e1y)
    qy = wp.cw_mul(tz, e1x) - wp.cw_mul(tx, e1z)
    qz = wp.cw_mul(tx, e1y) - wp.cw_mul(ty, e1x)
    u = wp.cw_mul(tx, px) + wp.cw_mul(ty, py) + wp.cw_mul(tz, pz)
    v = qx * d[0] + qy * d[1] + qz * d[2]
    w = wp.cw_mul(e2x, qx) + wp.cw_mul(e2y, qy) + wp.cw_mul(e2z, qz)
    square = wp.cw_mul(det, det)
    inv = wp.cw_div(det, wp.max(square, spread(EDGE_ON)))
    second = wp.cw_mul(u, inv)
    third = wp.cw_mul(v, inv)
    along = wp.cw_mul(w, inv)
    # Past an edge, behind, or edge-on: so far off that nothing comes to it.
    edge = wp.min(wp.min(second, third), spread(1.0) - second - third) + spread(SLACK)
    along += wp.max(wp.max(edge * -1.0, along * -1.0), spread(0.0)) * 1.0e18
    along += wp.max(spread(EDGE_ON) - square, spread(0.0)) * 1.0e38
    hit = TreeHit()
    hit.t = far
    hit.face = int(-1)
    mask = below(along, far)
    while mask != 0:
        k = lowest(mask)
        mask = mask & (mask - 1)
        if along[k] < hit.t:
            hit.t = along[k]
            hit.face = s.face[leaf][k]
            hit.u = 1.0 - second[k] - third[k]
            hit.v = second[k]
    return hit


@wp.func
def tree_nearest(s: Trees, surface: int, o: wp.vec3, d: wp.vec3, far: float) -> TreeHit:
    """Return where a ray, in a surface's frame, first meets it within `far` [m]."""
    best = TreeHit()
    best.t = float(-1.0)
    nearest = far
    inv = wp.vec3(inverse(d[0]), inverse(d[1]), inverse(d[2]))
    node = _Nodes()
    when = _Whens()
    depth = int(0)
    n = s.root[surface]
    while True:
        if n < 0:
            hit = _meet(s, -1 - n, o, d, nearest)
            if hit.face >= 0:
                nearest = hit.t
                best = hit
        else:
            # The nearest child goes on, the others are put off.
            enter = _entries(s, n, o, inv, nearest)
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
        # Back to the last that was put off, if it may still be nearer than what was met.
        n = int(_NONE)
        while depth > 0:
            depth -= 1
            if when[depth] < nearest:
                n = node[depth]
                break
        if n == _NONE:
            break
    return best


@wp.func
def tree_any(s: Trees, surface: int, o: wp.vec3, d: wp.vec3, far: float) -> bool:
    """Return whether a ray, in a surface's frame, meets it within `far` [m]."""
    inv = wp.vec3(inverse(d[0]), inverse(d[1]), inverse(d[2]))
    node = _Nodes()
    depth = int(1)
    node[0] = s.root[surface]
    while depth > 0:
        depth -= 1
        n = node[depth]
        if n < 0:
            if _meet(s, -1 - n, o, d, far).face >= 0:
                return True
        else:
            mask = below(_entries(s, n, o, inv, far), _NEVER)
            child = s.child[n]
            while mask != 0:
                node[depth] = child[lowest(mask)]
                mask = mask & (mask - 1)
                depth += 1
    return False
