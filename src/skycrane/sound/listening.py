"""Versions of one recording made equally loud, in one script that a page from disk can play.

A page opened from disk may not fetch a file, and elements that play by themselves drift apart; a
script may be loaded, and what it holds can be decoded once and played sample by sample in step.
"""

from __future__ import annotations

import base64
import io
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from skycrane.files import write_bytes
from skycrane.sound.recording import Recording, open_recording

__all__ = ["equal_gains_db", "loudness_lufs", "write_listening"]

_LOUDEST_LUFS, _PEAK_DBFS = -18.0, -1.0
_RATE_HZ, _BITS_PER_S, _FRAME = 48_000, 112_000, 1024
_LONGEST_S = 180.0
"""More than this would be too large for a page."""
# ITU-R BS.1770-5, tables 1 and 2: the head's shelf and the low cut, at 48 kHz.
_SHELF = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
_LOW_CUT = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))


def _weight(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the K-weighting of power at frequencies below 24 kHz."""
    out = np.ones(frequency_hz.size)
    for numerator, denominator in (_SHELF, _LOW_CUT):
        _, response = signal.freqz(numerator, denominator, worN=frequency_hz, fs=48_000.0)
        out *= np.abs(response) ** 2
    return out


def loudness_lufs(samples: NDArray[np.float64], rate_hz: float) -> float:
    """Return the K-weighted loudness of one channel without gating (ITU-R BS.1770-5) [LUFS].

    Args:
        samples: full scale 1, [n].
        rate_hz: samples a second.
    """
    size = min(samples.size, 1 << 14)
    f, density = signal.welch(samples, rate_hz, nperseg=size, detrend=False)
    below = f < 24_000.0
    square = float(np.sum(density[below] * _weight(f[below])) * (f[1] if f.size > 1 else 0.0))
    return -0.691 + 10 * math.log10(max(square, 1e-20))


def equal_gains_db(versions: list[NDArray[np.float64]], rate_hz: float) -> list[float]:
    """Return what makes each version as loud as the others without any of them clipping [dB].

    A silent version is left as it is.
    """
    heard = [loudness_lufs(one, rate_hz) for one in versions]
    peaks = [20 * math.log10(max(float(np.abs(one).max(initial=0.0)), 1e-10)) for one in versions]
    pairs = [(lufs, peak) for lufs, peak in zip(heard, peaks, strict=True) if lufs > -150.0]
    room = [lufs + _PEAK_DBFS - peak for lufs, peak in pairs]
    goal = min([_LOUDEST_LUFS, *room])
    return [goal - lufs if lufs > -150.0 else 0.0 for lufs in heard]


def _mono(recording: Recording) -> NDArray[np.float64]:
    full = 2.0 ** (recording.bits - 1) if recording.bits else 1.0
    parts, left = [], int(_LONGEST_S * recording.rate_hz)
    for block in recording.blocks():
        parts.append(block[:left].mean(axis=1) / full)
        left -= len(parts[-1])
        if left <= 0:
            break
    return np.concatenate(parts)


def _encoded(samples: NDArray[np.float64]) -> bytes:
    """Return one channel at 48 kHz as AAC in ADTS frames; the same samples give the same bytes."""
    out = io.BytesIO()
    with av.open(out, "w", format="adts", options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream("aac", rate=_RATE_HZ, layout="mono")
        stream.bit_rate = _BITS_PER_S
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for start in range(0, samples.size, _FRAME):
            plane = samples[None, start : start + _FRAME].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(plane), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = _RATE_HZ, start
            frame.time_base = Fraction(1, _RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def write_listening(versions: dict[str, Path], out: Path) -> dict[str, float]:
    """Write versions of one recording, equally loud, as a script for the page.

    The script sets `skycraneSounds` to {name: {gain_db, aac}}, `aac` being ADTS in base64.

    Args:
        versions: recordings of one rate and length by name.
        out: the script, .js.

    Returns:
        The gain of each [dB].

    Raises:
        InputError: a recording cannot be read, or the script cannot be written.
    """
    opened = {name: open_recording(path) for name, path in versions.items()}
    samples = [_mono(one) for one in opened.values()]
    rate = next(iter(opened.values())).rate_hz
    gains = equal_gains_db(samples, rate)
    held = {}
    for name, one, gain in zip(opened, samples, gains, strict=True):
        loud = one * 10 ** (gain / 20)
        if rate != _RATE_HZ:
            ratio = Fraction(_RATE_HZ, rate)
            loud = signal.resample_poly(loud, ratio.numerator, ratio.denominator)
        text = base64.b64encode(_encoded(np.clip(loud, -1.0, 1.0))).decode()
        held[name] = {"gain_db": round(gain, 2), "aac": text}
    write_bytes(out, f"window.skycraneSounds={json.dumps(held)};\n".encode())
    return {name: round(gain, 2) for name, gain in zip(opened, gains, strict=True)}
