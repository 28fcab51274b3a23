"""Cards: the drawn pictures of the film: the descent's profile, the title, the end."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.ground.instruments import Instruments
from skycrane.ground.overlay import ACCENT, DIM, WHITE, Overlay
from skycrane.ground.typeset import blend

__all__ = ["ProfileCard", "draw_end_card", "draw_title", "gradient"]

Picture = NDArray[np.uint8]


def gradient(width: int, height: int) -> Picture:
    """Return the ground of the drawn pictures: night above, dust below, dithered."""
    stops = np.array([[11, 11, 16], [24, 18, 19], [62, 38, 27], [120, 74, 46]], float)
    at = np.array([0.0, 0.45, 0.82, 1.0])
    rows = np.linspace(0, 1, height)
    column = np.stack([np.interp(rows, at, stop) for stop in stops.T], axis=-1)
    # A fixed 4x4 ordered dither: eight bits alone would show steps in so slow a gradient.
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.5
    dither = np.tile(bayer, (height // 4 + 1, width // 4 + 1))[:height, :width]
    return np.clip(column[:, None] + dither[..., None] + 0.5, 0, 255).astype(np.uint8)


class ProfileCard:
    """The way down drawn to scale: altitude over the ground distance to the landing."""

    def __init__(self, instruments: Instruments, overlay: Overlay) -> None:
        self._instruments = instruments
        self._overlay = overlay
        self._top_m = 1.12 * float(max(1.0, instruments.altitude_m.max()))
        self._far_m = 1.06 * float(max(1.0, instruments.range_m.max()))

    def _place(self, range_m: NDArray, altitude_m: NDArray) -> NDArray[np.float64]:
        """Return screen positions [pixels], (n, 2): the landing at the right, the ground below."""
        px = self._overlay.px
        left, right = px(110), self._overlay.width - px(150)
        top, base = px(96), px(556)
        x = right - (right - left) * np.asarray(range_m) / self._far_m
        y = base - (base - top) * np.asarray(altitude_m) / self._top_m
        return np.stack([x, y], axis=-1)

    @cached_property
    def _ground(self) -> Picture:
        overlay = self._overlay
        canvas = gradient(overlay.width, overlay.height)
        self._grid(canvas)
        data = self._instruments
        way = self._place(data.range_m, data.altitude_m)
        _polyline(canvas, way, DIM, overlay.px(2), 0.42)
        taken: list[tuple[float, float]] = []
        for at_s, words in data.milestones:
            index = int(np.searchsorted(data.times_s, at_s))
            if index >= len(way):
                continue
            x, y = way[index]
            _disc(canvas, x, y, overlay.px(4), DIM)
            if all(abs(y - other) > overlay.px(24) for _, other in taken):
                overlay.text(
                    canvas, words, round(x) + overlay.px(14), round(y) - overlay.px(14), 17,
                    face="label", colour=DIM, shadow=False,
                )  # fmt: skip
                taken.append((x, y))
        return canvas

    def _grid(self, canvas: Picture) -> None:
        overlay, px = self._overlay, self._overlay.px
        step = _round_step(self._top_m / 4)
        for level in np.arange(0, self._top_m, step):
            y = round(float(self._place(np.zeros(1), np.array([level]))[0, 1]))
            rule = np.full((1, overlay.width - px(110) - px(90)), 255, np.uint8)
            blend(canvas, rule, px(110), y, DIM, 0.34 if level == 0 else 0.13)
            words = f"{level / 1000:g} km" if step >= 500 else f"{level:g} m"
            overlay.text(
                canvas, words, px(98), y - px(11), 16,
                face="label", colour=DIM, align="right", shadow=False, opacity=0.8,
            )  # fmt: skip

    def draw(self, frame: int) -> Picture:
        """Return the card at film frame `frame`: the way flown, and the vehicle on it."""
        data = self._instruments
        canvas = self._ground.copy()
        way = self._place(data.range_m[: frame + 1], data.altitude_m[: frame + 1])
        if len(way) > 1:
            _polyline(canvas, way, ACCENT, self._overlay.px(3), 1.0)
        x, y = way[-1]
        _glow(canvas, float(x), float(y), self._overlay.px(26))
        _disc(canvas, float(x), float(y), self._overlay.px(6), WHITE)
        return canvas


def _round_step(least: float) -> float:
    """Return the first of 1, 2, 5 times a power of ten not below `least`."""
    power = 10 ** np.floor(np.log10(least))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= least))


def _polyline(
    canvas: Picture, way: NDArray, colour: tuple[int, int, int], thick: int, opacity: float
) -> None:
    low = np.maximum(np.floor(way.min(axis=0)).astype(int) - 2 * thick, 0)
    high = np.ceil(way.max(axis=0)).astype(int) + 2 * thick + 1
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    points = np.round((way - low) * 16).astype(np.int32)
    cv2.polylines(mask, [points], False, 255, thick, cv2.LINE_AA, shift=4)
    blend(canvas, mask, int(low[0]), int(low[1]), colour, opacity)


def _disc(canvas: Picture, x: float, y: float, radius: int, colour: tuple[int, int, int]) -> None:
    centre = (round(x * 16), round(y * 16))
    cv2.circle(canvas, centre, radius * 16, colour, -1, cv2.LINE_AA, shift=4)


def _glow(canvas: Picture, x: float, y: float, radius: int) -> None:
    span = np.arange(-radius, radius + 1)
    distance = np.hypot(*np.meshgrid(span, span)) / radius
    mask = np.round(255 * np.clip(1 - distance, 0, 1) ** 2).astype(np.uint8)
    blend(canvas, mask, round(x) - radius, round(y) - radius, ACCENT, 0.7)


def draw_title(
    canvas: Picture, overlay: Overlay, title: str, subtitle: str, opacity: float
) -> None:
    """Lay the opening title over a picture, in place."""
    cv2.convertScaleAbs(canvas, dst=canvas, alpha=1 - 0.72 * opacity)
    name, _, rest = title.partition(":")
    middle, px = overlay.width // 2, overlay.px
    if rest.strip():
        overlay.text(
            canvas, name.strip().upper(), middle, px(232), 24,
            face="label_strong", colour=ACCENT, tracking=7, align="center", opacity=opacity,
        )  # fmt: skip
    words = rest.strip() or name.strip()
    overlay.text(
        canvas, words, middle, px(268), _fitting(words, 56), face="strong", align="center",
        opacity=opacity,
    )  # fmt: skip
    overlay.text(
        canvas, subtitle, middle, px(350), _fitting(subtitle, 22), colour=DIM, align="center",
        opacity=opacity,
    )  # fmt: skip


def _fitting(words: str, size: int) -> int:
    """Return a size at which a line is likely to fit the picture: half an em a letter."""
    return max(9, min(size, int(1150 / (0.52 * max(1, len(words))))))


def draw_end_card(
    overlay: Overlay, title: str, lines: list[str], credit: str, opacity: float
) -> Picture:
    """Return the end card: the title, what was reached, and whose work it is."""
    canvas = gradient(overlay.width, overlay.height)
    middle, px = overlay.width // 2, overlay.px
    overlay.text(
        canvas, title, middle, px(218), _fitting(title, 44), face="strong", align="center",
        shadow=False,
    )  # fmt: skip
    rule = np.full((max(1, px(2)), px(64)), 255, np.uint8)
    blend(canvas, rule, middle - px(32), px(292), ACCENT)
    for row, words in enumerate(lines):
        overlay.text(
            canvas, words, middle, px(318 + 36 * row), _fitting(words, 23), colour=DIM,
            align="center", shadow=False,
        )  # fmt: skip
    overlay.text(
        canvas, credit, middle, px(560), _fitting(credit, 18), face="label", colour=DIM,
        align="center", tracking=0.8, shadow=False,
    )  # fmt: skip
    return np.asarray(cv2.convertScaleAbs(canvas, alpha=opacity), dtype=np.uint8)
