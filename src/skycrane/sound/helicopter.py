"""A helicopter's blade tone as it arrives: late by the way through the air, spread and absorbed.

What is heard at t left the rotor at t - r/c, so that the phase alone carries the Doppler effect;
levels fall with distance and by the air's absorption at each tone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane import draws
from skycrane.mars.acoustics import path_gain, sound_speed_m_s
from skycrane.mission.sound import Air, Helicopter
from skycrane.sound.streams import BLOCK, db_to_pa

__all__ = ["HelicopterSource"]

_FADE_S = 0.5


class HelicopterSource:
    """The helicopter as a stream of blocks of pressure [Pa]; silence where it is not heard."""

    def __init__(self, helicopter: Helicopter, air: Air, *, rate_hz: float, seed: int) -> None:
        self.helicopter, self.air, self.rate_hz = helicopter, air, rate_hz
        track = np.asarray(helicopter.track)
        self._times, self._distances = track[:, 0], track[:, 1]
        rng = draws.generator(seed, "helicopter phase")
        self._phases = rng.uniform(0, 2 * np.pi, len(helicopter.harmonics))

    def distance_m(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance [m] to the microphone at times `t_s` [s], same shape."""
        return np.interp(t_s, self._times, self._distances)

    def block(self, index: int) -> NDArray[np.float64]:
        """Return block `index` [Pa], shape [BLOCK]."""
        out = np.zeros(BLOCK)
        if not self.helicopter.heard:
            return out
        t = np.arange(index * BLOCK, (index + 1) * BLOCK) / self.rate_hz
        for (number, level_db), phase in zip(self.helicopter.harmonics, self._phases, strict=True):
            hz = number * self.helicopter.blade_hz
            if hz >= 0.45 * self.rate_hz:
                continue
            speed = float(sound_speed_m_s(self.air, hz))
            sent = t
            for _ in range(4):  # t' = t - r(t')/c; converges as (v/c)^n
                sent = t - self.distance_m(sent) / speed
            r = self.distance_m(sent)
            loss = 1.0 / r * path_gain(self.air, hz, 1.0) ** r
            there = np.clip((sent - self._times[0]) / _FADE_S, 0, 1)
            there = there * np.clip((self._times[-1] - sent) / _FADE_S, 0, 1)
            tone = np.sin(2 * np.pi * hz * sent + phase)
            out += np.sqrt(2) * db_to_pa(level_db) * loss * there * tone
        return out
