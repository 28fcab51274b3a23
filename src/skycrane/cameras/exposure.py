"""Automatic exposure: a coarse look at the scene a moment before, the same however often asked."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np

from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer, camera_pose
from skycrane.mission.cameras import Camera

__all__ = ["ExposureMeter"]

_SPACING_S = 0.5
_COLUMNS = 40
_GREEN = 1


class ExposureMeter:
    """The exposure of one camera as a function of time alone.

    The scene is looked at every half second with a few hundred rays through fixed points; the
    exposure at a time follows the looks before it. As no frame depends on another, filming goes on
    anywhere after an interruption.
    """

    def __init__(self, camera: Camera, *, first_light_s: float) -> None:
        self._camera, self._first_light_s = camera, first_light_s
        detector = camera.detector
        rows = max(2, round(_COLUMNS * detector.height / detector.width / 2) * 2)
        self._lens = lens_of(camera).scaled(_COLUMNS, rows)
        self._looks: dict[int, float] = {}
        self._lock = threading.Lock()

    def _look(self, index: int, renderer: Renderer) -> float:
        """Return the logarithm of the exposure [s] that suits one look."""
        with self._lock:
            if index in self._looks:
                return self._looks[index]
        camera = self._camera
        scene = renderer.scene
        t_s = max(index * _SPACING_S, self._first_light_s)
        pose = camera_pose(scene, camera, t_s)
        # Lines and ropes cover next to nothing of so coarse a look, and cost as much as its rays.
        moment = replace(scene.moment(t_s), cords=None, ropes=None)
        light, _, _ = renderer.light(moment, pose, self._lens, colour=_GREEN, jitter=0.0, key=index)
        seen = np.sort(light.numpy().astype(np.float64).ravel())
        # The sun itself must not close the shutter.
        seen = seen[: int(0.995 * len(seen))]
        rule, detector = camera.exposure, camera.detector
        scale = detector.electrons_s * np.pi / detector.full_scale_e
        mean = max(float(seen.mean()), 1e-6)
        bright = max(float(seen[int(0.98 * len(seen))]), 1e-6)
        wanted = min(rule.target / (mean * scale), rule.highlight / (bright * scale))
        value = float(np.log(np.clip(wanted, rule.shortest_s, rule.longest_s)))
        with self._lock:
            self._looks[index] = value
        return value

    def exposure_s(self, t_s: float, renderer: Renderer) -> float:
        """Return the exposure [s] of a frame at a time, in steps of a microsecond."""
        rule = self._camera.exposure
        if t_s < self._first_light_s or rule.shortest_s == rule.longest_s:
            return rule.longest_s
        place = (t_s - rule.lag_s) / _SPACING_S
        index = int(np.floor(place))
        part = place - index
        older, old, new = (self._look(index + k, renderer) for k in (-2, -1, 0))
        value = (1 - part) * 0.5 * (older + old) + part * 0.5 * (old + new)
        exposure = float(np.exp(value))
        return max(round(exposure * 1e6), 1) / 1e6
