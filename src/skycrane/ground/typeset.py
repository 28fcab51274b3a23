"""Type: text as anti-aliased masks, set once and kept, and laid over pictures."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["FACES", "blend", "font", "set_text", "shadow_of"]

FACES = {
    "text": "Barlow-Medium.ttf",
    "strong": "Barlow-SemiBold.ttf",
    "label": "BarlowCondensed-Medium.ttf",
    "label_strong": "BarlowCondensed-SemiBold.ttf",
}
"""The film's faces (Barlow, SIL Open Font License, fonts/OFL.txt)."""

Mask = NDArray[np.uint8]
Picture = NDArray[np.uint8]


@lru_cache(maxsize=64)
def font(face: str, size_px: int) -> ImageFont.FreeTypeFont:
    """Return a face of `FACES` at a size."""
    path = resources.files("skycrane.ground") / "fonts" / FACES[face]
    data = BytesIO(path.read_bytes())
    return ImageFont.truetype(data, size_px, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def set_text(text: str, face: str, size_px: int, tracking_px: float = 0.0) -> Mask:
    """Return the coverage of a line of text, shape (ascent + descent, width), 0 to 255.

    Digits all take the width of the widest, so that running numbers stand still.
    """
    type_ = font(face, size_px)
    ascent, descent = type_.getmetrics()
    digit = max(type_.getlength(d) for d in "0123456789")
    x, places = 1.0, []
    for letter in text:
        own = type_.getlength(letter)
        cell = digit if letter.isdigit() else own
        places.append((x + (cell - own) / 2, letter))
        x += cell + tracking_px
    image = Image.new("L", (max(1, round(x - tracking_px) + 2), ascent + descent))
    draw = ImageDraw.Draw(image)
    for place, letter in places:
        draw.text((place, ascent), letter, fill=255, font=type_, anchor="ls")
    mask = np.array(image)
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=4096)
def shadow_of(text: str, face: str, size_px: int, tracking_px: float = 0.0) -> Mask:
    """Return the soft shadow of a line of text, padded by a quarter of its size on every side."""
    pad = max(2, size_px // 4)
    mask = cv2.copyMakeBorder(
        set_text(text, face, size_px, tracking_px), pad, pad, pad, pad, cv2.BORDER_CONSTANT
    )
    soft = cv2.GaussianBlur(mask, (0, 0), pad / 2.2).astype(np.uint16) * 2
    return np.minimum(soft, 255).astype(np.uint8)


def blend(
    canvas: Picture,
    mask: Mask,
    x: int,
    y: int,
    colour: tuple[int, int, int],
    opacity: float = 1.0,
) -> None:
    """Lay `colour` over `canvas` (h, w, 3) where `mask` covers, its upper left corner at x, y."""
    top, left = max(0, -y), max(0, -x)
    bottom = min(mask.shape[0], canvas.shape[0] - y)
    right = min(mask.shape[1], canvas.shape[1] - x)
    if top >= bottom or left >= right or opacity <= 0:
        return
    region = canvas[y + top : y + bottom, x + left : x + right]
    alpha = mask[top:bottom, left:right, None].astype(np.int32)
    alpha = alpha * round(256 * min(opacity, 1.0)) // 255
    under = region.astype(np.int32)
    region[:] = (under + ((np.array(colour, dtype=np.int32) - under) * alpha >> 8)).astype(np.uint8)
