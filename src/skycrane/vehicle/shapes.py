"""The bodies' surfaces for the cameras: the one door to everything that has a shape.

Resting shapes by name come from `shapes_of`; what moves is asked of `Bodies` each frame and keeps
its triangles and materials, so that a renderer refits instead of rebuilding. Every surface is in
its body's own frame (x forward, y right, z down): "heat_shield", "backshell", "descent_stage",
"rover", "parachute" in the frames of those bodies; "parachute_cover" in its own, placed by
`Bodies.cover_pose` in the backshell's; "bridles" in the descent stage's. The entry vehicle is its
heat shield and backshell, which carry their own poses while attached. Any of them may come from a
glTF file that the mission names.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.mission.mission import Mission
from skycrane.vehicle.aeroshell import (
    backshell_surface,
    cover_pose,
    cover_surface,
    heat_shield_surface,
)
from skycrane.vehicle.bridles import BridleSurface
from skycrane.vehicle.canopy import Canopy
from skycrane.vehicle.gltf import GltfModel, read_gltf
from skycrane.vehicle.gltf_bodies import GltfBridles, GltfCanopy, GltfRover, resting
from skycrane.vehicle.materials import MATERIALS, PAINTS, Material, Paints, material_id
from skycrane.vehicle.mesh import Shape
from skycrane.vehicle.rover_shape import RoverSurface
from skycrane.vehicle.stage_shape import engine_axes, stage_surface

__all__ = [
    "MATERIALS",
    "Bodies",
    "Material",
    "Paints",
    "Shape",
    "engine_axes",
    "material_id",
    "shapes_of",
]

Array = NDArray[np.float64]


class Bodies:
    """Every surface of a mission's vehicle, and the rules by which its parts move."""

    def __init__(self, mission: Mission) -> None:
        self._section = mission.shape
        vehicle = mission.vehicle
        self._canopy = Canopy(
            mission.shape.canopy,
            full_length_m=vehicle.parachute.line_length_m,
            foot_radius_m=mission.shape.aeroshell.canister_radius_m,
        )
        self._rover: RoverSurface | GltfRover = RoverSurface(mission.shape.rover)
        self._bridles = BridleSurface(mission.shape.bridles)
        self._own_canopy: GltfCanopy | None = None
        self._own_bridles: GltfBridles | None = None
        self.fixed: dict[str, Shape] = {
            "heat_shield": heat_shield_surface(vehicle.aeroshell, mission.shape.aeroshell),
            "backshell": backshell_surface(mission.shape.aeroshell),
            "parachute_cover": cover_surface(mission.shape.aeroshell, mission.shape.cover),
            "descent_stage": stage_surface(mission.shape.stage, vehicle.engines),
        }
        self.paints: Paints = PAINTS
        """What `Shape.material` counts in: ours, then those of the user's own models."""
        for name, given in sorted(mission.shape.gltf.items()):
            model, self.paints = read_gltf(given, name, self.paints)
            self._take(name, model)

    def _take(self, name: str, model: GltfModel) -> None:
        """Have a user's model in place of a built-in surface."""
        if name == "rover":
            self._rover = GltfRover(model, self._section.rover)
        elif name == "parachute":
            self._own_canopy = GltfCanopy(model, self.parachute_length_m)
        elif name == "bridles":
            self._own_bridles = GltfBridles(model, self._section.bridles)
        else:
            self.fixed[name] = resting(model)

    @property
    def parachute_length_m(self) -> float:
        """Distance from the canopy's skirt to the riser's attachment when everything is taut."""
        return self._canopy.full_length_m

    @property
    def sewn(self) -> tuple[int, int]:
        """Gores of the canopy's cloth, and triangles of its disk: those that it begins with.

        Zeros where a user's model stands for it: nobody knows how that is sewn.
        """
        if self._own_canopy is not None:
            return 0, 0
        return self._section.canopy.gores, self._canopy.disk_triangles

    def canopy_shape(
        self, *, inflation: float, deployed_length_m: float, phase_rad: float = 0.0
    ) -> Shape:
        """Return the parachute, skirt at the origin, riser attached at z = deployed_length_m.

        `inflation` is the share of the full drag area; `phase_rad` drives breathing and flutter
        (the flown canopy breathed at a few hertz just after opening, slower later).
        """
        if self._own_canopy is not None:
            return self._own_canopy.shape(inflation=inflation, deployed_length_m=deployed_length_m)
        return self._canopy.shape(
            inflation=inflation, deployed_length_m=deployed_length_m, phase_rad=phase_rad
        )

    def rover_shape(self, *, wheels_deployed: float) -> Shape:
        """Return the rover with its wheels between stowed (0) and down (1)."""
        return self._rover.shape(wheels_deployed=wheels_deployed)

    def bridles_shape(
        self,
        *,
        rover_position_m: ArrayLike,
        rover_rotation: ArrayLike,
        payout_m: float,
        since_cut_s: float | None = None,
        phase_rad: float = 0.0,
    ) -> Shape:
        """Return bridles and umbilical in the descent stage's frame; see `BridleSurface.shape`."""
        if self._own_bridles is not None:
            return self._own_bridles.shape(
                rover_position_m=rover_position_m,
                rover_rotation=rover_rotation,
                since_cut_s=since_cut_s,
            )
        return self._bridles.shape(
            rover_position_m=rover_position_m,
            rover_rotation=rover_rotation,
            payout_m=payout_m,
            since_cut_s=since_cut_s,
            phase_rad=phase_rad,
        )

    def bridle_paths(self, shape: Shape) -> tuple[list[Array], list[float]] | None:
        """Return middles [m] and half widths [m] of the lines of a built-in `bridles_shape`.

        None where a user's model stands for them: nobody knows what it consists of.
        """
        if self._own_bridles is not None:
            return None
        return self._bridles.paths_m(shape), self._bridles.radii_m

    def cover_pose(self, since_mortar_s: float) -> tuple[Array, Array]:
        """Return the cover's position [m] and rotation matrix in the backshell's frame."""
        return cover_pose(self._section.aeroshell, self._section.cover, since_mortar_s)


def shapes_of(mission: Mission) -> dict[str, Shape]:
    """Return every body's resting shape: canopy full, wheels stowed, bridles wound up."""
    bodies = Bodies(mission)
    return {
        **bodies.fixed,
        "rover": bodies.rover_shape(wheels_deployed=0.0),
        "parachute": bodies.canopy_shape(
            inflation=1.0, deployed_length_m=bodies.parachute_length_m
        ),
        "bridles": bodies.bridles_shape(
            rover_position_m=[0.0, 0.0, 2.0], rover_rotation=np.eye(3), payout_m=0.0
        ),
    }
