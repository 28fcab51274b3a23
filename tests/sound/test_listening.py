"""Versions made equally loud: by the standard's own points, no clipping, the same bytes."""

import base64
import io
import json
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from skycrane.sound.listening import equal_gains_db, loudness_lufs, write_listening

RATE = 48_000


def sine(hz: float, level: float, rate: int = RATE, seconds: float = 4.0) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [48_000, 44_100, 96_000])
def test_a_full_sine_has_the_standards_loudness(rate: int) -> None:
    # ITU-R BS.1770-5: a 997 Hz sine of full scale in one channel reads -3.01 LKFS.
    assert loudness_lufs(sine(997.0, 1.0, rate), rate) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize(("hz", "db"), [(40.0, -5.0), (100.0, -1.1), (10_000.0, 4.0)])
def test_low_notes_count_less_and_high_ones_more(hz: float, db: float) -> None:
    # Figures of the weighting's published curve, read to half a decibel, relative to 1 kHz (0.7).
    difference = loudness_lufs(sine(hz, 0.5), RATE) - loudness_lufs(sine(997.0, 0.5), RATE)
    assert difference == pytest.approx(db - 0.7, abs=0.8)


def test_versions_come_out_equally_loud_and_whole() -> None:
    versions = [sine(300.0, 0.5), sine(300.0, 0.01), sine(3000.0, 0.001)]
    versions[1][1000] = 0.09
    gains = equal_gains_db(versions, RATE)
    loud = [one * 10 ** (gain / 20) for one, gain in zip(versions, gains, strict=True)]
    heard = [loudness_lufs(one, RATE) for one in loud]
    assert np.ptp(heard) < 0.01
    assert max(np.abs(one).max() for one in loud) < 10 ** (-0.9 / 20)


def test_silence_is_left_alone() -> None:
    gains = equal_gains_db([sine(300.0, 0.5), np.zeros(RATE)], RATE)
    assert gains[1] == 0.0


def test_the_script_holds_every_version_in_step(tmp_path: Path) -> None:
    paths = {}
    for name, level in (("raw", 0.4), ("clean", 0.01)):
        paths[name] = tmp_path / f"{name}.flac"
        samples = np.zeros(2 * RATE)
        samples[RATE // 2 : RATE] = sine(500.0, level, seconds=0.5)
        soundfile.write(paths[name], samples, RATE, "PCM_24")
    write_listening(paths, tmp_path / "a.js")
    write_listening(paths, tmp_path / "b.js")
    text = (tmp_path / "a.js").read_text()
    assert text == (tmp_path / "b.js").read_text()
    held = json.loads(text.removeprefix("window.skycraneSounds=").removesuffix(";\n"))
    assert list(held) == ["raw", "clean"]
    decoded = []
    for one in held.values():
        with av.open(io.BytesIO(base64.b64decode(one["aac"]))) as container:
            frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        decoded.append(np.concatenate(frames))
    assert decoded[0].size == decoded[1].size
    starts = [np.flatnonzero(np.abs(one) > 0.2 * np.abs(one).max())[0] for one in decoded]
    assert abs(int(starts[0]) - int(starts[1])) < 20
    np.testing.assert_allclose(decoded[0].std(), decoded[1].std(), rtol=0.05)
