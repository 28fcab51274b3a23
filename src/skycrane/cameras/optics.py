"""Lenses, Brown's or CAHVORE's: projection, and the direction that each photosite looks in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.cameras.cahvore import FISH_EYE, PERSPECTIVE, CahvoreModel
from skycrane.mission.cameras import Cahvore, Camera

__all__ = ["CahvoreLens", "Lens", "lens_of"]

Array = NDArray[np.float64]
Triple = tuple[float, float, float]


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
        """Return ideal coordinates (..., 2) of distorted ones.

        By fixed-point iteration; where that does not end, as of a lens that stretches its edges to
        twice, by Newton's method, which comes to it from one side.
        """
        given = np.asarray(plane, np.float64)
        guess = given.copy()
        with np.errstate(all="ignore"):
            for _ in range(iterations):
                step = given - self.distort(guess)
                guess = guess + step
                if np.max(np.abs(step), initial=0.0) < 1e-14:
                    return guess
            if np.max(np.abs(step), initial=0.0) < 1e-9:
                return guess
            guess = given.copy()
            for _ in range(iterations):
                step = self._newton(guess, given - self.distort(guess))
                guess = guess + step
                if np.max(np.abs(step), initial=0.0) < 1e-12:
                    break
        return guess

    def _newton(self, plane: Array, miss: Array) -> Array:
        """Return by how much ideal coordinates (..., 2) are off whose distorted ones miss."""
        x, y = plane[..., 0], plane[..., 1]
        k1, k2, p1, p2, k3 = self.distortion
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        bend = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
        xx = radial + x * x * bend + 2 * p1 * y + 6 * p2 * x
        yy = radial + y * y * bend + 6 * p1 * y + 2 * p2 * x
        xy = x * y * bend + 2 * p1 * x + 2 * p2 * y
        u, v = miss[..., 0], miss[..., 1]
        return (
            np.asarray(np.stack([yy * u - xy * v, xx * v - xy * u], -1))
            / (xx * yy - xy * xy)[..., None]
        )

    def project(self, directions: ArrayLike) -> Array:
        """Return pixels (..., 2), column and row, of directions in the optical frame (..., 3)."""
        d = np.asarray(directions, np.float64)
        p = self.distort(d[..., :2] / d[..., 2:])
        return p * [self.fx, self.fy] + [self.cx, self.cy]

    def project_points(self, points_m: ArrayLike) -> Array:
        """Return pixels (..., 2), column and row, of points in the optical frame (..., 3) [m].

        The same as of their directions, but for a lens whose entrance pupil moves.
        """
        return self.project(points_m)

    def starts_m(self, pixels: ArrayLike) -> Array:
        """Return where the rays of pixels (..., 2) start, optical frame (..., 3) [m]."""
        return np.zeros((*np.shape(pixels)[:-1], 3))

    def seen_from_m(self, points_m: ArrayLike) -> Array:
        """Return where the rays that meet points (..., 3) [m] start; all in the optical frame."""
        return np.zeros(np.shape(points_m))

    @property
    def pupil(self) -> tuple[Triple, Triple]:
        """Axis of the entrance pupil in the optical frame, and its movement E along it [m]."""
        return (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)

    @property
    def pupil_reach_m(self) -> float:
        """How far from the optical centre a ray of the picture starts at most."""
        return 0.0

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

    @property
    def half_extent(self) -> Array:
        """How far the picture's edges lie from the axis on the plane at unit distance, (2,)."""
        return _half_extent(self)

    def edge(self) -> Array:
        """Return points around the picture's edge, distorted plane coordinates (n, 2)."""
        s = np.linspace(-0.5, 0.5, 33)
        sides = [(s, -0.5 + 0 * s), (s, 0.5 + 0 * s), (-0.5 + 0 * s, s), (0.5 + 0 * s, s)]
        pixels = np.concatenate([np.column_stack(side) for side in sides]) + 0.5
        pixels = pixels * [self.width, self.height] - 0.5
        return np.asarray((pixels - [self.cx, self.cy]) / [self.fx, self.fy])

    def scaled(self, width: int, height: int) -> Lens:
        """Return the lens over another number of photosites on the same detector."""
        sx, sy = width / self.width, height / self.height
        cx, cy = (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5
        return Lens(width, height, self.fx * sx, self.fy * sy, cx, cy, self.distortion)


@dataclass(frozen=True)
class CahvoreLens(Lens):
    """A lens by its CAHVORE model, about its own centre and in the optical frame.

    `distortion` holds the nearest that Brown's five coefficients come to it (least squares over
    the picture), for readers of the store that know no other model; nothing is drawn with them.
    Rays start on the axis O where the entrance pupil is for their angle; `project` and `distort`,
    which know directions alone, are those of far things.

    Attributes:
        model: the vectors in the optical frame: x along the rows, z along A.
    """

    model: CahvoreModel

    def distort(self, plane: ArrayLike) -> Array:
        """Return distorted image-plane coordinates (..., 2) of ideal ones (x/z, y/z)."""
        p = np.asarray(plane, np.float64)
        pixels = self.project(np.concatenate([p, np.ones_like(p[..., :1])], axis=-1))
        return np.asarray((pixels - [self.cx, self.cy]) / [self.fx, self.fy])

    def undistort(self, plane: ArrayLike, *, iterations: int = 60) -> Array:
        """Return ideal coordinates (..., 2) of distorted ones; they lie ahead of the camera."""
        pixels = np.asarray(plane, np.float64) * [self.fx, self.fy] + [self.cx, self.cy]
        d = self.directions(pixels)
        return np.asarray(d[..., :2] / d[..., 2:])

    def project(self, directions: ArrayLike) -> Array:
        """Return pixels (..., 2), column and row, of directions in the optical frame (..., 3)."""
        return self.model.project_far(directions)

    def project_points(self, points_m: ArrayLike) -> Array:
        """Return pixels (..., 2), column and row, of points in the optical frame (..., 3) [m]."""
        return self.model.project(points_m)

    def starts_m(self, pixels: ArrayLike) -> Array:
        """Return where the rays of pixels (..., 2) start, optical frame (..., 3) [m]."""
        return self.model.rays(pixels)[0]

    def seen_from_m(self, points_m: ArrayLike) -> Array:
        """Return where the rays that meet points (..., 3) [m] start; all in the optical frame."""
        return self.model.starts_m(points_m)

    @property
    def pupil(self) -> tuple[Triple, Triple]:
        """Axis of the entrance pupil in the optical frame, and its movement E along it [m]."""
        return self.model.o, self.model.e

    @property
    def pupil_reach_m(self) -> float:
        """How far from the optical centre a ray of the picture starts at most."""
        if not any(self.model.e):
            return 0.0
        columns, rows = np.meshgrid(
            np.linspace(-0.5, self.width - 0.5, 33), np.linspace(-0.5, self.height - 0.5, 33)
        )
        starts = self.starts_m(np.stack([columns, rows], axis=-1))
        return float(np.linalg.norm(starts, axis=-1).max())

    def directions(self, pixels: ArrayLike) -> Array:
        """Return unit directions in the optical frame (..., 3) of pixels (..., 2), column, row."""
        return self.model.rays(pixels)[1]

    def scaled(self, width: int, height: int) -> Lens:
        """Return the lens over another number of photosites on the same detector."""
        sx, sy = width / self.width, height / self.height
        a = np.array(self.model.a)
        h = np.array(self.model.h) * sx + a * (0.5 * sx - 0.5)
        v = np.array(self.model.v) * sy + a * (0.5 * sy - 0.5)
        return _cahvore_lens(replace(self.model, h=_triple(h), v=_triple(v)), width, height)


@lru_cache(maxsize=64)
def _half_extent(lens: Lens) -> Array:
    edge = np.abs(lens.undistort(lens.edge()))
    return np.asarray(np.nan_to_num(edge, nan=0.0).max(axis=0))


def _triple(v: ArrayLike) -> Triple:
    x, y, z = (float(x) for x in np.asarray(v))
    return x, y, z


def _optical(given: Cahvore) -> CahvoreModel:
    """Return the model in the optical frame: z along A, x where H points across A, C left out."""
    z = np.array(given.a) / np.linalg.norm(given.a)
    x = np.array(given.h) - z * (z @ given.h)
    x /= np.linalg.norm(x)
    turn = np.array([x, np.cross(z, x), z])
    a, h, v, o = (_triple(turn @ w) for w in (z, given.h, given.v, given.o))
    curve = {1: PERSPECTIVE, 2: FISH_EYE, 3: given.linearity}[given.type]
    return CahvoreModel((0.0, 0.0, 0.0), a, h, v, o, _triple(given.r), _triple(given.e), curve)


def _cahvore_lens(model: CahvoreModel, width: int, height: int) -> CahvoreLens:
    a, h, v = (np.array(w) for w in (model.a, model.h, model.v))
    fx, fy = (float(np.linalg.norm(np.cross(a, w))) for w in (h, v))
    cx, cy = float(a @ h), float(a @ v)
    bare = CahvoreLens(width, height, fx, fy, cx, cy, (0.0,) * 5, model)
    columns, rows = np.meshgrid(np.linspace(0, width - 1, 33), np.linspace(0, height - 1, 33))
    d = bare.directions(np.stack([columns, rows], axis=-1).reshape(-1, 2))
    ideal = d[:, :2] / d[:, 2:]
    bent = bare.distort(ideal) - ideal
    x, y = ideal.T
    r2 = x * x + y * y
    across = [x * r2, x * r2**2, 2 * x * y, r2 + 2 * x * x, x * r2**3]
    down = [y * r2, y * r2**2, r2 + 2 * y * y, 2 * x * y, y * r2**3]
    terms = np.concatenate([np.column_stack(across), np.column_stack(down)])
    k = np.linalg.lstsq(terms, np.concatenate(bent.T), rcond=None)[0]
    k1, k2, p1, p2, k3 = (float(c) for c in k)
    return replace(bare, distortion=(k1, k2, p1, p2, k3))


def lens_of(camera: Camera, scale: int = 1) -> Lens:
    """Return a camera's lens over its detector, read out at 1/`scale` of its photosites."""
    full = _full_lens(camera)
    if scale == 1:
        return full
    # Whole Bayer tiles.
    width, height = (n // scale // 2 * 2 for n in (full.width, full.height))
    return full.scaled(width, height)


def _full_lens(camera: Camera) -> Lens:
    detector, optics = camera.detector, camera.optics
    if optics.cahvore:
        given = optics.cahvore
        lens = _cahvore_lens(_optical(given), given.width, given.height)
        same = (given.width, given.height) == (detector.width, detector.height)
        return lens if same else lens.scaled(detector.width, detector.height)
    focal_px = optics.focal_length_m / detector.pitch_m
    right, down = optics.principal_offset_px
    k1, k2, p1, p2, k3 = optics.distortion
    return Lens(
        detector.width,
        detector.height,
        focal_px,
        focal_px,
        (detector.width - 1) / 2 + right,
        (detector.height - 1) / 2 + down,
        (k1, k2, p1, p2, k3),
    )
