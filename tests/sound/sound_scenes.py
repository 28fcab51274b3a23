"""Builders: the mission's soundscape, short recordings with known parts."""

import functools
import tomllib
from importlib import resources

import numpy as np

from skycrane.mission.sound import Microphone, Soundscape
from skycrane.sound.scene import reference, surface, whole


@functools.cache
def mission_tables() -> tuple[Microphone, Soundscape]:
    text = (resources.files("skycrane.mission") / "missions" / "mars2020.toml").read_text()
    tables = tomllib.loads(text)
    return (
        Microphone.model_validate(tables["microphone"]),
        Soundscape.model_validate(tables["soundscape"]),
    )


def short(duration_s: float = 12.0, reference_s: float = 5.0) -> tuple[Microphone, Soundscape]:
    """The mission's scene, shorter, with the wind already blowing."""
    microphone, scene = mission_tables()
    breeze = scene.breeze.model_copy(update={"record": [[0.0, 4.5], [6.0, 5.5], [60.0, 4.0]]})
    other = scene.reference.model_copy(update={"duration_s": reference_s})
    update = {"duration_s": duration_s, "breeze": breeze, "reference": other}
    return microphone, scene.model_copy(update=update)


@functools.cache
def parts(seed: int = 1, duration_s: float = 12.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Breeze, rover and reference, full scale 1."""
    microphone, scene = short(duration_s)
    breeze, rover = whole(surface(scene, microphone, seed=seed))
    alone = np.concatenate(list(reference(scene, microphone, seed=seed)))
    return tuple(x / microphone.full_scale_pa for x in (breeze, rover, alone))


def mixed(level_db: float, seed: int = 1, duration_s: float = 12.0):
    """Breeze at a level above the rover, the mix, the reference."""
    breeze, rover, alone = parts(seed, duration_s)
    breeze = breeze * 10 ** (level_db / 20) * rover.std() / breeze.std()
    return breeze, breeze + rover, alone
