"""What was flown, to compare with; the flight never reads it."""

from __future__ import annotations

from skycrane.mission.base import Positive, Section

__all__ = ["FlownEvent"]


class FlownEvent(Section):
    """One event of the real landing."""

    name: str
    """Name of the event, as in flight/events.json."""
    t_s: float
    """When it happened, s after entry interface."""
    tolerance_s: Positive
    """How far the simulated time may be from it, s."""
    note: str = ""
    """What else is known of it."""
