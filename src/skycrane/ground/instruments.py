"""Instruments: the flight's figures at every frame of the film, worked out beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skycrane.flight.record import Flight
from skycrane.ground.timeline import Span
from skycrane.mission.film import Film

__all__ = ["Instruments", "altitude_text", "clock_text", "range_m", "speed_text"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Instruments:
    """What the screen shows of the flight.

    Attributes:
        times_s: seconds after entry interface of every frame of film, shape (n,).
        altitude_m: of the vehicle above the target, shape (n,).
        speed_m_s: relative to the planet, shape (n,).
        range_m: along the ground to where the rover comes to rest, shape (n,).
        milestones: (time [s], words), in order.
        phases: (time [s], words), in order.
        touchdown_s: when the wheels touched, if they did.
    """

    times_s: Array
    altitude_m: Array
    speed_m_s: Array
    range_m: Array
    milestones: list[tuple[float, str]]
    phases: list[tuple[float, str]]
    touchdown_s: float | None

    @classmethod
    def of(cls, flight: Flight, film: Film, span: Span, frames_per_s: int) -> Instruments:
        """Read the flight at every frame of the film."""
        count = max(2, round(span.length_s * frames_per_s))
        times = span.opens_s + np.arange(count) / frames_per_s
        return cls(
            times_s=times,
            altitude_m=np.maximum(flight.altitude_m(times), 0.0),
            speed_m_s=np.asarray(flight.speed_m_s(times)),
            range_m=range_m(flight, times),
            milestones=_dated(flight, film.milestones),
            phases=_dated(flight, film.phases),
            touchdown_s=flight.event("touchdown").t_s if flight.has_event("touchdown") else None,
        )

    def phase(self, t_s: float) -> str:
        """Return what the flight is doing at `t_s`."""
        words = ""
        for at_s, phase in self.phases:
            if at_s <= t_s:
                words = phase
        return words


def range_m(flight: Flight, times_s: Array) -> Array:
    """Return the ground distance of the rover from where it comes to rest [m], shape (n,)."""
    rover = flight.bodies["rover"]
    position = rover.position(times_s)
    rest = rover.position(flight.t_end_s)
    cross = np.linalg.norm(np.cross(position, rest), axis=-1)
    return np.asarray(flight.site_radius_m * np.arctan2(cross, position @ rest))


def _dated(flight: Flight, words: dict[str, str]) -> list[tuple[float, str]]:
    dated = [
        (flight.event(name).t_s, text) for name, text in words.items() if flight.has_event(name)
    ]
    return sorted(dated)


def clock_text(seconds: float) -> str:
    """Return mm:ss of a duration, its sign left out, whole seconds begun."""
    whole = int(abs(seconds) + 1e-6)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def altitude_text(altitude_m: float) -> tuple[str, str]:
    """Return an altitude as figure and unit, with as many digits as can be read at a glance."""
    if altitude_m >= 1000:
        return f"{altitude_m / 1000:.2f}", "km"
    return (f"{altitude_m:.0f}", "m") if altitude_m >= 100 else (f"{altitude_m:.1f}", "m")


def speed_text(speed_m_s: float) -> tuple[str, str]:
    """Return a speed as figure in m/s, and the same in miles an hour with its unit."""
    figure = f"{speed_m_s:.0f}" if speed_m_s >= 100 else f"{speed_m_s:.1f}"
    mph = speed_m_s / 0.44704
    return figure, f"{mph:,.0f} mph" if mph >= 10 else f"{mph:.1f} mph"
