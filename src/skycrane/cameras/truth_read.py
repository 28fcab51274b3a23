"""Reads the truth behind the frames, and trusts nothing that a file says of itself."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from skycrane.cameras.truth import IMAGES, POSES
from skycrane.errors import InputError

__all__ = ["TruthReader"]

_MOST_BYTES = 4 << 20
_MOST_FRAMES = 1_000_000
_MOST_SIDE = 16_384
_CODECS = {"bytes", "zstd"}
_IMAGES = {image.name: image for image in IMAGES.values()}


class TruthReader:
    """One camera's truth.

    Attributes:
        path: the directory, *.zarr.
        attributes: those of the group: ids, intrinsics, conventions; see docs/truth.md.
        bodies: id by name in the array `body`.
        times_s: times of the frames, seconds after entry interface, (n,).

    Raises:
        InputError: the directory is missing, foreign or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        about = self._json("zarr.json")
        attributes = about.get("attributes")
        if about.get("node_type") != "group" or not isinstance(attributes, dict):
            raise self._damaged("zarr.json is not that of a group")
        self.attributes: dict[str, Any] = attributes
        bodies = attributes.get("bodies")
        if not isinstance(bodies, dict) or not all(
            isinstance(k, int) and not isinstance(k, bool) and 0 <= k < 256 for k in bodies.values()
        ):
            raise self._damaged("`bodies` does not give an id from 0 to 255 by name")
        if len(set(bodies.values())) != len(bodies):
            raise self._damaged("`bodies` gives one id twice")
        self.bodies: dict[str, int] = bodies
        self._arrays: dict[str, Any] = {}
        self.times_s: NDArray[np.float64] = self.table("time_s")
        if self.times_s.ndim != 1 or not np.isfinite(self.times_s).all():
            raise self._damaged("time_s is not one time a frame")

    def __len__(self) -> int:
        return len(self.times_s)

    def _damaged(self, what: str) -> InputError:
        return InputError(
            what,
            where=str(self.path),
            right="Film it again: delete this directory and run `skycrane film DIR --truth`.",
        )

    def _json(self, *parts: str) -> dict[str, Any]:
        file = self.path.joinpath(*parts)
        try:
            if file.stat().st_size > _MOST_BYTES:
                raise ValueError("too large")
            value = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(value, dict) or value.get("zarr_format") != 3:
                raise ValueError("not zarr v3")
        except FileNotFoundError as error:
            raise self._missing("/".join(parts)) from error
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(f"{'/'.join(parts)} cannot be read: {error}") from error
        return value

    def _missing(self, file: str) -> InputError:
        return InputError(
            f"there is no {file}",
            where=str(self.path),
            right="Film with --truth, or name what to keep with --truth-channels.",
        )

    def _open(self, name: str) -> Any:
        """Return an array whose description is one that this program writes."""
        if name in self._arrays:
            return self._arrays[name]
        if name not in _IMAGES and name not in POSES and name != "time_s":
            raise KeyError(name)
        about = self._json(name, "zarr.json")
        try:
            shape = [int(n) for n in about["shape"]]
            chunk = [int(n) for n in about["chunk_grid"]["configuration"]["chunk_shape"]]
            codecs = {codec["name"] for codec in about["codecs"]}
            kind = str(about["data_type"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"{name}/zarr.json is not whole") from error
        if problem := _problem(name, shape, chunk, codecs, kind):
            raise self._damaged(f"{name} {problem}")
        try:
            array = zarr.open_array(self.path / name, mode="r", zarr_format=3)
        except Exception as error:  # whatever zarr makes of a description it cannot use
            raise self._damaged(f"{name} cannot be opened: {error}") from error
        self._arrays[name] = array
        return array

    def has(self, name: str) -> bool:
        """Tell whether there is an array of that name."""
        return (self.path / name / "zarr.json").is_file()

    def table(self, name: str) -> NDArray:
        """Return a whole array of one value or vector a frame: `time_s`, or one of the poses.

        Raises:
            InputError: it is missing or damaged.
        """
        array = self._open(name)
        try:
            return np.asarray(array[...])
        except Exception as error:
            raise self._damaged(f"{name} cannot be read: {error}") from error

    def shape(self, name: str) -> tuple[int, int]:
        """Return height and width of a picture's array."""
        height, width = self._open(name).shape[1:3]
        return int(height), int(width)

    def frame(self, name: str, index: int) -> NDArray:
        """Return one frame of a picture's array, (height, width, ...).

        Raises:
            IndexError: there is no such frame.
            InputError: it is missing or damaged.
        """
        array = self._open(name)
        if array.shape[0] != len(self):
            raise self._damaged(f"{name} has {array.shape[0]} frames where time_s has {len(self)}")
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        trail = ["0"] * (array.ndim - 1)
        if not self.path.joinpath(name, "c", str(index), *trail).is_file():
            raise self._damaged(f"frame {index} of {name} is missing")
        try:
            return np.asarray(array[index])
        except Exception as error:
            raise self._damaged(f"frame {index} of {name} cannot be read: {error}") from error


def _problem(
    name: str, shape: list[int], chunk: list[int], codecs: set[str], kind: str
) -> str | None:
    """Return what is wrong with an array's description, or None."""
    if not codecs <= _CODECS:
        return f"is packed by {', '.join(sorted(map(str, codecs - _CODECS)))}"
    if not shape or not 0 < shape[0] <= _MOST_FRAMES:
        return "has no frames, or too many"
    if name in _IMAGES:
        image = _IMAGES[name]
        if kind != image.dtype:
            return f"holds {kind} where {image.dtype} was written"
        if len(shape) != 3 + len(image.trail) or tuple(shape[3:]) != image.trail:
            return f"has the shape {shape}"
        if not all(0 < n <= _MOST_SIDE for n in shape[1:3]) or chunk != [1, *shape[1:]]:
            return f"has the shape {shape} in chunks of {chunk}"
    elif kind not in ("float64", "uint8") or chunk != shape or math.prod(shape[1:]) > 4096:
        return f"has the shape {shape} in chunks of {chunk}, of {kind}"
    return None
