"""The built-in ground of a site: what shapes it, how rough it is, and its colours."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from skycrane.mission.base import Fraction, NonNegative, Positive, Section, Vector3

__all__ = [
    "Craters",
    "Delta",
    "GroundColours",
    "Relief",
    "Rim",
    "Ripples",
    "Rocks",
    "Secondaries",
    "TerrainModel",
]

Place = Annotated[list[float], Field(min_length=2, max_length=2)]
_Metres = Annotated[float, Field(ge=0, le=1000)]

_CRATER_LIMITS = (
    ("east, m", -100_000.0, 100_000.0),
    ("north, m", -100_000.0, 100_000.0),
    ("diameter, m", 1.0, 20_000.0),
    ("depth over diameter", 0.0, 0.5),
    ("wear", 0.0, 1.0),
    ("sand", 0.0, 1.0),
)


def _crater(values: list[float]) -> list[float]:
    """Return what describes a crater; raise ValueError naming what cannot be."""
    for value, (name, least, most) in zip(values, _CRATER_LIMITS, strict=True):
        if not least <= value <= most:
            raise ValueError(f"should have its {name}, from {least:g} to {most:g}, not {value:g}")
    return values


PlacedCrater = Annotated[list[float], Field(min_length=6, max_length=6), AfterValidator(_crater)]
Mound = Annotated[list[float], Field(min_length=4, max_length=4)]


class Delta(Section):
    """A fan of sediment that ends in a scarp."""

    apex_m: Place
    """Where the river entered the basin: east and north of the target, m."""
    axis_deg: float
    """Direction the fan points to, degrees east of north."""
    half_width_deg: Positive
    """Half the angle the fan spreads over, degrees."""
    reach_m: Positive
    """Distance of the scarp from the apex, m."""
    height_m: NonNegative
    """Height of the scarp, m; half as much again to the top behind it."""
    face_deg: Annotated[float, Field(ge=5, le=60)] = 33.0
    """Slope of the fallen blocks below the scarp's cliff, degrees."""
    bed_height_m: _Metres = 0.0
    """Height of the curved ridges of tilted beds on its top, m."""
    bed_spacing_m: Annotated[float, Field(ge=10, le=5000)] = 120.0
    """Distance from one of them to the next, m."""
    channel_height_m: _Metres = 0.0
    """Height of old channels that stand as ridges, m."""
    knob_height_m: _Metres = 0.0
    """Height of hillocks on its top, m."""


class Rim(Section):
    """The wall of the basin."""

    centre_m: Place
    """Centre of the basin: east and north of the target, m."""
    radius_m: Positive
    """Radius of its crest, m."""
    height_m: NonNegative
    """Height of the crest above the floor, m."""
    width_m: Positive
    """Half width of the wall, m."""
    upland_m: float
    """Height of the land outside above the floor, m."""


class Secondaries(Section):
    """Craters that blocks thrown out of a large, far one have made: in clusters, shallow."""

    per_km2_over_100_m: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Over 100 m across in a square kilometre."""
    slope: Annotated[float, Field(ge=1, le=5)] = 3.6
    """Exponent of the cumulative number over diameter."""
    smallest_m: Annotated[float, Field(ge=40, le=1000)] = 48.0
    """Smallest diameter drawn, m."""
    largest_m: Annotated[float, Field(ge=40, le=5000)] = 420.0
    """Largest diameter drawn, m."""
    depth: Fraction = 0.11
    """Depth of a fresh one as a fraction of its diameter."""
    cluster_m: Annotated[float, Field(ge=10, le=20_000)] = 900.0
    """Standard deviation of a cluster along its length, m; half of it across."""
    in_cluster: Annotated[float, Field(ge=1, le=1000)] = 14.0
    """How many over 100 m a cluster holds on average."""
    clear_m: Annotated[float, Field(ge=0, le=20_000)] = 550.0
    """Around the target there is none: radius, m."""


class Craters(Section):
    """A power-law production function with craters in every state of decay."""

    per_km2_over_1_km: Annotated[float, Field(ge=0, le=0.1)]
    """Craters over 1 km across in a square kilometre."""
    slope: Annotated[float, Field(ge=0.5, le=5)]
    """Exponent of the cumulative number over diameter."""
    equilibrium_share: Annotated[float, Field(gt=0, le=0.08)] = 0.05
    """Share of saturation that no size exceeds, as new craters wear out old ones."""
    largest_m: Annotated[float, Field(gt=0, le=50_000)]
    """Largest diameter drawn, m."""
    fresh_depth: Fraction
    """Depth of a fresh crater as a fraction of its diameter."""
    placed: list[PlacedCrater] = Field(default_factory=list)
    """Known ones: east, north of the target, diameter, m; depth over diameter; wear; sand."""
    secondaries: Secondaries = Secondaries()
    """Clusters of craters that a large, far one has thrown."""


class Relief(Section):
    """How strong the floor's own relief is, by its kinds."""

    hummock_slope: Annotated[float, Field(ge=0, le=1)] = 0.065
    """Height over width of the widest hummocks; narrower ones are a little steeper."""
    swell_m: _Metres = 0.0
    """Broad swells and worn ridges of 250 m to 1 km, about a third of what from low to high, m."""
    mantle_m: _Metres = 0.0
    """Ridges along the wind that the mantle is worn into, m."""
    hollow_m: _Metres = 4.5
    """Depth of the widest hollows that the floor is worn into, m; narrower ones are less deep."""
    sand_wide_m: Annotated[float, Field(ge=1, le=1000)] = 60.0
    """Sand gathers where the ground lies lower than around it within this distance, m."""
    sand_deep_m: Annotated[float, Field(ge=0.01, le=1000)] = 3.0
    """So much lower, it is covered, m."""
    sand_most: Fraction = 0.55
    """Share of the ground that it covers there: rock stands out of it."""
    margin_m: _Metres = 8.0
    """How much lower the rough unit lies than the rest of the floor, m."""
    ridge_m: _Metres = 3.4
    """Height of the row of knobs along its margin, m."""


class Ripples(Section):
    """Aeolian bedforms in the low places."""

    wavelengths_m: Vector3
    """Spacing of the large, middle and small ones, m."""
    steepness: NonNegative
    """Height over spacing."""
    direction_deg: float
    """Direction across the crests, degrees east of north."""


class Rocks(Section):
    """Rocks by the exponential size-frequency law."""

    cover: Fraction
    """Fraction of the ground that rocks cover."""
    pale_share: Fraction
    """Share of rocks that lie flat and wear pale dust; the others stand up, dark and bare."""
    gravel_cover: Annotated[float, Field(ge=0, le=0.25)]
    """Fraction that gravel of a few centimetres covers where the wind has swept the soil off it."""
    clear_radius_m: NonNegative
    """Around the target, no rock larger than a wheel can pass: radius, m."""
    clear_over_m: Positive
    """Diameter of the rocks left out there, m."""


class GroundColours(Section):
    """Reflectance of what lies on the ground, linear red, green, blue."""

    soil: Vector3
    """Soil with a cover of dust."""
    sand: Vector3
    """Dark basaltic sand of the bedforms."""
    dust: Vector3
    """Bright dust on flat stones."""
    bedrock: Vector3
    """Light-toned sediment of the delta and the rim."""
    rock: Vector3
    """Dark rocks that stand up and are kept bare by the wind."""
    pale_rock: Vector3
    """Pale rocks that lie flat, coated with dust."""


class TerrainModel(Section):
    """The ground around the target, made from the site's seed or read from the user's files."""

    elevation: str | None = None
    """GeoTIFF of heights in metres, relative to this file; finer relief is made up beneath it."""
    elevation_sha256: str | None = None
    """SHA-256 of that file; a run writes it down, and refuses another file."""
    orthophoto: str | None = None
    """GeoTIFF of brightness from above, relative to this file: tells how bright the soil is."""
    orthophoto_sha256: str | None = None
    """SHA-256 of that file; a run writes it down, and refuses another file."""
    delta: Delta
    rim: Rim
    mounds: list[Mound]
    """Buttes and hills: east, north of the target, radius, height, all m."""
    floor_slope: NonNegative
    """Root-mean-square slope of the floor in the octave of 100 m; shorter ones are the steeper."""
    rough_slope: NonNegative
    """The same where the floor is rough."""
    rough_fraction: Fraction
    """Fraction of the floor that is rough."""
    pitted_fraction: Fraction
    """Fraction of the floor, where it is not rough, that is worn into hollows."""
    mantle_fraction: Fraction
    """Fraction of the floor that wears a dark, even mantle."""
    relief: Relief = Relief()
    """How strong the floor's own relief is."""
    craters: Craters
    ripples: Ripples
    rocks: Rocks
    colours: GroundColours
