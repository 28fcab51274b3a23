"""Lines too thin for rays: cords drawn by how much of a photosite they cover.

A cord of some millimetres seen from 40 m is a tenth of a photosite wide: single rays hit it by
chance, and a tree of boxes is slow on cords that run aslant. Each frame the pieces of the cords
are listed by tile of the picture and laid on the image plane; a photosite takes of each the area
that lies in its square, exactly for a straight edge, so that along a cord the sum of what the
photosites take neither grows nor falls. The truth, which wants one thing a photosite, takes a cord
where it covers more than half of it.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import SURFACES

__all__ = [
    "Cord",
    "Strands",
    "cell_of",
    "cord_across",
    "cord_at",
    "cord_body",
    "cord_facing",
    "cord_front",
]

wp.set_module_options({"enable_backward": False})

_PARACHUTE = wp.constant(SURFACES.index("parachute") + 2)
_BRIDLES = wp.constant(SURFACES.index("bridles") + 2)


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
        depth: of the nearest piece's middle, along the camera's axis from where the ray starts, m.
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


@wp.struct
class _Part:
    """What a photosite sees of one piece.

    Attributes:
        share: of the photosite that it covers; 0 where it is not met.
        near: one over its depth from the optical centre, 1/m.
        half: its half width on the plane at unit distance.
        gap: from the photosite's middle to its own there.
        side: unit vector that `gap` counts along.
        t: how far along the piece, 0 to 1.
    """

    share: float
    near: float
    half: float
    gap: float
    side: wp.vec2
    t: float


@wp.func(inline=True)
def _part_of(s: Strands, n: int, ray: wp.vec2, start: wp.vec3, cell: wp.vec2) -> _Part:
    """Return what a photosite sees of piece `n`; see `cord_at`."""
    out = _Part()
    ends = s.plane[n]
    run = s.run[n]
    way = wp.vec2(ends[2] - ends[0], ends[3] - ends[1])
    to = wp.vec2(ray[0] - ends[0], ray[1] - ends[1])
    size = wp.max(wp.length(way), 1.0e-9)
    out.t = wp.clamp(wp.dot(to, way) / (size * size), 0.0, 1.0)
    out.near = run[0] + (run[1] - run[0]) * out.t
    if start[2] != 0.0:
        # Where the ray is at the piece's depth, as seen from the optical centre.
        to += (wp.vec2(start[0], start[1]) - ray * start[2]) * out.near
        out.t = wp.clamp(wp.dot(to, way) / (size * size), 0.0, 1.0)
        out.near = run[0] + (run[1] - run[0]) * out.t
    out.half = s.radius[n] * out.near
    off = to - way * out.t
    out.side = wp.vec2(-way[1] / size, way[0] / size)
    out.gap = wp.dot(off, out.side)
    if out.t == 0.0 or out.t == 1.0:
        # Past an end the cord is round.
        apart = wp.length(off)
        out.gap = wp.where(out.gap < 0.0, -apart, apart)
    if wp.abs(out.gap) < out.half + cell[0] + cell[1]:
        a = wp.abs(out.side[0]) * cell[0]
        b = wp.abs(out.side[1]) * cell[1]
        out.share = _below(out.half - out.gap, a, b) - _below(-out.half - out.gap, a, b)
    return out


@wp.func(inline=True)
def _outdoes(s: Strands, out: Cord, n: int, ours: float, theirs: float, depth: float) -> bool:
    """Tell whether a piece stands for the photosite rather than the one that did so far.

    That which fills more, else the nearer. Of the pieces of one cord: past its end one that meets
    the next has no side to speak of. Of two cords: more than half is as good as all, as the nearer
    hides the other, and a sliver does not stand for the rest.
    """
    if out.piece < 0 or s.cord[out.piece] != s.cord[n]:
        ours = wp.min(ours, 0.5)
        theirs = wp.min(theirs, 0.5)
    return ours > theirs + 0.02 or (ours > theirs - 0.02 and depth < out.depth)


@wp.func(inline=True)
def _shown(s: Strands, out: Cord, part: _Part, cell: wp.vec2) -> Cord:
    """Return `out` with where on its piece the photosite looks."""
    run = s.run[out.piece]
    out.across = wp.clamp(part.gap / part.half, -1.0, 1.0)
    out.side = part.side
    out.along = run[2] + (run[3] - run[2]) * part.t * run[1] / part.near
    out.broad = 2.0 * part.half / (cell[0] + cell[1])
    return out


@wp.func
def cord_at(
    s: Strands, row: int, column: int, ray: wp.vec2, start: wp.vec3, cell: wp.vec2, far: float
) -> Cord:
    """Return what a photosite sees of cords nearer than `far`.

    Args:
        s: the cords.
        row, column: the photosite.
        ray: where its ray looks, on the plane at unit distance.
        start: where its ray starts from the optical centre, optical frame, m.
        cell: its sides on that plane.
        far: depth along the camera's axis from there beyond which something hides them, m.
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
        part = _part_of(s, n, ray, start, cell)
        if part.share > 0.0 and 1.0 / part.near - start[2] < far:
            mine = wp.max(mine, part.share)
            depth = 1.0 / part.near - start[2]
            if _outdoes(s, out, n, part.share, best, depth):
                best = part.share
                out.depth = depth
                out.piece = n
                out = _shown(s, out, part, cell)
    out.cover = 1.0 - free * (1.0 - mine)
    return out


@wp.func
def cell_of(directions: wp.array2d(dtype=wp.vec3), i: int, j: int) -> wp.vec2:  # type: ignore[valid-type]
    """Return a photosite's width and height on the plane at unit distance."""
    a = directions[i, wp.max(j - 1, 0)]
    b = directions[i, wp.min(j + 1, directions.shape[1] - 1)]
    wide = (b[0] / b[2] - a[0] / a[2]) / wp.where(j > 0 and j < directions.shape[1] - 1, 2.0, 1.0)
    a = directions[wp.max(i - 1, 0), j]
    b = directions[wp.min(i + 1, directions.shape[0] - 1), j]
    high = (b[1] / b[2] - a[1] / a[2]) / wp.where(i > 0 and i < directions.shape[0] - 1, 2.0, 1.0)
    return wp.vec2(wp.abs(wide), wp.abs(high))


@wp.func
def cord_front(s: Strands, cord: Cord, slant: float) -> float:
    """Return how far along a ray a cord's skin is, m; `slant` is the ray's length for one ahead."""
    return cord.depth * slant - s.radius[cord.piece] * wp.sqrt(1.0 - cord.across * cord.across)


@wp.func
def cord_body(s: Strands, cord: Cord) -> int:
    """Return what a cord counts as: the parachute or the bridles."""
    return wp.where(s.kind[cord.piece] == 0, int(_PARACHUTE), int(_BRIDLES))


@wp.func
def cord_across(s: Strands, cord: Cord, side: wp.vec3, d: wp.vec3) -> wp.vec3:
    """Return the unit vector square to a cord's axis and to a ray that `cord.across` counts along.

    `side` is `cord.side` in the local frame.
    """
    across = wp.cross(s.axis[cord.piece], d)
    sign = wp.where(wp.dot(across, side) < 0.0, -1.0, 1.0)
    return wp.normalize(across * sign)


@wp.func
def cord_facing(s: Strands, cord: Cord, across: wp.vec3, d: wp.vec3) -> wp.vec3:
    """Return the unit vector square to a cord's axis and to `across`, toward the camera."""
    front = wp.cross(s.axis[cord.piece], across)
    sign = wp.where(wp.dot(front, d) > 0.0, -1.0, 1.0)
    return wp.normalize(front * sign)
