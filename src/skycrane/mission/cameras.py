"""Section to be written."""

from skycrane.mission.base import Section


class Camera(Section):
    """To be written."""


class FilmQuality(Section):
    """To be written."""
