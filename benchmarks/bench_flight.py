"""How fast a landing is flown: one whole flight, and guided entries by the thousand on one core."""

from __future__ import annotations

import statistics
import time

import numpy as np
import warp as wp

from skycrane.compute import start_warp
from skycrane.flight.case import Case
from skycrane.flight.case_record import case_record
from skycrane.flight.entry import fly_entry
from skycrane.flight.simulate import FlightPlan, simulate
from skycrane.flight.state import (
    BALANCE_SLOTS,
    EVENT_COUNT,
    EventSlot,
    FallState,
    Sample,
    VehicleState,
)
from skycrane.flight.tables import with_gusts
from skycrane.mission import load_mission

ENTRIES, STEP_S, REPEATS = 2000, 0.25, 3


def _whole_flight_s() -> float:
    mission = load_mission("mars2020")
    simulate(mission)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        simulate(mission)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _entries_per_s() -> float:
    mission = load_mission("mars2020")
    record = case_record(mission, ENTRIES)
    record["entry_step"] = STEP_S
    plan = FlightPlan.of(mission)
    tables = with_gusts(plan.tables, mission, device="cpu", seed=0, case_ids=range(ENTRIES))
    reference = plan.reference.on("cpu")
    cases = wp.array(record, dtype=Case, device="cpu")
    times = []
    for _ in range(REPEATS):
        states = wp.zeros(ENTRIES, dtype=VehicleState, device="cpu")
        samples = wp.zeros((ENTRIES, 0), dtype=Sample, device="cpu")
        counts = wp.zeros(ENTRIES, dtype=wp.int32, device="cpu")
        events = wp.zeros((ENTRIES, EVENT_COUNT), dtype=EventSlot, device="cpu")
        falling = wp.zeros((ENTRIES, 1 + BALANCE_SLOTS), dtype=FallState, device="cpu")
        start = time.perf_counter()
        wp.launch(
            fly_entry,
            dim=ENTRIES,
            inputs=[cases, tables, reference],
            outputs=[samples, counts, states, events, falling],
            device="cpu",
        )
        times.append(time.perf_counter() - start)
        reached = np.asarray(states.numpy()["outcome"]) == 0
        if not reached.all():
            raise RuntimeError("an entry did not reach its parachute")
    return ENTRIES / statistics.median(times)


def measure() -> dict[str, dict]:
    """Measure both figures on one core of this machine."""
    start_warp()
    return {
        "whole_flight_s": {
            "value": round(_whole_flight_s(), 3),
            "unit": "s",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "conditions": "one core, Mars 2020 from entry interface to rest with its reference "
            "trajectory, 64 steps a second under the parachute, kernels cached, nothing written",
        },
        "entry_flights_per_core_s": {
            "value": round(_entries_per_s(), 1),
            "unit": "flights/s",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "conditions": f"one core, guided entry to the mortar at {STEP_S} s steps, each with "
            "its own gusts of twelve waves, reference shared, nothing recorded",
        },
    }
