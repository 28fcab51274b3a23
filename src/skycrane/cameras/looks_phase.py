"""How the flown ground fades away from its opposition point, against the mission's regolith.

python -m skycrane.cameras.looks_phase [MISSION]

Places are followed through flown images 12 to 73 (`looks_places`), each seen under several phases
and in several parts of the lens; `looks_fading` finds from their brightness the curve over phase.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from skycrane.cameras.looks import Flown, flown_frames, reference
from skycrane.cameras.looks_aims import flown_aim
from skycrane.cameras.looks_fading import PHASES_DEG, Fading, Shadows, Sights, fading_of
from skycrane.cameras.looks_places import Places, follow
from skycrane.cameras.optics import Lens, lens_of
from skycrane.mars.regolith import Regolith, regolith_of, sun_gain
from skycrane.mars.sky import Air, air_of, path_light, sun_through
from skycrane.mars.sun import sun_direction_site
from skycrane.mission import Mission, load_mission

__all__ = ["main"]

Array = NDArray[np.float64]

_IMAGES = (12, 73)
_READ = (24, 66)
"""Images that a scarp's or a crater's shadow lies in, and that hang together."""
_START, _HEIGHT_M, _SHEET_PX = 47, 2050.0, 256
_SPREADS_PX = np.array([1.2, 1.7, 2.4, 3.4, 4.8, 6.8])
"""Gaussians over which brightness is taken, so that a place is about the same ground each time."""
_SEEN, _LEAST, _MOST = 5, 6.0, 244.0
_DARKEST = 65
"""Photosite from the dark end, of 256 by 256, whose grey level is the shadows': a thousandth."""
_CASES = ((0.5, 0.3), (0.3, 0.3), (0.8, 0.3), (0.5, 1.0))
"""What of the level ground's skylight comes to the shadows, and how far albedo may differ."""


@wp.kernel(enable_backward=False)
def _light(air: Air, r: Regolith, looks: wp.array(dtype=wp.vec4), out: wp.array(dtype=wp.vec4)):  # type: ignore[valid-type]
    i = wp.tid()
    q = looks[i]
    way = path_light(air, q[0], 0.0, q[1], -q[2])
    grey = (way[0] + way[1] + way[2]) / 3.0
    out[i] = wp.vec4(grey, way[3], sun_gain(r, air.sun[2], q[3], q[2]), sun_through(air, 0.0))


@dataclass(frozen=True)
class _Seen:
    """Light along rays: radiance of the sun's and the sky's light on mean ground, and haze's."""

    phase_deg: Array
    sun: Array
    sky: Array
    haze: Array


class _Reading:
    def __init__(self, mission: Mission, flown: list[Flown], lens: Lens) -> None:
        self.lens = lens
        self.pictures = {f.number: f.picture for f in flown if _IMAGES[0] <= f.number <= _IMAGES[1]}
        turn = flown_aim(_START)
        assert turn is not None
        self.places = follow(self.pictures, lens, start=_START, height_m=_HEIGHT_M, turn=turn)
        sun = sun_direction_site(mission, flown[0].t_s)
        self.air = air_of(mission, sun, sun_distance_au=1.5)
        self.ground = regolith_of(mission)
        self.albedo = float(np.mean(mission.terrain.colours.soil))
        # North by the aims, whose own came from the sun's bright patch.
        aims = [
            (flown_aim(int(k)), t) for k, t in zip(self._numbers, self.places.turn, strict=True)
        ]
        off = Rotation.from_matrix(np.array([a @ t.T for a, t in aims if a is not None])).mean()
        self.sun = Rotation.from_rotvec([0, 0, -off.as_rotvec()[2]]).apply(sun)

    @property
    def _numbers(self) -> Any:
        return self.places.numbers

    def seen(self, image: Any, ray: Array) -> _Seen:
        """Return the light along rays (s, 3) of the optical frames of images."""
        d = np.einsum("sij,sj->si", self.places.turn[image], ray)
        height, mu = self.places.eye_m[image, 2], -d[:, 2]
        cosine = -(d @ self.sun)
        looks = np.column_stack([height, height / mu, cosine, mu]).astype(np.float32)
        out = wp.zeros(len(looks), dtype=wp.vec4, device="cpu")
        given = [self.air, self.ground, wp.array(looks, dtype=wp.vec4, device="cpu"), out]
        wp.launch(_light, dim=len(looks), inputs=given, device="cpu")
        haze, through, gain, beam = out.numpy().astype(np.float64).T
        sent = through * self.albedo / np.pi
        sky = float(np.mean(np.array(self.air.sky_irradiance)))
        phase_deg = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        return _Seen(phase_deg, sent * gain * beam * self.sun[2], sent * sky, haze)

    def values(self) -> Array:
        """Return the grey level of every sight, each place's over about the same ground."""
        p = self.places
        away = np.linalg.norm(p.eye_m[p.image, :2] - p.place_m[p.place], axis=1)
        away = np.hypot(away, p.eye_m[p.image, 2])
        far = np.zeros(len(p.place_m))
        np.maximum.at(far, p.place, away)
        edges = np.sqrt(_SPREADS_PX[1:] * _SPREADS_PX[:-1])
        level = np.searchsorted(edges, 1.5 * far[p.place] / away)
        out = np.zeros(len(away))
        for k, number in enumerate(p.numbers):
            for n, spread in enumerate(_SPREADS_PX):
                own = (p.image == k) & (level == n)
                soft = cv2.GaussianBlur(self.pictures[number].astype(np.float32), (0, 0), spread)
                x, y = p.pixel[own].T.astype(np.float32)
                if own.any():
                    out[own] = cv2.remap(soft, x[None], y[None], cv2.INTER_LINEAR)[0]
        return out

    def sights(self) -> tuple[Sights, Any]:
        """Return the sights of images `_READ`, and these images' indices."""
        p, value = self.places, self.values()
        number = p.numbers[p.image]
        own = (number >= _READ[0]) & (number <= _READ[1]) & (value > _LEAST) & (value < _MOST)
        own &= np.bincount(p.place[own], minlength=len(p.place_m))[p.place] >= _SEEN
        ray = self.lens.directions(p.pixel[own])
        light = self.seen(p.image[own], ray)
        images, image = np.unique(p.image[own], return_inverse=True)
        place = np.unique(p.place[own], return_inverse=True)[1]
        parts = (light.phase_deg, ray[:, 2], light.sun, light.sky, light.haze)
        return Sights(image, place, value[own], *parts), images

    def shadows(self, images: Any, share: float) -> Shadows:
        """Return the darkest of images, lit by a `share` of the sky's light on level ground."""
        value, pixel = [], []
        for k in images:
            soft = cv2.GaussianBlur(self.pictures[self._numbers[k]].astype(np.float32), (0, 0), 1.0)
            soft[:24, :90] = 255  # the time written there
            at = int(np.argsort(soft.ravel())[_DARKEST])
            value.append(float(soft.ravel()[at]))
            pixel.append((at % _SHEET_PX, at // _SHEET_PX))
        ray = self.lens.directions(np.array(pixel, np.float64))
        light = self.seen(images, ray)
        dark = share * light.sky + light.haze
        return Shadows(np.arange(len(images)), np.array(value), ray[:, 2], dark)


def _expected(reading: _Reading, sights: Sights) -> Array:
    """Return the sun's light on ground by the mission's curve at `PHASES_DEG`, 1 at 24 degrees.

    At the emission that the sights had.
    """
    out = [
        float(np.median(sights.sun[near] / sights.sky[near]))
        for near in (np.abs(sights.phase_deg - p) < 2.5 for p in PHASES_DEG)
    ]
    return np.array(out) / out[3]


def _line(name: str, values: Array) -> str:
    return f"{name:34}" + "".join(f"{v:7.2f}" for v in values)


def _told(found: Fading, share: float, spread: float) -> str:
    return (
        f"  shadows get {share:.1f} of the sky, albedo within {spread:.1f}: fall-off "
        f"{found.fall_off:.2f}, albedo's spread {found.albedo_spread:.2f}, miss {found.miss:.1f}"
    )


def _head(p: Places) -> str:
    return (
        f"{len(p.place_m)} places in {len(p.numbers)} images, {len(p.image)} sights, "
        f"median miss {np.median(p.miss_px):.2f} of {_SHEET_PX} pixels"
    )


def main(arguments: list[str]) -> int:
    """Read the curve off the flown images and print it beside the mission's."""
    folder = reference()
    if folder is None:
        print("no flown images at hand: set SKYCRANE_REFERENCE to their folder", file=sys.stderr)
        return 0
    mission = load_mission(arguments[0] if arguments else "mars2020")
    lens = lens_of(mission.cameras["lvs"]).scaled(_SHEET_PX, _SHEET_PX)
    reading = _Reading(mission, flown_frames(folder, mission), lens)
    print(_head(reading.places))
    sights, images = reading.sights()
    ours = _expected(reading, sights)
    print(_line("phase, degrees", PHASES_DEG))
    print(_line("the mission's, 1 at 24", ours))
    for share, spread in _CASES:
        found = fading_of(sights, reading.shadows(images, share), albedo_spread=spread)
        print(_told(found, share, spread))
        print(_line("  the images'", ours * found.factor))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
