"""Forces of the air on the sphere-cone."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.compute import start_warp
from skycrane.mission import load_mission
from skycrane.vehicle.aerodynamics import axial_normal, mach_grid, stagnation_heating


@wp.kernel(enable_backward=False)
def _coefficients(
    axial: wp.array(dtype=wp.float64),
    normal: wp.array(dtype=wp.float64),
    mach: wp.float64,
    cone_sine2: wp.float64,
    alpha: wp.array(dtype=wp.float64),
    out: wp.array(dtype=wp.vec3d),
):
    i = wp.tid()
    out[i] = axial_normal(axial, normal, mach, wp.cos(alpha[i]), wp.sin(alpha[i]), cone_sine2)
    if i == 0:
        heat = stagnation_heating(
            wp.float64(1.9027e-4), wp.float64(1.0e-4), wp.float64(1.0), wp.float64(5000.0)
        )
        out[i][2] = heat


def coefficients(mach: float, alpha: np.ndarray, *, plain: bool = False) -> np.ndarray:
    start_warp()
    shell = load_mission("mars2020").vehicle.aeroshell
    axial = shell.axial_coefficient
    normal = [1.0] * len(axial) if plain else shell.normal_factor
    if plain:
        axial = [2 * np.sin(np.radians(shell.cone_half_angle_deg)) ** 2] * len(axial)
    out = wp.zeros(len(alpha), dtype=wp.vec3d, device="cpu")
    inputs = [
        wp.array(mach_grid(shell.mach, axial), dtype=wp.float64, device="cpu"),
        wp.array(mach_grid(shell.mach, normal), dtype=wp.float64, device="cpu"),
        mach,
        np.sin(np.radians(shell.cone_half_angle_deg)) ** 2,
        wp.array(alpha, dtype=wp.float64, device="cpu"),
    ]
    wp.launch(_coefficients, dim=len(alpha), inputs=inputs, outputs=[out], device="cpu")
    return out.numpy()


def test_hypersonic_trim_gives_the_flown_lift_over_drag():
    shell = load_mission("mars2020").vehicle.aeroshell
    alpha = np.radians([shell.trim_angle_deg])
    ca, cn, _ = coefficients(25.0, alpha)[0]
    drag = ca * np.cos(alpha[0]) + cn * np.sin(alpha[0])
    lift = ca * np.sin(alpha[0]) - cn * np.cos(alpha[0])
    assert lift / drag == pytest.approx(0.24, abs=0.005)
    assert drag == pytest.approx(1.45, abs=0.03)


def test_newtonian_cone_against_pressure_integrated_over_its_face():
    """Cp = 2 sin2(angle to the wind) over the cone's surface, summed numerically."""
    half = np.radians(70.0)
    for alpha in np.radians([0.0, 5.0, 12.0, 18.0]):
        phi = (np.arange(20_000) + 0.5) / 20_000 * 2 * np.pi
        # Outward normals of the cone flying along +z, and the wind from ahead turned by alpha.
        normal = np.stack(
            [
                np.cos(half) * np.cos(phi),
                np.cos(half) * np.sin(phi),
                np.full_like(phi, np.sin(half)),
            ]
        )
        toward = np.array([np.sin(alpha), 0.0, np.cos(alpha)])
        pressure = 2 * np.maximum(toward @ normal, 0) ** 2
        # A cone of base area 1 has a face of area 1 / sin(half).
        force = (pressure * normal).mean(axis=1) / np.sin(half)
        ca, cn, _ = coefficients(25.0, np.array([0.3, alpha]), plain=True)[1]
        assert ca == pytest.approx(force[2], rel=1e-6)
        assert cn == pytest.approx(force[0], abs=1e-6)


def test_sutton_graves():
    heat = coefficients(25.0, np.zeros(1))[0][2]
    assert heat == pytest.approx(1.9027e-4 * 1e-2 * 1.25e11)
