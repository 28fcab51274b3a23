"""Small campaigns to fly in tests: few cases in small chunks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from skycrane.mission import Mission
from skycrane.montecarlo.campaign import Campaign, Identity
from skycrane.montecarlo.crew import Crew, Job, own_crew, work_off
from skycrane.montecarlo.merge import merge
from skycrane.montecarlo.run import Order

SEED = 4
CASES = 22
CHUNK_CASES = 3
CHUNKS = 8


@dataclass(frozen=True, kw_only=True)
class HereOrder(Order):
    """An order that is flown in this process, as with a GPU: no workers to start."""

    @property
    def crew(self) -> Crew:
        return own_crew()


def order(kind: type[Order] = HereOrder, **values) -> Order:
    wanted = {"cases": CASES, "seed": SEED, "chunk_cases": CHUNK_CASES, **values}
    return kind(**wanted)


def identity(mission: Mission, **values) -> Identity:
    wanted = {"cases": CASES, "seed": SEED, "chunk_cases": CHUNK_CASES} | values
    return Identity.of(mission, fidelity="full", device="cpu", **wanted)


def opened(
    directory: Path, mission: Mission, **values
) -> contextlib.AbstractContextManager[Campaign]:
    return Campaign.opened(directory, mission, identity(mission, **values), shared=False)


def fly_here(campaign: Campaign, chunks: list[int]) -> None:
    work_off(Job.of(campaign, "cpu"), chunks, own_crew(), lambda *_: None)


def merged(directory: Path, mission: Mission) -> dict[str, bytes]:
    """Merge a finished campaign without drawing it; return its chunks and tables."""
    with opened(directory, mission) as campaign:
        assert campaign.missing(list(campaign.chunks)) == []
        merge(campaign, lambda _: None)
    return results(directory, "*.parquet")


def results(directory: Path, pattern: str = "*") -> dict[str, bytes]:
    """Return the files of a campaign that have to be the same each time."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob(pattern))
        if path.is_file() and not path.name.endswith("lock")
    }
