"""The statistics of many flights as lines to read."""

from __future__ import annotations

from typing import Any

__all__ = ["report_lines"]

_ROWS = (
    ("touchdown_miss_m", "miss of the target", "m", 1.0),
    ("touchdown_vertical_speed_m_s", "touchdown speed, down", "m/s", 1.0),
    ("touchdown_horizontal_speed_m_s", "touchdown speed, across", "m/s", 1.0),
    ("propellant_at_bridle_cut_kg", "propellant at bridle cut", "kg", 1.0),
    ("parachute_deploy_t_s", "mortar, time", "s", 1.0),
    ("parachute_deploy_altitude_m", "mortar, altitude", "km", 1e-3),
    ("parachute_deploy_mach", "mortar, Mach number", "", 1.0),
    ("parachute_deploy_dynamic_pressure_pa", "mortar, dynamic pressure", "Pa", 1.0),
    ("peak_parachute_load_n", "peak parachute load", "kN", 1e-3),
    ("peak_deceleration_m_s2", "peak deceleration", "m/s2", 1.0),
    ("peak_heating_w_m2", "peak heating", "W/cm2", 1e-4),
    ("backshell_separation_altitude_m", "backshell, altitude", "km", 1e-3),
    ("touchdown_t_s", "touchdown, time", "s", 1.0),
)
_SHOWN = ("1", "50", "99")


def report_lines(statistics: dict[str, Any]) -> list[str]:
    """Return a table for the terminal: success, what failed, the ellipse, percentiles."""
    campaign, success = statistics["campaign"], statistics["success"]
    nominal = statistics["nominal"]["outcome"].replace("_", " ")
    lines = [
        f"{campaign['mission']}, seed {campaign['seed']}: {statistics['dispersed_cases']} "
        f"dispersed cases, and the nominal one ({nominal})"
    ]
    if success["rate"] is not None:
        low, high = (100 * bound for bound in success["interval"])
        lines.append(
            f"landed   {success['landed']} = {100 * success['rate']:.2f} %"
            f"   ({100 * success['confidence']:g} % confidence: {low:.2f} to {high:.2f} %)"
        )
    for row in statistics["failures"]:
        first = ", ".join(str(case) for case in row["first_cases"][:5])
        lines.append(
            f"failed   {row['count']} = {100 * row['share']:.2f} %   "
            f"{row['outcome'].replace('_', ' ')}: cases {first}"
            f"{', ...' if row['count'] > 5 else ''}"
        )
    if ellipse := statistics["landing_ellipse"]:
        major, minor = 2 * ellipse["semi_major_m"], 2 * ellipse["semi_minor_m"]
        east, north = ellipse["centre_east_m"], ellipse["centre_north_m"]
        lines.append(
            f"ellipse  {100 * ellipse['share']:g} %: {major:.4g} x {minor:.4g} m, long axis "
            f"{ellipse['azimuth_deg']:.0f} deg east of north, centre {east:.3g} m east "
            f"{north:.3g} m north, {100 * ellipse['share_inside']:.2f} % inside"
        )
    return [*lines, *_table(statistics)]


def _table(statistics: dict[str, Any]) -> list[str]:
    heads = ["nominal", "mean", "sigma", *(f"{p} %" for p in _SHOWN)]
    lines = ["", f"{'':<28}{''.join(f'{head:>10}' for head in heads)}"]
    for name, title, unit, scale in _ROWS:
        spread = statistics["figures"][name]
        values = [statistics["nominal"][name], spread.get("mean"), spread.get("sigma")]
        values += [spread["percentiles"][p] if "percentiles" in spread else None for p in _SHOWN]
        cells = ["-" if v is None else f"{v * scale:.4g}" for v in values]
        lines.append(f"{title:<28}{''.join(f'{cell:>10}' for cell in cells)} {unit}".rstrip())
    return lines
