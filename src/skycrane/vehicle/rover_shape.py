"""The rover's surface: body, deck, mast, antennas, arm, generator; wheels in wheels.py."""

# ruff: noqa: RUF005 - arrays are summed here, not lists joined
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.draws import generator
from skycrane.mission.shape import RoverShape
from skycrane.vehicle.mesh import MeshBuilder, Shape, axes_along, rotation_about
from skycrane.vehicle.wheels import add_mobility, swing

__all__ = ["RoverSurface"]

Array = NDArray[np.float64]


class RoverSurface:
    """The rover of a mission; one topology, wheels anywhere between stowed and down."""

    def __init__(self, rover: RoverShape) -> None:
        mesh = MeshBuilder()
        self._parts = add_mobility(mesh, rover)
        _add_body(mesh, rover)
        _add_deck(mesh, rover)
        _add_mast(mesh, rover)
        _add_antennas(mesh, rover)
        _add_arm(mesh, rover)
        _add_generator(mesh, rover)
        _add_belly(mesh, rover)
        self._down = mesh.build()

    def shape(self, *, wheels_deployed: float) -> Shape:
        """Return the rover in its frame, its wheels `wheels_deployed` (0 to 1) of the way down."""
        return self._down.with_vertices(swing(self._down.vertices_m, self._parts, wheels_deployed))


def _add_body(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add the warm electronics box with bevelled nose, panels and side boxes."""
    half, w = rover.body_length_m / 2.0, rover.body_width_m / 2.0
    outline = [
        [half - 0.18, -w], [half, -w + 0.2], [half, w - 0.2], [half - 0.18, w],
        [-half, w], [-half, -w],
    ]  # fmt: skip
    mesh.prism(outline, rover.belly_z_m, rover.deck_z_m + 0.03, "white_paint")
    deep = rover.belly_z_m - rover.deck_z_m
    for side in (-1.0, 1.0):
        for k, x in enumerate((-0.6, -0.2, 0.22)):
            size = (0.34, 0.03, 0.62 * deep)
            at = [x, side * (w + 0.012), rover.belly_z_m - 0.5 * deep]
            mesh.box(at, size, "foil_silver" if (k + (side > 0)) % 2 else "white_dusty")
        run = [
            [x, side * (w + 0.03 + 0.012 * np.sin(9 * x)), rover.deck_z_m + 0.07]
            for x in np.linspace(-0.75, 0.55, 24)
        ]
        mesh.tube(run, 0.016, "harness", segments=6)
    mesh.box(
        [-half - 0.03, 0.0, rover.belly_z_m - 0.45 * deep], (0.06, 0.8, 0.7 * deep), "radiator"
    )
    mesh.box(
        [half + 0.02, -0.12, rover.belly_z_m - 0.4 * deep], (0.05, 0.5, 0.6 * deep), "grey_paint"
    )
    for y in (-0.42, -0.3, 0.3, 0.42):
        mesh.box([half - 0.02, y, rover.deck_z_m + 0.12], (0.12, 0.07, 0.07), "white_dusty")
        mesh.bar(
            [half + 0.035, y, rover.deck_z_m + 0.125],
            [half + 0.06, y, rover.deck_z_m + 0.125],
            0.02,
            "glass",
            12,
        )


_ARM_X = 0.02
"""x of the middle of the differential's arm on the deck, m."""

_DECK_BOXES = (
    (-0.55, 0.28, 0.30, 0.26, 0.08, "white_dusty"), (-0.62, -0.12, 0.22, 0.30, 0.05, "white_paint"),
    (-0.22, 0.42, 0.20, 0.16, 0.10, "grey_paint"), (-0.16, -0.54, 0.16, 0.10, 0.05, "foil_silver"),
    (0.38, -0.22, 0.12, 0.18, 0.06, "aluminium"), (0.42, -0.46, 0.14, 0.16, 0.07, "black"),
    (0.20, 0.14, 0.12, 0.12, 0.05, "foil_gold"), (-0.36, -0.02, 0.10, 0.14, 0.04, "black"),
    (0.40, 0.38, 0.16, 0.08, 0.05, "grey_paint"), (-0.74, 0.48, 0.12, 0.12, 0.12, "white_paint"),
    (-0.74, -0.50, 0.10, 0.14, 0.08, "white_dusty"), (0.20, -0.12, 0.14, 0.08, 0.03, "white_paint"),
    (-0.20, 0.10, 0.08, 0.16, 0.03, "aluminium"), (0.40, 0.20, 0.10, 0.10, 0.04, "white_dusty"),
)  # fmt: skip
"""Cases on the deck: x, y, length, width, height [m], finish."""

_DECK_PLATES = (
    (0.32, 0.40, 0.36, 0.30, "white_dusty"), (0.30, -0.40, 0.34, 0.32, "radiator"),
    (-0.18, 0.36, 0.32, 0.40, "radiator"), (-0.22, -0.44, 0.40, 0.22, "white_dusty"),
    (-0.62, 0.02, 0.30, 0.34, "white_dusty"), (-0.66, -0.40, 0.20, 0.26, "radiator"),
    (0.22, 0.02, 0.18, 0.34, "grey_paint"), (-0.34, 0.06, 0.14, 0.30, "aluminium"),
)  # fmt: skip
"""Covers let into the deck: x, y, length, width [m], finish; by eye from published photographs."""


def _add_deck(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add the white deck, its panel joints, cases, cables, hatch and fiducial marks."""
    half, w, z = rover.body_length_m / 2.0, rover.body_width_m / 2.0, rover.deck_z_m
    outline = [
        [half - 0.12, -w - 0.03], [half + 0.03, -w + 0.2], [half + 0.03, w - 0.2],
        [half - 0.12, w + 0.03], [-half - 0.03, w + 0.03], [-half - 0.03, -w - 0.03],
    ]  # fmt: skip
    mesh.prism(outline, z + 0.03, z, "white_paint")
    for x, y, lx, ly in (
        (0.1, 0.0, 0.006, 2 * w),
        (-0.45, 0.1, 0.006, 1.5 * w),
        (-0.2, -0.18, 1.1, 0.006),
    ):
        mesh.box([x, y, z - 0.001], (lx, ly, 0.006), "grey_paint")
    for x, y, lx, ly, name in _DECK_PLATES:
        # A dark joint all around, and the cover on it.
        mesh.box([x, y, z - 0.001], (lx + 0.012, ly + 0.012, 0.006), "black")
        mesh.box([x, y, z - 0.002], (lx, ly, 0.006), name)
    for x, y, lx, ly, h, name in _DECK_BOXES:
        _case(mesh, [x, y, z], (lx, ly, h), name)
    _deck_clutter(mesh, rover)
    # The differential's arm lies across the deck, thick in the middle, bent back at its ends.
    arm = np.array(
        [[0.0, 0.0], [0.01, 0.25], [0.03, 0.66], [0.09, 0.66], [0.13, 0.25], [0.14, 0.0],
         [0.13, -0.25], [0.09, -0.66], [0.03, -0.66], [0.01, -0.25]]
    )  # fmt: skip
    mesh.prism(arm + [_ARM_X - 0.07, 0.0], z - 0.045, z - 0.075, "grey_paint", shrink=0.97)
    mesh.bar([_ARM_X, 0.0, z], [_ARM_X, 0.0, z - 0.1], 0.05, "grey_paint", 24)
    for k in range(10):
        angle = 0.2 * np.pi * k
        at = [_ARM_X + 0.038 * np.cos(angle), 0.038 * np.sin(angle)]
        mesh.bar([*at, z - 0.1], [*at, z - 0.106], 0.005, "titanium", 6)
    runs = (
        [(-0.7, 0.1), (-0.45, 0.16), (-0.3, 0.32), (-0.08, 0.3), (0.1, 0.42), (0.45, 0.4)],
        [(-0.7, -0.3), (-0.42, -0.28), (-0.2, -0.4), (0.1, -0.3), (0.3, -0.3), (0.5, -0.2)],
        [(-0.3, 0.32), (-0.25, 0.1), (-0.1, -0.02), (0.2, -0.02), (0.3, 0.1), (0.5, 0.12)],
        [(-0.62, -0.3), (-0.6, -0.5), (-0.2, -0.54), (0.3, -0.54)],
    )
    for run in runs:
        mesh.tube(_bent(run, z - 0.016), 0.013, "harness", segments=6)
        mesh.tube(_bent(run, z - 0.014) + [0.0, 0.028, 0.0], 0.009, "cable_white", segments=6)
    for x, y in ((0.6, 0.25), (-0.1, -0.25), (-0.78, 0.25), (0.0, 0.5), (-0.5, -0.45)):
        mesh.bar([x, y, z], [x, y, z - 0.004], 0.038, "black", 20)
        mesh.bar([x, y, z], [x, y, z - 0.006], 0.018, "white_paint", 16)
    # Sample hatch, with its hoop, and the colour target.
    ring = [
        [0.55 + 0.16 * np.cos(a), 0.02 + 0.16 * np.sin(a), z - 0.02]
        for a in np.linspace(0, 2 * np.pi, 40)
    ]
    mesh.tube(ring, 0.016, "black", segments=8)
    mesh.bar([0.55, 0.02, z], [0.55, 0.02, z - 0.012], 0.14, "white_dusty", 32)
    mesh.bar([-0.3, 0.5, z], [-0.3, 0.5, z - 0.05], 0.05, "instrument_orange", 16)


def _case(
    mesh: MeshBuilder, foot: list[float], size: tuple[float, float, float], name: str
) -> None:
    """Add an instrument's case on the deck: bevelled, with a lid, feet and a connector."""
    x, y, z = foot
    lx, ly, h = size
    corner = 0.12 * min(lx, ly)
    a, b = lx / 2, ly / 2
    outline = [
        [a - corner, -b], [a, -b + corner], [a, b - corner], [a - corner, b],
        [-a + corner, b], [-a, b - corner], [-a, -b + corner], [-a + corner, -b],
    ]  # fmt: skip
    mesh.prism(outline, 0.0, -0.8 * h, name, origin=foot)
    mesh.prism(outline, -0.8 * h, -h, name, origin=foot, shrink=0.88)
    mesh.box([x + 0.15 * lx, y - 0.2 * ly, z - h - 0.004], (0.35 * lx, 0.3 * ly, 0.01), "aluminium")
    for sx in (-1, 1):
        for sy in (-1, 1):
            mesh.box([x + sx * a, y + sy * 0.7 * b, z - 0.006], (0.03, 0.02, 0.012), "titanium")
    mesh.bar([x - a, y, z - 0.4 * h], [x - a - 0.03, y, z - 0.4 * h], 0.014, "black", 10)


def _deck_clutter(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add screws along the panels' edges, clips, connectors and small covers all over the deck."""
    rng = generator(0, "rover deck")
    half, w, z = rover.body_length_m / 2.0, rover.body_width_m / 2.0, rover.deck_z_m
    for x in np.arange(-half + 0.05, half - 0.15, 0.075):
        for y in (-w + 0.015, w - 0.015, -0.18):
            mesh.bar([x, y, z], [x, y, z - 0.005], 0.007, "titanium", 6)
    for y in np.arange(-w + 0.06, w - 0.05, 0.075):
        for x in (-half + 0.02, 0.09, -0.44):
            mesh.bar([x, y, z], [x, y, z - 0.005], 0.007, "titanium", 6)
    finishes = ("black", "aluminium", "grey_paint", "white_dusty", "foil_gold", "harness")
    for _ in range(90):
        x, y = rng.uniform(-half + 0.06, half - 0.25), rng.uniform(-w + 0.06, w - 0.06)
        lx, ly, h = rng.uniform(0.015, 0.06), rng.uniform(0.015, 0.05), rng.uniform(0.006, 0.03)
        name = finishes[int(rng.integers(len(finishes)))]
        mesh.box([x, y, z - h / 2], (lx, ly, h), name)
    for _ in range(26):
        x, y = rng.uniform(-half + 0.1, half - 0.3), rng.uniform(-w + 0.08, w - 0.08)
        turn = rng.uniform(0.0, 2.0 * np.pi)
        step = np.array([np.cos(turn), np.sin(turn), 0.0]) * rng.uniform(0.08, 0.25)
        side = np.array([-step[1], step[0], 0.0]) * rng.normal(0.0, 0.3)
        start = np.array([x, y, z - 0.012])
        end = start + step
        end[0], end[1] = np.clip(end[0], -half, half - 0.15), np.clip(end[1], -w, w)
        t = np.linspace(0.0, 1.0, 8)[:, None]
        path = start + t * (end - start) + np.sin(np.pi * t) * side
        mesh.tube(path, 0.005, "harness" if rng.random() < 0.6 else "cable_white", segments=5)
    for x, y, _ in ((0.58, 0.0, 0), (-0.48, 0.44, 0), (-0.48, -0.44, 0)):
        mesh.bar([x, y, z], [x, y, z - 0.03], 0.045, "titanium", 20)
        mesh.bar([x, y, z - 0.03], [x, y, z - 0.05], 0.025, "black", 16)


def _bent(run: list[tuple[float, float]], z_m: float) -> Array:
    """Return a smooth path through corners on the deck."""
    knots = np.array(run, dtype=float)
    t = np.linspace(0.0, len(knots) - 1.0, 10 * len(knots))
    path = np.stack([np.interp(t, np.arange(len(knots)), knots[:, i]) for i in (0, 1)], axis=-1)
    soft = path.copy()
    for i in (0, 1):
        soft[1:-1, i] = np.convolve(np.pad(path[:, i], 4, mode="edge"), np.ones(9) / 9, "valid")[
            1:-1
        ]
    return np.column_stack([soft, np.full(len(t), z_m)])


def _add_mast(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add the mast folded across the front of the deck, head to the left.

    It lies low: the descent stage's own camera hangs just above while the rover is stowed.
    """
    z = rover.deck_z_m
    x, lie = rover.body_length_m / 2.0 - 0.09, z - 0.1
    mesh.bar([x, 0.42, z], [x, 0.42, lie - 0.06], 0.085, "grey_paint", 24)
    mesh.bar([x - 0.08, 0.42, lie], [x + 0.1, 0.42, lie], 0.065, "aluminium", 24)
    mesh.tube([[x, 0.4, lie], [x, 0.0, lie], [x, -0.38, lie]], 0.052, "white_dusty", segments=20)
    for y in (0.2, 0.0, -0.2):
        mesh.bar([x, y - 0.015, lie], [x, y + 0.015, lie], 0.06, "black", 20)
        mesh.box([x, y + 0.06, lie - 0.05], (0.05, 0.04, 0.03), "grey_paint")
    head = np.array([x - 0.02, -0.54, z - 0.15])
    mesh.box(head, (0.34, 0.26, 0.24), "white_paint")
    mesh.box(head + [0.0, 0.0, -0.125], (0.24, 0.18, 0.02), "foil_silver")
    mesh.bar(head + [0.16, 0.02, -0.02], head + [0.19, 0.02, -0.02], 0.085, "glass", 28)
    for y in (-0.09, 0.09):
        mesh.box(head + [0.12, y, 0.13], (0.14, 0.1, 0.1), "grey_paint")
        mesh.bar(head + [0.19, y, 0.13], head + [0.22, y, 0.13], 0.03, "glass", 16)
    cable = [[x - 0.06, 0.38, lie], [x - 0.065, 0.0, lie - 0.02], [x - 0.06, -0.4, lie - 0.02]]
    mesh.tube(cable, 0.016, "harness", segments=6)
    for y in (-0.3, 0.25):
        mesh.box([x, y, z - 0.03], (0.1, 0.05, 0.06), "titanium")


def _add_antennas(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add the hexagonal high-gain antenna, the low-gain horn and the relay antenna's drum."""
    z = rover.deck_z_m
    hexagon = 0.19 * np.column_stack(
        [np.cos(np.pi / 3 * np.arange(6)), np.sin(np.pi / 3 * np.arange(6))]
    )
    tilt = rotation_about([0.0, 1.0, 0.0], 0.12) @ rotation_about([1.0, 0.0, 0.0], 0.08)
    mesh.prism(hexagon, 0.0, -0.035, "white_dusty", origin=[-0.32, -0.36, z - 0.2], turn=tilt)
    mesh.prism(0.9 * hexagon, -0.035, -0.04, "radiator", origin=[-0.32, -0.36, z - 0.2], turn=tilt)
    mesh.bar([-0.32, -0.36, z], [-0.32, -0.36, z - 0.2], 0.06, "grey_paint", 16)
    mesh.bar([-0.5, -0.4, z - 0.08], [-0.32, -0.36, z - 0.16], 0.04, "aluminium", 12)
    drum = [-0.66, 0.3, z]
    mesh.revolve(
        [[0.0, -0.08], [0.09, -0.08], [0.09, -0.34], [0.0, -0.35]],
        "black",
        origin=drum,
        segments=28,
    )
    mesh.bar([-0.66, 0.3, z], [-0.66, 0.3, z - 0.09], 0.05, "aluminium", 16)
    mesh.tube(
        [[-0.55, -0.5, z], [-0.55, -0.5, z - 0.26], [-0.55, -0.5, z - 0.34]],
        [0.022, 0.022, 0.04],
        "white_dusty",
        segments=14,
    )


def _add_arm(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add the arm folded in front of the body, its turret at the right-hand corner."""
    x, z = rover.body_length_m / 2.0 + 0.12, rover.belly_z_m - 0.2
    mesh.bar([x - 0.12, -0.36, z], [x + 0.06, -0.36, z], 0.08, "grey_paint", 20)
    mesh.bar([x, -0.36, z - 0.12], [x, -0.36, z + 0.12], 0.075, "aluminium", 20)
    mesh.tube(
        [[x + 0.03, -0.36, z - 0.08], [x + 0.05, 0.42, z - 0.08]], 0.055, "white_dusty", segments=16
    )
    mesh.bar([x + 0.05, 0.42, z - 0.17], [x + 0.05, 0.42, z + 0.1], 0.075, "grey_paint", 20)
    mesh.tube(
        [[x + 0.14, 0.42, z + 0.04], [x + 0.16, -0.2, z + 0.04]], 0.045, "white_dusty", segments=16
    )
    turret = np.array([x + 0.2, -0.42, z + 0.03])
    mesh.bar(turret - [0, 0, 0.17], turret + [0, 0, 0.17], 0.13, "black", 28)
    mesh.box(turret + [0.13, 0.08, 0.0], (0.2, 0.16, 0.22), "white_dusty")
    mesh.box(turret + [0.04, -0.18, 0.04], (0.22, 0.18, 0.2), "grey_paint")
    mesh.bar(turret + [0.08, -0.02, 0.14], turret + [0.08, -0.02, 0.3], 0.05, "titanium", 20)
    mesh.bar(turret + [0.08, -0.02, 0.3], turret + [0.08, -0.02, 0.38], 0.02, "aluminium", 12)
    mesh.bar(turret + [-0.02, -0.26, 0.0], turret + [-0.02, -0.33, 0.0], 0.06, "glass", 20)
    mesh.tube(
        [
            [x + 0.02, -0.3, z - 0.15],
            [x + 0.04, 0.1, z - 0.17],
            [x + 0.08, 0.4, z - 0.2],
            [x + 0.16, 0.3, z - 0.05],
            [x + 0.18, -0.2, z - 0.03],
        ],
        0.018,
        "harness",
        segments=6,
    )
    mesh.box([x - 0.05, 0.1, rover.deck_z_m + 0.16], (0.16, 0.34, 0.2), "white_paint")
    mesh.bar(
        [x + 0.03, 0.1, rover.deck_z_m + 0.16],
        [x + 0.05, 0.1, rover.deck_z_m + 0.16],
        0.09,
        "aluminium",
        28,
    )


def _add_generator(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add the radioisotope generator at the back, eight fins, raised, with its heat exchangers."""
    half, z = rover.body_length_m / 2.0, rover.deck_z_m
    start, end = np.array([-half - 0.08, 0.0, z + 0.16]), np.array([-half - 0.66, 0.0, z - 0.17])
    axes = axes_along(end - start, [0.0, 1.0, 0.0])
    length = float(np.linalg.norm(end - start))
    mesh.bar(start, end, 0.135, "rtg", 32)
    mesh.bar(end, end + 0.05 * axes[:, 2], 0.1, "grey_paint", 28)
    for k in range(8):
        angle = 2.0 * np.pi * (k + 0.5) / 8
        out = np.cos(angle) * axes[:, 0] + np.sin(angle) * axes[:, 1]
        turn = np.stack([out, np.cross(axes[:, 2], out), axes[:, 2]], axis=1)
        mesh.box(0.5 * (start + end) + 0.22 * out, (0.19, 0.012, 0.94 * length), "rtg", turn)
    for side in (-1.0, 1.0):
        turn = rotation_about([0.0, 1.0, 0.0], 0.5)
        mesh.box([-half - 0.34, side * 0.46, z + 0.06], (0.6, 0.02, 0.42), "white_paint", turn)
        mesh.box([-half - 0.34, side * 0.445, z + 0.06], (0.54, 0.012, 0.36), "foil_gold", turn)
        for t in (0.15, 0.85):
            mesh.bar(
                start + t * (end - start),
                [-half - 0.1 - 0.5 * t, side * 0.45, z + 0.14 - 0.22 * t],
                0.014,
                "titanium",
                6,
            )
        mesh.tube(
            [
                [-half, side * 0.3, z + 0.1],
                [-half - 0.12, side * 0.42, z + 0.05],
                [-half - 0.3, side * 0.43, z - 0.12],
            ],
            0.016,
            "harness",
            segments=6,
        )


def _add_belly(mesh: MeshBuilder, rover: RoverShape) -> None:
    """Add the belly plate, its boxes, cables and the downward cameras' housings."""
    z = rover.belly_z_m
    mesh.box([-0.1, 0.0, z + 0.01], (1.3, 0.95, 0.02), "white_dusty")
    mesh.box([0.56, 0.1, z + 0.03], (0.3, 0.44, 0.06), "grey_paint")
    for x, y, lx, ly, h, name in (
        (-0.5, 0.2, 0.3, 0.3, 0.06, "foil_silver"), (-0.2, -0.25, 0.3, 0.22, 0.07, "grey_paint"),
        (0.1, 0.25, 0.2, 0.24, 0.05, "white_paint"), (0.52, -0.42, 0.14, 0.12, 0.1, "black"),
        (-0.62, -0.3, 0.16, 0.2, 0.09, "aluminium"),
    ):  # fmt: skip
        mesh.box([x, y, z + 0.02 + h / 2], (lx, ly, h), name)
    mesh.bar([0.52, -0.42, z + 0.12], [0.52, -0.42, z + 0.14], 0.045, "glass", 20)
    for y in (-0.05, 0.4):
        run = [[x, y + 0.03 * np.sin(7 * x), z + 0.035] for x in np.linspace(-0.7, 0.45, 30)]
        mesh.tube(run, 0.013, "harness", segments=6)
