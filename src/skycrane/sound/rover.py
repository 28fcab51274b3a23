"""The rover's own noise: pump tones, electronics whine, broadband, clicks, mechanics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane import draws
from skycrane.mars.acoustics import path_gain
from skycrane.mission.sound import Clicks, Microphone, Soundscape
from skycrane.sound.mechanics import MastSource, WheelSource, ringing
from skycrane.sound.streams import BLOCK, ShapedNoise, SlowWander, db_to_pa

__all__ = ["RoverSource"]


class _Tone:
    """One tone with slow drift and wander, in closed form in time."""

    def __init__(
        self,
        frequency_hz: float,
        amplitude_pa: float,
        *,
        drift: SlowWander,
        drift_fraction: float,
        wander: SlowWander,
        wander_fraction: float,
        phase: float,
    ) -> None:
        self.omega = 2 * np.pi * frequency_hz
        self.amplitude_pa, self.phase = amplitude_pa, phase
        self.drift, self.drift_fraction = drift, drift_fraction
        self.wander, self.wander_fraction = wander, wander_fraction

    def samples(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        angle = self.omega * (t_s + self.drift_fraction * self.drift.integral(t_s)) + self.phase
        envelope = self.amplitude_pa * (1 + self.wander_fraction * self.wander.value(t_s))
        return envelope * np.sin(angle)


class _ClickTrain:
    """Clicks of one kind; each second of time draws its own, whatever is asked for first."""

    def __init__(self, clicks: Clicks, *, rate_hz: float, seed: int, purpose: str) -> None:
        self.clicks, self.rate_hz = clicks, rate_hz
        self.seed, self.purpose = seed, purpose
        self.tail = ringing(clicks.modes, rate_hz, draws.generator(0, purpose)).size

    def _of_second(self, second: int) -> list[tuple[int, NDArray[np.float64]]]:
        rng = draws.generator(self.seed, self.purpose, second)
        found = []
        for _ in range(rng.poisson(self.clicks.rate_hz)):
            start = int((second + rng.uniform()) * self.rate_hz)
            level = self.clicks.level_db + self.clicks.spread_db * rng.standard_normal()
            shape = db_to_pa(level) * ringing(self.clicks.modes, self.rate_hz, rng)
            found.append((start, shape))
        return found

    def block(self, index: int) -> NDArray[np.float64]:
        out = np.zeros(BLOCK)
        first, last = index * BLOCK, (index + 1) * BLOCK
        earliest = max(0, int((first - self.tail) / self.rate_hz))
        for second in range(earliest, int(last / self.rate_hz) + 1):
            for start, shape in self._of_second(second):
                a, b = max(start, first), min(start + shape.size, last)
                if a < b:
                    out[a - first : b - first] += shape[a - start : b - start]
        return out


class RoverSource:
    """The rover's noise at the microphone as a stream of blocks of pressure [Pa].

    Args:
        scene: what there is to hear.
        microphone: where it is heard.
        seed: the run's seed.
        recording: name of the recording; each has its own phases, drifts and clicks.
        through_air: whether the pump's sound crosses the air to the microphone (on the surface) or
            only the structure (in space).
        level_db: added to every level.
    """

    def __init__(
        self,
        scene: Soundscape,
        microphone: Microphone,
        *,
        seed: int,
        recording: str,
        through_air: bool = True,
        level_db: float = 0.0,
    ) -> None:
        self.rate_hz = float(microphone.sample_rate_hz)
        self.gain = 10 ** (level_db / 20)
        away = np.subtract(scene.pump.position_m, microphone.position_m)
        self._air = scene.air
        self._path_m = float(np.linalg.norm(away)) if through_air else 0.0
        self._tones = self._pump(scene, seed, recording) + self._whines(scene, seed, recording)
        points = np.asarray(scene.noise.density)
        self._log_f, self._db = np.log(points[:, 0]), points[:, 1]
        self._noise = ShapedNoise(seed, f"{recording} broadband", self.rate_hz, self._density)
        self._clicks = [
            _ClickTrain(kind, rate_hz=self.rate_hz, seed=seed, purpose=f"{recording} {name} clicks")
            for name, kind in sorted(scene.clicks.items())
        ]
        self._mechanics: list[WheelSource | MastSource] = []
        if through_air:  # in space nothing moves but the pump
            rate = self.rate_hz
            self._mechanics = [
                WheelSource(scene.wheels, rate_hz=rate, seed=seed, recording=recording),
                MastSource(scene.mast, rate_hz=rate, seed=seed, recording=recording),
            ]

    def _density(self, frequency_hz: NDArray[np.float64], t_s: float) -> NDArray[np.float64]:
        log_f = np.log(np.maximum(frequency_hz, 1e-3))
        return db_to_pa(0.0) ** 2 * 10 ** (np.interp(log_f, self._log_f, self._db) / 10)

    def _pump(self, scene: Soundscape, seed: int, recording: str) -> list[_Tone]:
        pump, name = scene.pump, f"{recording} pump"
        # One shaft: every harmonic drifts with the fundamental.
        drift = SlowWander(seed, f"{name} drift", pump.drift_period_s)
        tones = []
        for index, (number, level_db) in enumerate(pump.harmonics):
            frequency = number * pump.frequency_hz
            rng = draws.generator(seed, f"{name} phase", index)
            loss = float(path_gain(self._air, frequency, self._path_m))
            tones.append(
                _Tone(
                    frequency,
                    np.sqrt(2) * db_to_pa(level_db) * loss,
                    drift=drift,
                    drift_fraction=pump.drift_fraction,
                    wander=SlowWander(seed, f"{name} wander", pump.drift_period_s, index),
                    wander_fraction=pump.wander_fraction,
                    phase=rng.uniform(0, 2 * np.pi),
                )
            )
        return tones

    def _whines(self, scene: Soundscape, seed: int, recording: str) -> list[_Tone]:
        tones = []
        for index, whine in enumerate(scene.whines):
            slow = SlowWander(seed, f"{recording} whine drift", scene.pump.drift_period_s, index)
            rng = draws.generator(seed, f"{recording} whine phase", index)
            tones.append(
                _Tone(
                    whine.frequency_hz,
                    np.sqrt(2) * db_to_pa(whine.level_db),
                    drift=slow,
                    drift_fraction=whine.drift_fraction,
                    wander=slow,
                    wander_fraction=0.0,
                    phase=rng.uniform(0, 2 * np.pi),
                )
            )
        return [tone for tone in tones if tone.omega < np.pi * self.rate_hz]

    def tones(self, index: int) -> NDArray[np.float64]:
        """Return the tones of pump and electronics alone in block `index` [Pa], shape [BLOCK]."""
        t = np.arange(index * BLOCK, (index + 1) * BLOCK) / self.rate_hz
        out = np.zeros(BLOCK)
        for tone in self._tones:
            out += tone.samples(t)
        return out * self.gain

    def block(self, index: int) -> NDArray[np.float64]:
        """Return block `index` [Pa], shape [BLOCK]."""
        out = self._noise.block(index)
        for source in (*self._clicks, *self._mechanics):
            out += source.block(index)
        return out * self.gain + self.tones(index)
