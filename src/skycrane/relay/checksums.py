"""Checksums of whole files as CFDP counts them, and SHA-256, in one reading."""

from __future__ import annotations

import hashlib
import os
import zlib

import numpy as np
from fastcrc import crc32

from skycrane.relay.pdu import Checksum

__all__ = ["CHECKSUMS", "FileChecksum", "checksum_of", "file_sums"]

CHECKSUMS = {
    "modular": Checksum.MODULAR,
    "crc32c": Checksum.CRC32C,
    "crc32": Checksum.CRC32,
    "null": Checksum.NULL,
}
"""Checksums by their name in a mission file."""

_BLOCK = 1 << 20


class FileChecksum:
    """Counts one of CFDP's checksums over a file handed in from its start, block by block.

    Source: CCSDS 727.0-B-5, 4.2.2 (modular: the sum of the big-endian 32-bit words, the last one
    filled with zeros, modulo 2^32); CRC-32C and CRC-32 as registered with SANA.
    """

    def __init__(self, kind: int) -> None:
        if kind not in CHECKSUMS.values():
            raise ValueError(f"checksum {kind} is not supported")
        self._kind = kind
        self._value = 0
        self._rest = b""

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        if self._kind == Checksum.CRC32C:
            self._value = crc32.iscsi(data, self._value)
        elif self._kind == Checksum.CRC32:
            self._value = zlib.crc32(data, self._value)
        elif self._kind == Checksum.MODULAR:
            data = self._rest + data if self._rest else data
            whole = len(data) // 4 * 4
            words = np.frombuffer(data, ">u4", count=whole // 4)
            self._value += int(words.sum(dtype=np.uint64))
            self._rest = data[whole:]

    def value(self) -> int:
        """Return the checksum of what was taken in, 32 bits."""
        last = int.from_bytes(self._rest.ljust(4, b"\0"), "big") if self._rest else 0
        return (self._value + last) & 0xFFFFFFFF


def checksum_of(data: bytes, kind: int) -> int:
    """Return the CFDP checksum of bytes at hand."""
    checksum = FileChecksum(kind)
    checksum.update(data)
    return checksum.value()


def file_sums(handle: int, kind: int) -> tuple[int, str, int]:
    """Return CFDP checksum, SHA-256 (hexadecimal) and size of an open file, read in blocks."""
    checksum, sha256, at = FileChecksum(kind), hashlib.sha256(), 0
    while block := os.pread(handle, _BLOCK, at):
        checksum.update(block)
        sha256.update(block)
        at += len(block)
    return checksum.value(), sha256.hexdigest(), at
