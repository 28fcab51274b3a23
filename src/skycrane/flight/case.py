"""One case as the kernels see it: the mission's numbers, its tables, the ground."""

# Warp types arrays by calls and its built-ins loosely; mypy cannot follow either.
# mypy: disable-error-code="valid-type,arg-type,call-overload,assignment,attr-defined"
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.flight.mixing import mixing_rows
from skycrane.mars.air_table import AirRow, air_rows
from skycrane.mars.frames import SiteFrame
from skycrane.mars.turbulence import density_series, density_step_m, gust_series, gust_step_m
from skycrane.mars.wind import layer_scale
from skycrane.mission import Mission
from skycrane.mission.fault import (
    EngineOut,
    Fault,
    LowPropellant,
    NavigationBias,
    ParachuteFailed,
    ParachuteLate,
    ParachuteTorn,
    SensorDropout,
    WindStep,
)
from skycrane.vehicle.aerodynamics import aero_grid, mach_grid, nose_distance_m
from skycrane.vehicle.stage_shape import engine_axes

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
    rover_centre: wp.vec3d
    rover_inertia: wp.vec3d
    stage_centre: wp.vec3d
    stage_inertia: wp.vec3d
    tank_radius: wp.float64
    backshell_centre: wp.vec3d
    backshell_inertia: wp.vec3d
    shield_centre: wp.vec3d
    shield_inertia: wp.vec3d
    stage_position: wp.vec3d
    rover_position: wp.vec3d
    riser_position: wp.vec3d
    pack_position: wp.vec3d
    balance_position: wp.vec3d
    edge_height: wp.float64
    # of the whole entry vehicle; the kernels keep both up with what it carries
    inertia: wp.vec3d
    nose_to_centre: wp.float64
    # aeroshell and its thrusters
    area: wp.float64
    diameter: wp.float64
    nose_radius: wp.float64
    cone_sine2: wp.float64
    nose: wp.float64
    sutton_graves: wp.float64
    bank_rate: wp.float64
    bank_acceleration: wp.float64
    pitch_damping: wp.float64
    rate_damping: wp.float64
    control_arm: wp.float64
    control_exhaust: wp.float64
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
    breathing_mach: wp.float64
    breathing_depth: wp.float64
    breathing_strouhal: wp.float64
    sway_supersonic: wp.float64
    sway_subsonic: wp.float64
    canopy_trim: wp.float64
    canopy_normal_slope: wp.float64
    load_limit: wp.float64
    # falling bodies
    shield_tip_off: wp.vec3d
    shield_speed: wp.float64
    backshell_drag_area: wp.float64
    backshell_speed: wp.float64
    balance_drag_area: wp.float64
    balance_speed: wp.float64
    # engines, bridle, ground
    thrust_minimum: wp.float64
    thrust_maximum: wp.float64
    exhaust_low: wp.float64
    exhaust_high: wp.float64
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
    rover_turn_damping: wp.float64
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
    control: wp.float64
    straighten_speed: wp.float64
    balance_delay: wp.float64
    balance_interval: wp.float64
    balance_pair: wp.int32
    by_range: wp.int32
    deploy_range: wp.float64
    deploy_speed: wp.float64
    deploy_mach: wp.float64
    mach_minimum: wp.float64
    mach_maximum: wp.float64
    pressure_minimum: wp.float64
    pressure_maximum: wp.float64
    heat_shield_mach: wp.float64
    heat_shield_delay: wp.float64
    to_target: wp.int32
    fix_altitude: wp.float64
    radar_range: wp.float64
    approach_deceleration: wp.float64
    free_fall: wp.float64
    constant_velocity: wp.float64
    constant_velocity_altitude: wp.float64
    divert_margin: wp.float64
    divert_minimum: wp.float64
    divert_maximum: wp.float64
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
    # faults; see mission.fault
    mortar_delay: wp.float64
    mortar_dead: wp.int32
    tear_left: wp.float64
    engine_out: wp.int32
    engine_out_delay: wp.float64
    wind_step_altitude: wp.float64
    wind_step: wp.vec3d
    dropout_start: wp.float64
    dropout_end: wp.float64
    # how it is computed
    point: wp.int32
    tick: wp.float64
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
    gust_per_m: wp.float64
    gust_drift: wp.float64
    gust_top: wp.float64
    density_per_m: wp.float64
    # the datum of heights sinks toward the poles by so much a squared sine of latitude
    datum_sink: wp.float64
    site_sine2: wp.float64
    layer_top: wp.float64
    layer_roughness: wp.float64
    layer_scale: wp.float64
    aero: wp.array(dtype=wp.vec4d)
    canopy_drag: wp.array(dtype=wp.float64)
    # the lander: nozzles, directions of their exhaust, what each gives to force and torques
    engine_points: wp.array(dtype=wp.vec3d)
    engine_axes: wp.array(dtype=wp.vec3d)
    mixing: wp.array(dtype=wp.vec4d, ndim=2)
    bridle_stage: wp.array(dtype=wp.vec3d)
    bridle_rover: wp.array(dtype=wp.vec3d)
    wheels: wp.array(dtype=wp.vec3d)
    ground: Ground


def _planet_and_site(mission: Mission) -> dict[str, Any]:
    frame = SiteFrame.of(mission.site)
    planet = mission.planet
    position, velocity = mission.entry.state(planet)
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
        "entry_position": position,
        "entry_velocity": velocity,
        "entry_bank": np.radians(mission.entry.bank_deg),
    }


def _capsule(mission: Mission) -> dict[str, Any]:
    masses, stack = mission.vehicle.masses, mission.vehicle.stack
    shell, control = mission.vehicle.aeroshell, mission.vehicle.reaction_control
    inertia = mission.vehicle.inertia
    return {
        "rover_mass": masses.rover_kg,
        "stage_mass": masses.descent_stage_dry_kg,
        "propellant": masses.propellant_kg,
        "backshell_mass": masses.backshell_kg,
        "parachute_mass": masses.parachute_kg,
        "heat_shield_mass": masses.heat_shield_kg,
        "balance_mass": masses.balance_mass_kg,
        "balance_count": masses.balance_mass_count,
        "rover_centre": inertia.rover_centre_m,
        "rover_inertia": inertia.rover_kg_m2,
        "stage_centre": inertia.descent_stage_centre_m,
        "stage_inertia": inertia.descent_stage_kg_m2,
        "tank_radius": inertia.tank_radius_m,
        "backshell_centre": inertia.backshell_centre_m,
        "backshell_inertia": inertia.backshell_kg_m2,
        "shield_centre": inertia.heat_shield_centre_m,
        "shield_inertia": inertia.heat_shield_kg_m2,
        "balance_position": mission.vehicle.balance_mass_position_m,
        "inertia": 0.0,
        "nose_to_centre": 0.0,
        "stage_position": stack.descent_stage_position_m,
        "rover_position": stack.rover_position_m,
        "riser_position": stack.riser_position_m,
        "pack_position": stack.parachute_position_m,
        "edge_height": stack.lower_edge_height_m,
        "area": np.pi / 4 * shell.diameter_m**2,
        "diameter": shell.diameter_m,
        "nose_radius": shell.nose_radius_m,
        "cone_sine2": np.sin(np.radians(shell.cone_half_angle_deg)) ** 2,
        "nose": nose_distance_m(shell),
        "sutton_graves": shell.sutton_graves_kg05_m,
        "bank_rate": np.radians(control.bank_rate_limit_deg_s),
        "bank_acceleration": np.radians(control.bank_acceleration_limit_deg_s2),
        "pitch_damping": control.pitch_damping,
        "rate_damping": control.rate_damping_n_m_s,
        "control_arm": control.arm_m,
        "control_exhaust": control.exhaust_speed_m_s,
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
        "breathing_mach": chute.breathing_mach,
        "breathing_depth": chute.breathing_depth,
        "breathing_strouhal": chute.breathing_strouhal,
        "sway_supersonic": chute.sway_supersonic,
        "sway_subsonic": chute.sway_subsonic,
        "canopy_trim": np.radians(chute.trim_angle_deg),
        "canopy_normal_slope": chute.normal_slope_1_rad,
        "load_limit": chute.load_limit_n,
        "shield_tip_off": np.radians(vehicle.heat_shield.tip_off_deg_s),
        "shield_speed": vehicle.heat_shield.separation_speed_m_s,
        "backshell_drag_area": vehicle.backshell.drag_area_m2,
        "backshell_speed": vehicle.backshell.separation_speed_m_s,
        "balance_drag_area": vehicle.balance_mass.drag_area_m2,
        "balance_speed": vehicle.balance_mass.separation_speed_m_s,
    }


def _lander(mission: Mission) -> dict[str, Any]:
    engines, bridle = mission.vehicle.engines, mission.vehicle.bridle
    return {
        "thrust_minimum": engines.thrust_minimum_n,
        "thrust_maximum": engines.thrust_maximum_n,
        "exhaust_low": engines.exhaust_speed_minimum_m_s,
        "exhaust_high": engines.exhaust_speed_maximum_m_s,
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
        "rover_turn_damping": bridle.turn_damping_n_m_s,
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
        "control": entry.control_s,
        "straighten_speed": chute.straighten_speed_m_s,
        "balance_delay": chute.balance_delay_s,
        "balance_interval": chute.balance_interval_s,
        "balance_pair": chute.balance_pair,
        "by_range": int(chute.deploy_trigger == "range"),
        "deploy_range": chute.deploy_range_m,
        "deploy_speed": chute.deploy_speed_m_s if chute.deploy_trigger == "speed" else 0.0,
        "pressure_minimum": chute.dynamic_pressure_minimum_pa,
        "pressure_maximum": chute.dynamic_pressure_maximum_pa,
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
        "to_target": int(mission.guidance.navigation.fix_on_terrain),
        "fix_altitude": mission.guidance.navigation.fix_altitude_m,
        "radar_range": mission.guidance.navigation.radar_range_m,
        "approach_deceleration": powered.deceleration_m_s2,
        "free_fall": powered.free_fall_s,
        "constant_velocity": powered.constant_velocity_m_s,
        "constant_velocity_altitude": powered.constant_velocity_altitude_m,
        "divert_margin": powered.divert_margin_s,
        "divert_minimum": powered.divert_minimum_m,
        "divert_maximum": powered.divert_maximum_m,
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
        "point": 0,
        "tick": steps.computer_s,
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


def _faults(_: Mission) -> dict[str, Any]:
    """Return the faults that hold from the start; `_inject` adds those the mission asks for."""
    return {
        "mortar_delay": 0.0,
        "mortar_dead": 0,
        "tear_left": 1.0,
        "engine_out": -1,
        "engine_out_delay": 0.0,
        "wind_step_altitude": -1e9,
        "wind_step": 0.0,
        "dropout_start": np.inf,
        "dropout_end": np.inf,
    }


def _inject(fault: Fault) -> dict[str, Any]:
    """Return the fields of `Case` that a fault changes."""
    match fault:
        case ParachuteLate():
            return {"mortar_delay": fault.delay_s}
        case ParachuteTorn():
            return {"tear_left": fault.area_left}
        case ParachuteFailed():
            return {"mortar_dead": 1}
        case EngineOut():
            return {"engine_out": fault.engine, "engine_out_delay": fault.delay_s}
        case NavigationBias():
            return {
                "navigation_position": fault.position_m,
                "navigation_velocity": fault.velocity_m_s,
                "navigation_fix": [*fault.fix_m, 0.0],
            }
        case WindStep():
            step = [fault.east_m_s, fault.north_m_s, 0.0]
            return {"wind_step_altitude": fault.altitude_m, "wind_step": step}
        case LowPropellant():
            return {"propellant": fault.propellant_kg}
        case SensorDropout():
            end = fault.delay_s + fault.duration_s
            return {"dropout_start": fault.delay_s, "dropout_end": end}


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
        _faults,
    ):
        values |= part(mission)
    for fault in mission.fault:
        values |= _inject(fault)
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


def _mixing(mission: Mission) -> Array:
    """Return the table of `mixing_rows`, with half the propellant for all eight engines."""
    vehicle, stage = mission.vehicle, mission.shape.stage
    masses, stack, inertia = vehicle.masses, vehicle.stack, vehicle.inertia
    at_stage = np.add(stack.descent_stage_position_m, inertia.descent_stage_centre_m)
    at_rover = np.add(stack.rover_position_m, inertia.rover_centre_m)

    def joint(propellant_kg: float) -> Array:
        carried = masses.descent_stage_dry_kg + propellant_kg
        both = carried * at_stage + masses.rover_kg * at_rover
        return np.asarray(both / (carried + masses.rover_kg))

    points = np.add(stage.engine_points_m, stack.descent_stage_position_m)
    centres = [joint(0.6 * masses.propellant_kg), joint(0.25 * masses.propellant_kg), at_stage]
    four = list(vehicle.engines.sky_crane)
    running = [list(range(8)), four, four]
    return mixing_rows(points, engine_axes(stage, vehicle.engines), np.array(centres), running)


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

    def put_vectors(values: Any) -> wp.array:
        return wp.array(np.asarray(values, dtype=np.float64), dtype=wp.vec3d, device=device)

    vehicle, shape = mission.vehicle, mission.shape
    tables = Tables()
    tables.air = wp.array(air_rows(mission), dtype=AirRow, device=device)
    tables.gust_rms = mission.wind.gust_rms_m_s
    tables.gust_per_m = 1.0 / gust_step_m(mission.wind)
    tables.gust_drift = mission.wind.gust_drift_m_s
    tables.gust_top = mission.wind.gust_top_m
    tables.density_per_m = 1.0 / density_step_m(mission.atmosphere)
    tables.datum_sink = mission.atmosphere.flattening * mission.atmosphere.datum_radius_m
    tables.site_sine2 = math.sin(math.radians(mission.site.latitude_deg)) ** 2
    tables.layer_top = mission.wind.surface_layer_m
    tables.layer_roughness = mission.wind.roughness_m
    tables.layer_scale = layer_scale(mission.wind)
    tables.aero = wp.array(aero_grid(vehicle.aeroshell), dtype=wp.vec4d, device=device)
    chute = vehicle.parachute
    tables.canopy_drag = put(mach_grid(chute.mach, chute.drag_coefficient))
    tables.engine_points = put_vectors(shape.stage.engine_points_m)
    tables.engine_axes = put_vectors(engine_axes(shape.stage, vehicle.engines))
    tables.mixing = wp.array(_mixing(mission), dtype=wp.vec4d, device=device)
    tables.bridle_stage = put_vectors(shape.bridles.stage_points_m)
    tables.bridle_rover = put_vectors(shape.bridles.rover_points_m)
    xs, ys = shape.rover.wheel_x_m, shape.rover.wheel_y_m
    wheels = [[x, side * y, 0.0] for x, y in zip(xs, ys, strict=True) for side in (-1, 1)]
    tables.wheels = put_vectors(wheels)
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
