"""The detector: light to electrons, noise, and eight bits."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.mars.noise import hash2
from skycrane.mission.cameras import Detector

__all__ = ["Sensor", "expose_kernel", "flat_kernel", "linear_of", "normal_of", "sensor_of"]

# As for the rays: neither NaN nor the order of sums matters.
_FAST = f"{wp.config.cpu_compiler_flags} -ffast-math -ffp-contract=fast -w"
wp.set_module_options({"enable_backward": False, "fast_math": True, "cpu_compiler_flags": _FAST})


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


@wp.func
def normal_of(h: wp.uint32) -> float:
    """Return a standard normal number from a hash: its share of 0 to 1 through the inverse.

    Wichura 1988, "The Percentage Points of the Normal Distribution", Appl. Statist. 37, algorithm
    AS 241, PPND7: seven digits. Five of six need a quotient of cubics alone. With 23 bits of the
    hash the tails end at 5.3.
    """
    q = (float(h >> wp.uint32(9)) + 0.5) * (1.0 / 8388608.0) - 0.5
    if wp.abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
        return q * above / (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    r = wp.sqrt(-wp.log(0.5 - wp.abs(q)))
    if r <= 5.0:
        r -= 1.6
        above = ((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777
        return wp.sign(q) * above / ((0.12021132975 * r + 0.7370016425) * r + 1.0)
    r -= 5.0
    above = ((0.017337203997 * r + 0.42868294337) * r + 3.081226386) * r + 6.657905115
    return wp.sign(q) * above / ((0.012258202635 * r + 0.24197894225) * r + 1.0)


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
    response = 1.0 + sensor.spread * normal_of(hash2(j, i, sensor.pattern_key))
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
    noise = normal_of(hash2(j, i, sensor.noise_key))
    signal += wp.sqrt(signal + sensor.read_noise * sensor.read_noise) * noise
    x = wp.clamp(signal / sensor.full_scale, 0.0, 1.0)
    if sensor.square_root == 1:
        x = wp.sqrt(x)
    image[i, j] = wp.uint8(int(x * 255.0 + 0.5))
