"""The sheet along the ground: four plumes', with streaks, wakes and the ridge where they meet."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_noise import noise
from skycrane.cameras.dust_ridge import MEETING_LIMIT, Meeting, meeting
from skycrane.cameras.dust_state import DustState
from skycrane.cameras.dust_streaks import Fan, Stream, offset, stream
from skycrane.cameras.dust_wakes import stones, wake

__all__ = ["Sheet", "sheet_at"]

wp.set_module_options({"enable_backward": False})

_LIMIT = wp.constant(MEETING_LIMIT)


@wp.struct
class Sheet:
    """The sheet at a place.

    Attributes:
        depth: vertical optical depth.
        height: its scale height, m.
        shade: brightness of its dust.
        swept: how much the ground under it is swept, 0 to 1.
        stone: how much a flying stone covers.
        lift: how much its streaks stand up, logarithm.
    """

    depth: float
    height: float
    shade: float
    swept: float
    stone: float
    lift: float


@wp.struct
class _Flows:
    """What the plumes do together at a place.

    Attributes:
        depth: vertical optical depth, smooth.
        swept: how much the ground is swept, 0 to 1.
        kept: share of the texture that is left where a cut plume's flow gives way.
        nearest: distance to the nearest plume, m.
        main: the plume that rules.
        out: vector from its middle, m.
        apart: logarithm of how much stronger it is than the next.
        between: logarithm of how much stronger the right side is than the left.
    """

    depth: float
    swept: float
    kept: float
    nearest: float
    main: int
    out: wp.vec2
    apart: float
    between: float


@wp.func
def _still(gone: float, depth: float, r: float) -> wp.vec2:
    """Return (share that is left of a plume's sheet, how much it smooths the texture).

    Once a plume is cut off, what it raised last leaves: the inner first. No streaks where one flow
    gives way to the other. `depth`: of its sheet over the thickest.
    """
    share = r / gone
    still = wp.smoothstep(0.0, 0.5, wp.abs(wp.log(wp.max(share, 1.0e-3))))
    if share < 1.0:
        still *= wp.min(0.06 * gone * gone, 1.0)
    return wp.vec2(1.0 - wp.exp(-share * share * share), (1.0 - still) * wp.min(1.5 * depth, 1.0))


@wp.func
def _flows(state: DustState, east: float, north: float) -> _Flows:
    """Return what the plumes do together at a place."""
    f = _Flows()
    f.kept = 1.0
    f.nearest = 1.0e6
    f.out = wp.vec2(1.0, 0.0)
    first = float(0.0)
    second = float(1.0e-12)
    sides = wp.vec2(1.0e-12, 1.0e-12)
    thickest = wp.max(state.depth)
    for i in range(4):
        if state.depth[i] > 1.0e-4:
            way = offset(state, i, east, north)
            r = wp.max(wp.length(way), 0.02)
            core = state.core_share * state.reach[i]
            rise = 1.0 - wp.exp(-(r * r) / (core * core))
            thin = 1.0 / (1.0 + r / (state.decay_share * state.reach[i]))
            edge = wp.clamp((r - state.front) / state.front_width, -30.0, 30.0)
            left = float(1.0)
            if state.gone[i] > 0.0:
                going = _still(state.gone[i], state.depth[i] / thickest, r)
                left = going[0]
                f.kept *= 1.0 - going[1]
            f.depth += state.depth[i] * (0.35 + 0.65 * rise) * thin * left / (1.0 + wp.exp(edge))
            f.swept = wp.max(f.swept, wp.exp(-r / (2.5 * core)) * wp.min(state.depth[i], 1.0))
            f.nearest = wp.min(f.nearest, r)
            strength = state.depth[i] * state.depth[i] * left / (r * r + core * core)
            side = wp.where(state.side[i] > 0.0, int(1), int(0))
            sides[side] = sides[side] + strength
            if strength > first:
                second = wp.max(first, second)
                first = strength
                f.main = i
                f.out = way
            else:
                second = wp.max(strength, second)
    f.apart = wp.log(wp.max(first, 1.0e-12) / second)
    f.between = wp.log(sides[1] / sides[0])
    return f


@wp.func
def _fan(state: DustState, f: _Flows, foot: float, bend: float) -> Fan:
    """Return a place as the ruling plume has it, its streams bent by a little."""
    fan = Fan()
    fan.r = wp.max(wp.length(f.out), 0.02)
    out = f.out / fan.r
    fan.out = wp.normalize(wp.vec2(out[0] - bend * out[1], out[1] + bend * out[0]))
    fan.log = wp.log(fan.r)
    fan.which = 101 * (f.main + 1)
    fan.foot = foot
    return fan


@wp.func
def sheet_at(
    state: DustState, east: float, north: float, clear: float, foot: float, bare: bool
) -> Sheet:
    """Return the sheet at a place.

    `clear` is how much of its texture shows, 0 to 1: from within there is little to tell apart;
    `foot` what the camera tells apart, m; `bare` leaves out the flying stones.
    """
    s = Sheet()
    s.shade = 1.0
    s.height = state.height_minimum
    f = _flows(state, east, north)
    s.depth = f.depth
    s.swept = f.swept
    if s.depth <= 1.0e-4:
        return s
    # Wide as rooms: more is picked up here than there, and streams bend a little.
    patchy = noise(state.lattice, 29, 0.09 * east, 0.09 * north, 0.1 * state.drift)
    fan = _fan(state, f, foot, 0.13 * patchy)
    m = Meeting()
    # Beyond what the noises can bridge there is no meeting line, and no need of them.
    if wp.abs(f.between) < _LIMIT:
        m = meeting(state, f.between, wp.vec2(east, north))
    # Radial to where the sheets meet; there the flow goes up, and streaks end.
    run = fan.r / (0.65 * state.reach[f.main])
    core = state.core_share * state.reach[f.main]
    keep = wp.smoothstep(0.0, 0.7, f.apart) * clear * f.kept
    lines = keep * wp.smoothstep(0.1, 1.8, fan.r / core)
    lines *= (1.0 - 0.5 * wp.min(m.crest, 1.0)) / (1.0 + run * run)
    # Streaks break up into billows as they run outward.
    rolls = keep * wp.smoothstep(0.8, 6.0, fan.r / core)
    st = Stream()
    if keep > 0.01:
        st = stream(state, fan)
        if state.wake_contrast > 0.0 and lines > 0.05 and foot < 0.2:
            tail = wake(state, fan, east, north)
            # A wake is a bundle of streaks too.
            st.line += state.wake_contrast * tail * (0.75 + 2.5 * wp.max(st.line, 0.0))
    if not bare and foot < 0.05 and lines > 0.15:
        s.stone = stones(state, fan)
    s.height = (state.height_minimum + state.height_share * f.nearest) * (1.0 + 2.0 * m.crest)
    streaks = lines * state.streak_contrast * st.line
    s.depth *= wp.exp(0.1 * patchy + streaks + 0.28 * rolls * st.billow)
    s.depth += f.depth * clear * state.ridge_depth * (m.crest + 0.6 * m.behind)
    s.lift = 0.35 * lines * st.line + 0.25 * rolls * st.billow
    s.shade = 1.0 + lines * wp.clamp(state.streak_relief * st.flank + 0.08 * st.line, -0.4, 0.5)
    s.shade += rolls * wp.clamp(0.1 * st.lit, -0.2, 0.25)
    s.shade += m.shade * wp.min(0.3 * state.ridge_depth, 1.0)
    return s
