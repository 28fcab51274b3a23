"""Files that a mission names: where they lie, and what is in them by hash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from skycrane.errors import InputError
from skycrane.files import sha256_file

__all__ = ["resolve_named"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


def resolve_named(
    table: dict[str, Any], name: str, folder: Path | None, key: str, *, kind: str, example: str
) -> dict[str, Any]:
    """Return a table with the whole path of the file under `name`, and its hash under NAME_sha256.

    A mission written out by a run has path and hash already and is left as it is; whoever reads the
    file hashes it again.

    Args:
        table: the table that names the file.
        name: the key.
        folder: the mission file's, that paths are relative to; None where there is none.
        key: names file and key in errors.
        kind, example: what the file is ("a GeoTIFF") and how one is named, for errors.

    Raises:
        InputError: the file is missing or unreadable, or is not the one whose hash is given.
    """
    said = table.get(f"{name}_sha256")
    if said is not None and not (isinstance(said, str) and _SHA256.fullmatch(said)):
        raise InputError(
            f"{said!r} is no SHA-256",
            where=f"{key}_sha256",
            right="Write 64 lower-case hexadecimal digits, or leave the key out.",
        )
    if name not in table:
        if said is not None:
            known = key.rpartition("key ")[2]
            raise InputError(
                "the hash of no file", where=f"{key}_sha256", right=f"Give {known} too."
            )
        return table
    path = _path_of(table[name], folder, key, f'Write {name} = "{example}".')
    resolved = table | {name: str(path)}
    if folder is None and said is not None:
        return resolved
    found = _hash_of(path, key, kind)
    if said not in (None, found):
        raise InputError(
            f"{path} is another file: its SHA-256 is {found}",
            where=f"{key}_sha256",
            right="Give the file meant, or leave the hash out to take this one.",
        )
    return resolved | {f"{name}_sha256": found}


def _path_of(given: Any, folder: Path | None, key: str, right: str) -> Path:
    if not isinstance(given, str) or not given:
        raise InputError(f"{given!r} is no path", where=key, right=right)
    path = Path(given)
    if path.is_absolute():
        return path
    if folder is None:
        raise InputError(
            "there is no folder to look in", where=key, right="Load the mission from a file."
        )
    return (folder / path).resolve()


def _hash_of(path: Path, key: str, kind: str) -> str:
    if not path.is_file():
        what = "is not a file" if path.exists() else "is not there"
        raise InputError(
            f"{path} {what}", where=key, right=f"Give the path of {kind} from the mission file."
        )
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}", where=key, right="Give a file you may read."
        ) from error
