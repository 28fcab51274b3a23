"""Recording and cleaning as stages, and the picture of both."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from PIL import Image
from sound_scenes import short

from skycrane.errors import InputError
from skycrane.sound.picture import levels, spectrogram_picture
from skycrane.sound.recording import calibration_pa, open_recording
from skycrane.sound.stage import clean, record
from skycrane.stage import StageContext


def context(directory: Path, seed: int = 4) -> StageContext:
    microphone, scene = short(6.0, 4.0)
    site = SimpleNamespace(name="Somewhere")
    mission = SimpleNamespace(microphone=microphone, soundscape=scene, site=site)
    return StageContext(directory=directory, mission=mission, seed=seed)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    directory = tmp_path_factory.mktemp("run")
    recorded = record(context(directory))
    shutil.copytree(directory / "onboard", directory / "ground")
    cleaned = clean(context(directory))
    return SimpleNamespace(directory=directory, recorded=recorded, cleaned=cleaned)


def samples(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int32")[0] >> 8


def test_recordings_are_calibrated_and_whole(run: SimpleNamespace) -> None:
    for name, seconds in (("microphone", 6), ("microphone_reference", 4)):
        path = run.directory / "onboard" / f"{name}.flac"
        info = soundfile.info(path)
        assert (info.samplerate, info.subtype, info.frames) == (48_000, "PCM_24", seconds * 48_000)
        assert calibration_pa(open_recording(path)) == 0.25
        assert np.abs(samples(path)).max() < 2**23 - 1
    summary = run.recorded.summary
    pascal = samples(run.directory / "onboard" / "microphone.flac") * (0.25 / 2**23)
    total = 10 * np.log10(np.mean(pascal**2) / 4e-10)
    parts = [summary["breeze_db_re_20_upa"], summary["rover_db_re_20_upa"]]
    assert total == pytest.approx(10 * np.log10(sum(10 ** (p / 10) for p in parts)), abs=0.3)


def test_products_add_up_and_the_breeze_comes_nearer(run: SimpleNamespace) -> None:
    folder = run.directory / "products" / "sound"
    ground = run.directory / "ground" / "microphone.flac"
    assert (folder / "raw.flac").read_bytes() == ground.read_bytes()
    raw, kept, gone = (samples(folder / f"{n}.flac") for n in ("raw", "clean", "residual"))
    np.testing.assert_array_equal(kept + gone, raw)
    assert run.cleaned.summary["si_sdr_gain_db"] > 6
    assert abs(run.cleaned.summary["breeze_level_change_db"]) < 2.5
    json.dumps(run.cleaned.summary, allow_nan=False)
    json.dumps(run.recorded.summary, allow_nan=False)
    assert all(path.exists() for path in run.cleaned.outputs)


def test_the_same_seed_gives_the_same_bytes(run: SimpleNamespace, tmp_path: Path) -> None:
    record(context(tmp_path))
    shutil.copytree(tmp_path / "onboard", tmp_path / "ground")
    clean(context(tmp_path))
    for path in run.recorded.outputs + run.cleaned.outputs:
        other = tmp_path / path.relative_to(run.directory)
        assert other.read_bytes() == path.read_bytes(), path.name


def test_another_seed_sounds_different(run: SimpleNamespace, tmp_path: Path) -> None:
    record(context(tmp_path, seed=5))
    other = samples(tmp_path / "onboard" / "microphone.flac")
    assert (other != samples(run.directory / "onboard" / "microphone.flac")).mean() > 0.9


def test_the_picture_shows_three_panels(run: SimpleNamespace) -> None:
    with Image.open(run.directory / "products" / "spectrogram.png") as picture:
        assert picture.width >= 1200
        assert "Software" not in picture.info
        pixels = np.asarray(picture.convert("L"), dtype=float)
    third = pixels.shape[0] // 3
    before, after, _ = (pixels[i * third : (i + 1) * third] for i in range(3))
    # The rover's hum fills the first panel and is gone from the second.
    assert before.mean() > after.mean() + 10


def test_levels_are_in_pascal_on_a_logarithmic_axis(tmp_path: Path) -> None:
    t = np.arange(4 * 48_000) / 48_000
    soundfile.write(tmp_path / "tone.flac", 0.5 * np.sin(2 * np.pi * 1000 * t), 48_000, "PCM_24")
    times, f, density = levels(open_recording(tmp_path / "tone.flac"))
    assert density.shape == (f.size, times.size)
    middle = density[:, times.size // 2]
    assert f[np.argmax(middle)] == pytest.approx(1000, rel=0.02)
    near = (f > 950) & (f < 1050)
    width = f[near] * (2 ** (0.5 / 36) - 2 ** (-0.5 / 36))
    assert (middle[near] * width).sum() == pytest.approx(0.125, rel=0.05)


def test_a_picture_of_one_sample_is_still_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    soundfile.write(path, np.array([0.5]), 8000, "PCM_16")
    spectrogram_picture(path, path, path, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 1000


def test_cleaning_before_the_recording_has_arrived_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has not arrived"):
        clean(context(tmp_path))
