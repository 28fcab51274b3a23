"""Dust along a ray: sheet, streaks, stagnation line and veil, as Warp functions.

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
- the picture is drawn from the flown descent camera's last frames: a swept core under each plume,
  bright filaments streaming outward, a wavering bright line where two plumes meet, and a veil
  that closes over the middle when the stage leaves.

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

__all__ = ["DustState", "dust_between", "dust_optics"]


wp.set_module_options({"enable_backward": False})

# Odd multipliers of the lattice hash; as constants, because a literal is a signed 32-bit number.
_MIX_A = wp.constant(wp.uint32(0x7FEB352D))
_MIX_B = wp.constant(wp.uint32(0x846CA68B))
_STEP_X = wp.constant(wp.uint32(0x85EBCA77))
_STEP_Y = wp.constant(wp.uint32(0xC2B2AE3D))
_STEP_Z = wp.constant(wp.uint32(0x27D4EB2F))
_STEP_SEED = wp.constant(wp.uint32(0x9E3779B1))


@wp.struct
class DustState:
    """The dust at one instant. Vectors of four hold one value a plume; lengths in m, site axes."""

    active: wp.int32
    seed: wp.uint32
    ground: wp.float32
    east: wp.vec4
    north: wp.vec4
    half_east: wp.vec4
    half_north: wp.vec4
    reach: wp.vec4
    depth: wp.vec4
    phase: wp.vec4
    core_share: wp.float32
    decay_share: wp.float32
    height_share: wp.float32
    height_minimum: wp.float32
    front: wp.float32
    front_width: wp.float32
    streak_contrast: wp.float32
    streak_relief: wp.float32
    ridge_depth: wp.float32
    ridge_width: wp.float32
    veil_depth: wp.float32
    veil_height: wp.float32
    veil_radius: wp.float32
    veil_east: wp.float32
    veil_north: wp.float32
    low_depth: wp.float32
    low_height: wp.float32
    drift: wp.float32
    scour: wp.float32
    sun_east: wp.float32
    sun_north: wp.float32
    sun_run: wp.float32
    cover_east: wp.float32
    cover_north: wp.float32
    cover_height: wp.float32
    cover_ahead: wp.vec2
    cover_half: wp.vec2
    cover_shade: wp.float32
    albedo: wp.vec3


@wp.func
def _mix(h: wp.uint32) -> wp.uint32:
    """Scramble 32 bits (the finaliser "lowbias32" of Wellons's integer-hash search)."""
    h = (h ^ (h >> wp.uint32(16))) * _MIX_A
    h = (h ^ (h >> wp.uint32(15))) * _MIX_B
    return h ^ (h >> wp.uint32(16))


@wp.func
def _edge(column: wp.uint32, iz: int, fz: float) -> float:
    """Return lattice values blended along the third axis, 0 to 1."""
    a = _mix(column + wp.uint32(iz) * _STEP_Z)
    b = _mix(column + wp.uint32(iz + 1) * _STEP_Z)
    return wp.lerp(float(a >> wp.uint32(8)), float(b >> wp.uint32(8)), fz) / 16777216.0


@wp.func
def _noise(seed: wp.uint32, x: float, y: float, z: float) -> float:
    """Return value noise, -1 to 1: half the price of gradient noise, enough for streaks."""
    ix = int(wp.floor(x))
    iy = int(wp.floor(y))
    iz = int(wp.floor(z))
    fx = x - float(ix)
    fy = y - float(iy)
    fz = z - float(iz)
    fx = fx * fx * (3.0 - 2.0 * fx)
    fy = fy * fy * (3.0 - 2.0 * fy)
    fz = fz * fz * (3.0 - 2.0 * fz)
    c = seed * _STEP_SEED + wp.uint32(ix) * _STEP_X + wp.uint32(iy) * _STEP_Y
    low = wp.lerp(_edge(c, iz, fz), _edge(c + _STEP_X, iz, fz), fx)
    high = wp.lerp(_edge(c + _STEP_Y, iz, fz), _edge(c + _STEP_X + _STEP_Y, iz, fz), fx)
    return 2.0 * wp.lerp(low, high, fy) - 1.0


@wp.func
def _offset(state: DustState, i: int, east: float, north: float) -> wp.vec2:
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
def _layer(low: float, high: float, length: float, scale: float) -> float:
    """Return the path through an exponential layer, in vertical columns."""
    rise = high - low
    if rise > 1.0e-3 * length:
        return (wp.exp(-low / scale) - wp.exp(-high / scale)) * length / rise
    return wp.exp(-low / scale) * length / scale


@wp.func
def _filaments(seed: wp.uint32, a: float, b: float, lr: float, phase: float) -> float:
    """Return ridged noise: thin bright lines between broad dim ones."""
    mid = _noise(seed + wp.uint32(23), 13.0 * a, 13.0 * b, 1.9 * lr - phase)
    thin = _noise(seed + wp.uint32(37), 33.0 * a, 33.0 * b, 2.6 * lr - 1.3 * phase)
    return 0.5 * (1.0 - 2.6 * wp.abs(mid)) + 0.4 * (1.0 - 2.6 * wp.abs(thin))


@wp.func
def _streak(seed: wp.uint32, offset: wp.vec2, phase: float, sun: wp.vec2) -> wp.vec2:
    """Return streaks that stream outward, about -1 to 1, and their rise toward the sun.

    The pattern stands still in (azimuth, log r - phase): its speed grows with r.
    """
    r = wp.max(wp.length(offset), 0.15)
    lr = wp.log(r)
    # Azimuth as a point on a circle, so that the pattern closes; a slow twist bends the filaments.
    u = offset[0] / r
    v = offset[1] / r
    bend = 0.16 * _noise(seed, 1.7 * u, 1.7 * v, 1.1 * lr - 0.3 * phase)
    a = u - bend * v
    b = v + bend * u
    broad = _noise(seed + wp.uint32(11), 5.0 * a, 5.0 * b, 1.5 * lr - 0.7 * phase)
    lines = _filaments(seed, a, b, lr, phase)
    # Across a streak only azimuth changes: a step of two hundredths of a turn up-sun.
    cross = sun[1] * a - sun[0] * b
    flank = lines - _filaments(seed, a - 0.02 * cross * b, b + 0.02 * cross * a, lr, phase)
    far = wp.clamp(0.35 * r, 0.0, 1.0)
    hair = float(0.0)
    if far > 0.1:
        hair = _noise(seed + wp.uint32(53), 80.0 * a, 80.0 * b, 3.4 * lr - 1.6 * phase)
    return wp.vec2(0.55 * broad + lines + 0.3 * far * hair, flank)


@wp.func
def _sheet(state: DustState, east: float, north: float) -> wp.vec4:
    """Return the sheet at a place: vertical depth, height [m], brightness, swept share."""
    depth = float(0.0)
    swept = float(0.0)
    first = float(0.0)
    second = float(0.0)
    main = int(0)
    other = int(0)
    nearest = float(1.0e6)
    for i in range(4):
        if state.depth[i] > 1.0e-4:
            r = wp.length(_offset(state, i, east, north))
            core = state.core_share * state.reach[i]
            rise = 1.0 - wp.exp(-(r * r) / (core * core))
            thin = 1.0 / (1.0 + r / (state.decay_share * state.reach[i]))
            edge = 1.0 / (
                1.0 + wp.exp(wp.clamp((r - state.front) / state.front_width, -30.0, 30.0))
            )
            depth += state.depth[i] * (0.12 + 0.88 * rise) * thin * edge
            swept = wp.max(swept, wp.exp(-r / (2.5 * core)) * wp.min(state.depth[i], 1.0))
            strength = state.depth[i] * state.depth[i] / (r * r + core * core)
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
    apart = wp.log(first / wp.max(second, 1.0e-12))
    # Beyond what the noises below can bridge there is no line, and no need of them.
    if apart < 1.4 + 4.0 * state.ridge_width:
        # The line where two plumes meet wavers, and whose streaks show follows it.
        wobble = _noise(state.seed + wp.uint32(7), 0.16 * east, 0.16 * north, 0.3 * state.drift)
        fringe = _noise(state.seed + wp.uint32(9), 0.7 * east, 0.7 * north, 0.7 * state.drift)
        wisp = _noise(state.seed + wp.uint32(13), 2.3 * east, 2.3 * north, 1.3 * state.drift)
        side = 1.0
        if main > other:
            side = -1.0
        gap = side * apart + 0.8 * wobble + 0.45 * fringe + 0.14 * wisp
        if gap * side < 0.0:
            swap = main
            main = other
            other = swap
        # Sharp on one side, trailing off on the other, as a breaking wave of dust does.
        width = state.ridge_width * wp.where(gap > 0.0, 1.0, 0.35)
        ridge = wp.exp(-wp.abs(gap) / width) * (1.0 + 0.45 * fringe + 0.35 * wisp)
    seed = state.seed + wp.uint32(101 * main)
    sun = wp.vec2(state.sun_east, state.sun_north)
    streak = _streak(seed, _offset(state, main, east, north), state.phase[main], sun)
    height = state.height_minimum + state.height_share * nearest
    keep = 1.0 - 0.6 * wp.min(ridge, 1.0)
    thick = wp.exp(state.streak_contrast * keep * streak[0]) + state.ridge_depth * ridge
    shade = 1.0 + wp.clamp(state.streak_relief * keep * streak[1], -0.4, 0.6)
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
    sheet = _sheet(state, foot[0], foot[1])
    # A grazing ray leaves the place where the sheet was sampled; its path counts up to a few times.
    path = wp.min(_layer(low, high, length, sheet[1]), 4.0)
    near = sheet[0] * path
    # Billows keep the veil from being flat; they drift with the wind of the plumes.
    seed = state.seed
    slow = _noise(seed + wp.uint32(3), 0.11 * foot[0], 0.11 * foot[1], 0.25 * state.drift)
    quick = _noise(seed + wp.uint32(5), 0.31 * foot[0], 0.31 * foot[1], 0.5 * state.drift)
    billow = 0.6 * slow + 0.3 * quick
    veil = veil * wp.exp(0.8 * billow)
    total = near + veil
    shade = (near * sheet[2] + veil) / wp.max(total, 1.0e-6)
    up = wp.min(0.3, 0.5 * (start[2] + end[2]))
    middle = foot + (start + end - 2.0 * foot) * (up / wp.max(high - low, 0.3))
    light = _lit(state, wp.vec3(middle[0], middle[1], up))
    return wp.vec3(total, shade * (1.0 + 0.12 * billow) * light, sheet[3])


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
