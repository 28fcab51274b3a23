"""The detector: light to electrons, noise, and eight bits."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mission.cameras import Detector

__all__ = ["Sensor", "expose_kernel", "flat_kernel", "linear_of", "sensor_of"]

wp.set_module_options({"enable_backward": False})


@wp.struct
class Sensor:
    """What turns radiance into numbers for one exposure.

    Attributes:
        electrons: electrons of unit radiance times pi at this exposure.
        full_scale: electrons at 255.
        read_noise: electrons.
        spread: relative response differences between photosites.
        vignetting: exponent of the cosine of the field angle.
        dark_signal: electrons that the last row gathers in darkness before it is read.
        dark_rise: share of the rows over which that grows to two thirds.
        square_root: 1 where the curve is a square root.
        noise_key: random key of camera and frame.
        pattern_key: random key of the camera alone.
        dark: 1 where no light reaches it.
    """

    electrons: float
    full_scale: float
    read_noise: float
    spread: float
    vignetting: float
    dark_signal: float
    dark_rise: float
    square_root: int
    noise_key: int
    pattern_key: int
    dark: int


def sensor_of(
    detector: Detector, *, exposure_s: float, vignetting: float, noise_key: int, pattern_key: int
) -> Any:
    """Return the `Sensor` of a detector for one exposure [s]."""
    sensor = Sensor()
    sensor.electrons = detector.electrons_s * exposure_s * float(np.pi)
    sensor.full_scale = detector.full_scale_e
    sensor.read_noise = detector.read_noise_e
    sensor.spread = detector.response_spread
    sensor.vignetting = vignetting
    sensor.dark_signal, sensor.dark_rise = detector.dark_signal_e, detector.dark_rise
    sensor.square_root = int(detector.companding == "square_root")
    sensor.noise_key = noise_key
    sensor.pattern_key = pattern_key
    return sensor


def linear_of(image: NDArray[np.uint8], detector: Detector) -> NDArray[np.float64]:
    """Return the share of full scale that digital numbers stand for, undoing the companding."""
    x = image.astype(np.float64) / 255.0
    return x * x if detector.companding == "square_root" else x


@wp.kernel
def flat_kernel(
    row0: int,
    directions: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    sensor: Sensor,
    flat: wp.array2d(dtype=float),  # type: ignore[valid-type]
):
    """Fill a camera's flat field: vignetting times each photosite's own response, about 1."""
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    pattern = wp.rand_init(sensor.pattern_key, i * flat.shape[1] + j)
    response = 1.0 + sensor.spread * wp.randn(pattern)
    flat[i, j] = wp.pow(directions[i, j][2], sensor.vignetting) * response


@wp.kernel
def expose_kernel(
    row0: int,
    light: wp.array2d(dtype=float),  # type: ignore[valid-type]
    flat: wp.array2d(dtype=float),  # type: ignore[valid-type]
    sensor: Sensor,
    image: wp.array2d(dtype=wp.uint8),  # type: ignore[valid-type]
):
    """Fill the image. Shot noise is normal: exact enough above ten electrons (Janesick 2007)."""
    i, j = wp.tid()  # type: ignore[misc]
    i += row0
    signal = float(0.0)
    if sensor.dark == 0:
        signal = wp.max(light[i, j] * sensor.electrons * flat[i, j], 0.0)
    if sensor.dark_signal > 0.0:
        waited = (float(i) + 0.5) / float(light.shape[0])
        grown = 1.0 - wp.exp(-waited / sensor.dark_rise)
        signal += sensor.dark_signal * grown / (1.0 - wp.exp(-1.0 / sensor.dark_rise))
    state = wp.rand_init(sensor.noise_key, i * light.shape[1] + j)
    signal += wp.sqrt(signal + sensor.read_noise * sensor.read_noise) * wp.randn(state)
    x = wp.clamp(signal / sensor.full_scale, 0.0, 1.0)
    if sensor.square_root == 1:
        x = wp.sqrt(x)
    image[i, j] = wp.uint8(int(x * 255.0 + 0.5))
