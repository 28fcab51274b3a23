"""Combs that wander: the narrow ridges of one shaft, which all climb and fall by the same ratio.

A ridge alone may be anybody's; ridges that keep their ratios to one another from frame to frame,
whatever their pitch does, are one machine's. Once its lines are known, it can be found in each
frame by a single number, and a voice's ridges between its lines are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Comb", "RidgeRows", "comb_ratios", "learn_comb", "ridge_power"]

_STEP = 0.002
"""Step of the grid of logarithms of frequency on which ridges are compared."""
_NEAR, _NEAR_BINS = 0.004, 0.35
"""How far a ridge may be from its line: as a ratio, and in bins where those are wider."""
_FURTHEST = 0.12
"""How far a comb may climb or fall in the recording that it is learnt from, as a ratio."""
_BEYOND = 0.06
"""How much further it may be in another recording."""
_PRESENT = 0.4
"""Share of the frames in which a line must stand out."""
_FEWEST_FRAMES, _FEWEST_LINES = 24, 2
_MOST_FRAMES = 256
_GROUPS, _STRONG = 6, 0.9
"""Parts of an octave, and share of the ridges in each that are weaker than a strong one."""
_TOP = 3.0
"""Largest logarithm of a ridge's height that counts: one loud note must not outweigh a comb."""


@dataclass(frozen=True)
class Comb:
    """The lines of a wandering comb.

    Attributes:
        lines_hz: frequency of each line at the ratio 1 [Hz], rising.
        power: usual power in a frame on each line, [lines].
        lowest: smallest ratio that it may wander to.
        highest: largest ratio.
        explains: share of all ridges' heights that its lines explain, 0 to 1.
        present: share of the frames in which most of its lines stand out.
        wander: between which ratios half of the frames lie, as one by the other less 1.
    """

    lines_hz: NDArray[np.float64]
    power: NDArray[np.float64]
    lowest: float
    highest: float
    explains: float
    present: float
    wander: float = 0.0


class RidgeRows:
    """Remembers ridges frame by frame: positions [bins], logarithms of heights, powers."""

    def __init__(self) -> None:
        self.rows: list[tuple[NDArray[np.float64], ...]] = []
        self._stride, self._seen = 1, 0

    def add(self, height: NDArray[np.float64], power: NDArray[np.float64], least: float) -> None:
        """Remember the peaks of frames' heights above their surroundings, [frames, bins]."""
        logs = np.log(np.maximum(height, 1e-300))
        peak = (ndimage.maximum_filter1d(logs, 5, axis=1) == logs) & (height > least)
        peak[:, [0, -1]] = False
        for i in range(len(logs)):
            if self._seen % self._stride == 0:
                at = np.flatnonzero(peak[i])
                a, b, c = logs[i, at - 1], logs[i, at], logs[i, at + 1]
                bend = np.minimum(a - 2 * b + c, -1e-9)
                self.rows.append((at + np.clip((a - c) / (2 * bend), -0.5, 0.5), b, power[i, at]))
                if len(self.rows) > _MOST_FRAMES:
                    self.rows, self._stride = self.rows[::2], 2 * self._stride
            self._seen += 1


def _near(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far a ridge at a position [bins] may be from its line, as a ratio."""
    return np.maximum(_NEAR, _NEAR_BINS / np.maximum(position, 1.0))


def learn_comb(
    found: RidgeRows,
    bin_hz: float,
    where: NDArray[np.bool_] | None = None,
    *,
    least: float = 1.0,
) -> Comb | None:
    """Return the comb that most ridges belong to, or None where no few lines keep together.

    Args:
        found: ridges frame by frame.
        bin_hz: width of a bin [Hz].
        where: bins in which ridges count, [bins]; None: all.
        least: how many times its surroundings' power a ridge must have to count.
    """
    rows = found.rows[3:-3]
    if where is not None:
        rows = [tuple(part[where[row[0].astype(int)]] for part in row) for row in rows]
    rows = [tuple(part[row[1] > np.log(least)] for part in row) for row in rows]
    if len(rows) < _FEWEST_FRAMES or not any(row[0].size for row in rows):
        return None
    lines, lags = _aligned(rows)
    if lines.size < _FEWEST_LINES:
        return None
    shifts = lags * _STEP
    apart = [_apart(row[0], np.log(lines), shift) for row, shift in zip(rows, shifts, strict=True)]
    fits = [(one < 1).any(axis=1) for one in apart]
    pairs = list(zip(rows, fits, strict=True))
    explained = sum(float(np.minimum(row[1], _TOP)[fit].sum()) for row, fit in pairs)
    whole = sum(float(np.minimum(row[1], _TOP).sum()) for row in rows)
    powers = np.concatenate([row[2][fit] for row, fit in pairs])
    line = np.concatenate([one[fit].argmin(axis=1) for one, fit in zip(apart, fits, strict=True)])
    at_line = [powers[line == k] for k in range(lines.size)]
    lowest, highest = (float(np.exp(np.percentile(shifts, share))) for share in (2, 98))
    return Comb(
        lines * bin_hz,
        np.array([np.median(one) if one.size else 0.0 for one in at_line]),
        lowest / (1 + _BEYOND),
        highest * (1 + _BEYOND),
        explained / max(whole, 1e-300),
        float(np.mean([fit.sum() >= lines.size / 2 for fit in fits])),
        float(np.exp(np.percentile(shifts, 75) - np.percentile(shifts, 25))) - 1,
    )


def _aligned(
    rows: list[tuple[NDArray[np.float64], ...]],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return lines [bins] that frames' ridges share, and how far each lies above them, in steps.

    The frame with the most ridges is the first template; then what most frames have in common.
    """
    top = max(float(row[0].max()) for row in rows if row[0].size)
    size = int(np.log(max(top, 2.0)) / _STEP) + 2
    there = np.stack([_on_grid(row[0], np.minimum(row[1], _TOP), size) for row in rows])
    template = there[int(np.argmax([np.minimum(row[1], _TOP).sum() for row in rows]))]
    for _ in range(3):
        lags = _best_lags(there, template, int(_FURTHEST / _STEP))
        aligned = np.stack([np.roll(row, -lag) for row, lag in zip(there, lags, strict=True)])
        presence, height = (aligned > 0).mean(axis=0), aligned.mean(axis=0)
        template = np.where(presence >= _PRESENT / 2, height, 0.0)
    return _lines(presence, height), lags


def ridge_power(found: RidgeRows, bins: int) -> NDArray[np.float64]:
    """Return the power that a strong ridge near each bin has, 0 where there are none, [bins]."""
    rows = found.rows[3:-3]
    out = np.zeros(bins)
    if not rows:
        return out
    position, _, power = (np.concatenate(part) for part in zip(*rows, strict=True))
    group = (np.log2(np.maximum(position, 1.0)) * _GROUPS).astype(int)
    strong = np.array(
        [
            np.quantile(power[group == g], _STRONG) if (group == g).any() else 0.0
            for g in range(int(np.log2(bins) * _GROUPS) + 1)
        ]
    )
    # A ridge near a group's edge may cross it.
    strong = ndimage.maximum_filter1d(strong, 3)
    out[1:] = strong[(np.log2(np.arange(1, bins)) * _GROUPS).astype(int)]
    return out


def _on_grid(
    position: NDArray[np.float64], height: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Return heights of ridges on the grid of logarithms, as wide as they are uncertain."""
    out = np.zeros(size)
    place = np.log(np.maximum(position, 1.0))
    low = np.clip(((place - _near(position)) / _STEP).astype(int), 0, size - 1)
    high = np.clip(((place + _near(position)) / _STEP).astype(int) + 1, 0, size)
    for a, b, value in zip(low, high, height, strict=True):
        out[a:b] = np.maximum(out[a:b], value)
    return out


def _best_lags(
    there: NDArray[np.float64], template: NDArray[np.float64], reach: int
) -> NDArray[np.int64]:
    """Return how far each frame's ridges lie above the template's, in steps, [frames]."""
    lags = np.arange(-reach, reach + 1)
    shifted = np.stack([np.roll(template, lag) for lag in lags], axis=1)
    # Of equally good ones the middle of them, and rather a small shift than a large one.
    score = ndimage.gaussian_filter1d(there @ shifted, 1.0, axis=1, mode="nearest")
    return lags[np.argmax(score - 1e-6 * np.abs(lags), axis=1)]


def _lines(presence: NDArray[np.float64], height: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return positions [bins] where aligned ridges stand out most often."""
    often = ndimage.gaussian_filter1d(presence * height, 1.5)
    width = 2 * int(2 * _NEAR / _STEP) + 1
    peak = (ndimage.maximum_filter1d(often, width) == often) & (presence >= _PRESENT)
    lines = np.exp(np.flatnonzero(peak) * _STEP)
    # Low lines are wide on the grid: of peaks within one bin of one another the first counts.
    return lines[np.append(True, np.diff(lines) > 1.5)] if lines.size else lines


def _apart(
    position: NDArray[np.float64], lines: NDArray[np.float64], shift: float
) -> NDArray[np.float64]:
    """Return how far ridges are from lines, 1 where they just belong to them, [ridges, lines]."""
    apart = np.abs(np.log(np.maximum(position, 1.0))[:, None] - shift - lines)
    return np.asarray(apart / (1.5 * _near(position)[:, None]))


def comb_ratios(
    height: NDArray[np.float64], lines: NDArray[np.float64], lowest: float, highest: float
) -> NDArray[np.float64]:
    """Return the ratio at which a comb stands out most in each frame, [frames].

    Args:
        height: power above the surroundings, [frames, bins].
        lines: the comb's lines at the ratio 1 [bins].
        lowest: smallest ratio to look at.
        highest: largest.
    """
    step = min(0.25 / float(lines.max()), _STEP)
    ratios = np.exp(np.arange(np.log(lowest), np.log(highest) + step, step))
    logs = np.clip(np.log(np.maximum(height, 1e-300)), 0.0, _TOP)
    at = np.clip(ratios[:, None] * lines, 0, height.shape[1] - 2)
    low = at.astype(int)
    part = at - low
    score: Any = np.zeros((len(height), ratios.size))
    for k in range(lines.size):
        score += logs[:, low[:, k]] * (1 - part[:, k]) + logs[:, low[:, k] + 1] * part[:, k]
    # The middle of what is equally good.
    score = ndimage.gaussian_filter1d(score, max(_NEAR / step / 2, 1.0), axis=1, mode="nearest")
    return ratios[np.argmax(score, axis=1)]
