"""Section to be written."""

from skycrane.mission.base import Section


class Guidance(Section):
    """To be written."""
