"""The landform's height at any place: floor, delta, rim and mounds together."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes later
from __future__ import annotations

import warp as wp

from skycrane.mars.terrain_delta import delta_height
from skycrane.mars.terrain_floor import floor_height, undulation
from skycrane.mars.terrain_form import (
    Form,
    delta_inside,
    hummock_share,
    rim_share,
    rough_inside,
    step,
)
from skycrane.mars.terrain_hills import mound_height, rim_height

__all__ = ["base_height"]

wp.set_module_options({"enable_backward": False})


@wp.func
def base_height(x: float, y: float, finest: float, form: Form) -> float:
    """Return the height of the landform [m] with relief of wavelengths down to `finest` [m]."""
    rim = rim_share(x, y, form)
    inside = delta_inside(x, y, form)
    into = rough_inside(x, y, inside, form)
    rough = step(-14.0, 14.0, into)
    h = rim_height(x, y, form) * rim
    if inside > -600.0:
        h += delta_height(x, y, inside, finest, form) * (1.0 - rim)
    h += mound_height(x, y, form)
    uneven = float(0.0)
    if finest < 240.0:
        uneven = hummock_share(x, y, form)
    floor = (1.0 - rim) * step(60.0, -60.0, inside)
    h += floor_height(x, y, into, inside, rough, uneven, floor, finest, form)
    h += undulation(x, y, rough, rim, uneven, finest, form)
    return h - form.target_height
