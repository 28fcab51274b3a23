"""Stills: the pictures of a landing worth keeping, chosen by the events they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from skycrane.files import atomic_path
from skycrane.flight.record import Flight
from skycrane.ground.footage import Footage
from skycrane.mission.film import Film, Still

__all__ = ["ChosenStill", "choose_stills", "write_png"]


@dataclass(frozen=True)
class ChosenStill:
    """A still and the frame it is taken from: camera, index, time [s after entry interface]."""

    still: Still
    camera: str
    index: int
    t_s: float


def choose_stills(flight: Flight, film: Film, footage: Footage) -> list[ChosenStill]:
    """Return the stills there is footage of; those of events that did not happen are left out."""
    chosen = (_choose(still, flight, film, footage) for still in film.stills)
    return [still for still in chosen if still is not None]


def _choose(still: Still, flight: Flight, film: Film, footage: Footage) -> ChosenStill | None:
    if not flight.has_event(still.event):
        return None
    wanted_s = flight.event(still.event).t_s + still.after_s
    least_s = -np.inf
    if still.not_before:
        if not flight.has_event(still.not_before):
            return None
        least_s = flight.event(still.not_before).t_s
    for name in still.cameras:
        camera = footage.cameras.get(name)
        index = camera.nearest(wanted_s, not_before_s=least_s) if camera else None
        if camera is None or index is None:
            continue
        if abs(float(camera.times_s[index]) - wanted_s) <= film.hold_s:
            return ChosenStill(still, name, index, float(camera.times_s[index]))
    return None


def write_png(path: Path, picture: NDArray[np.uint8], words: dict[str, str] | None = None) -> None:
    """Write an RGB picture (h, w, 3) as PNG, with words about it inside (tEXt, iTXt).

    Raises:
        InputError: the file cannot be written.
    """
    info = PngImagePlugin.PngInfo()
    for key, text in sorted((words or {}).items()):
        info.add_itxt(key, text)
    with atomic_path(path) as partial:
        Image.fromarray(picture).save(partial, format="PNG", pnginfo=info, compress_level=6)
