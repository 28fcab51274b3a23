"""Pendulums, springs and swinging capsules against their closed solutions."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from flight_builders import FAR_BELOW, case_of, fall, tables_of
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from skycrane.flight.bodies import Body, capsule_body, rover_body, stage_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.hanging import SHIELD_GONE, Hanging, Setting, change_of, hanging_step
from skycrane.flight.lander_motion import Lander, Rig, lander_change, lander_step

RADIUS_M, GRAVITY_M_S2 = 3.39e6, 3.7
STILL_PLANET = {
    "gm": GRAVITY_M_S2 * RADIUS_M**2,
    "j2": 0.0,
    "rotation": 0.0,
    "datum_radius": RADIUS_M,
    "site_radius": RADIUS_M - 5000.0,
    "site": (RADIUS_M - 5000.0, 0.0, 0.0),
    "up": (1.0, 0.0, 0.0),
    "east": (0.0, 1.0, 0.0),
    "north": (0.0, 0.0, 1.0),
    "wind_step_altitude": FAR_BELOW,
}
# Body axes x, y, z point to -z, y, -x of the planet's: z down, at the equator.
UPRIGHT = Rotation.from_matrix(np.array([[0, 0, -1.0], [0, 1.0, 0], [1.0, 0, 0]]))


def tilted(angle_rad: float) -> np.ndarray:
    """Attitude with the z axis swung toward +y by an angle."""
    return (UPRIGHT * Rotation.from_rotvec([-angle_rad, 0.0, 0.0])).as_quat()


def period(t: np.ndarray, x: np.ndarray) -> float:
    """Mean period from the moments the signal crosses zero upward, straight lines between."""
    up = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    moments = t[up] - x[up] * (t[up + 1] - t[up]) / (x[up + 1] - x[up])
    assert len(moments) >= 3
    return float(np.diff(moments).mean())


@wp.kernel(enable_backward=False)
def _hang(
    cases: wp.array(dtype=Case),
    tables: Tables,
    begin: wp.array(dtype=Hanging),
    steps: wp.int32,
    h: wp.float64,
    out: wp.array(dtype=Hanging),
    body: wp.array(dtype=Body),
):
    case = cases[0]
    set = Setting()
    set.body = capsule_body(case, case.propellant, 0, 0, 0)
    set.lever = case.riser_position - set.body.centre
    set.stage = wp.int32(SHIELD_GONE)
    set.area_left = wp.float64(1.0)
    s = begin[0]
    body[0] = set.body
    for k in range(steps):
        out[k] = s
        t = wp.float64(k) * h
        change = change_of(case, tables, 0, t, s, set)
        s = hanging_step(case, tables, 0, t, s, set, change.rate, h)


def hang(mission, tables, begin: dict, *, duration_s: float, step_s: float, **fields):
    cases = case_of(mission, **(STILL_PLANET | fields))
    rows = np.zeros(1, dtype=Hanging.numpy_dtype())
    for name, value in begin.items():
        rows[name] = value
    steps = round(duration_s / step_s)
    out = wp.zeros(steps, dtype=Hanging, device="cpu")
    body = wp.zeros(1, dtype=Body, device="cpu")
    inputs = [cases, tables, wp.array(rows, dtype=Hanging, device="cpu"), steps, step_s]
    wp.launch(_hang, dim=1, inputs=inputs, outputs=[out, body], device="cpu")
    return np.arange(steps) * step_s, out.numpy(), body.numpy()[0]


@pytest.fixture(scope="module")
def hung_body(mission):
    """Mass, moment of inertia and lever of the hanging capsule."""
    _, _, body = hang(mission, tables_of(mission), {}, duration_s=1.0, step_s=0.5)
    riser = np.array(mission.vehicle.stack.riser_position_m)
    return float(body["mass"]), float(body["inertia"][0]), riser - body["centre"]


def double_pendulum(mass, inertia, line_m, lever_m):
    """Frequencies [rad/s] and shapes (line angle, body angle) of a rigid body on a long line."""
    m = mass * np.array([[line_m**2, line_m * lever_m], [line_m * lever_m, lever_m**2]])
    m[1, 1] += inertia
    k = mass * GRAVITY_M_S2 * np.diag([line_m, lever_m])
    squares, shapes = eigh(k, m)
    return np.sqrt(squares), shapes.T


@pytest.mark.parametrize(("mode", "name"), [(0, "pendulum"), (1, "wrist")])
def test_the_capsule_swings_under_a_held_canopy(mode, name, mission, hung_body):
    """Small angles, no air: swing and wrist mode of a double pendulum with the right masses.

    The canopy is held by the inertia of the air that it carries, here a mountain's. Fails without
    the riser's torque, with the wrong inertia or lever, or if the line pulls at the mass centre.
    """
    mass, inertia, lever = hung_body
    line = mission.vehicle.parachute.line_length_m
    stiffness = 5e7
    stretched = line + mass * GRAVITY_M_S2 / stiffness
    frequency, shapes = double_pendulum(mass, inertia, stretched, -lever[2])
    theta, phi = 2e-3 * shapes[mode] / np.abs(shapes[mode]).max()
    canopy = np.array([RADIUS_M + 200.0, 0.0, 0.0])
    along = np.array([-np.cos(theta), np.sin(theta), 0.0])
    turn = tilted(phi)
    riser = canopy + along * stretched
    begin = {
        "canopy_position": canopy,
        "position": riser - Rotation.from_quat(turn).apply(lever),
        "attitude": turn,
        "filled": 1e6,
    }
    seconds = 4.2 * 2 * np.pi / frequency[mode]
    t, rows, _ = hang(
        mission,
        tables_of(mission, 1e-12),
        begin,
        duration_s=seconds,
        step_s=4e-3,
        line_stiffness=stiffness,
        line_damping=0.0,
        parachute_mass=1e-6,
        apparent_mass_factor=1e22,
        gm=GRAVITY_M_S2 * (RADIUS_M + 200.0 - line) ** 2,
    )
    angle = Rotation.from_quat(rows["attitude"]).apply([0.0, 0.0, 1.0])[:, 1]
    assert period(t, angle) == pytest.approx(2 * np.pi / frequency[mode], rel=1e-3), name


def test_the_capsule_bounces_on_its_lines(mission, hung_body):
    """sqrt(k / m) about the stretch that carries the weight."""
    mass, _, lever = hung_body
    stiffness = mission.vehicle.parachute.line_stiffness_n_m
    rest = mission.vehicle.parachute.line_length_m + mass * GRAVITY_M_S2 / stiffness
    canopy = np.array([RADIUS_M + 200.0, 0.0, 0.0])
    riser = canopy - np.array([rest + 0.05, 0.0, 0.0])
    begin = {
        "canopy_position": canopy,
        "position": riser - UPRIGHT.apply(lever),
        "attitude": UPRIGHT.as_quat(),
        "filled": 1e6,
    }
    t, rows, _ = hang(
        mission,
        tables_of(mission, 1e-12),
        begin,
        duration_s=12.0,
        step_s=4e-3,
        line_damping=0.0,
        parachute_mass=1e-6,
        apparent_mass_factor=1e22,
        gm=GRAVITY_M_S2 * (RADIUS_M + 150.0) ** 2,
    )
    height = rows["position"][:, 0]
    expected = 2 * np.pi * np.sqrt(mass / stiffness)
    assert period(t, height - height.mean()) == pytest.approx(expected, rel=2e-3)


@wp.kernel(enable_backward=False)
def _lower(
    cases: wp.array(dtype=Case),
    tables: Tables,
    begin: wp.array(dtype=Lander),
    paid: wp.float64,
    steps: wp.int32,
    h: wp.float64,
    out: wp.array(dtype=Lander),
    bodies: wp.array(dtype=Body),
):
    case = cases[0]
    rig = Rig()
    rig.hanging = 1
    rig.stage_down = 1
    rig.paid = paid
    rig.normal = case.up
    bodies[0] = stage_body(case, wp.float64(0.0))
    bodies[1] = rover_body(case)
    s = begin[0]
    for k in range(steps):
        out[k] = s
        t = wp.float64(k) * h
        change = lander_change(case, tables, 0, t, s, rig)
        s = lander_step(case, tables, 0, t, s, rig, change.rate, h)


def lowered(
    mission,
    *,
    aside_m=0.0,
    twist_rad=0.0,
    drop_m=0.0,
    up_m=None,
    duration_s,
    stiffness,
    paid=6.4,
    w2=(0.0, 0.0, 0.0),
):
    """Rover on three upright bridles under a held stage, moved from rest; its motion."""
    tables = tables_of(mission)
    points = np.array(mission.shape.bridles.stage_points_m)
    feet = points.copy()
    feet[:, 2] = -1.09
    tables.bridle_stage = wp.array(points, dtype=wp.vec3d, device="cpu")
    tables.bridle_rover = wp.array(feet, dtype=wp.vec3d, device="cpu")
    stack, inertia = mission.vehicle.stack, mission.vehicle.inertia
    mass = mission.vehicle.masses.rover_kg
    fields = STILL_PLANET | {
        "bridle_stiffness": stiffness,
        "bridle_damping": 0.0,
        "rover_turn_damping": 0.0,
        "gm": GRAVITY_M_S2 * RADIUS_M**2,
    }
    stage_at = np.array([RADIUS_M, 0.0, 0.0])
    a = points[0, 2] + stack.descent_stage_position_m[2]
    b = feet[0, 2] + stack.rover_position_m[2]
    stage_centre = np.add(stack.descent_stage_position_m, inertia.descent_stage_centre_m)
    rover_centre = np.add(stack.rover_position_m, inertia.rover_centre_m)
    line = (b - a) + paid + mass * GRAVITY_M_S2 / stiffness
    angle = aside_m / line
    # Attachment above, line, attachment below, centre of mass: along the body z axis.
    z = a + line * np.cos(angle) - b + rover_centre[2] - stage_centre[2] + drop_m
    rows = np.zeros(1, dtype=Lander.numpy_dtype())
    rows["p1"], rows["q1"] = stage_at, UPRIGHT.as_quat()
    rows["p2"] = stage_at + UPRIGHT.apply([0.0, line * np.sin(angle), z])
    if up_m is not None:
        rows["p2"] = stage_at - np.array([200.0 - up_m, 0.0, 0.0])
    rows["w2"] = w2
    rows["q2"] = (UPRIGHT * Rotation.from_rotvec([0.0, 0.0, twist_rad])).as_quat()
    h = 1e-3
    steps = round(duration_s / h)
    out = wp.zeros(steps, dtype=Lander, device="cpu")
    bodies = wp.zeros(2, dtype=Body, device="cpu")
    begin = wp.array(rows, dtype=Lander, device="cpu")
    inputs = [case_of(mission, **fields), tables, begin, paid, steps, h]
    wp.launch(_lower, dim=1, inputs=inputs, outputs=[out, bodies], device="cpu")
    return np.arange(steps) * h, out.numpy(), line


def test_the_rover_swings_below_the_stage(mission):
    """Three even lines keep it level, so that it swings as a point does: 2 pi sqrt(l / g)."""
    t, rows, line = lowered(mission, aside_m=0.02, duration_s=40.0, stiffness=1e8)
    aside = rows["p2"][:, 1]
    expected = 2 * np.pi * np.sqrt(line / GRAVITY_M_S2)
    assert period(t, aside) == pytest.approx(expected, rel=2e-3)
    still = Rotation.from_quat(rows["q2"]) * UPRIGHT.inv()
    assert still.magnitude().max() < 1e-3


def test_the_rover_bounces_on_its_bridles(mission):
    """2 pi sqrt(m / k), the three together having the mission's stiffness."""
    stiffness = mission.vehicle.bridle.stiffness_n_m
    t, rows, _ = lowered(mission, drop_m=0.01, duration_s=6.0, stiffness=stiffness)
    height = rows["p2"][:, 0]
    mass = mission.vehicle.masses.rover_kg
    expected = 2 * np.pi * np.sqrt(mass / stiffness)
    assert period(t, height - height.mean()) == pytest.approx(expected, rel=2e-3)


def test_the_rover_twists_on_its_bridles(mission):
    """The trifilar pendulum: 2 pi sqrt(I l / (m g R^2)) about the upright axis."""
    t, rows, line = lowered(mission, twist_rad=0.01, duration_s=60.0, stiffness=1e8)
    twist = (UPRIGHT.inv() * Rotation.from_quat(rows["q2"])).as_rotvec()[:, 2]
    mass = mission.vehicle.masses.rover_kg
    points = np.array(mission.shape.bridles.stage_points_m)[:, :2]
    inertia = mission.vehicle.inertia.rover_kg_m2[2]
    expected = (
        2 * np.pi * np.sqrt(inertia * line / (mass * GRAVITY_M_S2 * (points**2).sum(axis=1).mean()))
    )
    assert period(t, twist) == pytest.approx(expected, rel=2e-3)


def assert_free_top(attitudes, rates, inertia) -> None:
    """Angular momentum in axes at rest and energy are kept, while the rates are not."""
    turn = Rotation.from_quat(attitudes)
    spin = turn.apply(inertia * rates)
    size = np.linalg.norm(spin[0])
    assert np.linalg.norm(spin - spin[0], axis=1).max() < 1e-6 * size
    energy = (inertia * rates**2).sum(axis=1)
    assert np.ptp(energy) < 1e-6 * energy[0]
    assert np.ptp(rates, axis=0).max() > 0.05


TUMBLING = np.radians([20.0, 35.0, -15.0])


def test_a_capsule_on_slack_lines_is_a_free_top(mission):
    """Fails without the gyroscopic term, or with an inertia that is not the capsule's."""
    canopy = np.array([RADIUS_M + 200.0, 0.0, 0.0])
    begin = {
        "canopy_position": canopy,
        "position": canopy - np.array([10.0, 0.0, 0.0]),
        "attitude": UPRIGHT.as_quat(),
        "rates": TUMBLING,
        "filled": 1e6,
    }
    tables = tables_of(mission, 1e-12)
    _, rows, body = hang(mission, tables, begin, duration_s=3.0, step_s=4e-3)
    assert_free_top(rows["attitude"], rows["rates"], body["inertia"])


def test_a_rover_on_slack_bridles_is_a_free_top(mission):
    rates = {"w2": TUMBLING}
    _, rows, _ = lowered(mission, duration_s=2.0, stiffness=1.0, paid=200.0, up_m=150.0, **rates)
    inertia = np.array(mission.vehicle.inertia.rover_kg_m2)
    assert_free_top(rows["q2"], rows["w2"], inertia)


SPEED_M_S, DENSITY_KG_M3, CENTRE_M = 400.0, 8e-3, 0.32
HEAVY_KG = 1e12
AERO = (1.55, 0.95, 0.97, 0.0)


def swing(mission, *, damping=0.0, offset_m=0.0, duration_s=30.0, start_rad=0.01, step_s=0.01):
    """A sphere-cone so heavy that it flies straight, in even air; angle against time."""
    inertia = np.array([600.0, 600.0, 1100.0])
    cases = case_of(
        mission,
        **(STILL_PLANET | {"gm": 1e-6}),
        shield_centre=(offset_m, 0.0, CENTRE_M),
        shield_inertia=inertia,
    )
    tables = tables_of(mission, DENSITY_KG_M3, sound_m_s=200.0, aero=(*AERO[:3], damping))
    # Nose (+z) into the flight along +y, swung about the body's y axis by the start angle.
    ahead = Rotation.from_matrix(np.array([[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]))
    turn = ahead * Rotation.from_rotvec([0.0, start_rad, 0.0])
    chunk = round(duration_s / step_s / 300)
    state = {
        "position": (RADIUS_M, 0.0, 0.0),
        "velocity": (0.0, SPEED_M_S, 0.0),
        "attitude": turn.as_quat(),
    }
    angles = []
    for _ in range(300):
        q = Rotation.from_quat(state["attitude"])
        wind = q.inv().apply([0.0, 1.0, 0.0])
        angles.append(np.arctan2(wind[0], wind[2]))
        end = fall(cases, tables, chunk * step_s, shaped=1, step_s=step_s, mass=HEAVY_KG, **state)
        state = {
            "velocity": (0.0, SPEED_M_S, 0.0),
            "position": (RADIUS_M, 0.0, 0.0),
            "attitude": end["attitude"],
            "rates": end["rates"],
        }
    return np.arange(300) * chunk * step_s, np.array(angles), inertia


def stability(mission) -> tuple[float, float, float]:
    """q S, slope of the normal force over the angle, and its lever about the mass centre."""
    shell = mission.vehicle.aeroshell
    sine2 = np.sin(np.radians(shell.cone_half_angle_deg)) ** 2
    slope = AERO[0] * AERO[1] * (1 - sine2) / sine2
    nose = shell.diameter_m / 2 / np.tan(np.radians(shell.cone_half_angle_deg))
    nose -= shell.nose_radius_m * (1 / np.sin(np.radians(shell.cone_half_angle_deg)) - 1)
    lever = AERO[2] * shell.diameter_m - (nose - CENTRE_M)
    load = 0.5 * DENSITY_KG_M3 * SPEED_M_S**2 * np.pi / 4 * shell.diameter_m**2
    return load, slope, lever


def test_a_sphere_cone_swings_about_its_flight_path(mission):
    """w = sqrt(-q S D Cm_alpha / I): static stability with the right lever, sign and inertia."""
    t, angle, inertia = swing(mission, duration_s=9.0)
    load, slope, lever = stability(mission)
    expected = 2 * np.pi / np.sqrt(load * slope * lever / inertia[1])
    assert period(t, angle) == pytest.approx(expected, rel=2e-3)
    assert np.abs(angle).max() == pytest.approx(0.01, rel=0.01)


def test_pitch_damping_shrinks_the_swing(mission):
    """Amplitude falls as exp(q S D^2 Cmq t / (4 V I)), Cmq on rate times D / 2V."""
    coefficient = -0.6
    t, angle, inertia = swing(mission, damping=coefficient, duration_s=30.0)
    load, *_ = stability(mission)
    diameter = mission.vehicle.aeroshell.diameter_m
    rate = -load * diameter**2 / (2 * SPEED_M_S) * coefficient / (2 * inertia[1])
    first = np.abs(angle[t < 10.0]).max() / np.abs(angle[t > 20.0]).max()
    peaks = [np.abs(angle[(t >= a) & (t < a + 10.0)]).argmax() for a in (0.0, 20.0)]
    apart = t[t >= 20.0][peaks[1]] - t[peaks[0]]
    assert np.log(first) == pytest.approx(rate * apart, rel=0.02)


def test_a_sphere_cone_settles_where_its_moment_is_zero(mission):
    """With the mass centre beside the axis it trims at the root of CN lever = CA offset."""
    offset = 0.09
    _, angle, _ = swing(mission, damping=-8.0, offset_m=offset, duration_s=60.0)
    _, _, lever = stability(mission)
    sine2 = np.sin(np.radians(mission.vehicle.aeroshell.cone_half_angle_deg)) ** 2

    def moment(alpha):
        s, c = np.sin(alpha), np.cos(alpha)
        axial = AERO[0] * (2 * sine2 * c**2 + (1 - sine2) * s**2) / (2 * sine2)
        return AERO[0] * AERO[1] * (1 - sine2) / sine2 * s * c * lever - axial * offset

    root = brentq(moment, 0.0, 0.6)
    assert abs(angle[-1]) == pytest.approx(root, abs=1e-4)
    # The nose points away from the side the mass centre lies on: lift toward that side.
    assert np.sign(angle[-1]) == np.sign(offset)
