"""The basin's wall and the hills on its floor."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.mars.noise import ridged
from skycrane.mars.terrain_form import Form, mound_at, rim_offset, step

__all__ = ["mound_height", "rim_height"]

wp.set_module_options({"enable_backward": False})


@wp.func
def rim_height(x: float, y: float, form: Form) -> float:
    """Return the height [m] of the wall and of the land outside, with the inlet valley in it."""
    t = rim_offset(x, y, form)
    ring = wp.exp(-t * t)
    massif = 0.25 + 1.05 * ridged(x, y, 7000.0, 6, 0.52, form.seed + 7400)
    outside = form.upland * step(-0.3, 1.6, t)
    rugged = step(-1.3, 0.2, t) * (220.0 * ridged(x, y, 2600.0, 5, 0.5, form.seed + 7410) - 60.0)
    h = form.rim_height * ring * massif + outside + rugged
    # The inlet valley that fed the delta.
    dx = x - form.delta_apex[0]
    dy = y - form.delta_apex[1] - 900.0 * wp.sin(dx / 2400.0)
    west = step(1800.0, -400.0, dx)
    across = wp.exp(-(dy * dy) / (650.0 * 650.0))
    return h * (1.0 - 0.93 * west * across)


@wp.func
def mound_height(x: float, y: float, form: Form) -> float:
    """Return the height [m] of hills and buttes above the floor."""
    h = float(0.0)
    for i in range(form.mounds.shape[0]):
        t = mound_at(x, y, i, form)
        m = form.mounds[i]
        if t > 0.0:
            # A butte as high as a third of its radius keeps a cap of strong beds; what is lower
            # has lost it and stands as worn peaks on ridges.
            cap = step(0.18, 0.30, m[3] / m[2])
            rib = ridged(x, y, m[2] * 0.62, 4, 0.55, form.seed + 7550 + i)
            butte = 0.55 * step(0.0, 0.26, t) + 0.30 * wp.min(t * 1.4, 1.0)
            butte += 0.35 * rib * step(0.0, 0.35, t)
            s = wp.min(t / 0.95, 1.0)
            hill = s * (0.25 + 1.45 * rib * step(0.0, 0.40, t))
            h += m[3] * wp.lerp(hill, butte, cap)
    return h
