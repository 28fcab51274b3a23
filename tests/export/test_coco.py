"""COCO: masks come back through a reader of the published format; hostile runs are refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skycrane.cameras.frames import info_of
from skycrane.cameras.optics import lens_of
from skycrane.cameras.truth_about import BODY_IDS
from skycrane.cameras.truth_store import TruthWriter
from skycrane.cli import main
from skycrane.errors import InputError
from skycrane.export.coco import export_coco, instances_of
from skycrane.export.rle import pack_runs, runs_of
from skycrane.mission import load_mission
from skycrane.onboard.store import FrameWriter, RawFrame
from skycrane.rundir import RunDir

HEIGHT, WIDTH = 32, 40
COUNT = 3


def decode(segmentation):
    """Return the mask of COCO's packed run lengths: an independent reader of the format.

    After the description of the COCO API's maskApi.c: characters carry 5 bits each, lowest first;
    0x20 says that more follow; the last one's 0x10 is the sign; from the fourth number on the
    number two before is to be added; runs of 0 and 1 in turn fill columns.
    """
    height, width = segmentation["size"]
    numbers, text, at = [], segmentation["counts"], 0
    while at < len(text):
        value, shift = 0, 0
        while True:
            char = ord(text[at]) - 48
            assert 0 <= char < 64
            value |= (char & 0x1F) << shift
            shift += 5
            at += 1
            if not char & 0x20:
                if char & 0x10:
                    value -= 1 << shift
                break
        numbers.append(value + numbers[-2] if len(numbers) > 2 else value)
    flat = np.repeat(np.arange(len(numbers)) % 2, numbers).astype(bool)
    assert flat.size == height * width
    return flat.reshape(width, height).T


def body_of(camera, index):
    """Return made-up ids: a block of the rover with a hole, and a sliver at the edge."""
    body = np.ones((HEIGHT, WIDTH), np.uint8)
    body[:3] = 0
    body[5 : 12 + index, 7:21] = BODY_IDS["rover"]
    body[7:9, 9:12] = 1
    if camera == "ddc":
        body[20:, -1] = BODY_IDS["bridles"]
    return body


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


@pytest.fixture
def run(mission, tmp_path):
    """A run directory of two cameras with made-up frames and their truth."""
    path = tmp_path / "run"
    with RunDir.create(path, mission, seed=0, quality="preview"):
        pass
    times = np.array([400.0, 400.5, 401.0])
    for name in ("ddc", "rdc"):
        camera = mission.cameras[name]
        lens = replace(lens_of(camera), width=WIDTH, height=HEIGHT)
        info = info_of(name, camera, lens)
        rng = np.random.default_rng(1)
        store = path / "onboard" / f"{name}.mcap"
        with FrameWriter(store, info, mission.epoch.entry_interface_utc) as writer:
            for k, t_s in enumerate(times.tolist()):
                image = rng.integers(20, 200, (HEIGHT, WIDTH), dtype=np.uint8)
                turn = np.array([1.0, 0, 0, 0])
                writer.write(RawFrame(k, t_s, 1e-3, 1.0, 20.0, image, np.zeros(3), turn))
        truth = TruthWriter(
            path / "truth" / f"{name}.zarr",
            times,
            HEIGHT,
            WIDTH,
            channels=("body",),
            about={"bodies": BODY_IDS},
        )
        for k in range(COUNT):
            truth.write(k, {"body": body_of(name, k)})
        truth.close()
    return path


def test_masks_come_back_from_the_file(run, tmp_path):
    out = tmp_path / "coco"
    result = export_coco(run, out)
    data = json.loads((out / "annotations" / "instances.json").read_text())
    assert set(data) == {"info", "licenses", "images", "annotations", "categories"}
    assert {c["name"]: c["id"] for c in data["categories"]} == {
        name: k for name, k in BODY_IDS.items() if k > 1
    }
    images = {image["id"]: image for image in data["images"]}
    assert len(images) == result["images"] == 2 * COUNT
    assert len({a["id"] for a in data["annotations"]}) == result["annotations"] == 3 * COUNT
    seen = 0
    for annotation in data["annotations"]:
        image = images[annotation["image_id"]]
        expected = body_of(image["camera"], image["frame"]) == annotation["category_id"]
        mask = decode(annotation["segmentation"])
        assert np.array_equal(mask, expected)
        assert annotation["area"] == expected.sum()
        x, y, w, h = annotation["bbox"]
        box = np.zeros_like(mask)
        box[y : y + h, x : x + w] = True
        assert not (mask & ~box).any()
        for edge in (mask[y], mask[y + h - 1], mask[:, x], mask[:, x + w - 1]):
            assert edge.any()
        assert annotation["iscrowd"] == 0
        seen += 1
    assert seen == 3 * COUNT
    for image in images.values():
        with Image.open(out / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (WIDTH, HEIGHT)


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    for name in ("a", "b"):
        export_coco(run, tmp_path / name, pictures=False)
    files = [tmp_path / name / "annotations" / "instances.json" for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert not (tmp_path / "a" / "images").exists()
    export_coco(run, tmp_path / "a")  # over an earlier export


def test_one_camera_from_the_command_line(run, tmp_path, capsys):
    out = tmp_path / "coco"
    assert main(["export", "coco", str(run), "-o", str(out), "--camera", "rdc", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == COUNT
    data = json.loads((out / "annotations" / "instances.json").read_text())
    assert {image["camera"] for image in data["images"]} == {"rdc"}
    assert sorted(p.name for p in (out / "images").iterdir()) == ["rdc"]


@given(st.integers(1, 12), st.integers(1, 70), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_every_mask_survives_packing(height, width, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    runs = runs_of(mask)
    assert sum(runs) == mask.size
    packed = {"size": [height, width], "counts": pack_runs(runs)}
    assert np.array_equal(decode(packed), mask)


def test_packing_gives_the_published_example():
    """Runs 0 5 3 40 of a 6 x 8 mask, packed by hand after maskApi.c."""
    # 0 -> "0"; 5 -> "5"; 3 -> "3"; 40 - 5 = 35 -> low 3 with more, then 1: chr(48+3+32), "1".
    assert pack_runs([0, 5, 3, 40]) == "053S1"
    # 16 would read as negative in one character: "`0"; a difference of -1 is all ones: "O".
    assert pack_runs([16, 1, 1, 0]) == "`011O"


def test_no_body_no_instance():
    assert instances_of(np.ones((4, 4), np.uint8), [2, 6]) == []


def _no_truth(run):
    for zarr in (run / "truth").iterdir():
        zarr.rename(run / zarr.name)


def _no_body(run):
    (run / "truth" / "ddc.zarr" / "body" / "zarr.json").unlink()


def _torn(run):
    chunk = run / "truth" / "ddc.zarr" / "body" / "c" / "1" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-7])


def _foreign_id(run):
    file = run / "truth" / "ddc.zarr" / "zarr.json"
    for camera in ("ddc", "rdc"):
        file = run / "truth" / f"{camera}.zarr" / "zarr.json"
        value = json.loads(file.read_text())
        del value["attributes"]["bodies"]["rover"]
        file.write_text(json.dumps(value))


def _other_ids(run):
    file = run / "truth" / "rdc.zarr" / "zarr.json"
    value = json.loads(file.read_text())
    value["attributes"]["bodies"]["rover"] = 99
    file.write_text(json.dumps(value))


def _no_footage(run):
    (run / "onboard" / "ddc.mcap").unlink()


def _other_footage(run):
    times = np.array([1.0, 2.0, 3.0])
    path = run / "truth" / "rdc.zarr"
    writer = TruthWriter(path, times, HEIGHT, WIDTH, channels=("body",), about={"bodies": BODY_IDS})
    for k in range(COUNT):
        writer.write(k, {"body": body_of("rdc", k)})
    writer.close()


def _torn_footage(run):
    file = run / "onboard" / "ddc.mcap"
    file.write_bytes(file.read_bytes()[:-100])


def _no_mission(run):
    (run / "mission.toml").write_bytes(b"\xff\xfe")


def _no_run(run):
    (run / "run.json").unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        *(_no_truth, _no_body, _torn, _foreign_id, _other_ids, _no_footage, _other_footage),
        *(_torn_footage, _no_mission, _no_run),
    ],
)
def test_a_spoilt_run_is_one_clear_error(run, tmp_path, capsys, spoil):
    spoil(run)
    assert main(["export", "coco", str(run), "-o", str(tmp_path / "coco"), "-q"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("skycrane: ")
    assert "Traceback" not in told
    assert str(run) in told
    assert not (tmp_path / "coco" / "annotations" / "instances.json").exists()


def test_wrong_arguments_are_refused(run, tmp_path):
    with pytest.raises(InputError, match="Known: ddc, rdc"):
        export_coco(run, tmp_path / "coco", cameras=["../ddc"])
    with pytest.raises(InputError, match="holds other files"):
        export_coco(run, run)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        export_coco(run, tmp_path / "file")
    with pytest.raises(InputError, match="no run here"):
        export_coco(tmp_path / "none", tmp_path / "coco")
