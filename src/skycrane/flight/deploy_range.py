"""How far before the target the parachute is to open, found by flying the descent."""

from __future__ import annotations

import numpy as np

from skycrane.flight.case import Tables
from skycrane.flight.case_record import case_record
from skycrane.flight.launch import fly_cases
from skycrane.flight.reference import derive_reference
from skycrane.flight.state import EventId
from skycrane.mars.frames import SiteFrame
from skycrane.mission import Mission

__all__ = ["with_deploy_range"]

_FIRST_M = 9000.0
_LEAST_M, _MOST_M = 100.0, 100_000.0
_TRIES = 6
_NEAR_M = 50.0
"""The descent carries as far as the wind and the entry let it; nearer than this is chance."""


def with_deploy_range(mission: Mission, tables: Tables, *, device: str) -> Mission:
    """Return the mission with `guidance.parachute.deploy_range_m`, found where it was left out.

    The nominal descent is flown, and the range that the entry is guided to moved, until the
    backshell lets go over the target; where a fix on the terrain lets the lander fly to it, until
    it does so short of it by the middle of `divert_minimum_m` and `divert_maximum_m`: as much
    in hand either way. A mission that never comes to its backshell keeps the range tried last.
    """
    if mission.guidance.parachute.deploy_range_m is not None:
        return mission
    guidance = mission.guidance
    reach = guidance.powered.divert_minimum_m + guidance.powered.divert_maximum_m
    lead = 0.5 * reach * guidance.navigation.fix_on_terrain
    range_m = _FIRST_M
    for _ in range(_TRIES):
        mission = _with_range(mission, range_m)
        left = _left_m(mission, tables, device=device)
        if left is None or abs(left - lead) < _NEAR_M:
            break
        range_m = round(float(np.clip(range_m - left + lead, _LEAST_M, _MOST_M)), 1)
    return mission


def _with_range(mission: Mission, range_m: float) -> Mission:
    chute = mission.guidance.parachute.model_copy(update={"deploy_range_m": range_m})
    guidance = mission.guidance.model_copy(update={"parachute": chute})
    return mission.model_copy(update={"guidance": guidance})


def _left_m(mission: Mission, tables: Tables, *, device: str) -> float | None:
    """Return how far short of the target, along the track, the backshell lets go, or None."""
    record = case_record(mission)
    reference = derive_reference(record, tables, device=device)
    events = fly_cases(record, tables, reference, device=device).events[0]
    mortar, parted = events[EventId.PARACHUTE_DEPLOY], events[EventId.BACKSHELL_SEPARATION]
    if not parted["happened"]:
        return None
    frame = SiteFrame.of(mission.site)
    track = frame.vector_site(mortar["velocity"])[:2]
    away = -frame.position_site_m(parted["position"])[:2]
    return float(away @ track / np.linalg.norm(track))
