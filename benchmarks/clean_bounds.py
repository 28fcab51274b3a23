"""How far any method could come on the benchmark's recordings, and where each decibel lies.

Prints mean SI-SDR gains on the test seeds, level by level: `python -m benchmarks.clean_bounds`.

- tones: the steady tones subtracted exactly, nothing else done;
- expected spectra: Wiener's gain with the density that the breeze's generator was given at every
  moment, and the noise's true mean, tones subtracted exactly. Breeze and noise are Gaussian, so
  this is the least mean square error that any estimator can reach, one that knew both spectra and
  never had to estimate them;
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

from benchmarks.bench_clean import _HOP, _SIZE, _oracle, _spectra
from benchmarks.clean_set import LEVELS_DB, TEST_SEEDS, Clip, _varied, clips
from skycrane.mission import load_mission
from skycrane.sound.breeze import BreezeSource
from skycrane.sound.measure import si_sdr_db
from skycrane.sound.microphone import Capsule
from skycrane.sound.scene import surface, whole
from skycrane.sound.separate import separate
from skycrane.sound.streams import BLOCK

ROWS = ("tones", "skycrane clean", "expected spectra", "the oracle", "true powers")


def gains(seeds: tuple[int, ...]) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield level and SI-SDR gain by row for each recording [dB]."""
    expected: dict[int, np.ndarray] = {}
    for clip in clips(seeds):
        if clip.seed not in expected:
            expected = {clip.seed: _expected_power(clip)}
        before = si_sdr_db(clip.heard, clip.truth)
        heard = clip.heard - clip.tones
        bare = np.abs(_spectra(clip.noise - clip.tones)) ** 2
        floor = bare.mean(axis=0)
        # The expectation was taken at 0 dB.
        breeze = expected[clip.seed] * 10 ** (clip.level_db / 10)
        exact = np.abs(_spectra(clip.truth)) ** 2
        found = {
            "tones": heard,
            "skycrane clean": separate(
                clip.heard, clip.rate_hz, reference=clip.reference, reference_rate_hz=clip.rate_hz
            ),
            "expected spectra": _through(heard, breeze / (breeze + floor)),
            "the oracle": _oracle(heard, clip.truth, clip.noise - clip.tones),
            "true powers": _through(heard, exact / (exact + bare)),
        }
        yield clip.level_db, {k: si_sdr_db(v, clip.truth) - before for k, v in found.items()}


def _expected_power(clip: Clip) -> np.ndarray:
    """Return the expected power of the breeze, as loud as the rover, [frames, bins]."""
    mission = load_mission("mars2020")
    microphone, scene = mission.microphone, _varied(mission.soundscape, clip.seed)
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
    frames = len(_spectra(clip.truth))
    middle_s = (np.arange(frames) * _HOP - (_SIZE - _HOP) + _SIZE / 2) / clip.rate_hz
    f = fft.rfftfreq(_SIZE, 1 / clip.rate_hz)
    densities = [source._density(np.maximum(f, 0.1), max(t, 0.0)) for t in middle_s]
    # A frame's power is the density by the rate and half the window's energy, size / 2.
    power = np.array(densities) * _capsule(f, clip.rate_hz) * clip.rate_hz * _SIZE / 4
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


def _through(heard: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return a recording after a gain on each bin of each frame, [frames, bins]."""
    window = np.sin(np.pi * (np.arange(_SIZE) + 0.5) / _SIZE)
    frames = fft.irfft(_spectra(heard) * gain, _SIZE) * window * 0.5
    out = np.zeros(_SIZE + _HOP * (len(frames) - 1))
    for i, frame in enumerate(frames):
        out[i * _HOP : i * _HOP + _SIZE] += frame
    return out[_SIZE - _HOP :][: heard.size]


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
