"""Develop: any folder of raw frames into colour pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.files import check_writable
from skycrane.ground.colour import develop, looks_of
from skycrane.ground.demosaic import PATTERNS
from skycrane.ground.footage import CameraFootage
from skycrane.ground.stills import write_png
from skycrane.mission import load_mission
from skycrane.mission.film import Colour
from skycrane.progress import Progress

__all__ = ["develop_folder"]

_IMAGES = (".png", ".tif", ".tiff")
_KINDS = (*_IMAGES, ".mcap")

Job = tuple[Path, Callable[[], NDArray[np.uint8]]]


def develop_folder(
    source: Path,
    output: Path,
    *,
    colour: Colour | None = None,
    pattern: str = "rggb",
    progress: Progress | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Develop every raw frame of a folder (or one file) into a PNG under `output`.

    Args:
        source: a folder, searched one level deep, or a file: camera stores (*.mcap), or
            single-channel PNG and TIFF of 8 or 16 bits used to the full.
        output: where pictures go: the frame's name, for a store CAMERA/000000.png.
        colour: the look; unless given that of the built-in mission, whose cameras' stores also
            have their light unpacked by their own curve.
        pattern: Bayer pattern of PNG and TIFF frames, or "mono"; stores say their own.
        progress: where to report frames.
        workers: threads.

    Returns:
        What was done, for people and machines: {"frames": count, "output": path}.

    Raises:
        InputError: nothing to develop, a file that is truncated, of colour or no image at all, or
            an output that cannot be written.
    """
    if pattern != "mono" and pattern not in PATTERNS:
        known = ", ".join([*sorted(PATTERNS), "mono"])
        raise InputError(f"{pattern!r} is no Bayer pattern", right=f"Known: {known}.")
    paths = _sources(Path(source))
    mission = load_mission("mars2020")
    look = colour or mission.film.colour
    looks = {} if colour else looks_of(mission)
    check_writable(Path(output))
    count = 0
    with (
        (progress or Progress()).task("developing") as advance,
        ThreadPoolExecutor(workers) as pool,
    ):
        for batch in _batches(_jobs(paths, Path(output), look, looks, pattern), 16):
            for _ in pool.map(lambda job: write_png(job[0], job[1]()), batch):
                count += 1
                advance()
    if not count:
        raise InputError("there are no frames in it", where=str(source), right="Give raw frames.")
    return {"frames": count, "output": str(output)}


def _sources(source: Path) -> list[Path]:
    if source.is_file():
        paths = [source]
    elif source.is_dir():
        paths = sorted(p for p in source.iterdir() if p.is_file())
    else:
        raise InputError("there is nothing there", where=str(source), right="Give a folder.")
    found = [p for p in paths if p.suffix.lower() in _KINDS and ".partial" not in p.name]
    if not found:
        raise InputError(
            "no raw frames there", where=str(source), right=f"Known kinds: {', '.join(_KINDS)}."
        )
    return found


def _jobs(
    paths: list[Path], output: Path, colour: Colour, looks: dict[str, Colour], pattern: str
) -> Iterator[Job]:
    for path in paths:
        if path.suffix.lower() == ".mcap":
            camera = CameraFootage(path, colour, looks)
            for index in range(len(camera.times_s)):
                target = output / camera.name / f"{index:06d}.png"
                yield target, lambda c=camera, i=index: c.picture(i)  # type: ignore[misc]
        else:
            target = output / f"{path.stem}.png"
            if target.exists() and target.resolve() == path.resolve():
                raise InputError(
                    "the pictures would replace the raw frames",
                    where=str(output),
                    right="Choose another folder with -o.",
                )
            yield target, lambda p=path: develop(_read_raw(p), colour, pattern=pattern)  # type: ignore[misc]


def _read_raw(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    image: Any
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise InputError(
            "not a whole PNG or TIFF", where=str(path), right="Give raw frames, one a file."
        )
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"has {1 if image.ndim == 2 else image.shape[2]} channels of {image.dtype}",
            where=str(path),
            right="Give raw frames: one channel, 8 or 16 bits, not developed pictures.",
        )
    return image


def _batches(jobs: Iterator[Job], size: int) -> Iterator[list[Job]]:
    batch: list[Job] = []
    for job in jobs:
        batch.append(job)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
