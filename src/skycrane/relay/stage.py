"""The relay stage: every onboard product to the ground, byte for byte, with an account of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from skycrane.errors import InputError
from skycrane.files import as_input_error, check_writable, sha256_file
from skycrane.mission.link import Link
from skycrane.relay.checksums import CHECKSUMS, file_sums
from skycrane.relay.engine_receive import plain_name
from skycrane.relay.engine_send import Product
from skycrane.relay.ledger import LedgerRow, read_ledger, write_ledger
from skycrane.relay.transfer import Counts, PassRecord, Transfer, interrupted
from skycrane.stage import StageContext, StageResult

__all__ = ["onboard_products", "relay", "summary_of"]

_SUFFIXES = (".mcap", ".flac")
_NOTHING = Counts()


def onboard_products(directory: Path, link: Link) -> list[Product]:
    """Return the finished files of `directory` in order of name, their sums counted.

    Raises:
        InputError: there are none, one is unfinished or cannot be read, or its name is not plain.
    """
    paths = sorted(p for p in directory.glob("*") if p.suffix in _SUFFIXES and p.is_file())
    for path in paths:
        if path.stem.endswith(".partial"):
            raise InputError(
                "is not finished",
                where=str(path),
                right="Run the stage that writes it (film or record) to its end first.",
            )
        if not plain_name(path.name):
            raise InputError(
                "has a name that cannot be sent", where=str(path), right="Rename it plainly."
            )
    if not paths:
        raise InputError(
            "holds nothing to relay (*.mcap, *.flac)",
            where=str(directory),
            right="Run `skycrane film` and `skycrane record` first.",
        )
    return [_product(path, link) for path in paths]


def _product(path: Path, link: Link) -> Product:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            checksum, sha256, size = file_sums(handle, CHECKSUMS[link.checksum])
        finally:
            os.close(handle)
    except OSError as error:
        raise as_input_error(error, path) from error
    return Product(path.name, path, size, sha256, checksum)


def relay(context: StageContext) -> StageResult:
    """Carry every file of onboard/ to ground/ over the mission's link.

    A product that the ledger has as verified and that lies unchanged in ground/ is not sent again.

    Raises:
        InputError: nothing to send, or a directory that cannot be written to.
        TransferError: the link could not carry everything in the passes granted; what is home is in
            the ledger, and the same command goes on from there.
    """
    link = context.mission.link
    onboard, ground = context.directory / "onboard", context.directory / "ground"
    ledger = context.directory / "relay" / "ledger.sqlite"
    check_writable(ground)
    check_writable(ledger.parent)
    products = onboard_products(onboard, link)
    incoming = ledger.parent / "incoming"
    home: dict[str, LedgerRow] = {}
    before: list[PassRecord] = []
    if not interrupted(incoming, link, context.seed, products):
        home, before = _already_home(products, ledger, ground)
    left = [product for product in products if product.name not in home]
    rows, records = list(home.values()), before
    if left:
        total = sum(product.size for product in left)
        with context.progress.task("relaying (bytes)", total) as advance:
            transfer = Transfer(
                link,
                context.seed,
                left,
                directory=incoming,
                ground=ground,
                first_pass=before[-1].number + 1 if before else 0,
                advance=advance,
            )
            try:
                transfer.run()
            finally:
                rows = [*home.values(), *_rows(left, transfer)]
                records = [*before, *transfer.records]
                write_ledger(ledger, rows, records)
        transfer.finish()
    return StageResult(
        outputs=[ledger, *(ground / product.name for product in products)],
        summary=summary_of(rows, records),
    )


def _already_home(
    products: list[Product], ledger: Path, ground: Path
) -> tuple[dict[str, LedgerRow], list[PassRecord]]:
    try:
        rows, records = read_ledger(ledger)
    except InputError:
        return {}, []
    sent = {product.name: product.sha256 for product in products}
    home = {
        row.name: row
        for row in rows
        if row.verified
        and sent.get(row.name) == row.sha256_sent
        and (ground / row.name).is_file()
        and sha256_file(ground / row.name) == row.sha256_sent
    }
    return home, records


def _rows(products: list[Product], transfer: Transfer) -> list[LedgerRow]:
    rows = []
    for product in products:
        counts = transfer.counts.get(product.name, _NOTHING)
        arrived = transfer.delivered.get(product.name)
        rows.append(
            LedgerRow(
                name=product.name,
                id=product.id,
                size_bytes=product.size,
                sha256_sent=product.sha256,
                sha256_received=arrived.sha256 if arrived else "",
                verified=arrived is not None and arrived.sha256 == product.sha256,
                pdus_sent=counts.pdus_sent,
                pdus_lost=counts.pdus_lost,
                pdus_corrupt=counts.pdus_corrupt,
                pdus_resent=counts.pdus_resent,
                bytes_sent=counts.bytes_sent,
                transactions=counts.transactions,
                first_pass=counts.first_pass,
                last_pass=counts.last_pass,
                received_t_s=arrived.t_s if arrived else -1.0,
            )
        )
    return rows


def summary_of(rows: list[LedgerRow], records: list[PassRecord]) -> dict[str, Any]:
    """Return the figures of a ledger for people and machines."""
    return {
        "products": len(rows),
        "bytes": sum(row.size_bytes for row in rows),
        "pdus_sent": sum(row.pdus_sent for row in rows),
        "pdus_lost": sum(row.pdus_lost for row in rows),
        "pdus_corrupt": sum(row.pdus_corrupt for row in rows),
        "pdus_resent": sum(row.pdus_resent for row in rows),
        "passes": len(records),
        "simulated_hours": round(max((row.received_t_s for row in rows), default=0) / 3600, 3),
        "verified": sum(row.verified for row in rows),
    }
