"""Builders for tests that fly a mission."""

import tomllib
from importlib import resources

import tomli_w

from skycrane.flight.compare import compare
from skycrane.flight.events import crash_reason, events_of
from skycrane.flight.record import Flight
from skycrane.flight.simulate import simulate
from skycrane.flight.stage import summarise
from skycrane.flight.tracks import tracks_of
from skycrane.mission.load import parse_mission

OUTCOMES = {True: "landed", False: "crashed"}


class Flown:
    """One flight of a mission with what people look at afterwards."""

    def __init__(self, mission):
        self.mission = mission
        self.raw = simulate(mission)
        self.landed = self.raw.outcome == 1
        self.events = events_of(self.raw)
        self.flight = Flight(
            tracks_of(self.raw, mission),
            self.events,
            mission.site.radius_m,
            OUTCOMES[self.landed],
            crash_reason(self.raw),
        )
        self.summary = summarise(self.raw, self.flight, mission)
        self.rows = compare(self.flight, mission.flown)

    def first(self, name):
        return next(event for event in self.events if event.name == name)


def source_table(name):
    """Return a built-in mission's file as tables."""
    text = (resources.files("skycrane.mission") / "missions" / f"{name}.toml").read_text()
    return tomllib.loads(text)


def with_values(table, changes):
    """Return the mission of a file's tables with some keys set: {"site.radius_m": 1.0}."""
    copy = tomllib.loads(tomli_w.dumps(table))
    for path, value in changes.items():
        *parents, last = path.split(".")
        at = copy
        for part in parents:
            at = at[part]
        at[last] = value
    return parse_mission(tomli_w.dumps(copy), where="mine.toml")
