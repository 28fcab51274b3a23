"""The far ground: the delta's scarp, craters of all kinds, and where sand gathers."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.mars import terrain_base as base_module
from skycrane.mars.terrain_base import build_base
from skycrane.mars.terrain_craters import draw_secondaries
from skycrane.mars.terrain_delta import scarp_distance
from skycrane.mars.terrain_form import Form, delta_inside, form_of
from skycrane.mars.terrain_landform import base_height

wp.set_module_options({"enable_backward": False})


@wp.kernel(enable_backward=False)
def _heights(
    origin: wp.vec2, cell: float, finest: float, form: Form, out: wp.array2d(dtype=wp.vec3)
):
    i, j = wp.tid()
    x = origin[0] + float(j) * cell
    y = origin[1] + float(i) * cell
    inside = delta_inside(x, y, form)
    behind = scarp_distance(x, y, inside, finest, form)
    out[i, j] = wp.vec3(base_height(x, y, finest, form), inside, behind)


def _landform(mission, origin, cell, n, **relief):
    model = mission.terrain
    model = model.model_copy(update={"relief": model.relief.model_copy(update=relief)})
    form = form_of(mission.model_copy(update={"terrain": model}))
    out = wp.zeros((n, n), dtype=wp.vec3, device="cpu")
    wp.launch(_heights, dim=(n, n), inputs=[wp.vec2(*origin), cell, 4 * cell, form, out])
    return np.moveaxis(out.numpy(), -1, 0)


@pytest.fixture(scope="module")
def front(mission):
    """Return heights about the delta's front at 5 m, and how far behind its outline they lie."""
    return _landform(mission, (-4200.0, -2400.0), 5.0, 900)


def test_the_scarp_stands_as_high_as_the_published_one(mission, front):
    height, inside, _ = front
    top, floor = height[(inside > 200) & (inside < 900)], height[(inside < -400) & (inside > -900)]
    # More than 75 m above the floor, where it is highest (Mastcam-Z, Delta Layers, 2021).
    assert 60.0 < np.median(top) - np.median(floor) < 110.0


def test_the_scarp_is_steeper_than_the_afternoons_sun_stands(front):
    height, inside, behind = front
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(height, 5.0))))
    face = slope[(behind > 10) & (behind < 75)]
    # Loose rock rests at 30 to 36 degrees, a cliff over it is steeper; the sun stood at 31.
    assert np.median(face) > 31.0
    assert np.percentile(slope[(inside < -400)], 90) < 18.0


def test_the_deltas_top_is_rougher_than_the_floor_before_it(front):
    height, inside, _ = front
    slope = np.hypot(*np.gradient(height, 5.0))
    top, floor = slope[inside > 400], slope[(inside < -400) & (inside > -1500)]
    assert np.sqrt(np.mean(top**2)) > 1.7 * np.sqrt(np.mean(floor**2))


def test_swells_and_mantle_carry_the_relief_of_250_m_to_1_km(mission):
    power = []
    for relief in ({}, {"swell_m": 0.0, "mantle_m": 0.0}):
        height = _landform(mission, (1500.0, -2500.0), 20.0, 256, **relief)[0]
        # What the sun shows is the slope along its way.
        height = np.gradient(height, 20.0, axis=1)
        height = (height - height.mean()) * np.outer(np.hanning(256), np.hanning(256))
        k = np.hypot(*np.meshgrid(*[np.fft.fftfreq(256, 20.0)] * 2))
        power.append((np.abs(np.fft.fft2(height)) ** 2)[(k > 1e-3) & (k < 4e-3)].sum())
    assert power[0] > 1.5 * power[1]


def test_swells_leave_the_target_level(mission):
    flat, made = (
        _landform(mission, (-40.0, -40.0), 4.0, 21, **relief)[0]
        for relief in ({"swell_m": 0.0, "mantle_m": 0.0}, {})
    )
    tilt = np.gradient(made - flat, 4.0)
    assert np.abs(tilt).max() < 0.012


def test_secondaries_are_as_many_as_asked_for_in_clusters_off_the_target(mission):
    model = mission.terrain.craters.secondaries
    drawn = draw_secondaries(mission, 41_000.0)
    over = drawn[drawn[:, 2] >= 100.0]
    expected = model.per_km2_over_100_m * 82.0**2 * (1 - (model.largest_m / 100.0) ** -model.slope)
    assert len(over) == pytest.approx(expected, rel=0.15)
    assert drawn[:, 2].min() >= model.smallest_m * 0.999
    assert drawn[:, 2].max() <= model.largest_m
    assert (np.hypot(drawn[:, 0], drawn[:, 1]) - 1.5 * drawn[:, 2]).min() > model.clear_m - 1.0
    counts, _, _ = np.histogram2d(over[:, 0], over[:, 1], bins=41)
    # Strewn evenly the variance would be the mean.
    assert counts.var() > 3.0 * counts.mean()


@pytest.fixture(scope="module")
def level(mission):
    specs = ((160.0, 64), (20.0, 192), (4.0, 864))
    return build_base(mission, specs, 8, None).levels[-1]


def test_placed_craters_lie_where_the_mission_says(mission, level):
    near = [p for p in mission.terrain.craters.placed if max(abs(p[0]), abs(p[1])) < 1700]
    assert near
    n = (np.arange(864) - 432) * 4.0
    for east, north, diameter, depth, _, _ in near:
        r = np.hypot(*np.meshgrid(n - east, n - north)) / (diameter / 2)
        floor, rim = (
            np.median(level.height_m[(r >= a) & (r < b)]) for a, b in ((0, 0.3), (0.95, 1.2))
        )
        assert rim - floor > 0.35 * depth * diameter
        assert np.median(level.sand[r < 0.3]) > 0.4


def test_sand_gathers_in_hollows_and_leaves_ridges_bare(mission, level):
    assert (level.sand > 0.2).mean() > 0.02
    nodes = np.zeros((101, 101), np.float32)
    nodes[50:62] = 20.0
    nodes[15:19] = -12.0
    apart = (5000.0, 5000.0)
    sand = base_module._gathered(mission, nodes, np.zeros_like(nodes), apart, 4.0)
    assert sand[17].min() > 0.2
    # Wind sweeps what stands high, down to rock.
    assert sand[56].max() < -0.2
    # Along the foot of the ridge, thinning out before it.
    assert sand[63].min() > 0.1
    assert sand[63].min() > sand[80].max()
