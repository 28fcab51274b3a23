"""A campaign's directory: what is flown in it, which chunks are finished, who is at work."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skycrane import __version__
from skycrane.errors import InputError
from skycrane.files import as_input_error, check_writable
from skycrane.flight.simulate import Fidelity
from skycrane.mission import Mission, dump_mission
from skycrane.montecarlo.chunks import chunk_cases, read_chunk, write_whole
from skycrane.montecarlo.rows import table_schema
from skycrane.rundir import STAGES

__all__ = ["Campaign", "Identity", "Shard", "parse_shard"]

FORMAT = 1
"""Counts changes of what a chunk holds, so that no stale chunk is merged."""

MOST_CASES = 10_000_000
_CHUNK_CASES = {"cpu": 64, "cuda": 4096}
"""Cases a chunk: some seconds of one core, or enough to fill a GPU; both small in memory."""

_OURS = re.compile(
    r"mission\.toml|montecarlo\.json|ground\.bin|cases|cases\.parquet|events\.parquet"
    r"|statistics\.json|plots"
    r"|\..*lock|.*\.partial(\..*)?"
)


@dataclass(frozen=True)
class Identity:
    """What decides every byte of a campaign.

    Attributes:
        skycrane: version of the program.
        format: of the chunks.
        flight: version of the flight, counted as for the fly stage.
        mission: the mission's name.
        mission_sha256: of the mission as resolved.
        seed: of every draw.
        cases: how many, the nominal one included.
        fidelity: how they are flown.
        device: "cpu" or "cuda"; the two round differently in the last digits.
        chunk_cases: cases a chunk.
    """

    skycrane: str
    format: int
    flight: int
    mission: str
    mission_sha256: str
    seed: int
    cases: int
    fidelity: Fidelity
    device: str
    chunk_cases: int

    @classmethod
    def of(
        cls,
        mission: Mission,
        *,
        seed: int,
        cases: int,
        fidelity: Fidelity,
        device: str,
        chunk_cases: int | None = None,
    ) -> Identity:
        """Return the identity of a campaign; `device` as of `compute.resolve_device`.

        Raises:
            InputError: there are no or too many cases, or the mission disperses nothing.
        """
        if not 1 <= cases <= MOST_CASES:
            raise InputError(f"{cases} cases", where="-n", right=f"Fly 1 to {MOST_CASES} cases.")
        if mission.dispersion is None:
            raise InputError(
                "the mission has no dispersions: all its cases would be alike",
                where=f"mission {mission.mission.name}, key dispersion",
                right="Add a [dispersion] section; docs/montecarlo.md describes it.",
            )
        kind = device.split(":")[0]
        return cls(
            skycrane=__version__,
            format=FORMAT,
            flight=STAGES["fly"].version,
            mission=mission.mission.name,
            mission_sha256=hashlib.sha256(dump_mission(mission).encode()).hexdigest(),
            seed=seed,
            cases=cases,
            fidelity=fidelity,
            device=kind,
            chunk_cases=chunk_cases or _CHUNK_CASES[kind],
        )

    @property
    def key(self) -> str:
        """A digest of all of it, carried by each chunk."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of a campaign, for job arrays; `index` counts from 0."""

    index: int
    count: int


def parse_shard(text: str) -> Shard:
    """Return the shard meant by "i/n", i from 0 to n - 1.

    Raises:
        InputError: it is not that.
    """
    match = re.fullmatch(r"(\d{1,7})/(\d{1,7})", text.strip(), re.ASCII)
    if not match or not int(match[1]) < int(match[2]):
        raise InputError(
            f"{text[:40]!r} is no shard",
            where="--shard",
            right="Give i/n with i from 0 to n - 1, such as 0/16 to 15/16.",
        )
    return Shard(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Campaign:
    """The cases of a mission and the directory they are kept in.

    Attributes:
        directory: where chunks and results lie.
        mission: what is flown.
        identity: what decides every byte.
    """

    directory: Path
    mission: Mission
    identity: Identity

    @classmethod
    @contextmanager
    def opened(
        cls, directory: Path, mission: Mission, identity: Identity, *, shared: bool
    ) -> Iterator[Campaign]:
        """Begin a campaign in `directory`, or go on with the same one found there.

        Args:
            directory: made if need be.
            mission: what is flown.
            identity: has to be that of what is there.
            shared: whether other shards may be at work there at the same time.

        Raises:
            InputError: the directory cannot be written, is in use, holds other files, or holds
                another campaign.
        """
        check_writable(directory)
        with _lock(directory / ".skycrane.lock", shared=shared) as mine:
            if not mine:
                raise InputError(
                    "another skycrane is at work here",
                    where=str(directory),
                    right="Wait for it or choose another directory with -o.",
                )
            if not shared:
                _discard_partials(directory)
            found = _read_identity(directory)
            if found is None:
                _refuse_foreign(directory)
                write_whole(directory / "mission.toml", dump_mission(mission).encode())
                text = json.dumps(asdict(identity), indent=2) + "\n"
                write_whole(directory / "montecarlo.json", text.encode())
                # Of shards that begin at once with different arguments one wins; all look again.
                found = _read_identity(directory)
            _refuse_other(directory, found or {}, identity)
            yield cls(directory, mission, identity)

    @property
    def chunks(self) -> range:
        """The numbers of all chunks."""
        return range(-(-self.identity.cases // self.identity.chunk_cases))

    def case_ids(self, chunk: int) -> range:
        """Return the numbers of the cases of a chunk."""
        return chunk_cases(chunk, size=self.identity.chunk_cases, cases=self.identity.cases)

    def chunks_of(self, shard: Shard | None) -> list[int]:
        """Return the chunks of a shard, dealt out in turn; all without one."""
        return [c for c in self.chunks if shard is None or c % shard.count == shard.index]

    def missing(self, chunks: list[int]) -> list[int]:
        """Return which of some chunks are not finished or damaged; one is in memory at a time."""
        schema = table_schema(self.mission)
        return [
            chunk
            for chunk in chunks
            if read_chunk(self.directory, chunk, self.identity.key, schema, self.case_ids(chunk))
            is None
        ]

    @contextmanager
    def merging(self) -> Iterator[bool]:
        """Keep other processes from merging at the same time; yield whether this one may."""
        with _lock(self.directory / ".merge.lock", shared=False) as mine:
            yield mine


def _read_identity(directory: Path) -> dict[str, Any] | None:
    file = directory / "montecarlo.json"
    try:
        with file.open("rb") as handle:
            text = handle.read(1 << 16)
        record = json.loads(text)
        if not isinstance(record, dict):
            raise ValueError("not a table")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise as_input_error(error, file) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            "damaged", where=str(file), right="Begin again in another directory with -o."
        ) from error
    return record


def _discard_partials(directory: Path) -> None:
    """Remove what killed processes left half written."""
    for folder in (directory, directory / "cases", directory / "plots"):
        for path in folder.glob("*.partial*"):
            path.unlink(missing_ok=True)


def _refuse_foreign(directory: Path) -> None:
    others = sorted(p.name for p in directory.iterdir() if not _OURS.fullmatch(p.name))
    if others:
        raise InputError(
            f"holds other files ({', '.join(others[:3])}{', ...' if len(others) > 3 else ''})",
            where=str(directory),
            right="Choose an empty or new directory with -o.",
        )


def _refuse_other(directory: Path, record: dict[str, Any], identity: Identity) -> None:
    for key, value in asdict(identity).items():
        found = record.get(key)
        if found == value and type(found) is type(value):
            continue
        shown = str(found)[:40]
        what = {
            "skycrane": f"holds cases flown by skycrane {shown}, this is {value}",
            "mission_sha256": f"holds cases of another version of mission {identity.mission}",
            "mission": f"holds cases of mission {shown}, not {value}",
            "seed": f"holds cases with seed {shown}, not {value}",
            "cases": f"holds a campaign of {shown} cases, not {value}",
            "fidelity": f"holds cases at {shown} fidelity, not {value}",
            "device": f"holds cases flown on {shown}, not on {value}",
        }.get(key, "holds cases of another version of skycrane")
        raise InputError(what, where=str(directory), right="Choose another directory with -o.")


_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def _lock(path: Path, *, shared: bool) -> Iterator[bool]:
    """Yield whether a lock was had; it goes with the process, however that ends.

    File systems of clusters may know no locks. There two processes may do the same work, which
    costs time and nothing else: all files are renamed into place whole, and with equal bytes.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        mine = True
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            mine = False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise as_input_error(error, path) from error
        yield mine
    finally:
        os.close(handle)
