"""Winds and noises that the project's sound scene knows nothing of, to try cleaning on.

Three winds are real, cut from two published recordings that are not part of the project (their
folder: the variable SKYCRANE_REFERENCE, or shared/reference beside the repository) where wind rules
and nothing else is heard below the corner given here; two are made, one of log-normal gusts on 1/f
noise, one of bands that gust as cascades. The noises are nine, each with a reference of its own:
another stretch, 2 dB louder, its tones 0.4 % higher.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, fftconvolve, resample_poly, sosfiltfilt

__all__ = ["LEVELS_DB", "NOISES", "RATE_HZ", "SECONDS", "UnseenClip", "clips", "winds"]

RATE_HZ = 48_000
SECONDS, REFERENCE_SECONDS = 12, 8
LEVELS_DB = (-12.0, -4.0, 4.0)
COUNT = SECONDS * RATE_HZ

Noise = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class UnseenClip:
    """One recording and what it is made of, [n] each but the reference.

    Attributes:
        wind: name of the wind.
        noise_name: name of the noise.
        level_db: RMS level of the wind above the noise.
        truth: the wind alone.
        noise: the noise alone.
        reference: another stretch of the noise.
    """

    wind: str
    noise_name: str
    level_db: float
    truth: np.ndarray
    noise: np.ndarray
    reference: np.ndarray
    rate_hz: float = float(RATE_HZ)

    @property
    def heard(self) -> np.ndarray:
        """What is to be cleaned."""
        return self.truth + self.noise


def shaped(
    rng: np.random.Generator, count: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return Gaussian noise with an amplitude that depends on frequency, RMS 1."""
    f = np.fft.rfftfreq(count, 1 / RATE_HZ)
    f[0] = f[1]
    bins = rng.standard_normal((2, f.size))
    out = np.fft.irfft((bins[0] + 1j * bins[1]) * gain(f), count)
    return out / out.std()


def winds() -> dict[str, np.ndarray]:
    """Return every wind that is at hand, RMS 1, [COUNT] each."""
    return {**_real_winds(), **_made_winds()}


def _made_winds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(31)
    t = np.arange(COUNT) / RATE_HZ
    knots = np.linspace(0, SECONDS, 2 * SECONDS + 1)
    slow = np.exp(np.interp(t, knots, rng.normal(0, 0.6, knots.size)))
    rough = slow * shaped(rng, COUNT, lambda f: 1 / f / (1 + (f / 180) ** 2) * (f > 12))
    bands = np.zeros(COUNT)
    for low, high, weight in ((12, 30, 1.0), (30, 80, 0.7), (80, 200, 0.35), (200, 700, 0.08)):
        band = shaped(rng, COUNT, lambda f, a=low, b=high: ((f >= a) & (f < b)) + 1e-9)
        cascade = np.ones(COUNT)
        for period_s in (4.0, 2.0, 1.0, 0.5):
            steps = np.exp(rng.normal(0, 0.35, int(SECONDS / period_s) + 2))
            cascade *= np.interp(t / period_s, np.arange(steps.size), steps)
        bands += weight * cascade * band
    return {"1/f, log-normal": rough / rough.std(), "cascades": bands / bands.std()}


def _real_winds() -> dict[str, np.ndarray]:
    beside = Path(__file__).resolve().parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("SKYCRANE_REFERENCE") or beside) / "sounds"
    drive, flight = folder / "sol16_drive.mp3", folder / "helicopter.mp3"
    if not (drive.exists() and flight.exists()):
        return {}
    return {
        "sol 16": _cut(drive, 35.0, 1, 120.0),
        "sol 16, four times as fast": _cut(drive, 15.0, 4, 120.0),
        "before the helicopter": _cut(flight, 0.0, 1, 600.0),
    }


def _cut(path: Path, start_s: float, faster: int, corner_hz: float) -> np.ndarray:
    """Return a stretch below a corner, played so many times faster, RMS 1."""
    samples, rate = soundfile.read(path, always_2d=True)
    first = int(start_s * rate)
    mono = samples[first : first + (SECONDS * faster + 1) * rate].mean(axis=1)
    low = sosfiltfilt(butter(8, [8.0, corner_hz], "bandpass", fs=rate, output="sos"), mono)
    out = resample_poly(low, RATE_HZ, rate * faster)[:COUNT]
    return out / out.std()


def _fan(rng: np.random.Generator, count: int) -> np.ndarray:
    """Seven blades that wander by 0.2 % in speed, over broad noise."""
    t = np.arange(count) / RATE_HZ
    sway = np.cumsum(rng.standard_normal(count // 480 + 2))
    sway = np.interp(t, np.arange(sway.size) / 100, sway / max(np.abs(sway).max(), 1e-9))
    angle = 2 * np.pi * np.cumsum(24.5 * 7 * (1 + 0.002 * sway)) / RATE_HZ
    out = shaped(rng, count, lambda f: 1 / (1 + f / 300))
    for k in range(1, 7):
        out += 0.8 / k * np.sin(k * angle + rng.uniform(0, 6))
    return out


def _hum(rng: np.random.Generator, count: int) -> np.ndarray:
    """Hum of two mains at once, 50 and 60 Hz."""
    t = np.arange(count) / RATE_HZ
    out = 0.6 * shaped(rng, count, lambda f: f**-0.5)
    for hz in (50.0, 60.0):
        for k in range(1, 12):
            out += np.sin(2 * np.pi * k * hz * t + rng.uniform(0, 6)) / k
    return out


def _supply(rng: np.random.Generator, count: int) -> np.ndarray:
    """A switching supply: carriers with sidebands of the load, over hiss."""
    t = np.arange(count) / RATE_HZ
    load = 1 + 0.5 * np.sin(2 * np.pi * 100 * t) + 0.2 * np.sin(2 * np.pi * 37 * t)
    out = 0.7 * shaped(rng, count, lambda f: (1 + f / 2000) ** 0.5)
    for hz in (3170.0, 6340.0, 9510.0):
        out += 0.6 * load * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6))
    return out


def _pump(rng: np.random.Generator, count: int) -> np.ndarray:
    """A comb that climbs by 5 % in 20 s and sways by 1 %: no frame holds a steady tone long."""
    t = np.arange(count) / RATE_HZ
    rate_hz = 118 * (1 + 0.05 * t / 20 + 0.01 * np.sin(2 * np.pi * t / 5))
    angle = 2 * np.pi * np.cumsum(rate_hz) / RATE_HZ
    out = 0.4 * shaped(rng, count, lambda f: f**-0.65)
    for k in range(1, 9):
        out += rng.uniform(0.3, 1) * np.sin(k * angle + rng.uniform(0, 6))
    return out


def _steps(rng: np.random.Generator, count: int) -> np.ndarray:
    """A fan of three speeds, 3 and 6 dB apart."""
    seconds = np.arange(count // RATE_HZ + 1)
    step_db = np.repeat(rng.permutation(seconds % 3), RATE_HZ)[:count] * 3.0
    return shaped(rng, count, lambda f: 1 / (1 + f / 250)) * 10 ** (step_db / 20)


def _drill(rng: np.random.Generator, count: int) -> np.ndarray:
    """Blows 32 times a second that ring in the hull, on and off for about a second each."""
    seconds = np.arange(count // RATE_HZ + 1)
    on = np.repeat(rng.permutation(seconds % 2), RATE_HZ)[:count].astype(float)
    on = fftconvolve(on, np.hanning(2400) / np.hanning(2400).sum(), "same")
    since = np.arange(2400)
    ring = np.exp(-since / 260) * sum(
        np.sin(2 * np.pi * hz * since / RATE_HZ) for hz in (270, 740, 1900)
    )
    blows = np.zeros(count)
    at = np.arange(0, count, RATE_HZ // 32)
    blows[at] = rng.uniform(0.6, 1.4, at.size)
    blows = fftconvolve(blows, ring)[:count]
    hiss = shaped(rng, count, lambda f: f**-0.5)
    return 0.25 * hiss + on * (blows / blows.std() + shaped(rng, count, lambda f: f**-0.3))


def _rattle(rng: np.random.Generator, count: int) -> np.ndarray:
    """Five loose things a second that ring as they strike, at any moment."""
    out, since = 0.4 * shaped(rng, count, lambda f: f**-0.5), np.arange(3600)
    for at in rng.integers(0, count - 3600, 5 * count // RATE_HZ):
        ring = sum(np.sin(2 * np.pi * hz * since / RATE_HZ) for hz in (205, 530, 1240, 3100))
        out[at : at + 3600] += rng.lognormal(1.2, 0.5) * np.exp(-since / 350) * ring
    return out


def _babble(rng: np.random.Generator, count: int) -> np.ndarray:
    """Eight voices at once: gliding harmonics under moving formants, in syllables."""
    t = np.arange(count) / RATE_HZ
    out = 0.03 * shaped(rng, count, lambda f: f**-0.3)
    for _ in range(8):
        knots = np.linspace(0, t[-1], int(4 * t[-1]) + 2)
        pitch = np.interp(t, knots, rng.uniform(90, 220) * np.exp(rng.normal(0, 0.1, knots.size)))
        angle = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
        loud = np.interp(t, knots, np.maximum(rng.normal(0.4, 0.5, knots.size), 0))
        formants = [np.interp(t, knots, rng.uniform(*r, knots.size)) for r in _FORMANTS]
        for k in range(1, 18):
            hz = k * pitch
            size = sum(1 / (1 + ((hz - f) / 120) ** 2) for f in formants)
            out += loud * size * np.sin(k * angle) / np.sqrt(k)
    return out


_FORMANTS = ((300, 800), (900, 2200), (2300, 3000))


def _like_the_breeze(rng: np.random.Generator, count: int) -> np.ndarray:
    """Steady noise with a breeze's spectrum."""
    return shaped(rng, count, lambda f: 1 / f / (1 + (f / 150) ** 2) * (f > 12))


NOISES: dict[str, Noise] = {
    "fan, blades and wander": _fan,
    "hum of 50 and 60 Hz": _hum,
    "switching supply, sidebands": _supply,
    "climbing pump": _pump,
    "steps of 3 and 6 dB": _steps,
    "drilling, on and off": _drill,
    "rattling": _rattle,
    "eight voices at once": _babble,
    "a breeze's own spectrum": _like_the_breeze,
}


def clips(
    noises: tuple[str, ...] = tuple(NOISES), levels_db: tuple[float, ...] = LEVELS_DB
) -> Iterator[UnseenClip]:
    """Yield a clip for each wind, noise and level."""
    heard_winds = winds()
    for name in noises:
        rng = np.random.default_rng([41, list(NOISES).index(name)])
        both = NOISES[name](rng, COUNT + (REFERENCE_SECONDS + 1) * RATE_HZ)
        # So that the faster reference lacks nothing at the top.
        both = sosfiltfilt(butter(2, 12e3, fs=RATE_HZ, output="sos"), both)
        both *= 0.03 / both.std()
        noise, other = both[:COUNT], both[COUNT:]
        # Played a little faster, as another day's motor is.
        other = resample_poly(other, 250, 251)[: REFERENCE_SECONDS * RATE_HZ] * 10**0.1
        for wind, samples in heard_winds.items():
            for level in levels_db:
                truth = samples * noise.std() * 10 ** (level / 20)
                yield UnseenClip(wind, name, level, truth, noise, other)
