"""Figures that tell a flown picture from a made one, none moved by how it was stretched to show.

Ground seen from above is nearly scale free: its power falls with spatial frequency by a power law,
its gradients have long tails, and shadows stand against lit slopes. Means, contrast and black level
of the published pictures were set by whoever published them, so that figures which hang on these
say nothing; shadow to light comes closest, and is told with that reserve.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["FIGURES", "figures_of", "within"]

Array = NDArray[np.float64]

_SIDE = 256
_CROP = (slice(44, 244), slice(28, 228))
"""Clear of the time that is written into the corner, and of the corners, where lenses differ."""
_WAVELENGTHS_PX = (4.0, 50.0)

FIGURES = {
    "spectrum_slope": "power over spatial frequency, exponent, wavelengths of 4 to 50 pixels",
    "brightness_skew": "skewness of the brightness",
    "brightness_middle": "place of the median between the 2nd and the 98th percentile",
    "gradient_tail": "99th percentile over median of the gradient",
    "gradient_kurtosis": "kurtosis of the differences between neighbours",
    "shadow_to_light": "1st over 99th percentile of the brightness over its surroundings",
}
"""What each figure is; pictures are brought to 256 x 256 before any is taken."""


def figures_of(picture: NDArray[np.uint8]) -> dict[str, float]:
    """Return the figures of a square grey picture (n, n), n at least 256."""
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    x = np.asarray(small, np.float64)[_CROP]
    low, middle, high = np.percentile(x, [2, 50, 98])
    across, down = np.diff(x, axis=1)[:-1], np.diff(x, axis=0)[:, :-1]
    size = np.hypot(across, down)
    steps = np.concatenate([across.ravel(), down.ravel()])
    around = cv2.GaussianBlur(x, (0, 0), 16)
    dark, light = np.percentile(x / np.maximum(around, 1.0), [1, 99])
    return {
        "spectrum_slope": _slope(x),
        "brightness_skew": float(np.mean((x - x.mean()) ** 3) / max(x.std() ** 3, 1e-9)),
        "brightness_middle": float((middle - low) / max(high - low, 1e-9)),
        "gradient_tail": float(np.percentile(size, 99) / max(np.median(size), 1.0)),
        "gradient_kurtosis": float(np.mean(steps**4) / max(np.mean(steps**2) ** 2, 1e-9)),
        "shadow_to_light": float(dark / max(light, 1e-9)),
    }


def _slope(x: Array) -> float:
    """Return the exponent of the power spectrum, averaged around the circle."""
    n = len(x)
    window = np.outer(np.hanning(n), np.hanning(n))
    power = np.abs(np.fft.fft2((x - x.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    edges = np.geomspace(1 / _WAVELENGTHS_PX[1], 1 / _WAVELENGTHS_PX[0], 15)
    ring = np.digitize(frequency, edges)
    mean = [power[ring == k].mean() for k in range(1, len(edges))]
    middle = np.sqrt(edges[1:] * edges[:-1])
    return float(np.polyfit(np.log(middle), np.log(np.maximum(mean, 1e-9)), 1)[0])


def within(ours: dict[str, float], flown: list[dict[str, float]]) -> dict[str, bool]:
    """Return of each figure whether it lies between the least and the most of the flown ones."""
    return {
        name: min(f[name] for f in flown) <= value <= max(f[name] for f in flown)
        for name, value in ours.items()
    }
