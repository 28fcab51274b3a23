"""Cleaning a recording on disk: clean and residual that add up to the original to the last bit."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.files import atomic_path, write_json
from skycrane.progress import Progress
from skycrane.sound.recording import Recording, Writer, open_recording
from skycrane.sound.report import Report, provenance, sidecar, tags
from skycrane.sound.rounding import exact, units
from skycrane.sound.separate import NoiseModel, Separator, model_noise
from skycrane.sound.survey import frame_size

__all__ = ["KEEP", "clean_file"]

KEEP = ("everything", "wind")
"""What may be wanted of a recording."""


def clean_file(
    source: Path,
    out: Path,
    *,
    reference: Path | None = None,
    residual: Path | None = None,
    strength: float = 1.0,
    keep: str = "everything",
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
        keep: "everything" that is neither in the reference nor steady noise, or "wind" alone:
            then wheels, motors, rattles and knocks go too, and with them voices and music.
        progress: where to report seconds done.

    Returns:
        What was done, plain JSON values: seconds, channels, rate_hz, noise_from, tones_hz,
        noise_level_db (recording against reference), removed_db by octave band, notes.

    Raises:
        InputError: a file cannot be used or written; nothing is left behind.
    """
    recording = open_recording(Path(source))
    other = open_recording(reference) if reference is not None else None
    _check(recording, Path(out), other, residual, strength)
    if keep not in KEEP:
        raise InputError(f"{keep!r} is not right", where="keep", right=f"Give {' or '.join(KEEP)}.")
    unit, grid = units(recording)
    bar = progress or Progress()
    models = _listen(recording, other, unit, bar, wind_only=keep == "wind")
    job = _Job(recording, models, strength, unit, grid)
    done = provenance(recording, other, strength, keep)
    with contextlib.ExitStack() as stack:
        comment = json.dumps({**tags(recording), **done})
        paths = [Path(path) for path in (out, residual) if path is not None]
        writers = [_writer(stack, path, recording, comment) for path in paths]
        summary = _run(job, writers, Path(out).parent, bar)
        write_json(sidecar(Path(out)), {**done, **summary})
    return summary


@dataclass(frozen=True)
class _Job:
    """What is to be done: the noise of each channel, full scale, the step of rounding."""

    recording: Recording
    models: list[NoiseModel]
    strength: float
    unit: float
    grid: float


def _run(job: _Job, writers: list[Writer], folder: Path, bar: Progress) -> dict[str, Any]:
    """Write clean samples and, to a second writer, what was taken out; return the report."""
    report = Report(job.recording, job.models)
    with _columns(job, folder, bar) as columns:
        for raw, clean in _streams(job, columns):
            for writer, block in zip(writers, (clean, raw - clean), strict=False):
                _write(writer, block)
            report.add(raw, clean)
    return report.summary(job.strength)


def _listen(
    recording: Recording,
    reference: Recording | None,
    unit: float,
    bar: Progress,
    *,
    wind_only: bool,
) -> list[NoiseModel]:
    """Return the noise of each channel."""
    models = []
    with bar.task("clean: listen", recording.channels) as advance:
        for channel in range(recording.channels):
            models.append(_model(recording, reference, channel, unit, wind_only=wind_only))
            advance()
    return models


@contextlib.contextmanager
def _columns(job: _Job, folder: Path, bar: Progress) -> Iterator[list[IO[bytes]]]:
    """Yield a nameless file of clean samples for each channel.

    They lie in `folder`, next to the result: what /tmp has room for nobody knows, and it may be
    memory.
    """
    with contextlib.ExitStack() as stack:
        columns: list[IO[bytes]] = []
        with bar.task("clean", job.recording.channels) as advance:
            for channel in range(job.recording.channels):
                columns.append(stack.enter_context(tempfile.TemporaryFile(dir=folder)))
                _separate(job, channel, columns[-1])
                advance(1)
        yield columns


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
    _check_outputs(recording, out, reference, residual)
    if reference is not None:
        _check_reference(reference, recording)


def _check_outputs(
    recording: Recording, out: Path, reference: Recording | None, residual: Path | None
) -> None:
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


def _check_reference(reference: Recording, recording: Recording) -> None:
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
    recording: Recording,
    reference: Recording | None,
    channel: int,
    unit: float,
    *,
    wind_only: bool,
) -> NoiseModel:
    def scaled(one: Recording, index: int, full: float) -> Iterator[NDArray[np.float64]]:
        for block in one.channel(index):
            yield block / full

    if reference is None:
        return model_noise(
            lambda: scaled(recording, channel, unit), recording.rate_hz, wind_only=wind_only
        )
    index = channel if reference.channels > 1 else 0
    other = 2.0 ** (reference.bits - 1) if reference.bits else 1.0
    if not (recording.bits or reference.bits):
        other = unit
    return model_noise(
        lambda: scaled(recording, channel, unit),
        recording.rate_hz,
        reference=lambda: scaled(reference, index, other),
        reference_rate_hz=reference.rate_hz,
        wind_only=wind_only,
    )


def _writer(stack: contextlib.ExitStack, path: Path, recording: Recording, comment: str) -> Writer:
    partial = stack.enter_context(atomic_path(path))
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


def _separate(job: _Job, channel: int, column: IO[bytes]) -> None:
    """Clean one channel into a nameless file, so that memory holds one channel at a time."""
    separator = Separator(job.models[channel], strength=job.strength)
    for block in job.recording.channel(channel):
        column.write(separator.push(block / job.unit).tobytes())
    column.write(separator.flush().tobytes())
    column.seek(0)


def _streams(
    job: _Job, columns: list[IO[bytes]]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield raw and clean samples side by side, whole numbers (or multiples of the step)."""
    for raw in job.recording.blocks():
        parts = [np.frombuffer(column.read(8 * len(raw))) for column in columns]
        clean = np.stack(parts, axis=1) * job.unit
        yield exact(raw, clean, job.recording.bits, job.grid)
