"""Skins of bodies: stains stay on the body, spare what is white or far, and foil alone folds."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from scipy.spatial.transform import Rotation

from skycrane.cameras.body_wear import worn_skin
from skycrane.vehicle.materials import material_id


@wp.kernel
def _skins(
    turn: wp.mat33,
    places: wp.array(dtype=wp.vec3),
    n: wp.vec3,
    kind: int,
    albedo: float,
    foot: float,
    out: wp.array(dtype=wp.vec4),
):
    i = wp.tid()
    skin = worn_skin(turn, places[i], n, kind, wp.vec3(albedo, 0.0, 0.0), foot)
    out[i] = wp.vec4(skin.normal[0], skin.normal[1], skin.normal[2], skin.tint)


PLACES = np.random.default_rng(3).uniform(-1, 1, (4000, 3)).astype(np.float32)
UP = np.array([0.2, 0.1, 0.97]) / np.linalg.norm([0.2, 0.1, 0.97])


def _worn(name, *, albedo=0.4, foot=2e-3, turn=None):
    turn = np.eye(3) if turn is None else turn
    given = wp.array((PLACES @ turn.T).astype(np.float32), dtype=wp.vec3, device="cpu")
    out = wp.zeros(len(PLACES), dtype=wp.vec4, device="cpu")
    n = wp.vec3(*(turn @ UP))
    inputs = [wp.mat33(*turn.ravel()), given, n, material_id(name), albedo, foot, out]
    wp.launch(_skins, dim=len(PLACES), inputs=inputs, device="cpu")
    return out.numpy()[:, :3], out.numpy()[:, 3]


def test_stains_are_slight_and_even_out():
    _, tint = _worn("grey_paint")
    assert tint.mean() == pytest.approx(1.0, abs=0.01)
    assert 0.01 < tint.std() < 0.08


def test_what_sends_back_all_light_and_what_is_far_off_has_no_stain():
    assert _worn("white_paint", albedo=1.0)[1] == pytest.approx(1.0, abs=1e-6)
    assert (_worn("grey_paint", foot=0.1)[1] == 1.0).all()


def test_stains_and_folds_stay_on_a_body_that_turns():
    turn = Rotation.from_euler("xyz", [0.5, -0.3, 1.1]).as_matrix()
    normal, tint = _worn("foil_gold")
    turned, same = _worn("foil_gold", turn=turn)
    assert np.abs(tint - same).max() < 2e-3
    assert np.abs(normal @ turn.T - turned).max() < 2e-3


@pytest.mark.parametrize("name", ["foil_gold", "foil_silver"])
def test_foil_folds_by_some_degrees_and_paint_does_not(name):
    normal, _ = _worn(name)
    assert np.linalg.norm(normal, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert 3.0 < np.degrees(np.arccos(np.clip(normal @ UP, -1, 1)).mean()) < 20.0
    assert np.abs(_worn("grey_paint")[0] - UP).max() < 1e-6
