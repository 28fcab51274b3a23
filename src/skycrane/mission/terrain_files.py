"""A user's own ground: where the files that a mission names lie, and what is in them by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skycrane.mission.named_files import resolve_named

__all__ = ["TERRAIN_FILES", "resolve_terrain_files"]

TERRAIN_FILES = ("elevation", "orthophoto")
"""Keys of [terrain] that name a GeoTIFF; each has a KEY_sha256 beside it."""


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
    if not isinstance(ground, dict):
        return table
    for name in TERRAIN_FILES:
        key = f"{where}, key terrain.{name}"
        ground = resolve_named(ground, name, folder, key, kind="a GeoTIFF", example="dem.tif")
    return table | {"terrain": ground}
