"""Recordings on disk as whole-number samples: read in blocks, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from skycrane.errors import InputError

__all__ = ["BLOCK_FRAMES", "Recording", "Writer", "calibration_pa", "open_recording"]

BLOCK_FRAMES = 1 << 16
"""Sample frames read at once, of up to four channels; of more, so many fewer."""

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_KINDS = "WAV, FLAC, MP3, OGG or another format that libsndfile reads"
_MOST_CHANNELS = 256
_RATES_HZ = (1000, 768_000)


@dataclass(frozen=True)
class Recording:
    """A readable recording.

    Attributes:
        path: where it is.
        rate_hz: samples a second.
        channels: number of channels.
        frames: samples in each channel.
        bits: bits of a sample, 8 to 32; lossy formats count as 24, floating point as 0.
        comment: the file's comment tag.
        exact_length: whether `frames` can be relied on; MP3 headers only estimate it.
    """

    path: Path
    rate_hz: int
    channels: int
    frames: int
    bits: int
    comment: str
    exact_length: bool = True

    def blocks(self) -> Iterator[NDArray[np.float64]]:
        """Yield the samples in order, [<= BLOCK_FRAMES, channels].

        Whole numbers of `bits` bits for fixed-point and lossy files, pressure-like values as stored
        for floating point.

        Raises:
            InputError: the file ends early, is damaged, or holds values that are not numbers.
        """
        done = 0
        try:
            with soundfile.SoundFile(str(self.path)) as handle:
                count = max(BLOCK_FRAMES * 4 // max(self.channels, 4), 1024)
                while True:
                    block = self._read(handle, count)
                    if not len(block):
                        break
                    self._check(block, done)
                    done += len(block)
                    yield block
        except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
            raise self._damaged(done) from error
        if done != self.frames and (self.exact_length or not done):
            raise self._damaged(done)

    def _read(self, handle: Any, count: int) -> NDArray[np.float64]:
        if self.bits in _BITS.values() and handle.subtype in _BITS:
            block = handle.read(count, dtype="int32", always_2d=True)
            return (block >> (32 - self.bits)).astype(np.float64)
        block = handle.read(count, dtype="float64", always_2d=True)
        if not self.bits:
            return block
        top = 2.0 ** (self.bits - 1)
        return np.clip(np.rint(block * top), -top, top - 1) if np.isfinite(block).all() else block

    def _check(self, block: NDArray[np.float64], done: int) -> None:
        good = np.isfinite(block).all(axis=1)
        if not good.all():
            at = done + int(np.argmin(good))
            raise InputError(
                f"sample {at} ({at / self.rate_hz:.3f} s) is not a finite number",
                where=str(self.path),
                right="Replace NaN and infinite samples first.",
            )

    def _damaged(self, done: int) -> InputError:
        return InputError(
            f"ends or is damaged after {done / self.rate_hz:.2f} s "
            f"of {self.frames / self.rate_hz:.2f} s",
            where=str(self.path),
            right="Give the whole file.",
        )

    def channel(self, index: int) -> Iterator[NDArray[np.float64]]:
        """Yield the samples of one channel, [<= BLOCK_FRAMES]."""
        for block in self.blocks():
            yield np.ascontiguousarray(block[:, index])


def open_recording(path: Path) -> Recording:
    """Look at a recording's header.

    Raises:
        InputError: there is no such file, it is not audio, it is empty, or it is cut short.
    """
    path = Path(path)
    if not path.exists():
        raise InputError("there is no such file", where=str(path), right="Check the path.")
    if not path.is_file():
        raise InputError("this is not a file", where=str(path), right=f"Give {_KINDS}.")
    try:
        with path.open("rb") as raw:
            head = raw.read(12)
        with soundfile.SoundFile(str(path)) as handle:
            subtype, frames = handle.subtype, handle.frames
            rate, channels, comment = handle.samplerate, handle.channels, handle.comment
    except PermissionError as error:
        raise InputError(
            "it cannot be read", where=str(path), right="Give a file you may read."
        ) from error
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise InputError(
            "this is not a readable recording", where=str(path), right=f"Give {_KINDS}."
        ) from error
    _check_wav_length(path, head)
    if frames <= 0 or frames >= 1 << 62:
        raise InputError("it holds no samples", where=str(path), right="Give a recording.")
    if not _RATES_HZ[0] <= rate <= _RATES_HZ[1] or channels > _MOST_CHANNELS:
        raise InputError(
            f"{rate} samples a second in {channels} channels cannot be right",
            where=str(path),
            right=f"Give {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz, at most {_MOST_CHANNELS} channels.",
        )
    bits = 0 if subtype in {"FLOAT", "DOUBLE"} else _BITS.get(subtype, 24)
    exact = not subtype.startswith("MPEG")
    return Recording(path, rate, channels, frames, bits, comment or "", exact)


def _check_wav_length(path: Path, head: bytes) -> None:
    """Refuse a WAV file shorter than its header says; libsndfile would read on without a word."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return
    promised = int.from_bytes(head[4:8], "little") + 8
    there = path.stat().st_size
    # Programs that write to a pipe cannot know the length and leave nothing or all ones.
    if 8 < promised < 0xFFFFFF00 and there + 1 < promised:
        raise InputError(
            f"cut short: {there} bytes of {promised}", where=str(path), right="Give the whole file."
        )


def calibration_pa(recording: Recording) -> float | None:
    """Return the pressure of full scale [Pa] from the comment tag, None if it has none."""
    try:
        value = json.loads(recording.comment)["full_scale_pa"]
        return float(value) if np.isfinite(value) and value > 0 else None
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


class Writer:
    """Writes whole-number samples of `bits` bits, or doubles where `bits` is 0, to FLAC or WAV."""

    _SUBTYPES = {  # noqa: RUF012
        ".flac": {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"},
        ".wav": {8: "PCM_U8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32", 0: "DOUBLE"},
    }
    _KIND = {".flac": "FLAC", ".wav": "WAV"}  # noqa: RUF012

    def __init__(
        self, partial: Path, *, rate_hz: int, channels: int, bits: int, comment: str = ""
    ) -> None:
        self.partial, self.bits, self.frames = partial, bits, 0
        suffix = partial.suffix.lower()
        with partial.open("wb"):
            pass  # an operating system's error is clearer than libsndfile's
        self._file = soundfile.SoundFile(
            str(partial),
            "w",
            samplerate=rate_hz,
            channels=channels,
            subtype=self._SUBTYPES[suffix][bits],
            format=self._KIND[suffix],
        )
        if comment:
            self._file.comment = comment

    @classmethod
    def check(cls, path: Path, recording: Recording) -> None:
        """Refuse a name or format that cannot hold the recording's samples exactly.

        Raises:
            InputError: it cannot.
        """
        suffix = path.suffix.lower()
        if suffix not in cls._SUBTYPES:
            raise InputError(
                f"{suffix or 'no ending'} is not written",
                where=str(path),
                right="End the name in .flac or .wav: lossy formats cannot add up to the original.",
            )
        if recording.bits not in cls._SUBTYPES[suffix]:
            stored = f"{recording.bits}-bit" if recording.bits else "floating-point"
            raise InputError(
                f"FLAC cannot hold {stored} samples exactly",
                where=str(path),
                right="End the name in .wav.",
            )
        if suffix == ".flac" and (recording.channels > 8 or recording.rate_hz > 655_350):
            raise InputError(
                f"FLAC cannot hold {recording.channels} channels at {recording.rate_hz} Hz",
                where=str(path),
                right="End the name in .wav.",
            )

    def write(self, block: NDArray[np.float64]) -> None:
        """Append samples [n, channels]."""
        if self.bits:
            data: NDArray[Any] = block.astype(np.int64)
            self._file.write((data << (32 - self.bits)).astype(np.int32))
        else:
            self._file.write(block)
        self.frames += len(block)

    def close(self) -> None:
        """Finish the file and make sure that it holds what was written.

        Raises:
            OSError: it does not, as on a full disk.
        """
        self._file.close()
        with soundfile.SoundFile(str(self.partial)) as handle:
            if handle.frames != self.frames:
                raise OSError(28, os.strerror(28))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()
