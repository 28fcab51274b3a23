"""The flight does not depend on the steps it is integrated with; the computer's ticks stay."""

from __future__ import annotations

import numpy as np
import pytest
from flight_builders import changed

from skycrane.flight.simulate import simulate
from skycrane.flight.state import EVENT_NAMES, EventId
from skycrane.mission import load_mission

EVENT_LIMIT_S = 5e-3
PLACE_LIMIT_M = 1e-2
STEPS = {"entry": ("entry_s",), "descent": ("descent_s",), "both": ("entry_s", "descent_s")}


@pytest.mark.parametrize("name", STEPS)
def test_halving_the_steps_moves_no_event_and_no_touchdown(name, mission, raw):
    """Fails with any first-order part in a step, and with anything the steps alias."""
    assert_halving_changes_nothing(STEPS[name], mission, raw)


def test_halving_the_steps_of_another_mission(mission):
    """Other speed, mass, site and triggers: the steps are not fitted to one flight either."""
    other = load_mission("msl")
    assert other.entry != mission.entry
    assert_halving_changes_nothing(STEPS["both"], other, simulate(other))


def assert_halving_changes_nothing(which, mission, raw) -> None:
    steps = mission.guidance.steps.model_dump()
    halved = {f"guidance__steps__{step}": steps[step] / 2 for step in which}
    fine = simulate(changed(mission, **halved))
    happened = raw.events["happened"]
    np.testing.assert_array_equal(fine.events["happened"], happened)
    late = (fine.events["t"] - raw.events["t"])[happened != 0]
    moved = {
        EVENT_NAMES[k]: round(float(late_s), 5)
        for k, late_s in zip(np.flatnonzero(happened), late, strict=True)
        if abs(late_s) > EVENT_LIMIT_S
    }
    assert moved == {}
    apart = fine.events[EventId.TOUCHDOWN]["position"] - raw.events[EventId.TOUCHDOWN]["position"]
    assert np.linalg.norm(apart) < PLACE_LIMIT_M
    fallen = fine.impacts["t"] - raw.impacts["t"]
    assert np.abs(fallen).max() < EVENT_LIMIT_S
