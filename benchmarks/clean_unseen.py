"""Cleaning on winds and noises that the project did not make (`clean_unseen_set`), beside others.

`python -m benchmarks.clean_unseen` prints mean SI-SDR gains by noise and what becomes of the wind's
level; with `peers`, those of the noise reducers of the main benchmark too, with the settings they
got on its development seeds and, for the one that is taught a breeze, the breeze that it is taught
there. The oracle is Wiener's gain with the noise's true mean spectrum and the wind's own power
smoothed over seven frames; it is not given the tones. With `dev` the development set is gone
through, on which parameters may be chosen.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.bench_clean import SETTINGS, _oracle, _store, _store_training
from benchmarks.clean_unseen_set import LEVELS_DB, NOISES, UnseenClip, clips, winds
from benchmarks.peers.run import run_peer
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.separate import separate


def ours(clip: UnseenClip) -> tuple[float, float, float]:
    """Return our gain, the oracle's, and the change of the wind's level, which the noise left in it
    may only lower [dB]."""
    clean = separate(
        clip.heard, clip.rate_hz, reference=clip.reference, reference_rate_hz=clip.rate_hz
    )
    before = si_sdr_db(clip.heard, clip.truth)
    oracle = si_sdr_db(_oracle(clip.heard, clip.truth, clip.noise), clip.truth)
    return (
        si_sdr_db(clean, clip.truth) - before,
        oracle - before,
        level_db(clean) - level_db(clip.truth),
    )


def main(*, with_peers: bool, dev: bool) -> None:
    """Print the tables."""
    print(f"winds: {', '.join(winds(dev=dev))}")
    noises: list[str] = []
    rows: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in NOISES}
    peers: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for index, clip in enumerate(clips(dev=dev)):
            noises.append(clip.noise_name)
            rows[clip.noise_name].append((clip.level_db, *ours(clip)))
            if with_peers:
                _store(Path(folder), index, clip)
        if with_peers:
            _store_training(Path(folder))
            found = run_peer("denoise", "denoise.py", "measure", folder, str(SETTINGS))
            peers = {name: one["gain_db"] for name, one in (found or {}).items()}
    _show(rows, peers, noises)


def _show(
    rows: dict[str, list[tuple[float, float, float, float]]],
    peers: dict[str, list[float]],
    noises: list[str],
) -> None:
    levels = [f"wind's level at {level:+.0f} dB" for level in LEVELS_DB]
    print("| " + " | ".join(["noise", "skycrane clean", "oracle", *peers, *levels]) + " |")
    print("|---" * (3 + len(peers) + len(levels)) + "|")
    everything = [row for found in rows.values() for row in found]
    for name, found in [*rows.items(), ("mean", everything)]:
        table = np.array(found)
        own = [table[:, 1].mean(), table[:, 2].mean()]
        for gains in peers.values():
            mine = [g for g, n in zip(gains, noises, strict=True) if name in (n, "mean")]
            own.append(float(np.mean(mine)))
        own += [table[table[:, 0] == level, 3].mean() for level in LEVELS_DB]
        print(f"| {name} | " + " | ".join(f"{one:.1f}" for one in own) + " |")


if __name__ == "__main__":
    main(with_peers="peers" in sys.argv[1:], dev="dev" in sys.argv[1:])
