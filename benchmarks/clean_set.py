"""The recordings that separations are measured on: breeze and rover known apart, tuning kept apart.

Development seeds are for choosing parameters, ours and the peers' alike; test seeds are only
measured. Each recording is the start of the mission's surface minute with a reference of the rover
alone, and no two rovers or winds are alike: each seed has its own pump, hum, clicks and wind. The
breeze is brought to five levels beside the rover.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skycrane.mission import load_mission
from skycrane.mission.sound import Soundscape
from skycrane.sound.rover import RoverSource
from skycrane.sound.scene import reference, surface, whole
from skycrane.sound.streams import BLOCK

__all__ = [
    "DEV_SEEDS",
    "LEVELS_DB",
    "SECONDS",
    "TEST_SEEDS",
    "TRAINING_SEED",
    "Clip",
    "clips",
    "varied",
]

DEV_SEEDS = (1, 2)
TEST_SEEDS = (101, 102, 103, 104, 105, 106, 107, 108, 109, 110)
TRAINING_SEED = 11
"""Breeze alone that a supervised peer may learn from."""
LEVELS_DB = (-15.0, -10.0, -5.0, 0.0, 5.0)
SECONDS = 20.0


@dataclass(frozen=True)
class Clip:
    """One recording and what it is made of, full scale 1, [n] each but the reference.

    Attributes:
        seed: seed of the scene.
        level_db: RMS level of the breeze above the rover's.
        truth: the breeze alone.
        noise: the rover alone.
        tones: the steady tones in it.
        reference: another recording of the rover alone, before landing.
        rate_hz: samples a second.
    """

    seed: int
    level_db: float
    truth: np.ndarray
    noise: np.ndarray
    tones: np.ndarray
    reference: np.ndarray
    rate_hz: float

    @property
    def heard(self) -> np.ndarray:
        """What is to be cleaned."""
        return self.truth + self.noise


def varied(scene: Soundscape, seed: int) -> Soundscape:
    """Return the scene with a rover and a wind of this seed's own."""
    rng = np.random.default_rng([seed, 5])
    pump, noise, breeze = scene.pump, scene.noise, scene.breeze
    octaves = np.log2(np.array([hz for hz, _ in noise.density]) / 400)
    tilt_db = rng.uniform(-1.0, 1.0) * octaves + rng.normal(0, 1.5, octaves.size)
    density = [[hz, db + t] for (hz, db), t in zip(noise.density, tilt_db, strict=True)]
    harmonics = [[n, db + rng.normal(0, 4)] for n, db in pump.harmonics]
    wind = rng.uniform(0.7, 1.4) * rng.lognormal(0, 0.15, len(breeze.record))
    record = [[t, float(v * w)] for (t, v), w in zip(breeze.record, wind, strict=True)]
    pump = pump.model_copy(
        update={
            "frequency_hz": pump.frequency_hz * rng.uniform(0.75, 1.3),
            "drift_fraction": pump.drift_fraction * 10 ** rng.uniform(-0.5, 0.7),
            "harmonics": harmonics,
        }
    )
    clicks = {
        name: kind.model_copy(update={"rate_hz": kind.rate_hz * rng.uniform(0.5, 3.0)})
        for name, kind in scene.clicks.items()
    }
    other = scene.reference.model_copy(update={"level_db": rng.uniform(-2.5, 2.5)})
    return scene.model_copy(
        update={
            "pump": pump,
            "clicks": clicks,
            "reference": other,
            "noise": noise.model_copy(update={"density": density}),
            "breeze": breeze.model_copy(update={"record": record}),
        }
    )


def clips(
    seeds: tuple[int, ...], levels_db: tuple[float, ...] = LEVELS_DB, seconds: float = SECONDS
) -> Iterator[Clip]:
    """Yield a clip for each seed and level."""
    mission = load_mission("mars2020")
    microphone = mission.microphone
    for seed in seeds:
        scene = varied(mission.soundscape, seed)
        breeze, rover = whole(surface(scene, microphone, seed=seed, duration_s=seconds))
        source = RoverSource(scene, microphone, seed=seed, recording="surface")
        blocks = range(-(-rover.size // BLOCK))
        tones = np.concatenate([source.tones(i) for i in blocks])[: rover.size]
        alone = np.concatenate(list(reference(scene, microphone, seed=seed)))
        full = microphone.full_scale_pa
        for level in levels_db:
            truth = breeze * 10 ** (level / 20) * rover.std() / breeze.std()
            rate = float(microphone.sample_rate_hz)
            yield Clip(seed, level, truth / full, rover / full, tones / full, alone / full, rate)
