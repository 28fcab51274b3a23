"""The stage: byte-identical files, a truthful ledger, kills, resumption and bad surroundings."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from relay_builders import LOSSY, content, context, link

import skycrane.mission
from skycrane.errors import InputError, TransferError
from skycrane.mission.link import Link
from skycrane.relay.ledger import read_ledger
from skycrane.relay.link import Channel, passes
from skycrane.relay.stage import relay

SIZES = {"rdc.mcap": 300_000, "ruc.mcap": 120_001, "microphone.flac": 7, "empty.mcap": 0}


def onboard(directory: Path, sizes=SIZES) -> Path:
    (directory / "onboard").mkdir(parents=True)
    for seed, (name, size) in enumerate(sizes.items()):
        (directory / "onboard" / name).write_bytes(content(size, seed))
    return directory


def tree(directory: Path) -> dict[str, str]:
    return {
        str(p.relative_to(directory)): hashlib.sha256(p.read_bytes()).hexdigest()
        for part in ("ground", "relay")
        for p in sorted((directory / part).rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> dict[str, str]:
    directory = onboard(tmp_path_factory.mktemp("unbroken"))
    relay(context(directory, link(**LOSSY)))
    return tree(directory)


def test_everything_arrives_and_the_ledger_says_how(tmp_path, unbroken):
    directory = onboard(tmp_path / "run")
    result = relay(context(directory, link(**LOSSY)))
    summary = result.summary
    assert summary["products"] == summary["verified"] == 4
    assert summary["bytes"] == sum(SIZES.values())
    assert summary["pdus_lost"] > 10
    assert summary["pdus_resent"] >= summary["pdus_lost"] - 10
    assert summary["passes"] > 3
    for name in SIZES:
        data = (directory / "onboard" / name).read_bytes()
        assert (directory / "ground" / name).read_bytes() == data
    rows, records = read_ledger(directory / "relay" / "ledger.sqlite")
    assert [row.name for row in rows] == sorted(SIZES)
    for row in rows:
        sha256 = hashlib.sha256((directory / "onboard" / row.name).read_bytes()).hexdigest()
        assert row.sha256_sent == row.sha256_received == sha256
        assert row.id == sha256[:16]
        assert row.verified is True
    for name in ("pdus_sent", "pdus_lost", "pdus_corrupt", "bytes_sent"):
        assert sum(getattr(r, name) for r in rows) == sum(getattr(r, name) for r in records)
    assert all(path.exists() for path in result.outputs)
    assert not (directory / "relay" / "incoming").exists()
    # Another directory, the same bytes, the database included.
    assert tree(directory) == unbroken


def test_a_second_run_sends_nothing(tmp_path):
    directory = onboard(tmp_path / "run")
    first = relay(context(directory, link(**LOSSY)))
    before = {p: p.stat().st_mtime_ns for p in (directory / "ground").iterdir()}
    ledger = (directory / "relay" / "ledger.sqlite").read_bytes()
    assert relay(context(directory, link(**LOSSY))).summary == first.summary
    assert {p: p.stat().st_mtime_ns for p in (directory / "ground").iterdir()} == before
    assert (directory / "relay" / "ledger.sqlite").read_bytes() == ledger


@pytest.mark.parametrize("harm", ["deleted", "changed"])
def test_only_what_is_not_home_is_sent_again(tmp_path, harm):
    directory = onboard(tmp_path / "run")
    relay(context(directory, link(**LOSSY)))
    before, passes_before = read_ledger(directory / "relay" / "ledger.sqlite")
    victim = directory / "ground" / "ruc.mcap"
    victim.unlink() if harm == "deleted" else victim.write_bytes(b"x")
    relay(context(directory, link(**LOSSY)))
    assert victim.read_bytes() == (directory / "onboard" / "ruc.mcap").read_bytes()
    after, passes_after = read_ledger(directory / "relay" / "ledger.sqlite")
    assert [r for r in after if r.name != "ruc.mcap"] == [r for r in before if r.name != "ruc.mcap"]
    assert passes_after[: len(passes_before)] == passes_before
    assert len({record.number for record in passes_after}) == len(passes_after)


_CHILD = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from relay_builders import LOSSY, context, link
from skycrane.relay.engine_receive import Receiver
from skycrane.relay.stage import relay
real, count = Receiver.receive, int(sys.argv[3])
def receive(self, *args):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), 9)
    return real(self, *args)
Receiver.receive = receive
relay(context(Path(sys.argv[1]), link(**LOSSY)))
"""


@pytest.mark.parametrize("after_pdus", [60, 330, 420])
def test_killed_anywhere_it_ends_as_an_unbroken_run(tmp_path, unbroken, after_pdus):
    directory = onboard(tmp_path / "run")
    command = [sys.executable, "-c", _CHILD, str(directory), str(Path(__file__).parent)]
    child = subprocess.run([*command, str(after_pdus)], check=False)
    assert child.returncode == -signal.SIGKILL
    assert not (directory / "relay" / "ledger.sqlite").exists()
    for path in (directory / "ground").iterdir():
        assert path.read_bytes() == (directory / "onboard" / path.name).read_bytes()
    relay(context(directory, link(**LOSSY)))
    assert tree(directory) == unbroken


def test_resumed_it_does_not_begin_at_the_beginning(tmp_path):
    directory = onboard(tmp_path / "run")
    with pytest.raises(TransferError):
        relay(context(directory, link(**LOSSY, max_passes=2)))
    told = []
    surroundings = context(directory, link(**LOSSY))

    class Told:
        def task(self, description, total=None):
            return contextlib.nullcontext(told.append)

    object.__setattr__(surroundings, "progress", Told())
    relay(surroundings)
    assert told[0] > 200_000
    assert sum(told) == sum(SIZES.values())


def test_too_few_passes_fail_clearly_and_more_of_them_finish_the_job(tmp_path, unbroken):
    directory = onboard(tmp_path / "run")
    for count in (1, 2, 3):
        with pytest.raises(TransferError, match=rf"after {count} passes") as caught:
            relay(context(directory, link(**LOSSY, max_passes=count)))
        rows, _ = read_ledger(directory / "relay" / "ledger.sqlite")
        missing = [row.name for row in rows if not row.verified]
        assert all(name in str(caught.value) for name in missing)
        assert missing
        assert caught.value.exit_code == 1
    relay(context(directory, link(**LOSSY)))
    assert tree(directory) == unbroken


@pytest.mark.parametrize("harm", ["state", "incoming", "all"])
def test_a_damaged_state_starts_over(tmp_path, unbroken, harm):
    directory = onboard(tmp_path / "run")
    with pytest.raises(TransferError):
        relay(context(directory, link(**LOSSY, max_passes=2)))
    incoming = directory / "relay" / "incoming"
    if harm == "state":
        (incoming / "state.json").write_text('{"of": 3')
    for path in incoming.glob("*.incoming"):
        if harm != "state":
            path.unlink() if harm == "all" else os.truncate(path, 10)
    for path in (directory / "ground").iterdir():
        path.unlink()
    (directory / "relay" / "ledger.sqlite").unlink()
    relay(context(directory, link(**LOSSY)))
    assert tree(directory) == unbroken


def test_bytes_that_came_after_the_state_are_cut_off(tmp_path, unbroken):
    directory = onboard(tmp_path / "run")
    with pytest.raises(TransferError):
        relay(context(directory, link(**LOSSY, max_passes=2)))
    unfinished = sorted((directory / "relay" / "incoming").glob("*.incoming"))
    assert unfinished
    for path in unfinished:
        with path.open("ab") as handle:
            handle.write(bytes(2_000_000))
    (directory / "relay" / "incoming" / "99999999.incoming").write_bytes(b"stray")
    relay(context(directory, link(**LOSSY)))
    assert tree(directory) == unbroken


def test_each_pass_and_direction_has_fates_of_its_own():
    orbiter = link(pdu_loss=0.5).orbiters[0]

    def fates(*key):
        channel = Channel(orbiter, *key)
        return [channel.carry(b"pdu") is None for _ in range(200)]

    first = fates(1, "return", 0)
    assert first == fates(1, "return", 0)
    others = [fates(1, "forward", 0), fates(1, "return", 1), fates(2, "return", 0)]
    # Independent fates agree half the time: 100 of 200, standard deviation 7.
    assert all(60 < sum(a == b for a, b in zip(first, o, strict=True)) < 140 for o in others)


def test_nothing_to_send_and_unfinished_files_are_refused(tmp_path):
    (tmp_path / "onboard").mkdir()
    with pytest.raises(InputError, match="nothing to relay"):
        relay(context(tmp_path, link()))
    (tmp_path / "onboard" / "rdc.partial.mcap").write_bytes(b"x")
    with pytest.raises(InputError, match=r"rdc\.partial\.mcap.*not finished"):
        relay(context(tmp_path, link()))
    assert not (tmp_path / "relay" / "ledger.sqlite").exists()


def test_a_file_in_the_way_is_one_clear_error(tmp_path):
    onboard(tmp_path)
    (tmp_path / "ground").write_text("a file")
    with pytest.raises(InputError, match="ground"):
        relay(context(tmp_path, link()))


def test_a_foreign_ledger_is_not_believed(tmp_path):
    directory = onboard(tmp_path / "run")
    (directory / "relay").mkdir()
    (directory / "relay" / "ledger.sqlite").write_bytes(b"not a database at all" * 99)
    assert relay(context(directory, link())).summary["verified"] == 4
    with pytest.raises(InputError, match="no ledger"):
        read_ledger(tmp_path / "none.sqlite")
    with contextlib.closing(sqlite3.connect(tmp_path / "other.sqlite")) as other:
        other.execute("CREATE TABLE products (x)")
    with pytest.raises(InputError, match="not a ledger"):
        read_ledger(tmp_path / "other.sqlite")


def test_on_the_real_link_little_is_sent_twice(tmp_path):
    """What is sent again is what was lost, not what is still under way."""
    text = Path(skycrane.mission.__file__).with_name("missions") / "mars2020.toml"
    values = tomllib.loads(text.read_text())["link"]
    # A hundredth of the rates and the segments: a hundredth of the data fill as many passes.
    for orbiter in values["orbiters"]:
        orbiter["return_rate_bit_s"] /= 100
        orbiter["bit_error_rate"] *= 100
    values["segment_bytes"] //= 100
    directory = onboard(tmp_path / "run", {"rdc.mcap": 3_000_000, "ruc.mcap": 1_000_000})
    summary = relay(context(directory, Link(**values))).summary
    spoilt = summary["pdus_lost"] + summary["pdus_corrupt"]
    assert spoilt > 100
    assert summary["pdus_resent"] < 1.1 * spoilt + 10
    assert summary["passes"] < 9


def test_passes_come_in_order_and_never_overlap():
    text = Path(skycrane.mission.__file__).with_name("missions") / "mars2020.toml"
    mission_link = Link(**tomllib.loads(text.read_text())["link"])
    found = list(passes(mission_link))
    assert len(found) == mission_link.max_passes
    assert [p.number for p in found] == list(range(len(found)))
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(found))
    assert {p.orbiter.name for p in found} == {"MRO", "TGO", "MAVEN"}
    # A retry must not come before an answer can.
    delay_s = mission_link.one_way_light_time_s + mission_link.relay_delay_s
    assert mission_link.retry_after_s > 2 * delay_s
    # Published: hundreds of megabits a pass (Curiosity over MRO, MAVEN's first relay).
    for one in mission_link.orbiters:
        assert 1e8 < one.duration_s * one.return_rate_bit_s < 1e9


def test_memory_stays_flat(tmp_path):
    """A child relays 48 MB; what it needs beyond starting up is a fraction of that."""
    directory = onboard(tmp_path / "run", {"a.mcap": 48_000_000})
    script = (
        "import resource, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from relay_builders import context, link\n"
        "from skycrane.relay.stage import relay\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "relay(context(Path(sys.argv[1]), link(segment_bytes=32768, return_rate_bit_s=1e8)))\n"
        "print((peak() - before) // (1024 if sys.platform != 'darwin' else 1048576))\n"
    )
    command = [sys.executable, "-c", script, str(directory), str(Path(__file__).parent)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 24
