"""Breeze, rover and microphone: spectra as their models say, blocks that depend on nothing else."""

import numpy as np
import pytest
from scipy import signal
from sound_scenes import mission_tables, short

from skycrane.sound.breeze import BreezeSource, pressure_density, von_karman_density
from skycrane.sound.measure import level_db
from skycrane.sound.microphone import Capsule, a_weighting, to_samples
from skycrane.sound.rover import RoverSource
from skycrane.sound.scene import reference, surface, whole
from skycrane.sound.streams import BLOCK, REFERENCE_PA, SlowWander


def breeze_source(seed: int = 3) -> BreezeSource:
    _, scene = mission_tables()
    return BreezeSource(scene.breeze, scene.air, rate_hz=48e3, diaphragm_m=0.016, seed=seed)


def rover_source(seed: int = 3, recording: str = "surface") -> RoverSource:
    microphone, scene = mission_tables()
    return RoverSource(scene, microphone, seed=seed, recording=recording)


@pytest.mark.parametrize("build", [breeze_source, rover_source])
def test_a_block_is_the_same_whatever_was_asked_before(build) -> None:
    forward, backward = build(), build()
    ahead = [forward.block(i) for i in range(5)]
    behind = [backward.block(i) for i in reversed(range(5))]
    for a, b in zip(ahead, reversed(behind), strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(build(4).block(2) - ahead[2]).max() > 0


def test_von_karman_density_holds_the_variance() -> None:
    f = np.geomspace(1e-5, 1e5, 200_000)
    total = np.trapezoid(von_karman_density(f, 5.0, 1.3, 4.0), f)
    assert total == pytest.approx(1.3**2, rel=0.01)


def test_breeze_has_the_density_of_its_model() -> None:
    _, scene = mission_tables()
    steady = scene.breeze.model_copy(update={"record": [[0.0, 5.0], [90.0, 5.0]]})
    source = BreezeSource(steady, scene.air, rate_hz=48e3, diaphragm_m=0.016, seed=5)
    source.speed_m_s = lambda t: np.full(t.shape, 5.0)  # no gusts: one density throughout
    sound = np.concatenate([source.block(i) for i in range(400)])
    f, got = signal.welch(sound, 48e3, nperseg=8192)
    want = pressure_density(steady, scene.air, f, 5.0, 0.016)
    # Where the fall is so steep that the cross-fade's own leakage does not show.
    band = (f > 30) & (f < 700)
    assert np.abs(10 * np.log10(got[band] / want[band])).mean() < 1.0


def test_pressure_grows_with_wind_and_falls_steeply_with_frequency() -> None:
    _, scene = mission_tables()
    f = np.array([20.0, 40.0, 80.0, 160.0])
    slow, fast = (pressure_density(scene.breeze, scene.air, f, u, 0.016) for u in (2.5, 5.0))
    assert (fast > 4 * slow).all()
    steps_db = np.diff(10 * np.log10(fast))
    # Five decibels an octave (-5/3) in the inertial range, and ever more where viscosity rules.
    assert steps_db[0] == pytest.approx(-5, abs=0.5)
    assert (np.diff(steps_db) < 0).all()


def test_breeze_sets_in_near_ten_seconds() -> None:
    microphone, scene = mission_tables()
    breeze, rover = whole(surface(scene, microphone, seed=2, duration_s=20.0))
    n = microphone.sample_rate_hz
    calm, windy = level_db(breeze[: 8 * n]), level_db(breeze[12 * n :])
    assert windy > calm + 15
    assert calm < level_db(rover[: 8 * n]) - 10 < windy + 10


def test_rover_noise_alone_is_another_realisation_at_its_level() -> None:
    microphone, scene = short(4.0, 4.0)
    _, rover = whole(surface(scene, microphone, seed=2))
    alone = np.concatenate(list(reference(scene, microphone, seed=2)))
    assert alone.size == 4 * microphone.sample_rate_hz
    f, p = signal.welch(np.stack([rover, alone]), microphone.sample_rate_hz, nperseg=16384)
    near = (f > 60) & (f < 5000)
    difference = 10 * np.log10(p[1, near] / p[0, near])
    assert np.median(difference) == pytest.approx(scene.reference.level_db, abs=0.5)
    correlation = np.corrcoef(rover, alone)[0, 1]
    assert abs(correlation) < 0.9


def test_pump_tones_stand_where_the_mission_says() -> None:
    microphone, scene = short(8.0)
    _, rover = whole(surface(scene, microphone, seed=2))
    f, p = signal.welch(rover, microphone.sample_rate_hz, nperseg=1 << 16)
    for number in (1, 3, 4):
        near = np.abs(f - number * scene.pump.frequency_hz) < 5
        peak = f[near][np.argmax(p[near])]
        assert peak == pytest.approx(number * scene.pump.frequency_hz, abs=1.0)


def test_wander_is_the_slope_of_its_integral() -> None:
    wander = SlowWander(1, "test", 5.0)
    t = np.linspace(10.0, 10.08, 4001)
    slope = np.gradient(wander.integral(t), t)
    # Straight pieces between the coarse points, each with the mean slope there.
    assert np.abs(slope - wander.value(t)).max() < 3e-3


@pytest.mark.parametrize(("hz", "db"), [(31.5, -39.4), (100, -19.1), (1000, 0), (10_000, -2.5)])
def test_a_weighting_as_tabulated(hz: float, db: float) -> None:
    # IEC 61672-1:2013, table 3.
    assert 20 * np.log10(a_weighting(np.array([hz])))[0] == pytest.approx(db, abs=0.15)


def test_capsule_noise_has_its_rated_level() -> None:
    microphone, _ = mission_tables()
    capsule = Capsule(microphone, seed=1, recording="test")
    noise = np.concatenate([capsule.noise(i) for i in range(60)])
    f, p = signal.welch(noise, microphone.sample_rate_hz, nperseg=4096)
    audible = f <= 20e3
    weighted = np.trapezoid(p[audible] * a_weighting(f[audible]) ** 2, f[audible])
    level = 10 * np.log10(weighted / REFERENCE_PA**2)
    assert level == pytest.approx(microphone.self_noise_dba, abs=0.3)


def test_capsule_passes_what_it_should() -> None:
    microphone, _ = mission_tables()
    t = np.arange(20 * BLOCK) / microphone.sample_rate_hz
    for hz, low, high in ((20.0, -2.0, 0.5), (1000.0, -0.1, 0.1), (2.0, -40.0, -20.0)):
        capsule = Capsule(microphone, seed=1, recording="test")
        tone = np.sin(2 * np.pi * hz * t)
        out = np.concatenate([capsule.respond(part) for part in tone.reshape(-1, BLOCK)])
        gain = 20 * np.log10(out[8 * BLOCK :].std() / tone[8 * BLOCK :].std())
        assert low < gain < high


def test_samples_are_calibrated_and_clip() -> None:
    microphone, _ = mission_tables()
    full = microphone.full_scale_pa
    samples = to_samples(np.array([0.0, full / 2, 2 * full, -2 * full]), microphone)
    assert samples.tolist() == [0, 2**22, 2**23 - 1, -(2**23)]
