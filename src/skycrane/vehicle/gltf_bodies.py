"""How a user's models move: the rover's arms by the names of nodes, canopy and lines by stretching.

A model of the rover stands with its wheels down. Nodes of these names, and all inside them, swing
with the arms of the built-in rover: rocker_front_left and wheel_front_left with the front arm,
rocker_rear_left with the rear one, bogie_left, wheel_middle_left and wheel_rear_left with the
bogie; _right likewise. Anything else is rigid. A model of the parachute is full, its skirt's middle
at the origin, its lines reaching up to the riser's attachment along +z. A model of the bridles
hangs from the descent stage at z = 0.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.mission.shape import BridleShape, RoverShape
from skycrane.vehicle.gltf import GltfModel
from skycrane.vehicle.mesh import Shape
from skycrane.vehicle.wheels import Joint, MovingPart, joints_of, swing

__all__ = ["GltfBridles", "GltfCanopy", "GltfRover", "resting"]

Array = NDArray[np.float64]

_ARMS = {
    "rocker_front": 0,
    "wheel_front": 0,
    "rocker_rear": 1,
    "bogie": 2,
    "wheel_middle": 2,
    "wheel_rear": 2,
}
_NAMED = re.compile(rf"(?<![a-z])({'|'.join(_ARMS)})_(left|right)(?![a-z])")
_SMALLEST = 0.06
"""Width of a packed canopy, share of the full one."""


def resting(model: GltfModel) -> Shape:
    """Return a model as it stands in its file."""
    return Shape(model.vertices_m.astype(np.float32), model.triangles.astype(np.int32), model.paint)


def _arm_of(names: tuple[str, ...]) -> tuple[int, float] | None:
    """Return which arm a node moves with and its side, by itself or the nearest above it."""
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower())
        found = _NAMED.search(plain)
        if found:
            return _ARMS[found[1]], -1.0 if found[2] == "left" else 1.0
    return None


class GltfRover:
    """A user's rover; its named arms swing, the rest is rigid."""

    def __init__(self, model: GltfModel, rover: RoverShape) -> None:
        # Vertices of one arm stand together, as MovingPart wants them.
        arms = [_arm_of(names) for names in model.nodes]
        keys = sorted({a for a in arms if a})
        group = np.array([keys.index(a) + 1 if a else 0 for a in arms])[model.node]
        order = np.argsort(group, kind="stable")
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        self._down = Shape(
            model.vertices_m[order].astype(np.float32),
            back[model.triangles].astype(np.int32),
            model.paint,
        )
        edges = np.searchsorted(group[order], np.arange(1, len(keys) + 2))
        self.parts = []
        for k, (arm, side) in enumerate(keys):
            front, rear, bogie = joints_of(rover, side)
            chain: tuple[Joint, ...] = ((front,), (rear,), (bogie, rear))[arm]
            self.parts.append(MovingPart(int(edges[k]), int(edges[k + 1]), chain))

    def shape(self, *, wheels_deployed: float) -> Shape:
        """Return the rover, its named arms `wheels_deployed` (0 to 1) of the way down."""
        return self._down.with_vertices(swing(self._down.vertices_m, self.parts, wheels_deployed))


class GltfCanopy:
    """A user's parachute: as wide as the root of its drag area, its lines as long as let out."""

    def __init__(self, model: GltfModel, full_length_m: float) -> None:
        self._full, self._length_m = resting(model), full_length_m

    def shape(self, *, inflation: float, deployed_length_m: float) -> Shape:
        """Return the parachute with its canopy this full and this far away."""
        points = self._full.vertices_m.astype(float)
        wide = max(np.sqrt(np.clip(inflation, 0.0, 1.0)), _SMALLEST)
        out = points * [wide, wide, 1.0]
        below = points[:, 2] > 0.0
        out[below, 2] *= max(deployed_length_m, 1e-3) / self._length_m
        # A folded canopy is longer than a full one is high; its cloth keeps about its length.
        out[~below, 2] *= 1.0 + 0.8 * (1.0 - wide)
        return self._full.with_vertices(out)


class GltfBridles:
    """A user's lines: drawn out and leaning to the rover's deck, shortened where they are cut."""

    def __init__(self, model: GltfModel, bridles: BridleShape) -> None:
        self._rest, self._bridles = resting(model), bridles
        self._length_m = max(float(self._rest.vertices_m[:, 2].max()), 1e-3)

    def shape(
        self,
        *,
        rover_position_m: ArrayLike,
        rover_rotation: ArrayLike,
        since_cut_s: float | None = None,
    ) -> Shape:
        """Return the lines in the descent stage's frame; see `BridleSurface.shape`."""
        feet = np.mean(self._bridles.rover_points_m, axis=0)
        end = np.asarray(rover_rotation, float) @ feet + np.asarray(rover_position_m, float)
        if since_cut_s is not None:
            end = np.array([0.0, 0.0, self._bridles.cut_length_m])
        share = self._rest.vertices_m[:, 2:].astype(float) / self._length_m
        out = self._rest.vertices_m + share * (end - [0.0, 0.0, self._length_m])
        return self._rest.with_vertices(out)
