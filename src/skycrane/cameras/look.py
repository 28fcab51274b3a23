"""A quick look for developers: one frame of one camera as a PNG.

python -m skycrane.cameras.look RUN_DIR CAMERA T_S OUT.png [SCALE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from skycrane.cameras.exposure import ExposureMeter
from skycrane.cameras.frames import Filmed, film_frame
from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.scene import Scene
from skycrane.cameras.sensor import linear_of
from skycrane.flight.record import read_flight
from skycrane.mission import load_mission

__all__ = ["look", "main"]


def look(renderer: Renderer, name: str, t_s: float, *, scale: int = 2) -> np.ndarray:
    """Return one frame, demosaiced and in sRGB, (height, width, 3) uint8, blue first."""
    scene = renderer.scene
    camera = scene.mission.cameras[name]
    dark = scene.event_s(camera.dark_until, np.inf) if camera.dark_until else -np.inf
    meter = ExposureMeter(camera, first_light_s=dark)
    part = Filmed(name, camera, lens_of(camera, scale), 1, 4, np.array([t_s]), dark, meter)
    frame = film_frame(part, 0, renderer, 0)
    linear = linear_of(frame.image, camera.detector)
    how = cv2.COLOR_GRAY2BGR if camera.detector.encoding == "mono8" else cv2.COLOR_BayerRGGB2BGR
    colour = cv2.cvtColor((linear * 65535).astype(np.uint16), how)
    x = colour / 65535.0
    srgb = np.where(x < 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return (srgb * 255 + 0.5).astype(np.uint8)


def main(arguments: list[str]) -> int:
    """Render one frame of a run directory and write it."""
    directory, name, t_s, out = arguments[:4]
    mission = load_mission(str(Path(directory) / "mission.toml"))
    scene = Scene(mission, read_flight(Path(directory)))
    scale = int(arguments[4]) if len(arguments) > 4 else 2
    picture = look(Renderer(scene, workers=2), name, float(t_s), scale=scale)
    cv2.imwrite(out, picture)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
