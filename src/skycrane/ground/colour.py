"""Colour: raw frames to pictures as people see Mars; one look for stills and film."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.ground.demosaic import demosaic
from skycrane.mission import Mission
from skycrane.mission.film import Colour

__all__ = ["Levels", "develop", "grade", "linear_rgb", "looks_of", "measure"]

_LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709
_RANGE = 4.0
"""Linear light above white that the tone curve still tells apart, before its shoulder saturates."""

_MOST_VEIL = 0.12
"""More linear light than this in the darkest parts is a bright scene, not haze."""


@dataclass(frozen=True)
class Levels:
    """What a grade adapts to in one picture, linear and before exposure.

    Attributes:
        veil: the darkest half percent, in the colour that has least of it: haze, stray light.
        middle: median luma.
    """

    veil: float
    middle: float


def looks_of(mission: Mission) -> dict[str, Colour]:
    """Return each camera's look: the film's, with the curve that this camera packs light by."""
    look = mission.film.colour
    return {
        name: look.model_copy(update={"companding": camera.detector.companding})
        for name, camera in mission.cameras.items()
    }


@lru_cache(maxsize=16)
def _tables(
    companding: str, black_dn: float, balance: tuple[float, float, float], depth: int
) -> NDArray[np.uint16]:
    """Return digital number -> balanced linear light, 65535 at white, shape (3, 2**depth)."""
    top = (1 << depth) - 1
    black = black_dn / 255 * top
    light = np.clip((np.arange(top + 1) - black) / (top - black), 0, 1)
    if companding == "square_root":
        light = light**2
    # A photosite that is full says nothing about hue: all colours clip where the weakest does.
    gain = np.asarray(balance) / min(balance)
    return np.round(65535 * np.clip(gain[:, None] * light, 0, 1)).astype(np.uint16)


def linear_rgb(
    image: NDArray[np.uint8] | NDArray[np.uint16], colour: Colour, *, pattern: str = "rggb"
) -> NDArray[np.uint16]:
    """Return balanced linear camera colour, (h, w, 3), 65535 at white, of a raw frame (h, w).

    `pattern` is a Bayer pattern, or "mono". Frames are 8 bits, or 16 bits used to the full.

    Raises:
        InputError: an unknown pattern, or a frame too small.
    """
    red, green, blue = colour.white_balance
    depth = 8 * image.dtype.itemsize
    tables = _tables(colour.companding, colour.black_level_dn, (red, green, blue), depth)
    if pattern == "mono":
        grey = tables[int(np.argmin(colour.white_balance))][image]
        return np.repeat(grey[..., None], 3, axis=2)
    mosaic = np.empty(image.shape, dtype=np.uint16)
    for place, letter in enumerate(pattern):
        row, column = divmod(place, 2)
        site = (slice(row, None, 2), slice(column, None, 2))
        mosaic[site] = tables["rgb".find(letter)][image[site]]
    return demosaic(mosaic, pattern)


def measure(linear: NDArray[np.uint16]) -> Levels:
    """Return the levels of a linear picture (h, w, 3)."""
    step = max(1, min(linear.shape[:2]) // 64)
    few = linear[::step, ::step].reshape(-1, 3) / 65535.0
    return Levels(float(np.percentile(few, 0.5, axis=0).min()), float(np.median(few @ _LUMA)))


@lru_cache(maxsize=8)
def _tone_curve(contrast: float) -> NDArray[np.uint8]:
    """Return linear light (65536 steps up to `_RANGE`) -> 8-bit sRGB with a shoulder and an S."""
    x = np.linspace(0, _RANGE, 65536)
    knee = 0.72
    # Above the knee highlights roll off toward white as film does, continuous in value and slope.
    rolled = np.where(x < knee, x, 1 - (1 - knee) * np.exp(-(x - knee) / (1 - knee)))
    s = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055)
    s = (1 - contrast) * s + contrast * s * s * (3 - 2 * s)
    return np.round(255 * np.clip(s, 0, 1)).astype(np.uint8)


def grade(linear: NDArray[np.uint16], colour: Colour, levels: Levels) -> NDArray[np.uint8]:
    """Return an 8-bit sRGB picture (h, w, 3) of a linear one: haze, exposure, matrix, tone."""
    gain = colour.exposure
    if levels.middle > 0.004:  # a black picture is meant to be black
        wanted = colour.mid_grey / (levels.middle * colour.exposure)
        gain *= float(np.clip(wanted, 0.35, 2.5)) ** colour.adapt
    saturate = colour.saturation * np.eye(3) + (1 - colour.saturation) * _LUMA
    matrix = gain * saturate @ np.asarray(colour.matrix)
    # The same from every colour, and not past what haze can be: a sky has no dark parts either,
    # and is to keep its hue.
    veil = colour.dehaze * min(levels.veil, _MOST_VEIL)
    matrix /= 1 - veil  # what the veil took from the range is given back: white stays white
    affine = np.column_stack([matrix, -matrix @ np.full(3, veil)]) * (65535 / _RANGE)
    affine[:, :3] /= 65535
    steps = cv2.transform(linear.astype(np.float32), affine.astype(np.float32))
    np.clip(steps, 0, 65535, out=steps)
    picture = _tone_curve(colour.contrast)[steps.astype(np.uint16)]
    return _true_colour(np.asarray(picture), colour.false_colour_px)


def _true_colour(picture: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Return a picture whose colour differences are the median of their surroundings.

    Detail finer than the filter array's cells comes out of any demosaic in colours that are not
    there; eyes see detail by lightness, which is left alone (Freeman 1988, US patent 4,724,395,
    lapsed).
    """
    if not size_px:
        return picture
    lightness, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    calm = [cv2.medianBlur(difference, size_px) for difference in (red, blue)]
    merged = cv2.merge([lightness, *calm])
    return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def develop(
    image: NDArray[np.uint8] | NDArray[np.uint16],
    colour: Colour,
    *,
    pattern: str = "rggb",
    levels: Levels | None = None,
) -> NDArray[np.uint8]:
    """Return the picture (h, w, 3) of a raw frame (h, w), graded to its own levels unless given."""
    linear = linear_rgb(image, colour, pattern=pattern)
    return grade(linear, colour, measure(linear) if levels is None else levels)
