"""How the bodies look: the dimensions and patterns that their surfaces are built from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from skycrane.mission.base import Fraction, NonNegative, Positive, Section, Vector3

__all__ = [
    "AeroshellShape",
    "BridleShape",
    "CanopyShape",
    "CoverShape",
    "GltfShape",
    "RoverShape",
    "Shape",
    "StageShape",
]

Word = Annotated[list[int | str], Field(min_length=1)]
Profile = Annotated[
    list[Annotated[list[float], Field(min_length=2, max_length=2)]], Field(min_length=2)
]


class AeroshellShape(Section):
    """Heat shield and backshell, beyond what `vehicle.aeroshell` says; heights along z, down."""

    shoulder_radius_m: Positive
    """Radius of the rounded shoulder, m."""
    backshell_profile_m: Profile
    """Corners of the backshell's outline, [radius, z], from the widest plane to the canister, m."""
    canister_radius_m: Positive
    """Radius of the parachute canister on top, m."""
    canister_top_z_m: Annotated[float, Field(lt=0)]
    """z of the canister's open rim, m (negative: up)."""


class CoverShape(Section):
    """The lid over the parachute, and how it leaves when the mortar fires."""

    thickness_m: Positive
    """Thickness of the lid, m."""
    ejection_speed_m_s: Positive
    """Speed along the capsule's -z at which the mortar throws it off, m/s."""
    drift_speed_m_s: Annotated[list[float], Field(min_length=2, max_length=2)]
    """Sideways speed along x and y, m/s."""
    tumble_rate_deg_s: NonNegative
    """How fast it turns, degrees a second."""
    drag_m_s2: NonNegative
    """Extra deceleration against the capsule, along -z (it is lighter), m/s2."""


class CanopyShape(Section):
    """Disk-gap-band parachute: its cut, its colours and what they say."""

    gores: Annotated[int, Field(ge=8, le=200)]
    """Number of gores, and of suspension lines."""
    vent_diameter_m: Positive
    """Diameter of the hole in the middle, m."""
    disk_diameter_m: Positive
    """Flat diameter of the disk, m."""
    gap_m: Positive
    """Height of the gap between disk and band, m."""
    band_m: Positive
    """Height of the band, m."""
    inflated_diameter_m: Positive
    """Projected diameter across the band when full, m."""
    disk_edge_diameter_m: Positive
    """Projected diameter of the disk's edge when full, m."""
    bag_radius_m: Positive
    """Radius of the folded canopy, m."""
    line_length_m: Positive
    """Suspension lines from skirt to riser, m; the riser takes the rest of the way."""
    bridle_length_m: Positive
    """Triple bridle from the riser's attachment down to the canister's rim, m."""
    line_radius_m: Positive
    """Radius of a suspension line as drawn, m."""
    ring_edges: Annotated[list[Fraction], Field(min_length=0)]
    """Where one ring of the disk ends and the next begins, as a share of the disk's radius."""
    tooth_m: NonNegative
    """How far a panel's outer edge runs out to a point in the middle of a gore, m."""
    message: Annotated[list[Word], Field(min_length=1)]
    """What each ring of the disk from the inside, then the band, says: letters and numbers."""
    message_first_group: list[Annotated[int, Field(ge=0)]]
    """Group, clockwise seen from below, in which each ring's message begins."""
    group_bits: Annotated[int, Field(ge=1)]
    """Gores to one letter or number, most significant first."""
    letter_bits: Annotated[int, Field(ge=1)]
    """Bits of a group that may be set; also the length of the pad's first run of ones."""
    breathing: Fraction
    """Amplitude of the full canopy's breathing, share of its radius."""
    off_round: Fraction = 0.0
    """How far the full canopy's skirt is from round, share of its radius."""
    off_round_filling: Fraction = 0.0
    """How far besides while it fills, at most, share of its radius."""

    @model_validator(mode="after")
    def _fits(self) -> CanopyShape:
        rings = len(self.ring_edges) + 2
        if len(self.message) != rings or len(self.message_first_group) != rings:
            raise ValueError(
                f"needs {rings} messages and first groups: {rings - 1} rings and the band"
            )
        if self.gores % self.group_bits:
            raise ValueError(f"gores must be a multiple of group_bits ({self.group_bits})")
        if sorted(self.ring_edges) != list(self.ring_edges):
            raise ValueError("ring_edges must grow outward")
        for word in self.message:
            codes = sum(len(symbol) if isinstance(symbol, str) else 1 for symbol in word)
            if codes * self.group_bits > self.gores:
                raise ValueError("a message is longer than its ring")
        return self


class StageShape(Section):
    """Descent stage: frame, tanks and engines."""

    frame_radius_m: Positive
    """Radius of the octagonal frame, m."""
    frame_top_z_m: float
    """z of the frame's upper ring, m."""
    frame_bottom_z_m: float
    """z of the frame's lower ring, m."""
    propellant_tank_radius_m: Positive
    """Radius of each of the three propellant spheres, m."""
    pressurant_tank_radius_m: Positive
    """Radius of each of the two helium spheres, m."""
    engine_points_m: Annotated[list[Vector3], Field(min_length=8, max_length=8)]
    """Middle of each engine's exit, in the order of `vehicle.engines`, m; canted to its side."""
    nozzle_length_m: Positive
    """Length of an engine's bell, m."""
    nozzle_exit_radius_m: Positive
    """Radius of an engine's bell at its exit, m."""


class RoverShape(Section):
    """Rover: body and wheels. Origin on the ground between the wheels when they are down."""

    deck_z_m: float
    """z of the deck, m."""
    belly_z_m: float
    """z of the belly plate, m."""
    body_length_m: Positive
    """Body along x, m."""
    body_width_m: Positive
    """Body along y, m."""
    wheel_radius_m: Positive
    """Wheel with its grousers, m."""
    wheel_width_m: Positive
    """Width of a wheel, m."""
    wheel_x_m: Vector3
    """x of the front, middle and rear wheels when down, m."""
    wheel_y_m: Vector3
    """Distance from the middle plane to the middle of each wheel, m."""
    grousers: Annotated[int, Field(ge=6, le=96)]
    """Ribs on a wheel."""
    stowed_rocker_deg: float
    """How far the front arms are turned up while stowed, degrees."""
    stowed_bogie_deg: float
    """How far the rear arms are turned up while stowed, degrees."""


class BridleShape(Section):
    """Three bridles and an umbilical between descent stage and rover."""

    stage_points_m: Annotated[list[Vector3], Field(min_length=3, max_length=3)]
    """Where the bridles leave the descent stage, its frame, m."""
    rover_points_m: Annotated[list[Vector3], Field(min_length=3, max_length=3)]
    """Where the bridles are held on the rover's deck, its frame, m."""
    stage_umbilical_m: Vector3
    """Where the umbilical leaves the descent stage, m."""
    rover_umbilical_m: Vector3
    """Where the umbilical enters the rover, m."""
    bridle_radius_m: Positive
    """Radius of a bridle, m."""
    umbilical_radius_m: Positive
    """Radius of the umbilical, m."""
    umbilical_slack: NonNegative
    """Length of the umbilical beyond the straight line, share of it."""
    cut_length_m: Positive
    """Length that hangs from the descent stage after the cut, m."""


Axis = Literal["+x", "-x", "+y", "-y", "+z", "-z"]
SurfaceName = Literal[
    "heat_shield",
    "backshell",
    "parachute_cover",
    "descent_stage",
    "rover",
    "parachute",
    "bridles",
]


class GltfShape(Section):
    """A body's surface from a glTF file of your own, in place of the built-in one.

    The file holds everything in itself: a .glb, or a .gltf with its buffers inside.
    """

    file: str
    """The file, relative to the mission file."""
    file_sha256: str | None = None
    """What is in the file, by hash; found when the mission is read."""
    scale: Positive = 1.0
    """Metres to a unit of the file."""
    forward: Axis = "+z"
    """Axis of the file that points forward, the body's x. glTF says "+z"."""
    up: Axis = "+y"
    """Axis of the file that points up, away from the body's z. glTF says "+y"."""
    offset_m: Vector3 = Field(default=[0.0, 0.0, 0.0])
    """Where the file's origin lies in the body's frame (x forward, y right, z down), m."""

    @model_validator(mode="after")
    def _square(self) -> GltfShape:
        if self.forward[1] == self.up[1]:
            raise ValueError("forward and up must be different axes")
        return self


class Shape(Section):
    """Surfaces of the bodies."""

    aeroshell: AeroshellShape
    cover: CoverShape
    canopy: CanopyShape
    stage: StageShape
    rover: RoverShape
    bridles: BridleShape
    gltf: dict[SurfaceName, GltfShape] = Field(default={})
    """Bodies drawn from files of your own, by name: heat_shield, backshell, parachute_cover,
    descent_stage, rover, parachute or bridles."""
