"""The link home: relay orbiters, their passes, what the link loses, and how delivery is retried."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skycrane.mission.base import Fraction, NonNegative, Positive, Section

__all__ = ["Link", "Orbiter"]


class Orbiter(Section):
    """A relay orbiter that passes over the site again and again."""

    name: str = Field(min_length=1, max_length=32)
    """Name shown to people."""
    first_pass_s: NonNegative
    """Beginning of its first usable pass, s after entry interface."""
    period_s: Positive
    """Time from the beginning of one usable pass to the next, s."""
    duration_s: Positive
    """Usable length of a pass, s."""
    return_rate_bit_s: Positive
    """Rate from the vehicle to the orbiter, averaged over a pass, bit/s."""
    forward_rate_bit_s: Positive
    """Rate from the orbiter to the vehicle, bit/s."""
    pdu_loss: Fraction
    """Probability that a PDU, in either direction, never arrives."""
    bit_error_rate: Annotated[float, Field(ge=0, lt=0.5, strict=False)]
    """Probability that a bit of a PDU that arrives is wrong, after decoding."""


class Link(Section):
    """File delivery (CCSDS 727.0-B-5, class 2) from the vehicle through orbiters to the ground."""

    spacecraft_id: int = Field(ge=0, le=65535)
    """CFDP entity of the vehicle."""
    ground_id: int = Field(ge=0, le=65535)
    """CFDP entity of the ground."""
    one_way_light_time_s: NonNegative
    """Mars to Earth, s."""
    relay_delay_s: NonNegative
    """Time an orbiter holds data before it sends them on, in either direction, s."""
    segment_bytes: int = Field(ge=64, le=65000)
    """File data in one PDU, bytes."""
    pdu_crc: bool
    """Whether every PDU ends in a CRC-16."""
    checksum: Literal["crc32c", "crc32", "modular", "null"]
    """Checksum of a whole file in its EOF PDU (SANA registry of CFDP checksums)."""
    nak_mode: Literal["deferred", "immediate"]
    """Whether gaps are asked for when a file's end has arrived, or as soon as they are seen."""
    retry_after_s: Positive
    """Time without an answer after which EOF, NAK and Finished are sent again, s."""
    retry_limit: int = Field(ge=1, le=1000)
    """How often they are sent again before the transaction is given up."""
    transaction_attempts: int = Field(ge=1, le=100)
    """How many transactions may be spent on one product."""
    max_passes: int = Field(ge=1, le=1_000_000)
    """Passes granted; what is not home after them is a failed transfer."""
    orbiters: list[Orbiter] = Field(min_length=1)
    """The relay orbiters; of two passes that overlap, the one that begins first is used."""
