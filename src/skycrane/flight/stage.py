"""The first stage of a landing: fly the mission and write its record."""

from __future__ import annotations

from typing import Any

import numpy as np

from skycrane.flight.compare import compare
from skycrane.flight.events import crash_reason, events_of
from skycrane.flight.record import STANDARD_GRAVITY_M_S2, Flight, write_flight
from skycrane.flight.simulate import RawFlight, simulate
from skycrane.flight.state import EventId, Outcome
from skycrane.flight.tracks import tracks_of
from skycrane.mars.frames import SiteFrame
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
    frame = SiteFrame.of(mission.site)
    summary: dict[str, Any] = {"outcome": flight.outcome, "reason": flight.reason}
    touchdown = raw.events[EventId.TOUCHDOWN]
    if touchdown["happened"]:
        place = frame.position_site_m(touchdown["position"])
        velocity = frame.vector_site(touchdown["velocity"])
        summary |= {
            "touchdown_t_s": round(float(touchdown["t"]), 3),
            "touchdown_vertical_speed_m_s": round(float(-velocity[2]), 4),
            "touchdown_horizontal_speed_m_s": round(float(np.hypot(*velocity[:2])), 4),
            "miss_m": round(float(np.hypot(*place[:2])), 2),
        }
    load = raw.events[EventId.PEAK_DECELERATION]
    if load["happened"]:
        summary["peak_deceleration_g"] = round(float(load["value"]) / STANDARD_GRAVITY_M_S2, 3)
        summary["peak_deceleration_t_s"] = round(float(load["t"]), 3)
    mortar = raw.events[EventId.PARACHUTE_DEPLOY]
    if mortar["happened"]:
        summary["parachute_deploy_mach"] = round(float(mortar["mach"]), 3)
        summary["parachute_deploy_dynamic_pressure_pa"] = round(float(mortar["pressure"]), 1)
    pull = raw.events[EventId.PEAK_PARACHUTE_LOAD]
    if pull["happened"]:
        summary["peak_parachute_load_kn"] = round(float(pull["value"]) / 1e3, 2)
    parted = raw.events[EventId.BACKSHELL_SEPARATION]
    if parted["happened"]:
        height = float(frame.altitude_m(parted["position"]))
        summary["backshell_separation_altitude_m"] = round(height, 1)
        speed = float(np.linalg.norm(parted["velocity"]))
        summary["backshell_separation_speed_m_s"] = round(speed, 2)
    cut = raw.events[EventId.BRIDLE_CUT]
    if cut["happened"]:
        summary["propellant_at_bridle_cut_kg"] = round(float(cut["value"]), 1)
    summary["record_end_t_s"] = round(flight.t_end_s, 3)
    summary["comparison"] = compare(flight, mission.flown)
    return summary
