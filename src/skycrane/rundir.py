"""A run directory: which mission it holds, which stages are finished, and what each one made."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from skycrane import __version__
from skycrane.errors import InputError
from skycrane.files import as_input_error, check_writable, sha256_file, write_bytes, write_json
from skycrane.mission import Mission, dump_mission
from skycrane.mission.load import parse_mission
from skycrane.stage import Quality, StageContext, StageResult

__all__ = ["STAGES", "RunDir", "Stage", "read_run"]

_OURS = {"mission.toml", "run.json", ".skycrane.lock"}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the way of the data.

    Attributes:
        name: the command's name and the key in run.json.
        call: "module:function", imported only when the stage runs.
        version: raised when the same inputs give other bytes, so that finished output is remade.
        reads: files of earlier stages, as globs below the run directory.
        writes: directories whose temporary files belong to this stage.
        needs: what to run first, told when an input is missing.
    """

    name: str
    call: str
    version: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    needs: str = ""


STAGES: dict[str, Stage] = {
    s.name: s
    for s in (
        Stage(
            name="fly", call="skycrane.flight.stage:fly", version=7, reads=(), writes=("flight",)
        ),
        Stage(
            name="film",
            call="skycrane.cameras.stage:film",
            version=8,
            reads=("flight/flight.nc", "flight/events.json"),
            writes=("onboard", "truth"),
            needs="fly",
        ),
        Stage(
            name="record",
            call="skycrane.sound.stage:record",
            version=2,
            reads=(),
            writes=("onboard",),
        ),
        Stage(
            name="relay",
            call="skycrane.relay.stage:relay",
            version=1,
            reads=("onboard/*.mcap", "onboard/*.flac"),
            writes=("relay", "ground"),
            needs="film and record",
        ),
        Stage(
            name="develop",
            call="skycrane.ground.stage:develop",
            version=3,
            reads=("ground/*.mcap", "flight/flight.nc", "flight/events.json"),
            writes=("products/stills", "products/frames"),
            needs="relay",
        ),
        Stage(
            name="clean",
            call="skycrane.sound.stage:clean",
            version=7,
            reads=(
                "ground/microphone.flac",
                "ground/microphone_reference.flac",
                "flight/*.nc",
                "flight/*.json",
            ),
            writes=("products/sound", "products"),
            needs="relay",
        ),
        Stage(
            name="cut",
            call="skycrane.ground.stage:cut",
            version=3,
            reads=(
                "ground/*.mcap",
                "flight/flight.nc",
                "flight/events.json",
                "products/sound/landing_as_heard.*",
            ),
            writes=("products",),
            needs="relay",
        ),
        Stage(
            name="page",
            call="skycrane.page.stage:page",
            version=2,
            reads=(
                "flight/flight.nc",
                "flight/events.json",
                "relay/ledger.sqlite",
                "products/landing.*",
                "products/stills/*.png",
                "products/sound/*.flac",
                "products/sound/listening.*",
                "products/spectrogram.png",
            ),
            writes=(".",),
            needs="cut and clean",
        ),
    )
}


class RunDir:
    """A directory of the contract, opened for work by this process alone."""

    def __init__(self, path: Path, mission: Mission, record: dict[str, Any]) -> None:
        self.path = path
        self.mission = mission
        self.record = record

    @property
    def seed(self) -> int:
        """The seed of every draw in this run."""
        return int(self.record["seed"])

    @property
    def case(self) -> int:
        """The case of a Monte Carlo that this run flies; 0 is the nominal flight."""
        return int(self.record["case"])

    @property
    def quality(self) -> Quality:
        """How many pixels and frames this run spends."""
        return self.record["quality"]

    @classmethod
    @contextmanager
    def create(
        cls, path: Path, mission: Mission, *, seed: int, quality: Quality, case: int = 0
    ) -> Iterator[RunDir]:
        """Begin a run in `path`, or go on with the same run found there.

        Raises:
            InputError: the directory cannot be written, is in use, holds other files, or holds a
                run of another mission, seed, case or quality.
        """
        path = Path(path)
        check_writable(path)
        with _lock(path):
            text = dump_mission(mission)
            identity = {
                "mission": mission.mission.name,
                "mission_sha256": hashlib.sha256(text.encode()).hexdigest(),
                "seed": seed,
                "case": case,
                "quality": quality,
            }
            record = _read_record(path)
            if record is None:
                _refuse_foreign(path)
                record = {"skycrane": __version__, **identity, "started": {}, "stages": {}}
                write_bytes(path / "mission.toml", text.encode())
                write_json(path / "run.json", record)
            else:
                _refuse_other(path, record, identity)
                _read_mission(path, record)
            yield cls(path, mission, record)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[RunDir]:
        """Open a run that `fly` or `land` began.

        Raises:
            InputError: there is none, it is damaged, in use, or cannot be written to.
        """
        path = Path(path)
        record = read_run(path)
        check_writable(path)
        with _lock(path):
            yield cls(path, _read_mission(path, record), record)

    def perform(self, name: str, context: StageContext) -> tuple[dict[str, Any], bool]:
        """Run one stage unless its finished output is here; return its entry and whether it ran.

        Raises:
            InputError: an input is missing or unusable.
            SkycraneError: whatever the stage raises.
        """
        stage = STAGES[name]
        inputs = self._inputs(stage)
        key = _key(stage, inputs, context)
        entry = self.record["stages"].get(name)
        if entry and entry["key"] == key and self._intact(entry):
            return entry, False
        if self.record["started"].get(name) != key:
            self._discard_partials(stage)
            self.record["started"][name] = key
            write_json(self.path / "run.json", self.record)
        module, function = stage.call.split(":")
        run: Callable[[StageContext], StageResult] = getattr(import_module(module), function)
        began = time.perf_counter()
        result = run(replace(context, directory=self.path, mission=self.mission))
        entry = self._entry(stage, key, inputs, result, time.perf_counter() - began)
        self.record["stages"][name] = entry
        self.record["started"].pop(name, None)
        write_json(self.path / "run.json", self.record)
        return entry, True

    def _inputs(self, stage: Stage) -> dict[str, str]:
        known = {
            path: digest
            for entry in self.record["stages"].values()
            if self._intact(entry)
            for path, digest in entry["outputs"].items()
        }
        inputs = {"mission.toml": self.record["mission_sha256"]}
        for pattern in stage.reads:
            found = sorted(p for p in self.path.glob(pattern) if ".partial" not in p.name)
            if not found and "*" not in pattern and stage.name != "page":
                raise InputError(
                    f"{stage.name} needs this file",
                    where=str(self.path / pattern),
                    right=f"Run `skycrane {stage.needs} {self.path}` first.",
                )
            for path in found:
                relative = path.relative_to(self.path).as_posix()
                inputs[relative] = known.get(relative) or sha256_file(path)
        if len(inputs) == 1 and stage.reads:
            raise InputError(
                f"nothing here for {stage.name} to work on",
                where=str(self.path),
                right=f"Run {stage.needs} first.",
            )
        return inputs

    def _intact(self, entry: dict[str, Any]) -> bool:
        """Tell whether every output is there as it was made; hash only what looks touched."""
        for relative, digest in entry["outputs"].items():
            path = self.path / relative
            if not path.exists():
                return False
            if _stat(path) != entry["stat"].get(relative) and sha256_file(path) != digest:
                return False
        return True

    def _entry(
        self, stage: Stage, key: str, inputs: dict[str, str], result: StageResult, seconds: float
    ) -> dict[str, Any]:
        paths = sorted(result.outputs)
        names = [p.relative_to(self.path).as_posix() for p in paths]
        return {
            "version": stage.version,
            "key": key,
            "inputs": inputs,
            "outputs": {n: sha256_file(p) for n, p in zip(names, paths, strict=True)},
            "stat": {n: _stat(p) for n, p in zip(names, paths, strict=True)},
            "seconds": round(seconds, 3),
            "device": result.device,
            "summary": result.summary,
        }

    def _discard_partials(self, stage: Stage) -> None:
        """Remove what another version or other inputs left half made."""
        for folder in stage.writes:
            for path in (self.path / folder).glob("*.partial*"):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def read_run(path: Path) -> dict[str, Any]:
    """Return what run.json of the run directory `path` says.

    Raises:
        InputError: there is no run here or its record is damaged.
    """
    record = _read_record(path) if path.is_dir() else None
    if record is None:
        raise InputError(
            "no run here (run.json is missing)",
            where=str(path),
            right="Begin one with `skycrane fly -o DIR` or `skycrane land -o DIR`.",
        )
    return record


def _key(stage: Stage, inputs: dict[str, str], context: StageContext) -> str:
    parts = [stage.name, stage.version, inputs, context.seed, context.case]
    parts += [context.quality, context.options]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _stat(path: Path) -> list[int]:
    if path.is_dir():
        stats = [p.stat() for p in path.rglob("*") if p.is_file()]
        return [sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)]
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _read_record(path: Path) -> dict[str, Any] | None:
    file = path / "run.json"
    if not file.exists():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        wanted = {"mission", "mission_sha256", "seed", "quality", "started", "stages"}
        if not isinstance(record, dict) or not wanted <= record.keys():
            raise ValueError("keys are missing")
        record.setdefault("case", 0)  # runs begun before cases had numbers are nominal
        _check_record(record)
    except OSError as error:
        raise as_input_error(error, file) from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f"damaged: {error}", where=str(file), right="Begin again in another directory with -o."
        ) from error
    return record


_SHAPE: dict[str, type | tuple[type, ...]] = {
    "mission": str,
    "mission_sha256": str,
    "seed": int,
    "case": int,
    "quality": str,
    "started": dict,
    "stages": dict,
}
_ENTRY_SHAPE: dict[str, type | tuple[type, ...]] = {
    "key": str,
    "outputs": dict,
    "stat": dict,
    "seconds": (int, float),
    "summary": dict,
}


def _check_record(record: dict[str, Any]) -> None:
    """Raise ValueError where run.json is not as this program writes it."""
    for key, kind in _SHAPE.items():
        if not isinstance(record[key], kind):
            raise ValueError(f"{key} is not as it was written")
    if record["quality"] not in get_args(Quality):
        raise ValueError(f"there is no quality {record['quality']!r}")
    for name, entry in record["stages"].items():
        if name not in STAGES:
            raise ValueError(f"there is no stage {name!r}")
        if not isinstance(entry, dict) or not _ENTRY_SHAPE.keys() <= entry.keys():
            raise ValueError(f"the entry of {name} is incomplete")
        for key, kind in _ENTRY_SHAPE.items():
            if not isinstance(entry[key], kind):
                raise ValueError(f"{key} of {name} is not as it was written")
        for output in entry["outputs"]:
            if Path(output).is_absolute() or ".." in Path(output).parts:
                raise ValueError(f"an output of {name} lies outside: {output!r}")


def _read_mission(path: Path, record: dict[str, Any]) -> Mission:
    file = path / "mission.toml"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read: {error}", where=str(file), right="Begin again in another directory."
        ) from error
    if hashlib.sha256(text.encode()).hexdigest() != record["mission_sha256"]:
        raise InputError(
            "changed since the run began",
            where=str(file),
            right="Fly the changed mission into a directory of its own: "
            f"`skycrane land {file} -o OTHER`.",
        )
    return parse_mission(text, where=str(file))


def _refuse_foreign(path: Path) -> None:
    others = sorted(
        p.name for p in path.iterdir() if p.name not in _OURS and ".partial" not in p.name
    )
    if others:
        raise InputError(
            f"holds other files ({', '.join(others[:3])}{', ...' if len(others) > 3 else ''})",
            where=str(path),
            right="Choose an empty or new directory with -o.",
        )


def _refuse_other(path: Path, record: dict[str, Any], identity: dict[str, Any]) -> None:
    for key, value in identity.items():
        if record[key] != value:
            what = {
                "mission": f"holds a run of mission {record['mission']}, not {value}",
                "mission_sha256": f"holds a run of another version of mission {record['mission']}",
                "seed": f"holds a run with seed {record['seed']}, not {value}",
                "case": f"holds a run of case {record['case']}, not {value}",
                "quality": f"holds a run at {record['quality']} quality, not {value}",
            }[key]
            raise InputError(what, where=str(path), right="Choose another directory with -o.")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep a second process out; the lock goes with the process, however it ends."""
    handle = os.open(path / ".skycrane.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                "another skycrane is at work here",
                where=str(path),
                right="Wait for it or choose another directory with -o.",
            ) from None
        yield
    finally:
        os.close(handle)
