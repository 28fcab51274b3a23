"""How the ground throws sunlight back: Lunar-Lambert under a phase function after Hapke."""

from __future__ import annotations

from typing import Any

import warp as wp

from skycrane.mission import Mission

__all__ = ["Regolith", "regolith_of", "sun_gain"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Regolith:
    """Parameters of the reflectance, the same for all colours; all zero but `width` is Lambert.

    lunar: share of the Lommel-Seeliger term; surge, width: B0 and h of the opposition surge;
    lobe, back: b and c of the grains' phase function; again: light scattered more than once between
    grains, over what an even grain scatters once.
    """

    lunar: float
    surge: float
    width: float
    lobe: float
    back: float
    again: float


def regolith_of(mission: Mission) -> Any:
    """Return the reflectance of a mission's ground."""
    model = mission.sky.reflectance
    regolith = Regolith()
    regolith.lunar = model.lunar_lambert
    regolith.surge = model.opposition_amplitude
    regolith.width = model.opposition_width
    regolith.lobe = model.lobe_asymmetry
    regolith.back = model.backward_share
    # Hapke's H function at middling angles: H(0.75)^2 - 1 is what comes back from deeper.
    dimming = (1.0 - model.single_scattering_albedo) ** 0.5
    regolith.again = ((1.0 + 1.5) / (1.0 + 1.5 * dimming)) ** 2 - 1.0
    return regolith


@wp.func
def _grain(b: float, c: float) -> float:
    d = 1.0 + b * b - 2.0 * b * c
    return (1.0 - b * b) / (d * wp.sqrt(d))


@wp.func
def sun_gain(r: Regolith, mu0: float, mu: float, cos_phase: float) -> float:
    """Return the factor on albedo / pi times the sunlight received, for one geometry.

    Lambert mixed with Lommel-Seeliger, 2 / (mu0 + mu) times mu0 received (McEwen 1991, Icarus 92),
    times the grains' two-lobed phase function with its shadow-hiding surge B0 / (1 + tan(g/2) / h),
    and what is scattered more than once, even in all directions (Hapke 1986, Icarus 67; 1993).
    `mu0`, `mu`: cosines of incidence and emission; `cos_phase`: cosine of the angle between sun and
    viewer.
    """
    lunar = 2.0 / (wp.max(mu0, 0.06) + wp.max(mu, 0.06))
    shape = 1.0 - r.lunar + r.lunar * wp.min(lunar, 4.0)
    c = wp.clamp(cos_phase, -1.0, 1.0)
    half = wp.sqrt(wp.max(1.0 - c, 0.0) / wp.max(1.0 + c, 1.0e-4))
    once = r.back * _grain(r.lobe, c) + (1.0 - r.back) * _grain(r.lobe, -c)
    once *= 1.0 + r.surge / (1.0 + half / r.width)
    return shape * (once + r.again) / (1.0 + r.again)
