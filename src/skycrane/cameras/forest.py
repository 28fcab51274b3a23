"""The trees of several surfaces on a device: their boxes and triangles, fitted as shapes move."""

# mypy: ignore-errors
from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import ArrayLike

from skycrane.cameras.tree_layout import Layout
from skycrane.cameras.trees import Trees, vec8, vec8i

__all__ = ["Forest"]

wp.set_module_options({"enable_backward": False})


@wp.kernel
def _leaf_kernel(
    row0: int,
    leaf0: int,
    points: wp.array(dtype=wp.vec3),
    triangles: wp.array2d(dtype=int),
    face: wp.array(dtype=vec8i),
    corner: wp.array2d(dtype=vec8),
    low: wp.array(dtype=wp.vec3),
    high: wp.array(dtype=wp.vec3),
):
    """Fill the triangles of leaves, a thread a row of `corner`, and the boxes around them."""
    i, row = wp.tid()
    leaf = leaf0 + row0 + i
    least = wp.vec3(1.0e30, 1.0e30, 1.0e30)
    most = wp.vec3(-1.0e30, -1.0e30, -1.0e30)
    values = vec8()
    numbers = face[leaf]
    for k in range(8):
        if numbers[k] >= 0:
            p = points[triangles[numbers[k], 0]]
            q = points[triangles[numbers[k], 1]]
            r = points[triangles[numbers[k], 2]]
            least = wp.min(least, wp.min(p, wp.min(q, r)))
            most = wp.max(most, wp.max(p, wp.max(q, r)))
            if row < 3:
                values[k] = p[row]
            elif row < 6:
                values[k] = q[row - 3] - p[row - 3]
            else:
                values[k] = r[row - 6] - p[row - 6]
    corner[leaf, row] = values
    if row == 0:
        low[leaf] = least
        high[leaf] = most


@wp.kernel
def _node_kernel(
    row0: int,
    node0: int,
    child: wp.array(dtype=vec8i),
    leaf_low: wp.array(dtype=wp.vec3),
    leaf_high: wp.array(dtype=wp.vec3),
    low: wp.array(dtype=wp.vec3),
    high: wp.array(dtype=wp.vec3),
    boxes: wp.array2d(dtype=vec8),
):
    """Fill the boxes of nodes whose children's boxes are known, a thread a row of `boxes`."""
    i, row = wp.tid()
    n = node0 + row0 + i
    least = wp.vec3(1.0e30, 1.0e30, 1.0e30)
    most = wp.vec3(-1.0e30, -1.0e30, -1.0e30)
    values = vec8()
    below = child[n]
    for k in range(8):
        # No child: a point so far off that no ray comes to it.
        a = wp.vec3(1.0e12, 1.0e12, 1.0e12)
        b = a
        if below[k] < 0:
            a = leaf_low[-1 - below[k]]
            b = leaf_high[-1 - below[k]]
        elif below[k] > 0:
            a = low[below[k]]
            b = high[below[k]]
        if below[k] != 0:
            least = wp.min(least, a)
            most = wp.max(most, b)
        if row < 3:
            values[k] = a[row]
        else:
            values[k] = b[row - 3]
    boxes[n, row] = values
    if row == 0:
        low[n] = least
        high[n] = most


class Forest:
    """The trees of several surfaces on a device, fitted anew as their shapes move.

    Attributes:
        data: the `Trees`, for kernels.
        triangles: vertex numbers of each surface's triangles, (n, 3), on the device.
        points: their vertices as fitted last, m, on the device.
    """

    def __init__(
        self, layouts: Sequence[Layout], triangles: Sequence[ArrayLike], *, device: str
    ) -> None:
        self._device, self._layouts = device, list(layouts)
        self._nodes = [0, *accumulate(len(x.child) for x in layouts)]
        self._leaves = [0, *accumulate(len(x.face) for x in layouts)]
        child = []
        for x, n, leaf in zip(layouts, self._nodes, self._leaves, strict=False):
            placed = np.where(x.child > 0, x.child + n, x.child - leaf)
            child.append(np.where(x.child == 0, 0, placed).astype(np.int32))
        nodes, leaves = self._nodes[-1], self._leaves[-1]
        t: Any = Trees()
        t.child = wp.array(np.concatenate(child), dtype=vec8i, device=device)
        t.face = wp.array(np.concatenate([x.face for x in layouts]), dtype=vec8i, device=device)
        t.boxes = wp.zeros((nodes, 6), dtype=vec8, device=device)
        t.corner = wp.zeros((leaves, 9), dtype=vec8, device=device)
        t.root = wp.array(self._nodes[:-1], dtype=int, device=device)
        self.data = t
        self.triangles = [
            wp.array(np.asarray(x, np.int32).reshape(-1, 3), dtype=int, device=device)
            for x in triangles
        ]
        self.points = [wp.empty(0, dtype=wp.vec3, device=device) for _ in layouts]
        self._node_box = [wp.zeros(nodes, dtype=wp.vec3, device=device) for _ in range(2)]
        self._leaf_box = [wp.zeros(leaves, dtype=wp.vec3, device=device) for _ in range(2)]

    def fit(self, k: int, vertices_m: ArrayLike) -> None:
        """Fit surface k's tree to where its vertices are, (n, 3) [m, its own frame]."""
        t, device = self.data, self._device
        layout, leaf0, node0 = self._layouts[k], self._leaves[k], self._nodes[k]
        fresh = np.asarray(vertices_m, np.float32)
        self.points[k] = wp.array(fresh, dtype=wp.vec3, device=device)
        inputs = [0, leaf0, self.points[k], self.triangles[k], t.face, t.corner, *self._leaf_box]
        wp.launch(_leaf_kernel, dim=(len(layout.face), 9), inputs=inputs, device=device)
        for first, last in reversed(list(pairwise(layout.depths))):
            inputs = [0, node0 + first, t.child, *self._leaf_box, *self._node_box, t.boxes]
            wp.launch(_node_kernel, dim=(last - first, 6), inputs=inputs, device=device)
