"""The parachute's surface: a disk-gap-band canopy that says something, filling and breathing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from skycrane.mission.shape import CanopyShape
from skycrane.vehicle.materials import material_id
from skycrane.vehicle.mesh import Shape

__all__ = ["Canopy", "decode_pattern", "pattern_of"]

Array = NDArray[np.float64]

_ACROSS = 4
"""Facets across a gore."""
_ROWS = 5
"""Facets along each ring of the disk, and along the band."""
_STATIONS = 240
"""Points at which a meridian is integrated."""
_WAVES = ((2, 0.55, 0.37, 0.4), (3, 0.30, -0.23, 1.9), (5, 0.15, 0.61, 4.2))
"""How the canopy is off round: waves around it, their share, turns to a breath, first phase."""


def _code(symbol: int | str) -> list[int]:
    """Return what a message's entry stands for: a number itself, a word its letters, A = 1."""
    return [symbol] if isinstance(symbol, int) else [ord(c) - 64 for c in symbol.upper()]


def pattern_of(shape: CanopyShape) -> NDArray[np.bool_]:
    """Return which panels are orange, shape (rings, gores), gores clockwise seen from below.

    Rings run from the innermost of the disk to the band. Each group of gores holds one letter or
    number, most significant bit first, orange for one. What the message leaves of a ring is a pad:
    three white gores, then orange to the ring's end (read off the published picture of the flown
    canopy; the message itself was published after landing).
    """
    groups = shape.gores // shape.group_bits
    rows = []
    for word, first in zip(shape.message, shape.message_first_group, strict=True):
        codes = [c for symbol in word for c in _code(symbol)]
        bits = [int(b) for code in codes for b in format(code, f"0{shape.group_bits}b")]
        rest = shape.gores - len(bits)
        lead = shape.group_bits - shape.letter_bits
        bits += [0] * min(lead, rest) + [1] * max(rest - lead, 0)
        rows.append(np.roll(bits, (first % groups) * shape.group_bits))
    return np.array(rows, dtype=bool)


def decode_pattern(
    pattern: NDArray[np.bool_], first_group: Sequence[int], group_bits: int, letter_bits: int
) -> list[list[int]]:
    """Read each ring of a pattern back into its codes, up to the pad."""
    out = []
    for row, first in zip(pattern, first_group, strict=True):
        groups = np.roll(row, -first * group_bits).reshape(-1, group_bits)
        codes = [int("".join("1" if b else "0" for b in group), 2) for group in groups]
        pad = (1 << letter_bits) - 1
        out.append(codes[: codes.index(pad)] if pad in codes else codes)
    return out


def _smooth(x: Array | float) -> Array:
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@dataclass(frozen=True)
class _Sheet:
    """Grid of one strip of cloth: stations along the meridian [m] and place across each gore."""

    along_m: Array
    ring: NDArray[np.int64]


class Canopy:
    """The canopy of a mission; one topology, many inflations.

    The meridian keeps its length: radius is blended between the folded and the full profile and
    height follows from dr^2 + dz^2 = ds^2. The cloth of a gore keeps its width: what its chord
    leaves over bulges outward as an arc, which gives the scalloped edge. Full profile: a spherical
    cap that ends at the disk's projected edge, then gap and band (proportions of the Viking-type
    canopy as flown on Mars Science Laboratory, Cruz et al. 2014, AIAA SciTech).
    """

    def __init__(self, shape: CanopyShape, *, full_length_m: float, foot_radius_m: float) -> None:
        self._shape = shape
        self._foot_radius_m = foot_radius_m
        self.full_length_m = full_length_m
        """Distance from the skirt to the riser's attachment when everything is taut."""
        self._full = self._full_profile()
        self._strips = self._lay_out()
        self._triangles, self._material = self._weave()
        self.disk_triangles = 2 * shape.gores * _ACROSS * len(self._strips[0].ring)
        """The first triangles of the shape are the disk's, so many."""

    def shape(self, *, inflation: float, deployed_length_m: float, phase_rad: float = 0.0) -> Shape:
        """Return the parachute in its frame: skirt's centre at the origin, capsule along +z.

        Its triple bridle reaches past the riser's attachment, down to the canister's rim.

        Args:
            inflation: share of the full drag area, 0 (a packed bundle) to 1.
            deployed_length_m: distance from the skirt to the riser's attachment above the capsule.
            phase_rad: phase of the breathing and of the flutter of the skirt.
        """
        seam = -2.0 * np.pi * np.arange(self._shape.gores) / self._shape.gores
        # Clockwise seen from below, which is from +z: azimuth falls.
        profiles = self._profiles(seam, float(inflation), phase_rad)
        deployed_m = max(float(deployed_length_m), 1e-3)
        vertices = np.vstack(
            [
                self._cloth(profiles, phase_rad),
                self._lines(profiles, float(inflation), deployed_m),
            ]
        )
        return Shape(vertices.astype(np.float32), self._triangles, self._material)

    # -- profile ---------------------------------------------------------------------------------

    def _full_profile(self) -> tuple[Array, Array]:
        """Return (arc length from the apex, radius) of the full canopy along a radial seam."""
        c = self._shape
        edge, disk = c.disk_edge_diameter_m / 2.0, c.disk_diameter_m / 2.0
        total = disk + c.gap_m + c.band_m
        # sin(phi)/phi = edge/disk gives the cap's half-angle; bisection, monotonic on (0, pi).
        low, high = 1e-6, np.pi
        for _ in range(60):
            phi = 0.5 * (low + high)
            low, high = (phi, high) if np.sin(phi) / phi > edge / disk else (low, phi)
        radius_of_cap = disk / phi
        s = np.linspace(0.0, total, _STATIONS)
        cap = radius_of_cap * np.sin(np.minimum(s, disk) / radius_of_cap)
        skirt = c.inflated_diameter_m / 2.0
        past = np.clip((s - disk) / (c.gap_m + c.band_m), 0.0, 1.0)
        return s, cap + (skirt - edge) * (1.5 * past - 0.5 * past**2)

    def _profiles(
        self, azimuth_rad: Array, inflation: float, phase_rad: float
    ) -> tuple[Array, Array, Array]:
        """Return (s, radius, z) of meridians, s (m,), the others (azimuths, m).

        z is zero at the skirt, in the mean around it, and negative above it.
        """
        c = self._shape
        s, full = self._full
        f = np.sqrt(np.clip(inflation, 0.0, 1.0))
        share = s / s[-1]
        # The crown fills first and the mouth follows: a bulb on a tube, as in wind-tunnel films.
        fill = f ** (1.0 + 1.6 * (1.0 - f) * share)
        # Folded, the crown is drawn together over the vent and the skirt gathers to its lines.
        swell = 1.0 - np.exp(-np.maximum(s - 0.5 * c.vent_diameter_m, 0.0) / 0.5)
        folded = 0.02 + c.bag_radius_m * swell * (1.0 - 0.85 * share**3)
        radius = folded + (full - folded) * fill
        radius = radius * (1.0 + c.breathing * f * share**2 * np.sin(phase_rad))
        # Half full it is a bag that the wind beats; full it keeps a little of that.
        off = c.off_round * f + c.off_round_filling * 4.0 * f * (1.0 - f)
        wave = np.zeros(len(azimuth_rad))
        for count, part, turns, first in _WAVES:
            wave += part * np.cos(count * azimuth_rad + turns * phase_rad + first)
        radius = radius * (1.0 + off * wave[:, None] * share**2)
        ds = np.diff(s)
        # Out of the bag the cloth stretches to its length while the first tenth of it fills.
        taut = 0.12 + 0.88 * _smooth(inflation / 0.1)
        dr = np.clip(np.diff(radius, axis=1), -ds, ds)
        dz = np.sqrt(np.maximum(ds**2 - dr**2, 0.0)) * taut
        z = np.concatenate([np.zeros((len(radius), 1)), np.cumsum(dz, axis=1)], axis=1)
        return s, radius, z - z[:, -1].mean()

    # -- cloth -----------------------------------------------------------------------------------

    def _lay_out(self) -> list[_Sheet]:
        """Return the strips of cloth: the disk with its rings, then the band."""
        c = self._shape
        disk = c.disk_diameter_m / 2.0
        edges = [c.vent_diameter_m / 2.0, *(e * disk for e in c.ring_edges), disk]
        across = np.linspace(0.0, 1.0, _ACROSS + 1)
        tooth = c.tooth_m * (1.0 - np.abs(2.0 * across - 1.0))
        rows, rings = [np.full(_ACROSS + 1, edges[0])], []
        for ring, (inner, outer) in enumerate(pairwise(edges)):
            start = tooth if ring else 0.0 * tooth
            end = tooth if ring < len(edges) - 2 else 0.0 * tooth
            for k in range(1, _ROWS + 1):
                t = k / _ROWS
                rows.append(inner + (outer - inner) * t + start * (1.0 - t) + end * t)
                rings.append(ring)
        band = disk + c.gap_m + c.band_m * np.linspace(0.0, 1.0, _ROWS + 1)
        return [
            _Sheet(np.array(rows), np.array(rings)),
            _Sheet(np.repeat(band[:, None], _ACROSS + 1, axis=1), np.full(_ROWS, len(edges) - 1)),
        ]

    def _cloth(self, profiles: tuple[Array, Array, Array], phase_rad: float) -> Array:
        c = self._shape
        gore = np.arange(c.gores)[:, None]
        across = np.linspace(0.0, 1.0, _ACROSS + 1)[None, :]
        azimuth = -2.0 * np.pi * (gore + across) / c.gores
        s, radius, z = profiles
        slope_r, slope_z = (np.gradient(x, s, axis=1) for x in (radius, z))
        length = np.hypot(slope_r, slope_z) + 1e-9
        normal_r, normal_z = slope_z / length, -slope_r / length
        flutter = 1.0 + 0.15 * np.sin(3.0 * phase_rad + 2.4 * np.arange(c.gores))[:, None, None]
        parts = []
        for strip in self._strips:
            at = strip.along_m
            r, height, out_r, out_z = (
                self._along(at, s, x) for x in (radius, z, normal_r, normal_z)
            )
            cloth = 2.0 * np.pi * np.minimum(at, c.disk_diameter_m / 2.0) / c.gores
            chord = 2.0 * np.pi * np.maximum(r, 1e-3) / c.gores
            # Parabolic arc: length = chord (1 + 8/3 (h/chord)^2); deep folds are cut off at a third
            # of the cloth, beyond which neighbouring gores would meet.
            h = chord * np.sqrt(0.375 * np.maximum(cloth / chord - 1.0, 0.0))
            h = np.minimum(h, cloth / 3.0) * (4.0 * across * (1.0 - across))
            h = h * flutter
            out_r, out_z = r + h * out_r, height + h * out_z
            turn = azimuth[:, None, :]
            grid = np.stack([out_r * np.cos(turn), out_r * np.sin(turn), out_z], axis=-1)
            parts.append(grid.reshape(-1, 3))
        return np.vstack(parts)

    def _along(self, at_m: Array, s: Array, values: Array) -> Array:
        """Return seams' `values` (gores, m) at places along and across gores.

        `at_m` has shape (rows, across); what is returned (gores, rows, across).
        """
        i = np.clip(np.searchsorted(s, at_m) - 1, 0, len(s) - 2)
        w = (at_m - s[i]) / (s[i + 1] - s[i])
        here = values[:, i] * (1.0 - w) + values[:, i + 1] * w
        across = np.linspace(0.0, 1.0, _ACROSS + 1)
        return np.asarray(here + (np.roll(here, -1, axis=0) - here) * across)

    # -- lines -----------------------------------------------------------------------------------

    def _lines(
        self, profiles: tuple[Array, Array, Array], inflation: float, deployed_m: float
    ) -> Array:
        """Return the vertices of gap tapes, suspension lines, riser and bridle legs."""
        c = self._shape
        disk = c.disk_diameter_m / 2.0
        seam = -2.0 * np.pi * np.arange(c.gores) / c.gores
        spoke = np.stack([np.cos(seam), np.sin(seam)], axis=-1)
        s, radius, z = profiles

        def on(at_m: float) -> Array:
            i = min(int(np.searchsorted(s, at_m)), len(s) - 1)
            w = (s[i] - at_m) / (s[i] - s[i - 1])
            r, height = (x[:, i] * (1.0 - w) + x[:, i - 1] * w for x in (radius, z))
            return np.column_stack([spoke * r[:, None], height])

        # Drawn out of the bag the lines lie side by side as one rope, and part as the mouth opens.
        bundle = 0.035 + 0.045 * float(_smooth(10.0 * inflation))
        confluence = deployed_m * min(c.line_length_m / self.full_length_m, 1.0)
        thin = min(c.line_radius_m, 0.05 * float(radius[:, -1].mean()) + 1e-4)
        riser = np.array([[0.0, 0.0, confluence], [0.0, 0.0, deployed_m]])
        foot = 2.0 * np.pi * np.arange(3) / 3.0 + np.pi / 6.0
        out = float(_smooth(deployed_m / 5.0))
        legs = np.column_stack(
            [
                self._foot_radius_m * np.cos(foot) * out,
                self._foot_radius_m * np.sin(foot) * out,
                np.full(3, deployed_m + c.bridle_length_m * out),
            ]
        )
        ends = [
            (on(disk), on(disk + c.gap_m), thin),
            (
                on(float(s[-1])),
                np.column_stack([bundle * spoke, np.full(c.gores, confluence)]),
                thin,
            ),
            (riser[:1], riser[1:], 0.022),
            (np.repeat(riser[1:], 3, axis=0), legs, 0.02),
        ]
        return np.vstack([_struts(a, b, r) for a, b, r in ends])

    # -- topology --------------------------------------------------------------------------------

    def _weave(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        c = self._shape
        orange = pattern_of(c)
        colour = np.array([material_id("nylon_white"), material_id("nylon_orange")])
        faces, ids, start = [], [], 0
        width = _ACROSS + 1
        for strip in self._strips:
            rows = len(strip.along_m)
            gore, row, col = np.meshgrid(
                np.arange(c.gores), np.arange(rows - 1), np.arange(_ACROSS), indexing="ij"
            )
            a = start + (gore * rows + row) * width + col
            quads = np.stack([a, a + 1, a + width, a + 1, a + width + 1, a + width], axis=-1)
            faces.append(quads.reshape(-1, 3))
            panel = colour[orange[strip.ring[row], gore].astype(int)]
            ids.append(np.repeat(panel.reshape(-1), 2))
            start += c.gores * rows * width
        struts = 2 * c.gores + 1 + 3
        local = np.array(
            [[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4], [2, 0, 3], [2, 3, 5], [0, 2, 1], [3, 4, 5]]
        )
        faces.append((start + 6 * np.arange(struts)[:, None, None] + local[None]).reshape(-1, 3))
        ids.append(np.full(8 * struts, material_id("line_white")))
        return np.vstack(faces).astype(np.int32), np.concatenate(ids).astype(np.int32)


def _struts(start: Array, end: Array, radius_m: float) -> Array:
    """Return the six corners of a three-sided bar from each start to each end, shape (6 n, 3)."""
    along = end - start
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    hint = np.where(np.abs(along[:, 2:]) > 0.9, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]])
    first = np.cross(along, hint)
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    angle = 2.0 * np.pi * np.arange(3) / 3.0
    rim = radius_m * (
        np.cos(angle)[None, :, None] * first[:, None]
        + np.sin(angle)[None, :, None] * second[:, None]
    )
    return np.concatenate([start[:, None] + rim, end[:, None] + rim], axis=1).reshape(-1, 3)
