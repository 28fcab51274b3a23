"""The flight record: round trip, interpolation, damage."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from skycrane.errors import InputError
from skycrane.flight.record import BODIES, BodyTrack, Event, Flight, read_flight, write_flight


def track(name: str, n: int = 40) -> BodyTrack:
    rng = np.random.default_rng(len(name))
    t = np.cumsum(rng.uniform(0.02, 0.2, n))
    turn = Rotation.from_rotvec(np.outer(t, [0.1, -0.2, 0.3])).as_quat(scalar_first=True)
    # Cubic in time: the Hermite polynomial has to give it back exactly.
    c = rng.normal(size=(4, 3))
    position = 3.4e6 + sum(c[k] * t[:, None] ** k for k in range(4))
    velocity = sum(k * c[k] * t[:, None] ** (k - 1) for k in range(1, 4))
    return BodyTrack(
        name,
        t,
        position,
        velocity,
        turn,
        t < 1.0,
        {"load_m_s2": t**2, "throttle": rng.random((n, 8))},
    )


def flight() -> Flight:
    events = [
        Event("entry_interface", 0.0, 130e3, 5332.0, -1500.0, 25.0, 0.1),
        Event("backshell_separation", 2.0, 2.1e3, 83.0, -83.0, 0.35, 40.0, "note"),
    ]
    return Flight({name: track(name) for name in BODIES}, events, 3391936.5)


def test_round_trip_is_exact(tmp_path):
    first = flight()
    write_flight(first, tmp_path)
    again = read_flight(tmp_path)
    assert again.events == first.events
    assert (again.site_radius_m, again.outcome, again.reason) == (3391936.5, "landed", "")
    for name in BODIES:
        a, b = first.bodies[name], again.bodies[name]
        for key in ("time_s", "position_m", "velocity_m_s", "attitude_wxyz", "attached"):
            np.testing.assert_array_equal(getattr(a, key), getattr(b, key))
        assert a.drivers.keys() == b.drivers.keys()
        for key in a.drivers:
            np.testing.assert_array_equal(a.drivers[key], b.drivers[key])


def test_the_same_flight_gives_the_same_bytes(tmp_path):
    paths = [write_flight(flight(), tmp_path / which) for which in ("a", "b")]
    for one, other in zip(*paths, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_positions_between_samples_are_the_cubic():
    a = track("rover")
    rng = np.random.default_rng(len("rover"))
    rng.uniform(0.02, 0.2, 40)
    c = rng.normal(size=(4, 3))
    t = np.linspace(a.time_s[0], a.time_s[-1], 333)
    want = 3.4e6 + sum(c[k] * t[:, None] ** k for k in range(4))
    np.testing.assert_allclose(a.position(t), want, atol=2e-9, rtol=0)


def test_attitudes_agree_with_scipy_slerp():
    a = track("rover")
    t = np.linspace(a.time_s[0], a.time_s[-1], 333)
    want = Slerp(a.time_s, Rotation.from_quat(a.attitude_wxyz, scalar_first=True))(t)
    off = (Rotation.from_quat(a.attitude(t), scalar_first=True).inv() * want).magnitude()
    assert off.max() < 1e-12


def test_held_outside_the_record():
    a = track("rover")
    position, attitude = a.pose([-5.0, 1e6])
    np.testing.assert_allclose(position, a.position_m[[0, -1]], rtol=0, atol=1e-9)
    np.testing.assert_allclose(attitude, a.attitude_wxyz[[0, -1]], atol=1e-12)
    assert a.driver("throttle", [1e6]).shape == (1, 8)
    assert a.position(1.0).shape == (3,)
    assert list(a.is_attached([-1.0, 1e6])) == [True, False]


@pytest.mark.parametrize("keep", [0, 1, 100, 5000, -100])
def test_truncated_record_is_one_clear_error(tmp_path, keep):
    record, _ = write_flight(flight(), tmp_path)
    record.write_bytes(record.read_bytes()[:keep])
    with pytest.raises(InputError, match="whole flight record"):
        read_flight(tmp_path)


@pytest.mark.parametrize("text", ["", "[", "{}x", '[{"name": 1}]', "[1]", "[[]]", "\x00"])
def test_damaged_events_are_one_clear_error(tmp_path, text):
    _, events = write_flight(flight(), tmp_path)
    events.write_text(text)
    with pytest.raises(InputError, match=r"events\.json"):
        read_flight(tmp_path)


def test_a_record_with_nan_is_refused(tmp_path):
    first = flight()
    bad = first.bodies["rover"].position_m.copy()
    bad[3, 1] = np.nan
    bodies = first.bodies | {"rover": replace(first.bodies["rover"], position_m=bad)}
    write_flight(replace(first, bodies=bodies), tmp_path)
    with pytest.raises(InputError, match="not a number"):
        read_flight(tmp_path)


def test_absent_things_are_named():
    with pytest.raises(InputError, match="entry_interface"):
        flight().event("touchdown")
    with pytest.raises(InputError, match="throttle"):
        flight().bodies["rover"].driver("thrust", 0.0)
    with pytest.raises(InputError, match="Run fly"):
        read_flight(__import__("pathlib").Path("/nonexistent"))


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    """In a process of its own: the HDF5 library used to end it with a segmentation fault."""
    code = (
        "import resource, sys; from pathlib import Path; from skycrane.errors import InputError\n"
        "from test_record import flight, write_flight\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: write_flight(flight(), Path(sys.argv[1]))\n"
        "except InputError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "File too large" in done.stdout
    assert not done.stderr
    assert not list((tmp_path / "flight").iterdir())
