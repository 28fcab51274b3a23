"""The film's sound: the loop at mission control, voices, tones and room, 48 kHz stereo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, resample_poly, sosfilt

from skycrane.draws import generator
from skycrane.ground.callouts import Spoken
from skycrane.ground.voice import VOICE_RATE_HZ, speak
from skycrane.mission.film import Film

__all__ = ["RATE_HZ", "duration_s", "soundtrack"]

RATE_HZ = 48_000
_TONE_OPEN_HZ, _TONE_CLOSE_HZ = 2525.0, 2475.0
"""The tones that keyed ground transmitters on and off since Gemini (named after Quindar)."""
_TONE_S = 0.12
_TAIL_S = 0.16

_ROOM_LEVEL = 115.0
"""Gain that brings the room's noise to its level."""

Signal = NDArray[np.float32]


def duration_s(film: Film, speaker: str, text: str) -> float:
    """Return how long `speaker` (a key of the film's speakers) takes to say `text`, s."""
    return len(speak(text, film.speakers[speaker])) / VOICE_RATE_HZ


def soundtrack(
    spoken: Sequence[Spoken], film: Film, *, opens_s: float, length_s: float, seed: int
) -> Signal:
    """Return the film's sound, stereo, -1 to 1, shape (samples, 2).

    A bed of room and line noise that never stops, and on it each call-out as a radio passes it:
    300 to 3200 Hz, levelled, lightly driven, with carrier hiss and a keying tone at either end.
    """
    count = round(length_s * RATE_HZ)
    mix = _room(count, seed)
    places = {name: place for place, name in zip((-0.16, 0.16), film.speakers, strict=False)}
    for index, line in enumerate(spoken):
        loop = _transmission(speak(line.text, film.speakers[line.speaker]), seed, index)
        start = round((line.start_s - opens_s - _TONE_S - 0.05) * RATE_HZ)
        _add(mix, loop, start, places.get(line.speaker, 0.0))
    return _ends_faded(np.tanh(np.float32(1.1) * mix) / np.float32(1.1))


def _transmission(voice: Signal, seed: int, index: int) -> Signal:
    """Return one keyed transmission: tone, voice through the radio, tone."""
    clean = resample_poly(voice.astype(np.float64), RATE_HZ, VOICE_RATE_HZ)
    before, after = round((_TONE_S + 0.05) * RATE_HZ), round((_TAIL_S + _TONE_S) * RATE_HZ)
    keyed = np.pad(clean, (before, after))
    band = butter(4, (300, 3200), "bandpass", fs=RATE_HZ, output="sos")
    radio = _levelled(sosfilt(band, keyed))
    hiss = generator(seed, "film.radio", index).standard_normal(len(radio))
    gate = _gate(len(radio))
    radio = 0.8 * np.tanh(1.7 * radio) / np.tanh(1.7) + 0.012 * sosfilt(band, hiss) * gate
    tone = _tone(_TONE_OPEN_HZ)
    radio[: len(tone)] += tone
    tone = _tone(_TONE_CLOSE_HZ)
    radio[len(radio) - len(tone) :] += tone
    return (0.62 * radio).astype(np.float32)


def _levelled(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the signal with its short-term level drawn together, as a limiter does."""
    window = round(0.030 * RATE_HZ)
    power = uniform_filter1d(signal**2, window, mode="constant")
    level = np.sqrt(np.maximum(power, 0)) + 0.02
    levelled = signal / level**0.6
    return levelled / (np.max(np.abs(levelled)) + 1e-9)


def _gate(count: int) -> NDArray[np.float64]:
    edge = round(0.012 * RATE_HZ)
    gate = np.ones(count)
    gate[:edge] = np.linspace(0, 1, edge)
    gate[-edge:] = np.linspace(1, 0, edge)
    return gate


def _tone(frequency_hz: float) -> NDArray[np.float64]:
    t = np.arange(round(_TONE_S * RATE_HZ)) / RATE_HZ
    return 0.07 * np.sin(2 * np.pi * frequency_hz * t) * _gate(len(t))


def _room(count: int, seed: int) -> Signal:
    """Return the bed, stereo, near -45 dBFS: air handling that breathes, mains hum, line hiss."""
    bed = np.empty((count, 2), dtype=np.float32)
    t = np.arange(count, dtype=np.float32) / np.float32(RATE_HZ)
    for side in (0, 1):
        loop = _room_loop(seed, side)
        air = np.resize(loop, count)
        breath = 1 + 0.15 * np.sin(np.float32(2 * np.pi * (0.071 + 0.012 * side)) * t)
        bed[:, side] = air * breath
    return bed


def _room_loop(seed: int, side: int) -> Signal:
    """Return 44 s of room noise made from its spectrum, so that the end runs into the start."""
    count = 1 << 21
    frequency = np.fft.rfftfreq(count, 1 / RATE_HZ)
    air = 0.9 * (frequency / 90) ** 2 / (1 + (frequency / 90) ** 2) / (1 + (frequency / 260) ** 2)
    hiss = 0.016 / (1 + (900 / np.maximum(frequency, 1)) ** 2) / (1 + (frequency / 6000) ** 2)
    draws = generator(seed, "film.room", side).standard_normal((2, len(frequency)))
    spectrum = (air + hiss) * (draws[0] + 1j * draws[1])
    for mains_hz, level in ((60, 0.0008), (180, 0.0004)):
        spectrum[round(mains_hz * count / RATE_HZ)] += level * count / 2 / _ROOM_LEVEL
    return (_ROOM_LEVEL * np.fft.irfft(spectrum, count)).astype(np.float32)


def _add(mix: Signal, loop: Signal, start: int, place: float) -> None:
    """Add a mono transmission to the mix at a sample, placed left (-1) to right (1)."""
    first, last = max(0, start), min(len(mix), start + len(loop))
    if first >= last:
        return
    part = loop[first - start : last - start]
    angle = (place + 1) * np.pi / 4
    mix[first:last, 0] += np.float32(np.sqrt(2) * np.cos(angle)) * part
    mix[first:last, 1] += np.float32(np.sqrt(2) * np.sin(angle)) * part


def _ends_faded(mix: NDArray[np.floating]) -> Signal:
    out = mix.astype(np.float32)
    edge = min(len(out) // 4, round(0.8 * RATE_HZ))
    ramp = np.linspace(0, 1, edge, dtype=np.float32)[:, None]
    out[:edge] *= ramp
    if edge:
        out[-edge:] *= ramp[::-1]
    return out
