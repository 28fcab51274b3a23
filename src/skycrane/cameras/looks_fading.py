"""How brightness of ground fades with phase, from places seen under several: least squares.

A published image is light under the lens's fall-off, stretched by a black level and a gain of its
own. With both free the contrast of it all stays open: black lower and the gain higher in every
image look like albedos and a phase curve flatter by the same factor. What lies in shadow settles
it, for its light, the sky's, is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import spsolve

__all__ = ["PHASES_DEG", "Fading", "Shadows", "Sights", "fading_of"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

PHASES_DEG = np.array([7.0, 12.0, 18.0, 24.0, 35.0, 50.0, 65.0, 80.0, 95.0])
"""Phases at which the curve is told, straight lines of its logarithm between."""
_AT = 3
_GREY, _SHADOW_GREY, _CURVE = 4.0, 1.3, 12.0
"""Grey levels by which a sight and a shadow may miss; spread of the curve's logarithm."""
_ROUNDS = 40


@dataclass(frozen=True)
class Sights:
    """Places seen: arrays over sights, (s,).

    Attributes:
        image, place: which; counted from 0 without gaps.
        value: grey level in the image.
        phase_deg: between sun and camera as seen from the place.
        axis_cosine: of the angle off the lens's axis.
        sun, sky: radiance that comes here from level ground of mean albedo, for the sun's light by
            the curve expected, and for the sky's.
        haze: radiance that the air adds.
    """

    image: Index
    place: Index
    value: Array
    phase_deg: Array
    axis_cosine: Array
    sun: Array
    sky: Array
    haze: Array


@dataclass(frozen=True)
class Shadows:
    """The darkest of some images, (n,): its image, grey level, place in the lens, and radiance."""

    image: Index
    value: Array
    axis_cosine: Array
    light: Array


@dataclass(frozen=True)
class Fading:
    """What the images say.

    Attributes:
        factor: at `PHASES_DEG`, on the curve expected, 1 at 24 degrees.
        fall_off: exponent of the cosine off the axis.
        albedo_spread: of the places' albedos, of their logarithm.
        miss: median miss of a sight, grey levels.
    """

    factor: Array
    fall_off: float
    albedo_spread: float
    miss: float


def _hats(phase_deg: Array) -> Array:
    """Return each phase's weights of the two nodes about it, (s, nodes)."""
    k = np.clip(np.searchsorted(PHASES_DEG, phase_deg) - 1, 0, len(PHASES_DEG) - 2)
    u = np.clip((phase_deg - PHASES_DEG[k]) / (PHASES_DEG[k + 1] - PHASES_DEG[k]), 0, 1)
    out = np.zeros((len(phase_deg), len(PHASES_DEG)))
    rows = np.arange(len(phase_deg))
    out[rows, k], out[rows, k + 1] = 1 - u, u
    return out


class _Fit:
    """The unknowns in one array: black, log gain by image; log albedo; log curve; fall-off."""

    def __init__(self, sights: Sights, shadows: Shadows, albedo_spread: float) -> None:
        self.s, self.d = sights, shadows
        self.n, self.q = sights.image.max() + 1, sights.place.max() + 1
        self.hats = _hats(sights.phase_deg)
        self.curve = 2 * self.n + self.q
        self.size = self.curve + len(PHASES_DEG) + 1
        self.x = np.zeros(self.size)
        self.x[-1] = 0.75
        light = sights.sun + sights.sky + sights.haze
        for k in range(self.n):
            own = sights.image == k
            gain = sights.value[own].std() / light[own].std()
            self.x[k] = sights.value[own].mean() - gain * light[own].mean()
            self.x[self.n + k] = np.log(gain)
        self.prior = np.zeros(self.size)
        self.prior[2 * self.n : self.curve] = (_GREY / albedo_spread) ** 2
        self.prior[self.curve : -1] = (_GREY / _CURVE) ** 2
        self.prior[self.curve + _AT] = 1e9
        self.prior[-1] = 1e-3

    def _of_sights(self) -> tuple[list[Any], list[Array], Array]:
        s, n = self.s, self.n
        fall = s.axis_cosine ** self.x[-1] * np.exp(self.x[n + s.image])
        albedo = np.exp(self.x[2 * n + s.place])
        sun = fall * albedo * s.sun * np.exp(self.hats @ self.x[self.curve : -1])
        ground = sun + fall * albedo * s.sky
        light = ground + fall * s.haze
        miss = self.x[s.image] + light - s.value
        nodes = range(len(PHASES_DEG))
        columns = [s.image, n + s.image, 2 * n + s.place]
        columns += [np.full(len(sun), self.curve + j) for j in nodes]
        columns.append(np.full(len(sun), self.size - 1))
        slopes = [np.ones_like(sun), light, ground, *(sun * self.hats[:, j] for j in nodes)]
        slopes.append(light * np.log(s.axis_cosine))
        return columns, slopes, miss

    def _of_shadows(self) -> tuple[list[Any], list[Array], Array]:
        d, n = self.d, self.n
        light = d.axis_cosine ** self.x[-1] * np.exp(self.x[n + d.image]) * d.light
        return (
            [d.image, n + d.image],
            [np.ones_like(light), light],
            self.x[d.image] + light - d.value,
        )

    def _rows(self, part: Any, weight: Any) -> tuple[Any, Array]:
        columns, slopes, miss = part
        rows = np.tile(np.arange(len(miss)), len(columns))
        values = np.concatenate([v * weight for v in slopes])
        shape = (len(miss), self.size)
        return csr_matrix((values, (rows, np.concatenate(columns))), shape=shape), miss * weight

    def step(self) -> Array:
        """Take a step of Gauss and Newton, held short; return the sights' misses."""
        part = self._of_sights()
        weight = 1 / np.sqrt(1 + (part[2] / _GREY) ** 2)
        slope, off = self._rows(part, weight)
        dark, off_dark = self._rows(self._of_shadows(), _GREY / _SHADOW_GREY)
        normal = slope.T @ slope + dark.T @ dark
        normal = normal + diags(self.prior + 1e-4 * normal.diagonal())
        right = -slope.T @ off - dark.T @ off_dark - self.prior * self._pulled()
        most = np.full(self.size, 0.3)
        most[: self.n] = 40.0
        most[-1] = 0.1
        self.x += np.clip(spsolve(normal.tocsc(), right), -most, most)
        return part[2]

    def _pulled(self) -> Array:
        pulled = self.x.copy()
        pulled[: 2 * self.n] = 0.0
        pulled[-1] -= 0.75
        return pulled


def fading_of(sights: Sights, shadows: Shadows, *, albedo_spread: float) -> Fading:
    """Return the curve that places of free albedo tell, through images of free black and gain.

    `albedo_spread`: how far the logarithm of a place's albedo may lie from the mean.
    """
    fit = _Fit(sights, shadows, albedo_spread)
    for _ in range(_ROUNDS):
        miss = fit.step()
    factor = np.exp(fit.x[fit.curve : -1])
    spread = float(fit.x[2 * fit.n : fit.curve].std())
    return Fading(factor, float(fit.x[-1]), spread, float(np.median(np.abs(miss))))
