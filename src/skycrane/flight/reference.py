"""The reference trajectory of the entry guidance, derived from the mission itself.

Terminal-point control (Harpold and Graves, Shuttle Entry Guidance, 1979; Carman et al., Apollo-
derived Mars precision lander guidance, AIAA 98-4570) predicts the range still to be flown from a
reference and its sensitivities to drag, climb rate and lift. Both are found here by flying: the
reference with its lift kept in the vertical plane, and one perturbed flight a row and a column.
"""

# Warp types arrays by calls and its built-ins loosely; mypy cannot follow either.
# mypy: disable-error-code="valid-type,arg-type,call-overload,assignment,operator"
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.flight.bodies import capsule_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.entry_guidance import REFERENCE_STEP_M_S, Reference
from skycrane.flight.entry_motion import Ballistic, cosine_sine, entry_forces, entry_step, trim_at
from skycrane.flight.surroundings import air_at
from skycrane.vehicle.aerodynamics import aero_row

__all__ = ["ReferenceTrajectory", "derive_reference"]

Array = NDArray[np.float64]
f64 = wp.float64

_STEP_S = 0.5
_LIMIT_S = 900.0
_EARLY_BANKS = np.radians(np.arange(0.0, 130.0, 2.5))
_ALTITUDE_NUDGE_M = 400.0
_CLIMB_NUDGE_M_S = 10.0
_LIFT_NUDGE = 0.05


@wp.func
def _reference_bank(case: Case, early: wp.float64, speed: wp.float64):
    span = wp.max(case.early_speed - case.alignment_speed, f64(1.0))
    u = wp.clamp((speed - case.alignment_speed) / span, f64(0.0), f64(1.0))
    bank = case.late_bank + (early - case.late_bank) * u
    return wp.where(speed < case.straighten_speed, f64(0.0), bank)


@wp.kernel(enable_backward=False)
def _fly_in_plane(
    cases: wp.array(dtype=Case),
    tables: Tables,
    starts: wp.array(dtype=wp.vec3d),
    velocities: wp.array(dtype=wp.vec3d),
    early_banks: wp.array(dtype=wp.float64),
    lift_offsets: wp.array(dtype=wp.float64),
    guided: wp.array(dtype=wp.int32),
    step: wp.float64,
    ranges: wp.array(dtype=wp.float64),
    history: wp.array(dtype=wp.vec3d, ndim=3),
    lengths: wp.array(dtype=wp.int32),
):
    """Fly from each start to the reference's last Mach number; range [m] on the site's sphere."""
    i = wp.tid()
    case = cases[0]
    b = Ballistic()
    b.position = starts[i]
    b.velocity = velocities[i]
    controlled = guided[i]
    body = capsule_body(case, case.propellant, case.balance_count, 1, 1)
    case.inertia = body.inertia
    case.nose_to_centre = case.nose - body.centre[2]
    t = f64(0.0)
    before = b.position
    mach_before = f64(1.0e9)
    fraction = f64(1.0)
    n = wp.int32(0)
    running = wp.int32(1)
    while running == 1:
        air = air_at(case, tables, 0, b.position, b.velocity, t)
        alpha = trim_at(case, tables, air.mach, body.centre[0])
        turn = cosine_sine(alpha)
        forces = entry_forces(case, aero_row(tables.aero, air.mach), air, turn)
        speed = wp.length(b.velocity)
        if n < history.shape[1]:
            history[i, n, 0] = b.position
            history[i, n, 1] = b.velocity
            history[i, n, 2] = wp.vec3d(forces.drag / body.mass, t, f64(controlled))
            n += 1
        if forces.drag / body.mass > case.range_control_load:
            controlled = 1
        if air.mach <= case.deploy_mach and controlled == 1:
            fraction = (mach_before - case.deploy_mach) / wp.max(
                mach_before - air.mach, f64(1.0e-9)
            )
            running = 0
        elif t > f64(_LIMIT_S) or wp.length(b.position) < case.site_radius:
            running = 0
        else:
            bank = wp.abs(case.entry_bank)
            if controlled == 1:
                bank = _reference_bank(case, early_banks[i], speed)
            lift = wp.vec2d(wp.cos(bank) + lift_offsets[i], f64(0.0))
            if speed < case.straighten_speed:
                lift = wp.vec2d(f64(1.0), f64(0.0))
            before = b.position
            mach_before = air.mach
            b = entry_step(
                case, tables, 0, t, b, air, forces, body.mass, lift, lift, lift, turn, turn, step
            )
            t = t + step
    end = wp.normalize(before + (b.position - before) * wp.clamp(fraction, f64(0.0), f64(1.0)))
    start = wp.normalize(starts[i])
    ranges[i] = case.site_radius * wp.atan2(wp.length(wp.cross(start, end)), wp.dot(start, end))
    lengths[i] = n


@dataclass(frozen=True)
class ReferenceTrajectory:
    """The reference as the guidance tabulates it.

    Attributes:
        early_bank_rad: the derived bank of the early part.
        range_m: range from entry interface to the parachute that it flies.
        wanted_range_m: what it should fly.
        table: (n, 7) rows every `REFERENCE_STEP_M_S` of speed from zero: range, drag, climb rate,
            cosine of bank, and the range's sensitivities to drag, climb and that cosine.
    """

    early_bank_rad: float
    range_m: float
    wanted_range_m: float
    table: Array

    def on(self, device: str) -> Reference:
        """Return the table for the kernels of a device."""
        out = Reference()
        names = ("range", "drag", "climb", "lift_up", "range_drag", "range_climb", "range_lift")
        for name, column in zip(names, self.table.T, strict=True):
            values = wp.array(np.ascontiguousarray(column), dtype=wp.float64, device=device)
            setattr(out, name, values)
        return out


@dataclass(frozen=True)
class _Flights:
    ranges: Array
    history: Array
    lengths: NDArray[np.int32]


@dataclass(frozen=True)
class _Plane:
    """The planar flights of one mission on one device."""

    cases: Any
    tables: Tables
    device: str
    early_bank: float = 0.0

    def fly(
        self,
        position: Array,
        velocity: Array,
        *,
        early: Array | None = None,
        offsets: Array | None = None,
        guided: bool = False,
        keep: int = 0,
    ) -> _Flights:
        n = len(position)
        device = self.device
        early = np.full(n, self.early_bank) if early is None else early
        offsets = np.zeros(n) if offsets is None else offsets
        ranges = wp.zeros(n, dtype=wp.float64, device=device)
        history = wp.zeros((n, keep, 3), dtype=wp.vec3d, device=device)
        lengths = wp.zeros(n, dtype=wp.int32, device=device)
        inputs = [
            self.cases,
            self.tables,
            wp.array(position, dtype=wp.vec3d, device=device),
            wp.array(velocity, dtype=wp.vec3d, device=device),
            wp.array(early, dtype=wp.float64, device=device),
            wp.array(offsets, dtype=wp.float64, device=device),
            wp.array(np.full(n, int(guided), dtype=np.int32), dtype=wp.int32, device=device),
            wp.float64(_STEP_S),
        ]
        wp.launch(
            _fly_in_plane, dim=n, inputs=inputs, outputs=[ranges, history, lengths], device=device
        )
        return _Flights(ranges.numpy(), history.numpy(), lengths.numpy())


def derive_reference(record: NDArray[Any], tables: Tables, *, device: str) -> ReferenceTrajectory:
    """Return the reference trajectory of the first case of `record` (see `case_record`).

    The bank of its early part is solved so that it covers the range from entry interface to the
    parachute; where no bank does, the nearest is taken, and the flight will miss accordingly.
    """
    cases = wp.array(record[:1], dtype=Case, device=device)
    plane = _Plane(cases, tables, device)
    position, velocity = record["entry_position"][0], record["entry_velocity"][0]
    wanted = _range_to_site(record, position) - float(record["deploy_range"][0])
    banks = _EARLY_BANKS
    for _ in range(2):
        count = len(banks)
        flown = plane.fly(np.tile(position, (count, 1)), np.tile(velocity, (count, 1)), early=banks)
        early = _crossing(banks, flown.ranges, wanted)
        banks = early + np.linspace(-1, 1, 21) * (banks[1] - banks[0])
    plane = replace(plane, early_bank=early)
    keep = int(_LIMIT_S / _STEP_S) + 2
    flown = plane.fly(position[None], velocity[None], keep=keep)
    # A flight that never slows to the parachute has no reference, and will not be helped by one.
    reached = flown.lengths[0] < keep - 3
    table = np.zeros((2, 7))
    if reached:
        table = _table(plane, record, flown.history[0, : flown.lengths[0]])
    return ReferenceTrajectory(early, float(flown.ranges[0]), wanted, table)


def _range_to_site(record: NDArray[Any], position: Array) -> float:
    up, site_up = position / np.linalg.norm(position), record["up"][0]
    angle = np.arctan2(np.linalg.norm(np.cross(up, site_up)), up @ site_up)
    return float(angle * record["site_radius"][0])


def _crossing(banks: Array, ranges: Array, wanted: float) -> float:
    """Return the largest bank whose range is `wanted`, or that of the nearest range."""
    error = ranges - wanted
    for k in range(len(banks) - 1, 0, -1):
        if error[k - 1] * error[k] <= 0 and error[k] != error[k - 1]:
            share = error[k - 1] / (error[k - 1] - error[k])
            return float(banks[k - 1] + share * (banks[k] - banks[k - 1]))
    return float(banks[np.argmin(np.abs(error))])


def _table(plane: _Plane, record: NDArray[Any], history: Array) -> Array:
    position, velocity = history[:, 0], history[:, 1]
    speed = np.linalg.norm(velocity, axis=1)
    first = int(np.argmax(speed))
    # Only the part where the speed falls can be tabulated against it, and only that is needed.
    rows = np.arange(first, len(speed))[::-1]
    grid = np.arange(0.0, speed[first] + 3 * REFERENCE_STEP_M_S, REFERENCE_STEP_M_S)

    def at(column: Array) -> Array:
        return np.stack([np.interp(grid, speed[rows], c[rows]) for c in column.T], axis=1)

    p, v = at(position), at(velocity)
    up = p / np.linalg.norm(p, axis=1, keepdims=True)
    n = len(grid)
    starts = np.concatenate(
        [p, p + up * _ALTITUDE_NUDGE_M, p, p],
    )
    velocities = np.concatenate([v, v, v + up * _CLIMB_NUDGE_M_S, v])
    # A climb nudge at constant speed, or the range would change with the speed as well.
    velocities *= (np.linalg.norm(np.tile(v, (4, 1)), axis=1) / np.linalg.norm(velocities, axis=1))[
        :, None
    ]
    offsets = np.repeat([0.0, 0.0, 0.0, _LIFT_NUDGE], n)
    flown = plane.fly(starts, velocities, offsets=offsets, guided=True, keep=1)
    base, high, climbing, lifted = flown.ranges.reshape(4, n)
    drag = flown.history[:, 0, 2, 0].reshape(4, n)
    climb = np.sum(v * up, axis=1)
    climb_nudged = np.sum(velocities[2 * n : 3 * n] * up, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        range_drag = np.where(drag[1] != drag[0], (high - base) / (drag[1] - drag[0]), 0.0)
        range_climb = (climbing - base) / (climb_nudged - climb)
    range_lift = (lifted - base) / _LIFT_NUDGE
    case = record[0]
    span = max(case["early_speed"] - case["alignment_speed"], 1.0)
    share = np.clip((grid - case["alignment_speed"]) / span, 0, 1)
    bank = case["late_bank"] + (plane.early_bank - case["late_bank"]) * share
    columns = [base, drag[0], climb, np.cos(bank), range_drag, range_climb, range_lift]
    return np.nan_to_num(np.stack(columns, axis=1))
