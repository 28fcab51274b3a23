"""One flight from entry interface to rest: the kernels in order, on one device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skycrane.compute import start_warp
from skycrane.errors import InputError
from skycrane.flight.case import Tables
from skycrane.flight.case_record import case_record
from skycrane.flight.deploy_range import with_deploy_range
from skycrane.flight.dispersion import NOMINAL, disperse
from skycrane.flight.launch import Flown, fly_cases
from skycrane.flight.reference import ReferenceTrajectory, derive_reference
from skycrane.flight.state import Outcome, Sample
from skycrane.flight.tables import (
    HeightFunction,
    Heights,
    ground_heights,
    ground_of,
    make_tables,
    with_gusts,
)
from skycrane.mission import Mission

__all__ = ["NOMINAL", "Fidelity", "FlightPlan", "RawFlight", "raw_case", "simulate"]

Rows = NDArray[Any]
Fidelity = Literal["full", "point_mass"]


@dataclass(frozen=True)
class RawFlight:
    """What the kernels leave of one case, as structured arrays (fields of `state.Sample`).

    Attributes:
        case: the case flown, fields of `Case`.
        entry: entry interface to mortar.
        parachute: mortar until backshell and canopy lie on the ground.
        powered: backshell separation until descent stage and rover are at rest.
        shield: the heat shield on its own.
        events: fields of `EventSlot`, shape (EVENT_COUNT,).
        impacts: the same of heat shield (0) and balance masses (1, 2, ...).
        outcome: how it ended.
        propellant_kg: left in the descent stage at the end.
        reference: what the entry guidance followed.
    """

    case: Rows
    entry: Rows
    parachute: Rows
    powered: Rows
    shield: Rows
    events: Rows
    impacts: Rows
    outcome: Outcome
    propellant_kg: float
    reference: ReferenceTrajectory


@dataclass(frozen=True)
class FlightPlan:
    """What all cases of a mission share on one device: tables, ground, reference trajectory."""

    mission: Mission
    seed: int
    device: str
    tables: Tables
    reference: ReferenceTrajectory
    fidelity: Fidelity = "full"

    @classmethod
    def of(
        cls,
        mission: Mission,
        *,
        device: str = "cpu",
        seed: int = 0,
        height_m: HeightFunction | None = None,
        heights: Heights | None = None,
        fidelity: Fidelity = "full",
    ) -> FlightPlan:
        """Prepare a mission.

        Args:
            mission: what is flown.
            device: "cpu" or "cuda:0".
            seed: of every draw of every case.
            height_m: ground over the target's sphere at (east, north) of the target; level if None.
            heights: the same as `tables.ground_heights` gives it, where it is at hand.
            fidelity: "full", or "point_mass" for many flights.
        """
        start_warp()
        if height_m is not None:
            heights = ground_heights(height_m)
        ground = None if heights is None else ground_of(heights, device)
        tables = make_tables(mission, device=device, ground=ground)
        calm = with_gusts(tables, mission, device=device, seed=seed, case_ids=[NOMINAL])
        mission = with_deploy_range(mission, calm, device=device)
        reference = derive_reference(case_record(mission), calm, device=device)
        return cls(mission, seed, device, tables, reference, fidelity)

    def fly(self, case_ids: Sequence[int], *, keep: bool = False) -> Flown:
        """Fly cases by their numbers; number 0 is the nominal one. `keep` records samples."""
        record = case_record(self.mission, len(case_ids))
        disperse(record, self.mission, seed=self.seed, case_ids=case_ids)
        if self.fidelity == "point_mass":
            steps = self.mission.guidance.steps
            record["point"] = 1
            record["entry_step"] = steps.point_mass_entry_s
            record["descent_step"] = steps.point_mass_descent_s
            record["tick"] = np.maximum(record["tick"], steps.point_mass_descent_s)
        tables = with_gusts(
            self.tables, self.mission, device=self.device, seed=self.seed, case_ids=case_ids
        )
        return fly_cases(record, tables, self.reference, device=self.device, keep=keep)


def simulate(
    mission: Mission,
    *,
    device: str = "cpu",
    seed: int = 0,
    height_m: HeightFunction | None = None,
    case: int = NOMINAL,
) -> RawFlight:
    """Fly one case of a mission, recorded; arguments as of `FlightPlan.of`.

    Raises:
        InputError: the mission's values cannot be computed with: the motion ran away.
    """
    plan = FlightPlan.of(mission, device=device, seed=seed, height_m=height_m)
    flown = plan.fly([case], keep=True)
    raw = raw_case(flown, 0, plan.reference)
    _check_sane(raw)
    return raw


def raw_case(flown: Flown, index: int, reference: ReferenceTrajectory) -> RawFlight:
    """Return one case of many, with empty legs where nothing was recorded."""
    nothing = np.zeros(0, dtype=Sample.numpy_dtype())  # type: ignore[attr-defined]
    legs = {name: rows[index] for name, rows in flown.legs.items()}
    return RawFlight(
        case=flown.record[index],
        entry=legs.get("entry", nothing),
        parachute=legs.get("parachute", nothing),
        powered=legs.get("powered", nothing),
        shield=legs.get("shield", nothing),
        events=flown.events[index],
        impacts=flown.impacts[index],
        outcome=Outcome(int(flown.outcomes[index])),
        propellant_kg=float(flown.propellant_kg[index]),
        reference=reference,
    )


_FASTEST_M_S = 1e6
"""Far above any entry, far below what a diverging integration reaches within seconds."""


def _check_sane(raw: RawFlight) -> None:
    """Refuse a motion that no integration gave, as of a spring too stiff for the step."""
    legs = {
        "the entry": raw.entry,
        "the descent under the parachute": raw.parachute,
        "the powered descent": raw.powered,
        "the heat shield's fall": raw.shield,
    }
    for leg, rows in legs.items():
        if not len(rows):
            continue
        bad = np.zeros(len(rows), dtype=bool)
        for name in rows.dtype.names or ():
            bad |= ~np.isfinite(rows[name]).reshape(len(rows), -1).all(axis=1)
        bad |= (np.abs(rows["velocity"]) > _FASTEST_M_S).any(axis=-1)
        if bad.any():
            t = float(rows["t"][int(np.argmax(bad))])
            when = f" {t:.2f} s after entry interface" if np.isfinite(t) else ""
            raise InputError(
                f"the motion in {leg} ran away{when}",
                where="the mission's vehicle, air and guidance.steps",
                right="Look for a very small mass or inertia, a very stiff line, bridle or ground, "
                "or a step too long for them.",
            )
