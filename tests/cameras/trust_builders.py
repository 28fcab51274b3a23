"""Small scenes of known light and shape, through the very kernels that film the landing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import warp as wp

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.body_set import BodySet
from skycrane.cameras.dust import DustState
from skycrane.cameras.heightfield import ground_of
from skycrane.cameras.optics import Lens
from skycrane.cameras.renderer import Pose, Renderer
from skycrane.cameras.scene import Moment
from skycrane.cameras.surfaces import Corners
from skycrane.compute import start_warp
from skycrane.mars.regolith import Regolith
from skycrane.mars.sky import Air
from skycrane.mars.terrain import Level
from skycrane.mars.terrain_light import ALBEDO_TOP
from skycrane.vehicle.materials import PAINTS
from skycrane.vehicle.mesh import Shape

RADIUS_M = 3.39e6
_AWAY_M = -5000.0


def clear_air(sun, *, beam=True, glow=0.0):
    """Return air that takes nothing from a path; without `beam` the sun's disk is put out.

    `glow` is an even radiance from the sky, from below and from the air itself.
    """
    air = Air()
    air.sun = wp.vec3(*map(float, sun))
    # Depth stops the beam on its whole way to space, but not over metres of so tall a layer.
    air.depth, air.scale, air.radius = (0.0 if beam else 1.0e3), 1.0e9, RADIUS_M
    air.forward, air.share, air.cos_sun = wp.vec3(0.7, 0.7, 0.7), 0.9, 0.99999
    air.glow_top = wp.vec3(glow, glow, glow)
    air.sky_irradiance = wp.vec3(*([glow * np.pi] * 3))
    air.ground_radiance = wp.vec3(glow, glow, glow)
    return air


def lambert():
    """Return a regolith that scatters evenly."""
    return Regolith()


def even_level(height, cell, sun):
    """Return a grid lit by the sun as level ground of the greatest reflectance, fully open."""
    n = len(height)
    texels = np.empty((n, n, 2), np.uint32)
    texels[..., 0] = round(4095 * max(sun[2], 0)) | (512 << 12) | (512 << 22)
    texels[..., 1] = 0xFFFFFFFF
    return Level(cell, (-cell * n / 2, -cell * n / 2), np.asarray(height, np.float32), texels)


def sunk_level():
    """Return a grid too far down to be met."""
    return even_level(np.full((16, 16), _AWAY_M), 4.0, (0.0, 0.0, 1.0))


def _speck():
    corners = np.array([[0, 0, 0], [0.01, 0, 0], [0, 0.01, 0]], np.float32)
    return Shape(corners, np.array([[0, 1, 2]], np.int32), np.zeros(1, np.int32))


class Bench:
    """A renderer over shapes and a ground of a test's own making.

    `shapes` are meshes by surface name; surfaces without one are absent. They are matt, and white
    where `white`.
    """

    def __init__(
        self, mission, *, shapes=(), levels=None, air, sun, white=False, device="cpu", paints=PAINTS
    ):
        start_warp()
        given = dict(shapes)
        every = {name: given.get(name) or _speck() for name in SURFACES}
        corners = {n: Corners(s, workers=1, closed=n in given) for n, s in every.items()}
        bodies = BodySet(every, device=device, corners=corners, paints=paints)
        if white is not None:
            bodies.data.finish.zero_()
        if white:
            bodies.data.albedo.fill_(wp.vec3(1.0, 1.0, 1.0))
        scene = SimpleNamespace(
            mission=mission,
            device=device,
            focus_m=(0.0, 0.0),
            sun=np.asarray(sun, float),
            ground=ground_of(levels or [sunk_level()], (0.0, 0.0), RADIUS_M, device=device),
            air=air,
            regolith=lambert(),
            dust=SimpleNamespace(state=lambda *_, **__: DustState()),
            body_set=lambda: bodies,
        )
        self.bodies = bodies
        self.renderer = Renderer(scene)
        self.present = np.array([name in given for name in SURFACES])
        n = len(SURFACES)
        self.origin_m, self.turn = np.zeros((n, 3)), np.tile(np.eye(3), (n, 1, 1))

    def look(self, eye, target, lens, *, up=(0.0, 1.0, 0.0), **options):
        """Return radiance, depth and body id of a view from `eye` to `target`."""
        turn = axes_of(eye, target, up)
        pose = Pose(np.zeros(3), np.array([1.0, 0, 0, 0]), np.asarray(eye, float), turn)
        moment = Moment(0.0, self.origin_m, self.turn, self.present, {}, None)
        made = self.renderer.light(moment, pose, lens, colour=0, truth=True, **options)
        return tuple(np.array(a.numpy()) for a in made)


def axes_of(eye, target, up):
    """Return the optical frame (right, down, forward) as columns in the local one."""
    forward = np.subtract(target, eye).astype(float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    return np.column_stack([right, np.cross(forward, right), forward])


def pinhole(width, height, across_deg):
    """Return an undistorted lens that sees so many degrees across."""
    f = width / 2 / np.tan(np.radians(across_deg) / 2)
    return Lens(width, height, f, f, (width - 1) / 2, (height - 1) / 2, (0.0,) * 5)


__all__ = ["ALBEDO_TOP", "Bench", "axes_of", "clear_air", "even_level", "lambert", "pinhole"]
