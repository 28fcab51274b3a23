"""Where in a photosite its rays look: evenly spread, and about its middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

__all__ = ["SPREAD", "middle_of"]

SPREAD = (0.8191725, 0.6710436)
"""Steps from one ray to the next, right and down, in photosites: two of the three dimensions of
Roberts (2018), "The unreasonable effectiveness of quasirandom sequences"; the third is time."""


def middle_of(samples: int, body_samples: int) -> Any:
    """Return what brings the mean of a photosite's rays to its middle, for `View.middle`.

    So few places are not even about it: the picture would lie up to a fifth of a photosite aside.
    """
    n = np.arange(max(samples, body_samples))[:, None]
    places = (0.5 + n * np.array(SPREAD)) % 1.0 - 0.5
    rest = places[samples:]
    return wp.vec4(*-places[:samples].mean(axis=0), *(-rest.mean(axis=0) if len(rest) else (0, 0)))
