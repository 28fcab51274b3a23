"""The rover's mobility: six wheels on rockers and bogies that fold up and swing down."""

# ruff: noqa: RUF005 - arrays are summed here, not lists joined
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skycrane.mission.shape import RoverShape
from skycrane.vehicle.mesh import MeshBuilder

__all__ = ["Joint", "MovingPart", "add_mobility", "joints_of", "swing"]

Array = NDArray[np.float64]

_SPOKES = 6


@dataclass(frozen=True)
class Joint:
    """A hinge along y: where it is while the wheels are down, and its angle while stowed."""

    pivot_m: tuple[float, float, float]
    stowed_rad: float


@dataclass(frozen=True)
class MovingPart:
    """Vertices [start, end) that turn about `joints`, the innermost first."""

    start: int
    end: int
    joints: tuple[Joint, ...]


def swing(vertices_m: ArrayLike, parts: list[MovingPart], deployed: float) -> Array:
    """Return the vertices with every part turned from stowed (0) to down (1)."""
    points = np.array(vertices_m, dtype=float)
    rest = 1.0 - float(np.clip(deployed, 0.0, 1.0))
    for part in parts:
        local = points[part.start : part.end]
        for joint in part.joints:
            angle = joint.stowed_rad * rest
            x, z = local[:, 0] - joint.pivot_m[0], local[:, 2] - joint.pivot_m[2]
            local[:, 0] = joint.pivot_m[0] + x * np.cos(angle) + z * np.sin(angle)
            local[:, 2] = joint.pivot_m[2] - x * np.sin(angle) + z * np.cos(angle)
    return points


def _wheel(mesh: MeshBuilder, rover: RoverShape, centre: Array, outward: float) -> None:
    """Add one wheel: a rim with curved grousers, six flexure spokes, hub and drive motor."""
    r, half = rover.wheel_radius_m, rover.wheel_width_m / 2.0
    count = 4 * rover.grousers
    step = np.arange(count)
    angle = 2.0 * np.pi * step / count
    # Grousers are blades, a quarter as wide at the root as they stand apart.
    teeth = np.where(step % 4 == 0, r, 0.955 * r)
    skirts = 2.0 * np.pi * np.array([0.0, 0.6, 0.0]) / rover.grousers
    rims = [
        (teeth, -half, skirts[0]), (teeth, 0.0, skirts[1]), (teeth, half, skirts[2]),
        (np.full(count, 0.93 * r), half, 0.0), (np.full(count, 0.90 * r), 0.0, 0.0),
        (np.full(count, 0.93 * r), -half, 0.0),
    ]  # fmt: skip
    points = np.vstack(
        [
            np.column_stack([rad * np.cos(angle + o), np.full(count, y), rad * np.sin(angle + o)])
            for rad, y, o in rims
        ]
    )
    rows = np.arange(len(rims))[:, None] * count
    nxt = (np.arange(len(rims))[:, None] + 1) % len(rims) * count
    a, b = rows + step, rows + (step + 1) % count
    c, d = nxt + step, nxt + (step + 1) % count
    faces = np.stack([a, b, d, a, d, c], axis=-1).reshape(-1, 3)
    mesh.solid(points + centre, faces, "wheel")
    for k in range(_SPOKES):
        base = 2.0 * np.pi * k / _SPOKES
        t = np.linspace(0.0, 1.0, 9)
        radius = 0.09 + (0.905 * r - 0.09) * t
        sweep = base + 0.55 * np.sin(np.pi * t)
        y = outward * (0.05 - 0.03 * t)
        path = np.column_stack([radius * np.cos(sweep), y, radius * np.sin(sweep)])
        mesh.tube(path + centre, 0.011, "flexure", segments=5)
    side = np.array([0.0, outward, 0.0])
    mesh.tube([centre - 0.13 * side, centre + 0.05 * side], 0.085, "grey_paint", segments=20)
    mesh.tube(
        [centre + 0.05 * side, centre + 0.085 * side], [0.085, 0.05], "aluminium", segments=20
    )
    mesh.tube([centre - 0.24 * side, centre - 0.13 * side], 0.06, "titanium", segments=16)


def _steering(mesh: MeshBuilder, rover: RoverShape, centre: Array, outward: float) -> Array:
    """Add fork and steering actuator above a corner wheel; return where the arm meets it."""
    inner = centre + [0.0, -outward * 0.27, 0.0]
    top = inner + [0.0, outward * 0.06, -rover.wheel_radius_m - 0.1]
    elbow = inner + [0.0, -outward * 0.02, -0.12]
    mesh.tube(
        [inner + [0, outward * 0.06, 0], elbow, top],
        [0.05, 0.045, 0.045],
        "structure_rib",
        segments=10,
    )
    mesh.tube([top + [0, 0, 0.1], top - [0, 0, 0.1]], 0.075, "grey_paint", segments=20)
    mesh.tube([top - [0, 0, 0.1], top - [0, 0, 0.17]], 0.05, "aluminium", segments=16)
    mesh.box(top + [0.07, 0.0, -0.02], (0.09, 0.07, 0.1), "black")
    _fork_details(mesh, inner, elbow, top, outward)
    return top - np.array([0.0, 0.0, 0.02])


def _fork_details(
    mesh: MeshBuilder, inner: Array, elbow: Array, top: Array, outward: float
) -> None:
    """Add the fork's bracket, bolts around the actuator and a bright cable down to the drive."""
    side = np.array([0.0, outward, 0.0])
    mesh.box(0.5 * (inner + elbow) - 0.03 * side, (0.1, 0.04, 0.1), "structure_rib")
    for k in range(8):
        angle = 0.25 * np.pi * k
        at = top + [0.078 * np.cos(angle), 0.078 * np.sin(angle), 0.07]
        mesh.bar(at, at + [0.0, 0.0, 0.04], 0.008, "titanium", 6)
        rim = inner + 0.03 * side + [0.045 * np.cos(angle), 0.0, 0.045 * np.sin(angle)]
        mesh.bar(rim, rim - 0.012 * side, 0.008, "titanium", 6)
    t = np.linspace(0.0, 1.0, 10)[:, None]
    run = top + t * (inner - top) - 0.02 * side
    bow = np.sin(np.pi * t) * [0.1, 0.0, 0.0] - np.sin(np.pi * t) * 0.05 * side
    mesh.tube(run + bow, 0.009, "foil_silver", segments=6)


def _front_arm(
    mesh: MeshBuilder, rover: RoverShape, pivot: Array, wheel: Array, side: float
) -> None:
    """Add the rocker's front arm with its wheel and harness."""
    _wheel(mesh, rover, wheel, side)
    head = _steering(mesh, rover, wheel, side)
    bend = np.array([0.62 * wheel[0], pivot[1] + side * 0.16, pivot[2] - 0.02])
    mesh.tube([pivot, bend, head], [0.065, 0.06, 0.05], "structure_rib", segments=12)
    cable = [pivot + [0.1, 0, -0.05], bend + [0, 0, -0.065], head + [0, 0, -0.06]]
    mesh.tube(cable, 0.013, "harness", segments=6)


def _bogie(
    mesh: MeshBuilder, rover: RoverShape, knee: Array, mid: Array, back: Array, side: float
) -> None:
    """Add the bogie with the middle and rear wheels and its harness."""
    _wheel(mesh, rover, mid, side)
    _wheel(mesh, rover, back, side)
    head = _steering(mesh, rover, back, side)
    inner = mid + [0.0, -side * 0.25, 0.0]
    half = 0.5 * (knee + head)
    ahead = [knee, inner + [0, 0, -0.1], inner + [0, side * 0.1, 0]]
    mesh.tube(ahead, 0.05, "structure_rib", segments=12)
    mesh.tube([knee, half + [0, 0, -0.05], head], 0.05, "structure_rib", segments=12)
    out = np.array([0.0, side * 0.09, 0.0])
    mesh.tube([knee - out, knee + out], 0.085, "aluminium", segments=24)
    cable = [knee + [0, 0, -0.06], half + [0, 0, -0.06], head + [0, 0, -0.05]]
    mesh.tube(cable, 0.012, "harness", segments=6)


def joints_of(rover: RoverShape, side: float) -> tuple[Joint, Joint, Joint]:
    """Return front arm, rear arm and bogie of the left (side -1) or right (+1)."""
    _, middle, rear = rover.wheel_x_m
    pivot = (0.12, side * (rover.body_width_m / 2 + 0.13), rover.belly_z_m - 0.1)
    knee = (0.5 * (middle + rear), pivot[1] + side * 0.12, -0.52)
    stowed = float(np.radians(rover.stowed_rocker_deg))
    bogie = Joint(knee, float(np.radians(rover.stowed_bogie_deg)))
    return Joint(pivot, stowed), Joint(pivot, -stowed), bogie


def add_mobility(mesh: MeshBuilder, rover: RoverShape) -> list[MovingPart]:
    """Add both sides' arms and wheels as they stand when down; return what moves and how."""
    parts: list[MovingPart] = []
    front, middle, rear = rover.wheel_x_m
    axle = -rover.wheel_radius_m
    for side in (-1.0, 1.0):
        y = [side * w for w in rover.wheel_y_m]
        rocker, rear_rocker, bogie = joints_of(rover, side)
        pivot, knee = np.array(rocker.pivot_m), np.array(bogie.pivot_m)
        start = mesh.count
        _front_arm(mesh, rover, pivot, np.array([front, y[0], axle]), side)
        parts.append(MovingPart(start, mesh.count, (rocker,)))
        start = mesh.count
        mesh.tube([pivot, knee], [0.065, 0.055], "structure_rib", segments=12)
        out = np.array([0.0, side * 0.1, 0.0])
        mesh.tube([pivot - out, pivot + out], 0.11, "aluminium", segments=24)
        parts.append(MovingPart(start, mesh.count, (rear_rocker,)))
        start = mesh.count
        mid, back = np.array([middle, y[1], axle]), np.array([rear, y[2], axle])
        _bogie(mesh, rover, knee, mid, back, side)
        parts.append(MovingPart(start, mesh.count, (bogie, rear_rocker)))
        # The differential's link from the deck's arm to the rocker stays while the wheels swing.
        deck = [0.04, side * 0.64, rover.deck_z_m - 0.06]
        mesh.bar(deck, pivot + [0.1, 0, -0.08], 0.02, "titanium", 8)
    return parts
