"""How long many whole flights take, from the command to the last picture, on all cores."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = int(os.environ.get("SKYCRANE_BENCH_CASES", "8001"))
"""Another number gives a result of another name: what is told has been flown."""

FIDELITIES = ("full", "point_mass")


def _fly(out: Path, cases: int, fidelity: str) -> tuple[float, dict]:
    command = [sys.executable, "-m", "skycrane", "montecarlo", "mars2020", "-n", str(cases)]
    command += ["--device", "cpu", "--fidelity", fidelity, "--json", "-o", str(out)]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, json.loads(done.stdout)["statistics"]


def _measure(fidelity: str) -> dict:
    with tempfile.TemporaryDirectory() as directory:
        _fly(Path(directory) / "warm", 1, fidelity)
        seconds, statistics = _fly(Path(directory) / "run", CASES, fidelity)
        size = sum(p.stat().st_size for p in Path(directory, "run").rglob("*") if p.is_file())
    # Of all processes that this one has started and waited for, theirs included.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {
        "value": round(seconds, 1),
        "unit": "s",
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "conditions": f"{CASES} cases of Mars 2020 at {fidelity} fidelity, {os.cpu_count()} "
        f"processes, kernels and ground cached; flown, kept, merged and drawn: "
        f"{CASES / seconds:.1f} cases/s, {statistics['success']['landed']} landed, "
        f"largest process {peak / 1e6:.0f} MB, {size / 1e6:.0f} MB on disk",
    }


def measure() -> dict[str, dict]:
    """Measure both fidelities, one after the other."""
    return {
        f"montecarlo_{CASES}{'' if fidelity == 'full' else '_' + fidelity}_s": _measure(fidelity)
        for fidelity in FIDELITIES
    }
