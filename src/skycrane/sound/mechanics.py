"""Mechanics that come and go: wheels on the ground, the mast's motors.

Nothing of this is in a reference taken before landing, so a separation has to find it by itself or
leave it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane import draws
from skycrane.mission.sound import Mast, Wheels
from skycrane.sound.streams import BLOCK, ShapedNoise, SlowWander, db_to_pa

__all__ = ["MastSource", "WheelSource", "ringing"]

_EDGE_S = 0.3
"""A drive starts and stops over this."""
_TAIL = 6.0
"""A strike is followed for this many decay times (52 dB)."""


def ringing(
    modes: list[list[float]], rate_hz: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the decaying sum of `modes` (frequency [Hz], decay [s]) with random phases, peak 1."""
    t = np.arange(int(_TAIL * max(decay for _, decay in modes) * rate_hz) + 1) / rate_hz
    shape = np.zeros(t.size)
    for frequency, decay in modes:
        weight, phase = rng.uniform(0.4, 1.0), rng.uniform(0, 2 * np.pi)
        if frequency < rate_hz / 2:
            shape += weight * np.exp(-t / decay) * np.sin(2 * np.pi * frequency * t + phase)
    # A strike takes a moment to build up; a step would ring over the whole spectrum.
    shape *= -np.expm1(-t / 2e-4)
    peak = float(np.abs(shape).max())
    return shape / peak if peak > 0 else shape


def _ramp(t_s: NDArray[np.float64], span: list[float], edge_s: float) -> NDArray[np.float64]:
    """Return 1 inside a span, rising and falling linearly over `edge_s` inside it, else 0."""
    edge = min(edge_s, 0.5 * (span[1] - span[0]))
    return np.clip(np.minimum(t_s - span[0], span[1] - t_s) / edge, 0.0, 1.0)


def _ramp_integral(t_s: NDArray[np.float64], span: list[float], edge_s: float) -> NDArray:
    """Return the antiderivative of `_ramp` that is 0 at the span's start [s]."""
    edge = min(edge_s, 0.5 * (span[1] - span[0]))
    x = np.clip(t_s - span[0], 0.0, span[1] - span[0])
    left = (span[1] - span[0]) - x
    rising, falling = x**2 / (2 * edge), (span[1] - span[0]) - edge - left**2 / (2 * edge)
    return np.where(x < edge, rising, np.where(left < edge, falling, x - edge / 2))


class WheelSource:
    """Wheels as a stream of blocks of pressure [Pa].

    Each wheel's grousers strike at speed over spacing, a little unevenly, each strike with its own
    level; each wheel's motor sings at its turning rate; scraping is broadband and unsteady.
    """

    def __init__(self, wheels: Wheels, *, rate_hz: float, seed: int, recording: str) -> None:
        self.wheels, self.rate_hz, self.seed = wheels, rate_hz, seed
        self.purpose = f"{recording} wheels"
        self.spacing_s = np.pi * wheels.diameter_m / wheels.grousers / wheels.speed_m_s
        self.motor_hz = wheels.gear_ratio * wheels.speed_m_s / (np.pi * wheels.diameter_m)
        low, high = wheels.scrape_band_hz
        self._scrape_pa2 = db_to_pa(wheels.scrape_db) ** 2 / np.log(high / low)
        self._scrape = ShapedNoise(seed, f"{self.purpose} scraping", rate_hz, self._density)
        self._unsteady = SlowWander(seed, f"{self.purpose} unsteadiness", 0.3)
        self._slip = [SlowWander(seed, f"{self.purpose} slip", 2.0, i) for i in range(wheels.count)]
        self._tail_s = _TAIL * max(decay for _, decay in wheels.modes)

    def _density(self, frequency_hz: NDArray[np.float64], t_s: float) -> NDArray[np.float64]:
        del t_s
        low, high = self.wheels.scrape_band_hz
        f = np.maximum(frequency_hz, 1e-3)
        # Every octave alike between second-order edges.
        return self._scrape_pa2 / f / (1 + (low / f) ** 4) / (1 + (f / high) ** 4)

    def block(self, index: int) -> NDArray[np.float64]:
        """Return block `index` [Pa], shape [BLOCK]."""
        out = np.zeros(BLOCK)
        t = np.arange(index * BLOCK, (index + 1) * BLOCK) / self.rate_hz
        for span in self.wheels.drives:
            if span[0] < t[-1] and span[1] + self._tail_s > t[0]:
                self._strikes(out, t, span)
                moving = _ramp(t, span, _EDGE_S)
                if moving.any():
                    rough = np.exp(0.5 * self._unsteady.value(t))
                    out += moving * (rough * self._scrape.block(index) + self._motors(t, span))
        return out

    def _motors(self, t: NDArray[np.float64], span: list[float]) -> NDArray[np.float64]:
        total = np.zeros(t.size)
        turned = _ramp_integral(t, span, _EDGE_S)
        for wheel, slip in enumerate(self._slip):
            rng = draws.generator(self.seed, f"{self.purpose} motor", wheel)
            own = self.motor_hz * (1 + 0.02 * rng.standard_normal())
            if own > 0.45 * self.rate_hz:
                continue
            phase = 2 * np.pi * own * (turned + 0.004 * slip.integral(t)) + rng.uniform(
                0, 2 * np.pi
            )
            total += np.sqrt(2) * db_to_pa(self.wheels.gear_db) * np.sin(phase)
        return total

    def _strikes(self, out: NDArray[np.float64], t: NDArray[np.float64], span: list[float]) -> None:
        first = round(t[0] * self.rate_hz)
        last = first + BLOCK
        for wheel in range(self.wheels.count):
            low = max(0, int((t[0] - self._tail_s - span[0]) / self.spacing_s) - 2)
            high = int((min(t[-1], span[1]) - span[0]) / self.spacing_s) + 2
            for number in range(low, high):
                key = (int(span[0] * 1000) * 64 + wheel) * 100_000 + number
                rng = draws.generator(self.seed, f"{self.purpose} strike", key)
                at = span[0] + (number + wheel / self.wheels.count + 0.2 * rng.uniform()) * (
                    self.spacing_s
                )
                if at >= span[1]:
                    break
                level = self.wheels.strike_db + self.wheels.strike_spread_db * rng.standard_normal()
                shape = db_to_pa(level) * ringing(self.wheels.modes, self.rate_hz, rng)
                start = int(at * self.rate_hz)
                a, b = max(start, first), min(start + shape.size, last)
                if a < b:
                    out[a - first : b - first] += shape[a - start : b - start]


class MastSource:
    """The mast's motors as a stream of blocks of pressure [Pa]: tones that follow their speed."""

    def __init__(self, mast: Mast, *, rate_hz: float, seed: int, recording: str) -> None:
        self.mast, self.rate_hz, self.seed = mast, rate_hz, seed
        self.purpose = f"{recording} mast"

    def block(self, index: int) -> NDArray[np.float64]:
        """Return block `index` [Pa], shape [BLOCK]."""
        out = np.zeros(BLOCK)
        t = np.arange(index * BLOCK, (index + 1) * BLOCK) / self.rate_hz
        for number, span in enumerate(self.mast.moves):
            if span[0] >= t[-1] or span[1] <= t[0]:
                continue
            speed, turned = (
                _ramp(t, span, self.mast.ramp_s),
                _ramp_integral(t, span, self.mast.ramp_s),
            )
            rng = draws.generator(self.seed, self.purpose, number)
            for harmonic, level_db in self.mast.harmonics:
                hz = harmonic * self.mast.motor_hz
                phase = rng.uniform(0, 2 * np.pi)
                if hz < 0.45 * self.rate_hz:
                    # What is driven harder is louder in proportion to its speed.
                    tone = np.sin(2 * np.pi * hz * turned + phase)
                    out += np.sqrt(2) * db_to_pa(level_db) * speed * tone
        return out
