"""Windows of the public maps made for Mars 2020's terrain-relative navigation, cut for a mission.

The mosaics (Fergason et al. 2020, Mars 2020 Terrain Relative Navigation flight product
generation: digital terrain model and orthorectified image mosaic, 51st LPSC, 2020) are
equirectangular on the sphere of 3396.19 km, heights over the MOLA areoid. Of their gigabytes only
the blocks around the target are read.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio  # type: ignore[import-untyped]
from rasterio.errors import RasterioError  # type: ignore[import-untyped]
from rasterio.windows import Window  # type: ignore[import-untyped]

from skycrane.errors import InputError
from skycrane.files import atomic_path, check_writable, sha256_file, write_bytes, write_json
from skycrane.mars.terrain_cache import cache_directory
from skycrane.mars.terrain_fetch_range import Patience, RangeFile
from skycrane.mars.terrain_files import open_map
from skycrane.mission import Mission

__all__ = ["PLACES", "SERVER", "Source", "fetch_terrain"]

SERVER = "https://planetarymaps.usgs.gov"
"""Astropedia's file server, of the USGS Astrogeology Science Center."""

_STRIP_ROWS = 256
_MOST_PIXELS = 1 << 28


@dataclass(frozen=True)
class Source:
    """One public mosaic.

    Attributes:
        key: what it serves as in a mission's [terrain].
        path: on the server.
        half_width_m: of the window around the target.
    """

    key: str
    path: str
    half_width_m: float


_TRN = "/mosaic/mars2020_trn"
PLACES: dict[str, dict[str, tuple[Source, ...]]] = {
    "jezero": {
        "ctx": (
            Source(
                "elevation",
                f"{_TRN}/CTX/JEZ_ctx_B_soc_008_DTM_MOLAtopography_DeltaGeoid_20m_Eqc_latTs0_lon0.tif",
                20_480.0,
            ),
            Source(
                "orthophoto",
                f"{_TRN}/CTX/JEZ_ctx_B_soc_008_orthoMosaic_6m_Eqc_latTs0_lon0.tif",
                12_288.0,
            ),
        ),
        "hirise": (
            Source(
                "elevation",
                f"{_TRN}/HiRISE/"
                "JEZ_hirise_soc_006_DTM_MOLAtopography_DeltaGeoid_1m_Eqc_latTs0_lon0_blend40.tif",
                2_048.0,
            ),
            Source(
                "orthophoto",
                f"{_TRN}/HiRISE/JEZ_hirise_soc_006_orthoMosaic_25cm_Eqc_latTs0_lon0_first.tif",
                1_024.0,
            ),
        ),
    }
}
"""By place and camera: CTX of 20 m and 6 m for the whole basin, HiRISE of 1 m and 25 cm."""


def fetch_terrain(
    sources: tuple[Source, ...],
    mission: Mission,
    directory: Path,
    *,
    server: str = SERVER,
    patience: Patience | None = None,
    most_bytes: int = 2_000_000_000,
    told: Callable[[str, int], None] | None = None,
) -> dict[str, Any]:
    """Cut the window around a mission's target out of each source.

    Writes elevation.tif, orthophoto.tif, fetched.json (where from, how much, SHA-256) and
    terrain.toml (the keys to put into a mission file). What has come is kept in the user's cache,
    and a file that is here and whole is not fetched again.

    Args:
        sources: what to fetch.
        mission: whose target it is.
        directory: where to write.
        server: whose paths the sources are.
        patience: how long to wait for it.
        most_bytes: give up rather than fetch more for one source.
        told: called with a source's key and the bytes that came for it.

    Returns:
        What fetched.json says.

    Raises:
        InputError: the server does not give it, it is no map of the target, or the disk is full.
    """
    check_writable(directory)
    record_path = directory / "fetched.json"
    known = _known(record_path)
    record: dict[str, Any] = {}
    for source in sources:
        url = server + source.path
        out = directory / f"{source.key}.tif"
        wanted = {
            "url": url,
            "half_width_m": source.half_width_m,
            "target_deg": [mission.site.latitude_deg, mission.site.longitude_deg],
        }
        entry = known.get(source.key, {})
        ready = all(entry.get(k) == v for k, v in wanted.items())
        if not (ready and out.is_file() and entry.get("sha256") == sha256_file(out)):
            entry = wanted | _cut(source, url, out, mission, patience, most_bytes, told)
        record[source.key] = entry
        write_json(record_path, known | record)
    lines = [f'{key} = "{key}.tif"' for key in record]
    write_bytes(directory / "terrain.toml", ("[terrain]\n" + "\n".join(lines) + "\n").encode())
    return record


def _known(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    good = isinstance(found, dict) and all(isinstance(v, dict) for v in found.values())
    return found if good else {}


def _cut(
    source: Source,
    url: str,
    out: Path,
    mission: Mission,
    patience: Patience | None,
    most_bytes: int,
    told: Callable[[str, int], None] | None,
) -> dict[str, Any]:
    """Fetch one window and check that it is a map of the target."""
    name = hashlib.sha256(url.encode()).hexdigest()[:24]
    cache = cache_directory() / "fetched" / name
    advance = partial(told, source.key) if told else None
    with RangeFile(url, cache, patience=patience, most_bytes=most_bytes, told=advance) as remote:
        # A reader's errors are a system's errors too: they are told before a file's writer sees.
        with atomic_path(out) as unfinished, _errors_told(remote, url), _opened(remote) as dataset:
            window = _window(dataset, url, mission, source.half_width_m)
            _copy(dataset, window, unfinished)
        fetched, size, identity = remote.fetched, remote.size, remote.identity
    digest = sha256_file(out)
    with open_map(
        out, where=str(out), sha256=digest, site=mission.site, planet=mission.planet
    ) as file:
        shape = [file.dataset.width, file.dataset.height]
    return {
        "identity": identity,
        "file_bytes": size,
        "fetched_bytes": fetched,
        "pixels": shape,
        "sha256": digest,
    }


@contextmanager
def _errors_told(remote: RangeFile, url: str) -> Iterator[None]:
    try:
        yield
    except (RasterioError, MemoryError) as error:
        if remote.error is not None:
            raise remote.error from None
        text = " ".join(str(error).split())[:200]
        raise InputError(
            f"what came is no GeoTIFF to read: {text}",
            where=url,
            right="The file may have moved; see docs/terrain.md.",
        ) from None


@contextmanager
def _opened(remote: RangeFile) -> Iterator[Any]:
    """Open a remote GeoTIFF; libtiff asks for what it needs through `remote` alone."""
    lock = threading.Lock()

    def opener(path: str, mode: str = "rb") -> _Shared:
        if not path.endswith("remote.tif") or "w" in mode:
            raise FileNotFoundError(path)  # no files beside it are looked for
        return _Shared(remote, lock)

    with (
        rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_CACHEMAX=256),
        rasterio.open("remote.tif", driver="GTiff", opener=opener) as dataset,
    ):
        yield dataset


class _Shared:
    """One reader's place in a remote file that several may read."""

    def __init__(self, remote: RangeFile, lock: threading.Lock) -> None:
        self._remote, self._lock, self._at = remote, lock, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self._at, self._remote.size)[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        if self._remote.error is not None:
            return b""  # one refusal is enough: the reader gives up at once
        with self._lock:
            self._remote.seek(self._at)
            try:
                data = self._remote.read(size)
            except InputError:
                return b""  # kept in the remote's `error`; nothing may be raised through libtiff
        self._at += len(data)
        return data

    def close(self) -> None:
        pass

    def __enter__(self) -> _Shared:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _window(dataset: Any, url: str, mission: Mission, half_width_m: float) -> Any:
    """Return the window around the target, cut to the map."""
    if dataset.crs is None or dataset.transform.is_identity:
        raise InputError("it has no georeference", where=url, right="See docs/terrain.md.")
    site = mission.site
    radius = mission.planet.reference_radius_m
    # The mosaics' own projection: x and y are arcs of the sphere from longitude and latitude 0.
    x, y = (radius * math.radians(v) for v in (site.longitude_deg, site.latitude_deg))
    wide = half_width_m / max(math.cos(math.radians(site.latitude_deg)), 0.05)
    back = ~dataset.transform
    corners = [(x + i * wide, y + j * half_width_m) for i in (-1, 1) for j in (-1, 1)]
    columns = [back.a * u + back.b * v + back.c for u, v in corners]
    rows = [back.d * u + back.e * v + back.f for u, v in corners]
    left, right = max(0, math.floor(min(columns))), min(dataset.width, math.ceil(max(columns)))
    top, bottom = max(0, math.floor(min(rows))), min(dataset.height, math.ceil(max(rows)))
    if right - left < 8 or bottom - top < 8:
        raise InputError(
            "the target lies outside this map", where=url, right="Fetch another place's."
        )
    if (right - left) * (bottom - top) > _MOST_PIXELS:
        raise InputError(
            f"a window of {right - left} x {bottom - top} pixels",
            where=url,
            right="This is not the map it should be; see docs/terrain.md.",
        )
    return Window(left, top, right - left, bottom - top)


def _copy(dataset: Any, window: Any, out: Path) -> None:
    """Write a window to a GeoTIFF, strip by strip; the bytes depend on nothing but the pixels."""
    profile = {
        "driver": "GTiff",
        "width": window.width,
        "height": window.height,
        "count": 1,
        "dtype": dataset.dtypes[0],
        "crs": dataset.crs,
        "transform": dataset.window_transform(window),
        "nodata": dataset.nodata,
        "compress": "deflate",
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
    }
    with rasterio.open(out, "w", **profile) as target:
        for row in range(0, window.height, _STRIP_ROWS):
            rows = min(_STRIP_ROWS, window.height - row)
            strip = Window(window.col_off, window.row_off + row, window.width, rows)
            data = dataset.read(1, window=strip)
            target.write(np.ascontiguousarray(data), 1, window=Window(0, row, window.width, rows))
        target.scales, target.offsets = dataset.scales[:1], dataset.offsets[:1]
