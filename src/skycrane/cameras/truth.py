"""The truth behind the frames: depth and body of every pixel, one chunk a frame (zarr v3)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from skycrane.cameras.bodies import SURFACES
from skycrane.files import fsync_dir

__all__ = ["TruthWriter"]


class TruthWriter:
    """Writes truth/CAMERA.zarr under a partial name, and renames it when it is whole.

    Arrays: `depth_m` (frames, height, width) float32, distance along the ray of a photosite's
    first sample, -1 for open sky; `body` uint8, 0 sky, 1 ground, then the surfaces of the
    attribute `bodies`; `time_s` (frames,). Frames may be written again after an interruption.
    """

    def __init__(self, path: Path, times_s: NDArray[np.float64], height: int, width: int) -> None:
        self._path = path
        self._partial = path.with_name(f"{path.stem}.partial{path.suffix}")
        self._group: Any = zarr.open_group(self._partial, mode="a", zarr_format=3)
        shape, chunk = (len(times_s), height, width), (1, height, width)
        if "depth_m" not in self._group:
            self._group.attrs.update(
                {"bodies": {"sky": 0, "ground": 1} | {n: k + 2 for k, n in enumerate(SURFACES)}}
            )
            when = self._group.create_array("time_s", shape=(len(times_s),), dtype="f8")
            when[:] = times_s
            when.attrs["units"] = "s after entry interface"
            body = self._group.create_array("body", shape=shape, chunks=chunk, dtype="u1")
            body.attrs["meaning"] = "what the photosite's first ray met, see the group's bodies"
            depth = self._group.create_array("depth_m", shape=shape, chunks=chunk, dtype="f4")
            depth.attrs["units"] = "m along the ray; -1 for open sky"
        self._depth, self._body = self._group["depth_m"], self._group["body"]

    def write(self, index: int, depth: NDArray[np.float32], body: NDArray[np.uint8]) -> None:
        """Write one frame, arrays (height, width)."""
        self._depth[index] = depth
        self._body[index] = body

    def close(self) -> None:
        """Give the finished directory its name."""
        if self._path.exists():
            shutil.rmtree(self._path)
        self._partial.replace(self._path)
        fsync_dir(self._path.parent)
