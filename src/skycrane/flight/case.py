"""One case as the kernels see it: the mission's numbers, its tables, the ground."""

# Warp types arrays by calls and its built-ins loosely; mypy cannot follow either.
# mypy: disable-error-code="valid-type,arg-type,call-overload,assignment,attr-defined"
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mars.air_table import AirRow, air_rows
from skycrane.mars.frames import SiteFrame
from skycrane.mars.turbulence import density_series, density_step_m, gust_series, gust_step_m
from skycrane.mission import Mission
from skycrane.vehicle.aerodynamics import mach_grid

__all__ = [
    "Case",
    "Ground",
    "Tables",
    "case_record",
    "flat_ground",
    "ground_of",
    "make_tables",
    "with_gusts",
]

Array = NDArray[np.float64]
HeightFunction = Callable[[Array, Array], Array]


@wp.struct
class Case:
    """The scalars of one case; angles in radians. Meanings as in the mission file."""

    gm: wp.float64
    j2: wp.float64
    reference_radius: wp.float64
    rotation: wp.float64
    site_radius: wp.float64
    site: wp.vec3d
    east: wp.vec3d
    north: wp.vec3d
    up: wp.vec3d
    datum_radius: wp.float64
    density_factor: wp.float64
    entry_position: wp.vec3d
    entry_velocity: wp.vec3d
    entry_bank: wp.float64
    # masses and stack
    rover_mass: wp.float64
    stage_mass: wp.float64
    propellant: wp.float64
    backshell_mass: wp.float64
    parachute_mass: wp.float64
    heat_shield_mass: wp.float64
    balance_mass: wp.float64
    balance_count: wp.int32
    inertia: wp.vec3d
    stage_position: wp.vec3d
    rover_position: wp.vec3d
    riser_position: wp.vec3d
    pack_position: wp.vec3d
    edge_height: wp.float64
    mass_centre: wp.vec3d
    # aeroshell and its thrusters
    area: wp.float64
    diameter: wp.float64
    nose_radius: wp.float64
    cone_sine2: wp.float64
    trim_angle: wp.float64
    sutton_graves: wp.float64
    moment_slope: wp.float64
    bank_rate: wp.float64
    bank_acceleration: wp.float64
    pitch_frequency: wp.float64
    pitch_damping: wp.float64
    rate_damping: wp.float64
    control_flow: wp.float64
    # parachute
    canopy_area: wp.float64
    canopy_diameter: wp.float64
    mortar_speed: wp.float64
    line_length: wp.float64
    line_stiffness: wp.float64
    line_damping: wp.float64
    pack_drag_area: wp.float64
    filling_diameters: wp.float64
    filling_exponent: wp.float64
    apparent_mass_factor: wp.float64
    load_limit: wp.float64
    # falling bodies
    shield_drag_area: wp.float64
    shield_speed: wp.float64
    backshell_drag_area: wp.float64
    backshell_speed: wp.float64
    balance_drag_area: wp.float64
    balance_speed: wp.float64
    # engines, bridle, ground
    axial_all: wp.float64
    axial_four: wp.float64
    thrust_minimum: wp.float64
    thrust_maximum: wp.float64
    exhaust_speed: wp.float64
    lag: wp.float64
    attitude_frequency: wp.float64
    attitude_damping: wp.float64
    angular_limit: wp.float64
    lander_drag_area: wp.float64
    bridle_length: wp.float64
    payout_speed: wp.float64
    payout_acceleration: wp.float64
    bridle_stiffness: wp.float64
    bridle_damping: wp.float64
    ground_stiffness: wp.float64
    ground_damping: wp.float64
    ground_friction: wp.float64
    touchdown_limit: wp.float64
    across_limit: wp.float64
    # guidance
    range_control_load: wp.float64
    late_bank: wp.float64
    early_speed: wp.float64
    minimum_bank: wp.float64
    maximum_bank: wp.float64
    overcontrol: wp.float64
    reversal_crossrange: wp.float64
    reversal_crossrange_s2: wp.float64
    alignment_speed: wp.float64
    alignment_gain: wp.float64
    alignment_limit: wp.float64
    cycle: wp.float64
    straighten_speed: wp.float64
    balance_delay: wp.float64
    balance_interval: wp.float64
    balance_pair: wp.int32
    deploy_range: wp.float64
    deploy_mach: wp.float64
    mach_minimum: wp.float64
    mach_maximum: wp.float64
    heat_shield_mach: wp.float64
    heat_shield_delay: wp.float64
    approach_deceleration: wp.float64
    free_fall: wp.float64
    constant_velocity: wp.float64
    constant_velocity_altitude: wp.float64
    divert_margin: wp.float64
    divert_minimum: wp.float64
    tilt_limit: wp.float64
    horizontal_frequency: wp.float64
    vertical_gain: wp.float64
    vertical_integral: wp.float64
    constant_deceleration: wp.float64
    heading: wp.float64
    crane_speed: wp.float64
    crane_altitude: wp.float64
    settle_speed: wp.float64
    settle: wp.float64
    offload_fraction: wp.float64
    offload: wp.float64
    climb: wp.float64
    climb_acceleration: wp.float64
    pitch: wp.float64
    flyaway_heading: wp.float64
    burn: wp.float64
    # what a dispersion changes; one, or zero, in the nominal case
    wind_factor: wp.float64
    wind_offset: wp.vec3d
    gust_factor: wp.float64
    axial_factor: wp.float64
    normal_factor: wp.float64
    canopy_drag_factor: wp.float64
    thrust_factor: wp.float64
    exhaust_factor: wp.float64
    # errors of what the vehicle believes, site axes; before and after the fix on the terrain
    navigation_position: wp.vec3d
    navigation_velocity: wp.vec3d
    navigation_fix: wp.vec3d
    radar_scale: wp.float64
    radar_bias: wp.float64
    entry_step: wp.float64
    descent_step: wp.float64
    entry_limit: wp.float64
    descent_limit: wp.float64


@wp.struct
class Ground:
    """Heights of the ground over the target's sphere: a wide grid, a fine one at the target.

    Rows run north, columns east; both grids are square and centred on the target.
    """

    wide: wp.array(dtype=wp.float32, ndim=2)
    wide_step: wp.float64
    fine: wp.array(dtype=wp.float32, ndim=2)
    fine_step: wp.float64


@wp.struct
class Tables:
    """What depends on something continuous, on even grids."""

    air: wp.array(dtype=AirRow)
    # of each case: gusts toward east and north, perturbation of density, unit variance
    gusts: wp.array(dtype=wp.vec2f, ndim=2)
    density: wp.array(dtype=wp.float32, ndim=2)
    gust_rms: wp.float64
    gust_step: wp.float64
    gust_drift: wp.float64
    density_step: wp.float64
    axial: wp.array(dtype=wp.float64)
    normal: wp.array(dtype=wp.float64)
    canopy_drag: wp.array(dtype=wp.float64)
    ground: Ground


def _planet_and_site(mission: Mission) -> dict[str, Any]:
    frame = SiteFrame.of(mission.site)
    planet = mission.planet
    return {
        "gm": planet.gm_m3_s2,
        "j2": planet.j2,
        "reference_radius": planet.reference_radius_m,
        "rotation": planet.rotation_rate_rad_s,
        "site_radius": mission.site.radius_m,
        "site": frame.origin_m,
        "east": frame.axes[0],
        "north": frame.axes[1],
        "up": frame.axes[2],
        "datum_radius": mission.atmosphere.datum_radius_m,
        "density_factor": 1.0,
        "entry_position": mission.entry.position_m,
        "entry_velocity": mission.entry.velocity_m_s,
        "entry_bank": np.radians(mission.entry.bank_deg),
    }


def _capsule(mission: Mission) -> dict[str, Any]:
    masses, stack = mission.vehicle.masses, mission.vehicle.stack
    shell, control = mission.vehicle.aeroshell, mission.vehicle.reaction_control
    return {
        "rover_mass": masses.rover_kg,
        "stage_mass": masses.descent_stage_dry_kg,
        "propellant": masses.propellant_kg,
        "backshell_mass": masses.backshell_kg,
        "parachute_mass": masses.parachute_kg,
        "heat_shield_mass": masses.heat_shield_kg,
        "balance_mass": masses.balance_mass_kg,
        "balance_count": masses.balance_mass_count,
        "inertia": masses.capsule_inertia_kg_m2,
        "stage_position": stack.descent_stage_position_m,
        "rover_position": stack.rover_position_m,
        "riser_position": stack.riser_position_m,
        "pack_position": stack.parachute_position_m,
        "edge_height": stack.lower_edge_height_m,
        "mass_centre": stack.mass_centre_position_m,
        "area": np.pi / 4 * shell.diameter_m**2,
        "diameter": shell.diameter_m,
        "nose_radius": shell.nose_radius_m,
        "cone_sine2": np.sin(np.radians(shell.cone_half_angle_deg)) ** 2,
        "trim_angle": np.radians(shell.trim_angle_deg),
        "sutton_graves": shell.sutton_graves_kg05_m,
        "moment_slope": shell.moment_slope_1_rad,
        "bank_rate": np.radians(control.bank_rate_limit_deg_s),
        "bank_acceleration": np.radians(control.bank_acceleration_limit_deg_s2),
        "pitch_frequency": control.pitch_frequency_rad_s,
        "pitch_damping": control.pitch_damping,
        "rate_damping": control.rate_damping_n_m_s,
        "control_flow": control.propellant_kg_rad,
    }


def _parachute_and_falling(mission: Mission) -> dict[str, Any]:
    chute, vehicle = mission.vehicle.parachute, mission.vehicle
    return {
        "canopy_area": np.pi / 4 * chute.diameter_m**2,
        "canopy_diameter": chute.diameter_m,
        "mortar_speed": chute.mortar_speed_m_s,
        "line_length": chute.line_length_m,
        "line_stiffness": chute.line_stiffness_n_m,
        "line_damping": chute.line_damping_n_s_m,
        "pack_drag_area": chute.pack_drag_area_m2,
        "filling_diameters": chute.filling_diameters,
        "filling_exponent": chute.filling_exponent,
        "apparent_mass_factor": chute.apparent_mass_factor,
        "load_limit": chute.load_limit_n,
        "shield_drag_area": vehicle.heat_shield.drag_area_m2,
        "shield_speed": vehicle.heat_shield.separation_speed_m_s,
        "backshell_drag_area": vehicle.backshell.drag_area_m2,
        "backshell_speed": vehicle.backshell.separation_speed_m_s,
        "balance_drag_area": vehicle.balance_mass.drag_area_m2,
        "balance_speed": vehicle.balance_mass.separation_speed_m_s,
    }


def _lander(mission: Mission) -> dict[str, Any]:
    engines, bridle = mission.vehicle.engines, mission.vehicle.bridle
    cosines = np.cos(np.radians(engines.cant_deg))
    return {
        "axial_all": float(cosines.sum()),
        "axial_four": float(cosines[engines.sky_crane].sum()),
        "thrust_minimum": engines.thrust_minimum_n,
        "thrust_maximum": engines.thrust_maximum_n,
        "exhaust_speed": engines.exhaust_speed_m_s,
        "lag": engines.lag_s,
        "attitude_frequency": engines.attitude_frequency_rad_s,
        "attitude_damping": engines.attitude_damping,
        "angular_limit": np.radians(engines.angular_acceleration_limit_deg_s2),
        "lander_drag_area": engines.drag_area_m2,
        "bridle_length": bridle.length_m,
        "payout_speed": bridle.payout_speed_m_s,
        "payout_acceleration": bridle.payout_acceleration_m_s2,
        "bridle_stiffness": bridle.stiffness_n_m,
        "bridle_damping": bridle.damping_n_s_m,
        "ground_stiffness": bridle.ground_stiffness_n_m,
        "ground_damping": bridle.ground_damping_n_s_m,
        "ground_friction": bridle.ground_friction,
        "touchdown_limit": mission.vehicle.touchdown_speed_limit_m_s,
        "across_limit": mission.vehicle.touchdown_across_limit_m_s,
    }


def _entry_guidance(mission: Mission) -> dict[str, Any]:
    entry, chute = mission.guidance.entry, mission.guidance.parachute
    return {
        "range_control_load": entry.range_control_load_m_s2,
        "late_bank": np.radians(entry.late_bank_deg),
        "early_speed": entry.early_speed_m_s,
        "minimum_bank": np.radians(entry.minimum_bank_deg),
        "maximum_bank": np.radians(entry.maximum_bank_deg),
        "overcontrol": entry.overcontrol,
        "reversal_crossrange": entry.reversal_crossrange_m,
        "reversal_crossrange_s2": entry.reversal_crossrange_s2_m,
        "alignment_speed": entry.heading_alignment_speed_m_s,
        "alignment_gain": entry.heading_alignment_gain,
        "alignment_limit": np.radians(entry.heading_alignment_limit_deg),
        "cycle": entry.cycle_s,
        "straighten_speed": chute.straighten_speed_m_s,
        "balance_delay": chute.balance_delay_s,
        "balance_interval": chute.balance_interval_s,
        "balance_pair": chute.balance_pair,
        "deploy_range": chute.deploy_range_m,
        "deploy_mach": chute.mach_reference,
        "mach_minimum": chute.mach_minimum,
        "mach_maximum": chute.mach_maximum,
        "heat_shield_mach": chute.heat_shield_mach,
        "heat_shield_delay": chute.heat_shield_delay_s,
    }


def _descent_guidance(mission: Mission) -> dict[str, Any]:
    powered, crane = mission.guidance.powered, mission.guidance.sky_crane
    flyaway, steps = mission.guidance.flyaway, mission.guidance.steps
    return {
        "approach_deceleration": powered.deceleration_m_s2,
        "free_fall": powered.free_fall_s,
        "constant_velocity": powered.constant_velocity_m_s,
        "constant_velocity_altitude": powered.constant_velocity_altitude_m,
        "divert_margin": powered.divert_margin_s,
        "divert_minimum": powered.divert_minimum_m,
        "tilt_limit": np.radians(powered.tilt_limit_deg),
        "horizontal_frequency": powered.horizontal_frequency_rad_s,
        "vertical_gain": powered.vertical_gain_1_s,
        "vertical_integral": powered.vertical_integral_1_s2,
        "constant_deceleration": powered.constant_deceleration_m_s2,
        "heading": np.radians(powered.heading_deg),
        "crane_speed": crane.speed_m_s,
        "crane_altitude": crane.altitude_m,
        "settle_speed": crane.settle_speed_m_s,
        "settle": crane.settle_s,
        "offload_fraction": crane.offload_fraction,
        "offload": crane.offload_s,
        "climb": flyaway.climb_m,
        "climb_acceleration": flyaway.climb_acceleration_m_s2,
        "pitch": np.radians(flyaway.pitch_deg),
        "flyaway_heading": np.radians(flyaway.heading_deg),
        "burn": flyaway.burn_s,
        "entry_step": steps.entry_s,
        "descent_step": steps.descent_s,
        "entry_limit": steps.entry_limit_s,
        "descent_limit": steps.descent_limit_s,
    }


def _undispersed(_: Mission) -> dict[str, Any]:
    ones = ("wind_factor", "gust_factor", "axial_factor", "normal_factor", "canopy_drag_factor")
    ones += ("thrust_factor", "exhaust_factor", "radar_scale")
    zeros = ("navigation_position", "navigation_velocity", "navigation_fix", "wind_offset")
    return dict.fromkeys(ones, 1.0) | dict.fromkeys(zeros, 0.0) | {"radar_bias": 0.0}


def case_record(mission: Mission, count: int = 1) -> NDArray[Any]:
    """Return `count` equal cases of a mission as a structured array laid out like `Case`."""
    values: dict[str, Any] = {}
    for part in (
        _planet_and_site,
        _capsule,
        _parachute_and_falling,
        _lander,
        _entry_guidance,
        _descent_guidance,
        _undispersed,
    ):
        values |= part(mission)
    record = np.zeros(count, dtype=Case.numpy_dtype())
    names = set(record.dtype.names or ())
    if names != set(values):
        raise AssertionError(f"fields of Case and of the mission differ: {names ^ set(values)}")
    for name, value in values.items():
        record[name] = value
    return record


def flat_ground(device: str) -> Ground:
    """Return ground at the height of the target everywhere."""
    return ground_of(lambda east, north: np.zeros_like(east), device)


def ground_of(height_m: HeightFunction, device: str) -> Ground:
    """Return the ground of `height_m(east_m, north_m)`, heights over the target's sphere."""
    ground = Ground()
    for name, half, step in (("wide", 16_000.0, 64.0), ("fine", 200.0, 1.0)):
        axis = np.arange(-half, half + step / 2, step)
        east, north = np.meshgrid(axis, axis)
        heights = np.asarray(height_m(east, north), dtype=np.float32)
        setattr(ground, name, wp.array(heights, dtype=wp.float32, device=device))
        setattr(ground, f"{name}_step", step)
    return ground


def make_tables(
    mission: Mission,
    *,
    device: str,
    ground: Ground | None = None,
) -> Tables:
    """Return the tables of a mission on a device, without gusts (see `with_gusts`).

    The ground is level at the target's height where None is given.
    """

    def put(values: Array) -> wp.array:
        return wp.array(np.ascontiguousarray(values), dtype=wp.float64, device=device)

    shell, chute = mission.vehicle.aeroshell, mission.vehicle.parachute
    tables = Tables()
    tables.air = wp.array(air_rows(mission), dtype=AirRow, device=device)
    tables.gust_rms = mission.wind.gust_rms_m_s
    tables.gust_step = gust_step_m(mission.wind)
    tables.gust_drift = mission.wind.gust_drift_m_s
    tables.density_step = density_step_m(mission.atmosphere)
    tables.axial = put(mach_grid(shell.mach, shell.axial_coefficient))
    tables.normal = put(mach_grid(shell.mach, shell.normal_factor))
    tables.canopy_drag = put(mach_grid(chute.mach, chute.drag_coefficient))
    tables.ground = flat_ground(device) if ground is None else ground
    return tables


def with_gusts(
    tables: Tables, mission: Mission, *, device: str, seed: int, case_ids: Sequence[int]
) -> Tables:
    """Return the same tables with gusts and density perturbations of cases, by (seed, case).

    Case 0, the one compared with the flight, has gusts but no perturbation of the density.
    """
    gusts = np.stack([gust_series(seed, case) for case in case_ids])
    density = np.stack([density_series(seed, case) for case in case_ids])
    density[[case == 0 for case in case_ids]] = 0.0
    out = Tables()
    for name in Tables.vars:
        if name not in ("gusts", "density"):
            setattr(out, name, getattr(tables, name))
    out.gusts = wp.array(gusts, dtype=wp.vec2f, device=device)
    out.density = wp.array(density, dtype=wp.float32, device=device)
    return out
