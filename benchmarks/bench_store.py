"""How fast raw frames reach the disk, each flushed before it is acknowledged."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from mcap.writer import CompressionType, Writer
from mcap_protobuf.schema import register_schema

from skycrane.onboard.store import CameraInfo, FrameWriter, RawFrame

WIDTH, HEIGHT, COUNT, REPEATS = 1280, 1024, 150, 3
EPOCH = datetime(2021, 2, 18, tzinfo=UTC)


def _images() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8) for _ in range(8)]


def _ours(path: Path, images: list[np.ndarray]) -> float:
    distortion, mount = (0.1, 0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)
    info = CameraInfo(
        "rdc", WIDTH, HEIGHT, "bayer_rggb8", 2e3, 2e3, 640.0, 512.0, distortion, "rover",
        (0.0, 0.0, 0.0), mount,
    )  # fmt: skip
    place, attitude = np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    start = time.perf_counter()
    with FrameWriter(path, info, EPOCH) as writer:
        for i in range(COUNT):
            image = images[i % len(images)]
            writer.write(RawFrame(i, i / 30, 1e-3, 1.0, -20.0, image, place, attitude))
    return time.perf_counter() - start


def _library(path: Path, images: list[np.ndarray]) -> float:
    """The mcap library's writer: the image only, a chunk and an fsync a frame, no compression."""
    start = time.perf_counter()
    with path.open("wb") as handle:
        writer = Writer(handle, chunk_size=1, compression=CompressionType.NONE)
        writer.start()
        channel = writer.register_channel("/image", "protobuf", register_schema(writer, RawImage))
        for i in range(COUNT):
            data = images[i % len(images)].tobytes()
            image = RawImage(width=WIDTH, height=HEIGHT, encoding="bayer_rggb8", data=data)
            writer.add_message(channel, i, image.SerializeToString(), i)
            handle.flush()
            os.fsync(handle.fileno())
        writer.finish()
    return time.perf_counter() - start


def measure() -> dict[str, dict]:
    """Return store_mb_s, the median of three runs of each, taken in turn."""
    images, size = _images(), WIDTH * HEIGHT * COUNT / 1e6
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        ours, library = [], []
        for _ in range(REPEATS):
            ours.append(_ours(Path(name) / "ours.mcap", images))
            library.append(_library(Path(name) / "library.mcap", images))
    value, peer = (size / statistics.median(seconds) for seconds in (ours, library))
    return {
        "store_mb_s": {
            "value": value,
            "unit": "MB/s",
            "peer": "mcap library's Writer, image only",
            "peer_value": peer,
            "ratio": value / peer,
            "conditions": f"{COUNT} frames of {WIDTH}x{HEIGHT} bytes, an fsync a frame, one core",
        }
    }
