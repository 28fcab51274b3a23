"""Tones that wander too far to be followed by phase: narrow ridges, held down to what is around.

A breeze has no narrow ridges. Voices and music have, so ridges are only held down at frequencies
where the reference of the noise shows them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skycrane.sound.frames import Delay, DelayLine, hann, smooth

__all__ = ["RidgeFilter", "where_ridges_are"]

_REACH, _APART = 12, 3
"""Bins on either side that a bin is held against, and those next to it that are left out."""
_LOWEST = 14
"""Bins below this stand too near to one another to tell a ridge from a slope."""
_FACTOR = 5.0
"""A ridge stands this many times above the geometric mean around it."""
_SHORT = 2
"""Frames on either side that its power is taken over."""
_SHARE = 1.0
"""A bin where ridges add this share of the floor's power to the noise is one that they cross."""
_WANDER = 0.08
"""How far beyond where the reference shows ridges others are looked for, as a fraction."""


def where_ridges_are(mean: NDArray[np.float64], held: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the bins that ridges of the noise may cross, [bins].

    Args:
        mean: mean power of the noise alone without its steady tones, [bins].
        held: the same after a `RidgeFilter`, [bins].
    """
    crossed = mean > (1 + _SHARE) * held
    # A lone bin is chance; a ridge that wanders crosses several.
    crossed = ndimage.binary_opening(crossed, structure=np.ones(3))
    bins = np.arange(mean.size)
    total = np.concatenate([[0], np.cumsum(crossed)])
    low = np.clip((bins * (1 - _WANDER)).astype(int) - 2, 0, mean.size)
    high = np.clip((bins * (1 + _WANDER)).astype(int) + 3, 0, mean.size)
    return (total[high] - total[low] > 0) & (bins >= _LOWEST)


class RidgeFilter:
    """A frame filter that holds narrow ridges down to their surroundings.

    Args:
        where: bins at which to do so, [bins].
        strength: 0 leaves ridges, 1 takes them down to their surroundings.
    """

    def __init__(self, where: NDArray[np.bool_], *, strength: float = 1.0) -> None:
        self.where = where.copy()
        self.where[:_LOWEST] = False
        self.strength = min(strength, 1.0)
        crossed = np.flatnonzero(self.where)
        self.delay = _SHORT if crossed.size and strength > 0 else 0
        self.last = int(crossed[-1]) + _REACH + 2 if crossed.size else 0
        self.last = min(self.last, where.size)
        self._kernel = hann(_SHORT)
        self._power = DelayLine(_SHORT)
        self._valid = DelayLine(_SHORT)
        self._spectra = Delay(_SHORT)

    def _around(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the geometric mean of what is around each bin, itself left out."""
        logs = np.log(np.maximum(level, 1e-300))
        n = level.shape[1]
        total = np.zeros((len(level), n + 1))
        np.cumsum(logs, axis=1, out=total[:, 1:])
        at = np.arange(n)

        def between(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[Any, Any]:
            low, high = np.clip(low, 1, n), np.clip(high, 1, n)
            return total[:, high] - total[:, low], high - low

        below, count_below = between(at - _REACH, at - _APART)
        above, count_above = between(at + _APART + 1, at + _REACH + 1)
        return np.exp((below + above) / np.maximum(count_below + count_above, 1))

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], Any]:
        """See `FrameFilter.process`."""
        if self.delay == 0:
            return spectra, valid
        count = len(spectra)
        weights = self._valid.push(valid)
        seen = self._power.push(np.abs(spectra[:, : self.last]) ** 2)
        level = smooth(seen, weights, self._kernel)
        around = self._around(level)
        ridge = self.where[: self.last] & (level > _FACTOR * around) & (around > 0)
        # A ridge's flanks belong to it.
        ridge = ndimage.binary_dilation(ridge, structure=np.ones((1, 3)))
        ridge &= level > around
        gain = np.where(ridge, around / np.maximum(level, 1e-300), 1.0) ** (0.5 * self.strength)
        out = self._spectra.push(spectra).copy()
        out[:, : self.last] *= gain
        return out, weights[_SHORT : _SHORT + count]
