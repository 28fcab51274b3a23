"""Cleaning files: exact sums, the breeze kept, the same bytes, one clear error for a wrong one."""

import contextlib
import hashlib
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_scenes import mixed, parts

from skycrane.errors import InputError
from skycrane.sound.clean import clean_file
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.recording import open_recording
from skycrane.sound.separate import separate

RATE = 48_000
REAL = Path(__file__).resolve().parents[3] / "shared" / "reference" / "sounds"


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_24") -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0]


@pytest.mark.parametrize("level", [-15.0, -5.0, 5.0])
def test_the_breeze_comes_nearer_and_stays_as_loud(level: float) -> None:
    breeze, samples, alone = mixed(level)
    clean = separate(samples, RATE, reference=alone, reference_rate_hz=RATE)
    assert si_sdr_db(clean, breeze) - si_sdr_db(samples, breeze) > 9.5
    assert abs(level_db(clean) - level_db(breeze)) < 2.5


def test_noise_goes_down_at_least_15_db_where_there_is_no_breeze() -> None:
    _, rover, alone = parts(2)
    clean = separate(rover, RATE, reference=alone, reference_rate_hz=RATE)
    assert level_db(clean) < level_db(rover) - 15


def test_a_reference_off_by_2_db_costs_under_1_db() -> None:
    breeze, samples, alone = mixed(-5.0)
    right, *wrong = (
        si_sdr_db(separate(samples, RATE, reference=alone * g, reference_rate_hz=RATE), breeze)
        for g in (1.0, 10**0.1, 10**-0.1)
    )
    assert min(wrong) > right - 1.0


def test_a_reference_at_another_rate_does_as_well() -> None:
    breeze, samples, alone = mixed(-5.0)
    slow = alone.reshape(-1, 2).mean(axis=1)
    same = si_sdr_db(separate(samples, RATE, reference=alone, reference_rate_hz=RATE), breeze)
    half = si_sdr_db(separate(samples, RATE, reference=slow, reference_rate_hz=RATE / 2), breeze)
    assert half > same - 2.0


def test_without_a_reference_it_still_helps() -> None:
    breeze, samples, _ = mixed(-5.0)
    gain = si_sdr_db(separate(samples, RATE), breeze) - si_sdr_db(samples, breeze)
    assert gain > 5


def voice(seconds: float = 8.0) -> np.ndarray:
    """Syllables of a gliding harmonic voice with pauses."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    sound = sum(np.sin(k * pitch) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t), 0, None) * (np.mod(t, 3) < 2.2)
    return 0.1 * sound * syllables + 1e-5 * np.random.default_rng(0).standard_normal(t.size)


def chords(seconds: float = 8.0) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    out = np.zeros(t.size)
    for i, root in enumerate((220.0, 247.0, 196.0, 262.0, 233.0, 208.0, 220.0, 294.0)):
        on = (t >= i) & (t < i + 1)
        local = t - i
        for ratio in (1, 1.25, 1.5, 2):
            out += on * np.exp(-np.clip(local, 0, 1)) * np.sin(2 * np.pi * root * ratio * local)
    return 0.1 * out


@pytest.mark.parametrize("make", [voice, chords])
def test_voice_and_music_come_out_whole(make) -> None:
    samples = make()
    assert si_sdr_db(separate(samples, RATE), samples) > 20


@pytest.mark.parametrize(
    ("suffix", "subtype", "out", "unit"),
    [
        (".wav", "PCM_16", ".flac", 2.0**-15),
        (".wav", "PCM_U8", ".wav", 2.0**-7),
        (".wav", "PCM_24", ".wav", 2.0**-23),
        (".wav", "PCM_32", ".wav", 2.0**-31),
        (".wav", "FLOAT", ".wav", 0.0),
        (".flac", "PCM_24", ".flac", 2.0**-23),
        (".flac", "PCM_S8", ".flac", 2.0**-7),
        (".ogg", "VORBIS", ".flac", 2.0**-23),
        (".mp3", "MPEG_LAYER_III", ".wav", 2.0**-23),
    ],
)
def test_raw_is_clean_plus_residual(
    tmp_path: Path, suffix: str, subtype: str, out: str, unit: float
) -> None:
    _, samples, _ = mixed(-5.0, duration_s=4.0)
    stereo = np.stack([samples, 0.5 * samples[::-1]], axis=1)
    source = write(tmp_path / f"in{suffix}", stereo, subtype=subtype)
    clean, residual = tmp_path / f"clean{out}", tmp_path / f"residual{out}"
    report = clean_file(source, clean, residual=residual)
    raw = read(source)
    if suffix in {".ogg", ".mp3"}:
        raw = np.rint(raw / unit) * unit
    total = read(clean) + read(residual)
    assert total.shape == raw.shape
    assert np.array_equal(total, raw) if unit else np.allclose(total, raw, rtol=0, atol=1e-15)
    assert not np.array_equal(read(clean), raw)
    assert soundfile.info(clean).samplerate == RATE
    assert report["channels"] == 2


def test_full_scale_noise_still_adds_up(tmp_path: Path) -> None:
    loud = np.sign(np.random.default_rng(0).standard_normal(2 * RATE))
    source = write(tmp_path / "in.flac", loud, subtype="PCM_16")
    clean_file(source, tmp_path / "c.flac", residual=tmp_path / "r.flac")
    total = read(tmp_path / "c.flac") + read(tmp_path / "r.flac")
    np.testing.assert_array_equal(total, read(source))


def test_the_same_recording_gives_the_same_bytes(tmp_path: Path) -> None:
    _, samples, alone = mixed(-5.0, duration_s=4.0)
    source = write(tmp_path / "in.flac", samples)
    noise = write(tmp_path / "noise.wav", alone, subtype="FLOAT")
    files = []
    for name in ("a", "b"):
        out, residual = tmp_path / f"{name}.flac", tmp_path / f"{name}_r.flac"
        clean_file(source, out, reference=noise, residual=residual)
        files.append((out.read_bytes(), residual.read_bytes()))
    assert files[0] == files[1]


def test_strength_nothing_changes_nothing(tmp_path: Path) -> None:
    _, samples, alone = mixed(-5.0, duration_s=4.0)
    source = write(tmp_path / "in.flac", samples)
    noise = write(tmp_path / "noise.flac", alone)
    removed = []
    for strength in (0.0, 0.5, 1.0, 1.5):
        clean_file(source, tmp_path / "c.flac", reference=noise, strength=strength)
        removed.append(level_db(read(source) - read(tmp_path / "c.flac")))
    assert removed[0] == float("-inf")
    assert removed[1] < removed[2] < removed[3] + 0.5


@pytest.mark.parametrize(
    ("rate", "channels", "frames"),
    [(8_000, 1, 1), (8_000, 1, 40_000), (192_000, 2, 200_000), (44_100, 12, 30_000), (1000, 1, 77)],
)
def test_any_rate_and_channels(tmp_path: Path, rate: int, channels: int, frames: int) -> None:
    samples = 0.1 * np.random.default_rng(0).standard_normal((frames, channels))
    source = write(tmp_path / "in.wav", samples, rate, "PCM_16")
    clean_file(source, tmp_path / "c.wav", residual=tmp_path / "r.wav")
    assert read(tmp_path / "c.wav").shape == samples.shape
    total = read(tmp_path / "c.wav") + read(tmp_path / "r.wav")
    np.testing.assert_array_equal(total, read(source))


def test_silence_comes_out_silent(tmp_path: Path) -> None:
    source = write(tmp_path / "in.flac", np.zeros(RATE))
    report = clean_file(source, tmp_path / "c.flac", residual=tmp_path / "r.flac")
    assert not read(tmp_path / "c.flac").any()
    assert report["notes"] == ["the recording is silent: nothing was taken out"]
    assert report["removed_db"] == {}


def test_one_sample_is_no_silence(tmp_path: Path) -> None:
    report = clean_file(write(tmp_path / "in.wav", np.array([0.5])), tmp_path / "c.wav")
    assert "silent" not in " ".join(report["notes"])
    assert read(tmp_path / "c.wav")[0, 0] == 0.5


def test_calibration_is_carried_over(tmp_path: Path) -> None:
    _, samples, _ = mixed(-5.0, duration_s=4.0)
    source = tmp_path / "in.flac"
    with soundfile.SoundFile(source, "w", RATE, 1, "PCM_24") as handle:
        handle.comment = '{"full_scale_pa": 0.25}'
        handle.write(samples)
    clean_file(source, tmp_path / "c.flac")
    assert '"full_scale_pa": 0.25' in open_recording(tmp_path / "c.flac").comment


def test_provenance_stands_in_the_file_and_beside_it(tmp_path: Path) -> None:
    _, samples, alone = mixed(-5.0, duration_s=4.0)
    source = write(tmp_path / "in.flac", samples)
    noise = write(tmp_path / "noise.flac", alone)
    report = clean_file(source, tmp_path / "c.flac", reference=noise, strength=0.7)
    beside = json.loads((tmp_path / "c.flac.json").read_text())
    inside = json.loads(open_recording(tmp_path / "c.flac").comment)
    for one in (beside, inside):
        assert one["cleaned_by"].startswith("skycrane ")
        assert one["strength"] == 0.7
        assert one["cleaned_from"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
        assert one["noise_reference"]["name"] == "noise.flac"
    assert beside["removed_db"] == report["removed_db"]


def test_many_channels_each_come_out_as_alone(tmp_path: Path) -> None:
    samples = mixed(-5.0, duration_s=4.0)[1].reshape(-1, 6).mean(axis=1)
    many = np.stack([np.roll(samples, 1000 * i) * (1 - i / 40) for i in range(32)], axis=1)
    source = write(tmp_path / "in.wav", many, 8000)
    report = clean_file(source, tmp_path / "c.wav")
    assert report["channels"] == 32
    single = write(tmp_path / "one.wav", read(source)[:, 17], 8000)
    clean_file(single, tmp_path / "one_c.wav")
    np.testing.assert_array_equal(
        read(tmp_path / "one_c.wav")[:, 0], read(tmp_path / "c.wav")[:, 17]
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_spoilt_file_is_read_or_refused_and_nothing_else(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    suffix, subtype = [(".wav", "PCM_16"), (".flac", "PCM_16"), (".ogg", "VORBIS")][seed % 3]
    noise = 0.1 * rng.standard_normal(6000)
    data = bytearray(write(tmp_path / f"whole{suffix}", noise, 8000, subtype).read_bytes())
    for _ in range(rng.integers(1, 12)):
        data[rng.integers(0, 120 if rng.uniform() < 0.7 else len(data))] = rng.integers(256)
    (tmp_path / f"spoilt{suffix}").write_bytes(bytes(data))
    out = tmp_path / "out.wav"
    report = None
    with contextlib.suppress(InputError):
        report = clean_file(tmp_path / f"spoilt{suffix}", out)
    assert (report is not None) == out.exists()
    if report is None:
        assert not list(tmp_path.glob("out*"))
    else:
        assert abs(soundfile.info(out).frames / report["rate_hz"] - report["seconds"]) < 1e-3


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for seconds in (60, 180):
        noise = 0.1 * np.random.default_rng(0).standard_normal(seconds * 4000)
        source = write(tmp_path / f"{seconds}.wav", noise, 4000, "PCM_16")
        del noise
        tracemalloc.start()
        clean_file(source, tmp_path / "c.wav", residual=tmp_path / "r.wav")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_memory_does_not_grow_with_channels(tmp_path: Path) -> None:
    peaks = []
    for channels in (1, 6):
        noise = 0.1 * np.random.default_rng(0).standard_normal((6 * 24_000, channels))
        source = write(tmp_path / f"{channels}.wav", noise, 24_000, "PCM_16")
        del noise
        tracemalloc.start()
        clean_file(source, tmp_path / "c.wav", residual=tmp_path / "r.wav")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Cleaned together they held 3.0 times as much.
    assert peaks[1] < 2.2 * peaks[0]


def test_all_clipped_comes_out_and_adds_up(tmp_path: Path) -> None:
    t = np.arange(2 * RATE) / RATE
    source = write(tmp_path / "in.wav", np.sign(np.sin(2 * np.pi * 100 * t)), subtype="PCM_16")
    clean_file(source, tmp_path / "c.wav", residual=tmp_path / "r.wav")
    total = read(tmp_path / "c.wav") + read(tmp_path / "r.wav")
    np.testing.assert_array_equal(total, read(source))


def test_missing_folders_are_made_for_results_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "in.flac", np.zeros(RATE))
    out, residual = tmp_path / "a" / "b" / "c.flac", tmp_path / "d" / "r.flac"
    clean_file(source, out, residual=residual)
    assert out.exists()
    assert residual.exists()
    with pytest.raises(InputError):
        clean_file(tmp_path / "none.flac", tmp_path / "e" / "c.flac")
    assert not (tmp_path / "e").exists()


def good(folder: Path) -> dict:
    samples = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    source = folder / "in.flac"
    if not source.exists():
        write(source, samples)
    return {"source": source, "out": folder / "out.flac"}


def nan(folder: Path) -> dict:
    samples = np.zeros(1000)
    samples[617] = np.nan
    return good(folder) | {
        "source": write(folder / "nan.wav", samples, subtype="FLOAT"),
        "out": folder / "out.wav",
    }


def extreme(folder: Path, level: float) -> dict:
    source = write(folder / "extreme.wav", np.full(4800, level), subtype="DOUBLE")
    return good(folder) | {"source": source, "out": folder / "out.wav"}


def cut(folder: Path, suffix: str) -> dict:
    whole = write(folder / f"whole{suffix}", 0.1 * np.random.default_rng(0).standard_normal(RATE))
    short = folder / f"cut{suffix}"
    short.write_bytes(whole.read_bytes()[:-40_000])
    return good(folder) | {"source": short}


def text(folder: Path) -> dict:
    (folder / "song.mp3").write_text("this is not music\n" * 50)
    return good(folder) | {"source": folder / "song.mp3"}


def empty(folder: Path) -> dict:
    (folder / "empty.wav").write_bytes(b"")
    return good(folder) | {"source": folder / "empty.wav"}


def with_reference(folder: Path, samples: np.ndarray) -> dict:
    return good(folder) | {"reference": write(folder / "noise.wav", samples)}


BAD = {
    "missing": (lambda f: good(f) | {"source": f / "none.wav"}, "no such file"),
    "directory": (lambda f: good(f) | {"source": f}, "not a file"),
    "text": (text, "not a readable recording"),
    "empty": (empty, "not a readable recording"),
    "no samples": (lambda f: good(f) | {"source": write(f / "n.wav", np.zeros(0))}, "no samples"),
    "nan": (nan, "sample 617"),
    "cut wav": (lambda f: cut(f, ".wav"), "cut short"),
    "cut flac": (lambda f: cut(f, ".flac"), "ends or is damaged"),
    "onto itself": (lambda f: good(f) | {"out": f / "in.flac"}, "the recording itself"),
    "both the same": (lambda f: good(f) | {"residual": f / "out.flac"}, "other output"),
    "onto a directory": (lambda f: good(f) | {"out": f}, "directory"),
    "under a file": (lambda f: good(f) | {"out": f / "in.flac" / "out.flac"}, "in.flac"),
    "lossy": (lambda f: good(f) | {"out": f / "out.mp3"}, ".mp3 is not written"),
    "no ending": (lambda f: good(f) | {"out": f / "out"}, "is not written"),
    "strength": (lambda f: good(f) | {"strength": 7.0}, "7.0"),
    "nan strength": (lambda f: good(f) | {"strength": float("nan")}, "nan"),
    "short reference": (lambda f: with_reference(f, np.zeros(100)), "too few"),
    "reference channels": (lambda f: with_reference(f, np.zeros((RATE, 2))), "channels"),
    "beyond numbers": (lambda f: extreme(f, 1e300), "loudest sample is"),
    "beneath numbers": (lambda f: extreme(f, 1e-310), "loudest sample is"),
    "float to flac": (
        lambda f: good(f) | {"source": write(f / "f.wav", np.zeros(100), subtype="FLOAT")},
        "FLAC cannot hold",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    build, says = BAD[case]
    arguments = build(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=says) as caught:
        clean_file(**arguments)
    assert caught.value.where
    assert caught.value.right
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_every_cut_near_the_header_is_refused(tmp_path: Path) -> None:
    for suffix in (".wav", ".flac", ".ogg"):
        subtype = "VORBIS" if suffix == ".ogg" else "PCM_16"
        noise = 0.1 * np.random.default_rng(0).standard_normal(4000)
        whole = write(tmp_path / f"whole{suffix}", noise, 8000, subtype).read_bytes()
        for count in (0, 1, 4, 11, 12, 30, 43, 44, 80, 200):
            piece = tmp_path / f"piece{suffix}"
            piece.write_bytes(whole[:count])
            with pytest.raises(InputError):
                clean_file(piece, tmp_path / "out.flac")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.skipif(not REAL.exists(), reason="the real recordings are not here")
def test_the_real_pump_is_found_and_the_real_wind_kept(tmp_path: Path) -> None:
    samples, rate = soundfile.read(REAL / "sol16_drive.mp3", stop=30 * 44_100)
    source = write(tmp_path / "drive.flac", samples[:, 0], rate)
    report = clean_file(source, tmp_path / "c.flac")
    assert min(abs(hz - 780.6) for hz in report["tones_hz"]) < 1.0
    assert report["removed_db"]["31.25 Hz"] < 0.5
    assert report["removed_db"]["1000 Hz"] > 0.5
