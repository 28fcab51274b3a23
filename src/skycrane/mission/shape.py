"""Section to be written."""

from skycrane.mission.base import Section


class Shape(Section):
    """To be written."""
