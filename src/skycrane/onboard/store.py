"""The camera store: one frame a chunk, on the disk when acknowledged, whole after any interruption.

A store is an MCAP file that any MCAP viewer opens. While it is written it has a partial name; a
writer that finds a partial file keeps every whole frame in it, cuts off what was torn, and goes on
to the same bytes an unbroken run would have written. Nothing in the file depends on when or where
it was made.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType

import numpy as np

from skycrane.errors import InputError
from skycrane.files import as_input_error, fsync_dir
from skycrane.onboard import mcap_records as records
from skycrane.onboard.mcap_records import ChunkEntry, Torn
from skycrane.onboard.messages import (
    CAMERA_METADATA,
    CameraInfo,
    RawFrame,
    channel_records,
    decode_frame,
    decode_info,
    encode_frame,
    encode_info,
    epoch_ns,
    frame_problem,
    frame_time_s,
    log_time_ns,
    schema_records,
)

__all__ = ["CameraInfo", "FrameReader", "FrameWriter", "RawFrame", "partial_path", "recover_frames"]

_LIBRARY = "skycrane onboard store 1"


def partial_path(path: Path) -> Path:
    """Return the name that the store `path` has until it is finished."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


class FrameWriter:
    """Writes one camera's frames to `path`, each flushed to the disk before `write` returns.

    Leaving the `with` block without an exception finishes the file and gives it its name; leaving
    it with one keeps the partial file for the next writer. A finished file of that name is replaced
    only then: whoever wants to keep it looks before.

    Attributes:
        next_index: index of the frame to be written next; above 0 where frames were recovered.

    Raises:
        InputError: the directory cannot be written to, another process is writing this file, or the
            partial file is of another camera, epoch or origin.
    """

    def __init__(self, path: Path, info: CameraInfo, epoch: datetime, *, origin: str = "") -> None:
        """Open or resume a store.

        Args:
            path: the finished file, *.mcap.
            info: the camera.
            epoch: the UTC time of t_s = 0.
            origin: what the frames are made from, such as a hash of mission and seed; a partial
                file of another origin is refused rather than continued.
        """
        self.path = Path(path)
        self.info = info
        self._partial = partial_path(self.path)
        self._epoch_ns = epoch_ns(epoch)
        self._schemas = schema_records()
        self._channels = channel_records(info.name)
        head = records.file_header(_LIBRARY) + b"".join([*self._schemas, *self._channels.values()])
        about = encode_info(info, epoch, origin)
        self._metadata_at = (len(head), len(about), CAMERA_METADATA)
        self._prefix = head + about
        self._entries: list[ChunkEntry] = []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise as_input_error(error, self.path) from error
        try:
            self._lock()
            self._end = self._recover()
        except OSError as error:
            os.close(self._handle)
            raise as_input_error(error, self.path) from error
        except BaseException:
            os.close(self._handle)
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                "another process is writing this file",
                where=str(self._partial),
                right="Wait for it, or choose another directory with -o.",
            ) from error

    def _recover(self) -> int:
        """Keep the whole frames of an interrupted run; return where the next one goes."""
        size = os.fstat(self._handle).st_size
        kept = os.pread(self._handle, len(self._prefix), 0)
        if not self._prefix.startswith(kept):
            raise InputError(
                "the unfinished file is of another camera, mission or seed",
                where=str(self._partial),
                right="Delete it, or choose another directory with -o.",
            )
        end = len(self._prefix)
        if size > end:
            with mmap.mmap(self._handle, size, access=mmap.ACCESS_READ) as view:
                self._entries = list(_whole_frames(view, end, self.info))
            end = self._entries[-1].end if self._entries else end
        os.ftruncate(self._handle, min(size, end))
        if size < end:
            self._append([self._prefix], 0)
            fsync_dir(self._partial.parent)
        os.fsync(self._handle)
        return end

    @property
    def next_index(self) -> int:
        """Index of the frame to be written next."""
        return len(self._entries)

    def write(self, frame: RawFrame) -> None:
        """Append one frame; when this returns it will survive a kill or a power cut.

        Raises:
            InputError: the disk is full or the file cannot be written.
            ValueError: the frame is not the next one or not of this camera.
        """
        if frame.index != self.next_index:
            raise ValueError(f"frame {frame.index} where {self.next_index} is next")
        if problem := frame_problem(frame, self.info):
            raise ValueError(problem)
        pieces, time_ns, offsets = encode_frame(frame, self.info, self._epoch_ns)
        crc = size = 0
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
            size += len(piece)
        index = records.message_indexes(time_ns, offsets)
        entry = ChunkEntry(self._end, time_ns, offsets, size, len(index))
        self._append([records.chunk_head(time_ns, size, crc), *pieces, index], self._end)
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise as_input_error(error, self.path) from error
        self._entries.append(entry)
        self._end = entry.end

    def _append(self, pieces: list[bytes | memoryview], at: int) -> None:
        try:
            os.lseek(self._handle, at, os.SEEK_SET)
            left = [memoryview(piece) for piece in pieces]
            while left:
                written = os.writev(self._handle, left)
                while left and written >= len(left[0]):
                    written -= len(left.pop(0))
                if written:
                    left[0] = left[0][written:]
        except OSError as error:
            os.ftruncate(self._handle, at)
            raise as_input_error(error, self.path) from error

    def close(self) -> None:
        """Write the index, flush, and give the file its name."""
        end = records.end_of_file(
            self._end,
            schemas=self._schemas,
            channels=self._channels,
            entries=self._entries,
            metadata_at=self._metadata_at,
        )
        self._append([end], self._end)
        try:
            os.fsync(self._handle)
            os.replace(self._partial, self.path)
            fsync_dir(self.path.parent)
        except OSError as error:
            raise as_input_error(error, self.path) from error
        os.close(self._handle)

    def abandon(self) -> None:
        """Let go of the file as it is; the next writer of it goes on where this one stopped."""
        os.close(self._handle)

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def _whole_frames(data: mmap.mmap, start: int, info: CameraInfo) -> Iterator[ChunkEntry]:
    """Yield the chunks from `start` on that are whole in every byte, up to the first torn one."""
    view = memoryview(data)
    count = 0
    try:
        while True:
            time_ns, first, last = records.parse_chunk(view, start)
            if decode_frame(view, first, last, info).index != count:
                return
            offsets: dict[int, int] = {}
            for _, content, end in records.walk(view, first, last):
                number, *_ = records.parse_message(view, content, end)
                offsets[number] = content - records.RECORD_HEAD - first
            index = records.message_indexes(time_ns, offsets)
            if view[last : last + len(index)] != index:
                return
            entry = ChunkEntry(start, time_ns, offsets, last - first, len(index))
            yield entry
            start = entry.end
            count += 1
    except Torn:
        return
    finally:
        view.release()


class FrameReader:
    """Reads one camera's frames in any order, checking each one's CRC.

    Attributes:
        path: the file.
        info: the camera.
        epoch_ns: the time of t_s = 0, nanoseconds since 1970 UTC.
        origin: what the frames were made from, as their writer was told.

    Raises:
        InputError: the file is missing, empty, foreign, truncated or damaged.
    """

    def __init__(self, path: Path, *, recover: bool = False) -> None:
        """Open a store.

        Args:
            path: the file.
            recover: read a truncated file too, up to its last whole frame, by streaming over it.
        """
        self.path = Path(path)
        self._data = self._map()
        try:
            self.info, self.epoch_ns, self.origin, start = self._describe()
            if recover:
                entries = _whole_frames(self._data, start, self.info)
                self._chunks = [(entry.time_ns, entry.offset) for entry in entries]
            else:
                self._chunks = self._indexed()
            self._times = np.array([self._time_s(*chunk) for chunk in self._chunks], np.float64)
        except Torn as error:
            self.close()
            raise self._damaged(str(error)) from error

    def _damaged(self, what: str) -> InputError:
        return InputError(
            what,
            where=str(self.path),
            right="Film again with the same command: whole frames are kept and the rest is made.",
        )

    def _map(self) -> mmap.mmap:
        try:
            with self.path.open("rb") as handle:
                if os.fstat(handle.fileno()).st_size == 0:
                    raise self._damaged("the file is empty")
                return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror or error}",
                where=str(self.path),
                right="Give a camera's *.mcap file.",
            ) from error

    def _describe(self) -> tuple[CameraInfo, int, str, int]:
        if self._data[: len(records.MAGIC)] != records.MAGIC:
            raise Torn("this is not an MCAP file")
        for opcode, first, last in records.walk(self._data, len(records.MAGIC), len(self._data)):
            if opcode == records.METADATA:
                name, values = records.parse_metadata(self._data, first, last)
                if name == CAMERA_METADATA:
                    return *decode_info(values), last
            elif opcode not in (records.HEADER, records.SCHEMA, records.CHANNEL):
                break
        raise Torn("this MCAP file is not a camera store of Skycrane")

    def _indexed(self) -> list[tuple[int, int]]:
        start, end = records.parse_end(self._data)
        chunks = []
        for opcode, first, last in records.walk(self._data, start, end):
            if opcode == records.CHUNK_INDEX:
                time_ns, offset, length = records.parse_chunk_index(self._data, first, last)
                if offset + length > start:
                    raise Torn("the index points outside the data")
                chunks.append((time_ns, offset))
        return chunks

    def _time_s(self, time_ns: int, offset: int) -> float:
        """Return t_s by a frame's own header, unless the guarded index knows better."""
        _, first, last = records.parse_chunk(self._data, offset, check_crc=False)
        t_s = frame_time_s(self._data, first, last)
        if log_time_ns(self.epoch_ns, t_s) != time_ns:
            raise Torn("a frame's time differs from the index")
        return t_s

    @property
    def times_s(self) -> np.ndarray:
        """Time of each frame, seconds after entry interface, shape (len(self),)."""
        return self._times

    def __len__(self) -> int:
        return len(self._chunks)

    def read(self, index: int) -> RawFrame:
        """Return frame `index`, counted from 0.

        Raises:
            IndexError: there is no such frame.
            InputError: its bytes are damaged.
        """
        if not 0 <= index < len(self._chunks):
            raise IndexError(f"frame {index} of {len(self._chunks)}")
        try:
            with memoryview(self._data) as view:
                _, first, last = records.parse_chunk(view, self._chunks[index][1])
                frame = decode_frame(view, first, last, self.info)
        except Torn as error:
            raise self._damaged(f"frame {index}: {error}") from error
        if frame.index != index:
            raise self._damaged(f"frame {index} is numbered {frame.index}")
        return frame

    def __iter__(self) -> Iterator[RawFrame]:
        for index in range(len(self)):
            yield self.read(index)

    def close(self) -> None:
        """Let go of the file."""
        self._data.close()

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def recover_frames(path: Path) -> Iterator[RawFrame]:
    """Yield every whole frame of a store, be it truncated, unfinished or damaged further on.

    Raises:
        InputError: the file is missing, empty, foreign, or cut off before its first frame's place.
    """
    with FrameReader(path, recover=True) as reader:
        yield from reader
