"""Where rays start: the entrance pupil of a CAHVORE lens, which moves along the axis.

The published vectors say by how much (Gennery 2006, equation of the moving pupil; the letters of Di
and Li 2004): a ray that comes in at an angle t off the axis passes the axis at C plus
(t / sin t - 1) (E0 + E1 t^2 + E2 t^4). Every other lens has one point, and E = 0.
"""

# mypy: ignore-errors
from __future__ import annotations

from typing import Any

import warp as wp

from skycrane.cameras.optics import Lens

__all__ = ["Pupil", "pupil_of", "pupil_start"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Pupil:
    """How a lens's entrance pupil moves.

    Attributes:
        axis: unit vector that it moves along, optical frame.
        move: E0, E1, E2, m; zeros where all rays start in one point.
    """

    axis: wp.vec3
    move: wp.vec3


def pupil_of(lens: Lens) -> Any:
    """Return the `Pupil` of a lens."""
    pupil = Pupil()
    pupil.axis, pupil.move = (wp.vec3(*v) for v in lens.pupil)
    return pupil


@wp.func
def pupil_start(pupil: Pupil, d: wp.vec3) -> wp.vec3:
    """Return where the ray of a direction starts, m from C; both in the optical frame."""
    if wp.dot(pupil.move, pupil.move) == 0.0:
        return wp.vec3(0.0, 0.0, 0.0)
    along = wp.dot(pupil.axis, d)
    aside = wp.length(d - pupil.axis * along)
    t = wp.atan2(aside, along)
    square = t * t
    # t / sin t - 1 by its series: the difference itself has no digits near the axis.
    share = square * (0.16666667 + square * (0.019444444 + square * 0.0020502646))
    if t > 0.5:
        share = t / wp.sin(t) - 1.0
    move = pupil.move[0] + square * (pupil.move[1] + square * pupil.move[2])
    return pupil.axis * (share * move)
