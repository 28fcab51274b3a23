"""The kernels of a flight in order, for any number of cases at once, on one device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from skycrane.flight.case import Case, Tables
from skycrane.flight.entry import fly_entry
from skycrane.flight.falling import fly_falling
from skycrane.flight.parachute import fly_parachute
from skycrane.flight.powered import fly_powered
from skycrane.flight.reference import ReferenceTrajectory
from skycrane.flight.state import (
    BALANCE_SLOTS,
    EVENT_COUNT,
    EventSlot,
    FallState,
    LanderState,
    Sample,
    VehicleState,
)

__all__ = ["Flown", "fly_cases"]

Rows = NDArray[Any]


@dataclass(frozen=True)
class Flown:
    """What the kernels leave of n cases, as structured arrays.

    Attributes:
        record: the cases flown, fields of `Case`, shape (n,).
        events: fields of `EventSlot`, shape (n, EVENT_COUNT).
        impacts: the same of heat shield (0) and balance masses (1, 2, ...), (n, 1 + BALANCE_SLOTS).
        outcomes: values of `Outcome`, shape (n,).
        propellant_kg: left in the descent stage at the end, shape (n,).
        legs: samples by leg name, one array a case; empty where nothing was recorded.
    """

    record: Rows
    events: Rows
    impacts: Rows
    outcomes: NDArray[np.int32]
    propellant_kg: NDArray[np.float64]
    legs: dict[str, list[Rows]]


class _Buffers:
    """Samples of one leg of the flight, of each case."""

    def __init__(self, count: int, capacity: int, device: str) -> None:
        self.samples = wp.zeros((count, capacity), dtype=Sample, device=device)
        self.counts = wp.zeros(count, dtype=wp.int32, device=device)

    def rows(self) -> list[Rows]:
        lengths = self.counts.numpy()
        samples = self.samples.numpy()
        return [np.array(s[:n]) for s, n in zip(samples, lengths, strict=True)]


def _capacities(record: Rows, keep: bool) -> Sequence[int]:
    if not keep:
        return (0, 0, 0, 0)
    entry = int(np.max(record["entry_limit"] / record["entry_step"])) + 4
    descent = int(np.max(record["descent_limit"] / record["descent_step"])) + 4
    return (entry, descent, descent, descent)


def fly_cases(
    record: Rows,
    tables: Tables,
    reference: ReferenceTrajectory,
    *,
    device: str,
    keep: bool = False,
) -> Flown:
    """Fly cases (see `case.case_record`) over tables made for as many; `keep` records samples."""
    n = len(record)
    cases = wp.array(record, dtype=Case, device=device)
    names = ("entry", "parachute", "powered", "shield")
    buffers = {
        name: _Buffers(n, capacity, device)
        for name, capacity in zip(names, _capacities(record, keep), strict=True)
    }
    states = wp.zeros(n, dtype=VehicleState, device=device)
    landers = wp.zeros(n, dtype=LanderState, device=device)
    falling = wp.zeros((n, 1 + BALANCE_SLOTS), dtype=FallState, device=device)
    events = wp.zeros((n, EVENT_COUNT), dtype=EventSlot, device=device)
    impacts = wp.zeros((n, 1 + BALANCE_SLOTS), dtype=EventSlot, device=device)

    def launch(kernel: Any, dim: Any, inputs: list[Any], leg: str, outputs: list[Any]) -> None:
        kept = [buffers[leg].samples, buffers[leg].counts]
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=[*kept, *outputs], device=device)

    launch(fly_entry, n, [cases, tables, reference.on(device)], "entry", [states, events, falling])
    launch(fly_parachute, n, [cases, tables, states], "parachute", [landers, events, falling])
    launch(fly_powered, n, [cases, tables, landers], "powered", [events])
    launch(fly_falling, (n, 1 + BALANCE_SLOTS), [cases, tables, falling], "shield", [impacts])
    lander, vehicle = landers.numpy(), states.numpy()
    flew = lander["started"] != 0
    return Flown(
        record=record,
        events=np.array(events.numpy()),
        impacts=np.array(impacts.numpy()),
        outcomes=np.where(flew, lander["outcome"], vehicle["outcome"]).astype(np.int32),
        propellant_kg=np.where(flew, lander["propellant"], vehicle["propellant"]),
        legs={name: buffer.rows() for name, buffer in buffers.items()} if keep else {},
    )
