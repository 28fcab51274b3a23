"""How near the cleaned recording comes to the breeze alone, and how fast.

Five seeds that no parameter was tuned on, five levels of breeze to noise from -15 to +5 dB; 30 s of
the mission's surface each, with its reference recording. The oracle is Wiener's gain in the same
frames with what no method can know: the noise's true mean spectrum, tones included, and the
breeze's own spectrum smoothed over seven frames.
"""

from __future__ import annotations

import time

import numpy as np
from scipy import fft

from skycrane.mission import load_mission
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.scene import reference, surface, whole
from skycrane.sound.separate import separate

SEEDS = (101, 102, 103, 104, 105)
LEVELS_DB = (-15.0, -10.0, -5.0, 0.0, 5.0)
SECONDS = 30.0
_SIZE, _HOP = 8192, 2048


def measure() -> dict[str, dict]:
    """Return the figures of `make bench`."""
    mission = load_mission("mars2020")
    scene, microphone = mission.soundscape, mission.microphone
    rate = float(microphone.sample_rate_hz)
    rows, seconds, busy = [], 0.0, 0.0
    for seed in SEEDS:
        breeze, rover = whole(surface(scene, microphone, seed=seed, duration_s=SECONDS))
        alone = np.concatenate(list(reference(scene, microphone, seed=seed)))
        full = microphone.full_scale_pa
        for wanted in LEVELS_DB:
            truth = breeze * 10 ** (wanted / 20) * rover.std() / breeze.std()
            heard = truth + rover
            started = time.process_time()
            clean = separate(heard / full, rate, reference=alone / full, reference_rate_hz=rate)
            busy += time.process_time() - started
            seconds += SECONDS
            before = si_sdr_db(heard, truth)
            rows.append(
                (
                    wanted,
                    si_sdr_db(clean, truth) - before,
                    si_sdr_db(_oracle(heard, truth, rover), truth) - before,
                    level_db(clean * full) - level_db(truth),
                )
            )
    table = np.array(rows)
    gain, oracle = float(table[:, 1].mean()), float(table[:, 2].mean())
    by_level = {
        f"{wanted:+.0f} dB": round(float(table[table[:, 0] == wanted, 1].mean()), 2)
        for wanted in LEVELS_DB
    }
    conditions = {
        "seeds": list(SEEDS),
        "levels_db": list(LEVELS_DB),
        "seconds_each": SECONDS,
        "gain_by_level_db": by_level,
        "breeze_level_change_db": {
            "mean": round(float(table[:, 3].mean()), 2),
            "worst": round(float(table[np.argmax(np.abs(table[:, 3])), 3]), 2),
        },
    }
    return {
        "clean_si_sdr_gain_db": {
            "value": round(gain, 2),
            "unit": "dB",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "device": "cpu",
            "conditions": conditions,
        },
        "clean_vs_oracle_db": {
            "value": round(gain - oracle, 2),
            "unit": "dB",
            "peer": "Wiener gain that knows the true spectra",
            "peer_value": round(oracle, 2),
            "ratio": None,
            "device": "cpu",
            "conditions": conditions,
        },
        "clean_real_time_factor": {
            "value": round(busy / seconds, 4),
            "unit": "CPU seconds a second of sound, with a reference, one channel at 48 kHz",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "device": "cpu",
            "conditions": {"threads": 1, "seconds": seconds},
        },
    }


def _oracle(heard: np.ndarray, truth: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the Wiener estimate with the true spectra, the breeze's smoothed over seven frames."""
    window = np.sin(np.pi * (np.arange(_SIZE) + 0.5) / _SIZE)

    def spectra(x: np.ndarray) -> np.ndarray:
        padded = np.pad(x, (_SIZE - _HOP, _SIZE))
        return fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP] * window)

    breeze = np.abs(spectra(truth)) ** 2
    padded = np.pad(breeze, ((3, 3), (0, 0)), mode="edge")
    kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
    breeze = sum(k * padded[i : i + len(breeze)] for i, k in enumerate(kernel))
    floor = (np.abs(spectra(noise)) ** 2).mean(axis=0)
    frames = fft.irfft(spectra(heard) * breeze / (breeze + floor), _SIZE) * window * 0.5
    out = np.zeros(_SIZE + _HOP * (len(frames) - 1))
    for i, frame in enumerate(frames):
        out[i * _HOP : i * _HOP + _SIZE] += frame
    return out[_SIZE - _HOP :][: heard.size]


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=2))
