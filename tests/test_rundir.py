"""A run directory keeps one run, does nothing twice, and refuses what is not its own."""

import json
from pathlib import Path

import pytest

from skycrane import rundir
from skycrane.errors import InputError
from skycrane.files import write_bytes
from skycrane.mission import load_mission
from skycrane.rundir import RunDir, Stage
from skycrane.stage import StageContext, StageResult

calls: list[str] = []


def first(context: StageContext) -> StageResult:
    calls.append("first")
    path = context.directory / "flight" / "a.bin"
    write_bytes(path, b"%d" % context.seed)
    return StageResult(outputs=[path], summary={"size": 1})


def second(context: StageContext) -> StageResult:
    calls.append("second")
    path = context.directory / "onboard" / "b.bin"
    write_bytes(path, (context.directory / "flight" / "a.bin").read_bytes() * 2)
    return StageResult(outputs=[path])


@pytest.fixture(autouse=True)
def _two_stages(monkeypatch):
    calls.clear()
    here = __name__
    stages = {
        "first": Stage(name="first", call=f"{here}:first", version=1, reads=(), writes=("flight",)),
        "second": Stage(
            name="second",
            call=f"{here}:second",
            version=1,
            reads=("flight/a.bin",),
            writes=("onboard",),
            needs="first",
        ),
    }
    monkeypatch.setattr(rundir, "STAGES", stages)


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


def context(run: RunDir) -> StageContext:
    return StageContext(directory=run.path, mission=run.mission, seed=run.seed, quality=run.quality)


def land(path: Path, mission, *, seed: int = 0) -> None:
    with RunDir.create(path, mission, seed=seed, quality="preview") as run:
        for name in ("first", "second"):
            run.perform(name, context(run))


def test_finished_stages_do_nothing(tmp_path, mission):
    land(tmp_path, mission)
    land(tmp_path, mission)
    assert calls == ["first", "second"]


def test_a_lost_or_changed_output_is_made_again(tmp_path, mission):
    land(tmp_path, mission)
    (tmp_path / "onboard" / "b.bin").unlink()
    land(tmp_path, mission)
    (tmp_path / "flight" / "a.bin").write_bytes(b"!")
    land(tmp_path, mission)
    assert calls == ["first", "second", "second", "first"]
    assert (tmp_path / "onboard" / "b.bin").read_bytes() == b"00"


def test_a_copied_directory_is_still_finished(tmp_path, mission):
    land(tmp_path / "a", mission)
    import shutil

    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    land(tmp_path / "b", mission)
    assert calls == ["first", "second"]


def test_another_version_remakes_and_discards_its_partials(tmp_path, mission, monkeypatch):
    land(tmp_path, mission)
    (tmp_path / "onboard" / "c.partial.bin").write_bytes(b"half")
    newer = Stage(**{**vars(rundir.STAGES["second"]), "version": 2})
    monkeypatch.setitem(rundir.STAGES, "second", newer)
    land(tmp_path, mission)
    assert calls == ["first", "second", "second"]
    assert not (tmp_path / "onboard" / "c.partial.bin").exists()


def test_partials_of_the_same_work_are_kept_for_the_stage_to_go_on(tmp_path, mission, monkeypatch):
    def killed(context: StageContext) -> StageResult:
        (context.directory / "onboard").mkdir(exist_ok=True)
        (context.directory / "onboard" / "c.partial.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setitem(globals(), "second", killed)
    with pytest.raises(KeyboardInterrupt):
        land(tmp_path, mission)
    seen = []

    def resumed(context: StageContext) -> StageResult:
        seen.extend((context.directory / "onboard").iterdir())
        return StageResult(outputs=[])

    monkeypatch.setitem(globals(), "second", resumed)
    land(tmp_path, mission)
    assert [p.name for p in seen] == ["c.partial.bin"]


def test_a_missing_input_names_the_stage_to_run_first(tmp_path, mission):
    with (
        RunDir.create(tmp_path, mission, seed=0, quality="preview") as run,
        pytest.raises(InputError, match=r"a\.bin: second needs this file.*`skycrane first"),
    ):
        run.perform("second", context(run))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "run with seed 0, not 1"),
        ({"quality": "flight"}, "at preview quality, not flight"),
        ({"case": 7}, "run of case 0, not 7"),
    ],
)
def test_another_run_is_refused_and_untouched(tmp_path, mission, change, message):
    land(tmp_path, mission)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    wanted = {"seed": 0, "quality": "preview", **change}
    with (
        pytest.raises(InputError, match=message),
        RunDir.create(tmp_path, mission, **wanted),
    ):
        pass
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_another_mission_is_refused(tmp_path, mission):
    land(tmp_path, mission)
    identity = mission.mission.model_copy(update={"name": "other"})
    other = mission.model_copy(update={"mission": identity})
    with (
        pytest.raises(InputError, match="holds a run of mission mars2020, not other"),
        RunDir.create(tmp_path, other, seed=0, quality="preview"),
    ):
        pass


def test_somebody_elses_files_are_refused(tmp_path, mission):
    (tmp_path / "thesis.tex").write_text("dear")
    with (
        pytest.raises(InputError, match=r"holds other files \(thesis\.tex\)"),
        RunDir.create(tmp_path, mission, seed=0, quality="preview"),
    ):
        pass
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == ["thesis.tex"]


def test_two_at_once_are_refused(tmp_path, mission):
    with (
        RunDir.create(tmp_path, mission, seed=0, quality="preview"),
        pytest.raises(InputError, match="another skycrane is at work"),
        RunDir.open(tmp_path),
    ):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stages": 3}', "null", "[" * 100000])
def test_a_damaged_record_is_one_clear_error(tmp_path, mission, text):
    land(tmp_path, mission)
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: damaged"), RunDir.open(tmp_path):
        pass


def test_a_changed_mission_file_is_refused(tmp_path, mission):
    land(tmp_path, mission)
    with (tmp_path / "mission.toml").open("a") as handle:
        handle.write("\n# touched\n")
    with pytest.raises(InputError, match="changed since the run began"), RunDir.open(tmp_path):
        pass
    with pytest.raises(InputError, match="changed since the run began"):
        land(tmp_path, mission)


def test_run_json_has_hashes_of_inputs_and_outputs(tmp_path, mission):
    land(tmp_path, mission)
    record = json.loads((tmp_path / "run.json").read_text())
    made = record["stages"]["first"]["outputs"]["flight/a.bin"]
    assert record["stages"]["second"]["inputs"]["flight/a.bin"] == made
    assert record["stages"]["second"]["inputs"]["mission.toml"] == record["mission_sha256"]


GOOD = {"key": "k", "outputs": {}, "stat": {}, "seconds": 1.0, "summary": {}}


@pytest.mark.parametrize(
    "damage",
    [
        {"seed": "x"},
        {"case": "x"},
        {"quality": []},
        {"quality": "huge"},
        {"started": []},
        {"mission": 1},
        {"stages": {"first": {**GOOD, "seconds": "NaN"}}},
        {"stages": {"first": {**GOOD, "outputs": []}}},
        {"stages": {"first": {k: v for k, v in GOOD.items() if k != "seconds"}}},
        {"stages": {"first": {**GOOD, "outputs": {"../../etc/passwd": "x"}}}},
        {"stages": {"f\x1b[31m": GOOD}},
        {"stages": {"first": None}},
    ],
)
def test_a_record_that_this_program_did_not_write_is_refused(damage, tmp_path):
    record = {
        "mission": "m",
        "mission_sha256": "x",
        "seed": 0,
        "case": 0,
        "quality": "preview",
        "started": {},
        "stages": {"first": GOOD},
    }
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert rundir.read_run(tmp_path) == record
    (tmp_path / "run.json").write_text(json.dumps(record | damage))
    with pytest.raises(InputError, match=r"run\.json: damaged: .*Begin again"):
        rundir.read_run(tmp_path)
