"""Filming a made-up flight: darkness, light on a flat place, threads, interruption, truth."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil

import numpy as np
import pytest
import zarr
from camera_builders import EVENTS, synthetic_flight

from skycrane.cameras import crew as crew_module
from skycrane.cameras import stage as stage_module
from skycrane.cameras import surfaces as surfaces_module
from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.dust import DustState
from skycrane.cameras.exposure import ExposureMeter
from skycrane.cameras.frames import Filmed, film_frame
from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer, camera_pose
from skycrane.cameras.scene import Scene
from skycrane.cameras.schedule import frame_times_s, returns_footage
from skycrane.cameras.stage import film
from skycrane.errors import InputError
from skycrane.flight.record import write_flight
from skycrane.mars import terrain as terrain_module
from skycrane.mission import dump_mission
from skycrane.onboard.store import FrameReader, FrameWriter
from skycrane.rundir import STAGES
from skycrane.stage import StageContext

PHASES = {"puc_a": ("parachute_deploy", -0.5), "rdc": ("touchdown", -4.0)}


def _short(camera, event, after):
    """Film six frames in two seconds and nothing else."""
    begin = camera.schedule[0]
    rates = begin.rates_hz.model_copy(update={"preview": 3.0})
    rest = begin.rates_hz.model_copy(update={"preview": 0.0})
    change = {"event": event, "after_s": after, "rates_hz": rates}
    stop = {"event": event, "after_s": after + 2.0, "rates_hz": rest}
    schedule = [begin.model_copy(update=change), begin.model_copy(update=stop)]
    return camera.model_copy(update={"schedule": schedule})


@pytest.fixture(scope="module")
def brief(mission):
    """A mission of two cameras that film a few small frames."""
    quality = mission.film_quality["preview"].model_copy(update={"scale": 16, "body_samples": 1})
    cameras = {name: _short(mission.cameras[name], *when) for name, when in PHASES.items()}
    cameras["puc_c"] = mission.cameras["puc_c"]
    # Whole enough to be written down and read again, as workers elsewhere do.
    film = {
        "edit": [e for e in mission.film.edit if cameras.keys() >= set(e.views)],
        "stills": [s for s in mission.film.stills if cameras.keys() >= set(s.cameras)],
        "camera_titles": {},
        "stand_ins": {},
    }
    change = {
        "cameras": cameras,
        "film": mission.film.model_copy(update=film),
        "film_quality": dict.fromkeys(("preview", "standard", "flight"), quality),
    }
    return mission.model_copy(update=change)


@pytest.fixture(scope="module")
def flight(mission):
    return synthetic_flight(mission)


@pytest.fixture(scope="module")
def small_ground(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 128), (4.0, 256)))
        patch.setattr(terrain_module, "_FINE", ((0.8, 256), (0.2, 256), (0.05, 256)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 128))
        patch.setattr(surfaces_module, "_RAYS", 3)
        yield


@pytest.fixture(scope="module")
def scene(small_ground, brief, flight):
    return Scene(brief, flight, workers=2)


def _run(brief, flight, directory, workers=2, dask=None, **options):
    directory.mkdir(exist_ok=True)
    if not (directory / "flight").exists():
        write_flight(flight, directory)
    given = {"directory": directory, "mission": brief, "workers": workers, "dask": dask}
    return film(StageContext(**given, options=options))


def _digests(directory):
    files = sorted((directory / "onboard").iterdir())
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def _files(directory):
    files = sorted(f for f in directory.rglob("*") if f.is_file())
    return {f.relative_to(directory).as_posix(): f.read_bytes() for f in files}


@pytest.fixture(scope="module")
def filmed(small_ground, brief, flight, tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    return directory, _run(brief, flight, directory, truth=True)


def test_lost_camera_returns_nothing(filmed):
    directory, result = filmed
    assert set(_digests(directory)) == {"puc_a.mcap", "rdc.mcap"}
    assert result.summary["without_footage"] == ["puc_c"]


def test_black_under_the_cover_and_not_after(filmed):
    directory, _ = filmed
    with FrameReader(directory / "onboard" / "puc_a.mcap") as reader:
        for frame in reader:
            covered = frame.t_s < EVENTS["parachute_deploy"]
            assert (frame.image.mean() < 12) == covered
            assert covered or frame.image.mean() > 40


def test_times_are_keyed_to_events(mission, flight):
    for name, camera in mission.cameras.items():
        times = frame_times_s(camera, flight, "preview")
        assert (np.diff(times) > 0).all()
        assert returns_footage(camera, flight) == (name != "puc_c")
    later = [e if e.name != "touchdown" else type(e)(**{**e.__dict__, "t_s": e.t_s + 5}) for e in flight.events]  # fmt: skip  # noqa: E501
    moved = type(flight)(flight.bodies, sorted(later, key=lambda e: e.t_s), flight.site_radius_m)
    rdc = mission.cameras["rdc"]
    assert frame_times_s(rdc, moved, "preview")[-1] == pytest.approx(
        frame_times_s(rdc, flight, "preview")[-1] + 5, abs=0.5
    )


def test_one_and_two_threads_give_the_same_bytes(filmed, brief, flight, tmp_path):
    _run(brief, flight, tmp_path / "one", workers=1)
    assert _digests(tmp_path / "one") == _digests(filmed[0])


def test_interrupted_filming_goes_on_to_the_same_bytes(
    filmed, brief, flight, tmp_path, monkeypatch
):
    calls = []

    def failing(part, index, *args, **kwargs):
        calls.append(index)
        if part.name == "rdc" and index == 4:
            raise KeyboardInterrupt
        return film_frame(part, index, *args, **kwargs)

    monkeypatch.setattr(crew_module, "film_frame", failing)
    with pytest.raises(KeyboardInterrupt):
        _run(brief, flight, tmp_path / "cut", workers=1)
    monkeypatch.setattr(crew_module, "film_frame", film_frame)
    partial = tmp_path / "cut" / "onboard" / "rdc.partial.mcap"
    with partial.open("r+b") as handle:
        handle.truncate(partial.stat().st_size - 1000)  # torn in the middle of a frame
    _run(brief, flight, tmp_path / "cut", workers=1)
    assert _digests(tmp_path / "cut") == _digests(filmed[0])


def _filmed_again(brief, flight, directory, monkeypatch):
    """Return which frames are made when a run is filmed once more."""
    made = []

    def counting(part, index, *args):
        made.append((part.name, index))
        return film_frame(part, index, *args)

    with monkeypatch.context() as patch:
        patch.setattr(crew_module, "film_frame", counting)
        _run(brief, flight, directory, workers=1)
    return made


def test_a_finished_film_is_kept_until_its_version_is_raised(
    filmed, brief, flight, tmp_path, monkeypatch
):
    shutil.copytree(filmed[0], tmp_path / "run")
    assert _filmed_again(brief, flight, tmp_path / "run", monkeypatch) == []
    raised = dataclasses.replace(STAGES["film"], version=STAGES["film"].version + 1)
    monkeypatch.setitem(STAGES, "film", raised)
    made = _filmed_again(brief, flight, tmp_path / "run", monkeypatch)
    assert len(made) == filmed[1].summary["frames_total"]
    assert _filmed_again(brief, flight, tmp_path / "run", monkeypatch) == []


def test_finished_films_of_unknown_origin_or_damaged_are_made_anew(
    filmed, brief, flight, tmp_path, monkeypatch
):
    shutil.copytree(filmed[0], tmp_path / "run")
    stores = tmp_path / "run" / "onboard"
    with FrameReader(stores / "rdc.mcap") as reader:
        epoch = brief.epoch.entry_interface_utc
        with FrameWriter(stores / "old.mcap", reader.info, epoch) as writer:
            for frame in reader:
                writer.write(frame)
    (stores / "old.mcap").replace(stores / "rdc.mcap")
    (stores / "puc_a.mcap").write_bytes(b"nothing that was ever filmed")
    made = _filmed_again(brief, flight, tmp_path / "run", monkeypatch)
    assert {name for name, _ in made} == {"rdc", "puc_a"}
    assert _digests(tmp_path / "run") == _digests(filmed[0])


def test_workers_of_a_cluster_film_the_same_bytes(filmed, brief, flight, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
        silence_logs=50,
    ) as cluster:
        address = cluster.scheduler_address
        _run(brief, flight, tmp_path / "run", dask=address, truth=True)
    assert _digests(tmp_path / "run") == _digests(filmed[0])
    one, two = (_files(d / "truth") for d in (tmp_path / "run", filmed[0]))
    assert one == two


def test_a_cluster_that_does_not_answer_is_told_before_the_ground_is_made(
    brief, flight, tmp_path, monkeypatch
):
    pytest.importorskip("distributed")

    def never(*_, **__):
        raise AssertionError("the ground was made")

    monkeypatch.setattr(stage_module, "Scene", never)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        _run(brief, flight, tmp_path / "run", dask="nowhere at all")
    assert not (tmp_path / "run" / "onboard").exists()


def test_a_worker_that_would_film_otherwise_is_told(small_ground, brief, flight, tmp_path):
    write_flight(flight, tmp_path)
    job = crew_module._Job(
        str(tmp_path), dump_mission(brief), 0, "preview", "made from something else"
    )
    with pytest.raises(InputError, match="would film something else"):
        crew_module._Studio(job)


def test_truth_is_depth_and_body(filmed, brief, flight):
    directory, _ = filmed
    group = zarr.open_group(directory / "truth" / "rdc.zarr", mode="r")
    times = frame_times_s(brief.cameras["rdc"], flight, "preview")
    assert group["depth_m"].shape[0] == len(times)
    assert group["depth_m"].chunks[0] == 1
    assert set(np.unique(group["body"][:])) <= {1, 6, 8}
    # The camera looks down at gentle ground: depth is its height over the site's datum, to rocks.
    last = flight.bodies["rover"].position(times[-1])
    height = np.linalg.norm(last) - flight.site_radius_m
    assert np.median(group["depth_m"][-1]) == pytest.approx(height + 0.5, abs=1.2)


def test_flat_lambert_ground_returns_what_it_must(scene, monkeypatch):
    """White furnace: albedo 1 under an even sky of radiance 1, no sun, no air between.

    An even sky has no aureole, whose light the ground would throw back as it does the sun's.
    """
    ground, air = scene.ground, scene.air
    texels = ground.texels.numpy().copy()
    flat = texels.copy()
    # No sunlight, level normals, albedo at the top of the range, fully open.
    flat[:, 0] = (512 << 12) | (512 << 22)
    flat[:, 1] = 0xFFFFFFFF
    # A copy: what a structure hands out is a view of it.
    saved = (air.depth, type(air.sky_irradiance)(*air.sky_irradiance), air.aureole)
    try:
        ground.texels.assign(flat)
        air.depth, air.aureole = 0.0, 0.0
        air.sky_irradiance = type(air.sky_irradiance)(np.pi, np.pi, np.pi)
        camera = scene.mission.cameras["rdc"]
        lens = lens_of(camera, 16)
        t_s = EVENTS["sky_crane_start"] - 20
        light, _, body = Renderer(scene).light(
            scene.moment(t_s), camera_pose(scene, camera, t_s), lens, truth=True
        )
        seen = light.numpy()[body.numpy() == 1]
        assert len(seen) > 1000
        assert seen.mean() == pytest.approx(0.6, rel=0.005)  # ALBEDO_TOP
    finally:
        ground.texels.assign(texels)
        air.depth, air.sky_irradiance, air.aureole = saved


def test_shadow_of_the_vehicle_lies_away_from_the_sun(scene, mission, monkeypatch):
    # So low the engines' dust hides the ground.
    monkeypatch.setattr(scene.dust, "state", lambda *_, **__: DustState())
    camera = mission.cameras["ddc"]
    lens = lens_of(camera, 8)
    t_s = EVENTS["touchdown"] - 1.0
    moment, pose = scene.moment(t_s), camera_pose(scene, camera, t_s)
    light, depth, body = Renderer(scene).light(moment, pose, lens, colour=0, truth=True)
    places = pose.eye_m + (lens.grid() @ pose.turn.T) * depth.numpy()[..., None]
    rover = moment.origin_m[SURFACES.index("rover")]
    # The body's middle stands 0.9 m up; its shadow's middle lies that far down the sun's line.
    middle = rover[:2] - scene.sun[:2] / scene.sun[2] * (0.9 + rover[2])
    ground = body.numpy() == 1
    shaded = ground & (np.linalg.norm(places[..., :2] - middle, axis=-1) < 0.3)
    mirrored = 2 * rover[:2] - middle
    lit = ground & (np.linalg.norm(places[..., :2] - mirrored, axis=-1) < 0.5)
    assert shaded.sum() > 5
    assert lit.sum() > 5
    # The red sky lights what the sun does not; what comes from about the sun is hidden as well.
    assert np.median(light.numpy()[shaded]) < 0.5 * np.median(light.numpy()[lit])


def test_exposure_does_not_depend_on_what_was_asked_before(scene):
    camera = scene.mission.cameras["rdc"]
    t_s = EVENTS["touchdown"] - 3.2
    first = EVENTS["heat_shield_separation"]
    one = ExposureMeter(camera, first_light_s=first)
    two = ExposureMeter(camera, first_light_s=first)
    renderer = Renderer(scene)
    for t in (t_s - 1.0, t_s - 0.1):
        one.exposure_s(t, renderer)
    assert one.exposure_s(t_s, renderer) == two.exposure_s(t_s, renderer)


def test_frame_is_the_same_from_any_renderer(scene):
    camera = scene.mission.cameras["rdc"]
    times = np.array([EVENTS["touchdown"] - 3.0])
    images = []
    for workers in (1, 2):
        meter = ExposureMeter(camera, first_light_s=0.0)
        part = Filmed("rdc", camera, lens_of(camera, 8), 1, 2, times, 0.0, meter)
        images.append(film_frame(part, 0, Renderer(scene, workers=workers), 3).image)
    assert np.array_equal(*images)
