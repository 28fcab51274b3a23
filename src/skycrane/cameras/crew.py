"""Who makes the frames: threads of this process, or the workers of a Dask cluster.

Either way the frames come back in order, and are the same to the byte on machines of one make.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, cast

import numpy as np

from skycrane.cameras.frames import (
    Filmed,
    film_frame,
    filmed_parts,
    origin_of,
    truth_frame,
)
from skycrane.cameras.renderer import Renderer
from skycrane.cameras.scene import Scene
from skycrane.cameras.truth_store import TruthWriter
from skycrane.errors import InputError
from skycrane.files import atomic_path
from skycrane.flight.record import read_flight
from skycrane.mission import dump_mission
from skycrane.mission.load import parse_mission
from skycrane.montecarlo.crew import dask_crew
from skycrane.onboard.store import RawFrame
from skycrane.stage import Quality, StageContext

__all__ = ["Crew", "Wanted", "ask_cluster", "cluster_crew", "own_crew"]

_CHUNK = 4
"""Frames a worker of a cluster makes at a time."""
_FRAME = ("index", "t_s", "exposure_s", "gain", "temperature_c")


@dataclass(frozen=True)
class Wanted:
    """What is still to be made of one camera's film.

    Attributes:
        frames: the numbers of frames to go through.
        filmed: from this one on the picture is wanted.
        store: where truth goes that is not there yet, or None.
    """

    frames: range
    filmed: int
    store: TruthWriter | None


Crew = Callable[[Filmed, Wanted], Iterator[RawFrame | None]]
"""Goes through the wanted frames in order; yields those whose picture is wanted, else None."""


def _in_order(ask: Callable[[int], Future[Any]], indexes: range, ahead: int) -> Iterator[Any]:
    """Yield what is asked for in order while later ones are under way, at most `ahead` of them."""
    pending: deque[Future[Any]] = deque()
    try:
        for index in indexes:
            pending.append(ask(index))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


@contextlib.contextmanager
def own_crew(context: StageContext, scene: Scene) -> Iterator[Crew]:
    """Film with this process: on the CPU whole frames side by side, on a GPU one by one."""
    threads = max(1, context.workers) if context.device == "cpu" else 1
    idle: SimpleQueue[Renderer] = SimpleQueue()
    for _ in range(threads):
        idle.put(Renderer(scene, workers=1))
    with ThreadPoolExecutor(threads, thread_name_prefix="film") as pool:

        def crew(part: Filmed, wanted: Wanted) -> Iterator[RawFrame | None]:
            store = wanted.store

            def work(index: int) -> RawFrame | None:
                renderer = idle.get()
                try:
                    frame = None
                    if index >= wanted.filmed:
                        frame = film_frame(part, index, renderer, context.seed)
                    if store is not None and not store.has(index):
                        store.write(index, *truth_frame(part, index, renderer, store.channels))
                    return frame
                finally:
                    idle.put(renderer)

            yield from _in_order(
                lambda index: pool.submit(work, index), wanted.frames, 2 * context.workers
            )

        yield crew


@dataclass(frozen=True)
class _Job:
    """What a worker of a cluster needs to make any frame.

    Attributes:
        directory: of the run, absolute; workers have to see it too.
        mission_toml: the mission as resolved.
        seed, quality: of the run.
        origin: what the frames depend on; a worker that finds another has other code or files.
    """

    directory: str
    mission_toml: str
    seed: int
    quality: Quality
    origin: str


class _Studio:
    """One worker process's scene, and renderers for as many threads as ask at once."""

    def __init__(self, job: _Job) -> None:
        mission = parse_mission(job.mission_toml, where="mission.toml")
        directory = Path(job.directory)
        flight_file = directory / "flight" / "flight.nc"
        if origin_of(mission, job.seed, job.quality, flight_file) != job.origin:
            raise InputError(
                "a worker would film something else",
                where="--dask",
                right="Give all workers the same version of Skycrane and the same run directory.",
            )
        self.scene = Scene(mission, read_flight(directory), workers=1)
        self.parts = {part.name: part for part in filmed_parts(self.scene, job.quality)}
        self._idle: SimpleQueue[Renderer] = SimpleQueue()

    @contextlib.contextmanager
    def renderer(self) -> Iterator[Renderer]:
        """Lend a renderer that no other thread has."""
        try:
            renderer = self._idle.get_nowait()
        except Empty:
            renderer = Renderer(self.scene, workers=1)
        yield renderer
        self._idle.put(renderer)


_studios: dict[_Job, _Studio] = {}
_studios_lock = threading.Lock()


def _studio(job: _Job) -> _Studio:
    """Return the job's studio, made once a process; only the last one is kept."""
    with _studios_lock:
        if job not in _studios:
            _studios.clear()
            _studios[job] = _Studio(job)
        return _studios[job]


def _warm(job: _Job) -> None:
    """Make the scene, so that kernels are compiled and the ground is in the cache."""
    _studio(job)


def _film_chunk(job: _Job, camera: str, first: int, last: int, wanted: tuple, path: str) -> None:
    """Make frames first to last - 1 and write them where the process that asked reads them.

    `wanted` is (frame from which on pictures are wanted, frames whose truth is wanted, channels).
    """
    studio, (filmed, truths, channels) = _studio(job), wanted
    part, arrays = studio.parts[camera], dict[str, Any]()
    with studio.renderer() as renderer:
        for index in range(first, last):
            if index >= filmed:
                frame = film_frame(part, index, renderer, job.seed)
                arrays[f"{index} image"] = frame.image
                arrays[f"{index} at"] = np.array([*frame.position_m, *frame.attitude_wxyz])
                arrays[f"{index} head"] = np.array([float(getattr(frame, n)) for n in _FRAME])
            if index in truths:
                images, pose = truth_frame(part, index, renderer, channels)
                for name, values in images.items():
                    if values is not None:
                        arrays[f"{index} truth {name}"] = values
                for name, values in pose.items():
                    arrays[f"{index} pose {name}"] = np.asarray(values)
    with atomic_path(Path(path)) as partial, open(partial, "wb") as file:
        np.savez(file, **arrays)


def _take(path: Path, index: int, wanted: Wanted) -> RawFrame | None:
    """Return a frame out of a chunk's file, and put its truth into the store."""
    with np.load(path, allow_pickle=False) as found:
        if wanted.store is not None and not wanted.store.has(index):
            images, pose = (
                {
                    name.removeprefix(f"{index} {kind} "): found[name]
                    for name in found.files
                    if name.startswith(f"{index} {kind} ")
                }
                for kind in ("truth", "pose")
            )
            wanted.store.write(index, images, {name: v.tolist() for name, v in pose.items()})
        if index < wanted.filmed:
            return None
        at, head = found[f"{index} at"], dict(zip(_FRAME, found[f"{index} head"], strict=True))
        return RawFrame(
            **{n: float(v) for n, v in head.items() if n != "index"},
            index=index,
            image=found[f"{index} image"],
            position_m=at[:3],
            attitude_wxyz=at[3:],
        )


def ask_cluster(address: str) -> None:
    """Ask a Dask cluster whether it is there, before anything is made ready for it.

    Raises:
        InputError: Dask is not installed, or no scheduler answers at the address.
    """
    with dask_crew(address)():
        pass


@contextlib.contextmanager
def cluster_crew(context: StageContext, origin: str) -> Iterator[Crew]:
    """Film with the workers of a Dask cluster, which see the run directory.

    Frames do not travel through the scheduler: each chunk of them is a file under onboard/ until
    it has been taken into the camera's store.

    Raises:
        InputError: Dask is not installed, no scheduler answers, or workers would film otherwise.
        CampaignError: the cluster was lost.
    """
    directory = context.directory.resolve()
    told = dump_mission(context.mission)
    job = _Job(str(directory), told, context.seed, context.quality, origin)
    with dask_crew(str(context.dask))() as (executor, window):
        executor.submit(_warm, job).result()

        def crew(part: Filmed, wanted: Wanted) -> Iterator[RawFrame | None]:
            folder = directory / "onboard" / f"{part.name}.partial.frames"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                yield from _by_chunks(executor, window, _Chunks(job, part.name, wanted, folder))
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        yield crew


@dataclass(frozen=True)
class _Chunks:
    """One camera's film in chunks: of which job, what is wanted, and where the chunks' files go."""

    job: _Job
    camera: str
    wanted: Wanted
    folder: Path

    def numbers(self, first: int) -> range:
        """Return the frames of the chunk that begins with `first`."""
        return range(first, min(first + _CHUNK, self.wanted.frames.stop))

    def file(self, first: int) -> Path:
        """Return where a chunk's frames are written."""
        return self.folder / f"{first}.npz"

    def ask(self, executor: Any, first: int) -> Future[Any]:
        """Ask a worker for a chunk."""
        store, numbers = self.wanted.store, self.numbers(first)
        truths = [] if store is None else [i for i in numbers if not store.has(i)]
        asked = (self.wanted.filmed, truths, () if store is None else store.channels)
        path = str(self.file(first))
        return cast(
            "Future[Any]",
            executor.submit(_film_chunk, self.job, self.camera, first, numbers.stop, asked, path),
        )


def _by_chunks(executor: Any, window: int, chunks: _Chunks) -> Iterator[RawFrame | None]:
    """Yield the wanted frames in order, `window` chunks under way."""
    starts = chunks.wanted.frames[::_CHUNK]
    done = _in_order(lambda first: chunks.ask(executor, first), starts, window)
    for first, _ in zip(starts, done, strict=True):
        for index in chunks.numbers(first):
            yield _take(chunks.file(first), index, chunks.wanted)
        chunks.file(first).unlink()
