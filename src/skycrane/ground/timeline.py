"""Timeline: which view is on the screen when, from the flight's events and the footage there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from skycrane.flight.record import Flight
from skycrane.mission.film import Edit, Film

__all__ = ["Shot", "Span", "coverage", "film_span", "plan_timeline", "shot_at"]

_SHORTEST_S = 0.8
"""A shot shorter than this flashes; its neighbour takes its place."""

Coverage = Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Span:
    """What part of the flight the film shows, seconds after entry interface."""

    opens_s: float
    closes_s: float

    @property
    def length_s(self) -> float:
        """Seconds of footage."""
        return self.closes_s - self.opens_s


@dataclass(frozen=True)
class Shot:
    """A stretch of film with one arrangement of views.

    Attributes:
        start_s: seconds after entry interface.
        end_s: where the next shot begins.
        layout: "full", "inset", "split", or "profile" where the flight's profile is drawn.
        views: cameras, the leading one first; empty for "profile".
        dissolve_s: length of the dissolve into it; 0 is a cut.
    """

    start_s: float
    end_s: float
    layout: str
    views: tuple[str, ...]
    dissolve_s: float = 0.0


def coverage(times_s: NDArray[np.float64], hold_s: float) -> list[tuple[float, float]]:
    """Return the stretches in which a camera with frames at `times_s` has a picture to show.

    A frame stands for `hold_s` at most, but not past the camera's last frame by more than the
    usual interval: a camera that has stopped is gone.
    """
    if not len(times_s):
        return []
    breaks = np.flatnonzero(np.diff(times_s) > hold_s)
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [len(times_s) - 1]])
    stretches = []
    for first, last in zip(starts, ends, strict=True):
        interval = times_s[last] - times_s[last - 1] if last > first else 0.0
        stretches.append((float(times_s[first]), float(times_s[last] + min(interval, hold_s))))
    return stretches


def film_span(flight: Flight, film: Film, covered: Coverage) -> Span:
    """Return what the film shows: between its opening and closing events, while it can.

    A flight that never reached the closing event is shown to its end, one without the opening
    event from its first footage on. The film does not outlast both footage and touchdown.
    """
    pieces = [piece for stretches in covered.values() for piece in stretches]
    first = min((start for start, _ in pieces), default=0.0)
    last = max((end for _, end in pieces), default=flight.t_end_s)
    opens = (
        flight.event(film.opens_at).t_s + film.opens_after_s
        if flight.has_event(film.opens_at)
        else first
    )
    closes = flight.t_end_s
    if flight.has_event(film.closes_at):
        closes = min(closes, flight.event(film.closes_at).t_s + film.closes_after_s)
    closes = min(closes, max(last, opens))
    return Span(opens, max(closes, opens + 1.0))


def plan_timeline(flight: Flight, film: Film, covered: Coverage, span: Span) -> list[Shot]:
    """Return the shots of the film, in order, without a gap, from the first frame to the last."""
    decisions = _decisions(flight, film.edit)
    bounds = {span.opens_s, span.closes_s}
    bounds |= {t for t, _ in decisions}
    bounds |= {t for stretches in covered.values() for piece in stretches for t in piece}
    times = sorted(t for t in bounds if span.opens_s <= t <= span.closes_s)
    shots: list[Shot] = []
    for start, end in pairwise(times):
        edit = _standing(decisions, start)
        shots.append(_resolve(edit, film, covered, start, end, decisions))
    return _merged(shots, covered)


def shot_at(shots: Sequence[Shot], t_s: float) -> int:
    """Return the index of the shot on the screen at `t_s`."""
    for index, shot in enumerate(shots):
        if t_s < shot.end_s:
            return index
    return len(shots) - 1


def _decisions(flight: Flight, edits: Iterable[Edit]) -> list[tuple[float, Edit]]:
    """Return the edit decisions with their times; of two at once the later written one counts."""
    dated = [
        (flight.event(edit.event).t_s + edit.after_s, edit)
        for edit in edits
        if flight.has_event(edit.event)
    ]
    return sorted(dated, key=lambda pair: pair[0])


def _standing(decisions: Sequence[tuple[float, Edit]], t_s: float) -> Edit | None:
    standing = None
    for at_s, edit in decisions:
        if at_s > t_s + 1e-9:
            break
        standing = edit
    return standing


def _has(covered: Coverage, camera: str, start_s: float, end_s: float) -> bool:
    middle = (start_s + end_s) / 2
    return any(first <= middle < last for first, last in covered.get(camera, ()))


def _resolve(
    edit: Edit | None,
    film: Film,
    covered: Coverage,
    start_s: float,
    end_s: float,
    decisions: Sequence[tuple[float, Edit]],
) -> Shot:
    """Return the shot for a stretch in which neither the decision nor the coverage changes."""
    if edit is None or edit.layout == "profile":
        return Shot(start_s, end_s, "profile", ())
    views: list[str] = []
    for wish in edit.views:
        for camera in (wish, *film.stand_ins.get(wish, ())):
            if camera not in views and _has(covered, camera, start_s, end_s):
                views.append(camera)
                break
    if not views:
        return Shot(start_s, end_s, "profile", ())
    layout = edit.layout if len(views) > 1 else "full"
    if layout == "full":
        views = views[:1]
    begins = any(abs(at_s - start_s) < 1e-9 for at_s, _ in decisions)
    kept = views[:2] if layout == "split" else views
    return Shot(start_s, end_s, layout, tuple(kept), edit.dissolve_s if begins else 0.0)


def _merged(shots: Sequence[Shot], covered: Coverage) -> list[Shot]:
    """Join neighbours that look alike, and let a shot too short to see pass to the one before."""
    joined: list[Shot] = []
    for shot in shots:
        before = joined[-1] if joined else None
        alike = before and (before.layout, before.views) == (shot.layout, shot.views)
        if before and not alike and shot.end_s - shot.start_s < _SHORTEST_S:
            alike = all(_has(covered, c, shot.start_s, shot.end_s) for c in before.views)
        if before and alike:
            joined[-1] = replace(before, end_s=shot.end_s)
        else:
            joined.append(shot)
    return joined
