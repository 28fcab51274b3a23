"""One case as the kernels see it: the mission's numbers, its tables, the ground."""

# Warp types arrays by calls and its built-ins loosely; mypy cannot follow either.
# mypy: disable-error-code="valid-type,arg-type,call-overload,assignment,attr-defined"
from __future__ import annotations

import warp as wp

from skycrane.mars.air_table import AirRow

__all__ = ["Case", "Ground", "Tables"]


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
    control_use: wp.float64
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
    runs: wp.array(dtype=wp.int32, ndim=2)
    bridle_stage: wp.array(dtype=wp.vec3d)
    bridle_rover: wp.array(dtype=wp.vec3d)
    wheels: wp.array(dtype=wp.vec3d)
    ground: Ground
