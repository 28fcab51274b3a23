"""Flying many cases: what is missing is flown, and all of it merged and told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skycrane.files import write_json
from skycrane.flight.simulate import Fidelity
from skycrane.mission import Mission
from skycrane.montecarlo.campaign import Campaign, Identity, Shard
from skycrane.montecarlo.crew import Crew, Job, dask_crew, local_crew, own_crew, work_off
from skycrane.montecarlo.ground import campaign_ground
from skycrane.montecarlo.merge import merge
from skycrane.montecarlo.plots import draw_all
from skycrane.montecarlo.statistics import statistics_of
from skycrane.progress import Progress

__all__ = ["Order", "fly_many"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the command asks for.

    Attributes:
        cases: how many, the nominal one included.
        seed: of every draw.
        fidelity: how cases are flown.
        device: "cpu" or "cuda:0", already resolved.
        workers: processes on this machine; not used with a GPU or a cluster.
        dask: address of a Dask scheduler, or None.
        shard: the part to fly, or None for all.
        chunk_cases: cases a chunk; what suits the device if None. Results do not depend on it.
    """

    cases: int
    seed: int = 0
    fidelity: Fidelity = "full"
    device: str = "cpu"
    workers: int = 1
    dask: str | None = None
    shard: Shard | None = None
    chunk_cases: int | None = None

    @property
    def crew(self) -> Crew:
        """Who flies."""
        if self.dask is not None:
            return dask_crew(self.dask)
        return own_crew() if self.device != "cpu" else local_crew(self.workers)


def fly_many(
    mission: Mission, directory: Path, order: Order, progress: Progress
) -> dict[str, Any] | None:
    """Fly the cases that are not finished, and merge once all of them are.

    Killed and started again, it goes on from the finished chunks. Returns the statistics, or None
    where a shard is done and others are not.

    Raises:
        InputError: an argument, the mission or the directory cannot be used.
        CampaignError: workers were lost again and again.
    """
    identity = Identity.of(
        mission,
        seed=order.seed,
        cases=order.cases,
        fidelity=order.fidelity,
        device=order.device,
        chunk_cases=order.chunk_cases,
    )
    with Campaign.opened(directory, mission, identity, shared=order.shard is not None) as campaign:
        _fly(campaign, order, progress)
        if order.shard is not None and campaign.missing(list(campaign.chunks)):
            return None
        with campaign.merging() as mine:
            return _merge(campaign, progress) if mine else None


def _fly(campaign: Campaign, order: Order, progress: Progress) -> None:
    chunks = campaign.chunks_of(order.shard)
    left = campaign.missing(chunks)
    total = sum(len(campaign.case_ids(chunk)) for chunk in chunks)
    if left:
        campaign_ground(campaign.directory, campaign.mission)
    with _counting(progress, "Flying", total) as advance:
        advance(total - sum(len(campaign.case_ids(chunk)) for chunk in left))
        work_off(
            Job.of(campaign, order.device),
            left,
            order.crew,
            lambda chunk, _: advance(len(campaign.case_ids(chunk))),
        )


def _merge(campaign: Campaign, progress: Progress) -> dict[str, Any]:
    from skycrane.mars.terrain import terrain_of

    with _counting(progress, "Merging", campaign.identity.cases) as advance:
        harvest = merge(campaign, advance)
    statistics = statistics_of(harvest, asdict(campaign.identity))
    with _counting(progress, "Drawing", 1) as advance:
        height_m = terrain_of(campaign.mission).height_m
        draw_all(campaign.directory, harvest, statistics, campaign.mission, height_m)
        advance(1)
    write_json(campaign.directory / "statistics.json", statistics)
    return statistics


def _counting(
    progress: Progress, what: str, total: int
) -> AbstractContextManager[Callable[[int], None]]:
    return progress.task(what, total=total)
