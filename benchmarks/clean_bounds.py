"""How far any method could come on the benchmark's recordings, and where each decibel lies.

Prints mean SI-SDR gains on the test seeds, level by level: `python -m benchmarks.clean_bounds`.

- tones: the steady tones subtracted exactly, nothing else done;
- expected spectra: Wiener's gain with the density that the breeze's generator was given at every
  moment, and the noise's true mean, tones subtracted exactly, in frames long enough (0.7 s) that
  longer ones change nothing. Breeze and noise are Gaussian, so this is about the least mean square
  error that an estimator can reach, one that knew both spectra and never had to estimate them;
- the oracle of `make bench`: the breeze's own power smoothed over seven frames in place of its
  expectation. It sees part of each frame's chance, and so is a little better than possible;
- true powers: the power of breeze and noise in every bin of every frame, which nothing in the
  recording tells. What lies beyond the second row is chance, not method.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from scipy import fft

from benchmarks.bench_clean import _oracle
from benchmarks.clean_set import LEVELS_DB, TEST_SEEDS, Clip, clips, varied
from skycrane.mission import load_mission
from skycrane.sound.breeze import BreezeSource
from skycrane.sound.measure import si_sdr_db
from skycrane.sound.microphone import Capsule
from skycrane.sound.scene import surface, whole
from skycrane.sound.separate import separate
from skycrane.sound.streams import BLOCK

LONG, SHORT = 32768, 8192
"""Frames for spectra that are known, and for those of the oracle and the method, samples."""
ROWS = ("tones", "skycrane clean", "expected spectra", "the oracle", "true powers")


def gains(seeds: tuple[int, ...]) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield level and SI-SDR gain by row for each recording [dB]."""
    expected: dict[int, np.ndarray] = {}
    for clip in clips(seeds):
        if clip.seed not in expected:
            expected = {clip.seed: _expected_power(clip)}
        before = si_sdr_db(clip.heard, clip.truth)
        heard = clip.heard - clip.tones
        toneless = clip.noise - clip.tones
        floor = (np.abs(_spectra(toneless, LONG)) ** 2).mean(axis=0)
        # The expectation was taken at 0 dB.
        breeze = expected[clip.seed] * 10 ** (clip.level_db / 10)
        powers = [np.abs(_spectra(part, SHORT)) ** 2 for part in (clip.truth, toneless)]
        found = {
            "tones": heard,
            "skycrane clean": separate(
                clip.heard, clip.rate_hz, reference=clip.reference, reference_rate_hz=clip.rate_hz
            ),
            "expected spectra": _through(heard, breeze / (breeze + floor), LONG),
            "the oracle": _oracle(heard, clip.truth, toneless),
            "true powers": _through(heard, powers[0] / sum(powers), SHORT),
        }
        yield clip.level_db, {k: si_sdr_db(v, clip.truth) - before for k, v in found.items()}


def _expected_power(clip: Clip) -> np.ndarray:
    """Return the expected power of the breeze, as loud as the rover, [frames, bins]."""
    mission = load_mission("mars2020")
    microphone, scene = mission.microphone, varied(mission.soundscape, clip.seed)
    source = BreezeSource(
        scene.breeze,
        scene.air,
        rate_hz=clip.rate_hz,
        diaphragm_m=microphone.diaphragm_diameter_m,
        seed=clip.seed,
    )
    seconds = clip.truth.size / clip.rate_hz
    breeze, rover = whole(surface(scene, microphone, seed=clip.seed, duration_s=seconds))
    scale = (rover.std() / breeze.std() / microphone.full_scale_pa) ** 2
    frames, hop = len(_spectra(clip.truth, LONG)), LONG // 4
    middle_s = (np.arange(frames) * hop - (LONG - hop) + LONG / 2) / clip.rate_hz
    f = fft.rfftfreq(LONG, 1 / clip.rate_hz)
    densities = [source._density(np.maximum(f, 0.1), max(t, 0.0)) for t in middle_s]
    # A frame's power is the density by the rate and half the window's energy, size / 2.
    power = np.array(densities) * _capsule(f, clip.rate_hz) * clip.rate_hz * LONG / 4
    return power * scale


def _capsule(frequency_hz: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the capsule's gain of power at frequencies, from its response to an impulse."""
    capsule = Capsule(load_mission("mars2020").microphone, seed=0, recording="impulse")
    impulse = np.zeros(BLOCK)
    impulse[0] = 1.0
    parts = [capsule.respond(impulse)]
    parts += [capsule.respond(np.zeros(BLOCK)) for _ in range(int(rate_hz / BLOCK) + 1)]
    response = np.abs(fft.rfft(np.concatenate(parts))) ** 2
    return np.interp(frequency_hz, np.linspace(0, rate_hz / 2, response.size), response)


def _spectra(samples: np.ndarray, size: int) -> np.ndarray:
    """Return the spectra of overlapping frames, [frames, bins]."""
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    padded = np.pad(samples, (size - size // 4, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
    return fft.rfft(frames * window)


def _through(heard: np.ndarray, gain: np.ndarray, size: int) -> np.ndarray:
    """Return a recording after a gain on each bin of each frame, [frames, bins]."""
    window, hop = np.sin(np.pi * (np.arange(size) + 0.5) / size), size // 4
    frames = fft.irfft(_spectra(heard, size) * gain, size) * window * 0.5
    out = np.zeros(size + hop * (len(frames) - 1))
    for i, frame in enumerate(frames):
        out[i * hop : i * hop + size] += frame
    return out[size - hop :][: heard.size]


def main(seeds: tuple[int, ...]) -> None:
    """Print the table."""
    found = list(gains(seeds))
    print("| | " + " | ".join(f"{level:+.0f} dB" for level in LEVELS_DB) + " | mean |")
    print("|---" * (len(LEVELS_DB) + 2) + "|")
    for row in ROWS:
        means = [np.mean([g[row] for at, g in found if at == level]) for level in LEVELS_DB]
        cells = " | ".join(f"{mean:.2f}" for mean in (*means, np.mean(means)))
        print(f"| {row} | {cells} |")


if __name__ == "__main__":
    main(tuple(int(word) for word in sys.argv[1:]) or TEST_SEEDS)
