"""Beams: how far the rays of a tile of photosites run together before any can meet the ground.

A beam holds every ray of its tile. It advances over blocks of the ground's pyramids of maxima as
long as its underside clears them, and the rays begin where it stops. What the rays meet is the
same as from the eye; they only spare the way to it.
"""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.heightfield import Ground, GroundLevel, block_top, datum_height

__all__ = ["BEAM", "beam_kernel"]

wp.set_module_options({"enable_backward": False})

BEAM = 16
"""Photosites a beam's side; the kernels shift by four bits instead of dividing."""

_STEPS = wp.constant(60)
_MARGIN = wp.constant(1.1)
"""On a beam's width: a lens bends the lines between a tile's corners by far less than a tenth."""


@wp.func
def _highest(lv: GroundLevel, g: Ground, low: wp.vec2, high: wp.vec2) -> float:
    """Return the greatest height of one level within a box, or less than any where it ends."""
    reach = float(lv.count - 1) * lv.cell
    x0 = wp.max(low[0] - lv.x0, 0.0)
    y0 = wp.max(low[1] - lv.y0, 0.0)
    x1 = wp.min(high[0] - lv.x0, reach)
    y1 = wp.min(high[1] - lv.y0, reach)
    if x1 < x0 or y1 < y0:
        return float(-1.0e9)
    # Blocks at least as wide as the box: two by two of them hold it.
    step = int(1)
    size = 2.0 * lv.cell
    wide = wp.max(x1 - x0, y1 - y0)
    while size < wide and (lv.count >> step) > 1:
        step += 1
        size *= 2.0
    last = (lv.count >> step) - 1
    ja = wp.min(int(x0 / size), last)
    jb = wp.min(int(x1 / size), last)
    ia = wp.min(int(y0 / size), last)
    ib = wp.min(int(y1 / size), last)
    top = block_top(g, lv, step, ia, ja)
    if jb > ja:
        top = wp.max(top, block_top(g, lv, step, ia, jb))
    if ib > ia:
        top = wp.max(top, block_top(g, lv, step, ib, ja))
        if jb > ja:
            top = wp.max(top, block_top(g, lv, step, ib, jb))
    return top


@wp.func
def _clears(
    g: Ground, o: wp.vec3, d: wp.vec3, cone: float, begin: float, end: float, width: float
) -> bool:
    """Return whether a beam of a half width [m] passes over all ground between two distances."""
    p = o + d * begin
    q = o + d * end
    span = end - begin
    sag = (d[0] * d[0] + d[1] * d[1]) * span * span * g.curvature * 0.25
    # Sideways by its width a beam is nearer the datum by that, and by a little as the datum tilts.
    under = wp.min(datum_height(g, p), datum_height(g, q)) - sag - 1.03 * width
    low = wp.vec2(wp.min(p[0], q[0]) - width, wp.min(p[1], q[1]) - width)
    high = wp.vec2(wp.max(p[0], q[0]) + width, wp.max(p[1], q[1]) + width)
    for m in range(g.levels.shape[0]):
        lv = g.levels[m]
        # Rays use a level only while its cells are worth a pixel; see trace_ground.
        used = m == 0 or begin < 1.2 * lv.cell / cone
        if used and under <= lv.top and under <= _highest(lv, g, low, high):
            return False
    return True


@wp.func
def _apart(
    directions: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    middle: wp.vec3,
    first: wp.vec2i,
    last: wp.vec2i,
) -> float:
    """Return how far the directions of a tile's corners are from one at its middle at most."""
    apart = wp.length(directions[first[0], first[1]] - middle)
    apart = wp.max(apart, wp.length(directions[first[0], last[1]] - middle))
    apart = wp.max(apart, wp.length(directions[last[0], first[1]] - middle))
    return wp.max(apart, wp.length(directions[last[0], last[1]] - middle))


@wp.kernel
def beam_kernel(
    row0: int,
    eye: wp.vec3,
    turn: wp.mat33,
    directions: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    ground: Ground,
    cone: float,
    sway_m: float,
    sway_rad: float,
    far: float,
    begins: wp.array2d(dtype=float),  # type: ignore[valid-type]
):
    """Fill the distances [m] up to which no ray of a tile meets the ground.

    `sway_m` and `sway_rad` bound how far rays shift and turn from the photosites' own.
    """
    ti, tj = wp.tid()  # type: ignore[misc]
    ti += row0
    i0 = 16 * ti
    j0 = 16 * tj
    i1 = wp.min(i0 + 15, directions.shape[0] - 1)
    j1 = wp.min(j0 + 15, directions.shape[1] - 1)
    middle = wp.normalize(directions[(i0 + i1) // 2, (j0 + j1) // 2])
    apart = _apart(directions, middle, wp.vec2i(i0, j0), wp.vec2i(i1, j1))
    spread = _MARGIN * apart + 1.5 * cone + sway_rad
    d = turn * middle
    t = float(0.0)
    step = wp.max(0.5 * datum_height(ground, eye), 0.5)
    for _n in range(_STEPS):
        end = wp.min(t + step, far)
        width = sway_m + spread * end
        if _clears(ground, eye, d, cone, t, end, width):
            t = end
            step *= 2.0
            if t >= far:
                break
        else:
            step *= 0.4
            if step < 0.5 * width or step < 0.02:
                break
    begins[ti, tj] = t
