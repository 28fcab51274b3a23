"""The dust that the engines raise: what the phenomenological model is tuned by."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skycrane.mission.base import Fraction, NonNegative, Positive, Section

__all__ = ["Dust"]


class Dust(Section):
    """Erosion, the sheet along the ground, its streaks, and the veil that fills the air."""

    enabled: bool
    """Whether there is any dust."""
    albedo: Annotated[list[Fraction], Field(min_length=3, max_length=3)]
    """Linear red, green, blue reflectance of thick dust."""
    thin_albedo: Annotated[list[Fraction], Field(min_length=3, max_length=3)] = Field(
        default_factory=lambda: [0.42, 0.3, 0.2]
    )
    """The same of thin dust, whose light met one grain and not many that each redden it."""
    threshold_n_m2: Positive
    """Thrust over distance squared at which a plume begins to lift dust, N/m2."""
    half_excess: Positive
    """Excess over the threshold, in thresholds, at which the sheet is half as thick as it gets."""
    sheet_optical_depth: NonNegative
    """Vertical optical depth of the thickest sheet."""
    sheet_rise_s: Positive
    """Time constant with which the sheet grows, s."""
    sheet_fall_s: Positive
    """Time constant with which it falls when the plume weakens, s."""
    core_share: Positive
    """Radius of the swept core under a plume, share of the plume's length."""
    decay_share: Positive
    """Distance over which the sheet thins outward, share of the plume's length."""
    height_share: Positive
    """Growth of the sheet's height with distance from the impingement point."""
    height_minimum_m: Positive
    """Height of the sheet at the core, m."""
    front_speed_m_s: Positive
    """Speed of the dust front at the threshold, m/s; grows with the root of the excess."""
    front_decay_m: Positive
    """Distance over which the front slows down, m."""
    front_width_m: Positive
    """Width of the front's edge, m."""
    stream_rate_hz: NonNegative
    """Rate at which streaks stream outward (log of the distance) at 1 N/m2, 1/s."""
    streak_contrast: NonNegative
    """Strength of the streaks in the thickest sheet; less in a thinner one."""
    streak_relief: NonNegative
    """Light and shade on the streaks' flanks."""
    streak_share: Annotated[float, Field(gt=0, le=1)] = 0.0045
    """Width of usual streaks, share of the plume's length: as wide near its middle as far off."""
    wake_contrast: NonNegative = 0.6
    """Strength of the wakes behind stones in the thickest sheet."""
    ridge_optical_depth: NonNegative
    """Extra depth of the upwash along the line where two plumes meet, share of the sheet, where the
    sheet is as thick as it gets; falls with the square of its thickness."""
    ridge_width: Positive
    """Width of that line, in the logarithm of the two plumes' strengths."""
    veil_rate_hz: NonNegative
    """Optical depth that goes into the air a second for each threshold of excess beyond
    `veil_knee`, 1/s; before it `sheared_share` of that."""
    veil_knee: Positive
    """Excess of a plume, in thresholds, beyond which it digs up soil in bulk."""
    sheared_share: Fraction = 0.02
    """Rate at which a plume raises dust into the air before it digs in bulk, share of that then."""
    veil_supply: Positive = 8.0
    """Optical depth of the loose soil there is: when as much has been raised, half as fast."""
    settling_m_s: NonNegative
    """Speed at which the coarse dust of the veil settles, m/s; the wind carries it off besides."""
    veil_hold_n_m2: Positive
    """Thrust over distance squared at which jets hold off half of the veil, N/m2."""
    veil_fill_s: Positive
    """Time constant with which the veil closes over the middle once they weaken, s."""
    veil_height_m: Positive
    """Scale height of the veil, m."""
    veil_radius_m: Positive
    """Radius of the veil, m."""
    low_share: Fraction
    """Share of the veil that stays in a low layer."""
    low_height_m: Positive
    """Scale height of that layer, m."""
    trapped_share: Fraction = 0.2
    """Density that the fountain upholds under the rover, share of the low layer's at the ground."""
    fine_share: Fraction
    """Share of the veil that is fine and lingers."""
    fine_decay_s: Positive
    """Time constant of the fine share, s."""
    stick_share: Fraction = 1.0
    """Share of what settles on the rover that stays there, once no plume sweeps it off again."""
    forward_asymmetry: Fraction = 0.5
    """Asymmetry of the lobe into which thin dust scatters light (Henyey and Greenstein)."""
    forward_share: Fraction = 0.6
    """Share of that lobe in the light that thin dust sends on; the rest goes evenly all around."""
    shadow_light: Fraction
    """Light that dust in the rover's shadow still gets from the sky, share of full light."""
    scour: NonNegative
    """How much the swept ground under a plume brightens, share."""
    stone_share: Fraction
    """Share of the cells of the flow (a tenth of the distance to the plume wide) in which a small
    stone flies along, where the sheet is thickest."""
    stone_radius_m: Positive
    """Radius of a usual flying stone, m."""
