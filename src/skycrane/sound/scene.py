"""The scene at the microphone: breeze and rover together or each alone, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skycrane.mission.sound import Microphone, Soundscape
from skycrane.sound.breeze import BreezeSource
from skycrane.sound.helicopter import HelicopterSource
from skycrane.sound.microphone import Capsule
from skycrane.sound.rover import RoverSource
from skycrane.sound.streams import BLOCK

__all__ = ["SceneBlock", "reference", "surface", "whole"]


@dataclass(frozen=True)
class SceneBlock:
    """A stretch of the scene as the microphone measures it, parts apart [Pa], shape [<= BLOCK].

    Attributes:
        breeze_pa: the wind through the capsule, and the helicopter where it is heard.
        rover_pa: the rover through the capsule, and the capsule's own noise.
    """

    breeze_pa: NDArray[np.float64]
    rover_pa: NDArray[np.float64]

    @property
    def total_pa(self) -> NDArray[np.float64]:
        """Both together, as recorded."""
        return self.breeze_pa + self.rover_pa


def surface(
    scene: Soundscape, microphone: Microphone, *, seed: int, duration_s: float | None = None
) -> Iterator[SceneBlock]:
    """Yield the stretch of the surface, breeze and rover apart: the truth behind the recording."""
    rate = float(microphone.sample_rate_hz)
    count = round((duration_s or scene.duration_s) * rate)
    breeze = BreezeSource(
        scene.breeze,
        scene.air,
        rate_hz=rate,
        diaphragm_m=microphone.diaphragm_diameter_m,
        seed=seed,
    )
    helicopter = HelicopterSource(scene.helicopter, scene.air, rate_hz=rate, seed=seed)
    rover = RoverSource(scene, microphone, seed=seed, recording="surface")
    # The capsule is linear, so each part goes through its own copy and the sum is what it heard.
    wind_capsule = Capsule(microphone, seed=seed, recording="surface")
    rover_capsule = Capsule(microphone, seed=seed, recording="surface")
    for index in range(-(-count // BLOCK)):
        n = min(BLOCK, count - index * BLOCK)
        wind = wind_capsule.respond(breeze.block(index) + helicopter.block(index))
        own = rover_capsule.respond(rover.block(index)) + rover_capsule.noise(index)
        yield SceneBlock(wind[:n], own[:n])


def reference(
    scene: Soundscape, microphone: Microphone, *, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Yield the rover's noise alone as recorded before landing [Pa], in blocks."""
    count = round(scene.reference.duration_s * microphone.sample_rate_hz)
    rover = RoverSource(
        scene,
        microphone,
        seed=seed,
        recording="reference",
        through_air=False,
        level_db=scene.reference.level_db,
    )
    capsule = Capsule(microphone, seed=seed, recording="reference")
    for index in range(-(-count // BLOCK)):
        n = min(BLOCK, count - index * BLOCK)
        yield (capsule.respond(rover.block(index)) + capsule.noise(index))[:n]


def whole(blocks: Iterator[SceneBlock]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return breeze and rover of a whole scene [Pa], each of shape [n]."""
    parts = list(blocks)
    return (
        np.concatenate([part.breeze_pa for part in parts]),
        np.concatenate([part.rover_pa for part in parts]),
    )
