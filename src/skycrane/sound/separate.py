"""The separation of one channel as a stream: clicks, then tones, then steady noise, breeze kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skycrane.sound.clicks import ClickFilter, click_frame_size
from skycrane.sound.frames import OverlapAdd
from skycrane.sound.survey import (
    frame_size,
    level_difference_db,
    steady_tones,
    survey,
    without_tones,
)
from skycrane.sound.tones import ToneCanceller
from skycrane.sound.wiener import BreezeGain

__all__ = ["NoiseModel", "Separator", "model_noise", "separate"]

_WIND_BELOW_HZ, _WIND_LEAST = 200.0, 0.25

Blocks = Callable[[], Iterable[NDArray[np.float64]]]


@dataclass(frozen=True)
class NoiseModel:
    """What is to be taken out of one channel.

    Attributes:
        rate_hz: samples a second of the recording.
        tones_hz: frequencies of steady tones, [k].
        floor: mean power of the steady noise in a frame, [bins].
        source: where it was learnt, in words.
        certain: whether it is known to be noise; the recording's own quiet time may hold breeze.
        level_db: how much louder the noise is in the recording than in the reference, dB.
    """

    rate_hz: float
    tones_hz: NDArray[np.float64]
    floor: NDArray[np.float64]
    source: str
    level_db: float = 0.0
    certain: bool = True


def model_noise(
    recording: Blocks,
    rate_hz: float,
    *,
    reference: Blocks | None = None,
    reference_rate_hz: float | None = None,
) -> NoiseModel:
    """Learn the noise of one channel from a reference, or from the recording's own quiet time.

    Args:
        recording: gives the recording's samples from the start, each time it is called; full
            scale near 1.
        rate_hz: its samples a second.
        reference: the same for a recording of the noise alone.
        reference_rate_hz: its samples a second.
    """
    size = frame_size(rate_hz)
    bins_hz = np.linspace(0, rate_hz / 2, size // 2 + 1)
    heard = survey(recording, rate_hz)
    if reference is None:
        tones = steady_tones(heard, everywhere=True)
        bare = survey(recording, rate_hz, tones_hz=tones)
        floor = without_tones(bare.quiet)
        return NoiseModel(rate_hz, tones, floor, "the recording's own quiet time", certain=False)
    other_hz = float(reference_rate_hz or rate_hz)
    noise = survey(reference, other_hz)
    bare = survey(reference, other_hz, tones_hz=steady_tones(noise, everywhere=False))
    tones = _both(steady_tones(noise, everywhere=False), steady_tones(heard, everywhere=True), size)
    tones = tones[tones < 0.49 * rate_hz]
    level_db = level_difference_db(heard, noise)
    density = bare.power_at(bins_hz, bare.density(bare.mean)) * 10 ** (level_db / 10)
    return NoiseModel(rate_hz, tones, density * rate_hz * size / 4, "the reference", level_db)


def _both(ours: NDArray[np.float64], theirs: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the frequencies of the second list and those of the first that it lacks."""
    if not theirs.size or not ours.size:
        return np.concatenate([ours, theirs])
    # Steady enough to be a tone in both, yet moved by less than a part in 300: the same tone.
    near = np.abs(ours[:, None] - theirs) < np.maximum(3.0, ours[:, None] / 300)
    return np.sort(np.concatenate([theirs, ours[~near.any(axis=1)]]))


def _least(noise: NoiseModel) -> NDArray[np.float64]:
    """Return the smallest share of each bin's power to leave, [bins].

    Without a reference nobody can tell a steady low rumble from a steady breeze, so low notes of it
    are turned down, not out.
    """
    f = np.linspace(0, noise.rate_hz / 2, noise.floor.size)
    if noise.certain:
        return np.zeros(f.size)
    return np.interp(f, [_WIND_BELOW_HZ, 2.5 * _WIND_BELOW_HZ], [_WIND_LEAST, 0.0])


class Separator:
    """Takes the noise out of one channel, sample by sample in, sample by sample out.

    Args:
        noise: what to take out.
        strength: 0 takes out nothing, 1 what is best, up to 2 for more at the breeze's cost.
    """

    def __init__(self, noise: NoiseModel, *, strength: float = 1.0) -> None:
        size, rate_hz = frame_size(noise.rate_hz), noise.rate_hz
        short = click_frame_size(size)
        self._stages = [
            OverlapAdd(short, [ClickFilter(size=short, rate_hz=rate_hz, strength=strength)]),
            OverlapAdd(
                size,
                [
                    ToneCanceller(noise.tones_hz, size=size, rate_hz=rate_hz, strength=strength),
                    BreezeGain(noise.floor, size=size, strength=strength, least=_least(noise)),
                ],
            ),
        ]

    def push(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the next samples; return those that are ready, in order."""
        for stage in self._stages:
            samples = stage.push(samples)
        return samples

    def flush(self) -> NDArray[np.float64]:
        """Return the samples still under way; nothing may be pushed afterwards."""
        last = self._stages[0].flush()
        return np.concatenate([self._stages[1].push(last), self._stages[1].flush()])


def separate(
    samples: NDArray[np.float64],
    rate_hz: float,
    *,
    reference: NDArray[np.float64] | None = None,
    reference_rate_hz: float | None = None,
    strength: float = 1.0,
) -> NDArray[np.float64]:
    """Return one channel [n] held in memory without its noise, same length."""
    noise = model_noise(
        lambda: [samples],
        rate_hz,
        reference=None if reference is None else (lambda: [reference]),
        reference_rate_hz=reference_rate_hz,
    )
    separator = Separator(noise, strength=strength)
    return np.concatenate([separator.push(samples), separator.flush()])
