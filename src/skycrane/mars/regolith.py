"""How the ground throws sunlight back: Hapke's rough regolith, brought to two curves over phase.

Hapke's reflectance with macroscopic roughness takes a dozen exponentials for one geometry. McEwen
(1991, Icarus 92, 298) showed that Lommel-Seeliger and Lambert's law, mixed by weights that depend
on phase alone, follow it closely: the weights are found here once, from the mission's parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mission import Mission
from skycrane.mission.sky import Reflectance

__all__ = ["Regolith", "curve_of", "hapke_reflectance", "regolith_of", "sun_gain"]

wp.set_module_options({"enable_backward": False})

Array = NDArray[np.float64]

_NODES = 129
"""Of the curves, evenly over the sine of half the phase angle: 0.9 degrees apart at opposition."""


@wp.struct
class Regolith:
    """The reflectance, the same for all colours; without a curve the ground is Lambert's.

    Attributes:
        curve: weights of 1 / (mu0 + mu) and of 1, over the sine of half the phase angle.
    """

    curve: wp.array(dtype=wp.vec2)  # type: ignore[valid-type]


def _chandrasekhar(x: Array, w: float) -> Array:
    """Return Hapke's (1981) approximation of the H function."""
    return (1 + 2 * x) / (1 + 2 * x * np.sqrt(1 - w))


def _rough(i: Array, e: Array, psi: Array, theta: float) -> tuple[Array, Array, Array]:
    """Return effective cosines of incidence and emission, and the shadows' factor (Hapke 1984)."""
    if theta < 1e-6:
        return np.cos(i), np.cos(e), np.ones_like(i)
    tan = np.tan(theta)
    chi = 1 / np.sqrt(1 + np.pi * tan * tan)
    small, large = np.minimum(i, e), np.maximum(i, e)

    def decay(x: Array) -> tuple[Array, Array]:
        cot = 1 / (tan * np.tan(np.maximum(x, 1e-6)))
        return np.exp(-2 / np.pi * cot), np.exp(-cot * cot / np.pi)

    (near1, near2), (far1, far2) = decay(small), decay(large)

    def level(x: Array, one: Array, two: Array) -> Array:
        return np.asarray(chi * (np.cos(x) + np.sin(x) * tan * two / (2 - one)))

    half = np.sin(psi / 2) ** 2
    below = 2 - far1 - psi / np.pi * near1
    mu_large = chi * (np.cos(large) + np.sin(large) * tan * (far2 - half * near2) / below)
    mu_small = chi * (
        np.cos(small) + np.sin(small) * tan * (np.cos(psi) * far2 + half * near2) / below
    )
    level_small, level_large = level(small, near1, near2), level(large, far1, far2)
    mu0, mu = np.where(i <= e, mu_small, mu_large), np.where(i <= e, mu_large, mu_small)
    level0 = np.where(i <= e, level_small, level_large)
    level1 = np.where(i <= e, level_large, level_small)
    between = np.exp(-2 * np.tan(np.minimum(psi, 3.1415) / 2))
    seen = np.cos(small) / level_small
    shadow = mu / level1 * np.cos(i) / level0 * chi / (1 - between + between * chi * seen)
    return mu0, mu, shadow


def hapke_reflectance(model: Reflectance, i: Array, e: Array, phase: Array) -> Array:
    """Return pi times the radiance over what Lambert's law takes for the light received.

    `i`, `e`, `phase`: angles of incidence, emission and phase [rad], arrays of one shape, with
    |i - e| <= phase <= i + e. A perfect Lambert surface gives 1. Model: Hapke 1981, 1984 (Icarus
    59, 41: roughness) and 1986 (Icarus 67, 264: opposition surge), two lobes as in Hapke 1993.
    """
    w, b = model.single_scattering_albedo, model.lobe_asymmetry
    below = np.maximum(np.sin(i) * np.sin(e), 1e-9)
    psi = np.arccos(np.clip((np.cos(phase) - np.cos(i) * np.cos(e)) / below, -1, 1))
    mu0, mu, shadow = _rough(i, e, psi, float(np.radians(model.roughness_deg)))
    surge = model.opposition_amplitude / (1 + np.tan(phase / 2) / model.opposition_width)

    def lobe(sign: float) -> Array:
        d = 1 + b * b - 2 * sign * b * np.cos(phase)
        return np.asarray((1 - b * b) / d**1.5)

    once = model.backward_share * lobe(1) + (1 - model.backward_share) * lobe(-1)
    again = _chandrasekhar(mu0, w) * _chandrasekhar(mu, w) - 1
    light = w / 4 * mu0 / (mu0 + mu) * (once * (1 + surge) + again) * shadow
    return np.asarray(light / np.cos(i))


def _over_all(model: Reflectance) -> float:
    """Return the share of even light from the whole sky that the ground sends back."""
    x, weight = np.polynomial.legendre.leggauss(16)
    mu, weight = 0.5 * (x + 1), 0.5 * weight
    turns = (np.arange(32) + 0.5) * np.pi / 32
    mu0, mu1, psi = np.meshgrid(mu, mu, turns, indexing="ij")
    i, e = np.arccos(mu0), np.arccos(mu1)
    phase = np.arccos(np.clip(mu0 * mu1 + np.sin(i) * np.sin(e) * np.cos(psi), -1, 1))
    each = hapke_reflectance(model, i, e, phase).mean(axis=2)
    return float(np.einsum("ij,i,j->", each, 2 * mu * weight, 2 * mu * weight))


def curve_of(model: Reflectance) -> Array:
    """Return the weights of 1 / (mu0 + mu) and of 1, over the sine of half the phase, (n, 2).

    At each phase least squares of the relative error over incidence and emission up to 75 degrees,
    weighted by how much ground is seen. Scaled so that ground sends back its albedo of even light.
    """
    mean = _over_all(model)
    angle = np.radians(np.linspace(0.5, 75.0, 38))
    i, e = (x.ravel() for x in np.meshgrid(angle, angle, indexing="ij"))
    curve = np.zeros((_NODES, 2))
    for n, half in enumerate(np.linspace(0, 1, _NODES)):
        phase = 2 * float(np.arcsin(half))
        near = (np.abs(i - e) <= phase + 0.02) & (i + e >= phase)
        if near.sum() < 8:
            # Past where both angles can be had the last weights stand.
            curve[n] = curve[n - 1]
            continue
        a, b = i[near], e[near]
        seen = hapke_reflectance(model, a, b, np.full_like(a, phase)) / mean
        law = np.column_stack([1 / (np.cos(a) + np.cos(b)), np.ones_like(a)])
        weight = np.sqrt(np.cos(a) * np.cos(b)) / seen
        if model.lunar_lambert is not None:
            fixed = np.array([2 * model.lunar_lambert, 1 - model.lunar_lambert])
            mixed = law @ fixed * weight
            curve[n] = fixed * (mixed @ (seen * weight)) / (mixed @ mixed)
        else:
            curve[n] = np.linalg.lstsq(law * weight[:, None], seen * weight, rcond=None)[0]
    return curve


def regolith_of(mission: Mission, *, device: str = "cpu") -> Any:
    """Return the reflectance of a mission's ground."""
    regolith = Regolith()
    curve = curve_of(mission.sky.reflectance).astype(np.float32)
    regolith.curve = wp.array(curve, dtype=wp.vec2, device=device)
    return regolith


@wp.func
def sun_gain(r: Regolith, mu0: float, mu: float, cos_phase: float) -> float:
    """Return the factor on albedo / pi times the sunlight received, for one geometry.

    `mu0`, `mu`: cosines of incidence and emission; `cos_phase`: cosine of the angle between sun and
    viewer.
    """
    n = r.curve.shape[0]
    if n == 0:
        return 1.0
    x = wp.sqrt(wp.clamp(0.5 - 0.5 * cos_phase, 0.0, 1.0)) * float(n - 1)
    k = wp.min(int(x), n - 2)
    low = r.curve[k]
    weights = low + (r.curve[k + 1] - low) * (x - float(k))
    slant = wp.max(mu0, 0.06) + wp.max(mu, 0.06)
    return wp.max(weights[0] / slant + weights[1], 0.0)
