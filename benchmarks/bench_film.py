"""Filming: core-seconds of a full frame, beside Mitsuba 3; two cores against one; memory."""

from __future__ import annotations

import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.peers.mitsuba_scene import mitsuba_runs, rover_under_stage
from skycrane.cameras.dust import DustState
from skycrane.cameras.optics import Lens, lens_of
from skycrane.cameras.renderer import Renderer, camera_pose
from skycrane.cameras.scene import Scene
from skycrane.flight.stage import fly_mission
from skycrane.mission import load_mission

_SAMPLES = 16


def _no_dust(*_: Any, **__: Any) -> Any:
    return DustState()


def _frame_s(renderer: Renderer, name: str, lens: Lens, t_s: float, key: int) -> float:
    """Return core-seconds of one frame, bodies posed anew, from light to bytes."""
    scene = renderer.scene
    camera = scene.mission.cameras[name]
    moment, pose = scene.moment(t_s), camera_pose(scene, camera, t_s)
    start = time.process_time()
    spread_px2 = camera.optics.point_spread_px**2
    light, _, _ = renderer.light(moment, pose, lens, key=key, spread_px2=spread_px2)
    renderer.expose(light, lens, camera, exposure_s=1e-3, keys=(key, 2), dark=False)
    return time.process_time() - start


def _views(scene: Scene) -> list[tuple[str, float]]:
    """Return cameras and times: the shield falling, the descent, the rappel from both its ends."""
    at = scene.flight.event
    down = np.linspace(at("backshell_separation").t_s + 5, at("sky_crane_start").t_s - 12, 5)
    return [
        ("rdc", at("heat_shield_separation").t_s + 4),
        *[("rdc", float(t)) for t in down],
        ("ruc", at("rover_separation").t_s + 2),
        ("ddc", at("rover_separation").t_s + 2),
    ]


def _lens(scene: Scene, name: str) -> Lens:
    return lens_of(scene.mission.cameras[name], 1).scaled(1280, 1024)


def _frames(scene: Scene, renderer: Renderer) -> dict[str, dict]:
    seconds = []
    for name, t_s in _views(scene):
        lens = _lens(scene, name)
        _frame_s(renderer, name, lens, t_s, 1)
        seconds.append(min(_frame_s(renderer, name, lens, t_s, key) for key in (2, 3)))
    each = ", ".join(f"{name} {s:.2f}" for (name, _), s in zip(_views(scene), seconds, strict=True))
    conditions = f"1280 x 1024, a ray a photosite, bodies and shadows, dust off; median of {each}"
    return {
        "film_frame_core_s": {
            "value": round(float(np.median(seconds)), 3),
            "unit": "core-s",
            "conditions": conditions,
        }
    }


def _dusty(scene: Scene, renderer: Renderer) -> dict[str, dict]:
    """The last metres of the rappel, when the dust is thickest that one still sees through."""
    seconds = {}
    t_s = scene.flight.event("touchdown").t_s - 6.0
    for name in ("lvs", "rdc", "ddc", "ruc"):
        lens = lens_of(scene.mission.cameras[name], 1) if name == "lvs" else _lens(scene, name)
        _frame_s(renderer, name, lens, t_s, 1)
        seconds[name] = min(_frame_s(renderer, name, lens, t_s, key) for key in (2, 3))
    each = ", ".join(f"{name} {s:.2f}" for name, s in seconds.items())
    return {
        "film_dusty_frame_core_s": {
            "value": round(float(np.median(list(seconds.values()))), 3),
            "unit": "core-s",
            "conditions": f"as film_frame_core_s, 6 s before touchdown, dust on; median of {each}",
        }
    }


def _beside_mitsuba(scene: Scene, renderer: Renderer) -> dict[str, dict]:
    """Compare the view from the descent stage onto the rover and its shadow, dust off.

    The peer is the fastest of Mitsuba's variants that runs here.
    """
    t_s, _, lens = rover_under_stage(scene)
    ours = min(_frame_s(renderer, "ddc", lens, t_s, key) for key in (1, 2, 3))
    runs = mitsuba_runs(_SAMPLES)
    ran = {variant: seconds for variant, seconds in runs.items() if seconds is not None}
    if not ran:
        return {}
    fastest = min(ran, key=lambda variant: ran[variant])
    told = ", ".join(
        f"{name} {'does not run' if seconds is None else f'{seconds:.1f}'}"
        for name, seconds in runs.items()
    )
    return {
        "film_vs_mitsuba": {
            "value": round(ours, 3),
            "unit": "core-s",
            "peer": f"Mitsuba 3 {fastest}, {_SAMPLES} samples",
            "peer_value": round(ran[fastest], 2),
            "ratio": round(ran[fastest] / ours, 1),
            "conditions": "1280 x 1024, rover under the descent stage, same meshes and ground; "
            f"of {told}",
        }
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def _spread(scene: Scene, first: Renderer) -> dict[str, dict]:
    """Film the same frames by one thread and by two, as the stage does; watch the memory."""
    lens, renderers = _lens(scene, "rdc").scaled(640, 512), [first, Renderer(scene, workers=1)]
    start, stop = (scene.flight.event(n).t_s for n in ("heat_shield_separation", "touchdown"))
    times = np.linspace(start + 4, stop - 4, 24)
    wall, resident, load = {}, [], os.getloadavg()[0]
    for workers in (1, 2, 1, 2):
        idle: SimpleQueue[Renderer] = SimpleQueue()
        for renderer in renderers[:workers]:
            idle.put(renderer)

        def work(t_s: float, idle: SimpleQueue[Renderer] = idle) -> None:
            renderer = idle.get()
            _frame_s(renderer, "rdc", lens, t_s, 1)
            idle.put(renderer)

        begun = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, times))
        wall[workers] = min(wall.get(workers, np.inf), time.perf_counter() - begun)
        gc.collect()
        resident.append(_resident_mb())
    return {
        "film_two_cores": {
            "value": round(wall[1] / wall[2], 2),
            "unit": "times one",
            "conditions": "24 frames of 640 x 512, whole frames side by side, wall clock, "
            f"load {load:.1f} before",
        },
        "film_memory_growth": {
            "value": round(resident[-1] - resident[1], 1),
            "unit": "MB",
            "conditions": f"over 48 frames after the first 48, of {resident[-1]:.0f} MB resident",
        },
    }


def measure() -> dict[str, dict]:
    """Return the figures of filming on this machine's processor."""
    mission = load_mission("mars2020")
    flight, _ = fly_mission(mission)
    scene = Scene(mission, flight)
    renderer = Renderer(scene, workers=1)
    dusty = _dusty(scene, renderer)
    scene.dust = SimpleNamespace(state=_no_dust)  # type: ignore[assignment]
    results = {**_frames(scene, renderer), **dusty, **_beside_mitsuba(scene, renderer)}
    return {**results, **_spread(scene, renderer)}
