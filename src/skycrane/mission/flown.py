"""Section to be written."""

from skycrane.mission.base import Section


class FlownEvent(Section):
    """To be written."""
