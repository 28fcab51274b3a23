"""Voice: call-outs spoken by espeak-ng's library, loaded in the process, without a sound card."""

from __future__ import annotations

import _ctypes
import ctypes
import threading
from functools import lru_cache

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.mission.film import Speaker

__all__ = ["VOICE_RATE_HZ", "speak"]

VOICE_RATE_HZ = 22_050
"""Sampling rate of espeak-ng's voices, Hz."""

# espeak-ng/speak_lib.h, version 1.52
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_OK = 0
_INTONATION = 42
"""Pitch range of a calm reader; the voices' own is 50."""
_QUIET = 0.004

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
_one_at_a_time = threading.Lock()


@lru_cache(maxsize=256)
def speak(text: str, speaker: Speaker) -> NDArray[np.float32]:
    """Return `text` as `speaker` says it, -1 to 1, silence trimmed, shape (samples,); read-only.

    The same text and speaker give the same samples, whatever was spoken before.

    Raises:
        InputError: there is no such voice, or nothing to say.
    """
    with _one_at_a_time:
        samples = _spoken(text, speaker)
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    if not loud.size:
        raise InputError(
            f"the voice stays silent at {text[:40]!r}", where="film.callouts", right="Write words."
        )
    trimmed = samples[loud[0] : loud[-1] + 1].copy()
    trimmed.flags.writeable = False
    return trimmed


def _spoken(text: str, speaker: Speaker) -> NDArray[np.float32]:
    """Load the library, speak, and unload it again.

    Its flutter and noise go on from where the last utterance left them, in variables that
    espeak_Terminate does not reset. Only a library loaded afresh (5 ms) forgets.
    """
    pieces: list[NDArray[np.int16]] = []

    def take(samples: ctypes._Pointer, count: int, _events: int | None) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _Callback(take)
    library = _loaded()
    try:
        _start(library)
        library.espeak_SetSynthCallback(callback)
        _synthesise(library, text, speaker)
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)
    return np.concatenate([np.zeros(0, np.int16), *pieces]).astype(np.float32) / np.float32(32768)


def _loaded() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(espeakng_loader.get_library_path()))
    except OSError as error:
        raise InputError(
            f"the voice cannot be loaded ({error})",
            where="espeakng-loader",
            right="Reinstall it: pip install --force-reinstall espeakng-loader.",
        ) from error


def _start(library: ctypes.CDLL) -> None:
    data = str(espeakng_loader.get_data_path())
    rate_hz = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode(), 0)
    # Its breath and flutter draw from a generator that it seeds with the time of day, and from the
    # C library's, which goes on from whatever else in the process used it.
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    ctypes.CDLL(None).srand(1)
    if rate_hz != VOICE_RATE_HZ:
        raise InputError(
            "the voice's data cannot be read",
            where=data,
            right="Reinstall it: pip install --force-reinstall espeakng-loader.",
        )


def _synthesise(library: ctypes.CDLL, text: str, speaker: Speaker) -> None:
    if library.espeak_SetVoiceByName(speaker.voice.encode()) != _OK:
        raise InputError(
            f"espeak-ng has no voice {speaker.voice!r}",
            where="film.speakers",
            right="Write a voice such as en-us, en-gb or en-us+f2.",
        )
    library.espeak_SetParameter(_RATE, speaker.words_per_min, 0)
    library.espeak_SetParameter(_PITCH, speaker.pitch, 0)
    library.espeak_SetParameter(_RANGE, _INTONATION, 0)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
    library.espeak_Synchronize()
