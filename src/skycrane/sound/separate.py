"""The separation of one channel as a stream: clicks, tones, ridges, noise; breeze kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skycrane.sound.clicks import ClickFilter, click_frame_size
from skycrane.sound.combs import Comb, learn_comb, ridge_power
from skycrane.sound.frames import OverlapAdd
from skycrane.sound.levels import level_difference_db
from skycrane.sound.moving import MovingNoise, NoiseParts, leakage, learn_parts
from skycrane.sound.ridges import RidgeFilter, where_comb_is, where_ridges_are
from skycrane.sound.strange import LASTING, WIND_RULES_HZ, learn_strange, rows_without_tones
from skycrane.sound.survey import (
    Survey,
    frame_size,
    steady_amplitudes,
    steady_tones,
    survey,
)
from skycrane.sound.tones import ToneCanceller
from skycrane.sound.wiener import BreezeGain

__all__ = ["NoiseModel", "Separator", "model_noise", "same_tones", "separate"]

_WIND_BELOW_HZ, _WIND_LEAST = 200.0, 0.3
_STEEPEST = 1.5
"""Power of frequency by which machines' noise grows downwards at most: pink noise has 1, the
pressure of turbulence 5/3 and more."""
_MOST_SHIFT = 0.06
"""A motor's rate differs from one day to another by no more than this fraction."""
_FEWEST = 24
"""Frames, near a second, below which no quiet time can be told from the rest."""
_LOUDER = 2.2
"""A tone found without a reference may be louder by this factor than in the quiet time."""
_RIDGE_LOUDER = 0.7
"""How loud a ridge may be in the recording beside a strong one in the reference to be the noise's
and not a voice's, as a ratio of power."""
_ONE_SHAFT = 0.75
"""Share of a reference's ridges that a comb must explain to be looked for instead of them."""
_MACHINE_LEAST = 15.0
"""How far a machine's lines must stand out to be told from chance, as a ratio of power."""
_MACHINE_LINES, _MACHINE_PRESENT, _MACHINE_SHARE = 4, 0.9, 0.5
"""Without a reference a comb is a machine's if it has so many lines, is there for so much of the
time and makes up so much of all ridges."""
_MACHINE_WANDER = 0.003
"""Ratio, less 1, by which its lines must have climbed and fallen."""
_NEAR_HZ, _NEAR = 3.0, 1 / 300
"""Steady tones this near (Hz, fraction) to one another are the same."""

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
        ridges: bins that wandering tones of the noise cross, [bins].
        most: largest amplitude of each tone that is taken out, [k]; None: any.
        parts: what the noise is made of where it moves; None where it is steady.
        comb: lines that those ridges keep to; None: they keep to none.
        ridge_power: largest power of those that is held down, [bins]; None: any.
        unrest: how far noise that moves strays from what it is followed to, as a share, [bins].
        wind_only: whether nothing but wind is wanted: then every lasting ridge goes.
    """

    rate_hz: float
    tones_hz: NDArray[np.float64]
    floor: NDArray[np.float64]
    source: str
    ridges: NDArray[np.bool_]
    most: NDArray[np.float64] | None = None
    level_db: float = 0.0
    certain: bool = True
    parts: NoiseParts | None = None
    comb: Comb | None = None
    ridge_power: NDArray[np.float64] | None = None
    unrest: NDArray[np.float64] | None = None
    wind_only: bool = False


def model_noise(
    recording: Blocks,
    rate_hz: float,
    *,
    reference: Blocks | None = None,
    reference_rate_hz: float | None = None,
    wind_only: bool = False,
) -> NoiseModel:
    """Learn the noise of one channel from a reference, or from the recording's own quiet time.

    Args:
        recording: gives the recording's samples from the start, each time it is called; full
            scale near 1.
        rate_hz: its samples a second.
        reference: the same for a recording of the noise alone.
        reference_rate_hz: its samples a second.
        wind_only: nothing but wind is wanted: what stands above the known noise where no wind can
            is noise too.
    """
    heard = survey(recording, rate_hz, ridges_too=reference is None)
    if reference is not None:
        found = _from_reference(heard, reference, float(reference_rate_hz or rate_hz))
    else:
        found = _from_itself(heard, recording)
    return _with_strange(found, recording) if wind_only else found


def _with_strange(known: NoiseModel, recording: Blocks) -> NoiseModel:
    """Return a channel's noise with all in it that is neither known nor wind."""
    rows = rows_without_tones(
        recording, known.rate_hz, frame_size(known.rate_hz), known.tones_hz, known.most
    )
    found = replace(known, wind_only=True)
    louder = 10 ** (known.level_db / 10)
    if known.parts is not None:
        return replace(
            found, parts=learn_strange(rows, known.parts.mean, known.parts) or known.parts
        )
    parts = learn_strange(rows, rows.density(known.floor[None])[0])
    if parts is None:
        return found
    # What is followed is told beside the reference's own level.
    beside = replace(parts, mean=parts.mean / louder, steady=louder, most=parts.most * louder)
    return replace(found, parts=beside)


def _from_itself(heard: Survey, recording: Blocks) -> NoiseModel:
    """Return the noise that a recording's own quiet time shows."""
    rate_hz, nowhere = heard.rate_hz, np.zeros(heard.mean.size, dtype=bool)
    if heard.frames < _FEWEST:
        silence = np.zeros(nowhere.size)
        source = "nothing: the recording is too short to tell noise in it"
        return NoiseModel(rate_hz, np.zeros(0), silence, source, nowhere, certain=False)
    tones = steady_tones(heard, everywhere=True)
    floor = _without_steady_wind(survey(recording, rate_hz, tones_hz=tones).floor, rate_hz)
    comb = _machine(heard)
    bin_hz = heard.frequency_hz[1]
    return NoiseModel(
        rate_hz,
        tones,
        floor,
        "the recording's own quiet time",
        nowhere if comb is None else where_comb_is(comb, nowhere.size, bin_hz),
        _LOUDER * steady_amplitudes(heard, tones),
        certain=False,
        comb=comb,
    )


def _without_steady_wind(floor: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Return a floor that grows downwards no faster than machines' hiss and hum do, [bins].

    What is steady and grows faster below 200 Hz is wind that does not pause.
    """
    f = np.linspace(0, rate_hz / 2, floor.size)
    beside = (f >= _WIND_BELOW_HZ) & (f < 2 * _WIND_BELOW_HZ)
    if beside.sum() < 3:
        return floor
    grown = np.median(floor[beside] * f[beside] ** _STEEPEST) / np.maximum(f, f[1]) ** _STEEPEST
    return np.where(f < _WIND_BELOW_HZ, np.minimum(floor, grown), floor)


def _from_reference(heard: Survey, reference: Blocks, other_hz: float) -> NoiseModel:
    """Return the noise that a reference shows, brought to the recording's level and rate."""
    noise = survey(reference, other_hz, ridges_too=True)
    steady = steady_tones(noise, everywhere=False)
    bare = survey(reference, other_hz, tones_hz=steady)
    found = _brought(heard, noise, bare, same_tones(steady, steady_tones(heard, everywhere=True)))
    if found.parts is None:
        return found
    itself = Separator(_brought(noise, noise, bare, steady))
    for block in reference():
        itself.push(block)
    itself.flush()
    return replace(found, unrest=noise.power_at(heard.frequency_hz, itself.gain.strays()))


def _brought(heard: Survey, noise: Survey, bare: Survey, tones: NDArray[np.float64]) -> NoiseModel:
    """Return the noise of a reference as it is in a recording.

    Args:
        heard: of the recording.
        noise: of the reference.
        bare: of the reference without its tones and clicks.
        tones: where those are in the recording [Hz].
    """
    rate_hz, bins_hz = heard.rate_hz, heard.frequency_hz
    level_db = level_difference_db(heard.lull, noise.lull)
    # From power a Hz in the reference to power in a frame of the recording.
    scale = 10 ** (level_db / 10) * rate_hz * frame_size(rate_hz) / 4
    crossed = where_ridges_are(bare.mean, bare.held)
    power = np.where(crossed, bare.held, bare.mean)
    strong = _RIDGE_LOUDER * noise.density(ridge_power(noise.ridges, crossed.size))
    leaked = bare.bands.density(leakage(bare.mean)[None])[0]
    return NoiseModel(
        rate_hz,
        tones[tones < 0.49 * rate_hz],
        bare.power_at(bins_hz, bare.density(power)) * scale,
        "the reference",
        bare.power_at(bins_hz, crossed.astype(float)) > 0,
        level_db=level_db,
        parts=learn_parts(bare.bands, leaked),
        comb=_comb(noise, crossed, scale),
        ridge_power=noise.power_at(bins_hz, strong) * scale,
    )


def _comb(noise: Survey, where: NDArray[np.bool_], scale: float) -> Comb | None:
    """Return the comb that the reference's ridges belong to, its powers in the recording."""
    comb = learn_comb(noise.ridges, noise.frequency_hz[1], where)
    if comb is None or comb.explains < _ONE_SHAFT:
        return None
    return replace(comb, power=noise.density(comb.power) * scale)


def _machine(heard: Survey) -> Comb | None:
    """Return the comb of a machine that runs all through a recording.

    A voice pauses and glides further, notes of a tune keep no ratio from first to last. Lines that
    do not wander are steady tones: those are subtracted, and to hold them down as well would take
    the wind beside them.
    """
    comb = learn_comb(heard.ridges, heard.frequency_hz[1], least=_MACHINE_LEAST)
    if comb is None or comb.lines_hz.size < _MACHINE_LINES or comb.present < _MACHINE_PRESENT:
        return None
    return comb if comb.explains > _MACHINE_SHARE and comb.wander > _MACHINE_WANDER else None


def same_tones(ours: NDArray[np.float64], heard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the reference's tones are in the recording [Hz], rising.

    Tones shift between one recording and another, those of one shaft all by the same ratio. A tone
    that was heard in the recording alone is none of the noise's: it stays.

    Args:
        ours: steady tones of the reference [Hz].
        heard: steady tones of the recording [Hz].
    """
    if not heard.size or not ours.size:
        return ours
    ratios = (heard[None, :] / ours[:, None]).ravel()
    ratios = np.append(ratios[np.abs(ratios - 1) < _MOST_SHIFT], 1.0)

    def found(ratio: float) -> NDArray[np.bool_]:
        return np.abs(ours[:, None] * ratio - heard) < np.maximum(_NEAR_HZ, heard * _NEAR)

    # The more tones a shift explains the better, and of equals the smallest.
    best = min(ratios, key=lambda r: (-int(found(r).any(axis=1).sum()), abs(r - 1)))
    matches = [found(best)]
    if best != 1.0:
        matches.append(found(1.0))
    close = matches[0] if len(matches) == 1 else matches[0] | matches[1]
    shifted = heard[close.any(axis=0)]
    alone = ours[~close.any(axis=1)]
    return np.sort(np.concatenate([shifted, alone]))


def _least(noise: NoiseModel) -> NDArray[np.float64]:
    """Return the smallest share of each bin's power to leave, [bins].

    Without a reference nobody can tell a steady low rumble from a steady breeze, so low notes of it
    are turned down, not out.
    """
    f = np.linspace(0, noise.rate_hz / 2, noise.floor.size)
    if noise.certain:
        return np.zeros(f.size)
    return np.interp(f, [_WIND_BELOW_HZ, 2.5 * _WIND_BELOW_HZ], [_WIND_LEAST, 0.0])


def _gain(noise: NoiseModel, size: int, strength: float) -> BreezeGain:
    """Return the last filter, for steady noise or noise that moves."""
    if noise.parts is None:
        return BreezeGain(noise.floor, size=size, strength=strength, least=_least(noise))
    louder = 10 ** (noise.level_db / 10)
    parts = replace(noise.parts, most=noise.parts.most * max(louder, 1.0))
    moving = MovingNoise(parts, bins=noise.floor.size, rate_hz=noise.rate_hz)
    # What is followed is told beside the reference's own level.
    floor = noise.floor / louder
    return BreezeGain(floor, size=size, strength=strength, moving=moving, unrest=noise.unrest)


class Separator:
    """Takes the noise out of one channel, sample by sample in, sample by sample out.

    Args:
        noise: what to take out.
        strength: 0 takes out nothing, 1 what is best, up to 2 for more at the breeze's cost.
    """

    def __init__(self, noise: NoiseModel, *, strength: float = 1.0) -> None:
        size, rate_hz = frame_size(noise.rate_hz), noise.rate_hz
        short = click_frame_size(size)
        bins_hz = np.linspace(0, rate_hz / 2, noise.floor.size)
        self.gain = _gain(noise, size, strength)
        self._stages = [
            OverlapAdd(short, [ClickFilter(size=short, rate_hz=rate_hz, strength=strength)]),
            OverlapAdd(
                size,
                [
                    ToneCanceller(
                        noise.tones_hz,
                        size=size,
                        rate_hz=rate_hz,
                        strength=strength,
                        most=noise.most,
                    ),
                    RidgeFilter(
                        noise.ridges,
                        strength=strength,
                        most=noise.ridge_power,
                        comb=noise.comb,
                        bin_hz=rate_hz / size,
                    ),
                    RidgeFilter(
                        noise.wind_only & (bins_hz > WIND_RULES_HZ),
                        strength=strength,
                        reach=LASTING,
                        narrow=True,
                    ),
                    self.gain,
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
    wind_only: bool = False,
) -> NDArray[np.float64]:
    """Return one channel [n] held in memory without its noise, same length."""
    noise = model_noise(
        lambda: [samples],
        rate_hz,
        reference=None if reference is None else (lambda: [reference]),
        reference_rate_hz=reference_rate_hz,
        wind_only=wind_only,
    )
    separator = Separator(noise, strength=strength)
    return np.concatenate([separator.push(samples), separator.flush()])
