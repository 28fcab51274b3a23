"""Many flights: the same bytes whoever flies them, in whatever order, killed or not."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from campaigns import (
    CASES,
    CHUNK_CASES,
    CHUNKS,
    SEED,
    HereOrder,
    fly_here,
    merged,
    opened,
    order,
    results,
)

from skycrane.cli import main
from skycrane.errors import CampaignError, InputError
from skycrane.flight.events import events_of
from skycrane.flight.simulate import simulate
from skycrane.mars.terrain import terrain_of
from skycrane.montecarlo import crew as crews
from skycrane.montecarlo.campaign import Shard
from skycrane.montecarlo.chunks import chunk_path
from skycrane.montecarlo.crew import Job, dask_crew, local_crew, work_off
from skycrane.montecarlo.merge import merge
from skycrane.montecarlo.run import Order, fly_many
from skycrane.progress import Progress


@pytest.fixture(scope="module", autouse=True)
def quick_starts(tmp_path_factory):
    """Let the processes that are started here share what Python compiles of their modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield


@pytest.fixture(scope="module")
def flown(mission, tmp_path_factory):
    """A whole campaign, flown in order in this process."""
    directory = tmp_path_factory.mktemp("flown") / "campaign"
    fly_many(mission, directory, order(), Progress())
    return directory


def test_what_a_campaign_leaves(flown, mission):
    cases, events = pq.read_table(flown / "cases.parquet"), pq.read_table(flown / "events.parquet")
    assert cases.column("case").to_pylist() == list(range(CASES))
    assert set(events.column("case").to_pylist()) == set(range(CASES))
    told = json.loads((flown / "statistics.json").read_text())
    assert told["dispersed_cases"] == CASES - 1
    assert told["campaign"]["seed"] == SEED
    landed = cases.column("outcome").to_pylist()[1:].count("landed")
    assert told["success"]["landed"] == landed
    assert landed + sum(row["count"] for row in told["failures"]) == CASES - 1
    names = {path.name for path in (flown / "plots").iterdir()}
    assert {"footprint.png", "deployment.png", "propellant.png", "timeline.png"} < names
    assert not list(flown.rglob("*.partial*"))


def test_figures_of_a_case_are_those_of_its_events(flown):
    cases = pq.read_table(flown / "cases.parquet").to_pylist()
    events = pq.read_table(flown / "events.parquet").to_pylist()
    for row in cases:
        mine = {e["event"]: e for e in events if e["case"] == row["case"]}
        mortar = mine["parachute_deploy"]
        assert row["parachute_deploy_mach"] == mortar["mach"]
        assert row["parachute_deploy_altitude_m"] == pytest.approx(mortar["altitude_m"], abs=1e-6)
        assert row["peak_deceleration_m_s2"] == mine["peak_deceleration"]["value"]
        if row["outcome"] == "landed":
            down = mine["touchdown"]
            place = np.array([down[k] for k in ("x_m", "y_m", "z_m")])
            latitude = np.degrees(np.arcsin(place[2] / np.linalg.norm(place)))
            assert row["touchdown_latitude_deg"] == pytest.approx(latitude, abs=1e-12)
            assert down["speed_m_s"] == pytest.approx(
                np.hypot(row["touchdown_vertical_speed_m_s"], row["touchdown_horizontal_speed_m_s"])
            )
            assert row["reason"] == ""
        else:
            assert row["reason"]


@pytest.mark.parametrize("case", [0, 7])
def test_a_case_flown_alone_has_exactly_the_events_of_the_batch(case, flown, mission):
    height_m = terrain_of(mission).height_m
    raw = simulate(mission, seed=SEED, case=case, height_m=height_m)
    alone = [(e.name, e.t_s, e.mach) for e in events_of(raw)]
    batch = [
        (e["event"], round(e["t_s"], 6), round(e["mach"], 5))
        for e in pq.read_table(flown / "events.parquet").to_pylist()
        if e["case"] == case
    ]
    assert batch == alone
    rows = raw.events[raw.events["happened"] != 0]
    positions = {tuple(p) for p in np.concatenate([rows["position"], *_impacts(raw)])}
    table = pq.read_table(flown / "events.parquet", filters=[("case", "=", case)]).to_pylist()
    assert {(e["x_m"], e["y_m"], e["z_m"]) for e in table} == positions


def test_the_fly_command_flies_a_case_of_the_batch(flown, tmp_path):
    out = str(tmp_path / "run")
    status = main(["fly", "--case", "7", "--seed", str(SEED), "-q", "-o", out])
    row = pq.read_table(flown / "cases.parquet").slice(7, 1).to_pylist()[0]
    assert status == (0 if row["outcome"] == "landed" else 1)
    told = json.loads((tmp_path / "run" / "flight" / "events.json").read_text())
    table = pq.read_table(flown / "events.parquet", filters=[("case", "=", 7)]).to_pylist()
    assert [(e["event"], round(e["t_s"], 6)) for e in table] == [
        (e["name"], e["t_s"]) for e in told
    ]
    assert main(["fly", "--seed", str(SEED), "-q", "-o", out]) == 2


def _impacts(raw):
    return [raw.impacts[raw.impacts["happened"] != 0]["position"]]


def test_shards_in_any_order_give_the_same_bytes(flown, mission, tmp_path):
    for index, finished in ((2, False), (0, False), (1, True)):
        part = order(shard=Shard(index, 3))
        told = fly_many(mission, tmp_path / "shards", part, Progress())
        assert (told is not None) == finished
    assert results(tmp_path / "shards") == results(flown)


def test_a_worker_that_is_killed_loses_nothing(flown, mission, tmp_path):
    # What flies after the first pool has died: another pool would take as long to start again.
    told, left = [], [crews.own_crew(), local_crew(2)]

    def next_crew():
        return left.pop()()

    def kill_one(chunk, _):
        if not told:
            workers = multiprocessing.active_children()
            assert len(workers) == 2
            os.kill(workers[0].pid, signal.SIGKILL)
        told.append(chunk)

    with opened(tmp_path / "run", mission) as campaign:
        work_off(Job.of(campaign, "cpu"), list(campaign.chunks), next_crew, kill_one)
    assert sorted(told) == list(range(CHUNKS))
    assert left == []
    assert merged(tmp_path / "run", mission) == results(flown, "*.parquet")


COMMAND = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from campaigns import order
from skycrane.mission import load_mission
from skycrane.montecarlo.merge import merge
from skycrane.montecarlo.run import Order, fly_many
from skycrane.progress import Progress
fly_many(load_mission("mars2020"), Path({out!r}), order(Order, workers=1), Progress())
"""


def test_killed_as_a_whole_it_goes_on_with_what_is_finished(flown, mission, tmp_path):
    out = tmp_path / "run"
    code = COMMAND.format(tests=os.path.dirname(__file__), out=str(out))
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for(lambda: chunk_path(out, 1).exists() or process.poll() is not None)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    finally:
        process.kill()
        process.wait()
    assert workers
    # Nobody is left behind at work: the next command would find the directory in use.
    wait_for(lambda: not any(w.is_running() and w.status() != "zombie" for w in workers))
    finished = {p: p.stat().st_mtime_ns for p in (out / "cases").glob("chunk-*[0-9].parquet")}
    assert 2 <= len(finished) < CHUNKS
    with opened(out, mission) as campaign:
        left = campaign.missing(list(campaign.chunks))
        assert len(left) == CHUNKS - len(finished)
        fly_here(campaign, left)
    assert {p: p.stat().st_mtime_ns for p in finished} == finished
    assert merged(out, mission) == results(flown, "*.parquet")


def test_asked_to_end_as_a_group_it_says_so_in_one_line(tmp_path):
    """As Ctrl-C in a terminal: every process gets the signal, those that still start as well."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "skycrane", "montecarlo", "-n", "300", "--workers", "2"]
    process = subprocess.Popen(
        [*command, "--device", "cpu", "-q", "-o", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(lambda: len(psutil.Process(process.pid).children()) >= 2)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert said.splitlines() == ["skycrane: stopped; the same command goes on from here"]
    wait_for(lambda: not any(w.is_running() and w.status() != "zombie" for w in workers))


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def test_a_cluster_whose_worker_is_killed_loses_nothing(flown, mission, tmp_path):
    distributed = pytest.importorskip("distributed")
    told = []
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
        silence_logs=50,
    ) as cluster:

        def kill_one(chunk, _):
            if not told:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
            told.append(chunk)

        with opened(tmp_path / "run", mission) as campaign:
            job = Job.of(campaign, "cpu")
            crew = dask_crew(cluster.scheduler_address)
            work_off(job, list(campaign.chunks), crew, kill_one)
    assert sorted(told) == list(range(CHUNKS))
    assert merged(tmp_path / "run", mission) == results(flown, "*.parquet")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "tcp://nowhere", ""])
def test_no_scheduler_at_the_address(address, mission, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(crews, "_CONNECT_S", 1)
    before = threading.active_count()
    with pytest.raises(InputError, match=f"no Dask scheduler answers at '{address}'"):
        fly_many(mission, tmp_path, order(Order, dask=address), Progress())
    if address != "tcp://127.0.0.1:9":
        assert threading.active_count() == before


def test_workers_that_always_die_are_given_up(mission, tmp_path):
    from concurrent.futures import Executor
    from concurrent.futures.process import BrokenProcessPool
    from contextlib import contextmanager

    class Dead(Executor):
        def submit(self, *_, **__):
            raise BrokenProcessPool("killed")

    pools = []

    @contextmanager
    def dead():
        pools.append(1)
        yield Dead(), 2

    with (
        opened(tmp_path, mission) as campaign,
        pytest.raises(CampaignError, match=r"die before they finish.*3 times.*Fewer --workers"),
    ):
        work_off(Job.of(campaign, "cpu"), [0, 1], dead, lambda *_: None)
    assert len(pools) == 3


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.7, 0.9, 0.97, 0.999])
def test_a_chunk_damaged_anywhere_is_not_taken_for_finished(share, flown, mission, tmp_path):
    """A flipped byte is either found or changes nothing that is read."""
    with opened(tmp_path, mission) as campaign:
        (tmp_path / "cases").mkdir()
        whole = chunk_path(flown, 3).read_bytes()
        path = chunk_path(tmp_path, 3)
        path.write_bytes(whole)
        assert campaign.missing([3]) == []
        original = pq.read_table(path)
        at = int(share * len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        assert campaign.missing([3]) == [3] or pq.read_table(path).equals(original)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other"])
def test_a_chunk_that_is_none_is_flown_again(damage, flown, mission, tmp_path):
    with opened(tmp_path, mission) as campaign:
        (tmp_path / "cases").mkdir()
        whole, path = chunk_path(flown, 3).read_bytes(), chunk_path(tmp_path, 3)
        path.write_bytes(
            {
                "cut": whole[: len(whole) // 2],
                "empty": b"",
                "text": b"PAR1 not really PAR1",
                "other": chunk_path(flown, 4).read_bytes(),
            }[damage]
        )
        assert campaign.missing([3]) == [3]
        fly_here(campaign, [3])
        assert path.read_bytes() == whole


def test_results_do_not_depend_on_the_size_of_the_chunks(flown, mission, tmp_path):
    with opened(tmp_path, mission, chunk_cases=CHUNK_CASES + 2) as campaign:
        fly_here(campaign, list(campaign.chunks))
        merge(campaign, lambda _: None)
    assert results(tmp_path, "[ce]*s.parquet") == results(flown, "[ce]*s.parquet")


def test_the_nominal_case_alone_has_no_statistics_but_a_result(mission, tmp_path):
    told = fly_many(mission, tmp_path, HereOrder(cases=1, seed=SEED), Progress())
    assert told["dispersed_cases"] == 0
    assert told["success"]["interval"] is None
    assert told["landing_ellipse"] is None
    assert told["nominal"]["outcome"] == "landed"
