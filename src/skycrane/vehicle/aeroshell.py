"""The aeroshell's surfaces: heat shield with its inside, backshell, and the parachute's cover."""

# ruff: noqa: RUF005 - arrays are summed here, not lists joined
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.draws import generator
from skycrane.mission.shape import AeroshellShape, CoverShape
from skycrane.mission.vehicle import Aeroshell
from skycrane.vehicle.mesh import MeshBuilder, Shape, axes_along, rotation_about

__all__ = ["backshell_surface", "cover_pose", "cover_surface", "heat_shield_surface"]

Array = NDArray[np.float64]

_FITTINGS = 9
"""Separation fittings around the rim, as the flown descent camera shows them."""


def _polar(radius_m: float, angle_rad: float, z_m: float) -> Array:
    return np.array([radius_m * np.cos(angle_rad), radius_m * np.sin(angle_rad), z_m])


def _sphere_cone(body: Aeroshell, shell: AeroshellShape) -> Array:
    """Return the outer outline, (k, 2) radius and z, from the nose to the widest plane."""
    half = np.radians(body.cone_half_angle_deg)
    rim, rs, rn = body.diameter_m / 2.0, shell.shoulder_radius_m, body.nose_radius_m
    # Tangent points where the cone meets the shoulder's circle and the nose's sphere.
    outer = np.array([rim - rs + rs * np.cos(half), rs * np.sin(half)])
    inner_r = rn * np.cos(half)
    inner = np.array([inner_r, outer[1] + (outer[0] - inner_r) / np.tan(half)])
    nose_centre = inner[1] - rn * np.sin(half)
    polar = np.linspace(0.0, np.pi / 2.0 - half, 8)
    nose = np.column_stack([rn * np.sin(polar), nose_centre + rn * np.cos(polar)])
    cone = inner + np.linspace(0.0, 1.0, 12)[1:, None] * (outer - inner)
    turn = np.linspace(half, 0.0, 6)[1:]
    shoulder = np.column_stack([rim - rs + rs * np.cos(turn), rs * np.sin(turn)])
    return np.vstack([nose, cone, shoulder])


def heat_shield_surface(body: Aeroshell, shell: AeroshellShape) -> Shape:
    """Return the heat shield: ablator outside; inside dark, ribbed, cabled, with a bright rim."""
    mesh = MeshBuilder()
    outside = _sphere_cone(body, shell)
    rim = body.diameter_m / 2.0
    depth = np.interp(0.0, outside[:, 0], outside[:, 1])
    floor = outside[:-6] * [0.985, 1.0] - [0.0, 0.075]
    inside = np.vstack([[rim - 0.065, -0.035], [rim - 0.085, 0.05], floor[::-1]])
    loop = np.vstack([outside, [[rim, -0.035]], inside])
    names = ["ablator"] * len(outside) + ["rim_bright", *["structure_dark"] * len(inside)]
    # Tiles of the ablator read as slightly darker joints between the rows.
    for row in range(8, 19, 3):
        names[row] = "ablator_seam" if row == 11 else names[row]
    mesh.revolve(loop, names, segments=120)
    _inside_fittings(mesh, floor, rim)
    _inside_cables(mesh, floor, depth)
    return mesh.build()


def _floor_z(floor: Array, radius_m: float) -> float:
    return float(np.interp(radius_m, floor[:, 0], floor[:, 1]))


def _up(floor: Array, radius_m: float, angle_rad: float) -> Array:
    """Return the unit normal of the inner floor, pointing to who looks in."""
    slope = (_floor_z(floor, radius_m + 0.02) - _floor_z(floor, radius_m - 0.02)) / 0.04
    normal = np.array([slope * np.cos(angle_rad), slope * np.sin(angle_rad), -1.0])
    return normal / np.linalg.norm(normal)


def _inside_fittings(mesh: MeshBuilder, floor: Array, rim_m: float) -> None:
    """Add ribs toward the rim, separation fittings, three white targets and the hub."""
    rng = generator(0, "heat shield inside")

    def on(radius: float, angle: float, lift: float) -> Array:
        return _polar(radius, angle, _floor_z(floor, radius)) + lift * _up(floor, radius, angle)

    # Irregular strands near the rim: the brushed look of bond lines in a low sun.
    for angle in np.sort(rng.uniform(0.0, 2.0 * np.pi, 420)):
        start = rim_m - 0.13 - abs(rng.normal(0.0, 0.12))
        end = start - rng.uniform(0.05, 0.34)
        name = "structure_rib" if rng.random() < 0.9 else "titanium"
        mesh.bar(
            on(start, angle, 0.006), on(end, angle + rng.normal(0, 0.03), 0.006), 0.004, name, 3
        )
    for k in range(_FITTINGS):
        angle = 2.0 * np.pi * k / _FITTINGS
        turn = axes_along([0, 0, 1], [np.cos(angle), np.sin(angle), 0])
        at = rim_m - 0.17
        mesh.box(on(at, angle, 0.05), (0.16, 0.07, 0.09), "tank_composite", turn)
        mesh.bar(on(at, angle, 0.02), on(at, angle, 0.16), 0.03, "aluminium", 10)
        for side in (-0.035, 0.035):
            mesh.bar(
                on(at - 0.08, angle + side, 0.01),
                on(at - 0.5, angle, 0.01),
                0.01,
                "structure_rib",
                5,
            )
    for radius, angle in ((1.35, 0.42), (0.72, 1.05), (1.62, 2.02)):
        mesh.bar(on(radius, angle, -0.01), on(radius, angle, 0.014), 0.072, "spot_white", 24)
    # Stiffeners: a faint spider of rings and radial seams in the face sheet.
    for radius in (0.95, 1.5):
        ring = [on(radius, a, 0.002) for a in np.linspace(0.0, 2.0 * np.pi, 97)]
        mesh.tube(np.array(ring), 0.007, "structure_rib", segments=4)
    for k in range(12):
        angle = 2.0 * np.pi * (k + 0.5) / 12
        mesh.bar(on(0.4, angle, 0.002), on(1.9, angle, 0.002), 0.006, "structure_rib", 4)


def _inside_cables(mesh: MeshBuilder, floor: Array, depth: float) -> None:
    """Add the hub's ring, instrument boxes and the cables that wander between them."""
    hub = [_polar(0.36, a, _floor_z(floor, 0.36) - 0.03) for a in np.linspace(0, 1.75 * np.pi, 48)]
    mesh.tube(hub, 0.007, "titanium", segments=6)
    arc = [_polar(0.98, a, _floor_z(floor, 0.98) - 0.02) for a in np.linspace(0.3, 1.9, 32)]
    mesh.tube(arc, 0.006, "titanium", segments=6)
    runs = (
        [(0.36, 0.9), (0.98, 0.75), (1.3, 0.7)],
        [(0.36, 2.2), (0.7, 2.35), (0.72, 1.6), (0.4, 1.2)],
        [(0.36, 3.6), (0.75, 4.1), (1.2, 4.6), (1.6, 4.75), (1.75, 4.5), (1.7, 4.0)],
        [(0.36, 5.4), (0.8, 5.7), (1.25, 5.5), (1.62, 5.9), (2.0, 5.93)],
        [(0.98, 1.9), (1.3, 2.2), (1.5, 2.1), (1.9, 2.24)],
        [(0.3, 0.0), (0.9, 0.1), (1.4, -0.1), (2.0, 0.0)],
    )
    for run in runs:
        knots = np.array(run)
        t = np.linspace(0.0, len(knots) - 1.0, 14 * len(knots))
        radius = np.interp(t, np.arange(len(knots)), knots[:, 0])
        angle = np.interp(t, np.arange(len(knots)), knots[:, 1])
        for values in (radius, angle):
            values[1:-1] = np.convolve(np.pad(values, 4, mode="edge"), np.ones(9) / 9, "valid")[
                1:-1
            ]
        path = [_polar(r, a, _floor_z(floor, r) - 0.02) for r, a in zip(radius, angle, strict=True)]
        mesh.tube(path, 0.006, "harness", segments=5)
        # Ties hold the bundle down every few hand's breadths.
        for tie in path[3:-3:6]:
            mesh.bar(tie - [0, 0, 0.01], tie + [0, 0, 0.01], 0.011, "grey_paint", 6)
    for radius, angle, size in ((0.62, 2.9, 0.16), (1.05, 4.3, 0.13), (0.55, 5.6, 0.2)):
        turn = axes_along([0, 0, 1], [np.cos(angle), np.sin(angle), 0])
        at = _polar(radius, angle, _floor_z(floor, radius) - 0.05)
        mesh.box(at, (size, 0.7 * size, 0.1), "tank_composite", turn)
    mesh.bar([0, 0, depth - 0.075], [0, 0, depth - 0.14], 0.2, "structure_rib", 32)


def backshell_surface(shell: AeroshellShape) -> Shape:
    """Return the backshell: biconic, open below and, through the canister's rim, above."""
    mesh = MeshBuilder()
    outside = np.array(shell.backshell_profile_m)
    can, top = shell.canister_radius_m, shell.canister_top_z_m
    neck = outside[-1]
    wall = 0.06
    inside = outside[::-1] + [-wall, 0.02]
    loop = np.vstack(
        [outside, [[can, neck[1]], [can, top], [can - 0.04, top], [can - 0.04, neck[1] + 0.55],
         [0.0, neck[1] + 0.55], [0.0, neck[1] + 0.6], [can, neck[1] + 0.6]], inside[1:]]
    )  # fmt: skip
    n = len(outside)
    names = ["ablator_backshell"] * n + [
        "ablator_backshell", "aluminium", "grey_paint", "structure_dark", "structure_dark",
        "structure_dark", "structure_dark",
    ] + ["structure_dark"] * (n - 1)  # fmt: skip
    mesh.revolve(loop, names, segments=120)
    _backshell_details(mesh, shell)
    return mesh.build()


def _backshell_details(mesh: MeshBuilder, shell: AeroshellShape) -> None:
    """Add tiles, thruster housings, the antenna ring, vents, the mortar tube and bridle feet."""
    profile = np.array(shell.backshell_profile_m)
    heights = profile[:, 1]

    def at(z: float, angle: float, lift: float) -> Array:
        return _polar(float(np.interp(-z, -heights, profile[:, 0])) + lift, angle, z)

    # Joints between tiles, and what entry scorched behind the thrusters and vents.
    for z in np.arange(-0.2, heights[-1], -0.24):
        ring = [at(z, a, 0.0) for a in np.linspace(0.0, 2.0 * np.pi, 121)]
        mesh.tube(np.array(ring), 0.005, "ablator_seam", segments=4)
    for k in range(36):
        angle = 2.0 * np.pi * k / 36
        path = [at(z, angle, 0.0) for z in np.concatenate([heights[1:-1], [heights[-1] + 0.02]])]
        mesh.tube(np.array(path), 0.005, "ablator_seam", segments=4)
    for k in range(4):
        angle = np.pi / 4.0 + k * np.pi / 2.0
        for side in (-0.11, 0.11):
            z = -0.62
            turn = axes_along(_polar(1.0, angle + side, -0.55), [0, 0, 1])
            mesh.box(at(z, angle + side, -0.03), (0.34, 0.26, 0.2), "char", turn)
            port = at(z - 0.05, angle + side, 0.05)
            mesh.bar(port, port + 0.06 * turn[:, 2], 0.06, "nozzle_outside", 16)
    can, top = shell.canister_radius_m, shell.canister_top_z_m
    for k in range(8):
        angle = 2.0 * np.pi * (k + 0.5) / 8
        turn = axes_along([np.cos(angle), np.sin(angle), 0], [0, 0, 1])
        mesh.box(
            _polar(can + 0.005, angle, 0.5 * (top + profile[-1, 1])),
            (0.2, 0.28, 0.02),
            "grey_paint",
            turn,
        )
    # The mortar tube that threw the parachute stays behind, open.
    mesh.revolve(
        [[0.27, top + 0.62], [0.27, top + 0.06], [0.24, top + 0.06], [0.24, top + 0.6]],
        "titanium", segments=40,
    )  # fmt: skip
    for k in range(3):
        angle = np.pi / 6.0 + k * 2.0 * np.pi / 3.0
        mesh.box(_polar(can - 0.08, angle, top + 0.05), (0.09, 0.09, 0.14), "aluminium")
    for k in range(24):
        angle = 2.0 * np.pi * k / 24
        mesh.box(_polar(can - 0.02, angle, top - 0.008), (0.03, 0.03, 0.02), "titanium")


def cover_surface(shell: AeroshellShape, cover: CoverShape) -> Shape:
    """Return the lid over the parachute in its own frame: middle of its inner face, z down."""
    mesh = MeshBuilder()
    radius, thick = shell.canister_radius_m + 0.01, cover.thickness_m
    mesh.revolve(
        [[0.0, 0.0], [radius, 0.0], [radius, -thick], [0.7 * radius, -1.6 * thick],
         [0.0, -1.8 * thick]],
        ["structure_dark", "aluminium", *["ablator_backshell"] * 3], segments=64,
    )  # fmt: skip
    for k in range(6):
        angle = 2.0 * np.pi * k / 6
        mesh.bar(
            _polar(0.1, angle, 0.008),
            _polar(radius - 0.05, angle, 0.008),
            0.012,
            "structure_rib",
            5,
        )
    return mesh.build()


def cover_pose(
    shell: AeroshellShape, cover: CoverShape, since_mortar_s: float
) -> tuple[Array, Array]:
    """Return the lid's position [m] and rotation matrix in the backshell's frame.

    On the rim until the mortar fires (`since_mortar_s` <= 0); afterwards thrown along -z with
    constant deceleration against the capsule, drifting and tumbling. A rule, not a flight: the lid
    is in view for about a second.
    """
    t = max(float(since_mortar_s), 0.0)
    along = cover.ejection_speed_m_s * t + 0.5 * cover.drag_m_s2 * t * t
    drift = np.array(cover.drift_speed_m_s) * t
    position = np.array([*drift, shell.canister_top_z_m - along])
    return position, rotation_about([0.8, 0.6, 0.1], np.radians(cover.tumble_rate_deg_s) * t)
