"""Fetching windows of maps by HTTP range, from servers that serve, stall and lie."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine

from skycrane.errors import InputError
from skycrane.mars.terrain_fetch import PLACES, SERVER, Source, fetch_terrain
from skycrane.mars.terrain_fetch_range import Patience, RangeFile
from skycrane.mission import load_mission

HASTE = Patience(silence_s=0.4, block_s=0.8, tries=3, pause_s=0.01)
R = 3396190.0


class Server(ThreadingHTTPServer):
    """Serves one file in ranges; `manner` says how it misbehaves, for how many requests."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.manner, self.times, self.etag = data, "", 10**9, '"one"'
        self.asked: list[str] = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address) -> None:
        """Keep quiet about clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range", "")
        server.asked.append(asked)
        manner = server.manner if server.times > 0 else ""
        server.times -= bool(manner)
        first, last = (int(v) for v in re.fullmatch(r"bytes=(\d+)-(\d+)", asked).groups())
        last = min(last, len(server.data) - 1)
        body = server.data[first : last + 1]
        size = len(server.data)
        if manner == "503":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if manner == "404":
            self.send_response(404)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if manner.startswith("to "):
            self.send_response(302)
            self.send_header("Location", manner[3:])
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if manner == "stalls":
            time.sleep(1.2)
            return None
        self.send_response(200 if manner == "ignores" else 206)
        if manner == "other range":
            self.send_header("Content-Range", f"bytes {first + 1}-{last + 1}/{size}")
        elif manner == "other size":
            self.send_header("Content-Range", f"bytes {first}-{last}/{size + len(server.asked)}")
        elif manner == "no range":
            pass
        else:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("ETag", server.etag)
        if manner == "zipped":
            self.send_header("Content-Encoding", "gzip")
        length = len(body)
        if manner == "announces more":
            length += 100
        if manner == "endless":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if manner == "too little":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return None
        if manner == "dribbles":
            for k in range(20):
                self.wfile.write(body[k : k + 1])
                self.wfile.flush()
                time.sleep(0.1)
            self.close_connection = True
            return None
        server.sent += len(body)
        self.wfile.write(body)
        if manner == "endless":
            self.wfile.write(bytes(5_000_000))
        return None


@contextmanager
def serving(data):
    server = Server(data)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def data():
    return np.random.default_rng(4).integers(0, 256, 1_000_003, dtype=np.uint8).tobytes()


def test_reads_what_is_there_and_keeps_it(tmp_path, data):
    with serving(data) as server:
        with RangeFile(server.url + "/a", tmp_path, patience=HASTE) as file:
            assert file.size == len(data)
            file.seek(-5, 2)
            assert file.read() == data[-5:]
            file.seek(250_000)
            assert file.read(300_000) == data[250_000:550_000]
        asked = len(server.asked)
        with RangeFile(server.url + "/a", tmp_path, patience=HASTE) as file:
            file.seek(250_000)
            assert file.read(300_000) == data[250_000:550_000]
        # Only whether the file is still the same is asked again.
        assert len(server.asked) == asked + 1


def test_only_what_is_needed_comes(tmp_path, data):
    with serving(data * 20) as server, RangeFile(server.url, tmp_path, patience=HASTE) as file:
        file.seek(9_000_000)
        file.read(10)
        assert server.sent < 600_000
        assert file.fetched == server.sent


def test_a_damaged_block_is_fetched_again(tmp_path, data):
    with serving(data) as server:
        with RangeFile(server.url, tmp_path, patience=HASTE) as file:
            file.read()
        path = tmp_path / "00000002.block"
        broken = bytearray(path.read_bytes())
        broken[1000] ^= 1
        path.write_bytes(broken)
        with RangeFile(server.url, tmp_path, patience=HASTE) as file:
            assert file.read() == data
        assert server.asked[-1].startswith("bytes=524288-")


@pytest.mark.parametrize(
    "manner",
    ["503", "stalls", "too little", "dribbles", "endless", "announces more", "other range",
     "no range", "zipped"],
)  # fmt: skip
def test_a_passing_failure_is_outlived(tmp_path, data, manner):
    with serving(data) as server:
        server.manner, server.times = manner, 1
        with RangeFile(server.url, tmp_path, patience=HASTE) as file:
            assert file.read() == data


@pytest.mark.parametrize(
    ("manner", "told"),
    [
        ("503", "HTTP 503 .after 3 tries"),
        ("404", "HTTP 404"),
        ("ignores", "whole files only"),
        ("too little", "131072 bytes came|bytes came where"),
        ("other range", "offered another range"),
        ("endless", "bytes came where"),
        ("announces more", "announced"),
        ("zipped", "encoded"),
        ("to http://example.invalid/x", "leads elsewhere: http://example.invalid"),
        ("to https://127.0.0.1/x", "leads elsewhere: https"),
        ("to file:///etc/passwd", "leads elsewhere: file"),
        ("to /again", "in a circle"),
    ],
)
def test_a_lasting_failure_is_told(tmp_path, data, manner, told):
    with serving(data) as server:
        server.manner = manner
        with pytest.raises(InputError, match=told) as caught:
            RangeFile(server.url + "/a", tmp_path, patience=HASTE)
        assert server.url in str(caught.value)
        assert len(server.asked) <= 4


def test_a_stalling_server_is_left_in_time(tmp_path, data):
    with serving(data) as server:
        server.manner = "stalls"
        with pytest.raises(InputError, match="timed out"):
            RangeFile(server.url, tmp_path, patience=HASTE)


def test_a_file_that_changes_meanwhile_is_refused(tmp_path, data):
    with serving(data) as server, RangeFile(server.url, tmp_path, patience=HASTE) as file:
        server.etag = '"two"'
        file.seek(600_000)
        with pytest.raises(InputError, match="changed while"):
            file.read(10)
        # Another version later: nothing of the old one is used.
        server.data = data[::-1]
        with RangeFile(server.url, tmp_path, patience=HASTE) as again:
            assert again.read() == data[::-1]


def test_no_more_than_agreed_comes(tmp_path, data):
    with (
        serving(data) as server,
        RangeFile(server.url, tmp_path, patience=HASTE, most_bytes=300_000) as file,
        pytest.raises(InputError, match="more than 0 MB"),
    ):
        file.read()


# ---- maps


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


def _mosaic(path, mission, shift_m=0.0, **options):
    """Write a 20 m map 40 km across whose values are the map's own y less the target's."""
    x, y = (R * np.radians(v) for v in (mission.site.longitude_deg, mission.site.latitude_deg))
    n, cell = 2000, 20.0
    values = np.repeat((cell * (n / 2 - 0.5 - np.arange(n)))[:, None], n, 1).astype(np.float32)
    values += np.random.default_rng(1).random((n, n), dtype=np.float32)
    transform = Affine(cell, 0, x - cell * n / 2 + shift_m, 0, -cell, y + cell * n / 2)
    crs = CRS.from_string(f"+proj=eqc +lat_ts=0 +lon_0=0 +R={R} +units=m +no_defs")
    with rasterio.open(
        path, "w", driver="GTiff", width=n, height=n, count=1, dtype="float32", crs=crs,
        transform=transform, nodata=-3.4e38, tiled=True, blockxsize=256, blockysize=256, **options,
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path.read_bytes(), values


SOURCE = (Source("elevation", "/mosaic/dtm.tif", 2000.0),)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_window_of_a_map_is_cut(tmp_path, mission, cache):
    content, values = _mosaic(tmp_path / "m.tif", mission)
    out = tmp_path / "out"
    with serving(content) as server:
        record = fetch_terrain(SOURCE, mission, out, server=server.url, patience=HASTE)
        assert server.sent < len(content) / 3
        asked = len(server.asked)
        again = fetch_terrain(SOURCE, mission, out, server=server.url, patience=HASTE)
        assert len(server.asked) == asked
    assert again == record
    path = out / "elevation.tif"
    assert record["elevation"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["elevation"]["fetched_bytes"] < record["elevation"]["file_bytes"]
    with rasterio.open(path) as cut:
        found = cut.read(1)
        left = round((cut.transform.c - rasterio.open(tmp_path / "m.tif").transform.c) / 20)
        assert cut.nodata == pytest.approx(-3.4e38)
    assert found.shape[0] == pytest.approx(200, abs=2)
    assert np.array_equal(found, values[899 : 899 + len(found), left : left + found.shape[1]]) or (
        np.array_equal(found, values[900 : 900 + len(found), left : left + found.shape[1]])
    )
    assert '[terrain]\nelevation = "elevation.tif"' in (out / "terrain.toml").read_text()


def test_a_broken_fetch_goes_on(tmp_path, mission, cache):
    content, _ = _mosaic(tmp_path / "m.tif", mission)
    out = tmp_path / "out"
    with serving(content) as server:
        server.times = 0
        whole = fetch_terrain(SOURCE, mission, tmp_path / "x", server=server.url, patience=HASTE)
    with serving(content) as server:
        server.manner, server.times = "", 0

        def breaks(key, fetched):
            if fetched > 600_000:
                server.manner, server.times = "404", 10**9

        with pytest.raises(InputError, match="HTTP 404"):
            fetch_terrain(SOURCE, mission, out, server=server.url, patience=HASTE, told=breaks)
        assert not (out / "elevation.tif").exists()
        server.manner, before = "", server.sent
        record = fetch_terrain(SOURCE, mission, out, server=server.url, patience=HASTE)
        assert server.sent - before < whole["elevation"]["fetched_bytes"] - 300_000
    assert record["elevation"]["sha256"] == whole["elevation"]["sha256"]


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"<html>moved</html>" * 50, "no GeoTIFF"), (b"II*\0" + bytes(3000), "no GeoTIFF")],
)
def test_what_is_no_map_is_told(tmp_path, mission, cache, content, told):
    with serving(content) as server, pytest.raises(InputError, match=told):
        fetch_terrain(SOURCE, mission, tmp_path / "out", server=server.url, patience=HASTE)


def test_a_map_of_elsewhere_is_told(tmp_path, mission, cache):
    content, _ = _mosaic(tmp_path / "m.tif", mission, shift_m=500_000.0)
    with serving(content) as server, pytest.raises(InputError, match="outside this map"):
        fetch_terrain(SOURCE, mission, tmp_path / "out", server=server.url, patience=HASTE)


def test_a_map_cut_short_is_told(tmp_path, mission, cache):
    content, _ = _mosaic(tmp_path / "m.tif", mission)
    with serving(content[: len(content) // 3]) as server, pytest.raises(InputError):
        fetch_terrain(SOURCE, mission, tmp_path / "out", server=server.url, patience=HASTE)
    assert not (tmp_path / "out" / "elevation.tif").exists()


def test_only_the_survey_is_asked():
    assert SERVER == "https://planetarymaps.usgs.gov"
    for cameras in PLACES.values():
        for sources in cameras.values():
            assert [s.key for s in sources] == ["elevation", "orthophoto"]
            assert all(s.path.startswith("/mosaic/mars2020_trn/") for s in sources)
