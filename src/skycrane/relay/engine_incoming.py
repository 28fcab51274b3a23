"""What the receiver knows of one file on its way in, and how that is written down."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skycrane.relay.extents import Extents
from skycrane.relay.pdu import Eof, Finished, Header, Metadata

__all__ = ["Incoming", "finite", "incoming_state", "restored_incoming"]


@dataclass
class Incoming:
    """One file on its way in.

    Attributes:
        header: of the first PDU seen; the widths of its ids are used for answers.
        path: where its bytes lie.
        extents: which bytes are there.
        progress: end of the farthest byte seen.
        metadata, eof: as received, if yet.
        heard_s: when file data last arrived.
        asked_s, asked_tries, asked_arrived: when a NAK last went, how often in a row without an
            answer, and how many bytes had arrived then.
        arrived_bytes: file data received, repeated ones included.
        finished, finished_s, finished_tries: how it ended, when that was last said, how often.
        acknowledged: whether the sender knows how it ended, or is no longer told.
        handle: of the open file, or -1.
    """

    header: Header
    path: Path
    extents: Extents = field(default_factory=Extents)
    progress: int = 0
    metadata: Metadata | None = None
    eof: Eof | None = None
    asked_s: float = math.inf
    asked_tries: int = 0
    asked_arrived: int = -1
    arrived_bytes: int = 0
    heard_s: float = -math.inf
    finished: Finished | None = None
    finished_s: float = math.inf
    finished_tries: int = 0
    acknowledged: bool = False
    handle: int = -1


def finite(value: float) -> float | None:
    """Return `value`, or None where it is infinite, which JSON cannot say."""
    return value if math.isfinite(value) else None


def incoming_state(transaction: Incoming) -> dict[str, Any]:
    """Return a transaction as plain JSON values."""
    metadata = transaction.metadata
    header = transaction.header
    return {
        "header": {name: getattr(header, name) for name in Header.__dataclass_fields__},
        "extents": transaction.extents.pairs().tolist(),
        "progress": transaction.progress,
        "metadata": metadata
        and [*metadata[:5], [[kind, value.hex()] for kind, value in metadata.options]],
        "eof": transaction.eof and [int(v) for v in transaction.eof[:3]],
        "heard_s": finite(transaction.heard_s),
        "acknowledged": transaction.acknowledged,
        "asked_s": finite(transaction.asked_s),
        "asked_tries": transaction.asked_tries,
        "asked_arrived": transaction.asked_arrived,
        "arrived_bytes": transaction.arrived_bytes,
        "finished": transaction.finished and [int(v) for v in transaction.finished[:3]],
        "finished_s": finite(transaction.finished_s),
        "finished_tries": transaction.finished_tries,
    }


def restored_incoming(row: dict[str, Any], path: Path) -> Incoming:
    """Return the transaction that `incoming_state` wrote down; its bytes lie at `path`."""
    transaction = Incoming(Header(**row["header"]), path, extents=Extents(row["extents"]))
    if row["metadata"]:
        *fields, options = row["metadata"]
        pairs = tuple((kind, bytes.fromhex(value)) for kind, value in options)
        transaction.metadata = Metadata._make([*fields, pairs])
    if row["eof"]:
        transaction.eof = Eof(*row["eof"])
    if row["finished"]:
        condition, complete, status = row["finished"]
        transaction.finished = Finished(condition, bool(complete), status)
    transaction.heard_s = -math.inf if row["heard_s"] is None else row["heard_s"]
    transaction.acknowledged = row["acknowledged"]
    for name in ("progress", "asked_tries", "asked_arrived", "arrived_bytes", "finished_tries"):
        setattr(transaction, name, row[name])
    for name in ("asked_s", "finished_s"):
        setattr(transaction, name, math.inf if row[name] is None else row[name])
    return transaction
