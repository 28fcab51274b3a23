"""The ground: one function of the place, gentle at the target, cached and rebuilt when damaged."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.errors import InputError
from skycrane.mars import terrain as terrain_module
from skycrane.mars.terrain import cache_directory, terrain_of
from skycrane.mars.terrain_craters import draw_craters, stamp_craters

BASE = ((160.0, 512), (20.0, 256), (4.0, 256))
FINE = ((0.8, 256), (0.2, 256))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Make every grid small, with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", BASE)
        patch.setattr(terrain_module, "_FINE", FINE)
        patch.setattr(terrain_module, "_UNITS", (8.0, 128))
        yield


@pytest.fixture(scope="module")
def ground(small, mission):
    return terrain_of(mission, workers=1)


def test_target_is_zero_and_gentle(ground):
    assert float(ground.height_m(0.0, 0.0)) == pytest.approx(0.0, abs=1e-3)
    east, north = np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-2, 2, 21))
    assert np.abs(ground.height_m(east, north)).max() < 0.6


def test_delta_and_rim_stand_above_the_floor(mission, ground):
    # Forty kilometres along the bearing of the fan's apex: floor, delta front, crater wall.
    apex = np.array(mission.terrain.delta.apex_m)
    along = np.linspace(0.0, 1.6, 400)[:, None] * apex
    h = ground.height_m(along[:, 0], along[:, 1])
    distance = np.linalg.norm(along, axis=1)
    assert np.median(h[(distance > 5000) & (distance < 8000)]) > 35
    assert np.abs(np.median(h[distance < 1500])) < 15
    wall = h[np.linalg.norm(along - mission.terrain.rim.centre_m, axis=1) > 21000]
    assert wall.max() > 150


def test_levels_agree_with_the_point_function(mission, ground):
    levels = ground.levels((31.0, -20.0), [-0.6, 0.0, 0.8], workers=2)
    fine = levels[-1]
    rows = np.arange(20, 236, 24)
    east = fine.origin_m[0] + fine.cell_m * rows
    north = fine.origin_m[1] + fine.cell_m * rows
    # The grid leaves out what is finer than two of its cells; the rest is the same to centimetres.
    point = ground.height_m(east[None, :], north[:, None])
    grid = fine.height_m[np.ix_(rows, rows)]
    assert np.median(np.abs(point - grid)) < 0.03


def test_same_bytes_with_one_and_two_threads(mission, ground):
    one = ground._build_levels((0.0, 0.0), np.array([-0.6, 0.0, 0.8]), 1.57, 1)
    two = ground._build_levels((0.0, 0.0), np.array([-0.6, 0.0, 0.8]), 1.57, 2)
    for a, b in zip(one, two, strict=True):
        assert a.height_m.tobytes() == b.height_m.tobytes()
        assert a.texels.tobytes() == b.texels.tobytes()


@pytest.mark.parametrize("damage", [b"", b"PK\3\4 nonsense"])
def test_damaged_cache_is_rebuilt(small, mission, ground, damage):
    path = next(cache_directory().glob("landform-*.npz"))
    whole = path.read_bytes()
    path.write_bytes(damage)
    again = terrain_of(mission, workers=1)
    assert float(again.height_m(123.0, -45.0)) == float(ground.height_m(123.0, -45.0))
    assert len(path.read_bytes()) == len(whole)


def test_flipped_byte_in_the_cache_is_seen(small, mission, ground):
    path = next(cache_directory().glob("landform-*.npz"))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x40
    path.write_bytes(data)
    again = terrain_of(mission, workers=1)
    assert float(again.height_m(55.0, 66.0)) == float(ground.height_m(55.0, 66.0))


def test_outside_is_refused(ground):
    with pytest.raises(InputError, match="outside the built ground"):
        ground.height_m(90e3, 0.0)


def test_craters_follow_the_production_function(mission):
    model = mission.terrain.craters
    craters = draw_craters(mission, 80.0, 640.0, 20480.0, 1)
    area = 40.96**2
    for diameter in (80.0, 160.0, 320.0):
        expected = area * (
            model.per_km2_over_1_km * ((diameter / 1000) ** -model.slope - 0.64**-model.slope)
        )
        found = np.sum(craters[:, 2] >= diameter)
        assert found == pytest.approx(expected, abs=4.5 * np.sqrt(expected))


def test_a_fresh_crater_has_its_depth_and_rim():
    height, sand = np.zeros((256, 256), np.float32), np.zeros((256, 256), np.float32)
    stamp_craters(height, sand, np.array([[0, 0, 200.0, 0.2, 0.0, 0.0]]), (-256.0, -256.0), 2.0)
    assert height.min() == pytest.approx(-40.0, rel=0.03)
    assert 5.0 < height.max() < 10.0
    # Some blocks lie on its rim, and no sand in it.
    assert sand.max() <= 0.0
    assert sand.min() == pytest.approx(-0.3, abs=0.02)


def test_a_worn_crater_is_a_round_rimmed_saucer_with_sand_in_it():
    made = []
    for wear in (0.0, 1.0):
        height, cover = (np.zeros((256, 256), np.float32) for _ in range(2))
        crater = np.array([[0, 0, 200.0, 0.1, wear, 0.8 * wear]])
        stamp_craters(height, cover, crater, (-256.0, -256.0), 2.0)
        made.append((height, cover))
    (fresh, _), (worn, cover) = made
    slopes = [np.hypot(*np.gradient(h, 2.0)).max() for h in (fresh, worn)]
    assert slopes[1] < 0.7 * slopes[0]
    assert worn.max() < 0.8 * fresh.max()
    assert cover.max() > 0.7
    assert cover.min() > -0.1


def test_craters_are_met_in_every_state_of_decay_and_the_small_are_more_worn(mission):
    model = mission.terrain.craters
    small = draw_craters(mission, 16.0, 80.0, 4000.0, 2)
    large = draw_craters(mission, 300.0, 1500.0, 60000.0, 0)
    assert small[:, 3].max() <= model.fresh_depth
    deciles = np.percentile(small[:, 4], [10, 50, 90])
    assert deciles[0] < 0.25 < 0.5 < deciles[1] < deciles[2]
    assert np.median(large[:, 3]) > 1.2 * np.median(small[:, 3])
    # A few of a hundred of their diameter deep, as counted ones are (Sweeney et al. 2018).
    assert 0.05 < np.median(small[:, 3]) < 0.10
