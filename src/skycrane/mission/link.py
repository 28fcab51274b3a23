"""Section to be written."""

from skycrane.mission.base import Section


class Link(Section):
    """To be written."""
