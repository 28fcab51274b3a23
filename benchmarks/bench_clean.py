"""How near the cleaned recording comes to the breeze alone, beside others' noise reducers.

Ten seeds that no parameter was tuned on, five levels of breeze to noise from -15 to +5 dB, each
with its reference recording (`clean_set`). Every peer's settings are the best of equally many on
the development seeds: `python -m benchmarks.bench_clean tune` chooses them anew. The oracle is
Wiener's gain with what no method can know: the noise's true mean spectrum without its tones, which
are given to it, and the breeze's own spectrum smoothed over seven frames.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft

from benchmarks.clean_set import DEV_SEEDS, LEVELS_DB, SECONDS, TEST_SEEDS, TRAINING_SEED, clips
from benchmarks.clean_targets import show as show_targets
from benchmarks.peers.run import HERE, run_peer
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.separate import separate

SETTINGS = HERE / "denoise.json"
TAUGHT = "NMF taught the noise and a breeze"
_SIZE, _HOP = 8192, 2048


def measure() -> dict[str, dict]:
    """Return the figures of `make bench`."""
    with tempfile.TemporaryDirectory() as folder:
        rows, busy, seconds = _ours(Path(folder))
        peers = run_peer("denoise", "denoise.py", "measure", folder, str(SETTINGS)) or {}
    ours, oracle = rows["gain"].mean(), rows["oracle"].mean()
    gains = {name: round(float(np.mean(one["gain_db"])), 2) for name, one in peers.items()}
    speeds = {name: round(one["real_time_factor"], 4) for name, one in peers.items()}
    best = max(gains, key=lambda name: gains[name]) if gains else None
    untaught = {name: gain for name, gain in gains.items() if name != TAUGHT}
    second = max(untaught, key=lambda name: untaught[name]) if untaught else None
    conditions = _conditions(rows, seconds)
    found = {
        "clean_si_sdr_gain_db": _result(ours, "dB", None, None, conditions),
        "clean_vs_oracle_db": _result(
            ours - oracle, "dB", "Wiener gain that knows the true spectra", oracle, conditions
        ),
        "clean_real_time_factor": _result(
            busy / seconds,
            "CPU seconds a second of sound, with a reference, one channel at 48 kHz",
            None,
            None,
            {"threads": 1, "seconds": seconds, "peers": speeds},
        ),
    }
    if best and second:
        more = {
            "gains_db": gains,
            "vs_best_peer_given_the_same_db": round(float(ours) - gains[second], 2),
            "best_peer_given_the_same": second,
            "missing": [] if shutil.which("sox") else ["SoX noisered: sox is not installed"],
        }
        found["clean_vs_best_peer_db"] = _result(
            ours - gains[best], "dB", best, gains[best], {**conditions, **more}
        )
        show_targets(found)
    return found


def tune() -> None:
    """Choose every peer's settings on the development seeds."""
    with tempfile.TemporaryDirectory() as folder:
        for index, clip in enumerate(clips(DEV_SEEDS, LEVELS_DB[::2])):
            _store(Path(folder), index, clip)
        _store_training(Path(folder))
        print(run_peer("denoise", "denoise.py", "tune", folder, str(SETTINGS)))


def _ours(folder: Path) -> tuple[dict[str, np.ndarray], float, float]:
    """Return our figures clip by clip, CPU seconds and seconds of sound; store clips for peers."""
    rows: list[dict[str, float]] = []
    busy = 0.0
    _store_training(folder)
    for index, clip in enumerate(clips(TEST_SEEDS)):
        _store(folder, index, clip)
        started = time.process_time()
        clean = _clean(clip, clip.reference)
        busy += time.process_time() - started
        rows.append(_row(clip, clean))
        if clip.level_db == -5.0:
            off = [_clean(clip, clip.reference * 10 ** (db / 20)) for db in (-2.0, 2.0)]
            worst = min(si_sdr_db(one, clip.truth) for one in off)
            rows[-1]["reference_off"] = si_sdr_db(clean, clip.truth) - worst
    table = {
        key: np.array([row.get(key, np.nan) for row in rows]) for key in (*rows[0], "reference_off")
    }
    return table, busy, SECONDS * len(rows)


def _clean(clip: Any, reference: np.ndarray) -> np.ndarray:
    return separate(clip.heard, clip.rate_hz, reference=reference, reference_rate_hz=clip.rate_hz)


def _row(clip: Any, clean: np.ndarray) -> dict[str, float]:
    before = si_sdr_db(clip.heard, clip.truth)
    toneless = clip.noise - clip.tones
    oracle = _oracle(clip.heard - clip.tones, clip.truth, toneless)
    calm = int(6 * clip.rate_hz)
    return {
        "level": clip.level_db,
        "gain": si_sdr_db(clean, clip.truth) - before,
        "oracle": si_sdr_db(oracle, clip.truth) - before,
        "breeze_level": level_db(clean) - level_db(clip.truth),
        "noise_down": level_db(clip.noise[:calm]) - level_db((clean - clip.truth)[:calm]),
        "oracle_distance": _log_spectral_distance_db(oracle, clip.truth, clip.rate_hz),
        "log_spectral_distance": _log_spectral_distance_db(clean, clip.truth, clip.rate_hz),
    }


def _log_spectral_distance_db(clean: np.ndarray, truth: np.ndarray, rate_hz: float) -> float:
    """Return the RMS difference of third-octave levels, 20 Hz to 1 kHz, in frames of 0.17 s [dB].

    What is 40 dB below the breeze's loudest band and moment is inaudible beside it and counts as
    that; with a floor 20 dB lower even the oracle is 11 dB off at the lowest level.
    """
    edges = 20 * 2 ** (np.arange(18) / 3)
    bins = np.clip((edges * _SIZE / rate_hz).astype(int), 1, None)
    levels = []
    for one in (clean, truth):
        power = np.abs(_spectra(one)) ** 2
        total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
        high = np.maximum(bins[1:], bins[:-1] + 1)
        levels.append(total[:, high] - total[:, bins[:-1]])
    least = levels[1].max() * 1e-4
    apart = 10 * np.log10(np.maximum(levels[0], least) / np.maximum(levels[1], least))
    return float(np.sqrt(np.mean(apart**2, axis=1)).mean())


def _conditions(rows: dict[str, np.ndarray], seconds: float) -> dict[str, Any]:
    def by_level(key: str) -> dict[str, float]:
        return {
            f"{level:+.0f} dB": round(float(rows[key][rows["level"] == level].mean()), 2)
            for level in LEVELS_DB
        }

    change = rows["breeze_level"]
    return {
        "test_seeds": list(TEST_SEEDS),
        "dev_seeds": list(DEV_SEEDS),
        "seconds": seconds,
        "gain_by_level_db": by_level("gain"),
        "oracle_by_level_db": by_level("oracle"),
        "noise_down_db": by_level("noise_down"),
        "log_spectral_distance_db": by_level("log_spectral_distance"),
        "oracle_log_spectral_distance_db": by_level("oracle_distance"),
        "breeze_level_change_db": {
            "by_level": by_level("breeze_level"),
            "worst": round(float(change[np.argmax(np.abs(change))]), 2),
        },
        "reference_off_by_2_db_costs_db": round(float(np.nanmax(rows["reference_off"])), 2),
    }


def _result(
    value: float, unit: str, peer: str | None, peer_value: float | None, conditions: dict
) -> dict[str, Any]:
    return {
        "value": round(float(value), 4 if "seconds" in unit else 2),
        "unit": unit,
        "peer": peer,
        "peer_value": None if peer_value is None else round(float(peer_value), 2),
        "ratio": None,
        "device": "cpu",
        "conditions": conditions,
    }


def _store(folder: Path, index: int, clip: Any) -> None:
    parts = {"heard": clip.heard, "truth": clip.truth, "reference": clip.reference}
    parts = {name: samples.astype(np.float32) for name, samples in parts.items()}
    np.savez(folder / f"clip{index:03d}.npz", rate_hz=clip.rate_hz, **parts)


def _store_training(folder: Path) -> None:
    clip = next(clips((TRAINING_SEED,), (0.0,)))
    np.savez(folder / "training.npz", breeze=clip.truth.astype(np.float32))


def _spectra(x: np.ndarray) -> np.ndarray:
    window = np.sin(np.pi * (np.arange(_SIZE) + 0.5) / _SIZE)
    padded = np.pad(x, (_SIZE - _HOP, _SIZE))
    return fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP] * window)


def _oracle(
    heard: np.ndarray, truth: np.ndarray, noise: np.ndarray, *, moving: bool = False
) -> np.ndarray:
    """Return the Wiener estimate with the true spectra, the breeze's smoothed over seven frames.

    The noise's is its mean over the recording, or with `moving` smoothed as the breeze's is.
    """
    window = np.sin(np.pi * (np.arange(_SIZE) + 0.5) / _SIZE)
    breeze = _smoothed(truth)
    floor = _smoothed(noise) if moving else (np.abs(_spectra(noise)) ** 2).mean(axis=0)
    frames = fft.irfft(_spectra(heard) * breeze / (breeze + floor), _SIZE) * window * 0.5
    out = np.zeros(_SIZE + _HOP * (len(frames) - 1))
    for i, frame in enumerate(frames):
        out[i * _HOP : i * _HOP + _SIZE] += frame
    return out[_SIZE - _HOP :][: heard.size]


def _smoothed(samples: np.ndarray) -> np.ndarray:
    """Return the power of frames, smoothed over seven of them, [frames, bins]."""
    power = np.abs(_spectra(samples)) ** 2
    padded = np.pad(power, ((3, 3), (0, 0)), mode="edge")
    kernel = np.hanning(9)[1:-1] / np.hanning(9).sum()
    return np.asarray(sum(k * padded[i : i + len(power)] for i, k in enumerate(kernel)))


if __name__ == "__main__":
    import json

    if sys.argv[1:] == ["tune"]:
        tune()
    else:
        print(json.dumps(measure(), indent=2))
