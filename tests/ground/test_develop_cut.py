from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from ground_builders import info_of, make_run, mission_of, mosaic_of, small_film
from PIL import Image

from skycrane.errors import InputError
from skycrane.files import sha256_file
from skycrane.flight.record import read_flight
from skycrane.ground.captions import read_webvtt
from skycrane.ground.cut import write_film
from skycrane.ground.develop import develop_folder
from skycrane.ground.footage import Footage, fill
from skycrane.ground.stage import cut, develop
from skycrane.onboard.store import FrameReader, FrameWriter

Context = Callable[..., object]


@pytest.fixture(scope="module")
def cut_run(toy_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from skycrane.stage import StageContext

    directory = tmp_path_factory.mktemp("cut")
    shutil.copytree(toy_run, directory, dirs_exist_ok=True)
    context = StageContext(directory=directory, mission=mission_of(**small_film()), workers=2)
    develop(context)
    cut(context)
    return directory


def test_the_film_plays(cut_run: Path) -> None:
    with av.open(str(cut_run / "products" / "landing.mp4")) as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert (video.width, video.height) == (320, 180)
        assert (audio.codec_context.name, audio.rate) == ("aac", 48_000)
        pictures = [f.to_ndarray(format="rgb24") for f in film.decode(video)]
        flight = read_flight(cut_run)
        opens = flight.event("straighten_up_and_fly_right").t_s + 6.0
        closes = flight.event("touchdown").t_s + 3.0
        assert len(pictures) == pytest.approx((closes - opens + 1.0) * 12, abs=2)
        assert float(film.duration / av.time_base) == pytest.approx(len(pictures) / 12, abs=0.2)
    brightness = np.array([p.mean() for p in pictures])
    assert (brightness[12:-12] > 12).all()
    changed = [
        np.abs(a.astype(int) - b).mean() for a, b in zip(pictures, pictures[6:], strict=False)
    ]
    assert (np.array(changed) > 0.05).mean() > 0.95


def test_colours_come_through_the_encoder_as_they_went_in(tmp_path: Path) -> None:
    encoding = mission_of(**small_film()).film.encoding["preview"]
    patches = [(190, 125, 70), (230, 60, 40), (40, 60, 90), (235, 235, 235), (12, 12, 12)]
    flats = [np.full((180, 320, 3), patch, np.uint8) for patch in patches]
    silence = np.zeros((48_000, 2), np.float32)
    path = tmp_path / "flat.mp4"
    write_film(path, lambda i: flats[i], len(flats), silence, encoding, title="x", workers=1)
    with av.open(str(path)) as film:
        shown = [f.to_ndarray(format="rgb24") for f in film.decode(film.streams.video[0])]
    for flat, seen in zip(flats, shown, strict=True):
        assert np.abs(seen.astype(int) - flat).mean(axis=(0, 1)).max() < 6


def test_the_film_streams_its_index_first(cut_run: Path) -> None:
    data = (cut_run / "products" / "landing.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_film_sounds(cut_run: Path) -> None:
    with av.open(str(cut_run / "products" / "landing.mp4")) as film:
        blocks = [f.to_ndarray() for f in film.decode(film.streams.audio[0])]
    sound = np.concatenate(blocks, axis=1)
    assert np.sqrt(np.mean(sound**2)) > 0.005
    captions = read_webvtt((cut_run / "products" / "landing.vtt").read_text(), where="x")
    assert captions
    for caption in captions:
        spoken = sound[:, round(caption.start_s * 48000) : round((caption.start_s + 0.8) * 48000)]
        assert np.sqrt(np.mean(spoken**2)) > 0.03


def test_the_same_run_gives_the_same_film_whatever_the_workers(
    cut_run: Path, toy_run: Path, tmp_path: Path, context: Context
) -> None:
    shutil.copytree(toy_run, tmp_path, dirs_exist_ok=True)
    alone = context(tmp_path)
    object.__setattr__(alone, "workers", 1)
    develop(alone)
    cut(alone)
    assert sha256_file(tmp_path / "products") == sha256_file(cut_run / "products")


def test_stills_belong_to_their_events(cut_run: Path) -> None:
    stills = cut_run / "products" / "stills"
    flight = read_flight(cut_run)
    with Image.open(stills / "featured.png") as image:
        assert image.size == (128, 96)
        camera, at = image.text["Description"].split(",")
        assert camera == "ddc"
        rappel, touchdown = flight.event("rappel_done").t_s, flight.event("touchdown").t_s
        assert rappel <= float(at.split()[0]) < touchdown
    names = {path.stem for path in stills.glob("*.png")}
    assert {"parachute_full", "heat_shield_falling", "touchdown", "flyaway"} <= names


def test_frames_are_kept_where_asked_for(toy_run: Path, tmp_path: Path, context: Context) -> None:
    shutil.copytree(toy_run, tmp_path, dirs_exist_ok=True)
    for extra in ("puc_b", "ruc", "ddc", "rdc"):
        (tmp_path / "ground" / f"{extra}.mcap").unlink()
    result = develop(context(tmp_path, options={"frames": True}))
    frames = sorted((tmp_path / "products" / "frames" / "puc_a").glob("*.png"))
    with FrameReader(tmp_path / "ground" / "puc_a.mcap") as reader:
        assert len(frames) == len(reader) == result.summary["frames"]


def test_a_truncated_store_is_one_clear_error(
    toy_run: Path, tmp_path: Path, context: Context
) -> None:
    shutil.copytree(toy_run, tmp_path, dirs_exist_ok=True)
    store = tmp_path / "ground" / "rdc.mcap"
    store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])
    for stage in (develop, cut):
        with pytest.raises(InputError, match=r"rdc\.mcap"):
            stage(context(tmp_path))
    assert not list(tmp_path.glob("products/**/*.mp4"))


def test_no_footage_is_one_clear_error(toy_run: Path, tmp_path: Path, context: Context) -> None:
    shutil.copytree(toy_run / "flight", tmp_path / "flight")
    with pytest.raises(InputError, match="footage"):
        cut(context(tmp_path))


def test_any_folder_of_raw_frames_develops(tmp_path: Path) -> None:
    source, output = tmp_path / "raw", tmp_path / "out"
    source.mkdir()
    scene = np.full((32, 40, 3), (180, 120, 70), np.uint8)
    cv2.imwrite(str(source / "one.png"), mosaic_of(scene))
    cv2.imwrite(str(source / "two.tif"), mosaic_of(scene).astype(np.uint16) * 257)
    make_store(source / "rdc.mcap", mosaic_of(scene))
    assert develop_folder(source, output)["frames"] == 3
    one, two, three = (
        cv2.imread(str(output / name)) for name in ("one.png", "two.png", "rdc/000000.png")
    )
    assert one.shape == (32, 40, 3)
    assert np.abs(one.astype(int) - two).max() <= 1
    # The store's camera packs light by a square root, so the same numbers are darker there.
    assert three.shape == one.shape
    blue, green, red = one.reshape(-1, 3).mean(axis=0)
    assert red > green > blue


def make_store(path: Path, image: np.ndarray) -> None:
    from skycrane.onboard.store import RawFrame

    info = info_of("rdc", image.shape[1], image.shape[0])
    epoch = mission_of().epoch.entry_interface_utc
    with FrameWriter(path, info, epoch) as writer:
        writer.write(
            RawFrame(0, 1.0, 0.001, 1.0, 0.0, image, np.zeros(3), np.array([1.0, 0, 0, 0]))
        )


@pytest.mark.parametrize(
    "name_and_data",
    [("a.png", b""), ("a.png", b"not an image"), ("a.tif", b"II*\0" + b"\0" * 40),
     ("a.mcap", b""), ("a.mcap", b"\x89MCAP0\r\n" * 3), ("notes.txt", b"hello")],
)  # fmt: skip
def test_what_is_no_raw_frame_is_refused(tmp_path: Path, name_and_data: tuple[str, bytes]) -> None:
    name, data = name_and_data
    source = tmp_path / "raw"
    source.mkdir()
    (source / name).write_bytes(data)
    with pytest.raises(InputError):
        develop_folder(source, tmp_path / "out")


def test_developed_pictures_are_not_taken_for_raw_frames(tmp_path: Path) -> None:
    source = tmp_path / "raw"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="3 channels"):
        develop_folder(source, tmp_path / "out")
    cv2.imwrite(str(source / "a.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(InputError, match="replace"):
        develop_folder(source, source)


@pytest.mark.parametrize("size", [(64, 36), (500, 500), (90, 200)])
def test_fill_covers_the_pane_about_the_middle(size: tuple[int, int]) -> None:
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[44:52, 60:68] = 255
    out = fill(picture, *size)
    assert out.shape == (size[1], size[0], 3)
    rows, columns = np.nonzero(out[..., 0] > 128)
    assert rows.mean() == pytest.approx(size[1] / 2, abs=1.5)
    assert columns.mean() == pytest.approx(size[0] / 2, abs=1.5)


def test_a_frame_is_developed_once_for_all_who_ask(tmp_path: Path) -> None:
    make_run(tmp_path, width=64, height=48, rate_hz=1.0)
    with Footage(tmp_path / "ground", mission_of()) as footage:
        first = footage.filled("rdc", 2, 80, 45)
        assert footage.filled("rdc", 2, 80, 45) is first
        assert footage.filled("rdc", 3, 80, 45) is not first
