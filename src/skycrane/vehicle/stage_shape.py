"""The descent stage's surface: frame, tanks, eight engines, bridle device, radar and wiring."""

# ruff: noqa: RUF005 - arrays are summed here, not lists joined
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.mission.shape import StageShape
from skycrane.mission.vehicle import Engines
from skycrane.vehicle.mesh import MeshBuilder, Shape, axes_along

__all__ = ["engine_axes", "stage_surface"]

Array = NDArray[np.float64]


def engine_axes(stage: StageShape, engines: Engines) -> Array:
    """Return unit vectors along which the exhaust leaves, descent-stage frame, shape (8, 3).

    Each engine is canted to its own side, along y only: the flown descent camera shows two
    impingement points abreast under four running engines, with one stagnation line between.
    """
    points, cant = np.array(stage.engine_points_m), np.radians(engines.cant_deg)
    return np.column_stack(
        [np.zeros(8), np.where(points[:, 1] < 0.0, -1.0, 1.0) * np.sin(cant), np.cos(cant)]
    )


def stage_surface(stage: StageShape, engines: Engines) -> Shape:
    """Return the descent stage in its frame: origin in the middle of its structure, z down."""
    mesh = MeshBuilder()
    corners = _frame(mesh, stage)
    _tanks(mesh, stage)
    _engines(mesh, stage, engine_axes(stage, engines), corners)
    _bridle_device(mesh, stage)
    _boxes(mesh, stage)
    _radar(mesh, stage)
    _wiring(mesh, stage)
    return mesh.build()


def _ring(radius_m: float, z_m: float, count: int = 8) -> Array:
    angle = 2.0 * np.pi * (np.arange(count) + 0.5) / count
    return np.column_stack(
        [radius_m * np.cos(angle), radius_m * np.sin(angle), np.full(count, z_m)]
    )


def _frame(mesh: MeshBuilder, stage: StageShape) -> Array:
    """Add the octagonal truss and its top deck; return the lower corners."""
    top = _ring(stage.frame_radius_m * 0.88, stage.frame_top_z_m)
    low = _ring(stage.frame_radius_m, stage.frame_bottom_z_m)
    inner = _ring(0.42, stage.frame_bottom_z_m)
    for k in range(8):
        n = (k + 1) % 8
        mesh.bar(top[k], top[n], 0.04, "aluminium", 10)
        mesh.bar(low[k], low[n], 0.045, "aluminium", 10)
        mesh.bar(low[k], top[k], 0.032, "titanium", 8)
        mesh.bar(low[k], top[n], 0.022, "structure_rib", 8)
        mesh.bar(inner[k], inner[n], 0.03, "aluminium", 8)
        mesh.box(low[k], (0.13, 0.13, 0.1), "titanium", axes_along([0, 0, 1], low[k]))
        if k % 2 == 0:
            mesh.bar(inner[k], low[k], 0.034, "structure_rib", 8)
            mesh.bar(inner[k], top[k], 0.022, "titanium", 8)
    mesh.prism(
        top[:, :2] * 0.98, stage.frame_top_z_m - 0.01, stage.frame_top_z_m - 0.04, "foil_silver"
    )
    # Blankets close the lower ring in front and behind; open bays for tanks between.
    z = stage.frame_bottom_z_m
    mesh.blanket([0.78, 0.0, z - 0.05], (0.5, 0.8, 0.05), "foil_gold", cells=7, crumple=0.03)
    mesh.blanket([-0.78, 0.0, z - 0.05], (0.5, 0.8, 0.05), "foil_silver", cells=7, crumple=0.03)
    for k in (1, 3, 5, 7):
        mid = 0.5 * (low[k] + low[(k + 1) % 8]) * [0.96, 0.96, 1.0]
        along = low[(k + 1) % 8] - low[k]
        turn = axes_along([0, 0, 1], along)
        rise = stage.frame_bottom_z_m - stage.frame_top_z_m
        mesh.blanket(
            mid - [0, 0, 0.5 * rise], (0.7, 0.03, 0.7 * rise), "foil_gold", turn, crumple=0.05
        )
    return low


def _tanks(mesh: MeshBuilder, stage: StageShape) -> None:
    """Add three propellant and two helium spheres with their equators and pipes."""
    r, h = stage.propellant_tank_radius_m, stage.pressurant_tank_radius_m
    middle = 0.5 * (stage.frame_top_z_m + stage.frame_bottom_z_m) + 0.04
    reach = stage.frame_radius_m - r - 0.06
    for angle in (np.pi / 2.0, np.pi / 2.0 + 2.1, np.pi / 2.0 - 2.1):
        at = np.array([reach * np.cos(angle), reach * np.sin(angle), middle])
        wrapped = angle == np.pi / 2.0
        mesh.sphere(
            at,
            r,
            "foil_gold" if wrapped else "titanium",
            segments=44,
            rings=28,
            crumple=0.002 if wrapped else 0.0,
        )
        band = [
            at + 1.012 * r * np.array([np.cos(a), np.sin(a), 0.0])
            for a in np.linspace(0, 2 * np.pi, 40)
        ]
        mesh.tube(band, 0.02, "aluminium", segments=6)
        mesh.bar(at + [0, 0, r - 0.02], at + [0, 0, r + 0.07], 0.035, "titanium", 12)
        pipe = [
            at + [0, 0, r + 0.06],
            at * [0.6, 0.6, 1] + [0, 0, r + 0.08],
            np.array([0.25 * np.cos(angle), 0.25 * np.sin(angle), stage.frame_bottom_z_m]),
        ]
        mesh.tube(np.array(pipe), 0.014, "aluminium", segments=6)
    for y in (-1.0, 1.0):
        at = np.array([0.72, y * 0.5, middle + 0.02])
        mesh.sphere(at, h, "tank_composite", segments=28, rings=18)
        mesh.bar(at + [0, 0, h - 0.02], at + [0, 0, h + 0.06], 0.025, "aluminium", 10)


def _bell(mesh: MeshBuilder, stage: StageShape, exit_m: Array, turn: Array, throat: float) -> None:
    """Add one engine's bell, open at its exit, dark inside."""
    length, r_exit = stage.nozzle_length_m, stage.nozzle_exit_radius_m
    t = np.linspace(0.0, 1.0, 10)
    # A bell: steep past the throat, nearly straight at the exit.
    bell = throat + (r_exit - throat) * (1.6 * t - 0.6 * t**2)
    height = -length * (1.0 - t)
    outer = np.column_stack([bell + 0.008, height])
    inner = np.column_stack([bell, height])[::-1]
    loop = np.vstack(
        [
            outer,
            inner,
            [[0.0, -length + 0.01], [0.0, -length - 0.02], [throat + 0.008, -length - 0.02]],
        ]
    )
    names = ["nozzle_outside"] * 9 + ["titanium"] + ["nozzle_inside"] * 11 + ["nozzle_outside"] * 2
    mesh.revolve(loop, names, origin=exit_m, turn=turn, segments=36)


def _engines(mesh: MeshBuilder, stage: StageShape, axes: Array, corners: Array) -> None:
    """Add eight bells with chambers and valves, and the brackets that carry each pair."""
    length = stage.nozzle_length_m
    throat = 0.32 * stage.nozzle_exit_radius_m
    for exit_point, axis in zip(np.array(stage.engine_points_m), axes, strict=True):
        turn = axes_along(axis)
        _bell(mesh, stage, exit_point, turn, throat)
        chamber = exit_point - (length + 0.01) * axis
        mesh.tube(
            [chamber, chamber - 0.04 * axis, chamber - 0.2 * axis],
            [throat, 0.085, 0.085],
            "nozzle_outside",
            segments=24,
        )
        mesh.bar(chamber - 0.2 * axis, chamber - 0.24 * axis, 0.1, "titanium", 24)
        mesh.blanket(chamber - 0.32 * axis, (0.13, 0.15, 0.16), "foil_gold", turn, cells=3)
        mesh.bar(
            chamber - 0.3 * axis + 0.05 * turn[:, 0],
            chamber - 0.3 * axis + 0.12 * turn[:, 0],
            0.045,
            "aluminium",
            14,
        )
        near = corners[np.argsort(np.linalg.norm(corners - (chamber - 0.3 * axis), axis=1))[:2]]
        for corner in near:
            mesh.bar(chamber - 0.24 * axis, corner, 0.026, "titanium", 8)
        mesh.bar(
            chamber - 0.36 * axis, [*(0.9 * near[0][:2]), stage.frame_top_z_m], 0.022, "titanium", 8
        )
        feed = np.array(
            [
                chamber - 0.38 * axis,
                0.7 * chamber - 0.3 * axis,
                [*(0.16 * chamber[:2]), stage.frame_bottom_z_m - 0.2],
            ]
        )
        mesh.tube(feed, 0.013, "aluminium", segments=6)
    points = np.array(stage.engine_points_m)
    for sx in (-1, 1):
        for sy in (-1, 1):
            pair = points[(np.sign(points[:, 0]) == sx) & (np.sign(points[:, 1]) == sy)]
            if len(pair):
                at = pair.mean(axis=0) * [0.84, 0.84, 1.0] - [0, 0, length + 0.44]
                turn = axes_along([0, 0, 1], [sx, sy, 0])
                mesh.box(at, (0.3, 0.5, 0.03), "foil_silver", turn)


def _bridle_device(mesh: MeshBuilder, stage: StageShape) -> None:
    """Add the cone-shaped reel in the middle, with its three exits, and the rover's holders."""
    z = stage.frame_bottom_z_m
    mesh.revolve(
        [[0.0, z - 0.36], [0.24, z - 0.36], [0.27, z - 0.12], [0.2, z + 0.02], [0.12, z + 0.05],
         [0.0, z + 0.05]],
        ["aluminium", "foil_gold", "grey_paint", "aluminium", "black", "black"], segments=40,
    )  # fmt: skip
    for k in range(3):
        angle = 2.0 * np.pi * k / 3
        d = np.array([np.cos(angle), np.sin(angle), 0.0])
        mesh.bar(0.2 * d + [0, 0, z + 0.02], 0.44 * d + [0, 0, z + 0.03], 0.035, "titanium", 14)
        mesh.bar(0.44 * d + [0, 0, z], 0.44 * d + [0, 0, z + 0.07], 0.045, "black", 16)
        far = angle + np.pi / 3.0
        foot = np.array([0.62 * np.cos(far), 0.62 * np.sin(far), z + 0.1])
        for side in (-0.35, 0.35):
            mesh.bar(
                [0.95 * np.cos(far + side), 0.95 * np.sin(far + side), z],
                foot,
                0.028,
                "titanium",
                8,
            )
        mesh.bar(foot, foot + [0, 0, 0.06], 0.05, "aluminium", 16)


def _boxes(mesh: MeshBuilder, stage: StageShape) -> None:
    """Add avionics, batteries and radio boxes in foil on the frame."""
    z = stage.frame_bottom_z_m
    for x, y, lx, ly, lz, name in (
        (0.78, -0.02, 0.34, 0.34, 0.26, "foil_gold"), (-0.8, 0.18, 0.4, 0.26, 0.24, "foil_silver"),
        (-0.8, -0.22, 0.34, 0.3, 0.2, "black"), (-0.35, 0.72, 0.24, 0.2, 0.22, "foil_gold"),
        (0.32, 0.84, 0.26, 0.18, 0.2, "grey_paint"), (0.28, -0.86, 0.3, 0.2, 0.2, "foil_silver"),
        (-0.1, -1.02, 0.2, 0.14, 0.24, "grey_paint"), (0.0, 0.98, 0.16, 0.12, 0.16, "white_paint"),
    ):  # fmt: skip
        wrap = mesh.blanket if name.startswith("foil") else mesh.box
        wrap([x, y, z - lz / 2 + 0.02], (lx, ly, lz), name)
        mesh.box([x + 0.1 * lx, y, z + 0.03], (0.5 * lx, 0.4 * ly, 0.03), "aluminium")


def _radar(mesh: MeshBuilder, stage: StageShape) -> None:
    """Add the landing radar on its boom in front: six round antennas, three down, three aslant."""
    at = np.array([stage.frame_radius_m + 0.34, 0.0, stage.frame_bottom_z_m + 0.12])
    mesh.blanket(at, (0.42, 0.9, 0.16), "foil_silver", cells=6, crumple=0.02)
    mesh.box(at - [0, 0, 0.12], (0.34, 0.6, 0.1), "white_paint")
    for side in (-0.3, 0.3):
        mesh.bar(
            at + [-0.2, side, 0],
            [stage.frame_radius_m * 0.9, side, stage.frame_bottom_z_m],
            0.03,
            "aluminium",
            8,
        )
        mesh.bar(
            at + [-0.1, side, -0.08],
            [stage.frame_radius_m * 0.85, side, stage.frame_top_z_m],
            0.024,
            "titanium",
            8,
        )
    tilts = ((0, 0, 1.0), (0, 0, 1.0), (0.35, 0, 1.0), (0, 0.7, 1.0), (0, -0.7, 1.0), (0.8, 0, 1.0))
    places = ((-0.1, -0.17), (-0.1, 0.17), (0.1, 0.0), (0.02, 0.38), (0.02, -0.38), (0.2, 0.22))
    for (x, y), tilt in zip(places, tilts, strict=True):
        d = np.array(tilt) / np.linalg.norm(tilt)
        base = at + [x, y, 0.08]
        mesh.bar(base, base + 0.05 * d, 0.1, "white_paint", 28)
        mesh.bar(base + 0.05 * d, base + 0.056 * d, 0.085, "radiator", 28)


def _wiring(mesh: MeshBuilder, stage: StageShape) -> None:
    """Add harness that wanders along the lower ring and across to the engines."""
    z = stage.frame_bottom_z_m
    for radius, name, wave, start, turn in (
        (0.97, "harness", 9, 0.2, 2.6), (0.9, "harness", 13, 3.3, 2.4),
        (0.6, "cable_white", 7, 0.9, 3.9), (1.03, "cable_white", 11, 2.2, 1.6),
        (0.5, "harness", 5, 4.0, 2.0),
    ):  # fmt: skip
        a = np.linspace(start, start + turn, 60)
        r = radius + 0.035 * np.sin(wave * a) + 0.02 * np.sin(2.3 * wave * a + 1.0)
        # Both ends go up behind the frame, to boxes under the deck.
        rise = 0.42 * np.abs(np.linspace(-1.0, 1.0, len(a))) ** 10
        depth = z + 0.03 + 0.02 * np.sin(1.7 * wave * a) - rise
        mesh.tube(np.column_stack([r * np.cos(a), r * np.sin(a), depth]), 0.013, name, segments=6)
    for point in np.array(stage.engine_points_m):
        end = point - [0, 0, stage.nozzle_length_m + 0.3]
        mid = 0.5 * (end + [0.4 * point[0], 0.4 * point[1], z]) + [0.05, -0.04, 0.1]
        t = np.linspace(0, 1, 12)[:, None]
        a = np.array([0.4 * point[0], 0.4 * point[1], z - 0.35])
        mesh.tube(
            (1 - t) ** 2 * a + 2 * t * (1 - t) * mid + t**2 * end, 0.013, "harness", segments=6
        )
