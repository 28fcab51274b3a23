"""How the dust grows, streams and settles through a flight: the memory behind `DustState`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.dust_air import airborne
from skycrane.cameras.dust_flow import FAR_M, PLUMES, STEP_S, gather, plumes_of, sheets
from skycrane.cameras.dust_noise import LATTICE, cloud_cube
from skycrane.cameras.dust_state import DustState
from skycrane.cameras.dust_wakes import BUMP_CELL_M, bump_map
from skycrane.draws import generator, key32
from skycrane.flight.record import Flight
from skycrane.mars.frames import SiteFrame, rotate
from skycrane.mission.mission import Mission
from skycrane.vehicle.shapes import engine_axes

__all__ = ["DustHistory"]

Array = NDArray[np.float64]
GroundHeight = Callable[[Array, Array], Array]
Series = dict[str, Array]

_CEILING_M = 160.0
"""Height above which no plume is followed; far above where dust is first moved."""
_NEAR_M = 10.0e3
_COVER_M = 30.0
"""Height of the rover above which its shadow on the dust is let go."""
_SETTLING_S = 90.0
"""How long after the last plume the dust is followed."""
_DEEP = 0.7
"""Optical depth of the veil beyond which light has met many grains."""


def _level(east_m: Array, north_m: Array) -> Array:
    return np.zeros(np.broadcast(east_m, north_m).shape)


class DustHistory:
    """The dust of one flight, from the flight record alone; the same record, the same dust.

    Engines whose plumes fall together are taken as one of four plumes: left and right, canted less
    and canted more. A plume's excess over the threshold drives the sheet (relaxing toward its
    thickness), the front, the streaming of its streaks, and the veil (a leaky integral, held away
    from the middle while jets blow).
    """

    def __init__(
        self,
        mission: Mission,
        flight: Flight,
        ground_height_m: GroundHeight = _level,
        *,
        sun_site: tuple[float, float, float] = (-1.0, 0.0, 0.5),
        device: Any = None,
    ) -> None:
        """Integrate the dust of a flight.

        Args:
            mission: gives engines, their places, and the [dust] table.
            flight: the record.
            ground_height_m: terrain height [m] at site east, north [m], vectorised.
            sun_site: unit vector toward the sun, site axes (streaks are lit from there).
            device: where frames are drawn.
        """
        self._dust, self._wind = mission.dust, mission.wind
        self._ground_height_m = ground_height_m
        self._seed = key32(mission.site.seed, "dust streaks")
        numbers = generator(mission.site.seed, "dust").uniform(-1.0, 1.0, LATTICE**3)
        self._lattice = wp.array(numbers.astype(np.float32), dtype=float, device=device)
        clouds = cloud_cube(generator(mission.site.seed, "dust clouds"))
        self._cube = wp.array(clouds, dtype=float, device=device)
        self._device = device
        self._bumps: tuple[Any, float, float] | None = None
        self._groups = plumes_of(mission)
        left = np.array(mission.shape.stage.engine_points_m)[:, 1] < 0.0
        self._sides = np.zeros(PLUMES)
        self._sides[: len(self._groups)] = [-1.0 if left[g[0]] else 1.0 for g in self._groups]
        self._lean = 1.0
        level = np.hypot(sun_site[0], sun_site[1])
        self._sun = (sun_site[0] / max(level, 1e-6), sun_site[1] / max(level, 1e-6))
        self._sun_run = min(level / max(sun_site[2], 1e-3), 20.0)
        self._rover, self._body = flight.bodies.get("rover"), mission.shape.rover
        # Height of the deck over the ground once it stands, axes down from the rover's foot.
        self._deck_m = -self._body.deck_z_m
        self._frame = SiteFrame.of(mission.site)
        self._radius_m = mission.site.radius_m
        self._time_s, forcing = self._force(mission, flight)
        self._series: Series = self._integrate(forcing) if len(self._time_s) else {}

    # -- from the flight -------------------------------------------------------------------------

    def _force(self, mission: Mission, flight: Flight) -> tuple[Array, Series]:
        """Return times and, per plume, thrust over distance squared, place, length, spread."""
        stage = flight.bodies["descent_stage"]
        frame = SiteFrame.of(mission.site)
        where = frame.position_site_m(stage.position_m)
        # The ground is asked only near the site: the record begins a third of the planet away.
        near = (np.linalg.norm(where, axis=1) < _NEAR_M) & (stage.drivers["thrust_n"] > 0.0)
        low = np.flatnonzero(near)
        low = low[self._above_ground_m(where[low]) < _CEILING_M]
        if not self._dust.enabled or not len(low):
            return np.zeros(0), {}
        first, last = stage.time_s[low[0]], stage.time_s[low[-1]]
        t = np.arange(np.floor(first / STEP_S) * STEP_S, last + _SETTLING_S, STEP_S)
        throttle = np.maximum(stage.driver("throttle", t), 0.0)
        total = np.where(t <= last, stage.driver("thrust_n", t), 0.0)
        thrust = throttle * (total / np.maximum(throttle.sum(axis=1), 1e-9))[:, None]
        exits = np.array(mission.shape.stage.engine_points_m)
        axes = engine_axes(mission.shape.stage, mission.vehicle.engines)
        pose = stage.pose(t)
        hits = [self._impinge(frame, *pose, exits[m], axes[m]) for m in range(len(exits))]
        return t, gather(self._groups, thrust, hits)

    def _above_ground_m(self, site_m: Array) -> Array:
        """Return heights [m] above the local ground of site positions (n, 3)."""
        east, north = site_m[:, 0], site_m[:, 1]
        # The site's horizontal plane leaves the curved datum that terrain heights count from.
        curve = (east**2 + north**2) / (2.0 * self._radius_m)
        return np.asarray(site_m[:, 2] + curve - self._ground_height_m(east, north))

    def _impinge(
        self, frame: SiteFrame, position_m: Array, attitude: Array, exit_m: Array, axis: Array
    ) -> tuple[Array, Array]:
        """Return where an engine's axis meets the ground, (n, 2), and how far off, (n,)."""
        count = len(position_m)
        start = frame.position_site_m(position_m + rotate(attitude, np.tile(exit_m, (count, 1))))
        way = frame.vector_site(rotate(attitude, np.tile(axis, (count, 1))))
        down = -way[:, 2]
        length = np.zeros(count)
        for _ in range(3):
            # Ground under the last guess, as far as a plume can matter.
            spot = start + np.minimum(length, _CEILING_M)[:, None] * way
            spot[:, 2] = start[:, 2]
            clear = self._above_ground_m(spot)
            length = np.clip(clear / np.maximum(down, 1e-3), 0.5, FAR_M)
        # Plumes that point away from the ground reach it nowhere.
        length = np.where(down > 0.2, length, FAR_M)
        return start[:, :2] + length[:, None] * way[:, :2], length

    # -- in time ---------------------------------------------------------------------------------

    def _integrate(self, force: Series) -> Series:
        """Return sheets, veil and what becomes of it, over the times."""
        excess = np.maximum(force["pull"] / self._dust.threshold_n_m2 - 1.0, 0.0)
        # The side that thrusts more over the whole hover.
        self._lean = 1.0 if float((excess @ self._sides).sum()) >= 0.0 else -1.0
        out = sheets(self._dust, force, excess)
        out.update(airborne(self._dust, self._wind, force, excess, self._deck_m))
        return out

    def _cover(self, state: Any, t_s: float, origin_m: tuple[float, float]) -> None:
        """Tell the state where the rover's body keeps the sun off the dust."""
        if self._rover is None:
            return
        body = self._body
        position, attitude = self._rover.pose(t_s)
        middle = np.array([0.0, 0.0, 0.5 * (body.deck_z_m + body.belly_z_m)])
        place = self._frame.position_site_m(position + rotate(attitude, middle))
        ahead = self._frame.vector_site(rotate(attitude, np.array([1.0, 0.0, 0.0])))[:2]
        height = float(self._above_ground_m(place[None])[0])
        if height > _COVER_M or np.linalg.norm(ahead) < 0.5:
            return
        ahead = ahead / np.linalg.norm(ahead)
        state.cover_east, state.cover_north = place[0] - origin_m[0], place[1] - origin_m[1]
        state.cover_height = height
        state.cover_ahead = wp.vec2(*ahead)
        state.cover_half = wp.vec2(body.body_length_m / 2.0, body.body_width_m / 2.0)
        state.cover_shade = self._dust.shadow_light

    def _stones(self) -> tuple[Any, float, float]:
        """Return the map of what stands out where the plumes last blew hardest, made once."""
        if self._bumps is None:
            hardest = int(np.argmax(self._series["depth"].sum(axis=1)))
            depth = self._series["depth"][hardest]
            east, north = (
                self._series[n][hardest] @ depth / depth.sum() for n in ("east", "north")
            )
            self._bumps = bump_map(self._ground_height_m, east, north, self._device)
        return self._bumps

    def _at(self, name: str, t_s: float) -> Any:
        series = self._series[name]
        u = np.clip((t_s - self._time_s[0]) / STEP_S, 0.0, len(self._time_s) - 1.001)
        k = int(u)
        return series[k] + (u - k) * (series[k + 1] - series[k])

    def veil_optical_depth(self, t_s: float) -> float:
        """Return the vertical optical depth of veil and low layer over the middle at `t_s`."""
        if not len(self._time_s) or t_s < self._time_s[0]:
            return 0.0
        return float(self._at("veil", t_s) + self._at("low", t_s))

    def budget(self, t_s: float) -> dict[str, float]:
        """Return what became of the dust until `t_s`, as vertical optical depths over the middle.

        `lifted` from the ground; of that `aloft` (what jets hold off to the side counted with it),
        `fallen`, and `carried` off by the wind.
        """
        names = ("lifted", "aloft", "fallen", "carried")
        if not len(self._time_s) or t_s < self._time_s[0]:
            return dict.fromkeys(names, 0.0)
        return {name: float(self._at(name, t_s)) for name in names}

    def met_s(self, t_s: float) -> float:
        """Return optical depth of veil and low layer, summed over the time until `t_s` [s]."""
        if not len(self._time_s) or t_s < self._time_s[0]:
            return 0.0
        return float(self._at("met", t_s))

    def state(self, t_s: float, *, origin_m: tuple[float, float] = (0.0, 0.0)) -> Any:
        """Return the `DustState` at `t_s`: an argument for the kernel that draws a frame.

        Args:
            t_s: the time.
            origin_m: site east and north that the kernel counts its places from.
        """
        d = self._dust
        state: Any = DustState()
        veil = self.veil_optical_depth(t_s)
        state.seed, state.lattice, state.cube = self._seed, self._lattice, self._cube
        deep = 1.0 - float(np.exp(-veil / _DEEP))
        thin, thick = np.array(d.thin_albedo), np.array(d.albedo)
        state.albedo = wp.vec3(*(thin + (thick - thin) * deep))
        state.core_share, state.decay_share = d.core_share, d.decay_share
        state.height_share, state.height_minimum = d.height_share, d.height_minimum_m
        state.front_width = d.front_width_m
        state.streak_relief, state.scour = d.streak_relief, d.scour
        state.ridge_width = d.ridge_width
        state.veil_height, state.veil_radius = d.veil_height_m, d.veil_radius_m
        state.low_height = d.low_height_m
        state.sun_east, state.sun_north = self._sun
        state.sun_run = self._sun_run
        state.forward, state.forward_share = d.forward_asymmetry, d.forward_share
        state.ridge_lean, state.side = self._lean, wp.vec4(*self._sides)
        if not len(self._time_s) or t_s < self._time_s[0]:
            return state
        # It stays when all else is gone.
        state.settled = self._at("settled", t_s)
        depth = self._at("depth", t_s)
        if veil < 2e-3 and float(depth.max()) < 2e-3:
            return state
        state.active = 1
        state.depth = wp.vec4(*depth)
        state.gone = wp.vec4(*self._at("gone", t_s))
        # What is thrown up where sheets meet grows with the momentum of both.
        share = float(depth.max()) / max(d.sheet_optical_depth, 1e-9)
        state.ridge_depth = d.ridge_optical_depth * share * share
        # From far and thin it is a cloud without an edge.
        state.ridge_soft = min(max(3.0 - 5.0 * share, 0.1), 1.8)
        state.streak_contrast = d.streak_contrast * min(share, 1.0) ** 0.5
        hardest = int(np.argmax(depth))
        state.streak_width = d.streak_share * float(self._at("reach", t_s)[hardest])
        state.wake_contrast = d.wake_contrast * min(share, 1.0)
        state.stone_share = d.stone_share * min(share, 1.0)
        state.stone_radius = d.stone_radius_m
        state.east = wp.vec4(*(self._at("east", t_s) - origin_m[0]))
        places = np.array([self._at("east", t_s), self._at("north", t_s)])
        across = places @ self._sides
        state.ridge_across = wp.vec2(*(across / max(float(np.hypot(*across)), 1e-6)))
        state.north = wp.vec4(*(self._at("north", t_s) - origin_m[1]))
        for name in ("half_east", "half_north", "reach"):
            setattr(state, name, wp.vec4(*self._at(name, t_s)))
        for name in ("front", "drift", "phase"):
            setattr(state, name, self._at(name, t_s))
        state.carry = wp.vec2(*self._at("carry", t_s))
        if d.wake_contrast > 0.0:
            state.bumps, corner_east, corner_north = self._stones()
            state.bump_cell = BUMP_CELL_M
            state.bump_east, state.bump_north = (
                corner_east - origin_m[0],
                corner_north - origin_m[1],
            )
        state.veil_depth, state.low_depth = self._at("veil", t_s), self._at("low", t_s)
        east, north = self._at("veil_east", t_s), self._at("veil_north", t_s)
        state.veil_east, state.veil_north = east - origin_m[0], north - origin_m[1]
        state.ground = float(self._ground_height_m(np.array(east), np.array(north)))
        state.trapped = d.trapped_share * state.low_depth / d.low_height_m
        self._cover(state, t_s, origin_m)
        return state
