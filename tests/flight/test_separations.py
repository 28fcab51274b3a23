"""Momentum, linear and angular, across every parting of the vehicle."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp
from flight_builders import case_of
from scipy.spatial.transform import Rotation

from skycrane.flight.bodies import (
    Body,
    backshell_body,
    capsule_body,
    lander_body,
    rover_body,
    shield_body,
    stage_body,
)
from skycrane.flight.case import Case
from skycrane.flight.entry import _drop
from skycrane.flight.entry_motion import Ballistic
from skycrane.flight.hanging import Hanging, Setting
from skycrane.flight.lander_motion import Lander, parted
from skycrane.flight.parachute import Descent, _fired, _release, _shed
from skycrane.flight.state import BALANCE_SLOTS, EventId, FallState, LanderState, VehicleState

TURN = Rotation.from_euler("ZYX", (40.0, -25.0, 70.0), degrees=True)
RATES = np.array([0.11, -0.23, 0.31])
VELOCITY = np.array([-210.0, 340.0, 55.0])
PROPELLANT_KG = 391.0
PARTS = ("whole", "hung", "bare", "lander", "shell", "shield", "rover", "stage")


@wp.kernel(enable_backward=False)
def _bodies(cases: wp.array(dtype=Case), propellant: wp.float64, out: wp.array(dtype=Body)):
    case = cases[0]
    out[0] = capsule_body(case, propellant, 0, 1, 1)
    out[1] = capsule_body(case, propellant, 0, 1, 0)
    out[2] = capsule_body(case, propellant, 0, 0, 0)
    out[3] = lander_body(case, propellant)
    out[4] = backshell_body(case)
    out[5] = shield_body(case)
    out[6] = rover_body(case)
    out[7] = stage_body(case, propellant)


@wp.kernel(enable_backward=False)
def _part(
    cases: wp.array(dtype=Case),
    begin: wp.array(dtype=VehicleState),
    hanging: wp.array(dtype=Hanging),
    propellant: wp.float64,
    out: wp.array(dtype=Hanging),
    falling: wp.array(dtype=FallState, ndim=2),
    landers: wp.array(dtype=LanderState),
    joined: wp.array(dtype=Lander),
):
    case = cases[0]
    set = Setting()
    set.body = capsule_body(case, propellant, 0, 1, 0)
    out[0] = _fired(case, begin[0], set, set.body.centre)
    rest = capsule_body(case, propellant, 0, 0, 0)
    out[1] = _shed(case, wp.float64(0.0), hanging[0], set, rest, falling, 0)
    set.body = rest
    d = Descent()
    out[2] = _release(case, wp.float64(0.0), hanging[1], set, d, propellant, landers, 0)
    s = Lander()
    body = lander_body(case, propellant)
    s.p1 = hanging[1].position
    s.v1 = hanging[1].velocity
    s.q1 = hanging[1].attitude
    s.w1 = hanging[1].rates
    s.propellant = propellant
    s = parted(case, s)
    stage = stage_body(case, propellant)
    lever = stage.centre - body.centre
    s.p1 = s.p1 + wp.quat_rotate(s.q1, lever)
    s.v1 = s.v1 + wp.quat_rotate(s.q1, wp.cross(s.w1, lever))
    joined[0] = s


@wp.kernel(enable_backward=False)
def _drop_pair(
    cases: wp.array(dtype=Case),
    falling: wp.array(dtype=FallState, ndim=2),
    s: wp.array(dtype=Ballistic),
    attitude: wp.quatd,
    mass: wp.float64,
    count: wp.int32,
    out: wp.array(dtype=wp.vec3d),
):
    out[0] = _drop(cases[0], falling, 0, 0, count, wp.float64(0.0), s[0], attitude, mass)


def on_cpu(dtype, rows: list[dict]) -> wp.array:
    values = np.zeros(len(rows), dtype=dtype.numpy_dtype())
    for row, fields in zip(values, rows, strict=True):
        for name, value in fields.items():
            row[name] = value
    return wp.array(values, dtype=dtype, device="cpu")


def body(part, position, velocity, turn, rates) -> tuple[np.ndarray, np.ndarray, float]:
    """Momentum and angular momentum about the planet's axes' origin, and mass."""
    mass = float(part["mass"])
    spin = turn.apply(part["inertia"] * rates)
    return mass * velocity, np.cross(position, mass * velocity) + spin, mass


def point(mass, position, velocity) -> tuple[np.ndarray, np.ndarray, float]:
    return mass * velocity, np.cross(position, mass * velocity), mass


def assert_kept(before, after) -> None:
    """Positions are near the origin here, so that rounding does not hide a lever."""
    momentum, spin, mass = (sum(x) for x in zip(*after, strict=True))
    assert mass == pytest.approx(before[2], rel=1e-14)
    np.testing.assert_allclose(momentum, before[0], rtol=1e-13, atol=1e-9)
    np.testing.assert_allclose(spin, before[1], rtol=1e-12, atol=1e-8)


@pytest.fixture(scope="module")
def parted_bodies(mission):
    """Bodies by name, and what each parting leaves."""
    cases = case_of(mission)
    bodies = wp.zeros(len(PARTS), dtype=Body, device="cpu")
    wp.launch(_bodies, dim=1, inputs=[cases, PROPELLANT_KG], outputs=[bodies], device="cpu")
    parts = dict(zip(PARTS, bodies.numpy(), strict=True))
    pose = {"attitude": TURN.as_quat(), "rates": RATES, "velocity": VELOCITY}
    begin = on_cpu(VehicleState, [pose | {"mass": parts["whole"]["mass"]}])
    hanging = on_cpu(Hanging, [pose, pose])
    out = wp.zeros(3, dtype=Hanging, device="cpu")
    falling = wp.zeros((1, 1 + BALANCE_SLOTS), dtype=FallState, device="cpu")
    landers = wp.zeros(1, dtype=LanderState, device="cpu")
    joined = wp.zeros(1, dtype=Lander, device="cpu")
    inputs = [cases, begin, hanging, PROPELLANT_KG]
    wp.launch(_part, dim=1, inputs=inputs, outputs=[out, falling, landers, joined], device="cpu")
    return parts, out.numpy(), falling.numpy()[0], landers.numpy()[0], joined.numpy()[0]


def state(part, row) -> tuple[np.ndarray, np.ndarray, float]:
    turn = Rotation.from_quat(row["attitude"])
    return body(part, row["position"], row["velocity"], turn, row["rates"])


def test_the_mortar_throws_the_pack_and_kicks_the_capsule(mission, parted_bodies):
    """Fails without the recoil, or with a pack that forgets how its canister turned."""
    parts, out, *_ = parted_bodies
    whole = parts["whole"]
    at = TURN.apply(whole["centre"])
    before = body(whole, at, VELOCITY + TURN.apply(np.cross(RATES, whole["centre"])), TURN, RATES)
    pack_kg = mission.vehicle.masses.parachute_kg
    pack = point(pack_kg, out[0]["canopy_position"], out[0]["canopy_velocity"])
    assert_kept(before, [state(parts["hung"], out[0]), pack])
    muzzle = np.array(mission.vehicle.stack.parachute_position_m) - parts["hung"]["centre"]
    mouth = out[0]["velocity"] + TURN.apply(np.cross(RATES, muzzle))
    speed = np.linalg.norm(out[0]["canopy_velocity"] - mouth)
    assert speed == pytest.approx(mission.vehicle.parachute.mortar_speed_m_s, rel=1e-9)


def test_the_heat_shield_leaves_with_its_tip_off(mission, parted_bodies):
    """Fails if the capsule does not answer the push or the turn that the shield is given."""
    parts, out, falling, *_ = parted_bodies
    before = body(parts["hung"], np.zeros(3), VELOCITY, TURN, RATES)
    assert_kept(before, [state(parts["shield"], falling[0]), state(parts["bare"], out[1])])
    tip = np.radians(mission.vehicle.heat_shield.tip_off_deg_s)
    np.testing.assert_allclose(falling[0]["rates"] - out[1]["rates"], tip, rtol=1e-12)


def test_the_backshell_lets_the_lander_go(mission, parted_bodies):
    parts, out, _, lander, _ = parted_bodies
    before = body(parts["bare"], np.zeros(3), VELOCITY, TURN, RATES)
    assert_kept(before, [state(parts["lander"], lander), state(parts["shell"], out[2])])


def test_the_rover_leaves_the_descent_stage(parted_bodies):
    parts, *_, joined = parted_bodies
    before = body(parts["lander"], np.zeros(3), VELOCITY, TURN, RATES)
    after = [
        body(
            parts[name],
            joined[f"p{k}"],
            joined[f"v{k}"],
            Rotation.from_quat(joined[f"q{k}"]),
            joined[f"w{k}"],
        )
        for name, k in (("stage", 1), ("rover", 2))
    ]
    assert_kept(before, after)


def test_the_joined_inertia_is_that_of_its_parts(parted_bodies):
    """Steiner's theorem against the same parts summed about another point."""
    parts, *_ = parted_bodies
    whole, pieces = parts["bare"], [parts["lander"], parts["shell"]]
    far = np.array([0.0, 0.0, 7.0])

    def about_far(part):
        d = part["centre"] - far
        return part["inertia"] + part["mass"] * (d @ d - d**2)

    np.testing.assert_allclose(about_far(whole), sum(about_far(p) for p in pieces), rtol=1e-12)


def test_balance_masses_push_the_vehicle_aside(mission):
    """Linear only: the entry's attitude is that of its trim, not a state of its own."""
    cases = case_of(mission)
    falling = wp.zeros((1, 1 + BALANCE_SLOTS), dtype=FallState, device="cpu")
    out = wp.zeros(1, dtype=wp.vec3d, device="cpu")
    s = on_cpu(Ballistic, [{"velocity": VELOCITY}])
    mass, pair = 3209.4, mission.guidance.parachute.balance_pair
    inputs = [cases, falling, s, wp.quatd(*TURN.as_quat()), mass, pair]
    wp.launch(_drop_pair, dim=1, inputs=inputs, outputs=[out], device="cpu")
    gone = falling.numpy()[0][1 : 1 + pair]
    each = mission.vehicle.masses.balance_mass_kg
    after = (mass - pair * each) * out.numpy()[0] + (gone["mass"][:, None] * gone["velocity"]).sum(
        axis=0
    )
    np.testing.assert_allclose(after, mass * VELOCITY, rtol=1e-14)
    away = np.linalg.norm(gone["velocity"] - VELOCITY, axis=1)
    assert (away > 0.9 * mission.vehicle.balance_mass.separation_speed_m_s).all()


@pytest.mark.parametrize("slot", [EventId.ROVER_SEPARATION, EventId.BRIDLE_CUT])
def test_the_record_has_no_jump_where_bridles_take_over_or_are_cut(slot, raw, mission):
    """The common centre of mass accelerates evenly through the parting: no impulse from nowhere."""
    rows, t = raw.powered, raw.events[slot]["t"]
    k = int(np.searchsorted(rows["t"], t + 1e-9))
    near = rows[k - 4 : k + 4]
    masses, inertia = mission.vehicle.masses, mission.vehicle.inertia

    def velocity(row, origin, turn, rates, centre):
        return row[origin] + Rotation.from_quat(row[turn]).apply(np.cross(row[rates], centre))

    both = []
    for row in near:
        stage = velocity(
            row, "velocity", "attitude", "rates", np.array(inertia.descent_stage_centre_m)
        )
        rover = velocity(
            row,
            "second_velocity",
            "second_attitude",
            "second_rates",
            np.array(inertia.rover_centre_m),
        )
        stage_kg = masses.descent_stage_dry_kg + row["propellant"]
        total = stage_kg + masses.rover_kg
        both.append((stage_kg * stage + masses.rover_kg * rover) / total)
    jumps = np.linalg.norm(np.diff(both, axis=0), axis=1)
    # 64 a second: even 5 m/s2 of net acceleration changes the velocity by 0.08 m/s.
    assert jumps.max() < 0.08
