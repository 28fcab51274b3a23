"""Small campaigns to fly in tests: few cases in small chunks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from skycrane.mission import Mission
from skycrane.montecarlo.campaign import Campaign, Identity
from skycrane.montecarlo.crew import Crew, own_crew
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


def results(directory: Path) -> dict[str, bytes]:
    """Return every file of a campaign that has to be the same each time."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith("lock")
    }
