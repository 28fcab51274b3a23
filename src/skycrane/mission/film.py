"""Section to be written."""

from skycrane.mission.base import Section


class Film(Section):
    """To be written."""
