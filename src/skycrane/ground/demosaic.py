"""Demosaic: one colour a photosite becomes three a pixel, on linear 16-bit values."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError

__all__ = ["PATTERNS", "demosaic"]

PATTERNS = {
    "rggb": cv2.COLOR_BayerRGGB2RGB_EA,
    "bggr": cv2.COLOR_BayerBGGR2RGB_EA,
    "grbg": cv2.COLOR_BayerGRBG2RGB_EA,
    "gbrg": cv2.COLOR_BayerGBRG2RGB_EA,
}
"""Colour filter arrays by the first two rows' letters; all are demosaiced edge-aware."""


def demosaic(mosaic: NDArray[np.uint16], pattern: str = "rggb") -> NDArray[np.uint16]:
    """Return RGB of shape (h, w, 3) for a Bayer mosaic of shape (h, w), edge-aware.

    Green is interpolated along the weaker of the two gradients, red and blue by the mean of their
    neighbours (the "EA" method of OpenCV, after Adams and Hamilton, US patent 5,629,734, lapsed).

    Raises:
        InputError: the pattern is unknown or the frame has fewer than 4x4 photosites.
    """
    if pattern not in PATTERNS:
        raise InputError(
            f"{pattern!r} is no Bayer pattern", right=f"Known: {', '.join(sorted(PATTERNS))}."
        )
    if mosaic.ndim != 2 or min(mosaic.shape) < 4:
        raise InputError(
            f"a frame of {'x'.join(map(str, mosaic.shape))} photosites cannot be demosaiced",
            right="Give single-channel frames of at least 4x4.",
        )
    # The method leaves a rim of one pixel to guesses, so it is given one more of each row and
    # column, mirrored without repeating the edge, which keeps the pattern's phase.
    framed = cv2.copyMakeBorder(mosaic, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.demosaicing(framed, PATTERNS[pattern])[2:-2, 2:-2], dtype=np.uint16)
