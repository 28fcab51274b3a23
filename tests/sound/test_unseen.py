"""Winds that the project did not make, noises it did not shape; speech and music come out whole."""

import numpy as np
import pytest
from benchmarks.clean_noises import climbing_comb, shaped
from scipy.signal import resample_poly

from skycrane.ground.voice import VOICE_RATE_HZ, speak
from skycrane.mission import load_mission
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.separate import same_tones, separate

RATE = 48_000
COUNT = 12 * RATE


def other_wind(rng: np.random.Generator, count: int) -> np.ndarray:
    """Wind whose bands gust each by itself: no von Karman, no dissipation."""
    t = np.arange(count) / RATE
    out = np.zeros(count)
    for low, high, weight in ((15, 40, 1.0), (40, 100, 0.6), (100, 250, 0.25), (250, 900, 0.06)):
        band = shaped(rng, count, lambda f, a=low, b=high: ((f >= a) & (f < b)) + 1e-9)
        gusts = np.exp(rng.normal(0, 0.7, t.size // RATE + 3))
        out += weight * band * np.interp(t, np.arange(gusts.size), gusts)
    return out / out.std()


def hum_and_hiss(rng: np.random.Generator, count: int) -> np.ndarray:
    t = np.arange(count) / RATE
    out = 0.5 * shaped(rng, count, lambda f: f**-0.5)
    for k in range(1, 16):
        out += np.sin(2 * np.pi * k * 57.3 * t + rng.uniform(0, 6)) / np.sqrt(k)
    return out / out.std()


def chirping_pump(rng: np.random.Generator, count: int) -> np.ndarray:
    out = climbing_comb(rng, count, shaft_hz=131)
    return out / out.std()


def white(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.standard_normal(count)


@pytest.mark.parametrize(
    ("noise", "least_db", "least_alone_db"),
    [(hum_and_hiss, 8.0, 7.0), (chirping_pump, 8.0, None), (white, 15.0, 12.0)],
)
def test_another_wind_under_another_noise(noise, least_db: float, least_alone_db) -> None:
    rng = np.random.default_rng(7)
    truth = 0.02 * other_wind(rng, COUNT)
    both = 0.04 * noise(rng, COUNT + 8 * RATE)
    heard, reference = truth + both[:COUNT], both[COUNT:]
    before = si_sdr_db(heard, truth)
    clean = separate(heard, RATE, reference=reference, reference_rate_hz=RATE)
    assert si_sdr_db(clean, truth) - before > least_db
    assert abs(level_db(clean) - level_db(truth)) < 2.5
    if least_alone_db is not None:
        assert si_sdr_db(separate(heard, RATE), truth) - before > least_alone_db


def speech() -> np.ndarray:
    speaker = next(iter(load_mission("mars2020").film.speakers.values()))
    words = (
        "Touchdown confirmed, we are safe on Mars.",
        "The wheels are on the ground and the wind is picking up.",
    )
    gap = np.zeros(RATE // 2)
    said = [resample_poly(speak(text, speaker), RATE, VOICE_RATE_HZ) for text in words]
    return 0.3 * np.concatenate([part for one in said for part in (one, gap)])


def music(seed: int) -> np.ndarray:
    """A plucked tune over chords, with drums."""
    rng = np.random.default_rng(seed)
    out = np.zeros(COUNT)
    since = np.arange(int(1.5 * RATE)) / RATE
    pluck = np.exp(-4 * since) * np.minimum(1, since / 0.005)
    for i in range(48):
        hz = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
        note = pluck * sum(np.sin(2 * np.pi * hz * k * since) / k**1.5 for k in range(1, 8))
        part = out[i * RATE // 4 :][: note.size]
        part += note[: part.size]
    held = np.arange(RATE) / RATE
    for i in range(12):
        hz = rng.choice([110, 130.8, 146.8, 98])
        for ratio in (1, 1.25, 1.5):
            tones = sum(np.sin(2 * np.pi * hz * ratio * k * held) / k for k in (1, 2, 3))
            out[i * RATE : (i + 1) * RATE] += 0.5 * tones
    for i in range(24):
        start, beat = i * RATE // 2, np.arange(RATE // 12)
        out[start : start + beat.size] += np.exp(-beat / 720) * rng.standard_normal(beat.size)
    return 0.05 * out


@pytest.mark.parametrize("make", [speech, lambda: music(1), lambda: music(2)])
def test_speech_and_music_come_out_whole(make) -> None:
    samples = make()
    samples = samples + 1e-4 * np.random.default_rng(0).standard_normal(samples.size)
    clean = separate(samples, RATE)
    assert si_sdr_db(clean, samples) > 20
    assert abs(level_db(clean) - level_db(samples)) < 0.5


def test_a_tone_that_the_reference_lacks_stays() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(COUNT) / RATE
    hum = 0.05 * hum_and_hiss(rng, COUNT + 8 * RATE)
    blades = 0.02 * np.sin(2 * np.pi * 84.4 * t)
    heard, reference = blades + hum[:COUNT], hum[COUNT:]
    clean = separate(heard, RATE, reference=reference, reference_rate_hz=RATE)
    kept = 2 * np.mean(clean * np.sin(2 * np.pi * 84.4 * t)) / 0.02
    assert kept == pytest.approx(1.0, abs=0.1)


def test_tones_of_a_shaft_shift_together() -> None:
    ours = np.array([195.0, 390.0, 585.0, 780.0, 4000.0])
    heard = np.array([84.4, 202.8, 405.6, 608.4, 811.2, 3000.0])
    got = same_tones(ours, heard)
    np.testing.assert_allclose(got, [202.8, 405.6, 608.4, 811.2, 4000.0])
    np.testing.assert_allclose(same_tones(ours, np.zeros(0)), ours)
