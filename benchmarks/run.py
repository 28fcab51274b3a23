"""Runs the benchmarks, prints a table and writes benchmarks/results.json."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"


def device() -> str:
    """Name this machine, so that a figure carries where it was measured."""
    import os

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [ln for ln in cpuinfo.read_text().splitlines() if ln.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return f"{model}, {os.cpu_count()} cores"


def main() -> int:
    """Measure what was asked for; keep the other results as they were."""
    topics = sorted(f.stem.removeprefix("bench_") for f in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=topics, help="one topic")
    chosen = parser.parse_args().only
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for topic in [chosen] if chosen else topics:
        print(f"{topic} ...", file=sys.stderr, flush=True)
        for name, result in importlib.import_module(f"benchmarks.bench_{topic}").measure().items():
            results[name] = {"device": device(), **result}
            show(name, results[name])
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n")
    return 0


def show(name: str, result: dict[str, Any]) -> None:
    """Print one row: the figure, the peer's, and the ratio where there is a peer."""
    row = f"{name:<28}{result['value']:>12.4g} {result['unit']:<12}"
    if result.get("peer_value") is not None:
        row += f"{result['peer']} {result['peer_value']:.4g} "
    if result.get("ratio") is not None:
        row += f"ratio {result['ratio']:.3g} "
    print(f"{row}  {result.get('conditions', '')}")


if __name__ == "__main__":
    sys.exit(main())
