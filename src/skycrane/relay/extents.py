"""Which bytes of a file are there, and which are wanted: intervals kept as sorted arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["Extents", "Wanted"]

_FOLD_AT = 1 << 16


def _union(pairs: np.ndarray) -> np.ndarray:
    """Return disjoint, sorted intervals, shape (m, 2), that cover what `pairs` cover."""
    if len(pairs) < 2:
        return pairs
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    reach = np.maximum.accumulate(pairs[:, 1])
    first = np.flatnonzero(np.r_[True, pairs[1:, 0] > reach[:-1]])
    last = np.r_[first[1:] - 1, len(pairs) - 1]
    return np.column_stack((pairs[first, 0], reach[last]))


class Extents:
    """The bytes of a file that have arrived, in any order and any number of times.

    Adding costs a list append; sorting and merging are put off until a question needs them and
    then done for all at once, so that the cost does not grow with the square of the gaps.
    """

    def __init__(self, pairs: Sequence[Sequence[int]] = ()) -> None:
        self._merged = _union(np.array(pairs, np.int64).reshape(-1, 2))
        self._covered = int((self._merged[:, 1] - self._merged[:, 0]).sum())
        self._new: list[list[int]] = []
        self._new_bytes = 0

    def add(self, start: int, end: int) -> None:
        """Note that the bytes [start, end) are there."""
        if end <= start:
            return
        if self._new and self._new[-1][1] == start:
            self._new[-1][1] = end
        else:
            self._new.append([start, end])
            if len(self._new) >= _FOLD_AT:
                self._fold()
                return
        self._new_bytes += end - start

    def _fold(self) -> None:
        if self._new:
            self._merged = _union(np.concatenate((self._merged, np.array(self._new, np.int64))))
            self._covered = int((self._merged[:, 1] - self._merged[:, 0]).sum())
            self._new = []
        self._new_bytes = 0

    def pairs(self) -> np.ndarray:
        """Return what is there as disjoint sorted intervals, shape (n, 2)."""
        self._fold()
        return self._merged

    def covers(self, size: int) -> bool:
        """Say whether [0, size) is there; nothing beyond it may have been added."""
        # Bytes added since the last merging may repeat, so their count can only err on one side.
        if self._covered + self._new_bytes < size:
            return False
        self._fold()
        return self._covered == size

    def gaps(self, size: int) -> np.ndarray:
        """Return the intervals of [0, size) that are not there, shape (n, 2)."""
        pairs = self.pairs()
        edges = np.concatenate(([0], pairs.ravel(), [max(size, 0)])).reshape(-1, 2)
        edges = np.minimum(edges, size)
        return edges[edges[:, 1] > edges[:, 0]]


class Wanted:
    """The bytes of a file asked for again, handed out in order."""

    def __init__(self, pairs: Sequence[Sequence[int]] = ()) -> None:
        self._pairs = _union(np.array(pairs, np.int64).reshape(-1, 2))
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._pairs)

    def add(self, pairs: np.ndarray) -> None:
        """Ask for more, shape (n, 2); what is asked for twice is handed out once."""
        left = np.concatenate((self._pairs[self._at :], np.asarray(pairs, np.int64).reshape(-1, 2)))
        self._pairs, self._at = _union(left), 0

    def first(self, limit: int) -> tuple[int, int]:
        """Return the next interval to send, at most `limit` bytes long."""
        start, end = self._pairs[self._at]
        return int(start), min(int(end), int(start) + limit)

    def sent(self, end: int) -> None:
        """Note that the first interval was sent up to `end`."""
        if end >= self._pairs[self._at, 1]:
            self._at += 1
        else:
            self._pairs[self._at, 0] = end

    def pairs(self) -> np.ndarray:
        """Return what is still to be sent, shape (n, 2)."""
        return self._pairs[self._at :]
