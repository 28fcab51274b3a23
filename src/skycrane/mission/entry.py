"""Section to be written."""

from skycrane.mission.base import Section


class Entry(Section):
    """To be written."""
