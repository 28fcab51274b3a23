"""Lenses: projection with Brown's distortion, and the direction that each photosite looks in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.mission.cameras import Camera

__all__ = ["Lens", "lens_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lens:
    """A pinhole with radial and tangential distortion (Brown 1966; OpenCV's k1 k2 p1 p2 k3).

    Attributes:
        width, height: photosites.
        fx, fy, cx, cy: focal lengths and principal point [px]; pixel centres at whole numbers.
        distortion: k1, k2, p1, p2, k3.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, float, float, float, float]

    def distort(self, plane: ArrayLike) -> Array:
        """Return distorted image-plane coordinates (..., 2) of ideal ones (x/z, y/z)."""
        p = np.asarray(plane, np.float64)
        x, y = p[..., 0], p[..., 1]
        k1, k2, p1, p2, k3 = self.distortion
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        return np.stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            ],
            axis=-1,
        )

    def undistort(self, plane: ArrayLike, *, iterations: int = 60) -> Array:
        """Return ideal coordinates (..., 2) of distorted ones, by fixed-point iteration."""
        given = np.asarray(plane, np.float64)
        guess = given.copy()
        for _ in range(iterations):
            step = given - self.distort(guess)
            guess = guess + step
            if np.max(np.abs(step), initial=0.0) < 1e-14:
                break
        return guess

    def project(self, directions: ArrayLike) -> Array:
        """Return pixels (..., 2), column and row, of directions in the optical frame (..., 3)."""
        d = np.asarray(directions, np.float64)
        p = self.distort(d[..., :2] / d[..., 2:])
        return p * [self.fx, self.fy] + [self.cx, self.cy]

    def directions(self, pixels: ArrayLike) -> Array:
        """Return unit directions in the optical frame (..., 3) of pixels (..., 2), column, row."""
        plane = (np.asarray(pixels, np.float64) - [self.cx, self.cy]) / [self.fx, self.fy]
        ideal = self.undistort(plane)
        d = np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1)
        return d / np.linalg.norm(d, axis=-1, keepdims=True)

    def grid(self) -> Array:
        """Return the direction of every photosite, shape (height, width, 3)."""
        columns, rows = np.meshgrid(np.arange(self.width), np.arange(self.height))
        return self.directions(np.stack([columns, rows], axis=-1))

    def scaled(self, width: int, height: int) -> Lens:
        """Return the lens over another number of photosites on the same detector."""
        sx, sy = width / self.width, height / self.height
        cx, cy = (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5
        return Lens(width, height, self.fx * sx, self.fy * sy, cx, cy, self.distortion)


def lens_of(camera: Camera, scale: int = 1) -> Lens:
    """Return a camera's lens over its detector, read out at 1/`scale` of its photosites."""
    detector, optics = camera.detector, camera.optics
    focal_px = optics.focal_length_m / detector.pitch_m
    right, down = optics.principal_offset_px
    k1, k2, p1, p2, k3 = optics.distortion
    full = Lens(
        detector.width,
        detector.height,
        focal_px,
        focal_px,
        (detector.width - 1) / 2 + right,
        (detector.height - 1) / 2 + down,
        (k1, k2, p1, p2, k3),
    )
    if scale == 1:
        return full
    # Whole Bayer tiles.
    return full.scaled(detector.width // scale // 2 * 2, detector.height // scale // 2 * 2)
