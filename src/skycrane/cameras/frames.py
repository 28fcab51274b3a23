"""The frames of a film: what each camera films with and when, and one frame or its truth at a time.

A frame depends on nothing but mission, flight, seed and quality, so that it is the same whoever
makes it, and in whatever order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.cameras.exposure import ExposureMeter
from skycrane.cameras.lens_dust import soil
from skycrane.cameras.mounts import motion_of
from skycrane.cameras.optics import Lens, lens_of
from skycrane.cameras.point_spread import spread_px2_of
from skycrane.cameras.renderer import Pose, Renderer, camera_pose
from skycrane.cameras.scene import Scene
from skycrane.cameras.schedule import frame_times_s, returns_footage
from skycrane.cameras.truth_frame import View, pose_of, truth_of
from skycrane.draws import key32
from skycrane.mission import Mission
from skycrane.mission.cameras import Camera
from skycrane.onboard.store import CameraInfo, RawFrame
from skycrane.rundir import STAGES
from skycrane.stage import Quality

__all__ = ["Filmed", "film_frame", "filmed_parts", "info_of", "origin_of", "truth_frame"]


@dataclass(frozen=True)
class Filmed:
    """One camera's part: what it films with, when, and how the light is metered."""

    name: str
    camera: Camera
    lens: Lens
    samples: int
    body_samples: int
    times_s: NDArray[np.float64]
    first_light_s: float
    meter: ExposureMeter


def info_of(name: str, camera: Camera, lens: Lens) -> CameraInfo:
    """Return how a camera's store describes it."""
    place, turn = camera.position_m, camera.attitude_wxyz.tolist()
    return CameraInfo(
        name=name,
        width=lens.width,
        height=lens.height,
        encoding=camera.detector.encoding,
        fx=lens.fx,
        fy=lens.fy,
        cx=lens.cx,
        cy=lens.cy,
        distortion=lens.distortion,
        body=camera.body if camera.mount == "body" and camera.body else "site",
        mount_position_m=(place[0], place[1], place[2]),
        mount_attitude_wxyz=(turn[0], turn[1], turn[2], turn[3]),
    )


def filmed_parts(scene: Scene, quality: Quality) -> list[Filmed]:
    """Return the part of each camera of the mission that returns footage."""
    spend = scene.mission.film_quality[quality]
    parts = []
    for name, camera in scene.mission.cameras.items():
        times = frame_times_s(camera, scene.flight, quality)
        if not returns_footage(camera, scene.flight) or not len(times):
            continue
        first_light = -np.inf
        if camera.dark_until:
            first_light = scene.event_s(camera.dark_until, np.inf)
        parts.append(
            Filmed(
                name=name,
                camera=camera,
                lens=lens_of(camera, spend.scale),
                samples=spend.samples,
                body_samples=spend.body_samples,
                times_s=times,
                first_light_s=first_light,
                meter=ExposureMeter(camera, first_light_s=first_light),
            )
        )
    return parts


def film_frame(part: Filmed, index: int, renderer: Renderer, seed: int) -> RawFrame:
    """Return one frame of a camera."""
    scene, camera, lens = renderer.scene, part.camera, part.lens
    t_s = float(part.times_s[index])
    dark = t_s < part.first_light_s
    exposure = part.meter.exposure_s(t_s, renderer)
    pose: Pose = camera_pose(scene, camera, t_s)
    noise = key32(seed, f"sensor noise {part.name}", index)
    pattern = key32(seed, f"sensor pattern {part.name}")
    light: Any = None
    if not dark:
        light, _, _ = renderer.light(
            scene.moment(t_s),
            pose,
            lens,
            encoding=camera.detector.encoding,
            samples=part.samples,
            body_samples=part.body_samples,
            key=key32(seed, f"rays {part.name}", index),
            motion=motion_of(scene, camera, t_s, exposure),
            spread_px2=spread_px2_of(camera, lens),
        )
        if camera.lens_dust is not None:
            soil(light, lens, camera, met_s=scene.dust.met_s(t_s), key=pattern)
    image = renderer.expose(
        light, lens, camera, exposure_s=exposure, keys=(noise, pattern), dark=dark
    )
    return RawFrame(
        index=index,
        t_s=t_s,
        exposure_s=exposure,
        gain=1.0,
        temperature_c=camera.detector.temperature_c,
        image=image,
        position_m=pose.position_m,
        attitude_wxyz=pose.attitude_wxyz,
    )


def truth_frame(
    part: Filmed, index: int, renderer: Renderer, channels: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pictures and the poses of one frame's truth, by the names of their arrays."""
    scene, times = renderer.scene, part.times_s

    def view(t_s: float) -> View:
        return View(scene.moment(t_s), camera_pose(scene, part.camera, t_s))

    now, later = view(float(times[index])), None
    if "flow" in channels and index + 1 < len(times):
        later = view(float(times[index + 1]))
    made = truth_of(renderer, part.lens, now, later, channels)
    return vars(made), pose_of(scene, now)


def origin_of(mission: Mission, seed: int, quality: str, flight_file: Path) -> str:
    """Return what frames depend on, this stage's version included, as a hash.

    A store begun from anything else is not continued, and a finished one is filmed anew.
    """
    version = STAGES["film"].version
    text = f"{mission.model_dump_json()}|{seed}|{quality}|film {version}"
    digest = hashlib.sha256(text.encode())
    digest.update(flight_file.read_bytes())
    return digest.hexdigest()
