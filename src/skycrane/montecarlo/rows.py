"""The tables of a Monte Carlo: one row a case, one row an event, as Arrow columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skycrane.flight.dispersion import dispersed_inputs
from skycrane.flight.events import crash_reason
from skycrane.flight.launch import Flown
from skycrane.flight.reference import ReferenceTrajectory
from skycrane.flight.simulate import raw_case
from skycrane.flight.state import EVENT_NAMES, EventId, Outcome
from skycrane.mars.frames import SiteFrame
from skycrane.mission import Mission

__all__ = [
    "EVENT_FIELDS",
    "FIGURES",
    "INPUT",
    "LANDED",
    "cases_schema",
    "chunk_table",
    "event_order",
    "table_schema",
]

Array = NDArray[np.float64]

LANDED = "landed"
"""The outcome of a case that succeeded; any other names what failed."""

EVENT_FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    ("event", pa.string()),
    ("t_s", pa.float64()),
    ("x_m", pa.float64()),
    ("y_m", pa.float64()),
    ("z_m", pa.float64()),
    ("vx_m_s", pa.float64()),
    ("vy_m_s", pa.float64()),
    ("vz_m_s", pa.float64()),
    ("altitude_m", pa.float64()),
    ("speed_m_s", pa.float64()),
    ("mach", pa.float64()),
    ("dynamic_pressure_pa", pa.float64()),
    ("value", pa.float64()),
)
"""Columns of an event beside its case: positions in mars_fixed, velocities relative to the planet,
altitude over the target's sphere; `value` is what the event is about (see docs/montecarlo.md)."""

INPUT = "input_"
"""What the names of columns begin with that hold what a case drew."""

FIGURES = (
    "touchdown_t_s",
    "touchdown_latitude_deg",
    "touchdown_longitude_deg",
    "touchdown_east_m",
    "touchdown_north_m",
    "touchdown_miss_m",
    "touchdown_vertical_speed_m_s",
    "touchdown_horizontal_speed_m_s",
    "propellant_left_kg",
    "propellant_at_bridle_cut_kg",
    "parachute_deploy_t_s",
    "parachute_deploy_altitude_m",
    "parachute_deploy_east_m",
    "parachute_deploy_north_m",
    "parachute_deploy_mach",
    "parachute_deploy_dynamic_pressure_pa",
    "peak_deceleration_m_s2",
    "peak_heating_w_m2",
    "max_dynamic_pressure_pa",
    "peak_parachute_load_n",
    "backshell_separation_altitude_m",
    "backshell_separation_speed_m_s",
    "crash_t_s",
    "crash_east_m",
    "crash_north_m",
    "crash_speed_m_s",
)


def event_order() -> list[str]:
    """Return the names of all events, each once, in the order a flight has them."""
    return list(dict.fromkeys(EVENT_NAMES))


def cases_schema(mission: Mission) -> pa.Schema:
    """Return the columns of cases.parquet for a mission: figures, then `input_` ones."""
    from skycrane.flight.case_record import case_record

    inputs = [name for name, _ in dispersed_inputs(case_record(mission), mission)]
    columns = [("case", pa.int32()), ("outcome", pa.string()), ("reason", pa.string())]
    columns += [(name, pa.float64()) for name in FIGURES]
    columns += [(f"{INPUT}{name}", pa.float64()) for name in inputs]
    return pa.schema([pa.field(name, kind, nullable=name in FIGURES) for name, kind in columns])


def table_schema(mission: Mission) -> pa.Schema:
    """Return the columns of a chunk: those of cases.parquet, and each case's `events`."""
    kind = pa.struct([pa.field(name, of, nullable=False) for name, of in EVENT_FIELDS])
    events = pa.list_(pa.field("element", kind, nullable=False))
    return cases_schema(mission).append(pa.field("events", events, nullable=False))


def chunk_table(
    flown: Flown, mission: Mission, reference: ReferenceTrajectory, case_ids: Sequence[int]
) -> pa.Table:
    """Return cases, one a row, with a last column `events`: a list of structs (`EVENT_FIELDS`)."""
    columns: dict[str, Any] = {
        "case": np.array(case_ids, dtype=np.int32),
        "outcome": [Outcome(int(value)).name.lower() for value in flown.outcomes],
        "reason": [crash_reason(raw_case(flown, k, reference)) for k in range(len(case_ids))],
    }
    columns |= _figures(flown, mission)
    columns |= {f"{INPUT}{name}": value for name, value in dispersed_inputs(flown.record, mission)}
    schema = table_schema(mission)
    events = schema.field("events").type
    arrays = [
        pa.array(columns[field.name], field.type, from_pandas=True) for field in list(schema)[:-1]
    ]
    return pa.table([*arrays, _events(flown, mission, events)], schema=schema)


def _figures(flown: Flown, mission: Mission) -> dict[str, Array]:
    """Return the figures of each case, NaN where what they are about did not happen."""
    frame = SiteFrame.of(mission.site)
    out = {"propellant_left_kg": np.asarray(flown.propellant_kg, dtype=np.float64)}
    for slot, prefix in ((EventId.TOUCHDOWN, "touchdown"), (EventId.CRASH, "crash")):
        rows = _slot(flown, slot)
        place = _in_axes(rows["position"] - frame.origin_m, frame.axes)
        out |= {f"{prefix}_east_m": place[:, 0], f"{prefix}_north_m": place[:, 1]}
        out[f"{prefix}_t_s"] = rows["t"]
    down = _slot(flown, EventId.TOUCHDOWN)
    velocity = _in_axes(down["velocity"], frame.axes)
    position = down["position"]
    radius = np.linalg.norm(position, axis=1)
    with np.errstate(invalid="ignore"):
        out["touchdown_latitude_deg"] = np.degrees(np.arcsin(position[:, 2] / radius))
    out["touchdown_longitude_deg"] = np.degrees(np.arctan2(position[:, 1], position[:, 0]))
    out["touchdown_miss_m"] = np.hypot(out["touchdown_east_m"], out["touchdown_north_m"])
    out["touchdown_vertical_speed_m_s"] = -velocity[:, 2]
    out["touchdown_horizontal_speed_m_s"] = np.hypot(velocity[:, 0], velocity[:, 1])
    crash = _slot(flown, EventId.CRASH)
    out["crash_speed_m_s"] = np.linalg.norm(crash["velocity"], axis=1)
    mortar = _slot(flown, EventId.PARACHUTE_DEPLOY)
    where = _in_axes(mortar["position"] - frame.origin_m, frame.axes)
    out |= {
        "parachute_deploy_t_s": mortar["t"],
        "parachute_deploy_altitude_m": frame.altitude_m(mortar["position"]),
        "parachute_deploy_east_m": where[:, 0],
        "parachute_deploy_north_m": where[:, 1],
        "parachute_deploy_mach": mortar["mach"],
        "parachute_deploy_dynamic_pressure_pa": mortar["pressure"],
        "peak_deceleration_m_s2": _slot(flown, EventId.PEAK_DECELERATION)["value"],
        "peak_heating_w_m2": _slot(flown, EventId.PEAK_HEATING)["value"],
        "max_dynamic_pressure_pa": _slot(flown, EventId.MAX_DYNAMIC_PRESSURE)["value"],
        "propellant_at_bridle_cut_kg": _slot(flown, EventId.BRIDLE_CUT)["value"],
        "peak_parachute_load_n": _slot(flown, EventId.PEAK_PARACHUTE_LOAD)["value"],
    }
    parted = _slot(flown, EventId.BACKSHELL_SEPARATION)
    out["backshell_separation_altitude_m"] = frame.altitude_m(parted["position"])
    out["backshell_separation_speed_m_s"] = np.linalg.norm(parted["velocity"], axis=1)
    return out


def _in_axes(vectors: Array, axes: Array) -> Array:
    """Return vectors, shape (n, 3), in the axes whose rows are given, to the same digits for any n.

    A product of matrices sums in an order that depends on their size.
    """
    x, y, z = vectors.T
    return np.stack([x * a + y * b + z * c for a, b, c in axes], axis=1)


def _slot(flown: Flown, slot: int) -> NDArray[Any]:
    """Return one event of every case, with NaN for what did not happen."""
    rows = flown.events[:, slot].copy()
    missing = rows["happened"] == 0
    for name in ("t", "position", "velocity", "mach", "pressure", "value"):
        rows[name][missing] = np.nan
    return rows


def _events(flown: Flown, mission: Mission, kind: pa.DataType) -> pa.Array:
    """Return each case's events in order of time, as `events.events_of` orders those of one."""
    names = [*EVENT_NAMES, "heat_shield_impact"]
    names += ["balance_mass_impact"] * (flown.impacts.shape[1] - 1)
    both = np.concatenate([flown.events, flown.impacts], axis=1)
    case, slot = np.nonzero(both["happened"])
    rows = both[case, slot]
    order = np.lexsort((slot, rows["t"], case))
    case, slot, rows = case[order], slot[order], rows[order]
    position, velocity = rows["position"], rows["velocity"]
    values = [pa.array(np.array(names)[slot])]
    values += [
        pa.array(np.ascontiguousarray(column))
        for column in (
            rows["t"],
            *position.T,
            *velocity.T,
            np.linalg.norm(position, axis=1) - mission.site.radius_m,
            np.linalg.norm(velocity, axis=1),
            rows["mach"],
            rows["pressure"],
            rows["value"],
        )
    ]
    structs = pa.StructArray.from_arrays(values, fields=list(kind.value_type))
    ends = np.searchsorted(case, np.arange(len(both) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), structs, type=kind)
