"""The streams that separation is made of: nothing lost, fed in any pieces, only tones out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_scenes import mixed

from skycrane.sound.clicks import ClickFilter
from skycrane.sound.frames import OverlapAdd, effective_count, hann
from skycrane.sound.levels import level_difference_db
from skycrane.sound.separate import Separator, model_noise
from skycrane.sound.survey import frame_size, steady_tones, survey
from skycrane.sound.tones import ToneCanceller, find_tones

RATE = 48_000


def run(stage, samples: np.ndarray, pieces: list[int]) -> np.ndarray:
    edges = np.clip(np.cumsum(pieces), 0, samples.size)
    out = [stage.push(part) for part in np.split(samples, edges)]
    return np.concatenate([*out, stage.flush()])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 5000),
    st.sampled_from([16, 64, 256]),
    st.lists(st.integers(0, 3000), max_size=4),
)
def test_frames_give_back_what_they_were_fed(count: int, size: int, pieces: list[int]) -> None:
    samples = np.random.default_rng(count).standard_normal(count)
    out = run(OverlapAdd(size, []), samples, pieces)
    assert out.size == count
    np.testing.assert_allclose(out, samples, atol=1e-12)


@pytest.mark.parametrize("pieces", [[], [1], [7, 100_000], [65_536] * 3, [4096] * 20])
def test_the_result_does_not_depend_on_the_pieces(pieces: list[int]) -> None:
    _, samples, alone = mixed(-5.0, duration_s=4.0)
    noise = model_noise(lambda: [samples], RATE, reference=lambda: [alone])
    whole = run(Separator(noise), samples, [])
    np.testing.assert_array_equal(run(Separator(noise), samples, pieces), whole)


def test_effective_count_is_that_of_white_noise() -> None:
    size, kernel = 256, hann(6)
    stage = OverlapAdd(size, [])
    x = np.random.default_rng(0).standard_normal(size * 4000)
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[:: size // 4]
    power = np.abs(np.fft.rfft(frames * stage.window)[:, 20]) ** 2
    mean = np.convolve(power, kernel, "valid")
    got = mean.mean() ** 2 / mean.var()
    assert effective_count(kernel, size, size // 4, power=True) == pytest.approx(got, rel=0.1)


def tone_and_noise(hz: float, drift_hz: float) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(8 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(hz + drift_hz * np.sin(2 * np.pi * t / 9)) / RATE
    noise = 0.01 * np.random.default_rng(1).standard_normal(t.size)
    return 0.1 * np.sin(phase + 0.4), noise


@pytest.mark.parametrize(("hz", "drift_hz"), [(195.15, 0.0), (780.6, 0.15), (3000.3, 2.0)])
def test_a_drifting_tone_goes_and_the_noise_stays(hz: float, drift_hz: float) -> None:
    tone, noise = tone_and_noise(hz, drift_hz)
    size = frame_size(RATE)
    canceller = ToneCanceller(np.array([hz]), size=size, rate_hz=RATE)
    out = run(OverlapAdd(size, [canceller]), tone + noise, [])
    middle = slice(RATE, -RATE)
    left = ((out - noise)[middle] ** 2).mean() / (tone[middle] ** 2).mean()
    assert 10 * np.log10(left) < -27
    assert out[middle].std() == pytest.approx(noise[middle].std(), rel=0.05)


def test_tones_are_found_to_a_fraction_of_a_bin() -> None:
    a, noise = tone_and_noise(195.15, 0.0)
    b, _ = tone_and_noise(1170.9, 0.0)
    found = steady_tones(survey(lambda: [a + b + noise], RATE), everywhere=True)
    assert found == pytest.approx([195.15, 1170.9], abs=0.6)


def test_noise_and_passing_notes_are_no_steady_tones() -> None:
    _, noise = tone_and_noise(100.0, 0.0)
    t = np.arange(noise.size) / RATE
    note = 0.1 * np.sin(2 * np.pi * 440 * t) * (np.mod(t, 2) < 1)
    assert find_tones(np.ones(400), 1024, RATE).size == 0
    assert steady_tones(survey(lambda: [noise + note], RATE), everywhere=True).size == 0


def test_clicks_go_and_speech_like_bursts_stay() -> None:
    rng = np.random.default_rng(3)
    noise = 0.002 * rng.standard_normal(10 * RATE)
    ring = np.exp(-np.arange(2400) / 200) * np.sin(2 * np.pi * 2300 * np.arange(2400) / RATE)
    clicks = np.zeros(noise.size)
    for at in (2.3, 5.1, 7.7):
        clicks[int(at * RATE) :][:2400] += 0.5 * ring
    t = np.arange(noise.size) / RATE
    bursts = 0.1 * rng.standard_normal(noise.size) * (np.sin(2 * np.pi * 4 * t) > 0)
    size = 1024
    for extra, low, high in ((clicks, -60.0, -15.0), (bursts, -0.5, 0.5)):
        stage = OverlapAdd(size, [ClickFilter(size=size, rate_hz=RATE)])
        out = run(stage, noise + extra, [])
        left = 10 * np.log10((((out - noise) ** 2).sum() + 1e-12) / (extra**2).sum())
        assert low < left < high


@pytest.mark.parametrize("offset_db", [-6.0, 0.0, 5.0])
def test_level_of_the_noise_is_found_beneath_the_breeze(offset_db: float) -> None:
    _, samples, alone = mixed(0.0, duration_s=8.0)
    heard = survey(lambda: [samples], RATE)
    noise = survey(lambda: [alone * 10 ** (-offset_db / 20)], RATE)
    assert level_difference_db(heard.lull, noise.lull) == pytest.approx(0.8 + offset_db, abs=1.0)


def test_quiet_floor_of_noise_is_its_mean() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(20 * RATE)
    found = survey(lambda: [noise], RATE)
    density = found.density(found.quiet)[50:-50]
    assert 10 * np.log10(density.mean() / (0.01 * 2 / RATE)) == pytest.approx(0, abs=0.3)
