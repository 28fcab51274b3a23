"""How the ground throws sunlight back: Lunar-Lambert with an opposition surge."""

from __future__ import annotations

from typing import Any

import warp as wp

from skycrane.mission import Mission

__all__ = ["Regolith", "regolith_of", "sun_gain"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Regolith:
    """Parameters of the reflectance, the same for all colours."""

    lunar: float
    surge: float
    width: float
    back: float


def regolith_of(mission: Mission) -> Any:
    """Return the reflectance of a mission's ground."""
    model = mission.sky.reflectance
    regolith = Regolith()
    regolith.lunar = model.lunar_lambert
    regolith.surge = model.opposition_amplitude
    regolith.width = model.opposition_width
    regolith.back = model.backscatter
    return regolith


@wp.func
def sun_gain(r: Regolith, mu0: float, mu: float, cos_phase: float) -> float:
    """Return the factor on albedo / pi times the sunlight received, for one geometry.

    Lambert mixed with Lommel-Seeliger, 2 / (mu0 + mu) times mu0 received (McEwen 1991, Icarus 92),
    a broad backscattering lobe of mean 1, and the shadow-hiding surge
    B0 / (1 + tan(g/2) / h) (Hapke 1986, Icarus 67). `mu0`, `mu`: cosines of incidence and
    emission; `cos_phase`: cosine of the angle between sun and viewer.
    """
    lunar = 2.0 / (wp.max(mu0, 0.06) + wp.max(mu, 0.06))
    shape = 1.0 - r.lunar + r.lunar * wp.min(lunar, 4.0)
    c = wp.clamp(cos_phase, -1.0, 1.0)
    half = wp.sqrt(wp.max(1.0 - c, 0.0) / wp.max(1.0 + c, 1.0e-4))
    lobe = 1.0 + r.back * c * (0.4 + 0.6 * wp.abs(c))
    return shape * lobe * (1.0 + r.surge / (1.0 + half / r.width))
