"""Light on the dust: which way it sends it on, shade under the rover, what settled on a surface."""

from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_state import DustState

__all__ = ["covered", "phase", "settled_tint"]

wp.set_module_options({"enable_backward": False})


@wp.func
def covered(state: DustState, point: wp.vec3) -> float:
    """Return how much of its light dust gets at a point: less in the shadow of the rover's body."""
    rise = state.cover_height - point[2]
    if state.cover_height <= 0.0 or rise <= 0.0:
        return 1.0
    de = point[0] + state.sun_east * state.sun_run * rise - state.cover_east
    dn = point[1] + state.sun_north * state.sun_run * rise - state.cover_north
    ahead = wp.abs(de * state.cover_ahead[0] + dn * state.cover_ahead[1])
    aside = wp.abs(de * state.cover_ahead[1] - dn * state.cover_ahead[0])
    inside = wp.min(state.cover_half[0] - ahead, state.cover_half[1] - aside)
    # Dust in the air is a depth of it: its shadow has no sharp edge.
    dark = wp.smoothstep(-0.4, 0.4, inside)
    return 1.0 - (1.0 - state.cover_shade) * dark


@wp.func
def phase(state: DustState, d: wp.vec3) -> float:
    """Return how bright dust is seen along `d`: a lobe and an even part.

    The lobe is that of Henyey and Greenstein (1941); 1 at 120 degrees from forward, where cameras
    that look down see most of it.
    """
    up = 1.0 / wp.sqrt(1.0 + state.sun_run * state.sun_run)
    level = state.sun_run * up
    cosine = d[2] * up + level * (d[0] * state.sun_east + d[1] * state.sun_north)
    g = state.forward
    lobe = (1.0 + g * g + g) / (1.0 + g * g - 2.0 * g * cosine)
    return 1.0 + state.forward_share * (wp.min(lobe * wp.sqrt(lobe), 3.0) - 1.0)


@wp.func
def settled_tint(fallen: wp.vec4, up: float, under: wp.vec3) -> wp.vec3:
    """Return what dust that settled does to a surface's light, a factor by colour.

    Args:
        fallen: reflectance of the dust, by colour, and its optical depth on level ground.
        up: upward part of the surface's normal.
        under: the surface's own reflectance.
    """
    tint = wp.vec3(1.0, 1.0, 1.0)
    if up > 0.0:
        share = 1.0 - wp.exp(-fallen[3] * up)
        for c in range(3):
            tint[c] = 1.0 - share + share * fallen[c] / wp.max(under[c], 0.03)
    return tint
