"""A wandering comb is found by its ratios and held down; voices and music beside it come out."""

import numpy as np
import pytest
from test_moving import rattle
from test_unseen import COUNT, RATE, chirping_pump, hum_and_hiss, music, other_wind, speech, white

from skycrane.sound.combs import RidgeRows, comb_ratios, learn_comb
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.separate import Separator, model_noise, separate

BIN_HZ = RATE / 8192
LINES = np.array([200.0, 400.0, 640.0, 1010.0])


def heights(ratio: np.ndarray, rng: np.random.Generator, bins: int = 400) -> np.ndarray:
    """Heights above the surroundings of ridges at LINES times a ratio, and of chance."""
    at = ratio[:, None, None] * LINES[:, None] / BIN_HZ
    lines = 200 * np.exp(-(((np.arange(bins) - at) / 1.2) ** 2)).sum(axis=1)
    return rng.exponential(1.0, (ratio.size, bins)) + lines


def test_lines_that_keep_their_ratios_are_a_comb() -> None:
    ratio = 1 + 0.05 * np.sin(np.arange(120) / 15)
    rows = RidgeRows()
    seen = heights(ratio, np.random.default_rng(0))
    rows.add(seen, 7 * seen, 5.0)
    comb = learn_comb(rows, BIN_HZ, least=15.0)
    assert comb is not None
    np.testing.assert_allclose(comb.lines_hz / comb.lines_hz[0], LINES / LINES[0], rtol=0.01)
    assert comb.present == 1.0
    assert comb.explains > 0.9
    assert comb.lowest * comb.lines_hz[0] < 0.95 * LINES[0]
    assert comb.highest * comb.lines_hz[0] > 1.05 * LINES[0]
    np.testing.assert_allclose(comb.power, 1400, rtol=0.3)


def test_ridges_of_chance_are_none() -> None:
    rng = np.random.default_rng(1)
    rows = RidgeRows()
    for _ in range(100):
        one = rng.exponential(1.0, (1, 400))
        one[0, rng.integers(20, 390, 5)] = 200.0
        rows.add(one, one, 5.0)
    comb = learn_comb(rows, BIN_HZ)
    assert comb is None or comb.present < 0.5


def test_a_comb_is_followed_under_a_louder_voice() -> None:
    ratio = 1 + 0.04 * np.sin(np.arange(60) / 9)
    seen = heights(ratio, np.random.default_rng(2))
    voice = np.rint(90 + 10 * np.sin(np.arange(60) / 4)).astype(int)
    seen[np.arange(60), voice] = 1e5
    got = comb_ratios(seen, LINES / BIN_HZ, 0.9, 1.1)
    assert np.abs(got / ratio - 1).max() < 0.01


def test_without_a_reference_a_climbing_pump_goes_and_the_wind_stays() -> None:
    rng = np.random.default_rng(7)
    truth, pump = 0.02 * other_wind(rng, COUNT), 0.063 * chirping_pump(rng, COUNT)
    heard = truth + pump
    clean = separate(heard, RATE)
    # Before combs were looked for it lost 4.0 dB.
    assert si_sdr_db(clean, truth) - si_sdr_db(heard, truth) > 10
    # Without a reference a low steady wind is turned down by 6 dB at most.
    assert -4.5 < level_db(clean) - level_db(truth) < 0


@pytest.mark.parametrize("make", [speech, lambda: music(1), lambda: music(2)])
def test_without_a_reference_voices_and_tunes_are_no_machine(make) -> None:
    samples = make() + 1e-4 * np.random.default_rng(0).standard_normal(make().size)
    assert model_noise(lambda: [samples], RATE).comb is None


@pytest.mark.parametrize(
    ("noise", "wanted", "level", "least_db"),
    # With any ridge held where the reference shows some, however loud and off the comb, the last
    # five gave -7.5, 1.4, -10.4, -0.2 and -0.5 dB.
    [
        (white, speech, 0.0, 9.0),
        (hum_and_hiss, lambda: music(1), 0.0, 8.0),
        (rattle, speech, 10.0, 2.5),
        (rattle, lambda: music(1), 0.0, 2.5),
        (chirping_pump, speech, 10.0, 4.0),
        (chirping_pump, speech, 0.0, 8.0),
        (chirping_pump, lambda: music(1), 0.0, 5.0),
    ],
)
def test_voices_and_music_beside_the_noise_of_a_reference(
    noise, wanted, level: float, least_db: float
) -> None:
    samples = wanted()
    samples *= 0.05 / samples.std()
    both = noise(np.random.default_rng(5), samples.size + 8 * RATE)
    both *= 0.05 * 10 ** (-level / 20) / both.std()
    heard, reference = samples + both[: samples.size], both[samples.size :] * 10**0.1
    clean = separate(heard, RATE, reference=reference, reference_rate_hz=RATE)
    assert si_sdr_db(clean, samples) - si_sdr_db(heard, samples) > least_db
    assert abs(level_db(clean) - level_db(samples)) < 2.5


def test_a_comb_is_held_the_same_however_it_is_fed() -> None:
    rng = np.random.default_rng(9)
    heard = (0.02 * other_wind(rng, COUNT) + 0.03 * chirping_pump(rng, COUNT))[: 8 * RATE]
    found = model_noise(lambda: [heard], RATE)
    assert found.comb is not None
    one, many = Separator(found), Separator(found)
    expected = np.concatenate([one.push(heard), one.flush()])
    got = [many.push(part) for part in np.array_split(heard, 11)]
    np.testing.assert_array_equal(np.concatenate([*got, many.flush()]), expected)
