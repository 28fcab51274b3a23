"""Section to be written."""

from skycrane.mission.base import Section


class Microphone(Section):
    """To be written."""


class Soundscape(Section):
    """To be written."""
