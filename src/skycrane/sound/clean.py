"""Cleaning a recording on disk: clean and residual that add up to the original to the last bit."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import fft

from skycrane import __version__
from skycrane.errors import InputError
from skycrane.files import atomic_path, sha256_file, write_json
from skycrane.progress import Progress
from skycrane.sound.recording import Recording, Writer, open_recording
from skycrane.sound.separate import NoiseModel, Separator, model_noise
from skycrane.sound.survey import frame_size

__all__ = ["METHOD", "clean_file", "sidecar"]

METHOD = "tracked tones, combs, ridges, clicks, steady or learnt noise; smooth-spectrum Wiener gain"


_LEAST_PEAK, _MOST_PEAK = 1e-100, 1e100
"""Peaks of floating-point recordings whose squares and 52nd parts are still numbers."""


def clean_file(
    source: Path,
    out: Path,
    *,
    reference: Path | None = None,
    residual: Path | None = None,
    strength: float = 1.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Take steady noise, tones and clicks out of a recording; keep wind, voices and music.

    What was done, from what, with which version stands in the comment tag of both files, and with
    the report beside `out` in a file named as it is with .json added.

    `out`, and `residual` where asked for, are written in the recording's rate, channels and bits;
    sample by sample they add up to the recording exactly. Floating-point recordings are written as
    64-bit WAV for that; MP3 and OGG count as 24-bit. The same input gives the same bytes.

    Args:
        source: the recording: WAV, FLAC, MP3, OGG; any rate, any length, up to 256 channels.
        out: the clean recording to write, .flac or .wav; missing folders are made.
        reference: the noise alone, one channel or as many as the recording; any rate.
        residual: where to write what was taken out.
        strength: 0 takes out nothing, 1 what is best, at most 2.
        progress: where to report seconds done.

    Returns:
        What was done, plain JSON values: seconds, channels, rate_hz, noise_from, tones_hz,
        noise_level_db (recording against reference), removed_db by octave band, notes.

    Raises:
        InputError: a file cannot be used or written; nothing is left behind.
    """
    source, out = Path(source), Path(out)
    recording = open_recording(source)
    other = open_recording(reference) if reference is not None else None
    _check(recording, out, other, residual, strength)
    unit, grid = _units(recording)
    bar = progress or Progress()
    models = _listen(recording, other, unit, bar)
    report = _Report(recording, models)
    done = _provenance(recording, other, strength)
    comment = json.dumps({**_tags(recording), **done})
    with contextlib.ExitStack() as stack:
        writers = []
        for path in (out, residual):
            if path is not None:
                partial = stack.enter_context(atomic_path(Path(path)))
                writers.append(_writer(stack, partial, recording, comment))
        cleaned = _columns(recording, models, strength, unit, out.parent, bar)
        columns = stack.enter_context(cleaned)
        for raw, clean in _streams(recording, columns, unit, grid):
            for writer, block in zip(writers, (clean, raw - clean), strict=False):
                _write(writer, block)
            report.add(raw, clean)
        summary = report.summary(strength)
        write_json(sidecar(out), {**done, **summary})
    return summary


def _listen(
    recording: Recording, reference: Recording | None, unit: float, bar: Progress
) -> list[NoiseModel]:
    """Return the noise of each channel."""
    models = []
    with bar.task("clean: listen", recording.channels) as advance:
        for channel in range(recording.channels):
            models.append(_model(recording, reference, channel, unit))
            advance()
    return models


@contextlib.contextmanager
def _columns(
    recording: Recording,
    models: list[NoiseModel],
    strength: float,
    unit: float,
    folder: Path,
    bar: Progress,
) -> Iterator[list[IO[bytes]]]:
    """Yield a nameless file of clean samples for each channel.

    They lie in `folder`, next to the result: what /tmp has room for nobody knows, and it may be
    memory.
    """
    with contextlib.ExitStack() as stack:
        columns: list[IO[bytes]] = []
        with bar.task("clean", recording.channels) as advance:
            for channel, model in enumerate(models):
                columns.append(stack.enter_context(tempfile.TemporaryFile(dir=folder)))
                _separate(recording, channel, model, strength, unit, columns[-1])
                advance(1)
        yield columns


def sidecar(out: Path) -> Path:
    """Return where the report of a cleaned recording goes."""
    return out.with_name(out.name + ".json")


def _provenance(
    recording: Recording, reference: Recording | None, strength: float
) -> dict[str, Any]:
    def named(one: Recording) -> dict[str, str]:
        return {"name": one.path.name, "sha256": sha256_file(one.path)}

    return {
        "cleaned_by": f"skycrane {__version__}",
        "method": METHOD,
        "strength": strength,
        "cleaned_from": named(recording),
        "noise_reference": None if reference is None else named(reference),
        "frame_s": round(frame_size(recording.rate_hz) / recording.rate_hz, 4),
    }


def _check(
    recording: Recording,
    out: Path,
    reference: Recording | None,
    residual: Path | None,
    strength: float,
) -> None:
    if not 0.0 <= strength <= 2.0:
        raise InputError(
            f"{strength!r} is not right", where="strength", right="Give a number from 0 to 2."
        )
    taken = {recording.path.resolve(): "the recording"}
    if reference is not None:
        taken.setdefault(reference.path.resolve(), "the reference")
    for path in (out, residual, sidecar(out)):
        if path is None:
            continue
        if Path(path).is_dir():
            raise InputError("this is a directory", where=str(path), right="Give a file's name.")
        if Path(path).resolve() in taken:
            what = taken[Path(path).resolve()]
            raise InputError(
                f"this is {what} itself", where=str(path), right="Choose another name."
            )
        taken[Path(path).resolve()] = "the other output"
        if path != sidecar(out):
            Writer.check(Path(path), recording)
    if reference is None:
        return
    if reference.channels not in {1, recording.channels}:
        raise InputError(
            f"{reference.channels} channels beside {recording.channels}",
            where=str(reference.path),
            right="Give a reference of one channel or as many as the recording.",
        )
    need = frame_size(reference.rate_hz)
    if reference.frames < need:
        raise InputError(
            f"{reference.frames} samples are too few to learn noise from",
            where=str(reference.path),
            right=f"Give at least {need} ({need / reference.rate_hz:.2f} s), better 5 s.",
        )


def _model(
    recording: Recording, reference: Recording | None, channel: int, unit: float
) -> NoiseModel:
    def scaled(one: Recording, index: int, full: float) -> Iterator[NDArray[np.float64]]:
        for block in one.channel(index):
            yield block / full

    if reference is None:
        return model_noise(lambda: scaled(recording, channel, unit), recording.rate_hz)
    index = channel if reference.channels > 1 else 0
    other = 2.0 ** (reference.bits - 1) if reference.bits else 1.0
    if not (recording.bits or reference.bits):
        other = unit
    return model_noise(
        lambda: scaled(recording, channel, unit),
        recording.rate_hz,
        reference=lambda: scaled(reference, index, other),
        reference_rate_hz=reference.rate_hz,
    )


def _units(recording: Recording) -> tuple[float, float]:
    """Return full scale and the step that samples are rounded to, 0 for whole numbers.

    A floating-point recording is rounded to 2^-52 of its peak: sums and differences of multiples
    of that are exact in 64 bits.
    """
    if recording.bits:
        return 2.0 ** (recording.bits - 1), 0.0
    peak = max((float(np.abs(block).max()) for block in recording.blocks()), default=0.0)
    if peak and not _LEAST_PEAK <= peak <= _MOST_PEAK:
        raise InputError(
            f"its loudest sample is {peak:.3g}",
            where=str(recording.path),
            right=f"Scale it to between {_LEAST_PEAK:g} and {_MOST_PEAK:g}, best near 1.",
        )
    full = 2.0 ** math.ceil(math.log2(peak)) if peak > 0 else 1.0
    return full, full * 2.0**-51


def _writer(
    stack: contextlib.ExitStack, partial: Path, recording: Recording, comment: str
) -> Writer:
    partial.parent.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(
        Writer(
            partial,
            rate_hz=recording.rate_hz,
            channels=recording.channels,
            bits=recording.bits,
            comment=comment,
        )
    )


def _write(writer: Writer, block: NDArray[np.float64]) -> None:
    try:
        writer.write(block)
    except soundfile.LibsndfileError as error:
        raise OSError(28, str(error)) from error


def _tags(recording: Recording) -> dict[str, Any]:
    try:
        tags = json.loads(recording.comment)
    except ValueError:
        return {}
    return tags if isinstance(tags, dict) else {}


def _separate(
    recording: Recording,
    channel: int,
    model: NoiseModel,
    strength: float,
    unit: float,
    column: IO[bytes],
) -> None:
    """Clean one channel into a nameless file, so that memory holds one channel at a time."""
    separator = Separator(model, strength=strength)
    for block in recording.channel(channel):
        column.write(separator.push(block / unit).tobytes())
    column.write(separator.flush().tobytes())
    column.seek(0)


def _streams(
    recording: Recording, columns: list[IO[bytes]], unit: float, grid: float
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield raw and clean samples side by side, whole numbers (or multiples of `grid`)."""
    for raw in recording.blocks():
        parts = [np.frombuffer(column.read(8 * len(raw))) for column in columns]
        yield _exact(raw, np.stack(parts, axis=1) * unit, recording.bits, grid)


def _exact(
    raw: NDArray[np.float64], clean: NDArray[np.float64], bits: int, grid: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Round the clean samples so that they and what is left both fit the format."""
    if not bits:
        raw = np.rint(raw / grid) * grid
        return raw, np.rint(clean / grid) * grid
    top = 2.0 ** (bits - 1)
    low = np.maximum(-top, raw - (top - 1))
    high = np.minimum(top - 1, raw + top)
    return raw, np.clip(np.rint(clean), low, high)


class _Report:
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
        self.frames += len(raw)
        self._kept = np.concatenate([self._kept, np.stack([raw, clean])], axis=1)
        while self._kept.shape[1] >= self.size:
            part = self._kept[:, : self.size] * self._window
            self.power += (np.abs(fft.rfft(part, axis=1)) ** 2).sum(axis=2)
            self._kept = self._kept[:, self.size :]

    def summary(self, strength: float) -> dict[str, Any]:
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
