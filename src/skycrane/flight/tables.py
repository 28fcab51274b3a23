"""The tables of a mission on a device: air, aerodynamics, engines, ground, gusts."""

# Warp types arrays by calls and its built-ins loosely; mypy cannot follow either.
# mypy: disable-error-code="valid-type,arg-type,call-overload,assignment,attr-defined"
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.flight.case import Ground, Tables
from skycrane.flight.mixing import mixing_rows
from skycrane.mars.air_table import AirRow, air_rows
from skycrane.mars.turbulence import density_series, density_step_m, gust_series, gust_step_m
from skycrane.mars.wind import layer_scale
from skycrane.mission import Mission
from skycrane.vehicle.aerodynamics import aero_grid, mach_grid
from skycrane.vehicle.stage_shape import engine_axes

__all__ = [
    "HeightFunction",
    "Heights",
    "flat_ground",
    "ground_heights",
    "ground_of",
    "ground_size",
    "make_tables",
    "with_gusts",
]

Array = NDArray[np.float64]
HeightFunction = Callable[[Array, Array], Array]
Heights = Mapping[str, NDArray[np.float32]]


_GRIDS = {"wide": (16_000.0, 64.0), "fine": (200.0, 1.0)}
"""Half width and step of each of the ground's grids, m."""


def _axis(name: str) -> Array:
    half, step = _GRIDS[name]
    return np.arange(-half, half + step / 2, step)


def ground_heights(height_m: HeightFunction) -> Heights:
    """Return the heights that flights need, of `height_m(east_m, north_m)` over the target sphere.

    Two square float32 grids about the target, rows northward: "wide" and "fine".
    """
    return {
        name: np.asarray(height_m(*np.meshgrid(_axis(name), _axis(name))), dtype=np.float32)
        for name in _GRIDS
    }


def ground_size(name: str) -> int:
    """Return how many heights a side of one of the grids of `ground_heights` has."""
    return len(_axis(name))


def ground_of(heights: Heights, device: str) -> Ground:
    """Return the ground of `ground_heights` on a device."""
    ground = Ground()
    for name, (_, step) in _GRIDS.items():
        setattr(ground, name, wp.array(heights[name], dtype=wp.float32, device=device))
        setattr(ground, f"{name}_step", step)
    return ground


def flat_ground(device: str) -> Ground:
    """Return ground at the height of the target everywhere."""
    return ground_of(ground_heights(lambda east, _: np.zeros_like(east)), device)


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
    mixing = _mixing(mission)
    tables.mixing = wp.array(mixing, dtype=wp.vec4d, device=device)
    tables.runs = wp.array(mixing.any(axis=2).astype(np.int32), dtype=wp.int32, device=device)
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
