"""The mission file: schema, loading, the built-in missions."""

from skycrane.mission.load import built_in_missions, dump_mission, load_mission
from skycrane.mission.mission import Mission

__all__ = ["Mission", "built_in_missions", "dump_mission", "load_mission"]
