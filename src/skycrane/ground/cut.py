"""The cut: pictures and sound encoded into landing.mp4, ahead of the encoder on all cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.files import atomic_path
from skycrane.ground.soundtrack import RATE_HZ
from skycrane.mission.film import Encoding

__all__ = ["write_film"]

_X264_THREADS = 4
"""Fixed whatever the machine: x264 makes the same bytes only for the same number of threads."""
_AHEAD = 6
_AUDIO_FRAME = 1024
SECOND_TITLE = "The landing as it would have been heard (synthetic)"


def write_film(
    path: Path,
    picture: Callable[[int], NDArray[np.uint8]],
    frame_count: int,
    sound: NDArray[np.float32],
    encoding: Encoding,
    *,
    title: str,
    workers: int,
    advance: Callable[..., None] = lambda steps=1: None,
    second: NDArray[np.float32] | None = None,
) -> None:
    """Encode a film: H.264 and AAC in an MP4 whose index comes first, so that it streams.

    Args:
        path: the film.
        picture: frame number -> RGB of shape (height, width, 3); called from several threads.
        frame_count: number of frames.
        sound: stereo at 48 kHz, -1 to 1, shape (samples, 2).
        encoding: size, rate and quality.
        title: written into the file.
        workers: threads that compose ahead of the encoder.
        advance: told of every frame.
        second: another sound track for players that let one choose, same shape as `sound`.

    Raises:
        InputError: the file cannot be written.
    """
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with (
        atomic_path(path) as partial,
        av.open(str(partial), "w", format="mp4", options=options) as container,
    ):
        container.metadata["title"] = title
        video = _video_stream(container, encoding)
        tracks = [(_audio_stream(container), _sound_frames(sound))]
        if second is not None:
            tracks.append((_audio_stream(container, SECOND_TITLE), _sound_frames(second)))
        heard = [0.0] * len(tracks)
        for index, frame in enumerate(_frames(picture, frame_count, encoding, workers)):
            frame.pts = index
            container.mux(video.encode(frame))
            # Sound keeps step with the pictures, so that a player finds both in one read.
            for track, (audio, sounds) in enumerate(tracks):
                while heard[track] <= (index + 1) / encoding.frames_per_s:
                    piece = next(sounds, None)
                    if piece is None:
                        break
                    container.mux(audio.encode(piece))
                    heard[track] = piece.pts / RATE_HZ
            advance()
        container.mux(video.encode(None))
        for audio, sounds in tracks:
            for piece in sounds:
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))


def _audio_stream(container: av.container.OutputContainer, title: str = "") -> av.AudioStream:
    stream = container.add_stream("aac", rate=RATE_HZ, layout="stereo")
    stream.bit_rate = 160_000
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    if title:
        stream.metadata["handler_name"] = title
    return stream


def _video_stream(container: av.container.OutputContainer, encoding: Encoding) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=encoding.frames_per_s)
    stream.width, stream.height = encoding.width, encoding.height
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, encoding.frames_per_s)
    context.gop_size = 2 * encoding.frames_per_s
    # ITU-T H.273: primaries and transfer of BT.709; the matrix of BT.601 (6), which is the one
    # OpenCV has, eight times as fast as the general converter; limited range.
    context.color_primaries = context.color_trc = 1
    context.colorspace = 6
    context.color_range = 1
    context.flags |= av.codec.context.Flags.bitexact
    context.options = {
        "preset": encoding.x264_preset,
        "crf": str(encoding.x264_crf),
        "threads": str(_X264_THREADS),
        "x264-params": "non-deterministic=0",
    }
    return stream


def _frames(
    picture: Callable[[int], NDArray[np.uint8]], count: int, encoding: Encoding, workers: int
) -> Iterator[av.VideoFrame]:
    """Yield the film's frames in order, composed by `workers` threads a few frames ahead."""

    def compose(index: int) -> av.VideoFrame:
        planes = cv2.cvtColor(picture(index), cv2.COLOR_RGB2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.time_base = Fraction(1, encoding.frames_per_s)
        return frame

    waiting: deque[Future[av.VideoFrame]] = deque()
    with _alone(), ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            for index in range(count):
                waiting.append(pool.submit(compose, index))
                if len(waiting) >= _AHEAD + workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _alone() -> Iterator[None]:
    """Have OpenCV work on the calling thread alone.

    The frames keep all cores busy; threads within each would wait for one another, and its optical
    flow depends on their number.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _sound_frames(sound: NDArray[np.float32]) -> Iterator[av.AudioFrame]:
    for start in range(0, len(sound), _AUDIO_FRAME):
        planes = np.ascontiguousarray(sound[start : start + _AUDIO_FRAME].T, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
        frame.sample_rate = RATE_HZ
        frame.pts = start
        frame.time_base = Fraction(1, RATE_HZ)
        yield frame
