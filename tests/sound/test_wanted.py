"""What is wanted comes out whole: voices and tunes of several kinds, wind beside a tone, lulls."""

import functools

import numpy as np
import pytest
from benchmarks.clean_noises import RATE_HZ, babble, shaped

from skycrane.sound.levels import level_difference_db
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.separate import model_noise, separate
from skycrane.sound.survey import survey

RATE = 24_000
SECONDS = 10


def seconds() -> np.ndarray:
    return np.arange(SECONDS * RATE) / RATE


def song() -> np.ndarray:
    """A voice that holds notes of a second with vibrato, under two formants, breathing between."""
    t = seconds()
    note = np.repeat(np.random.default_rng(1).permutation([0, 2, 4, 5, 7, 9, 11, 12, 4, 7]), RATE)
    pitch = 196 * 2 ** ((note + 0.4 * np.sin(2 * np.pi * 5.5 * t)) / 12)
    angle = 2 * np.pi * np.cumsum(pitch) / RATE
    out = np.zeros(t.size)
    for k in range(1, 20):
        size = sum(1 / (1 + ((k * pitch - f) / 150) ** 2) for f in (600.0, 1300.0))
        out += size * np.sin(k * angle) / k
    return out * np.clip(5 * np.sin(np.pi * np.mod(t, 1.0)), 0, 1)


def bells() -> np.ndarray:
    """Bells whose partials ring on for seconds."""
    t, rng, out = seconds(), np.random.default_rng(2), np.zeros(SECONDS * RATE)
    for start in np.arange(0.2, SECONDS, 0.8):
        hz, since = rng.choice([392.0, 440.0, 523.0, 587.0]), t - start
        for ratio, size in ((0.5, 0.5), (1, 1), (1.19, 0.6), (1.5, 0.4), (2, 0.6), (2.74, 0.3)):
            ring = np.exp(-np.maximum(since, 0) * (0.6 + 0.5 * ratio))
            out += (since > 0) * size * ring * np.sin(2 * np.pi * hz * ratio * since)
    return out


def whistle() -> np.ndarray:
    """A whistled tune that glides from note to note and pauses."""
    t, rng = seconds(), np.random.default_rng(3)
    hz = np.interp(t, np.arange(0, SECONDS, 0.5), 900 * 2 ** (rng.integers(0, 13, 20) / 12))
    return np.sin(2 * np.pi * np.cumsum(hz) / RATE) * (np.mod(t, 3) < 2.5)


def drums() -> np.ndarray:
    """A bar of drums: low thumps that fall in pitch, and snares of noise."""
    rng, out = np.random.default_rng(4), np.zeros(SECONDS * RATE)
    since = np.arange(RATE // 3) / RATE
    thump = np.exp(-14 * since) * np.sin(2 * np.pi * (60 * since + 6 * (1 - np.exp(-20 * since))))
    for i, start in enumerate(range(0, out.size - since.size, RATE // 3)):
        hit = thump if i % 2 == 0 else 0.4 * np.exp(-20 * since) * rng.standard_normal(since.size)
        out[start : start + since.size] += hit
    return out


def talk() -> np.ndarray:
    """Two people who talk at once, in syllables."""
    both = babble(np.random.default_rng(5), SECONDS * RATE_HZ, voices=2)
    return both[::2]


WANTED = {"song": song, "bells": bells, "whistle": whistle, "drums": drums, "talk": talk}
# Partials of bells that are struck before they fade hardly differ from a machine's tones.
LEAST_DB = {"bells": 12.0}


@functools.cache
def recorded(kind: str) -> np.ndarray:
    samples = WANTED[kind]()
    samples *= 0.05 / samples.std()
    return samples + 2e-5 * np.random.default_rng(0).standard_normal(samples.size)


@pytest.mark.parametrize("kind", WANTED)
def test_it_comes_out_whole_at_every_strength(kind: str) -> None:
    samples = recorded(kind)
    left = [si_sdr_db(separate(samples, RATE, strength=s), samples) for s in (0.5, 1.0)]
    assert left[0] > left[1] > LEAST_DB.get(kind, 20.0)
    np.testing.assert_allclose(separate(samples, RATE, strength=0.0), samples, atol=1e-12)
    assert abs(level_db(separate(samples, RATE)) - level_db(samples)) < 0.5


@pytest.mark.parametrize("kind", WANTED)
def test_it_comes_out_of_noise_that_a_reference_tells(kind: str) -> None:
    samples = recorded(kind)
    hiss = 0.02 * np.random.default_rng(6).standard_normal(samples.size + 5 * RATE)
    heard, alone = samples + hiss[: samples.size], hiss[samples.size :]
    gains = [
        si_sdr_db(separate(heard, RATE, reference=alone, strength=s), samples)
        - si_sdr_db(heard, samples)
        for s in (0.5, 1.0)
    ]
    assert 1.5 < gains[0] < gains[1]


def test_wind_where_a_machines_tone_will_be_stays_until_it_is_there() -> None:
    """Steady tones, one of which begins late, were taken for a comb and held down from the start:
    the wind at that pitch went with it."""
    rng = np.random.default_rng(8)
    t = np.arange(30 * RATE) / RATE
    # Blows hard until the tone begins.
    wind = shaped(rng, t.size, lambda f: 1 / (1 + (2 * (f / 2 - 85) / 60) ** 2))
    wind *= np.interp(t, [0, 4, 5, 30], [0.05, 0.05, 0.004, 0.004])
    blades = 0.05 * np.sin(2 * np.pi * 84.8 * t) * (t > 4.5)
    lines = sum(0.001 * np.sin(2 * np.pi * hz * t) for hz in (2415.0, 3584.0, 4915.0, 6084.0))
    hiss = 1e-4 * rng.standard_normal(t.size)
    heard = wind + blades + lines + hiss
    found = model_noise(lambda: [heard], RATE)
    assert np.abs(found.tones_hz - 84.8).min() < 0.5
    clean = separate(heard, RATE)

    def near(samples: np.ndarray, first_s: float, last_s: float) -> float:
        part = samples[int(first_s * RATE) : int(last_s * RATE)]
        f = np.fft.rfftfreq(part.size, 1 / RATE)
        return float(level_db(np.fft.rfft(part)[(f > 78) & (f < 92)].view(float)))

    assert near(clean, 0.5, 4.0) - near(wind, 0.5, 4.0) > -1.5
    assert near(clean, 8.0, 28.0) - near(heard, 8.0, 28.0) < -15


@pytest.mark.parametrize("level", [-10.0, 0.0])
def test_a_noises_level_is_heard_in_the_lulls_of_a_wind_of_its_own_spectrum(level: float) -> None:
    rng = np.random.default_rng(9)

    def like_wind(f: np.ndarray) -> np.ndarray:
        return 1 / f / (1 + (f / 300) ** 2) * (f > 25)

    noise = shaped(rng, 40 * RATE, like_wind)
    gusts = np.exp(np.interp(np.arange(20 * RATE) / RATE, np.arange(21), rng.normal(0, 1, 21)))
    wind = gusts * shaped(rng, 20 * RATE, like_wind)
    wind *= 10 ** (level / 20) / wind.std()
    heard = survey(lambda: [0.05 * (wind + noise[: 20 * RATE])], RATE)
    alone = survey(lambda: [0.05 * noise[20 * RATE :]], RATE)
    assert level_difference_db(heard.lull, alone.lull) == pytest.approx(0.0, abs=0.6)
