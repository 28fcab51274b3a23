"""The cut with the landing as it would have been heard: asked for, made, in the film."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from ground_builders import mission_of, small_film

from skycrane.errors import InputError
from skycrane.ground.stage import cut, develop
from skycrane.mission import Mission


def asking_for(choice: str) -> Mission:
    mission = mission_of(**small_film())
    landing = mission.soundscape.landing.model_copy(update={"in_film": choice})
    soundscape = mission.soundscape.model_copy(update={"landing": landing})
    return mission.model_copy(update={"soundscape": soundscape})


@pytest.mark.parametrize(("choice", "tracks"), [("track", 2), ("mixed", 1)])
def test_the_film_has_it_as_asked(
    toy_run: Path, tmp_path: Path, context: Callable, choice: str, tracks: int
) -> None:
    shutil.copytree(toy_run, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "products" / "sound"
    folder.mkdir(parents=True)
    roar = 0.1 * np.random.default_rng(0).standard_normal(120 * 48_000)
    soundfile.write(folder / "landing_as_heard.flac", roar, 48_000, "PCM_24")
    job = context(tmp_path, asking_for(choice))
    develop(job)
    cut(job)
    with av.open(str(tmp_path / "products" / "landing.mp4")) as film:
        assert len(film.streams.audio) == tracks
        last = film.streams.audio[-1]
        heard = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(last)])
    middle = heard[heard.size // 2 :][:48_000]
    assert middle.std() > 0.05


def test_asked_for_but_not_made_says_what_to_run(
    toy_run: Path, tmp_path: Path, context: Callable
) -> None:
    shutil.copytree(toy_run, tmp_path, dirs_exist_ok=True)
    job = context(tmp_path, asking_for("track"))
    develop(job)
    with pytest.raises(InputError, match="not here"):
        cut(job)
    assert not (tmp_path / "products" / "landing.mp4").exists()
