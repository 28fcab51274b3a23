"""Built grounds kept in the user's cache directory: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import tokenize
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.files import atomic_path

__all__ = ["cache_directory", "forget_oldest", "load_arrays", "save_arrays"]

_DAMAGE = (
    *(OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile),
    # Headers of arrays are Python literals.
    *(SyntaxError, tokenize.TokenError),
)


def cache_directory() -> Path:
    """Return where built grounds are kept: skycrane/ in the user's cache directory."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "skycrane"


def load_arrays(path: Path, needed: tuple[str, ...]) -> dict[str, NDArray] | None:
    """Return the arrays of a cache file, or None where it is missing or damaged in any byte."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _DAMAGE:
        return None
    return arrays if all(name in arrays for name in needed) else None


def save_arrays(path: Path, arrays: dict[str, NDArray]) -> None:
    """Write arrays to a cache file, whole or not at all."""
    # A cache that cannot be written costs time at the next run, nothing else.
    with contextlib.suppress(InputError), atomic_path(path) as partial:
        np.savez(partial, **arrays)  # type: ignore[arg-type]


def forget_oldest(directory: Path, pattern: str, *, keep: int) -> None:
    """Remove the oldest cache files; each landing place makes one of 250 MB."""
    with contextlib.suppress(OSError):
        files = sorted(directory.glob(pattern), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in files[keep:]:
            path.unlink(missing_ok=True)
