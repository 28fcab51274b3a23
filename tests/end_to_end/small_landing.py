"""A small landing: Mars 2020 with few, coarse pictures, to run the whole way in a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tomli_w

from skycrane.mission import load_mission

DETECTOR_WIDTH = 160
FRAMES_HZ = 0.5


def write_small_mission(path: Path) -> Path:
    """Write a mission file whose footage is coarse in pixels and time; the flight is the same."""
    table = load_mission("mars2020").model_dump(mode="python", exclude_none=True)
    for camera in table["cameras"].values():
        _coarsen(camera)
    table["film_quality"]["preview"] |= {"scale": 1, "samples": 1}
    table["film"]["encoding"]["preview"] |= {"width": 640, "height": 360, "frames_per_s": 10}
    table["soundscape"]["duration_s"] = 14.0
    path.write_text(tomli_w.dumps(table))
    return path


def _coarsen(camera: dict[str, Any]) -> None:
    """Keep the field of view with fewer, larger photosites, and few frames in each phase."""
    detector = camera["detector"]
    factor = detector["width"] / DETECTOR_WIDTH
    detector["pitch_m"] *= factor
    detector["height"] = round(detector["height"] / factor / 16) * 16
    detector["width"] = DETECTOR_WIDTH
    for phase in camera["schedule"]:
        rate = phase["rates_hz"]["preview"]
        phase["rates_hz"]["preview"] = min(rate, FRAMES_HZ)


def land(mission: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """Start `skycrane land` in a process of its own."""
    command = [sys.executable, "-m", "skycrane", "land", str(mission), "-o", str(out), *more]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def products(out: Path) -> dict[str, bytes]:
    """Return every file of a run that has to be the same each time (run.json tells seconds)."""
    skipped = {"run.json", ".skycrane.lock"}
    return {
        p.relative_to(out).as_posix(): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.name not in skipped
    }
