"""Wheels, mast and helicopter: heard when they move, at the rates that mechanics and air give."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import signal
from sound_scenes import mission_tables

from skycrane.mars.acoustics import sound_speed_m_s
from skycrane.mission.sound import Helicopter, Wheels
from skycrane.sound.helicopter import HelicopterSource
from skycrane.sound.measure import level_db
from skycrane.sound.mechanics import MastSource, WheelSource
from skycrane.sound.streams import BLOCK

RATE = 48_000


def sound(source, seconds: float) -> np.ndarray:
    blocks = [source.block(i) for i in range(int(seconds * RATE / BLOCK) + 1)]
    return np.concatenate(blocks)[: int(seconds * RATE)]


def wheel_source(**update) -> WheelSource:
    _, scene = mission_tables()
    wheels = scene.wheels.model_copy(update={"drives": [[1.0, 6.0]], **update})
    return WheelSource(wheels, rate_hz=RATE, seed=3, recording="test")


def test_wheels_are_heard_only_while_they_turn() -> None:
    heard = sound(wheel_source(), 8.0)
    assert not heard[: int(0.99 * RATE)].any()
    assert not heard[int(6.3 * RATE) :].any()
    assert 50 < level_db(heard[2 * RATE : 5 * RATE]) < 70


def test_grousers_strike_at_the_rate_of_the_ground_speed() -> None:
    source = wheel_source(drives=[[0.0, 40.0]], scrape_db=-200.0, gear_db=-200.0, count=1)
    heard = np.abs(sound(source, 40.0))
    loud = np.maximum.reduceat(heard, np.arange(0, heard.size, RATE // 100))
    strikes = np.count_nonzero(np.diff(loud > 1e-6, prepend=False)) / 2  # each rises and ends
    _, scene = mission_tables()
    wheels = scene.wheels
    expected = 40.0 * wheels.speed_m_s * wheels.grousers / (np.pi * wheels.diameter_m)
    assert strikes == pytest.approx(expected, abs=2)


def test_a_drive_motor_sings_at_its_turning_rate() -> None:
    source = wheel_source(drives=[[0.0, 8.0]], scrape_db=-200.0, strike_db=-200.0)
    f, p = signal.welch(sound(source, 7.0)[RATE:], RATE, nperseg=1 << 15)
    _, scene = mission_tables()
    wheels = scene.wheels
    turning = wheels.gear_ratio * wheels.speed_m_s / (np.pi * wheels.diameter_m)
    inside = np.abs(f - turning) < 0.08 * turning
    assert p[inside].sum() > 0.99 * p.sum()


def test_the_mast_runs_up_and_down() -> None:
    _, scene = mission_tables()
    mast = scene.mast.model_copy(update={"moves": [[1.0, 4.0]], "harmonics": [[2, 50.0]]})
    heard = sound(MastSource(mast, rate_hz=RATE, seed=1, recording="test"), 5.0)
    assert not heard[:RATE].any()
    assert not heard[4 * RATE + 1 :].any()
    assert level_db(heard[2 * RATE : 3 * RATE]) == pytest.approx(50.0, abs=0.1)
    f, p = signal.welch(heard[2 * RATE : 3 * RATE], RATE, nperseg=RATE)
    assert f[np.argmax(p)] == pytest.approx(2 * mast.motor_hz, abs=1.0)
    crossings = np.flatnonzero(np.diff(np.signbit(heard[RATE : 4 * RATE])))
    periods = np.diff(crossings)
    assert periods[5] > 1.5 * periods[periods.size // 2]


def flying(track: list[list[float]]) -> tuple[Helicopter, HelicopterSource]:
    _, scene = mission_tables()
    update = {"heard": True, "track": track, "harmonics": [[1, 90.0]]}
    helicopter = scene.helicopter.model_copy(update=update)
    return helicopter, HelicopterSource(helicopter, scene.air, rate_hz=RATE, seed=1)


def frequency_hz(samples: np.ndarray) -> float:
    angle = np.unwrap(np.angle(signal.hilbert(samples)))
    middle = slice(RATE, -RATE)
    slope = np.polyfit(np.arange(angle.size)[middle], angle[middle], 1)[0]
    return float(slope * RATE / (2 * np.pi))


def test_the_blade_tone_is_shifted_by_doppler() -> None:
    _, scene = mission_tables()
    helicopter, source = flying([[0.0, 200.0], [40.0, 200.0 - 40 * 4.0]])
    speed = float(sound_speed_m_s(scene.air, helicopter.blade_hz))
    heard = sound(source, 12.0)[3 * RATE :]
    assert frequency_hz(heard) == pytest.approx(helicopter.blade_hz / (1 - 4.0 / speed), abs=0.01)


def test_it_is_late_and_fades_with_distance_by_spreading_and_absorption() -> None:
    _, scene = mission_tables()
    near, far = (sound(flying([[0.0, r], [40.0, r]])[1], 8.0) for r in (50.0, 200.0))
    speed = float(sound_speed_m_s(scene.air, scene.helicopter.blade_hz))
    assert np.flatnonzero(far)[0] / RATE == pytest.approx(200.0 / speed, abs=0.01)
    lost = level_db(near[5 * RATE :]) - level_db(far[5 * RATE :])
    assert lost > 20 * np.log10(4.0) + 0.5
    assert level_db(near[5 * RATE :]) < 90 - 20 * np.log10(50.0)


def test_nobody_flies_unless_asked() -> None:
    _, scene = mission_tables()
    source = HelicopterSource(scene.helicopter, scene.air, rate_hz=RATE, seed=1)
    assert not scene.helicopter.heard
    assert not source.block(100).any()


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (Wheels, "drives", [[5.0, 2.0]]),
        (Wheels, "drives", [[1.0, 3.0], [2.0, 4.0]]),
        (Wheels, "scrape_band_hz", [500.0, 100.0]),
        (Helicopter, "track", [[0.0, 50.0], [1.0, 900.0]]),
        (Helicopter, "track", [[0.0, 0.1], [1.0, 1.0]]),
    ],
)
def test_what_cannot_be_is_refused(kind, key: str, value: list) -> None:
    _, scene = mission_tables()
    good = (scene.wheels if kind is Wheels else scene.helicopter).model_dump()
    kind.model_validate(good)
    with pytest.raises(ValidationError):
        kind.model_validate(good | {key: value})
