"""The command line: exit status, one clear message, no traceback, JSON that machines can read."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from skycrane import rundir
from skycrane.cli import main
from skycrane.files import atomic_path
from skycrane.rundir import Stage
from skycrane.stage import StageContext, StageResult


def crashed(context: StageContext) -> StageResult:
    return StageResult(outputs=[], summary={"outcome": "crashed", "reason": "hit at 90 m/s"})


def disk_full(context: StageContext) -> StageResult:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(context.directory / "onboard"))


@pytest.fixture
def only_stage(monkeypatch):
    """Let the whole way be one stage, the function named."""

    def use(function: str) -> None:
        stage = Stage(name="fly", call=f"{__name__}:{function}", version=1, reads=(), writes=())
        monkeypatch.setattr(rundir, "STAGES", {"fly": stage})
        monkeypatch.setattr("skycrane.land.WAY", ("fly",))

    return use


def said(capsys) -> str:
    """Return what was said on standard error: one line, not a traceback."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    lines = [ln for ln in text.splitlines() if ln.startswith("skycrane: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lnad"], "Did you mean"),
        (["land", "--quality", "huge"], "preview"),
        (["land", "--seed", "x"], "--seed"),
        (["land", "nowhere.toml", "-q"], "there is no such mission or file"),
        (["land", "-o", "{file}/run", "-q"], "choose a directory"),
        (["land", "-o", "{dir}", "--device", "cuda:99", "-q"], "there is no device"),
        (["land", "-o", "{dir}", "--workers", "0", "-q"], "Give 1 or more"),
        (["film", "{dir}"], "no run here"),
        (["cut", "{dir}/none"], "no run here"),
        (["info", "{dir}"], "no run here"),
        (["clean", "{dir}", "--strength", "0.5"], "Add --output"),
        (["check", "{file}"], "not valid TOML"),
    ],
)
def test_a_users_mistake_is_exit_2_and_one_line(tmp_path, capsys, arguments, message):
    file, folder = tmp_path / "file", tmp_path / "dir"
    file.write_text("][")
    folder.mkdir()
    filled = [a.format(file=file, dir=folder) for a in arguments]
    assert main(filled) == 2
    assert message in said(capsys)


def test_a_failed_landing_is_exit_1_with_its_reason(tmp_path, capsys, only_stage):
    only_stage("crashed")
    assert main(["land", "-q", "-o", str(tmp_path / "run")]) == 1
    assert "the landing failed: hit at 90 m/s" in said(capsys)


def test_a_full_disk_is_exit_2(tmp_path, capsys, only_stage):
    only_stage("disk_full")
    assert main(["land", "-q", "-o", str(tmp_path / "run")]) == 2
    assert "No space left on device. Free space" in said(capsys)


def test_a_run_of_another_mission_is_refused(tmp_path, capsys, only_stage):
    only_stage("crashed")
    assert main(["land", "-q", "-o", str(tmp_path / "run")]) == 1
    capsys.readouterr()
    assert main(["land", "-q", "-o", str(tmp_path / "run"), "--seed", "5"]) == 2
    assert "run with seed 0, not 5" in said(capsys)


def test_results_are_json_on_request(tmp_path, capsys, only_stage):
    only_stage("crashed")
    main(["land", "--json", "-o", str(tmp_path / "run")])
    result = json.loads(capsys.readouterr().out)
    assert result["stages"]["fly"]["summary"]["outcome"] == "crashed"
    assert main(["info", "--json", str(tmp_path / "run")]) == 0
    assert json.loads(capsys.readouterr().out)["mission"] == "mars2020"
    assert main(["missions", "--json"]) == 0
    assert "mars2020" in json.loads(capsys.readouterr().out)
    assert main(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["site"]["latitude_deg"] == pytest.approx(18.4446)


def test_a_reader_that_has_had_enough_is_no_error():
    """As in `skycrane check --json | head -1`: no message, no traceback."""
    code = "import sys; from skycrane.cli import main; sys.exit(main(['check', '--json']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141


def test_what_would_act_on_the_terminal_is_shown_as_its_escape(capsys):
    assert main(["check", "a\x1b[31m\x07.toml"]) == 2
    assert "a\\x1b[31m\\x07.toml: there is no such mission" in said(capsys)


def test_no_machine_has_a_billion_cores(tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main(["land", "-o", out, "--workers", "999999999", "-q"]) == 2
    assert "up to 1024" in said(capsys)


def waits(context: StageContext) -> StageResult:
    with atomic_path(context.directory / "flight" / "a.bin") as partial:
        partial.write_bytes(b"half")
        os.kill(os.getpid(), context.seed)
        time.sleep(5)
    raise AssertionError("went on")


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end_it_leaves_nothing_half_written(which, only_stage, tmp_path, capsys):
    only_stage("waits")
    out = tmp_path / "run"
    assert main(["land", "-o", str(out), "--seed", str(int(which)), "-q"]) == 130
    assert "goes on from here" in said(capsys)
    assert not list((out / "flight").iterdir())


def test_an_unwritable_cache_is_named(tmp_path):
    command = [sys.executable, "-m", "skycrane", "fly", "-q", "-o", str(tmp_path / "run")]
    environment = {**os.environ, "XDG_CACHE_HOME": "/dev/null/cache"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "Set XDG_CACHE_HOME" in done.stderr
    assert "Traceback" not in done.stderr
