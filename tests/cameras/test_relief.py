"""Relief finer than the grids: its slope against differences of the noise it comes from."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.cameras.relief import noise2_slope
from skycrane.mars.noise import noise2


@wp.kernel
def _slopes(places: wp.array(dtype=wp.vec2), out: wp.array(dtype=wp.vec4)):
    i = wp.tid()
    p = places[i]
    e = 0.005
    east = (noise2(p[0] + e, p[1], 7) - noise2(p[0] - e, p[1], 7)) / (2.0 * e)
    north = (noise2(p[0], p[1] + e, 7) - noise2(p[0], p[1] - e, 7)) / (2.0 * e)
    exact = noise2_slope(p[0], p[1], 7)
    out[i] = wp.vec4(east, north, exact[0], exact[1])


def test_slope_is_the_noises_own():
    places = np.random.default_rng(1).uniform(-40, 40, (500, 2)).astype(np.float32)
    out = wp.zeros(500, dtype=wp.vec4, device="cpu")
    given = wp.array(places, dtype=wp.vec2, device="cpu")
    wp.launch(_slopes, dim=500, inputs=[given, out], device="cpu")
    found = out.numpy()
    assert found[:, 2:].std() > 0.5
    assert found[:, 2:] == pytest.approx(found[:, :2], abs=0.02)
