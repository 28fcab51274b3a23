"""The same case is the same flight: alone or among others, on the CPU or on a GPU."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.compute import devices
from skycrane.flight.simulate import FlightPlan
from skycrane.flight.state import EVENT_NAMES, EventId

needs_cuda = pytest.mark.skipif("cuda:0" not in devices(), reason="needs a CUDA device")
BATCH = [0, 5, 17, 3]


@pytest.fixture(scope="module")
def plan(mission):
    return FlightPlan.of(mission, seed=4)


@pytest.fixture(scope="module")
def together(plan):
    return plan.fly(BATCH)


def assert_same(one, i, other, j) -> None:
    """Field by field: the bytes that pad a struct mean nothing."""
    for name in ("events", "impacts", "record"):
        a, b = getattr(one, name)[i], getattr(other, name)[j]
        for field in a.dtype.names:
            assert a[field].tobytes() == b[field].tobytes(), (name, field)
    assert one.outcomes[i] == other.outcomes[j]
    assert one.propellant_kg[i] == other.propellant_kg[j]


@pytest.mark.parametrize("place", range(len(BATCH)))
def test_a_case_alone_is_bit_for_bit_the_one_in_a_batch(place, plan, together):
    """Fails if a thread reads another's gusts, or a draw depends on the order."""
    assert_same(plan.fly([BATCH[place]]), 0, together, place)


def test_cases_differ_from_each_other(together):
    """Otherwise the test above would compare one flight with itself."""
    times = together.events[:, EventId.PARACHUTE_DEPLOY]["t"]
    assert len(set(times.tolist())) == len(BATCH)


def test_recording_a_flight_does_not_change_it(plan, together):
    assert_same(plan.fly([BATCH[1]], keep=True), 0, together, 1)


@needs_cuda
def test_cpu_and_cuda_agree(mission, plan, together):
    """Entry within a microsecond; after it within what contact and snatch amplify, 1 ms."""
    there = FlightPlan.of(mission, seed=4, device="cuda:0").fly(BATCH)
    np.testing.assert_array_equal(there.outcomes, together.outcomes)
    happened = together.events["happened"]
    np.testing.assert_array_equal(there.events["happened"], happened)
    apart = np.abs(there.events["t"] - together.events["t"])
    mortar = together.events[:, EventId.PARACHUTE_DEPLOY]["t"]
    early = (together.events["t"] <= mortar[:, None]) & (happened != 0)
    # Peaks lie on a parabola through three samples: its top moves more than any sample does.
    peaks = [k for k, name in enumerate(EVENT_NAMES) if name.startswith(("peak", "max"))]
    early[:, peaks] = False
    assert apart[early].max() < 1e-6
    assert apart[happened != 0].max() < 1e-3
    down = EventId.TOUCHDOWN
    gap = there.events[:, down]["position"] - together.events[:, down]["position"]
    assert np.linalg.norm(gap, axis=1).max() < 1e-3
