"""The units of ground: what lies where, smooth over some metres."""

from __future__ import annotations

import warp as wp

from skycrane.mars.noise import fbm
from skycrane.mars.terrain_form import (
    Form,
    delta_inside,
    hummock_share,
    mantle_share,
    mound_inside,
    pitted_share,
    rim_share,
    rough_inside,
    soft_margin,
)

__all__ = ["Units", "theirs", "units_at"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Units:
    """The units of ground, smooth over some metres: what lies where.

    into: metres within the rough unit, within +-500; inside: metres behind the delta's scarp,
    within +-1000; rim, pitted, mantle, hummock: shares 0 to 1; soft: 0 where the rough unit ends
    sharply, 1 where gradually; lows, patch, tone: noise that places sand,
    broken ground and dust.
    """

    into: float
    pitted: float
    mantle: float
    hummock: float
    soft: float
    inside: float
    rim: float
    lows: float
    patch: float
    tone: float


@wp.func
def units_at(x: float, y: float, form: Form) -> Units:
    """Return the units of ground at a place."""
    u = Units()
    s = form.seed
    u.pitted = pitted_share(x, y, form)
    u.mantle = mantle_share(x, y, form)
    # The mantle is worn into hollows too.
    u.pitted = wp.max(u.pitted, u.mantle * (1.0 - wp.exp(-(x * x + y * y) / (520.0 * 520.0))))
    inside = delta_inside(x, y, form)
    u.hummock = hummock_share(x, y, form)
    u.soft = soft_margin(x, y, form)
    # Hills are of the delta's rock, but worn and dusty; hardly any sand lies about their feet.
    butte = mound_inside(x, y, form)
    butte = -10.0 + wp.where(butte > 0.0, wp.min(0.4 * butte, 25.0), 30.0 * butte)
    u.rim = rim_share(x, y, form)
    # Where the fan leans on the wall it has no scarp.
    inside = wp.where(inside > 0.0, inside, inside * (1.0 + 40.0 * u.rim))
    u.inside = wp.clamp(wp.max(inside, butte), -1000.0, 1000.0)
    # Of the floor only: the wall has no such margins.
    u.into = wp.clamp(rough_inside(x, y, inside, form) - 900.0 * u.rim, -500.0, 500.0)
    u.lows = fbm(x, y, 420.0, 4, 0.55, s + 8000)
    u.patch = fbm(x, y, 75.0, 3, 0.55, s + 8010)
    u.tone = fbm(x, y, 3400.0, 5, 0.5, s + 8200)
    return u


@wp.func
def theirs(u: Units, share: float, seen: float) -> Units:
    """Return the units where `share` of the ground and `seen` of its brightness are a user's."""
    u.into += share * (-500.0 - u.into)
    u.rim *= 1.0 - share
    u.pitted *= 1.0 - share
    u.hummock *= 1.0 - share
    u.mantle *= 1.0 - wp.max(share, seen)
    u.inside += share * (-1000.0 - u.inside)
    u.tone *= 1.0 - seen
    return u
