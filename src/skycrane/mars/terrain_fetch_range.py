"""A file on a web server read in ranges: only what is asked for, checked, kept, taken up again.

Blocks of fixed size are asked for by HTTP range (RFC 9110, section 14) and kept on disk with
their SHA-256, so that a broken fetch goes on where it was. Nothing that the server says is
believed unchecked: status, range, length and identity of the file must all agree with what was
asked, it may send neither less nor more, it must keep up a pace, and it may lead nowhere else.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from skycrane import __version__
from skycrane.errors import InputError
from skycrane.files import write_bytes

__all__ = ["Patience", "RangeFile"]

_BLOCK = 1 << 18
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_LARGEST = 1 << 40


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        silence_s: longest wait for anything at all.
        block_s: longest time for one block.
        tries: requests for one block before giving up.
        pause_s: before the second request; doubled before each further one, at most 30 s.
    """

    silence_s: float = 20.0
    block_s: float = 120.0
    tries: int = 6
    pause_s: float = 0.5


class _PassingError(Exception):
    """A failure that another try may mend."""

    def __init__(self, what: str, wait_s: float = 0.0) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class RangeFile(io.RawIOBase):
    """A remote file to read and seek in.

    Attributes:
        size: its length in bytes.
        fetched: bytes that came over the network so far.
        error: the first error, as callers in other languages swallow exceptions.
    """

    def __init__(
        self,
        url: str,
        cache: Path,
        *,
        patience: Patience | None = None,
        most_bytes: int = 1 << 30,
        told: Callable[[int], None] | None = None,
    ) -> None:
        """Ask for the first block.

        Args:
            url: http or https.
            cache: directory for blocks of this file and no other.
            patience: how long to wait.
            most_bytes: give up rather than fetch more than this.
            told: called with the bytes fetched so far.

        Raises:
            InputError: the server does not serve this file in ranges, or not in time.
        """
        super().__init__()
        self._url = url
        self._cache = cache
        self._patience = patience or Patience()
        self._most = most_bytes
        self._told = told or (lambda _: None)
        self._connection: http.client.HTTPConnection | None = None
        self._at = 0
        self._last: tuple[int, bytes] = (-1, b"")
        self.size = 0
        self.identity = ""
        self.fetched = 0
        self.error: InputError | None = None
        self._begin()

    # ---- what a file does

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; beyond the end nothing is read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes from here.

        Raises:
            InputError: they cannot be had.
        """
        end = self.size if size is None or size < 0 else min(self.size, self._at + size)
        parts = []
        while self._at < end:
            index, begin = divmod(self._at, _BLOCK)
            part = self._block(index)[begin : begin + end - self._at]
            parts.append(part)
            self._at += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Hang up."""
        self._hang_up()
        super().close()

    # ---- blocks

    def _begin(self) -> None:
        """Learn size and identity; forget blocks kept of another version of the file."""
        data = self._fetch(0)
        stamp = self._cache / "file.txt"
        mine = f"{self._url}\n{self.size}\n{self.identity}\n"
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if stamp.read_text(encoding="utf-8") != mine:
                for path in self._cache.glob("*.block"):
                    path.unlink()
        write_bytes(stamp, mine.encode())
        self._keep(0, data)

    def _block(self, index: int) -> bytes:
        if self._last[0] == index:
            return self._last[1]
        data = self._kept(index)
        if data is None:
            try:
                data = self._fetch(index)
            except InputError as error:
                self.error = self.error or error
                raise
            self._keep(index, data)
        self._last = (index, data)
        return data

    def _path(self, index: int) -> Path:
        return self._cache / f"{index:08d}.block"

    def _kept(self, index: int) -> bytes | None:
        with contextlib.suppress(OSError):
            stored = self._path(index).read_bytes()
            data = stored[32:]
            if hashlib.sha256(data).digest() == stored[:32] and len(data) == self._length(index):
                return data
        return None

    def _keep(self, index: int, data: bytes) -> None:
        write_bytes(self._path(index), hashlib.sha256(data).digest() + data)

    def _length(self, index: int) -> int:
        return min(_BLOCK, self.size - index * _BLOCK)

    # ---- the server

    def _fetch(self, index: int) -> bytes:
        pause = self._patience.pause_s
        what = ""
        for attempt in range(self._patience.tries):
            if attempt:
                time.sleep(pause)
                pause = min(2.0 * pause, 30.0)
            if self.fetched > self._most:
                raise self._refused(
                    f"more than {self._most / 1e6:.0f} MB would come", "Ask for a smaller window."
                )
            try:
                data = self._ask(index)
            except _PassingError as failure:
                what = str(failure)
                pause = max(pause, min(failure.wait_s, 60.0))
                self._hang_up()
            except (OSError, http.client.HTTPException) as failure:
                what = str(failure) or type(failure).__name__
                self._hang_up()
                if isinstance(failure, ssl.SSLCertVerificationError):
                    raise self._refused(what, "The server is not the one it says.") from None
            else:
                self.fetched += len(data)
                self._told(self.fetched)
                return data
        raise self._refused(
            f"{what} (after {self._patience.tries} tries)",
            "Try again later; what has come is kept, and the same command goes on from there.",
        )

    def _ask(self, index: int) -> bytes:
        first = index * _BLOCK
        last = first + _BLOCK - 1 if not self.size else min(first + _BLOCK, self.size) - 1
        url = self._url
        deadline = time.monotonic() + self._patience.block_s
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._request(url, f"bytes={first}-{last}")
            if response.status not in _REDIRECTS:
                return self._checked(response, first, last, deadline)
            url = self._led(url, response.headers.get("Location", ""))
            self._hang_up()
        raise self._refused("it redirects in a circle", "Give the address it means.")

    def _request(self, url: str, asked: str) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        if self._connection is None:
            kind = {"https": http.client.HTTPSConnection, "http": http.client.HTTPConnection}
            if parts.scheme not in kind or not parts.hostname:
                raise self._refused("this is no web address", "Give http:// or https://.")
            self._connection = kind[parts.scheme](
                parts.hostname, parts.port, timeout=self._patience.silence_s
            )
        headers = {
            "Range": asked,
            "Accept-Encoding": "identity",
            "User-Agent": f"skycrane/{__version__}",
        }
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._connection.request("GET", path, headers=headers)
        return self._connection.getresponse()

    def _led(self, url: str, location: str) -> str:
        there = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(there)
        if (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
            raise self._refused(
                f"it leads elsewhere: {new.scheme}://{new.hostname or ''}"[:200],
                "Only the server that was asked is believed; it may have moved.",
            )
        return there

    def _checked(
        self, response: http.client.HTTPResponse, first: int, last: int, deadline: float
    ) -> bytes:
        self._check_status(response)
        found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        begin, end, size = (int(v[:20]) for v in found.groups()) if found else (-1, -1, -1)
        if not self.size:
            last = min(last, size - 1)
        if (
            (begin, end) != (first, last)
            or not 0 < size < _LARGEST
            or size
            not in (
                self.size or size,
                size,
            )
        ):
            raise _PassingError(f"asked for bytes {first}-{last}, offered another range")
        identity = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        if self.size and (size, identity) != (self.size, self.identity):
            raise self._refused(
                "the file changed while it was being read", "Run the same command again."
            )
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _PassingError("the range came encoded")
        data = self._body(response, last - first + 1, deadline)
        self.size, self.identity = size, identity[:300]
        return data

    def _check_status(self, response: http.client.HTTPResponse) -> None:
        status = response.status
        if status in (408, 425, 429) or status >= 500:
            after = response.headers.get("Retry-After", "")
            raise _PassingError(f"HTTP {status}", float(after) if after.isdecimal() else 0.0)
        if status == 200:
            raise self._refused(
                "the server sends whole files only", "Fetch it by other means and cut it yourself."
            )
        if status != 206:
            raise self._refused(f"HTTP {status}", "The file may have moved; see docs/terrain.md.")

    def _body(self, response: http.client.HTTPResponse, length: int, deadline: float) -> bytes:
        """Read exactly `length` bytes in time."""
        said = response.headers.get("Content-Length")
        if said is not None and said != str(length):
            raise _PassingError(f"{length} bytes asked for, {said[:20]} announced")
        parts, have = [], 0
        while have <= length:
            if time.monotonic() > deadline:
                raise _PassingError(f"{have} of {length} bytes in {self._patience.block_s:g} s")
            part = response.read1(length + 1 - have)
            if not part:
                break
            parts.append(part)
            have += len(part)
        # Read to its end by its own count, it must be told so before the next request.
        response.close()
        if have != length:
            raise _PassingError(f"{have} bytes came where {length} were asked for")
        return b"".join(parts)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _refused(self, what: str, right: str) -> InputError:
        self._hang_up()
        return InputError(what, where=self._url, right=right)
