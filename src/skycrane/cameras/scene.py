"""The scene: ground, light and bodies of one flight, placed for any moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.body_set import BodySet
from skycrane.cameras.cords import Ropes, StrandsOf
from skycrane.cameras.dust_history import DustHistory
from skycrane.cameras.heightfield import ground_of
from skycrane.cameras.surfaces import Corners
from skycrane.compute import start_warp
from skycrane.flight.record import Flight
from skycrane.mars.frames import SiteFrame
from skycrane.mars.regolith import regolith_of
from skycrane.mars.sky import air_of
from skycrane.mars.sun import solar_position, sun_direction_site
from skycrane.mars.terrain import terrain_of
from skycrane.mission import Mission
from skycrane.vehicle import shapes

__all__ = ["Moment", "Scene"]

Array = NDArray[np.float64]

_OPEN = ("parachute", "bridles")
"""Cloth and lines: nothing of them shades itself from the sky enough to bake."""
_BREATHING_HZ = 1.7
_GONE_S = 15.0
_COVER = "parachute_cover"
_COVER_S = 8.0
"""How long the parachute's cover is drawn after the mortar fires."""
_CARRIER = {name: name for name in SURFACES} | {
    _COVER: "backshell",
    "bridles": "descent_stage",
}
"""The body in whose frame each surface lies."""


@dataclass(frozen=True)
class Moment:
    """Where every surface is at one time, in the local frame, and the shapes that move.

    Attributes:
        t_s: the time.
        origin_m, turn: pose of each surface, in the order of SURFACES, (n, 3) and (n, 3, 3).
        present: which exist, (n,).
        moving: shapes to take on, by surface.
        cords: starts and ends (m, 3) and half widths (m,) of the parachute's lines, local frame.
        ropes: bridles and umbilical as lines, None where they are not ours to draw.
    """

    t_s: float
    origin_m: Array
    turn: Array
    present: NDArray[np.bool_]
    moving: dict[str, shapes.Shape]
    cords: tuple[Array, Array, Array] | None
    ropes: Ropes | None = None


class Scene:
    """Everything the cameras of one flight look at; shared by all threads, never changed.

    The local frame has the site's axes and its origin on the datum at the place the rover comes
    down, so that single precision is finest where the cameras come closest.
    """

    def __init__(
        self, mission: Mission, flight: Flight, *, device: str = "cpu", workers: int | None = None
    ) -> None:
        start_warp()
        self.mission, self.flight, self.device = mission, flight, device
        self.frame = SiteFrame.of(mission.site)
        self._mortar_s = self.event_s("parachute_deploy", np.inf)
        rest = self.frame.position_site_m(flight.bodies["rover"].position(flight.t_end_s))
        self.focus_m = (round(float(rest[0]), 1), round(float(rest[1]), 1))
        self.sun = sun_direction_site(mission, self.event_s("touchdown", flight.t_end_s))
        self._take_place(workers)
        self._take_vehicle(workers)
        self.dust = DustHistory(
            mission,
            flight,
            self.terrain.height_m,
            sun_site=tuple(self.sun.tolist()),
            device=device,
        )

    def _take_place(self, workers: int | None) -> None:
        """Make the ground, its finish and the air."""
        mission, site = self.mission, self.mission.site
        distance_au = solar_position(
            mission.epoch.entry_interface_utc, site.latitude_deg, site.longitude_deg
        ).distance_au
        self.terrain = terrain_of(mission, workers=workers)
        levels = self.terrain.levels(
            self.focus_m, self.sun, sun_distance_au=round(distance_au, 3), workers=workers
        )
        self.ground = ground_of(
            levels, self.focus_m, site.radius_m, device=self.device, workers=workers
        )
        self.air = air_of(mission, self.sun, sun_distance_au=distance_au)
        self.regolith = regolith_of(mission, device=self.device)

    def _take_vehicle(self, workers: int | None) -> None:
        """Make the surfaces at rest, and what is known of them however they move."""
        self.vehicle = shapes.Bodies(self.mission)
        self._rovers = {w: self.vehicle.rover_shape(wheels_deployed=w) for w in (0.0, 1.0)}
        canopy = self.vehicle.canopy_shape(
            inflation=1.0, deployed_length_m=self.vehicle.parachute_length_m
        )
        self._strands = StrandsOf.of(canopy)
        self.resting = {
            **self.vehicle.fixed,
            "rover": self._rovers[1.0],
            "parachute": self._strands.without(canopy),
            "bridles": self.vehicle.bridles_shape(
                rover_position_m=[0.0, 0.0, 7.5], rover_rotation=np.eye(3), payout_m=6.4
            ),
        }
        self.corners = {
            name: Corners(self.resting[name], workers=workers, closed=name not in _OPEN)
            for name in SURFACES
        }

    def body_set(self) -> BodySet:
        """Return a set of the surfaces for one thread."""
        return BodySet(
            self.resting,
            device=self.device,
            corners=self.corners,
            paints=self.vehicle.paints,
            sewn=self.vehicle.sewn,
        )

    def local_m(self, position_m: Array) -> Array:
        """Return local coordinates of a mars_fixed position."""
        return self.frame.position_site_m(position_m) - [*self.focus_m, 0.0]

    def body_pose(self, body: str, t_s: ArrayLike) -> tuple[Array, Array]:
        """Return origin (..., 3) and rotation (..., 3, 3) of a body's axes in the local frame."""
        position, attitude = self.flight.bodies[body].pose(t_s)
        matrix = Rotation.from_quat(attitude, scalar_first=True).as_matrix()
        return self.local_m(position), self.frame.axes @ matrix

    def event_s(self, name: str, otherwise: float) -> float:
        """Return the time of the first event of a name, or `otherwise`."""
        return self.flight.event(name).t_s if self.flight.has_event(name) else otherwise

    def _rover(self, wheels_deployed: float) -> shapes.Shape:
        """Return the rover; stowed and deployed, as nearly always, it is one and the same shape."""
        if wheels_deployed in self._rovers:
            return self._rovers[wheels_deployed]
        return self.vehicle.rover_shape(wheels_deployed=wheels_deployed)

    def surface_poses(self, t_s: ArrayLike) -> tuple[Array, Array]:
        """Return origin and rotation of each surface's frame in the local one, at times (...).

        Shapes are (..., n, 3) and (..., n, 3, 3), surfaces in the order of SURFACES.
        """
        poses = {body: self.body_pose(body, t_s) for body in set(_CARRIER.values())}
        origin, turn = (
            np.stack([poses[_CARRIER[name]][part] for name in SURFACES], axis=-2 - part)
            for part in (0, 1)
        )
        since_s, k = np.maximum(np.asarray(t_s) - self._mortar_s, 0.0), SURFACES.index(_COVER)
        for at in np.ndindex(since_s.shape):
            offset, rotation = self.vehicle.cover_pose(float(since_s[at]))
            origin[(*at, k)] += turn[(*at, k)] @ offset
            turn[(*at, k)] = turn[(*at, k)] @ rotation
        return origin, turn

    def _present(self, t_s: float) -> NDArray[np.bool_]:
        """Return which surfaces exist at a time, (n,)."""
        present = np.ones(len(SURFACES), bool)
        present[SURFACES.index(_COVER)] = t_s - self._mortar_s < _COVER_S
        # Left behind with the backshell, it is soon too far off to be seen.
        gone = self.event_s("backshell_separation", np.inf) + _GONE_S
        present[SURFACES.index("parachute")] = self._mortar_s < t_s < gone
        present[SURFACES.index("bridles")] = t_s > self.event_s("rover_separation", np.inf)
        return present

    def moment(self, t_s: float) -> Moment:
        """Return where everything is at a time."""
        origin, turn = self.surface_poses(t_s)
        present, index = self._present(t_s), SURFACES.index
        deployed = self.flight.bodies["rover"].driver("wheels_deployed", t_s)
        moving = {"rover": self._rover(float(deployed))}
        ropes = cords = None
        k = index("parachute")
        if present[k]:
            canopy = self._canopy(t_s)
            a, b, radius = self._strands.ends(canopy)
            if len(radius):
                cords = (a @ turn[k].T + origin[k], b @ turn[k].T + origin[k], radius)
            moving["parachute"] = self._strands.without(canopy)
        k = index("bridles")
        if present[k]:
            rover, back = index("rover"), turn[k].T
            moving["bridles"] = self._bridles(
                t_s, back @ (origin[rover] - origin[k]), back @ turn[rover]
            )
            ropes = self._ropes(moving["bridles"], origin[k], turn[k])
        return Moment(t_s, origin, turn, present, moving, cords, ropes)

    def _canopy(self, t_s: float) -> shapes.Shape:
        track = self.flight.bodies["parachute"]
        return self.vehicle.canopy_shape(
            inflation=float(track.driver("inflation", t_s)),
            deployed_length_m=float(track.driver("deployed_length_m", t_s)),
            phase_rad=2 * np.pi * _BREATHING_HZ * (t_s - self._mortar_s),
        )

    def _bridles(self, t_s: float, rover_m: Array, rover_turn: Array) -> shapes.Shape:
        """Return bridles and umbilical; where the rover is, is told in the stage's frame."""
        cut = self.event_s("bridle_cut", np.inf)
        return self.vehicle.bridles_shape(
            rover_position_m=rover_m,
            rover_rotation=rover_turn,
            payout_m=float(self.flight.bodies["rover"].driver("bridle_length_m", t_s)),
            since_cut_s=t_s - cut if t_s > cut else None,
            phase_rad=2.0 * t_s,
        )

    def _ropes(self, bridles: shapes.Shape, origin_m: Array, turn: Array) -> Ropes | None:
        lines = self.vehicle.bridle_paths(bridles)
        if lines is None:
            return None
        paths = [path @ turn.T + origin_m for path in lines[0]]
        return Ropes(paths, lines[1], [1, 1, 1, 2])
