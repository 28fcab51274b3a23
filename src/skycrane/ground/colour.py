"""Colour: raw frames to pictures as people see Mars; one look for stills and film."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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

_MOST_VEIL = 0.22
"""More linear light than this in the darkest parts is a bright scene, not haze."""

_MOST_GAIN, _LEAST_GAIN = 3.0, 0.35
"""How far a picture's exposure may be drawn to the look's."""


@dataclass(frozen=True)
class Levels:
    """What a grade adapts to in one picture, linear and before exposure.

    Attributes:
        veil: share of the picture's middle colour that its darkest half percent has in every
            colour: haze, dust, stray light.
        middle: median of red, green and blue.
    """

    veil: float
    middle: tuple[float, float, float]


def looks_of(mission: Mission) -> dict[str, Colour]:
    """Return each camera's look: the film's, with the curve that this camera packs light by.

    What a camera has of its own in `look` comes before the film's.
    """
    look = mission.film.colour
    return {
        name: look.model_copy(
            update={"companding": camera.detector.companding}
            | (camera.look.model_dump() if camera.look else {})
        )
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
    middle = np.median(few, axis=0)
    share = np.percentile(few, 0.5, axis=0) / np.maximum(middle, 1e-6)
    red, green, blue = (float(colour) for colour in middle)
    return Levels(float(np.clip(share.min(), 0, 1)), (red, green, blue))


@lru_cache(maxsize=8)
def _tone_curve(contrast: float, steepness: float) -> NDArray[np.uint8]:
    """Return linear light (65536 steps up to `_RANGE`) -> 8-bit sRGB with a shoulder and an S.

    A `steepness` of 2.2 takes sRGB's curve away again.
    """
    x = np.linspace(0, _RANGE, 65536)
    knee = 0.72
    # Above the knee highlights roll off toward white as film does, continuous in value and slope.
    rolled = np.where(x < knee, x, 1 - (1 - knee) * np.exp(-(x - knee) / (1 - knee)))
    s = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055)
    s = s**steepness
    s = (1 - contrast) * s + contrast * s * s * (3 - 2 * s)
    return np.round(255 * np.clip(s, 0, 1)).astype(np.uint8)


def grade(linear: NDArray[np.uint16], colour: Colour, levels: Levels) -> NDArray[np.uint8]:
    """Return an 8-bit sRGB picture (h, w, 3) of a linear one: haze, exposure, matrix, tone."""
    middle = np.asarray(levels.middle)
    # In the picture's own hue, so that what is left keeps it; a sky has no dark parts either, and
    # is not to lose more than haze can be.
    veil = colour.dehaze * min(levels.veil, _MOST_VEIL / max(float(middle @ _LUMA), 1e-6)) * middle
    left = float((middle - veil) @ _LUMA)
    # What the veil took from the range is given back: white stays white.
    gain = colour.exposure / (1 - float(veil @ _LUMA))
    if left > 0.004:  # a black picture is meant to be black
        wanted = colour.mid_grey / (left * gain)
        gain *= float(np.clip(wanted, _LEAST_GAIN, _MOST_GAIN)) ** colour.adapt
    saturate = colour.saturation * np.eye(3) + (1 - colour.saturation) * _LUMA
    matrix = gain * saturate @ np.asarray(colour.matrix)
    affine = np.column_stack([matrix, -matrix @ veil]) * (65535 / _RANGE)
    affine[:, :3] /= 65535
    steps = cv2.transform(linear.astype(np.float32), affine.astype(np.float32))
    np.clip(steps, 0, 65535, out=steps)
    picture = _tone_curve(colour.contrast, colour.steepness)[steps.astype(np.uint16)]
    return _finished(np.asarray(picture), colour)


def _finished(picture: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """Return a picture with colours calmed and its detail and shapes brought out, by lightness.

    Detail finer than the filter array's cells comes out of any demosaic in colours that are not
    there: colour differences become the median of their surroundings, and lightness is left alone
    (Freeman 1988, US patent 4,724,395, lapsed).
    """
    size_px = colour.false_colour_px
    if not (size_px or colour.sharpness or colour.local_contrast):
        return picture
    lightness, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    if size_px:
        red, blue = (cv2.medianBlur(difference, size_px) for difference in (red, blue))
    lightness = _clear(lightness, colour.sharpness, colour.local_contrast)
    merged = cv2.merge([lightness, red, blue])
    return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _clear(lightness: Any, sharpness: float, local_contrast: float) -> Any:
    """Return lightness (h, w) with its difference from what it is nearby added to it, twice:

    nearby is a pixel for `sharpness`, and a twenty-fifth of the height for `local_contrast`.
    """
    clear = lightness
    if sharpness:
        near = cv2.GaussianBlur(lightness, (0, 0), 1.0)
        clear = cv2.addWeighted(clear, 1 + sharpness, near, -sharpness, 0)
    if local_contrast:
        h, w = lightness.shape
        # Wide blurs have no detail: an eighth of the pixels tell them.
        small = cv2.resize(lightness, (-(-w // 8), -(-h // 8)), interpolation=cv2.INTER_AREA)
        blurred = cv2.GaussianBlur(small, (0, 0), max(0.5, h / 200))
        wide = cv2.resize(blurred, (w, h), interpolation=cv2.INTER_LINEAR)
        clear = cv2.addWeighted(clear, 1 + local_contrast, wide, -local_contrast, 0)
    return clear


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
