"""Noise that moves: the spectra it is made of, learnt from the reference, followed frame by frame.

A drill, a rattle, a fan that changes speed: no mean spectrum tells what they do from one moment to
the next. A few spectra are learnt whose sums make up the reference (non-negative factors by the
Itakura-Saito divergence, Fevotte, Bertin and Durrieu 2009), and in the recording each frame is told
apart into those and something else that is smooth over frequency: breeze, or whatever it may be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skycrane.sound.bands import Bands, band_edges_hz

__all__ = ["BandCollector", "MovingNoise", "NoiseParts", "leakage", "learn_parts", "moves"]

_PARTS = (1, 8)
"""Numbers of spectra that the noise may be made of."""
_BREEZE_PARTS = 2
"""Smooth spectra in an octave that make up what is no noise."""
_FEWEST = 24
"""Frames that a reference must have to tell moving noise from steady."""
_MOST_ROWS = 1024
"""Frames remembered of a reference; a longer one is remembered every second, fourth... frame."""
_ROUNDS, _ROUNDS_FOLLOW = 80, 40
_SWING = 0.08
"""Variance of a band's power beyond that of steady noise, from which on noise moves."""
_SWINGING = 3
"""Bands that must swing."""
_EDGE = 4
"""Frames at either end of a recording that may be partly empty."""
_ABOVE_LEAKAGE = 4.0
"""How many times what leaks into it a band must hold to tell anything of its own."""
_PRICE = 1.0
"""Log-likelihood that each number more must bring (Akaike 1974)."""
_WIDEST = 12.0
"""Independent values that a band counts as at most: beyond that parts are not exact enough."""
_DEAR = 0.6
"""How much better the breeze must explain a frame's power than noise."""
_LOUDER = 4.0
"""How much louder a part may be in the recording than ever in the reference."""
_FAINTEST = 1e-9
"""Density beside the loudest band's below which a band tells nothing."""
_NEAREST = 4
"""Bins away from which on power counts as leaked."""
_WORTH = 1.6
"""Neighbouring bins of a sine window to one independent value."""


@dataclass(frozen=True)
class NoiseParts:
    """What moving noise is made of.

    Attributes:
        edges_hz: edges of the bands [Hz], [bands + 1].
        parts: density of each part beside the mean in each band, [bands, parts].
        most: largest level of each part in the reference, [parts].
        mean: mean density of the noise in each band [1/Hz], [bands]; 0 where leakage hides it.
        steady: how many times the mean is always there beneath the parts.
        wind: spectra that a wind is made of, beside the mean, [bands, spectra]; None: any that are
            smooth.
    """

    edges_hz: NDArray[np.float64]
    parts: NDArray[np.float64]
    most: NDArray[np.float64]
    mean: NDArray[np.float64]
    steady: float = 0.0
    wind: NDArray[np.float64] | None = None


class BandCollector:
    """A frame filter that changes nothing and remembers densities in bands."""

    delay = 0

    def __init__(self, bins: int, rate_hz: float) -> None:
        self.edges_hz = band_edges_hz(bins, rate_hz)
        self._bands = Bands(self.edges_hz, bins, rate_hz)
        self.width, self.density = self._bands.width, self._bands.density
        self.rows: list[NDArray[np.float64]] = []
        self._stride, self._seen = 1, 0

    def process(
        self, spectra: NDArray[np.complex128], valid: NDArray[np.float64]
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """See `FrameFilter.process`."""
        for row in self._bands.density(np.abs(spectra) ** 2)[valid > 0]:
            if self._seen % self._stride == 0:
                self.rows.append(row)
                if len(self.rows) > _MOST_ROWS:
                    self.rows, self._stride = self.rows[::2], 2 * self._stride
            self._seen += 1
        return spectra, valid


def leakage(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power that leaks into bins of sine-windowed frames from afar, [bins].

    The window's transform falls by 12 dB an octave, so beneath steep spectra stands what low notes
    leave there, and swings with those.

    Args:
        power: mean power of each bin, [bins].
    """
    away = np.arange(power.size, dtype=np.float64)
    # |cos(pi v) / (1 - 4 v^2)|^2, as a share of the whole, the cosine's mean taken.
    share = (4 / np.pi**2) / np.maximum(4 * away**2 - 1, 1.0) ** 2
    share[:_NEAREST] = 0.0
    around = np.concatenate([share[:0:-1], share])
    # Not by Fourier transforms: their rounding would drown what is 150 dB down.
    return np.convolve(power, around)[power.size - 1 :][: power.size]


def learn_parts(found: BandCollector, leaked: NDArray[np.float64]) -> NoiseParts | None:
    """Return what the noise is made of, or None where it is steady.

    Args:
        found: densities frame by frame.
        leaked: density that leakage alone has in each band, [bands].
    """
    rows = np.array(found.rows[_EDGE:-_EDGE])
    if len(rows) < _FEWEST:
        return None
    mean = rows.mean(axis=0)
    clear = mean > _ABOVE_LEAKAGE * leaked
    if clear.sum() < 2 or not moves(rows[:, clear], found.width[clear] / _WORTH):
        return None
    mean = np.maximum(mean, 1e-12 * mean.max())
    seen = np.maximum(rows / mean, 1e-6).T[clear]
    worth = np.minimum(found.width[clear] / _WORTH, _WIDEST)
    parts, level = _best_factors(seen, worth)
    everywhere = np.ones((mean.size, parts.shape[1]))
    everywhere[clear] = parts
    mean = np.where(clear, mean, 0.0)
    return NoiseParts(found.edges_hz, everywhere, level.max(axis=1), mean)


def _best_factors(
    seen: NDArray[np.float64], worth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return as many parts as pay for themselves, and their levels (Akaike 1974)."""
    guess = _first_guess(seen, worth)
    found, least = None, np.inf
    for count in _PARTS:
        first = guess[:, :count] if count > 1 else np.ones((len(seen), 1))
        one = _factors(seen, first, worth)
        cost = _misfit(seen, *one, worth) + _PRICE * count * sum(seen.shape)
        if cost < least:
            found, least = one, cost
    assert found is not None
    return found


def _factors(
    seen: NDArray[np.float64], parts: NDArray[np.float64], worth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return parts [bands, parts] and levels [parts, frames] whose product is most likely."""
    level = np.full((parts.shape[1], seen.shape[1]), 1.0 / parts.shape[1])
    weight = worth[:, None]
    for _ in range(_ROUNDS):
        model = parts @ level
        level = level * (parts.T @ (weight * seen / model**2)) / (parts.T @ (weight / model))
        model = parts @ level
        # A band's weight is the same in all its frames and drops out.
        parts = parts * ((seen / model**2) @ level.T) / ((1 / model) @ level.T)
        size = parts.mean(axis=0)
        parts = np.maximum(parts / size, 1e-6)
        level = np.maximum(level * size[:, None], 1e-9)
    return parts, level


def _misfit(
    seen: NDArray[np.float64],
    parts: NDArray[np.float64],
    level: NDArray[np.float64],
    worth: NDArray[np.float64],
) -> float:
    """Return the negative log-likelihood of powers with exponential spread, but for a constant."""
    model = parts @ level
    return float((worth[:, None] * (np.log(model) + seen / model)).sum())


def moves(rows: NDArray[np.float64], worth: NDArray[np.float64]) -> bool:
    """Return whether noise moves: its power varies by more than chance, [frames, bands]."""
    mean = np.maximum(rows.mean(axis=0), 1e-300)
    # Bins alone vary too much by themselves to tell.
    groups = np.arange(0, mean.size - 2, 2)
    weight = worth * (worth > 2)
    total = np.add.reduceat(rows / mean * weight, groups, axis=1)
    size = np.add.reduceat(weight, groups)
    use = size > 6
    swing = (total[:, use] / size[use]).var(axis=0) - 1 / size[use]
    return int((swing > _SWING).sum()) >= _SWINGING


def _first_guess(flat: NDArray[np.float64], worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames that differ most from one another, smoothed over time, as first parts."""
    smooth = np.apply_along_axis(np.convolve, 1, flat, np.ones(5) / 5, "valid")
    chosen = [int(np.argmin(worth @ smooth))]
    far = np.full(smooth.shape[1], np.inf)
    for _ in range(_PARTS[-1] - 1):
        ratio = smooth / smooth[:, chosen[-1:]]
        far = np.minimum(far, worth @ (ratio - np.log(ratio) - 1))
        chosen.append(int(np.argmax(far)))
    return smooth[:, chosen] + 1e-3


class MovingNoise:
    """Follows moving noise through a recording.

    Args:
        known: what the noise is made of.
        bins: bins of a frame's spectrum.
        rate_hz: samples a second of the recording.
    """

    def __init__(self, known: NoiseParts, *, bins: int, rate_hz: float) -> None:
        self._bands = Bands(known.edges_hz, bins, rate_hz)
        # Where the reference is all but silent it tells nothing of the noise.
        use = self._bands.inside & (known.mean > _FAINTEST * known.mean.max())
        self._use, self._mean = use, np.maximum(known.mean[use], 1e-300)
        self._parts, self._most = known.parts[use], _LOUDER * known.most
        self._steady = known.steady
        self._worth = np.minimum(self._bands.width[use] / _WORTH, _WIDEST)
        centre = np.sqrt(known.edges_hz[:-1] * known.edges_hz[1:])[use]
        octave = np.log2(centre)
        at = np.arange(octave[0], octave[-1] + 1 / _BREEZE_PARTS, 1 / _BREEZE_PARTS)
        self._breeze = np.exp(-0.5 * ((octave[:, None] - at) * _BREEZE_PARTS) ** 2) + 1e-6
        if known.wind is not None:
            self._breeze = known.wind[use]
        bins_hz = np.linspace(0, rate_hz / 2, bins)
        place = np.interp(np.log2(np.maximum(bins_hz, 1e-3)), octave, np.arange(octave.size))
        self._low = np.minimum(place.astype(int), octave.size - 2)
        self._part = place - self._low

    def swing(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how many times its mean in the reference the noise has, [frames, bins].

        Args:
            power: power in frames, [frames, bins].
        """
        seen = self._bands.density(power)[:, self._use].T / self._mean[:, None]
        noise = self._steady + self._parts @ self._levels(np.maximum(seen, 1e-9))
        logs = np.log(np.maximum(noise.T, 1e-6))
        return np.exp(logs[:, self._low] * (1 - self._part) + logs[:, self._low + 1] * self._part)

    def _levels(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the level of each part of the noise that explains frames best, [parts, frames]."""
        weight = self._worth[:, None]
        both = np.concatenate([self._parts, self._breeze], axis=1)
        count = self._parts.shape[1]
        dear, top = np.ones((both.shape[1], 1)), np.full((both.shape[1], 1), np.inf)
        dear[count:], top[:count, 0] = 1 + _DEAR, self._most
        # Start near: breeze at what is heard about it, noise at its usual place between the bands.
        usual = np.exp(np.log(seen).mean(axis=0))
        breeze = self._breeze.T @ seen / self._breeze.sum(axis=0)[:, None]
        level = 0.3 * np.concatenate([np.repeat(usual[None], count, axis=0), breeze])
        for _ in range(_ROUNDS_FOLLOW):
            model = self._steady + both @ level
            up, down = both.T @ (weight * seen / model**2), both.T @ (weight / model)
            level = np.minimum(level * np.sqrt(up / (down * dear)), top)
        return level[:count]
