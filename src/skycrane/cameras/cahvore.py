"""The camera models CAHV, CAHVOR and CAHVORE: image point of a point in space, ray of a pixel.

Equations of Gennery, "Generalized camera calibration including fish-eye lenses" (International
Journal of Computer Vision 68, 2006), with the letters of Di and Li (2004, doi
10.1029/2003JE002199). CAHV is CAHVOR with O = A and R = 0; CAHVOR is CAHVORE with E = 0 and a
linearity of 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FISH_EYE", "PERSPECTIVE", "CahvoreModel"]

Array = NDArray[np.float64]
Triple = tuple[float, float, float]

PERSPECTIVE, FISH_EYE = 1.0, 0.0
"""Linearity of types 1 and 2; type 3 gives its own, between -1 and 1."""

_AXIS = 1e-9
_STEPS = 40


@dataclass(frozen=True)
class CahvoreModel:
    """A camera by its published vectors, in whatever frame they were published in.

    Attributes:
        c: centre of projection [m].
        a: unit normal of the image plane.
        h, v: horizontal and vertical information vectors [px].
        o: optical axis; made a unit vector.
        r: radial distortion, coefficients of the powers 0, 2 and 4 of chi.
        e: movement of the entrance pupil along the axis [m], coefficients of powers 0, 2, 4 of the
            angle off the axis.
        linearity: 1 of perspective (type 1), 0 of fish-eye (type 2), between for type 3.
    """

    c: Triple
    a: Triple
    h: Triple
    v: Triple
    o: Triple
    r: Triple = (0.0, 0.0, 0.0)
    e: Triple = (0.0, 0.0, 0.0)
    linearity: float = PERSPECTIVE

    def __post_init__(self) -> None:
        """Make O a unit vector: labels round it, and projection and rays would differ."""
        x, y, z = (float(k) for k in np.array(self.o) / np.linalg.norm(self.o))
        object.__setattr__(self, "o", (x, y, z))

    @classmethod
    def cahv(cls, c: Triple, a: Triple, h: Triple, v: Triple) -> CahvoreModel:
        """Return the model without distortion (Yakimovsky and Cunningham 1978)."""
        return cls(c, a, h, v, a)

    def project(self, points_m: ArrayLike) -> Array:
        """Return pixels (..., 2), column and row, of points (..., 3) [m] in the model's frame.

        NaN where the point lies on the optical centre, or beyond the angle at which a type 3
        lens's curve ends (a quarter turn over the linearity).
        """
        c, a, h, v, o = (np.array(x) for x in (self.c, self.a, self.h, self.v, self.o))
        away = np.asarray(points_m, np.float64) - c
        along = away @ o
        off = away - along[..., None] * o
        aside = np.linalg.norm(off, axis=-1)
        theta = self._angle(along, aside)
        chi = self._chi(theta)
        with np.errstate(divide="ignore", invalid="ignore"):
            zeta = np.where(chi > _AXIS, aside / chi, along)
            stretch = 1.0 + self._polynomial(self.r, chi * chi)
            seen = zeta[..., None] * o + stretch[..., None] * off
            depth = seen @ a
            pixel = np.stack([seen @ h / depth, seen @ v / depth], axis=-1)
        return np.asarray(pixel)

    def project_far(self, directions: ArrayLike) -> Array:
        """Return pixels (..., 2), column and row, of directions (..., 3), of points at infinity."""
        return replace(self, c=(0.0, 0.0, 0.0), e=(0.0, 0.0, 0.0)).project(directions)

    def starts_m(self, points_m: ArrayLike) -> Array:
        """Return where the rays that meet points (..., 3) [m] start, on the axis, (..., 3) [m]."""
        c, o = np.array(self.c), np.array(self.o)
        away = np.asarray(points_m, np.float64) - c
        along = away @ o
        aside = np.linalg.norm(away - along[..., None] * o, axis=-1)
        return np.asarray(c + self._pupil_m(self._angle(along, aside))[..., None] * o)

    def rays(self, pixels: ArrayLike) -> tuple[Array, Array]:
        """Return origins (..., 3) [m], on the axis, and unit directions (..., 3) of pixels."""
        p = np.asarray(pixels, np.float64)
        c, a, h, v, o = (np.array(x) for x in (self.c, self.a, self.h, self.v, self.o))
        seen = np.cross(v - p[..., 1:] * a, h - p[..., :1] * a) / (a @ np.cross(v, h))
        zeta = seen @ o
        off = seen - zeta[..., None] * o
        aside = np.linalg.norm(off, axis=-1)
        chi = self._undistorted(aside / zeta)
        theta = self._theta(chi)
        side = off / np.maximum(aside, 1e-300)[..., None]
        direction = np.cos(theta)[..., None] * o + np.sin(theta)[..., None] * side
        return c + self._pupil_m(theta)[..., None] * o, direction

    @staticmethod
    def _polynomial(k: Triple, square: Array) -> Array:
        return k[0] + square * (k[1] + square * k[2])

    def _chi(self, theta: Array) -> Array:
        """Return the image radius at unit distance, before distortion."""
        n = self.linearity
        if abs(n) < 1e-15:
            return theta
        with np.errstate(invalid="ignore"):
            curve = np.sin(n * theta) / n if n < 0 else np.tan(n * theta) / n
        return np.where(np.abs(n) * theta < np.pi / 2, curve, np.nan)

    def _theta(self, chi: Array) -> Array:
        n = self.linearity
        if abs(n) < 1e-15:
            return chi
        with np.errstate(invalid="ignore"):
            return np.asarray(np.arcsin(n * chi) / n if n < 0 else np.arctan(n * chi) / n)

    def _pupil_m(self, theta: Array) -> Array:
        """Return how far ahead of C on the axis the ray of an angle starts."""
        share = np.where(
            theta > 1e-4, theta / np.maximum(np.sin(theta), 1e-12) - 1, theta * theta / 6
        )
        return np.asarray(share * self._polynomial(self.e, theta * theta))

    def _angle(self, along: Array, aside: Array) -> Array:
        """Return the angle off the axis of the ray that meets a point.

        Newton's method on along sin t - aside cos t = (t - sin t) (E0 + E1 t^2 + E2 t^4).
        """
        theta = np.arctan2(aside, along)
        if not any(self.e):
            return np.asarray(theta)
        _, e1, e2 = self.e
        for _ in range(_STEPS):
            square, sine, cosine = theta * theta, np.sin(theta), np.cos(theta)
            pupil = self._polynomial(self.e, square)
            miss = along * sine - aside * cosine - (theta - sine) * pupil
            slope = along * cosine + aside * sine - (1 - cosine) * pupil
            slope = slope - (theta - sine) * theta * (2 * e1 + 4 * e2 * square)
            step = miss / np.where(slope == 0, 1e-300, slope)
            theta = theta - step
            # The steps' squares follow each other: past this one nothing is left.
            if np.nanmax(np.abs(step), initial=0.0) < 1e-9:
                break
        return np.asarray(theta)

    def _undistorted(self, distorted: Array) -> Array:
        """Return chi of its distorted value: chi (1 + R0 + R1 chi^2 + R2 chi^4)."""
        r0, r1, r2 = self.r
        chi = np.array(distorted, np.float64)
        if not any(self.r):
            return chi
        for _ in range(_STEPS):
            square = chi * chi
            miss = chi * (1 + self._polynomial(self.r, square)) - distorted
            step = miss / (1 + r0 + square * (3 * r1 + square * 5 * r2))
            chi = chi - step
            if np.nanmax(np.abs(step), initial=0.0) < 1e-15:
                break
        return chi
