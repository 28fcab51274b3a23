"""MCAP records, packed and walked by the byte, so that a store can be resumed to identical bytes.

The layout is the public MCAP specification, version 0 (https://mcap.dev/spec): little-endian, each
record one opcode byte, an unsigned 64-bit length, and its content. Only what a camera store needs
is here: uncompressed chunks with a CRC-32, message and chunk indexes, statistics, metadata.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "CHANNEL",
    "CHUNK",
    "CHUNK_INDEX",
    "DATA_END",
    "HEADER",
    "MAGIC",
    "MESSAGE",
    "METADATA",
    "RECORD_HEAD",
    "SCHEMA",
    "Buffer",
    "ChunkEntry",
    "Torn",
    "channel",
    "chunk_head",
    "end_of_file",
    "file_header",
    "message_head",
    "message_indexes",
    "metadata",
    "parse_chunk",
    "parse_chunk_index",
    "parse_end",
    "parse_message",
    "parse_metadata",
    "schema",
    "walk",
]

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 1, 2, 3, 4, 5, 6
MESSAGE_INDEX, CHUNK_INDEX, STATISTICS, METADATA = 7, 8, 0x0B, 0x0C
METADATA_INDEX, SUMMARY_OFFSET, DATA_END = 0x0D, 0x0E, 0x0F

_RECORD = struct.Struct("<BQ")
RECORD_HEAD = _RECORD.size
_MESSAGE = struct.Struct("<HIQQ")
# start time, end time, uncompressed size, CRC, length of the compression's name, length of records
_CHUNK = struct.Struct("<QQQIIQ")
_FOOTER = struct.Struct("<QQI")
_END_BYTES = RECORD_HEAD + _FOOTER.size + len(MAGIC)

Buffer = bytes | memoryview | mmap.mmap


class Torn(Exception):  # noqa: N818 - a state of the bytes, turned into an InputError by the store
    """Bytes that are not a whole record; the message says what is wrong."""


@dataclass(frozen=True)
class ChunkEntry:
    """Where one chunk lies, and what its index record has to say.

    Attributes:
        offset: first byte of the chunk record in the file.
        time_ns: log time of every message in it, nanoseconds since 1970 UTC.
        message_offsets: per channel id, first byte of its one message within the chunk's records.
        size: bytes of the chunk's records.
        index_length: bytes of the message indexes that follow the chunk.
    """

    offset: int
    time_ns: int
    message_offsets: dict[int, int]
    size: int
    index_length: int

    @property
    def chunk_length(self) -> int:
        """Bytes of the whole chunk record, head included."""
        return RECORD_HEAD + _CHUNK.size + self.size

    @property
    def end(self) -> int:
        """First byte after the message indexes that follow the chunk."""
        return self.offset + self.chunk_length + self.index_length


def _record(opcode: int, content: bytes) -> bytes:
    return _RECORD.pack(opcode, len(content)) + content


def _string(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<I", len(data)) + data


def file_header(library: str) -> bytes:
    """Return the leading magic and the Header record."""
    return MAGIC + _record(HEADER, _string("") + _string(library))


def schema(number: int, name: str, encoding: str, data: bytes) -> bytes:
    """Return a Schema record."""
    content = struct.pack("<H", number) + _string(name) + _string(encoding) + _string(data)
    return _record(SCHEMA, content)


def channel(number: int, schema_number: int, topic: str, encoding: str) -> bytes:
    """Return a Channel record without metadata."""
    content = struct.pack("<HH", number, schema_number) + _string(topic) + _string(encoding)
    return _record(CHANNEL, content + _string(b""))


def metadata(name: str, values: dict[str, str]) -> bytes:
    """Return a Metadata record; the order of `values` is the order in the file."""
    pairs = b"".join(_string(key) + _string(value) for key, value in values.items())
    return _record(METADATA, _string(name) + _string(pairs))


def message_head(number: int, sequence: int, time_ns: int, size: int) -> bytes:
    """Return the head of a Message record whose data, `size` bytes, follows."""
    head = _RECORD.pack(MESSAGE, _MESSAGE.size + size)
    return head + _MESSAGE.pack(number, sequence, time_ns, time_ns)


def chunk_head(time_ns: int, size: int, crc: int) -> bytes:
    """Return the head of an uncompressed Chunk record whose records, `size` bytes, follow."""
    head = _RECORD.pack(CHUNK, _CHUNK.size + size)
    return head + _CHUNK.pack(time_ns, time_ns, size, crc, 0, size)


def message_indexes(time_ns: int, message_offsets: dict[int, int]) -> bytes:
    """Return the Message Index records of a chunk with one message a channel."""
    return b"".join(
        _record(MESSAGE_INDEX, struct.pack("<HIQQ", number, 16, time_ns, offset))
        for number, offset in message_offsets.items()
    )


def _chunk_index(entry: ChunkEntry) -> bytes:
    first = entry.offset + entry.chunk_length
    # Each message index is as long as the next: one message a channel.
    step = entry.index_length // len(entry.message_offsets)
    offsets = b"".join(
        struct.pack("<HQ", number, first + step * i)
        for i, number in enumerate(entry.message_offsets)
    )
    content = struct.pack(
        "<QQQQ", entry.time_ns, entry.time_ns, entry.offset, entry.chunk_length
    ) + _string(offsets)
    content += struct.pack("<Q", entry.index_length) + _string("")
    return _record(CHUNK_INDEX, content + struct.pack("<QQ", entry.size, entry.size))


def _statistics(schemas: int, channels: list[int], entries: list[ChunkEntry]) -> bytes:
    count = len(entries)
    times = [entry.time_ns for entry in entries] or [0]
    head = struct.pack("<QHIIII", count * len(channels), schemas, len(channels), 0, 1, count)
    counts = b"".join(struct.pack("<HQ", number, count) for number in channels) if count else b""
    return _record(STATISTICS, head + struct.pack("<QQ", min(times), max(times)) + _string(counts))


def end_of_file(
    position: int,
    *,
    schemas: list[bytes],
    channels: dict[int, bytes],
    entries: list[ChunkEntry],
    metadata_at: tuple[int, int, str],
) -> bytes:
    """Return everything after the last chunk: data end, summary, summary offsets, footer, magic.

    Args:
        position: where in the file these bytes will lie.
        schemas: the Schema records as written at the start.
        channels: the Channel records by id.
        entries: the chunks in the order of the file.
        metadata_at: offset, length and name of the one Metadata record.
    """
    # Zero says "not computed": the chunks carry CRCs, and a resumed writer need not read all again.
    data_end = _record(DATA_END, struct.pack("<I", 0))
    start = position + len(data_end)
    offset, length, name = metadata_at
    groups = (
        (SCHEMA, b"".join(schemas)),
        (CHANNEL, b"".join(channels.values())),
        (STATISTICS, _statistics(len(schemas), list(channels), entries)),
        (CHUNK_INDEX, b"".join(_chunk_index(entry) for entry in entries)),
        (
            METADATA_INDEX,
            _record(METADATA_INDEX, struct.pack("<QQ", offset, length) + _string(name)),
        ),
    )
    summary = b""
    offsets = b""
    for opcode, group in groups:
        if group:
            place = struct.pack("<BQQ", opcode, start + len(summary), len(group))
            offsets += _record(SUMMARY_OFFSET, place)
            summary += group
    body = summary + offsets
    footer = _RECORD.pack(FOOTER, _FOOTER.size) + struct.pack("<QQ", start, start + len(summary))
    crc = zlib.crc32(footer, zlib.crc32(body))
    return data_end + body + footer + struct.pack("<I", crc) + MAGIC


def walk(data: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (opcode, first byte, byte after the last) of each record's content in data[start:end].

    Raises:
        Torn: a record does not end inside.
    """
    while start < end:
        if end - start < RECORD_HEAD:
            raise Torn("a record's head is cut off")
        opcode, length = _RECORD.unpack_from(data, start)
        first = start + RECORD_HEAD
        if opcode == 0 or length > end - first:
            raise Torn("a record is cut off or its length is wrong")
        yield opcode, first, first + length
        start = first + length


def parse_message(data: Buffer, first: int, last: int) -> tuple[int, int, int, int]:
    """Return (channel id, sequence, log time in ns, first byte of the data) of a Message."""
    if last - first < _MESSAGE.size:
        raise Torn("a message is too short")
    number, sequence, time_ns, _ = _MESSAGE.unpack_from(data, first)
    return number, sequence, time_ns, first + _MESSAGE.size


def parse_chunk(data: Buffer, offset: int, *, check_crc: bool = True) -> tuple[int, int, int]:
    """Return (log time in ns, first byte, byte after the last) of the records of a chunk.

    Raises:
        Torn: there is no whole uncompressed chunk at `offset`, or its CRC-32 is wrong.
    """
    if offset < 0 or len(data) - offset < RECORD_HEAD + _CHUNK.size:
        raise Torn("a chunk is cut off")
    opcode, length = _RECORD.unpack_from(data, offset)
    time_ns, end_ns, size, crc, compression, stored = _CHUNK.unpack_from(data, offset + RECORD_HEAD)
    if opcode != CHUNK or compression:
        raise Torn("no uncompressed chunk where one should be")
    if size != stored or length != _CHUNK.size + size or end_ns != time_ns:
        raise Torn("a chunk's lengths or times disagree")
    first = offset + RECORD_HEAD + _CHUNK.size
    if size > len(data) - first:
        raise Torn("a chunk is cut off")
    if check_crc and zlib.crc32(memoryview(data)[first : first + size]) != crc:
        raise Torn("a chunk's checksum (CRC-32) is wrong")
    return time_ns, first, first + size


def _take_string(data: Buffer, first: int, last: int) -> tuple[bytes, int]:
    if last - first < 4:
        raise Torn("a text is cut off")
    (length,) = struct.unpack_from("<I", data, first)
    if length > last - first - 4:
        raise Torn("a text is longer than its record")
    return bytes(data[first + 4 : first + 4 + length]), first + 4 + length


def parse_metadata(data: Buffer, first: int, last: int) -> tuple[str, dict[str, str]]:
    """Return the name and the values of a Metadata record."""
    try:
        name, first = _take_string(data, first, last)
        pairs, _ = _take_string(data, first, last)
        values: dict[str, str] = {}
        at = 0
        while at < len(pairs):
            key, at = _take_string(pairs, at, len(pairs))
            value, at = _take_string(pairs, at, len(pairs))
            values[key.decode()] = value.decode()
        return name.decode(), values
    except UnicodeDecodeError as error:
        raise Torn("a text is not UTF-8") from error


def parse_chunk_index(data: Buffer, first: int, last: int) -> tuple[int, int, int]:
    """Return (log time in ns, offset, length) of the chunk that a Chunk Index record points to."""
    if last - first < 32:
        raise Torn("a chunk index is too short")
    time_ns, _, offset, length = struct.unpack_from("<QQQQ", data, first)
    return time_ns, offset, length


def parse_end(data: Buffer) -> tuple[int, int]:
    """Return (first byte, byte after the last) of the summary, its CRC checked.

    Raises:
        Torn: the end of the file is missing or damaged.
    """
    at = len(data) - _END_BYTES
    if at < len(MAGIC) or bytes(data[-len(MAGIC) :]) != MAGIC:
        raise Torn("the file ends without its index: it is truncated or was never finished")
    opcode, length = _RECORD.unpack_from(data, at)
    start, offsets, crc = _FOOTER.unpack_from(data, at + RECORD_HEAD)
    if opcode != FOOTER or length != _FOOTER.size or not len(MAGIC) <= start <= at:
        raise Torn("the footer is damaged")
    # A zero CRC would mean "not computed", but this project's writer always computes it.
    if zlib.crc32(memoryview(data)[start : at + RECORD_HEAD + 16]) != crc:
        raise Torn("the index's checksum (CRC-32) is wrong")
    return start, offsets if start <= offsets <= at else at
