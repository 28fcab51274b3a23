"""The scene: ground, light and bodies of one flight, placed for any moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
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
        t_sun = flight.t_end_s
        if flight.has_event("touchdown"):
            t_sun = flight.event("touchdown").t_s
        rest = self.frame.position_site_m(flight.bodies["rover"].position(flight.t_end_s))
        self.focus_m = (round(float(rest[0]), 1), round(float(rest[1]), 1))
        self.sun = sun_direction_site(mission, t_sun)
        site = mission.site
        position = solar_position(
            mission.epoch.entry_interface_utc, site.latitude_deg, site.longitude_deg
        )
        self.terrain = terrain_of(mission, workers=workers)
        levels = self.terrain.levels(
            self.focus_m, self.sun, sun_distance_au=round(position.distance_au, 3), workers=workers
        )
        self.ground = ground_of(levels, self.focus_m, site.radius_m, device=device, workers=workers)
        self.air = air_of(mission, self.sun, sun_distance_au=position.distance_au)
        self.regolith = regolith_of(mission, device=device)
        self.vehicle = shapes.Bodies(mission)
        self.resting = {
            **self.vehicle.fixed,
            "rover": self.vehicle.rover_shape(wheels_deployed=1.0),
            "parachute": self.vehicle.canopy_shape(
                inflation=1.0, deployed_length_m=self.vehicle.parachute_length_m
            ),
            "bridles": self.vehicle.bridles_shape(
                rover_position_m=[0.0, 0.0, 7.5], rover_rotation=np.eye(3), payout_m=6.4
            ),
        }
        self._strands = StrandsOf.of(self.resting["parachute"])
        self.resting["parachute"] = self._strands.without(self.resting["parachute"])
        self.dust = DustHistory(
            mission,
            flight,
            self.terrain.height_m,
            sun_site=tuple(self.sun.tolist()),
            device=device,
        )
        self._rovers = {w: self.vehicle.rover_shape(wheels_deployed=w) for w in (0.0, 1.0)}
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

    def body_pose(self, body: str, t_s: float) -> tuple[Array, Array]:
        """Return origin (3,) and rotation (3, 3) of a body's axes in the local frame."""
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

    def moment(self, t_s: float) -> Moment:
        """Return where everything is at a time."""
        never = np.inf
        mortar = self.event_s("parachute_deploy", never)
        separated = self.event_s("rover_separation", never)
        cut = self.event_s("bridle_cut", never)
        origin, turn = np.zeros((len(SURFACES), 3)), np.tile(np.eye(3), (len(SURFACES), 1, 1))
        present = np.ones(len(SURFACES), bool)
        moving: dict[str, shapes.Shape] = {}
        for k, name in enumerate(SURFACES):
            body = {"parachute_cover": "backshell", "bridles": "descent_stage"}.get(name, name)
            origin[k], turn[k] = self.body_pose(body, t_s)
        index = SURFACES.index
        k = index("parachute_cover")
        since = max(t_s - mortar, 0.0)
        offset, rotation = self.vehicle.cover_pose(since)
        origin[k] = origin[k] + turn[k] @ offset
        turn[k] = turn[k] @ rotation
        present[k] = since < 8.0
        k = index("parachute")
        # Left behind with the backshell, it is soon too far off to be seen.
        present[k] = mortar < t_s < self.event_s("backshell_separation", never) + _GONE_S
        if present[k]:
            track = self.flight.bodies["parachute"]
            moving["parachute"] = self.vehicle.canopy_shape(
                inflation=float(track.driver("inflation", t_s)),
                deployed_length_m=float(track.driver("deployed_length_m", t_s)),
                phase_rad=2 * np.pi * _BREATHING_HZ * (t_s - mortar),
            )
        rover = self.flight.bodies["rover"]
        moving["rover"] = self._rover(float(rover.driver("wheels_deployed", t_s)))
        k = index("bridles")
        present[k] = t_s > separated
        if present[k]:
            stage = index("descent_stage")
            back = turn[stage].T
            moving["bridles"] = self.vehicle.bridles_shape(
                rover_position_m=back @ (origin[index("rover")] - origin[stage]),
                rover_rotation=back @ turn[index("rover")],
                payout_m=float(rover.driver("bridle_length_m", t_s)),
                since_cut_s=t_s - cut if t_s > cut else None,
                phase_rad=2.0 * t_s,
            )
        ropes = None
        if "bridles" in moving:
            ropes = self._ropes(moving["bridles"], origin[k], turn[k])
        cords = None
        if "parachute" in moving:
            k = index("parachute")
            a, b, radius = self._strands.ends(moving["parachute"])
            if len(radius):
                cords = (a @ turn[k].T + origin[k], b @ turn[k].T + origin[k], radius)
            moving["parachute"] = self._strands.without(moving["parachute"])
        return Moment(t_s, origin, turn, present, moving, cords, ropes)

    def _ropes(self, bridles: shapes.Shape, origin_m: Array, turn: Array) -> Ropes | None:
        lines = self.vehicle.bridle_paths(bridles)
        if lines is None:
            return None
        paths = [path @ turn.T + origin_m for path in lines[0]]
        return Ropes(paths, lines[1], [1, 1, 1, 2])
