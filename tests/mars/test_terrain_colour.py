"""The ground's colours: dark sand before the delta, hue that varies at every scale."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from skycrane.mars.terrain_colour import Lies, colour_at
from skycrane.mars.terrain_form import Form, delta_inside, form_of
from skycrane.mars.terrain_units import units_at

wp.set_module_options({"enable_backward": False})

LUMA = np.array([0.2126, 0.7152, 0.0722])


@wp.kernel(enable_backward=False)
def _colours(
    origin: wp.vec2,
    cell: float,
    form: Form,
    out: wp.array2d(dtype=wp.vec3),
    before: wp.array2d(dtype=wp.vec2),
):
    i, j = wp.tid()
    x = origin[0] + float(j) * cell
    y = origin[1] + float(i) * cell
    u = units_at(x, y, form)
    out[i, j] = colour_at(x, y, u, 2.0 * cell, 0.0, Lies(), form)
    before[i, j] = wp.vec2(-delta_inside(x, y, form), u.rim)


def _seen(mission, origin, cell, n):
    out = wp.zeros((n, n), dtype=wp.vec3, device="cpu")
    before = wp.zeros((n, n), dtype=wp.vec2, device="cpu")
    wp.launch(_colours, (n, n), [wp.vec2(*origin), cell, form_of(mission), out, before])
    return out.numpy().astype(float), before.numpy()


def test_sand_darkens_the_floor_before_the_delta_and_not_far_off(mission):
    colour, where = _seen(mission, (-6000.0, -8000.0), 80.0, 220)
    light = colour @ LUMA
    floor = where[..., 1] < 0.01
    near = light[floor & (where[..., 0] > 300.0) & (where[..., 0] < 1500.0)]
    far = light[floor & (where[..., 0] > 9000.0)]
    assert len(near) > 200
    assert len(far) > 2000
    # Sheets of it end in lines; far off the floor has no patches that look like clouds from above.
    assert np.percentile(near, 3) < 0.85 * np.median(far)
    assert np.subtract(*np.percentile(far, [90, 10])) < 0.15 * np.median(far)
    assert np.subtract(*np.percentile(near, [90, 10])) > 0.2 * np.median(far)


@pytest.mark.parametrize(("cell", "least"), [(20.0, 0.05), (2.0, 0.05), (0.2, 0.04)])
def test_hue_varies_at_every_scale_within_that_of_the_panorama(mission, cell, least):
    """Green over red spreads by 0.13 between the 10th and 90th percentile in PIA24264's soil.

    That is measured with stones, shadows and what blurs a picture; bare soil stays below it.
    """
    colour, _ = _seen(mission, (-100.0 * cell, -100.0 * cell), cell, 200)
    ratio = colour[..., 1] / colour[..., 0]
    assert least < np.subtract(*np.percentile(ratio, [90, 10])) < 0.13
    # Grey sand to red dust, nothing beyond either.
    colours = mission.terrain.colours
    dust, sand = (c[1] / c[0] for c in (colours.dust, colours.sand))
    assert ratio.min() > dust - 1e-3
    assert ratio.max() < sand + 0.02
