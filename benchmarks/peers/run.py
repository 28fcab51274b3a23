"""Runs a peer's script in the environment that its lock describes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent.parent / "build" / "peers"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ONE_CORE = {**os.environ, **dict.fromkeys(_THREADS, "1"), "MPLBACKEND": "Agg"}


def _python(peer: str) -> Path:
    """Return the interpreter of a peer's environment, made from its lock where it is not there."""
    place = ENVIRONMENTS / peer
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        uv = [str(Path(sys.executable).parent / "uv")]
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        lock = ["--require-hashes", "-r", str(HERE / f"{peer}.txt")]
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--python", str(python), *lock], check=True
        )
        (place / "ready").touch()
    return python


def run_peer(peer: str, script: str, *arguments: str) -> dict[str, Any] | None:
    """Return the JSON object that a peer's script prints, or None where it cannot run here."""
    try:
        python = _python(peer)
        command = [str(python), str(HERE / script), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=_ONE_CORE)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{peer} could not be measured: {error}", file=sys.stderr)
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    return dict(found)
