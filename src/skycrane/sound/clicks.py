"""Clicks: short, rare outbursts, held down to what was there before and after.

Speech and music are also full of outbursts, but dense and long ones: an event is taken for a click
only where events are short and few.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from skycrane.sound.frames import Delay, DelayLine

__all__ = ["ClickFilter", "click_frame_size"]

_LOWEST_HZ = 150.0
"""Below this, outbursts are gusts."""
_FALSE_ALARM, _FALSE_ALARM_ALONE = 1e-7, 1e-15
"""Chance of an event in steady noise, a band and frame: in each of two bands or more, and in one
band alone, where only what stands far out is no note of music."""
_STRIDE = 4
"""The usual level changes slowly: every fourth frame is enough to know it. Divides a batch."""
_DENSEST = 0.08
"""Largest share of the frames near an event that may hold events."""


def click_frame_size(size: int) -> int:
    """Return the frame size for clicks that goes with a frame size for spectra."""
    return max(size // 8, 16)


class ClickFilter:
    """A frame filter that holds clicks down.

    Args:
        size: samples of a frame, about 20 ms.
        rate_hz: samples a second.
        strength: 0 leaves clicks in, 1 takes them down to their surroundings.
    """

    def __init__(self, *, size: int, rate_hz: float, strength: float = 1.0) -> None:
        hop_s = size / 4 / rate_hz
        self.strength = strength
        self.near = _STRIDE * max(int(0.4 / hop_s / _STRIDE), 1)
        self.longest = max(int(0.12 / hop_s), 4)
        self.wide = max(int(1.2 / hop_s), 8)
        edges_hz = _LOWEST_HZ * 2 ** (np.arange(64) / 3)
        edges = np.unique(np.rint(edges_hz * size / rate_hz).astype(int))
        self.edges = edges[(edges >= 1) & (edges <= int(0.47 * size))]
        self.bands = max(self.edges.size - 1, 0)
        self.delay = self.near + self.wide if self.bands >= 3 and strength > 0 else 0
        freedom = 2.0 * np.maximum(np.diff(self.edges), 1)
        usual = stats.gamma.ppf(0.5, freedom / 2)
        self.threshold = stats.gamma.isf(_FALSE_ALARM, freedom / 2) / usual
        self.alone = stats.gamma.isf(_FALSE_ALARM_ALONE, freedom / 2) / usual
        self._energy = DelayLine(self.near)
        self._excess = DelayLine(self.wide)
        self._spectra = Delay(self.near)
        self._spectra_2 = Delay(self.wide)
        self._valid = Delay(self.near)
        self._valid_2 = Delay(self.wide)

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], Any]:
        """See `FrameFilter.process`."""
        if self.delay == 0:
            return spectra, valid
        count = len(spectra)
        power = np.abs(spectra) ** 2
        energy = np.add.reduceat(power, self.edges, axis=1)[:, : self.bands]
        seen = self._energy.push(energy)
        width = 2 * (self.near // _STRIDE) + 1
        usual = ndimage.median_filter(seen[::_STRIDE], (width, 1), mode="nearest")
        middle = slice(self.near, self.near + count)
        usual = np.repeat(usual, _STRIDE, axis=0)[middle]
        # Silence has no usual level to hold anything down to.
        excess = np.where(usual > 1e-30, seen[middle] / np.maximum(usual, 1e-300), 1.0)
        return self._hold(self._spectra.push(spectra), excess, self._valid.push(valid))

    def _hold(
        self,
        spectra: NDArray[np.complex128],
        excess: NDArray[np.float64],
        valid: NDArray[np.float64],
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        count, wide = len(spectra), self.wide
        seen = self._excess.push(excess)
        loud = (seen > self.threshold).sum(axis=1) >= 2
        loud |= (seen > self.alone).any(axis=1)
        few = self._few(loud)
        event = ndimage.binary_dilation(loud & few, iterations=2)
        middle = slice(wide, wide + count)
        down = (event[:, None] & (seen > 2.0))[middle]
        gain = np.maximum(np.where(down, seen[middle], 1.0), 1.0) ** (-0.5 * self.strength)
        widths = np.diff(self.edges)
        out = self._spectra_2.push(spectra).copy()
        first, last = self.edges[0], self.edges[-1]
        out[:, first:last] *= np.repeat(gain, widths, axis=1)
        return out, self._valid_2.push(valid)

    def _few(self, loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return where events are short and rare enough to be clicks."""
        padded = np.concatenate([[0], np.cumsum(loud)])
        n = loud.size
        at = np.arange(n)
        low, high = np.maximum(at - self.wide, 0), np.minimum(at + self.wide + 1, n)
        share = (padded[high] - padded[low]) / (2 * self.wide + 1)
        low, high = np.maximum(at - self.longest, 0), np.minimum(at + self.longest + 1, n)
        local = padded[high] - padded[low]
        return (share < _DENSEST) & (local <= self.longest)
