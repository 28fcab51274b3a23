"""The same picture from a processor and from a GPU, where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from trust_builders import Bench, clear_air, even_level, pinhole

from skycrane.cameras.bodies import SURFACES
from skycrane.vehicle import shapes

SUN = np.array([-0.6, 0.0, 0.8])


def _picture(mission, device):
    vehicle = shapes.Bodies(mission)
    random = np.random.default_rng(2)
    level = even_level(0.05 * random.standard_normal((256, 256)), 0.2, SUN)
    bench = Bench(
        mission,
        shapes={"rover": vehicle.rover_shape(wheels_deployed=1.0)},
        levels=[level],
        air=clear_air(SUN),
        sun=SUN,
        white=None,
        device=device,
    )
    k = SURFACES.index("rover")
    bench.turn[k] = np.diag([1.0, -1.0, -1.0])
    bench.origin_m[k] = [0.0, 0.0, 2.0]
    lens = pinhole(320, 256, 50.0)
    light, _, body = bench.look([2.5, -3.0, 6.0], [0, 0, 0.5], lens, key=3, body_samples=2)
    assert (body == k + 2).sum() > 2000
    camera = mission.cameras["rdc"]
    given = wp.array(light, dtype=float, device=device)
    image = bench.renderer.expose(given, lens, camera, exposure_s=1e-3, keys=(1, 2), dark=False)
    assert image.std() > 5
    return image.astype(int)


@pytest.mark.skipif(not wp.is_cuda_available(), reason="no CUDA device")
def test_cpu_and_cuda_agree(mission):
    apart = np.abs(_picture(mission, "cpu") - _picture(mission, "cuda:0"))
    assert (apart <= 1).mean() >= 0.999


def test_the_picture_to_compare_is_one(mission):
    """The scene of the comparison, filmed twice on the CPU, gives the same bytes."""
    assert np.array_equal(_picture(mission, "cpu"), _picture(mission, "cpu"))
