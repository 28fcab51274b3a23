"""Where the sheets of two sides meet: a fountain of dust that leans, curls and is carried off.

Wall jets that run into each other turn up as a fan along the line where they are equally strong; it
is broad, unsteady and sways as a whole (Saddington, Knowles and Cabrita 2009, Aeronaut. J. 113,
139, on twin jets). What is drawn follows the flown images: an edge that wavers by metres, sharp
toward the clearer side, bright where it breaks, with folds and thin sheets behind it.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes
from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_noise import noise
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
    if gap < -0.14 - (0.1 + 3.2 * state.ridge_soft) * width:
        return m
    px = x + 0.9 * w2
    py = y + 1.1 * w1 - 0.7 * w2
    w3 = noise(state.lattice, 13, 0.75 * px, 1.0 * py, 0.2 * t)
    w4 = noise(state.lattice, 15, 1.9 * px + 0.6 * w3, 2.4 * py - 0.6 * w3, 0.3 * t)
    gap += 0.09 * w3 + 0.04 * w4
    far = 1.0 - wp.smoothstep(0.55, 1.0, wp.abs(apart) / _LIMIT)
    # What breaks is a stack of thin sheets, each along the edge.
    leaf = float(0.0)
    if gap < 5.0 * width:
        leaf = noise(state.lattice, 19, 7.0 * gap + 0.9 * w4, 0.35 * py + 1.3 * w3, 0.3 * t)
    # Sharp toward the clear side, here more and there less, trailing off on the other.
    soft = state.ridge_soft * (1.0 + 0.8 * w3 - 0.6 * w1)
    face = wp.smoothstep(-(0.1 + 1.3 * soft) * width, (0.25 + 0.9 * soft) * width, gap)
    patch = wp.smoothstep(-0.75, 0.5, w2 - 0.7 * w1 + 0.3 * w3)
    fine = noise(state.lattice, 23, 4.7 * px + 0.8 * w4, 5.3 * py - 0.8 * w4, 0.4 * t)
    # Seen edge on, folds are bright lines.
    folds = 1.0 - wp.min(1.6 * wp.abs(w4 + 0.4 * fine + 0.5 * w3), 1.0)
    threads = wp.max(fine + 0.5 * w4, 0.0)
    wisps = 0.5 + 0.45 * wp.max(1.0 - state.ridge_soft, 0.0) * leaf
    wisps += 0.22 * folds * folds + 0.35 * threads
    m.crest = face * wp.exp(-wp.max(gap, 0.0) / width) * (0.2 + 0.8 * patch) * far
    m.crest *= wp.max(wisps, 0.05)
    m.behind = face * wp.exp(-wp.max(gap, 0.0) / 3.5) * far
    turned = 0.45 + 0.25 * w2 + 0.2 * w3 + 0.16 * folds * folds + 0.3 * threads
    m.behind *= wp.max(turned, 0.05)
    m.shade = 0.2 * m.crest * (0.4 + folds)
    return m
