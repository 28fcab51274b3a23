"""Dust along a ray: sheet, meeting line and veil, as Warp functions.

A phenomenological model for looking at, not a prediction of erosion. What it leans on:
- dust is first moved above 60 m, by viscous shear in a sheet nearly parallel to the ground;
  visibility goes near 20 m, and with four engines plumes that meet erode more (Vizcaino and
  Mehta, "Quantification of plume-soil interaction and excavation due to the sky crane descent
  stage", AIAA, NASA NTRS 20150002954); `threshold_n_m2` is set by it;
- erosion grows with what a plume brings to the ground beyond a threshold (Roberts 1963; Metzger et
  al. 2008, arXiv 2104.05198). Metzger (Icarus 417, 2024) finds the energy flux in the laminar
  sublayer, not shear, to set the rate; here a linear law in thrust over distance squared stands for
  either. Steady jets dig little, pulsed ones by far more (Mehta et al. 2011, Icarus, on Phoenix):
  these engines are throttled, and beyond a second threshold soil is let go in bulk;
- the sheet leaves at a few degrees as in the landing films of Apollo (Metzger, Smith, Lane 2011, J.
  Geophys. Res.), and thickens outward as a radial wall jet does;
- streaks run straight out from each plume to where its sheet meets another (dust_pattern), and
  there a fountain leans and is carried off (dust_ridge);
- stones leave bright wakes where they stand (dust_stones);
- dust sends more light on than back (Chen-Chen et al. 2019, Icarus 330, 16, on Martian dust); deep
  in it light has forgotten where it came from;
- the veil is fed late, when the plumes are short, and cleared by Stokes settling out of two layers
  and by the mission's wind near the ground (dust_history);
- the picture is drawn from the flown descent camera's last frames.

How a renderer uses it, once a frame and once a ray:

    history = DustHistory(mission, flight, terrain.height_m, sun_site=sun)  # dust_history, a film
    state = history.state(t_s, origin_m=focus_m)              # a frame: an argument of the kernel
    light = dust_between(state, light, start, end, beam, sky, colour)       # a ray

Places are east and north of the site, less `origin_m`. For a ray to the sky `end` is any point
well up along it. `state.active` is 0 when there is nothing to see. `state.ground` is the height of
the ground under the dust, for rays that end on bodies.
"""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_pattern import (
    DustState,
    Fan,
    billow,
    noise,
    offset,
    stones,
    streak,
    wake,
)
from skycrane.cameras.dust_ridge import MEETING_LIMIT, Meeting, meeting

__all__ = ["DustState", "dust_between", "dust_optics", "settled_tint"]


wp.set_module_options({"enable_backward": False})

_LIMIT = wp.constant(MEETING_LIMIT)
_BACK = wp.constant(0.75)
"""Share of an optical depth that turns light back where grains scatter evenly (Eddington)."""


@wp.func
def _layer(low: float, high: float, length: float, scale: float) -> float:
    """Return the path through an exponential layer, in vertical columns."""
    rise = high - low
    if rise > 1.0e-3 * length:
        return (wp.exp(-low / scale) - wp.exp(-high / scale)) * length / rise
    return wp.exp(-low / scale) * length / scale


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


@wp.func
def _sheet(state: DustState, east: float, north: float, clear: float, foot: float) -> Sheet:
    """Return the sheet at a place.

    `clear` is how much of its texture shows, 0 to 1: from within there is little to tell apart;
    `foot` what the camera tells apart, m.
    """
    s = Sheet()
    s.shade = 1.0
    s.height = state.height_minimum
    first = float(0.0)
    second = float(0.0)
    main = int(0)
    nearest = float(1.0e6)
    sides = wp.vec2(1.0e-12, 1.0e-12)
    thickest = wp.max(state.depth)
    kept = float(1.0)
    off = wp.vec2(1.0, 0.0)
    for i in range(4):
        if state.depth[i] > 1.0e-4:
            way = offset(state, i, east, north)
            r = wp.max(wp.length(way), 0.02)
            core = state.core_share * state.reach[i]
            rise = 1.0 - wp.exp(-(r * r) / (core * core))
            thin = 1.0 / (1.0 + r / (state.decay_share * state.reach[i]))
            edge = 1.0 / (
                1.0 + wp.exp(wp.clamp((r - state.front) / state.front_width, -30.0, 30.0))
            )
            # Once a plume is cut off, what it raised last leaves: the inner first.
            left = float(1.0)
            if state.gone[i] > 0.0:
                share = r / state.gone[i]
                left = 1.0 - wp.exp(-share * share * share)
                # No streaks where one flow gives way to the other.
                still = wp.smoothstep(0.0, 0.5, wp.abs(wp.log(wp.max(share, 1.0e-3))))
                if share < 1.0:
                    still *= wp.min(0.06 * state.gone[i] * state.gone[i], 1.0)
                kept *= 1.0 - (1.0 - still) * wp.min(1.5 * state.depth[i] / thickest, 1.0)
            s.depth += state.depth[i] * (0.35 + 0.65 * rise) * thin * edge * left
            s.swept = wp.max(s.swept, wp.exp(-r / (2.5 * core)) * wp.min(state.depth[i], 1.0))
            strength = state.depth[i] * state.depth[i] * left / (r * r + core * core)
            nearest = wp.min(nearest, r)
            if state.side[i] > 0.0:
                sides[1] = sides[1] + strength
            else:
                sides[0] = sides[0] + strength
            if strength > first:
                second = first
                first = strength
                main = i
                off = way
            elif strength > second:
                second = strength
    if s.depth <= 1.0e-4:
        return s
    fan = Fan()
    fan.r = wp.max(wp.length(off), 0.02)
    # Wide as rooms: more is picked up here than there, and streams bend a little.
    patchy = noise(state.lattice, 29, 0.09 * east, 0.09 * north, 0.1 * state.drift)
    out = off / fan.r
    some = noise(state.lattice, 31, 0.37 * east, 0.37 * north, 0.3 * state.drift)
    bend = 0.2 * patchy + 0.02 * some
    fan.out = wp.normalize(wp.vec2(out[0] - bend * out[1], out[1] + bend * out[0]))
    fan.log = wp.log(fan.r)
    fan.which = 101 * (main + 1)
    fan.foot = foot
    apart = wp.log(first / wp.max(second, 1.0e-12))
    # Beyond what the noises can bridge there is no meeting line, and no need of them.
    between = wp.log(sides[1] / sides[0])
    m = Meeting()
    if wp.abs(between) < _LIMIT:
        m = meeting(state, between, wp.vec2(east, north))
    # Radial to where the sheets meet; there the flow goes up, and streaks end.
    core = state.core_share * state.reach[main]
    keep = wp.smoothstep(0.0, 0.7, apart) * wp.smoothstep(0.2, 1.0, fan.r / core)
    keep *= 0.4 + 0.6 * wp.smoothstep(-0.7, 0.5, some + 0.5 * patchy)
    run = fan.r / (0.65 * state.reach[main])
    keep *= clear * kept * (1.0 - 0.5 * wp.min(m.crest, 1.0)) / (1.0 + run * run)
    lines = wp.vec3(0.0, 0.0, 0.0)
    if keep > 0.01:
        lines = streak(state, fan)
        if state.wake_contrast > 0.0 and keep > 0.05 and foot < 0.2:
            tail = wake(state, fan, east, north)
            lines[1] = lines[1] + state.wake_contrast * tail * (1.0 + 1.5 * lines[1])
    if foot < 0.05 and keep > 0.15:
        s.stone = stones(state, fan)
    s.depth *= wp.exp(0.4 * patchy + 0.25 * keep * lines[0])
    s.height = (state.height_minimum + state.height_share * nearest) * (1.0 + 2.0 * m.crest)
    s.depth *= wp.exp(state.streak_contrast * keep * (lines[1] - 0.15)) + clear * (
        state.ridge_depth * (m.crest + 0.6 * m.behind)
    )
    s.lift = keep * (0.5 * lines[0] + 0.6 * lines[1])
    s.shade = 1.0 + keep * wp.clamp(state.streak_relief * lines[2] + 0.08 * lines[1], -0.25, 0.3)
    s.shade += m.shade * wp.min(0.3 * state.ridge_depth, 1.0)
    return s


@wp.func
def _veil(state: DustState, start: wp.vec3, end: wp.vec3) -> float:
    """Return the veil's optical depth along a segment, by four samples of its denser part."""
    way = end - start
    length = wp.length(way)
    span = wp.min(length, 3.0 * state.veil_radius) / wp.max(length, 1.0e-6)
    total = float(0.0)
    for k in range(4):
        # Samples gather toward the start: the near part of a long ray matters most.
        s0 = wp.float32(k) / 4.0
        s1 = wp.float32(k + 1) / 4.0
        a = start + way * (span * s0 * s0)
        b = start + way * (span * s1 * s1)
        de = 0.5 * (a[0] + b[0]) - state.veil_east
        dn = 0.5 * (a[1] + b[1]) - state.veil_north
        spread = wp.exp(-(de * de + dn * dn) / (state.veil_radius * state.veil_radius))
        low = wp.max(wp.min(a[2], b[2]), 0.0)
        high = wp.max(wp.max(a[2], b[2]), 0.0)
        piece = wp.length(b - a)
        total += spread * state.veil_depth * _layer(low, high, piece, state.veil_height)
        total += spread * state.low_depth * _layer(low, high, piece, state.low_height)
    return total


@wp.func
def _trapped(state: DustState, start: wp.vec3, length: float) -> float:
    """Return the optical depth of what the fountain holds under the rover, from an eye there."""
    if state.trapped <= 0.0 or start[2] > state.cover_height:
        return 0.0
    de = start[0] - state.cover_east
    dn = start[1] - state.cover_north
    ahead = wp.abs(de * state.cover_ahead[0] + dn * state.cover_ahead[1])
    aside = wp.abs(de * state.cover_ahead[1] - dn * state.cover_ahead[0])
    if ahead > state.cover_half[0] + 0.3 or aside > state.cover_half[1] + 0.3:
        return 0.0
    return state.trapped * wp.min(length, 2.0 * state.cover_half[1])


@wp.func
def _lit(state: DustState, point: wp.vec3) -> float:
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
def _phase(state: DustState, d: wp.vec3) -> float:
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


@wp.func
def dust_optics(state: DustState, start: wp.vec3, end: wp.vec3) -> wp.vec3:
    """Return (optical depth, brightness of the dust, swept share of the ground) along a ray.

    Args:
        state: the dust at this instant.
        start: camera: east, north, height above the local ground [m].
        end: what the ray meets, likewise.
    """
    if state.active == 0:
        return wp.vec3(0.0, 1.0, 0.0)
    way = end - start
    length = wp.max(wp.length(way), 1.0e-3)
    low = wp.max(wp.min(start[2], end[2]), 0.0)
    high = wp.max(wp.max(start[2], end[2]), 0.0)
    foot = end
    if start[2] < end[2]:
        foot = start
        way = -way
    veil = _veil(state, start, end)
    toward = _phase(state, (end - start) / length)
    if low > 8.0:
        return wp.vec3(veil, 1.0 + (toward - 1.0) / (1.0 + 0.7 * veil), 0.0)
    clear = wp.clamp(0.5 * high - 0.35, 0.1, 1.0)
    grain = 0.0035 * length
    sheet = _sheet(state, foot[0], foot[1], clear, grain)
    # A grazing ray leaves the place where the sheet was sampled; its path counts up to a few times.
    near = sheet.depth * wp.min(_layer(low, high, length, sheet.height), 4.0)
    # Clouds of the veil are met where most of it lies: low over the ground, or a little above the
    # eye that looks up.
    rise = wp.max(high - low, 0.3)
    lift = wp.min((0.4 + 1.4 * wp.min(low, 1.5)) / rise, 1.0)
    along = wp.min(lift, 6.0 / length)
    at = foot - way * along
    # From the eye to there: what looks up has its foot at the eye.
    afar = wp.where(start[2] < end[2], along, 1.0 - along) * length
    cloud = billow(state, at, 0.0035 * afar)
    # What streams along the ground pushes up the low veil, and shows on its top.
    veil *= wp.exp(1.2 * cloud[0] - 0.2 + 0.8 * sheet.lift)
    near *= wp.exp(0.25 * cloud[0])
    veil += _trapped(state, start, length)
    total = near + veil
    lit = 1.8 * cloud[1] + 1.2 * (sheet.shade - 1.0)
    shade = (near * sheet.shade + veil * (1.0 + lit)) / wp.max(total, 1.0e-6)
    up = wp.min(0.3, 0.5 * (start[2] + end[2]))
    middle = foot - way * (up / wp.max(high - low, 0.3))
    light = _lit(state, wp.vec3(middle[0], middle[1], up))
    # Light that went from grain to grain has forgotten where it came from.
    # Under much dust it is darker: a two-stream share of what grains scatter back up.
    above = wp.max(start[2], 0.0)
    over = state.veil_depth * wp.exp(-above / state.veil_height)
    over += state.low_depth * wp.exp(-above / state.low_height)
    shade /= 1.0 + _BACK * (1.0 - state.forward) * over
    once = 1.0 / (1.0 + 0.7 * total)
    shade *= (1.0 + (light - 1.0) * once) * (1.0 + (toward - 1.0) * once)
    # A flying stone hides what is behind it, and is darker than dust in the sun.
    total += 3.0 * sheet.stone
    shade *= 1.0 - 0.25 * sheet.stone
    return wp.vec3(total, shade, sheet.swept)


@wp.func
def dust_between(
    state: DustState,
    behind: float,
    start: wp.vec3,
    end: wp.vec3,
    beam: float,
    sky: float,
    colour: int,
) -> float:
    """Return the radiance that reaches `start` of what is `behind` dust at `end`, in one colour.

    Args:
        state: the dust at this instant.
        behind: radiance at the ray's end.
        start: camera: east, north, height above the ground at the ray's end [m].
        end: what the ray meets, likewise; height 0 for the ground itself.
        beam: irradiance of the sun on a level surface.
        sky: irradiance of the sky on a level surface.
        colour: 0 red, 1 green, 2 blue.
    """
    if state.active == 0:
        return behind
    optics = dust_optics(state, start, end)
    through = wp.exp(-optics[0])
    light = state.albedo[colour] * (beam + sky) * (optics[1] * 0.31830989)
    ground = behind
    if end[2] <= 0.0:
        ground = behind * (1.0 + state.scour * optics[2])
    return ground * through + light * (1.0 - through)
