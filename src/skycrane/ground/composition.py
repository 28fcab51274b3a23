"""Composition: every frame of the film, put together from views, cards and instruments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.flight.record import Flight
from skycrane.ground.cards import ProfileCard, draw_end_card, draw_title
from skycrane.ground.footage import Footage
from skycrane.ground.instruments import Instruments, altitude_text, clock_text
from skycrane.ground.overlay import DIM, Overlay
from skycrane.ground.timeline import Shot, Span, plan_timeline, shot_at
from skycrane.mission import Mission
from skycrane.mission.film import Encoding

__all__ = ["Composition", "Pane", "panes_of"]

Picture = NDArray[np.uint8]
_OPENING_FADE_S = 0.7


@dataclass(frozen=True)
class Pane:
    """Where a view stands on the screen, pixels."""

    camera: str
    x: int
    y: int
    width: int
    height: int
    inset: bool = False


def panes_of(shot: Shot, width: int, height: int) -> list[Pane]:
    """Return the panes of a shot on a screen of width x height, the leading one first."""
    if not shot.views:
        return []
    if shot.layout == "split":
        half = width // 2
        gap = max(1, height // 360)
        left, right = shot.views[:2]
        return [
            Pane(left, 0, 0, half - gap, height),
            Pane(right, half + gap, 0, width - half - gap, height),
        ]
    panes = [Pane(shot.views[0], 0, 0, width, height)]
    edge, inset_w = round(height * 0.042), 2 * round(width * 0.125)
    inset_h = 2 * round(inset_w * 0.4)
    for row, camera in enumerate(shot.views[1:]):
        y = edge + row * (inset_h + edge // 2)
        panes.append(Pane(camera, width - edge - inset_w, y, inset_w, inset_h, inset=True))
    return panes


class Composition:
    """The film of one landing as a function from frame number to picture.

    Attributes:
        shots: the timeline.
        frame_count: frames of film, end card included.
    """

    def __init__(
        self, mission: Mission, flight: Flight, footage: Footage, span: Span, encoding: Encoding
    ) -> None:
        film = mission.film
        self._film, self._footage, self._encoding = film, footage, encoding
        self._title = film.title or mission.mission.title
        covered = footage.coverage(film.hold_s)
        self.shots = plan_timeline(flight, film, covered, span)
        self._instruments = Instruments.of(flight, film, span, encoding.frames_per_s)
        self._overlay = Overlay(self._instruments, encoding.width, encoding.height)
        self._card = ProfileCard(self._instruments, self._overlay)
        self._footage_frames = len(self._instruments.times_s)
        self._end_frames = round(film.end_card_s * encoding.frames_per_s)
        self.frame_count = self._footage_frames + self._end_frames
        self._end_lines = _end_lines(flight)

    def picture(self, frame: int) -> Picture:
        """Return film frame `frame`, RGB, shape (height, width, 3)."""
        if frame >= self._footage_frames:
            return self._end_card(frame - self._footage_frames)
        t_s = float(self._instruments.times_s[frame])
        index = shot_at(self.shots, t_s)
        shot = self.shots[index]
        canvas = self._shot(shot, t_s, frame)
        into = t_s - shot.start_s
        if index > 0 and into < shot.dissolve_s:
            before = self._shot(self.shots[index - 1], t_s, frame)
            share = (into + 0.5 / self._encoding.frames_per_s) / shot.dissolve_s
            cv2.addWeighted(canvas, share, before, 1 - share, 0, dst=canvas)
        since = t_s - float(self._instruments.times_s[0])
        self._title_over(canvas, frame, since)
        return canvas

    def _title_over(self, canvas: Picture, frame: int, since_s: float) -> None:
        """Draw the instruments, under the opening title while it stands."""
        title_s = self._film.title_s
        shown = float(np.clip(min(since_s / 0.6, (title_s - since_s) / 0.6), 0, 1))
        if since_s < title_s and shown > 0:
            draw_title(canvas, self._overlay, self._title, self._film.subtitle, shown)
        self._overlay.draw(canvas, frame, 1 - shown if since_s < title_s else 1.0)
        if since_s < _OPENING_FADE_S:
            cv2.convertScaleAbs(canvas, dst=canvas, alpha=since_s / _OPENING_FADE_S)

    def _shot(self, shot: Shot, t_s: float, frame: int) -> Picture:
        width, height = self._encoding.width, self._encoding.height
        if not shot.views:
            return self._card.draw(frame)
        canvas = np.zeros((height, width, 3), np.uint8)
        for pane in panes_of(shot, width, height):
            self._pane(canvas, pane, t_s)
        return canvas

    def _pane(self, canvas: Picture, pane: Pane, t_s: float) -> None:
        picture = self._footage.moment(
            pane.camera, t_s, pane.width, pane.height, smooth_gap_s=self._film.smooth_gap_s
        )
        if pane.inset:
            self._frame(canvas, pane)
        canvas[pane.y : pane.y + pane.height, pane.x : pane.x + pane.width] = picture
        name = self._film.camera_titles.get(pane.camera, pane.camera.upper())
        self._overlay.name_view(canvas, name, pane.x, pane.y, small=pane.inset)

    def _frame(self, canvas: Picture, pane: Pane) -> None:
        """A soft shadow and a thin rim set an inset off from what it covers."""
        rim, soft = max(1, self._overlay.px(1.5)), self._overlay.px(12)
        y0, y1 = max(0, pane.y - soft), min(len(canvas), pane.y + pane.height + soft)
        x0, x1 = max(0, pane.x - soft), min(canvas.shape[1], pane.x + pane.width + soft)
        shade = _shade(y1 - y0, x1 - x0, soft)
        canvas[y0:y1, x0:x1] = cv2.multiply(canvas[y0:y1, x0:x1], shade, dtype=cv2.CV_8U)
        canvas[
            pane.y - rim : pane.y + pane.height + rim, pane.x - rim : pane.x + pane.width + rim
        ] = DIM

    def _end_card(self, frame: int) -> Picture:
        share = (frame + 1) / self._encoding.frames_per_s
        left = (self._end_frames - frame) / self._encoding.frames_per_s
        opacity = float(np.clip(min(share / 0.6, left / 0.8), 0, 1))
        lines = self._end_lines
        return draw_end_card(self._overlay, self._title, lines, self._film.credit, opacity)


@lru_cache(maxsize=16)
def _shade(height: int, width: int, soft: int) -> NDArray[np.float32]:
    """Return what stays of a region under an inset's shadow, darker toward its middle."""
    near_y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None]
    near_x = np.minimum(np.arange(width), np.arange(width)[::-1])[None]
    depth = np.clip(np.minimum(near_y, near_x) / soft, 0, 1)
    return np.repeat((1 - 0.4 * depth**2)[..., None], 3, axis=2).astype(np.float32)


def _end_lines(flight: Flight) -> list[str]:
    """Return what the flight reached, in figures."""
    if not flight.has_event("touchdown"):
        return [f"The landing failed: {flight.reason}" if flight.reason else "The landing failed."]
    touchdown = flight.event("touchdown")
    down = abs(touchdown.vertical_speed_m_s)
    lines = [
        f"Touchdown {clock_text(touchdown.t_s)} after entry interface, at {down:.2f} m/s",
    ]
    if flight.has_event("parachute_deploy"):
        deploy = flight.event("parachute_deploy")
        height, unit = altitude_text(deploy.altitude_m)
        lines.append(f"Parachute at Mach {deploy.mach:.2f}, {height} {unit} above the ground")
    return lines
