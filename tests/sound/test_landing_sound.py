"""The landing as it would have been heard: what is heard when is what the flight did then."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from sound_scenes import mission_tables

from skycrane.errors import InputError
from skycrane.flight.record import BODIES, BodyTrack, Event, Flight
from skycrane.ground.cut import write_film
from skycrane.ground.landing_track import landing_track, mixed
from skycrane.mars.acoustics import absorption_db_m
from skycrane.mission.film import Encoding
from skycrane.mission.sound import JetNoise
from skycrane.sound.landing import LandingSound, jet_density, write_landing_sound
from skycrane.sound.measure import level_db
from skycrane.sound.streams import BLOCK

RATE = 48_000
OPEN, FREE, DOWN, GONE = 5.0, 8.0, 14.0, 18.0


def track(name: str, t: np.ndarray, height: np.ndarray, **drivers: np.ndarray) -> BodyTrack:
    place = np.stack([3.39e6 + height, 0 * t, 0 * t], axis=1)
    turn = np.tile([1.0, 0, 0, 0], (t.size, 1))
    speed = np.gradient(place, t, axis=0)
    return BodyTrack(name, t, place, speed, turn, np.zeros(t.size, dtype=bool), drivers)


def event(name: str, t_s: float) -> Event:
    from dataclasses import fields

    values = {field.name: 0.0 for field in fields(Event)} | {"name": name, "t_s": t_s, "note": ""}
    return Event(**values)


def flight() -> Flight:
    """Entry pressure that rises and falls, a fall in the open, engines, a stage that leaves."""
    t = np.linspace(0, GONE, 1801)
    bodies = {name: track(name, t, 0 * t) for name in BODIES}
    q = 9e3 * np.exp(-(((t - 2) / 0.8) ** 2)) + 20.0
    down = np.maximum(DOWN - t, 0) * 40.0
    bodies["entry_vehicle"] = track("entry_vehicle", t, down, dynamic_pressure_pa=q)
    bodies["rover"] = track("rover", t, down)
    thrust = np.where((t > FREE) & (t < GONE - 0.5), 9000.0, 0.0)
    away = 8.0 + 30.0 * np.maximum(t - DOWN, 0) ** 2
    bodies["descent_stage"] = track("descent_stage", t, down + away, thrust_n=thrust)
    names = {
        "entry_interface": 0.0,
        "parachute_deploy": 3.5,
        "heat_shield_separation": OPEN,
        "backshell_separation": FREE,
        "touchdown": DOWN,
    }
    return Flight(bodies, [event(name, at) for name, at in names.items()], 3.39e6)


@pytest.fixture(scope="module")
def heard() -> np.ndarray:
    microphone, scene = mission_tables()
    return np.concatenate(list(LandingSound(flight(), scene, microphone, seed=1).blocks()))


def level(heard: np.ndarray, start_s: float, end_s: float) -> float:
    return level_db(heard[int(start_s * RATE) : int(end_s * RATE)])


def test_the_entry_rumbles_as_the_dynamic_pressure_rises(heard: np.ndarray) -> None:
    _, scene = mission_tables()
    landing = scene.landing
    rms = landing.rumble_coefficient * 8.8e3 * 10 ** (-landing.rumble_loss_db / 20)
    assert level(heard, 1.9, 2.1) == pytest.approx(20 * np.log10(rms / 20e-6), abs=3)
    assert level(heard, 1.9, 2.1) > level(heard, 0.1, 0.3) + 25


def test_the_wind_comes_in_when_the_heat_shield_goes(heard: np.ndarray) -> None:
    assert level(heard, OPEN + 1, FREE - 0.5) > level(heard, OPEN - 0.4, OPEN - 0.1) + 10


def test_strikes_stand_at_their_events(heard: np.ndarray) -> None:
    size = RATE // 50
    loud = np.abs(heard[: heard.size // size * size]).reshape(-1, size).max(axis=1)
    mortar = int(3.5 * 50)
    assert loud[mortar : mortar + 3].max() > 20 * np.median(loud[mortar - 15 : mortar - 1])


def test_engines_fade_as_the_stage_leaves_and_end_in_near_silence(heard: np.ndarray) -> None:
    full, going, gone = (
        level(heard, *span) for span in ((9, 13), (DOWN + 2.5, DOWN + 3.2), (GONE + 4, GONE + 5))
    )
    assert full > going + 15
    assert gone < 65
    assert gone < full - 25


def test_the_jets_power_is_what_is_heard_and_far_off_it_is_dull() -> None:
    microphone, scene = mission_tables()
    sound = LandingSound(flight(), scene, microphone, seed=1)
    f = np.linspace(1, 24_000, 24_000)
    near = sound._jets(f, 10.0, 9000.0, 2.0, 0.0)
    far = sound._jets(f, 10.0, 9000.0, 100.0, 0.0)
    high, low = f > 3000, np.argmin(np.abs(f - 50))
    spread = 20 * np.log10(100.0 / 2.0)
    air = 98.0 * float(absorption_db_m(scene.air, 50.0))
    assert 10 * np.log10(near[low] / far[low]) == pytest.approx(spread + air, abs=0.5)
    assert near[high].sum() / far[high].sum() > 1e6


def test_a_jets_spectrum_adds_up_and_follows_strouhal_and_doppler() -> None:
    jet = JetNoise(efficiency=1e-3, exhaust_speed_m_s=2000.0, nozzle_diameter_m=0.4, strouhal=0.2)
    f = np.linspace(0.5, 200_000, 400_000)
    assert np.trapezoid(jet_density(jet, f), f) == pytest.approx(1, abs=0.01)
    assert f[np.argmax(jet_density(jet, f))] == pytest.approx(1000, abs=2)
    assert f[np.argmax(jet_density(jet, f, 0.9))] == pytest.approx(900, abs=2)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    microphone, scene = mission_tables()
    path = tmp_path_factory.mktemp("landing") / "landing_as_heard.flac"
    report = write_landing_sound(path, flight(), scene, microphone, seed=1)
    assert report["landing_clipped_samples"] == 0
    again = path.with_name("again.flac")
    write_landing_sound(again, flight(), scene, microphone, seed=1)
    assert again.read_bytes() == path.read_bytes()
    return path


def test_it_says_that_it_is_synthetic(written: Path, heard: np.ndarray) -> None:
    _, scene = mission_tables()
    with soundfile.SoundFile(written) as file:
        tags = json.loads(file.comment)
        samples = file.read(dtype="float64")
    assert tags["synthetic"] is True
    assert tags["full_scale_pa"] == scene.landing.full_scale_pa
    np.testing.assert_allclose(samples * tags["full_scale_pa"], heard, atol=2e-5)
    assert samples.size > BLOCK


def test_a_film_gets_its_stretch_at_a_level_to_listen_to(written: Path) -> None:
    out = landing_track(written, opens_s=3.0, length_s=40.0)
    assert out.shape == (40 * RATE, 2)
    assert np.abs(out).max() <= 1.0
    engines, quiet = out[6 * RATE : 9 * RATE, 0].std(), out[18 * RATE : 20 * RATE, 0].std()
    assert 0.01 < quiet < engines
    assert not out[-RATE:].any()
    loop = np.full((40 * RATE, 2), 0.1, dtype=np.float32)
    assert np.abs(mixed(loop, out)).max() < 1.0


def test_without_it_the_film_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not here"):
        landing_track(tmp_path / "none.flac", opens_s=0.0, length_s=1.0)


def test_the_film_carries_it_as_a_second_track(tmp_path: Path) -> None:
    encoding = Encoding(
        width=320, height=180, frames_per_s=12, x264_preset="ultrafast", x264_crf=40
    )
    picture = np.zeros((180, 320, 3), dtype=np.uint8)
    loop, second = (np.full((2 * RATE, 2), v, dtype=np.float32) for v in (0.0, 0.2))
    second *= np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE)[:, None].astype(np.float32)
    path = tmp_path / "film.mp4"
    write_film(path, lambda index: picture, 24, loop, encoding, title="t", workers=1, second=second)
    with av.open(str(path)) as film:
        tracks = film.streams.audio
        assert len(tracks) == 2
        assert "synthetic" in tracks[1].metadata["handler_name"]
        heard = np.concatenate([f.to_ndarray()[0] for f in film.decode(tracks[1])])
    assert heard.std() == pytest.approx(0.2 / np.sqrt(2), rel=0.1)
