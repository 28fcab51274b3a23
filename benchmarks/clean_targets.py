"""Each figure that cleaning is to reach beside what was measured.

`python -m benchmarks.clean_targets` reads `results.json`, which `make bench ONLY=clean` and
`make bench ONLY=clean_full_scene` write; the first prints this table at its end too.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.run import RESULTS

__all__ = ["show"]


def _rows(found: dict[str, Any]) -> list[tuple[str, float, str, float, bool]]:
    """Return what, figure, "at least" or "at most", target, and whether that is for each level."""
    gain = found["clean_si_sdr_gain_db"]
    by = gain["conditions"]
    rows = [
        ("mean SI-SDR gain, dB", gain["value"], "at least", 11.0),
        ("above the best peer, dB", found["clean_vs_best_peer_db"]["value"], "at least", 2.0),
        ("below the oracle, dB", -found["clean_vs_oracle_db"]["value"], "at most", 1.5),
        ("noise down, dB, least level", min(by["noise_down_db"].values()), "at least", 15.0),
        (
            "breeze's level off, dB, worst clip",
            abs(by["breeze_level_change_db"]["worst"]),
            "at most",
            2.5,
        ),
        (
            "log-spectral distance, dB, worst level",
            max(by["log_spectral_distance_db"].values()),
            "at most",
            7.0,
        ),
        ("reference 2 dB off, dB", by["reference_off_by_2_db_costs_db"], "at most", 1.0),
        ("of real time", found["clean_real_time_factor"]["value"], "at most", 0.15),
    ]
    scene = found.get("clean_full_scene_gain_db")
    if scene:
        told = scene["conditions"]
        rows += [
            ("whole scene: mean SI-SDR gain, dB", scene["value"], "at least", 11.0),
            ("whole scene: below the oracle, dB", told["below_oracle_db"], "at most", 1.5),
            ("whole scene: breeze's level, worst", told["level_worst_db"], "at most", 2.5),
            ("whole scene: of real time", told["real_time_factor"], "at most", 0.15),
        ]
        if scene["peer_value"] is not None:
            above = scene["value"] - scene["peer_value"]
            rows.append(("whole scene: above the best peer, dB", above, "at least", 2.0))
    return [
        (what, figure, side, target, figure >= target if side == "at least" else figure <= target)
        for what, figure, side, target in rows
    ]


def show(found: dict[str, Any]) -> None:
    """Print the table of the results of `make bench`."""
    print("| | measured | target | |\n|---|---|---|---|")
    for what, figure, side, target, met in _rows(found):
        print(f"| {what} | {figure:.2f} | {side} {target:g} | {'met' if met else 'MISSED'} |")


if __name__ == "__main__":
    show(json.loads(RESULTS.read_text()))
