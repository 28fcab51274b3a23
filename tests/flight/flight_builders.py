"""Small worlds for the kernels' own functions: a case, its tables, air as a plain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp

from skycrane.compute import start_warp
from skycrane.flight.case import Case, Tables, case_record, make_tables, with_gusts
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
