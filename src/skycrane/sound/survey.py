"""A first look at a recording: its tones, its steady noise floor, how loud it is beside another."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skycrane.sound.clicks import ClickFilter, click_frame_size
from skycrane.sound.combs import RidgeRows
from skycrane.sound.frames import DelayLine, OverlapAdd, effective_count, hann, smooth
from skycrane.sound.levels import LevelHistogram, ThirdOctaves
from skycrane.sound.moving import BandCollector
from skycrane.sound.ridges import RidgeFilter
from skycrane.sound.tones import ToneCanceller, find_tones

__all__ = [
    "Survey",
    "frame_size",
    "steady_amplitudes",
    "steady_tones",
    "survey",
    "without_tones",
]

_FRAME_S = 0.17
_QUIET, _QUIETEST = 0.15, 0.03
"""A bin's noise floor is what it falls to for the first share of the time; music and voices fall
far below that for the second, steady noise does not."""
_FALLING, _UNSTEADY = 1.6, 3.0
"""Factors of power by which a floor and a tone may fall between the two."""
_CREST, _EVEN = 14, 1.25
"""Bins below which a tone must be more even than noise, and by how much: the level that noise of
its mean would have, had it noise's lulls (1 for noise, near 1.7 for tones)."""
_LOWEST_DB, _STEP_DB, _STEPS = -220.0, 1.5, 224
"""Histogram of levels: full-scale samples are near 1, so powers in frames end near +90 dB."""


def frame_size(rate_hz: float) -> int:
    """Return the samples of a frame, a power of two near 0.17 s."""
    return max(64, int(2 ** np.rint(np.log2(_FRAME_S * rate_hz))))


class Survey:
    """What was found in one channel.

    Attributes:
        rate_hz: samples a second.
        mean: mean power of each bin, [bins].
        quiet: power that each bin falls to in its quiet time, as a mean of noise would be, [bins].
        quietest: the same for the quietest moments, [bins].
        held: mean power with narrow ridges held down, [bins]; the mean where not looked at.
        frames: number of frames looked at.
        bands: densities in bands frame by frame; empty where tones were not taken out first.
        ridges: where narrow ridges are, frame by frame.
        lull: density of third octaves between gusts [1/Hz], [third octaves from 30 Hz up].
    """

    def __init__(
        self,
        rate_hz: float,
        found: _Collector,
        held: NDArray[np.float64] | None,
        bands: BandCollector,
        ridges: RidgeRows,
    ) -> None:
        self.rate_hz, self.frames = rate_hz, found.frames
        self.mean = found.total / max(found.frames, 1)
        self.quiet, self.quietest = found.reached(_QUIET), found.reached(_QUIETEST)
        self.held = self.mean if held is None else held
        self.bands, self.ridges = bands, ridges
        self.lull = found.thirds.lull()

    @property
    def frequency_hz(self) -> NDArray[np.float64]:
        """Frequencies of the bins [Hz]."""
        return np.linspace(0, self.rate_hz / 2, self.mean.size)

    @property
    def floor(self) -> NDArray[np.float64]:
        """Power of what is steady in the quiet time, peaks levelled, [bins].

        Decaying notes and pauses of speech give no steady level: there the quietest moments rule.
        """
        around = ndimage.median_filter(self.quietest, 9, mode="nearest")
        return without_tones(np.minimum(self.quiet, _FALLING * around))

    def density(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return power in frames as power a Hz, which does not depend on the rate."""
        return power * 2 / (self.rate_hz * (self.mean.size - 1))

    def power_at(
        self, frequency_hz: NDArray[np.float64], density: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return a density of this survey at other frequencies; 0 above what it covers."""
        return np.interp(frequency_hz, self.frequency_hz, density, right=0.0)


class _Collector:
    """A frame filter that changes nothing and gathers statistics of the power."""

    delay = 0

    def __init__(self, size: int, rate_hz: float) -> None:
        self.bins = size // 2 + 1
        self.kernel = hann(5)
        self.bias_count = effective_count(self.kernel, size, size // 4, power=True)
        self.levels = LevelHistogram(
            self.bins, lowest_db=_LOWEST_DB, step_db=_STEP_DB, steps=_STEPS
        )
        self.thirds = ThirdOctaves(self.bins, rate_hz, self.bias_count)
        self.total = np.zeros(self.bins)
        self.frames = 0
        self._power = DelayLine(5)
        self._valid = DelayLine(5)

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        power = np.abs(spectra) ** 2
        self.total += (power * valid[:, None]).sum(axis=0)
        self.frames += int(valid.sum())
        weights = self._valid.push(valid)
        level = smooth(self._power.push(power), weights, self.kernel)
        level = level[weights[5:-5] > 0]
        self.levels.add(level)
        self.thirds.add(level)
        return spectra, valid

    def reached(self, share: float) -> NDArray[np.float64]:
        """Return what each bin stays below for this share of the time, as a mean of noise."""
        return self.levels.reached(share, self.bias_count)


class _MeanCollector:
    """A frame filter that changes nothing and gathers the mean power alone."""

    delay = 0

    def __init__(self) -> None:
        self.total: NDArray[np.float64] | None = None
        self.frames = 0

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        power = (np.abs(spectra) ** 2 * valid[:, None]).sum(axis=0)
        self.total = power if self.total is None else self.total + power
        self.frames += int(valid.sum())
        return spectra, valid


def survey(
    blocks: Callable[[], Iterable[NDArray[np.float64]]],
    rate_hz: float,
    *,
    tones_hz: NDArray[np.float64] | None = None,
    ridges_too: bool = False,
) -> Survey:
    """Go through one channel once and return its statistics.

    Args:
        blocks: gives the samples from the start, each time it is called; full scale near 1.
        rate_hz: samples a second.
        tones_hz: with these, clicks and tones are taken out first, so that what is found is the
            floor that they leave.
        ridges_too: remember ridges where tones are not taken out.
    """
    size = frame_size(rate_hz)
    collector, held, ridges = _Collector(size, rate_hz), _MeanCollector(), RidgeRows()
    bands = BandCollector(collector.bins, rate_hz)
    hold = RidgeFilter(np.ones(collector.bins, dtype=bool), rows=ridges)
    if tones_hz is None:
        chain = [OverlapAdd(size, [collector, hold] if ridges_too else [collector])]
    else:
        short = click_frame_size(size)
        chain = [
            OverlapAdd(short, [ClickFilter(size=short, rate_hz=rate_hz)]),
            OverlapAdd(
                size,
                [
                    ToneCanceller(tones_hz, size=size, rate_hz=rate_hz),
                    collector,
                    bands,
                    hold,
                    held,
                ],
            ),
        ]
    for block in blocks():
        samples = block
        for stage in chain:
            samples = stage.push(samples)
    for i, stage in enumerate(chain):
        samples = stage.flush()
        for later in chain[i + 1 :]:
            samples = later.push(samples)
    without = None if held.total is None else held.total / max(held.frames, 1)
    return Survey(rate_hz, collector, without, bands, ridges)


def steady_tones(found: Survey, *, everywhere: bool) -> NDArray[np.float64]:
    """Return the frequencies [Hz] of a survey's tones.

    Args:
        found: the survey of the recording.
        everywhere: ask that they stand out in the quiet floor too, so that notes of music that come
            and go are not taken for tones.
    """
    size = 2 * (found.mean.size - 1)
    power = found.quiet if everywhere else found.mean
    # Below the rounding noise of 24 bits nothing is worth taking out.
    tones = find_tones(power + size / 24 * 2.0**-46, size, found.rate_hz)
    at = np.clip(np.rint(tones * size / found.rate_hz).astype(int), 0, power.size - 1)
    if not everywhere:
        # A few bins from the bottom a rumble's crest looks like a tone, but swings by chance.
        return tones[(at >= _CREST) | (found.quiet[at] > _EVEN * found.mean[at])]
    # A note of music that returns is gone in between; a tone just stays, however quiet all else.
    return tones[found.quiet[at] < _UNSTEADY * found.quietest[at]]


def steady_amplitudes(found: Survey, tones_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the amplitude that each tone has in the quiet time, full scale 1, [k]."""
    size = 2 * (found.mean.size - 1)
    at = np.rint(tones_hz * size / found.rate_hz).astype(int)
    near = np.clip(at[:, None] + np.arange(-1, 2), 0, found.mean.size - 1)
    # A tone of amplitude 1 has half the sum of the sine window in its bin: size / pi.
    return np.sqrt(found.quiet[near].max(axis=1, initial=0.0)) * np.pi / size


def without_tones(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a power spectrum with narrow peaks levelled to what is around them, [bins]."""
    if power.size < 64:
        return power
    around = ndimage.median_filter(power, 21, mode="nearest")
    return np.minimum(power, 4 * around)
