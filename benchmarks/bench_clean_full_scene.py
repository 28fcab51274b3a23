"""Cleaning on the whole scene, with wheels, mast and a drifting pump, beside peers and oracles.

What the set is made of stands in `clean_full_scene`; peers keep the settings that
`python -m benchmarks.clean_full_scene tune` chose on its development seeds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.clean_full_scene import DEV_SEEDS, OURS, TEST_SEEDS, figures, kind, trial
from benchmarks.clean_set import LEVELS_DB, SECONDS


def measure() -> dict[str, dict[str, Any]]:
    """Return the figures of `make bench`."""
    rows, peers, busy = trial(TEST_SEEDS, with_peers=True)
    means = {name: round(float(np.mean([one[name] for one in rows])), 2) for name in figures(rows)}
    best = max(peers, key=lambda name: means[name]) if peers else None
    levels = [one["breeze's level, --keep wind"] for one in rows]
    conditions = {
        "test_seeds": {str(seed): kind(seed) for seed in TEST_SEEDS},
        "dev_seeds": list(DEV_SEEDS),
        "gain_by_level_db": {
            f"{level:+.0f} dB": round(
                float(np.mean([one[OURS] for one in rows if one["level"] == level])), 2
            )
            for level in LEVELS_DB
        },
        "means_db": means,
        "below_oracle_db": round(means["steady oracle"] - means[OURS], 2),
        "level_worst_db": round(float(np.abs(levels).max()), 2),
        "real_time_factor": round(busy / (SECONDS * len(rows)), 4),
    }
    return {
        "clean_full_scene_gain_db": {
            "value": means[OURS],
            "unit": "dB",
            "peer": best,
            "peer_value": None if best is None else means[best],
            "ratio": None,
            "device": "cpu",
            "conditions": conditions,
        }
    }
