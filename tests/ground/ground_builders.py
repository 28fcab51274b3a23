"""Small landings for the ground's tests: a made-up flight and synthetic Bayer frames of it."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from skycrane.flight.record import BODIES, BodyTrack, Event, Flight, write_flight
from skycrane.mars.frames import SiteFrame
from skycrane.mission import Mission
from skycrane.mission.film import Film
from skycrane.mission.flown import FlownEvent
from skycrane.mission.mission import Identity
from skycrane.mission.place import Epoch, Planet, Site
from skycrane.mission.sound import Soundscape
from skycrane.onboard.store import CameraInfo, FrameWriter, RawFrame

SHORT = {
    "straighten_up_and_fly_right": 10.0,
    "parachute_deploy": 17.0,
    "parachute_full_inflation": 18.0,
    "heat_shield_separation": 19.5,
    "backshell_separation": 22.0,
    "powered_descent_start": 22.5,
    "sky_crane_start": 24.0,
    "rover_separation": 24.5,
    "rappel_done": 25.5,
    "touchdown": 27.0,
    "bridle_cut": 27.4,
    "flyaway_start": 27.4,
}
"""Times of a landing in a hurry, s; the whole film takes a dozen seconds."""

FLOWN = {
    "entry_interface": 0.0,
    "straighten_up_and_fly_right": 223.8,
    "parachute_deploy": 240.6,
    "line_stretch": 241.7,
    "parachute_full_inflation": 242.3,
    "heat_shield_separation": 263.3,
    "backshell_separation": 357.3,
    "powered_descent_start": 358.3,
    "constant_velocity_start": 389.6,
    "constant_deceleration_start": 393.8,
    "sky_crane_start": 399.7,
    "rover_separation": 402.4,
    "rappel_done": 407.9,
    "touchdown": 418.1,
    "bridle_cut": 419.6,
    "flyaway_start": 419.6,
}
"""Times as they were flown, s."""

_ALTITUDE_M = {
    "entry_interface": 125_000,
    "straighten_up_and_fly_right": 14_000,
    "parachute_deploy": 11_500,
    "line_stretch": 11_200,
    "parachute_full_inflation": 11_000,
    "heat_shield_separation": 9_500,
    "backshell_separation": 2_180,
    "powered_descent_start": 2_090,
    "constant_velocity_start": 140,
    "constant_deceleration_start": 60,
    "sky_crane_start": 14,
    "rover_separation": 12,
    "rappel_done": 7.6,
    "touchdown": 0,
    "bridle_cut": 0,
    "flyaway_start": 0,
}


def film_table() -> dict:
    """The [film] table of the built-in mission."""
    text = resources.files("skycrane.mission") / "missions" / "mars2020.toml"
    return tomllib.loads(text.read_text())["film"]


def mission_of(*, title: str = "Toy: a landing in a hurry", **film: object) -> Mission:
    """A mission of which only what ground and page read is filled in."""
    text = resources.files("skycrane.mission") / "missions" / "mars2020.toml"
    table = tomllib.loads(text.read_text())
    return Mission.model_construct(
        mission=Identity(name="toy", title=title),
        planet=Planet.model_validate(table["planet"]),
        site=Site.model_validate(table["site"]),
        epoch=Epoch.model_validate(table["epoch"]),
        flown=[FlownEvent.model_validate(row) for row in table.get("flown", [])],
        cameras={},
        film=Film.model_validate(table["film"] | film),
        soundscape=Soundscape.model_validate(table["soundscape"]),
    )


def small_film(**changes: object) -> dict:
    """Film settings for a quick cut: 320x180 at 12 frames a second."""
    encoding = {
        "width": 320, "height": 180, "frames_per_s": 12, "x264_preset": "ultrafast", "x264_crf": 28,
    }  # fmt: skip
    return {
        "encoding": dict.fromkeys(("preview", "standard", "flight"), encoding),
        "opens_after_s": 6.0,
        "closes_after_s": 3.0,
        "title_s": 1.0,
        "end_card_s": 1.0,
    } | changes


def flight_of(times: dict[str, float], *, rest_s: float = 20.0) -> Flight:
    """A flight straight from made-up altitudes at the events' times to the site."""
    mission = mission_of()
    frame = SiteFrame.of(mission.site)
    knots = list(times.values())
    levels = [_ALTITUDE_M[name] for name in times]
    t = np.arange(knots[0], knots[-1] + rest_s, 0.1)
    altitude = np.interp(t, knots, levels)
    east = -0.9 * altitude
    position = frame.position_m(np.stack([east, 0.1 * east, altitude], axis=-1))
    velocity = np.gradient(position, t, axis=0)
    attitude = np.tile([1.0, 0.0, 0.0, 0.0], (len(t), 1))
    load = np.interp(t, [knots[0], knots[-1]], [100.0, 3.7])
    drivers = {"load_m_s2": load, "mach": np.interp(t, [knots[0], knots[-1]], [2.0, 0.0])}
    bodies = {
        name: BodyTrack(name, t, position, velocity, attitude, np.ones(len(t), bool), dict(drivers))
        for name in BODIES
    }
    flight = Flight(bodies, [], mission.site.radius_m)
    for name, at_s in times.items():
        speed = float(flight.speed_m_s(at_s))
        flight.events.append(
            Event(name, at_s, float(flight.altitude_m(at_s)), speed, -0.7, 1.8, 500.0)
        )
    return flight


def info_of(name: str, width: int = 128, height: int = 96) -> CameraInfo:
    body = {"p": "backshell", "d": "descent_stage", "r": "rover"}[name[0]]
    return CameraInfo(
        name, width, height, "bayer_rggb8", width, width, width / 2, height / 2,
        (0, 0, 0, 0, 0), body, (0, 0, 0), (1, 0, 0, 0),
    )  # fmt: skip


def mosaic_of(rgb: np.ndarray) -> np.ndarray:
    """Sample an RGB picture (h, w, 3) through an RGGB filter array."""
    raw = rgb[..., 1].copy()
    raw[0::2, 0::2] = rgb[0::2, 0::2, 0]
    raw[1::2, 1::2] = rgb[1::2, 1::2, 2]
    return raw


def _ground(size: int = 1024) -> np.ndarray:
    rng = np.random.default_rng(7)
    total = np.zeros((size, size), np.float32)
    for octave in range(2, 9):
        cells = 2**octave
        noise = rng.random((cells, cells), np.float32)
        total += cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC) / octave**1.6
    total = (total - total.min()) / np.ptp(total)
    return np.stack([150 * total + 40, 105 * total + 26, 70 * total + 16], axis=-1)


_GROUND = _ground()


def _view(name: str, t_s: float, altitude_m: float, width: int, height: int) -> np.ndarray:
    """A crude picture of what a camera might see: enough for colours, edges and motion."""
    if name.startswith("puc"):
        canvas = np.full((height, width, 3), (150, 115, 80), np.uint8)
        centre = (round(width / 2 + 6 * np.sin(t_s)), round(height / 2 + 4 * np.cos(t_s)))
        for ring in range(8, 0, -1):
            tone = (225, 220, 215) if ring % 2 else (205, 85, 35)
            cv2.circle(canvas, centre, round(height * 0.05 * ring), tone, -1, cv2.LINE_AA)
        return canvas
    span = int(np.clip(90 + altitude_m / 14, 90, 900))
    offset = round(40 * np.sin(t_s / 9)) + 60
    part = _GROUND[offset : offset + span, offset : offset + span]
    canvas = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas = np.ascontiguousarray(canvas.astype(np.uint8))
    middle = (width // 2, height // 2)
    if name == "ddc":
        cv2.rectangle(canvas, (width // 3, height // 3), (2 * width // 3, 2 * height // 3),
                      (190, 186, 178), -1)  # fmt: skip
        cv2.circle(canvas, middle, height // 14, (60, 60, 62), -1)
    if name == "ruc":
        canvas[:] = (165, 128, 92)
        cv2.rectangle(canvas, (width // 4, height // 4), (3 * width // 4, 3 * height // 4),
                      (120, 116, 110), -1)  # fmt: skip
    return canvas


def write_footage(
    folder: Path, flight: Flight, *, rate_hz: float = 3.0, width: int = 128, height: int = 96
) -> None:
    """Write camera stores such as relay leaves them: each camera while it has something to see."""
    mission = mission_of()
    cut_s = flight.event("bridle_cut").t_s
    windows = {
        "puc_a": (flight.event("parachute_deploy").t_s - 2, cut_s - 2),
        "puc_b": (flight.event("parachute_deploy").t_s - 2, cut_s - 2),
        "ddc": (flight.event("backshell_separation").t_s - 1, cut_s),
        "ruc": (flight.event("backshell_separation").t_s - 1, flight.t_end_s),
        "rdc": (flight.event("heat_shield_separation").t_s - 1, flight.t_end_s),
    }
    for name, (start_s, end_s) in windows.items():
        info = info_of(name, width, height)
        path = folder / f"{name}.mcap"
        with FrameWriter(path, info, mission.epoch.entry_interface_utc) as writer:
            for index, t_s in enumerate(np.arange(start_s, end_s, 1 / rate_hz)):
                altitude = max(0.0, float(flight.altitude_m(t_s)))
                picture = _view(name, float(t_s), altitude, width, height)
                image = mosaic_of(picture)
                position = np.zeros(3)
                attitude = np.array([1.0, 0.0, 0.0, 0.0])
                writer.write(
                    RawFrame(index, float(t_s), 0.001, 1.0, -40.0, image, position, attitude)
                )


def make_run(
    directory: Path,
    times: dict[str, float] = SHORT,
    *,
    rate_hz: float = 3.0,
    width: int = 128,
    height: int = 96,
) -> Flight:
    """Write flight/ and ground/ of a toy run and return its flight."""
    flight = flight_of(times)
    write_flight(flight, directory)
    write_footage(directory / "ground", flight, rate_hz=rate_hz, width=width, height=height)
    return flight
