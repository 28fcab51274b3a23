"""PDUs against spacepackets, both ways, and against hostile bytes."""

from __future__ import annotations

import binascii
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacepackets.cfdp import (
    ChecksumType,
    ConditionCode,
    CrcFlag,
    LargeFileFlag,
    PduConfig,
    TransmissionMode,
)
from spacepackets.cfdp.pdu import (
    AckPdu,
    DirectiveType,
    EofPdu,
    FinishedPdu,
    MetadataParams,
    MetadataPdu,
    NakPdu,
    TransactionStatus,
)
from spacepackets.cfdp.pdu.file_data import FileDataParams, FileDataPdu
from spacepackets.cfdp.pdu.finished import DeliveryCode, FileStatus, FinishedParams
from spacepackets.cfdp.tlv import MessageToUserTlv
from spacepackets.util import ByteFieldGenerator

from skycrane.relay.checksums import FileChecksum, checksum_of
from skycrane.relay.pdu import (
    Ack,
    Checksum,
    Eof,
    FileData,
    Finished,
    Header,
    Metadata,
    Nak,
    PduError,
    max_segment_requests,
    pack,
    unpack,
)


@st.composite
def headers(draw) -> Header:
    entity, sequence = draw(st.sampled_from((1, 2, 4, 8))), draw(st.sampled_from((1, 2, 4, 8)))
    ids = st.integers(0, 256**entity - 1)
    return Header(
        source=draw(ids),
        destination=draw(ids),
        sequence=draw(st.integers(0, 256**sequence - 1)),
        crc=draw(st.booleans()),
        large=draw(st.booleans()),
        acknowledged=draw(st.booleans()),
        entity_bytes=entity,
        sequence_bytes=sequence,
    )


def conf(header: Header) -> PduConfig:
    make = ByteFieldGenerator.from_int
    return PduConfig(
        source_entity_id=make(header.entity_bytes, header.source),
        dest_entity_id=make(header.entity_bytes, header.destination),
        transaction_seq_num=make(header.sequence_bytes, header.sequence),
        trans_mode=TransmissionMode(int(not header.acknowledged)),
        file_flag=LargeFileFlag(int(header.large)),
        crc_flag=CrcFlag(int(header.crc)),
    )


def sizes(header: Header):
    return st.integers(0, 2**63 if header.large else 2**32 - 1)


def back(header: Header, *, towards_sender: bool) -> Header:
    values = {n: getattr(header, n) for n in Header.__dataclass_fields__}
    return Header(**values | {"towards_sender": towards_sender})


def agree(header: Header, body, theirs) -> None:
    """Ours packs as theirs, unpacks theirs to the same, and theirs unpacks ours to the same."""
    packed = bytes(theirs.pack())
    assert pack(header, body) == packed
    found = unpack(packed)
    assert found.header == header
    if isinstance(body, Nak):
        assert found.body[:2] == body[:2]
        assert np.array_equal(found.body.segments, body.segments)
    else:
        assert found.body == body
    assert type(theirs).unpack(pack(header, body)).pack() == packed


@given(data=st.data(), header=headers(), content=st.binary(min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_file_data(data, header, content):
    offset = data.draw(sizes(header))
    theirs = FileDataPdu(conf(header), FileDataParams(content, offset))
    agree(header, FileData(offset, content), theirs)


@given(data=st.data(), header=headers())
@settings(max_examples=60, deadline=None)
def test_metadata(data, header):
    name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
    source, destination = data.draw(name), data.draw(name)
    checksum = data.draw(st.sampled_from(list(ChecksumType)))
    closure, size = data.draw(st.booleans()), data.draw(sizes(header))
    messages = data.draw(st.lists(st.binary(max_size=255), max_size=3))
    params = MetadataParams(closure, checksum, size, source, destination)
    theirs = MetadataPdu(conf(header), params, [MessageToUserTlv(m) for m in messages] or None)
    options = tuple((2, message) for message in messages)
    agree(header, Metadata(checksum, size, source, destination, closure, options), theirs)


@given(data=st.data(), header=headers(), checksum=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_eof(data, header, checksum):
    size = data.draw(sizes(header))
    condition = data.draw(st.sampled_from([c for c in ConditionCode if c >= 0]))
    theirs = EofPdu(conf(header), checksum, size, condition_code=condition)
    assert pack(header, Eof(condition, checksum, size)) == theirs.pack()
    assert unpack(bytes(theirs.pack())).body == Eof(condition, checksum, size)
    ours = EofPdu.unpack(pack(header, Eof(condition, checksum, size)))
    assert (ours.file_size, bytes(ours.file_checksum)) == (size, checksum.to_bytes(4, "big"))


@given(data=st.data(), header=headers())
@settings(max_examples=60, deadline=None)
def test_nak(data, header):
    pairs = st.lists(st.tuples(sizes(header), sizes(header)), max_size=40)
    start, end, segments = data.draw(sizes(header)), data.draw(sizes(header)), data.draw(pairs)
    body = Nak(start, end, np.array(segments, np.uint64).reshape(-1, 2))
    agree(back(header, towards_sender=True), body, NakPdu(conf(header), start, end, segments))


@given(data=st.data(), header=headers())
@settings(max_examples=60, deadline=None)
def test_finished(data, header):
    condition = data.draw(st.sampled_from([c for c in ConditionCode if c >= 0]))
    complete, status = data.draw(st.booleans()), data.draw(st.integers(0, 3))
    delivery = DeliveryCode(int(not complete))
    theirs = FinishedPdu(conf(header), FinishedParams(condition, delivery, FileStatus(status)))
    agree(back(header, towards_sender=True), Finished(condition, complete, status), theirs)


@given(data=st.data(), header=headers())
@settings(max_examples=60, deadline=None)
def test_ack(data, header):
    condition = data.draw(st.sampled_from([c for c in ConditionCode if c >= 0]))
    code = data.draw(st.sampled_from((DirectiveType.EOF_PDU, DirectiveType.FINISHED_PDU)))
    status = data.draw(st.integers(0, 3))
    theirs = AckPdu(conf(header), code, condition, TransactionStatus(status))
    assert (
        pack(theirs_header := back(header, towards_sender=code == 4), Ack(code, condition, status))
        == theirs.pack()
    )
    found = unpack(bytes(theirs.pack()))
    assert found == (theirs_header, Ack(code, condition, status))


SAMPLES = [
    FileData(70000, b"some bytes of a file"),
    Metadata(2, 9, "a.mcap", "a.mcap", options=((2, b"sha256=" + bytes(32)),)),
    Eof(0, 0x12345678, 99),
    Eof(6, 0, 99, b"\x00\xa8"),
    Nak(0, 99, np.array([[0, 0], [5, 9]], np.uint64)),
    Finished(0, True, 2),
    Finished(4, False, 1, b"\x01"),
    Ack(4, 0, 1),
]
HEADER = Header(source=168, destination=1, sequence=77)


@pytest.mark.parametrize("body", SAMPLES, ids=lambda b: type(b).__name__)
def test_cut_off_or_lengthened_it_is_refused(body):
    for crc in (True, False):
        packed = pack(back(Header(168, 1, 77, crc=crc), towards_sender=False), body)
        unpack(packed)
        for end in range(len(packed)):
            with pytest.raises(PduError):
                unpack(packed[:end])
        with pytest.raises(PduError, match="bytes where the header says"):
            unpack(packed + b"\0")


@pytest.mark.parametrize("body", SAMPLES, ids=lambda b: type(b).__name__)
def test_any_wrong_bit_is_found(body):
    """Every single bit but the one that announces the CRC, which the machines check instead."""
    packed = pack(HEADER, body)
    for bit in range(8 * len(packed)):
        spoilt = bytearray(packed)
        spoilt[bit // 8] ^= 0x80 >> bit % 8
        if bit == 6:
            continue
        with pytest.raises(PduError):
            unpack(spoilt)


@given(st.binary(max_size=80))
@settings(max_examples=300)
def test_noise_never_does_more_than_fail(noise):
    for packed in (noise, bytes([0x20]) + noise, b"\x20\x00" + bytes([len(noise)]) + noise):
        try:
            pdu = unpack(packed)
        except PduError:
            continue
        assert pdu.header.entity_bytes <= 8


@pytest.mark.parametrize(
    "make",
    [
        lambda: pack(Header(65536, 1, 1), Eof(0, 0, 0)),
        lambda: pack(HEADER, FileData(1 << 32, b"x")),
        lambda: pack(HEADER, FileData(0, bytes(65530))),
        lambda: pack(HEADER, Metadata(2, 1, "a" * 256, "b")),
        lambda: pack(HEADER, Nak(0, 1, np.array([[0, 1 << 33]], np.uint64))),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(PduError):
        make()


def test_as_many_requests_as_fit_and_no_more():
    for large in (False, True):
        header = Header(168, 1, 1, towards_sender=True, large=large)
        many = max_segment_requests(header, 65535)
        pack(header, Nak(0, 1, np.zeros((many, 2), np.uint64)))
        with pytest.raises(PduError):
            pack(header, Nak(0, 1, np.zeros((many + 1, 2), np.uint64)))


@given(data=st.binary(max_size=200), at=st.integers(0, 200))
def test_checksums_in_pieces(data, at):
    for kind in Checksum:
        pieces = FileChecksum(kind)
        pieces.update(data[:at])
        pieces.update(data[at:])
        assert pieces.value() == checksum_of(data, kind)
    padded = data + bytes(-len(data) % 4)
    words = [int.from_bytes(padded[i : i + 4], "big") for i in range(0, len(padded), 4)]
    assert checksum_of(data, Checksum.MODULAR) == sum(words) % 2**32
    assert checksum_of(data, Checksum.CRC32) == zlib.crc32(data)
    assert checksum_of(data, Checksum.NULL) == 0


def test_published_check_values():
    # The "check" column of the catalogue of CRC algorithms, over the digits 1 to 9.
    assert checksum_of(b"123456789", Checksum.CRC32C) == 0xE3069283
    packed = pack(HEADER, FileData(0, b"x"))
    assert int.from_bytes(packed[-2:], "big") == binascii.crc_hqx(packed[:-2], 0xFFFF)
