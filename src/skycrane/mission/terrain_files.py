"""A user's own ground: where the files that a mission names lie, and what is in them by hash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from skycrane.errors import InputError
from skycrane.files import sha256_file

__all__ = ["TERRAIN_FILES", "resolve_terrain_files"]

TERRAIN_FILES = ("elevation", "orthophoto")
"""Keys of [terrain] that name a GeoTIFF; each has a KEY_sha256 beside it."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def resolve_terrain_files(table: dict[str, Any], folder: Path | None, where: str) -> dict[str, Any]:
    """Return a mission's tables with whole paths of the ground's files, and their SHA-256.

    The hash stands for what is in the files: grounds are cached by it and a run tells by it what
    it used. A mission written out by a run has path and hash already and is left as it is, so that
    a finished ground outlives its files; they are hashed again when a ground is built from them.

    Args:
        table: the mission file as read.
        folder: the mission file's, that paths are relative to; None where there is none.
        where: names the mission file in errors.

    Raises:
        InputError: a file is missing or unreadable, or is not the one whose hash is given.
    """
    ground = table.get("terrain")
    if not isinstance(ground, dict) or not any(
        name in ground or f"{name}_sha256" in ground for name in TERRAIN_FILES
    ):
        return table
    resolved = dict(ground)
    for name in TERRAIN_FILES:
        key = f"{where}, key terrain.{name}"
        said = ground.get(f"{name}_sha256")
        if said is not None and not (isinstance(said, str) and _SHA256.fullmatch(said)):
            raise InputError(
                f"{said!r} is no SHA-256",
                where=f"{key}_sha256",
                right="Write 64 lower-case hexadecimal digits, or leave the key out.",
            )
        if name not in ground:
            if said is not None:
                raise InputError(
                    "the hash of no file", where=f"{key}_sha256", right=f"Give terrain.{name} too."
                )
            continue
        path = _path_of(ground[name], folder, key)
        resolved[name] = str(path)
        if folder is None and said is not None:
            continue
        found = _hash_of(path, key)
        if said not in (None, found):
            raise InputError(
                f"{path} is another file: its SHA-256 is {found}",
                where=f"{key}_sha256",
                right="Give the file meant, or leave the hash out to take this one.",
            )
        resolved[f"{name}_sha256"] = found
    return table | {"terrain": resolved}


def _path_of(given: Any, folder: Path | None, key: str) -> Path:
    if not isinstance(given, str) or not given:
        raise InputError(f"{given!r} is no path", where=key, right='Write elevation = "dem.tif".')
    path = Path(given)
    if path.is_absolute():
        return path
    if folder is None:
        raise InputError(
            "there is no folder to look in", where=key, right="Load the mission from a file."
        )
    return (folder / path).resolve()


def _hash_of(path: Path, key: str) -> str:
    if not path.is_file():
        what = "is not a file" if path.exists() else "is not there"
        raise InputError(
            f"{path} {what}", where=key, right="Give the path of a GeoTIFF from the mission file."
        )
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}", where=key, right="Give a file you may read."
        ) from error
