"""The bridles and the umbilical: from the stage's reel to the rover's deck, or cut loose."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.mission.shape import BridleShape
from skycrane.vehicle.materials import material_id
from skycrane.vehicle.mesh import Shape

__all__ = ["BridleSurface"]

Array = NDArray[np.float64]

_STATIONS = 81
"""Sections along each line; coils and sag show between them."""
_SIDES = 7


class BridleSurface:
    """Three bridles and an umbilical in the descent stage's frame; one topology always."""

    def __init__(self, bridles: BridleShape) -> None:
        self._bridles = bridles
        lines = 4
        row = np.arange(_STATIONS - 1)[:, None] * _SIDES
        col = np.arange(_SIDES)[None, :]
        nxt = (col + 1) % _SIDES
        quads = np.stack(
            [row + col, row + nxt, row + _SIDES + nxt,
             row + col, row + _SIDES + nxt, row + _SIDES + col],
            axis=-1,
        ).reshape(-1, 3)  # fmt: skip
        cap = np.array([[0, k + 1, k] for k in range(1, _SIDES - 1)])
        far = cap[:, ::-1] + (_STATIONS - 1) * _SIDES
        one = np.vstack([quads, cap, far])
        step = _STATIONS * _SIDES
        self._triangles = np.vstack([one + k * step for k in range(lines)]).astype(np.int32)
        names = ["bridle"] * 3 + ["umbilical"]
        ids = [material_id(name) for name in names]
        self._material = np.repeat(ids, len(one)).astype(np.int32)

    def shape(
        self,
        *,
        rover_position_m: ArrayLike,
        rover_rotation: ArrayLike,
        payout_m: float,
        since_cut_s: float | None = None,
        phase_rad: float = 0.0,
    ) -> Shape:
        """Return the lines in the descent stage's frame.

        Args:
            rover_position_m: rover's origin in the descent stage's frame, shape (3,).
            rover_rotation: matrix that turns rover axes into descent-stage axes, shape (3, 3).
            payout_m: length of bridle let out; what the straight line does not use hangs slack.
            since_cut_s: seconds since the bridles were cut at the rover, or None while they hold.
            phase_rad: phase of the swing of what hangs after the cut.
        """
        b = self._bridles
        turn, origin = np.asarray(rover_rotation, dtype=float), np.asarray(rover_position_m, float)
        starts = [*b.stage_points_m, b.stage_umbilical_m]
        ends = [turn @ np.asarray(p) + origin for p in (*b.rover_points_m, b.rover_umbilical_m)]
        vertices = []
        for k, (start, end) in enumerate(zip(np.array(starts, float), ends, strict=True)):
            coil = k == 3
            span = float(np.linalg.norm(end - start))
            slack = max(payout_m - span, 0.0) if not coil else b.umbilical_slack * span
            path = _hang(start, end, slack, coil=coil)
            if since_cut_s is not None:
                loose = _loose(start, b.cut_length_m * (0.8 if coil else 1.0), k, phase_rad)
                # The tension's release snaps the ends up within a few tenths of a second.
                free = 1.0 - np.exp(-max(since_cut_s, 0.0) / 0.25)
                path = path + (loose - path) * free
            vertices.append(_round(path, b.umbilical_radius_m if coil else b.bridle_radius_m))
        return Shape(np.vstack(vertices).astype(np.float32), self._triangles, self._material)

    def paths_m(self, shape: Shape) -> list[Array]:
        """Return the middles of the lines of a shape made here: three bridles, the umbilical.

        Bridles, which bend little, are told by every fourth section; the umbilical's coils are
        rounded by a point between each two (four-point scheme, Dyn, Levin and Gregory 1987).
        """
        middle = shape.vertices_m.astype(np.float64).reshape(4, _STATIONS, _SIDES, 3).mean(axis=2)
        coil = middle[3]
        wide = np.vstack([2 * coil[0] - coil[1], coil, 2 * coil[-1] - coil[-2]])
        between = (9.0 * (wide[1:-2] + wide[2:-1]) - wide[:-3] - wide[3:]) / 16.0
        finer = np.empty((2 * _STATIONS - 1, 3))
        finer[::2], finer[1::2] = coil, between
        return [*middle[:3, ::4], finer]

    @property
    def radii_m(self) -> list[float]:
        """Half widths of the four lines, m."""
        return [self._bridles.bridle_radius_m] * 3 + [self._bridles.umbilical_radius_m]


def _hang(start: Array, end: Array, slack_m: float, *, coil: bool) -> Array:
    """Return a line (stations, 3) of length span + slack: sagging, or wound as a loose coil."""
    t = np.linspace(0.0, 1.0, _STATIONS)
    line = start + t[:, None] * (end - start)
    span = max(float(np.linalg.norm(end - start)), 1e-3)
    arc = np.sin(np.pi * t)
    if coil:
        # A helix of n turns and radius a is longer than its axis by about (2 pi n a)^2/(2 span).
        turns = 7.0
        radius = min(np.sqrt(2.0 * span * slack_m) / (2.0 * np.pi * turns), 0.12)
        # Never quite even: what was wound on a drum remembers it here more, there less.
        wave = 2.0 * np.pi * (turns * t + 0.35 * np.sin(5.0 * t) + 0.2 * np.sin(11.0 * t))
        size = radius * np.sqrt(arc) * (0.75 + 0.45 * np.sin(6.3 * t + 1.0))
        line[:, 0] += size * np.cos(wave) + 0.8 * radius * arc * np.sin(2.6 * t)
        line[:, 1] += size * np.sin(wave) - 0.6 * radius * arc
        return line
    # Parabola of sag h: length = span (1 + 8/3 (h/span)^2).
    sag = min(np.sqrt(0.375 * span * slack_m), 0.35)
    outward = np.array([start[0], start[1], 0.0])
    outward /= max(float(np.linalg.norm(outward)), 1e-6)
    return line + sag * arc[:, None] * outward


def _loose(start: Array, length_m: float, index: int, phase_rad: float) -> Array:
    """Return a cut line hanging from the stage, curled and swinging a little."""
    t = np.linspace(0.0, 1.0, _STATIONS)
    swing = 0.25 * np.sin(phase_rad + 2.1 * index)
    curl = 0.10 * t * np.sin(5.0 * t + index)
    offset = np.column_stack(
        [swing * t**2 + curl, 0.18 * np.cos(phase_rad + 1.3 * index) * t**2, length_m * t]
    )
    return start + offset


def _round(path: Array, radius_m: float) -> Array:
    """Return the corners of a bar with six sides along a path, shape (stations * sides, 3)."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    # The lines run mostly up and down, so one horizontal hint serves them all without twisting.
    first = np.cross(along, [0.0, 1.0, 0.0])
    norm = np.linalg.norm(first, axis=1, keepdims=True)
    first = np.where(norm > 1e-6, first / np.maximum(norm, 1e-6), [1.0, 0.0, 0.0])
    second = np.cross(along, first)
    angle = 2.0 * np.pi * np.arange(_SIDES) / _SIDES
    rim = (
        np.cos(angle)[None, :, None] * first[:, None]
        + np.sin(angle)[None, :, None] * second[:, None]
    )
    return (path[:, None] + radius_m * rim).reshape(-1, 3)
