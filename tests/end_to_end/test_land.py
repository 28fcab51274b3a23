"""The whole way at a small size: what comes out, and that a killed run ends the same."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from small_landing import land, products, write_small_mission

from skycrane.flight.record import read_flight
from skycrane.onboard.store import FrameReader

RETURNED = ("puc_a", "puc_b", "ddc", "ruc", "rdc", "lvs")


@pytest.fixture(scope="session")
def landing(tmp_path_factory) -> Path:
    """Land once for every test of this file."""
    folder = tmp_path_factory.mktemp("land")
    process = land(write_small_mission(folder / "small.toml"), folder / "run", "-q")
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert out.strip().endswith("index.html")
    assert "Traceback" not in err
    return folder / "run"


def test_run_json_accounts_for_every_file(landing):
    record = json.loads((landing / "run.json").read_text())
    accounted = {"mission.toml", "run.json", ".skycrane.lock"}
    for entry in record["stages"].values():
        for name, digest in entry["outputs"].items():
            accounted.add(name)
            if (landing / name).is_file():
                assert hashlib.sha256((landing / name).read_bytes()).hexdigest() == digest
    found = {p.relative_to(landing).as_posix() for p in landing.rglob("*") if p.is_file()}
    assert found == accounted


def test_five_of_six_cameras_and_the_landing_vision_returned_footage(landing):
    assert sorted(p.stem for p in (landing / "ground").glob("*.mcap")) == sorted(RETURNED)
    for name in RETURNED:
        with FrameReader(landing / "ground" / f"{name}.mcap") as frames:
            assert len(frames) > 3
            assert np.all(np.diff(frames.times_s) > 0)


def test_parachute_cameras_see_black_until_the_cover_goes(landing):
    mortar = read_flight(landing).event("parachute_deploy").t_s
    with FrameReader(landing / "ground" / "puc_a.mcap") as reader:
        frames = list(reader)
    before = [f.image.mean() for f in frames if f.t_s < mortar]
    after = [f.image.mean() for f in frames if f.t_s > mortar + 2]
    assert before
    assert max(before) < 6
    assert min(after) > 20


def test_everything_came_home_byte_for_byte(landing):
    with sqlite3.connect(landing / "relay" / "ledger.sqlite") as ledger:
        rows = ledger.execute("select name, sha256_sent, verified, pdus_lost from products")
        table = {name: (digest, verified, lost) for name, digest, verified, lost in rows}
    assert {p.name for p in (landing / "onboard").iterdir()} == set(table)
    for name, (digest, verified, _) in table.items():
        assert verified
        for folder in ("onboard", "ground"):
            assert hashlib.sha256((landing / folder / name).read_bytes()).hexdigest() == digest
    assert sum(lost for _, _, lost in table.values()) > 0


def test_the_film_plays(landing):
    flight = read_flight(landing)
    with av.open(str(landing / "products" / "landing.mp4")) as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        length_s = float(video.duration * video.time_base)
        assert length_s > flight.event("touchdown").t_s - 240
        assert float(audio.duration * audio.time_base) == pytest.approx(length_s, abs=0.5)
        pictures = [f.to_ndarray(format="gray").astype(float) for f in film.decode(video)][::10]
    assert np.mean([p.mean() > 8 for p in pictures]) > 0.95
    changes = [np.abs(a - b).mean() for a, b in itertools.pairwise(pictures)]
    assert np.median(changes) > 0.3
    with av.open(str(landing / "products" / "landing.mp4")) as film:
        sound = np.concatenate([f.to_ndarray() for f in film.decode(audio=0)], axis=1)
    assert 0.005 < np.sqrt(np.mean(sound**2)) < 0.5


def test_captions_name_what_happened(landing):
    text = (landing / "products" / "landing.vtt").read_text()
    assert text.startswith("WEBVTT")
    assert text.count("-->") >= 8
    assert "ouchdown" in text


def test_sound_adds_up_to_the_last_bit(landing):
    folder = landing / "products" / "sound"
    raw, clean, residual = (
        soundfile.read(folder / f"{n}.flac", dtype="int32")[0] for n in ("raw", "clean", "residual")
    )
    np.testing.assert_array_equal(raw, clean + residual)
    assert np.abs(residual).max() > 0
    heard = soundfile.read(landing / "ground" / "microphone.flac", dtype="int32")[0]
    np.testing.assert_array_equal(raw, heard)


def test_the_landing_is_soft_and_near(landing):
    record = json.loads((landing / "run.json").read_text())
    assert record["stages"]["fly"]["summary"]["outcome"] == "landed"
    touchdown = read_flight(landing).event("touchdown")
    assert 0.5 <= -touchdown.vertical_speed_m_s <= 1.0


def test_a_second_call_does_nothing(landing):
    before = {p: p.stat().st_mtime_ns for p in landing.rglob("*") if p.is_file()}
    process = land(landing / "mission.toml", landing, "-q")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    after = {p: p.stat().st_mtime_ns for p in landing.rglob("*") if p.is_file()}
    assert {p for p in after if after[p] != before.get(p)} <= {landing / ".skycrane.lock"}


def _kill_when(process, ready, *, timeout_s: float = 300) -> bool:
    """Kill -9 the process once `ready()`; tell whether it was still at work then."""
    deadline = time.monotonic() + timeout_s
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.005)
    return False


def test_killed_twice_and_started_again_it_ends_with_the_same_bytes(landing, tmp_path):
    """Once while filming, with whole frames on disk, and once while cutting."""
    mission, run = landing / "mission.toml", tmp_path / "run"
    # The flight and the sound are the same; only what is interrupted has to run again.
    filming = run / "onboard" / "rdc.partial.mcap"
    process = land(mission, run, "-q")
    assert _kill_when(process, lambda: filming.exists() and filming.stat().st_size > 400_000)
    process = land(mission, run, "-q")
    assert _kill_when(process, (run / "products" / "landing.partial.mp4").exists)
    process = land(mission, run, "-q")
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    mine, theirs = products(run), products(landing)
    assert sorted(mine) == sorted(theirs)
    assert [name for name in mine if mine[name] != theirs[name]] == []


def test_a_truncated_recording_is_one_clear_error(landing, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(landing, run)
    footage = run / "ground" / "rdc.mcap"
    footage.write_bytes(footage.read_bytes()[:-1000])
    shutil.rmtree(run / "products" / "stills")
    from skycrane.cli import main

    assert main(["develop", "-q", str(run)]) == 2
