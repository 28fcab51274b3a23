"""How the dust grows, streams and settles through a flight: the memory behind `DustState`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.dust import DustState
from skycrane.draws import key32
from skycrane.flight.record import Flight
from skycrane.mars.frames import SiteFrame, rotate
from skycrane.mission.mission import Mission
from skycrane.vehicle.shapes import engine_axes

__all__ = ["DustHistory"]

Array = NDArray[np.float64]
GroundHeight = Callable[[Array, Array], Array]

_STEP_S = 0.05
_CEILING_M = 160.0
"""Height above which no plume is followed; far above where dust is first moved."""
_PLUMES = 4
_FAR_M = 1.0e3


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
    ) -> None:
        """Integrate the dust of a flight.

        Args:
            mission: gives engines, their places, and the [dust] table.
            flight: the record.
            ground_height_m: terrain height [m] at site east, north [m], vectorised.
            sun_site: unit vector toward the sun, site axes (streaks are lit from there).
        """
        self._dust = mission.dust
        self._seed = key32(mission.site.seed, "dust streaks")
        self._groups = _plumes_of(mission)
        level = np.hypot(sun_site[0], sun_site[1])
        self._sun = (sun_site[0] / max(level, 1e-6), sun_site[1] / max(level, 1e-6))
        self._time_s, forcing = self._force(mission, flight, ground_height_m)
        self._series = self._integrate(forcing) if len(self._time_s) else {}

    # -- from the flight -------------------------------------------------------------------------

    def _force(
        self, mission: Mission, flight: Flight, ground_height_m: GroundHeight
    ) -> tuple[Array, dict[str, Array]]:
        """Return times and, per plume, thrust over distance squared, place, length, spread."""
        stage = flight.bodies["descent_stage"]
        frame = SiteFrame.of(mission.site)
        where = frame.position_site_m(stage.position_m)
        height = where[:, 2] - ground_height_m(where[:, 0], where[:, 1])
        running = stage.drivers["thrust_n"] > 0.0
        low = np.flatnonzero(running & (height < _CEILING_M))
        if not self._dust.enabled or not len(low):
            return np.zeros(0), {}
        # A minute after the last plume lets everything settle.
        first, last = stage.time_s[low[0]], stage.time_s[low[-1]] + 90.0
        t = np.arange(np.floor(first / _STEP_S) * _STEP_S, last, _STEP_S)
        position, attitude = stage.pose(t)
        throttle = np.maximum(stage.driver("throttle", t), 0.0)
        total = np.where(t <= stage.time_s[low[-1]], stage.driver("thrust_n", t), 0.0)
        share = throttle / np.maximum(throttle.sum(axis=1, keepdims=True), 1e-9)
        thrust = share * total[:, None]
        exits = np.array(mission.shape.stage.engine_points_m)
        axes = engine_axes(mission.shape.stage, mission.vehicle.engines)
        shape = (len(t), _PLUMES)
        out = {k: np.zeros(shape) for k in ("pull", "east", "north", "reach", "he", "hn")}
        for i, members in enumerate(self._groups):
            hit = [self._impinge(frame, position, attitude, exits[m], axes[m], ground_height_m)
                   for m in members]  # fmt: skip
            places = np.stack([h[0] for h in hit])
            length = np.mean([h[1] for h in hit], axis=0)
            out["pull"][:, i] = thrust[:, members].sum(axis=1) / length**2
            out["reach"][:, i] = length
            out["east"][:, i], out["north"][:, i] = places.mean(axis=0).T
            # Impingement points of one plume stand in a row: half the way between the outermost.
            half = 0.5 * (places[-1] - places[0])
            out["he"][:, i], out["hn"][:, i] = half.T
        return t, out

    def _impinge(
        self, frame: SiteFrame, position: Array, attitude: Array, exit_m: Array, axis: Array,
        ground_height_m: GroundHeight,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Return where an engine's axis meets the ground, (n, 2), and how far off, (n,)."""
        count = len(position)
        start = frame.position_site_m(position + rotate(attitude, np.tile(exit_m, (count, 1))))
        way = frame.vector_site(rotate(attitude, np.tile(axis, (count, 1))))
        down = np.maximum(-way[:, 2], 1e-3)
        length = np.full(count, _FAR_M)
        for _ in range(3):
            reach = np.minimum(length, _FAR_M)[:, None] * way[:, :2]
            spot = start[:, :2] + np.where(np.abs(reach) < 200.0, reach, 0.0)
            clear = start[:, 2] - ground_height_m(spot[:, 0], spot[:, 1])
            length = np.clip(clear / down, 0.5, _FAR_M)
        # Plumes that point away from the ground reach it nowhere.
        length = np.where(way[:, 2] < -0.2, length, _FAR_M)
        return start[:, :2] + length[:, None] * way[:, :2], length

    # -- in time ---------------------------------------------------------------------------------

    def _integrate(self, force: dict[str, Array]) -> dict[str, Array]:
        d = self._dust
        excess = np.maximum(force["pull"] / d.threshold_n_m2 - 1.0, 0.0)
        target = d.sheet_optical_depth * excess / (excess + d.half_excess)
        pull = force["pull"].sum(axis=1)
        held = pull / (pull + d.veil_hold_n_m2)
        n = len(self._time_s)
        out: dict[str, Any] = {k: np.zeros((n, _PLUMES)) for k in ("depth", "east", "north", "reach", "he", "hn")}
        out["phase"] = np.cumsum(d.stream_rate_hz * np.sqrt(force["pull"]) * _STEP_S, axis=0)
        out["drift"] = np.cumsum(np.minimum(0.15 + np.sqrt(pull) * 0.35, 4.0)) * _STEP_S
        for k in ("front", "coarse", "fine", "hold"):
            out[k] = np.zeros(n)
        now: dict[str, Any] = {k: force[k][0].copy() for k in ("east", "north", "reach", "he", "hn")}
        depth, front, coarse, fine, hold = np.zeros(_PLUMES), 0.0, 0.0, 0.0, held[0]
        follow = 1.0 - np.exp(-_STEP_S / 0.2)
        for k in range(n):
            live = excess[k] > 0.0
            fresh = live & (depth < 1e-3)
            for name, value in now.items():
                # A sheet stays where its plume last blew.
                value += np.where(fresh, 1.0, np.where(live, follow, 0.0)) * (
                    force[name][k] - value
                )
            rate = np.where(target[k] > depth, d.sheet_rise_s, d.sheet_fall_s)
            depth = depth + (target[k] - depth) * (1.0 - np.exp(-_STEP_S / rate))
            total = float(excess[k].sum())
            front += _STEP_S * d.front_speed_m_s * np.sqrt(total) / (1.0 + front / d.front_decay_m)
            fed = d.veil_rate_hz * total * _STEP_S
            coarse = coarse * np.exp(-_STEP_S / d.veil_decay_s) + fed * (1.0 - d.fine_share)
            fine = fine * np.exp(-_STEP_S / d.fine_decay_s) + fed * d.fine_share
            hold += (held[k] - hold) * (1.0 - np.exp(-_STEP_S / d.veil_fill_s))
            for name, value in now.items():
                out[name][k] = value
            out["depth"][k], out["front"][k], out["hold"][k] = depth, front, hold
            out["coarse"][k], out["fine"][k] = coarse, fine
        return out

    def _at(self, name: str, t_s: float) -> Any:
        series = self._series[name]
        u = np.clip((t_s - self._time_s[0]) / _STEP_S, 0.0, len(self._time_s) - 1.001)
        k = int(u)
        return series[k] + (u - k) * (series[k + 1] - series[k])

    def veil_optical_depth(self, t_s: float) -> float:
        """Return the vertical optical depth of veil and low layer over the middle at `t_s`."""
        if not len(self._time_s) or t_s < self._time_s[0]:
            return 0.0
        return float(
            (self._at("coarse", t_s) + self._at("fine", t_s)) * (1 - self._at("hold", t_s))
        )

    def state(self, t_s: float) -> Any:
        """Return the `DustState` at `t_s`: an argument for the kernel that draws a frame."""
        d = self._dust
        state: Any = DustState()
        state.seed = self._seed
        state.albedo = wp.vec3(*d.albedo)
        state.core_share, state.decay_share = d.core_share, d.decay_share
        state.height_share, state.height_minimum = d.height_share, d.height_minimum_m
        state.front_width, state.streak_contrast = d.front_width_m, d.streak_contrast
        state.streak_relief, state.scour = d.streak_relief, d.scour
        state.ridge_depth, state.ridge_width = d.ridge_optical_depth, d.ridge_width
        state.veil_height, state.veil_radius = d.veil_height_m, d.veil_radius_m
        state.low_height = d.low_height_m
        state.sun_east, state.sun_north = self._sun
        veil = self.veil_optical_depth(t_s)
        if not len(self._time_s) or t_s < self._time_s[0]:
            return state
        depth = self._at("depth", t_s)
        if veil < 2e-3 and float(depth.max()) < 2e-3:
            return state
        state.active = 1
        state.depth = wp.vec4(*depth)
        for name, key in (
            ("east", "east"), ("north", "north"), ("half_east", "he"), ("half_north", "hn"),
            ("reach", "reach"), ("phase", "phase"),
        ):  # fmt: skip
            setattr(state, name, wp.vec4(*self._at(key, t_s)))
        state.front = self._at("front", t_s)
        state.drift = self._at("drift", t_s)
        state.veil_depth = veil * (1.0 - d.low_share)
        state.low_depth = veil * d.low_share
        weight = np.maximum(depth, 1e-6)
        state.veil_east = float(np.average(self._at("east", t_s), weights=weight))
        state.veil_north = float(np.average(self._at("north", t_s), weights=weight))
        return state


def _plumes_of(mission: Mission) -> list[list[int]]:
    """Return engine numbers by plume: left and right, canted less and canted more."""
    side = np.array(mission.shape.stage.engine_points_m)[:, 1] > 0.0
    cant = np.array(mission.vehicle.engines.cant_deg)
    more = cant > 0.5 * (cant.min() + cant.max())
    groups = [
        np.flatnonzero((side == s) & (more == m)) for s in (False, True) for m in (False, True)
    ]
    forward = np.array(mission.shape.stage.engine_points_m)[:, 0]
    return [sorted((int(i) for i in g), key=lambda i: forward[i]) for g in groups if len(g)]
