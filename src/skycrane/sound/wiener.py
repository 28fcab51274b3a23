"""The gain that keeps the breeze: Wiener's, with the breeze modelled as a smooth, slow spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.sound.frames import Delay, DelayLine, hann, smooth

__all__ = ["BreezeGain"]

_WIDTH = 0.16
"""Half width of the smoothing over frequency, as a fraction of the frequency: a third of an octave
and a half, over which the breeze's spectrum is nearly straight."""
_MARGIN = 0.15
"""Power below this part of the noise is taken for its chance excess, not for breeze."""
_FLOOR = 0.02
"""Smallest gain, -34 dB: what is left keeps the rest from sounding hollow."""


class BreezeGain:
    """A frame filter that leaves in each bin what is likely not steady noise.

    First the power over about half a second on either side, less the noise's, is smoothed over
    frequency with weights that favour the bins where noise is weak; Wiener's gain from that gives a
    better guess of the breeze, which is smoothed less in time and gives the gain that is used.

    Args:
        noise: mean power of the steady noise, [bins].
        strength: exponent of the gain; 0 leaves everything, 1 is Wiener's.
    """

    def __init__(self, noise: NDArray[np.float64], *, strength: float = 1.0) -> None:
        self.noise = np.asarray(noise, dtype=np.float64)
        self.strength = strength
        self.delay = 14
        self._long, self._short = hann(10), hann(4)
        top = float(self.noise.max())
        # Squared weights are best for bins of equal breeze; the floor keeps zeros from ruling.
        quiet = np.maximum(self.noise, max(top * 1e-14, 1e-300))
        self._weight_first, self._weight_second = (top or 1.0) ** 2 / quiet**2, (top or 1.0) / quiet
        bins = np.arange(self.noise.size)
        half = np.maximum(2, bins * _WIDTH).astype(int)
        self._low = np.maximum(bins - half, 1)
        self._high = np.maximum(np.minimum(bins + half + 1, self.noise.size), self._low + 1)
        self._high = np.minimum(self._high, self.noise.size)
        self._low = np.minimum(self._low, self._high - 1)
        self._noise_smooth = self._over_frequency(self.noise[None], self._weight_first)
        self._power = DelayLine(10)
        self._spectra = Delay(10)
        self._valid = DelayLine(10)
        self._guess = DelayLine(4)
        self._spectra_2 = Delay(4)
        self._valid_2 = DelayLine(4)

    def _over_frequency(
        self, power: NDArray[np.float64], weight: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        total = np.zeros((len(power), self.noise.size + 1))
        np.cumsum(power * weight, axis=1, out=total[:, 1:])
        sums = np.concatenate([[0.0], np.cumsum(weight)])
        return (total[:, self._high] - total[:, self._low]) / (sums[self._high] - sums[self._low])

    def _gain(self, breeze: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = breeze + self.noise
        share = np.where(whole > 0, breeze / np.where(whole > 0, whole, 1.0), 1.0)
        return np.maximum(share, _FLOOR)

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], Any]:
        """See `FrameFilter.process`."""
        count = len(spectra)
        weights = self._valid.push(valid)
        power = smooth(self._power.push(np.abs(spectra) ** 2), weights, self._long)
        breeze = self._over_frequency(power - self.noise, self._weight_first)
        gain = self._gain(np.maximum(breeze - _MARGIN * self._noise_smooth, 0.0))
        older = self._spectra.push(spectra)
        # What the breeze is expected to be, given the frame itself: its mean and its spread.
        guess = (gain * np.abs(older)) ** 2 + gain * self.noise
        weights = self._valid_2.push(weights[10 : 10 + count])
        guess = smooth(self._guess.push(guess), weights, self._short)
        gain = self._gain(self._over_frequency(guess, self._weight_second))
        older = self._spectra_2.push(older)
        return np.multiply(older, gain**self.strength), weights[4 : 4 + count]
