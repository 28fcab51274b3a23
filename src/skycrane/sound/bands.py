"""Bands of frequency that fit spectra on any grid of bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bands", "band_edges_hz"]

_OCTAVE_PARTS = 6
"""Bands in an octave, where bins are not wider."""


def band_edges_hz(bins: int, rate_hz: float) -> NDArray[np.float64]:
    """Return edges of bands from the first bin up [Hz], a bin or a part of an octave wide."""
    edges = [0.5]
    while edges[-1] < 0.94 * (bins - 1):
        edges.append(max(edges[-1] + 1, edges[-1] * 2 ** (1 / _OCTAVE_PARTS)))
    return np.array(edges) * rate_hz / 2 / (bins - 1)


class Bands:
    """Mean density in bands of spectra on one grid of bins.

    Edges between bins share them, so that one set of bands fits recordings of any rate.
    """

    def __init__(self, edges_hz: NDArray[np.float64], bins: int, rate_hz: float) -> None:
        width_hz = rate_hz / 2 / (bins - 1)
        at = np.clip(edges_hz / width_hz + 0.5, 0, bins)
        self.low = np.minimum(at.astype(int), bins - 1)
        self.part = at - self.low
        self.width = np.maximum(np.diff(at), 1e-9)
        self.inside = np.diff(at) > 0.5
        self.scale = 2 / (rate_hz * (bins - 1))

    def density(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return mean densities [1/Hz] of powers in frames, [frames, bands].

        Args:
            power: power in each bin, [frames, bins].
        """
        total = np.zeros((len(power), power.shape[1] + 1))
        np.cumsum(power, axis=1, out=total[:, 1:])
        at = total[:, self.low] * (1 - self.part) + total[:, self.low + 1] * self.part
        return np.maximum(np.diff(at, axis=1), 0) / self.width * self.scale
