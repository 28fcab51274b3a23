"""How well a separation did, where the truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["level_db", "si_sdr_db"]


def si_sdr_db(estimate: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Return the scale-invariant signal-to-distortion ratio [dB] (Le Roux et al. 2019, eq. 3)."""
    scale = (estimate @ truth) / (truth @ truth)
    error = estimate - scale * truth
    return float(10 * np.log10(scale**2 * (truth @ truth) / (error @ error)))


def level_db(pressure_pa: NDArray[np.float64], reference_pa: float = 20e-6) -> float:
    """Return the RMS level [dB re 20 uPa]; of silence, minus infinity."""
    square = float(np.mean(np.square(pressure_pa)))
    return float(10 * np.log10(square / reference_pa**2)) if square > 0 else float("-inf")
