"""What no profile knows: gusts and density perturbations, one random field a case.

Each is a periodic series of unit variance against height, made on the host from a known spectrum
and looked up by the kernels; one case carries 36 KiB.
"""

# Warp types arrays by calls; mypy cannot follow.
# mypy: disable-error-code="valid-type"
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.draws import generator
from skycrane.mission.air import Atmosphere, Wind

__all__ = [
    "DENSITY_POINTS",
    "GUST_POINTS",
    "density_series",
    "density_step_m",
    "gust_series",
    "gust_step_m",
    "gusts_at",
    "perturbation_at",
]

Array = NDArray[np.float64]
Series = NDArray[np.float32]
Spectrum = Callable[[Array], Array]

GUST_POINTS = 4096
"""Points of one period of the gusts; a power of two."""
DENSITY_POINTS = 1024
"""Points of one period of the density perturbation; a power of two."""
_GUST_POINTS_A_LENGTH = 128
_DENSITY_POINTS_A_LENGTH = 32


def gust_step_m(wind: Wind) -> float:
    """Return the step of the gusts' series [m]: a period is 32 of the mission's lengths."""
    return wind.gust_length_m / _GUST_POINTS_A_LENGTH


def density_step_m(air: Atmosphere) -> float:
    """Return the step of the density's series [m]: a period is 32 correlation lengths."""
    return air.perturbation_length_m / _DENSITY_POINTS_A_LENGTH


def _von_karman(wavenumber: Array) -> Array:
    """Transverse von Karman spectrum against wavenumber times length (MIL-F-8785C, 3.7.1.1)."""
    x2 = (1.339 * wavenumber) ** 2
    return np.asarray((1 + 8 / 3 * x2) / (1 + x2) ** (11 / 6))


def _markov(wavenumber: Array) -> Array:
    """Spectrum of an exponential correlation, exp(-|dh| / length), against the same."""
    return np.asarray(1 / (1 + wavenumber**2))


def _series(rng: np.random.Generator, points: int, points_a_length: int, of: Spectrum) -> Series:
    """Return a Gaussian periodic series whose variance over all seeds is one, shape (points,)."""
    modes = np.arange(1, points // 2 + 1)
    power = of(2 * np.pi * modes * points_a_length / points)
    # The last mode alternates in sign and has no phase: half of an ordinary one's power.
    power[-1] /= 2
    amplitude = np.sqrt(power / power.sum())
    phased = rng.standard_normal((2, points // 2))
    half = np.zeros(points // 2 + 1, dtype=np.complex128)
    half[1:] = amplitude * (phased[0] + 1j * phased[1]) * points / 2
    half[-1] = amplitude[-1] * phased[0, -1] * points
    return np.fft.irfft(half, points).astype(np.float32)


def gust_series(seed: int, case: int) -> Series:
    """Return the gusts of a case toward east and north, unit variance, shape (GUST_POINTS, 2).

    Point k stands for k steps of `gust_step_m`; spectrum: von Karman's for the components across
    the path (falling bodies cross the air upright). Keyed by (seed, "flight/air/...", case).
    """
    out = np.empty((GUST_POINTS, 2), dtype=np.float32)
    for k, name in enumerate(("east", "north")):
        rng = generator(seed, f"flight/air/{name}", case)
        out[:, k] = _series(rng, GUST_POINTS, _GUST_POINTS_A_LENGTH, _von_karman)
    return out


def density_series(seed: int, case: int) -> Series:
    """Return the density perturbation of a case, unit variance, shape (DENSITY_POINTS,).

    Point k stands for k steps of `density_step_m`; correlation exp(-|dh| / length), the first-
    order Markov process of Mars-GRAM (Justus and James, NASA/TM-2001-210961).
    """
    rng = generator(seed, "flight/air/density", case)
    return _series(rng, DENSITY_POINTS, _DENSITY_POINTS_A_LENGTH, _markov)


@wp.func
def gusts_at(series: wp.array(dtype=wp.vec2f, ndim=2), case: wp.int32, x: wp.float64):
    """Gusts toward east and north at index `x` of the periodic series, linear between points."""
    place = wp.float64(0.0)
    # Of a motion that ran away x is no number; an index may never leave the series.
    if wp.abs(x) < wp.float64(1.0e9):
        place = x
    low = wp.floor(place)
    i = wp.int32(low) & (GUST_POINTS - 1)
    a = series[case, i]
    b = series[case, (i + 1) & (GUST_POINTS - 1)]
    f = wp.float32(place - low)
    return a + (b - a) * f


@wp.func
def perturbation_at(series: wp.array(dtype=wp.float32, ndim=2), case: wp.int32, x: wp.float64):
    """Density perturbation at index `x` of the periodic series, linear between points."""
    place = wp.float64(0.0)
    if wp.abs(x) < wp.float64(1.0e9):
        place = x
    low = wp.floor(place)
    i = wp.int32(low) & (DENSITY_POINTS - 1)
    a = series[case, i]
    b = series[case, (i + 1) & (DENSITY_POINTS - 1)]
    return wp.float64(a + (b - a) * wp.float32(place - low))
