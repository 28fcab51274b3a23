"""The cameras: what carries them, their optics and detector, and when they film."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from scipy.spatial.transform import Rotation

from skycrane.mission.base import NonNegative, Positive, Section, Vector3

__all__ = ["Camera", "Detector", "Exposure", "FilmQuality", "Optics", "Phase", "Rates"]

Body = Literal["heat_shield", "backshell", "descent_stage", "rover", "parachute", "entry_vehicle"]
Pixels = Annotated[int, Field(ge=16, le=8192, multiple_of=16)]


class Optics(Section):
    """A lens with Brown's distortion (plumb bob, OpenCV's order and signs)."""

    focal_length_m: Positive
    """Focal length, m."""
    distortion: Annotated[list[float], Field(min_length=5, max_length=5)]
    """k1, k2, p1, p2, k3."""
    vignetting_exponent: NonNegative
    """Light falls off with this power of the cosine of the field angle."""
    principal_offset_px: Annotated[
        list[float], Field(min_length=2, max_length=2, default_factory=lambda: [0.0, 0.0])
    ]
    """Offset of the optical axis from the middle of the detector, right and down, pixels."""


class Detector(Section):
    """A global-shutter sensor and how it turns light into numbers."""

    width: Pixels
    """Photosites across."""
    height: Pixels
    """Photosites down."""
    pitch_m: Positive
    """Distance between photosites, m."""
    encoding: Literal["bayer_rggb8", "mono8"] = "bayer_rggb8"
    """Colour filter and depth."""
    electrons_s: Positive
    """Electrons a second from a white Lambert surface in full sun outside the air."""
    full_scale_e: Positive
    """Electrons at digital number 255."""
    read_noise_e: NonNegative
    """Noise of reading, electrons."""
    response_spread: NonNegative
    """Fixed differences between photosites, relative standard deviation."""
    companding: Literal["linear", "square_root"]
    """Curve from linear light to 8 bits: DN = 255 x or 255 sqrt(x), x the share of full scale."""
    temperature_c: float
    """Temperature told in the frame headers, degrees Celsius."""


class Exposure(Section):
    """Automatic exposure from a coarse look at the scene a moment before."""

    target: Annotated[float, Field(gt=0, lt=1, strict=False)]
    """Mean level aimed at, share of full scale in linear light."""
    highlight: Annotated[float, Field(gt=0, le=1, strict=False)]
    """Level that the brightest two percent may not exceed."""
    shortest_s: Positive
    """Shortest exposure, s."""
    longest_s: Positive
    """Longest exposure, s."""
    lag_s: NonNegative
    """Delay with which the exposure follows the scene, s."""

    @model_validator(mode="after")
    def _ordered(self) -> Exposure:
        if self.shortest_s > self.longest_s:
            raise ValueError("shortest_s is longer than longest_s")
        return self


class Rates(Section):
    """Frames a second at each quality; 0 rests."""

    preview: NonNegative
    """At preview quality."""
    standard: NonNegative
    """At standard quality."""
    flight: NonNegative
    """At flight quality."""


class Phase(Section):
    """A frame rate from an event of the flight on, until the next phase begins."""

    event: str
    """Name of the event; in a flight without it the phase is left out."""
    after_s: float = 0.0
    """Seconds after the event (before, when negative)."""
    rates_hz: Rates
    """Frames a second."""


class Camera(Section):
    """One camera."""

    title: str
    """What people call it."""
    body: Body
    """The body that carries it."""
    position_m: Vector3
    """Optical centre in that body's axes (x forward, y right, z down), m."""
    looks: Vector3
    """Direction of the optical axis, body axes."""
    image_up: Vector3
    """Direction, body axes, that is up in the image; its part across the optical axis counts."""
    optics: Optics
    detector: Detector
    exposure: Exposure
    dark_until: str = ""
    """Event before which it sees nothing, such as the cover's leaving; empty: never dark."""
    lost_at: str = ""
    """Event at which it stopped for good and after which nothing of it came back; empty: none."""
    schedule: list[Phase]
    """When it films, in order of time."""

    @field_validator("image_up")
    @classmethod
    def _is_direction(cls, value: list[float]) -> list[float]:
        if np.linalg.norm(value) < 1e-6:
            raise ValueError("a direction of no length")
        return value

    @model_validator(mode="after")
    def _axes_differ(self) -> Camera:
        if np.linalg.norm(np.cross(self.looks, self.image_up)) < 1e-6:
            raise ValueError("looks and image_up lie on one line")
        return self

    @property
    def attitude_wxyz(self) -> NDArray[np.float64]:
        """Unit quaternion from the optical frame (x right, y down, z forward) to the body's."""
        z = np.array(self.looks) / np.linalg.norm(self.looks)
        x = np.cross(z, self.image_up)
        x /= np.linalg.norm(x)
        axes = np.column_stack([x, np.cross(z, x), z])
        wxyz = Rotation.from_matrix(axes).as_quat(scalar_first=True)
        return wxyz if wxyz[0] >= 0 else -wxyz


class FilmQuality(Section):
    """How many pixels and rays a quality spends."""

    scale: Annotated[int, Field(ge=1, le=16)]
    """Detectors are read out at this fraction of their width and height (binned)."""
    samples: Annotated[int, Field(ge=1, le=64)]
    """Rays a photosite."""
    body_samples: Annotated[int, Field(ge=1, le=64)]
    """Rays a photosite whose first ray meets a body."""
