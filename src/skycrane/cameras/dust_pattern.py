"""The dust's texture: streaks along the flow of all plumes together, and billows of the veil."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

__all__ = ["DustState", "billow", "noise", "offset", "stones", "streak", "stream"]

wp.set_module_options({"enable_backward": False})

# Odd multipliers of the lattice hash; as constants, because a literal is a signed 32-bit number.
_MIX_A = wp.constant(wp.uint32(0x7FEB352D))
_MIX_B = wp.constant(wp.uint32(0x846CA68B))
_STEP_X = wp.constant(wp.uint32(0x85EBCA77))
_STEP_Y = wp.constant(wp.uint32(0xC2B2AE3D))
_STEP_Z = wp.constant(wp.uint32(0x27D4EB2F))
_STEP_SEED = wp.constant(wp.uint32(0x9E3779B1))


_STONE_CELLS = wp.constant(60)
"""Cells of the flow around each plume."""
_STONE_LAG = wp.constant(0.12)
"""Speed of stones over that of the dust."""


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
    gone: wp.vec4
    phase: wp.float32
    core_share: wp.float32
    decay_share: wp.float32
    height_share: wp.float32
    height_minimum: wp.float32
    front: wp.float32
    front_width: wp.float32
    streak_contrast: wp.float32
    streak_relief: wp.float32
    stone_share: wp.float32
    stone_radius: wp.float32
    stone_light: wp.float32
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
def noise(seed: wp.uint32, x: float, y: float, z: float) -> float:
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


@wp.struct
class Stream:
    """Where a place lies in the flow of all plumes together.

    Sheets that spread from several stagnation points are taken as the plane potential flow of as
    many equal sources: with z = east + i north, exp of the complex potential is the product P of
    the offsets. Its argument stays the same along a streamline, its modulus grows along one, and
    both change evenly from one plume's side to the other's: streams turn aside where they meet.

    Attributes:
        along, across: P over its modulus, which tells streamlines apart.
        log: logarithm of the modulus.
        slope: 1/m, how fast log and argument change with distance.
    """

    along: float
    across: float
    log: float
    slope: float


@wp.func
def stream(state: DustState, east: float, north: float) -> Stream:
    """Return a place's streamline, bent a little as by what lies on the ground."""
    s = Stream()
    least = 0.3 * wp.max(state.depth)
    s.along = float(1.0)
    s.across = float(0.0)
    s.log = float(0.0)
    fall_east = float(0.0)
    fall_north = float(0.0)
    for i in range(4):
        # A sheet that only lingers steers nothing, nor one that has left the place.
        off = offset(state, i, east, north)
        r = wp.max(wp.length(off), 0.12)
        if state.depth[i] > least and r > state.gone[i]:
            u = off[0] / r
            v = off[1] / r
            along = s.along * u - s.across * v
            s.across = s.along * v + s.across * u
            s.along = along
            s.log += wp.log(r)
            fall_east += u / r
            fall_north += v / r
    s.slope = wp.sqrt(fall_east * fall_east + fall_north * fall_north) + 1.0e-3
    # Eddies as wide as rooms and rocks: they stand, so that what streams past seems to go around.
    seed = state.seed
    aside = 0.4 * noise(seed + wp.uint32(61), 0.29 * east, 0.29 * north, 0.1 * state.drift)
    aside += 0.1 * noise(seed + wp.uint32(67), 1.1 * east, 1.1 * north, 0.2 * state.drift)
    bend = wp.min(s.slope, 1.0) * aside
    a = s.along - bend * s.across
    b = s.across + bend * s.along
    size = wp.sqrt(a * a + b * b)
    s.along = a / size
    s.across = b / size
    # The product is the same at opposite places: a slow drift along one way tells them apart.
    s.log += 0.06 * east + 0.035 * north
    return s


@wp.func
def _ridged(seed: wp.uint32, u: float, v: float, s: Stream, octave: int, phase: float) -> float:
    """Return bright lines, 0 to 1, of 2^octave to a radian, nine times as long as wide."""
    often = float(1 << octave)
    run = 0.11 * often
    n = noise(seed + wp.uint32(7 * octave), often * u, often * v, run * (s.log - phase))
    ridge = wp.max(1.0 - 8.0 * n * n, 0.0)
    return ridge * ridge


@wp.func
def _lines(seed: wp.uint32, u: float, v: float, s: Stream, width: float, phase: float) -> float:
    """Return bright lines about `width` [m] apart along the streamline at (u, v).

    Where the flow widens they fork: the two octaves nearest to the width are mixed.
    """
    level = wp.clamp(-wp.log2(s.slope * width), 2.0, 7.9)
    octave = int(level)
    part = wp.smoothstep(0.2, 0.8, level - float(octave))
    out = float(0.0)
    if part < 1.0:
        out += (1.0 - part) * _ridged(seed, u, v, s, octave, phase)
    if part > 0.0:
        out += part * _ridged(seed, u, v, s, octave + 1, phase)
    return out


@wp.func
def streak(state: DustState, s: Stream, near: float) -> wp.vec2:
    """Return streaks that stream outward, about -0.5 to 2, and their rise toward the sun.

    The pattern stands still in (streamline, log - phase): its speed grows with the distance. Lines
    come in bunches with gaps between: they are seen where more dust is picked up. `near` tells how
    much of the finest lines can be told apart, 0 to 1.
    """
    seed = state.seed
    phase = state.phase
    u = s.along
    v = s.across
    broad = noise(seed + wp.uint32(11), 3.1 * u, 3.1 * v, 0.9 * s.log - 0.5 * phase)
    bunch = noise(seed + wp.uint32(17), 7.3 * u, 7.3 * v, 1.3 * s.log - 0.8 * phase)
    thick = wp.smoothstep(-0.95, 0.45, bunch + 0.6 * broad)
    mid = _lines(seed + wp.uint32(23), u, v, s, 0.2, phase)
    thin = _lines(seed + wp.uint32(37), u, v, s, 0.085, 1.2 * phase)
    flank = float(0.0)
    if mid > 0.0:
        # Across a streak only the streamline changes: a step of a few centimetres up-sun.
        cross = 0.03 * wp.min(s.slope, 3.0) * (state.sun_north * u - state.sun_east * v)
        flank = mid - _lines(seed + wp.uint32(23), u - cross * v, v + cross * u, s, 0.2, phase)
    # None in the middle of a plume, where the gas has no speed along the ground yet.
    keep = 1.0 - wp.smoothstep(2.0, 5.0, s.slope)
    lines = 0.8 * mid + 1.1 * thin
    if near > 0.0:
        lines += near * (0.7 * _lines(seed + wp.uint32(53), u, v, s, 0.037, 1.4 * phase) - 0.15)
    lines *= keep
    return wp.vec2(0.5 * broad + thick * lines - 0.2, keep * thick * flank)


@wp.func
def stones(state: DustState, s: Stream) -> float:
    """Return how a small stone that the gas carries off brightens a place, its rim darkens it.

    One stone at most to a cell of the flow, in which it stays: cells run outward and grow.
    """
    around = float(_STONE_CELLS)
    u = wp.atan2(s.across, s.along) * around * 0.15915494
    v = (s.log - _STONE_LAG * state.phase) * around * 0.15915494
    iu = int(wp.floor(u))
    iv = int(wp.floor(v))
    wrapped = (iu + 2 * _STONE_CELLS) % _STONE_CELLS
    h = _mix(state.seed * _STEP_SEED + wp.uint32(wrapped) * _STEP_X + wp.uint32(iv) * _STEP_Y)
    if float(h >> wp.uint32(8)) > state.stone_share * 16777216.0:
        return 0.0
    a = _mix(h + wp.uint32(1))
    b = _mix(h + wp.uint32(2))
    x = 0.2 + 0.6 * float(a >> wp.uint32(8)) / 16777216.0
    y = 0.2 + 0.6 * float(b >> wp.uint32(8)) / 16777216.0
    du = u - float(iu) - x
    dv = v - float(iv) - y
    away = wp.sqrt(du * du + dv * dv) * 6.2831853 / (around * s.slope)
    radius = state.stone_radius * (0.4 + 1.2 * float(h & wp.uint32(1023)) / 1023.0)
    if away < radius:
        return state.stone_light
    if away < 1.5 * radius:
        return -0.6 * state.stone_light
    return 0.0


@wp.func
def billow(state: DustState, east: float, north: float, height: float) -> wp.vec2:
    """Return how much thicker the veil is at a place, about -1 to 1, and its light and shade.

    Clouds smaller than half the camera's height cannot be told one by one from there.
    """
    seed = state.seed
    t = state.drift
    # Up-sun by a third of a cloud of each size.
    se = state.sun_east
    sn = state.sun_north
    x = east - 0.6 * t
    y = north + 0.4 * t
    a = noise(seed + wp.uint32(3), 0.11 * east, 0.11 * north, 0.25 * t)
    b = noise(seed + wp.uint32(5), 0.33 * east, 0.33 * north, 0.5 * t)
    b2 = noise(seed + wp.uint32(5), 0.33 * (east + se), 0.33 * (north + sn), 0.5 * t)
    thick = 0.55 * a + 0.35 * b
    lit = 0.18 * a + 0.3 * (b - b2)
    share = 1.0 / (1.0 + 0.01 * height * height)
    if share > 0.1:
        # Drawn out along their drift.
        p = 0.83 * x - 0.55 * y
        q = 0.55 * x + 0.83 * y
        sp = 0.83 * se - 0.55 * sn
        sq = 0.55 * se + 0.83 * sn
        c = noise(seed + wp.uint32(71), 0.6 * p, 1.5 * q, 1.1 * t)
        c2 = noise(seed + wp.uint32(71), 0.6 * p + 0.18 * sp, 1.5 * q + 0.45 * sq, 1.1 * t)
        thick += share * 0.45 * c
        lit += share * (0.1 * c + 0.3 * (c - c2))
        near = 1.0 - 0.25 * height
        if near > 0.0:
            d = noise(seed + wp.uint32(73), 3.1 * x + 0.8 * c, 3.1 * y - 0.8 * b, 2.3 * t)
            e = noise(seed + wp.uint32(79), 7.3 * x + 1.1 * d, 7.3 * y + 0.9 * c, 4.1 * t)
            thick += near * (0.25 * d + 0.2 * e)
            lit += near * (0.12 * d + 0.12 * e)
    return wp.vec2(thick, wp.clamp(lit, -0.35, 0.45))
