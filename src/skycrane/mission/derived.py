"""Values that a mission file may leave out because others of it give them."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["DERIVED", "with_derived"]

DERIVED: dict[str, str] = {
    "atmosphere.flattening": "of a fluid planet, (w^2 a^3 / GM + 3 J2) / 2, from [planet]",
    "atmosphere.datum_radius_m": "planet.reference_radius_m (1 - flattening sin^2 latitude) at the "
    "site; the areoid lies within about a kilometre of it",
    "guidance.parachute.straighten_speed_m_s": "1.14 deploy_speed_m_s, some 15 s of flight before "
    "the mortar",
    "guidance.parachute.deploy_range_m": "as far as the nominal descent carries, found by flying "
    "it, and the middle of divert_minimum_m and divert_maximum_m more where a fix on the terrain "
    "lets it fly there",
}
"""Keys that may be left out, and what is then put there."""

_STRAIGHTEN = 1.14
"""Between the ratios of both flown missions, 468 / 406 and 477 / 420."""


def with_derived(table: dict[str, Any]) -> dict[str, Any]:
    """Return a mission file's tables with what follows from others put where it was left out.

    Tables that are wrong or lack what a value follows from stay as they are, for the schema to
    tell. The flattening is Clairaut's of a rotating fluid, to first order.
    """
    planet, site = _numbers(table, "planet"), _numbers(table, "site")
    air, chute = _numbers(table, "atmosphere"), _numbers(table, "guidance", "parachute")
    names = ("gm_m3_s2", "j2", "reference_radius_m", "rotation_rate_rad_s")
    gm, j2, radius, rate = (planet.get(name, 0.0) for name in names)
    if gm > 0 and radius > 0 and rate < 1e3:
        spun = rate * rate * radius**3 / gm
        table = _put(table, ("atmosphere", "flattening"), round((spun + 3 * j2) / 2, 8))
        air = _numbers(table, "atmosphere")
    if radius > 0 and "flattening" in air and "latitude_deg" in site:
        sine = math.sin(math.radians(site["latitude_deg"]))
        datum = radius * (1 - air["flattening"] * sine * sine)
        table = _put(table, ("atmosphere", "datum_radius_m"), round(datum, 1))
    if "deploy_speed_m_s" in chute:
        speed = round(_STRAIGHTEN * chute["deploy_speed_m_s"], 3)
        table = _put(table, ("guidance", "parachute", "straighten_speed_m_s"), speed)
    return table


def _numbers(table: Any, *way: str) -> dict[str, float]:
    """Return the finite numbers of the table at the end of the way."""
    for name in way:
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return {}
    return {
        key: float(value)
        for key, value in table.items()
        if type(value) in (int, float) and math.isfinite(value)
    }


def _put(table: dict[str, Any], way: tuple[str, ...], value: float) -> dict[str, Any]:
    """Return the tables with a value put at the end of the way, if there is none."""
    first, rest = way[0], way[1:]
    if not rest:
        return {first: value} | table
    inner = table.get(first)
    return table | {first: _put(inner, rest, value)} if isinstance(inner, dict) else table
