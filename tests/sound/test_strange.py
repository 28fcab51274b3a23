"""Only wind wanted: what no reference holds goes, the wind stays, gusts are no knocks."""

import functools

import numpy as np
import pytest
from benchmarks.clean_noises import RATE_HZ, drill, rattle, shaped

from skycrane.sound.clean import clean_file
from skycrane.sound.frames import BATCH
from skycrane.sound.levels import level_difference_db
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.recording import open_recording
from skycrane.sound.ridges import RidgeFilter
from skycrane.sound.separate import Separator, model_noise, separate
from skycrane.sound.survey import steady_tones, survey

RATE = 24_000
SECONDS = 10


@functools.cache
def gusts(seed: int = 3) -> np.ndarray:
    """Wind that falls steeply above 60 Hz and comes in sharp gusts of a fifth of a second."""
    rng = np.random.default_rng(seed)
    t = np.arange(SECONDS * RATE) / RATE
    strength = np.exp(np.interp(t, np.arange(0, SECONDS + 0.2, 0.2), rng.normal(0, 0.5, 51)))
    # The makers' rate is twice ours: their 120 Hz are our 60.
    wind = shaped(rng, t.size, lambda f: 1 / (1 + (f / 120) ** 3) * (f > 24))
    return 0.02 * wind * strength / np.sqrt(np.mean(strength**2))


def hiss(count: int, seed: int = 4) -> np.ndarray:
    return 0.002 * np.random.default_rng(seed).standard_normal(count)


@functools.cache
def clatter(kind: str) -> np.ndarray:
    """A machine that no reference holds, quiet in the first and the last seconds."""
    make = {"rattle": rattle, "drill": drill}[kind]
    long = make(np.random.default_rng(5), SECONDS * RATE_HZ)
    noise = long[::2] * np.interp(np.arange(SECONDS), [1, 2, 7, 8], [0, 1, 1, 0]).repeat(RATE)
    return 0.02 * noise / noise.std()


@pytest.mark.parametrize("kind", ["rattle", "drill"])
@pytest.mark.parametrize("with_reference", [True, False])
def test_a_machine_that_nothing_tells_of_goes(kind: str, with_reference: bool) -> None:
    wind, noise = gusts(), clatter(kind)
    heard = wind + noise + hiss(wind.size)
    reference = hiss(5 * RATE, 6) if with_reference else None
    kept, only = (separate(heard, RATE, reference=reference, wind_only=w) for w in (False, True))
    before = si_sdr_db(heard, wind)
    assert si_sdr_db(only, wind) - before > 5
    assert si_sdr_db(only, wind) > si_sdr_db(kept, wind) + 4
    assert abs(level_db(only) - level_db(wind)) < 2.5


def test_gusts_are_no_knocks() -> None:
    wind = gusts()
    heard = wind + hiss(wind.size)
    kept, only = (
        separate(heard, RATE, reference=hiss(5 * RATE, 6), wind_only=w) for w in (False, True)
    )
    assert si_sdr_db(only, wind) > si_sdr_db(kept, wind) - 0.5
    assert abs(level_db(only) - level_db(wind)) < 0.3


def test_a_motor_that_nothing_tells_of_goes() -> None:
    wind = gusts()
    t = np.arange(wind.size) / RATE
    on = np.interp(t, [2, 2.5, 7, 7.5], [0, 1, 1, 0])
    motor = sum(0.004 * np.sin(2 * np.pi * hz * np.cumsum(on) / RATE) for hz in (310, 620, 1550))
    heard = wind + on * motor + hiss(wind.size)
    kept, only = (
        separate(heard, RATE, reference=hiss(5 * RATE, 6), wind_only=w) for w in (False, True)
    )
    assert si_sdr_db(only, wind) > si_sdr_db(kept, wind) + 3


def test_streamed_it_is_the_same_as_in_one_piece() -> None:
    heard = gusts() + clatter("rattle") + hiss(gusts().size)
    noise = model_noise(lambda: [heard], RATE, wind_only=True)
    whole = Separator(noise)
    one = np.concatenate([whole.push(heard), whole.flush()])
    parts = Separator(noise)
    cuts = np.split(heard, [1, 700, 9_001, 50_000, 50_001, 200_003])
    many = np.concatenate([*(parts.push(part) for part in cuts), parts.flush()])
    np.testing.assert_array_equal(one, many)


def test_an_edge_is_no_narrow_ridge() -> None:
    power = np.where(np.arange(400) < 60, 1.0, 1e-4)
    power[200] = 1.0
    spectra = np.tile(np.sqrt(power).astype(complex), (2 * BATCH, 1))
    gains = []
    for narrow in (False, True):
        one = RidgeFilter(np.ones(400, dtype=bool), narrow=narrow)
        parts = [one.process(part, np.ones(BATCH))[0] for part in np.split(spectra, 2)]
        gains.append(np.abs(parts[1][-1]) / np.sqrt(power))
    assert gains[0][58] < 0.7
    assert gains[1][58] == 1.0
    assert gains[1][200] < 0.1


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_noise_is_heard_beneath_a_wind_that_hardly_pauses(spread: float) -> None:
    rng = np.random.default_rng(9)

    def like_wind(f: np.ndarray) -> np.ndarray:
        return 1 / f / (1 + (f / 300) ** 2) * (f > 25)

    noise = shaped(rng, 40 * RATE, like_wind)
    knots = rng.normal(0, spread, 41)
    wind = np.exp(np.interp(np.arange(20 * RATE) / RATE, np.arange(41) / 2, knots))
    wind *= shaped(rng, 20 * RATE, like_wind) * (spread > 0)
    heard = survey(lambda: [0.05 * (wind + noise[: 20 * RATE])], RATE)
    alone = survey(lambda: [0.05 * noise[20 * RATE :]], RATE)
    # Taken at the twentieth of the time alone it is 2.3 dB with the wind.
    assert level_difference_db(heard.lull, alone.lull) == pytest.approx(0.0, abs=1.7)


def test_a_rumbles_crest_is_no_tone() -> None:
    rng = np.random.default_rng(11)
    # The makers' rate is twice ours.
    rumble = shaped(rng, 8 * RATE, lambda f: 1 / f / (1 + (f / 180) ** 2) * (f > 28))
    t = np.arange(rumble.size) / RATE
    with_tone = rumble + 2.0 * np.sin(2 * np.pi * 35.0 * t)
    assert not (steady_tones(survey(lambda: [rumble], RATE), everywhere=False) < 80).any()
    found = steady_tones(survey(lambda: [with_tone], RATE), everywhere=False)
    assert np.abs(found - 35.0).min() < 1.0


def test_what_was_kept_stands_in_the_file(tmp_path) -> None:
    import soundfile

    source = tmp_path / "in.flac"
    soundfile.write(source, gusts()[: 3 * RATE], RATE, subtype="PCM_24")
    clean_file(source, tmp_path / "out.flac", residual=tmp_path / "r.flac", keep="wind")
    assert '"kept": "wind"' in open_recording(tmp_path / "out.flac").comment
    total = sum(soundfile.read(tmp_path / name)[0] for name in ("out.flac", "r.flac"))
    np.testing.assert_array_equal(total, soundfile.read(source)[0])
