"""The seasons of the air: surface pressure as carbon dioxide freezes out and comes back."""

from __future__ import annotations

import math

from skycrane.mission.air import SurfacePressure

__all__ = ["surface_pressure_pa"]


def surface_pressure_pa(surface: SurfacePressure, ls_rad: float) -> float:
    """Return the diurnal mean pressure [Pa] at `surface.altitude_m` in a season.

    Model: p = mean (1 + sum of s_k sin(k Ls) + c_k cos(k Ls)), Withers (2012), Space Science
    Reviews 170, 837-860, fitted to Viking Lander 1; good to a few percent between 45 S and 45 N.
    The pressure given outright, where there is one.

    Args:
        surface: constants of the fit.
        ls_rad: areocentric solar longitude.
    """
    if surface.pressure_pa is not None:
        return surface.pressure_pa
    terms = [s * math.sin(k * ls_rad) for k, s in enumerate(surface.sine, 1)]
    terms += [c * math.cos(k * ls_rad) for k, c in enumerate(surface.cosine, 1)]
    return surface.mean_pa * (1 + math.fsum(terms))
