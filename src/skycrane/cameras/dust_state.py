"""The dust at one instant, as the kernels are told of it."""

from __future__ import annotations

import warp as wp

__all__ = ["DustState"]


@wp.struct
class DustState:
    """The dust at one instant. Vectors of four hold one value a plume; lengths in m, site axes."""

    active: wp.int32
    seed: wp.uint32
    lattice: wp.array(dtype=float)  # type: ignore[valid-type]
    cube: wp.array(dtype=float)  # type: ignore[valid-type]
    ground: wp.float32
    east: wp.vec4
    north: wp.vec4
    half_east: wp.vec4
    half_north: wp.vec4
    reach: wp.vec4
    depth: wp.vec4
    side: wp.vec4
    gone: wp.vec4
    phase: wp.float32
    core_share: wp.float32
    decay_share: wp.float32
    height_share: wp.float32
    height_minimum: wp.float32
    front: wp.float32
    front_width: wp.float32
    streak_contrast: wp.float32
    streak_relief: wp.float32
    streak_width: wp.float32
    wake_contrast: wp.float32
    stone_share: wp.float32
    stone_radius: wp.float32
    ridge_depth: wp.float32
    ridge_width: wp.float32
    ridge_lean: wp.float32
    ridge_across: wp.vec2
    ridge_soft: wp.float32
    veil_depth: wp.float32
    veil_height: wp.float32
    veil_radius: wp.float32
    veil_east: wp.float32
    veil_north: wp.float32
    low_depth: wp.float32
    low_height: wp.float32
    drift: wp.float32
    carry: wp.vec2
    scour: wp.float32
    forward: wp.float32
    forward_share: wp.float32
    sun_east: wp.float32
    sun_north: wp.float32
    sun_run: wp.float32
    settled: wp.float32
    cover_east: wp.float32
    cover_north: wp.float32
    cover_height: wp.float32
    cover_ahead: wp.vec2
    cover_half: wp.vec2
    cover_shade: wp.float32
    trapped: wp.float32
    albedo: wp.vec3
    bumps: wp.array2d(dtype=wp.vec3)  # type: ignore[valid-type]
    bump_east: wp.float32
    bump_north: wp.float32
    bump_cell: wp.float32
