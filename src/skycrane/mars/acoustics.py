"""Sound in thin carbon dioxide: speed, absorption and impedance against frequency.

Below its relaxation frequency the bending vibration of CO2 follows a sound wave and takes part in
the heat capacity; above it does not, so that higher notes travel faster, and near it energy is
lost. At the pressure of Mars this happens near 240 Hz, in the middle of what is audible.

Sources: Maurice et al. 2022 (Nature 605, 653: two speeds about 10 m/s apart, relaxation near
240 Hz, sounds about 20 dB weaker than on Earth); Bass and Chambers 2001 (JASA 109, 3069) and
Williams 2001 (JGR 106, 5033) for absorption; Petculescu and Lueptow 2001 for the effective
wavenumber of a relaxing gas. The vibrational heat capacity is Planck and Einstein's; the relaxation
frequency is measured, not derived. Valid where the mean free path is far below the wavelength: to
some 100 kHz at 600 Pa.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.mission.sound import Air

__all__ = [
    "absorption_db_m",
    "density_kg_m3",
    "impedance_pa_s_m",
    "path_gain",
    "radiated_level_db",
    "sound_speed_m_s",
    "wavenumber",
]

_REFERENCE_PA = 20e-6
_ROTOR = 2.5
"""Frozen heat capacity at constant volume of a linear molecule, in gas constants."""


def density_kg_m3(air: Air) -> float:
    """Return the density of the air [kg/m3], ideal gas."""
    return air.pressure_pa / (air.gas_constant_j_kg_k * air.temperature_k)


def _vibrational_heat(air: Air) -> float:
    """Return the equilibrium heat capacity of the doubly degenerate bending mode, in R."""
    x = air.vibrational_temperature_k / air.temperature_k
    return air.co2_fraction * 2 * x**2 * np.exp(x) / np.expm1(x) ** 2


def wavenumber(air: Air, frequency_hz: ArrayLike) -> NDArray[np.complex128]:
    """Return the complex wavenumber [1/m] of a plane wave, shape of `frequency_hz`.

    k = omega / sqrt(gamma(omega) R T) with gamma from the effective heat capacity
    c_v + c_vib / (1 + i omega tau) (Petculescu and Lueptow 2001, one mode), plus the classical
    losses of Stokes and Kirchhoff. Waves go as exp(i(omega t - k x)), so the imaginary part is
    minus the absorption in nepers a metre.

    `relaxation_frequency_hz` is where absorption a wavelength peaks, as published figures give it.
    """
    f = np.asarray(frequency_hz, dtype=np.float64)
    omega = 2 * np.pi * f
    vibration = _vibrational_heat(air)
    peak_hz = air.relaxation_frequency_hz * air.pressure_pa / air.relaxation_pressure_pa
    # Absorption a wavelength peaks where omega tau is the root of the ratios of the equilibrium to
    # the frozen heat capacities; invert for tau so that the peak lands on the published frequency.
    shift = np.sqrt((_ROTOR + vibration) * (_ROTOR + 1 + vibration) / (_ROTOR * (_ROTOR + 1)))
    tau = shift / (2 * np.pi * peak_hz)
    cv = _ROTOR + vibration / (1 + 1j * omega * tau)
    gamma = (cv + 1) / cv
    k = omega / np.sqrt(gamma * air.gas_constant_j_kg_k * air.temperature_k)
    return k - 1j * _classical_np_m(air, omega, np.abs(omega / np.where(k == 0, 1, k)))


def _classical_np_m(
    air: Air, omega: NDArray[np.float64], speed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return viscous and thermal absorption [Np/m] (Stokes 1845, Kirchhoff 1868)."""
    gamma = (_ROTOR + 1) / _ROTOR
    cp = (_ROTOR + 1) * air.gas_constant_j_kg_k
    losses = 4 / 3 * air.viscosity_pa_s + (gamma - 1) * air.conductivity_w_m_k / cp
    safe = np.where(omega == 0, 1.0, speed)
    return omega**2 * losses / (2 * density_kg_m3(air) * safe**3)


def sound_speed_m_s(air: Air, frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """Return the phase speed [m/s] at each frequency above 0."""
    f = np.asarray(frequency_hz, dtype=np.float64)
    return 2 * np.pi * f / wavenumber(air, f).real


def absorption_db_m(air: Air, frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """Return the absorption [dB/m] at each frequency, relaxation and classical together."""
    return -20 / np.log(10) * wavenumber(air, frequency_hz).imag


def path_gain(air: Air, frequency_hz: ArrayLike, distance_m: float) -> NDArray[np.float64]:
    """Return the amplitude left after `distance_m` of air, spreading not counted, 0 to 1."""
    return 10 ** (-absorption_db_m(air, frequency_hz) * distance_m / 20)


def impedance_pa_s_m(air: Air, frequency_hz: float = 1000.0) -> float:
    """Return the characteristic impedance rho c [Pa s/m]."""
    return density_kg_m3(air) * float(sound_speed_m_s(air, frequency_hz))


def radiated_level_db(air: Air, power_w: float, distance_m: float, frequency_hz: float) -> float:
    """Return the level [dB re 20 uPa RMS] that a small source of this power makes in free air.

    p^2 = W rho c / (4 pi r^2), less absorption on the way.
    """
    square = power_w * impedance_pa_s_m(air, frequency_hz) / (4 * np.pi * distance_m**2)
    level = 10 * np.log10(square / _REFERENCE_PA**2)
    return float(level - absorption_db_m(air, frequency_hz) * distance_m)
