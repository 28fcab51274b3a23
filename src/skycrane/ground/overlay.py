"""Overlay: clock, altitude, speed, phase and camera names over the picture, quietly."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.ground.instruments import Instruments, altitude_text, clock_text, speed_text
from skycrane.ground.typeset import blend, set_text, shadow_of

__all__ = ["ACCENT", "DIM", "WHITE", "Overlay"]

WHITE, DIM, ACCENT = (250, 247, 243), (206, 196, 186), (255, 186, 108)
_BANNER_S = 3.6

Picture = NDArray[np.uint8]


class Overlay:
    """Draws the instruments of one film; lengths are those of 720 lines and scale with it."""

    def __init__(self, instruments: Instruments, width: int, height: int) -> None:
        self.instruments = instruments
        self.width, self.height = width, height
        self._unit = height / 720

    def px(self, length: float) -> int:
        """Return a length of the 720-line design in pixels."""
        return round(length * self._unit)

    def text(
        self,
        canvas: Picture,
        words: str,
        x: int,
        y: int,
        size: int,
        *,
        face: str = "text",
        colour: tuple[int, int, int] = WHITE,
        tracking: float = 0.0,
        align: str = "left",
        opacity: float = 1.0,
        shadow: bool = True,
    ) -> int:
        """Set a line with its top at y [pixels]; return its width [pixels]."""
        key = (words, face, self.px(size), tracking * self._unit)
        mask = set_text(*key)
        x -= {"left": 0, "center": mask.shape[1] // 2, "right": mask.shape[1]}[align]
        if shadow:
            pad = max(2, self.px(size) // 4)
            blend(canvas, shadow_of(*key), x - pad, y - pad, (8, 5, 3), 0.55 * opacity)
        blend(canvas, mask, x, y, colour, opacity)
        return int(mask.shape[1])

    @cached_property
    def _floor(self) -> NDArray[np.float32]:
        """How much of the picture stays below the instruments, by row."""
        rows = np.linspace(0, 1, self.px(210))
        ease = rows * rows * (3 - 2 * rows)
        return (1 - 0.78 * ease).astype(np.float32)[:, None, None]

    def draw(self, canvas: Picture, frame: int, opacity: float = 1.0) -> None:
        """Draw the instruments of film frame `frame` onto `canvas`, in place."""
        rows = canvas[self.height - len(self._floor) :]
        dark = 1 - (1 - self._floor) * np.float32(opacity)
        factors = np.ascontiguousarray(np.broadcast_to(dark, rows.shape))
        cv2.multiply(rows, factors, dst=rows, dtype=cv2.CV_8U)
        t_s = float(self.instruments.times_s[frame])
        self._strip(canvas, frame, opacity)
        self._clocks(canvas, t_s, opacity)
        self._figures(canvas, frame, opacity)
        self.text(
            canvas,
            self.instruments.phase(t_s).upper(),
            self.width // 2,
            self.px(622),
            21,
            face="label_strong",
            tracking=3.2,
            align="center",
            opacity=opacity,
        )
        self._banner(canvas, t_s, opacity)

    def _clocks(self, canvas: Picture, t_s: float, opacity: float) -> None:
        label, figure = self.px(594), self.px(607)
        self._label(canvas, "SINCE ENTRY", self.px(48), label, opacity)
        self.text(canvas, clock_text(t_s), self.px(46), figure, 38, face="strong", opacity=opacity)
        touchdown_s = self.instruments.touchdown_s
        if touchdown_s is None:
            return
        ahead = t_s < touchdown_s
        words = "TO TOUCHDOWN" if ahead else "ON MARS"
        # Counting down, the clock reaches 00:00 as the wheels touch, not a second before.
        left = np.ceil(touchdown_s - t_s - 1e-6) if ahead else t_s - touchdown_s
        self._label(canvas, words, self.px(182), label, opacity)
        self.text(
            canvas,
            f"{'−' if ahead else '+'}{clock_text(float(left))}",
            self.px(180),
            figure,
            38,
            face="text",
            colour=DIM if ahead else ACCENT,
            opacity=opacity,
        )

    def _figures(self, canvas: Picture, frame: int, opacity: float) -> None:
        altitude, unit = altitude_text(float(self.instruments.altitude_m[frame]))
        speed, mph = speed_text(float(self.instruments.speed_m_s[frame]))
        right = self.width - self.px(48)
        self._figure(canvas, "ALTITUDE", altitude, unit, right - self.px(182), opacity)
        self._figure(canvas, "SPEED", speed, "m/s", right, opacity)
        self.text(
            canvas,
            mph,
            right,
            self.px(594),
            13,
            face="label",
            colour=DIM,
            align="right",
            tracking=0.6,
            opacity=opacity,
        )

    def _figure(
        self, canvas: Picture, label: str, figure: str, unit: str, right: int, opacity: float
    ) -> None:
        width = self.px(140)
        self._label(canvas, label, right - width, self.px(594), opacity)
        unit_x = right - self.px(40)
        self.text(canvas, unit, unit_x + self.px(6), self.px(621), 20, colour=DIM, opacity=opacity)
        self.text(
            canvas,
            figure,
            unit_x,
            self.px(607),
            38,
            face="strong",
            align="right",
            opacity=opacity,
        )

    def _label(self, canvas: Picture, words: str, x: int, y: int, opacity: float) -> None:
        self.text(
            canvas,
            words,
            x,
            y,
            13,
            face="label_strong",
            colour=DIM,
            tracking=1.4,
            opacity=opacity,
        )

    @cached_property
    def _profile(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Line and area under the altitude over the film's length, as masks."""
        width, height, finer = self.width - 2 * self.px(48), self.px(30), 4
        altitude = self.instruments.altitude_m
        x = np.linspace(0, width * finer - 1, len(altitude))
        # The square root keeps the last kilometre visible beside the first eleven.
        y = (height - 2) * finer * (1 - np.sqrt(altitude / max(1.0, altitude.max()))) + finer
        points = np.stack([x, y], axis=1).round().astype(np.int32)
        line = np.zeros((height * finer, width * finer), np.uint8)
        area = line.copy()
        corners = [[width * finer, height * finer], [0, height * finer]]
        cv2.fillPoly(area, [np.concatenate([points, np.array(corners, np.int32)])], 90)
        cv2.polylines(line, [points], False, 255, thickness=round(1.6 * finer * self._unit))
        size = (width, height)
        shrink = cv2.INTER_AREA
        return (
            np.asarray(cv2.resize(line, size, interpolation=shrink), dtype=np.uint8),
            np.asarray(cv2.resize(area, size, interpolation=shrink), dtype=np.uint8),
        )

    def _strip(self, canvas: Picture, frame: int, opacity: float) -> None:
        """The altitude of the whole film with a mark at now, and one at each milestone."""
        line, area = self._profile
        x, y = self.px(48), self.px(662)
        times = self.instruments.times_s
        done = round(frame / max(1, len(times) - 1) * (line.shape[1] - 1))
        blend(canvas, line, x, y, DIM, 0.38 * opacity)
        blend(canvas, area[:, :done], x, y, ACCENT, 0.55 * opacity)
        blend(canvas, line[:, :done], x, y, ACCENT, opacity)
        base = y + line.shape[0] + self.px(4)
        rule = np.full((max(1, self.px(1)), line.shape[1]), 255, np.uint8)
        blend(canvas, rule, x, base, DIM, 0.35 * opacity)
        tick = np.full((self.px(7), max(2, self.px(2))), 255, np.uint8)
        for at_s, _ in self.instruments.milestones:
            share = (at_s - times[0]) / (times[-1] - times[0])
            if 0 <= share <= 1:
                passed = at_s <= times[frame]
                at = x + round(share * (line.shape[1] - 1)) - tick.shape[1] // 2
                blend(canvas, tick, at, base - self.px(3), ACCENT if passed else DIM, 0.9 * opacity)
        blend(
            canvas,
            self._dot,
            x + done - self._dot.shape[1] // 2,
            self._dot_y(frame),
            WHITE,
            opacity,
        )

    @cached_property
    def _dot(self) -> NDArray[np.uint8]:
        size, finer = self.px(13) | 1, 8
        big = np.zeros((size * finer, size * finer), np.uint8)
        middle = size * finer // 2
        cv2.circle(big, (middle, middle), round(4.2 * finer * self._unit), 255, -1)
        return np.asarray(cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA))

    def _dot_y(self, frame: int) -> int:
        altitude = self.instruments.altitude_m
        height = self.px(30)
        share = 1 - np.sqrt(altitude[frame] / max(1.0, altitude.max()))
        return self.px(662) + round((height - 2) * float(share) + 1) - self._dot.shape[0] // 2

    def _banner(self, canvas: Picture, t_s: float, opacity: float) -> None:
        """A milestone's words for a few seconds after it happened."""
        recent = [(at, words) for at, words in self.instruments.milestones if t_s - at >= 0]
        if not recent:
            return
        at_s, words = recent[-1]
        age = t_s - at_s
        if age >= _BANNER_S:
            return
        shown = opacity * min(1.0, age / 0.25, (_BANNER_S - age) / 0.6)
        slide = self.px(14 * (1 - min(1.0, age / 0.35)) ** 2)
        x, y = self.px(48) - slide, self.px(528)
        bar = np.full((self.px(40), self.px(4)), 255, np.uint8)
        blend(canvas, bar, x, y + self.px(1), ACCENT, shown)
        self.text(canvas, words, x + self.px(17), y - self.px(4), 36, face="strong", opacity=shown)

    def name_view(
        self, canvas: Picture, words: str, x: int, y: int, *, small: bool = False
    ) -> None:
        """Name a view at its upper left corner (x, y pixels)."""
        inset = self.px(12 if small else 30)
        self.text(
            canvas,
            words,
            x + inset,
            y + (self.px(8) if small else self.px(26)),
            13 if small else 17,
            face="label_strong",
            tracking=1.6 if small else 2.2,
            opacity=0.92,
        )
