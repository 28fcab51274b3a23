"""Section to be written."""

from skycrane.mission.base import Section


class TerrainModel(Section):
    """To be written."""
