"""Lines too thin for rays: cords drawn by how much of a photosite they cover.

A cord of some millimetres seen from 40 m is a tenth of a photosite wide: single rays hit it by
chance, and a tree of boxes is slow on cords that run aslant. Each frame the pieces of the cords
are listed by tile of the picture and laid on the image plane; a photosite takes of each the area
that lies in its square, exactly for a straight edge, so that along a cord the sum of what the
photosites take neither grows nor falls. The truth, which wants one thing a photosite, asks by a
ray instead.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

__all__ = ["Cord", "Strands", "cord_at", "cover_by_strands"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Strands:
    """The cords of one view.

    Attributes:
        start, end: ends in the local frame, m.
        radius: half widths, m.
        first: strand numbers by tile, -1 beyond the last, (tiles down, tiles across, list).
        plane: ends in the picture, on the plane at unit distance, (x, y, x, y).
        run: at the ends, one over the depth [1/m], and metres from the cord's
            beginning, (a, b, a, b).
        axis: directions in the local frame.
        cord: which cord each is a piece of.
        kind: 0 a line of the parachute, 1 a bridle, 2 the umbilical.
        albedo: reflectance, a row a kind.
        count: how many there are now; 0 skips everything.
    """

    start: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    end: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    radius: wp.array(dtype=float)  # type: ignore[valid-type]
    first: wp.array3d(dtype=wp.int16)  # type: ignore[valid-type]
    plane: wp.array(dtype=wp.vec4)  # type: ignore[valid-type]
    run: wp.array(dtype=wp.vec4)  # type: ignore[valid-type]
    axis: wp.array(dtype=wp.vec3)  # type: ignore[valid-type]
    cord: wp.array(dtype=int)  # type: ignore[valid-type]
    kind: wp.array(dtype=int)  # type: ignore[valid-type]
    albedo: wp.mat33
    count: int


@wp.struct
class Cord:
    """What a photosite sees of cords.

    Attributes:
        cover: share of it that they cover.
        depth: of the nearest piece's middle, along the axis of the camera, m.
        piece: which one that is.
        across: where on its width, -1 to 1; positive to the left of its way in the picture.
        side: unit vector on the image plane that `across` counts along.
        along: metres from the cord's beginning.
        broad: its half width over the photosite's.
    """

    cover: float
    depth: float
    piece: int
    across: float
    side: wp.vec2
    along: float
    broad: float


@wp.func
def _bent(x: float) -> float:
    y = wp.max(x, 0.0)
    return y * y


@wp.func
def _below(x: float, a: float, b: float) -> float:
    """Return the share of a rectangle below x from its middle, cut by a line.

    `a` and `b` are its sides' lengths across the line: what lies on each parallel of the line is a
    trapezoid, whose integral this is.
    """
    long = wp.max(a, b)
    short = wp.max(wp.min(a, b), 0.02 * long)
    half = 0.5 * (long + short)
    flat = 0.5 * (long - short)
    y = wp.clamp(x, -half, half)
    area = _bent(y + half) - _bent(y + flat) - _bent(y - flat)
    return area / (2.0 * long * short)


@wp.func
def cord_at(s: Strands, row: int, column: int, at: wp.vec2, cell: wp.vec2, far: float) -> Cord:
    """Return what a photosite sees of cords nearer than `far`.

    Args:
        s: the cords.
        row, column: the photosite.
        at: its middle on the plane at unit distance.
        cell: its sides there.
        far: depth along the camera's axis beyond which something hides them, m.
    """
    out = Cord()
    out.depth = far
    out.piece = -1
    free = float(1.0)
    mine = float(0.0)
    best = float(0.0)
    last = int(-1)  # noqa: RUF046
    for k in range(s.first.shape[2]):
        n = int(s.first[row >> 4, column >> 4, k])
        if n < 0:
            break
        if s.cord[n] != last:
            # Pieces of one cord meet end to end: what two of them cover is not counted twice.
            free *= 1.0 - mine
            mine = 0.0
            last = s.cord[n]
        ends = s.plane[n]
        run = s.run[n]
        way = wp.vec2(ends[2] - ends[0], ends[3] - ends[1])
        to = wp.vec2(at[0] - ends[0], at[1] - ends[1])
        size = wp.max(wp.length(way), 1.0e-9)
        t = wp.clamp(wp.dot(to, way) / (size * size), 0.0, 1.0)
        near = run[0] + (run[1] - run[0]) * t
        half = s.radius[n] * near
        off = to - way * t
        side = wp.vec2(-way[1] / size, way[0] / size)
        gap = wp.dot(off, side)
        if t == 0.0 or t == 1.0:
            # Past an end the cord is round.
            apart = wp.length(off)
            gap = wp.where(gap < 0.0, -apart, apart)
        if wp.abs(gap) < half + cell[0] + cell[1] and 1.0 / near < far:
            a = wp.abs(side[0]) * cell[0]
            b = wp.abs(side[1]) * cell[1]
            share = _below(half - gap, a, b) - _below(-half - gap, a, b)
            mine = wp.max(mine, share)
            # Of the pieces of one cord that one which fills more, else the nearer: past its end a
            # piece that meets the next has no side to speak of.
            other = out.piece < 0 or s.cord[out.piece] != s.cord[n]
            fuller = share > best + 0.02 or (share > best - 0.02 and 1.0 / near < out.depth)
            if share > 0.0 and ((other and 1.0 / near < out.depth) or (not other and fuller)):
                best = share
                out.depth = 1.0 / near
                out.piece = n
                out.across = wp.clamp(gap / half, -1.0, 1.0)
                out.side = side
                out.along = run[2] + (run[3] - run[2]) * t * run[1] / near
                out.broad = 2.0 * half / (cell[0] + cell[1])
    out.cover = 1.0 - free * (1.0 - mine)
    return out


@wp.func
def cover_by_strands(
    s: Strands, row: int, column: int, o: wp.vec3, d: wp.vec3, far: float, cone: float
) -> wp.vec2:
    """Return (share of the ray's width covered, distance of the nearest cord) before `far`."""
    free = float(1.0)
    nearest = far
    i = row >> 4
    j = column >> 4
    for k in range(s.first.shape[2]):
        n = int(s.first[i, j, k])
        if n < 0:
            break
        a = s.start[n]
        along = s.end[n] - a
        # Closest approach of the ray to the cord's line.
        cross = wp.cross(d, along)
        size = wp.length(cross)
        w = a - o
        t = wp.dot(wp.cross(w, along), cross) / wp.max(size * size, 1.0e-12)
        u = wp.dot(wp.cross(w, d), cross) / wp.max(size * size, 1.0e-12)
        if t > 0.02 and t < far and u >= 0.0 and u <= 1.0:
            gap = wp.abs(wp.dot(w, cross)) / wp.max(size, 1.0e-12)
            half = 0.5 * cone * t
            r = s.radius[n]
            share = (wp.min(gap + half, r) - wp.max(gap - half, -r)) / (2.0 * half)
            if share > 0.0:
                free *= 1.0 - wp.min(share, 1.0)
                nearest = wp.min(nearest, t)
    return wp.vec2(1.0 - free, nearest)
