"""Dust on the lens: a film that spreads light over the picture, and grains out of focus.

A grain before the lens takes part of the light of the photosites behind it, and sends on instead
what falls on it from all around: the mean of the picture stands for that. A model for looking at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.optics import Lens
from skycrane.draws import generator
from skycrane.mission.cameras import Camera

__all__ = ["soil", "specks_of"]

wp.set_module_options({"enable_backward": False})

_GLOW = 0.9
"""Light that grains send on, share of the mean of the picture: they swallow little."""


@wp.kernel(enable_backward=False)
def _soil(
    depth: wp.array2d(dtype=float),  # type: ignore[valid-type]
    when: wp.array2d(dtype=float),  # type: ignore[valid-type]
    settled: float,
    film: float,
    glow: wp.vec4,
    light: wp.array2d(dtype=float),  # type: ignore[valid-type]
):
    """Take light from behind film and grains, and add what they send on, by place in the tile."""
    i, j = wp.tid()  # type: ignore[misc]
    taken = film * settled
    if when[i, j] < settled:
        taken = 1.0 - (1.0 - taken) * (1.0 - depth[i, j])
    colour = 2 * (i % 2) + j % 2
    light[i, j] = light[i, j] * (1.0 - taken) + glow[colour] * taken


def soil(light: Any, lens: Lens, camera: Camera, *, met_s: float, key: int) -> None:
    """Soil a picture's radiance in place.

    Args:
        light: radiance of every photosite, (height, width), on its device.
        lens: what it was drawn with.
        camera: tells how dusty its lens gets.
        met_s: optical depth of the dust that it has been in, times seconds.
        key: random key of the camera: its grains stay where they are.
    """
    dust = camera.lens_dust
    if dust is None or met_s <= 0.0:
        return
    settled = 1.0 - 0.5 ** (met_s / dust.half_s)
    scale = lens.width / camera.detector.width
    depth, when = specks_of(
        lens.height, lens.width, dust.specks, dust.speck_radius_px * scale, dust.speck_depth, key
    )
    values = light.numpy()
    glow = [float(values[i::2, j::2].mean()) * _GLOW for i in (0, 1) for j in (0, 1)]
    device = light.device
    inputs = [
        wp.array(depth, dtype=float, device=device),
        wp.array(when, dtype=float, device=device),
        settled,
        dust.film,
        wp.vec4(*glow),
        light,
    ]
    wp.launch(_soil, light.shape, inputs, device=device)


@lru_cache(maxsize=8)
def specks_of(
    height: int, width: int, count: int, radius_px: float, depth: float, key: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what grains take of each photosite's light, and after what share of them it is there.

    Soft discs, small ones often and large ones seldom, in the order in which they settle.
    """
    taken = np.zeros((height, width), np.float32)
    when = np.full((height, width), 2.0, np.float32)
    rng = generator(key, "dust on the lens")
    for number in range(count):
        row, column = rng.uniform(0.0, height), rng.uniform(0.0, width)
        radius = radius_px * float(np.exp(rng.normal(0.0, 0.45)))
        share = depth * float(rng.uniform(0.4, 1.0))
        reach = int(np.ceil(1.3 * radius)) + 1
        i0, i1 = max(int(row) - reach, 0), min(int(row) + reach + 1, height)
        j0, j1 = max(int(column) - reach, 0), min(int(column) + reach + 1, width)
        i, j = np.mgrid[i0:i1, j0:j1]
        away = np.hypot(i + 0.5 - row, j + 0.5 - column)
        edge = max(0.3 * radius, 0.7)
        disc = share * np.clip((radius + 0.5 * edge - away) / edge, 0.0, 1.0)
        more = disc > taken[i0:i1, j0:j1]
        taken[i0:i1, j0:j1][more] = disc[more]
        when[i0:i1, j0:j1][more] = (number + 0.5) / count
    return taken, when
