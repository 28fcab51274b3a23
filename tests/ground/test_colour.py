from __future__ import annotations

import numpy as np
import pytest
from ground_builders import film_table, mosaic_of

from skycrane.errors import InputError
from skycrane.ground.colour import develop, grade, linear_rgb, looks_of, measure
from skycrane.ground.demosaic import PATTERNS, demosaic
from skycrane.mission import load_mission
from skycrane.mission.film import Colour

PLAIN = Colour.model_validate(
    film_table()["colour"]
    | {
        "companding": "linear", "black_level_dn": 0.0, "white_balance": [1.0, 1.0, 1.0],
        "matrix": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        "exposure": 1.0, "adapt": 0.0, "dehaze": 0.0, "contrast": 0.0, "saturation": 1.0,
        "false_colour_px": 0, "sharpness": 0.0, "local_contrast": 0.0,
    }
)  # fmt: skip


def look(**changes: object) -> Colour:
    return Colour.model_validate(PLAIN.model_dump() | changes)


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@pytest.mark.parametrize("shape", [(4, 4), (32, 48), (33, 47)])
def test_demosaic_of_a_flat_field_stays_flat(pattern: str, shape: tuple[int, int]) -> None:
    out = demosaic(np.full(shape, 12345, np.uint16), pattern)
    assert out.shape == (*shape, 3)
    assert (out == 12345).all()


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_demosaic_gives_each_colour_its_own_channel(pattern: str) -> None:
    mosaic = np.zeros((32, 32), np.uint16)
    levels = {"r": 60000, "g": 30000, "b": 9000}
    for place, letter in enumerate(pattern):
        mosaic[place // 2 :: 2, place % 2 :: 2] = levels[letter]
    out = demosaic(mosaic, pattern)
    assert (out == np.array([60000, 30000, 9000])).all()


def test_demosaic_follows_a_ramp_within_a_level() -> None:
    # A ramp is linear, so any interpolation of neighbours reproduces it away from the edges.
    ramp = np.add.outer(np.arange(64) * 300, np.arange(64) * 200).astype(np.uint16)
    out = demosaic(ramp)[4:-4, 4:-4].astype(int)
    assert np.abs(out - ramp[4:-4, 4:-4, None]).max() <= 1


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (8, 8, 3)])
def test_demosaic_refuses_what_is_no_mosaic(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        demosaic(np.zeros(shape, np.uint16))


def srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, written here apart from the code under test."""
    low = linear * 12.92
    high = 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, low, high)


@pytest.mark.parametrize("dn", [0, 1, 12, 77, 150, 180])
def test_a_plain_look_is_srgb_of_linear_light(dn: int) -> None:
    picture = develop(np.full((8, 8), dn, np.uint8), PLAIN)
    assert np.abs(picture.astype(int) - 255 * srgb(np.array(dn / 255))).max() <= 1


def test_square_root_companding_and_black_level_are_undone() -> None:
    light = np.linspace(0.01, 0.6, 64)
    raw = np.round(10 + 245 * np.sqrt(light)).astype(np.uint8)
    packed = look(companding="square_root", black_level_dn=10.0)
    out = linear_rgb(np.tile(raw, (8, 1)), packed, pattern="mono")[0, :, 0] / 65535
    assert np.abs(out - light).max() < 0.004  # half a step of the 8-bit square root


def test_white_balance_makes_grey_of_grey_and_clips_to_white() -> None:
    gains = np.array([1.6, 1.0, 2.1])
    balanced = look(white_balance=gains.tolist())
    flat = np.broadcast_to(np.round(120 / gains), (16, 16, 3)).astype(np.uint8)
    grey = linear_rgb(mosaic_of(flat), balanced).astype(float)
    assert np.ptp(grey.mean(axis=(0, 1))) < 0.02 * grey.mean()
    full = develop(np.full((16, 16), 255, np.uint8), balanced)
    assert np.ptp(full.reshape(-1, 3).astype(int), axis=1).max() == 0


def test_tone_rises_and_keeps_black_and_white() -> None:
    ramp = np.repeat(np.linspace(0, 65535, 256).astype(np.uint16)[None, :, None], 3, axis=2)
    picture = grade(np.repeat(ramp, 8, axis=0), look(contrast=0.5), measure(ramp))[0, :, 0]
    assert (np.diff(picture.astype(int)) >= 0).all()
    assert picture[0] == 0
    assert picture[-1] > 230


def test_adapting_brings_dark_and_bright_scenes_together_and_leaves_black_alone() -> None:
    adapting = look(adapt=1.0, mid_grey=0.2)
    dark, bright = (develop(np.full((16, 16), dn, np.uint8), adapting) for dn in (24, 110))
    assert abs(int(dark.mean()) - int(bright.mean())) < 8
    assert develop(np.zeros((16, 16), np.uint8), adapting).max() == 0


def test_false_colour_goes_and_lightness_stays() -> None:
    rng = np.random.default_rng(5)
    speckle = np.full((64, 64), 90, np.uint8)
    speckle[rng.random((64, 64)) < 0.05] = 220  # finer than a cell: any colour of it is false
    plain, calm = (develop(speckle, look(false_colour_px=px)).astype(int) for px in (0, 5))
    assert np.ptp(calm, axis=2).mean() < 0.35 * np.ptp(plain, axis=2).mean()
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs((calm - plain) @ weights).mean() < 4


def test_dehaze_takes_a_veil_but_not_a_sky() -> None:
    rng = np.random.default_rng(3)
    scene = rng.uniform(0.0, 0.4, (64, 64))
    veiled = np.round(255 * (0.08 + 0.9 * scene)).astype(np.uint8)
    plain, clear = (develop(veiled, look(dehaze=d)) for d in (0.0, 0.9))
    assert np.percentile(clear, 1) < np.percentile(plain, 1) - 20
    sky = mosaic_of(np.broadcast_to(np.array([150, 115, 80], np.uint8), (32, 32, 3)))
    linear = linear_rgb(sky, look())
    bare, cleared = (grade(linear, look(dehaze=d), measure(linear)) for d in (0.0, 0.9))
    hues = [linear_of(p.reshape(-1, 3).mean(axis=0) / 255) for p in (bare, cleared)]
    assert hues[1] / hues[1].sum() == pytest.approx(hues[0] / hues[0].sum(), abs=0.01)


def linear_of(shown: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1 undone."""
    return np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("finish", [{"sharpness": 0.6}, {"local_contrast": 0.4}])
def test_detail_is_brought_out_and_the_rest_left_alone(finish: dict[str, float]) -> None:
    flat = np.full((128, 160), 96, np.uint8)
    assert np.array_equal(develop(flat, look(**finish)), develop(flat, look()))
    edge = flat.copy()
    edge[:, 80:] = 120
    plain, clear = (develop(edge, look(**f))[64].astype(int).mean(axis=1) for f in ({}, finish))
    assert np.ptp(clear[70:90]) > 1.1 * np.ptp(plain[70:90])
    assert clear.mean() == pytest.approx(plain.mean(), abs=1.0)
    assert clear[[0, -1]] == pytest.approx(plain[[0, -1]], abs=1.5)


def test_a_steepness_of_two_and_a_fifth_shows_light_as_it_was_read() -> None:
    light = np.linspace(0.0, 0.7, 15)
    linear = np.repeat(np.round(65535 * light)[None, :, None], 3, axis=2).astype(np.uint16)
    levels = measure(linear)
    shown = grade(linear, look(steepness=2.2), levels)[0, :, 0] / 255
    assert np.abs(shown - light).max() < 0.03
    assert (grade(linear, look(), levels)[0, 1:, 0] / 255 > light[1:] + 0.1).all()


def test_a_camera_has_its_own_look_where_its_table_says_so() -> None:
    mission = load_mission("mars2020")
    looks = looks_of(mission)
    own = mission.cameras["puc_a"].look
    assert own is not None
    assert looks["puc_a"].steepness == own.steepness != looks["rdc"].steepness
    assert looks["puc_a"].contrast == looks["rdc"].contrast == mission.film.colour.contrast
    assert looks["puc_a"].companding == mission.cameras["puc_a"].detector.companding
