"""The link as it is: passes in simulated time, and PDUs lost or spoilt on the way."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skycrane.draws import generator
from skycrane.mission.link import Link, Orbiter

__all__ = ["Channel", "Pass", "passes"]

_BLOCK = 4096


@dataclass(frozen=True)
class Pass:
    """One pass of a relay orbiter over the site.

    Attributes:
        number: from 0, in order of time.
        orbiter: who passes.
        start_s, end_s: seconds after entry interface.
    """

    number: int
    orbiter: Orbiter
    start_s: float
    end_s: float


def passes(link: Link) -> Iterator[Pass]:
    """Yield the usable passes in order of time, `link.max_passes` at most."""

    def of(order: int, orbiter: Orbiter) -> Iterator[tuple[float, int, Orbiter]]:
        count = 0
        while True:
            yield orbiter.first_pass_s + count * orbiter.period_s, order, orbiter
            count += 1

    streams = [of(order, orbiter) for order, orbiter in enumerate(link.orbiters)]
    number, free_s = 0, 0.0
    for start_s, _, orbiter in heapq.merge(*streams, key=lambda item: item[:2]):
        if number >= link.max_passes:
            return
        if start_s >= free_s:
            free_s = start_s + orbiter.duration_s
            yield Pass(number, orbiter, start_s, free_s)
            number += 1


class Channel:
    """One direction of one pass: each PDU is lost, spoilt in true bits, or left alone.

    Losses are independent and bit errors independent of each other: a binary symmetric channel with
    erasures, which stands for what is left after the hops' own coding. Valid where errors of
    neighbouring PDUs are not correlated; fades are not modelled.

    The n-th PDU of a pass and direction meets the same fate whatever came before the pass.
    """

    def __init__(self, orbiter: Orbiter, seed: int, direction: str, number: int) -> None:
        self._loss = orbiter.pdu_loss
        self._error_rate = orbiter.bit_error_rate
        self._random = generator(seed, f"relay link {direction}", number)
        self._fates = np.empty(0)
        self._at = 0

    def carry(self, pdu: bytes) -> bytes | bytearray | None:
        """Return what arrives of a PDU: the same bytes, other bytes, or None."""
        if self._at >= len(self._fates):
            self._fates, self._at = self._random.random(_BLOCK), 0
        fate = self._fates[self._at]
        self._at += 1
        if fate < self._loss:
            return None
        bits = 8 * len(pdu)
        errors = self._random.binomial(bits, self._error_rate) if self._error_rate else 0
        if not errors:
            return pdu
        spoilt = bytearray(pdu)
        for bit in self._random.choice(bits, size=errors, replace=False, shuffle=False):
            spoilt[bit >> 3] ^= 0x80 >> (bit & 7)
        return spoilt
