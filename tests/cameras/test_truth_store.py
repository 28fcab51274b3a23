"""Truth on the disk: one chunk a frame, kept over kills, the same bytes however it was made."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from skycrane.cameras.truth import CHANNELS, IMAGES, POSES, chosen
from skycrane.cameras.truth_read import TruthReader
from skycrane.cameras.truth_store import TruthWriter
from skycrane.cli import main
from skycrane.errors import InputError
from skycrane.files import sha256_file

TIMES = np.array([1.0, 1.5, 2.0, 4.0])
SIZE = (6, 8)
ABOUT = {"bodies": {"sky": 0, "ground": 1, "rover": 2}, "origin": "abc"}


def _frame(index):
    rng = np.random.default_rng(index)
    images = {}
    for image in IMAGES.values():
        shape = (*SIZE, *image.trail)
        values = rng.integers(0, 3, shape) if image.dtype == "uint8" else rng.normal(size=shape)
        # The last frame is of nothing, which takes its chunk all the same.
        images[image.name] = (values if index < 3 else values * 0 + image.fill).astype(image.dtype)
    pose = {name: rng.normal(size=(7, 3)).tolist() for name in POSES}
    return images, pose | {"body_present": [1, 0, 1, 1, 1, 1, 0]}


def _open(path, channels=CHANNELS, **about):
    return TruthWriter(path, TIMES, *SIZE, channels=channels, about=ABOUT | about)


def _write(path, order=range(4), **more):
    writer = _open(path, **more)
    for index in order:
        writer.write(index, *_frame(index))
    writer.close()
    return path


@pytest.fixture
def whole(tmp_path):
    return _write(tmp_path / "a" / "cam.zarr")


def test_what_is_written_is_read(whole):
    reader = TruthReader(whole)
    assert len(reader) == 4
    assert reader.times_s.tolist() == TIMES.tolist()
    images, pose = _frame(2)
    for name, expected in images.items():
        assert reader.frame(name, 2).tobytes() == expected.tobytes()
        assert reader.frame(name, 2).shape == expected.shape
    for name, expected in pose.items():
        assert reader.table(name)[2].tolist() == expected


def test_any_zarr_reader_finds_units_and_one_chunk_a_frame(whole):
    group = zarr.open_group(whole, mode="r")
    for image in IMAGES.values():
        array = group[image.name]
        assert array.metadata.zarr_format == 3
        assert array.chunks == (1, *SIZE, *image.trail)
        assert array.attrs["meaning"]
        assert len([f for f in (whole / image.name / "c").rglob("*") if f.is_file()]) == 4
    assert group["flow_px"].attrs["units"] == "px"
    assert group["camera_position_m"].attrs["units"] == "m"
    assert group.attrs["channels"] == list(CHANNELS)


def test_order_of_frames_changes_no_byte(whole, tmp_path):
    other = _write(tmp_path / "b" / "cam.zarr", order=(3, 1, 0, 2))
    assert sha256_file(whole) == sha256_file(other)


def test_a_killed_writer_is_gone_on_with(whole, tmp_path):
    path = tmp_path / "c" / "cam.zarr"
    first = _open(path)
    for index in (0, 2, 1):
        first.write(index, *_frame(index))
    # Torn: half a line in the journal, half a chunk, and a chunk that never reached the disk.
    journal = path.with_name("cam.partial.journal")
    journal.write_text(journal.read_text() + '{"frame": 3, "po')
    partial = path.with_name("cam.partial.zarr")
    (partial / "body" / "c" / "2" / "0" / "0").unlink()
    (partial / "body" / "c" / "3" / "0").mkdir(parents=True)
    (partial / "body" / "c" / "3" / "0" / "0.f00.partial").write_bytes(b"half")
    second = _open(path)
    assert [second.has(k) for k in range(4)] == [True, True, False, False]
    for index in (2, 3):
        second.write(index, *_frame(index))
    second.close()
    assert sha256_file(path) == sha256_file(whole)
    assert [p.name for p in path.parent.iterdir()] == ["cam.zarr"]


def test_of_another_origin_or_choice_nothing_is_kept(tmp_path):
    path = tmp_path / "cam.zarr"
    _open(path).write(0, *_frame(0))
    assert not _open(path, origin="other").has(0)
    _open(path).write(0, *_frame(0))
    assert not _open(path, channels=("depth", "body")).has(0)


def test_finished_is_told_by_origin_and_choice(whole):
    assert TruthWriter.finished(whole, ABOUT, CHANNELS)
    assert not TruthWriter.finished(whole, ABOUT | {"origin": "other"}, CHANNELS)
    assert not TruthWriter.finished(whole, ABOUT, ("depth",))
    assert not TruthWriter.finished(whole.parent / "none.zarr", ABOUT, CHANNELS)


def test_choices_are_checked_and_put_in_order():
    assert chosen("flow, depth") == ("depth", "flow")
    assert chosen("all") == CHANNELS
    for wrong in ("dept", "", ",", "depth,../x"):
        with pytest.raises(InputError, match="depth, body, material"):
            chosen(wrong)


def test_a_wrong_choice_on_the_command_line_is_exit_2(tmp_path, capsys):
    assert main(["film", str(tmp_path), "--truth-channels", "depth,colour", "-q"]) == 2
    told = capsys.readouterr().err
    assert "there is no truth 'colour'" in told
    assert "visibility, dust, flow, pose; or all" in told


def _spoil(path, name, **change):
    file = path / name / "zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


def _blosc(path):
    _spoil(path, "body", codecs=[{"name": "bytes"}, {"name": "numcodecs.pickle"}])


def _huge(path):
    _spoil(path, "body", shape=[4, 1 << 40, 8])


def _other_type(path):
    _spoil(path, "body", data_type="float64")


def _missing(path):
    (path / "body" / "c" / "2" / "0" / "0").unlink()


def _torn(path):
    chunk = path / "body" / "c" / "2" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:9])


def _noise(path):
    (path / "body" / "c" / "2" / "0" / "0").write_bytes(bytes(range(256)) * 9)


def _short(path):
    _spoil(path, "body", shape=[3, *SIZE])


def _no_json(path):
    (path / "zarr.json").write_text("[" * 100_000)


def _no_ids(path):
    _spoil(path, "", attributes={"bodies": {"rover": "two"}})


def _twice(path):
    _spoil(path, "", attributes={"bodies": {"rover": 2, "stage": 2}})


@pytest.mark.parametrize(
    "spoil",
    [_blosc, _huge, _other_type, _missing, _torn, _noise, _short, _no_json, _no_ids, _twice],
)
def test_a_damaged_store_is_one_clear_error(whole, spoil):
    spoil(whole)
    with pytest.raises(InputError) as error:
        TruthReader(whole).frame("body", 2)
    assert str(whole) in str(error.value)
    assert error.value.right


def test_only_what_this_program_packs_by_is_unpacked(whole):
    """Whatever other codecs a zarr reader knows: the description alone is refused."""
    _spoil(whole, "body", codecs=[{"name": "bytes"}, {"name": "gzip"}])
    with pytest.raises(InputError, match="is packed by gzip"):
        TruthReader(whole).frame("body", 0)
