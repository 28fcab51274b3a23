"""The gain that keeps the breeze: Wiener's, with the breeze modelled as a smooth, slow spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.sound.frames import Delay, DelayLine, effective_count, hann, smooth
from skycrane.sound.moving import MovingNoise

__all__ = ["BreezeGain"]

_WIDTH = 0.16
"""Half width of the smoothing over frequency as a fraction of the frequency, about a quarter of an
octave: over that the breeze's spectrum is nearly straight."""
_CONTEXT = 1.6
"""How far up and down in frequency, as a ratio, a bin's surroundings reach."""
_MARGIN_LIKELY, _MARGIN_UNLIKELY = 0.5, 3.5
"""Chance excesses of the noise, in standard deviations, not taken for breeze: where surroundings
hold breeze, and where they hold none. Lone islands of noise that slipped through would burble."""
_TAIL = 2.0
"""How much further beyond its deviation noise reaches, for each time its level that it deviates."""
_LEAST = 0.01
"""Smallest share, -40 dB. What is left keeps the rest from sounding hollow."""
_LEVEL_OCTAVES = 2.0
"""Octaves up and down over which the breeze's level is kept."""
_MOST_LOUDER, _LOSS_LEFT = 2.5, 1.05
"""Wiener's gain is nearest to the breeze's samples but too quiet where noise is strong: what power
the breeze loses by it is made up for by at most the first factor, but for the second."""
_LEAST_SWING = 0.05
"""Share of its mean below which moving noise does not count as quieter."""
_LONE = 0.05
"""Share that a bin's surroundings have at most where it stands alone."""
_LONG, _SHORT = 10, 6
"""Frames on either side of the first and the second smoothing over time."""


class BreezeGain:
    """A frame filter that leaves in each bin what is likely not steady noise.

    First the power over about half a second on either side, less the noise's, is smoothed over
    frequency with weights that favour the bins where noise is weak; Wiener's gain from that gives a
    better guess of the breeze, which is smoothed less in time and gives the gain that is used. The
    level that the breeze loses by it is made up for, by bands of octaves.

    Args:
        noise: mean power of the steady noise, [bins].
        size: samples of a frame.
        strength: exponent on the gain; 0 leaves everything, 1 is best.
        least: smallest share of the power that is left, one value or [bins].
        moving: follows noise that moves; None where it is steady.
        unrest: how far the noise, smoothed, strays from what it is followed to, as a share of that,
            RMS, [bins]; what chance does is known without.
    """

    delay = _LONG + _SHORT

    def __init__(
        self,
        noise: NDArray[np.float64],
        *,
        size: int,
        strength: float = 1.0,
        least: NDArray[np.float64] | float = _LEAST,
        moving: MovingNoise | None = None,
        unrest: NDArray[np.float64] | None = None,
    ) -> None:
        self.moving, self.unrest = moving, unrest
        self._strayed, self._seen = np.zeros(noise.size), 0.0
        self.noise = np.asarray(noise, dtype=np.float64)
        self.strength = strength
        self.least = np.maximum(least, _LEAST)
        self._long, self._short = hann(_LONG), hann(_SHORT)
        top = float(self.noise.max()) or 1.0
        # Squared weights are best for bins of equal breeze; the floor keeps zeros from ruling.
        relative = np.maximum(self.noise / top, 1e-14)
        self._weight_first, self._weight_second = relative**-2, 1 / relative
        bins = np.arange(self.noise.size)
        half = np.maximum(2, bins * _WIDTH).astype(int)
        self._low, self._high = self._edges(bins - half, bins + half + 1)
        self._from, self._to = self._edges(bins / _CONTEXT, np.ceil(bins * _CONTEXT) + 1)
        reach = 2**_LEVEL_OCTAVES
        self._below, self._above = self._edges(bins / reach, np.ceil(bins * reach) + 1)
        # Neighbouring bins of a sine window are worth 1.6 bins to one independent value.
        worth = np.maximum((self._high - self._low) / 1.6, 1.0)
        worth *= effective_count(self._long, size, size // 4, power=True)
        self._spread = self._over_frequency(self.noise[None], self._weight_first) / np.sqrt(worth)
        self._power = DelayLine(_LONG)
        self._valid = DelayLine(_LONG)
        self._spectra = Delay(_LONG)
        self._guess = DelayLine(_SHORT)
        self._swing = DelayLine(_LONG)
        self._noise = Delay(_SHORT)
        self._valid_2 = DelayLine(_SHORT)
        self._spectra_2 = Delay(_SHORT)

    def _edges(
        self, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return whole, non-empty ranges of bins inside the spectrum, without the mean."""
        first = np.clip(low.astype(np.int64), 1, self.noise.size - 1)
        return first, np.clip(high.astype(np.int64), first + 1, self.noise.size)

    def _over_frequency(
        self, power: NDArray[np.float64], weight: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        total = np.zeros((len(power), self.noise.size + 1))
        np.cumsum(power * weight, axis=1, out=total[:, 1:])
        sums = np.concatenate([[0.0], np.cumsum(weight)])
        return (total[:, self._high] - total[:, self._low]) / (sums[self._high] - sums[self._low])

    def _share(
        self, breeze: NDArray[np.float64], noise: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        whole = breeze + noise
        share = np.where(whole > 0, breeze / np.where(whole > 0, whole, 1.0), 1.0)
        return np.maximum(share, self.least)

    def strays(self) -> NDArray[np.float64]:
        """Return how far all that went through strayed from the noise: its unrest, [bins]."""
        return np.sqrt(self._strayed / max(self._seen, 1.0))

    def _first_share(
        self,
        power: NDArray[np.float64],
        usual: NDArray[np.float64],
        noise: NDArray[np.float64],
        valid: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the share of the breeze in frames with `noise`, when about them it is `usual`."""
        spread = self._spread
        if self.moving is not None:
            spread = spread * (usual / np.maximum(self.noise, 1e-300))
        if self.unrest is not None:
            # What strays far has a longer tail than chance: voices, not waves of hiss.
            tail = 1 + _TAIL * self.unrest
            spread = np.maximum(spread, tail * self.unrest * usual)
        excess = self._over_frequency(power - usual, self._weight_first)
        if self.moving is not None:
            self._strayed += valid @ (excess / np.maximum(usual, 1e-300)) ** 2
            self._seen += float(valid.sum())
        share = self._share(np.maximum(excess - _MARGIN_LIKELY * spread, 0.0), usual)
        total = np.zeros((len(share), share.shape[1] + 1))
        np.cumsum(share, axis=1, out=total[:, 1:])
        around = (total[:, self._to] - total[:, self._from]) / (self._to - self._from)
        likely = np.clip((around - 0.1) / 0.4, 0.0, 1.0)
        margin = _MARGIN_UNLIKELY + (_MARGIN_LIKELY - _MARGIN_UNLIKELY) * likely
        return self._share(np.maximum(excess - margin * spread, 0.0), noise)

    def _over_time(
        self, now: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return power and noise over the longer time, and noise in the middle of it."""
        seen = self._power.push(now)
        if self.moving is None:
            return smooth(seen, weights, self._long), self.noise, self.noise
        swing = self._swing.push(self.moving.swing(now))
        # Between two outbursts the breeze is heard best.
        trust = 1 / (swing + _LEAST_SWING)
        whole = np.maximum(smooth(trust, weights, self._long), 1e-300)
        power = smooth(trust * seen, weights, self._long) / whole
        usual = self.noise * smooth(trust * swing, weights, self._long) / whole
        return power, usual, self.noise * swing[_LONG : _LONG + len(now)]

    def _made_up(
        self,
        share: NDArray[np.float64],
        breeze: NDArray[np.float64],
        noise: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the power that brings the breeze's bands back to their level, [frames, bins]."""
        total = np.zeros((2, len(share), share.shape[1] + 1))
        heard = share > 1.01 * self.least
        np.cumsum(np.where(heard, breeze, 0.0), axis=1, out=total[0, :, 1:])
        np.cumsum(np.where(heard, share**2 * (breeze + noise), 0.0), axis=1, out=total[1, :, 1:])
        there, left = total[:, :, self._above] - total[:, :, self._below]
        lost = np.clip(there / np.maximum(_LOSS_LEFT * left, 1e-300), 1.0, _MOST_LOUDER)
        np.cumsum(share, axis=1, out=total[0, :, 1:])
        around = (total[0][:, self._to] - total[0][:, self._from]) / (self._to - self._from)
        # A breeze fills its surroundings; lone bins are what else is left, and chance.
        return 1 + (lost - 1) * np.clip((around - _LONE) / (2 * _LONE), 0.0, 1.0)

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], Any]:
        """See `FrameFilter.process`."""
        count = len(spectra)
        weights = self._valid.push(valid)
        power, usual, noise = self._over_time(np.abs(spectra) ** 2, weights)
        share = self._first_share(power, usual, noise, weights[_LONG : _LONG + count])
        older = self._spectra.push(spectra)
        # What the breeze is expected to be, given the frame itself: its mean and its spread.
        guess = (share * np.abs(older)) ** 2 + share * noise
        weights = self._valid_2.push(weights[_LONG : _LONG + count])
        guess = smooth(self._guess.push(guess), weights, self._short)
        if self.moving is not None:
            noise = self._noise.push(noise)
        breeze = self._over_frequency(guess, self._weight_second)
        share = self._share(breeze, noise)
        gain = share * np.sqrt(self._made_up(share, breeze, noise))
        older = self._spectra_2.push(older)
        # Nothing is made louder than it was.
        gain = np.minimum(gain, 1.0) ** self.strength
        return np.multiply(older, gain), weights[_SHORT : _SHORT + count]
