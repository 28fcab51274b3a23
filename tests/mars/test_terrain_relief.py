"""The ground's finer relief: no steps, no lattice, bedrock that breaks through, how rough it is."""

# ruff: noqa: UP018 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.mars import terrain as terrain_module
from skycrane.mars.noise import lattice2, noise2
from skycrane.mars.terrain import terrain_of
from skycrane.mars.terrain_form import Form, form_of
from skycrane.mars.terrain_outcrop import outcrop

wp.set_module_options({"enable_backward": False})


@wp.kernel(enable_backward=False)
def _octaves(cell: float, turned: int, out: wp.array2d(dtype=float)):
    i, j = wp.tid()
    x = float(j) * cell
    y = float(i) * cell
    total = float(0.0)
    wavelength = float(8.0)
    for k in range(6):
        if turned == 1:
            total += noise2(x / wavelength, y / wavelength, 2021 + k)
        else:
            total += lattice2(x / wavelength, y / wavelength, 2021 + k)
        wavelength *= 0.5
    out[i, j] = total


@wp.kernel(enable_backward=False)
def _outcrop(cell: float, bare: float, finest: float, form: Form, out: wp.array2d(dtype=wp.vec2)):
    i, j = wp.tid()
    told = wp.vec2(0.0, 1.0e9)
    out[i, j] = outcrop(float(j) * cell, float(i) * cell, bare, 0.0, finest, told, form)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 256), (4.0, 512)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 256))
        yield


@pytest.fixture(scope="module")
def ground(small, mission):
    return terrain_of(mission)


def test_octaves_share_no_nodes():
    # Perlin's noise is 0 at its nodes; where octaves share them a lattice of even places shows.
    spread = []
    for turned in (1, 0):
        out = wp.zeros((60, 60), dtype=float, device="cpu")
        wp.launch(_octaves, dim=(60, 60), inputs=[8.0, turned, out], device="cpu")
        spread.append(out.numpy().std())
    assert spread[0] > 0.5
    # Seen to find what does.
    assert spread[1] < 1e-3


def test_the_ground_has_no_steps(small, mission):
    # 25 m ways in steps of 2 mm. Stones have upright sides and are left out, a crack's side may be
    # steep; where unlike pieces meet in a step it is as high over any distance.
    none = mission.terrain.rocks.model_copy(update={"cover": 1e-6, "gravel_cover": 0.0})
    model = mission.terrain.model_copy(update={"rocks": none})
    ground = terrain_of(mission.model_copy(update={"terrain": model}))
    rng = np.random.default_rng(3)
    worst = 0.0
    for _ in range(24):
        place, turn = rng.uniform(-300, 300, 2), rng.uniform(0, 2 * np.pi)
        along = np.arange(12500) * 0.002
        h = ground.height_m(place[0] + along * np.cos(turn), place[1] + along * np.sin(turn))
        worst = max(worst, float(np.abs(np.diff(h)).max()))
    assert worst < 0.012


def test_the_floor_about_the_target_is_about_as_rough_as_landing_sites(ground):
    rng = np.random.default_rng(5)
    place, turn = rng.uniform(-150, 150, (8000, 2)), rng.uniform(0, 2 * np.pi, 8000)
    slopes = {}
    for base in (1.0, 10.0):
        far = place + base * np.column_stack([np.cos(turn), np.sin(turn)])
        change = ground.height_m(*far.T) - ground.height_m(*place.T)
        slopes[base] = np.degrees(np.arctan(1.4826 * np.median(np.abs(change)) / base))
    # Viking Lander 1 and Pathfinder: 5 +- 1 deg over 1 m, 3 +- 1 over 10 m (Shepard et al.); this
    # floor of mounds and worn craters may be twice as rough, but no smoother.
    assert 4.0 < slopes[1.0] < 10.0
    assert 2.0 < slopes[10.0] < 7.0
    # Short slopes are the steeper: a Hurst exponent under 1, over 0.5.
    hurst = 1 + np.log10(np.tan(np.radians(slopes[10.0])) / np.tan(np.radians(slopes[1.0])))
    assert 0.5 < hurst < 0.95


def _shown(mission, bare, finest=0.02):
    out = wp.zeros((500, 500), dtype=wp.vec2, device="cpu")
    wp.launch(_outcrop, dim=(500, 500), inputs=[0.1, bare, finest, form_of(mission), out])
    return out.numpy()


def test_bedrock_emerges_from_the_soil(mission):
    shares = [
        float((_shown(mission, bare)[..., 1] > 0.2).mean()) for bare in (-0.9, -0.3, 0.2, 0.7)
    ]
    assert shares[0] < 0.01
    assert shares[1] < 0.05
    assert np.all(np.diff(shares[1:]) > 0.3)
    assert shares[-1] > 0.5
    relief = _shown(mission, 0.7)[..., 0]
    # Plates of a few metres stand some decimetres high, with cracks between down to the soil.
    assert 0.2 < relief.max() < 1.5
    assert (relief < 0.02).mean() > 0.01


@pytest.mark.parametrize("bare", [-0.2, 0.3])
def test_bedrock_too_fine_to_tell_brightens_the_ground_alike(mission, bare):
    sharp, blurred = (_shown(mission, bare, finest)[..., 1].mean() for finest in (0.02, 4.0))
    assert blurred == pytest.approx(sharp, abs=0.12)
