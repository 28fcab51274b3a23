"""A whole mission: every section of its file, checked against each other."""

from __future__ import annotations

from pydantic import Field, model_validator

from skycrane.mission.air import Atmosphere, Wind
from skycrane.mission.base import Section
from skycrane.mission.cameras import Camera, FilmQuality
from skycrane.mission.consistency import check_consistency
from skycrane.mission.dispersion import Dispersion, check_dispersion
from skycrane.mission.dust import Dust
from skycrane.mission.entry import Entry
from skycrane.mission.fault import Fault
from skycrane.mission.film import Film
from skycrane.mission.flown import FlownEvent, FlownFigure
from skycrane.mission.guidance import Guidance
from skycrane.mission.link import Link
from skycrane.mission.place import Epoch, Planet, Site
from skycrane.mission.shape import Shape
from skycrane.mission.sky import Sky
from skycrane.mission.sound import Microphone, Soundscape
from skycrane.mission.terrain import TerrainModel
from skycrane.mission.vehicle import Vehicle

__all__ = ["Identity", "Mission"]


class Identity(Section):
    """What the mission is called."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    """Short name for commands and files: lower-case letters, digits, - and _."""
    title: str
    """Name shown to people."""


class Mission(Section):
    """One landing, as read from a mission file."""

    mission: Identity
    planet: Planet
    site: Site
    epoch: Epoch
    atmosphere: Atmosphere
    wind: Wind
    entry: Entry
    vehicle: Vehicle
    guidance: Guidance
    flown: list[FlownEvent] = Field(default_factory=list)
    flown_figure: list[FlownFigure] = Field(default_factory=list)
    dispersion: Dispersion | None = None
    fault: list[Fault] = Field(default_factory=list, max_length=32)
    shape: Shape
    terrain: TerrainModel
    sky: Sky
    dust: Dust
    cameras: dict[str, Camera]
    film_quality: dict[str, FilmQuality]
    microphone: Microphone
    soundscape: Soundscape
    link: Link
    film: Film

    @model_validator(mode="after")
    def _sections_agree(self) -> Mission:
        check_consistency(self)
        check_dispersion(self)
        return self
