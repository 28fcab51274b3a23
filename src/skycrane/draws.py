"""Random draws keyed by (seed, purpose, index), so that order and workers change nothing."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["generator", "key32"]


def _digest(seed: int, purpose: str, index: int) -> bytes:
    return hashlib.blake2b(f"{seed}\0{purpose}\0{index}".encode(), digest_size=16).digest()


def generator(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """Return the Philox counter-based generator (Salmon et al. 2011) of one purpose and index."""
    key = np.frombuffer(_digest(seed, purpose, index), dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def key32(seed: int, purpose: str, index: int = 0) -> int:
    """Return a 31-bit key to start Warp's own generator with (`wp.rand_init`)."""
    return int.from_bytes(_digest(seed, purpose, index)[:4], "little") & 0x7FFFFFFF
