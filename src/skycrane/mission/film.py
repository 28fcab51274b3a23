"""The film: colour, edit decisions, call-outs, voices and encoding, all keyed to events."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from skycrane.mission.base import Fraction, NonNegative, Positive, Section, Vector3

__all__ = [
    "CALLOUT_FIGURES",
    "Callout",
    "Colour",
    "Edit",
    "Encoding",
    "Film",
    "Speaker",
    "Still",
]

CALLOUT_FIGURES = (
    "altitude",
    "speed",
    "speed_km_h",
    "descent",
    "mach",
    "load",
    "since_entry",
    "to_touchdown",
)
"""The figures of the flight a call-out may name in braces, rounded as people say them."""

Layout = Literal["full", "inset", "split", "profile"]
"""One view; one with smaller ones in it; side by side; the flight's profile drawn."""


class Colour(Section):
    """How raw frames become colour: one look for stills and film."""

    black_level_dn: NonNegative
    """Digital number of no light, of 255."""
    companding: Literal["linear", "square_root"]
    """Curve by which frames of cameras that the mission does not know pack light into 8 bits; that
    of the mission's own cameras is in their detector."""
    white_balance: Vector3
    """Gains of the red, green and blue photosites."""
    matrix: Annotated[list[Vector3], Field(min_length=3, max_length=3)]
    """From balanced camera colour to linear sRGB, rows red, green, blue; rows sum to one."""
    exposure: Positive
    """Gain on linear light before the tone curve."""
    adapt: Fraction
    """How far each camera's brightness is drawn to `mid_grey`: 0 not at all, 1 wholly."""
    mid_grey: Fraction
    """Linear level that the middle of a picture is drawn to."""
    dehaze: Fraction
    """Share of the veil of haze (what a picture's darkest half percent has of its middle colour)
    taken away."""
    false_colour_px: Literal[0, 3, 5]
    """Width of the surroundings that a pixel's colour, but not its lightness, is taken from."""
    sharpness: Annotated[float, Field(ge=0, le=5)] = 0.0
    """How much of the finest differences of lightness is added to a picture."""
    local_contrast: Annotated[float, Field(ge=0, le=5)] = 0.0
    """How much of the differences of lightness from a region's mean is added to a picture."""
    contrast: NonNegative
    """Strength of the S in the tone curve; 0 is plain sRGB."""
    steepness: Annotated[float, Field(ge=0.5, le=3)] = 1.0
    """Power on the tone curve: 1 is sRGB's, 2.2 shows light as read."""
    saturation: NonNegative
    """1 leaves colour as it is."""


class Encoding(Section):
    """How the film is encoded at one quality."""

    width: Annotated[int, Field(ge=320, le=7680, multiple_of=2)]
    """Width of the picture, pixels."""
    height: Annotated[int, Field(ge=180, le=4320, multiple_of=2)]
    """Height of the picture, pixels."""
    frames_per_s: Annotated[int, Field(ge=10, le=120)]
    """Frames of film in a second."""
    x264_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]
    """Speed against size."""
    x264_crf: Annotated[int, Field(ge=0, le=40)]
    """Constant rate factor; smaller is better and larger."""


class Speaker(Section):
    """A voice on the loop."""

    name: str
    """Role shown in captions."""
    voice: str = Field(pattern=r"^[A-Za-z0-9+_-]{1,40}$")
    """Voice of espeak-ng, with its variant: en-us+f2."""
    words_per_min: Annotated[int, Field(ge=80, le=400)]
    """Speed of speech."""
    pitch: Annotated[int, Field(ge=0, le=99)]
    """Pitch, 50 is the voice's own."""


class Callout(Section):
    """Something said when an event has happened; not said when it has not."""

    event: str
    """Name of the event, as in events.json."""
    after_s: float = 0.0
    """Delay of the person who reads it off a screen, s; may be negative."""
    speaker: str
    """Who says it: a key of `speakers`."""
    says: str = Field(min_length=1, max_length=240)
    """What is said; figures of the flight in braces, such as {altitude}."""
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    """Who yields when two would speak at once: the smaller number."""
    may_wait_s: NonNegative = 4.0
    """How late it may be said before it is left out, s."""

    @field_validator("says")
    @classmethod
    def _figures_are_known(cls, says: str) -> str:
        for name in re.findall(r"\{([^{}]*)\}", says):
            if name not in CALLOUT_FIGURES:
                raise ValueError(
                    f"{{{name}}} is no figure of the flight; known: {', '.join(CALLOUT_FIGURES)}"
                )
        if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", says)):
            raise ValueError("a brace stands alone; figures are written {altitude}")
        return says


class Edit(Section):
    """One edit decision: what is seen from an event on, until the next decision."""

    event: str
    """Name of the event that calls for it; without it in the flight the decision is left out."""
    after_s: float = 0.0
    """Seconds after the event (before, when negative)."""
    layout: Layout
    """How the views stand to each other."""
    views: Annotated[list[str], Field(max_length=3, default_factory=list)]
    """Cameras, the leading one first."""
    dissolve_s: NonNegative = 0.0
    """Length of the dissolve into it, s; 0 is a cut."""


class Still(Section):
    """A picture kept from the moment of an event."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    """File name without suffix."""
    title: str
    """What it shows, for people."""
    event: str
    """Name of the event."""
    after_s: float = 0.0
    """Seconds after the event (before, when negative)."""
    not_before: str = ""
    """Name of an event the frame has to come after, if any."""
    cameras: Annotated[list[str], Field(min_length=1)]
    """Cameras to take it from: the first that has footage of the moment."""


class Film(Section):
    """The film of the landing."""

    title: str = ""
    """Opening title; empty: the mission's."""
    subtitle: str = ""
    """Second line of the opening title."""
    credit: str
    """Last line of the end card."""
    opens_at: str
    """Event the film opens at."""
    opens_after_s: float
    """Seconds from that event to the first frame."""
    closes_at: str
    """Event the film closes at."""
    closes_after_s: float
    """Seconds from that event to the last frame of footage, if there is footage that long."""
    title_s: NonNegative
    """How long the opening title stands, s."""
    end_card_s: NonNegative
    """How long the end card stands, s."""
    hold_s: Positive
    """How long a view's last frame may stand before the view counts as gone, s."""
    smooth_gap_s: NonNegative
    """Frames of a camera no further apart than this, s, are joined in the film by the motion seen
    between them; 0 shows each until the next comes. Stills and kept frames are never touched."""
    colour: Colour
    encoding: dict[Literal["preview", "standard", "flight"], Encoding]
    camera_titles: dict[str, str] = Field(default_factory=dict)
    """What each camera is called on the screen."""
    stand_ins: dict[str, list[str]] = Field(default_factory=dict)
    """For a camera without footage, the cameras to show in its place, in order."""
    phases: dict[str, str] = Field(default_factory=dict)
    """What the flight is doing from an event on, for the screen."""
    milestones: dict[str, str] = Field(default_factory=dict)
    """Events worth a line on the screen and a mark on the clock, with their words."""
    speakers: dict[str, Speaker]
    callouts: list[Callout] = Field(default_factory=list)
    edit: list[Edit] = Field(default_factory=list)
    stills: list[Still] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Film:
        for quality in ("preview", "standard", "flight"):
            if quality not in self.encoding:
                raise ValueError(f"encoding.{quality} is missing")
        for callout in self.callouts:
            if callout.speaker not in self.speakers:
                known = ", ".join(self.speakers)
                raise ValueError(f"{callout.speaker!r} is not a speaker; known: {known}")
        return self
