"""The numbers of a mission as records of `Case`, with the faults it asks for."""

# Warp types arrays by calls and its built-ins loosely; mypy cannot follow either.
# mypy: disable-error-code="attr-defined,valid-type,call-overload"
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.flight.case import Case
from skycrane.mars.frames import SiteFrame
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
from skycrane.vehicle.aerodynamics import nose_distance_m

__all__ = ["case_record"]


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
        "control_use": control.point_mass_use_kg_s,
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
        # Found by `deploy_range.with_deploy_range` where the mission leaves it out.
        "deploy_range": chute.deploy_range_m or 0.0,
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
    ones = (
        "wind_factor",
        "gust_factor",
        "axial_factor",
        "normal_factor",
        "canopy_drag_factor",
        "thrust_factor",
        "exhaust_factor",
        "radar_scale",
    )
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
