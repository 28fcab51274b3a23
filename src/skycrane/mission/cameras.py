"""The cameras: what carries them, their optics and detector, and when they film."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from scipy.spatial.transform import Rotation

from skycrane.mission.base import Fraction, NonNegative, Positive, Section, Vector3

__all__ = [
    "Cahvore",
    "Camera",
    "Detector",
    "Exposure",
    "FilmQuality",
    "LensDust",
    "Look",
    "Optics",
    "Phase",
    "Rates",
    "optical_axes",
]

Body = Literal["heat_shield", "backshell", "descent_stage", "rover", "parachute", "entry_vehicle"]
Coefficients = Annotated[
    list[float], Field(min_length=3, max_length=3, default_factory=lambda: [0.0, 0.0, 0.0])
]
_BODIES = ", ".join(get_args(Body))
Pixels = Annotated[int, Field(ge=16, le=8192, multiple_of=16)]


class Cahvore(Section):
    """A lens by its published CAHV, CAHVOR or CAHVORE vectors, in whatever axes they came in.

    What counts is how they lie to each other; where the camera is and looks is told by its mount.
    """

    width: Pixels
    """Photosites across of the images that the vectors belong to; the detector may have others."""
    height: Pixels
    """Photosites down of those images."""
    a: Vector3
    """A: unit normal of the image plane; the camera looks along it."""
    h: Vector3
    """H: horizontal information vector, pixels."""
    v: Vector3
    """V: vertical information vector, pixels."""
    o: Vector3
    """O: unit optical axis; A again for CAHV."""
    r: Coefficients
    """R: radial distortion; zeros for CAHV."""
    e: Coefficients
    """E: movement of the entrance pupil along O, m; zeros for CAHVOR."""
    type: Literal[1, 2, 3] = 1
    """1 perspective (CAHV, CAHVOR too), 2 fish-eye, 3 the linearity between them."""
    linearity: Annotated[float, Field(ge=-1, le=1)] = 1.0
    """Of type 3: 1 is perspective, 0 fish-eye."""

    @model_validator(mode="after")
    def _is_a_camera(self) -> Cahvore:
        for name in ("a", "o"):
            if not 0.999 < np.linalg.norm(getattr(self, name)) < 1.001:
                raise ValueError(f"{name} is no unit vector")
        if abs(np.dot(self.a, self.o)) < 0.7:
            raise ValueError("a and o point apart: no lens is bent that far")
        across = np.dot(np.cross(self.h, self.v), self.a)
        if across <= 1e-6 * np.linalg.norm(self.h) * np.linalg.norm(self.v):
            raise ValueError("h, v and a span no image, or a mirrored one: are h and v swapped?")
        return self


class Optics(Section):
    """A lens: Brown's distortion (plumb bob, OpenCV's order and signs), or a CAHVORE model."""

    focal_length_m: Positive
    """Focal length, m; a CAHVORE model has its own."""
    distortion: Annotated[
        list[float], Field(min_length=5, max_length=5, default_factory=lambda: [0.0] * 5)
    ]
    """k1, k2, p1, p2, k3; all zero beside a CAHVORE model."""
    cahvore: Cahvore | None = None
    """Vectors of a CAHVORE model, in place of Brown's."""
    vignetting_exponent: NonNegative
    """Light falls off with this power of the cosine of the field angle."""
    point_spread_px: Annotated[float, Field(ge=0, le=0.8)] = 0.0
    """Standard deviation of a point's light on the detector, photosites; 0 is a perfect lens."""
    principal_offset_px: Annotated[
        list[float], Field(min_length=2, max_length=2, default_factory=lambda: [0.0, 0.0])
    ]
    """Offset of the optical axis from the middle of the detector, right and down, pixels."""

    @model_validator(mode="after")
    def _one_model(self) -> Optics:
        if self.cahvore and (any(self.distortion) or any(self.principal_offset_px)):
            raise ValueError("a cahvore model has distortion and offset of its own: leave them out")
        return self


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
    dark_signal_e: NonNegative = 0.0
    """Dark signal of the last row, which waits longest for its turn to be read, electrons."""
    dark_rise: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Share of the rows over which that signal grows to two thirds; large: evenly."""
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


class LensDust(Section):
    """Dust that settles on the window before the lens while the camera is in the engines' dust.

    How much has settled goes by the optical depth of the dust around, summed over time.
    """

    film: Fraction
    """Share of the light that an even film takes out of its way in the end and spreads over the
    picture."""
    specks: Annotated[int, Field(ge=0, le=5000)]
    """Grains that can be told one by one in the end."""
    speck_radius_px: Positive
    """Radius at which a usual grain is drawn, out of focus, photosites."""
    speck_depth: Fraction
    """Share of the light that a grain takes at its middle."""
    half_s: Positive
    """Optical depth times seconds by which half of it has settled, s."""


class Look(Section):
    """How one camera's pictures are shown, where that differs from the film's colour."""

    white_balance: Vector3
    """Gains of the red, green and blue photosites."""
    adapt: Fraction
    """How far its brightness is drawn to the film's `mid_grey`: 0 leaves it to its exposure."""
    dehaze: Fraction
    """Share of the veil of haze taken away."""
    exposure: Positive
    """Gain on linear light before the tone curve."""
    steepness: Annotated[float, Field(ge=0.5, le=3)]
    """Power on the tone curve: 1 is the film's, 2.2 shows light as read."""


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
    below_m: NonNegative = 0.0
    """Wait on, until the camera is no higher than this above the landing target, m; 0: no wait."""
    rates_hz: Rates
    """Frames a second."""


class Camera(Section):
    """One camera."""

    title: str
    """What people call it."""
    mount: Literal["body", "world", "tracking"] = "body"
    """Carried by a body; fixed in the world; or tracking: beside a body, looking on at it."""
    body: Body | None = None
    """The body that carries it, or that it tracks; none for the world."""
    position_m: Vector3
    """Optical centre, m: in that body's axes (x forward, y right, z down); of a world camera east
    and north of the target and above the ground there; of a tracking one east, north and up of its
    body."""
    looks: Vector3 | None = None
    """Direction of the optical axis, body axes; of a world camera east, north, up. A tracking
    camera looks at its body and has none."""
    image_up: Vector3
    """Direction, same axes, that is up in the image; its part across the optical axis counts."""
    smooth_s: NonNegative = 0.5
    """How slowly a tracking camera follows its body's turns and jolts, s; 0 follows them all."""
    optics: Optics
    detector: Detector
    exposure: Exposure
    lens_dust: LensDust | None = None
    """Dust on the lens; leave it out for none."""
    look: Look | None = None
    """How its pictures are shown; leave it out to show them as the film's colour says."""
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
    def _mount_is_whole(self) -> Camera:
        if self.mount == "world" and self.body is not None:
            raise ValueError("a world camera stands by itself: leave body out, or mount it on it")
        if self.mount != "world" and self.body is None:
            raise ValueError(f"a camera with mount {self.mount!r} needs a body: {_BODIES}")
        if self.mount == "tracking" and self.looks is not None:
            raise ValueError("a tracking camera looks at its body by itself: leave looks out")
        if self.mount == "tracking" and np.linalg.norm(self.position_m) < 0.1:
            raise ValueError("a tracking camera sits inside its body: give position_m, its offset")
        if self.mount != "tracking" and self.looks is None:
            raise ValueError("looks is missing: give the direction of the optical axis")
        if self.mount == "world" and self.position_m[2] <= 0:
            raise ValueError("a world camera stands in the ground: position_m ends in m above it")
        return self

    @model_validator(mode="after")
    def _axes_differ(self) -> Camera:
        if np.linalg.norm(np.cross(self._axis, self.image_up)) < 1e-6:
            raise ValueError("looks and image_up lie on one line")
        return self

    @model_validator(mode="after")
    def _lens_reaches_its_corners(self) -> Camera:
        if self.optics.cahvore or not any(self.optics.distortion):
            return self
        k1, k2, _, _, k3 = self.optics.distortion
        r = np.tan(np.linspace(0.0, 1.57, 4000))
        drawn = r * (1 + r**2 * (k1 + r**2 * (k2 + r**2 * k3)))
        back = np.flatnonzero(np.diff(drawn) <= 0)
        most = float(drawn[back[0]] if len(back) else np.inf)
        size = np.array([self.detector.width, self.detector.height]) / 2
        corner_px = np.linalg.norm(size + np.abs(self.optics.principal_offset_px))
        focal_px = self.optics.focal_length_m / self.detector.pitch_m
        if most * focal_px < corner_px:
            raise ValueError(
                f"the distortion folds the picture back {most * focal_px:.0f} photosites from its "
                f"middle; its corners are {corner_px:.0f} away"
            )
        return self

    @property
    def _axis(self) -> NDArray[np.float64]:
        return np.array(self.position_m) * -1.0 if self.looks is None else np.array(self.looks)

    @property
    def attitude_wxyz(self) -> NDArray[np.float64]:
        """Unit quaternion from the optical frame (x right, y down, z forward) to the mount's axes.

        Those of the body, or the site's; of a tracking camera when its body is where it is told.
        """
        axes = optical_axes(self._axis, np.array(self.image_up))
        wxyz = Rotation.from_matrix(axes).as_quat(scalar_first=True)
        return wxyz if wxyz[0] >= 0 else -wxyz


def optical_axes(looks: NDArray[np.float64], image_up: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the axes of the optical frame as columns (3, 3), in the axes of both directions."""
    z = looks / np.linalg.norm(looks)
    x = np.cross(z, image_up)
    x /= np.linalg.norm(x)
    return np.column_stack([x, np.cross(z, x), z])


class FilmQuality(Section):
    """How many pixels and rays a quality spends."""

    scale: Annotated[int, Field(ge=1, le=16)]
    """Detectors are read out at this fraction of their width and height (binned)."""
    samples: Annotated[int, Field(ge=1, le=64)]
    """Rays a photosite."""
    body_samples: Annotated[int, Field(ge=1, le=64)]
    """Rays a photosite whose first ray meets a body."""
