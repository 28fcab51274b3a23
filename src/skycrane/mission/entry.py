"""The state at entry interface."""

from __future__ import annotations

from skycrane.mission.base import Section, Vector3

__all__ = ["Entry"]


class Entry(Section):
    """Where the entry vehicle is at entry interface, and how it moves."""

    position_m: Vector3
    """Position in mars_fixed (IAU_MARS), m."""
    velocity_m_s: Vector3
    """Velocity relative to the rotating planet, mars_fixed axes, m/s."""
    bank_deg: float
    """Bank angle at entry interface, positive to the right of the flight path."""
