"""The equations of motion against conservation laws and closed solutions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skycrane.flight.simulate import simulate
from skycrane.flight.state import EventId
from skycrane.mars.atmosphere import air_profile

EXHAUST_MARGIN = 2e-3


def test_both_entry_speeds_and_angles_come_from_the_one_state(mission):
    r = np.array(mission.entry.position_m)
    v = np.array(mission.entry.velocity_m_s)
    inertial = v + np.cross([0, 0, mission.planet.rotation_rate_rad_s], r)

    def angle(velocity):
        return np.degrees(np.arcsin(velocity @ r / np.linalg.norm(velocity) / np.linalg.norm(r)))

    assert np.linalg.norm(r) == pytest.approx(3522.2e3, abs=50)
    assert np.linalg.norm(v) == pytest.approx(5332.37, abs=0.02)
    assert angle(v) == pytest.approx(-16.140, abs=0.001)
    assert np.linalg.norm(inertial) == pytest.approx(5553.40, abs=0.02)
    assert angle(inertial) == pytest.approx(-15.482, abs=0.001)


def test_energy_is_kept_without_air(mission, change):
    """The Jacobi integral of the rotating frame: v2/2 - (omega rho)2/2 + U, with J2 in U."""
    rows = len(mission.atmosphere.density_factors)
    airless = change(
        mission,
        atmosphere__density_factors=[1e-15] * rows,
        guidance__steps__entry_s=0.1,
    )
    rows = simulate(airless).entry
    p, v = rows["position"], rows["velocity"]
    planet = mission.planet
    r = np.linalg.norm(p, axis=1)
    oblate = planet.j2 * (planet.reference_radius_m / r) ** 2 * (3 * (p[:, 2] / r) ** 2 - 1) / 2
    potential = -planet.gm_m3_s2 / r * (1 - oblate)
    spin = planet.rotation_rate_rad_s**2 * (p[:, 0] ** 2 + p[:, 1] ** 2) / 2
    energy = np.sum(v * v, axis=1) / 2 - spin + potential
    assert len(rows) > 500
    assert np.ptp(energy) / np.sum(v[0] ** 2) < 1e-12


def test_peak_load_of_a_ballistic_entry_is_that_of_allen_and_eggers(mission, change):
    """a = v2 sin(gamma) / (2 e H) at v / sqrt(e) (NACA Report 1381, 1958), air exponential."""
    scale_m, radius = 8000.0, 3.4e6
    heights = np.arange(0.0, 150_001.0, 2000.0)
    pressure = 600.0 * np.exp(-heights / scale_m)
    # Isothermal air in the (nearly even) gravity: temperature from the scale height.
    temperature = scale_m * 3.71 / mission.atmosphere.gas_constant_j_kg_k
    speed, angle = 5500.0, np.radians(50.0)
    count = len(mission.vehicle.aeroshell.mach)
    steep = change(
        mission,
        planet__rotation_rate_rad_s=0.0,
        planet__j2=0.0,
        atmosphere__datum_radius_m=radius,
        atmosphere__density_factors=[1.0] * len(mission.atmosphere.density_factors),
        atmosphere__table_altitude_m=heights.tolist(),
        atmosphere__table_pressure_pa=pressure.tolist(),
        atmosphere__table_temperature_k=[temperature] * len(heights),
        atmosphere__upper_altitude_m=[160_000.0, 200_000.0],
        atmosphere__upper_temperature_k=[temperature] * 2,
        entry__position_m=[radius + 130e3, 0.0, 0.0],
        entry__velocity_m_s=[-speed * np.sin(angle), speed * np.cos(angle), 0.0],
        vehicle__aeroshell__trim_angle_deg=0.0,
        vehicle__aeroshell__axial_coefficient=[1.5] * count,
        wind__gust_rms_m_s=0.0,
        wind__east_m_s=[0.0] * len(mission.wind.altitude_m),
        wind__north_m_s=[0.0] * len(mission.wind.altitude_m),
        site__radius_m=radius,
        guidance__steps__entry_s=0.02,
    )
    rows = simulate(steep).entry
    peak = int(np.argmax(rows["load"]))
    # Gravity, which the closed solution leaves out, is felt as a little more speed at the peak.
    v = np.linalg.norm(rows["velocity"], axis=1)
    entering = np.sqrt(v[0] ** 2 + 2 * 3.6 * (130e3 - 30e3))
    expected = entering**2 * np.sin(angle) / (2 * np.e * scale_m)
    assert rows["load"][peak] == pytest.approx(expected, rel=0.03)
    assert v[peak] == pytest.approx(entering / np.sqrt(np.e), rel=0.02)


def test_terminal_rate_under_the_parachute(mission, change):
    still = change(
        mission,
        wind__gust_rms_m_s=0.0,
        wind__east_m_s=[0.0] * len(mission.wind.altitude_m),
        wind__north_m_s=[0.0] * len(mission.wind.altitude_m),
    )
    raw = simulate(still)
    rows = raw.parachute[raw.parachute["stage"] == 3]
    row = rows[len(rows) * 9 // 10]
    radius = np.linalg.norm(row["position"])
    density = air_profile(still).density_kg_m3(radius)
    chute, shell = still.vehicle.parachute, still.vehicle.aeroshell
    area = np.pi / 4 * chute.diameter_m**2 * np.interp(
        row["mach"], chute.mach, chute.drag_coefficient
    ) + np.pi / 4 * shell.diameter_m**2 * np.interp(
        row["mach"], shell.mach, shell.axial_coefficient
    )
    # Falling into ever denser air it slows down: drag carries the weight and that as well.
    speed = np.linalg.norm(row["velocity"])
    k = len(rows) * 9 // 10
    slowing = np.linalg.norm(rows[k - 64]["velocity"]) - np.linalg.norm(rows[k + 64]["velocity"])
    slowing /= rows[k + 64]["t"] - rows[k - 64]["t"]
    mass = row["mass"] + still.vehicle.masses.parachute_kg
    gravity = still.planet.gm_m3_s2 / radius**2 * np.cos(0.04)
    assert 0.1 < slowing < 0.6
    assert speed == pytest.approx(
        np.sqrt(2 * mass * (gravity + slowing) / density / area), rel=0.01
    )


def test_propellant_follows_the_rocket_equation(mission, raw, flight):
    """ve ln(m0/m1) = integral of thrust over mass, cosine losses taken by the recorded thrust."""
    stage = flight.bodies["descent_stage"]
    engines = mission.vehicle.engines
    t0 = flight.event("powered_descent_start").t_s
    t1 = flight.event("sky_crane_start").t_s - 0.1
    t = np.linspace(t0, t1, 20_001)
    thrust, mass = stage.driver("thrust_n", t), stage.driver("mass_kg", t)
    gained = np.trapezoid(thrust / mass, t)
    assert engines.exhaust_speed_m_s * np.log(mass[0] / mass[-1]) == pytest.approx(
        gained, rel=EXHAUST_MARGIN
    )
    spent = stage.driver("propellant_kg", t0) - stage.driver("propellant_kg", t1)
    assert spent == pytest.approx(mass[0] - mass[-1], rel=1e-9)


def test_momentum_is_kept_when_the_heat_shield_goes(mission, raw):
    rows = raw.parachute
    k = int(np.flatnonzero(rows["stage"] == 3)[0])
    # The sample at the event is from before it; the shield's first one from right after.
    before, shield = rows[k - 1], raw.shield[0]
    m0, ms = before["mass"], mission.vehicle.masses.heat_shield_kg
    assert rows["mass"][k] == pytest.approx(m0 - ms)
    push = (shield["velocity"] - before["velocity"]) @ Rotation.from_quat(before["attitude"]).apply(
        [0, 0, 1]
    )
    speed = mission.vehicle.heat_shield.separation_speed_m_s
    assert push == pytest.approx(speed * (m0 - ms) / m0, abs=0.08)


def test_recoil_of_the_mortar(mission, raw):
    """Momentum of capsule and pack before and after firing."""
    first = raw.parachute[0]
    masses = mission.vehicle.masses
    together = (
        first["mass"] * first["velocity"] + masses.parachute_kg * first["second_velocity"]
    ) / (first["mass"] + masses.parachute_kg)
    before = raw.events[EventId.PARACHUTE_DEPLOY]["velocity"]
    # The record gives the velocity of the capsule's origin, which turns about its centre of mass.
    assert np.linalg.norm(together - before) < 0.1
    apart = np.linalg.norm(first["second_velocity"] - first["velocity"])
    assert apart == pytest.approx(mission.vehicle.parachute.mortar_speed_m_s, rel=0.01)


def test_halving_the_steps_changes_little(mission, raw, change):
    fine = simulate(
        change(
            mission,
            guidance__steps__entry_s=mission.guidance.steps.entry_s / 2,
            guidance__steps__descent_s=mission.guidance.steps.descent_s / 2,
        )
    )
    for slot in (EventId.PARACHUTE_DEPLOY, EventId.BACKSHELL_SEPARATION, EventId.TOUCHDOWN):
        assert fine.events[slot]["t"] == pytest.approx(raw.events[slot]["t"], abs=1.0)
    apart = fine.events[EventId.TOUCHDOWN]["position"] - raw.events[EventId.TOUCHDOWN]["position"]
    assert np.linalg.norm(apart) < 1.0
