"""A user's GeoTIFF as ground: opened with care, and read in windows onto grids around the target.

Only the GeoTIFF itself counts, no file beside it, as only its bytes are in the hash. Latitudes are
planetocentric; where the file's body is an ellipsoid they are converted to those of its
coordinate system. A place (east, north) is the foot of the curved datum that the cameras use,
east^2 + north^2 over twice the radius below the target's horizontal plane.
"""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio  # type: ignore[import-untyped]
import rasterio.warp  # type: ignore[import-untyped]
from numpy.typing import NDArray
from rasterio.enums import Resampling  # type: ignore[import-untyped]
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError  # type: ignore[import-untyped]
from rasterio.windows import Window  # type: ignore[import-untyped]
from scipy.ndimage import map_coordinates

from skycrane.errors import InputError
from skycrane.mars.frames import SiteFrame
from skycrane.mission.place import Planet, Site

__all__ = ["MapFile", "Sampled", "fill_holes", "open_map"]

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

_STRIDE = 16
"""Nodes between exactly transformed ones; in between a map projection is straight enough."""
_MOST_PIXELS = 4_000_000_000
"""Most pixels of one window that are read to average them, where no overview has done so."""
_SMALLEST = 8
_HOLE_PIXELS = 12.0
"""Holes up to this radius are filled; larger ones count as ground the file does not cover."""
_FEATHER_M = 1500.0

_OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Sampled:
    """A file on a grid of the ground.

    Attributes:
        values: of the file, rows north, columns east, (n, n) float64; holes filled.
        weight: 1 where the file speaks, falling to 0 toward its edges and beyond, (n, n).
        filled: share of the covered nodes that lay in a hole.
    """

    values: Array
    weight: Grid
    filled: float


@dataclass(frozen=True)
class MapFile:
    """An open GeoTIFF with what is needed to find places of the site in it."""

    dataset: Any
    where: str
    site: Site
    pixel_m: float
    ellipsoid_m: tuple[float, float]
    period: float

    def pixels_of(self, east_m: Array, north_m: Array) -> tuple[Array, Array]:
        """Return columns and rows (0 at a pixel's centre) of places; arrays of one shape.

        Raises:
            InputError: the file's coordinate system does not reach there.
        """
        frame = SiteFrame.of(self.site)
        down = (east_m**2 + north_m**2) / (2.0 * self.site.radius_m)
        place = frame.origin_m + np.stack([east_m, north_m, -down], axis=-1) @ frame.axes
        longitude = np.degrees(np.arctan2(place[..., 1], place[..., 0]))
        across = np.hypot(place[..., 0], place[..., 1])
        # Planetocentric to the ellipsoid's own latitude: tan = tan(centric) a^2 / b^2.
        a, b = (1.0, 1.0) if "Ocentric" in self.dataset.crs.wkt else self.ellipsoid_m
        latitude = np.degrees(np.arctan2(place[..., 2] * a * a, across * b * b))
        x, y = self._project(longitude.ravel(), latitude.ravel())
        x = x.reshape(east_m.shape)
        if self.period:
            middle = self.dataset.bounds.left / 2 + self.dataset.bounds.right / 2
            x = x - self.period * np.round((x - middle) / self.period)
        back = ~self.dataset.transform
        y = y.reshape(east_m.shape)
        return back.a * x + back.b * y + back.c - 0.5, back.d * x + back.e * y + back.f - 0.5

    def _project(self, longitude: Array, latitude: Array) -> tuple[Array, Array]:
        a, b = self.ellipsoid_m
        source = f"+proj=longlat +a={a!r} +b={b!r} +no_defs +type=crs"
        try:
            x, y = rasterio.warp.transform(source, self.dataset.crs, longitude, latitude)
        except (RasterioError, CRSError, ValueError) as error:
            raise InputError(
                f"its coordinate system cannot be used here: {error}",
                where=self.where,
                right="Reproject it to an equirectangular or polar map of the planet.",
            ) from None
        return np.asarray(x, np.float64), np.asarray(y, np.float64)

    def sample(self, origin_m: tuple[float, float], cell_m: float, count: int) -> Sampled:
        """Return the file on a square grid of `count` nodes; coarser grids get averages.

        Raises:
            InputError: the file is damaged there, or too large to average without overviews.
        """
        columns, rows = self._pixels_of_grid(origin_m, cell_m, count)
        factor = max(1, int(cell_m / self.pixel_m + 0.01))
        width, height = self.dataset.width, self.dataset.height
        spans = []
        for at, size in ((columns, width), (rows, height)):
            low = max(0, (int(np.floor(at.min())) // factor - 4) * factor)
            high = min(size, (int(np.ceil(at.max())) // factor + 5) * factor)
            spans.append((low, (high - low) // factor))
        if any(n < 2 for _, n in spans):
            nothing = np.zeros((count, count))
            return Sampled(nothing, nothing.astype(np.float32), 0.0)
        data, valid = self._read(spans, factor)
        inside, margin = self._cover(valid, spans, factor)
        holes = inside & ~valid
        values = fill_holes(data, valid)
        place = [
            (at - low + 0.5) / factor - 0.5
            for at, (low, _) in ((rows, spans[1]), (columns, spans[0]))
        ]
        # Splines ring about a float32's large offset: heights are taken from their mean.
        mean = float(values.mean(dtype=np.float64))
        found = map_coordinates(values - mean, place, order=3, mode="nearest") + mean
        feather = min(_FEATHER_M, 0.08 * min(width, height) * self.pixel_m)
        feather = max(feather, 4.0 * self.pixel_m, 2.0 * cell_m)
        reach = map_coordinates(margin, place, order=1, mode="nearest")
        at_edge = np.minimum.reduce(
            [columns + 0.5, width - 0.5 - columns, rows + 0.5, height - 0.5 - rows]
        )
        t = np.clip(np.minimum(reach, at_edge * self.pixel_m) / feather, 0.0, 1.0)
        weight = (t * t * (3.0 - 2.0 * t)).astype(np.float32)
        hole = map_coordinates(holes.astype(np.float32), place, order=0, mode="constant")
        covered = weight > 0
        share = float(hole[covered].mean()) if covered.any() else 0.0
        return Sampled(found, weight, share)

    def _pixels_of_grid(
        self, origin_m: tuple[float, float], cell_m: float, count: int
    ) -> tuple[Array, Array]:
        coarse = np.arange(0, count + _STRIDE, _STRIDE, dtype=np.float64)
        east, north = np.meshgrid(origin_m[0] + cell_m * coarse, origin_m[1] + cell_m * coarse)
        nodes = np.arange(count) / _STRIDE
        first = np.minimum(nodes.astype(int), len(coarse) - 2)
        share = nodes - first
        out = []
        for at in self.pixels_of(east, north):
            if not np.isfinite(at).all():
                raise InputError(
                    "its coordinate system does not reach all the ground around the target",
                    where=self.where,
                    right="Give a map that is made for this latitude.",
                )
            line = at[first] + (at[first + 1] - at[first]) * share[:, None]
            out.append(line[:, first] + (line[:, first + 1] - line[:, first]) * share[None, :])
        return out[0], out[1]

    def _read(self, spans: list[tuple[int, int]], factor: int) -> tuple[Array, NDArray[np.bool_]]:
        """Return one brightness or height a (factor x factor) block, and where there is one."""
        (left, columns), (top, rows) = spans
        pixels = columns * rows * factor * factor
        overviews = self.dataset.overviews(1)
        steps = max((o for o in overviews if o <= factor), default=1)
        if pixels / steps**2 > _MOST_PIXELS:
            raise InputError(
                f"{pixels / 1e9:.0f} billion pixels would have to be averaged",
                where=self.where,
                right="Add overviews to the file (gdaladdo -r average) or cut out the window.",
            )
        bands = list(range(1, min(self.dataset.count, 3) + 1)) if self.dataset.count >= 3 else [1]
        try:
            stack = self.dataset.read(
                bands,
                window=Window(left, top, columns * factor, rows * factor),
                out_shape=(len(bands), rows, columns),
                resampling=Resampling.average,
                masked=True,
                out_dtype="float64",
            )
        except (RasterioError, ValueError, MemoryError) as error:
            raise InputError(
                f"it cannot be read: {_plain(error)}",
                where=self.where,
                right="The file is damaged or cut short; get it again.",
            ) from None
        scale, offset = self.dataset.scales[0], self.dataset.offsets[0]
        data = np.ma.getdata(stack).mean(axis=0) * scale + offset
        valid = ~np.ma.getmaskarray(stack).any(axis=0) & np.isfinite(data)
        return np.where(valid, data, 0.0), valid

    def _cover(
        self, valid: NDArray[np.bool_], spans: list[tuple[int, int]], factor: int
    ) -> tuple[NDArray[np.bool_], Grid]:
        """Return what counts as covered, small holes with it, and how far inside it lies [m]."""
        if valid.all():
            return valid, np.full(valid.shape, np.float32(1e9))
        radius = max(1, math.ceil(_HOLE_PIXELS / factor))
        pad = radius + 1
        mask = np.pad(valid.astype(np.uint8), pad)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)[pad:-pad, pad:-pad] > 0
        inside = closed | valid
        # Only what the file itself leaves out is an edge, not where the window ends.
        deep = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
        return inside, np.clip(deep - 0.5, 0.0, 1e6) * np.float32(factor * self.pixel_m)


def fill_holes(values: NDArray[Any], valid: NDArray[Any]) -> Array:
    """Return values (rows, columns) with what is not valid filled smoothly from around it.

    `valid` may be a weight from 0 to 1. Averages over blocks of 2, 4, 8 ... know what is around a
    hole of any width; coming back up each fills what the finer one lacks.
    """
    weight = np.asarray(valid, np.float64)
    sums = np.where(weight > 0, values, 0.0).astype(np.float64) * weight
    if (weight >= 1.0).all():
        return sums
    pyramid = [(sums, weight)]
    while max(sums.shape) > 1:
        rows, columns = sums.shape
        edge = ((0, rows % 2), (0, columns % 2))
        sums, weight = np.pad(sums, edge), np.pad(weight, edge)
        sums, weight = (
            (a[0::2, 0::2] + a[1::2, 0::2] + a[0::2, 1::2] + a[1::2, 1::2]) for a in (sums, weight)
        )
        norm = np.maximum(weight, 1.0)
        sums, weight = sums / norm, weight / norm
        pyramid.append((sums, weight))
    sums, weight = pyramid[-1]
    filled = sums / np.maximum(weight, 1e-12)
    for sums, weight in reversed(pyramid[:-1]):
        rows, columns = sums.shape
        wide = cv2.resize(
            filled, (filled.shape[1] * 2, filled.shape[0] * 2), interpolation=cv2.INTER_LINEAR
        )
        filled = sums + (1.0 - weight) * wide[:rows, :columns]
    return filled


def _plain(error: BaseException) -> str:
    """Return a library's message on one line, without its own advice."""
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextmanager
def open_map(
    path: Path, *, where: str, sha256: str | None, site: Site, planet: Planet
) -> Iterator[MapFile]:
    """Open a GeoTIFF of the planet that covers the target.

    Args:
        path: the file.
        where: names it in errors.
        sha256: what its bytes must be, or None.
        site: the target.
        planet: whose map it must be, by the radius of its coordinate system to 1 %.

    Raises:
        InputError: not this file, no GeoTIFF, no georeference, another body's, too small, or it
            does not cover the target.
    """
    _check_bytes(path, where, sha256)
    with warnings.catch_warnings(), rasterio.Env(**_OPTIONS):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(path, driver="GTiff")
        except (RasterioError, ValueError) as error:
            raise InputError(
                f"no GeoTIFF: {_plain(error)}", where=where, right="Give a GeoTIFF."
            ) from None
        with dataset:
            yield _examined(dataset, where, site, planet)


def _check_bytes(path: Path, where: str, sha256: str | None) -> None:
    right = "Put the file back where the mission has it."
    if not path.is_file():
        raise InputError("there is no such file", where=where, right=right)
    if sha256 is None:
        return
    try:
        with path.open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise InputError(str(error.strerror), where=where, right=right) from error
    if found != sha256:
        raise InputError(
            f"changed since the mission was read: its SHA-256 is {found}, not {sha256}",
            where=where,
            right="Put that file back, or begin a new run with this one.",
        )


def _examined(dataset: Any, where: str, site: Site, planet: Planet) -> MapFile:
    if dataset.crs is None or dataset.transform.is_identity or not dataset.transform.determinant:
        raise InputError(
            "it has no georeference",
            where=where,
            right="Give a GeoTIFF with a coordinate system and a transform of its own.",
        )
    if min(dataset.width, dataset.height) < _SMALLEST:
        raise InputError(
            f"{dataset.width} x {dataset.height} pixels are no map",
            where=where,
            right=f"Give at least {_SMALLEST} x {_SMALLEST} pixels around the target.",
        )
    if "complex" in dataset.dtypes[0]:
        raise InputError("its values are complex", where=where, right="Give real numbers.")
    a, b = _ellipsoid(dataset.crs, where)
    if abs(a / planet.reference_radius_m - 1.0) > 0.01:
        raise InputError(
            f"a map of another body: radius {a / 1000:.0f} km",
            where=where,
            right=f"Give a map of {planet.name}, radius {planet.reference_radius_m / 1000:.0f} km.",
        )
    wide = a * math.pi / 180.0 if dataset.crs.is_geographic else _metres(dataset.crs)
    pixel = math.sqrt(abs(dataset.transform.determinant)) * wide
    if dataset.crs.is_geographic:
        pixel *= math.sqrt(max(math.cos(math.radians(site.latitude_deg)), 1e-6))
    file = MapFile(dataset, where, site, pixel, (a, b), _period(dataset.crs, a))
    column, row = (float(v[0]) for v in file.pixels_of(np.zeros(1), np.zeros(1)))
    if not (-0.5 <= column <= dataset.width - 0.5 and -0.5 <= row <= dataset.height - 0.5):
        raise InputError(
            f"the target ({site.latitude_deg:.4f} N, {site.longitude_deg:.4f} E) lies outside it",
            where=where,
            right="Give a map that covers the target, or mend site.latitude_deg, longitude_deg.",
        )
    return file


def _ellipsoid(crs: Any, where: str) -> tuple[float, float]:
    """Return the half axes [m] of a coordinate system's body."""
    found = re.search(
        r'(?:SPHEROID|ELLIPSOID)\["[^"]*",\s*([0-9.eE+]+),\s*([0-9.eE+]+)', str(crs.wkt)
    )
    if not found:
        raise InputError(
            "its coordinate system names no body",
            where=where,
            right="Give a geographic or projected coordinate system of the planet.",
        )
    a, inverse = float(found[1]), float(found[2])
    return a, a * (1.0 - 1.0 / inverse) if inverse else a


def _metres(crs: Any) -> float:
    try:
        return float(crs.linear_units_factor[1])
    except CRSError:
        return 1.0


def _period(crs: Any, a: float) -> float:
    """Return how far apart a map has the same place again, in its own units; 0 if never."""
    if crs.is_geographic:
        return 360.0
    if "Equirectangular" not in crs.wkt and "Equidistant_Cylindrical" not in crs.wkt:
        return 0.0
    found = re.search(r'"standard_parallel_1",\s*(-?[0-9.eE+-]+)', crs.wkt)
    parallel = math.radians(float(found[1])) if found else 0.0
    return 2.0 * math.pi * a * math.cos(parallel) / _metres(crs)
