"""Run lengths of masks in COCO's packed form, column by column, five bits a character.

The format is that of the COCO API (Lin et al. 2014, maskApi.c): lengths of runs of 0 and 1 in turn,
beginning with 0, over the mask read down its columns; from the fourth on the difference from the
length two before; each as a signed number in groups of five bits, lowest first, bit 5 set while
more follow, plus 48.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_runs", "runs_of"]


def runs_of(mask: NDArray[np.bool_]) -> list[int]:
    """Return the run lengths of a mask (height, width), beginning with that of 0."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(n) for n in np.diff([0, *turns.tolist(), mask.size])] if mask.size else []


def pack_runs(runs: list[int]) -> str:
    """Return run lengths as COCO's string of characters from "0" to "o"."""
    out = []
    for k, length in enumerate(runs):
        value = length - runs[k - 2] if k > 2 else length
        more = True
        while more:
            low = value & 31
            value >>= 5
            more = value != (-1 if low & 16 else 0)
            out.append(chr(48 + low + (32 if more else 0)))
    return "".join(out)
