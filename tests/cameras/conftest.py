"""The built-in mission, read once."""

from __future__ import annotations

import pytest

from skycrane.mission import load_mission


@pytest.fixture(scope="session")
def mission():
    return load_mission("mars2020")
