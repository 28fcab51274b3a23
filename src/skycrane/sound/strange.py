"""Noise that no reference holds, where only the wind is wanted: wheels, a mast, rattles, knocks.

The wind's density falls with frequency and is nothing above a kilohertz or two. What stands above
the known noise there is a machine's, and what goes up and down with it below is the machine's too:
a few spectra of that are learnt from the recording itself, beside wind that is any sum of spectra
that fall (non-negative factors by the Itakura-Saito divergence, Fevotte, Bertin and Durrieu 2009).
`MovingNoise` then follows them frame by frame as it does noise that a reference shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from skycrane.sound.clicks import ClickFilter, click_frame_size
from skycrane.sound.frames import OverlapAdd
from skycrane.sound.moving import BandCollector, NoiseParts
from skycrane.sound.ridges import RidgeFilter
from skycrane.sound.tones import ToneCanceller

__all__ = ["LASTING", "WIND_RULES_HZ", "falling_spectra", "learn_strange", "rows_without_tones"]

LASTING = 5
"""Frames on either side over which a ridge must stand out: wind has none that last."""
_MOST_PARTS = 4
"""Spectra that strange noise may be made of."""
_ROUNDS = 60
_LOWEST_CORNER_HZ, _HIGHEST_CORNER_HZ = 20.0, 900.0
"""Corners of the wind's spectra: in thin air turbulence ends well inside what is audible."""
_FALL = 6.0
"""Power of frequency that they fall with above their corners."""
WIND_RULES_HZ, _NO_WIND_HZ = 100.0, 1500.0
"""Below the first nothing strange is looked for; above the second there is no wind."""
_FEWEST = 24
"""Frames that a recording must have."""
_EDGE = 4
_THERE = 0.3
"""Mean of what stands above the known noise where no wind is, as a share of that, from which on
there is anything to learn."""
_PRICE = 1.0
"""Log-likelihood that each number more must bring (Akaike 1974)."""
_CLEAR = 0.01
"""The same for each independent value: what known noise explains nearly as well is not strange."""
_WORTH, _WIDEST = 1.6, 12.0
"""Neighbouring bins to one independent value; most values that a band counts as."""

Blocks = Callable[[], Iterable[NDArray[np.float64]]]
Array = NDArray[np.float64]


def rows_without_tones(
    recording: Blocks,
    rate_hz: float,
    size: int,
    tones_hz: Array,
    most: Array | None,
) -> BandCollector:
    """Return densities in bands, frame by frame, of a channel without clicks, tones and ridges.

    Args:
        recording: gives the samples from the start.
        rate_hz: samples a second.
        size: samples of a frame.
        tones_hz: steady tones of the noise [Hz], [k].
        most: largest amplitude of each that is taken out, [k]; None: any.
    """
    bins = size // 2 + 1
    found, short = BandCollector(bins, rate_hz), click_frame_size(size)
    tones = ToneCanceller(tones_hz, size=size, rate_hz=rate_hz, most=most)
    chain = [
        OverlapAdd(short, [ClickFilter(size=short, rate_hz=rate_hz)]),
        OverlapAdd(
            size, [tones, RidgeFilter(np.ones(bins, dtype=bool), reach=LASTING, narrow=True), found]
        ),
    ]
    for block in recording():
        chain[1].push(chain[0].push(block))
    chain[1].push(chain[0].flush())
    chain[1].flush()
    return found


def falling_spectra(edges_hz: Array, mean: Array) -> Array:
    """Return spectra whose sums are any wind's, beside a mean density, [bands, spectra]."""
    centre = np.sqrt(edges_hz[:-1] * edges_hz[1:])
    count = int(2 * np.log2(_HIGHEST_CORNER_HZ / _LOWEST_CORNER_HZ)) + 1
    corners = _LOWEST_CORNER_HZ * 2 ** (np.arange(count) / 2)
    shapes = 1 / (1 + (centre[:, None] / corners) ** _FALL)
    beside = shapes / np.maximum(mean, 1e-300)[:, None]
    # Each of a size near the noise's, so that all start alike.
    return np.asarray(beside / np.maximum(beside.max(axis=0), 1e-300) + 1e-9)


def learn_strange(
    found: BandCollector, mean: Array, known: NoiseParts | None = None
) -> NoiseParts | None:
    """Return what all noise is made of, what is strange with what is known; None: nothing is.

    Args:
        found: densities of the recording frame by frame, tones and ridges taken out.
        mean: density of the known noise [1/Hz], [bands]: as it is in the recording where it is
            steady, as it is in the reference where it moves.
        known: what the known noise is made of where it moves.
    """
    rows = np.array(found.rows[_EDGE:-_EDGE])
    high = np.sqrt(found.edges_hz[:-1] * found.edges_hz[1:]) > _NO_WIND_HZ
    if len(rows) < _FEWEST or mean.max() <= 0 or not high.any():
        return None
    mean = np.maximum(mean, 1e-9 * mean.max())
    seen = np.maximum(rows / mean, 1e-6).T
    worth = np.minimum(found.width / _WORTH, _WIDEST)
    steady = 1.0 if known is None else 0.0
    if np.average(seen[high].mean(axis=1) - steady, weights=worth[high]) < _THERE:
        return None
    wind = falling_spectra(found.edges_hz, mean)
    beside = wind if known is None else np.concatenate([known.parts, wind], axis=1)
    allowed = np.sqrt(found.edges_hz[:-1] * found.edges_hz[1:]) > WIND_RULES_HZ
    best: tuple[Array, Array] | None = None
    least = np.inf
    for count in range(0, _MOST_PARTS + 1):
        first = _first(seen, high, allowed, count)
        parts, level, cost = _factors(seen, first, beside, worth, steady)
        cost += count * (_PRICE * sum(seen.shape) + _CLEAR * worth.sum() * len(rows))
        if cost < least:
            best, least = (parts, level), cost
    if best is None or not best[0].size:
        return None
    parts, most = best[0], best[1].max(axis=1)
    if known is not None:
        parts, most = np.hstack([known.parts, parts]), np.concatenate([known.most, most])
        # Where leakage hides the reference it tells nothing.
        mean = known.mean
    return NoiseParts(found.edges_hz, parts, most, mean, steady=steady, wind=wind)


def _first(seen: Array, high: NDArray[np.bool_], allowed: NDArray[np.bool_], count: int) -> Array:
    """Return means of frames from quiet to loud above the wind as first guesses, [bands, parts]."""
    loud = np.log(seen[high]).mean(axis=0)
    order = np.argsort(loud)
    groups = np.array_split(order[order.size // 2 :], max(count, 1))[:count]
    if not groups:
        return np.zeros((len(seen), 0))
    excess = np.stack([np.maximum(seen[:, g].mean(axis=1) - 1, 1e-3) for g in groups], axis=1)
    # Wind stands above what is strange in low bands: begin there at what is in the high ones.
    return np.where(allowed[:, None], np.minimum(excess, excess[high].max(axis=0)), 1e-9)


def _factors(
    seen: Array, parts: Array, beside: Array, worth: Array, steady: float
) -> tuple[Array, Array, float]:
    """Return strange parts and their levels beside known noise and wind, and the misfit."""
    count = parts.shape[1]
    both = np.concatenate([parts, beside], axis=1)
    level = np.full((both.shape[1], seen.shape[1]), 0.3 / both.shape[1])
    weight = worth[:, None]
    for _ in range(_ROUNDS):
        model = steady + both @ level
        level = level * np.sqrt((both.T @ (weight * seen / model**2)) / (both.T @ (weight / model)))
        model = steady + both @ level
        own = level[:count]
        parts = both[:, :count] * np.sqrt(((seen / model**2) @ own.T) / ((1 / model) @ own.T))
        size = np.maximum(parts.mean(axis=0), 1e-12)
        both[:, :count] = parts / size
        level[:count] = np.maximum(own * size[:, None], 1e-9)
    model = steady + both @ level
    misfit = float((weight * (np.log(model) + seen / model)).sum())
    return both[:, :count], level[:count], misfit
