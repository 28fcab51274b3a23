"""Gravity against its definition."""

from __future__ import annotations

import numpy as np
import warp as wp
from hypothesis import given, settings
from hypothesis import strategies as st

from skycrane.compute import start_warp
from skycrane.mars.gravity import apparent_acceleration, gravity
from skycrane.mission import load_mission

MISSION = load_mission("mars2020")


@wp.kernel(enable_backward=False)
def _pull(
    p: wp.array(dtype=wp.vec3d),
    v: wp.array(dtype=wp.vec3d),
    gm: wp.float64,
    j2: wp.float64,
    radius: wp.float64,
    spin: wp.float64,
    out: wp.array(dtype=wp.vec3d),
    apparent: wp.array(dtype=wp.vec3d),
):
    i = wp.tid()
    out[i] = gravity(p[i], gm, j2, radius)
    apparent[i] = apparent_acceleration(p[i], v[i], spin)


def pull(p, v):
    start_warp()
    planet = MISSION.planet
    out = wp.zeros(1, dtype=wp.vec3d, device="cpu")
    apparent = wp.zeros(1, dtype=wp.vec3d, device="cpu")
    wp.launch(
        _pull,
        dim=1,
        inputs=[
            wp.array([p], dtype=wp.vec3d, device="cpu"),
            wp.array([v], dtype=wp.vec3d, device="cpu"),
            planet.gm_m3_s2,
            planet.j2,
            planet.reference_radius_m,
            planet.rotation_rate_rad_s,
        ],
        outputs=[out, apparent],
        device="cpu",
    )
    return out.numpy()[0], apparent.numpy()[0]


def potential(p):
    planet = MISSION.planet
    r = np.linalg.norm(p)
    legendre = (3 * (p[2] / r) ** 2 - 1) / 2
    return planet.gm_m3_s2 / r * (1 - planet.j2 * (planet.reference_radius_m / r) ** 2 * legendre)


@settings(max_examples=25, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(-3.1, 3.1), st.floats(3.39e6, 3.6e6))
def test_gravity_is_the_gradient_of_the_potential(lat, lon, r):
    p = r * np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    h = 20.0
    slope = [(potential(p + h * e) - potential(p - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(pull(p, np.zeros(3))[0], slope, atol=2e-8)


def test_apparent_acceleration_is_coriolis_and_centrifugal():
    p, v = np.array([3.1e6, -1.2e6, 0.9e6]), np.array([-900.0, 4000.0, 250.0])
    spin = np.array([0, 0, MISSION.planet.rotation_rate_rad_s])
    expected = -2 * np.cross(spin, v) - np.cross(spin, np.cross(spin, p))
    np.testing.assert_allclose(pull(p, v)[1], expected, rtol=1e-13)
