"""Runs one Warp kernel over rows on all cores: on the CPU in ranges of rows from a thread pool."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import warp as wp

__all__ = ["launch_rows"]

_RANGES_PER_WORKER = 4
_pools: dict[int, ThreadPoolExecutor] = {}


def _pool(workers: int) -> ThreadPoolExecutor:
    if workers not in _pools:
        _pools[workers] = ThreadPoolExecutor(workers, thread_name_prefix="rows")
    return _pools[workers]


def launch_rows(
    kernel: Any,
    rows: int,
    columns: int,
    inputs: Sequence[Any],
    *,
    device: str = "cpu",
    workers: int | None = None,
) -> None:
    """Launch `kernel` over (rows, columns) and wait for it.

    The kernel's first argument is the row its range begins at: it works on row
    `row0 + i` of `i, j = wp.tid()`. Warp's CPU kernels run on one thread and release the
    interpreter lock, so that ranges of rows run side by side; each pixel is computed by itself,
    and the number of workers changes nothing.
    """
    count = max(1, workers or os.cpu_count() or 1)
    if device != "cpu" or count == 1:
        wp.launch(kernel, dim=(rows, columns), inputs=[0, *inputs], device=device)
        if device != "cpu":
            wp.synchronize_device(device)
        return
    step = max(1, -(-rows // (count * _RANGES_PER_WORKER)))
    starts = range(0, rows, step)
    # The module is compiled and loaded before threads ask for it at once; as launches on the CPU
    # want it, else it would be compiled for both.
    kernel.module.load(wp.get_device(device), block_dim=1)

    def run(row0: int) -> None:
        dim = (min(step, rows - row0), columns)
        wp.launch(kernel, dim=dim, inputs=[row0, *inputs], device=device)

    list(_pool(count).map(run, starts))
