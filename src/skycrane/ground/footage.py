"""Footage: the cameras' files as they came home, developed on demand, once for each use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from skycrane.errors import InputError
from skycrane.ground.colour import Levels, grade, linear_rgb, looks_of, measure
from skycrane.ground.motion import between, motion_of
from skycrane.ground.timeline import coverage
from skycrane.mission import Mission
from skycrane.mission.film import Colour
from skycrane.onboard.store import FrameReader

__all__ = ["CameraFootage", "Footage", "fill"]

T = TypeVar("T")

_PATTERN = {"bayer_rggb8": "rggb", "mono8": "mono"}
_MEASURED_FRAMES = 160
_SMOOTH_S = 0.8
"""How slowly the grade follows a camera's brightness, s: faster than an eye's, without flicker."""


def crop_of(size: tuple[int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the middle part of a frame that fills a pane, pixels."""
    w, h = size
    scale = max(width / w, height / h)
    crop_w, crop_h = min(w, round(width / scale)), min(h, round(height / scale))
    return (w - crop_w) // 2, (h - crop_h) // 2, crop_w, crop_h


def fill(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return `picture` (h, w, 3) scaled and cropped about its middle to fill width x height."""
    x, y, w, h = crop_of((picture.shape[1], picture.shape[0]), width, height)
    return _scaled(picture[y : y + h, x : x + w], width, height)


def _scaled(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return picture
    how = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), dtype=np.uint8)


class CameraFootage:
    """One camera's frames, with a grade that is steady over time.

    Attributes:
        name: of the camera.
        times_s: of its frames, seconds after entry interface, increasing, shape (n,).
    """

    def __init__(self, path: Path, colour: Colour, looks: Mapping[str, Colour]) -> None:
        self._reader = FrameReader(path)
        self.name = self._reader.info.name
        self._colour = looks.get(self.name, colour)
        self.times_s = np.asarray(self._reader.times_s, dtype=np.float64)
        self._pattern = _PATTERN[self._reader.info.encoding]
        self._levels: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._lock = threading.Lock()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its frames, pixels."""
        return self._reader.info.width, self._reader.info.height

    def latest(self, t_s: float, hold_s: float) -> int | None:
        """Return the index of the newest frame at `t_s`; None before the first, after the last.

        A frame older than `hold_s` counts as none.
        """
        index = int(np.searchsorted(self.times_s, t_s + 1e-9, side="right")) - 1
        if index < 0 or t_s - self.times_s[index] > hold_s:
            return None
        return index

    def share(self, index: int, t_s: float, smooth_gap_s: float) -> float:
        """Return how far `t_s` is on the way from frame `index` to the next, 0 to 1.

        0 where there is no next, or it follows later than `smooth_gap_s`.
        """
        if index + 1 >= len(self.times_s):
            return 0.0
        gap_s = float(self.times_s[index + 1] - self.times_s[index])
        if gap_s > smooth_gap_s or gap_s <= 0:
            return 0.0
        return float(np.clip((t_s - self.times_s[index]) / gap_s, 0, 1))

    def nearest(self, t_s: float, *, not_before_s: float = -np.inf) -> int | None:
        """Return the index of the frame nearest to `t_s` among those from `not_before_s` on."""
        allowed = np.flatnonzero(self.times_s >= not_before_s)
        if not allowed.size:
            return None
        return int(allowed[np.argmin(np.abs(self.times_s[allowed] - t_s))])

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return frame `index` as a picture (h, w, 3) of its own size.

        Raises:
            InputError: the frame is damaged.
        """
        linear = linear_rgb(self._reader.read(index).image, self._colour, pattern=self._pattern)
        return grade(linear, self._colour, self.levels(float(self.times_s[index])))

    def levels(self, t_s: float) -> Levels:
        """Return the levels the grade adapts to at `t_s`, smoothed over time."""
        with self._lock:
            if self._levels is None:
                self._levels = self._measure()
        times, rows = self._levels
        row = np.array([np.interp(t_s, times, column) for column in rows.T])
        return Levels(float(row[0]), (float(row[1]), float(row[2]), float(row[3])))

    def _measure(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        count = len(self.times_s)
        chosen = np.unique(np.linspace(0, count - 1, min(count, _MEASURED_FRAMES)).astype(int))
        rows = np.array([self._row(int(i)) for i in chosen])
        times = self.times_s[chosen]
        # Gaussian over an even grid: frames come at uneven rates.
        grid = np.arange(times[0], times[-1] + 0.5, 0.25)
        even = np.array([np.interp(grid, times, column) for column in rows.T]).T
        return grid, gaussian_filter1d(even, _SMOOTH_S / 0.25, axis=0, mode="nearest")

    def _row(self, index: int) -> NDArray[np.float64]:
        image = self._reader.read(index).image
        # Whole 2x2 cells, sparsely: the levels of a picture need no more.
        step = 2 * max(1, min(image.shape) // 256)
        cells = [image[y::step, x::step] for y in (0, 1) for x in (0, 1)]
        h, w = min(c.shape[0] for c in cells), min(c.shape[1] for c in cells)
        small = np.empty((2 * h, 2 * w), dtype=image.dtype)
        for place, cell in enumerate(cells):
            small[place // 2 :: 2, place % 2 :: 2] = cell[:h, :w]
        levels = measure(linear_rgb(small, self._colour, pattern=self._pattern))
        return np.array([levels.veil, *levels.middle])

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()


class Footage:
    """All cameras' footage of one run, by camera name; pictures scaled for the film are cached.

    Raises:
        InputError: a file is truncated or no camera store.
    """

    def __init__(self, folder: Path, mission: Mission, *, cached: int = 96) -> None:
        looks = looks_of(mission)
        self.cameras: dict[str, CameraFootage] = {}
        for path in sorted(Path(folder).glob("*.mcap")):
            if ".partial" in path.name:
                continue
            camera = CameraFootage(path, mission.film.colour, looks)
            if len(camera.times_s):
                self.cameras[camera.name] = camera
        self._cache: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._cached = cached
        self._lock = threading.Lock()

    def require(self) -> None:
        """Raise InputError unless some camera sent footage."""
        if not self.cameras:
            raise InputError("no footage came home", where="ground/", right="Run relay first.")

    def coverage(self, hold_s: float) -> dict[str, list[tuple[float, float]]]:
        """Return by camera the stretches of time with a picture; see `timeline.coverage`."""
        return {name: coverage(c.times_s, hold_s) for name, c in self.cameras.items()}

    def filled(self, camera: str, index: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return frame `index` filling width x height; each is developed once, whoever asks."""
        return self._once(
            ("filled", camera, index, width, height),
            lambda: _scaled(self._cropped(camera, index, width, height), width, height),
        )

    def moment(
        self, camera: str, t_s: float, width: int, height: int, *, smooth_gap_s: float
    ) -> NDArray[np.uint8]:
        """Return what `camera` shows at `t_s`, filling width x height.

        The newest frame; or, where the next one follows within `smooth_gap_s`, the picture between
        the two along the motion seen between them.
        """
        source = self.cameras[camera]
        index = source.latest(t_s, np.inf) or 0
        share = source.share(index, t_s, smooth_gap_s)
        if share < 0.04:
            return self.filled(camera, index, width, height)
        pair = [self._cropped(camera, i, width, height) for i in (index, index + 1)]
        motion = self._once(
            ("motion", camera, index, width, height), lambda: motion_of(pair[0], pair[1])
        )
        if not motion.trusted:
            return self.filled(camera, index, width, height)
        return _scaled(between(pair[0], pair[1], motion, share), width, height)

    def _cropped(self, camera: str, index: int, width: int, height: int) -> NDArray[np.uint8]:
        """The part of a frame that fills a pane, no larger than the pane."""

        def develop() -> NDArray[np.uint8]:
            x, y, w, h = crop_of(self.cameras[camera].size, width, height)
            picture = self.cameras[camera].picture(index)[y : y + h, x : x + w]
            return _scaled(picture, width, height) if w > width else picture

        return self._once(("cropped", camera, index, width, height), develop)

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` makes, made once however many threads ask, and kept for a while."""
        with self._lock:
            future = self._cache.get(key)
            mine = future is None
            if future is None:
                future = self._cache[key] = Future()
                while len(self._cache) > self._cached:
                    self._cache.popitem(last=False)
            else:
                self._cache.move_to_end(key)
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
        result: T = future.result()
        return result

    def __enter__(self) -> Footage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for camera in self.cameras.values():
            camera.close()
