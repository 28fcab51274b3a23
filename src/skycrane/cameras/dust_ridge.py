"""Where the sheets of two sides meet: a fountain of dust that leans, curls and is carried off.

Wall jets that run into each other turn up as a fan along the line where they are equally strong; it
is broad, unsteady and sways as a whole (Saddington, Knowles and Cabrita 2009, Aeronaut. J. 113,
139, on twin jets). What is drawn follows the flown images: an edge that wavers by metres, sharp
toward the clearer side, bright where it breaks, with folds and thin sheets behind it.
"""

from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_noise import cloud, noise
from skycrane.cameras.dust_state import DustState

__all__ = ["MEETING_LIMIT", "Meeting", "meeting"]

wp.set_module_options({"enable_backward": False})

MEETING_LIMIT = 3.4
"""Logarithm of the sides' strengths beyond which nothing of the fountain is left."""
_LIMIT = wp.constant(MEETING_LIMIT)


@wp.struct
class Meeting:
    """The fountain at a place.

    Attributes:
        crest: the breaking edge, 0 to about 1.5.
        behind: what it threw up and what overruns the other sheet, 0 to about 1.
        shade: light and shade of both.
    """

    crest: float
    behind: float
    shade: float


@wp.func
def meeting(state: DustState, apart: float, at: wp.vec2) -> Meeting:
    """Return the fountain where the sheets of both sides meet, at a place east and north.

    `apart` is the logarithm of how much stronger the right side's sheets are than the left side's.
    The side that thrusts more raises more: its cloud ends sharply where the other's flow holds it.
    """
    m = Meeting()
    # Folds form at the edge and are carried off into the thicker side.
    t = state.drift
    across = state.ridge_across
    lean = state.ridge_lean
    x = at[0] * across[0] + at[1] * across[1] - lean * t
    y = at[1] * across[0] - at[0] * across[1]
    w1 = noise(state.lattice, 7, 0.09 * x, 0.13 * y, 0.1 * t)
    w2 = noise(state.lattice, 9, 0.3 * x + 0.8 * w1, 0.4 * y, 0.15 * t)
    width = state.ridge_width
    gap = lean * apart + 0.9 * w1 + 0.36 * w2
    # Beyond what is torn there is nothing.
    if gap < -0.4 - (0.1 + 3.2 * state.ridge_soft) * width:
        return m
    px = x + 0.9 * w2
    py = y + 1.1 * w1 - 0.7 * w2
    # What breaks is torn; of two sizes, the one pushes the other aside.
    torn = wp.clamp(cloud(state.cube, 6.0 * px, 7.0 * py, 1.2 * t), -2.5, 2.5)
    fine = cloud(state.cube, 30.0 * px + 1.6 * torn, 36.0 * py - 1.6 * torn, 3.0 * t)
    gap += 0.08 * torn + 0.03 * fine
    far = 1.0 - wp.smoothstep(0.55, 1.0, wp.abs(apart) / _LIMIT)
    # Sharp toward the clear side, here more and there less, trailing off on the other.
    soft = state.ridge_soft * wp.max(1.0 + 0.3 * torn - 0.6 * w1, 0.1)
    face = wp.smoothstep(-(0.1 + 1.3 * soft) * width, (0.25 + 0.9 * soft) * width, gap)
    patch = wp.smoothstep(-0.75, 0.5, w2 - 0.7 * w1 + 0.15 * torn)
    wisp = 0.45 * torn + 0.5 * fine
    m.crest = face * wp.exp(-wp.max(gap, 0.0) / width) * (0.2 + 0.8 * patch) * far
    m.crest *= 0.6 * wp.exp(wp.max(1.0 - 0.4 * state.ridge_soft, 0.0) * wisp)
    m.behind = face * wp.exp(-wp.max(gap, 0.0) / 2.2) * far
    m.behind *= 0.5 * wp.exp(0.9 * wisp + 0.25 * w2)
    m.shade = (0.08 * m.crest + 0.06 * m.behind) * (1.0 + 1.5 * wisp)
    return m
