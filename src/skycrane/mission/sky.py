"""The dusty air as light sees it, and how the ground throws light back."""

from __future__ import annotations

from pydantic import Field

from skycrane.mission.base import Fraction, NonNegative, Positive, Section, Vector3

__all__ = ["Reflectance", "Sky"]


class Reflectance(Section):
    """How regolith scatters sunlight."""

    lunar_lambert: Fraction | None = None
    """Weight of the Lommel-Seeliger term against the Lambert term, the same at every phase; left
    out, it follows at each phase from roughness (McEwen 1991)."""
    opposition_amplitude: NonNegative
    """Height of the opposition surge, B0 of Hapke (1986)."""
    opposition_width: Positive
    """Angular width parameter h of the surge, radians of half phase angle (Hapke 1986)."""
    lobe_asymmetry: Fraction
    """Asymmetry b of both lobes of the grains' phase function (Hapke 1993)."""
    backward_share: Fraction
    """Share c of the lobe that throws light back toward the sun."""
    single_scattering_albedo: Fraction
    """Fraction of light that a grain of the ground scatters: sets how much is scattered again."""
    roughness_deg: float = Field(default=17.0, ge=0, le=45, strict=False)
    """Mean slope of relief too fine to be modelled, which hides and shades itself (Hapke 1984)."""


class Sky(Section):
    """Suspended dust, the light it takes and the light it gives."""

    optical_depth: NonNegative
    """Vertical optical depth of the dust above the site."""
    scale_height_m: Positive
    """Height over which the dust thins by e, m."""
    single_scattering_albedo: Vector3
    """Fraction of light that a grain scatters: red, green, blue."""
    forward_asymmetry: Vector3
    """Henyey-Greenstein asymmetry of the forward lobe: red, green, blue."""
    backward_asymmetry: float = Field(ge=-1, le=0, strict=False)
    """Henyey-Greenstein asymmetry of the backward lobe."""
    forward_share: Fraction
    """Share of the forward lobe."""
    multiple_scattering: NonNegative
    """Light scattered more than once, as a fraction of what diffuse two-stream light allows."""
    reflectance: Reflectance
