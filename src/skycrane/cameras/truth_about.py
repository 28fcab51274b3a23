"""What a truth store says of itself: ids, lens, sun and site, for readers without this program."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.optics import Lens
from skycrane.cameras.scene import Scene
from skycrane.vehicle.materials import MATERIALS

__all__ = ["BODY_IDS", "MATERIAL_IDS", "about_of", "intrinsics_of"]

_VERSION = 5
_NONE = {"sky": 0, "ground": 1}

BODY_IDS = _NONE | {name: k + 2 for k, name in enumerate(SURFACES)}
"""Ids in the array `body`."""

MATERIAL_IDS = _NONE | {material.name: k + 2 for k, material in enumerate(MATERIALS)}
"""Ids in the array `material`, of the built-in bodies; a user's own come after them."""

_CONVENTIONS = {
    "image": "arrays are (frame, row, column, ...); row 0 is the top; the centre of the upper left "
    "photosite is pixel (0, 0)",
    "ray": "one ray through each photosite's centre, at the time of the frame: the middle of its "
    "exposure; it starts in the optical centre, or, of a CAHVORE lens, on the axis O where its "
    "entrance pupil is: O (t / sin t - 1) (E0 + E1 t^2 + E2 t^4) ahead of it, t the angle off O",
    "optical": "camera frame: x right, y down, z forward, origin in the optical centre (C of a "
    "CAHVORE lens)",
    "mars_fixed": "IAU_MARS, turns with the planet, m",
    "site": "east, north, up at the landing target on its radius, m",
    "surface": "the frame of a surface's mesh: that of its body; x forward, y right, z down",
    "attitude": "unit quaternion, scalar first, turns vectors of the named frame into the other",
}


def intrinsics_of(lens: Lens) -> dict[str, Any]:
    """Return the lens as plain JSON: Brown's coefficients, and its CAHVORE model where it has one.

    Pixel = f * distorted + c, column then row, of ideal coordinates x/z, y/z in the optical frame.
    """
    told: dict[str, Any] = {
        "model": "brown",
        "width": lens.width,
        "height": lens.height,
        "fx": lens.fx,
        "fy": lens.fy,
        "cx": lens.cx,
        "cy": lens.cy,
        "units": "px; pixel centres at whole numbers",
        "distortion": dict(zip(("k1", "k2", "p1", "p2", "k3"), lens.distortion, strict=True)),
    }
    model = getattr(lens, "model", None)
    if model is not None:
        vectors = {name: np.asarray(value).tolist() for name, value in asdict(model).items()}
        told |= {"model": "cahvore", "cahvore": vectors}
    return told


def about_of(scene: Scene, camera: str, lens: Lens, origin: str) -> dict[str, Any]:
    """Return the attributes of the truth of one camera; `origin` is what it is made from."""
    site = scene.mission.site
    return {
        "skycrane_truth": _VERSION,
        "camera": camera,
        "origin": origin,
        "bodies": BODY_IDS,
        "surfaces": list(SURFACES),
        "materials": _NONE | {name: k + 2 for k, name in enumerate(scene.vehicle.paints.names)},
        "intrinsics": intrinsics_of(lens),
        "conventions": _CONVENTIONS,
        "sun_direction_site": [float(x) for x in scene.sun],
        "sun_angular_radius_rad": float(np.arccos(scene.air.cos_sun)),
        "site": {
            "latitude_deg": site.latitude_deg,
            "longitude_deg": site.longitude_deg,
            "radius_m": site.radius_m,
        },
    }
