"""Billows and streaks of each plume's sheet, which its flow carries outward.

The pattern stands still in (azimuth, logarithm of the distance less a phase): a moment later it is
the same, farther out and wider. Billows are clouds as long as wide there. Streaks are the same
clouds drawn out along the flow, many widths and strengths at once, that meet and part like braids;
the farther out, the finer they are to a radian, so that the widest measure the same in metres near
a plume as far from it. What is too wide there fades out and what is finer fades in.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes
from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_noise import cloud
from skycrane.cameras.dust_state import DustState

__all__ = ["Fan", "Stream", "offset", "stream"]

wp.set_module_options({"enable_backward": False})

_FIRST = wp.constant(14.0)
"""Streaks' cells to a radian nearest to a plume; each finer size has twice as many."""
_LONG = wp.constant(15.0)
"""How much longer than wide streaks are: a metre or two, as in the flown images."""
_SIZES = wp.constant(8.0)
"""Sizes that there are at the most, beyond the first."""
_CELL = wp.constant(0.1)
"""A cell over the width of usual streaks: clouds of the cube measure 3 to 40 cells."""
_STEP = wp.constant(1.2)
"""How far up the sun a flank is compared, cells."""
_BILLOW = wp.constant(26.0)
"""Billows' cells to a radian: they measure a tenth to one of the distance to the plume."""
_SLOWER = wp.constant(0.85)
"""Speed of billows, whose heads stand higher, over that of streaks."""
_TOWARD = wp.constant(0.07)
"""How far up the sun billows are compared, share of the distance to the plume."""


@wp.struct
class Fan:
    """A place in the sheet of the plume that rules it.

    Attributes:
        out: unit vector from the plume's middle, east and north.
        r: distance from it, m.
        log: logarithm of that.
        which: tells plumes apart.
        foot: what the camera tells apart, m.
    """

    out: wp.vec2
    r: float
    log: float
    which: int
    foot: float


@wp.struct
class Stream:
    """What the flow carries past a place.

    Attributes:
        billow: how much thicker the sheet is there, about -2 to 2.
        lit: light and shade of that, likewise.
        line: streaks: 0 on the mean, few far above it.
        flank: rise of their flanks toward the sun.
    """

    billow: float
    lit: float
    line: float
    flank: float


@wp.func
def offset(state: DustState, i: int, east: float, north: float) -> wp.vec2:
    """Return the vector [m] from a plume's impingement, drawn out along its row of engines."""
    de = east - state.east[i]
    dn = north - state.north[i]
    he = state.half_east[i]
    hn = state.half_north[i]
    along = (de * he + dn * hn) / wp.max(he * he + hn * hn, 1.0e-4)
    # A soft row: never so flat that streaks of one azimuth would fill a band.
    pull = 0.55 * along / wp.sqrt(1.0 + along * along)
    return wp.vec2(de - pull * he, dn - pull * hn)


@wp.func
def _billow(state: DustState, fan: Fan, radial: float, across: float) -> float:
    """Return billows a little aside, by a share of the distance to the plume."""
    u = _BILLOW * (fan.out[0] - across * fan.out[1])
    v = _BILLOW * (fan.out[1] + across * fan.out[0])
    run = 0.7 * _BILLOW * (fan.log + radial - _SLOWER * state.phase)
    # They turn over as they go.
    return cloud(state.cube, u + 7.0 * float(fan.which), v + 0.6 * state.drift, run)


@wp.func
def _strands(state: DustState, fan: Fan, size: int, aside: float, step: float) -> float:
    """Return streaks of a size, pushed `aside` [rad], `step` cells across the flow."""
    often = _FIRST * float(1 << size)
    turn = aside + step / often
    u = often * (fan.out[0] - turn * fan.out[1])
    v = often * (fan.out[1] + turn * fan.out[0])
    run = often / _LONG * (fan.log - state.phase)
    return cloud(state.cube, u, v + 23.0 * float(fan.which + 3 * size), run)


@wp.func
def _line(n: float) -> float:
    """Return few bright lines and many faint ones of evenly spread numbers, 0 on the mean."""
    p = wp.max(n, 0.0)
    return 0.5 * n + 0.16 * p * p - 0.08


@wp.func
def stream(state: DustState, fan: Fan) -> Stream:
    """Return what the flow carries past a place: billows, and streaks in bundles between them."""
    s = Stream()
    sun_out = state.sun_east * fan.out[0] + state.sun_north * fan.out[1]
    sun_across = state.sun_north * fan.out[0] - state.sun_east * fan.out[1]
    s.billow = _billow(state, fan, 0.0, 0.0)
    s.lit = s.billow - _billow(state, fan, _TOWARD * sun_out, _TOWARD * sun_across)
    # What a camera cannot tell apart shows as wider streaks, and fainter.
    cell = wp.max(_CELL * state.streak_width, 0.3 * fan.foot)
    faint = wp.sqrt(_CELL * state.streak_width / cell)
    size = wp.clamp(wp.log2(fan.r / (_FIRST * cell)), 0.0, _SIZES)
    whole = int(size)
    part = size - float(whole)
    # As the place goes outward, weights go over from one size to the next without a step.
    part = wp.smoothstep(0.25, 0.75, part)
    aside = 0.004 * s.billow
    nearest = wp.where(part < 0.5, whole, whole + 1)
    strand = _strands(state, fan, nearest, aside, 0.0)
    n = float(strand)
    alone = float(1.0)
    if part > 0.0 and part < 1.0:
        other = _strands(state, fan, 2 * whole + 1 - nearest, aside, 0.0)
        share = wp.min(part, 1.0 - part)
        n = (strand + (other - strand) * share) / wp.sqrt(1.0 - 2.0 * share * (1.0 - share))
        alone = 1.0 - 2.0 * share
    # At the foot all run together.
    some = faint * wp.smoothstep(0.3, 1.0, fan.r / (2.0 * _FIRST * wp.max(fan.foot, 0.01)))
    some *= wp.clamp(0.85 + 0.3 * s.billow, 0.2, 1.6)
    s.line = some * _line(n)
    # Of one size only, and none where the other is as strong.
    alone *= wp.abs(sun_across)
    if alone > 0.1:
        up = _strands(state, fan, nearest, aside, wp.where(sun_across > 0.0, _STEP, -_STEP))
        s.flank = some * (strand - up) * (alone - 0.1)
    return s
