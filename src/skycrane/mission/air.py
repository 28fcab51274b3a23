"""Section to be written."""

from skycrane.mission.base import Section


class Atmosphere(Section):
    """To be written."""


class Wind(Section):
    """To be written."""
