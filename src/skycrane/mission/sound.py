"""What the microphone is, and what there is to hear on the surface."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import Field, model_validator

from skycrane.mission.base import Fraction, NonNegative, Positive, Section, Vector3

__all__ = [
    "Air",
    "Breeze",
    "Clicks",
    "Helicopter",
    "JetNoise",
    "Landing",
    "Mast",
    "Microphone",
    "Noise",
    "Pump",
    "ReferenceRecording",
    "Soundscape",
    "Strike",
    "Wheels",
    "Whine",
]

Pair = Annotated[list[float], Field(min_length=2, max_length=2)]


def _rising(points: list[list[float]], what: str) -> None:
    first = [point[0] for point in points]
    if any(b <= a for a, b in itertools.pairwise(first)):
        raise ValueError(f"{what} must rise from row to row")


def _ringing_modes(modes: list[list[float]]) -> None:
    for frequency, decay in modes:
        if not (0 < frequency <= 1e6 and 1e-6 <= decay <= 10):
            raise ValueError("modes have to be above 0 Hz and decay in 1e-6 to 10 s")


class Microphone(Section):
    """The capsule, its amplifier and its converter."""

    name: str
    """Name shown to people."""
    position_m: Vector3
    """Where the capsule is in the rover frame (forward, right, down), m."""
    sample_rate_hz: Annotated[int, Field(ge=8000, le=192000)]
    """Samples a second."""
    bits: Annotated[int, Field(ge=16, le=24, multiple_of=8)]
    """Bits of one sample."""
    full_scale_pa: Positive
    """Pressure of the largest sample, Pa: the calibration of the recording."""
    low_corner_hz: Positive
    """-3 dB corner of the second-order low cut, Hz."""
    high_corner_hz: Positive
    """-3 dB corner of the second-order high cut, Hz."""
    self_noise_dba: Annotated[float, Field(strict=False, ge=-20, le=80)]
    """Equivalent noise level, A-weighted, dB re 20 uPa."""
    diaphragm_diameter_m: Positive
    """Diameter over which the pressure is averaged, m."""

    @model_validator(mode="after")
    def _check(self) -> Microphone:
        if not self.low_corner_hz < self.high_corner_hz:
            raise ValueError("low_corner_hz has to be below high_corner_hz")
        if self.low_corner_hz >= self.sample_rate_hz / 2:
            raise ValueError("low_corner_hz has to be below half of sample_rate_hz")
        return self


class Air(Section):
    """The air at the microphone, as far as sound is concerned."""

    temperature_k: Annotated[float, Field(ge=20, le=3000)]
    """Temperature, K."""
    pressure_pa: Positive
    """Pressure, Pa."""
    gas_constant_j_kg_k: Positive
    """Specific gas constant of the mixture, J/(kg K)."""
    co2_fraction: Fraction
    """Mole fraction of CO2; the rest counts as gas without vibrational heat capacity."""
    vibrational_temperature_k: Positive
    """Characteristic temperature h nu / k of the CO2 bending mode, K."""
    relaxation_frequency_hz: Positive
    """Frequency at which the bending mode falls out of step, Hz, at `relaxation_pressure_pa`."""
    relaxation_pressure_pa: Positive
    """Pressure that `relaxation_frequency_hz` holds at; it scales with pressure."""
    viscosity_pa_s: Positive
    """Dynamic viscosity, Pa s."""
    conductivity_w_m_k: Positive
    """Thermal conductivity, W/m/K."""


class Breeze(Section):
    """The wind past the microphone."""

    record: Annotated[list[Pair], Field(min_length=2)]
    """Mean wind at the microphone: rows of time in the recording, s, and speed, m/s."""
    turbulence_intensity: Fraction
    """Standard deviation of the along-wind speed over the mean speed."""
    length_scale_m: Positive
    """Outer (von Karman) length scale of the turbulence, m."""
    gust_cutoff_hz: Positive
    """Speed changes slower than this move the whole spectrum; faster ones are in it, Hz."""
    dissipation_beta: Positive
    """Slope of the spectrum's dissipative fall."""
    dissipation_onset: NonNegative
    """Where that fall sets in, as wavenumber times Kolmogorov length; 0 falls from the start."""
    wake_pressure_coefficient: NonNegative
    """RMS pressure of the capsule's own wake over the dynamic pressure."""
    wake_size_m: Positive
    """Size of what sheds the wake, m."""
    wake_strouhal: Positive
    """Corner frequency of the wake times its size over the wind speed."""

    @model_validator(mode="after")
    def _check(self) -> Breeze:
        _rising(self.record, "the times of the wind record")
        if any(speed < 0 for _, speed in self.record):
            raise ValueError("wind speeds must be 0 or more")
        return self


class Pump(Section):
    """The circulation pump: a comb of tones."""

    position_m: Vector3
    """Where it is in the rover frame, m; the air path to the microphone is the distance."""
    frequency_hz: Positive
    """Fundamental, Hz."""
    drift_fraction: Fraction
    """RMS slow drift of the fundamental, as a fraction."""
    drift_period_s: Positive
    """Shortest period of that drift, s."""
    harmonics: list[Pair]
    """Rows of harmonic number and level at the microphone, dB re 20 uPa RMS."""
    wander_fraction: Fraction
    """RMS slow change of each harmonic's amplitude, as a fraction."""


class Whine(Section):
    """A tone of the electronics."""

    frequency_hz: Positive
    """Frequency, Hz."""
    level_db: Annotated[float, Field(ge=-200, le=200)]
    """At the microphone, dB re 20 uPa RMS."""
    drift_fraction: Fraction
    """RMS slow drift of the frequency, as a fraction."""


class Noise(Section):
    """Broadband noise of the rover."""

    density: Annotated[list[Pair], Field(min_length=2)]
    """Rows of frequency, Hz, and one-sided density at the microphone, dB re (20 uPa)2/Hz."""

    @model_validator(mode="after")
    def _check(self) -> Noise:
        _rising(self.density, "the frequencies of the density")
        if self.density[0][0] <= 0:
            raise ValueError("the frequencies of the density must be above 0")
        return self


class Clicks(Section):
    """Short mechanical sounds that come at random times."""

    rate_hz: Annotated[float, Field(ge=0, le=1000)]
    """Mean number a second."""
    level_db: Annotated[float, Field(ge=-200, le=200)]
    """Median peak pressure, dB re 20 uPa."""
    spread_db: NonNegative
    """Standard deviation of the peak level, dB."""
    modes: Annotated[list[Pair], Field(min_length=1)]
    """Rows of ringing frequency, Hz, and decay time to 1/e, s."""

    @model_validator(mode="after")
    def _check(self) -> Clicks:
        _ringing_modes(self.modes)
        return self


def _spans(spans: list[list[float]], what: str) -> None:
    flat = [edge for span in spans for edge in span]
    if any(edge < 0 for edge in flat) or any(b <= a for a, b in itertools.pairwise(flat)):
        raise ValueError(f"{what} must be rows of start and end that rise and do not overlap")


class Wheels(Section):
    """Wheels and suspension while driving: grousers that strike, gears that sing, scraping."""

    drives: list[Pair] = Field(default_factory=list)
    """Rows of start and end of driving in the recording, s; none: the rover stands."""
    speed_m_s: Positive
    """Ground speed, m/s."""
    diameter_m: Positive
    """Diameter of a wheel, m."""
    count: Annotated[int, Field(ge=1, le=16)]
    """Number of wheels."""
    grousers: Annotated[int, Field(ge=1, le=200)]
    """Cleats around one wheel; each strikes the ground once a turn."""
    strike_db: Annotated[float, Field(ge=-200, le=200)]
    """Median peak pressure of a strike, dB re 20 uPa."""
    strike_spread_db: NonNegative
    """Standard deviation of that, dB."""
    modes: Annotated[list[Pair], Field(min_length=1)]
    """Rows of a wheel's ringing frequency, Hz, and decay time to 1/e, s."""
    gear_ratio: Positive
    """Turns of the motor for one of the wheel."""
    gear_db: Annotated[float, Field(ge=-200, le=200)]
    """Tone of the drive motors at their turning rate, each, dB re 20 uPa RMS."""
    scrape_db: Annotated[float, Field(ge=-200, le=200)]
    """Scraping and suspension, broadband level over all, dB re 20 uPa RMS."""
    scrape_band_hz: Pair
    """Where the scraping lies, from and to, Hz."""

    @model_validator(mode="after")
    def _check(self) -> Wheels:
        _spans(self.drives, "drives")
        if not 0 < self.scrape_band_hz[0] < self.scrape_band_hz[1]:
            raise ValueError("scrape_band_hz has to rise from above 0")
        _ringing_modes(self.modes)
        return self


class Mast(Section):
    """The mast's motors: they run up, turn the head, run down."""

    moves: list[Pair] = Field(default_factory=list)
    """Rows of start and end of motion in the recording, s; none: the mast stands still."""
    motor_hz: Positive
    """Turning rate of the motor at full speed, Hz."""
    ramp_s: Positive
    """Time to run up or down, s."""
    harmonics: list[Pair]
    """Rows of harmonic number and level at full speed, dB re 20 uPa RMS."""

    @model_validator(mode="after")
    def _check(self) -> Mast:
        _spans(self.moves, "moves")
        return self


class Helicopter(Section):
    """A helicopter that flies past: its blades' tone with Doppler, spreading and absorption."""

    heard: bool = False
    """Whether it flies during the recording."""
    blade_hz: Positive
    """Blade passing frequency, Hz."""
    harmonics: Annotated[list[Pair], Field(min_length=1)]
    """Rows of harmonic number and level at 1 m without absorption, dB re 20 uPa RMS."""
    track: Annotated[list[Pair], Field(min_length=2)]
    """Rows of time in the recording, s, and distance to the microphone, m."""

    @model_validator(mode="after")
    def _check(self) -> Helicopter:
        _rising(self.track, "the times of the helicopter's track")
        if any(distance < 1.0 for _, distance in self.track):
            raise ValueError("the helicopter has to stay at least 1 m away")
        pairs = itertools.pairwise(self.track)
        if any(abs(r1 - r0) > 100.0 * (t1 - t0) for (t0, r0), (t1, r1) in pairs):
            raise ValueError("the helicopter has to stay below 100 m/s")
        return self


class Strike(Section):
    """Something of the landing that strikes the structure, at an event of the flight."""

    event: str
    """Name of the event, as in events.json."""
    peak_db: Annotated[float, Field(ge=-200, le=200)]
    """Peak pressure at the microphone, dB re 20 uPa."""
    modes: Annotated[list[Pair], Field(min_length=1)]
    """Rows of ringing frequency, Hz, and decay time to 1/e, s."""

    @model_validator(mode="after")
    def _check(self) -> Strike:
        _ringing_modes(self.modes)
        return self


class JetNoise(Section):
    """The engines' sound."""

    efficiency: Fraction
    """Share of the jets' mechanical power that becomes sound."""
    exhaust_speed_m_s: Positive
    """Speed of the exhaust, m/s."""
    nozzle_diameter_m: Positive
    """Diameter of a nozzle's exit, m."""
    strouhal: Positive
    """Frequency of the loudest part, times the diameter over the speed."""


class Landing(Section):
    """How the landing would have sounded at the microphone."""

    in_film: Literal["none", "track", "mixed"] = "none"
    """Whether it is made and goes into the film: not; as a second track; under the call-outs."""
    full_scale_pa: Positive
    """Pressure of the largest sample of that recording, Pa."""
    rumble_coefficient: Fraction
    """RMS pressure under the boundary layer of the entry over the dynamic pressure."""
    rumble_loss_db: NonNegative
    """Loss through shell and structure, dB."""
    rumble_corner_hz: Positive
    """Above this the rumble falls, Hz."""
    flow_coefficient: Fraction
    """RMS pressure of the open flow past the microphone over the dynamic pressure."""
    flow_size_m: Positive
    """Size of what the flow separates from, m."""
    jet: JetNoise
    strikes: dict[str, Strike] = Field(default_factory=dict)


class ReferenceRecording(Section):
    """The rover's noise alone, recorded before landing."""

    duration_s: Annotated[float, Field(ge=0.1, le=3600)]
    """Length of the reference, s."""
    level_db: Annotated[float, Field(ge=-200, le=200)]
    """How much louder the rover is then than on the surface, dB."""


class Soundscape(Section):
    """A stretch of the surface as it sounds at the microphone."""

    duration_s: Annotated[float, Field(ge=0.1, le=3600)]
    """Length of the recording, s."""
    air: Air
    breeze: Breeze
    pump: Pump
    whines: list[Whine] = Field(default_factory=list)
    noise: Noise
    clicks: dict[str, Clicks] = Field(default_factory=dict)
    wheels: Wheels
    mast: Mast
    helicopter: Helicopter
    landing: Landing
    reference: ReferenceRecording
