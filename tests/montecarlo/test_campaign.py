"""The command and its directory: what cannot be is refused with one clear line."""

from __future__ import annotations

import json

import pytest
import tomli_w
from campaigns import identity, opened

from skycrane.cli import main
from skycrane.errors import InputError
from skycrane.montecarlo.campaign import Campaign, Shard, parse_shard


def said(capsys) -> str:
    text = capsys.readouterr().err
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if line.startswith("skycrane: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0"], "0 cases. Fly 1 to"),
        (["-n", "-5"], "-5 cases"),
        (["-n", "99999999999"], "Fly 1 to 10000000"),
        (["-n", "many"], "many"),
        (["--shard", "3/3"], "'3/3' is no shard. Give i/n"),
        (["--shard=-1/3"], "is no shard"),
        (["--shard", "1"], "is no shard"),
        (["--shard", "1/0"], "is no shard"),
        (["--shard", "\u0661/\u0663"], "is no shard"),
        (["--workers", "0"], "Give 1 or more"),
        (["--device", "cuda:99"], "there is no device"),
        (["--fidelity", "low"], "point_mass"),
        (["nowhere.toml"], "there is no such mission"),
        (["{still}"], "no dispersions: all its cases would be alike"),
        (["-o", "{file}"], "choose a directory"),
        (["-o", "{foreign}"], "holds other files (notes.txt)"),
    ],
)
def test_a_users_mistake_is_exit_2_and_one_line(tmp_path, capsys, mission, arguments, message):
    table = mission.model_dump(exclude_none=True)
    del table["dispersion"]
    places = {name: tmp_path / name for name in ("still", "file", "foreign")}
    places["still"].write_text(tomli_w.dumps(table))
    places["file"].write_text("x")
    places["foreign"].mkdir()
    (places["foreign"] / "notes.txt").write_text("mine")
    filled = [a.format(**places) for a in arguments]
    where = [] if "-o" in filled else ["-o", str(tmp_path / "run")]
    assert main(["montecarlo", "-q", *filled, *where]) == 2
    assert message in said(capsys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 5}, "holds cases with seed 4, not 5"),
        ({"cases": 23}, "holds a campaign of 22 cases, not 23"),
        ({"chunk_cases": 4}, "another version of skycrane"),
    ],
)
def test_another_campaign_is_refused(change, message, mission, tmp_path):
    with opened(tmp_path, mission):
        pass
    with pytest.raises(InputError, match=message), opened(tmp_path, mission, **change):
        pass


def test_another_mission_is_refused(mission, tmp_path):
    table = mission.model_dump()
    table["dispersion"]["masses"]["rover_kg"]["sigma"] = 0.75
    other = type(mission).model_validate(table)
    with opened(tmp_path, mission):
        pass
    with (
        pytest.raises(InputError, match="another version of mission mars2020"),
        opened(tmp_path, other),
    ):
        pass


@pytest.mark.parametrize("key", ["skycrane", "format", "flight", "device", "fidelity"])
def test_what_another_program_flew_is_refused(key, mission, tmp_path):
    with opened(tmp_path, mission):
        pass
    file = tmp_path / "montecarlo.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: "other"}))
    with pytest.raises(InputError, match="holds cases"), opened(tmp_path, mission):
        pass


def test_what_a_kill_left_half_written_is_removed(mission, tmp_path):
    with opened(tmp_path, mission):
        pass
    half = tmp_path / "cases" / "chunk-000001.parquet.node-17.partial.partial"
    half.parent.mkdir()
    half.write_bytes(b"PAR1")
    with opened(tmp_path, mission):
        assert not half.exists()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 70_000])
def test_a_damaged_record_is_refused(text, mission, tmp_path):
    with opened(tmp_path, mission):
        pass
    (tmp_path / "montecarlo.json").write_bytes(text)
    with (
        pytest.raises(InputError, match=r"montecarlo\.json: damaged"),
        opened(tmp_path, mission),
    ):
        pass


def test_two_at_once_are_refused_unless_they_are_shards(mission, tmp_path):
    mine = identity(mission)

    def at_work(shared):
        return Campaign.opened(tmp_path, mission, mine, shared=shared)

    with at_work(True), at_work(True), pytest.raises(InputError, match="at work"), at_work(False):
        pass
    with at_work(False), pytest.raises(InputError, match="at work"), at_work(True):
        pass


def test_shards_share_out_every_chunk_once(mission, tmp_path):
    with opened(tmp_path, mission) as campaign:
        parts = [campaign.chunks_of(Shard(i, 5)) for i in range(5)]
        assert sorted(chunk for part in parts for chunk in part) == list(campaign.chunks)
        cases = [case for chunk in campaign.chunks for case in campaign.case_ids(chunk)]
        assert cases == list(range(22))
    assert parse_shard("0/1") == Shard(0, 1)
    assert parse_shard(" 11/16 ") == Shard(11, 16)
