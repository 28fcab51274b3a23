"""Small worlds for the kernels' own functions: a case, its tables, air as a plain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp

from skycrane.compute import start_warp
from skycrane.flight.case import Case, Tables
from skycrane.flight.case_record import case_record
from skycrane.flight.falling import Tumbling, _step
from skycrane.flight.state import FallState
from skycrane.flight.tables import make_tables, with_gusts
from skycrane.mars.air_table import AirRow
from skycrane.mars.atmosphere import AIR_FLOOR_M, AIR_STEP_M
from skycrane.mission import Mission

Of = Callable[[np.ndarray], np.ndarray]
FAR_BELOW = -1e9


def changed(mission: Mission, **values: Any) -> Mission:
    """Return the mission with values replaced: vehicle__masses__propellant_kg=0.0."""
    table = mission.model_dump()
    for path, value in values.items():
        *way, last = path.split("__")
        section = table
        for name in way:
            section = section[name]
        assert last in section, path
        section[last] = value
    return Mission.model_validate(table)


def still_air(mission: Mission) -> dict[str, Any]:
    """Values for `changed` that take wind and gusts away."""
    rows = len(mission.wind.altitude_m)
    return {
        "wind__gust_rms_m_s": 0.0,
        "wind__east_m_s": [0.0] * rows,
        "wind__north_m_s": [0.0] * rows,
    }


def case_of(mission: Mission, **fields: Any) -> wp.array:
    """Return one case, fields of `Case` replaced."""
    start_warp()
    record = case_record(mission)
    for name, value in fields.items():
        record[name] = value
    return wp.array(record, dtype=Case, device="cpu")


def tables_of(
    mission: Mission,
    density: Of | float = 0.0,
    *,
    sound_m_s: Of | float = 200.0,
    east_m_s: Of | float = 0.0,
    aero: tuple[float, float, float, float] | None = None,
    top_m: float = 200_000.0,
) -> Tables:
    """Return tables with air given by functions of height over the case's datum, without gusts.

    `aero` replaces the aeroshell's table by one row that holds at every Mach number.
    """
    start_warp()
    tables = with_gusts(
        make_tables(mission, device="cpu"), mission, device="cpu", seed=0, case_ids=[0]
    )
    height = np.arange(AIR_FLOOR_M, top_m, AIR_STEP_M)
    rows = np.zeros((len(height), 5))
    for column, of in enumerate((density, sound_m_s, east_m_s)):
        rows[:, column] = of(height) if callable(of) else of
    tables.air = wp.array(rows, dtype=AirRow, device="cpu")
    tables.gust_rms = 0.0
    tables.datum_sink = 0.0
    tables.layer_top = FAR_BELOW
    if aero is not None:
        tables.aero = wp.array([aero] * 4, dtype=wp.vec4d, device="cpu")
    return tables


@wp.kernel(enable_backward=False)
def _fall(
    cases: wp.array(dtype=Case),
    tables: Tables,
    begin: wp.array(dtype=FallState),
    steps: wp.int32,
    h: wp.float64,
    shaped: wp.int32,
    out: wp.array(dtype=Tumbling),
):
    s = Tumbling()
    s.position = begin[0].position
    s.velocity = begin[0].velocity
    s.attitude = begin[0].attitude
    s.rates = begin[0].rates
    for k in range(steps):
        s = _step(cases[0], tables, 0, wp.float64(k) * h, s, begin[0], shaped, h)
    out[0] = s


def fall(cases, tables, duration_s, *, shaped=0, step_s=0.05, **begin):
    """Return the body's state after a fall; fields of `FallState` as keywords."""
    row = np.zeros(1, dtype=FallState.numpy_dtype())
    row["attitude"] = (0.0, 0.0, 0.0, 1.0)
    row["mass"] = 1.0
    for name, value in begin.items():
        row[name] = value
    out = wp.zeros(1, dtype=Tumbling, device="cpu")
    steps = round(duration_s / step_s)
    inputs = [cases, tables, wp.array(row, dtype=FallState, device="cpu"), steps, step_s, shaped]
    wp.launch(_fall, dim=1, inputs=inputs, outputs=[out], device="cpu")
    return out.numpy()[0]
