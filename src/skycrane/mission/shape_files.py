"""A user's own bodies: where the glTF files that a mission names lie, and their hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skycrane.mission.named_files import resolve_named

__all__ = ["resolve_shape_files"]


def resolve_shape_files(table: dict[str, Any], folder: Path | None, where: str) -> dict[str, Any]:
    """Return a mission's tables with whole paths of the bodies' glTF files, and their SHA-256.

    The hash is part of the mission that a run writes out, so that a run notices another file, and
    is held against the file again when its shape is read.

    Args:
        table: the mission file as read.
        folder: the mission file's, that paths are relative to; None where there is none.
        where: names the mission file in errors.

    Raises:
        InputError: a file is missing or unreadable, or is not the one whose hash is given.
    """
    shape = table.get("shape")
    bodies = shape.get("gltf") if isinstance(shape, dict) else None
    if not isinstance(shape, dict) or not isinstance(bodies, dict):
        return table
    found = {}
    for name, body in bodies.items():
        key = f"{where}, key shape.gltf.{name}.file"
        found[name] = body
        if isinstance(body, dict):
            found[name] = resolve_named(
                body, "file", folder, key, kind="a .glb or .gltf file", example="rover.glb"
            )
    return table | {"shape": shape | {"gltf": found}}
