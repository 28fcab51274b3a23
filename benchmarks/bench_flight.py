"""How fast a landing is flown: one whole flight, and guided entries by the thousand on one core."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import warp as wp

from benchmarks.peers.run import run_peer
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
from skycrane.mars.atmosphere import air_profile
from skycrane.mission import Mission, load_mission

ENTRIES, STEP_S, REPEATS, END_M_S = 512, 0.25, 15, 450.0


def _whole_flight_s(mission: Mission) -> float:
    simulate(mission)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        simulate(mission)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _entries_per_s(mission: Mission) -> float:
    record = case_record(mission, ENTRIES)
    record["entry_step"] = STEP_S
    # Ends at a speed, as the peer's does, whatever Mach number and pressure it is met at.
    record["by_range"], record["deploy_speed"] = 0, END_M_S
    record["straighten_speed"] = END_M_S + 20
    record["mach_maximum"] = record["pressure_maximum"] = 1e9
    plan = FlightPlan.of(mission)
    tables = with_gusts(plan.tables, mission, device="cpu", seed=0, case_ids=range(ENTRIES))
    reference = plan.reference.on("cpu")
    cases = wp.array(record, dtype=Case, device="cpu")
    times = []
    for _ in range(REPEATS + 1):
        states = wp.zeros(ENTRIES, dtype=VehicleState, device="cpu")
        samples = wp.zeros((ENTRIES, 0), dtype=Sample, device="cpu")
        counts = wp.zeros(ENTRIES, dtype=wp.int32, device="cpu")
        events = wp.zeros((ENTRIES, EVENT_COUNT), dtype=EventSlot, device="cpu")
        falling = wp.zeros((ENTRIES, 1 + BALANCE_SLOTS), dtype=FallState, device="cpu")
        start = time.process_time()
        wp.launch(
            fly_entry,
            dim=ENTRIES,
            inputs=[cases, tables, reference],
            outputs=[samples, counts, states, events, falling],
            device="cpu",
        )
        times.append(time.process_time() - start)
        reached = np.asarray(states.numpy()["outcome"]) == 0
        if not reached.all():
            raise RuntimeError("an entry did not reach its parachute")
    return ENTRIES / statistics.median(times[1:])


def _peer_entries_per_s(mission: Mission) -> float | None:
    """AMAT over the same air from the same state, steps of the same length, at constant bank."""
    profile = air_profile(mission)
    heights = np.arange(0.0, 150_001.0, 500.0)
    columns = [
        np.interp(heights, profile.altitude_m, values)
        for values in (
            profile.temperature_k,
            profile.pressure_pa,
            profile.density,
        )
    ]
    shell = mission.vehicle.aeroshell
    area = np.pi / 4 * shell.diameter_m**2
    mass = mission.vehicle.masses.entry_kg
    entry = {
        "vehicle": [mass, mass / (1.45 * area), 0.24, area, 0.0, shell.nose_radius_m],
        "state": [119.9, 66.802, 20.827, 5.33237, 0.0, -16.14, 0.0, 0.0],
        "step_s": STEP_S,
        "bank_deg": 60.0,
    }
    with tempfile.TemporaryDirectory() as directory:
        air, given = Path(directory) / "air.dat", Path(directory) / "entry.json"
        np.savetxt(air, np.column_stack([heights, *columns]))
        given.write_text(json.dumps(entry))
        found = run_peer("amat", "amat_entry.py", str(air), str(given))
    return None if found is None else float(found["entries_per_core_s"])


def measure() -> dict[str, dict]:
    """Measure both figures on one core of this machine, the entries beside AMAT's."""
    start_warp()
    mission = load_mission("mars2020")
    entries = _entries_per_s(mission)
    peer = _peer_entries_per_s(mission)
    return {
        "whole_flight_s": {
            "value": round(_whole_flight_s(mission), 3),
            "unit": "s",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "conditions": "one core, Mars 2020 from entry interface to rest, six degrees of "
            "freedom from the mortar, with its reference trajectory, 64 steps a second, kernels "
            "cached, recorded but nothing written",
        },
        "entry_flights_per_core_s": {
            "value": round(entries, 1),
            "unit": "flights/s",
            "peer": "AMAT 2.3.0 propogateEntry, same air, state and step, constant bank",
            "peer_value": None if peer is None else round(peer, 1),
            "ratio": None if peer is None else round(entries / peer, 1),
            "conditions": f"CPU seconds of one core, batches of {ENTRIES}, guided entry to "
            f"{END_M_S:g} m/s at {STEP_S} s steps, each with gusts of its own, reference "
            "shared, nothing recorded; AMAT flies no guidance",
        },
    }
