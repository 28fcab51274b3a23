"""The film stage: every camera films the flight into its store, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skycrane.cameras.crew import Crew, Wanted, ask_cluster, cluster_crew, own_crew
from skycrane.cameras.frames import Filmed, filmed_parts, info_of, origin_of
from skycrane.cameras.scene import Scene
from skycrane.cameras.truth import DEFAULT_CHANNELS
from skycrane.cameras.truth_about import about_of
from skycrane.cameras.truth_store import TruthWriter
from skycrane.errors import InputError
from skycrane.flight.record import read_flight
from skycrane.onboard.store import FrameReader, FrameWriter
from skycrane.stage import StageContext, StageResult

__all__ = ["film"]


def _whole(path: Path, part: Filmed, origin: str) -> bool:
    """Tell whether a finished store is there with these frames, made from the same."""
    if not path.exists():
        return False
    try:
        with FrameReader(path) as reader:
            same = reader.origin == origin and len(reader) == len(part.times_s)
            return same and np.allclose(reader.times_s, part.times_s, atol=1e-6)
    except InputError:
        return False


def film(context: StageContext) -> StageResult:
    """Film the flight with every camera of the mission that returns footage.

    Reads flight/; writes onboard/CAMERA.mcap, and truth/CAMERA.zarr where the option "truth" is
    True or a list of channels. Killed anywhere and started again, it goes on after the last whole
    frame, to the same bytes; so it does with any number of workers, or with those of a cluster.
    """
    flight = read_flight(context.directory)
    asked = context.options.get("truth", False)
    channels = tuple(asked if isinstance(asked, (list, tuple)) else DEFAULT_CHANNELS * bool(asked))
    if context.dask is not None:
        ask_cluster(context.dask)
    with context.progress.task("preparing the ground"):
        scene = Scene(context.mission, flight, device=context.device, workers=context.workers)
    parts = filmed_parts(scene, context.quality)
    flight_file = context.directory / "flight" / "flight.nc"
    origin = origin_of(context.mission, context.seed, context.quality, flight_file)
    shoot = _Shoot(context, scene, origin, channels)
    outputs: list[Path] = []
    total = sum(len(part.times_s) for part in parts)
    opened = own_crew(context, scene)
    if context.dask is not None:
        opened = cluster_crew(context, origin)
    with opened as crew, context.progress.task("film", total) as advance:
        for part in parts:
            _film_camera(shoot, part, crew, advance)
            outputs += shoot.outputs(part)
    counts = {part.name: len(part.times_s) for part in parts}
    lost = [n for n in context.mission.cameras if n not in counts]
    summary = {"frames": counts, "frames_total": total, "without_footage": lost}
    return StageResult(outputs=outputs, summary=summary, device=context.device)


@dataclass(frozen=True)
class _Shoot:
    """What filming a camera needs beside its part: the run, its scene, its origin, its truth."""

    context: StageContext
    scene: Scene
    origin: str
    channels: tuple[str, ...]

    def footage(self, part: Filmed) -> Path:
        """Return where a camera's footage goes."""
        return self.context.directory / "onboard" / f"{part.name}.mcap"

    def truth(self, part: Filmed) -> Path:
        """Return where a camera's truth goes."""
        return self.context.directory / "truth" / f"{part.name}.zarr"

    def outputs(self, part: Filmed) -> list[Path]:
        """Return what filming a camera leaves behind."""
        return [self.footage(part), *([self.truth(part)] if self.channels else [])]

    def truth_store(self, part: Filmed) -> TruthWriter | None:
        """Return where truth is still to be written, or None where none is asked for or wanting."""
        path, channels = self.truth(part), self.channels
        about = about_of(self.scene, part.name, part.lens, self.origin)
        if not channels or TruthWriter.finished(path, about, channels):
            return None
        height, width = part.lens.height, part.lens.width
        return TruthWriter(path, part.times_s, height, width, channels=channels, about=about)

    def writer(self, part: Filmed) -> FrameWriter | None:
        """Return where footage is still to be written, or None where it is whole."""
        path = self.footage(part)
        if _whole(path, part, self.origin):
            return None
        epoch = self.context.mission.epoch.entry_interface_utc
        info = info_of(part.name, part.camera, part.lens)
        return FrameWriter(path, info, epoch, origin=self.origin)


def _film_camera(shoot: _Shoot, part: Filmed, crew: Crew, advance: Callable[..., None]) -> None:
    """Film what is wanting of one camera's footage and truth."""
    store, count = shoot.truth_store(part), len(part.times_s)
    with ExitStack() as stack:
        writer = shoot.writer(part)
        if writer is not None:
            stack.enter_context(writer)
        filmed = count if writer is None else writer.next_index
        begin = filmed if store is None else 0
        advance(begin)
        for frame in crew(part, Wanted(range(begin, count), filmed, store)):
            if writer is not None and frame is not None:
                writer.write(frame)
            advance()
    if store is not None:
        store.close()
