"""Winds and noises that the project's sound scene knows nothing of, to try cleaning on.

Three winds are real, cut from two published recordings that are not part of the project (their
folder: the variable SKYCRANE_REFERENCE, or shared/reference beside the repository) where wind rules
and nothing else is heard below the corner given here; two are made, one of log-normal gusts on 1/f
noise, one of bands that gust as cascades. The noises are nine, each with a reference of its own:
another stretch, 2 dB louder, its tones 0.4 % higher.

Parameters are chosen on a development set of the same kinds: other stretches of the real wind,
other draws of the made ones, machines of other speeds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, resample_poly, sosfiltfilt

from benchmarks.clean_noises import (
    RATE_HZ,
    babble,
    breeze_like,
    climbing_comb,
    drill,
    fan,
    hum,
    rattle,
    shaped,
    steps,
    supply,
)

__all__ = ["LEVELS_DB", "NOISES", "RATE_HZ", "SECONDS", "UnseenClip", "clips", "winds"]

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


def winds(*, dev: bool = False) -> dict[str, np.ndarray]:
    """Return every wind that is at hand, RMS 1, [COUNT] each; those of the development set."""
    return {**_real_winds(dev), **_made_winds(77 if dev else 31)}


def _made_winds(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
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


def _real_winds(dev: bool) -> dict[str, np.ndarray]:
    beside = Path(__file__).resolve().parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("SKYCRANE_REFERENCE") or beside) / "sounds"
    drive, flight = folder / "sol16_drive.mp3", folder / "helicopter.mp3"
    if not (drive.exists() and flight.exists()):
        return {}
    if dev:
        return {
            "sol 16, later": _cut(drive, 52.0, 1, 120.0),
            "sol 16, twice as fast": _cut(drive, 58.0, 2, 120.0),
        }
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


NOISES: dict[str, Noise] = {
    "fan, blades and wander": fan,
    "hum of 50 and 60 Hz": hum,
    "switching supply, sidebands": supply,
    "climbing pump": climbing_comb,
    "steps of 3 and 6 dB": steps,
    "drilling, on and off": drill,
    "rattling": rattle,
    "eight voices at once": babble,
    "a breeze's own spectrum": breeze_like,
}


DEV_NOISES: dict[str, Noise] = {
    "fan, blades and wander": partial(fan, blades_hz=31.0 * 5),
    "hum of 50 and 60 Hz": partial(hum, mains_hz=(57.3, 66.0)),
    "switching supply, sidebands": partial(supply, carrier_hz=2710.0),
    "climbing pump": partial(climbing_comb, shaft_hz=131.0),
    "steps of 3 and 6 dB": partial(steps, step_db=4.0),
    "drilling, on and off": partial(drill, blows_hz=38, rings_hz=(330, 900), decay=300),
    "rattling": partial(rattle, strikes_hz=6, rings_hz=(240, 410, 1130, 2600)),
    "eight voices at once": partial(babble, voices=6),
    "a breeze's own spectrum": partial(breeze_like, corner_hz=90.0),
}


def clips(
    noises: tuple[str, ...] = tuple(NOISES),
    levels_db: tuple[float, ...] = LEVELS_DB,
    *,
    dev: bool = False,
) -> Iterator[UnseenClip]:
    """Yield a clip for each wind, noise and level, of the trial or the development set."""
    heard_winds, makers = winds(dev=dev), DEV_NOISES if dev else NOISES
    for name in noises:
        rng = np.random.default_rng([43 if dev else 41, list(NOISES).index(name)])
        both = makers[name](rng, COUNT + (REFERENCE_SECONDS + 1) * RATE_HZ)
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
