"""The ledger: what was sent, lost, sent again, received and verified, as a small SQLite database.

The same transfer gives the same rows in the same order, and the file is whole or absent.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from skycrane.errors import InputError
from skycrane.files import atomic_path
from skycrane.relay.transfer import PassRecord

__all__ = ["LedgerRow", "read_ledger", "write_ledger"]

_FORMAT = 1
_SQL_TYPES = {"str": "TEXT", "int": "INTEGER", "float": "REAL", "bool": "INTEGER"}


@dataclass(frozen=True)
class LedgerRow:
    """One product's account.

    Attributes:
        name: file name on board and on the ground.
        id: first 16 hexadecimal digits of the SHA-256 of its content.
        size_bytes: its size.
        sha256_sent, sha256_received: of the content on board and of what arrived; empty if nothing
            whole arrived.
        verified: whether both are the same.
        pdus_sent, pdus_lost, pdus_corrupt, pdus_resent: from the vehicle, over all transactions;
            lost never arrived, corrupt were refused by the receiver.
        bytes_sent: of all those PDUs.
        transactions: how many it took.
        first_pass, last_pass: numbers of the passes that carried it.
        received_t_s: when its last byte arrived, seconds after entry interface; -1 if it did not.
    """

    name: str
    id: str
    size_bytes: int
    sha256_sent: str
    sha256_received: str
    verified: bool
    pdus_sent: int
    pdus_lost: int
    pdus_corrupt: int
    pdus_resent: int
    bytes_sent: int
    transactions: int
    first_pass: int
    last_pass: int
    received_t_s: float

    def __post_init__(self) -> None:
        # SQLite has no truth values: what comes back from it is 0 or 1.
        object.__setattr__(self, "verified", bool(self.verified))


def _create(table: str, kind: type) -> str:
    columns = ", ".join(f"{f.name} {_SQL_TYPES[str(f.type)]} NOT NULL" for f in fields(kind))
    return f"CREATE TABLE {table} ({columns})"


def _insert(table: str, kind: type) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * len(fields(kind)))})"  # noqa: S608


def write_ledger(path: Path, rows: list[LedgerRow], records: list[PassRecord]) -> None:
    """Write products and passes to a new database.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_path(Path(path)) as partial:
        partial.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as database:
            # The temporary name and the rename make it atomic; a journal would only add a file.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA page_size = 4096")
            database.execute(f"PRAGMA user_version = {_FORMAT}")
            database.execute("BEGIN")
            database.execute(_create("products", LedgerRow))
            database.execute(_create("passes", PassRecord))
            ordered = sorted(rows, key=lambda row: row.name)
            database.executemany(_insert("products", LedgerRow), map(astuple, ordered))
            database.executemany(_insert("passes", PassRecord), map(astuple, records))
            database.execute("COMMIT")


def read_ledger(path: Path) -> tuple[list[LedgerRow], list[PassRecord]]:
    """Return products and passes of a ledger.

    Raises:
        InputError: it is missing, damaged or of another format.
    """
    wrong = InputError(
        "is not a ledger of this version",
        where=str(path),
        right="Delete it and relay again.",
    )
    if not Path(path).is_file():
        raise InputError("there is no ledger", where=str(path), right="Relay first.")
    names = [f.name for f in fields(LedgerRow)]
    try:
        address = f"{Path(path).resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            if database.execute("PRAGMA user_version").fetchone() != (_FORMAT,):
                raise wrong
            products: list[tuple[Any, ...]] = database.execute(
                "SELECT * FROM products ORDER BY name"
            ).fetchall()
            passes = database.execute("SELECT * FROM passes ORDER BY number").fetchall()
        rows = [LedgerRow(**dict(zip(names, row, strict=True))) for row in products]
        return rows, [PassRecord(*row) for row in passes]
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise wrong from error
