"""The ground's end of file delivery: a class 2 receiver for many files, as a state machine.

Source: CCSDS 727.0-B-5, 4.6.4 (acknowledged mode, deferred and immediate NAK). Bytes go to an
incoming file a transaction; a file gets its name only when it is whole, its checksum and SHA-256
hold, and its name is a plain one.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skycrane.files import as_input_error
from skycrane.mission.link import Link
from skycrane.relay.checksums import CHECKSUMS, file_sums
from skycrane.relay.engine_incoming import (
    Incoming,
    finite,
    incoming_state,
    restored_incoming,
)
from skycrane.relay.engine_send import EOF, FINISHED, SHA256_PREFIX, belongs
from skycrane.relay.extents import Extents
from skycrane.relay.pdu import (
    Ack,
    Body,
    Condition,
    Eof,
    FileData,
    FileStatus,
    Finished,
    Header,
    Metadata,
    Nak,
    PduError,
    max_segment_requests,
    pack,
    unpack,
)

__all__ = ["Answer", "Delivered", "Receiver", "plain_name"]

MAX_FILE_BYTES = 1 << 44
"""Larger announcements are taken for damage or malice and rejected."""

_MAX_OPEN = 4096
_ACTIVE, _TERMINATED = 1, 2


class Answer(NamedTuple):
    """A PDU waiting to go to the sender: when it was made, its bytes and transaction.

    `timed` says that a timer starts when it goes.
    """

    made_s: float
    pdu: bytes
    sequence: int
    timed: bool


@dataclass(frozen=True)
class Delivered:
    """A file that arrived whole: its transaction, name, size and SHA-256 as received."""

    sequence: int
    name: str
    size: int
    sha256: str
    t_s: float


def plain_name(name: str) -> bool:
    """Say whether a destination name is one plain file name that cannot leave its directory."""
    return (
        0 < len(name.encode()) <= 200
        and name[0] != "."
        and all(c.isprintable() and c not in '/\\:*?"<>|' for c in name)
    )


class Receiver:
    """Receives files into `directory` and says what is missing.

    Attributes:
        outbox: PDUs for the sender, oldest first; they go by `take`.
        delivered: files that are whole, by transaction; they still lie under `incoming_path`.
        refused: damaged or foreign PDUs seen.
    """

    def __init__(self, link: Link, directory: Path) -> None:
        self._link = link
        self._directory = Path(directory)
        self._known: dict[int, Incoming] = {}
        self._now_s = -math.inf
        self._timer_s = math.inf
        self.outbox: list[Answer] = []
        self.delivered: dict[int, Delivered] = {}
        self.refused = 0
        self._directory.mkdir(parents=True, exist_ok=True)

    def incoming_path(self, sequence: int) -> Path:
        """Return where the bytes of a transaction lie until the file gets its name."""
        return self._directory / f"{sequence:08d}.incoming"

    # ---- from the sender ----

    def receive(self, packed: bytes | bytearray, now_s: float) -> bool:
        """Take in a PDU; return whether it was sound and for this receiver.

        Raises:
            InputError: the disk is full or cannot be written.
        """
        self._now_s = max(self._now_s, now_s)
        if self._timer_s <= self._now_s:
            self.poll(self._now_s)
        try:
            header, body = unpack(packed)
        except PduError:
            self.refused += 1
            return False
        if not belongs(header, self._link, towards_sender=False):
            self.refused += 1
            return False
        transaction = self._known.get(header.sequence)
        if transaction is None:
            if isinstance(body, Ack) or len(self._known) >= _MAX_OPEN:
                self.refused += 1
                return False
            transaction = Incoming(header, self.incoming_path(header.sequence))
            self._known[header.sequence] = transaction
        try:
            self._dispatch(transaction, body)
        except OSError as error:
            raise as_input_error(error, transaction.path) from error
        if transaction.finished is not None or not isinstance(body, FileData):
            self._timer_s = min(map(self._due_s, self._known.values()), default=math.inf)
        return True

    def _dispatch(self, transaction: Incoming, body: Body) -> None:
        if transaction.finished is not None:
            if isinstance(body, Eof):
                self._answer(transaction, Ack(EOF, body.condition, _TERMINATED))
                self._send_finished(transaction)
            elif isinstance(body, Ack) and body.directive == FINISHED:
                transaction.acknowledged = True
        elif isinstance(body, FileData):
            self._on_data(transaction, body)
        elif isinstance(body, Metadata):
            self._on_metadata(transaction, body)
        elif isinstance(body, Eof):
            self._on_eof(transaction, body)

    def _size(self, transaction: Incoming) -> int:
        if transaction.eof is not None:
            return transaction.eof.size
        return MAX_FILE_BYTES if transaction.metadata is None else transaction.metadata.size

    def _on_data(self, transaction: Incoming, body: FileData) -> None:
        end = body.offset + len(body.data)
        if end > self._size(transaction):
            self._end(transaction, Condition.SIZE_ERROR)
            return
        handle = self._open(transaction)
        data, at = memoryview(body.data), body.offset
        while data:
            written = os.pwrite(handle, data, at)
            data, at = data[written:], at + written
        transaction.extents.add(body.offset, end)
        transaction.arrived_bytes += len(body.data)
        transaction.heard_s = self._now_s
        before, transaction.progress = transaction.progress, max(transaction.progress, end)
        if transaction.eof is not None:
            self._try_to_end(transaction)
        elif self._link.nak_mode == "immediate" and body.offset > before:
            self._answer(transaction, Nak(before, end, np.array([[before, body.offset]])))

    def _on_metadata(self, transaction: Incoming, body: Metadata) -> None:
        if transaction.metadata is not None:
            return
        if not plain_name(body.destination_name) or body.size > MAX_FILE_BYTES:
            self._end(transaction, Condition.FILESTORE_REJECTION)
        elif body.checksum not in CHECKSUMS.values():
            self._end(transaction, Condition.UNSUPPORTED_CHECKSUM)
        elif transaction.progress > body.size or (
            transaction.eof is not None and transaction.eof.size != body.size
        ):
            self._end(transaction, Condition.SIZE_ERROR)
        else:
            transaction.metadata = body
            if transaction.eof is not None:
                self._try_to_end(transaction)

    def _on_eof(self, transaction: Incoming, body: Eof) -> None:
        self._answer(transaction, Ack(EOF, body.condition, _ACTIVE))
        if body.condition != Condition.NO_ERROR:
            self._end(transaction, body.condition)
            return
        announced = transaction.metadata.size if transaction.metadata else body.size
        if body.size < transaction.progress or body.size != announced:
            self._end(transaction, Condition.SIZE_ERROR)
            return
        if body.size > MAX_FILE_BYTES:
            self._end(transaction, Condition.FILESTORE_REJECTION)
            return
        repeated = transaction.eof is not None
        transaction.eof = body
        # An EOF sent again says nothing new: the NAK's own timer decides when to ask again.
        if not self._try_to_end(transaction) and not repeated:
            self._ask(transaction)

    # ---- the end of a transaction ----

    def _try_to_end(self, transaction: Incoming) -> bool:
        eof, metadata = transaction.eof, transaction.metadata
        if eof is None or metadata is None or not transaction.extents.covers(eof.size):
            return False
        handle = self._open(transaction)
        checksum, sha256, size = file_sums(handle, metadata.checksum)
        announced = next(
            (v for _, v in metadata.options if v.startswith(SHA256_PREFIX)), SHA256_PREFIX
        )[len(SHA256_PREFIX) :].hex()
        if size != eof.size or checksum != eof.checksum or announced not in ("", sha256):
            self._end(transaction, Condition.CHECKSUM_FAILURE)
            return True
        os.fsync(handle)
        sequence = transaction.header.sequence
        self.delivered[sequence] = Delivered(
            sequence, metadata.destination_name, size, sha256, self._now_s
        )
        self._end(transaction, Condition.NO_ERROR)
        return True

    def _end(self, transaction: Incoming, condition: int) -> None:
        self._close(transaction)
        good = condition == Condition.NO_ERROR
        status = FileStatus.RETAINED if good else FileStatus.DISCARDED
        if condition == Condition.FILESTORE_REJECTION:
            status = FileStatus.REJECTED
        if not good:
            transaction.path.unlink(missing_ok=True)
        transaction.finished = Finished(condition, good, status)
        transaction.extents = Extents()
        transaction.asked_s = math.inf
        self._send_finished(transaction)

    # ---- towards the sender ----

    def _answer(self, transaction: Incoming, body: Body) -> None:
        header = transaction.header
        back = Header(
            source=header.source,
            destination=header.destination,
            sequence=header.sequence,
            towards_sender=True,
            crc=self._link.pdu_crc,
            large=header.large,
            entity_bytes=header.entity_bytes,
            sequence_bytes=header.sequence_bytes,
        )
        # Before the end of the file is known a NAK is a courtesy: none is ever awaited.
        asks = isinstance(body, Nak) and transaction.eof is not None
        timed = asks or isinstance(body, Finished)
        self.outbox.append(Answer(self._now_s, pack(back, body), header.sequence, timed))

    def take(self, departs_s: float) -> bytes:
        """Return the oldest answer, which goes at `departs_s`: from then on its reply is awaited.

        Timers stand still while an answer waits for a pass.
        """
        answer = self.outbox.pop(0)
        transaction = self._known[answer.sequence]
        if answer.timed:
            if transaction.finished is None:
                transaction.asked_s = departs_s
            else:
                transaction.finished_s = departs_s
            self._timer_s = min(self._timer_s, self._due_s(transaction))
        return answer.pdu

    def _send_finished(self, transaction: Incoming) -> None:
        assert transaction.finished is not None
        self._answer(transaction, transaction.finished)
        transaction.finished_s = math.inf

    def _ask(self, transaction: Incoming) -> None:
        """Send a NAK sequence for everything missing."""
        assert transaction.eof is not None
        size = transaction.eof.size
        gaps = transaction.extents.gaps(size)
        if transaction.metadata is None:
            gaps = np.concatenate((np.zeros((1, 2), np.int64), gaps))
        many = max_segment_requests(transaction.header, self._link.segment_bytes)
        start = 0
        for first in range(0, len(gaps), many):
            part = gaps[first : first + many]
            end = size if first + many >= len(gaps) else int(part[-1, 1])
            self._answer(transaction, Nak(start, end, part))
            start = end
        transaction.asked_s = math.inf

    def _due_s(self, transaction: Incoming, *, at_contact: bool = False) -> float:
        """Return when it is time to ask or to say again.

        While a pass lasts, data still coming in put that off. When one begins nothing is under way
        any more, and only the question's own age counts.
        """
        if transaction.finished is not None:
            ended = transaction.acknowledged
            return math.inf if ended else transaction.finished_s + self._link.retry_after_s
        since = transaction.asked_s
        if not at_contact:
            since = max(since, transaction.heard_s)
        return since + self._link.retry_after_s

    def next_timer_s(self) -> float:
        """Return when a timer will run out, or infinity."""
        return self._timer_s

    def poll(self, now_s: float, *, at_contact: bool = False) -> None:
        """Send again what has had no answer for too long, or give it up.

        Args:
            now_s: the time.
            at_contact: whether this is what the ground sends to meet the beginning of a pass.
        """
        self._now_s = max(self._now_s, now_s)
        for transaction in self._known.values():
            if self._due_s(transaction, at_contact=at_contact) > self._now_s:
                continue
            if transaction.finished is not None:
                transaction.finished_tries += 1
                if transaction.finished_tries > self._link.retry_limit:
                    transaction.acknowledged = True  # given up: it is said again if an EOF asks
                else:
                    self._send_finished(transaction)
                continue
            # The limit counts questions without any answer (4.6.4.7).
            answered = transaction.arrived_bytes != transaction.asked_arrived
            transaction.asked_tries = 1 if answered else transaction.asked_tries + 1
            transaction.asked_arrived = transaction.arrived_bytes
            if transaction.asked_tries > self._link.retry_limit:
                self._end(transaction, Condition.NAK_LIMIT)
            else:
                self._ask(transaction)
        self._timer_s = min(map(self._due_s, self._known.values()), default=math.inf)

    # ---- files and state ----

    def _open(self, transaction: Incoming) -> int:
        if transaction.handle < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            transaction.handle = os.open(transaction.path, flags, 0o644)
        return transaction.handle

    def _close(self, transaction: Incoming) -> None:
        if transaction.handle >= 0:
            os.close(transaction.handle)
            transaction.handle = -1

    def close(self) -> None:
        """Let go of the files being written."""
        for transaction in self._known.values():
            self._close(transaction)

    def flush(self) -> None:
        """Bring everything received so far onto the disk.

        Raises:
            InputError: the disk is full.
        """
        for transaction in self._known.values():
            if transaction.handle >= 0:
                try:
                    os.fsync(transaction.handle)
                except OSError as error:
                    raise as_input_error(error, transaction.path) from error

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on later, as plain JSON values."""
        return {
            "now_s": finite(self._now_s),
            "refused": self.refused,
            "outbox": [[a.made_s, a.pdu.hex(), a.sequence, a.timed] for a in self.outbox],
            "delivered": [vars(d) for d in self.delivered.values()],
            "known": [incoming_state(transaction) for transaction in self._known.values()],
        }

    def restore(self, state: dict[str, Any]) -> bool:
        """Take up a state written by `state`; return whether the incoming files are all there.

        Bytes that came after the state was written are cut off: they will come again.
        """
        self._now_s = -math.inf if state["now_s"] is None else state["now_s"]
        self.refused = state["refused"]
        self.outbox = [Answer(t, bytes.fromhex(pdu), *more) for t, pdu, *more in state["outbox"]]
        self.delivered = {d["sequence"]: Delivered(**d) for d in state["delivered"]}
        self._known = {}
        for row in state["known"]:
            transaction = restored_incoming(row, self.incoming_path(row["header"]["sequence"]))
            self._known[transaction.header.sequence] = transaction
        self._timer_s = min(map(self._due_s, self._known.values()), default=math.inf)
        return self._cut_back()

    def _cut_back(self) -> bool:
        keep = {self.incoming_path(sequence) for sequence in self.delivered}
        for transaction in self._known.values():
            if transaction.finished is None and transaction.progress:
                path = transaction.path
                if not path.exists() or path.stat().st_size < transaction.progress:
                    return False
                os.truncate(path, transaction.progress)
                keep.add(path)
        for path in self._directory.glob("*.incoming"):
            if path not in keep:
                path.unlink()
        return True
