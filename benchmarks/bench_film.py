"""Core-seconds of one full-size frame of the rover's camera, bodies and shadows on, dust off."""

from __future__ import annotations

import time

import numpy as np

from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer, camera_pose
from skycrane.cameras.scene import Scene
from skycrane.flight.stage import fly_mission
from skycrane.mission import load_mission


def measure() -> dict[str, dict]:
    """Return the time of one 1280 x 1024 frame on one core: the median over the powered descent."""
    mission = load_mission("mars2020")
    flight, _ = fly_mission(mission)
    scene = Scene(mission, flight)
    renderer = Renderer(scene, workers=1)
    camera = mission.cameras["rdc"]
    lens = lens_of(camera, 1)
    separated = flight.event("backshell_separation").t_s
    crane = flight.event("sky_crane_start").t_s
    seconds = []
    for t_s in np.linspace(separated + 5, crane - 12, 7):
        moment, pose = scene.moment(t_s), camera_pose(scene, camera, t_s)
        renderer.light(moment, pose, lens, key=1)
        start = time.process_time()
        light, _, _ = renderer.light(moment, pose, lens, key=2)
        renderer.expose(light, lens, camera, exposure_s=1e-3, keys=(1, 2), dark=False)
        seconds.append(time.process_time() - start)
    return {
        "film_frame_core_s": {
            "value": round(float(np.median(seconds)), 3),
            "unit": "core-s",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "conditions": "1280 x 1024, one ray a photosite, bodies and shadows, dust off",
        }
    }
