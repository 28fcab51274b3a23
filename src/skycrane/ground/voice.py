"""Voice: call-outs spoken by espeak-ng's library, loaded in the process, without a sound card."""

from __future__ import annotations

import ctypes
import threading
from functools import lru_cache

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.mission.film import Speaker

__all__ = ["speak", "voice_rate_hz"]

# espeak-ng/speak_lib.h, version 1.52
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_OK = 0

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Engine:
    """The one instance of the library: it keeps its state in globals, so calls are serialised."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._pieces: list[NDArray[np.int16]] = []
        try:
            self._library = ctypes.cdll.LoadLibrary(str(espeakng_loader.get_library_path()))
        except OSError as error:
            raise InputError(
                f"the voice cannot be loaded ({error})",
                where="espeakng-loader",
                right="Reinstall it: pip install --force-reinstall espeakng-loader.",
            ) from error
        data = str(espeakng_loader.get_data_path()).encode()
        self.rate_hz = int(self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, 0))
        if self.rate_hz <= 0:
            raise InputError(
                "the voice's data cannot be read",
                where=data.decode(),
                right="Reinstall it: pip install --force-reinstall espeakng-loader.",
            )
        # Kept for the life of the library: it holds the pointer.
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: ctypes._Pointer, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, text: str, speaker: Speaker) -> NDArray[np.float32]:
        library = self._library
        if library.espeak_SetVoiceByName(speaker.voice.encode()) != _OK:
            raise InputError(
                f"espeak-ng has no voice {speaker.voice!r}",
                where="film.speakers",
                right="Write a voice such as en-us, en-gb or en-us+f2.",
            )
        library.espeak_SetParameter(_RATE, speaker.words_per_min, 0)
        library.espeak_SetParameter(_PITCH, speaker.pitch, 0)
        library.espeak_SetParameter(_RANGE, 42, 0)
        self._pieces = []
        data = text.encode()
        status = library.espeak_Synth(
            data, len(data) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        library.espeak_Synchronize()
        if status != _OK or not self._pieces:
            raise InputError(
                f"the voice cannot say {text[:40]!r}",
                where="film.callouts",
                right="Write words that espeak-ng can pronounce.",
            )
        return np.concatenate(self._pieces).astype(np.float32) / np.float32(32768)


@lru_cache(maxsize=1)
def _engine() -> _Engine:
    return _Engine()


def voice_rate_hz() -> int:
    """Return the sampling rate of `speak`, Hz."""
    return _engine().rate_hz


@lru_cache(maxsize=256)
def speak(text: str, speaker: Speaker) -> NDArray[np.float32]:
    """Return `text` as `speaker` says it, -1 to 1, silence trimmed, shape (samples,); read-only.

    Raises:
        InputError: there is no such voice, or nothing to say.
    """
    engine = _engine()
    with engine.lock:
        samples = engine.speak(text, speaker)
    loud = np.flatnonzero(np.abs(samples) > 0.004)
    if not loud.size:
        raise InputError("the voice stayed silent", where="film.callouts", right="Write words.")
    trimmed = samples[loud[0] : loud[-1] + 1].copy()
    trimmed.flags.writeable = False
    return trimmed
