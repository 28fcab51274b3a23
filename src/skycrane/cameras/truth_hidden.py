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


@wp.func
def _slack_m(eye: Eye, reach: float, body: int, slant: float) -> float:
    """Return how much nearer a ray may end and still have met the point itself.

    Near and far the ground has grids of different steps, so that its point may lie a little below a
    finer grid: the less the ray slants, the less this counts.
    """
    slack = 3.0e-3 + 2.0e-4 * reach
    if body == 1:
        slack += 1.5 * reach * eye.cone / wp.max(slant, 0.05)
    corded = (body - _PARACHUTE) * (body - _BRIDLES) == 0
    if corded:
        # A cord is drawn as round, not as it is: its skin lies elsewhere for another ray.
        slack += eye.cord_width
    return slack


@wp.func
def _covered(
    eye: Eye,
    directions: wp.array2d(dtype=wp.vec3),
    ground: Ground,
    bodies: Bodies,
    strands: Strands,
    pixel: wp.vec2,
    start: wp.vec3,
    ahead: wp.vec3,
    far: float,
) -> bool:
    """Return whether a ray meets anything before `far`; start and way are in the optical frame."""
    o = eye.turn * start
    d = wp.normalize(eye.turn * ahead)
    row = int(pixel[1] + 0.5)
    column = int(pixel[0] + 0.5)
    if body_hit(bodies, row, column, o, d, far).t >= 0.0:
        return True
    t = trace_ground(ground, eye.at + o, d, eye.cone, far)
    if t >= 0.0 and t < far:
        return True
    if strands.count == 0:
        return False
    at = wp.vec2(ahead[0] / ahead[2], ahead[1] / ahead[2])
    depth = far / wp.sqrt(1.0 + wp.dot(at, at))
    cell = cell_of(directions, row, column)
    return cord_at(strands, row, column, at, start, cell, depth).cover > 0.5


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
    fall (column, row; NaN is skipped); `turn_of_normal` takes normals to the local frame.
    """
    i, j = wp.tid()
    i += row0
    hidden[i, j] = wp.uint8(0)
    if wp.isnan(pixel[i, j][0]) or wp.isnan(pixel[i, j][1]):
        return
    # The pupil moves so little that a point's direction from the optical centre tells its place.
    start = pupil_start(eye.pupil, target[i, j])
    ahead = target[i, j] - start
    reach = wp.length(ahead)
    slant = wp.abs(wp.dot(turn_of_normal * normal[i, j], wp.normalize(eye.turn * ahead)))
    far = reach - _slack_m(eye, reach, int(body[i, j]), slant)
    if far <= 0.0:
        return
    if _covered(eye, directions, ground, bodies, strands, pixel[i, j], start, ahead, far):
        hidden[i, j] = wp.uint8(1)
