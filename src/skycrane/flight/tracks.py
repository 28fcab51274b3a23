"""From the kernels' samples to one track a body: poses while attached, alone, and at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from skycrane.flight.record import BodyTrack
from skycrane.flight.simulate import RawFlight
from skycrane.flight.state import EventId
from skycrane.mission import Mission

__all__ = ["tracks_of"]

Array = NDArray[np.float64]
Rows = NDArray[Any]

_REST_S = 20.0
"""How long a record goes on after a body has come to rest."""


@dataclass(frozen=True)
class _Motion:
    """Pose and velocity of a body over a stretch of time; attitudes as rotations."""

    time_s: Array
    position_m: Array
    velocity_m_s: Array
    attitude: Rotation

    def carried(self, offset_m: Sequence[float]) -> _Motion:
        """Return the motion of a point fixed in this body, turned as the body is."""
        lever = self.attitude.apply(np.asarray(offset_m))
        turning = np.gradient(lever, self.time_s, axis=0) if len(self.time_s) > 1 else 0.0 * lever
        return _Motion(
            self.time_s, self.position_m + lever, self.velocity_m_s + turning, self.attitude
        )

    def part(self, chosen: NDArray[np.bool_]) -> _Motion:
        """Return the chosen samples."""
        return _Motion(
            self.time_s[chosen],
            self.position_m[chosen],
            self.velocity_m_s[chosen],
            self.attitude[chosen],
        )


def _rotation(wp_quaternions: Rows) -> Rotation:
    return Rotation.from_quat(np.asarray(wp_quaternions, dtype=np.float64))


def _motion(rows: Rows) -> _Motion:
    return _Motion(
        np.asarray(rows["t"]),
        np.asarray(rows["position"]),
        np.asarray(rows["velocity"]),
        _rotation(rows["attitude"]),
    )


def _along(motions: Sequence[_Motion]) -> _Motion:
    """Return stretches one after another; where they meet, the later one's sample counts."""
    kept = []
    for k, motion in enumerate(motions):
        later = [m.time_s[0] for m in motions[k + 1 :] if len(m.time_s)]
        kept.append(motion.part(motion.time_s < min(later)) if later else motion)
    kept = [m for m in kept if len(m.time_s)]
    return _Motion(
        np.concatenate([m.time_s for m in kept]),
        np.concatenate([m.position_m for m in kept]),
        np.concatenate([m.velocity_m_s for m in kept]),
        Rotation.concatenate([m.attitude for m in kept]),
    )


def _track(
    name: str,
    motion: _Motion,
    attached: NDArray[np.bool_],
    drivers: dict[str, tuple[Array, Array]],
) -> BodyTrack:
    """Return a track whose last sample is at rest; drivers come as (times, values)."""
    attitude = motion.attitude.as_quat(scalar_first=True)
    turns = np.sum(attitude[1:] * attitude[:-1], axis=1) < 0
    attitude[1:][np.cumsum(turns) % 2 == 1] *= -1
    time = np.append(motion.time_s, motion.time_s[-1] + _REST_S)

    def held(values: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([values, values[-1:]])

    velocity = held(motion.velocity_m_s)
    velocity[-2:] = 0.0
    values = {}
    for key, (when, what) in drivers.items():
        columns = what if what.ndim == 2 else what[:, None]
        sampled = np.stack([np.interp(time, when, c) for c in columns.T], axis=1)
        values[key] = sampled if what.ndim == 2 else sampled[:, 0]
    return BodyTrack(
        name, time, held(motion.position_m), velocity, held(attitude), held(attached), values
    )


def tracks_of(raw: RawFlight, mission: Mission) -> dict[str, BodyTrack]:
    """Return the track of every body of the record."""
    capsule = _along([_motion(raw.entry), _motion(raw.parachute)])
    separated = _time(raw, EventId.BACKSHELL_SEPARATION)
    stack = mission.vehicle.stack
    stage = _along(
        [
            capsule.part(capsule.time_s < separated).carried(stack.descent_stage_position_m),
            _motion(raw.powered),
        ]
    )
    return {
        "entry_vehicle": _track(
            "entry_vehicle", capsule, capsule.time_s >= separated, _capsule_drivers(raw)
        ),
        "heat_shield": _heat_shield(raw, capsule),
        "backshell": _track(
            "backshell", capsule, capsule.time_s < separated, {"load_m_s2": _load(raw)}
        ),
        "descent_stage": _track(
            "descent_stage", stage, stage.time_s < separated, _stage_drivers(raw, mission)
        ),
        "rover": _rover(raw, capsule, separated, mission),
        "parachute": _parachute(raw, mission),
    }


def _time(raw: RawFlight, slot: EventId) -> float:
    row = raw.events[slot]
    return float(row["t"]) if row["happened"] else np.inf


def _join(raw: RawFlight, name: str) -> tuple[Array, Array]:
    """Return (times, values) of a column over entry and parachute."""
    first = raw.entry[:-1] if len(raw.parachute) else raw.entry
    rows = np.concatenate([first, raw.parachute])
    return np.asarray(rows["t"]), np.asarray(rows[name])


def _load(raw: RawFlight) -> tuple[Array, Array]:
    return _join(raw, "load")


def _capsule_drivers(raw: RawFlight) -> dict[str, tuple[Array, Array]]:
    names = {
        "mass_kg": "mass",
        "mach": "mach",
        "dynamic_pressure_pa": "pressure",
        "bank_rad": "bank",
        "angle_of_attack_rad": "angle_of_attack",
        "drag_n": "drag",
        "lift_n": "lift",
        "load_m_s2": "load",
    }
    return {key: _join(raw, name) for key, name in names.items()}


def _stage_drivers(raw: RawFlight, mission: Mission) -> dict[str, tuple[Array, Array]]:
    before = raw.entry if not len(raw.parachute) else np.concatenate([raw.entry, raw.parachute])
    start = raw.powered["t"][0] if len(raw.powered) else np.inf
    before = before[before["t"] < start]
    time = np.concatenate([before["t"], raw.powered["t"]])
    n = len(before)
    masses, engines = mission.vehicle.masses, mission.vehicle.engines
    carried = masses.descent_stage_dry_kg + masses.rover_kg + before["propellant"]
    throttle = np.asarray(raw.powered["engines"]) / engines.thrust_maximum_n
    zero = np.zeros(n)
    return {
        "mass_kg": (time, np.concatenate([carried, raw.powered["mass"]])),
        "propellant_kg": (time, np.concatenate([before["propellant"], raw.powered["propellant"]])),
        "thrust_n": (time, np.concatenate([zero, raw.powered["thrust"]])),
        "throttle": (time, np.concatenate([np.zeros((n, engines.count)), throttle])),
        "load_m_s2": (time, np.concatenate([before["load"], raw.powered["load"]])),
    }


def _rover(raw: RawFlight, capsule: _Motion, separated: float, mission: Mission) -> BodyTrack:
    stack = mission.vehicle.stack
    rows = raw.powered
    alone = _Motion(
        np.asarray(rows["t"]),
        np.asarray(rows["second_position"]),
        np.asarray(rows["second_velocity"]),
        _rotation(rows["second_attitude"]) if len(rows) else _rotation(np.array([[0, 0, 0, 1.0]])),
    )
    stowed = capsule.part(capsule.time_s < separated).carried(stack.rover_position_m)
    motion = _along([stowed, alone]) if len(rows) else stowed
    zero = (np.zeros(1), np.zeros(1))
    drivers = {"bridle_length_m": zero, "wheels_deployed": zero, "load_m_s2": _load(raw)}
    if len(rows):
        paid = rows["length"] / mission.vehicle.bridle.length_m
        # The wheels come down while the bridle runs out, done well before its end.
        share = np.clip((paid - 0.1) / 0.5, 0, 1)
        drivers["bridle_length_m"] = (rows["t"], rows["length"])
        drivers["wheels_deployed"] = (rows["t"], share * share * (3 - 2 * share))
        times, loads = _load(raw)
        early = times < rows["t"][0]
        drivers["load_m_s2"] = (
            np.concatenate([times[early], rows["t"]]),
            np.concatenate([loads[early], rows["second_load"]]),
        )
    released = _time(raw, EventId.ROVER_SEPARATION)
    return _track("rover", motion, motion.time_s < released, drivers)


def _heat_shield(raw: RawFlight, capsule: _Motion) -> BodyTrack:
    released = _time(raw, EventId.HEAT_SHIELD_SEPARATION)
    motion = capsule.part(capsule.time_s < released)
    rows = raw.shield
    if len(rows):
        motion = _along([motion, _motion(rows)])
    times, loads = _load(raw)
    early = times < (rows["t"][0] if len(rows) else np.inf)
    load = (
        np.concatenate([times[early], rows["t"]]),
        np.concatenate([loads[early], rows["load"]]),
    )
    return _track("heat_shield", motion, motion.time_s < released, {"load_m_s2": load})


def _parachute(raw: RawFlight, mission: Mission) -> BodyTrack:
    stack = mission.vehicle.stack
    packed = _motion(raw.entry).carried(stack.parachute_position_m)
    rows = raw.parachute
    fired = _time(raw, EventId.PARACHUTE_DEPLOY)
    zero = (np.zeros(1), np.zeros(1))
    if not len(rows):
        drivers = dict.fromkeys(("inflation", "deployed_length_m", "drag_n"), zero)
        return _track("parachute", packed, packed.time_s < fired, drivers)
    capsule = _motion(rows)
    canopy = np.asarray(rows["second_position"])
    # Toward the capsule's middle, which lies below the canopy from the first moment on.
    z = capsule.position_m - canopy
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    down = capsule.attitude.apply([0.0, 0.0, 1.0])
    tilt = Rotation.from_rotvec(_pair_turns(down, z))
    flying = _Motion(
        capsule.time_s, canopy, np.asarray(rows["second_velocity"]), tilt * capsule.attitude
    )
    anchor = capsule.carried(stack.riser_position_m).position_m
    length = np.maximum(np.sum((canopy - anchor) * -z, axis=1), 0.0)
    motion = _along([packed, flying])
    drivers = {
        "inflation": (rows["t"], np.clip(rows["inflation"], 0.0, 1.0)),
        "deployed_length_m": (rows["t"], length),
        "drag_n": (rows["t"], rows["thrust"]),
    }
    return _track("parachute", motion, motion.time_s < fired, drivers)


def _pair_turns(a: Array, b: Array) -> Array:
    """Return the shortest rotation vectors (n, 3) from unit vectors `a` to unit vectors `b`."""
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=1)
    angle = np.arctan2(sine, np.sum(a * b, axis=1))
    scale = np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 1.0)
    return np.asarray(axis * scale[:, None])
