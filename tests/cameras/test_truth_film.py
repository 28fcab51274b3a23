"""Truth of filmed frames: kept over kills, beside footage that stays, and true to its poses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from camera_builders import synthetic_flight
from scipy.spatial.transform import Rotation
from test_film import _run, _short

from skycrane.cameras import crew as crew_module
from skycrane.cameras import surfaces as surfaces_module
from skycrane.cameras.optics import Lens, lens_of
from skycrane.cameras.truth import CHANNELS, POSES
from skycrane.cameras.truth_about import BODY_IDS
from skycrane.cameras.truth_read import TruthReader
from skycrane.files import sha256_file
from skycrane.mars import terrain as terrain_module
from skycrane.mission import dump_mission

mpl.use("Agg")
from matplotlib import pyplot as plt

SCALE = 10
NOTEBOOK = Path(__file__).parents[2] / "examples" / "truth_on_footage.ipynb"


@pytest.fixture(scope="module")
def brief(mission, tmp_path_factory):
    """A mission of one camera that films the rover on its bridles, six small frames of it."""
    quality = mission.film_quality["preview"].model_copy(update={"scale": SCALE, "body_samples": 1})
    cameras = {"ddc": _short(mission.cameras["ddc"], "rover_separation", 4.1)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 128), (4.0, 256)))
        patch.setattr(terrain_module, "_FINE", ((0.8, 256), (0.2, 256), (0.05, 256)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 128))
        patch.setattr(surfaces_module, "_RAYS", 3)
        yield mission.model_copy(update={"cameras": cameras, "film_quality": {"preview": quality}})


@pytest.fixture(scope="module")
def filmed(brief, mission, tmp_path_factory):
    """A run whose filming with all its truth was killed half-way and gone on with."""
    directory = tmp_path_factory.mktemp("run") / "run"
    flight = synthetic_flight(mission)
    whole = crew_module.film_frame

    def failing(part, index, *args, **kwargs):
        if index == 3:
            raise KeyboardInterrupt
        return whole(part, index, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crew_module, "film_frame", failing)
        with pytest.raises(KeyboardInterrupt):
            _run(brief, flight, directory, workers=1, truth=list(CHANNELS))
    assert (directory / "truth" / "ddc.partial.zarr").is_dir()
    _run(brief, flight, directory, workers=2, truth=list(CHANNELS))
    return directory


def test_killed_or_not_the_truth_has_the_same_bytes(filmed, brief, mission, tmp_path):
    _run(brief, synthetic_flight(mission), tmp_path / "one", workers=1, truth=list(CHANNELS))
    for name in ("truth/ddc.zarr", "onboard/ddc.mcap"):
        assert sha256_file(tmp_path / "one" / name) == sha256_file(filmed / name)
    assert [p.name for p in (filmed / "truth").iterdir()] == ["ddc.zarr"]


def test_another_choice_makes_the_truth_anew_and_no_footage(
    filmed, brief, mission, tmp_path, monkeypatch
):
    for folder in ("flight", "onboard"):
        (tmp_path / folder).symlink_to(filmed / folder)
    monkeypatch.setattr(crew_module, "film_frame", None)
    result = _run(brief, synthetic_flight(mission), tmp_path, truth=True)
    assert [p.name for p in result.outputs] == ["ddc.mcap", "ddc.zarr"]
    again, first = (TruthReader(p / "truth" / "ddc.zarr") for p in (tmp_path, filmed))
    assert not again.has("flow_px")
    for name in ("depth_m", "body"):
        assert again.frame(name, 4).tobytes() == first.frame(name, 4).tobytes()


def _points(truth, k, glass):
    """Return what is seen in frame k in the site frame, by depth and stored pose alone."""
    turn = Rotation.from_quat(
        truth.table("camera_attitude_site_wxyz")[k], scalar_first=True
    ).as_matrix()
    rays = glass.grid() @ turn.T
    depth = truth.frame("depth_m", k).astype(float)[..., None]
    return truth.table("camera_position_site_m")[k] + rays * depth


def test_flow_of_a_landing_is_its_depth_reprojected(filmed, brief):
    """Every frame, ground and rover, from nothing but the file: within 0.05 px."""
    truth = TruthReader(filmed / "truth" / "ddc.zarr")
    told = truth.attributes["intrinsics"]
    size = told["width"], told["height"]
    centre = told["fx"], told["fy"], told["cx"], told["cy"]
    glass = Lens(*size, *centre, tuple(told["distortion"].values()))
    assert glass == lens_of(brief.cameras["ddc"], SCALE)
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    tables = {name: truth.table(name) for name in POSES}
    moved, worst = 0.0, 0.0
    for k in range(len(truth) - 1):
        points, body = _points(truth, k, glass), truth.frame("body", k)
        for name in ("rover", "descent_stage"):
            n = truth.attributes["surfaces"].index(name)
            on = body == BODY_IDS[name]
            a, b = (
                Rotation.from_quat(tables["body_attitude_site_wxyz"][i, n], scalar_first=True)
                for i in (k, k + 1)
            )
            place = tables["body_position_site_m"]
            points[on] = b.apply(a.inv().apply(points[on] - place[k, n])) + place[k + 1, n]
        eye = Rotation.from_quat(tables["camera_attitude_site_wxyz"][k + 1], scalar_first=True)
        away = points - tables["camera_position_site_m"][k + 1]
        pixel = glass.project(away @ eye.as_matrix())
        flow = truth.frame("flow_px", k)
        # The wheels are down by now, and the rover rigid; the bridles run out.
        rigid = np.isfinite(flow[..., 0]) & (body != BODY_IDS["bridles"])
        assert rigid.mean() > 0.5
        error = np.linalg.norm(flow + np.stack([columns, rows], -1) - pixel, axis=-1)[rigid]
        worst = max(worst, float(error.max()))
        moved = max(moved, float(np.abs(flow[rigid]).max()))
    print(f"flow of a landing: at most {worst:.2e} px off, of {moved:.1f} px")
    assert worst < 0.05
    assert moved > 1
    assert np.isnan(truth.frame("flow_px", len(truth) - 1)).all()


def test_where_flow_leads_there_is_the_same_place(filmed, brief):
    truth, glass = TruthReader(filmed / "truth" / "ddc.zarr"), lens_of(brief.cameras["ddc"], SCALE)
    columns, rows = np.meshgrid(np.arange(glass.width), np.arange(glass.height))
    k = 2
    at = truth.frame("flow_px", k) + np.stack([columns, rows], -1)
    seen = np.isfinite(at[..., 0]) & (truth.frame("body", k) == 1)
    seen[seen] &= (at[seen] >= 0).all(-1)
    seen[seen] &= (at[seen] < np.array([glass.width, glass.height]) - 1).all(-1)
    low = np.floor(at[seen]).astype(int)
    u, v = (at[seen] - low).T[..., None]
    j, i = low.T
    then, body = _points(truth, k + 1, glass), truth.frame("body", k + 1)
    ground = (body[i, j] == 1) & (body[i + 1, j + 1] == 1)
    ground &= (body[i + 1, j] == 1) & (body[i, j + 1] == 1)
    mixed = (1 - v) * ((1 - u) * then[i, j] + u * then[i, j + 1])
    mixed += v * ((1 - u) * then[i + 1, j] + u * then[i + 1, j + 1])
    gap = np.linalg.norm(mixed - _points(truth, k, glass)[seen], axis=1)[ground]
    wide = np.median(truth.frame("depth_m", k)[seen]) / glass.fx
    assert ground.sum() > 1000
    assert np.median(gap) < 0.02 * wide
    assert np.quantile(gap, 0.99) < 0.5 * wide  # stones bend between photosites


def test_the_notebook_runs_on_it(filmed, mission, monkeypatch, capsys):
    """Every cell of examples/truth_on_footage.ipynb, and what its last one finds."""
    (filmed / "mission.toml").write_text(dump_mission(mission), encoding="utf-8")
    monkeypatch.setenv("SKYCRANE_RUN", str(filmed))
    monkeypatch.setenv("SKYCRANE_CAMERA", "ddc")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    names: dict = {"__name__": "notebook"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"]
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert names["error_px"].max() < 0.05
    assert names["error_px"].size > 1000
    assert len(plt.get_fignums()) == 3
    if folder := os.environ.get("SKYCRANE_SHOW"):
        for number in plt.get_fignums():
            plt.figure(number).savefig(f"{folder}/notebook-{number}.png", dpi=60)
    plt.close("all")
    assert "px apart" in capsys.readouterr().out
