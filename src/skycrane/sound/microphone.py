"""The microphone: capsule response, its own noise, the converter, calibration."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from skycrane import draws
from skycrane.mission.sound import Microphone
from skycrane.sound.streams import BLOCK, db_to_pa

__all__ = ["Capsule", "a_weighting", "to_samples"]


def a_weighting(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the A-weighting as an amplitude (IEC 61672-1:2013, eq. E.1), 1 at 1 kHz."""
    f2 = np.asarray(frequency_hz, dtype=np.float64) ** 2
    numerator = 12194.0**2 * f2**2
    poles = (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194.0**2)
    return numerator / poles * 10 ** (2.0 / 20)


@functools.cache
def self_noise_density_pa2_hz(level_dba: float) -> float:
    """Return the white one-sided density [Pa2/Hz] whose A-weighted level to 20 kHz is this."""
    f = np.linspace(0.0, 20e3, 20_001)
    bandwidth = float(np.trapezoid(a_weighting(f) ** 2, f))
    return db_to_pa(level_dba) ** 2 / bandwidth


class Capsule:
    """The microphone as a stream: pressure of the field in, pressure as it was measured out.

    Second-order Butterworth corners at both ends, then white noise of the capsule and amplifier.
    Blocks must come in order.
    """

    def __init__(self, microphone: Microphone, *, seed: int, recording: str) -> None:
        rate = float(microphone.sample_rate_hz)
        low = signal.butter(2, microphone.low_corner_hz, "highpass", fs=rate, output="sos")
        sections = [low]
        if microphone.high_corner_hz < 0.49 * rate:
            high = signal.butter(2, microphone.high_corner_hz, "lowpass", fs=rate, output="sos")
            sections.append(high)
        self._sos = np.vstack(sections)
        self._state = np.zeros((self._sos.shape[0], 2))
        density = self_noise_density_pa2_hz(microphone.self_noise_dba)
        self._sigma = float(np.sqrt(density * rate / 2))
        self._seed, self._purpose = seed, f"{recording} capsule noise"

    def respond(self, pressure_pa: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return one block through the capsule's response alone [Pa], shape [BLOCK]."""
        out, self._state = signal.sosfilt(self._sos, pressure_pa, zi=self._state)
        return out

    def noise(self, index: int) -> NDArray[np.float64]:
        """Return the capsule's own noise in block `index` [Pa], shape [BLOCK]."""
        rng = draws.generator(self._seed, self._purpose, index)
        return self._sigma * rng.standard_normal(BLOCK)


def to_samples(pressure_pa: NDArray[np.float64], microphone: Microphone) -> NDArray[np.int32]:
    """Return whole-number samples of `microphone.bits` bits; louder than full scale is clipped."""
    top = 2 ** (microphone.bits - 1)
    scaled = np.rint(pressure_pa * (top / microphone.full_scale_pa))
    return np.clip(scaled, -top, top - 1).astype(np.int32)
