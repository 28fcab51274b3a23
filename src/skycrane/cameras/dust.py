"""Dust along a ray: sheet, stagnation line and veil, as Warp functions.

A phenomenological model for looking at, not a prediction of erosion. What it leans on:
- dust is first moved above 60 m and visibility goes near 20 m under this kind of stage (Vizcaino
  and Mehta, "Quantification of plume-soil interaction and excavation due to the sky crane descent
  stage", AIAA, NASA NTRS 20150002954), by viscous shear in a sheet nearly parallel to the ground;
  `threshold_n_m2` is set by it;
- erosion grows with what a plume brings to the ground beyond a threshold (Roberts 1963; Metzger et
  al. 2008, arXiv 2104.05198). Metzger (Icarus 417, 2024) finds the energy flux in the laminar
  sublayer, not shear, to set the rate; here a linear law in thrust over distance squared stands for
  either;
- the sheet leaves at a few degrees as in the landing films of Apollo (Metzger, Smith, Lane 2011, J.
  Geophys. Res.), and thickens outward as a radial wall jet does;
- streaks run along the plane potential flow of equal sources at the plumes' stagnation points, and
  turn aside where the sheets of two of them meet (dust_pattern);
- the veil is fed late, when the plumes are short, and cleared by Stokes settling out of two layers
  and by the mission's wind near the ground (dust_history);
- the picture is drawn from the flown descent camera's last frames: a swept core under each plume,
  bright filaments streaming outward in bunches, a wavering bright line where two plumes meet, and a
  veil that closes over the middle when the stage leaves.

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
    billow,
    noise,
    offset,
    stones,
    streak,
    stream,
)

__all__ = ["DustState", "dust_between", "dust_optics"]


wp.set_module_options({"enable_backward": False})


@wp.func
def _layer(low: float, high: float, length: float, scale: float) -> float:
    """Return the path through an exponential layer, in vertical columns."""
    rise = high - low
    if rise > 1.0e-3 * length:
        return (wp.exp(-low / scale) - wp.exp(-high / scale)) * length / rise
    return wp.exp(-low / scale) * length / scale


@wp.func
def _sheet(state: DustState, east: float, north: float, clear: float, near: float) -> wp.vec4:
    """Return the sheet at a place: vertical depth, height [m], brightness, swept share.

    `clear` is how much of its texture shows, 0 to 1: from within there is little to tell apart;
    `near` how much of the finest.
    """
    depth = float(0.0)
    swept = float(0.0)
    first = float(0.0)
    second = float(0.0)
    main = int(0)
    other = int(0)
    nearest = float(1.0e6)
    kept = float(1.0)
    for i in range(4):
        if state.depth[i] > 1.0e-4:
            r = wp.length(offset(state, i, east, north))
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
                kept *= wp.smoothstep(0.0, 0.5, wp.abs(wp.log(wp.max(share, 1.0e-3))))
                if share < 1.0:
                    kept *= wp.min(0.06 * state.gone[i] * state.gone[i], 1.0)
            depth += state.depth[i] * (0.12 + 0.88 * rise) * thin * edge * left
            swept = wp.max(swept, wp.exp(-r / (2.5 * core)) * wp.min(state.depth[i], 1.0))
            strength = state.depth[i] * state.depth[i] * left / (r * r + core * core)
            nearest = wp.min(nearest, r)
            if strength > first:
                second = first
                other = main
                first = strength
                main = i
            elif strength > second:
                second = strength
                other = i
    if depth <= 1.0e-4:
        return wp.vec4(0.0, state.height_minimum, 1.0, swept)
    ridge = float(0.0)
    behind = float(0.0)
    apart = wp.log(first / wp.max(second, 1.0e-12))
    # Beyond what the noises below can bridge there is no line, and no need of them.
    limit = 1.7 + 4.0 * state.ridge_width
    if apart < limit:
        # The line where two plumes meet wavers and curls over.
        slow = 0.3 * state.drift
        wobble = noise(state.seed + wp.uint32(7), 0.16 * east, 0.16 * north, slow)
        fringe = noise(state.seed + wp.uint32(9), 0.6 * east, 0.6 * north, 2.0 * slow)
        wisp = noise(state.seed + wp.uint32(13), 1.9 * east, 1.9 * north, 4.0 * slow)
        side = 1.0
        if main > other:
            side = -1.0
        curl = noise(state.seed + wp.uint32(15), 5.3 * east, 5.3 * north, 6.0 * slow)
        gap = side * apart + 0.9 * wobble + 0.5 * fringe + 0.2 * wisp + 0.05 * curl
        # Sharp on one side, trailing off on the other, as a breaking wave of dust does.
        width = state.ridge_width * wp.where(gap > 0.0, 2.2 + 1.2 * wisp, 0.2)
        patch = wp.smoothstep(-0.5, 0.6, wobble - 0.6 * fringe + 0.25 * wisp)
        ridge = wp.exp(-wp.abs(gap) / width) * (0.2 + 0.8 * patch)
        ridge *= clear * (0.9 + 0.55 * wisp + 0.5 * curl)
        # Behind the breaker what it threw up hangs in the air.
        behind = wp.smoothstep(-0.1, 0.35, gap) * wp.exp(-wp.max(gap, 0.0) / 1.3)
        behind *= (0.75 + 0.35 * fringe) * (1.0 - wp.smoothstep(0.5, 1.0, apart / limit))
    flow = stream(state, east, north)
    lines = streak(state, flow, near)
    if near > 0.0 and flow.slope > 0.03 and flow.slope < 1.5:
        swept += near * stones(state, flow)
    # More is picked up here than there, as wide as rooms: the sheet is patchy.
    seed = state.seed
    drift = state.drift
    patchy = 1.3 * noise(seed + wp.uint32(29), 0.13 * east, 0.13 * north, 0.11 * drift)
    patchy += 0.6 * noise(seed + wp.uint32(31), 0.41 * east, 0.41 * north, 0.35 * drift)
    depth *= wp.exp(patchy)
    height = state.height_minimum + state.height_share * nearest
    # Streaks mix with what is around them as they run.
    run = nearest / (0.65 * state.reach[main])
    keep = clear * kept * (1.0 - 0.6 * wp.min(ridge, 1.0)) / (1.0 + run * run)
    thick = wp.exp(state.streak_contrast * keep * lines[0]) + state.ridge_depth * (
        ridge + 0.7 * behind
    )
    shade = 1.0 + wp.clamp(keep * (state.streak_relief * lines[1] + 0.12 * lines[0]), -0.3, 0.4)
    shade += 0.2 * wp.min(ridge, 1.0) * wp.min(0.3 * state.ridge_depth, 1.0)
    return wp.vec4(depth * thick, height * (1.0 + 2.0 * ridge), shade, swept)


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
    dark = wp.smoothstep(-0.15, 0.15, inside)
    return 1.0 - (1.0 - state.cover_shade) * dark


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
    length = wp.length(end - start)
    low = wp.max(wp.min(start[2], end[2]), 0.0)
    high = wp.max(wp.max(start[2], end[2]), 0.0)
    foot = end
    if start[2] < end[2]:
        foot = start
    veil = _veil(state, start, end)
    if low > 8.0:
        return wp.vec3(veil, 1.0, 0.0)
    clear = wp.clamp(0.5 * high - 0.35, 0.08, 1.0)
    sheet = _sheet(state, foot[0], foot[1], clear, wp.clamp(1.6 - 0.16 * high, 0.0, 1.0))
    # A grazing ray leaves the place where the sheet was sampled; its path counts up to a few times.
    path = wp.min(_layer(low, high, length, sheet[1]), 4.0)
    near = sheet[0] * path
    # Billows keep the veil from being flat; they drift with the wind of the plumes, small ones
    # faster, and are lit from one side: where a cloud thins toward the sun it is bright.
    cloud = billow(state, foot[0], foot[1], start[2])
    veil = veil * wp.exp(1.3 * cloud[0] - 0.1)
    total = near + veil
    # What streams along the ground pushes up the low veil, and shows on its top.
    lit = cloud[1] + (sheet[2] - 1.0)
    shade = (near * sheet[2] + veil * (1.0 + lit)) / wp.max(total, 1.0e-6)
    up = wp.min(0.3, 0.5 * (start[2] + end[2]))
    middle = foot + (start + end - 2.0 * foot) * (up / wp.max(high - low, 0.3))
    light = _lit(state, wp.vec3(middle[0], middle[1], up))
    return wp.vec3(total, shade * light, sheet[3])


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
