"""Both machines: delivery under loss, errors, repetition and disorder, and hostile PDUs."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from relay_builders import content, link, product

from skycrane.errors import InputError, TransferError
from skycrane.relay.engine_receive import MAX_FILE_BYTES, Receiver, plain_name
from skycrane.relay.engine_send import Sender
from skycrane.relay.pdu import (
    Ack,
    Condition,
    Eof,
    FileData,
    FileStatus,
    Finished,
    Header,
    Metadata,
    Nak,
    pack,
    unpack,
)
from skycrane.relay.transfer import Transfer

HEADER = Header(source=168, destination=1, sequence=1)


def drive(sender: Sender, receiver: Receiver, fate, steps: int = 4000) -> None:
    """Pass PDUs between the machines a second apart; `fate(pdu, outward)` lists what arrives."""
    now_s = 0.0
    for _ in range(steps):
        if sender.idle:
            return
        now_s += 1.0
        if out := sender.next_pdu(now_s, 1 << 20):
            for pdu in fate(out.pdu, True):
                receiver.receive(pdu, now_s)
        receiver.poll(now_s)
        while receiver.outbox:
            for arrived in fate(receiver.take(now_s), False):
                sender.receive(arrived, now_s)


def machines(tmp_path: Path, data: bytes, **changes) -> tuple[Sender, Receiver]:
    settings_ = link(**changes)
    sender, receiver = Sender(settings_), Receiver(settings_, tmp_path / "incoming")
    sender.put(product(tmp_path / "a.mcap", data, settings_.checksum))
    return sender, receiver


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 54321])
@pytest.mark.parametrize("checksum", ["crc32c", "crc32", "modular", "null"])
def test_without_loss_each_byte_goes_once(tmp_path, size, checksum):
    data = content(size)
    sender, receiver = machines(tmp_path, data, checksum=checksum)
    sent = []
    drive(sender, receiver, lambda pdu, outward: [pdu] if not sent.append((pdu, outward)) else [])
    assert sender.finished == {1: Condition.NO_ERROR}
    assert receiver.incoming_path(1).read_bytes() == data
    assert receiver.delivered[1].name == "a.mcap"
    # Metadata, the segments, EOF, ACK of Finished.
    assert sum(outward for _, outward in sent) == 3 + -(-size // 1000)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(0, 9000),
    loss=st.floats(0, 0.3),
    errors=st.floats(0, 0.3),
    repeats=st.floats(0, 0.3),
    late=st.floats(0, 0.3),
    seed=st.integers(0, 2**32),
    mode=st.sampled_from(["deferred", "immediate"]),
)
def test_any_pattern_ends_identical_or_in_an_explicit_failure(
    tmp_path_factory, size, loss, errors, repeats, late, seed, mode
):
    directory = tmp_path_factory.mktemp("any")
    data = content(size)
    sender, receiver = machines(directory, data, nak_mode=mode)
    draw = random.Random(seed)
    held: dict[bool, list[bytes]] = {True: [], False: []}

    def fate(pdu, outward):
        arrived = []
        if draw.random() < errors:
            spoilt = bytearray(pdu)
            for _ in range(draw.randint(1, 40)):
                spoilt[draw.randrange(len(pdu))] ^= 1 << draw.randrange(8)
            pdu = bytes(spoilt)
        if draw.random() >= loss:
            arrived = [pdu] * (1 + (draw.random() < repeats))
        if held[outward] and draw.random() < 0.5:
            arrived.append(held[outward].pop())
        if arrived and draw.random() < late:
            held[outward].append(arrived.pop())
        return arrived

    drive(sender, receiver, fate)
    assert sender.idle
    condition = sender.finished[1]
    # The sender may hear of a failure although the file is home, never the other way round.
    assert condition != Condition.NO_ERROR or 1 in receiver.delivered
    assert condition == Condition.NO_ERROR or loss + errors + late > 0
    if 1 in receiver.delivered:
        assert receiver.incoming_path(1).read_bytes() == data


def test_reversed_order_costs_nothing_but_the_asking(tmp_path):
    data = content(5500)
    sender, receiver = machines(tmp_path, data)
    pdus = []
    while out := sender.next_pdu(0.0, 1 << 20):
        pdus.append(out.pdu)
    for pdu in reversed(pdus):
        assert receiver.receive(pdu, 1.0)
    assert receiver.delivered[1].size == 5500
    assert receiver.incoming_path(1).read_bytes() == data


def run(tmp_path: Path, sizes: list[int], seed: int = 3, **changes) -> Transfer:
    (tmp_path / "from").mkdir(exist_ok=True)
    products = [
        product(tmp_path / "from" / f"{i}.mcap", content(n, i)) for i, n in enumerate(sizes)
    ]
    transfer = Transfer(
        link(**changes),
        seed,
        products,
        directory=tmp_path / "incoming",
        ground=tmp_path / "ground",
    )
    transfer.run()
    for one in products:
        assert (tmp_path / "ground" / one.name).read_bytes() == one.path.read_bytes()
    return transfer


@pytest.mark.parametrize("mode", ["deferred", "immediate"])
@pytest.mark.parametrize("light_time_s", [0.0, 0.5, 1800.0])
@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3])
def test_delivers_through_passes_loss_and_bit_errors(tmp_path, mode, light_time_s, loss):
    transfer = run(
        tmp_path,
        [123_456, 0, 50_001],
        nak_mode=mode,
        one_way_light_time_s=light_time_s,
        retry_after_s=2 * light_time_s + 5,
        pdu_loss=loss,
        bit_error_rate=1e-5 if loss else 0.0,
        duration_s=1.0,
    )
    counts = transfer.counts["0.mcap"]
    if loss == 0.3:
        assert counts.pdus_lost > 20
        assert counts.pdus_corrupt > 5
        assert counts.pdus_resent >= counts.pdus_lost
    if loss == 0.0:
        assert sum(c.pdus_lost + c.pdus_corrupt for c in transfer.counts.values()) == 0


def test_loss_is_what_was_asked_for(tmp_path):
    """Binomial: 3,000 PDUs at 10 % lose 300 with a standard deviation of 16."""
    transfer = run(tmp_path, [3_000_000], pdu_loss=0.1, bit_error_rate=1e-6)
    counts = transfer.counts["0.mcap"]
    assert abs(counts.pdus_lost / counts.pdus_sent - 0.1) < 5 * 0.0055
    # A PDU of 8,112 bits arrives spoilt with probability 1 - exp(-8112e-6).
    expected = 0.9 * 0.00808 * counts.pdus_sent
    assert abs(counts.pdus_corrupt - expected) < 5 * expected**0.5


def test_the_same_seed_loses_the_same_and_another_does_not(tmp_path):
    def losses(name, seed):
        (tmp_path / name).mkdir()
        transfer = run(tmp_path / name, [400_000], seed=seed, pdu_loss=0.1)
        return transfer.records, transfer.counts

    assert losses("a", 1) == losses("b", 1)
    assert losses("c", 2)[0] != losses("d", 1)[0]


def test_without_pdu_crcs_the_file_checksum_finds_the_damage(tmp_path):
    transfer = run(tmp_path, [20_000], pdu_crc=False, bit_error_rate=1e-5, transaction_attempts=100)
    assert transfer.counts["0.mcap"].transactions > 1


def test_a_link_that_carries_nothing_is_a_transfer_error(tmp_path):
    with pytest.raises(TransferError, match=r"1 of 1 products are not home.*0\.mcap.*max_passes"):
        run(tmp_path, [5000], pdu_loss=1.0, max_passes=3)
    assert list((tmp_path / "ground").iterdir()) == []


@pytest.mark.parametrize("checksum", ["crc32c", "null"])
def test_a_file_changed_on_the_way_is_not_delivered(tmp_path, checksum):
    """With a null checksum it is the SHA-256 in the Metadata that tells."""
    sender, receiver = machines(tmp_path, content(5000), checksum=checksum)
    (tmp_path / "a.mcap").write_bytes(content(5000, seed=9))
    drive(sender, receiver, lambda pdu, _: [pdu])
    assert sender.finished == {1: Condition.CHECKSUM_FAILURE}
    assert not receiver.delivered
    assert not receiver.incoming_path(1).exists()
    sender, receiver = machines(tmp_path, content(5000))
    (tmp_path / "a.mcap").write_bytes(b"short")
    with pytest.raises(InputError, match=r"a\.mcap.*shorter"):
        drive(sender, receiver, lambda pdu, _: [pdu])


# ---- hostile PDUs ----


def fed(tmp_path: Path, *bodies, header: Header = HEADER) -> tuple[Receiver, list]:
    receiver = Receiver(link(), tmp_path / "incoming")
    for body in bodies:
        receiver.receive(pack(header, body), 1.0)
    return receiver, [unpack(answer.pdu).body for answer in receiver.outbox]


BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    ".hidden",
    "a\0b",
    "a\nb",
    "C:x",
    "x" * 201,
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_leave_the_directory_are_rejected(tmp_path, name):
    assert not plain_name(name)
    receiver, answers = fed(tmp_path, Metadata(2, 4, "x", name), FileData(0, b"data"))
    assert answers[0] == Finished(Condition.FILESTORE_REJECTION, False, FileStatus.REJECTED)
    assert not receiver.delivered
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("name", ["rdc.mcap", "microphone_reference.flac", "Größe 1.flac"])
def test_plain_names_are_plain(name):
    assert plain_name(name)


@pytest.mark.parametrize(
    "bodies",
    [
        (Metadata(0, 8, "a", "a"), FileData(0, bytes(8)), Eof(0, 0, 4)),
        (Metadata(0, 8, "a", "a"), Eof(0, 0, 1 << 31)),
        (FileData(0, bytes(8)), Eof(0, 0, 7)),
        (Metadata(0, 8, "a", "a"), FileData(4, bytes(8))),
        (Eof(0, 0, 8), FileData(8, bytes(1))),
        (FileData(0, bytes(9)), Metadata(0, 8, "a", "a")),
        (Eof(0, 0, 9), Metadata(0, 8, "a", "a")),
    ],
)
def test_lies_about_the_size_end_in_a_size_error(tmp_path, bodies):
    receiver, answers = fed(tmp_path, *bodies)
    ends = [a for a in answers if isinstance(a, Finished)]
    assert ends == [Finished(Condition.SIZE_ERROR, False, FileStatus.DISCARDED)]
    assert not receiver.delivered
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_wrong_checksum_is_not_delivered(tmp_path):
    receiver, answers = fed(
        tmp_path, Metadata(2, 4, "a", "a"), FileData(0, b"data"), Eof(0, 12345, 4)
    )
    assert answers[-1].condition == Condition.CHECKSUM_FAILURE
    assert not receiver.delivered


def test_huge_announcements_take_no_room(tmp_path):
    large = Header(source=168, destination=1, sequence=1, large=True)
    _, answers = fed(tmp_path, Metadata(2, MAX_FILE_BYTES + 1, "a", "a"), header=large)
    assert answers[0].condition == Condition.FILESTORE_REJECTION
    _, answers = fed(tmp_path / "2", FileData(MAX_FILE_BYTES, b"x"), header=large)
    assert answers[0].condition == Condition.SIZE_ERROR
    assert list((tmp_path / "2" / "incoming").iterdir()) == []


def test_unknown_condition_codes_and_checksums_are_survived(tmp_path):
    _, answers = fed(tmp_path, Eof(12, 0, 5))
    assert answers[0] == Ack(4, 12, 1)
    _, answers = fed(tmp_path / "2", Metadata(7, 5, "a", "a"))
    assert answers[0].condition == Condition.UNSUPPORTED_CHECKSUM


def test_foreign_pdus_are_refused(tmp_path):
    receiver = Receiver(link(), tmp_path / "incoming")
    for header in (
        Header(source=7, destination=1, sequence=1),
        Header(source=168, destination=2, sequence=1),
        Header(source=168, destination=1, sequence=1, towards_sender=True),
        Header(source=168, destination=1, sequence=1, acknowledged=False),
        Header(source=168, destination=1, sequence=1, crc=False),
    ):
        assert not receiver.receive(pack(header, FileData(0, b"x")), 1.0)
    assert receiver.refused == 5
    assert list((tmp_path / "incoming").iterdir()) == []


def test_the_sender_never_sends_more_than_it_sent(tmp_path):
    sender, _ = machines(tmp_path, content(5000))
    for _ in range(3):
        sender.next_pdu(0.0, 1 << 20)
    back = Header(source=168, destination=1, sequence=1, towards_sender=True)
    wild = np.array([[0, 0], [1500, 1 << 32 - 1], [9, 5], [4000, 5000]], np.uint64)
    assert sender.receive(pack(back, Nak(0, 5000, wild)), 1.0)
    bodies = []
    while out := sender.next_pdu(1.0, 1 << 20):
        bodies.append(unpack(out.pdu).body)
    data = [(b.offset, len(b.data)) for b in bodies if isinstance(b, FileData)]
    assert data == [(1500, 500), (2000, 1000), (3000, 1000), (4000, 1000)]
    assert isinstance(bodies[0], Metadata)
    # A Finished of a transaction that never was is acknowledged and forgotten.
    stranger = Header(source=168, destination=1, sequence=99, towards_sender=True)
    sender.receive(pack(stranger, Finished(0, True, 2)), 2.0)
    assert unpack(sender.next_pdu(2.0, 1 << 20).pdu).body == Ack(5, 0, 3)
    assert not sender.finished


def test_while_data_come_in_nothing_is_asked_for_again(tmp_path):
    receiver = Receiver(link(retry_after_s=5.0), tmp_path / "incoming")

    def asked(now_s):
        receiver.poll(now_s)
        naks = [a for a in receiver.outbox if isinstance(unpack(a.pdu).body, Nak)]
        while receiver.outbox:
            receiver.take(now_s)
        return len(naks)

    receiver.receive(pack(HEADER, Eof(0, 0, 100)), 0.0)
    assert asked(0.0) == 1
    for now_s in range(1, 20):
        receiver.receive(pack(HEADER, FileData(2 * now_s, b"x")), now_s)
        assert asked(now_s) == 0
    assert [asked(t) for t in (20, 23, 24, 25, 28, 29)] == [0, 0, 1, 0, 0, 1]


def test_many_gaps_stay_fast_enough_to_count():
    """A hundred thousand gaps, filled from the front: work grows with n log n, not n squared."""
    from skycrane.relay.extents import Extents, Wanted

    extents, count = Extents(), 100_000
    for i in range(count):
        extents.add(20 * i, 20 * i + 10)
    gaps = extents.gaps(20 * count)
    assert gaps.shape == (count, 2)
    wanted = Wanted()
    wanted.add(gaps)
    while wanted:
        start, end = wanted.first(10)
        wanted.sent(end)
        extents.add(start, end)
        assert extents.covers(20 * count) == (end == 20 * count)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))), st.integers(0, 60))
def test_extents_are_a_set_of_bytes(pairs, size):
    from skycrane.relay.extents import Extents, Wanted

    pairs = [(min(p), min(max(p), size)) for p in pairs if min(p) < size]
    extents, there = Extents(), set()
    for start, end in pairs:
        extents.add(start, end)
        there |= set(range(start, end))
        assert extents.covers(size) == (there == set(range(size)))
    missing = [b for start, end in extents.gaps(size) for b in range(start, end)]
    assert missing == sorted(set(range(size)) - there)
    wanted, got = Wanted(), []
    for start, end in pairs:
        wanted.add(np.array([[start, end]])[: int(end > start)])
    while wanted:
        start, end = wanted.first(7)
        assert 0 < end - start <= 7
        got += range(start, end)
        wanted.sent(end)
    assert got == sorted(there)
