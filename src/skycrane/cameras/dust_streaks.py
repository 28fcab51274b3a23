"""Fans and streaks of each plume's sheet.

All of it is noise that a plume's flow carries outward, so that the pattern stands still in
(azimuth, logarithm of the distance less a phase). Streaks are as wide in metres near a plume as
far from it, as in the flown images: the farther out, the more of them there are to a radian. What
is too wide there fades out and what is finer fades in.
"""

from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_noise import noise, noise_slope
from skycrane.cameras.dust_state import DustState

__all__ = ["Fan", "offset", "streak"]

wp.set_module_options({"enable_backward": False})

_FIRST = wp.constant(11.0)
"""Streaks' cells to a radian nearest to a plume; each finer size has twice as many."""
_LONG = wp.constant(17.0)
"""How much longer than wide streaks are: a metre or two, as in the flown images."""
_SIZES = wp.constant(8.0)
"""Sizes that there are at the most, beyond the first."""
_PUSH = wp.constant(0.5)
"""How far streaks push finer ones aside, cells of theirs."""
_WISP = wp.constant(0.15)
"""How much stronger they are there."""
_STEP = wp.constant(0.3)
"""How far up the sun a flank is compared, cells."""


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
def _broad(state: DustState, fan: Fan) -> float:
    """Return fans, one to a few to a quadrant, about -1 to 1."""
    phase = state.phase
    u = fan.out[0]
    v = fan.out[1]
    wide = noise(state.lattice, fan.which + 1, 1.3 * u, 1.3 * v, 0.6 * (fan.log - 0.8 * phase))
    narrow = noise(state.lattice, fan.which + 2, 3.1 * u, 3.1 * v, 0.9 * (fan.log - 0.9 * phase))
    return 0.6 * wide + 0.5 * narrow


@wp.func
def _strand(state: DustState, fan: Fan, which: int, often: float, aside: float) -> wp.vec2:
    """Return (noise of `often` cells to a radian, -1 to 1; its slope across the flow, a cell).

    What it is made of runs outward, the faster the farther it is.
    """
    u = fan.out[0] - aside * fan.out[1]
    v = fan.out[1] + aside * fan.out[0]
    run = wp.max(often / _LONG, 0.8) * (fan.log - state.phase)
    n = noise_slope(state.lattice, fan.which + which, often * u, often * v, run)
    return wp.vec2(n[0], n[2] * fan.out[0] - n[1] * fan.out[1])


@wp.func
def _line(n: float) -> float:
    """Return thin bright lines from noise: few stand out, and more lie between them."""
    p = wp.max(n - 0.1, 0.0)
    return 2.0 * p * p + 0.5 * n


@wp.func
def streak(state: DustState, fan: Fan) -> wp.vec3:
    """Return (broad fans, streaks, rise of their flanks toward the sun) of a sheet.

    Three sizes at a place, each twice as fine as the one before; streaks gather in bundles.
    """
    broad = _broad(state, fan)
    # What a camera cannot tell apart shows as wider streaks, and fainter.
    width = wp.max(0.22 * state.streak_width, 0.5 * fan.foot)
    faint = wp.sqrt(0.22 * state.streak_width / width)
    size = wp.clamp(wp.log2(fan.r / (4.0 * _FIRST * width)), 0.0, _SIZES)
    whole = int(size)
    part = size - float(whole)
    often = _FIRST * float(1 << whole)
    # At the foot all run together.
    some = wp.smoothstep(0.3, 1.0, fan.r / (2.0 * _FIRST * wp.max(fan.foot, 0.01)))
    bundle = _strand(state, fan, 3, 9.3, 0.0)
    sway = 0.012 * bundle[0] + 0.02 * broad
    a = _strand(state, fan, 4 + whole, often, sway)
    # As the place goes outward, weights go over from one size to the next without a step; so does
    # how much each size is pushed aside by the one before it.
    coarse = 0.8 * (1.0 - part)
    middle = 1.0 - 0.2 * part
    b = _strand(state, fan, 5 + whole, 2.0 * often, sway + _PUSH * coarse * a[0] / often)
    c = _strand(state, fan, 6 + whole, 4.0 * often, sway + _PUSH * 0.4 * b[0] / often)
    gathered = wp.clamp(0.85 + 0.45 * bundle[0] + 0.3 * broad, 0.3, 1.4) * some * faint
    # Wisps: the finer are strong where the coarser are.
    middle *= wp.clamp(1.0 + _WISP * coarse * a[0], 0.2, 2.0)
    fine = part * wp.clamp(1.0 + 0.8 * _WISP * b[0], 0.2, 2.0)
    lines = coarse * _line(a[0]) + middle * _line(b[0]) + fine * _line(c[0])
    slope = coarse * a[1] + middle * b[1] + fine * c[1]
    up_sun = state.sun_north * fan.out[0] - state.sun_east * fan.out[1]
    lines = gathered * lines + 0.12 * some * bundle[0]
    return wp.vec3(broad, lines, -_STEP * up_sun * gathered * slope)
