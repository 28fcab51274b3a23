"""The dust's texture: fans and streaks of each plume's sheet, wakes of stones, billows.

All of it is noise that is carried along: by a plume's flow outward, so that the pattern stands
still in (azimuth, logarithm of the distance less a phase), or with the air of the last metres.
"""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

__all__ = [
    "LATTICE",
    "DustState",
    "Fan",
    "billow",
    "noise",
    "offset",
    "stones",
    "streak",
    "wake",
]

wp.set_module_options({"enable_backward": False})

# Odd multipliers of the lattice hash; as constants, because a literal is a signed 32-bit number.
_MIX_A = wp.constant(wp.uint32(0x7FEB352D))
_MIX_B = wp.constant(wp.uint32(0x846CA68B))
_STEP_X = wp.constant(wp.uint32(0x85EBCA77))
_STEP_Y = wp.constant(wp.uint32(0xC2B2AE3D))
_STEP_Z = wp.constant(wp.uint32(0x27D4EB2F))
_STEP_SEED = wp.constant(wp.uint32(0x9E3779B1))


LATTICE = 32
"""Numbers along an edge of the cube that noise is made from, a power of two."""
_SIDE = wp.constant(LATTICE)
_LAST = wp.constant(LATTICE - 1)
_STONE_CELLS = wp.constant(110)
"""Cells of the flow around each plume."""
_STONE_LAG = wp.constant(0.12)
"""Speed of stones over that of the dust."""


@wp.struct
class DustState:
    """The dust at one instant. Vectors of four hold one value a plume; lengths in m, site axes."""

    active: wp.int32
    seed: wp.uint32
    lattice: wp.array(dtype=float)  # type: ignore[valid-type]
    ground: wp.float32
    east: wp.vec4
    north: wp.vec4
    half_east: wp.vec4
    half_north: wp.vec4
    reach: wp.vec4
    depth: wp.vec4
    side: wp.vec4
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
    wake_contrast: wp.float32
    stone_share: wp.float32
    stone_radius: wp.float32
    stone_light: wp.float32
    ridge_depth: wp.float32
    ridge_width: wp.float32
    ridge_lean: wp.float32
    ridge_across: wp.vec2
    ridge_soft: wp.float32
    veil_depth: wp.float32
    veil_height: wp.float32
    veil_radius: wp.float32
    veil_east: wp.float32
    veil_north: wp.float32
    low_depth: wp.float32
    low_height: wp.float32
    drift: wp.float32
    carry: wp.vec2
    scour: wp.float32
    forward: wp.float32
    forward_share: wp.float32
    sun_east: wp.float32
    sun_north: wp.float32
    sun_run: wp.float32
    settled: wp.float32
    cover_east: wp.float32
    cover_north: wp.float32
    cover_height: wp.float32
    cover_ahead: wp.vec2
    cover_half: wp.vec2
    cover_shade: wp.float32
    trapped: wp.float32
    albedo: wp.vec3
    bumps: wp.array2d(dtype=wp.vec3)  # type: ignore[valid-type]
    bump_east: wp.float32
    bump_north: wp.float32
    bump_cell: wp.float32


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
def _mix(h: wp.uint32) -> wp.uint32:
    """Scramble 32 bits (the finaliser "lowbias32" of Wellons's integer-hash search)."""
    h = (h ^ (h >> wp.uint32(16))) * _MIX_A
    h = (h ^ (h >> wp.uint32(15))) * _MIX_B
    return h ^ (h >> wp.uint32(16))


@wp.func
def _floor(x: float) -> int:
    i = int(x)
    return wp.where(x < float(i), i - 1, i)


@wp.func
def noise(
    lattice: wp.array(dtype=float),  # type: ignore[valid-type]
    which: int,
    x: float,
    y: float,
    z: float,
) -> float:
    """Return value noise, -1 to 1, from a cube of numbers that repeats; `which` shifts it."""
    ix = _floor(x)
    iy = _floor(y)
    iz = _floor(z)
    fx = x - float(ix)
    fy = y - float(iy)
    fz = z - float(iz)
    fx = fx * fx * (3.0 - 2.0 * fx)
    fy = fy * fy * (3.0 - 2.0 * fy)
    fz = fz * fz * (3.0 - 2.0 * fz)
    x0 = (ix + 7 * which) & _LAST
    y0 = (iy + 13 * which) & _LAST
    z0 = (iz + 11 * which) & _LAST
    x1 = (x0 + 1) & _LAST
    y1 = ((y0 + 1) & _LAST) * _SIDE
    z1 = ((z0 + 1) & _LAST) * _SIDE * _SIDE
    y0 *= _SIDE
    z0 *= _SIDE * _SIDE
    a = wp.lerp(lattice[x0 + y0 + z0], lattice[x0 + y0 + z1], fz)
    b = wp.lerp(lattice[x1 + y0 + z0], lattice[x1 + y0 + z1], fz)
    c = wp.lerp(lattice[x0 + y1 + z0], lattice[x0 + y1 + z1], fz)
    d = wp.lerp(lattice[x1 + y1 + z0], lattice[x1 + y1 + z1], fz)
    return wp.lerp(wp.lerp(a, b, fx), wp.lerp(c, d, fx), fy)


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
def _strand(
    state: DustState, fan: Fan, which: int, often: float, run: float, phase: float, aside: float
) -> float:
    """Return noise of `often` cells to a radian and `run` to a factor e of distance, -1 to 1.

    The pattern stands still in (azimuth, log of distance - phase): what it is made of runs outward,
    the faster the farther it is, and grows as it goes.
    """
    u = fan.out[0] - aside * fan.out[1]
    v = fan.out[1] + aside * fan.out[0]
    return noise(state.lattice, fan.which + which, often * u, often * v, run * (fan.log - phase))


@wp.func
def _seen(fan: Fan, often: float) -> float:
    """Return how much of so fine a strand can be told apart, 0 to 1."""
    return wp.smoothstep(0.7 * fan.foot, 2.2 * fan.foot, fan.r / often)


@wp.func
def _peak(n: float) -> float:
    """Return bright lines from noise: few, of all widths, the brightest the fewest."""
    p = wp.max(n + 0.1, 0.0)
    return p * p


@wp.func
def streak(state: DustState, fan: Fan) -> wp.vec3:
    """Return (broad fans, filaments, rise of the flanks toward the sun) of a sheet.

    Fans are one to a few to a quadrant. Filaments lie in them, finer ones in coarser ones: each
    size is strong where the one above it is.
    """
    phase = state.phase
    broad = 0.6 * _strand(state, fan, 1, 1.3, 0.6, 0.8 * phase, 0.0)
    broad += 0.5 * _strand(state, fan, 2, 3.1, 0.9, 0.9 * phase, 0.0)
    some = _seen(fan, 7.3)
    lines = float(0.0)
    flank = float(0.0)
    if some > 0.0:
        up_sun = state.sun_north * fan.out[0] - state.sun_east * fan.out[1]
        a = some * _strand(state, fan, 3, 7.3, 1.4, phase, 0.0)
        lines = 0.08 * _peak(a) + 0.08 * a
        more = _seen(fan, 16.7)
        if more > 0.0:
            b = more * _strand(state, fan, 4, 16.7, 2.0, phase, 0.035 * a)
            lift = wp.clamp(0.8 + 0.5 * a + 0.5 * broad, 0.25, 1.6)
            lines += lift * (0.2 * _peak(b) + 0.1 * b)
            step = 0.02 * up_sun
            flank += 0.7 * (b - more * _strand(state, fan, 4, 16.7, 2.0, phase, 0.035 * a + step))
            most = _seen(fan, 39.0)
            if most > 0.0:
                sway = 0.025 * b - 0.02 * a
                c = most * _strand(state, fan, 5, 39.0, 2.7, phase, sway)
                lift *= wp.clamp(0.85 + 0.6 * b, 0.3, 1.5)
                lines += lift * (1.5 * _peak(c) + 0.5 * c)
                flank += 0.5 * (
                    c - most * _strand(state, fan, 5, 39.0, 2.7, phase, sway + 0.4 * step)
                )
                least = _seen(fan, 91.0)
                if least > 0.0:
                    sway = 0.012 * c - 0.012 * b
                    d = least * _strand(state, fan, 6, 91.0, 3.2, phase, sway)
                    lift *= wp.clamp(0.9 + 0.5 * c, 0.4, 1.4)
                    lines += lift * (5.0 * _peak(d) + 2.2 * d)
        # Where much is gathered already, more of it stands out less.
        lines = lines / (1.0 + 0.45 * wp.max(lines, 0.0))
    return wp.vec3(broad, lines, flank)


@wp.func
def _bump(state: DustState, east: float, north: float, near: bool) -> wp.vec3:
    """Return how far the ground stands out near a place, [m]: averaged over three widths.

    Seen from near between cells, else of the nearest.
    """
    x = (east - state.bump_east) / state.bump_cell
    y = (north - state.bump_north) / state.bump_cell
    last_x = float(state.bumps.shape[1] - 2)
    last_y = float(state.bumps.shape[0] - 2)
    if x < 0.0 or y < 0.0 or x >= last_x or y >= last_y:
        return wp.vec3(0.0, 0.0, 0.0)
    if not near:
        return state.bumps[int(y + 0.5), int(x + 0.5)]
    i = int(y)
    j = int(x)
    fx = x - float(j)
    fy = y - float(i)
    low = state.bumps[i, j] * (1.0 - fx) + state.bumps[i, j + 1] * fx
    high = state.bumps[i + 1, j] * (1.0 - fx) + state.bumps[i + 1, j + 1] * fx
    return low * (1.0 - fy) + high * fy


@wp.func
def wake(state: DustState, fan: Fan, east: float, north: float) -> float:
    """Return how much a place lies in the wake of stones up the flow, 0 to about 1.

    Dust that the flow digs out at a stone's flanks and what gathers in its lee leave it in a tail,
    the wider the farther.
    """
    if state.bumps.shape[0] < 2:
        return 0.0
    out = float(0.0)
    s = float(0.12)
    for k in range(7):
        b = _bump(state, east - s * fan.out[0], north - s * fan.out[1], fan.foot < 0.02)
        rise = b[0]
        if k > 4:
            rise = 2.2 * b[2]
        elif k > 1:
            rise = 1.4 * b[1]
        out = wp.max(out, wp.smoothstep(0.015, 0.10, rise) * (1.0 - s / 3.6))
        s += 0.15 + 0.25 * s
    return out


@wp.func
def stones(state: DustState, fan: Fan) -> float:
    """Return how a small stone that the gas carries off covers a place, 0 to 1.

    One stone at most to a cell of the flow, in which it stays: cells run outward and grow.
    """
    around = float(_STONE_CELLS)
    u = wp.atan2(fan.out[1], fan.out[0]) * around * 0.15915494
    v = (fan.log - _STONE_LAG * state.phase) * around * 0.15915494
    iu = int(wp.floor(u))
    iv = int(wp.floor(v))
    wrapped = (iu + 2 * _STONE_CELLS) % _STONE_CELLS
    h = _mix(
        state.seed
        + wp.uint32(fan.which) * _STEP_SEED
        + wp.uint32(wrapped) * _STEP_X
        + wp.uint32(iv) * _STEP_Y
    )
    if float(h >> wp.uint32(8)) > state.stone_share * 16777216.0:
        return 0.0
    a = _mix(h + wp.uint32(1))
    b = _mix(h + wp.uint32(2))
    x = 0.2 + 0.6 * float(a >> wp.uint32(8)) / 16777216.0
    y = 0.2 + 0.6 * float(b >> wp.uint32(8)) / 16777216.0
    du = u - float(iu) - x
    dv = v - float(iv) - y
    away = wp.sqrt(du * du + dv * dv) * 6.2831853 * fan.r / around
    radius = state.stone_radius * (0.4 + 1.2 * float(h & wp.uint32(1023)) / 1023.0)
    return wp.where(away < radius, float(1.0), float(0.0))


@wp.func
def billow(state: DustState, at: wp.vec3, foot: float) -> wp.vec2:
    """Return how much thicker the veil is at a place, about -1 to 1, and its light and shade.

    Clouds ride on the air of the last metres: they are carried, and turn over slowly as they go.
    Each size pushes the next finer one aside, so that they curl. `foot`: what can be told apart.
    """
    t = state.drift
    x = at[0] - state.carry[0]
    y = at[1] - state.carry[1]
    z = at[2] - 0.5 * t
    # Up-sun by a third of a cloud of each size.
    se = state.sun_east
    sn = state.sun_north
    a = noise(state.lattice, 3, 0.1 * x, 0.1 * y, 0.1 * z)
    px = x + 1.1 * a
    py = y - 1.4 * a
    b = noise(state.lattice, 5, 0.31 * px, 0.31 * py, 0.31 * z)
    b2 = noise(state.lattice, 5, 0.31 * (px + se), 0.31 * (py + sn), 0.31 * z)
    thick = 0.6 * a + 0.4 * b
    lit = 0.12 * a + 0.25 * (b - b2)
    if foot < 0.2:
        px += 0.6 * b
        py += 0.5 * b
        c = noise(state.lattice, 71, 0.93 * px, 0.93 * py, 0.7 * z)
        c2 = noise(state.lattice, 71, 0.93 * px + 0.35 * se, 0.93 * py + 0.35 * sn, 0.7 * z)
        thick += 0.35 * c
        lit += 0.2 * (c - c2)
        if foot < 0.04:
            d = noise(state.lattice, 73, 2.7 * px + 0.7 * c, 2.7 * py - 0.7 * b, 1.5 * z)
            near = 1.0 - 25.0 * foot
            thick += 0.22 * near * d
            lit += 0.09 * near * d
    return wp.vec2(thick, wp.clamp(lit, -0.3, 0.4))
