"""Section to be written."""

from skycrane.mission.base import Section


class Vehicle(Section):
    """To be written."""
