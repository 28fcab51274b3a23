"""Cords laid on the picture of one view, and listed by its tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.cords import Pieces, Ropes
from skycrane.cameras.cover import TILE
from skycrane.cameras.optics import Lens
from skycrane.cameras.strands import Strands
from skycrane.vehicle.materials import MATERIALS, material_id

__all__ = ["CORD_MATERIALS", "StrandSet", "shows_cords"]

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

CORD_MATERIALS = ("line_white", "bridle", "umbilical")
"""What the kinds of cords are made of: a line of the parachute, a bridle, the umbilical."""

_LIST = 64
"""Pieces that a tile draws at most."""
_NEAR_M = 0.05
_SPREAD_PX = 3.0
"""By which a cord's tiles reach past it: for the rays' jitter, and for the gaps between samples."""
_GAP_PX = 4.0
_STEEP = 2.0
"""Tangent of the steepest ray that a pupil's movement is reckoned with."""
_FIELDS: dict[str, Any] = {
    "start": wp.vec3,
    "end": wp.vec3,
    "radius": float,
    "plane": wp.vec4,
    "run": wp.vec4,
    "axis": wp.vec3,
    "cord": int,
    "kind": int,
}


def shows_cords(lens: Lens) -> bool:
    """Return whether a lens draws finely enough for cords to be seen."""
    return lens.width >= 4 * TILE


class StrandSet:
    """The cords as one thread's kernels see them."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.data: Any = Strands()
        albedo = np.array([MATERIALS[material_id(name)].albedo for name in CORD_MATERIALS])
        self.data.albedo = wp.mat33(*albedo.ravel())
        self._empty = wp.full((1, 1, 1), -1, dtype=wp.int16, device=device)
        self.clear()

    def clear(self) -> None:
        """Have no cords."""
        s = self.data
        s.count, s.first = 0, self._empty
        for name, dtype in _FIELDS.items():
            setattr(s, name, wp.zeros(1, dtype=dtype, device=self.device))

    def place(
        self,
        lines: tuple[Array, Array, Array] | None,
        ropes: Ropes | None,
        *,
        eye_m: Array,
        turn: Array,
        lens: Lens,
    ) -> None:
        """List the cords by the tiles of a view.

        Args:
            lines: straight ones: starts and ends in the local frame, (n, 3), half widths (n,), m.
            ropes: bent ones.
            eye_m, turn: the camera in the local frame.
            lens: what it draws with; too coarse a look has no cords.
        """
        pieces = Pieces.of(lines, ropes)
        if not shows_cords(lens) or not len(pieces.start_m):
            # A coarse look at the light of the scene, to which cords add nothing.
            self.clear()
            return
        laid = _laid(pieces, eye_m, turn)
        length_m = np.linalg.norm(pieces.end_m - pieces.start_m, axis=1)
        values = {
            "start": pieces.start_m,
            "end": pieces.end_m,
            "radius": pieces.radius_m,
            "plane": laid.plane,
            "run": laid.run,
            "axis": (pieces.end_m - pieces.start_m) / np.maximum(length_m, 1e-9)[:, None],
            "cord": pieces.cord,
            "kind": pieces.kind,
        }
        data, device = self.data, self.device
        data.first = wp.array(_lists(pieces, laid, lens), dtype=wp.int16, device=device)
        for name, dtype in _FIELDS.items():
            kind = np.int32 if dtype is int else np.float32
            setattr(data, name, wp.array(values[name].astype(kind), dtype=dtype, device=device))
        data.count = len(pieces.start_m)


@dataclass(frozen=True)
class _Laid:
    """Pieces on the plane at unit distance, cut where they pass the camera.

    Attributes:
        plane: both ends, (n, 4).
        run: at both ends one over the depth [1/m], and metres from the cord's beginning, (n, 4).
        ahead: which lie before the camera, (n,).
    """

    plane: Array
    run: Array
    ahead: NDArray[np.bool_]


def _laid(pieces: Pieces, eye_m: Array, turn: Array) -> _Laid:
    a, b = (pieces.start_m - eye_m) @ turn, (pieces.end_m - eye_m) @ turn
    behind_a, behind_b = a[:, 2] < _NEAR_M, b[:, 2] < _NEAR_M
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = np.nan_to_num(np.clip((_NEAR_M - a[:, 2]) / (b[:, 2] - a[:, 2]), 0, 1))
    size = np.linalg.norm(b - a, axis=1)
    middle = a + (b - a) * cut[:, None]
    from_m = pieces.begin_m + np.where(behind_a, cut * size, 0.0)
    to_m = pieces.begin_m + np.where(behind_b, cut, 1.0) * size
    a, b = np.where(behind_a[:, None], middle, a), np.where(behind_b[:, None], middle, b)
    near_a, near_b = 1.0 / np.maximum(a[:, 2], 1e-6), 1.0 / np.maximum(b[:, 2], 1e-6)
    plane = np.column_stack([a[:, :2] * near_a[:, None], b[:, :2] * near_b[:, None]])
    run = np.column_stack([near_a, near_b, from_m, to_m])
    return _Laid(plane, run, ~(behind_a & behind_b))


def _lists(pieces: Pieces, laid: _Laid, lens: Lens) -> NDArray[np.int16]:
    """Return the pieces that each tile draws, (tiles down, tiles across, list), -1 past the last.

    The broadest first: where a list is full, the thinnest are left out.
    """
    count = len(pieces.radius_m)
    order = np.argsort(-pieces.radius_m, kind="stable")
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    across, down = -(-lens.width // TILE), -(-lens.height // TILE)
    pixel, which = _samples(laid, lens)
    # Depth runs as the inverse along a line's image, the nearer end is the broader.
    wide_m = pieces.radius_m + _STEEP * lens.pupil_reach_m
    wide_px = lens.fx * wide_m * laid.run[:, :2].max(axis=1)
    tile, number = _tiles_of(pixel, _SPREAD_PX + wide_px[which], across, down)
    code = np.sort(tile * count + rank[which[number]])
    code = code[np.diff(code, prepend=-1) > 0]
    tile, which = code // count, order[code % count]
    place = np.arange(len(tile)) - np.searchsorted(tile, tile, side="left")
    keep = place < _LIST
    lists = np.full((down * across, int(place[keep].max(initial=0)) + 1), -1, np.int16)
    lists[tile[keep], place[keep]] = which[keep]
    return lists.reshape(down, across, -1)


def _samples(laid: _Laid, lens: Lens) -> tuple[Array, Whole]:
    """Return photosites (m, 2) along the pieces, a few apart, and the pieces they are of, (m,)."""
    p, q = laid.plane[:, :2], laid.plane[:, 2:]
    # Beyond the picture the lens's polynomial means nothing: keep to a window around it.
    low, high = _inside(p, q, 1.3 * lens.half_extent)
    some = np.flatnonzero(laid.ahead & (high > low))
    first = p[some] + (q - p)[some] * low[some, None]
    way = (q - p)[some] * (high - low)[some, None]
    thirds = lens.distort(first[:, None] + way[:, None] * np.linspace(0, 1, 4)[:, None])
    chords = np.linalg.norm(np.diff(thirds, axis=1) * [lens.fx, lens.fy], axis=2)
    number = np.ceil(3.0 * chords.max(axis=1, initial=0.0) / _GAP_PX).astype(np.int64) + 2
    begin = np.cumsum(number) - number
    which = np.repeat(np.arange(len(some)), number)
    share = (np.arange(len(which)) - begin[which]) / (number[which] - 1)
    pixel = lens.distort(first[which] + way[which] * share[:, None])
    return pixel * [lens.fx, lens.fy] + [lens.cx, lens.cy], some[which]


def _tiles_of(pixel: Array, reach_px: Array, across: int, down: int) -> tuple[Whole, Whole]:
    """Return the tiles that squares around places touch, and the numbers of those places.

    Args:
        pixel: the places, column and row, (n, 2).
        reach_px: half a square's side, (n,).
        across, down: tiles of the picture.
    """
    last = np.array([across, down]) - 1.0
    low = np.maximum(np.floor((pixel - reach_px[:, None]) / TILE), 0.0)
    high = np.minimum(np.floor((pixel + reach_px[:, None]) / TILE), last)
    number = np.flatnonzero((high >= low).all(axis=1))
    left, top = low[number].astype(np.int64).T
    wide, tall = (high - low)[number].astype(np.int64).T
    found, of = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for i in range(int(tall.max(initial=-1)) + 1):
        for j in range(int(wide.max(initial=-1)) + 1):
            some = (tall >= i) & (wide >= j)
            found.append((top[some] + i) * across + left[some] + j)
            of.append(number[some])
    return np.concatenate(found), np.concatenate(of)


def _inside(p: Array, q: Array, window: Array) -> tuple[Array, Array]:
    """Return the shares of the way from p to q between which it lies in +-window (Liang-Barsky)."""
    low, high = np.zeros(len(p)), np.ones(len(p))
    for k in range(2):
        step = q[:, k] - p[:, k]
        step = np.where(np.abs(step) < 1e-12, 1e-12, step)
        first, second = (-window[k] - p[:, k]) / step, (window[k] - p[:, k]) / step
        low = np.maximum(low, np.minimum(first, second))
        high = np.minimum(high, np.maximum(first, second))
    return low, high
