"""Light as the truth tells it: the share of the sun that a point sees, and dust before it."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import Bodies, body_shadow
from skycrane.cameras.dust import DustState
from skycrane.cameras.dust_way import dust_before

__all__ = ["DISC_RAYS", "bodies_sun", "through_dust"]

wp.set_module_options({"enable_backward": False})

DISC_RAYS = 32
"""Points on the sun's disk that visibility is counted by; the first 8 alone where they agree."""

_DISC = wp.constant(DISC_RAYS)
_PROBES = wp.constant(8)


@wp.func
def bodies_sun(b: Bodies, p: wp.vec3, sun: wp.vec3, half_sun: float) -> float:
    """Return the share of the sun's disk that no body covers."""
    helper = wp.where(wp.abs(sun[0]) < 0.7, wp.vec3(1.0, 0.0, 0.0), wp.vec3(0.0, 1.0, 0.0))
    e1 = wp.normalize(wp.cross(sun, helper))
    e2 = wp.cross(sun, e1)
    free = int(0)
    for n in range(_DISC):
        if n == _PROBES and (free == 0 or free == _PROBES):
            return wp.where(free == 0, 0.0, 1.0)
        # Points of a sunflower (Vogel 1979), its rim first: what comes over the disk's edge is met
        # by one of the first 8 before it covers a fiftieth.
        k = int(_DISC) - 1 - n
        r = half_sun * wp.sqrt((float(k) + 0.5) / float(_DISC))
        a = 2.39996323 * float(k)
        d = wp.normalize(sun + e1 * (r * wp.cos(a)) + e2 * (r * wp.sin(a)))
        if not body_shadow(b, p, d):
            free += 1
    return float(free) / float(_DISC)


@wp.func
def through_dust(dust: DustState, t: float, on_ground: bool, o: wp.vec3, d: wp.vec3) -> float:
    """Return the share of light that comes through the engines' dust from `t` m along a ray.

    `t` is negative for open sky; `o` and `d` are where the ray starts and looks, local frame.
    """
    if dust.active == 0:
        return float(1.0)
    optics = dust_before(dust, t, on_ground, o, d)
    return wp.exp(-optics[0])
