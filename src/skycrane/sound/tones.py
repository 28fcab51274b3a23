"""Steady tones: found in a spectrum, followed in frequency, amplitude and phase, taken out.

Each tone is fitted by least squares in every frame, its slow drift read from how its phase turns
from frame to frame, and what stays coherent over about a second is subtracted. What lies beside and
beneath the tone stays, which no notch or gain could do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skycrane.sound.frames import Delay, DelayLine, effective_count, hann, smooth

__all__ = ["ToneCanceller", "find_tones"]

_REACH = 16
"""Bins on either side of a tone that its window reaches."""
_PROMINENCE = 4.0
"""A tone stands this many times above the median power around it."""
_NEIGHBOURS = 41
"""Bins of that median."""
_AWAY, _THERE = 0.1, 0.2
"""Shares of the largest amplitude that a tone may have, below which it is not there, and above
which it is."""
_MOST = 64
"""More peaks than this are not a comb but noise; the strongest are taken."""


def find_tones(power: NDArray[np.float64], size: int, rate_hz: float) -> NDArray[np.float64]:
    """Return the frequencies [Hz] of narrow peaks in a long-time power spectrum, rising.

    Args:
        power: mean or low percentile of the power in frames of `size` samples, [size/2 + 1].
        size: samples of a frame.
        rate_hz: samples a second.
    """
    if power.size < 3 * _NEIGHBOURS:
        return np.zeros(0)
    around = ndimage.median_filter(power, _NEIGHBOURS, mode="nearest")
    inner = np.arange(3, power.size - 3)
    here = power[inner]
    peak = (here > power[inner - 1]) & (here >= power[inner + 1])
    # A sine window's main lobe is three bins; something wider is no tone.
    narrow = here > 3 * np.maximum(power[inner - 3], power[inner + 3])
    strong = here > _PROMINENCE * np.maximum(around[inner], 1e-300)
    found = inner[peak & narrow & strong]
    if found.size > _MOST:
        best = np.argsort(-power[found] / around[found], kind="stable")[:_MOST]
        found = np.sort(found[best])
    a, b, c = (np.log(np.maximum(power[found + i], 1e-300)) for i in (-1, 0, 1))
    bend = np.where(a - 2 * b + c < 0, a - 2 * b + c, -1.0)
    offset = np.clip((a - c) / (2 * bend), -0.5, 0.5)
    return (found + offset) * rate_hz / size


class ToneCanceller:
    """A frame filter that subtracts tracked tones.

    Args:
        tones_hz: nominal frequencies [k]; each may drift by up to half the frame rate.
        size: samples of a frame.
        rate_hz: samples a second.
        strength: 0 leaves tones in, 1 takes them out.
        most: largest amplitude of each that is taken out, full scale 1, [k]; None: any.
        reach: frames on either side over which a tone must stay coherent.
    """

    def __init__(
        self,
        tones_hz: NDArray[np.float64],
        *,
        size: int,
        rate_hz: float,
        strength: float = 1.0,
        most: NDArray[np.float64] | None = None,
        reach: int = 12,
    ) -> None:
        self.size, self.hop = size, size // 4
        self.strength = min(strength, 1.0)
        self.reach = reach
        # The fit is of a rotating phasor: half the amplitude of the tone.
        self.most = None if most is None else 0.5 * most
        self.position = np.asarray(tones_hz, dtype=np.float64) * size / rate_hz
        centre = np.rint(self.position).astype(int)
        last = size // 2
        bins = centre[:, None] + np.arange(-_REACH, _REACH + 1)
        self.inside = (bins >= 1) & (bins <= last - 1)
        self.bins = np.clip(bins, 0, last)
        self.kernel = hann(reach)
        self.chance = 1 / effective_count(self.kernel, size, self.hop, power=False)
        self.delay = 2 * reach if self.position.size and self.strength > 0 else 0
        self._first = DelayLine(reach + 1)
        self._second = DelayLine(reach)
        self._spectra = Delay(reach)
        self._spectra_2 = Delay(reach)
        self._valid = DelayLine(reach)
        self._valid_2 = DelayLine(reach)
        self._phase = np.zeros(self.position.size)
        self._frame = 0

    def _shape(self, offset_bins: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Return the sine window's transform at each bin of each tone, [m, k, bins]."""
        nu = (self.position + offset_bins)[:, :, None] - self.bins
        half = np.exp(0.5j * np.pi / self.size)

        def dirichlet(x: NDArray[np.float64]) -> NDArray[np.complex128]:
            near = np.abs(x) < 1e-9
            safe = np.where(near, 0.5, x)
            ratio = np.sin(np.pi * safe) / np.sin(np.pi * safe / self.size)
            ratio = np.where(near, float(self.size), ratio)
            return np.exp(1j * np.pi * x * (self.size - 1) / self.size) * ratio

        window = (half * dirichlet(nu + 0.5) - dirichlet(nu - 0.5) / half) / 2j
        return np.where(self.inside, window, 0)

    def _fit(
        self, spectra: NDArray[np.complex128], shape: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """Return each tone's complex amplitude by least squares over its main lobe, [m, k]."""
        lobe = slice(_REACH - 2, _REACH + 3)
        at = spectra[:, self.bins[:, lobe]]
        part = shape[:, :, lobe]
        energy = (np.abs(part) ** 2).sum(axis=2)
        return (at * np.conj(part)).sum(axis=2) / np.maximum(energy, 1e-300)

    def _turn(self, first_frame: int, count: int) -> NDArray[np.complex128]:
        """Return the phase of each nominal tone at the start of frames, [count, k]."""
        frames = np.arange(first_frame, first_frame + count)[:, None]
        # Whole turns are dropped before the cosine, so that hours keep their precision.
        turns = np.mod(frames * np.mod(self.position * self.hop / self.size, 1.0), 1.0)
        return np.exp(2j * np.pi * turns)

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], Any]:
        """See `FrameFilter.process`."""
        if self.delay == 0:
            return spectra, valid
        reach, count = self.reach, len(spectra)
        nominal = self._shape(np.zeros((1, self.position.size)))
        amplitude = self._fit(spectra, np.repeat(nominal, count, axis=0))
        amplitude = amplitude * np.conj(self._turn(self._frame, count)) * valid[:, None]
        seen = self._first.push(amplitude)[1:]
        weights = self._valid.push(valid)
        older = self._spectra.push(spectra)
        offset = self._drift(seen, weights)
        first = self._frame - reach
        exact = self._shape(offset * self.size / (2 * np.pi * self.hop))
        turn = self._turn(first, count)
        phase = self._phase + np.cumsum(offset, axis=0)
        # The phase of a frame is that of its start: drift within a frame counts from there.
        start = np.vstack([self._phase, phase[:-1]])
        self._phase = np.mod(phase[-1], 2 * np.pi)
        carrier = turn * np.exp(1j * start)
        baseband = self._fit(older, exact) * np.conj(carrier)
        self._frame += count
        return self._subtract(older, baseband, carrier, exact, weights[reach : reach + count])

    def _drift(
        self, seen: NDArray[np.complex128], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how far each tone's phase turns from frame to frame beyond nominal, [m, k]."""
        turned = seen[1:] * np.conj(seen[:-1])
        return np.angle(smooth(turned, weights, self.kernel))

    def _subtract(
        self,
        spectra: NDArray[np.complex128],
        baseband: NDArray[np.complex128],
        carrier: NDArray[np.complex128],
        shape: NDArray[np.complex128],
        valid: NDArray[np.float64],
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        reach, count = self.reach, len(spectra)
        # One delay line carries what belongs together, so that it stays together.
        k = self.position.size
        flat = np.concatenate([baseband, carrier, shape.reshape(count, -1)], axis=1)
        seen = self._second.push(flat)
        weights = self._valid_2.push(valid)
        mean = smooth(seen[:, :k], weights, self.kernel)
        power = smooth(np.abs(seen[:, :k]) ** 2, weights, self.kernel)
        coherent = np.abs(mean) ** 2 / np.maximum(power, 1e-300)
        # Noise alone looks coherent by chance in one part of the effective count.
        share = np.clip((coherent - self.chance) / (1 - self.chance), 0, None)
        share = np.clip(share / np.maximum(coherent, 1e-12), 0, 1)
        middle = seen[reach : reach + count]
        if self.most is not None:
            # Whatever is louder than the tone in quiet time is a note or a voice at its pitch.
            beside = np.abs(mean) / np.maximum(self.most, 1e-300)
            share = share / np.maximum(1, beside)
            # What is much fainter is the wind at that frequency while the tone is away.
            share = share * np.clip((beside - _AWAY) / (_THERE - _AWAY), 0, 1)
        tone = mean * middle[:, k : 2 * k] * share * self.strength
        lines = tone[:, :, None] * middle[:, 2 * k :].reshape(count, k, -1)
        out = self._spectra_2.push(spectra).copy()
        for i in range(k):
            # Neighbouring tones may share bins, so each is taken out in turn.
            out[:, self.bins[i]] -= np.where(self.inside[i], lines[:, i], 0)
        return out, weights[reach : reach + count]
