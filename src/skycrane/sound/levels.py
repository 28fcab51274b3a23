"""Levels that a sound falls to when it is quiet, and how much louder one recording is than another.

Of steady noise under gusts only the lulls tell the level. They are looked for in histograms of
short-time power, and the depth that chance alone gives steady noise is undone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from skycrane.sound.bands import Bands

__all__ = ["LevelHistogram", "ThirdOctaves", "level_difference_db"]

_LULLS = (0.05, 0.2, 0.5)
"""Shares of the time in which third octaves are heard. They hold little of the chance that is in
single bins, so that a short time is enough."""
_STEADY, _LEAST_OF_LULL = 1.25, 0.2
"""Ratio between the last share's power and the first's from which on wind is in the lulls too; the
smallest part of the first that may be the noise's."""
_LOWEST_HZ, _HIGHEST = 30.0, 0.45
"""Where third octaves begin, and the fraction of the rate that they end below."""
_WORTH = 1.6
"""Neighbouring bins of a sine window to one independent value."""
_LEAST_DB, _MOST_DB = -40.0, 12.0


class LevelHistogram:
    """Histograms of power, one for each of several places.

    Args:
        places: how many.
        lowest_db: level below which nothing is told apart.
        step_db: width of a step.
        steps: number of steps.
    """

    def __init__(self, places: int, *, lowest_db: float, step_db: float, steps: int) -> None:
        self.lowest_db, self.step_db, self.steps = lowest_db, step_db, steps
        self._counts = np.zeros((places, steps), dtype=np.int64)

    def add(self, power: NDArray[np.float64]) -> None:
        """Count powers, [frames, places]."""
        places = len(self._counts)
        step = (10 * np.log10(np.maximum(power, 1e-30)) - self.lowest_db) / self.step_db
        flat = np.clip(step.astype(np.int64), 0, self.steps - 1) + np.arange(places) * self.steps
        self._counts += np.bincount(flat.ravel(), minlength=self._counts.size).reshape(
            self._counts.shape
        )

    def reached(self, share: float, worth: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the power that each place stays below for a share of the time, as a mean.

        Where the noise is steady every share gives the same: its mean.

        Args:
            share: of the time, 0 to 1.
            worth: independent values in each power, one number or [places].
        """
        below = np.cumsum(self._counts, axis=1)
        target = share * np.maximum(below[:, -1], 1)
        step = np.argmax(below >= target[:, None], axis=1)
        at = np.arange(len(below))
        before = np.where(step > 0, below[at, np.maximum(step - 1, 0)], 0)
        within = (target - before) / np.maximum(self._counts[at, step], 1)
        power = 10 ** ((self.lowest_db + self.step_db * (step + within)) / 10)
        # Steady noise falls that far below its own mean; undo it.
        power /= stats.gamma.ppf(share, worth) / worth
        return np.where(step == 0, 0.0, power)


class ThirdOctaves:
    """Levels of third octaves from 30 Hz up, on one grid of bands whatever the rate.

    Args:
        bins: bins of a frame's spectrum.
        rate_hz: samples a second.
        worth: independent frames in each power.
    """

    def __init__(self, bins: int, rate_hz: float, worth: float) -> None:
        top = max(_HIGHEST * rate_hz, 2 * _LOWEST_HZ)
        count = int(np.log2(top / _LOWEST_HZ) * 3)
        self._bands = Bands(_LOWEST_HZ * 2 ** (np.arange(count + 1) / 3), bins, rate_hz)
        self._worth = worth * np.maximum(self._bands.width / _WORTH, 1.0)
        # Fine steps: a band of many bins hardly swings by chance.
        self._levels = LevelHistogram(count, lowest_db=-280.0, step_db=0.1, steps=3000)

    def add(self, power: NDArray[np.float64]) -> None:
        """Count powers of frames, [frames, bins]."""
        self._levels.add(self._bands.density(power))

    def lull(self) -> NDArray[np.float64]:
        """Return the density that each band would fall to between gusts [1/Hz], [bands].

        A wind that hardly pauses is in its lulls too. With log-normal gusts over steady noise, what
        three such shares of the time stay below lies a geometric series above the noise (their
        normal quantiles are nearly as far apart), so its limit is the noise's level: Aitken's
        delta-squared.
        """
        low, middle, high = (self._levels.reached(share, self._worth) for share in _LULLS)
        bend = low + high - 2 * middle
        windy = (high > _STEADY * low) & (bend > 0)
        limit = (low * high - middle**2) / np.where(bend > 0, bend, 1.0)
        return np.where(windy, np.clip(limit, _LEAST_OF_LULL * low, low), low)


def level_difference_db(heard: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
    """Return how much louder the noise is in a recording than in its reference [dB].

    Whatever else is in the recording can only add to its lulls, so a low quartile over the bands is
    taken.

    Args:
        heard: densities of third octaves in the recording's lulls, [bands].
        noise: the same of the reference, which may have another rate and so other bands on top.
    """
    count = min(heard.size, noise.size)
    both = np.stack([heard[:count], noise[:count]])
    both = both[:, (both > 0).all(axis=0)]
    if not both.size:
        return 0.0
    differences = 10 * np.log10(both[0] / both[1])
    return float(np.clip(np.percentile(differences, 25), _LEAST_DB, _MOST_DB))
