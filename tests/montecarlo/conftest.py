"""Fixtures of the tests of many flights."""

from __future__ import annotations

import pytest

from skycrane.mission import Mission, load_mission


@pytest.fixture(scope="session")
def mission() -> Mission:
    return load_mission("mars2020")
