"""How fast the relay stage carries products home: hashing, PDUs, CRCs, loss, resending, fsync."""

from __future__ import annotations

import statistics
import tempfile
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import skycrane.mission
from skycrane.mission.link import Link
from skycrane.relay.stage import relay
from skycrane.stage import StageContext

SIZES = {"rdc.mcap": 200_000_000, "ruc.mcap": 100_000_000, "microphone.flac": 6_000_000}
REPEATS = 3


def measure() -> dict[str, dict]:
    """Return relay_mb_s over the built-in mission's link, the median of three runs."""
    path = Path(skycrane.mission.__file__).with_name("missions") / "mars2020.toml"
    link = Link(**tomllib.loads(path.read_text())["link"])
    draw = np.random.default_rng(0)
    seconds, summary = [], {}
    for seed in range(REPEATS):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
            onboard = Path(name) / "onboard"
            onboard.mkdir()
            for product, size in SIZES.items():
                (onboard / product).write_bytes(draw.bytes(size))
            mission = SimpleNamespace(link=link)
            start = time.perf_counter()
            summary = relay(StageContext(directory=Path(name), mission=mission, seed=seed)).summary
            seconds.append(time.perf_counter() - start)
    return {
        "relay_mb_s": {
            "value": summary["bytes"] / 1e6 / statistics.median(seconds),
            "unit": "MB/s",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "conditions": (
                f"{summary['bytes'] / 1e6:.0f} MB, segments of {link.segment_bytes} bytes,"
                f" {summary['pdus_lost']} of {summary['pdus_sent']} PDUs lost,"
                f" {summary['pdus_corrupt']} corrupt, {summary['passes']} passes, one core"
            ),
        }
    }
