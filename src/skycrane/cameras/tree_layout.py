"""Which triangles of a surface lie in which box of its tree: made once, kept as the shape moves.

Splits are by the binned surface-area heuristic (Wald 2007), every node of a depth at once;
two-way splits are then gathered to eight-way ones (Wald, Benthin and Boulos 2008).
"""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.files import atomic_path
from skycrane.mars.terrain import cache_directory
from skycrane.vehicle.mesh import Shape

__all__ = ["STACK", "WIDE", "Layout", "layout_of", "remembered_layout"]

Array = NDArray[np.float64]

WIDE = 8
"""Children of a node, and triangles of a leaf."""
STACK = 64
"""Nodes that a walk through a tree can put off."""
_BINS = 16
_DEEPEST = 40
"""Halvings by the heuristic; further ones are by number."""
_FEWEST = 2
"""Triangles that are not halved further."""
_LEAF_PRICE = 1.4
"""What a ray pays at a leaf, in what it pays at a node: measured."""
_VERSION = 2


@dataclass(frozen=True)
class Layout:
    """The tree of one surface.

    Attributes:
        child: by node, numbers of its children's nodes, -1 - leaf, or 0 for none, (n, 8), int32.
        depths: first node of each depth, root first, and one past the last.
        face: by leaf, numbers of its triangles, or -1, (m, 8), int32.
    """

    child: NDArray[np.int32]
    depths: list[int]
    face: NDArray[np.int32]


@dataclass
class _Halves:
    """Two-way splits: children (n, 2), -1 where there are none, span in the order, and area."""

    children: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    area: Array


def _areas(low: Array, high: Array) -> Array:
    """Return half the surface of boxes (..., 3); 0 for empty ones."""
    x, y, z = np.moveaxis(np.maximum(high - low, 0.0), -1, 0)
    return np.asarray(x * y + y * z + z * x)


def _bins(node: NDArray, count: int, low: Array, high: Array, place: Array) -> tuple:
    """Return box (count, bins, 3) twice and number of triangles (count, bins) of each bin."""
    key = node * _BINS + place
    order = np.argsort(key, kind="stable")
    met, start = np.unique(key[order], return_index=True)
    least = np.full((count * _BINS, 3), np.inf)
    most = np.full((count * _BINS, 3), -np.inf)
    least[met] = np.minimum.reduceat(low[order], start)
    most[met] = np.maximum.reduceat(high[order], start)
    number = np.bincount(key, minlength=count * _BINS)
    shape = (count, _BINS, 3)
    return least.reshape(shape), most.reshape(shape), number.reshape(count, _BINS)


def _best_splits(node: NDArray, count: int, low: Array, high: Array) -> NDArray[np.bool_]:
    """Return which triangles go to the second half of their node; `node` is sorted."""
    middle = (low + high) / 2
    start = np.searchsorted(node, np.arange(count))
    least = np.minimum.reduceat(middle, start)
    wide = np.maximum(np.maximum.reduceat(middle, start) - least, 1e-12)
    place = np.minimum((middle - least[node]) / wide[node] * _BINS, _BINS - 1).astype(np.int64)
    cost = np.full((count, 3, _BINS - 1), np.inf)
    for axis in range(3):
        a, b, number = _bins(node, count, low, high, place[:, axis])
        left = _areas(np.minimum.accumulate(a, 1), np.maximum.accumulate(b, 1))[:, :-1]
        back = slice(None, None, -1)
        right = _areas(
            np.minimum.accumulate(a[:, back], 1)[:, back],
            np.maximum.accumulate(b[:, back], 1)[:, back],
        )[:, 1:]
        before = number.cumsum(axis=1)[:, :-1]
        after = number.sum(axis=1, keepdims=True) - before
        cost[:, axis] = np.where((before > 0) & (after > 0), left * before + right * after, np.inf)
    best = cost.reshape(count, -1).argmin(axis=1)
    axis, cut = best // (_BINS - 1), best % (_BINS - 1)
    second = place[np.arange(len(node)), axis[node]] > cut[node]
    # All middles in one bin: halve by number.
    stuck = ~np.isfinite(cost.reshape(count, -1).min(axis=1))
    return np.where(stuck[node], _later_half(node, count), second)


def _later_half(node: NDArray, count: int) -> NDArray[np.bool_]:
    start = np.searchsorted(node, np.arange(count))
    size = np.bincount(node, minlength=count)
    return np.asarray((np.arange(len(node)) - start[node]) * 2 >= size[node])


def _halve(low: Array, high: Array, deepest: int) -> tuple[_Halves, NDArray[np.int64]]:
    """Return the two-way splits of triangles down to leaves, and the triangles in their order."""
    order = np.arange(len(low))
    children, begin, end = [[-1, -1]], [0], [len(low)]
    active = [0] if len(low) > _FEWEST else []
    for depth in range(10**6):
        if not active:
            break
        spans = [np.arange(begin[n], end[n]) for n in active]
        at = np.concatenate(spans)
        node = np.repeat(np.arange(len(active)), [len(s) for s in spans])
        these = order[at]
        if depth < deepest:
            second = _best_splits(node, len(active), low[these], high[these])
        else:
            second = _later_half(node, len(active))
        order[at] = these[np.lexsort((second, node))]
        first_size = np.bincount(node[~second], minlength=len(active))
        below = []
        for n, size in zip(active, first_size.tolist(), strict=True):
            cut = begin[n] + size
            children[n] = [len(children), len(children) + 1]
            for span in ((begin[n], cut), (cut, end[n])):
                if span[1] - span[0] > _FEWEST:
                    below.append(len(children))
                children.append([-1, -1])
                begin.append(span[0])
                end.append(span[1])
        active = below
    area = np.zeros(len(begin))
    for n, (a, b) in enumerate(zip(begin, end, strict=True)):
        some = order[a:b]
        area[n] = _areas(low[some].min(axis=0), high[some].max(axis=0)) if b > a else 0.0
    return _Halves(np.array(children), np.array(begin), np.array(end), area), order


def _levels(halves: _Halves) -> list[NDArray[np.int64]]:
    """Return the nodes of the two-way splits by depth, root first."""
    levels, row = [], np.zeros(1, np.int64)
    while len(row):
        levels.append(row)
        below = halves.children[row].ravel()
        row = below[below >= 0]
    return levels


@dataclass(frozen=True)
class _Plan:
    """How to gather two-way splits at the least price.

    Attributes:
        leaf: nodes that are best met whole, as one leaf, (n,).
        first: of the at most i pieces that stand for a node, how many are of its first half, 0
            where fewer do as well; for i = 8 its own children, (n, 9).
    """

    leaf: NDArray[np.bool_]
    first: NDArray[np.int64]


def _planned(halves: _Halves) -> _Plan:
    """Return the plan by which a ray pays least (Ylitie, Karras and Laine 2017, section 3.1).

    A ray that comes to a node pays once for its eight children, however few they are, and at a
    leaf once for its eight triangles; it comes there in proportion to the area of the box.
    """
    n = len(halves.begin)
    whole = np.where(halves.end - halves.begin <= WIDE, _LEAF_PRICE * halves.area, np.inf)
    price = np.repeat(whole[:, None], WIDE, axis=1)
    leaf, first = np.ones(n, bool), np.zeros((n, WIDE + 1), np.int64)
    for row in reversed(_levels(halves)):
        some = row[halves.children[row, 0] >= 0]
        a, b = halves.children[some].T
        for i in range(WIDE, 1, -1):
            choices = np.stack([price[a, k] + price[b, i - k] for k in range(1, i)])
            first[some, i], parted = choices.argmin(axis=0) + 1, choices.min(axis=0)
            if i == WIDE:
                opened = halves.area[some] + parted
                leaf[some] = whole[some] <= opened
                price[some, 1:] = np.minimum(whole[some], opened)[:, None]
            else:
                price[some, i] = parted
        for i in range(2, WIDE):
            first[some, i] *= price[some, i] < price[some, i - 1]
            price[some, i] = np.minimum(price[some, i], price[some, i - 1])
    return _Plan(leaf, first)


def _pieces(halves: _Halves, plan: _Plan, n: int) -> list[int]:
    """Return the at most eight nodes that become the children of node n."""
    found, ahead = [], [(n, WIDE)]
    while ahead:
        m, i = ahead.pop()
        k = int(plan.first[m, i])
        if i == 1:
            found.append(m)
        elif k == 0:
            ahead.append((m, i - 1))
        else:
            left, right = halves.children[m].tolist()
            ahead += [(right, i - k), (left, k)]
    return found


def _eightfold(halves: _Halves, order: NDArray[np.int64]) -> Layout:
    """Return the eight-way tree of two-way splits, nodes by depth."""
    plan = _planned(halves)
    child: list[list[int]] = []
    faces: list[NDArray] = []
    depths, row = [0], [0]
    while row:
        below: list[int] = []
        last = depths[-1] + len(row)
        for n in row:
            slots = [0] * WIDE
            for k, m in enumerate(_pieces(halves, plan, n)):
                if plan.leaf[m]:
                    slots[k] = -1 - len(faces)
                    some = order[halves.begin[m] : halves.end[m]]
                    faces.append(np.pad(some, (0, WIDE - len(some)), constant_values=-1))
                else:
                    slots[k] = last + len(below)
                    below.append(m)
            child.append(slots)
        depths.append(last)
        row = below
    return Layout(np.array(child, np.int32), depths, np.array(faces, np.int32))


def layout_of(shape: Shape) -> Layout:
    """Return the tree of a surface, made for the shape given; no deeper than a walk can go."""
    corners = shape.vertices_m[shape.triangles].astype(np.float64).reshape(-1, 3, 3)
    low, high = corners.min(axis=1), corners.max(axis=1)
    made = _eightfold(*_halve(low, high, _DEEPEST))
    if not _walkable(made):
        made = _eightfold(*_halve(low, high, 0))
    return made


def _walkable(layout: Layout) -> bool:
    return (WIDE - 1) * (len(layout.depths) - 1) + 1 <= STACK


def remembered_layout(shape: Shape) -> Layout:
    """Return `layout_of` a shape from the user's cache, where it is kept by the shape itself."""
    key = hashlib.sha256(f"{_VERSION}|{WIDE}|{_BINS}|{_DEEPEST}|".encode())
    key.update(shape.vertices_m.tobytes() + shape.triangles.tobytes())
    path = cache_directory() / f"tree-{key.hexdigest()[:24]}.npz"
    with contextlib.suppress(OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        with np.load(path, allow_pickle=False) as stored:
            found = Layout(stored["child"], stored["depths"].tolist(), stored["face"])
        if _sound(found, len(shape.triangles)):
            return found
    made = layout_of(shape)
    with contextlib.suppress(InputError), atomic_path(path) as partial, open(partial, "wb") as f:
        np.savez(f, child=made.child, depths=np.array(made.depths), face=made.face)
    return made


def _sound(layout: Layout, triangles: int) -> bool:
    """Return whether every node, leaf and triangle is there once: what kernels rely on."""
    child, face = layout.child, layout.face
    if child.dtype != np.int32 or face.dtype != np.int32 or child.ndim != 2 or face.ndim != 2:
        return False
    n, m = len(child), len(face)
    wide = child.shape[1] == WIDE and face.shape[1] == WIDE
    depths = np.array(layout.depths)
    steps = depths.ndim == 1 and len(depths) > 1 and depths[0] == 0 and depths[-1] == n
    if not (wide and steps and (np.diff(depths) > 0).all() and _walkable(layout)):
        return False
    # A node's children are all of the next depth, so that no walk goes in circles.
    level = np.searchsorted(depths, np.arange(n), side="right")
    inner = child > 0
    return bool(
        (np.sort(child[inner]) == np.arange(1, n)).all()
        and (level[child[inner]] == np.broadcast_to(level[:, None], child.shape)[inner] + 1).all()
        and (np.sort(-1 - child[child < 0]) == np.arange(m)).all()
        and (np.sort(face[face >= 0]) == np.arange(triangles)).all()
    )
