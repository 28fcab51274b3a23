"""The built-in mission, read once."""

from __future__ import annotations

import pytest

from skycrane.compute import start_warp
from skycrane.mission import load_mission

# Before any test moves the cache: compiled kernels are kept where they always are.
start_warp()


@pytest.fixture(scope="session")
def mission():
    return load_mission("mars2020")
