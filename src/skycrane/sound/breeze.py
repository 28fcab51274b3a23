"""The breeze: gusts about the mission's wind record, and the pressure they make on a capsule.

What a microphone hears of wind is mostly no sound but the stagnation pressure of turbulence carried
past it, p = rho U u' (Raspet et al. 2008; Lyons, Hart and Raspet 2021). The speed's spectrum is von
Karman's, falling exponentially where the thin air's large viscosity dissipates it, near a
centimetre: on Mars well inside what is audible (Maurice et al. 2022). A small term for the wake of
the capsule itself carries on above.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.mars.acoustics import density_kg_m3
from skycrane.mission.sound import Air, Breeze
from skycrane.sound.streams import ShapedNoise, SlowWander

__all__ = ["BreezeSource", "dissipation", "pressure_density", "von_karman_density"]

_CALM_M_S = 0.05
"""Below this no wind noise is worth computing; it keeps the spectrum finite in still air."""


def von_karman_density(
    frequency_hz: NDArray[np.float64], speed_m_s: float, sigma_m_s: float, scale_m: float
) -> NDArray[np.float64]:
    """Return the one-sided density [(m/s)2/Hz] of along-wind speed (von Karman 1948)."""
    n = frequency_hz * scale_m / speed_m_s
    return 4 * sigma_m_s**2 * scale_m / speed_m_s / (1 + 70.8 * n**2) ** (5 / 6)


def dissipation(k_eta: NDArray[np.float64], beta: float, onset: float) -> NDArray[np.float64]:
    """Return what viscosity leaves of the inertial range, 1 to 0 (Pope 2000, eq. 6.248).

    Args:
        k_eta: wavenumber times the Kolmogorov length.
        beta: slope of the exponential fall.
        onset: where it sets in; a plain exponential with `onset` 0 would need beta near 2.1.
    """
    return np.exp(-beta * ((k_eta**4 + onset**4) ** 0.25 - onset))


def kolmogorov_length_m(air: Air, sigma_m_s: float, scale_m: float) -> float:
    """Return the length [m] at which viscosity stops turbulence, (nu^3/epsilon)^(1/4).

    The dissipation is sigma^3 over the outer scale (Pope 2000, eq. 6.60, constant taken as one).
    """
    nu = air.viscosity_pa_s / density_kg_m3(air)
    return float((nu**3 * scale_m / sigma_m_s**3) ** 0.25)


def pressure_density(
    breeze: Breeze,
    air: Air,
    frequency_hz: NDArray[np.float64],
    speed_m_s: float,
    diaphragm_diameter_m: float,
) -> NDArray[np.float64]:
    """Return the one-sided density [Pa2/Hz] of the wind's pressure on the capsule at one speed."""
    speed = max(speed_m_s, _CALM_M_S)
    rho = density_kg_m3(air)
    sigma = breeze.turbulence_intensity * speed
    eta = kolmogorov_length_m(air, sigma, breeze.length_scale_m)
    k = 2 * np.pi * frequency_hz / speed
    turbulence = (
        (rho * speed) ** 2
        * von_karman_density(frequency_hz, speed, sigma, breeze.length_scale_m)
        * dissipation(k * eta, breeze.dissipation_beta, breeze.dissipation_onset)
    )
    # Eddies smaller than the diaphragm average out over it (Corcos-like first-order fall).
    turbulence /= 1 + (k * diaphragm_diameter_m / 2) ** 2
    corner = breeze.wake_strouhal * speed / breeze.wake_size_m
    wake_pa = breeze.wake_pressure_coefficient * 0.5 * rho * speed**2
    # 2 sqrt2 / pi makes the integral of 1/(1 + (f/corner)^4) one.
    wake = wake_pa**2 * 2 * np.sqrt(2) / np.pi / corner / (1 + (frequency_hz / corner) ** 4)
    return turbulence + wake


class BreezeSource:
    """The breeze as a stream of blocks of pressure [Pa]."""

    def __init__(
        self, breeze: Breeze, air: Air, *, rate_hz: float, diaphragm_m: float, seed: int
    ) -> None:
        self.breeze, self.air, self.diaphragm_m = breeze, air, diaphragm_m
        record = np.asarray(breeze.record)
        self._times, self._speeds = record[:, 0], record[:, 1]
        self._gusts = SlowWander(seed, "breeze gusts", 1 / breeze.gust_cutoff_hz)
        self._noise = ShapedNoise(seed, "breeze turbulence", rate_hz, self._density)

    def speed_m_s(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the wind speed [m/s] with its gusts at times `t_s` [s], same shape."""
        mean = np.interp(t_s, self._times, self._speeds)
        return np.maximum(mean * (1 + self.breeze.turbulence_intensity * self._gusts.value(t_s)), 0)

    def _density(self, frequency_hz: NDArray[np.float64], t_s: float) -> NDArray[np.float64]:
        speed = float(self.speed_m_s(np.array([t_s]))[0])
        return pressure_density(self.breeze, self.air, frequency_hz, speed, self.diaphragm_m)

    def block(self, index: int) -> NDArray[np.float64]:
        """Return block `index` [Pa], shape [BLOCK]."""
        return self._noise.block(index)
