"""Tones that wander too far to be followed by phase: narrow ridges, held down to what is around.

A breeze has no narrow ridges. Voices and music have, so ridges are only held down at frequencies
where the reference of the noise shows them, and where those are one shaft's, only along its lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skycrane.sound.combs import Comb, RidgeRows, comb_ratios
from skycrane.sound.frames import Delay, DelayLine, hann, smooth

__all__ = ["RidgeFilter", "where_comb_is", "where_ridges_are"]

_REACH, _APART = 12, 3
"""Bins on either side that a bin is held against, and those next to it that are left out."""
_LOWEST = 14
"""Bins below this stand too near to one another to tell a ridge from a slope."""
_FACTOR = 5.0
"""A ridge stands this many times above the geometric mean around it."""
_NEXT, _FACTOR_NEXT = 6, 3.0
"""Bins within which a narrow ridge must stand out on either side, and by how many times."""
_SHORT = 2
"""Frames on either side that its power is taken over."""
_SHARE = 1.0
"""A bin where ridges add this share of the floor's power to the noise is one that they cross."""
_LINE_BINS, _LINE = 2.0, 0.006
"""Half width of a comb's line, in bins and as a fraction of the frequency."""
_LOUDER = 2.0
"""How much louder a comb's line may be in the recording than it usually is in the reference."""
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
    return _beside(crossed)


def where_comb_is(comb: Comb, bins: int, bin_hz: float) -> NDArray[np.bool_]:
    """Return the bins that a comb may cross, [bins]."""
    crossed = np.zeros(bins, dtype=bool)
    at = np.rint(comb.lines_hz / bin_hz).astype(int)
    crossed[at[at < bins]] = True
    return _beside(crossed)


def _beside(crossed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bins that ridges which cross these may wander to."""
    bins = np.arange(crossed.size)
    total = np.concatenate([[0], np.cumsum(crossed)])
    low = np.clip((bins * (1 - _WANDER)).astype(int) - 2, 0, crossed.size)
    high = np.clip((bins * (1 + _WANDER)).astype(int) + 3, 0, crossed.size)
    return (total[high] - total[low] > 0) & (bins >= _LOWEST)


class RidgeFilter:
    """A frame filter that holds narrow ridges down to their surroundings.

    Args:
        where: bins at which to do so, [bins].
        strength: 0 leaves ridges, 1 takes them down to their surroundings.
        most: largest power that is held down in each bin, [bins]; None: any.
        comb: lines along which alone to do so, wherever they are in a frame; None: everywhere.
        bin_hz: width of a bin [Hz], needed with a comb.
        rows: where to remember the ridges that are found.
        reach: frames on either side that a ridge's power is taken over.
        narrow: whether a ridge must stand above what is next to it on either side too: the edge of
            a wind's spectrum does not.
    """

    def __init__(
        self,
        where: NDArray[np.bool_],
        *,
        strength: float = 1.0,
        most: NDArray[np.float64] | None = None,
        comb: Comb | None = None,
        bin_hz: float = 1.0,
        rows: RidgeRows | None = None,
        reach: int = _SHORT,
        narrow: bool = False,
    ) -> None:
        self.reach, self.narrow = reach, narrow
        self.comb, self.rows, self.most = comb, rows, most
        self.lines = np.zeros(0) if comb is None else comb.lines_hz / bin_hz
        self.where = where.copy()
        self.where[:_LOWEST] = False
        self.strength = min(strength, 1.0)
        crossed = np.flatnonzero(self.where)
        self.delay = reach if crossed.size and strength > 0 else 0
        self.last = int(crossed[-1]) + _REACH + 2 if crossed.size else 0
        self.last = min(self.last, where.size)
        self._kernel = hann(reach)
        self._power = DelayLine(reach)
        self._valid = DelayLine(reach)
        self._spectra = Delay(reach)

    def _around(self, level: NDArray[np.float64]) -> tuple[NDArray[np.float64], Any]:
        """Return the geometric mean of what is around each bin, itself left out, and the larger of
        the means of what is next to it on either side."""
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
        around = np.exp((below + above) / np.maximum(count_below + count_above, 1))
        if not self.narrow:
            return around, 0.0
        below, count_below = between(at - _NEXT, at - _APART + 1)
        above, count_above = between(at + _APART, at + _NEXT + 1)
        sides = [below / np.maximum(count_below, 1), above / np.maximum(count_above, 1)]
        return around, np.exp(np.maximum(*sides))

    def _along(self, height: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the most power that may be the comb's in each frame, [frames, bins]."""
        assert self.comb is not None
        out = np.zeros(height.shape)
        inside = self.lines * self.comb.highest < height.shape[1] - 2
        if not inside.any():
            return out
        lines = self.lines[inside]
        ratio = comb_ratios(height, lines, self.comb.lowest, self.comb.highest)
        bins = np.arange(height.shape[1])
        for line, power in zip(lines, _LOUDER * self.comb.power[inside], strict=True):
            at = (ratio * line)[:, None]
            on = np.abs(bins - at) <= _LINE_BINS + _LINE * at
            np.maximum(out, np.where(on, power, 0.0), out=out)
        return out

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
        around, beside = self._around(level)
        ridge = self.where[: self.last] & (level > _FACTOR * around) & (around > 0)
        ridge &= level > _FACTOR_NEXT * beside
        least = around
        if self.most is not None:
            least = np.maximum(around, level - self.most[: self.last])
        if self.comb is not None:
            most = self._along(level / np.maximum(around, 1e-300))
            least, ridge = np.maximum(around, level - most), ridge & (most > 0)
        if self.rows is not None:
            # Frames that hold no sound have no surroundings either.
            seen_now = weights[self.reach : self.reach + count] > 0
            height = level / np.maximum(around, 1e-300)
            self.rows.add(height[seen_now], level[seen_now], _FACTOR)
        # A ridge's flanks belong to it.
        ridge = ndimage.binary_dilation(ridge, structure=np.ones((1, 3)))
        ridge &= level > around
        gain = np.where(ridge, least / np.maximum(level, 1e-300), 1.0) ** (0.5 * self.strength)
        out = self._spectra.push(spectra).copy()
        out[:, : self.last] *= gain
        return out, weights[self.reach : self.reach + count]
