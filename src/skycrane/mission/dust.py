"""Section to be written."""

from skycrane.mission.base import Section


class Dust(Section):
    """To be written."""
