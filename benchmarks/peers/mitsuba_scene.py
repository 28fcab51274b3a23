"""One moment of the landing as a Mitsuba 3 scene: the same meshes, ground, camera and sun."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.optics import Lens
from skycrane.cameras.renderer import Pose
from skycrane.cameras.scene import Moment, Scene

__all__ = ["mitsuba_core_s"]

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


def mitsuba_core_s(
    scene: Scene, moment: Moment, pose: Pose, lens: Lens, *, samples: int
) -> tuple[float, NDArray] | None:
    """Return core-seconds of Mitsuba's render alone and its picture, or None without Mitsuba.

    Matt bodies, sun and an even sky, one bounce, no haze: less than Skycrane's frame holds.
    """
    try:
        import mitsuba as mi
    except ImportError:
        return None
    mi.set_variant("scalar_rgb")
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
    start = time.process_time()
    picture = np.asarray(mi.render(loaded))
    return time.process_time() - start, picture
