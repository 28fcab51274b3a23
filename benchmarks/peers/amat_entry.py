"""AMAT's fastest entry to 450 m/s, timed; run by the benchmark in AMAT's own environment.

Usage: python amat_entry.py AIR.dat ENTRY.json, the air as rows of height m, temperature K, pressure
Pa, density kg/m3, the entry as what `setInitialState` and `Vehicle` take. Prints one JSON object.
AMAT has no guided landing: a constant bank is flown, which costs it less than guidance would.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from AMAT.planet import Planet
from AMAT.vehicle import Vehicle

REPEATS = 5
RUNS = 10


def main(air: str, entry: str) -> None:
    """Time the entry, with AMAT's faster kind of interpolation, at the solver's own accuracy."""
    with open(entry, encoding="utf-8") as file:
        given = json.load(file)
    planet = Planet("MARS")
    planet.h_skip, planet.h_trap, planet.h_low = 120e3, 2e3, 2e3
    planet.loadAtmosphereModel(air, 0, 1, 2, 3, intType="linear")
    vehicle = Vehicle("peer", *given["vehicle"], planet)
    vehicle.setInitialState(*given["state"])
    vehicle.setSolverParams(1e-6)
    vehicle.propogateEntry(400.0, given["step_s"], given["bank_deg"])
    slow = np.flatnonzero(vehicle.v_kmsc < 0.45)
    if not len(slow):
        raise SystemExit("the peer's entry did not slow down to 450 m/s")
    end_s = float(vehicle.t_minc[slow[0]]) * 60
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(RUNS):
            vehicle.propogateEntry(end_s, given["step_s"], given["bank_deg"])
        times.append((time.process_time() - start) / RUNS)
    print(json.dumps({"entries_per_core_s": 1 / min(times), "end_s": end_s}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
