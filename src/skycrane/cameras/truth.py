"""The truth behind the frames: its channels, and what each array of them means."""

from __future__ import annotations

from dataclasses import dataclass

from skycrane.errors import InputError

__all__ = ["CHANNELS", "DEFAULT_CHANNELS", "IMAGES", "POSES", "ImageArray", "chosen"]

CHANNELS = ("depth", "body", "material", "normal", "visibility", "dust", "flow", "pose")
"""Everything that can be kept."""

DEFAULT_CHANNELS = ("depth", "body")


@dataclass(frozen=True)
class ImageArray:
    """An array of one value or vector a photosite: (frames, height, width, *trail).

    Attributes:
        name: of the array.
        dtype, trail, fill: type, trailing shape, and what stands where there is nothing.
        about: the array's attributes.
    """

    name: str
    dtype: str
    trail: tuple[int, ...]
    fill: float
    about: dict[str, str]


IMAGES: dict[str, ImageArray] = {
    "depth": ImageArray(
        "depth_m",
        "float32",
        (),
        -1.0,
        {"units": "m", "meaning": "distance along the photosite's ray (not z); -1 for open sky"},
    ),
    "body": ImageArray(
        "body", "uint8", (), 0, {"meaning": "what is seen, by the ids in the group's `bodies`"}
    ),
    "material": ImageArray(
        "material",
        "uint8",
        (),
        0,
        {"meaning": "what it is made of, by the ids in the group's `materials`"},
    ),
    "normal": ImageArray(
        "normal",
        "float16",
        (3,),
        float("nan"),
        {
            "units": "1",
            "frame": "optical: x right, y down, z forward",
            "meaning": "unit normal on the side that is seen: of the ground's grid as traced, of "
            "bodies as smoothed for shading; NaN for sky",
        },
    ),
    "visibility": ImageArray(
        "sun_visibility",
        "float16",
        (),
        float("nan"),
        {
            "units": "1",
            "meaning": "share of the sun's disk seen from the point, 0 to 1: past all bodies, and "
            "on the ground past its relief; 0 where the side seen faces away; NaN for sky",
        },
    ),
    "dust": ImageArray(
        "dust_transmittance",
        "float16",
        (),
        1.0,
        {
            "units": "1",
            "meaning": "share of the point's light that comes through the dust that the engines "
            "raise, exp(-optical depth); of the sky that of the first 400 m of the ray; 1 where "
            "there is none",
        },
    ),
    "flow": ImageArray(
        "flow_px",
        "float32",
        (2,),
        float("nan"),
        {
            "units": "px",
            "components": "column, row",
            "meaning": "displacement of the point seen to the camera's next frame, by the motion "
            "of camera and bodies, through the lens; NaN for sky, where the point is hidden or "
            "outside the picture there, and in the last frame",
        },
    ),
}
"""The channels that are pictures."""

_FIXED = "mars_fixed (IAU_MARS, turns with the planet)"
_SITE = "site: east, north, up at the landing target"
_TURN = "unit quaternion, scalar first, from the {} frame into "
POSES: dict[str, dict[str, str]] = {
    "body_present": {"meaning": "1 while the surface exists in the scene"},
    "camera_position_m": {"units": "m", "frame": _FIXED, "meaning": "optical centre"},
    "camera_attitude_wxyz": {"units": "1", "meaning": _TURN.format("optical") + _FIXED},
    "camera_position_site_m": {"units": "m", "frame": _SITE, "meaning": "optical centre"},
    "camera_attitude_site_wxyz": {"units": "1", "meaning": _TURN.format("optical") + _SITE},
    "body_position_m": {"units": "m", "frame": _FIXED, "meaning": "origin of each surface"},
    "body_attitude_wxyz": {"units": "1", "meaning": _TURN.format("surface's") + _FIXED},
    "body_position_site_m": {"units": "m", "frame": _SITE, "meaning": "origin of each surface"},
    "body_attitude_site_wxyz": {"units": "1", "meaning": _TURN.format("surface's") + _SITE},
}
"""The arrays of the channel `pose`; those of bodies are (frames, surfaces, ...) in the order of the
group's `surfaces`."""


def chosen(text: str) -> tuple[str, ...]:
    """Return the channels that a list such as "depth,flow", or "all", asks for, in fixed order.

    Raises:
        InputError: a name is none of `CHANNELS`, or there is none.
    """
    names = {part.strip() for part in text.split(",")} - {""}
    unknown = sorted(names - {*CHANNELS, "all"})
    if unknown or not names:
        raise InputError(
            f"there is no truth {unknown[0]!r}" if unknown else "no truth is named",
            where="--truth-channels",
            right=f"Known: {', '.join(CHANNELS)}; or all.",
        )
    return CHANNELS if "all" in names else tuple(name for name in CHANNELS if name in names)
