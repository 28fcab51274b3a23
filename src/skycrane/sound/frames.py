"""Overlapping frames on one absolute grid, streamed: the result never depends on how it is fed."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = [
    "BATCH",
    "Delay",
    "DelayLine",
    "FrameFilter",
    "OverlapAdd",
    "effective_count",
    "hann",
    "smooth",
]

BATCH = 32
"""Frames worked on at once. Fixed, so that rounding is the same however samples arrive."""

Spectra = NDArray[np.complex128]


class FrameFilter(Protocol):
    """Something that changes spectra frame by frame, `delay` frames late."""

    delay: int

    def process(self, spectra: Spectra, valid: NDArray[np.float64]) -> tuple[Spectra, Any]:
        """Take BATCH frames and whether each holds sound (1/0); return those `delay` earlier."""
        ...


class DelayLine:
    """Keeps enough of the past that each batch can be seen with `reach` frames on both sides."""

    def __init__(self, reach: int) -> None:
        self.reach = reach
        self._past: NDArray[Any] | None = None

    def push(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Return frames [batch + 2 reach, ...]; the middle ones are `reach` frames old."""
        if self._past is None:
            self._past = np.zeros((2 * self.reach, *batch.shape[1:]), dtype=batch.dtype)
        seen = np.concatenate([self._past, batch])
        # A copy: a view would keep the whole batch in memory.
        self._past = seen[seen.shape[0] - 2 * self.reach :].copy()
        return seen


class Delay:
    """Gives batches back a number of frames later."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self._past: NDArray[Any] | None = None

    def push(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Return as many frames as are given, each `frames` old; zeros come first."""
        if self._past is None:
            self._past = np.zeros((self.frames, *batch.shape[1:]), dtype=batch.dtype)
        seen = np.concatenate([self._past, batch])
        self._past = seen[batch.shape[0] :].copy()
        return seen[: batch.shape[0]]


def hann(reach: int) -> NDArray[np.float64]:
    """Return a Hann kernel of 2 reach + 1 positive values that add up to 1."""
    kernel = np.hanning(2 * reach + 3)[1:-1]
    return kernel / kernel.sum()


def smooth(
    seen: NDArray[Any], valid: NDArray[np.float64], kernel: NDArray[np.float64]
) -> NDArray[Any]:
    """Return the weighted mean over time of the frames that hold sound.

    Args:
        seen: frames [n + 2 reach, ...] of a delay line.
        valid: 1 where a frame holds sound, [n + 2 reach].
        kernel: weights [2 reach + 1].

    Returns:
        [n, ...]; 0 where nothing near holds sound.
    """
    n = seen.shape[0] - kernel.size + 1
    total = np.zeros((n, *seen.shape[1:]), dtype=seen.dtype)
    weight = np.zeros(n)
    column = (slice(None),) + (None,) * (seen.ndim - 1)
    for i, k in enumerate(kernel):
        total += (k * valid[i : i + n])[column] * seen[i : i + n]
        weight += k * valid[i : i + n]
    return total / np.maximum(weight, 1e-12)[column]


def effective_count(kernel: NDArray[np.float64], size: int, hop: int, *, power: bool) -> float:
    """Return how many independent frames of white noise a smoothed value is worth.

    Overlapping frames are correlated; for powers the correlation counts squared (Welch 1967).
    """
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    lags = np.arange(kernel.size)
    rho = np.array(
        [window[: max(size - i * hop, 0)] @ window[min(i * hop, size) :] for i in lags]
    ) / (window @ window)
    rho = rho**2 if power else rho
    return float(1 / (kernel @ rho[np.abs(lags[:, None] - lags)] @ kernel))


class OverlapAdd:
    """Cuts a stream into windowed frames, lets filters change their spectra, adds them up again.

    Sine windows before and after, hop a quarter of the size: without a filter the stream comes out
    as it went in, to rounding.
    """

    def __init__(self, size: int, filters: list[FrameFilter]) -> None:
        self.size, self.hop = size, size // 4
        self.filters = filters
        self.window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
        self._in = np.zeros(size - self.hop)
        self._tail = np.zeros(size - self.hop)
        self._skip_frames = sum(f.delay for f in filters)
        self._skip_samples = size - self.hop
        self._received = self._sent = self._frames = 0

    def push(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the next samples; return those that are ready, in order."""
        self._received += samples.size
        self._in = np.concatenate([self._in, samples])
        ready = []
        need = self.size + (BATCH - 1) * self.hop
        while self._in.size >= need:
            ready.append(self._batch(self._in[:need], np.ones(BATCH)))
            self._in = self._in[BATCH * self.hop :]
        self._in = self._in.copy()
        return np.concatenate(ready) if ready else np.zeros(0)

    def flush(self) -> NDArray[np.float64]:
        """Return the samples still under way; nothing may be pushed afterwards."""
        need = self.size + (BATCH - 1) * self.hop
        ready = []
        total_frames = -(-(self._received + self.size - self.hop) // self.hop)
        while self._sent < self._received:
            part = self._in[:need]
            part = np.pad(part, (0, need - part.size))
            valid = (np.arange(self._frames, self._frames + BATCH) < total_frames).astype(float)
            ready.append(self._batch(part, valid))
            self._in = self._in[BATCH * self.hop :]
        out = np.concatenate(ready) if ready else np.zeros(0)
        return out[: out.size - (self._sent - self._received)]

    def _batch(self, part: NDArray[np.float64], valid: NDArray[np.float64]) -> NDArray[np.float64]:
        frames = np.lib.stride_tricks.sliding_window_view(part, self.size)[:: self.hop]
        spectra = fft.rfft(frames * self.window)
        self._frames += BATCH
        for item in self.filters:
            spectra, valid = item.process(spectra, valid)
        skip = min(self._skip_frames, BATCH)
        self._skip_frames -= skip
        out = self._add(spectra[skip:])
        late = min(self._skip_samples, out.size)
        self._skip_samples -= late
        out = out[late:]
        self._sent += out.size
        return out

    def _add(self, spectra: Spectra) -> NDArray[np.float64]:
        frames = fft.irfft(spectra, self.size) * (self.window * 2 * self.hop / self.size)
        ready = np.zeros(len(frames) * self.hop + self.size - self.hop)
        ready[: self._tail.size] = self._tail
        for i, frame in enumerate(frames):
            ready[i * self.hop : i * self.hop + self.size] += frame
        self._tail = ready[len(frames) * self.hop :].copy()
        return ready[: len(frames) * self.hop]
