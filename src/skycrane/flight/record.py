"""The flight record: where every body was, what drove it, and what happened when."""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from skycrane.errors import InputError
from skycrane.files import write_bytes, write_json

__all__ = [
    "BODIES",
    "STANDARD_GRAVITY_M_S2",
    "BodyTrack",
    "Event",
    "Flight",
    "read_flight",
    "write_flight",
]

Array = NDArray[np.float64]

BODIES = ("entry_vehicle", "heat_shield", "backshell", "descent_stage", "rover", "parachute")
"""Every body of the record, one group of flight.nc each."""

STANDARD_GRAVITY_M_S2 = 9.80665
"""Unit of `Flight.load_g` (CGPM 1901)."""

_MAX_EVENTS_BYTES = 8 << 20
_UNITS = {
    "time_s": ("s", "seconds after entry interface"),
    "position_m": ("m", "origin of the body in mars_fixed (IAU_MARS)"),
    "velocity_m_s": ("m s-1", "velocity relative to the rotating planet, mars_fixed axes"),
    "attitude_wxyz": ("1", "unit quaternion, scalar first, rotating body into mars_fixed"),
    "attached": ("1", "1 while the body rides on another one"),
    "mass_kg": ("kg", "mass of the body with all it carries"),
    "mach": ("1", "air-relative Mach number"),
    "dynamic_pressure_pa": ("Pa", "air-relative dynamic pressure"),
    "bank_rad": ("rad", "bank angle, 0 lift up, positive to the right of the flight path"),
    "angle_of_attack_rad": ("rad", "total angle of attack"),
    "drag_n": ("N", "aerodynamic drag"),
    "lift_n": ("N", "aerodynamic lift"),
    "load_m_s2": ("m s-2", "sensed (non-gravitational) acceleration"),
    "propellant_kg": ("kg", "propellant left in the descent stage"),
    "thrust_n": ("N", "sum of the thrusts of all engines"),
    "throttle": ("1", "thrust of each engine as a fraction of its maximum"),
    "inflation": ("1", "projected area of the canopy, 0 packed to 1 full"),
    "deployed_length_m": ("m", "distance from the riser's attachment to the canopy's skirt"),
    "bridle_length_m": ("m", "bridle paid out between descent stage and rover"),
    "wheels_deployed": ("1", "0 stowed to 1 deployed"),
}


@dataclass(frozen=True)
class BodyTrack:
    """The way of one body, sampled.

    Attributes:
        name: one of `BODIES`.
        time_s: sample times [s after entry interface], strictly increasing, shape (n,).
        position_m: origin in mars_fixed [m], shape (n, 3).
        velocity_m_s: velocity relative to the rotating planet, mars_fixed axes, shape (n, 3).
        attitude_wxyz: unit quaternions, body -> mars_fixed, neighbours in one hemisphere, (n, 4).
        attached: whether the body rides on another one, shape (n,).
        drivers: further histories on the same times, by name, shape (n,) or (n, k).
    """

    name: str
    time_s: Array
    position_m: Array
    velocity_m_s: Array
    attitude_wxyz: Array
    attached: NDArray[np.bool_]
    drivers: dict[str, Array] = field(default_factory=dict)

    def _bracket(self, t_s: ArrayLike) -> tuple[Array, NDArray[np.intp], NDArray[np.intp], Array]:
        t = np.clip(np.asarray(t_s, dtype=np.float64), self.time_s[0], self.time_s[-1])
        after = np.clip(np.searchsorted(self.time_s, t, side="right"), 1, len(self.time_s) - 1)
        before = after - 1
        span = self.time_s[after] - self.time_s[before]
        return span, before, after, (t - self.time_s[before]) / span

    def pose(self, t_s: ArrayLike) -> tuple[Array, Array]:
        """Return position [m] (..., 3) and attitude (..., 4) at times `t_s` (...), mars_fixed.

        Positions by the cubic Hermite polynomial of position and velocity, attitudes by spherical
        linear interpolation (Shoemake 1985); both hold the first or last sample outside the record.
        """
        return self.position(t_s), self.attitude(t_s)

    def position(self, t_s: ArrayLike) -> Array:
        """Return positions in mars_fixed [m], shape (..., 3)."""
        span, i, j, u = self._bracket(t_s)
        h, u = span[..., None], u[..., None]
        p0, p1 = self.position_m[i], self.position_m[j]
        m0, m1 = self.velocity_m_s[i] * h, self.velocity_m_s[j] * h
        # Written around p0, so that positions of 3.4e6 m lose no digits to cancelling weights.
        step = p1 - p0
        bend = u * (1 - u) * ((1 - u) * (m0 - step) - u * (m1 - step))
        return np.asarray(p0 + u * step + bend)

    def velocity(self, t_s: ArrayLike) -> Array:
        """Return velocities relative to the rotating planet [m/s], (..., 3), linear in between."""
        _, i, j, u = self._bracket(t_s)
        v0 = self.velocity_m_s[i]
        return np.asarray(v0 + u[..., None] * (self.velocity_m_s[j] - v0))

    def attitude(self, t_s: ArrayLike) -> Array:
        """Return attitudes body -> mars_fixed, unit quaternions of shape (..., 4)."""
        _, i, j, u = self._bracket(t_s)
        return _slerp(self.attitude_wxyz[i], self.attitude_wxyz[j], u[..., None])

    def driver(self, name: str, t_s: ArrayLike) -> Array:
        """Return a driver at times `t_s`, linear between samples, held outside.

        Raises:
            InputError: this body has no such driver.
        """
        if name not in self.drivers:
            raise InputError(
                f"there is no history {name!r} of the {self.name}",
                where="flight/flight.nc",
                right=f"Known: {', '.join(sorted(self.drivers)) or 'none'}.",
            )
        values = self.drivers[name]
        _, i, j, u = self._bracket(t_s)
        weight = u.reshape(u.shape + (1,) * (values.ndim - 1))
        return np.asarray(values[i] + weight * (values[j] - values[i]))

    def is_attached(self, t_s: ArrayLike) -> NDArray[np.bool_]:
        """Return whether the body rides on another at times `t_s`: the sample at or before."""
        _, i, j, u = self._bracket(t_s)
        return np.where(u >= 1.0, self.attached[j], self.attached[i])


def _slerp(a: Array, b: Array, u: Array) -> Array:
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    # atan2 of chord and sum keeps full precision for the small angles between neighbours.
    angle = 2 * np.arctan2(
        np.linalg.norm(a - b, axis=-1, keepdims=True), np.linalg.norm(a + b, axis=-1, keepdims=True)
    )
    sine = np.sin(angle)
    near = sine < 1e-9
    safe = np.where(near, 1.0, sine)
    wa = np.where(near, 1 - u, np.sin((1 - u) * angle) / safe)
    wb = np.where(near, u, np.sin(u * angle) / safe)
    mixed = wa * a + wb * b
    return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))


@dataclass(frozen=True)
class Event:
    """Something that happened: when, and how the vehicle (or the named body) moved then.

    Altitude is above the sphere of the target's radius; speed is relative to the planet, vertical
    speed positive up; Mach number and dynamic pressure are relative to the air.
    """

    name: str
    t_s: float
    altitude_m: float
    speed_m_s: float
    vertical_speed_m_s: float
    mach: float
    dynamic_pressure_pa: float
    note: str = ""


@dataclass(frozen=True)
class Flight:
    """One flight: the bodies by name and the events in order of time.

    Attributes:
        bodies: one track per name of `BODIES`.
        events: in order of time.
        site_radius_m: radius of the landing target, from which altitudes count.
        outcome: how it ended.
        reason: why it crashed: what, when, how fast; empty for a landing.
    """

    bodies: dict[str, BodyTrack]
    events: list[Event]
    site_radius_m: float
    outcome: Literal["landed", "crashed"] = "landed"
    reason: str = ""

    def has_event(self, name: str) -> bool:
        """Return whether an event of that name happened."""
        return any(event.name == name for event in self.events)

    def event(self, name: str) -> Event:
        """Return the first event of that name.

        Raises:
            InputError: it did not happen.
        """
        for event in self.events:
            if event.name == name:
                return event
        raise InputError(
            f"this flight has no event {name!r}",
            where="flight/events.json",
            right=f"Known: {', '.join(dict.fromkeys(e.name for e in self.events)) or 'none'}.",
        )

    @property
    def t_end_s(self) -> float:
        """End of the record, s after entry interface."""
        return max(float(track.time_s[-1]) for track in self.bodies.values())

    def altitude_m(self, t_s: ArrayLike) -> Array:
        """Return the altitude of the vehicle [m] above the target's sphere, shape (...).

        The vehicle is followed at the rover's wheels, which every part of it carries in turn: no
        step where the carrier changes, and zero when the wheels stand level with the target.
        """
        position = self.bodies["rover"].position(t_s)
        return np.asarray(np.linalg.norm(position, axis=-1) - self.site_radius_m)

    def speed_m_s(self, t_s: ArrayLike) -> Array:
        """Return the speed of the vehicle relative to the planet [m/s], at the rover, (...)."""
        return np.asarray(np.linalg.norm(self.bodies["rover"].velocity(t_s), axis=-1))

    def load_g(self, t_s: ArrayLike) -> Array:
        """Return the sensed load of the vehicle, Earth gravities, shape (...).

        Of the entry vehicle until the descent stage leaves the backshell, then of the descent
        stage, then, from touchdown on, of the rover.
        """
        t = np.asarray(t_s, dtype=np.float64)
        load = self.bodies["entry_vehicle"].driver("load_m_s2", t)
        for name, since in (("descent_stage", "backshell_separation"), ("rover", "touchdown")):
            if self.has_event(since):
                later = self.bodies[name].driver("load_m_s2", t)
                load = np.where(t >= self.event(since).t_s, later, load)
        return np.asarray(load / STANDARD_GRAVITY_M_S2)


def _dataset(track: BodyTrack) -> xr.Dataset:
    columns: dict[str, tuple[tuple[str, ...], Any]] = {
        "position_m": (("time", "axis"), track.position_m),
        "velocity_m_s": (("time", "axis"), track.velocity_m_s),
        "attitude_wxyz": (("time", "quaternion"), track.attitude_wxyz),
        "attached": (("time",), track.attached.astype(np.int8)),
    }
    for name, values in sorted(track.drivers.items()):
        columns[name] = (("time",) if values.ndim == 1 else ("time", f"{name}_index"), values)
    data = xr.Dataset({"time_s": (("time",), track.time_s)} | columns)
    for key, variable in data.variables.items():
        units, meaning = _UNITS.get(str(key), ("", ""))
        variable.attrs.update({"units": units, "long_name": meaning})
    data.attrs.update({"body": track.name, "frame": "mars_fixed"})
    return data


def write_flight(flight: Flight, directory: Path) -> list[Path]:
    """Write `flight` into a run directory: flight/flight.nc and flight/events.json.

    The same flight gives the same bytes. Returns the two paths.

    Raises:
        InputError: the directory cannot be written to.
    """
    folder = Path(directory) / "flight"
    record, events = folder / "flight.nc", folder / "events.json"
    # Made in memory: on a full disk the HDF5 library keeps the broken file open and ends the
    # process with a segmentation fault.
    made = io.BytesIO()
    root = xr.Dataset(attrs=_root_attributes(flight))
    root.to_netcdf(made, mode="w", engine="h5netcdf")
    for name in BODIES:
        data = _dataset(flight.bodies[name])
        packed = {"zlib": True, "complevel": 1, "shuffle": True, "_FillValue": None}
        encoding = dict.fromkeys(data.variables, packed)
        data.to_netcdf(made, mode="a", engine="h5netcdf", group=name, encoding=encoding)
    write_bytes(record, made.getvalue())
    write_json(events, [asdict(event) for event in flight.events])
    return [record, events]


def _root_attributes(flight: Flight) -> dict[str, Any]:
    return {
        "title": "Skycrane flight record",
        "frame": "mars_fixed (IAU_MARS, rotating); time in seconds after entry interface",
        "site_radius_m": flight.site_radius_m,
        "outcome": flight.outcome,
        "reason": flight.reason,
    }


def read_flight(directory: Path) -> Flight:
    """Read the flight of a run directory.

    Raises:
        InputError: there is none, or a file is truncated, foreign or inconsistent.
    """
    folder = Path(directory) / "flight"
    record = folder / "flight.nc"
    if not record.is_file():
        raise InputError("there is no flight here", where=str(record), right="Run fly first.")
    try:
        with xr.open_dataset(record, engine="h5netcdf") as root:
            attributes = dict(root.attrs)
        bodies = {name: _read_body(record, name) for name in BODIES}
        radius, outcome = float(attributes["site_radius_m"]), str(attributes["outcome"])
        if outcome not in ("landed", "crashed") or not radius > 0:
            raise ValueError(f"outcome {outcome!r}, site radius {radius}")
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise _damaged(record, error) from error
    return Flight(
        bodies=bodies,
        events=_read_events(folder / "events.json"),
        site_radius_m=radius,
        outcome="landed" if outcome == "landed" else "crashed",
        reason=str(attributes.get("reason", "")),
    )


def _damaged(path: Path, error: Exception) -> InputError:
    detail = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return InputError(
        f"not a whole flight record ({detail})", where=str(path), right="Delete it and run fly."
    )


def _read_body(path: Path, name: str) -> BodyTrack:
    with xr.open_dataset(path, engine="h5netcdf", group=name, decode_times=False) as data:
        columns = {str(key): np.asarray(value.values) for key, value in data.variables.items()}
    fixed = {key: columns.pop(key) for key in ("time_s", "position_m", "velocity_m_s")}
    attitude, attached = columns.pop("attitude_wxyz"), columns.pop("attached")
    n = len(fixed["time_s"])
    shapes = [a.shape for a in (*fixed.values(), attitude, attached)]
    if n < 2 or shapes != [(n,), (n, 3), (n, 3), (n, 4), (n,)]:
        raise ValueError(f"shapes {shapes} in group {name}")
    numbers = [*fixed.values(), attitude, *columns.values()]
    if any(len(a) != n or not np.isfinite(a).all() for a in numbers):
        raise ValueError(f"a value of group {name} is not a number")
    if not (np.diff(fixed["time_s"]) > 0).all():
        raise ValueError(f"times of group {name} do not increase")
    return BodyTrack(
        name=name, attitude_wxyz=attitude, attached=attached.astype(bool), drivers=columns, **fixed
    )


def _read_events(path: Path) -> list[Event]:
    try:
        if path.stat().st_size > _MAX_EVENTS_BYTES:
            raise ValueError("too large")
        items = json.loads(path.read_text(encoding="utf-8"))
        events = [Event(**item) for item in items]
        for event in events:
            for part in fields(Event):
                value = getattr(event, part.name)
                if part.name in ("name", "note"):
                    if not isinstance(value, str):
                        raise ValueError(f"{part.name} is not text")
                elif not math.isfinite(float(value)):
                    raise ValueError(f"{part.name} is not a number")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise _damaged(path, error) from error
    return events
