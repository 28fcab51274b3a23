"""Section to be written."""

from skycrane.mission.base import Section


class Sky(Section):
    """To be written."""
