"""Film and truth of one frame side by side: the same edges, the same shade, the same dust."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation
from test_truth_bodies import _cameras, _view, scene  # noqa: F401
from truth_builders import HALF_SUN_RAD, Place, lens, looking_down, plate

from skycrane.cameras.dust import DustState
from skycrane.cameras.lens_dust import soil
from skycrane.cameras.optics import lens_of
from skycrane.cameras.ray_places import middle_of
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.truth_about import BODY_IDS
from skycrane.cameras.truth_frame import truth_of
from skycrane.mars.regolith import regolith_of
from skycrane.mars.sky import air_of
from skycrane.mission.cameras import LensDust

SPREAD_PX2 = 0.25
GREEN = 1


@pytest.mark.parametrize(
    ("name", "t_s"),
    [
        *[("rdc", 264.3), ("puc_a", 250.0), ("ddc", 404.5), ("lvs", 264.3), ("beside", 405.0)],
        *[("on_shield", 266.0), ("by_shield", 266.0), ("world", 411.0)],
    ],
)
def test_the_footage_shows_what_the_truth_names(scene, name, t_s):  # noqa: F811
    """To the photosite without the lens's spread; with it and all rays, edges in one place."""
    camera = _cameras(scene)[name]
    glass = lens_of(camera, 6)
    view = _view(scene, camera, t_s)
    renderer = Renderer(scene, workers=2)
    truth = truth_of(renderer, glass, view, None, ("depth", "body"))
    _, depth, body = renderer.light(view.moment, view.pose, glass, jitter=0.0, truth=True)
    depth, same = depth.numpy().copy(), body.numpy() == truth.body
    solid = same & (truth.body > 1)
    print(f"{name}: {(~same).sum()} of {same.size} differ; {solid.sum()} of bodies")
    assert solid.sum() > 300
    assert (~same).mean() < 5e-4
    gap = np.abs(depth - truth.depth_m)[solid] / truth.depth_m[solid]
    # The footage counts from the local frame in single precision, the truth from the eye.
    assert np.quantile(gap, 0.99) < 2e-3
    # Those are the edges of rays through the middles; other numbers of rays move none of them.
    pictures = []
    for samples, more in ((1, 1), (2, 2)):
        light, _, _ = renderer.light(
            *(view.moment, view.pose, glass),
            **{"colour": GREEN, "samples": samples, "body_samples": more},
            spread_px2=SPREAD_PX2,
        )
        values = light.numpy().astype(float)
        # A logarithm draws what is blurred to the dark side: of a rim lit on one side more there.
        pictures.append(values if name == "by_shield" else np.log(values + 1e-4))
    if (
        name not in ("beside", "on_shield") and (truth.body <= 1).any()
    ):  # where bodies have edges a lens can draw
        shift = _shift(pictures[1], pictures[0], truth.body)
        print(f"{name}: edges of the footage lie {np.hypot(*shift):.3f} px from those of the ids")
        assert np.hypot(*shift) < 0.05


@pytest.mark.parametrize(("name", "t_s"), [("ddc", 404.5), ("by_shield", 266.0)])
def test_dust_on_the_lens_moves_no_edge_and_no_truth(scene, name, t_s):  # noqa: F811
    """As the film soils its light: outlines stay, and the truth is of what lies behind."""
    dusty = LensDust(film=0.4, specks=0, speck_radius_px=14.0, speck_depth=0.5, half_s=1.0)
    camera = _cameras(scene)[name].model_copy(update={"lens_dust": dusty})
    bare = camera.model_copy(update={"lens_dust": None})
    glass = lens_of(camera, 6)
    renderer = Renderer(scene, workers=2)
    truths = []
    for one in (camera, bare):
        view = _view(scene, one, t_s)
        truths.append(truth_of(renderer, glass, view, None, ("depth", "body", "dust")))
    for channel in ("depth_m", "body", "dust_transmittance"):
        assert np.array_equal(*(getattr(truth, channel) for truth in truths))
    light, _, _ = renderer.light(
        view.moment, view.pose, glass, colour=GREEN, jitter=0.0, spread_px2=SPREAD_PX2
    )
    clean = light.numpy().astype(float)
    soil(light, glass, camera, met_s=3.0, key=5)
    soiled = light.numpy().astype(float)
    # The film takes a share of the light and spreads it: as bright in the mean, less contrast.
    share, veil = np.polyfit(clean.ravel(), soiled.ravel(), 1)
    assert share == pytest.approx(1 - 0.4 * (1 - 0.5**3), abs=0.01)
    shift = _shift(soiled, share * clean + veil, truths[0].body)
    print(f"{name}: edges behind a soiled lens lie {np.hypot(*shift):.4f} px aside")
    assert np.hypot(*shift) < 0.05


def _shift(picture, other, body):
    """Return by how much (right, down) a picture's edges lie beside another's, photosites.

    Least squares about the outlines of bodies; both have the same spread.
    """
    edge = np.abs(ndimage.gaussian_filter((body > 1).astype(float), 1.5) - 0.5) < 0.45
    down, right = np.gradient(0.5 * (picture + other))
    slopes = np.column_stack([right[edge], down[edge]])
    return -np.linalg.lstsq(slopes, (picture - other)[edge], rcond=None)[0]


def test_visibility_is_the_shade_of_the_footage(mission):
    """The penumbra of a plate on even ground, averaged along its edge."""
    place = Place(mission, (0.6, 0.0, 0.8), {"backshell": plate(6.0)}, height=lambda x, y: 0 * x)
    place.air = air_of(mission, place.sun, sun_distance_au=1.6)
    place.regolith = regolith_of(mission)
    half = float(np.arccos(place.air.cos_sun))
    assert half == pytest.approx(HALF_SUN_RAD, rel=0.2)
    poses = {"backshell": (np.array([30.0, 0, 40.0]), Rotation.identity())}
    glass = lens(width=128, height=64, focal=600.0)
    view = place.view(place.moment(poses), np.array([-6.0, 0.0, 4.0]), looking_down())
    renderer = Renderer(place, workers=1)
    truth = truth_of(renderer, glass, view, None, ("visibility",))
    bare, _, _ = renderer.light(view.moment, view.pose, glass, colour=GREEN, jitter=0.0)
    shaded = bare.numpy().copy()
    away = {"backshell": (np.array([30.0, 300.0, 40.0]), Rotation.identity())}
    free = place.view(place.moment(away), view.pose.eye_m, looking_down())
    light, _, _ = renderer.light(free.moment, free.pose, glass, colour=GREEN, jitter=0.0)
    whole = light.numpy()
    left = shaded / whole
    lowest = np.median(left[:, -16:])
    film = (left - lowest) / (np.median(left[:, :16]) - lowest)
    seen = truth.sun_visibility.astype(float)
    assert 0.05 < lowest < 0.6
    # Each ray of a tile of 2 x 2 takes a quarter of the sun.
    film, seen = (x.reshape(32, 2, 64, 2).mean(axis=(1, 3)) for x in (film, seen))
    across, told = film.mean(axis=0), seen.mean(axis=0)
    assert ((told > 0.1) & (told < 0.9)).sum() > 5
    half_way = [np.interp(0.5, x[::-1], np.arange(64)[::-1]) for x in (_falling(across), told)]
    print(f"penumbra of film and truth: {np.abs(across - told).mean():.3f} apart in the mean, edge")
    print(f"at {half_way[0]:.1f} and {half_way[1]:.1f} of 64")
    # The footage asks by single rays: 0.1 of chance in a mean of 32 rows.
    assert np.abs(across - told).mean() < 0.05
    assert abs(half_way[0] - half_way[1]) < 3.5
    assert across[told == 0] == pytest.approx(0, abs=0.05)
    assert across[told == 1] == pytest.approx(1, abs=0.05)


def _falling(values):
    """Return the falling curve nearest to one with chance in it."""
    return 0.5 * (np.minimum.accumulate(values) + np.maximum.accumulate(values[::-1])[::-1])


@pytest.mark.parametrize(("name", "t_s"), [("ddc", 413.0), ("beside", 413.0), ("world", 416.0)])
def test_transmittance_is_what_the_footage_loses_to_dust(scene, name, t_s, monkeypatch):  # noqa: F811
    """Dust made black and without scour only takes: what is left of the light is the channel."""
    camera = _cameras(scene)[name]
    glass = lens_of(camera, 10)
    view = _view(scene, camera, t_s)
    state = scene.dust.state(t_s, origin_m=scene.focus_m)
    state.albedo, state.scour = (0.0, 0.0, 0.0), 0.0
    state.settled = 0.0
    renderer = Renderer(scene, workers=2)
    truth = truth_of(renderer, glass, view, None, ("body", "depth", "dust"))
    told = truth.dust_transmittance.astype(float)
    lit = {}
    for key, dust in (("dusty", state), ("clear", DustState())):
        monkeypatch.setattr(scene, "dust", SimpleNamespace(state=lambda *_, d=dust, **__: d))
        light, _, _ = renderer.light(view.moment, view.pose, glass, colour=GREEN, jitter=0.0)
        lit[key] = light.numpy().copy()
    # A tile of 2 x 2 shares its dust; its first photosite's is the channel's.
    film = (lit["dusty"] / lit["clear"])[::2, ::2]
    told, of = told[::2, ::2], truth.body[::2, ::2]
    assert told.min() < 0.9
    # A photosite that a cord half fills has what comes through before and behind it.
    gap = np.abs(film - told)[(of != 1) & (of != BODY_IDS["bridles"])]
    print(f"{name}: {told.min():.3f} to {told.max():.3f}; bodies and sky {gap.max():.1e} apart")
    assert np.quantile(gap, 0.9) < 2e-3
    # On ground in a body's shadow light comes from the dust about as well.
    assert np.median(np.abs(film - told)[of == 1]) < 2e-3


def test_hills_far_off_are_not_in_the_engines_dust(scene):  # noqa: F811
    """A camera beside the dust that looks away from it over kilometres: no more than the sky's."""
    camera = _cameras(scene)["beside"].model_copy(
        update={"position_m": [-9.0, -6.0, 0.5], "looks": None}
    )
    glass = lens_of(camera, 10)
    view = _view(scene, camera, 413.0)
    back = view.pose.turn @ np.diag([-1.0, 1.0, -1.0])
    away = replace(view, pose=replace(view.pose, turn=back))
    truth = truth_of(Renderer(scene, workers=2), glass, away, None, ("depth", "body", "dust"))
    through = truth.dust_transmittance.astype(float)
    far = (truth.body == 1) & (truth.depth_m > 400)
    assert far.sum() > 100
    columns = np.flatnonzero(far.any(axis=0))
    top = np.array([np.flatnonzero(far[:, c])[0] for c in columns])
    use = top > 2
    hill, sky = through[top[use], columns[use]], through[top[use] - 2, columns[use]]
    print(f"dust before hills {np.median(hill):.3f}, before the sky over them {np.median(sky):.3f}")
    assert np.quantile(np.abs(hill - sky), 0.9) < 0.1


@pytest.mark.parametrize(("samples", "body_samples"), [(1, 1), (1, 4), (2, 4), (2, 2), (3, 8)])
def test_rays_of_a_photosite_lie_about_its_middle(samples, body_samples):
    """Else the footage would lie beside the truth; both the first rays and those bodies add."""
    spread = np.array([0.8191725, 0.6710436])  # Roberts (2018), two of his three dimensions
    places = (0.5 + np.arange(max(samples, body_samples))[:, None] * spread) % 1 - 0.5
    middle = np.array(middle_of(samples, body_samples)).reshape(2, 2)
    places[:samples] += middle[0]
    places[samples:] += middle[1]
    assert np.abs(places[:samples].mean(axis=0)).max() < 1e-6
    assert np.abs(places.mean(axis=0)).max() < 1e-6
