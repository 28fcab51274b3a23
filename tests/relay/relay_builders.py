"""Small links, products and hosts for the relay's tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from skycrane.mission.link import Link
from skycrane.relay.checksums import CHECKSUMS, checksum_of
from skycrane.relay.engine_send import Product
from skycrane.stage import StageContext

LOSSY = {
    "pdu_loss": 0.1,
    "bit_error_rate": 1e-6,
    "one_way_light_time_s": 900.0,
    "retry_after_s": 1900.0,
    "duration_s": 1.0,
}
"""Passes of a second, half an hour for an answer, a tenth lost."""


def link(**changes) -> Link:
    """Return a link near enough for answers within a pass; orbiter keys reach the one orbiter."""
    orbiter = {
        "name": "near",
        "first_pass_s": 100.0,
        "period_s": 2000.0,
        "duration_s": 1000.0,
        "return_rate_bit_s": 1e6,
        "forward_rate_bit_s": 1e5,
        "pdu_loss": 0.0,
        "bit_error_rate": 0.0,
    }
    values = {
        "spacecraft_id": 168,
        "ground_id": 1,
        "one_way_light_time_s": 0.5,
        "relay_delay_s": 0.0,
        "segment_bytes": 1000,
        "pdu_crc": True,
        "checksum": "crc32c",
        "nak_mode": "deferred",
        "retry_after_s": 5.0,
        "retry_limit": 30,
        "transaction_attempts": 5,
        "max_passes": 50,
    }
    for key, value in changes.items():
        (orbiter if key in orbiter else values)[key] = value
    return Link(**values, orbiters=[orbiter])


def content(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def product(path: Path, data: bytes, checksum: str = "crc32c", name: str = "") -> Product:
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    sums = checksum_of(data, CHECKSUMS[checksum])
    return Product(name or path.name, path, len(data), sha256, sums)


def context(directory: Path, of: Link, seed: int = 0) -> StageContext:
    """Return a stage's surroundings with a mission that has a link and nothing else."""
    return StageContext(directory=directory, mission=SimpleNamespace(link=of), seed=seed)
