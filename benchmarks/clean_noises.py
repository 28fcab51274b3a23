"""Noises that the project's sound scene knows nothing of, for the trial on unseen ones and tests.

Each maker takes a generator of random numbers and a count of samples at `RATE_HZ`, and returns them
in no particular unit. What tells one machine of a kind from another is a keyword: the trial plays
with the defaults, tests and parameters are chosen on others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve

__all__ = [
    "RATE_HZ",
    "babble",
    "breeze_like",
    "climbing_comb",
    "drill",
    "fan",
    "hum",
    "rattle",
    "shaped",
    "steps",
    "supply",
]

RATE_HZ = 48_000
_FORMANTS_HZ = ((300, 800), (900, 2200), (2300, 3000))


def shaped(
    rng: np.random.Generator, count: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return Gaussian noise with an amplitude that depends on frequency, RMS 1."""
    f = np.fft.rfftfreq(count, 1 / RATE_HZ)
    f[0] = f[1]
    bins = rng.standard_normal((2, f.size))
    out = np.fft.irfft((bins[0] + 1j * bins[1]) * gain(f), count)
    return out / out.std()


def fan(rng: np.random.Generator, count: int, *, blades_hz: float = 24.5 * 7) -> np.ndarray:
    """Blades that wander by 0.2 % in speed, over broad noise."""
    t = np.arange(count) / RATE_HZ
    sway = np.cumsum(rng.standard_normal(count // 480 + 2))
    sway = np.interp(t, np.arange(sway.size) / 100, sway / max(np.abs(sway).max(), 1e-9))
    angle = 2 * np.pi * np.cumsum(blades_hz * (1 + 0.002 * sway)) / RATE_HZ
    out = shaped(rng, count, lambda f: 1 / (1 + f / 300))
    for k in range(1, 7):
        out += 0.8 / k * np.sin(k * angle + rng.uniform(0, 6))
    return out


def hum(
    rng: np.random.Generator, count: int, *, mains_hz: tuple[float, ...] = (50.0, 60.0)
) -> np.ndarray:
    """Hum of two mains at once."""
    t = np.arange(count) / RATE_HZ
    out = 0.6 * shaped(rng, count, lambda f: f**-0.5)
    for hz in mains_hz:
        for k in range(1, 12):
            out += np.sin(2 * np.pi * k * hz * t + rng.uniform(0, 6)) / k
    return out


def supply(rng: np.random.Generator, count: int, *, carrier_hz: float = 3170.0) -> np.ndarray:
    """A switching supply: carriers with sidebands of the load, over hiss."""
    t = np.arange(count) / RATE_HZ
    load = 1 + 0.5 * np.sin(2 * np.pi * 100 * t) + 0.2 * np.sin(2 * np.pi * 37 * t)
    out = 0.7 * shaped(rng, count, lambda f: (1 + f / 2000) ** 0.5)
    for k in (1, 2, 3):
        out += 0.6 * load * np.sin(2 * np.pi * k * carrier_hz * t + rng.uniform(0, 6))
    return out


def climbing_comb(rng: np.random.Generator, count: int, *, shaft_hz: float = 118) -> np.ndarray:
    """A pump that climbs by 5 % in 20 s and sways by 1 %: no frame holds a steady tone long."""
    t = np.arange(count) / RATE_HZ
    rate_hz = shaft_hz * (1 + 0.05 * t / 20 + 0.01 * np.sin(2 * np.pi * t / 5))
    angle = 2 * np.pi * np.cumsum(rate_hz) / RATE_HZ
    out = 0.4 * shaped(rng, count, lambda f: f**-0.65)
    for k in range(1, 9):
        out += rng.uniform(0.3, 1) * np.sin(k * angle + rng.uniform(0, 6))
    return out


def steps(rng: np.random.Generator, count: int, *, step_db: float = 3.0) -> np.ndarray:
    """A fan of three speeds, each for a second."""
    seconds = np.arange(count // RATE_HZ + 1)
    level_db = np.repeat(rng.permutation(seconds % 3), RATE_HZ)[:count] * step_db
    return shaped(rng, count, lambda f: 1 / (1 + f / 250)) * 10 ** (level_db / 20)


def drill(
    rng: np.random.Generator,
    count: int,
    *,
    blows_hz: int = 32,
    rings_hz: tuple[float, ...] = (270, 740, 1900),
    decay: float = 260,
    uneven: float = 0.4,
) -> np.ndarray:
    """Blows that ring in the hull, on and off for about a second each."""
    seconds = np.arange(count // RATE_HZ + 1)
    on = np.repeat(rng.permutation(seconds % 2), RATE_HZ)[:count].astype(float)
    on = fftconvolve(on, np.hanning(2400) / np.hanning(2400).sum(), "same")
    since = np.arange(2400)
    ring = np.exp(-since / decay) * sum(np.sin(2 * np.pi * hz * since / RATE_HZ) for hz in rings_hz)
    blows = np.zeros(count)
    at = np.arange(0, count, RATE_HZ // blows_hz)
    blows[at] = rng.uniform(1 - uneven, 1 + uneven, at.size)
    blows = fftconvolve(blows, ring)[:count]
    hiss = shaped(rng, count, lambda f: f**-0.5)
    return 0.25 * hiss + on * (blows / blows.std() + shaped(rng, count, lambda f: f**-0.3))


def rattle(
    rng: np.random.Generator,
    count: int,
    *,
    strikes_hz: int = 5,
    rings_hz: tuple[float, ...] = (205, 530, 1240, 3100),
) -> np.ndarray:
    """Loose things that ring as they strike, at any moment."""
    out, since = 0.4 * shaped(rng, count, lambda f: f**-0.5), np.arange(3600)
    for at in rng.integers(0, count - 3600, strikes_hz * count // RATE_HZ):
        ring = sum(np.sin(2 * np.pi * hz * since / RATE_HZ) for hz in rings_hz)
        out[at : at + 3600] += rng.lognormal(1.2, 0.5) * np.exp(-since / 350) * ring
    return out


def babble(rng: np.random.Generator, count: int, *, voices: int = 8) -> np.ndarray:
    """Voices at once: gliding harmonics under moving formants, in syllables."""
    t = np.arange(count) / RATE_HZ
    out = 0.03 * shaped(rng, count, lambda f: f**-0.3)
    for _ in range(voices):
        knots = np.linspace(0, t[-1], int(4 * t[-1]) + 2)
        pitch = np.interp(t, knots, rng.uniform(90, 220) * np.exp(rng.normal(0, 0.1, knots.size)))
        angle = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
        loud = np.interp(t, knots, np.maximum(rng.normal(0.4, 0.5, knots.size), 0))
        formants = [np.interp(t, knots, rng.uniform(*r, knots.size)) for r in _FORMANTS_HZ]
        for k in range(1, 18):
            hz = k * pitch
            size = sum(1 / (1 + ((hz - f) / 120) ** 2) for f in formants)
            out += loud * size * np.sin(k * angle) / np.sqrt(k)
    return out


def breeze_like(rng: np.random.Generator, count: int, *, corner_hz: float = 150) -> np.ndarray:
    """Steady noise with a breeze's spectrum."""
    return shaped(rng, count, lambda f: 1 / f / (1 + (f / corner_hz) ** 2) * (f > 12))
