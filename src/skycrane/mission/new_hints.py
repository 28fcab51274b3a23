"""What a mission template says beyond the schema: what matters most, where figures are found."""

from __future__ import annotations

from typing import Any

from skycrane.mission.flown import FLOWN_FIGURES
from skycrane.mission.guidance import EntryGuidance

__all__ = [
    "ANY_DAY",
    "EXAMPLES",
    "EXAMPLE_NAMES",
    "EXAMPLE_TABLES",
    "FAULTS",
    "FIRST_LINES",
    "HINTS",
    "LEFT_OUT",
    "PARTS",
    "UNITS",
]

FIRST_LINES = """\
{title}

Written by `skycrane mission new` from {source}. Every key is here. As it stands it lands as
{source} does, in the season's air in place of the day's; make it another flight by writing that
flight's published figures into part 1.
  skycrane check {file}     says what is wrong, and shows masses, both entry speeds, trim
  skycrane fly {file}       flies it and compares it with the timeline under [[flown]]

Units end the key: _m, _kg, _m_s (metres a second), _deg (degrees), _pa, _k ... Convert what you
find in km, km/h, feet or pounds; numbers are bare. A comment "{source}: ..." beside a value is what
{source}'s own file says of it: A primary source, B secondary, M commonly quoted, "assumption" a
guess. Replace it by your source along with the value. Lines that begin with ">" are hints. A line
that begins with # and a key is a value left out: take the # away to give it.
"""

PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "1. What is published of a flight: change all of it",
        (
            "mission",
            "site",
            "epoch",
            "entry",
            "vehicle",
            "vehicle.masses",
            "vehicle.aeroshell",
            "vehicle.parachute",
            "vehicle.engines",
            "vehicle.bridle",
            "atmosphere",
            "atmosphere.surface",
            "atmosphere.dust",
            "wind",
            "flown",
            "flown_figure",
        ),
    ),
    (
        "2. How it is guided: change what is published, fly, and see",
        (
            "guidance.parachute",
            "guidance.powered",
            "guidance.sky_crane",
            "guidance.navigation",
            "guidance.entry",
            "guidance.flyaway",
            "guidance.steps",
        ),
    ),
    (
        "3. The rest of planet and vehicle: as {source} has it; change what you know better",
        ("planet", "vehicle", "guidance"),
    ),
    (
        "4. How cases stray in a Monte Carlo, and faults",
        ("dispersion", "fault"),
    ),
    (
        "5. What is seen and heard, the way home, the film: as {source} has it",
        (),
    ),
)
"""Titles and the tables under them, by the beginning of their path; the last takes the rest."""

HINTS: dict[str, str] = {
    "site": "Landing papers give the target, press releases where it came down: within the ellipse "
    "either serves, the target is right where navigation fixes itself on the terrain.",
    "site.latitude_deg": "Some maps give areographic latitude, which is up to 0.34 "
    "degrees more (at 45 degrees; 0.05 at 5).",
    "site.longitude_deg": "Write W degrees west as -W or 360 - W.",
    "site.radius_m": "Published as a radius in PDS labels; else MOLA elevation plus "
    "atmosphere.datum_radius_m: the elevation counts from the areoid.",
    "site.seed": "Any number.",
    "epoch.entry_interface_utc": "Spacecraft time. Times told on Earth are later by the light time "
    "(4 to 22 minutes). It sets sun and season.",
    "entry": "The state that matters most. Papers publish either the speed relative to the planet "
    "or the inertial one (some 230 m/s more when entering eastward), each with its own angle and "
    "azimuth (some 0.65 degrees apart in angle): take all three from one frame, and say which. "
    "`skycrane check` prints both frames: compare them with whatever else is published.",
    "entry.bank_deg": "Seldom published; the bank held until the air is felt, and the side "
    "of the first turn.",
    "vehicle.masses": "They have to add up to the published entry mass (`skycrane check` prints "
    "the sum). Count propellant once, and leave out what is dropped before entry: the cruise stage "
    "and its balance masses.",
    "vehicle.masses.descent_stage_dry_kg": "Often published with its propellant: take that off.",
    "vehicle.masses.backshell_kg": "Often published with the parachute: take that off.",
    "vehicle.aeroshell": "The tables are those of any 70-degree sphere-cone and serve for another "
    "size; the angle of attack follows from vehicle.stack.balance_mass_position_m.",
    "vehicle.parachute.diameter_m": "The nominal diameter; the inflated one is some 0.7 of it.",
    "vehicle.parachute.drag_coefficient": "Of the nominal area. Published subsonic values of "
    "disk-gap-band canopies are 0.55 to 0.68; mind the dip at Mach 0.95.",
    "vehicle.parachute.load_limit_n": "The design or qualification load, not the flown peak.",
    "vehicle.engines.cant_deg": "In pairs about the corners.",
    "atmosphere": 'One of three: a table of the day (model = "table"), temperatures alone with the '
    'pressure from the season (model = "hydrostatic"), or a file of yours, file = "air.csv" (CSV '
    "or NetCDF, from Mars-GRAM or the Mars Climate Database), in place of the rows.",
    "atmosphere.datum_radius_m": "The areoid: site.radius_m less the site's MOLA elevation.",
    "atmosphere.table_temperature_k": "Of {source}'s place and day: change them where the season "
    "is another; 10 K warmer throughout is some 4 % less air at the ground, more aloft.",
    "atmosphere.table_pressure_pa": "Of the day, if known.",
    "atmosphere.density_factors": "Ones unless the day's density is known.",
    "wind": "Or from_air_file = true, in place of the columns, where atmosphere.file has winds.",
    "flown.0": "The flown timeline, if there is one: only compared with, never flown. Several "
    "events of one name are paired in order. Known names are those of flight/events.json. Below is "
    "the timeline of {source}.",
    "flown_figure.0": "Known: " + ", ".join(FLOWN_FIGURES) + ".",
    "guidance.parachute.deploy_trigger": 'Mars Science Laboratory fired by "speed", Mars 2020 was '
    'the first to fire by "range".',
    "guidance.parachute.deploy_range_m": "As far as the parachute and the engines carry it, 7 to "
    "10 km: fly once, and take the range between parachute_deploy and touchdown.",
    "guidance.parachute.mach_reference": "The published Mach number at the mortar.",
    "guidance.powered.deceleration_m_s2": "(v1^2 - v2^2) / 2 h, from the speeds before and after "
    "and the height between; a smaller one lets the backshell go higher.",
    "guidance.powered.constant_velocity_altitude_m": "Higher where a faster constant velocity "
    "leaves more to brake: at least (v1^2 - v2^2) / (2 constant_deceleration_m_s2) above "
    "guidance.sky_crane.altitude_m.",
    "guidance.sky_crane.altitude_m": "The bridle's length plus some 14 m.",
    "guidance.navigation.fix_on_terrain": "Mars 2020 was the first with it; without it the vehicle "
    "lands where it comes down, guidance.powered.divert_minimum_m aside of its backshell.",
    "guidance.entry": "Seldom published; these numbers land Mars 2020 and Mars Science Laboratory. "
    "The reference trajectory and its early bank are derived from the mission at each flight.",
    "guidance.steps": "Leave as they are.",
    "vehicle.stack.lift_to_drag": "Seldom is the mass centre published, but nearly always this: "
    "0.24 of Mars Science Laboratory and Mars 2020. Give it when you change masses.",
    "dispersion.entry.axes": "along_cross_up serves any direction of flight.",
    "fault.0": "What goes wrong, on purpose; any number of them.",
    "terrain": "The ground is made up with the character of {source}'s site.",
    "link": "Passes as in {source}.",
}
"""Lines under the schema's own, by path."""

EXAMPLES: dict[str, Any] = {
    "vehicle.stack.lift_to_drag": 0.24,
    "terrain.elevation": "dem.tif",
    "terrain.orthophoto": "orthophoto.tif",
    "atmosphere.datum_radius_m": 3395600.0,
    "atmosphere.flattening": 0.00523,
    "guidance.parachute.straighten_speed_m_s": 468.0,
    "epoch.sun_azimuth_deg": 250.0,
    "epoch.sun_elevation_deg": 30.0,
    "atmosphere.surface.pressure_pa": 700.0,
    "entry.altitude_m": 125000.0,
    "entry.over_radius_m": 3397200.0,
    "entry.position_m": [1296748.9, 3025893.7, 1252318.8],
    "entry.velocity_m_s": [-5048.379, 1012.040, -1387.031],
}
"""Values shown for keys that are left out."""

EXAMPLE_NAMES: dict[str, str] = {"GltfShape": "rover"}
"""Names of the tables shown where a table of named ones is empty, by their section."""

EXAMPLE_TABLES: dict[str, dict[str, Any]] = {
    "LensDust": {
        "film": 0.15,
        "specks": 250,
        "speck_radius_px": 3.0,
        "speck_depth": 0.5,
        "half_s": 10.0,
    },
    "Look": {
        "white_balance": [1.0, 1.0, 1.0],
        "adapt": 0.5,
        "dehaze": 0.5,
        "exposure": 1.0,
        "steepness": 1.0,
    },
    "GltfShape": {
        "file": "rover.glb",
        "scale": 1.0,
        "forward": "+z",
        "up": "+y",
        "offset_m": [0.0, 0.0, 0.0],
    },
    "Cahvore": {
        "width": 1024,
        "height": 1024,
        "a": [0.0, 0.0, 1.0],
        "h": [600.0, 0.0, 511.5],
        "v": [0.0, 600.0, 511.5],
        "o": [0.0, 0.0, 1.0],
        "r": [0.0, 0.12, 0.034],
        "e": [0.0, 0.0, 0.0],
        "type": 2,
        "linearity": 1.0,
    },
}
"""Tables shown, by their section, where they are left out."""

ANY_DAY: dict[str, Any] = {
    "atmosphere.model": "hydrostatic",
    "atmosphere.table_pressure_pa": None,
    "atmosphere.density_altitude_m": [-10000.0, 100000.0],
    "atmosphere.density_factors": [1.0, 1.0],
    **{
        f"guidance.entry.{key}": EntryGuidance.model_fields[key].default
        for key in (
            "late_bank_deg",
            "early_speed_m_s",
            "reversal_crossrange_m",
            "reversal_crossrange_s2_m",
            "heading_alignment_gain",
            "heading_alignment_limit_deg",
        )
    },
}
"""In place of what is of the source's own day: the season's pressure for the air that it met, and
for the guidance fitted to its timeline the generic one."""

LEFT_OUT: dict[str, dict[str, Any]] = {
    "flown": {"name": "touchdown", "t_s": 418.0, "tolerance_s": 8.0, "note": "", "reason": ""},
    "flown_figure": {
        "name": "peak_deceleration_g",
        "value": 10.69,
        "tolerance": 0.5,
        "note": "",
        "reason": "",
    },
}
"""Arrays of what was flown: another mission's is none of the new one's, and is left out."""

FAULTS: dict[str, dict[str, Any]] = {
    "parachute_late": {"delay_s": 5.0},
    "parachute_torn": {"area_left": 0.6},
    "parachute_failed": {},
    "engine_out": {"engine": 3, "delay_s": 5.0},
    "navigation_bias": {
        "position_m": [0.0, 0.0, 0.0],
        "velocity_m_s": [1.0, 0.0, 0.0],
        "fix_m": [0.0, 0.0],
    },
    "wind_step": {"altitude_m": 3000.0, "east_m_s": 10.0, "north_m_s": 0.0},
    "low_propellant": {"propellant_kg": 320.0},
    "sensor_dropout": {"delay_s": 10.0, "duration_s": 5.0},
}
"""One of each kind of fault, to show its keys."""

UNITS: dict[str, str] = {
    "m3_s2": "m3/s2",
    "electrons_s": "electrons a second",
    "kg05_m": "kg^0.5/m",
    "j_kg_k": "J/kg/K",
    "n_m_s": "N m s",
    "n_s_m": "N s/m",
    "deg_s2": "deg/s2",
    "w_m_k": "W/m/K",
    "kg_m3": "kg/m3",
    "kg_m2": "kg m2",
    "rad_s": "rad/s",
    "deg_s": "deg/s",
    "bit_s": "bit/s",
    "m_s2": "m/s2",
    "s2_m": "s2/m",
    "n_m2": "N/m2",
    "pa_s": "Pa s",
    "1_rad": "1/rad",
    "1_s2": "1/s2",
    "1_s": "1/s",
    "m_s": "m/s",
    "n_m": "N/m",
    "dba": "dB(A)",
    "deg": "degrees",
    "utc": "UTC",
    "m2": "m2",
    "pa": "Pa",
    "kg": "kg",
    "hz": "Hz",
    "db": "dB",
    "px": "pixels",
    "m": "m",
    "s": "s",
    "n": "N",
    "k": "K",
    "e": "electrons",
    "c": "degrees Celsius",
}
"""Units by the end of the key, longer ends first."""
