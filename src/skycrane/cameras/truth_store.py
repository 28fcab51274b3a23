"""Truth on the disk: every photosite of every frame, one chunk a frame (zarr v3)."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from skycrane.cameras.truth import CHANNELS, DEFAULT_CHANNELS, IMAGES, POSES
from skycrane.files import fsync_dir

__all__ = ["TruthWriter"]


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
