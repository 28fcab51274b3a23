"""A whole transfer in simulated time: passes, both machines, the link between, and a way to resume.

After every pass the state of both machines goes to the disk; a run that is killed goes on from the
last pass and, because a pass draws its losses from its own number, ends as an unbroken run does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skycrane.errors import TransferError
from skycrane.files import as_input_error, fsync_dir, write_json
from skycrane.mission.link import Link
from skycrane.relay.engine_receive import Delivered, Receiver
from skycrane.relay.engine_send import Product, Sender
from skycrane.relay.link import Channel, Pass, passes
from skycrane.relay.pdu import Condition

__all__ = ["Counts", "PassRecord", "Transfer", "interrupted", "transfer_digest"]

STATE_NAME = "state.json"


@dataclass
class Counts:
    """What became of one product's PDUs, over all its transactions."""

    pdus_sent: int = 0
    pdus_lost: int = 0
    pdus_corrupt: int = 0
    pdus_resent: int = 0
    bytes_sent: int = 0
    transactions: int = 0
    first_pass: int = -1
    last_pass: int = -1


@dataclass
class PassRecord:
    """What one pass carried."""

    number: int
    orbiter: str
    start_s: float
    pdus_sent: int = 0
    pdus_lost: int = 0
    pdus_corrupt: int = 0
    bytes_sent: int = 0
    answers_sent: int = 0
    answers_lost: int = 0


@dataclass
class _State:
    next_pass: int = 0
    counts: dict[str, Counts] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    failures: dict[str, list[int]] = field(default_factory=dict)
    handled: list[int] = field(default_factory=list)
    records: list[PassRecord] = field(default_factory=list)


def transfer_digest(link: Link, seed: int, products: Iterable[Product]) -> str:
    """Return a hash of everything that decides how a transfer goes.

    The number of passes granted is left out: granting more lets a failed transfer go on.
    """
    about: dict[str, Any] = {
        "link": link.model_dump(exclude={"max_passes"}),
        "seed": seed,
        "products": [[product.name, product.size, product.sha256] for product in products],
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def interrupted(directory: Path, link: Link, seed: int, products: Iterable[Product]) -> bool:
    """Say whether `directory` holds the state of just this transfer, to be taken up."""
    try:
        state = json.loads((directory / STATE_NAME).read_bytes())
        return bool(state["of"] == transfer_digest(link, seed, products))
    except (OSError, ValueError, KeyError, TypeError):
        return False


class Transfer:
    """Carries products to `ground`, whole or not at all.

    Attributes:
        counts: per product name.
        records: per pass used.
        delivered: per product name, what arrived.
    """

    def __init__(
        self,
        link: Link,
        seed: int,
        products: list[Product],
        *,
        directory: Path,
        ground: Path,
        first_pass: int = 0,
        advance: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Prepare a transfer, or take up an interrupted one of the same products and link.

        Args:
            link: the mission's link.
            seed: of the run.
            products: with distinct names.
            directory: for the state and incoming files.
            ground: where finished files go.
            first_pass: number of the first pass that may be used.
            advance: told of bytes sent for the first time.
        """
        self._link, self._seed, self._ground = link, seed, Path(ground)
        self._products = {product.name: product for product in products}
        self._directory = Path(directory)
        self._state_path = self._directory / STATE_NAME
        self._first_pass = first_pass
        self._advance = advance
        self._delay_s = link.one_way_light_time_s + link.relay_delay_s
        self._ground.mkdir(parents=True, exist_ok=True)
        if not self._resume():
            self._start()

    def _start(self) -> None:
        """Begin at the first pass, with nothing left of any earlier try."""
        with contextlib.suppress(FileNotFoundError):
            for path in self._directory.iterdir():
                path.unlink()
        counts = {name: Counts() for name in self._products}
        self._state = _State(next_pass=self._first_pass, counts=counts)
        self._sender = Sender(self._link)
        self._receiver = Receiver(self._link, self._directory)
        for product in self._products.values():
            self._put(product)

    def _put(self, product: Product) -> None:
        self._state.names[self._sender.put(product)] = product.name
        self._state.counts[product.name].transactions += 1

    @property
    def counts(self) -> dict[str, Counts]:
        """What became of each product's PDUs."""
        return self._state.counts

    @property
    def records(self) -> list[PassRecord]:
        """What each pass carried."""
        return self._state.records

    @property
    def delivered(self) -> dict[str, Delivered]:
        """What arrived whole and as it was sent, by product name."""
        found: dict[str, Delivered] = {}
        for one in self._receiver.delivered.values():
            product = self._products.get(one.name)
            if product is not None and one.sha256 == product.sha256:
                found.setdefault(one.name, one)
        return found

    def run(self) -> None:
        """Use pass after pass until everything is home.

        Raises:
            TransferError: the passes or the attempts granted are used up; the state stays.
            InputError: a file cannot be read or written.
        """
        try:
            for one in passes(self._link):
                if one.number < self._state.next_pass:
                    continue
                if self._sender.idle:
                    break
                self._use(one)
                self._state.next_pass = one.number + 1
                self._checkpoint()
        finally:
            self._sender.close()
            self._receiver.close()
        self._report_missing()

    def finish(self) -> None:
        """Remove the state and what never became a file; call it when the ledger is written."""
        with contextlib.suppress(FileNotFoundError):
            for path in self._directory.iterdir():
                path.unlink()
            self._directory.rmdir()

    # ---- one pass ----

    def _use(self, one: Pass) -> None:
        record = PassRecord(one.number, one.orbiter.name, one.start_s)
        outward = Channel(one.orbiter, self._seed, "return", one.number)
        inward = Channel(one.orbiter, self._seed, "forward", one.number)
        # What the ground sends off one delay before the pass is there when the pass begins.
        self._receiver.poll(one.start_s - self._delay_s, at_contact=True)
        now_s = free_s = one.start_s
        while not self._sender.idle:
            free_s = self._deliver_answers(one, inward, record, free_s, now_s)
            room = int((one.end_s - now_s) * one.orbiter.return_rate_bit_s / 8)
            out = self._sender.next_pdu(now_s, room)
            self._settle()
            if out is None:
                later_s = self._next_event_s(one, free_s)
                if not now_s < later_s <= one.end_s:
                    break
                now_s = later_s
                self._receiver.poll(now_s - self._delay_s)
                continue
            now_s += 8 * len(out.pdu) / one.orbiter.return_rate_bit_s
            self._send(out.sequence, out.pdu, out.resent, outward, record, now_s)
            self._advance(out.new_bytes)
        self._state.records.append(record)

    def _send(
        self,
        sequence: int,
        pdu: bytes,
        resent: bool,
        channel: Channel,
        record: PassRecord,
        now_s: float,
    ) -> None:
        counts = self._state.counts[self._state.names[sequence]]
        if counts.first_pass < 0:
            counts.first_pass = record.number
        counts.last_pass = record.number
        counts.pdus_resent += resent
        for tally in (counts, record):
            tally.pdus_sent += 1
            tally.bytes_sent += len(pdu)
        arrived = channel.carry(pdu)
        if arrived is None:
            counts.pdus_lost += 1
            record.pdus_lost += 1
        elif not self._receiver.receive(arrived, now_s + self._delay_s):
            counts.pdus_corrupt += 1
            record.pdus_corrupt += 1

    def _answer_arrives_s(self, one: Pass, free_s: float) -> float:
        if not self._receiver.outbox:
            return float("inf")
        answer = self._receiver.outbox[0]
        start_s = max(answer.made_s + self._delay_s, free_s)
        return start_s + 8 * len(answer.pdu) / one.orbiter.forward_rate_bit_s

    def _deliver_answers(
        self, one: Pass, channel: Channel, record: PassRecord, free_s: float, now_s: float
    ) -> float:
        """Hand the sender what has arrived by `now_s`; return when the forward link is free."""
        taken = 0
        while (at_s := self._answer_arrives_s(one, free_s)) <= min(now_s, one.end_s):
            pdu = self._receiver.take(at_s - self._delay_s)
            free_s = at_s
            record.answers_sent += 1
            arrived = channel.carry(pdu)
            if arrived is None or not self._sender.receive(arrived, at_s):
                record.answers_lost += 1
            taken += 1
        if taken:
            self._settle()
        return free_s

    def _next_event_s(self, one: Pass, free_s: float) -> float:
        return min(
            self._answer_arrives_s(one, free_s),
            self._sender.next_timer_s(),
            self._receiver.next_timer_s() + self._delay_s,
        )

    def _settle(self) -> None:
        """See to transactions that have ended: done, or to be tried anew."""
        if len(self._sender.finished) == len(self._state.handled):
            return
        for sequence, condition in self._sender.finished.items():
            if sequence in self._state.handled:
                continue
            self._state.handled.append(sequence)
            name = self._state.names[sequence]
            # The end may have been lost on its way back although the file is home.
            if name in self.delivered:
                continue
            failures = self._state.failures.setdefault(name, [])
            failures.append(condition)
            if len(failures) < self._link.transaction_attempts:
                self._put(self._products[name])

    # ---- after a pass ----

    def _checkpoint(self) -> None:
        self._receiver.flush()
        state = {
            "of": transfer_digest(self._link, self._seed, self._products.values()),
            "transfer": asdict(self._state),
            "sender": self._sender.state(),
            "receiver": self._receiver.state(),
        }
        write_json(self._state_path, state)
        self._name_files()

    def _name_files(self) -> None:
        """Give the files that are whole their names; doing it twice changes nothing."""
        try:
            for name, one in self.delivered.items():
                incoming = self._receiver.incoming_path(one.sequence)
                if incoming.exists():
                    os.replace(incoming, self._ground / name)
                    fsync_dir(self._ground)
        except OSError as error:
            raise as_input_error(error, self._ground) from error

    def _resume(self) -> bool:
        """Take up the state of an interrupted transfer; False if there is none to be trusted."""
        try:
            state = json.loads(self._state_path.read_bytes())
            if state["of"] != transfer_digest(self._link, self._seed, self._products.values()):
                return False
            transfer = state["transfer"]
            self._state = _State(
                next_pass=transfer["next_pass"],
                counts={name: Counts(**row) for name, row in transfer["counts"].items()},
                names={int(k): name for k, name in transfer["names"].items()},
                failures=transfer["failures"],
                handled=transfer["handled"],
                records=[PassRecord(**row) for row in transfer["records"]],
            )
            self._sender = Sender(self._link)
            self._sender.restore(state["sender"], self._products)
            self._receiver = Receiver(self._link, self._directory)
            whole = self._receiver.restore(state["receiver"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if whole:
            self._name_files()
            whole = all((self._ground / name).is_file() for name in self.delivered)
        if whole:
            total = sum(p.size for p in self._products.values())
            self._advance(total - self._sender.unsent_bytes())
        return whole

    def _report_missing(self) -> None:
        delivered = self.delivered
        missing = [name for name in self._products if name not in delivered]
        if not missing:
            return
        reasons = []
        for name in missing:
            last = self._state.failures.get(name, [None])[-1]
            why = "no end in sight" if last is None else _said(last)
            reasons.append(f"{name} ({why})")
        raise TransferError(
            f"{len(missing)} of {len(self._products)} products are not home after"
            f" {len(self._state.records)} passes: {', '.join(reasons)}",
            where="mission file, table link",
            right="Grant more passes (max_passes) and run the same again to go on,"
            " or describe a better link.",
        )


def _said(condition: int) -> str:
    try:
        return f"given up: {Condition(condition).name.lower().replace('_', ' ')}"
    except ValueError:
        return f"given up: condition {condition}"
