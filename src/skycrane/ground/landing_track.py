"""The landing as it would have been heard, brought to what people can listen to under a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import resample_poly

from skycrane.errors import InputError
from skycrane.ground.soundtrack import RATE_HZ

__all__ = ["landing_track", "mixed"]

_SLOW_S = 1.2
"""Levels are drawn together over this, longer than a strike."""
_TOGETHER = 0.65
"""From silence to engines lie 60 dB; a third of that is left."""
_LEAST = 1e-4
_UNDER = 0.35
"""Level under the call-outs."""


def landing_track(path: Path, *, opens_s: float, length_s: float) -> NDArray[np.float32]:
    """Return the recording's stretch from `opens_s` after entry on, stereo, shape (samples, 2).

    Slow changes of level are drawn together and peaks are rounded, so that engines and the silence
    after them can be heard in one sitting; the file itself stays in pascal.

    Args:
        path: the recording, from entry on.
        opens_s: time of the film's first frame [s after entry].
        length_s: length of the film [s].

    Raises:
        InputError: there is no such recording, or it cannot be read.
    """
    if not path.is_file():
        raise InputError(
            "the landing's sound is not here", where=str(path), right="Run the clean stage first."
        )
    try:
        with soundfile.SoundFile(str(path)) as handle:
            rate = handle.samplerate
            handle.seek(min(max(round(opens_s * rate), 0), handle.frames))
            samples = handle.read(round(length_s * rate), dtype="float64", always_2d=True)[:, 0]
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise InputError(
            "this is not a readable recording", where=str(path), right="Run clean again."
        ) from error
    samples = resample_poly(samples, RATE_HZ, rate) if rate != RATE_HZ else samples
    out = np.zeros(round(length_s * RATE_HZ))
    out[: samples.size] = samples[: out.size]
    power = uniform_filter1d(out**2, round(_SLOW_S * RATE_HZ), mode="nearest")
    level = np.sqrt(np.maximum(power, 0)) + _LEAST
    levelled = out / level**_TOGETHER
    loud = float(np.percentile(np.abs(levelled), 99.5)) if levelled.any() else 1.0
    rounded = np.tanh(0.6 * levelled / max(loud, 1e-12))
    return np.repeat(rounded[:, None], 2, axis=1).astype(np.float32)


def mixed(loop: NDArray[np.float32], heard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return call-outs with the landing under them, -1 to 1, shape of `loop`."""
    out = loop.copy()
    count = min(len(out), len(heard))
    out[:count] += np.float32(_UNDER) * heard[:count]
    return np.tanh(out)
