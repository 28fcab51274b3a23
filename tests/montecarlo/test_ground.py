"""The ground that a campaign's workers share: kept whole, or sampled again."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.flight.tables import ground_heights
from skycrane.mission import load_mission
from skycrane.montecarlo.ground import campaign_ground


class Hills:
    """A terrain that counts how often it is asked."""

    asked = 0

    def height_m(self, east_m, north_m):
        Hills.asked += 1
        return np.sin(east_m / 900.0) + np.cos(north_m / 700.0)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    Hills.asked = 0
    monkeypatch.setattr("skycrane.mars.terrain.terrain_of", lambda *_, **__: Hills())
    first = campaign_ground(tmp_path, load_mission("mars2020"))
    assert Hills.asked == 2
    return tmp_path, first


def test_it_is_sampled_once_and_read_back_the_same(kept):
    directory, first = kept
    again = campaign_ground(directory, load_mission("mars2020"))
    assert Hills.asked == 2
    for name, grid in ground_heights(Hills().height_m).items():
        np.testing.assert_array_equal(first[name], grid)
        np.testing.assert_array_equal(again[name], grid)


@pytest.mark.parametrize("harm", ["flip", "cut", "longer", "empty", "other"])
def test_what_is_not_whole_is_made_anew(kept, harm):
    """One changed height would be another ground under some of the cases."""
    directory, first = kept
    path = directory / "ground.bin"
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 1
    path.write_bytes(
        {
            "flip": bytes(content),
            "cut": bytes(content[:-4]),
            "longer": bytes(content) + b"0000",
            "empty": b"",
            "other": np.random.default_rng(0).bytes(len(content)),
        }[harm]
    )
    again = campaign_ground(directory, load_mission("mars2020"))
    for name in first:
        np.testing.assert_array_equal(again[name], first[name])
    assert Hills.asked == 4
