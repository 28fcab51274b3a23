"""Motion: pictures between two frames of a slow camera, along the motion seen between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Motion", "between", "motion_of"]

Picture = NDArray[np.uint8]

_FLOW_WIDTH = 256
_TRUSTED = 0.75
"""Least share of the change between two frames that motion must explain to be followed."""
_STILL = 1.0
"""Mean change, of 255, below which two frames count as alike."""


@dataclass(frozen=True)
class Motion:
    """How the picture moves from one frame to the next.

    Attributes:
        flow_px: displacement of what is seen at each pixel of the first frame, (h, w, 2).
        trusted: whether moving the second frame back by it gives the first, nearly.
    """

    flow_px: NDArray[np.float32]
    trusted: bool


def motion_of(first: Picture, second: Picture) -> Motion:
    """Return the motion between two pictures of one size (h, w, 3).

    Dense inverse search (Kroeger et al. 2016, arXiv 1603.03590) on small grey copies. Where the
    flow explains too little of the change (dust, shadows, a body that tumbles) it is not trusted.
    """
    height, width = first.shape[:2]
    small = (min(width, _FLOW_WIDTH), max(16, round(height * min(1.0, _FLOW_WIDTH / width))))
    one, two = (
        cv2.cvtColor(cv2.resize(p, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for p in (first, second)
    )
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = search.calc(one, two, None)  # type: ignore[call-overload]
    flow = cv2.GaussianBlur(flow, (0, 0), 1.5)
    back = _moved(np.asarray(two, dtype=np.uint8), np.asarray(flow), 1.0)
    change, left = float(cv2.absdiff(one, two).mean()), float(cv2.absdiff(one, back).mean())
    trusted = change < _STILL or left < max((1 - _TRUSTED) * change, 2 * _STILL)
    large = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    large *= np.array([width / small[0], height / small[1]], np.float32)
    return Motion(np.asarray(large), trusted)


def between(first: Picture, second: Picture, motion: Motion, share: float) -> Picture:
    """Return the picture `share` of the way from one frame to the next; the first if in doubt."""
    if not motion.trusted:
        return first
    # Four channels are moved in vector registers, three are not: the same bytes in half the time.
    sides = [
        _moved(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8), motion.flow_px, way)
        for picture, way in ((first, -share), (second, 1 - share))
    ]
    mixed = cv2.addWeighted(sides[0], 1 - share, sides[1], share, 0)
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_RGBA2RGB), dtype=np.uint8)


def _moved(picture: Picture, flow: NDArray[np.float32], way: float) -> Picture:
    """Return a picture moved `way` times back along the flow."""
    places = cv2.scaleAdd(flow, way, _places(*flow.shape[:2]))
    moved = cv2.remap(  # type: ignore[call-overload]
        picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, dtype=np.uint8)


@lru_cache(maxsize=16)
def _places(height: int, width: int) -> NDArray[np.float32]:
    """Return each pixel's own place (column, row), (height, width, 2)."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
