"""The camera store against the mcap library, torn files, kills and hostile bytes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import NonSeekingReader, make_reader
from mcap.writer import Writer
from mcap_protobuf.decoder import DecoderFactory

from skycrane.errors import InputError
from skycrane.onboard import mcap_records as records
from skycrane.onboard.store import (
    CameraInfo,
    FrameReader,
    FrameWriter,
    RawFrame,
    partial_path,
    recover_frames,
)

EPOCH = datetime(2021, 2, 18, 20, 36, 50, 80000, tzinfo=UTC)
EPOCH_NS = 1613680610_080_000_000
INFO = CameraInfo(
    name="rdc",
    width=16,
    height=12,
    encoding="bayer_rggb8",
    fx=20.0,
    fy=21.0,
    cx=7.5,
    cy=5.5,
    distortion=(-0.1, 0.02, 1e-3, -2e-3, 1e-4),
    body="rover",
    mount_position_m=(0.1, 0.2, -0.7),
    mount_attitude_wxyz=(0.5, 0.5, 0.5, 0.5),
)


def frame(index: int, **changes) -> RawFrame:
    image = np.random.default_rng(index).integers(0, 256, (12, 16), dtype=np.uint8)
    values = {
        "t_s": 230.0 + index / 30,
        "exposure_s": 2e-3,
        "gain": 1.5,
        "temperature_c": -21.25,
        "image": image,
        "position_m": np.array([7.0e5, 3.1e6 + index, 1.07e6]),
        "attitude_wxyz": np.array([0.1, 0.7, -0.1, 0.7]),
    }
    return RawFrame(index=index, **(values | changes))


def write(path: Path, count: int, info: CameraInfo = INFO, **options) -> bytes:
    with FrameWriter(path, info, EPOCH, **options) as writer:
        for index in range(writer.next_index, count):
            writer.write(frame(index))
    return path.read_bytes()


def same(a: RawFrame, b: RawFrame) -> bool:
    return (
        (a.index, a.t_s, a.exposure_s, a.gain, a.temperature_c)
        == (b.index, b.t_s, b.exposure_s, b.gain, b.temperature_c)
        and np.array_equal(a.image, b.image)
        and np.array_equal(a.position_m, b.position_m)
        and np.array_equal(a.attitude_wxyz, b.attitude_wxyz)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    """A finished store of four frames."""
    return write(tmp_path_factory.mktemp("whole") / "rdc.mcap", 4)


def test_frames_come_back_in_any_order(tmp_path, whole):
    path = tmp_path / "rdc.mcap"
    path.write_bytes(whole)
    with FrameReader(path) as reader:
        assert reader.info == INFO
        assert len(reader) == 4
        assert reader.epoch_ns == EPOCH_NS
        assert reader.times_s.tolist() == [frame(i).t_s for i in range(4)]
        for index in (3, 0, 2, 1):
            assert same(reader.read(index), frame(index))
        assert [f.index for f in reader] == [0, 1, 2, 3]
        with pytest.raises(IndexError):
            reader.read(4)


@pytest.mark.parametrize("reader_of", [make_reader, NonSeekingReader])
def test_the_mcap_library_reads_it(whole, reader_of):
    """The library's own CRC checks and protobuf decoding are the independent authority."""
    reader = reader_of(io.BytesIO(whole), validate_crcs=True, decoder_factories=[DecoderFactory()])
    images = []
    for schema, channel, message, image in reader.iter_decoded_messages(topics=["/rdc/image"]):
        assert schema.name == "foxglove.RawImage"
        assert channel.message_encoding == "protobuf"
        assert message.log_time == EPOCH_NS + round(frame(message.sequence).t_s * 1e9)
        assert message.log_time == image.timestamp.seconds * 10**9 + image.timestamp.nanos
        assert (image.width, image.height, image.step) == (16, 12, 16)
        assert (image.encoding, image.frame_id) == ("bayer_rggb8", "rdc_optical")
        images.append(image.data)
    assert images == [frame(i).image.tobytes() for i in range(4)]


def test_the_mcap_library_decodes_pose_calibration_and_header(whole):
    reader = make_reader(io.BytesIO(whole), decoder_factories=[DecoderFactory()])
    *_, pose = next(reader.iter_decoded_messages(topics=["/rdc/pose"]))
    assert (pose.parent_frame_id, pose.child_frame_id) == ("mars_fixed", "rdc_optical")
    assert (pose.translation.x, pose.rotation.w, pose.rotation.y) == (7.0e5, 0.1, -0.1)
    *_, calibration = next(reader.iter_decoded_messages(topics=["/rdc/calibration"]))
    assert list(calibration.D) == list(INFO.distortion)
    assert list(calibration.K) == [20, 0, 7.5, 0, 21, 5.5, 0, 0, 1]
    _, _, header = next(reader.iter_messages(topics=["/rdc/header"]))
    assert json.loads(header.data)["temperature_c"] == -21.25


def test_the_mcap_library_finds_every_index(whole):
    summary = make_reader(io.BytesIO(whole)).get_summary()
    assert summary.statistics.chunk_count == 4
    assert summary.statistics.message_count == 16
    assert summary.statistics.channel_message_counts == dict.fromkeys(range(1, 5), 4)
    for index in summary.chunk_indexes:
        assert whole[index.chunk_start_offset] == records.CHUNK
        for channel, offset in index.message_index_offsets.items():
            assert whole[offset] == records.MESSAGE_INDEX
            assert int.from_bytes(whole[offset + 9 : offset + 11], "little") == channel
    reader = make_reader(io.BytesIO(whole))
    backwards = [m.sequence for _, _, m in reader.iter_messages(["/rdc/image"], reverse=True)]
    assert backwards == [3, 2, 1, 0]
    [metadata] = make_reader(io.BytesIO(whole)).iter_metadata()
    assert json.loads(metadata.metadata["camera"])["body"] == "rover"


def test_an_empty_store_is_a_store(tmp_path):
    data = write(tmp_path / "rdc.mcap", 0)
    assert make_reader(io.BytesIO(data)).get_summary().statistics.message_count == 0
    assert len(FrameReader(tmp_path / "rdc.mcap")) == 0


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    times=st.lists(st.floats(-1e3, 1e6), min_size=1, max_size=4),
    scalars=st.tuples(finite, finite, finite),
    pose=st.lists(finite, min_size=7, max_size=7),
)
def test_every_number_survives_exactly(tmp_path, times, scalars, pose):
    path = tmp_path / "rdc.mcap"
    exposure_s, gain, temperature_c = scalars
    changes = {
        "exposure_s": exposure_s,
        "gain": gain,
        "temperature_c": temperature_c,
        "position_m": np.array(pose[:3]),
        "attitude_wxyz": np.array(pose[3:]),
    }
    frames = [frame(i, t_s=t_s, **changes) for i, t_s in enumerate(times)]
    with FrameWriter(path, INFO, EPOCH) as writer:
        for one in frames:
            writer.write(one)
    with FrameReader(path) as reader:
        assert all(same(a, b) for a, b in zip(reader, frames, strict=True))


def boundaries(data: bytes) -> list[int]:
    """Offsets at, just before and just after the end of every record, and some within."""
    ends = [last for _, _, last in records.walk(data, len(records.MAGIC), len(data) - 8)]
    near = {end + d for end in ends for d in (-1, 0, 1, 9)}
    random = np.random.default_rng(7).integers(0, len(data), 60).tolist()
    return sorted({0, 1, 7, 8, 9, *near, *random, len(data) - 1} & set(range(len(data))))


def test_torn_anywhere_it_goes_on_to_the_same_bytes(tmp_path, whole):
    path = tmp_path / "rdc.mcap"
    chunk_ends = [
        i.chunk_start_offset + i.chunk_length + i.message_index_length
        for i in make_reader(io.BytesIO(whole)).get_summary().chunk_indexes
    ]
    for cut in boundaries(whole):
        partial_path(path).write_bytes(whole[:cut])
        with FrameWriter(path, INFO, EPOCH) as writer:
            assert writer.next_index == sum(end <= cut for end in chunk_ends)
            for index in range(writer.next_index, 4):
                writer.write(frame(index))
        assert path.read_bytes() == whole


def test_zeros_after_a_power_cut_are_cut_off(tmp_path, whole):
    path = tmp_path / "rdc.mcap"
    end = make_reader(io.BytesIO(whole)).get_summary().chunk_indexes[2].chunk_start_offset
    partial_path(path).write_bytes(whole[: end + 100] + bytes(5000))
    with FrameWriter(path, INFO, EPOCH) as writer:
        assert writer.next_index == 2
        writer.write(frame(2))
        writer.write(frame(3))
    assert path.read_bytes() == whole


def test_recovered_frames_are_the_frames(tmp_path, whole):
    path = tmp_path / "torn.mcap"
    for cut in boundaries(whole)[::5]:
        path.write_bytes(whole[:cut])
        try:
            found = list(recover_frames(path))
        except InputError:
            assert cut < len(whole) // 2
            continue
        assert all(same(f, frame(i)) for i, f in enumerate(found))
        with pytest.raises(InputError, match=r"torn\.mcap"):
            FrameReader(path)


_CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_store import EPOCH, INFO, FrameWriter, frame
writer = FrameWriter(Path(sys.argv[1]), INFO, EPOCH)
for index in range(100_000):
    writer.write(frame(index))
    print(index, flush=True)
"""


def test_killed_it_keeps_every_acknowledged_frame(tmp_path):
    path = tmp_path / "rdc.mcap"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    acknowledged = [int(child.stdout.readline()) for _ in range(20)][-1]
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not path.exists()
    with FrameWriter(path, INFO, EPOCH) as writer:
        count = writer.next_index
        assert count > acknowledged
        writer.write(frame(count))
    assert path.read_bytes() == write(tmp_path / "unbroken.mcap", count + 1)


def test_an_exception_keeps_the_partial_file_only(tmp_path):
    path = tmp_path / "rdc.mcap"
    with pytest.raises(KeyError), FrameWriter(path, INFO, EPOCH) as writer:
        writer.write(frame(0))
        raise KeyError
    assert not path.exists()
    writer = FrameWriter(path, INFO, EPOCH)
    assert writer.next_index == 1
    writer.abandon()


def test_a_full_disk_is_one_clear_error_and_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "rdc.mcap"
    writer = FrameWriter(path, INFO, EPOCH)
    writer.write(frame(0))
    real = os.writev

    def full(handle, pieces):
        os.write(handle, bytes(pieces[0])[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(InputError, match=r"No space left.*Free space"):
        writer.write(frame(1))
    monkeypatch.setattr(os, "writev", real)
    writer.write(frame(1))
    writer.close()
    assert path.read_bytes() == write(tmp_path / "unbroken.mcap", 2)


@pytest.mark.parametrize(
    "bad",
    [
        {"image": np.zeros((12, 15), np.uint8)},
        {"image": np.zeros((12, 16), np.uint16)},
        {"position_m": np.array([0.0, np.nan, 0.0])},
        {"attitude_wxyz": np.zeros(3)},
        {"gain": float("inf")},
        {"t_s": 1e12},
    ],
)
def test_frames_that_make_no_sense_are_refused(tmp_path, bad):
    writer = FrameWriter(tmp_path / "rdc.mcap", INFO, EPOCH)
    with pytest.raises(ValueError):
        writer.write(frame(0, **bad))
    with pytest.raises(ValueError, match="frame 1 where 0 is next"):
        writer.write(frame(1))
    assert writer.next_index == 0
    writer.abandon()


def test_an_unfinished_file_of_another_origin_is_refused(tmp_path):
    path = tmp_path / "rdc.mcap"
    writer = FrameWriter(path, INFO, EPOCH, origin="seed 1")
    writer.write(frame(0))
    writer.abandon()
    before = partial_path(path).read_bytes()
    with pytest.raises(InputError, match=r"rdc\.partial\.mcap.*another camera, mission or seed"):
        FrameWriter(path, INFO, EPOCH, origin="seed 2")
    assert partial_path(path).read_bytes() == before


def test_two_writers_of_one_file_are_refused(tmp_path):
    first = FrameWriter(tmp_path / "rdc.mcap", INFO, EPOCH)
    with pytest.raises(InputError, match="another process"):
        FrameWriter(tmp_path / "rdc.mcap", INFO, EPOCH)
    first.close()


def foreign_mcap() -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    writer.start()
    schema = writer.register_schema("x", "jsonschema", b"{}")
    channel = writer.register_channel("/x", "json", schema)
    writer.add_message(channel, log_time=1, data=b"{}", publish_time=1)
    writer.finish()
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"RIFF" + bytes(100), "not an MCAP file"),
        (records.MAGIC, "not a camera store"),
        (records.MAGIC + b"\x01" + b"\xff" * 8, "length is wrong"),
        (foreign_mcap(), "not a camera store"),
    ],
)
def test_foreign_files_are_refused(tmp_path, data, says):
    path = tmp_path / "x.mcap"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"x\.mcap: .*{says}"):
        FrameReader(path)


def test_missing_files_and_directories_are_refused(tmp_path):
    for path in (tmp_path / "none.mcap", tmp_path):
        with pytest.raises(InputError):
            FrameReader(path)


def test_a_spoilt_picture_is_found_by_its_crc(tmp_path, whole):
    path = tmp_path / "rdc.mcap"
    at = whole.index(frame(2).image.tobytes()) + 50
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with FrameReader(path) as reader:
        assert same(reader.read(1), frame(1))
        with pytest.raises(InputError, match=r"frame 2: .*checksum"):
            reader.read(2)
    assert len(list(recover_frames(path))) == 2


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_flipped_bit_gives_wrong_frames_or_a_traceback(tmp_path, whole, data):
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    path = tmp_path / "flip.mcap"
    path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
    try:
        with FrameReader(path) as reader:
            assert reader.info == INFO
            np.testing.assert_allclose(
                reader.times_s, [frame(i).t_s for i in range(4)], rtol=0, atol=1e-9
            )
            assert all(same(f, frame(i)) for i, f in enumerate(reader))
    except InputError:
        pass
