"""Where a camera is and looks, and moves: on a body, fixed in the world, or from outside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from skycrane.cameras.motion import Motion
from skycrane.cameras.scene import Scene
from skycrane.mars.frames import rotate
from skycrane.mission.cameras import Camera, optical_axes

__all__ = ["Pose", "camera_pose", "motion_of"]

Array = NDArray[np.float64]
_CLEAR_M = 0.5
"""A tracking camera stays this high above the ground where its body comes down to it."""
_WEIGHTS_AT = np.linspace(-2.5, 2.5, 11)
"""Times, in units of smooth_s, at which a tracking camera looks at its body's way."""


@dataclass(frozen=True)
class Pose:
    """A camera at a moment.

    Attributes:
        position_m: optical centre, mars_fixed.
        attitude_wxyz: optical frame to mars_fixed.
        eye_m, turn: the same in the local frame, (3,) and (3, 3).
    """

    position_m: Array
    attitude_wxyz: Array
    eye_m: Array
    turn: Array


def camera_pose(scene: Scene, camera: Camera, t_s: float) -> Pose:
    """Return where a camera is and looks at a time."""
    if camera.mount == "world":
        return _from_site(scene, _standing_m(scene, camera), camera.attitude_wxyz)
    if camera.mount == "tracking":
        return _from_site(scene, *_tracking(scene, camera, t_s))
    position, attitude = scene.flight.bodies[str(camera.body)].pose(t_s)
    place = position + rotate(attitude, camera.position_m)
    whole = Rotation.from_quat(attitude, scalar_first=True) * Rotation.from_quat(
        camera.attitude_wxyz, scalar_first=True
    )
    return Pose(
        place,
        whole.as_quat(scalar_first=True),
        scene.local_m(place),
        scene.frame.axes @ whole.as_matrix(),
    )


def motion_of(scene: Scene, camera: Camera, t_s: float, exposure_s: float) -> Motion:
    """Return how a camera and all surfaces move during an exposure [s] with its middle at `t_s`."""
    times = [t_s - 0.5 * exposure_s, t_s + 0.5 * exposure_s]
    before, after = (camera_pose(scene, camera, t) for t in times)
    origin, turn = scene.surface_poses(times)
    back = np.swapaxes(turn, -1, -2)
    away = np.stack([before.eye_m, after.eye_m])[:, None] - origin
    place = (back @ away[..., None])[..., 0]
    axes = back @ np.stack([before.turn, after.turn])[:, None]
    return Motion(
        drift_m=after.eye_m - before.eye_m,
        spin_rad=_turned_rad(before.turn, after.turn),
        past_m=place[1] - place[0],
        about_rad=_turned_rad(axes[0], axes[1]),
    )


def _turned_rad(before: Array, after: Array) -> Array:
    """Return the small turn (..., 3) [rad] that leads from one rotation (..., 3, 3) to another."""
    m = after @ np.swapaxes(before, -1, -2)
    # Twice the sine of the angle along the axis: less than the angle by 2 parts in 10^4 at 2 deg.
    twice = [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]]
    return 0.5 * np.stack(twice, axis=-1)


def _from_site(scene: Scene, place_m: Array, attitude_wxyz: Array) -> Pose:
    """Return the pose of a place and an attitude in site axes."""
    turn = Rotation.from_quat(attitude_wxyz, scalar_first=True).as_matrix()
    whole = Rotation.from_matrix(scene.frame.axes.T @ turn)
    return Pose(
        scene.frame.position_m(place_m),
        whole.as_quat(scalar_first=True),
        place_m - [*scene.focus_m, 0.0],
        turn,
    )


@lru_cache(maxsize=256)
def _ground_m(scene: Scene, east_m: float, north_m: float) -> float:
    """Return the ground's height in site axes: the planet curves away below their plane."""
    height = float(scene.terrain.height_m(east_m, north_m))
    return height - (east_m**2 + north_m**2) / (2 * scene.mission.site.radius_m)


def _standing_m(scene: Scene, camera: Camera) -> Array:
    east, north, above = camera.position_m
    return np.array([east, north, _ground_m(scene, east, north) + above])


def _tracking(scene: Scene, camera: Camera, t_s: float) -> tuple[Array, Array]:
    """Return place (3,) and attitude, site axes, of a camera that keeps beside its body.

    Its place follows the body's way smoothed by a Gaussian to both sides in time, so that it does
    not lag; it turns so that the body stays in the middle.
    """
    track = scene.flight.bodies[str(camera.body)]
    body = scene.frame.position_site_m(track.position(t_s))
    around = track.position(t_s + camera.smooth_s * _WEIGHTS_AT)
    weights = np.exp(-0.5 * _WEIGHTS_AT**2)
    way = scene.frame.position_site_m(around)
    place = (weights / weights.sum()) @ way + camera.position_m
    # The height of the ground under it, to the decimetre: it is asked for in every frame.
    floor = _ground_m(scene, round(float(place[0]), 1), round(float(place[1]), 1))
    place[2] = max(place[2], floor + _CLEAR_M)
    axes = optical_axes(body - place, np.array(camera.image_up))
    return place, Rotation.from_matrix(axes).as_quat(scalar_first=True)
