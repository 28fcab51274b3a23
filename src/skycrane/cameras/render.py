"""Rays for each photosite: what light, of all three colours, comes from where it looks."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.bodies import SURFACES, Bodies, BodyHit, aim_past, eye_past, moves
from skycrane.cameras.body_light import body_light
from skycrane.cameras.cord_light import cord_light
from skycrane.cameras.dust import DustState, settled_tint
from skycrane.cameras.dust_way import dust_before
from skycrane.cameras.ground_light import ground_light
from skycrane.cameras.heightfield import Ground, datum_height, trace_ground_from
from skycrane.cameras.pupil import pupil_start
from skycrane.cameras.rays import Ray, View, aims_of, instant_of, moved, ray_of, turned
from skycrane.cameras.strands import Strands, cell_of, cord_at, cord_body, cord_front
from skycrane.cameras.tile_bodies import hit_of, tile_hits
from skycrane.mars.regolith import Regolith, sun_gain
from skycrane.mars.sky import Air, ground_beyond, path_light, sky_light, sun_through

__all__ = ["FAR_M", "render_kernel"]

# Rays need neither NaN nor a fixed order of sums, and may multiply and add in one step: a quarter
# less time. Flights keep strict ones.
_FAST = f"{wp.config.cpu_compiler_flags} -ffast-math -ffp-contract=fast -w"
wp.set_module_options({"enable_backward": False, "fast_math": True, "cpu_compiler_flags": _FAST})

_INV_PI = wp.constant(0.31830989)
FAR_M = 140000.0
"""How far rays are followed, m: past the edge of the coarsest grid."""
_FAR = wp.constant(FAR_M)
_ROVER = wp.constant(SURFACES.index("rover"))


@wp.struct
class Seen:
    """What one ray brought.

    Attributes:
        light: radiance, by colour.
        kept: radiance that the ground would send back besides, did no body stand before the sun.
        depth: distance (-1: open sky).
        body: id of what it met.
    """

    light: wp.vec3
    kept: wp.vec3
    depth: float
    body: int


@wp.func(inline=True)
def _open(g: Ground, air: Air, reg: Regolith, o: wp.vec3, d: wp.vec3) -> Seen:
    """Return what a ray sees that meets neither body nor grid: the sky, or the even planet."""
    seen = Seen()
    seen.depth = float(-1.0)
    seen.body = 0
    height = datum_height(g, o)
    cos_sun = wp.dot(d, air.sun)
    # Zenith where the eye is.
    up = d[2] + (d[0] * (o[0] + g.focus[0]) + d[1] * (o[1] + g.focus[1])) / air.radius
    gain = sun_gain(reg, air.sun[2], wp.abs(up), -cos_sun)
    beyond = ground_beyond(air, height, up, cos_sun, gain)
    if beyond[3] > 0.0:
        seen.light = wp.vec3(beyond[0], beyond[1], beyond[2])
        seen.body = 1
        seen.depth = beyond[3]
    else:
        seen.light = sky_light(air, height, up, cos_sun)
    return seen


@wp.func(inline=True)
def _settled_on(b: Bodies, hit: BodyHit, fallen: wp.vec4, light: wp.vec3) -> wp.vec3:
    """Return the light of a body on which the engines' dust has settled: of the rover alone."""
    if fallen[3] <= 0.0 or hit.surface != _ROVER:
        return light
    at = b.first[hit.surface] + hit.face
    up = (b.turn[hit.surface] * b.normal[3 * at])[2]
    return wp.cw_mul(light, settled_tint(fallen, up, b.albedo[b.material[at]]))


@wp.func(inline=True)
def _look(
    g: Ground,
    air: Air,
    reg: Regolith,
    b: Bodies,
    fallen: wp.vec4,
    view: View,
    ray: Ray,
    hit: BodyHit,
) -> Seen:
    """Return what one ray sees.

    Ground and sky are met as the camera moves through the exposure, each body as it moves past it.
    """
    o = moved(view, ray)
    d = turned(view, ray)
    key = ray.key
    quarter = 2 * (ray.row & 1) + (ray.column & 1)
    cone = view.cone
    seen = Seen()
    near = float(_FAR)
    if hit.t >= 0.0:
        near = hit.t
    t = trace_ground_from(g, o, d, cone, ray.begin, near)
    cos_sun = wp.dot(d, air.sun)
    from_height = datum_height(g, o)
    if t >= 0.0 and t < near:
        p = o + d * t
        sent = ground_light(g, air, reg, b, p, d, t, cone, key, quarter)
        seen.light = sent.light
        seen.kept = sent.kept
        seen.depth = t
        seen.body = 1
    elif hit.t >= 0.0:
        t = hit.t
        o = view.eye
        d = ray.d
        if moves(b, hit.surface):
            o = eye_past(b, hit.surface, o, ray.when)
            d = aim_past(b, hit.surface, d, ray.when)
        seen.light = body_light(g, air, b, hit, o, d, cone, key, quarter)
        seen.light = _settled_on(b, hit, fallen, seen.light)
        seen.depth = t
        seen.body = hit.surface + 2
    else:
        return _open(g, air, reg, o, d)
    path = path_light(air, from_height, datum_height(g, o + d * t), t, cos_sun)
    seen.light = seen.light * path[3] + wp.vec3(path[0], path[1], path[2])
    seen.kept *= path[3]
    return seen


@wp.func(inline=True)
def _dust_before(dust: DustState, seen: Seen, o: wp.vec3, d: wp.vec3) -> wp.vec3:
    """Return (optical depth, brightness, swept share) of the engines' dust before what is seen."""
    return dust_before(dust, seen.depth, seen.body == 1, o, d)


@wp.func
def _in_dust(
    seen: Seen, dust: DustState, air: Air, before: wp.vec3, beam: float, down: float
) -> Seen:
    """Return what is seen through the engines' dust, which shines by itself.

    Shadows on the ground under it fade: where the sun does not come through the dust, light comes
    from all of the dust about, which is wider than the shadow.
    """
    through = wp.exp(-before[0])
    level = beam * air.sun[2]
    lit = wp.cw_mul(dust.albedo, air.sky_irradiance + wp.vec3(level, level, level))
    if seen.body == 1:
        # The depth along the sun's way, of that along the ray: both pass the whole layer.
        aslant = before[0] * wp.max(down, 0.1) / wp.max(air.sun[2], 0.1)
        seen.light += seen.kept * (0.9 * (1.0 - wp.exp(-aslant)))
        seen.light *= 1.0 + dust.scour * before[2]
    seen.light = seen.light * through + lit * (before[1] * _INV_PI * (1.0 - through))
    return seen


@wp.func(inline=True)
def _behind_cords(
    seen: Seen,
    strands: Strands,
    g: Ground,
    air: Air,
    b: Bodies,
    dust: DustState,
    view: View,
    ray: Ray,
    direction: wp.vec3,
    cell: wp.vec2,
) -> Seen:
    """Return what is seen past the cords: the parachute's lines, bridles and umbilical."""
    at = wp.vec2(direction[0] / direction[2], direction[1] / direction[2])
    slant = wp.sqrt(1.0 + wp.dot(at, at))
    behind = wp.where(seen.depth > 0.0, seen.depth, float(_FAR)) / slant
    start = pupil_start(view.pupil, direction)
    cord = cord_at(strands, ray.row, ray.column, at, start, cell, behind)
    if cord.cover > 0.0:
        met = Seen()
        met.depth = cord.depth * slant
        met.body = cord_body(strands, cord)
        middle = view.eye + ray.d * met.depth
        side = view.turn * wp.vec3(cord.side[0], cord.side[1], 0.0)
        met.light = cord_light(strands, cord, g, air, b, middle, side, ray.d, ray.key)
        if dust.active != 0:
            before = _dust_before(dust, met, moved(view, ray), turned(view, ray))
            beam = sun_through(air, datum_height(g, view.eye))
            met = _in_dust(met, dust, air, before, beam, -ray.d[2])
        seen.light += (met.light - seen.light) * cord.cover
        if cord.cover > 0.5:
            seen.depth = cord_front(strands, cord, slant)
            seen.body = met.body
    return seen


@wp.func
def _is_fine(light: wp.vec4, met: wp.vec4, far: wp.vec4) -> bool:
    """Tell whether a tile's first rays met a body with an edge or a rivet finer than the tile."""
    if wp.max(met) < 1.5:
        return False
    if wp.max(met) != wp.min(met) or wp.max(far) > 1.02 * wp.min(far):
        return True
    return wp.max(light) > 1.06 * wp.min(light)


@wp.func
def _averaged(
    light: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    ti: int,
    tj: int,
    count: int,
):
    """Divide the light of a tile's photosites by how many rays brought it."""
    for k in range(4):
        i = 2 * ti + k // 2
        j = 2 * tj + k % 2
        if i < light.shape[0] and j < light.shape[1]:
            light[i, j] = light[i, j] / float(count)


@wp.func(inline=True)
def _kept(
    light: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    depth: wp.array2d(dtype=float),  # type: ignore[valid-type]
    body: wp.array2d(dtype=wp.uint8),  # type: ignore[valid-type]
    i: int,
    j: int,
    n: int,
    seen: Seen,
):
    """Add what a photosite's n-th ray brought to what came before."""
    if n > 0:
        light[i, j] = light[i, j] + seen.light
        return
    light[i, j] = seen.light
    if depth.shape[0] > 0:
        depth[i, j] = seen.depth
        body[i, j] = wp.uint8(seen.body)


@wp.kernel
def render_kernel(
    row0: int,
    view: View,
    directions: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    begins: wp.array2d(dtype=float),  # type: ignore[valid-type]
    ground: Ground,
    air: Air,
    regolith: Regolith,
    bodies: Bodies,
    strands: Strands,
    dust: DustState,
    light: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    depth: wp.array2d(dtype=float),  # type: ignore[valid-type]
    body: wp.array2d(dtype=wp.uint8),  # type: ignore[valid-type]
):
    """Fill colours, and of the first ray depth [m] along it and id, of a tile of 2 x 2 photosites.

    The tile shares its dust, which is smooth, and gets more rays where bodies have fine detail.
    """
    ti, tj = wp.tid()  # type: ignore[misc]
    ti += row0
    i = wp.min(2 * ti + 1, directions.shape[0] - 1)
    j = wp.min(2 * tj + 1, directions.shape[1] - 1)
    middle = directions[2 * ti, 2 * tj] + directions[i, j]
    view.eye = view.eye + view.turn * pupil_start(view.pupil, middle)
    before = wp.vec3(0.0, 1.0, 0.0)
    fallen = wp.vec4(dust.albedo[0], dust.albedo[1], dust.albedo[2], dust.settled)
    beam = float(0.0)
    if dust.active != 0:
        beam = sun_through(air, datum_height(ground, view.eye))
    green = wp.vec4(0.0, 0.0, 0.0, 0.0)
    met = wp.vec4(0.0, 0.0, 0.0, 0.0)
    far = wp.vec4(0.0, 0.0, 0.0, 0.0)
    count = view.samples
    n = int(0)
    # Warp unrolls loops over a constant. Four copies of all that a ray calls would not be inlined,
    # and each call copies the structures it is given: a fifth of the time.
    corners = int(4)
    while n < count:
        d = aims_of(view, directions, ti, tj, n)
        when = instant_of(view, ti, tj, n)
        hits = tile_hits(bodies, 2 * ti, 2 * tj, view.eye, d, when, float(_FAR))
        any_body = wp.max(hits.t) >= 0.0
        for k in range(corners):
            i = 2 * ti + k // 2
            j = 2 * tj + k % 2
            if i < light.shape[0] and j < light.shape[1]:
                ray = ray_of(view, d[k], when, begins[ti >> 3, tj >> 3], i, j, n)
                hit = BodyHit()
                hit.t = float(-1.0)
                if any_body:
                    hit = hit_of(hits, k)
                seen = _look(ground, air, regolith, bodies, fallen, view, ray, hit)
                if dust.active != 0:
                    if k == 0:
                        before = _dust_before(dust, seen, moved(view, ray), turned(view, ray))
                    seen = _in_dust(seen, dust, air, before, beam, -ray.d[2])
                if n == 0:
                    met[k] = float(seen.body)
                    far[k] = seen.depth
                if strands.count > 0 and strands.first[i >> 4, j >> 4, 0] >= wp.int16(0):
                    at = directions[i, j]
                    cell = cell_of(directions, i, j)
                    seen = _behind_cords(
                        seen, strands, ground, air, bodies, dust, view, ray, at, cell
                    )
                if n == 0:
                    green[k] = seen.light[1]
                _kept(light, depth, body, i, j, n, seen)
        fine = (bodies.smeared & bodies.tiles[ti >> 3, tj >> 3]) != 0
        if n == 0 and (fine or _is_fine(green, met, far)):
            count = wp.max(view.samples, view.body_samples)
        n += 1
    if count > 1:
        _averaged(light, ti, tj, count)
