"""The whole flight against closed solutions: mortar, terminal descent, free fall, what falls."""

from __future__ import annotations

import numpy as np
import pytest
from flight_builders import changed, still_air
from scipy.spatial.transform import Rotation

from skycrane.flight.simulate import simulate
from skycrane.flight.state import EventId
from skycrane.mars.atmosphere import air_profile


@pytest.fixture(scope="module")
def still(mission):
    """The mission without wind."""
    return changed(mission, **still_air(mission))


@pytest.fixture(scope="module")
def still_raw(still):
    return simulate(still)


def test_terminal_rate_under_the_parachute(still, still_raw):
    """Drag of canopy and capsule carries the weight, and slows the fall into denser air."""
    rows = still_raw.parachute[still_raw.parachute["stage"] == 3]
    k = len(rows) * 9 // 10
    row = rows[k]
    radius = np.linalg.norm(row["position"])
    density = air_profile(still).density_kg_m3(radius)
    chute, shell = still.vehicle.parachute, still.vehicle.aeroshell
    canopy = np.interp(row["mach"], chute.mach, chute.drag_coefficient)
    face = np.interp(row["mach"], shell.mach, shell.axial_coefficient)
    area = np.pi / 4 * (chute.diameter_m**2 * canopy + shell.diameter_m**2 * face)
    speed = np.linalg.norm(row["velocity"])
    ends = rows[k - 64], rows[k + 64]
    slowing = np.linalg.norm(ends[0]["velocity"]) - np.linalg.norm(ends[1]["velocity"])
    slowing /= ends[1]["t"] - ends[0]["t"]
    mass = row["mass"] + still.vehicle.masses.parachute_kg
    gravity = still.planet.gm_m3_s2 / radius**2 * np.cos(0.04)
    assert 0.1 < slowing < 0.6
    expected = np.sqrt(2 * mass * (gravity + slowing) / density / area)
    assert speed == pytest.approx(expected, rel=0.01)


def test_recoil_of_the_mortar(mission, raw):
    """Momentum of the last moment of entry and of the first under the mortar, from the record."""
    first = raw.parachute[0]
    last = raw.entry[-1]
    masses = mission.vehicle.masses
    assert first["t"] == last["t"]
    together = (
        first["mass"] * first["velocity"] + masses.parachute_kg * first["second_velocity"]
    ) / (first["mass"] + masses.parachute_kg)
    # The record gives the velocity of the capsule's origin, which turns about its centre of mass.
    assert np.linalg.norm(together - last["velocity"]) < 0.1
    apart = np.linalg.norm(first["second_velocity"] - first["velocity"])
    assert apart == pytest.approx(mission.vehicle.parachute.mortar_speed_m_s, rel=0.01)


def test_line_stretch_and_filling_take_their_distances(mission, raw):
    """The pack runs out by the line's length; the canopy fills over its diameters of air."""
    rows, chute = raw.parachute, mission.vehicle.parachute
    stretched = raw.events[EventId.LINE_STRETCH]["t"]
    k = int(np.searchsorted(rows["t"], stretched - 1e-9))
    assert rows["length"][k] == pytest.approx(chute.line_length_m, abs=1e-3)
    full = raw.events[EventId.PARACHUTE_FULL_INFLATION]["t"]
    filling = rows[(rows["t"] >= stretched - 1e-9) & (rows["t"] <= full + 1e-9)]
    # Speed of the canopy through the air: its own, the wind being that at the capsule.
    wind = filling["velocity"] - filling["air_velocity"]
    speed = np.linalg.norm(filling["second_velocity"] - wind, axis=1)
    path = np.trapezoid(speed, filling["t"])
    assert path == pytest.approx(chute.filling_diameters * chute.diameter_m, rel=0.01)
    share = (filling["t"] - stretched) / (full - stretched)
    assert np.interp(0.5, share, filling["inflation"]) < 0.5


def test_the_full_canopy_breathes_at_its_strouhal_number_above_its_mach_number(mission, raw):
    """Area back at its mean after half a period: D / (2 St) of air; steady once it is slow."""
    rows, chute = raw.parachute, mission.vehicle.parachute
    full = raw.events[EventId.PARACHUTE_FULL_INFLATION]["t"]
    after = rows[(rows["t"] > full + 1e-6) & (rows["stage"] < 4)]
    fast = after[after["mach"] > chute.breathing_mach + 0.02]
    swing = fast["inflation"] - 1.0
    assert np.abs(swing).max() <= chute.breathing_depth + 1e-9
    assert swing.min() < -0.3 * chute.breathing_depth
    back = int(np.argmax(swing > 0))
    wind = fast["velocity"] - fast["air_velocity"]
    speed = np.linalg.norm(fast["second_velocity"] - wind, axis=1)
    path = np.trapezoid(speed[: back + 1], fast["t"][: back + 1])
    half = chute.diameter_m / (2 * chute.breathing_strouhal)
    assert path == pytest.approx(half, abs=1.5 * speed[0] / 64)
    slow = after[(after["mach"] < chute.breathing_mach - 0.02)]
    np.testing.assert_allclose(slow["inflation"], 1.0, rtol=1e-12)


def test_opening_load_is_that_of_the_canopys_drag_and_the_air_it_gathers(mission, raw):
    """Peak over q S CD near one; finite mass keeps it from the infinite-mass factor of 1.3."""
    pull = raw.events[EventId.PEAK_PARACHUTE_LOAD]
    q = raw.events[EventId.PARACHUTE_DEPLOY]["pressure"]
    chute = mission.vehicle.parachute
    # Flown behind blunt bodies: MSL 0.87, Mars 2020 0.81, of nominal area alone.
    opening = pull["value"] / (q * np.pi / 4 * chute.diameter_m**2)
    assert 0.7 < opening < 0.95
    stretched = raw.events[EventId.LINE_STRETCH]["t"]
    full = raw.events[EventId.PARACHUTE_FULL_INFLATION]["t"]
    assert stretched < pull["t"] < full + 1.5


def test_heat_shield_and_capsule_part_as_pushed(mission, raw):
    """The record's first samples on both sides; the kernels' own test is exact."""
    rows = raw.parachute
    k = int(np.flatnonzero(rows["stage"] == 3)[0])
    before, shield = rows[k - 1], raw.shield[0]
    m0, ms = before["mass"], mission.vehicle.masses.heat_shield_kg
    # The thrusters burn some propellant between the mortar and here; it is weighed here.
    burnt = rows["propellant"][0] - rows["propellant"][k]
    assert rows["mass"][k] == pytest.approx(m0 - ms - burnt, abs=1e-2)
    axis = Rotation.from_quat(before["attitude"]).apply([0, 0, 1])
    push = (shield["velocity"] - before["velocity"]) @ axis
    speed = mission.vehicle.heat_shield.separation_speed_m_s
    # The capsule sways while it is pushed: its origin moves with the swing.
    assert push == pytest.approx(speed * (m0 - ms) / m0, abs=0.12)


def test_heat_shield_falls_at_its_terminal_rate(still, still_raw):
    """Face down or on its side, averaged over the last ten seconds."""
    rows = still_raw.shield
    late = rows[rows["t"] > rows["t"][-1] - 10.0]
    shell = still.vehicle.aeroshell
    speed = np.linalg.norm(late["velocity"], axis=1)
    density = air_profile(still).density_kg_m3(np.linalg.norm(late["position"], axis=1))
    axial = np.interp(late["mach"], shell.mach, shell.axial_coefficient)
    weight = still.vehicle.masses.heat_shield_kg * 3.72
    flat = np.sqrt(2 * weight / (density * axial * np.pi / 4 * shell.diameter_m**2))
    # Swaying, it drags less than flat: somewhat faster, never slower.
    assert (speed > 0.97 * flat).all()
    assert speed.mean() < 1.5 * flat.mean()


def test_balance_masses_fall_ballistically(still_raw, still):
    """Flown again by an integrator of its own (scipy DOP853) from where they were let go."""
    from scipy.integrate import solve_ivp

    impact = still_raw.impacts[1]
    jettison = still_raw.events[EventId.BALANCE_MASS_JETTISON]
    air, planet = air_profile(still), still.planet
    spin = np.array([0.0, 0.0, planet.rotation_rate_rad_s])
    drag_area, mass = still.vehicle.balance_mass.drag_area_m2, still.vehicle.masses.balance_mass_kg

    def rate(_, y):
        p, v = y[:3], y[3:]
        r = np.linalg.norm(p)
        k = 1.5 * planet.j2 * (planet.reference_radius_m / r) ** 2
        s2 = (p[2] / r) ** 2
        pull = -planet.gm_m3_s2 / r**3 * p
        pull = pull * (1 + k * np.array([1 - 5 * s2, 1 - 5 * s2, 3 - 5 * s2]))
        # The datum sinks toward the pole; here it is the site's within metres.
        drag = -0.5 * air.density_kg_m3(r) * np.linalg.norm(v) * drag_area / mass * v
        turn = -2 * np.cross(spin, v) - np.cross(spin, np.cross(spin, p))
        return np.concatenate([v, pull + drag + turn])

    def ground(_, y):
        return np.linalg.norm(y[:3]) - still.site.radius_m

    ground.terminal = True
    # The slot has the vehicle's velocity; the masses leave at 2 m/s, 10 m of place on the ground.
    start = np.concatenate([jettison["position"], jettison["velocity"]])
    end = solve_ivp(rate, (0, 200), start, method="DOP853", rtol=1e-10, events=ground)
    assert end.t_events[0][0] + jettison["t"] == pytest.approx(impact["t"], abs=0.8)
    apart = np.linalg.norm(end.y_events[0][0][:3] - impact["position"])
    assert apart < 250.0


def test_free_fall_before_the_engines_light(mission, raw):
    """From the backshell's separation to thrust only gravity and a little drag act."""
    start = raw.events[EventId.BACKSHELL_SEPARATION]["t"]
    lit = raw.events[EventId.POWERED_DESCENT_START]["t"]
    assert lit - start == pytest.approx(mission.guidance.powered.free_fall_s, abs=0.02)
    rows = raw.powered[raw.powered["t"] < lit - 1e-6]
    assert (rows["thrust"] == 0).all()
    q_area = rows["pressure"] * mission.vehicle.engines.drag_area_m2
    np.testing.assert_allclose(rows["load"], q_area / rows["mass"], rtol=1e-9)


def test_touchdown_carries_what_the_wheels_carry(mission, raw):
    """At rest the ground's push is the rover's weight on Mars."""
    rows = raw.powered
    cut = raw.events[EventId.BRIDLE_CUT]["t"]
    resting = rows[(rows["t"] > cut + 3.0) & (np.linalg.norm(rows["second_velocity"], axis=1) > 0)]
    if not len(resting):
        resting = rows[(rows["t"] > cut + 1.0) & (rows["t"] < cut + 3.0)]
    assert np.median(resting["second_load"]) == pytest.approx(3.71, abs=0.05)
