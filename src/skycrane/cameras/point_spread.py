"""A lens's point spread: how the light of one direction comes to several photosites."""

from __future__ import annotations

from typing import Any

import warp as wp
from scipy.special import ive

from skycrane.cameras.optics import Lens
from skycrane.mission.cameras import Camera

__all__ = ["gather_kernel", "spread_kernel", "spread_px2_of", "spread_variance_px2", "weights_of"]

# As for the rays: neither NaN nor the order of sums matters.
_FAST = f"{wp.config.cpu_compiler_flags} -ffast-math -ffp-contract=fast -w"
wp.set_module_options({"enable_backward": False, "fast_math": True, "cpu_compiler_flags": _FAST})


def spread_px2_of(camera: Camera, lens: Lens) -> float:
    """Return `spread_variance_px2` of a camera whose detector is read out as `lens` says."""
    colour = camera.detector.encoding != "mono8"
    scale = camera.detector.width / lens.width
    return spread_variance_px2(camera.optics.point_spread_px, scale, colour=colour)


def spread_variance_px2(point_spread_px: float, scale: float, *, colour: bool) -> float:
    """Return the variance along rows and along columns of the light of a point, photosites squared.

    Args:
        point_spread_px: standard deviation of the lens's spread on the detector, its photosites.
        scale: the detector is read out at one photosite in `scale` a side.
        colour: behind a Bayer filter. Read out coarser, such a detector adds up photosites of one
            colour, which lie two apart: `scale` of them reach across more than their share.
    """
    lens = (point_spread_px / scale) ** 2
    if not colour:
        return lens
    apart = (scale**2 - 1) / 3  # the variance of `scale` places two apart
    return lens + (apart + 1 / 12) / scale**2 - 1 / 12


def weights_of(variance_px2: float) -> Any:
    """Return the share of light that photosites 0, 1 and 2 away along a row or column get, vec3.

    The discrete analogue of the Gaussian, which has exactly its variance (Lindeberg 1990, IEEE
    Trans. PAMI 12, 234): exponentially scaled modified Bessel functions of the first kind. Cut off
    after the second and made to sum to one over all five.
    """
    shares = ive([0, 1, 2], variance_px2)
    return wp.vec3(*(shares / (shares[0] + 2 * shares[1] + 2 * shares[2])))


@wp.kernel(enable_backward=False)
def spread_kernel(
    row0: int,
    colours: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    weights: wp.vec3,
    spread: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
):
    """Spread light along the rows; beyond the picture it is as at its edge."""
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    last = colours.shape[1] - 1
    near = colours[i, wp.max(j - 1, 0)] + colours[i, wp.min(j + 1, last)]
    far = colours[i, wp.max(j - 2, 0)] + colours[i, wp.min(j + 2, last)]
    spread[i, j] = colours[i, j] * weights[0] + near * weights[1] + far * weights[2]


@wp.kernel(enable_backward=False)
def gather_kernel(
    row0: int,
    spread: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    weights: wp.vec3,
    bayer: int,
    light: wp.array2d(dtype=float),  # type: ignore[valid-type]
):
    """Spread light along the columns, and fill what each photosite's filter lets pass.

    `bayer`: 1 for RGGB, 0 for no filter, 2 to 4 for red, green or blue everywhere. Bare silicon
    takes all three colours, about alike.
    """
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    passes = wp.vec3(1.0 / 3.0)
    if bayer > 0:
        c = (i & 1) + (j & 1)
        if bayer >= 2:
            c = bayer - 2
        passes = wp.vec3(0.0)
        passes[c] = 1.0
    last = light.shape[0] - 1
    near = spread[wp.max(i - 1, 0), j] + spread[wp.min(i + 1, last), j]
    far = spread[wp.max(i - 2, 0), j] + spread[wp.min(i + 2, last), j]
    light[i, j] = wp.dot(spread[i, j] * weights[0] + near * weights[1] + far * weights[2], passes)
