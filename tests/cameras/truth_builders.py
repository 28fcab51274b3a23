"""A place of known shapes for tests of the truth: a tilted plane, and bodies of any mesh."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from scipy.spatial.transform import Rotation

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.body_set import BodySet
from skycrane.cameras.dust import DustState
from skycrane.cameras.heightfield import ground_of
from skycrane.cameras.optics import Lens
from skycrane.cameras.renderer import Pose
from skycrane.cameras.scene import Moment
from skycrane.cameras.surfaces import Corners
from skycrane.cameras.truth_frame import View
from skycrane.compute import start_warp
from skycrane.mars.frames import SiteFrame
from skycrane.vehicle.materials import material_id
from skycrane.vehicle.mesh import Shape

SLOPE = (0.1, -0.06)
"""Rise of the plane toward east and north."""
HALF_SUN_RAD = 0.003


def level(height, cell_m, origin_m, sun):
    """Return a lit grid; `height` is a function of east and north."""
    n = 128
    at = np.arange(n) * cell_m
    x, y = np.meshgrid(at + origin_m[0], at + origin_m[1])
    h = height(x, y).astype(np.float32)
    normal = np.array([-SLOPE[0], -SLOPE[1], 1.0])
    normal /= np.linalg.norm(normal)
    word = round(max(float(normal @ sun), 0) * 4095)
    east, north = (round((normal[k] * 0.5 + 0.5) * 1023) for k in (0, 1))
    word |= east << 12 | north << 22
    texels = np.empty((n, n, 2), np.uint32)
    texels[..., 0], texels[..., 1] = word, 0xFFFFFFFF
    return SimpleNamespace(height_m=h, cell_m=cell_m, origin_m=origin_m, texels=texels)


def sphere(radius_m=1.0, rings=96):
    """Return a sphere, its poles on z."""
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    ball = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1).reshape(-1, 3)
    points = radius_m * np.concatenate([ball, [[0, 0, 1], [0, 0, -1]]])
    m = 2 * rings
    faces = []
    for i in range(rings - 2):
        for j in range(m):
            a, b = i * m + j, i * m + (j + 1) % m
            faces += [[a, a + m, b], [b, a + m, b + m]]
    last = (rings - 2) * m
    for j in range(m):
        k = (j + 1) % m
        faces += [[len(points) - 2, j, k], [len(points) - 1, last + k, last + j]]
    return shape(points, faces, "glass")


def plate(half_m):
    """Return a square in its own z = 0 plane."""
    points = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float) * half_m
    return shape(points, [[0, 1, 2], [0, 2, 3]], "white_paint")


def shape(points, faces, material):
    triangles = np.asarray(faces, np.int32)
    made = np.full(len(triangles), material_id(material), np.int32)
    return Shape(np.asarray(points, np.float32), triangles, made)


class Place:
    """What a renderer needs of a scene, of shapes that are known."""

    device, focus_m = "cpu", (0.0, 0.0)

    def __init__(self, mission, sun, shapes, height=None):
        start_warp()
        self.mission, self.frame = mission, SiteFrame.of(mission.site)
        self.sun = np.asarray(sun, float) / np.linalg.norm(sun)
        plane = height or (lambda x, y: SLOPE[0] * x + SLOPE[1] * y)
        grids = [(16.0, (-1016.0, -1016.0)), (0.5, (-31.75, -31.75))]
        levels = [level(plane, cell, origin, self.sun) for cell, origin in grids]
        self.ground = ground_of(levels, self.focus_m, mission.site.radius_m, workers=1)
        self.air = SimpleNamespace(cos_sun=float(np.cos(HALF_SUN_RAD)))
        self.dust = SimpleNamespace(state=lambda *_, **__: DustState())
        far = plate(0.01)
        self.resting = {name: shapes.get(name, far) for name in SURFACES}
        self.corners = {n: Corners(s, closed=False) for n, s in self.resting.items()}
        self.here = np.array([name in shapes for name in SURFACES])

    def body_set(self):
        return BodySet(self.resting, device="cpu", corners=self.corners)

    def moment(self, poses, moving=None, cords=None, ropes=None):
        """Return where the bodies are: {name: (origin, rotation)}."""
        origin, turn = np.zeros((len(SURFACES), 3)), np.tile(np.eye(3), (len(SURFACES), 1, 1))
        for name, (at, rotation) in poses.items():
            origin[SURFACES.index(name)], turn[SURFACES.index(name)] = at, rotation.as_matrix()
        return Moment(0.0, origin, turn, self.here, moving or {}, cords, ropes)

    def view(self, moment, eye_m, turn):
        """Return a view from `eye_m`, its optical axes turned into the local ones by `turn`."""
        matrix = turn.as_matrix()
        whole = Rotation.from_matrix(self.frame.axes.T @ matrix)
        at = self.frame.position_m(eye_m)
        return View(moment, Pose(at, whole.as_quat(scalar_first=True), np.asarray(eye_m), matrix))


def lens(width=96, height=80, focal=90.0):
    """Return a lens with distortion of every kind."""
    k = (-0.12, 0.05, 2e-3, -1e-3, -0.01)
    return Lens(width, height, focal, focal * 1.01, width / 2 - 1.3, height / 2 + 0.4, k)


def looking_down(yaw_deg=0.0, tilt_deg=0.0):
    """Return the rotation of a camera that looks down, its top to the north."""
    down = Rotation.from_matrix(np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]]))
    return down * Rotation.from_euler("zx", [yaw_deg, tilt_deg], degrees=True)
