"""Bedforms that the wind made: transverse ridges, megaripples and ripples of loose ground."""

from __future__ import annotations

import warp as wp

from skycrane.mars.noise import noise2
from skycrane.mars.terrain_form import Form, step

__all__ = ["bedforms"]

wp.set_module_options({"enable_backward": False})

_MEAN_CREST = wp.constant(0.40)
"""Root mean square of `_train`, which rises by the power 1.5, over fields of uneven crests."""


@wp.func
def _train(x: float, y: float, length: float, lone: float, seed: int, form: Form) -> float:
    """Return the profile of a field of bedforms, 0 trough to 1 crest, crests forking and ending.

    `lone` 0: a field of long crests; 1: some short ones, apart from each other.

    Crests are some lengths long and end in the flanks of their neighbours, as the phase's bends
    are a good third of a length deep over two lengths.
    """
    bend = 0.9 * noise2(x / (5.0 * length), y / (5.0 * length), seed)
    bend += 0.40 * noise2(x / (1.9 * length), y / (1.9 * length), seed + 1)
    # Over a field the crests turn with the wind: by some 25 degrees either way.
    bend += 8.0 * noise2(x / (27.0 * length), y / (27.0 * length), seed + 2)
    ax = form.ripple_across[0]
    ay = form.ripple_across[1]
    phase = (x * ax + y * ay) / length + bend
    f = phase - wp.floor(phase)
    # Sharp crest, windward side longer than the slip side.
    rise = wp.where(f < 0.62, f / 0.62, (1.0 - f) / 0.38)
    # Rows differ: each crest's height goes up and down along it, apart from its neighbours'.
    along = (x * ay - y * ax) / length
    row = wp.floor(phase)
    ends = noise2(0.22 * along + 7.7 * row, 0.37 * row, seed + 3)
    ends += 0.6 * noise2(x / (3.4 * length) + 31.0, y / (3.4 * length), seed + 4)
    field = 0.12 + 0.88 * step(-0.42, 0.40, ends)
    return rise * wp.sqrt(rise) * wp.lerp(field, step(0.02, 0.42, ends), lone)


@wp.func(inline=True)
def bedforms(
    x: float, y: float, sand: float, pond: float, loose: float, finest: float, form: Form
) -> wp.vec2:
    """Return (relief [m], crest 0 to 1): large ones in sand, small ones wherever soil lies loose.

    `pond` is how far sand lies in a crater: the hollow holds ridges between the two in size.
    Over loose soil the crests are short and stand apart, of lengths between the middle and the
    small: which, differs from neighbourhood to neighbourhood.
    """
    s = form.seed
    h = 0.0
    crest = 0.0
    steep = form.ripple_steepness
    length = form.ripple_length[0]
    if sand > 0.0:
        # Too fine to be told apart they brighten the sand as much as on average.
        crest = _MEAN_CREST * sand
        if finest < length * 0.5:
            b = _train(x, y, length, 0.0, s + 8020, form)
            crest = b * sand
            h += b * sand * length * steep
    # Half as far apart as those of open fields.
    length = 0.5 * form.ripple_length[0]
    if pond > 0.0 and finest < length * 0.5:
        b = _train(x, y, length, 0.0, s + 8030, form)
        crest = wp.max(crest, b * pond)
        h += b * step(0.0, 0.45, pond) * length * steep
    length = form.ripple_length[1]
    small = wp.max(0.75 * sand, loose) * (1.0 - pond)
    if small > 0.0 and finest < length * 0.5:
        lone = step(0.6, 0.2, sand)
        near = noise2(x / 38.0, y / 38.0, s + 8039)
        share = small * wp.lerp(1.0, step(-0.12, 0.10, near), lone)
        if share > 0.0:
            b = _train(x, y, length, lone, s + 8040, form)
            crest = wp.max(crest, b * share)
            h += b * share * length * steep * wp.lerp(0.8, 1.0, lone)
        length = 0.42 * length
        share = small * step(0.20, -0.02, near)
        if share > 0.0 and finest < length * 0.5:
            b = _train(x, y, length, lone, s + 8045, form)
            crest = wp.max(crest, b * share)
            h += b * share * length * steep * wp.lerp(0.8, 1.05, lone)
    length = form.ripple_length[2]
    small = wp.max(small, 0.6 * pond) - 0.2
    if small > 0.0 and finest < length * 0.5:
        h += _train(x, y, length, 0.0, s + 8050, form) * small * length * steep
    return wp.vec2(h, crest)
