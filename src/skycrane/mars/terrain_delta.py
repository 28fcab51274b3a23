"""The delta's relief: a scarp of beds over fallen blocks, and a top of worn beds and channels."""

from __future__ import annotations

import warp as wp

from skycrane.mars.noise import fbm, lattice2, plates
from skycrane.mars.terrain_form import Form, delta_inside, fan_at, step

__all__ = ["delta_height", "scarp_distance"]

wp.set_module_options({"enable_backward": False})


@wp.func
def scarp_distance(x: float, y: float, inside: float, finest: float, form: Form) -> float:
    """Return how far a place lies behind the scarp's foot, m true on the ground near it.

    `inside` (`delta_inside`) counts faster or slower where the outline is cut into spurs and bays.
    """
    if wp.abs(inside) > 900.0:
        return inside
    e = wp.max(12.0, 0.4 * finest)
    gx = delta_inside(x + e, y, form) - delta_inside(x - e, y, form)
    gy = delta_inside(x, y + e, form) - delta_inside(x, y - e, form)
    # Where two lengths of the outline all but cancel out it would run on without end.
    steep = wp.max(wp.sqrt(gx * gx + gy * gy) / (2.0 * e), 0.45)
    # Far behind it the two become one.
    return inside / wp.lerp(steep, 1.0, step(300.0, 900.0, wp.abs(inside)))


@wp.func
def _cuestas(x: float, y: float, spacing: float, wide: float, seed: int) -> float:
    """Return curved ridges of tilted beds, 0 to 1: sets of arcs that cut each other off.

    Point bars of a meandering channel, worn back: a long dip slope and a short scarp of `wide`,
    a share of the spacing.
    """
    size = 7.0 * spacing
    p = plates(x, y, size, seed)
    turn = 6.2831853 * (37.7 * p[1] - wp.floor(37.7 * p[1]))
    ox = p[2] - 0.75 * wp.cos(turn)
    oy = p[3] - 0.75 * wp.sin(turn)
    bend = 0.7 * lattice2(x / (2.7 * spacing), y / (2.7 * spacing), seed + 1)
    phase = wp.sqrt(ox * ox + oy * oy) * size / spacing + bend
    row = wp.floor(phase)
    f = phase - row
    rise = wp.where(f < 1.0 - wide, f / (1.0 - wide), (1.0 - f) / wide)
    ends = lattice2(x / (2.2 * spacing) + 5.3 * row, y / (2.2 * spacing), seed + 2)
    return rise * (0.15 + 0.85 * step(-0.35, 0.35, ends)) * step(0.0, 0.06, p[0])


@wp.func
def _knobs(x: float, y: float, size: float, seed: int) -> float:
    """Return hillocks of stronger rock, 0 to 1, one in some of the cells of `size` [m]."""
    p = plates(x, y, size, seed)
    strong = step(0.45, 0.95, p[1])
    if strong <= 0.0:
        return 0.0
    r = wp.sqrt(p[2] * p[2] + p[3] * p[3])
    r += 0.16 * lattice2(x / (0.28 * size), y / (0.28 * size), seed + 1)
    return strong * step(0.40, 0.07, r) * step(0.0, 0.05, p[0])


@wp.func
def _top(x: float, y: float, finest: float, form: Form) -> float:
    """Return relief [m] of the delta's top."""
    fan = fan_at(x, y, form)
    s = form.seed + 7300
    wx = x + 240.0 * lattice2(x / 800.0, y / 800.0, s + 1)
    wy = y + 240.0 * lattice2(x / 800.0 + 3.1, y / 800.0, s + 2)
    wx += 45.0 * lattice2(x / 210.0, y / 210.0, s + 3)
    wy += 45.0 * lattice2(x / 210.0 + 5.7, y / 210.0, s + 4)
    h = 1.5 * form.channel_height * fbm(wx, wy, 1500.0, 3, 0.45, s + 10)
    # Old channels, filled with what is stronger than their banks, stand as flat ridges.
    bend = 0.45 * lattice2(x / 1500.0, y / 1500.0, s + 20)
    bend += 0.16 * lattice2(x / 520.0, y / 520.0, s + 21) + 0.05 * lattice2(
        x / 190.0, y / 190.0, s + 22
    )
    n = lattice2(fan[1] * 6.0 + bend, fan[0] / 2600.0, s + 23)
    there = step(-0.05, 0.30, lattice2(x / 1300.0, y / 1300.0, s + 25))
    h += form.channel_height * there * step(0.13, 0.03, wp.abs(n))
    # Sets of beds; between them what is too weak to show any.
    strong = step(-0.30, 0.12, lattice2(wx / 900.0, wy / 900.0, s + 30))
    wide = wp.clamp(finest / 200.0, 0.20, 0.42)
    if form.bed_spacing > 1.2 * finest:
        h += form.bed_height * strong * _cuestas(wx, wy, form.bed_spacing, wide, s + 31)
    if 0.36 * form.bed_spacing > 1.2 * finest:
        fine = _cuestas(wx, wy, 0.36 * form.bed_spacing, wide, s + 35)
        h += 0.36 * form.bed_height * (0.3 + 0.7 * strong) * fine
    h += form.knob_height * _knobs(wx, wy, 330.0, s + 40)
    h += 0.6 * form.knob_height * _knobs(x, y, 150.0, s + 42)
    # Hollows where weaker beds were blown out.
    h -= 0.8 * form.knob_height * step(0.16, 0.52, lattice2(wx / 310.0, wy / 310.0, s + 45))
    return h


@wp.func
def delta_height(x: float, y: float, inside: float, finest: float, form: Form) -> float:
    """Return the height [m] of the delta above the floor it lies on; 0 well before its scarp."""
    d = scarp_distance(x, y, inside, finest, form)
    high = form.delta_height
    # Debris before the foot, fallen blocks at their angle of rest, a cliff of strong beds.
    apron = wp.clamp((d + 110.0) / 110.0, 0.0, 1.0)
    talus = 0.56 * high / form.delta_face
    blunt = wp.max(0.1 * high, 0.3 * finest)
    # Chutes in the blocks, ribs between them, deepest half way up.
    share = wp.clamp(d / wp.max(talus, 1.0), 0.0, 1.0)
    rib = lattice2(x / 61.0, y / 61.0, form.seed + 7340) * step(90.0, 40.0, finest)
    h = high * (0.07 * apron * apron + 0.56 * share)
    h += 0.30 * high * share * (1.0 - share) * rib
    h += 0.30 * high * step(talus - 0.3 * blunt, talus + blunt, d)
    h += high * 0.07 * step(40.0, 260.0, d) + 0.5 * high * step(0.0, 5000.0, inside)
    top = step(talus - 10.0, talus + 70.0, d)
    if top > 0.0:
        h += top * _top(x, y, finest, form)
    return h
