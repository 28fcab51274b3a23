"""Overlay: clock, altitude, speed, phase and camera names over the picture, quietly."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.ground.instruments import Instruments, altitude_text, clock_text, speed_text
from skycrane.ground.typeset import blend, set_text, shadow_of

__all__ = ["ACCENT", "DIM", "WHITE", "Overlay"]

WHITE, DIM, ACCENT = (250, 247, 243), (206, 196, 186), (255, 186, 108)
_BANNER_S = 3.6

Picture = NDArray[np.uint8]
Layer = tuple[NDArray[np.float32], NDArray[np.uint8]]


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
        if opacity <= 0:
            return
        t_s = float(self.instruments.times_s[frame])
        self._lay(canvas, frame, self._clock_key(t_s), opacity)
        self._figures(canvas, frame, opacity)
        dot = self._dot
        x = self.px(48) + self._progress(frame) - dot.shape[1] // 2
        blend(canvas, dot, x, self._dot_y(frame), WHITE, opacity)
        self._banner(canvas, t_s, opacity)

    def _progress(self, frame: int) -> int:
        """How far along the strip film frame `frame` is, pixels."""
        width = self._profile[0].shape[1]
        return round(frame / max(1, len(self.instruments.times_s) - 1) * (width - 1))

    def _lay(self, canvas: Picture, frame: int, key: tuple[str, str, str], opacity: float) -> None:
        """Lay what changes once a second at most over the picture, the strip filled up to now."""
        top, strip = self.height - len(self._floor), self.px(655)
        split = self.px(48) + self._progress(frame)
        for rows, columns, passed in (
            (slice(top, strip), slice(None), False),
            (slice(strip, None), slice(None, split), True),
            (slice(strip, None), slice(split, None), False),
        ):
            stays, added = self._layer(key, passed)
            below = canvas[rows, columns]
            inside = slice(rows.start - top, None if rows.stop is None else rows.stop - top)
            stay, add = stays[inside, columns], added[inside, columns]
            if opacity < 1:
                stay = 1 - (1 - stay) * np.float32(opacity)
                add = np.asarray(cv2.convertScaleAbs(add, alpha=opacity), dtype=np.uint8)
            canvas[rows, columns] = cv2.add(cv2.multiply(below, stay, dtype=cv2.CV_8U), add)

    @cached_property
    def _layer(self) -> Callable[[tuple[str, str, str], bool], Layer]:
        """Return a function, with a memory of its own, that draws a layer for clocks and phase."""
        return lru_cache(maxsize=12)(self._draw_layer)

    def _draw_layer(self, key: tuple[str, str, str], passed: bool) -> Layer:
        """Return what the lower rows keep of a picture (0 to 1) and what is added to it.

        Laying colour over a picture is linear in the picture, so drawing once over black and once
        over white tells both.
        """
        black, white = (canvas.copy() for canvas in self._still[passed])
        for canvas in (black, white):
            self._clocks(canvas, *key)
            self._static_labels(canvas, key[2])
        low = slice(self.height - len(self._floor), None)
        stays = (white[low].astype(np.float32) - black[low]) / np.float32(255)
        return stays.astype(np.float32), np.ascontiguousarray(black[low])

    @cached_property
    def _still(self) -> dict[bool, tuple[Picture, Picture]]:
        """What of a layer never changes, over black and over white, ahead and passed."""
        made = {}
        for passed in (False, True):
            black, white = (
                np.full((self.height, self.width, 3), level, np.uint8) for level in (0, 255)
            )
            for canvas in (black, white):
                rows = canvas[self.height - len(self._floor) :]
                rows[:] = np.round(rows * self._floor).astype(np.uint8)
                self._strip(canvas, passed=passed)
            made[passed] = (black, white)
        return made

    def _static_labels(self, canvas: Picture, phase: str) -> None:
        x, y = self.width // 2, self.px(622)
        self.text(canvas, phase, x, y, 21, face="label_strong", tracking=3.2, align="center")
        right = self.width - self.px(48)
        for words, unit, edge in (("ALTITUDE", "", right - self.px(182)), ("SPEED", "m/s", right)):
            self._label(canvas, words, edge - self.px(140), self.px(594))
            self._unit_of(canvas, unit, edge)

    def _unit_of(self, canvas: Picture, unit: str, right: int, opacity: float = 1.0) -> None:
        x = right - self.px(34)
        self.text(canvas, unit, x, self.px(621), 20, colour=DIM, opacity=opacity)

    def _clock_key(self, t_s: float) -> tuple[str, str, str]:
        """Return the words of the clocks and of the phase at `t_s`."""
        touchdown_s = self.instruments.touchdown_s
        second = ""
        if touchdown_s is not None:
            # Counting down, the clock reaches 00:00 as the wheels touch, not a second before.
            ahead = t_s < touchdown_s
            left = float(np.ceil(touchdown_s - t_s - 1e-6)) if ahead else t_s - touchdown_s
            second = f"{'−' if ahead else '+'}{clock_text(left)}"
        return clock_text(t_s), second, self.instruments.phase(t_s).upper()

    def _clocks(self, canvas: Picture, first: str, second: str, _phase: str) -> None:
        label, figure = self.px(594), self.px(607)
        self._label(canvas, "SINCE ENTRY", self.px(48), label)
        self.text(canvas, first, self.px(46), figure, 38, face="strong")
        if second:
            ahead = second.startswith("−")
            self._label(canvas, "TO TOUCHDOWN" if ahead else "ON MARS", self.px(182), label)
            colour = DIM if ahead else ACCENT
            self.text(canvas, second, self.px(180), figure, 38, colour=colour)

    def _figures(self, canvas: Picture, frame: int, opacity: float) -> None:
        altitude, unit = altitude_text(float(self.instruments.altitude_m[frame]))
        speed, mph = speed_text(float(self.instruments.speed_m_s[frame]))
        right = self.width - self.px(48)
        self._unit_of(canvas, unit, right - self.px(182), opacity)
        for figure, edge in ((altitude, right - self.px(182)), (speed, right)):
            self.text(
                canvas,
                figure,
                edge - self.px(40),
                self.px(607),
                38,
                face="strong",
                align="right",
                opacity=opacity,
            )
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

    def _label(self, canvas: Picture, words: str, x: int, y: int) -> None:
        self.text(canvas, words, x, y, 13, face="label_strong", colour=DIM, tracking=1.4)

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

    def _strip(self, canvas: Picture, *, passed: bool) -> None:
        """The altitude of the whole film and a mark at each milestone, passed or still ahead."""
        line, area = self._profile
        x, y = self.px(48), self.px(662)
        times = self.instruments.times_s
        if passed:
            blend(canvas, area, x, y, ACCENT, 0.55)
        blend(canvas, line, x, y, ACCENT if passed else DIM, 1.0 if passed else 0.38)
        base = y + line.shape[0] + self.px(4)
        rule = np.full((max(1, self.px(1)), line.shape[1]), 255, np.uint8)
        blend(canvas, rule, x, base, DIM, 0.35)
        tick = np.full((self.px(7), max(2, self.px(2))), 255, np.uint8)
        for at_s, _ in self.instruments.milestones:
            share = (at_s - times[0]) / (times[-1] - times[0])
            if 0 <= share <= 1:
                at = x + round(share * (line.shape[1] - 1)) - tick.shape[1] // 2
                blend(canvas, tick, at, base - self.px(3), ACCENT if passed else DIM, 0.9)

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
