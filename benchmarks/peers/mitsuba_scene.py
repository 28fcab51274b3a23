"""One moment of the landing as a Mitsuba 3 scene: the same meshes, ground, camera and sun."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.optics import Lens, lens_of
from skycrane.cameras.renderer import Pose, camera_pose
from skycrane.cameras.scene import Moment, Scene
from skycrane.flight.stage import fly_mission
from skycrane.mission import load_mission

__all__ = ["VARIANTS", "mitsuba_core_s", "mitsuba_runs", "rover_under_stage"]

VARIANTS = {"llvm_ad_rgb": 3, "scalar_rgb": 1}
"""Those that render in colour on a processor, and how often each renders: the first run of an LLVM
variant also compiles."""

_GROUND_CELL_M = 0.05
_GROUND_HALF_M = 20.0


def _ground(scene: Scene, middle: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Return vertices and triangles of the grid around a place, nodes as Skycrane traces them."""
    rows = scene.ground.levels.numpy()
    row = rows[np.argmin(np.abs(rows["cell"] - _GROUND_CELL_M))]
    n, cell = int(row["count"]), float(row["cell"])
    first = int(row["heights"])
    height = scene.ground.heights.numpy()[first : first + n * n].reshape(n, n)
    j = np.flatnonzero(np.abs(row["x0"] + cell * np.arange(n) - middle[0]) < _GROUND_HALF_M)
    i = np.flatnonzero(np.abs(row["y0"] + cell * np.arange(n) - middle[1]) < _GROUND_HALF_M)
    x, y = np.meshgrid(row["x0"] + cell * j, row["y0"] + cell * i)
    vertices = np.column_stack([x.ravel(), y.ravel(), height[np.ix_(i, j)].ravel()])
    m = len(j)
    a = (np.arange(len(i) - 1)[:, None] * m + np.arange(m - 1)).ravel()
    triangles = [np.column_stack([a, a + 1, a + m + 1]), np.column_stack([a, a + m + 1, a + m])]
    return vertices, np.concatenate(triangles)


def _objects(scene: Scene, moment: Moment, pose: Pose) -> list[tuple[NDArray, NDArray, list]]:
    found = [(*_ground(scene, pose.eye_m), [0.25, 0.15, 0.08])]
    albedo = scene.vehicle.paints.albedo
    for k, name in enumerate(SURFACES):
        if moment.present[k]:
            shape = moment.moving.get(name, scene.resting[name])
            places = shape.vertices_m @ moment.turn[k].T + moment.origin_m[k]
            found.append((places, shape.triangles, albedo[shape.material].mean(axis=0).tolist()))
    return found


def rover_under_stage(scene: Scene) -> tuple[float, Pose, Lens]:
    """Return time, pose and lens of the view from the descent stage onto the rover's way down."""
    t_s = scene.flight.event("rover_separation").t_s + 2
    camera = scene.mission.cameras["ddc"]
    return t_s, camera_pose(scene, camera, t_s), lens_of(camera, 1).scaled(1280, 1024)


def mitsuba_runs(samples: int) -> dict[str, float | None]:
    """Return core-seconds by variant; None where it does not run here.

    Each in a process of its own: an LLVM that does not know the processor ends it. Another LLVM is
    named by DRJIT_LIBLLVM_PATH, as ever with Mitsuba.
    """
    found: dict[str, float | None] = {}
    for variant in VARIANTS:
        command = [sys.executable, "-m", __spec__.name, variant, str(samples)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            found[variant] = float(json.loads(done.stdout.splitlines()[-1])["core_s"])
        except (ValueError, IndexError, KeyError, TypeError):
            found[variant] = None
            print(f"Mitsuba's {variant} could not be measured here", file=sys.stderr)
    return found


def mitsuba_core_s(
    scene: Scene, moment: Moment, pose: Pose, lens: Lens, *, samples: int, variant: str, runs: int
) -> tuple[float, NDArray] | None:
    """Return core-seconds of Mitsuba's render alone and its picture, or None where it cannot run.

    Matt bodies, sun and an even sky, one bounce, no haze: less than Skycrane's frame holds. The
    least of `runs`: the first one of an LLVM variant also compiles.
    """
    try:
        import mitsuba as mi

        mi.set_variant(variant)
    except ImportError:
        return None
    eye, ahead, up = pose.eye_m, pose.turn[:, 2], -pose.turn[:, 1]
    across = float(np.degrees(2 * np.arctan(lens.width / 2 / lens.fx)))
    made: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "direct"},
        "sun": {"type": "directional", "direction": (-scene.sun).tolist(), "irradiance": 1.0},
        "sky": {"type": "constant", "radiance": 0.05},
        "sensor": {
            "type": "perspective",
            "fov": across,
            "fov_axis": "x",
            "to_world": mi.ScalarTransform4f().look_at(
                origin=eye.tolist(), target=(eye + ahead).tolist(), up=up.tolist()
            ),
            "film": {"type": "hdrfilm", "width": lens.width, "height": lens.height},
            "sampler": {"type": "independent", "sample_count": samples},
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        for k, (vertices, triangles, colour) in enumerate(_objects(scene, moment, pose)):
            mesh = mi.Mesh(f"m{k}", len(vertices), len(triangles))
            given = mi.traverse(mesh)
            given["vertex_positions"] = np.ascontiguousarray(vertices, np.float32).ravel()
            given["faces"] = np.ascontiguousarray(triangles, np.uint32).ravel()
            given.update()
            path = str(Path(folder) / f"{k}.ply")
            mesh.write_ply(path)
            matt = {"type": "diffuse", "reflectance": {"type": "rgb", "value": colour}}
            made[f"m{k}"] = {"type": "ply", "filename": path, "face_normals": True}
            made[f"m{k}"]["bsdf"] = {"type": "twosided", "material": matt}
        loaded = mi.load_dict(made)
    seconds = []
    for seed in range(runs):
        start = time.process_time()
        picture = np.asarray(mi.render(loaded, seed=seed))
        seconds.append(time.process_time() - start)
    return min(seconds), picture


def main() -> None:
    """Measure one variant: python -m benchmarks.peers.mitsuba_scene VARIANT SAMPLES."""
    variant, samples = sys.argv[1], int(sys.argv[2])
    mission = load_mission("mars2020")
    scene = Scene(mission, fly_mission(mission)[0])
    t_s, pose, lens = rover_under_stage(scene)
    made = mitsuba_core_s(
        scene,
        scene.moment(t_s),
        pose,
        lens,
        samples=samples,
        variant=variant,
        runs=VARIANTS[variant],
    )
    print(json.dumps({"core_s": None if made is None else made[0]}))


if __name__ == "__main__":
    main()
