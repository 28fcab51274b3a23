"""A made-up flight for tests of the cameras: the landing's outline, without its physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from skycrane.flight.record import BODIES, BodyTrack, Event, Flight
from skycrane.mars.frames import SiteFrame

EVENTS = {
    "parachute_deploy": 240.63,
    "line_stretch": 241.67,
    "parachute_full_inflation": 242.29,
    "heat_shield_separation": 263.26,
    "backshell_separation": 357.30,
    "powered_descent_start": 358.34,
    "constant_velocity_start": 391.0,
    "sky_crane_start": 399.73,
    "rover_separation": 402.38,
    "rappel_done": 407.88,
    "touchdown": 418.07,
    "bridle_cut": 419.57,
    "flyaway_start": 419.6,
}

# Time, altitude of the vehicle above the ground at the target, distance still to go (west), m.
_PATH = np.array(
    [
        (228, 14500, 9500),
        (240.6, 11800, 6900),
        (254, 11100, 5600),
        (263, 10300, 4700),
        (300, 7000, 2600),
        (357.3, 2180, 700),
        (362, 1800, 640),
        (375, 750, 250),
        (391, 120, 5),
        (399.7, 21.5, 0),
        (418.07, 7.6, 0),
        (440, 7.6, 0),
    ],
    float,
)


def _upright(heading_deg: float, tilt_deg: float = 0.0) -> np.ndarray:
    """Return body axes as columns in site axes: x along the heading, z down, tilted forward."""
    a = np.radians(heading_deg)
    forward = np.array([np.sin(a), np.cos(a), 0.0])
    down = np.array([0.0, 0.0, -1.0])
    axes = np.column_stack([forward, np.cross(down, forward), down])
    return axes @ Rotation.from_euler("y", tilt_deg, degrees=True).as_matrix()


def synthetic_flight(mission, heading_deg: float = 100.0) -> Flight:
    """Return a flight whose every body has a track from 228 s to 440 s after entry."""
    frame = SiteFrame.of(mission.site)
    t = np.arange(228.0, 440.01, 0.1)
    path = PchipInterpolator(_PATH[:, 0], _PATH[:, 1:])(t)
    capsule = np.column_stack([-path[:, 1], 0.3 * path[:, 1], path[:, 0]])
    sway = 6.0 * np.sin((t - 240) * 0.9) * np.exp(-np.maximum(t - 262, 0) / 60) * (t < 357.3)
    keys = np.array([_upright(heading_deg, s) for s in sway])
    turn = Rotation.from_matrix(keys)

    def event(name):
        return EVENTS[name]

    stack = mission.vehicle.stack
    stage = (
        capsule
        + turn.apply(stack.descent_stage_position_m) * (t < event("backshell_separation"))[:, None]
    )
    after = np.maximum(t - event("flyaway_start"), 0)
    stage = stage + np.column_stack([6 * after**2 * 0.3, 0 * t, 3 * after + 1.5 * after**2])
    payout = np.clip((t - event("rover_separation")) / 5.5, 0, 1) * 6.4
    reach = stack.rover_position_m[2] - stack.descent_stage_position_m[2]
    free = t >= event("rover_separation")
    rover = stage + turn.apply([0, 0, reach]) + payout[:, None] * [0, 0, -1.0]
    rover[t > event("touchdown")] = rover[t <= event("touchdown")][-1]
    rover[:, 2] -= rover[-1, 2] * (t > event("rappel_done"))
    shield = capsule.copy()
    fall = np.maximum(t - event("heat_shield_separation"), 0)
    shield[:, 2] -= 1.2 * fall**2 + 2 * fall
    shield[:, 0] += 0.5 * fall**1.5
    shield[:, 2] = np.maximum(shield[:, 2], 0)
    back = capsule.copy()
    drift = np.maximum(t - event("backshell_separation"), 0)
    k = np.searchsorted(t, event("backshell_separation"))
    back[k:] = capsule[k] + np.column_stack([3 * drift[k:], 2 * drift[k:], -60 * drift[k:]])
    back[:, 2] = np.maximum(back[:, 2], 0)
    length = np.clip((t - event("parachute_deploy")) / 1.04, 0, 1) * 42.0
    inflation = np.clip((t - event("line_stretch")) / 0.62, 0, 1) ** 2
    lag = np.array([_upright(heading_deg, 0.5 * s) for s in np.roll(sway, 5)])
    chute = back + np.einsum("nij,j->ni", lag, [0, 0, -1.0]) * length[:, None]

    def track(name, site, rotation, attached, **drivers):
        velocity = np.gradient(site, t, axis=0)
        attitude = (Rotation.from_matrix(frame.axes.T) * rotation).as_quat(scalar_first=True)
        flip = np.cumprod(np.where(np.sum(attitude[1:] * attitude[:-1], axis=1) < 0, -1, 1))
        attitude[1:] *= flip[:, None]
        return BodyTrack(
            name, t, frame.position_m(site), frame.vector(velocity), attitude, attached,
            {key: np.asarray(value, float) for key, value in drivers.items()},
        )  # fmt: skip

    chute_turn = Rotation.from_matrix(lag)
    deployed = np.clip((t - event("rover_separation")) / 4, 0, 1)
    quiet = np.zeros_like(t)
    throttle = np.where(((t > 358) & (t < 419.6))[:, None], 0.45, 0.0) * np.ones((1, 8))
    bodies = {
        "entry_vehicle": track("entry_vehicle", capsule, turn, t < 0),
        "heat_shield": track("heat_shield", shield, turn, t < event("heat_shield_separation")),
        "backshell": track("backshell", back, turn, t < event("backshell_separation")),
        "descent_stage": track(
            "descent_stage", stage, turn, t < event("backshell_separation"),
            thrust_n=throttle.sum(axis=1) * 3060, throttle=throttle, mass_kg=quiet + 1200,
            propellant_kg=quiet + 200, load_m_s2=quiet + 3.7,
        ),
        "rover": track(
            "rover", rover, turn, ~free, bridle_length_m=payout, wheels_deployed=deployed,
        ),
        "parachute": track(
            "parachute", chute, chute_turn, t < event("parachute_deploy"),
            inflation=inflation, deployed_length_m=length, drag_n=quiet,
        ),
    }  # fmt: skip
    assert set(bodies) == set(BODIES)
    events = [Event(name, when, 0.0, 0.0, 0.0, 0.0, 0.0) for name, when in EVENTS.items()]
    return Flight(bodies, events, mission.site.radius_m)


def tumbling(flight, body: str, rate_rad_s, from_s: float) -> Flight:
    """Return a flight whose `body` also turns at a rate [rad/s], in its own axes, from a time on.

    Attitudes are given every 5 ms, the turn between two of them is even.
    """
    track = flight.bodies[body]
    t = np.arange(track.time_s[0], track.time_s[-1], 0.005)
    rate = np.asarray(rate_rad_s, float)
    turn = Rotation.from_quat(track.attitude(t), scalar_first=True)
    turn = turn * Rotation.from_rotvec(rate * np.maximum(t - from_s, 0.0)[:, None])
    attitude = turn.as_quat(scalar_first=True)
    flip = np.cumprod(np.where(np.sum(attitude[1:] * attitude[:-1], axis=1) < 0, -1, 1))
    attitude[1:] *= flip[:, None]
    drivers = {name: track.driver(name, t) for name in track.drivers}
    moved = BodyTrack(
        body, t, track.position(t), track.velocity(t), attitude, track.is_attached(t), drivers
    )
    return replace(flight, bodies={**flight.bodies, body: moved})
