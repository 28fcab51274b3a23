"""When each camera films: rates keyed to the events of the flight and to heights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.flight.record import Flight
from skycrane.mission.cameras import Camera, Phase
from skycrane.stage import Quality

__all__ = ["frame_times_s", "returns_footage"]


def returns_footage(camera: Camera, flight: Flight) -> bool:
    """Return whether a camera's frames come back: one that is lost in flight returns none."""
    return not (camera.lost_at and flight.has_event(camera.lost_at))


def _begin_s(camera: Camera, phase: Phase, flight: Flight) -> float:
    """Return when a phase begins [s]; infinite where the camera never comes as low as it asks."""
    start = flight.event(phase.event).t_s + phase.after_s
    if phase.below_m == 0:
        return start
    track = flight.bodies[camera.body or "rover"]
    t = np.concatenate([[start], track.time_s[track.time_s > start]])
    height = np.linalg.norm(track.position(t), axis=1) - flight.site_radius_m
    low = np.flatnonzero(height <= phase.below_m)
    if not len(low):
        return float("inf")
    k = int(low[0])
    if k == 0:
        return start
    share = (height[k - 1] - phase.below_m) / (height[k - 1] - height[k])
    return float(t[k - 1] + share * (t[k] - t[k - 1]))


def frame_times_s(camera: Camera, flight: Flight, quality: Quality) -> NDArray[np.float64]:
    """Return the times of a camera's frames [s after entry interface], rising.

    Each phase begins at its event and lasts until the next one begins, whose event may come
    sooner than this one's in a flight that went otherwise; phases of absent events, and of heights
    never reached, are left out.
    """
    begins = [
        (begin, getattr(phase.rates_hz, quality))
        for phase in camera.schedule
        if flight.has_event(phase.event) and np.isfinite(begin := _begin_s(camera, phase, flight))
    ]
    begins.sort(key=lambda item: item[0])
    times = []
    for k, (start, rate) in enumerate(begins):
        end = begins[k + 1][0] if k + 1 < len(begins) else flight.t_end_s
        end = min(end, flight.t_end_s)
        if rate > 0 and end > start:
            count = int(np.ceil((end - start) * rate - 1e-6))
            times.append(start + np.arange(count) / rate)
    return np.concatenate(times) if times else np.zeros(0)
