"""The vehicle's end of file delivery: a class 2 sender for many files, as a state machine.

Source: CCSDS 727.0-B-5, 4.6.4 (acknowledged mode), 4.7 (positive acknowledgement).
The machine has no clock and no link of its own: it is asked for its next PDU at a time, is handed
what arrives, and its whole state can be written down and taken up again.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skycrane.errors import InputError
from skycrane.mission.link import Link
from skycrane.relay.checksums import CHECKSUMS
from skycrane.relay.extents import Wanted
from skycrane.relay.pdu import (
    Ack,
    Condition,
    Eof,
    Finished,
    Header,
    Metadata,
    Nak,
    PduError,
    pack,
    pack_file_data,
    unpack,
)

__all__ = ["EOF", "FINISHED", "SHA256_PREFIX", "Outbound", "Product", "Sender", "belongs"]

EOF, FINISHED = 4, 5
_ACTIVE, _TERMINATED, _UNRECOGNISED = 1, 2, 3
_MESSAGE_TO_USER = 2
SHA256_PREFIX = b"sha256="
"""How the Metadata's message to the user begins that carries the file's SHA-256."""

# A receiver that has acknowledged the end but says nothing for so many retry times is asked again.
_SILENCE = 3


@dataclass(frozen=True)
class Product:
    """One file to be sent.

    Attributes:
        name: plain file name at the destination.
        path: where it lies.
        size: bytes.
        sha256: of its content, hexadecimal.
        checksum: CFDP checksum of its content.
    """

    name: str
    path: Path
    size: int
    sha256: str
    checksum: int

    @property
    def id(self) -> str:
        """Content-derived id: the same bytes, the same id."""
        return self.sha256[:16]


class Outbound(NamedTuple):
    """A PDU ready to go: its bytes, its transaction, and whether it was sent before."""

    pdu: bytes
    sequence: int
    resent: bool
    new_bytes: int


def belongs(header: Header, link: Link, *, towards_sender: bool) -> bool:
    """Say whether a PDU is of this link, this class and this direction, with or without CRC as set.

    The last matters: an error in the very bit that announces a CRC would switch its check off.
    """
    return (
        (header.source, header.destination) == (link.spacecraft_id, link.ground_id)
        and header.towards_sender == towards_sender
        and header.acknowledged
        and header.crc == link.pdu_crc
    )


@dataclass
class _Transaction:
    product: Product
    header: Header
    offset: int = 0
    wanted: Wanted = field(default_factory=Wanted)
    metadata_sent: bool = False
    metadata_due: bool = True
    eof_sent_s: float = -math.inf
    eof_tries: int = 0
    eof_acked: bool = False
    heard_s: float = -math.inf
    handle: int = -1


class Sender:
    """Sends products one after the other and answers what comes back.

    Attributes:
        finished: per transaction that ended, its condition code in the order of ending.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._open: dict[int, _Transaction] = {}
        self._answers: list[tuple[int, bytes]] = []
        self._next_sequence = 1
        self.finished: dict[int, int] = {}

    def put(self, product: Product) -> int:
        """Queue a product; return its transaction's sequence number."""
        sequence = self._next_sequence
        self._next_sequence += 1
        self._open[sequence] = _Transaction(product, self._header(sequence, product))
        return sequence

    def _header(self, sequence: int, product: Product) -> Header:
        return Header(
            source=self._link.spacecraft_id,
            destination=self._link.ground_id,
            sequence=sequence,
            crc=self._link.pdu_crc,
            large=product.size >= 1 << 32,
        )

    @property
    def idle(self) -> bool:
        """Whether every transaction has ended and every answer has gone out."""
        return not self._open and not self._answers

    def product(self, sequence: int) -> Product | None:
        """Return the product of an open transaction."""
        transaction = self._open.get(sequence)
        return transaction.product if transaction else None

    def unsent_bytes(self) -> int:
        """Return how many bytes have never been sent."""
        return sum(t.product.size - t.offset for t in self._open.values())

    def close(self) -> None:
        """Let go of the files being read."""
        for transaction in self._open.values():
            _close(transaction)

    # ---- towards the receiver ----

    def next_pdu(self, now_s: float, room: int) -> Outbound | None:
        """Return the next PDU to send at `now_s` that is no longer than `room` bytes, if any."""
        if self._answers:
            if len(self._answers[0][1]) > room:
                return None
            sequence, pdu = self._answers.pop(0)
            return Outbound(pdu, sequence, False, 0)
        for sequence, transaction in list(self._open.items()):
            self._check_timers(sequence, transaction, now_s)
            if sequence in self._open and (out := self._next_of(transaction, now_s, room)):
                return out
            # What does not fit now is not overtaken by what is shorter: order stays simple.
            if sequence in self._open and self._due(transaction):
                return None
        return None

    def _due(self, transaction: _Transaction) -> bool:
        return (
            transaction.metadata_due
            or bool(transaction.wanted)
            or transaction.offset < transaction.product.size
            or transaction.eof_sent_s == -math.inf
        )

    def _next_of(self, transaction: _Transaction, now_s: float, room: int) -> Outbound | None:
        product, sequence = transaction.product, transaction.header.sequence
        if transaction.metadata_due:
            pdu = self._metadata(transaction)
            if len(pdu) > room:
                return None
            resent, transaction.metadata_sent = transaction.metadata_sent, True
            transaction.metadata_due = False
            return Outbound(pdu, sequence, resent, 0)
        if transaction.wanted:
            start, end = transaction.wanted.first(self._link.segment_bytes)
            if data := self._data(transaction, start, end, room):
                transaction.wanted.sent(end)
                return Outbound(data, sequence, True, 0)
            return None
        if transaction.offset < product.size:
            start = transaction.offset
            end = min(start + self._link.segment_bytes, product.size)
            if data := self._data(transaction, start, end, room):
                transaction.offset = end
                return Outbound(data, sequence, False, end - start)
            return None
        if transaction.eof_sent_s == -math.inf:
            pdu = pack(transaction.header, Eof(0, product.checksum, product.size))
            if len(pdu) > room:
                return None
            transaction.eof_sent_s = now_s
            return Outbound(pdu, sequence, transaction.eof_tries > 0, 0)
        return None

    def _metadata(self, transaction: _Transaction) -> bytes:
        product = transaction.product
        message = SHA256_PREFIX + bytes.fromhex(product.sha256)
        body = Metadata(
            CHECKSUMS[self._link.checksum],
            product.size,
            product.name,
            product.name,
            options=((_MESSAGE_TO_USER, message),),
        )
        return pack(transaction.header, body)

    def _data(self, transaction: _Transaction, start: int, end: int, room: int) -> bytes | None:
        # Header 12, offset 4 or 8, CRC 2.
        if end - start + 22 > room:
            return None
        try:
            if transaction.handle < 0:
                transaction.handle = os.open(transaction.product.path, os.O_RDONLY | os.O_CLOEXEC)
            data = os.pread(transaction.handle, end - start, start)
        except OSError as error:
            raise self._changed(transaction, error.strerror or str(error)) from error
        if len(data) != end - start:
            raise self._changed(transaction, "it became shorter while it was sent")
        return pack_file_data(transaction.header, start, data)

    def _changed(self, transaction: _Transaction, what: str) -> InputError:
        return InputError(
            f"cannot be read: {what}",
            where=str(transaction.product.path),
            right="Leave the onboard files alone while they are relayed, then run the same again.",
        )

    # ---- timers ----

    def _check_timers(self, sequence: int, transaction: _Transaction, now_s: float) -> None:
        if now_s < self._due_s(transaction):
            return
        transaction.eof_tries += 1
        if transaction.eof_tries > self._link.retry_limit:
            self._end(sequence, Condition.POSITIVE_ACK_LIMIT)
            size, checksum = transaction.product.size, transaction.product.checksum
            cancel = Eof(Condition.POSITIVE_ACK_LIMIT, checksum, size)
            self._answers.append((sequence, pack(transaction.header, cancel)))
            return
        # Sending it again asks a receiver that has gone silent to say where it stands.
        transaction.eof_sent_s = -math.inf
        transaction.eof_acked = False

    def _due_s(self, transaction: _Transaction) -> float:
        if transaction.eof_sent_s == -math.inf or transaction.wanted:
            return math.inf
        if not transaction.eof_acked:
            return transaction.eof_sent_s + self._link.retry_after_s
        return transaction.heard_s + _SILENCE * self._link.retry_after_s

    def next_timer_s(self) -> float:
        """Return when a timer will run out, or infinity."""
        return min((self._due_s(t) for t in self._open.values()), default=math.inf)

    # ---- from the receiver ----

    def receive(self, packed: bytes | bytearray, now_s: float) -> bool:
        """Take in a PDU; return whether it was sound and for this sender."""
        try:
            header, body = unpack(packed)
        except PduError:
            return False
        if not belongs(header, self._link, towards_sender=True):
            return False
        transaction = self._open.get(header.sequence)
        if isinstance(body, Finished):
            self._on_finished(header.sequence, transaction, body)
        elif transaction is not None:
            transaction.heard_s = max(transaction.heard_s, now_s)
            if isinstance(body, Nak):
                self._on_nak(transaction, body)
            elif isinstance(body, Ack) and body.directive == EOF:
                transaction.eof_acked = True
                transaction.eof_tries = 0
        return True

    def _on_nak(self, transaction: _Transaction, nak: Nak) -> None:
        segments = nak.segments
        asks_metadata = (segments == 0).all(axis=1)
        if asks_metadata.any():
            transaction.metadata_due = True
            segments = segments[~asks_metadata]
        # Nothing is sent again that was not sent before, whatever is asked for.
        segments = np.minimum(segments, np.uint64(transaction.offset)).astype(np.int64)
        transaction.wanted.add(segments[segments[:, 1] > segments[:, 0]])

    def _on_finished(self, sequence: int, transaction: _Transaction | None, body: Finished) -> None:
        known = transaction is not None or sequence in self.finished
        if transaction is not None:
            condition = body.condition
            if condition == Condition.NO_ERROR and not body.complete:
                condition = Condition.CANCELLED
            self._end(sequence, condition)
        header = Header(
            source=self._link.spacecraft_id,
            destination=self._link.ground_id,
            sequence=sequence,
            crc=self._link.pdu_crc,
        )
        status = _TERMINATED if known else _UNRECOGNISED
        self._answers.append((sequence, pack(header, Ack(FINISHED, body.condition, status))))

    def _end(self, sequence: int, condition: int) -> None:
        transaction = self._open.pop(sequence)
        _close(transaction)
        self.finished[sequence] = int(condition)

    # ---- state ----

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on later, as plain JSON values."""
        return {
            "next_sequence": self._next_sequence,
            "answers": [[sequence, pdu.hex()] for sequence, pdu in self._answers],
            "finished": {str(k): v for k, v in self.finished.items()},
            "open": [
                {
                    "sequence": sequence,
                    "name": t.product.name,
                    "offset": t.offset,
                    "wanted": t.wanted.pairs().tolist(),
                    "metadata_sent": t.metadata_sent,
                    "metadata_due": t.metadata_due,
                    "eof_sent_s": None if t.eof_sent_s == -math.inf else t.eof_sent_s,
                    "eof_tries": t.eof_tries,
                    "eof_acked": t.eof_acked,
                    "heard_s": None if t.heard_s == -math.inf else t.heard_s,
                }
                for sequence, t in self._open.items()
            ],
        }

    def restore(self, state: dict[str, Any], products: dict[str, Product]) -> None:
        """Take up a state written by `state`, with the products by name."""
        self._next_sequence = state["next_sequence"]
        self._answers = [(sequence, bytes.fromhex(pdu)) for sequence, pdu in state["answers"]]
        self.finished = {int(k): v for k, v in state["finished"].items()}
        self._open = {}
        for row in state["open"]:
            product = products[row["name"]]
            self._open[row["sequence"]] = _Transaction(
                product,
                self._header(row["sequence"], product),
                offset=row["offset"],
                wanted=Wanted(row["wanted"]),
                metadata_sent=row["metadata_sent"],
                metadata_due=row["metadata_due"],
                eof_sent_s=-math.inf if row["eof_sent_s"] is None else row["eof_sent_s"],
                eof_tries=row["eof_tries"],
                eof_acked=row["eof_acked"],
                heard_s=-math.inf if row["heard_s"] is None else row["heard_s"],
            )


def _close(transaction: _Transaction) -> None:
    if transaction.handle >= 0:
        os.close(transaction.handle)
        transaction.handle = -1
