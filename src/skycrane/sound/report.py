"""What cleaning did to a recording: decibels by octave, and from what, how and by which version."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from skycrane import __version__
from skycrane.files import sha256_file
from skycrane.sound.recording import Recording
from skycrane.sound.separate import NoiseModel
from skycrane.sound.survey import frame_size

__all__ = ["METHOD", "Report", "provenance", "sidecar", "tags"]

METHOD = "tracked tones, combs, ridges, clicks, steady or learnt noise; smooth-spectrum Wiener gain"


def sidecar(out: Path) -> Path:
    """Return where the report of a cleaned recording goes."""
    return out.with_name(out.name + ".json")


def provenance(
    recording: Recording, reference: Recording | None, strength: float, keep: str
) -> dict[str, Any]:
    """Return what a recording was cleaned from, with what, by which version, plain JSON values."""

    def named(one: Recording) -> dict[str, str]:
        return {"name": one.path.name, "sha256": sha256_file(one.path)}

    return {
        "cleaned_by": f"skycrane {__version__}",
        "method": METHOD,
        "strength": strength,
        "kept": keep,
        "cleaned_from": named(recording),
        "noise_reference": None if reference is None else named(reference),
        "frame_s": round(frame_size(recording.rate_hz) / recording.rate_hz, 4),
    }


def tags(recording: Recording) -> dict[str, Any]:
    """Return what a recording's comment says, empty where it is no JSON object."""
    try:
        said = json.loads(recording.comment)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


class Report:
    """Power before and after by octave, gathered on the way."""

    _SIZE_S = 0.1

    def __init__(self, recording: Recording, models: list[NoiseModel]) -> None:
        self.recording, self.models, self.frames = recording, models, 0
        self.size = int(2 ** round(math.log2(self._SIZE_S * recording.rate_hz)))
        bins_hz = fft.rfftfreq(self.size, 1 / recording.rate_hz)
        count = int(math.log2(recording.rate_hz / 2 / 22.1)) + 1
        self.centres = [float(31.25 * 2**i) for i in range(max(count, 1))]
        self.inside = [
            (bins_hz >= c / math.sqrt(2)) & (bins_hz < c * math.sqrt(2)) for c in self.centres
        ]
        self.power = np.zeros((2, bins_hz.size))
        self._kept = np.zeros((2, 0, recording.channels))
        # Above 0 throughout, so that a lone sample counts.
        self._window = np.sin(np.pi * (np.arange(self.size) + 0.5) / self.size)[:, None] ** 2

    def add(self, raw: NDArray[np.float64], clean: NDArray[np.float64]) -> None:
        """Take the next samples before and after, [n, channels] each."""
        self.frames += len(raw)
        self._kept = np.concatenate([self._kept, np.stack([raw, clean])], axis=1)
        while self._kept.shape[1] >= self.size:
            part = self._kept[:, : self.size] * self._window
            self.power += (np.abs(fft.rfft(part, axis=1)) ** 2).sum(axis=2)
            self._kept = self._kept[:, self.size :]

    def summary(self, strength: float) -> dict[str, Any]:
        """Return what was done, plain JSON values; see `clean_file`."""
        part = np.pad(self._kept, ((0, 0), (0, self.size - self._kept.shape[1]), (0, 0)))
        power = self.power + (np.abs(fft.rfft(part * self._window, axis=1)) ** 2).sum(axis=2)
        removed = {}
        for centre, inside in zip(self.centres, self.inside, strict=True):
            before, after = power[0, inside].sum(), power[1, inside].sum()
            if before > 0:
                ratio = max(after / before, 1e-10)
                removed[f"{centre:g} Hz"] = round(-10 * math.log10(ratio), 1) + 0.0
        notes = []
        if not power[0].any():
            notes.append("the recording is silent: nothing was taken out")
        if any(not model.floor.any() for model in self.models) and not notes:
            notes.append("no steady noise was found")
        return {
            "seconds": round(self.frames / self.recording.rate_hz, 3),
            "rate_hz": self.recording.rate_hz,
            "channels": self.recording.channels,
            "method": METHOD,
            "strength": strength,
            "noise_from": self.models[0].source,
            "noise_level_db": round(self.models[0].level_db, 1),
            "tones_hz": [round(float(f), 1) for f in self.models[0].tones_hz],
            "removed_db": removed,
            "notes": notes,
        }
