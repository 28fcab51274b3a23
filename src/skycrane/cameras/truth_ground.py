"""The ground as the truth tells it: normal, sunlight past the relief, and the even datum beyond."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
# mypy: ignore-errors
from __future__ import annotations

import warp as wp

from skycrane.cameras.ground_texels import sample_light
from skycrane.cameras.heightfield import Ground, datum_height

__all__ = ["datum_normal", "even_ground", "ground_normal", "relief_sun"]

wp.set_module_options({"enable_backward": False})


@wp.func
def _level_met(g: Ground, p: wp.vec3, t: float, cone: float) -> int:
    """Return the grid that a ray met the ground on, by the rule that `trace_ground` goes by."""
    m = g.levels.shape[0] - 1
    while m > 0:
        lv = g.levels[m]
        reach = float(lv.count - 1) * lv.cell
        edge = wp.min(
            wp.min(p[0] - lv.x0, lv.x0 + reach - p[0]), wp.min(p[1] - lv.y0, lv.y0 + reach - p[1])
        )
        if t <= 1.2 * lv.cell / cone and edge >= 2.0 * lv.cell:
            return m
        m -= 1
    return int(0)


@wp.func
def ground_normal(g: Ground, p: wp.vec3, t: float, cone: float) -> wp.vec3:
    """Return the normal of the bilinear cell that was met, on the curved datum."""
    lv = g.levels[_level_met(g, p, t, cone)]
    x = (p[0] - lv.x0) / lv.cell
    y = (p[1] - lv.y0) / lv.cell
    j = wp.clamp(int(wp.floor(x)), 0, lv.count - 2)
    i = wp.clamp(int(wp.floor(y)), 0, lv.count - 2)
    u = x - float(j)
    v = y - float(i)
    at = lv.heights + i * lv.count + j
    a = g.heights[at]
    b = g.heights[at + 1]
    c = g.heights[at + lv.count]
    d = g.heights[at + lv.count + 1]
    east = ((b - a) * (1.0 - v) + (d - c) * v) / lv.cell
    north = ((c - a) * (1.0 - u) + (d - b) * u) / lv.cell
    bend = 2.0 * g.curvature
    return wp.normalize(
        wp.vec3(bend * (p[0] + g.focus[0]) - east, bend * (p[1] + g.focus[1]) - north, 1.0)
    )


@wp.func
def relief_sun(g: Ground, p: wp.vec3, t: float, cone: float, sun: wp.vec3) -> float:
    """Return how much of the sun the relief leaves at a point, from the light baked there.

    The grid and the step of its pyramid are those the footage takes, without its chances.
    """
    foot = wp.max(t * cone, 1.0e-4)
    chosen = int(0)
    for m in range(g.levels.shape[0]):
        lv = g.levels[m]
        reach = float(lv.count - 1) * lv.cell
        edge = wp.min(
            wp.min(p[0] - lv.x0, lv.x0 + reach - p[0]), wp.min(p[1] - lv.y0, lv.y0 + reach - p[1])
        )
        if m == 0 or (edge > 3.0 * lv.cell + 0.03 * reach and g.levels[chosen].cell > foot):
            chosen = m
    lv = g.levels[chosen]
    sharp = wp.clamp(wp.log2(wp.max(foot / lv.cell, 1.0e-6)) - 0.3, 0.0, 9.0)
    light = sample_light(g, lv, int(sharp + 0.5), p[0], p[1])
    flat = light[1] * light[1] + light[2] * light[2]
    n = wp.vec3(light[1], light[2], wp.sqrt(wp.max(1.0 - flat, 0.01)))
    facing = wp.dot(n, sun)
    if facing < 0.02:
        return float(0.0)
    return wp.clamp(light[0] / facing, 0.0, 1.0)


@wp.func
def even_ground(g: Ground, o: wp.vec3, d: wp.vec3) -> float:
    """Return the distance to the datum beyond the grids, or -1 past the footage's horizon.

    As `skycrane.mars.sky.ground_beyond` has it, up being where the zenith of the eye is.
    """
    high = datum_height(g, o)
    up = d[2] + 2.0 * g.curvature * ((o[0] + g.focus[0]) * d[0] + (o[1] + g.focus[1]) * d[1])
    rest = up * up - 4.0 * g.curvature * high
    if up >= 0.0 or rest < 0.0 or high <= 0.0:
        return float(-1.0)
    return 2.0 * high / (wp.sqrt(rest) - up)


@wp.func
def datum_normal(g: Ground, p: wp.vec3) -> wp.vec3:
    """Return the normal of the even datum at a point."""
    bend = 2.0 * g.curvature
    return wp.normalize(wp.vec3(bend * (p[0] + g.focus[0]), bend * (p[1] + g.focus[1]), 1.0))
