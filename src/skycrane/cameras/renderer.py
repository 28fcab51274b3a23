"""Renders views of a scene: poses the bodies, launches the rays, exposes the sensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.cameras.beams import BEAM, beam_kernel
from skycrane.cameras.body_set import Looker
from skycrane.cameras.motion import Motion
from skycrane.cameras.mounts import Pose, camera_pose
from skycrane.cameras.optics import Lens
from skycrane.cameras.point_spread import gather_kernel, spread_kernel, weights_of
from skycrane.cameras.pupil import pupil_of
from skycrane.cameras.ray_places import middle_of
from skycrane.cameras.rays import View
from skycrane.cameras.render import FAR_M, render_kernel
from skycrane.cameras.scene import Moment, Scene
from skycrane.cameras.sensor import expose_kernel, flat_kernel, sensor_of
from skycrane.cameras.strand_set import StrandSet, shows_cords
from skycrane.mars.parallel import launch_rows
from skycrane.mission.cameras import Camera

__all__ = ["Pose", "Renderer", "camera_pose"]

Array = NDArray[np.float64]
_BAYER = {"bayer_rggb8": 1, "mono8": 0}


def _view_of(pose: Pose, lens: Lens, motion: Motion | None) -> Any:
    """Return the `View` of a pose and a lens."""
    view = View()
    view.eye, view.turn = wp.vec3(*pose.eye_m), wp.mat33(*pose.turn.ravel())
    view.inv_fx, view.inv_fy, view.cone = 1 / lens.fx, 1 / lens.fy, 1 / lens.fx
    if motion is not None:
        view.drift, view.spin = wp.vec3(*motion.drift_m), wp.vec3(*motion.spin_rad)
    return view


class Renderer:
    """One thread's means of rendering: its own copy of what moves, and buffers by picture size."""

    def __init__(self, scene: Scene, *, workers: int = 1) -> None:
        self.scene, self.workers = scene, workers
        self._set = scene.body_set()
        self._strands = StrandSet(scene.device)
        self._buffers: dict[tuple[Lens, str], Any] = {}
        self._taken: dict[str, Any] = {}

    def _directions(self, lens: Lens) -> Any:
        key = (lens, "directions")
        if key not in self._buffers:
            grid = lens.grid().astype(np.float32)
            self._buffers[key] = wp.array(grid, dtype=wp.vec3, device=self.scene.device)
        return self._buffers[key]

    def _buffer(self, lens: Lens, name: str, dtype: Any) -> Any:
        key = (lens, name)
        if key not in self._buffers:
            shape = (lens.height, lens.width)
            self._buffers[key] = wp.zeros(shape, dtype=dtype, device=self.scene.device)
        return self._buffers[key]

    def _place(self, moment: Moment, pose: Pose, lens: Lens, motion: Motion | None) -> None:
        for name, shape in moment.moving.items():
            # A shape that has not moved since its last frame keeps its tree.
            last = self._taken.get(name)
            if last is None or not np.array_equal(last, shape.vertices_m):
                self._set.reshape(name, shape)
                self._taken[name] = shape.vertices_m
        roped = moment.ropes if shows_cords(lens) else None
        if moment.cords is None and roped is None:
            self._strands.clear()
        else:
            self._strands.place(moment.cords, roped, eye_m=pose.eye_m, turn=pose.turn, lens=lens)
        site = pose.eye_m[:2] + self.scene.focus_m
        height = pose.eye_m[2] + float(site @ site) / (2 * self.scene.mission.site.radius_m)
        self._set.pose(
            moment.origin_m,
            moment.turn,
            moment.present,
            looker=Looker(
                pose.eye_m,
                pose.turn,
                lens,
                self._half_angle_rad(lens),
                self._pupil_reach_m(lens),
                float(height),
            ),
            sun=self.scene.sun,
            unseen=["bridles"] if roped is not None else [],
            motion=motion,
        )

    def _half_angle_rad(self, lens: Lens) -> float:
        """Return half the angle of a cone around all that a lens draws."""
        key = (lens, "half angle")
        if key not in self._buffers:
            right, down = lens.width - 1, lens.height - 1
            corners = lens.directions([[0, 0], [right, 0], [0, down], [right, down]])
            self._buffers[key] = float(np.arccos(corners[:, 2].min())) + 0.01
        return float(self._buffers[key])

    def _pupil_reach_m(self, lens: Lens) -> float:
        """Return how far from the optical centre rays start at most."""
        key = (lens, "pupil reach")
        if key not in self._buffers:
            self._buffers[key] = lens.pupil_reach_m
        return float(self._buffers[key])

    def placed(self, moment: Moment, pose: Pose, lens: Lens) -> tuple[Any, Any, Any]:
        """Place bodies and cords for a view; return photosites' directions, bodies and cords.

        What is returned is on the device, in the local frame, and good until the next placing.
        """
        self._place(moment, pose, lens, None)
        return self._directions(lens), self._set.data, self._strands.data

    def _begins(self, view: Any, lens: Lens) -> Any:
        """Return how far the rays of each tile run before any can meet the ground [m]."""
        shape = (-(-lens.height // BEAM), -(-lens.width // BEAM))
        key = (lens, "begins")
        if key not in self._buffers:
            self._buffers[key] = wp.zeros(shape, dtype=float, device=self.scene.device)
        inputs = [
            view.eye,
            view.turn,
            self._directions(lens),
            self.scene.ground,
            view.cone,
            0.5 * float(wp.length(view.drift)) + self._pupil_reach_m(lens),
            0.5 * float(wp.length(view.spin)),
            FAR_M,
            self._buffers[key],
        ]
        device = self.scene.device
        launch_rows(beam_kernel, *shape, inputs, device=device, workers=self.workers)
        return self._buffers[key]

    def light(
        self,
        moment: Moment,
        pose: Pose,
        lens: Lens,
        *,
        encoding: str = "bayer_rggb8",
        colour: int | None = None,
        samples: int = 1,
        body_samples: int = 1,
        key: int = 0,
        jitter: float = 1.0,
        spread_px2: float = 0.0,
        motion: Motion | None = None,
        truth: bool = False,
    ) -> tuple[Any, Any, Any]:
        """Return radiance, depth [m] and body id of a view, arrays on the device.

        Args:
            moment: where everything is.
            pose: the camera.
            lens: what it draws with.
            encoding: which colour each photosite takes.
            colour: take this colour (0, 1, 2) everywhere instead.
            samples: rays a photosite.
            body_samples: rays a photosite where a body has detail finer than a tile of 2 x 2.
            key: random key of the frame.
            jitter: how much of a photosite rays spread over.
            spread_px2: variance of the lens's point spread, photosites squared.
            motion: of camera and surfaces during the exposure; None where nothing moves.
            truth: fill depth and id; else they are empty.
        """
        self._place(moment, pose, lens, motion)
        view = _view_of(pose, lens, motion)
        view.key, view.samples, view.jitter = key, samples, jitter
        view.body_samples, view.pupil = body_samples, pupil_of(lens)
        view.middle = middle_of(samples, body_samples)
        colours, depth, body = self._rendered(moment, view, lens, truth)
        bayer = _BAYER[encoding] if colour is None else colour + 2
        return self._gathered(colours, lens, bayer, spread_px2), depth, body

    def _rendered(self, moment: Moment, view: Any, lens: Lens, truth: bool) -> tuple[Any, Any, Any]:
        """Return what the rays of a placed view bring: colours, and depth and body id if asked."""
        colours, device = self._buffer(lens, "colours", wp.vec3), self.scene.device
        if truth:
            depth, body = self._buffer(lens, "depth", float), self._buffer(lens, "body", wp.uint8)
        else:
            depth = wp.empty((0, 0), dtype=float, device=device)
            body = wp.empty((0, 0), dtype=wp.uint8, device=device)
        inputs = [
            view,
            self._directions(lens),
            self._begins(view, lens),
            self.scene.ground,
            self.scene.air,
            self.scene.regolith,
            self._set.data,
            self._strands.data,
            self.scene.dust.state(moment.t_s, origin_m=self.scene.focus_m),
            colours,
            depth,
            body,
        ]
        tiles = (lens.height + 1) // 2, (lens.width + 1) // 2
        launch_rows(render_kernel, *tiles, inputs, device=device, workers=self.workers)
        return colours, depth, body

    def _gathered(self, colours: Any, lens: Lens, bayer: int, spread_px2: float) -> Any:
        """Return what light each photosite's filter passes of what the lens spreads."""
        light = self._buffer(lens, "light", float)
        weights = weights_of(spread_px2)
        rows, columns, device = lens.height, lens.width, self.scene.device
        if spread_px2 > 0:
            spread = self._buffer(lens, "spread", wp.vec3)
            inputs = [colours, weights, spread]
            launch_rows(spread_kernel, rows, columns, inputs, device=device, workers=self.workers)
            colours = spread
        inputs = [colours, weights, bayer, light]
        launch_rows(gather_kernel, rows, columns, inputs, device=device, workers=self.workers)
        return light

    def _flat(self, lens: Lens, camera: Camera, sensor: Any) -> Any:
        """Return the flat field of a camera, which no frame changes."""
        traits = (sensor.pattern_key, camera.detector.response_spread, sensor.vignetting)
        key = (lens, f"flat {traits}")
        if key not in self._buffers:
            flat = self._buffer(lens, key[1], float)
            inputs = [self._directions(lens), sensor, flat]
            rows, columns, device = lens.height, lens.width, self.scene.device
            launch_rows(flat_kernel, rows, columns, inputs, device=device, workers=self.workers)
        return self._buffers[key]

    def expose(
        self,
        light: Any,
        lens: Lens,
        camera: Camera,
        *,
        exposure_s: float,
        keys: tuple[int, int],
        dark: bool,
    ) -> NDArray[np.uint8]:
        """Return the picture (height, width) uint8 that a camera makes of radiance.

        `keys` are the random keys of the frame's noise and of the camera's fixed pattern.
        """
        sensor = sensor_of(
            camera.detector,
            exposure_s=exposure_s,
            vignetting=camera.optics.vignetting_exponent,
            noise_key=keys[0],
            pattern_key=keys[1],
        )
        sensor.dark = int(dark)
        image = self._buffer(lens, "image", wp.uint8)
        if light is None:
            light = self._buffer(lens, "light", float)
        inputs = [light, self._flat(lens, camera, sensor), sensor, image]
        launch_rows(
            expose_kernel,
            lens.height,
            lens.width,
            inputs,
            device=self.scene.device,
            workers=self.workers,
        )
        return np.array(image.numpy())
