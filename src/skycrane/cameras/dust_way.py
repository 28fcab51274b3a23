"""The way of a ray through the engines' dust: from which height to which, over which ground."""

# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.dust import DustState, dust_optics

__all__ = ["dust_before"]

wp.set_module_options({"enable_backward": False})

_SKY_M = wp.constant(400.0)
"""How far a ray to the sky is followed."""


@wp.func
def dust_before(dust: DustState, t: float, on_ground: bool, o: wp.vec3, d: wp.vec3) -> wp.vec3:
    """Return (optical depth, brightness, swept share) of the dust before what a ray meets.

    `t` is the distance of that, negative for open sky; `o` and `d` are where the ray starts and
    looks in the local frame. Dust lies on the ground that is met. Far from it, where the ground met
    is a hill that the ray only ends on, the height of the ground under the dust counts instead.
    """
    reach = wp.where(t > 0.0, t, float(_SKY_M))
    floor = dust.ground
    p = o + d * reach
    high = wp.max(p[2] - floor, 0.01)
    if on_ground:
        wide = wp.max(6.0 * dust.veil_radius, dust.front)
        east = p[0] - dust.veil_east
        north = p[1] - dust.veil_north
        far = wp.smoothstep(wide, 2.0 * wide, wp.sqrt(east * east + north * north))
        floor = p[2] + (dust.ground - p[2]) * far
        high = wp.max(p[2] - floor, 0.0)
    start = wp.vec3(o[0], o[1], wp.max(o[2] - floor, 0.01))
    return dust_optics(dust, start, wp.vec3(p[0], p[1], high))
