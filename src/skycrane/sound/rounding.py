"""Clean samples on a recording's own grid, so that they and what is left add up to the last bit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.sound.recording import Recording

__all__ = ["exact", "units"]

_LEAST_PEAK, _MOST_PEAK = 1e-100, 1e100
"""Peaks of floating-point recordings whose squares and 52nd parts are still numbers."""


def units(recording: Recording) -> tuple[float, float]:
    """Return full scale and the step that samples are rounded to, 0 for whole numbers.

    A floating-point recording is rounded to 2^-52 of its peak: sums and differences of multiples
    of that are exact in 64 bits.
    """
    if recording.bits:
        return 2.0 ** (recording.bits - 1), 0.0
    peak = max((float(np.abs(block).max()) for block in recording.blocks()), default=0.0)
    if peak and not _LEAST_PEAK <= peak <= _MOST_PEAK:
        raise InputError(
            f"its loudest sample is {peak:.3g}",
            where=str(recording.path),
            right=f"Scale it to between {_LEAST_PEAK:g} and {_MOST_PEAK:g}, best near 1.",
        )
    full = 2.0 ** math.ceil(math.log2(peak)) if peak > 0 else 1.0
    return full, full * 2.0**-51


def exact(
    raw: NDArray[np.float64], clean: NDArray[np.float64], bits: int, grid: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Round the clean samples so that they and what is left both fit the format."""
    if not bits:
        raw = np.rint(raw / grid) * grid
        return raw, np.rint(clean / grid) * grid
    top = 2.0 ** (bits - 1)
    low = np.maximum(-top, raw - (top - 1))
    high = np.minimum(top - 1, raw + top)
    return raw, np.clip(np.rint(clean), low, high)
