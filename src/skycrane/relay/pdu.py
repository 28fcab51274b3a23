"""CFDP protocol data units (CCSDS 727.0-B-5, chapter 5), packed and unpacked with few copies.

Only what class 2 needs: File Data, Metadata, EOF, NAK, Finished and ACK. Numbers are big-endian.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from fastcrc import crc16

__all__ = [
    "MAX_DATA_FIELD",
    "Ack",
    "Checksum",
    "Condition",
    "Eof",
    "FileData",
    "FileStatus",
    "Finished",
    "Header",
    "Metadata",
    "Nak",
    "Pdu",
    "PduError",
    "max_segment_requests",
    "pack",
    "pack_file_data",
    "unpack",
]

MAX_DATA_FIELD = 65535
_EOF, _FINISHED, _ACK, _METADATA, _NAK = 4, 5, 6, 7, 8
_ENTITY_TLV = 6


class PduError(ValueError):
    """Bytes that are not a whole, sound PDU; the message says why."""


class Condition(enum.IntEnum):
    """Condition codes (5.2.2)."""

    NO_ERROR = 0
    POSITIVE_ACK_LIMIT = 1
    KEEP_ALIVE_LIMIT = 2
    INVALID_MODE = 3
    FILESTORE_REJECTION = 4
    CHECKSUM_FAILURE = 5
    SIZE_ERROR = 6
    NAK_LIMIT = 7
    INACTIVITY = 8
    INVALID_STRUCTURE = 9
    CHECK_LIMIT = 10
    UNSUPPORTED_CHECKSUM = 11
    SUSPENDED = 14
    CANCELLED = 15


class Checksum(enum.IntEnum):
    """Checksum identifiers (SANA registry)."""

    MODULAR = 0
    CRC32C = 2
    CRC32 = 3
    NULL = 15


class FileStatus(enum.IntEnum):
    """What became of the file (5.2.3)."""

    DISCARDED = 0
    REJECTED = 1
    RETAINED = 2
    UNREPORTED = 3


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed header of a PDU (5.1), less what follows from its body.

    Attributes:
        source, destination: entity ids of the transaction, whichever way the PDU goes.
        sequence: transaction sequence number.
        towards_sender: direction.
        crc: whether a CRC-16 ends the PDU.
        large: whether sizes and offsets take 64 bits.
        acknowledged: class 2.
        entity_bytes, sequence_bytes: widths of the ids, 1 to 8.
    """

    source: int
    destination: int
    sequence: int
    towards_sender: bool = False
    crc: bool = True
    large: bool = False
    acknowledged: bool = True
    entity_bytes: int = 2
    sequence_bytes: int = 4


class FileData(NamedTuple):
    """Bytes of the file (5.3). Segment metadata is skipped when unpacked and never written."""

    offset: int
    data: bytes | memoryview


class Metadata(NamedTuple):
    """Name, size and checksum of the file to come (5.2.5); options are (type, value) pairs."""

    checksum: int
    size: int
    source_name: str
    destination_name: str
    closure: bool = False
    options: tuple[tuple[int, bytes], ...] = ()


class Eof(NamedTuple):
    """The end of the file as sent (5.2.2); `fault_entity` is the entity that found a fault."""

    condition: int
    checksum: int
    size: int
    fault_entity: bytes = b""


class Nak(NamedTuple):
    """What is missing within a scope (5.2.6): segments, shape (n, 2), [start, end), in bytes.

    A segment (0, 0) asks for the Metadata.
    """

    scope_start: int
    scope_end: int
    segments: np.ndarray


class Finished(NamedTuple):
    """How the receiver ended the transaction (5.2.3)."""

    condition: int
    complete: bool
    status: int
    fault_entity: bytes = b""


class Ack(NamedTuple):
    """Acknowledgement of an EOF (4) or Finished (5) directive (5.2.4)."""

    directive: int
    condition: int
    status: int


Body = FileData | Metadata | Eof | Nak | Finished | Ack


class Pdu(NamedTuple):
    """One PDU, taken apart."""

    header: Header
    body: Body


def _head(header: Header, size: int, *, is_data: bool) -> bytes:
    if size > MAX_DATA_FIELD:
        raise PduError(f"a data field of {size} bytes is longer than {MAX_DATA_FIELD}")
    flags = (
        0x20
        | is_data << 4
        | header.towards_sender << 3
        | (not header.acknowledged) << 2
        | header.crc << 1
        | header.large
    )
    widths = (header.entity_bytes - 1) << 4 | (header.sequence_bytes - 1)
    try:
        return (
            struct.pack(">BHB", flags, size, widths)
            + header.source.to_bytes(header.entity_bytes, "big")
            + header.sequence.to_bytes(header.sequence_bytes, "big")
            + header.destination.to_bytes(header.entity_bytes, "big")
        )
    except OverflowError as error:
        raise PduError("an id does not fit its width") from error


def pack_file_data(header: Header, offset: int, data: bytes | memoryview) -> bytes:
    """Return a File Data PDU; the data are copied once.

    Raises:
        PduError: the data, the offset or an id do not fit.
    """
    place = _size(header, offset)
    size = len(place) + len(data) + 2 * header.crc
    head = _head(header, size, is_data=True) + place
    if not header.crc:
        return b"".join((head, data))
    crc = crc16.ibm_3740(data, crc16.ibm_3740(head))
    return b"".join((head, data, crc.to_bytes(2, "big")))


def pack(header: Header, body: Body) -> bytes:
    """Return a PDU as bytes.

    Raises:
        PduError: a value does not fit its field.
    """
    if isinstance(body, FileData):
        return pack_file_data(header, body.offset, body.data)
    content = _pack_directive(header, body)
    packed = _head(header, len(content) + 2 * header.crc, is_data=False) + content
    return packed + crc16.ibm_3740(packed).to_bytes(2, "big") if header.crc else packed


def _size(header: Header, value: int) -> bytes:
    try:
        return value.to_bytes(8 if header.large else 4, "big")
    except OverflowError as error:
        raise PduError(f"{value} does not fit a size field") from error


def _pack_directive(header: Header, body: Body) -> bytes:
    if isinstance(body, Eof):
        fixed = struct.pack(">BBI", _EOF, body.condition << 4, body.checksum)
        return fixed + _size(header, body.size) + _entity(body.fault_entity)
    if isinstance(body, Finished):
        code = body.condition << 4 | (not body.complete) << 2 | body.status
        return bytes((_FINISHED, code)) + _entity(body.fault_entity)
    if isinstance(body, Ack):
        # The subtype tells the ACK of Finished from that of EOF (5.2.4).
        subtype = int(body.directive == _FINISHED)
        return bytes((_ACK, body.directive << 4 | subtype, body.condition << 4 | body.status))
    if isinstance(body, Metadata):
        parts = [bytes((_METADATA, body.closure << 6 | body.checksum)), _size(header, body.size)]
        parts += [_text(body.source_name), _text(body.destination_name)]
        parts += [_tlv(kind, value) for kind, value in body.options]
        return b"".join(parts)
    if isinstance(body, Nak):
        segments = np.asarray(body.segments, np.uint64).reshape(-1, 2)
        if not header.large and segments.size and int(segments.max()) >> 32:
            raise PduError("a segment request does not fit a size field")
        scope = _size(header, body.scope_start) + _size(header, body.scope_end)
        return bytes((_NAK,)) + scope + segments.astype(_width(header)).tobytes()
    raise PduError(f"{type(body).__name__} is no directive")


def _width(header: Header) -> np.dtype:
    return np.dtype(">u8" if header.large else ">u4")


def _tlv(kind: int, value: bytes) -> bytes:
    if len(value) > 255:
        raise PduError("an option is longer than 255 bytes")
    return bytes((kind, len(value))) + value


def _entity(value: bytes) -> bytes:
    return _tlv(_ENTITY_TLV, value) if value else b""


def _text(name: str) -> bytes:
    value = name.encode()
    if len(value) > 255:
        raise PduError("a file name is longer than 255 bytes")
    return bytes((len(value),)) + value


def max_segment_requests(header: Header, data_field: int) -> int:
    """Return how many segment requests fit a NAK whose data field holds `data_field` bytes."""
    width = 16 if header.large else 8
    return max(1, (min(data_field, MAX_DATA_FIELD) - 3 - width) // width)


def unpack(packed: bytes | bytearray) -> Pdu:
    """Take a PDU apart; file data stay a view of `packed`.

    Raises:
        PduError: it is cut off, too long, of another version, damaged or makes no sense.
    """
    header, start, is_data, has_segment_metadata = _unpack_header(packed)
    end = len(packed) - 2 * header.crc
    if end < start:
        raise PduError("the data field is shorter than its CRC")
    # Over data and CRC together the remainder is zero.
    if header.crc and crc16.ibm_3740(packed):
        raise PduError("the CRC-16 is wrong")
    body = _Fields(packed, start, end, large=header.large)
    if is_data:
        if has_segment_metadata:
            body.take(body.byte() & 0x3F)
        offset = body.size()
        return Pdu(header, FileData(offset, memoryview(packed)[body.at : end]))
    return Pdu(header, _unpack_directive(body))


def _unpack_header(packed: bytes | bytearray) -> tuple[Header, int, bool, bool]:
    if len(packed) < 7:
        raise PduError("the header is cut off")
    flags, size, widths = struct.unpack_from(">BHB", packed)
    if flags >> 5 != 1:
        raise PduError(f"version {flags >> 5} is not CFDP version 2")
    entity, sequence = (widths >> 4 & 7) + 1, (widths & 7) + 1
    start = 4 + 2 * entity + sequence
    if len(packed) != start + size:
        raise PduError(f"{len(packed)} bytes where the header says {start + size}")
    header = Header(
        source=int.from_bytes(packed[4 : 4 + entity], "big"),
        sequence=int.from_bytes(packed[4 + entity : 4 + entity + sequence], "big"),
        destination=int.from_bytes(packed[start - entity : start], "big"),
        towards_sender=bool(flags & 8),
        acknowledged=not flags & 4,
        crc=bool(flags & 2),
        large=bool(flags & 1),
        entity_bytes=entity,
        sequence_bytes=sequence,
    )
    return header, start, bool(flags & 0x10), bool(widths & 8)


class _Fields:
    """Reads fields one after the other and refuses to read past the end."""

    def __init__(self, packed: bytes | bytearray, at: int, end: int, *, large: bool) -> None:
        self.packed, self.at, self.end, self.width = packed, at, end, 8 if large else 4

    def take(self, count: int) -> bytes:
        if self.end - self.at < count:
            raise PduError("a field is cut off")
        self.at += count
        return bytes(self.packed[self.at - count : self.at])

    def byte(self) -> int:
        return self.take(1)[0]

    def size(self) -> int:
        return int.from_bytes(self.take(self.width), "big")

    def text(self) -> str:
        try:
            return self.take(self.byte()).decode()
        except UnicodeDecodeError as error:
            raise PduError("a file name is not UTF-8") from error

    def options(self) -> tuple[tuple[int, bytes], ...]:
        found = []
        while self.at < self.end:
            kind = self.byte()
            found.append((kind, self.take(self.byte())))
        return tuple(found)

    def fault_entity(self) -> bytes:
        return next((value for kind, value in self.options() if kind == _ENTITY_TLV), b"")


def _unpack_directive(body: _Fields) -> Body:
    code = body.byte()
    if code == _EOF:
        condition = body.byte() >> 4
        checksum = int.from_bytes(body.take(4), "big")
        return Eof(condition, checksum, body.size(), body.fault_entity())
    if code == _FINISHED:
        first = body.byte()
        return Finished(first >> 4, not first & 4, first & 3, body.fault_entity())
    if code == _ACK:
        first, second = body.byte(), body.byte()
        if first >> 4 not in (_EOF, _FINISHED):
            raise PduError(f"directive {first >> 4} is never acknowledged")
        return Ack(first >> 4, second >> 4, second & 3)
    if code == _METADATA:
        first = body.byte()
        size, source, destination = body.size(), body.text(), body.text()
        return Metadata(first & 15, size, source, destination, bool(first & 0x40), body.options())
    if code == _NAK:
        start, end = body.size(), body.size()
        if (body.end - body.at) % (2 * body.width):
            raise PduError("a segment request is cut off")
        raw = body.take(body.end - body.at)
        segments = np.frombuffer(raw, f">u{body.width}").astype(np.uint64).reshape(-1, 2)
        return Nak(start, end, segments)
    raise PduError(f"directive {code} is unknown")
