"""Rays that tell which points of one frame something else hides in the next."""

# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import SURFACES, Bodies, body_hit
from skycrane.cameras.heightfield import Ground, trace_ground
from skycrane.cameras.pupil import pupil_start
from skycrane.cameras.strands import Strands, cell_of, cord_at
from skycrane.cameras.truth_rays import Eye

__all__ = ["hidden_kernel"]

wp.set_module_options({"enable_backward": False})

_PARACHUTE = wp.constant(SURFACES.index("parachute") + 2)
_BRIDLES = wp.constant(SURFACES.index("bridles") + 2)


@wp.kernel(enable_backward=False)
def hidden_kernel(
    row0: int,
    eye: Eye,
    directions: wp.array2d(dtype=wp.vec3),
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

    `eye`, `directions`, `bodies` and `strands` are those of that view. `pixel` is where the points
    fall (column, row; NaN is skipped); `turn_of_normal` takes normals to the local frame. Near and
    far the ground has grids of different steps, so that its point may lie a little below a finer
    grid: the less the ray slants, the less this counts.
    """
    i, j = wp.tid()
    i += row0
    hidden[i, j] = wp.uint8(0)
    x = pixel[i, j][0]
    y = pixel[i, j][1]
    if wp.isnan(x) or wp.isnan(y):
        return
    # The pupil moves so little that a point's direction from the optical centre tells its place.
    start = pupil_start(eye.pupil, target[i, j])
    ahead = target[i, j] - start
    reach = wp.length(ahead)
    o = eye.turn * start
    d = wp.normalize(eye.turn * ahead)
    row = int(y + 0.5)
    column = int(x + 0.5)
    slack = 3.0e-3 + 2.0e-4 * reach
    if body[i, j] == wp.uint8(1):
        slant = wp.abs(wp.dot(turn_of_normal * normal[i, j], d))
        slack += 1.5 * reach * eye.cone / wp.max(slant, 0.05)
    if body[i, j] == wp.uint8(_PARACHUTE) or body[i, j] == wp.uint8(_BRIDLES):
        # A cord is drawn as round, not as it is: its skin lies elsewhere for another ray.
        slack += eye.cord_width
    far = reach - slack
    if far <= 0.0:
        return
    hit = body_hit(bodies, row, column, o, d, far)
    covered = hit.t >= 0.0
    if not covered:
        t = trace_ground(ground, eye.at + o, d, eye.cone, far)
        covered = t >= 0.0 and t < far
    if not covered and strands.count > 0:
        at = wp.vec2(ahead[0] / ahead[2], ahead[1] / ahead[2])
        depth = far / wp.sqrt(1.0 + wp.dot(at, at))
        cell = cell_of(directions, row, column)
        covered = cord_at(strands, row, column, at, start, cell, depth).cover > 0.5
    if covered:
        hidden[i, j] = wp.uint8(1)
