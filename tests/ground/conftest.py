from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ground_builders import make_run, mission_of, small_film

from skycrane.mission import Mission
from skycrane.stage import StageContext


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """flight/ and ground/ of a short landing; tests only read it."""
    directory = tmp_path_factory.mktemp("toy")
    make_run(directory)
    return directory


@pytest.fixture
def context() -> Callable[..., StageContext]:
    def of(directory: Path, mission: Mission | None = None, **more: object) -> StageContext:
        mission = mission or mission_of(**small_film())
        return StageContext(directory=directory, mission=mission, workers=2, **more)

    return of
