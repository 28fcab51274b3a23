"""How a camera and the bodies before it move during an exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Motion", "Passing"]

Array = NDArray[np.float64]

_SHOWS_PX = 0.01
"""A smear below which a surface counts as standing before the camera."""
_SMEARED_PX = 1.0
_CLOSEST_M = 0.1
"""Nothing is drawn closer to a lens, as far as the size of smears is told."""


@dataclass(frozen=True)
class Motion:
    """Movements from the beginning of an exposure to its end, even in between.

    The surfaces' are told the other way round: how the camera moves as they see it. That is
    nothing, to the last digits, of what the camera rides on.

    Attributes:
        drift_m, spin_rad: of the camera's place and its rotation vector, local axes, (3,) each.
        past_m, about_rad: of its place and its rotation vector in each surface's frame, in the
            order of SURFACES, (n, 3) each.
    """

    drift_m: Array
    spin_rad: Array
    past_m: Array
    about_rad: Array


@dataclass(frozen=True)
class Passing:
    """A camera's way past the surfaces during an exposure, as the kernels take it.

    Attributes:
        past_m, about_rad: as of `Motion`, but in local axes of the exposure's middle, (n, 3).
        sway_m: how far any point of each surface moves before the camera at most, (n,).
        moving, smeared: bits of the surfaces whose image moves at all, and by over a photosite.
    """

    past_m: Array
    about_rad: Array
    sway_m: Array
    moving: int
    smeared: int

    @classmethod
    def of(
        cls, motion: Motion | None, turn: Array, away_m: Array, radius_m: Array, focal_px: float
    ) -> Passing:
        """Return the way past surfaces.

        Args:
            motion: None where nothing moves.
            turn: rotations from the surfaces' frames to the local one, (n, 3, 3).
            away_m: from the camera to the middles of their bounding spheres, (n, 3).
            radius_m: of those spheres, 0 for what does not exist, (n,).
            focal_px: the camera's focal length, photosites.
        """
        none = np.zeros_like(away_m)
        if motion is None:
            return cls(none, none, none[:, 0], 0, 0)
        past = np.einsum("kij,kj->ki", turn, motion.past_m)
        about = np.einsum("kij,kj->ki", turn, motion.about_rad)
        # A point X from the camera seems to move by past + about x X, less for the sign.
        middle = np.linalg.norm(past + np.cross(about, away_m), axis=1)
        sway = middle + np.linalg.norm(about, axis=1) * radius_m
        near = np.maximum(np.linalg.norm(away_m, axis=1) - radius_m, _CLOSEST_M)
        smear_px = np.where(radius_m > 0, focal_px * sway / near, 0.0)
        shows = smear_px > _SHOWS_PX
        return cls(
            np.where(shows[:, None], past, 0.0),
            np.where(shows[:, None], about, 0.0),
            np.where(shows, sway, 0.0),
            _bits(shows),
            _bits(smear_px > _SMEARED_PX),
        )


def _bits(which: NDArray[np.bool_]) -> int:
    return int(sum(1 << int(k) for k in np.flatnonzero(which)))
