"""The truth behind the frames: what is kept of every photosite, one chunk a frame (zarr v3)."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.files import fsync_dir

__all__ = ["CHANNELS", "DEFAULT_CHANNELS", "IMAGES", "POSES", "ImageArray", "TruthWriter", "chosen"]

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


class TruthWriter:
    """Writes truth/CAMERA.zarr under a partial name, and renames it when it is whole.

    Frames come in any order and from many threads. A journal beside the partial directory tells
    which are on the disk: a writer that finds one of the same origin keeps those, and ends with the
    bytes of an unbroken run.

    Attributes:
        path: the finished directory.
        channels: what is kept, out of `CHANNELS`.
    """

    def __init__(
        self,
        path: Path,
        times_s: NDArray[np.float64],
        height: int,
        width: int,
        *,
        channels: Collection[str] = DEFAULT_CHANNELS,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Open or go on with a store.

        Args:
            path: the finished directory, *.zarr.
            times_s: times of the frames, (n,).
            height, width: of the frames, photosites.
            channels: what to keep.
            about: further attributes of the group, plain JSON; `origin` among them tells what the
                frames are made from.
        """
        self.path = path
        self.channels = tuple(c for c in CHANNELS if c in channels)
        self._partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        self._journal = path.with_name(f"{path.stem}.partial.journal")
        self._times, self._shape = times_s, (len(times_s), height, width)
        self._about = {"channels": list(self.channels), **(about or {})}
        self._images = [IMAGES[c] for c in self.channels if c in IMAGES]
        self._lock = threading.Lock()
        self._poses: dict[int, dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._resume():
            self._begin()
        self._group: Any = zarr.open_group(self._partial, mode="r+", zarr_format=3)
        # Every frame has its chunk, even one of nothing, so that one that is missing is seen to be.
        every = {"write_empty_chunks": True}
        self._arrays = {i.name: self._group[i.name].with_config(every) for i in self._images}

    def _head(self) -> str:
        return json.dumps({"about": self._about, "shape": list(self._shape)}, sort_keys=True)

    def _begin(self) -> None:
        if self._partial.exists():
            shutil.rmtree(self._partial)
        group: Any = zarr.open_group(self._partial, mode="w", zarr_format=3)
        group.attrs.update(self._about)
        for image in self._images:
            group.create_array(
                image.name,
                shape=(*self._shape, *image.trail),
                chunks=(1, *self._shape[1:], *image.trail),
                dtype=image.dtype,
                fill_value=image.fill,
                attributes=image.about,
            )
        self._journal.write_text(self._head() + "\n", encoding="utf-8")

    def _resume(self) -> bool:
        """Take over the whole frames of an interrupted run; tell whether there was one."""
        if not (self._journal.exists() and (self._partial / "zarr.json").exists()):
            return False
        data = self._journal.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.decode(errors="replace").splitlines()
        if not lines or lines[0] != self._head():
            return False
        try:
            kept = [json.loads(line) for line in lines[1:]]
            found = {int(entry["frame"]): entry["pose"] for entry in kept}
        except (ValueError, KeyError, TypeError):
            return False
        self._poses = {
            frame: pose
            for frame, pose in found.items()
            if all(file.exists() for file in self._files(frame))
        }
        os.truncate(self._journal, len(whole))
        return True

    def _files(self, frame: int) -> list[Path]:
        """Return the files of a frame's chunks (zarr v3's default chunk keys)."""
        return [
            self._partial.joinpath(i.name, "c", str(frame), "0", "0", *("0" for _ in i.trail))
            for i in self._images
        ]

    def has(self, frame: int) -> bool:
        """Tell whether a frame is on the disk."""
        return frame in self._poses

    def write(
        self, frame: int, images: Mapping[str, NDArray], pose: Mapping[str, Any] | None = None
    ) -> None:
        """Write one frame; when this returns it will survive a kill or a power cut.

        Args:
            frame: its index.
            images: (height, width, ...) by the names of the arrays.
            pose: values by the names of `POSES`, where the pose is kept.
        """
        for name, array in self._arrays.items():
            array[frame] = images[name]
        for file in self._files(frame):
            handle = os.open(file, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        kept = dict(pose or {}) if "pose" in self.channels else {}
        line = json.dumps({"frame": frame, "pose": kept}) + "\n"
        with self._lock:
            with self._journal.open("a", encoding="utf-8") as journal:
                journal.write(line)
                journal.flush()
                os.fsync(journal.fileno())
            self._poses[frame] = kept

    def _table(self, name: str, values: NDArray, about: Mapping[str, str]) -> None:
        array = self._group.create_array(
            name,
            shape=values.shape,
            chunks=values.shape,
            dtype=values.dtype,
            attributes=dict(about),
            overwrite=True,
        )
        array[...] = values

    def close(self) -> None:
        """Write the tables, and give the finished directory its name."""
        units = {"units": "s", "meaning": "time of the frame, seconds after entry interface"}
        self._table("time_s", np.asarray(self._times, np.float64), units)
        if "pose" in self.channels:
            poses = [self._poses[frame] for frame in range(self._shape[0])]
            for name, about in POSES.items():
                dtype = np.uint8 if name == "body_present" else np.float64
                self._table(name, np.array([pose[name] for pose in poses], dtype), about)
        # What a killed writer left of chunks that it was writing.
        for stray in self._partial.rglob("*.partial"):
            stray.unlink()
        if self.path.exists():
            shutil.rmtree(self.path)
        self._partial.replace(self.path)
        self._journal.unlink()
        fsync_dir(self.path.parent)

    @staticmethod
    def finished(path: Path, about: Mapping[str, Any], channels: Collection[str]) -> bool:
        """Tell whether `path` is a finished store of these attributes and channels."""
        try:
            attributes = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        wanted = {"channels": [c for c in CHANNELS if c in channels], **about}
        return bool(json.loads(json.dumps(wanted)) == attributes)
