"""One flight from entry interface to rest: the kernels in order, on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.compute import start_warp
from skycrane.errors import InputError
from skycrane.flight.case import Case, HeightFunction, case_record, make_tables
from skycrane.flight.entry import fly_entry
from skycrane.flight.falling import fly_falling
from skycrane.flight.parachute import fly_parachute
from skycrane.flight.powered import fly_powered
from skycrane.flight.reference import ReferenceTrajectory, derive_reference
from skycrane.flight.state import (
    BALANCE_SLOTS,
    EVENT_COUNT,
    EventSlot,
    FallState,
    LanderState,
    Outcome,
    Sample,
    VehicleState,
)
from skycrane.mission import Mission

__all__ = ["RawFlight", "simulate"]

Rows = NDArray[Any]


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


class _Buffers:
    """Samples of one leg of the flight."""

    def __init__(self, capacity: int, device: str) -> None:
        self.samples = wp.zeros((1, capacity), dtype=Sample, device=device)
        self.counts = wp.zeros(1, dtype=wp.int32, device=device)

    def rows(self) -> Rows:
        return np.array(self.samples.numpy()[0, : int(self.counts.numpy()[0])])


def simulate(
    mission: Mission,
    *,
    device: str = "cpu",
    seed: int = 0,
    height_m: HeightFunction | None = None,
) -> RawFlight:
    """Fly a mission once.

    Args:
        mission: what is flown.
        device: "cpu" or "cuda:0".
        seed: of the gusts.
        height_m: ground over the target's sphere at (east, north) of the target; level if None.

    Raises:
        InputError: the mission's values cannot be computed with: the motion ran away.
    """
    start_warp()
    record = case_record(mission)
    tables = make_tables(mission, device=device, seed=seed, height_m=height_m)
    reference = derive_reference(record, tables, device=device)
    cases = wp.array(record, dtype=Case, device=device)
    steps = mission.guidance.steps
    entry = _Buffers(int(steps.entry_limit_s / steps.entry_s) + 4, device)
    descent = int(steps.descent_limit_s / steps.descent_s) + 4
    parachute, powered, shield = (_Buffers(descent, device) for _ in range(3))
    states = wp.zeros(1, dtype=VehicleState, device=device)
    landers = wp.zeros(1, dtype=LanderState, device=device)
    falling = wp.zeros((1, 1 + BALANCE_SLOTS), dtype=FallState, device=device)
    events = wp.zeros((1, EVENT_COUNT), dtype=EventSlot, device=device)
    impacts = wp.zeros((1, 1 + BALANCE_SLOTS), dtype=EventSlot, device=device)

    def launch(kernel: Any, dim: Any, inputs: list[Any], outputs: list[Any]) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=device)

    launch(
        fly_entry,
        1,
        [cases, tables, reference.on(device)],
        [states, entry.samples, entry.counts, events, falling],
    )
    launch(
        fly_parachute,
        1,
        [cases, tables, states],
        [landers, parachute.samples, parachute.counts, events, falling],
    )
    launch(fly_powered, 1, [cases, tables, landers], [powered.samples, powered.counts, events])
    launch(
        fly_falling,
        (1, 1 + BALANCE_SLOTS),
        [cases, tables, falling],
        [shield.samples, shield.counts, impacts],
    )
    lander, vehicle = landers.numpy()[0], states.numpy()[0]
    flew = bool(lander["started"])
    raw = RawFlight(
        case=record[0],
        entry=entry.rows(),
        parachute=parachute.rows(),
        powered=powered.rows(),
        shield=shield.rows(),
        events=np.array(events.numpy()[0]),
        impacts=np.array(impacts.numpy()[0]),
        outcome=Outcome(int(lander["outcome"] if flew else vehicle["outcome"])),
        propellant_kg=float(lander["propellant"] if flew else vehicle["propellant"]),
        reference=reference,
    )
    _check_sane(raw)
    return raw


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
