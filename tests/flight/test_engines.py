"""Eight engines: mixing, limits, lag, propellant, attitude; with one of them out too."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from flight_builders import FAR_BELOW, case_of, tables_of
from scipy.spatial.transform import Rotation

from skycrane.flight.bodies import Body, lander_body
from skycrane.flight.case import Case, Tables
from skycrane.flight.lander_control import (
    ALL_EIGHT,
    FOUR_ALONE,
    FOUR_JOINED,
    allocate,
    axial_limits,
    torque_toward,
)
from skycrane.flight.lander_motion import Lander, Rig, lander_change, lander_step
from skycrane.flight.state import EventId, vec8d
from skycrane.vehicle.stage_shape import engine_axes

NO_WEIGHT = {
    "gm": 1e-6,
    "j2": 0.0,
    "rotation": 0.0,
    "lander_drag_area": 0.0,
    "wind_step_altitude": FAR_BELOW,
}
MODES = (ALL_EIGHT, FOUR_JOINED, FOUR_ALONE)


@wp.kernel(enable_backward=False)
def _share(
    cases: wp.array(dtype=Case),
    tables: Tables,
    rows: wp.array(dtype=wp.int32),
    centre: wp.vec3d,
    axial: wp.array(dtype=wp.float64),
    torque: wp.array(dtype=wp.vec3d),
    out: wp.array(dtype=vec8d),
    limits: wp.array(dtype=wp.vec2d),
):
    i = wp.tid()
    limits[i] = axial_limits(cases[0], tables, rows[i])
    out[i] = allocate(cases[0], tables, rows[i], centre, axial[i], torque[i])


@wp.kernel(enable_backward=False)
def _lander(cases: wp.array(dtype=Case), propellant: wp.float64, out: wp.array(dtype=Body)):
    out[0] = lander_body(cases[0], propellant)


@wp.kernel(enable_backward=False)
def _burn(
    cases: wp.array(dtype=Case),
    tables: Tables,
    begin: wp.array(dtype=Lander),
    command: wp.array(dtype=vec8d),
    steering: wp.int32,
    row: wp.int32,
    goal: wp.quatd,
    axial: wp.float64,
    steps: wp.int32,
    h: wp.float64,
    out: wp.array(dtype=Lander),
):
    case = cases[0]
    rig = Rig()
    rig.joined = 1
    rig.command = command[0]
    rig.normal = case.up
    s = begin[0]
    for k in range(steps):
        out[k] = s
        if steering == 1:
            body = lander_body(case, s.propellant)
            torque = torque_toward(case, body.inertia, s.q1, s.w1, goal)
            rig.command = allocate(case, tables, row, body.centre, axial, torque)
        t = wp.float64(k) * h
        change = lander_change(case, tables, 0, t, s, rig)
        s = lander_step(case, tables, 0, t, s, rig, change.rate, h)


def shared(mission, rows, axial, torque) -> tuple[np.ndarray, np.ndarray]:
    """Return thrusts (n, 8) and axial limits (n, 2)."""
    n = len(rows)
    cases, tables = case_of(mission), tables_of(mission)
    out = wp.zeros(n, dtype=vec8d, device="cpu")
    limits = wp.zeros(n, dtype=wp.vec2d, device="cpu")
    inputs = [
        cases,
        tables,
        wp.array(np.asarray(rows, np.int32), dtype=wp.int32, device="cpu"),
        wp.vec3d(*centre_of(mission, rows[0] // 9)),
        wp.array(np.asarray(axial, np.float64), dtype=wp.float64, device="cpu"),
        wp.array(np.asarray(torque, np.float64), dtype=wp.vec3d, device="cpu"),
    ]
    wp.launch(_share, dim=n, inputs=inputs, outputs=[out, limits], device="cpu")
    return out.numpy(), limits.numpy()


def burn(
    mission,
    *,
    thrust,
    command,
    steps,
    step_s,
    propellant,
    steer=None,
    pose=None,
    rates=0.0,
    **fields,
):
    """Fly the joined lander on its engines without weight; `steer` is (row, goal, axial)."""
    begin = np.zeros(1, dtype=Lander.numpy_dtype())
    begin["p1"] = (3.4e6, 0.0, 0.0)
    begin["q1"] = (0.0, 0.0, 0.0, 1.0) if pose is None else pose
    begin["thrust"], begin["propellant"], begin["w1"] = thrust, propellant, rates
    row, goal, axial = steer or (0, np.array([0.0, 0.0, 0.0, 1.0]), 0.0)
    out = wp.zeros(steps, dtype=Lander, device="cpu")
    inputs = [
        case_of(mission, **(NO_WEIGHT | fields)),
        tables_of(mission),
        wp.array(begin, dtype=Lander, device="cpu"),
        wp.array(np.array([command], np.float64), dtype=vec8d, device="cpu"),
        int(steer is not None),
        row,
        wp.quatd(*goal),
        axial,
        steps,
        step_s,
    ]
    wp.launch(_burn, dim=1, inputs=inputs, outputs=[out], device="cpu")
    return np.arange(steps) * step_s, out.numpy()


def running(mission, row: int) -> list[int]:
    mode, out = divmod(row, 9)
    engines = range(8) if mode == ALL_EIGHT else mission.vehicle.engines.sky_crane
    return [k for k in engines if k != out]


def wrench(mission, thrusts, centre):
    """Force along -z and torques about `centre`, from geometry alone."""
    stage = mission.shape.stage
    axes = engine_axes(stage, mission.vehicle.engines)
    points = np.add(stage.engine_points_m, mission.vehicle.stack.descent_stage_position_m)
    forces = -axes * thrusts[:, None]
    return -forces[:, 2].sum(), np.cross(points - centre, forces).sum(axis=0)


def centre_of(mission, mode: int) -> np.ndarray:
    masses, stack, inertia = (
        mission.vehicle.masses,
        mission.vehicle.stack,
        mission.vehicle.inertia,
    )
    stage = np.add(stack.descent_stage_position_m, inertia.descent_stage_centre_m)
    if mode == FOUR_ALONE:
        return stage
    rover = np.add(stack.rover_position_m, inertia.rover_centre_m)
    # The mixing takes the centre of mass with part of the propellant burnt.
    share = 0.6 if mode == ALL_EIGHT else 0.25
    heavy = masses.descent_stage_dry_kg + share * masses.propellant_kg
    return (heavy * stage + masses.rover_kg * rover) / (heavy + masses.rover_kg)


def test_engines_point_where_they_are_canted(mission):
    axes = engine_axes(mission.shape.stage, mission.vehicle.engines)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1.0, rtol=1e-12)
    cants = np.degrees(np.arccos(axes[:, 2]))
    np.testing.assert_allclose(cants, mission.vehicle.engines.cant_deg, atol=1e-9)
    # Exhaust leaves outward, away from the rover.
    points = np.array(mission.shape.stage.engine_points_m)
    assert (np.sum(points[:, :2] * axes[:, :2], axis=1) > 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_all_engines_give_the_force_and_torque_asked_for(mode, mission):
    """Any wrench within reach comes out of the mixing to rounding."""
    rng = np.random.default_rng(mode)
    n = 20
    rows = np.full(n, mode * 9 + 8)
    _, limits = shared(mission, rows, np.zeros(n), np.zeros((n, 3)))
    axial = limits[:, 0] + (limits[:, 1] - limits[:, 0]) * rng.uniform(0.35, 0.65, n)
    torque = rng.uniform(-60.0, 60.0, (n, 3))
    thrusts, _ = shared(mission, rows, axial, torque)
    for k in range(n):
        force, moment = wrench(mission, thrusts[k], centre_of(mission, mode))
        assert force == pytest.approx(axial[k], rel=1e-9)
        np.testing.assert_allclose(moment, torque[k], atol=1e-6)


@pytest.mark.parametrize("out", range(8))
def test_with_one_engine_out_the_others_give_the_wrench(out, mission):
    row = ALL_EIGHT * 9 + out
    _, limits = shared(mission, [row], [0.0], [[0.0, 0.0, 0.0]])
    axial, torque = limits[0].mean(), np.array([40.0, -30.0, 10.0])
    thrusts, _ = shared(mission, [row], [axial], [torque])
    assert thrusts[0][out] == 0.0
    force, moment = wrench(mission, thrusts[0], centre_of(mission, ALL_EIGHT))
    assert force == pytest.approx(axial, rel=1e-9)
    np.testing.assert_allclose(moment, torque, atol=1e-6)


@pytest.mark.parametrize("row", range(27))
def test_no_engine_leaves_its_range(row, mission):
    """Whatever is asked: running engines stay between their least and largest, others at zero."""
    engines = mission.vehicle.engines
    rng = np.random.default_rng(row)
    axial = rng.uniform(-5e3, 4e4, 50)
    thrusts, _ = shared(mission, [row] * 50, axial, rng.uniform(-2e4, 2e4, (50, 3)))
    on = running(mission, row)
    assert thrusts[:, on].min() >= engines.thrust_minimum_n - 1e-9
    assert thrusts[:, on].max() <= engines.thrust_maximum_n + 1e-9
    idle = [k for k in range(8) if k not in on]
    assert (thrusts[:, idle] == 0).all()


def test_what_clipped_engines_leave_undone_the_others_take(mission):
    """Near the engines' limit the least-norm solution leaves their range; the wrench still comes.

    Fails where the torque only gives way, or the thrusts are only clipped.
    """
    row = ALL_EIGHT * 9 + 2
    mixing = tables_of(mission).mixing.numpy()[row]
    _, limits = shared(mission, [row], [0.0], [[0.0, 0.0, 0.0]])
    axial = 0.76 * limits[0][1]
    most = mission.vehicle.engines.thrust_maximum_n
    assert (mixing[:, 0] * axial).max() > most
    thrusts, _ = shared(mission, [row], [axial], [[0.0, 0.0, 0.0]])
    force, moment = wrench(mission, thrusts[0], centre_of(mission, ALL_EIGHT))
    assert force == pytest.approx(axial, rel=0.01)
    np.testing.assert_allclose(moment, 0.0, atol=0.02 * axial)


def test_thrust_follows_its_command_with_the_missions_lag(mission):
    lag = mission.vehicle.engines.lag_s
    t, rows = burn(
        mission, thrust=500.0, command=np.full(8, 2000.0), steps=200, step_s=0.004, propellant=300.0
    )
    expected = 2000.0 - 1500.0 * np.exp(-t / lag)
    np.testing.assert_allclose(rows["thrust"], np.tile(expected, (8, 1)).T, rtol=1e-6)


@pytest.mark.parametrize("thrust_n", [400.0, 1200.0, 2400.0, 3060.0])
def test_the_rocket_equation_holds_at_every_throttle(thrust_n, mission):
    """dv = ve ln(m0 / m1), ve linear in thrust between the mission's two, less the cants' cosine.

    Fails with one exhaust speed for all throttles, or with propellant that weighs nothing.
    """
    engines, masses = mission.vehicle.engines, mission.vehicle.masses
    command = np.full(8, thrust_n)
    propellant = 380.0
    t, rows = burn(
        mission, thrust=command, command=command, steps=700, step_s=0.01, propellant=propellant
    )
    share = (thrust_n - engines.thrust_minimum_n) / (
        engines.thrust_maximum_n - engines.thrust_minimum_n
    )
    slow, fast = engines.exhaust_speed_minimum_m_s, engines.exhaust_speed_maximum_m_s
    exhaust = slow + (fast - slow) * share
    whole = masses.rover_kg + masses.descent_stage_dry_kg + propellant
    burnt = propellant - rows["propellant"][-1]
    assert burnt == pytest.approx(8 * thrust_n / exhaust * t[-1], rel=1e-9)
    gained = np.linalg.norm(rows["v1"][-1])
    cosine = np.cos(np.radians(engines.cant_deg)).mean()
    expected = exhaust * cosine * np.log(whole / (whole - burnt))
    assert gained == pytest.approx(expected, rel=1e-7)


def test_empty_tanks_push_nothing(mission):
    command = np.full(8, 2000.0)
    _, rows = burn(
        mission, thrust=command, command=command, steps=400, step_s=0.01, propellant=10.0
    )
    assert rows["propellant"].min() == 0.0
    empty = int(np.argmax(rows["propellant"] == 0.0))
    assert 0 < empty < 300
    np.testing.assert_allclose(rows["v1"][-1], rows["v1"][empty], atol=1e-9)


@pytest.mark.parametrize("out", [8, 0, 1, 5])
def test_the_attitude_settles_on_its_command(out, mission):
    """From 20 deg off to within half a degree in five seconds, one engine out or none.

    Fails with a torque of the wrong sign, an unstable gain against the lag, or a mixing that
    turns the lander with what it takes from one engine.
    """
    start = Rotation.from_rotvec(np.radians([12.0, -16.0, 0.0]))
    row = ALL_EIGHT * 9 + out
    _, limits = shared(mission, [row], [0.0], [[0.0, 0.0, 0.0]])
    axial = float(limits[0] @ [0.6, 0.4])
    steer = (row, np.array([0.0, 0.0, 0.0, 1.0]), axial)
    _, rows = burn(
        mission,
        thrust=0.0,
        command=np.zeros(8),
        steps=448,
        step_s=1 / 64,
        propellant=300.0,
        steer=steer,
        pose=start.as_quat(),
    )
    off = np.degrees(Rotation.from_quat(rows["q1"]).magnitude())
    assert off[0] == pytest.approx(20.0, abs=0.1)
    assert off[320:].max() < 0.5
    assert np.degrees(np.abs(rows["w1"][320:]).max()) < 0.5
    # No wild overshoot on the way.
    assert off.max() < 20.5


def test_without_thrust_the_lander_is_a_free_top(mission):
    """Angular momentum in axes at rest is kept; fails without the gyroscopic term."""
    rates = np.radians([25.0, -18.0, 30.0])
    _, rows = burn(
        mission,
        thrust=0.0,
        command=np.zeros(8),
        steps=600,
        step_s=0.01,
        propellant=200.0,
        rates=rates,
    )
    out = wp.zeros(1, dtype=Body, device="cpu")
    wp.launch(_lander, dim=1, inputs=[case_of(mission), 200.0], outputs=[out], device="cpu")
    inertia = out.numpy()[0]["inertia"]
    spin = Rotation.from_quat(rows["q1"]).apply(inertia * rows["w1"])
    assert np.linalg.norm(spin - spin[0], axis=1).max() < 1e-7 * np.linalg.norm(spin[0])
    assert np.degrees(np.ptp(rows["w1"], axis=0)).max() > 10.0


def test_propellant_of_the_flight_is_that_of_its_thrusts(mission, raw):
    """The integral of F / ve over every engine is what the tanks lost."""
    engines = mission.vehicle.engines
    rows = raw.powered
    rows = rows[rows["t"] <= raw.events[EventId.BRIDLE_CUT]["t"]]
    f = rows["engines"]
    share = np.clip(
        (f - engines.thrust_minimum_n) / (engines.thrust_maximum_n - engines.thrust_minimum_n), 0, 1
    )
    slow, fast = engines.exhaust_speed_minimum_m_s, engines.exhaust_speed_maximum_m_s
    flow = (f / (slow + (fast - slow) * share)).sum(axis=1)
    spent = rows["propellant"][0] - rows["propellant"][-1]
    # Commands jump at the ticks, within which the trapezoid sees a straight line.
    assert np.trapezoid(flow, rows["t"]) == pytest.approx(spent, rel=1e-3)


def test_throttles_of_the_flight_stay_within_their_range(mission, raw):
    engines = mission.vehicle.engines
    rows = raw.powered
    crane = raw.events[EventId.SKY_CRANE_START]["t"]
    start = raw.events[EventId.POWERED_DESCENT_START]["t"]
    lit = rows[(rows["t"] > start + 10 * engines.lag_s) & (rows["t"] < crane)]["engines"]
    assert lit.min() >= engines.thrust_minimum_n - 1.0
    assert lit.max() <= engines.thrust_maximum_n + 1e-6
    late = rows[rows["t"] > crane + 10 * engines.lag_s]["engines"]
    others = [k for k in range(8) if k not in engines.sky_crane]
    assert np.abs(late[:, others]).max() < 1.0
    assert (late[:, engines.sky_crane].max(axis=0) > 0.9 * engines.thrust_maximum_n).all()
