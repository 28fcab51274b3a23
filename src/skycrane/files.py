"""Files that are either whole or absent: temporary name, flush, rename."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skycrane.errors import InputError

__all__ = ["atomic_path", "check_writable", "fsync_dir", "sha256_file", "write_bytes", "write_json"]

_PARTIAL = ".partial"


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it and rename it to `path`.

    The temporary name keeps the suffix, so that writers that choose a format by it still do.
    On an exception the temporary file is removed and `path` is left as it was.

    Raises:
        InputError: the directory cannot be written to or the disk is full.
    """
    path = Path(path)
    partial = path.with_name(f"{path.stem}{_PARTIAL}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(partial, path)
        fsync_dir(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise as_input_error(error, path) from error
        raise


def as_input_error(error: OSError, path: Path) -> InputError:
    """Tell a user what an operating system's error about `path` means for them."""
    right = {
        errno.ENOSPC: "Free space on that disk or choose another directory with -o.",
        errno.EDQUOT: "Free space in your quota or choose another directory with -o.",
        errno.EACCES: "Choose a directory you may write to with -o.",
        errno.EPERM: "Choose a directory you may write to with -o.",
        errno.EROFS: "That file system is read-only; choose another directory with -o.",
        errno.ENOTDIR: "A part of the path is a file; choose a directory with -o.",
        errno.EEXIST: "A file has that name; choose a directory with -o.",
    }.get(error.errno or 0, "Check the path.")
    return InputError(os.strerror(error.errno or 0), where=str(path), right=right)


def fsync_dir(path: Path) -> None:
    """Make renames in the directory `path` survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_writable(directory: Path) -> None:
    """Create `directory` if need be and prove that a file can be written there.

    Raises:
        InputError: it cannot.
    """
    probe = directory / f".skycrane{_PARTIAL}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
        raise as_input_error(error, directory) from error


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, or of a directory tree by name and content, as hexadecimal."""
    path = Path(path)
    if path.is_dir():
        tree = hashlib.sha256()
        for child in sorted(p for p in path.rglob("*") if p.is_file()):
            tree.update(f"{child.relative_to(path).as_posix()}\0{sha256_file(child)}\n".encode())
        return tree.hexdigest()
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with atomic_path(path) as partial:
        partial.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON with a stable byte layout; NaN is refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())
