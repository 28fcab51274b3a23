"""The film stage: every camera films the flight into its store, frame by frame."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.cameras.exposure import ExposureMeter
from skycrane.cameras.optics import Lens, lens_of
from skycrane.cameras.renderer import Pose, Renderer, camera_pose
from skycrane.cameras.scene import Scene
from skycrane.cameras.schedule import frame_times_s, returns_footage
from skycrane.cameras.truth import DEFAULT_CHANNELS, TruthWriter
from skycrane.cameras.truth_about import about_of
from skycrane.cameras.truth_frame import View, pose_of, truth_of
from skycrane.draws import key32
from skycrane.flight.record import read_flight
from skycrane.mission.cameras import Camera
from skycrane.onboard.store import CameraInfo, FrameReader, FrameWriter, RawFrame
from skycrane.stage import StageContext, StageResult

__all__ = ["Filmed", "film", "film_frame", "info_of"]


@dataclass(frozen=True)
class Filmed:
    """One camera's part: what it films with, when, and how the light is metered."""

    name: str
    camera: Camera
    lens: Lens
    samples: int
    body_samples: int
    times_s: NDArray[np.float64]
    first_light_s: float
    meter: ExposureMeter


def info_of(name: str, camera: Camera, lens: Lens) -> CameraInfo:
    """Return how a camera's store describes it."""
    place, turn = camera.position_m, camera.attitude_wxyz.tolist()
    return CameraInfo(
        name=name,
        width=lens.width,
        height=lens.height,
        encoding=camera.detector.encoding,
        fx=lens.fx,
        fy=lens.fy,
        cx=lens.cx,
        cy=lens.cy,
        distortion=lens.distortion,
        body=camera.body if camera.mount == "body" and camera.body else "site",
        mount_position_m=(place[0], place[1], place[2]),
        mount_attitude_wxyz=(turn[0], turn[1], turn[2], turn[3]),
    )


def _filmed(context: StageContext, scene: Scene) -> list[Filmed]:
    quality = context.mission.film_quality[context.quality]
    parts = []
    for name, camera in context.mission.cameras.items():
        times = frame_times_s(camera, scene.flight, context.quality)
        if not returns_footage(camera, scene.flight) or not len(times):
            continue
        first_light = -np.inf
        if camera.dark_until:
            first_light = scene.event_s(camera.dark_until, np.inf)
        parts.append(
            Filmed(
                name=name,
                camera=camera,
                lens=lens_of(camera, quality.scale),
                samples=quality.samples,
                body_samples=quality.body_samples,
                times_s=times,
                first_light_s=first_light,
                meter=ExposureMeter(camera, first_light_s=first_light),
            )
        )
    return parts


def _motion(
    scene: Scene, camera: Camera, t_s: float, exposure_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far the camera moves [m] and turns [rad] during an exposure, local axes."""
    step = 0.02
    a, b = (camera_pose(scene, camera, t_s + s) for s in (-step, step))
    turn = b.turn @ a.turn.T
    spin = 0.5 * np.array(
        [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
    )
    share = exposure_s / (2 * step)
    return (b.eye_m - a.eye_m) * share, spin * share


def film_frame(part: Filmed, index: int, renderer: Renderer, seed: int) -> RawFrame:
    """Return one frame of a camera."""
    scene, camera, lens = renderer.scene, part.camera, part.lens
    t_s = float(part.times_s[index])
    dark = t_s < part.first_light_s
    exposure = part.meter.exposure_s(t_s, renderer)
    pose: Pose = camera_pose(scene, camera, t_s)
    noise = key32(seed, f"sensor noise {part.name}", index)
    pattern = key32(seed, f"sensor pattern {part.name}")
    light: Any = None
    if not dark:
        drift, spin = _motion(scene, camera, t_s, exposure)
        light, _, _ = renderer.light(
            scene.moment(t_s),
            pose,
            lens,
            encoding=camera.detector.encoding,
            samples=part.samples,
            body_samples=part.body_samples,
            key=key32(seed, f"rays {part.name}", index),
            drift_m=drift,
            spin_rad=spin,
        )
    image = renderer.expose(
        light, lens, camera, exposure_s=exposure, keys=(noise, pattern), dark=dark
    )
    return RawFrame(
        index=index,
        t_s=t_s,
        exposure_s=exposure,
        gain=1.0,
        temperature_c=camera.detector.temperature_c,
        image=image,
        position_m=pose.position_m,
        attitude_wxyz=pose.attitude_wxyz,
    )


def _in_order(
    work: Callable[[int], Any], indexes: range, pool: ThreadPoolExecutor, ahead: int
) -> Iterator[Any]:
    """Yield work(i) in order while later ones are under way, at most `ahead` of them."""
    pending: deque[Future] = deque()
    try:
        for index in indexes:
            pending.append(pool.submit(work, index))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _origin(context: StageContext, flight_file: Path) -> str:
    """Return what frames depend on: a store begun from anything else is not continued."""
    text = context.mission.model_dump_json() + f"|{context.seed}|{context.quality}"
    digest = hashlib.sha256(text.encode())
    digest.update(flight_file.read_bytes())
    return digest.hexdigest()


def _whole(path: Path, part: Filmed) -> bool:
    if not path.exists():
        return False
    with FrameReader(path) as reader:
        return len(reader) == len(part.times_s) and bool(
            np.allclose(reader.times_s, part.times_s, atol=1e-6)
        )


def film(context: StageContext) -> StageResult:
    """Film the flight with every camera of the mission that returns footage.

    Reads flight/; writes onboard/CAMERA.mcap, and truth/CAMERA.zarr where the option "truth" is
    True or a list of channels. Killed anywhere and started again, it goes on after the last whole
    frame, to the same bytes.
    """
    flight = read_flight(context.directory)
    asked = context.options.get("truth", False)
    channels = tuple(asked if isinstance(asked, (list, tuple)) else DEFAULT_CHANNELS * bool(asked))
    on_cpu = context.device == "cpu"
    with context.progress.task("preparing the ground"):
        scene = Scene(context.mission, flight, device=context.device, workers=context.workers)
    parts = _filmed(context, scene)
    # On the CPU whole frames run side by side; a GPU takes them one after another.
    threads = max(1, context.workers) if on_cpu else 1
    idle: SimpleQueue[Renderer] = SimpleQueue()
    for _ in range(threads):
        idle.put(Renderer(scene, workers=1))
    origin = _origin(context, context.directory / "flight" / "flight.nc")
    outputs: list[Path] = []
    total = sum(len(part.times_s) for part in parts)
    with (
        ThreadPoolExecutor(threads, thread_name_prefix="film") as pool,
        context.progress.task("film", total) as advance,
    ):
        for part in parts:
            outputs += _film_camera(context, part, idle, pool, scene, origin, channels, advance)
    counts = {part.name: len(part.times_s) for part in parts}
    lost = [n for n in context.mission.cameras if n not in counts]
    summary = {"frames": counts, "frames_total": total, "without_footage": lost}
    return StageResult(outputs=outputs, summary=summary, device=context.device)


def _truth_frame(
    part: Filmed, index: int, renderer: Renderer, store: TruthWriter
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pictures and the poses of one frame's truth, by the names of their arrays."""
    scene, times = renderer.scene, part.times_s

    def view(t_s: float) -> View:
        return View(scene.moment(t_s), camera_pose(scene, part.camera, t_s))

    now, later = view(float(times[index])), None
    if "flow" in store.channels and index + 1 < len(times):
        later = view(float(times[index + 1]))
    made = truth_of(renderer, part.lens, now, later, store.channels)
    return vars(made), pose_of(scene, now)


def _truth_store(
    context: StageContext, part: Filmed, scene: Scene, origin: str, channels: tuple[str, ...]
) -> TruthWriter | None:
    """Return where a camera's truth goes, or None where none is asked for or all is there."""
    path = context.directory / "truth" / f"{part.name}.zarr"
    about = about_of(scene, part.name, part.lens, origin)
    if not channels or TruthWriter.finished(path, about, channels):
        return None
    height, width = part.lens.height, part.lens.width
    return TruthWriter(path, part.times_s, height, width, channels=channels, about=about)


def _film_camera(
    context: StageContext,
    part: Filmed,
    idle: SimpleQueue[Renderer],
    pool: ThreadPoolExecutor,
    scene: Scene,
    origin: str,
    channels: tuple[str, ...],
    advance: Callable[..., None],
) -> list[Path]:
    path = context.directory / "onboard" / f"{part.name}.mcap"
    store = _truth_store(context, part, scene, origin, channels)
    outputs = [path]
    if channels:
        outputs.append(context.directory / "truth" / f"{part.name}.zarr")
    info = info_of(part.name, part.camera, part.lens)
    epoch = context.mission.epoch.entry_interface_utc
    count = len(part.times_s)
    with ExitStack() as stack:
        writer = None
        if not _whole(path, part):
            writer = stack.enter_context(FrameWriter(path, info, epoch, origin=origin))
        filmed = count if writer is None else writer.next_index

        def work(index: int) -> RawFrame | None:
            renderer = idle.get()
            try:
                frame = None
                if index >= filmed:
                    frame = film_frame(part, index, renderer, context.seed)
                if store is not None and not store.has(index):
                    store.write(index, *_truth_frame(part, index, renderer, store))
                return frame
            finally:
                idle.put(renderer)

        begin = filmed if store is None else 0
        advance(begin)
        for frame in _in_order(work, range(begin, count), pool, ahead=2 * context.workers):
            if writer is not None and frame is not None:
                writer.write(frame)
            advance()
    if store is not None:
        store.close()
    return outputs
