"""Noise reducers of others on our recordings; run by the benchmark in an environment of their own.

Usage: python denoise.py tune|measure CLIPS SETTINGS.json [PEER...]. CLIPS holds one .npz a
recording (heard, truth, reference, rate_hz) and training.npz (breeze). `tune` tries the same number
of settings of every peer and writes the best by mean SI-SDR; `measure` takes them from there.
Prints one JSON object: SI-SDR gain [dB] and seconds a second of sound for every peer.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from denoise_peers import PEERS

TRIES = 12
"""Settings tried of each peer."""

Clip = dict[str, np.ndarray]


def si_sdr_db(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Return the scale-invariant signal-to-distortion ratio [dB] (Le Roux et al. 2019, eq. 3)."""
    scale = (estimate @ truth) / (truth @ truth)
    error = estimate - scale * truth
    return float(10 * np.log10(scale**2 * (truth @ truth) / max(error @ error, 1e-300)))


def settings(grid: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return TRIES settings spread over a grid, the same every time."""
    rows = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    order = np.random.default_rng(20).permutation(len(rows))
    return [rows[i] for i in order[:TRIES]]


def aligned(clean: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Return a peer's result without the delay that some have, as long as what it was given."""
    reach = 1 << 14
    size = 1 << (heard.size + clean.size).bit_length()
    both = np.fft.rfft(clean, size) * np.conj(np.fft.rfft(heard, size))
    match = np.fft.irfft(both, size)
    lags = np.concatenate([np.arange(reach), np.arange(-reach, 0)])
    lag = int(lags[np.argmax(match[lags])])
    clean = clean[lag:] if lag > 0 else np.concatenate([np.zeros(-lag), clean])
    return np.pad(clean[: heard.size], (0, max(heard.size - clean.size, 0)))


def run(peer: Callable[..., np.ndarray], given: dict[str, Any], clips: list[Clip]) -> list[float]:
    """Return the gain [dB] on each recording."""
    gains = []
    for clip in clips:
        # Some peers work in fixed point or know a full scale: bring everything near it.
        scale = 0.5 / np.abs(clip["heard"]).max()
        heard, reference = clip["heard"] * scale, clip["reference"] * scale
        clean = peer(heard, reference, float(clip["rate_hz"]), **given)
        clean = aligned(np.nan_to_num(np.asarray(clean, dtype=np.float64)), heard)
        gains.append(si_sdr_db(clean, clip["truth"]) - si_sdr_db(heard, clip["truth"]))
    return gains


def main(task: str, folder: str, chosen: str, *names: str) -> None:
    """Tune or measure every peer that is here, or those named."""
    paths = sorted(Path(folder).glob("clip*.npz"))
    clips = [{k: v.astype(np.float64) for k, v in np.load(path).items()} for path in paths]
    training = np.load(Path(folder) / "training.npz")["breeze"].astype(np.float64)
    place = Path(chosen)
    best = json.loads(place.read_text()) if place.exists() else {}
    found: dict[str, Any] = {}
    for name, (peer, grid, needs_training) in PEERS.items():
        if names and name not in names:
            continue
        extra = {"training": training} if needs_training else {}
        if task == "tune":
            tried = []
            for given in settings(grid):
                gain = max(float(np.mean(run(peer, {**given, **extra}, clips))), -99.0)
                tried.append((gain, given))
                print(name, round(gain, 2), given, file=sys.stderr, flush=True)
            best[name] = max(tried, key=lambda row: row[0])[1]
            found[name] = max(row[0] for row in tried)
            continue
        started = time.process_time()
        gains = run(peer, {**best[name], **extra}, clips)
        seconds = sum(clip["heard"].size / float(clip["rate_hz"]) for clip in clips)
        found[name] = {
            "gain_db": gains,
            "real_time_factor": (time.process_time() - started) / seconds,
        }
    if task == "tune":
        place.write_text(json.dumps(dict(sorted(best.items())), indent=2) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
