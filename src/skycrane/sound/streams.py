"""Random sounds as streams of blocks: each block depends on its index alone, never on the last."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from skycrane import draws

__all__ = ["BLOCK", "REFERENCE_PA", "ShapedNoise", "SlowWander", "db_to_pa"]

BLOCK = 4096
"""Samples of one block of every source."""

REFERENCE_PA = 20e-6
"""Reference of sound pressure levels, Pa RMS."""

Density = Callable[[NDArray[np.float64], float], NDArray[np.float64]]


def db_to_pa(level_db: float) -> float:
    """Return the RMS pressure [Pa] of a level [dB re 20 uPa]."""
    return float(REFERENCE_PA * 10 ** (level_db / 20))


class ShapedNoise:
    """Gaussian noise of a density that may change with time.

    Frames of independent Fourier coefficients, twice a block long, are cross-faded with windows
    whose squares add up to one, so that the density is right at every instant.

    Args:
        seed: the run's seed.
        purpose: name of the draws.
        rate_hz: samples a second.
        density: (frequency [Hz] (n,), time [s]) -> one-sided density [Pa2/Hz] (n,).
    """

    def __init__(self, seed: int, purpose: str, rate_hz: float, density: Density) -> None:
        self.seed, self.purpose, self.rate_hz, self.density = seed, purpose, rate_hz, density
        self.frequency_hz = fft.rfftfreq(2 * BLOCK, 1 / rate_hz)
        self.window = np.sin(np.pi * (np.arange(2 * BLOCK) + 0.5) / (2 * BLOCK))
        self._last: tuple[int, NDArray[np.float64]] = (-1, np.zeros(0))

    def _frame(self, index: int) -> NDArray[np.float64]:
        if self._last[0] == index:
            return self._last[1]
        rng = draws.generator(self.seed, self.purpose, index)
        bins = rng.standard_normal((2, self.frequency_hz.size))
        # Frame `index` is centred on the start of block `index`.
        density = self.density(self.frequency_hz, index * BLOCK / self.rate_hz)
        scale = np.sqrt(density * self.rate_hz * 2 * BLOCK / 4)
        scale[0] = 0.0
        frame = fft.irfft(scale * (bins[0] + 1j * bins[1]), 2 * BLOCK) * self.window
        self._last = (index, frame)
        return frame

    def block(self, index: int) -> NDArray[np.float64]:
        """Return block `index` [Pa], shape [BLOCK]."""
        before = self._frame(index)[BLOCK:].copy()
        return before + self._frame(index + 1)[:BLOCK]


class SlowWander:
    """A smooth random function of time with unit RMS, and its integral, in closed form.

    A sum of sinusoids of periods from `period_s` up, random in phase: it can be asked for at any
    time, in any order.
    """

    def __init__(self, seed: int, purpose: str, period_s: float, index: int = 0) -> None:
        rng = draws.generator(seed, purpose, index)
        self.omega = 2 * np.pi / (period_s * np.geomspace(1.0, 8.0, 5) * rng.uniform(0.9, 1.1, 5))
        self.phase = rng.uniform(0, 2 * np.pi, 5)
        self.amplitude = np.sqrt(2 / 5)

    def value(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at rising times `t_s` of one block or less, same shape."""
        coarse = _coarse(t_s)
        angle = self.omega[:, None] * coarse + self.phase[:, None]
        return np.interp(t_s, coarse, self.amplitude * np.sin(angle).sum(axis=0))

    def integral(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an antiderivative at rising times `t_s` of one block or less [s], same shape."""
        coarse = _coarse(t_s)
        angle = self.omega[:, None] * coarse + self.phase[:, None]
        slow = -self.amplitude * (np.cos(angle) / self.omega[:, None]).sum(axis=0)
        return np.interp(t_s, coarse, slow)


def _coarse(t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    # Milliseconds apart against periods of seconds: linear interpolation errs by under 1e-6.
    return np.linspace(t_s[0], t_s[-1], min(t_s.size, 33))
