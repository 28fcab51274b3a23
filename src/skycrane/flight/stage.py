"""The first stage of a landing: fly the mission and write its record."""

from __future__ import annotations

from typing import Any

from skycrane.flight.compare import compare, compare_figures
from skycrane.flight.events import crash_reason, events_of
from skycrane.flight.figures import figures_of
from skycrane.flight.record import Flight, write_flight
from skycrane.flight.simulate import RawFlight, simulate
from skycrane.flight.state import Outcome
from skycrane.flight.tracks import tracks_of
from skycrane.mars.terrain import terrain_of
from skycrane.mission import Mission
from skycrane.stage import StageContext, StageResult

__all__ = ["fly", "fly_mission"]


def fly(context: StageContext) -> StageResult:
    """Fly the mission of a run and write flight/flight.nc and flight/events.json.

    A crash is written like a landing, with an event "crash"; the summary's `outcome` and `reason`
    tell which it was.

    Raises:
        InputError: the directory cannot be written to.
    """
    with context.progress.task("Flying", total=2) as advance:
        flight, summary = fly_mission(
            context.mission,
            seed=context.seed,
            case=context.case,
            device=context.device,
            workers=context.workers,
        )
        advance()
        outputs = write_flight(flight, context.directory)
        advance()
    return StageResult(outputs=outputs, summary=summary, device=context.device)


def fly_mission(
    mission: Mission,
    *,
    seed: int = 0,
    case: int = 0,
    device: str = "cpu",
    workers: int | None = None,
) -> tuple[Flight, dict[str, Any]]:
    """Fly a case of a mission over its ground; return it and its figures (see `summarise`)."""
    terrain = terrain_of(mission, workers=workers)
    raw = simulate(mission, device=device, seed=seed, height_m=terrain.height_m, case=case)
    landed = raw.outcome == Outcome.LANDED
    flight = Flight(
        bodies=tracks_of(raw, mission),
        events=events_of(raw),
        site_radius_m=mission.site.radius_m,
        outcome="landed" if landed else "crashed",
        reason=crash_reason(raw),
    )
    return flight, summarise(raw, flight, mission)


def summarise(raw: RawFlight, flight: Flight, mission: Mission) -> dict[str, Any]:
    """Return the figures of a flight: plain JSON values, units in the keys."""
    figures = figures_of(raw, mission)
    return {
        "outcome": flight.outcome,
        "reason": flight.reason,
        **figures,
        "record_end_t_s": round(flight.t_end_s, 3),
        "comparison": compare(flight, mission.flown),
        "figures": compare_figures(figures, mission.flown_figure),
    }
