"""Looks a glTF file over before anything in it is believed: sizes, counts, and what it asks for.

glTF 2.0 (Khronos, ISO/IEC 12113): a .glb is a header of 12 bytes and chunks, JSON first; a .gltf is
the JSON alone. What passes here is small enough to read and refers to nothing outside itself.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skycrane.errors import InputError

__all__ = ["MOST_BYTES", "MOST_PIXELS", "MOST_TRIANGLES", "checked_gltf", "read_bytes"]

MOST_BYTES = 256 << 20
MOST_TRIANGLES = 400_000
_MOST_VERTICES = 3 * MOST_TRIANGLES
_MOST_ENTRIES = 20_000
MOST_PIXELS = 64 << 20
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_WIDTH = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_PARTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6


class _FileError(Exception):
    """What is wrong with a file, and what would be right."""

    def __init__(
        self, what: str, right: str = "Export it again as glTF 2.0 binary (.glb)."
    ) -> None:
        super().__init__(what)
        self.what, self.right = what, right


def checked_gltf(data: bytes, where: str) -> dict[str, Any]:
    """Return the header of a glTF file that may be read.

    Args:
        data: the whole file.
        where: names it in errors.

    Raises:
        InputError: it is no glTF 2.0, is damaged, too large, or needs what is not understood.
    """
    try:
        header, body = _taken_apart(data)
        return _looked_over(header, body)
    except _FileError as wrong:
        raise InputError(wrong.what, where=where, right=wrong.right) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"damaged: {type(error).__name__} {error}"[:200],
            where=where,
            right="Export it again as glTF 2.0 binary (.glb).",
        ) from None


def _taken_apart(data: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Return the JSON header and the binary chunk, if there is one."""
    if not data:
        raise _FileError("the file is empty")
    if data[:4] != b"glTF":
        if data.lstrip()[:1] != b"{":
            raise _FileError("this is no glTF: it begins with neither glTF nor a brace")
        return _json_of(data), None
    if len(data) < 20:
        raise _FileError(f"cut off after {len(data)} bytes")
    _, version, length = struct.unpack_from("<III", data)
    if version != 2:
        raise _FileError(f"glTF of version {version}")
    if length != len(data):
        raise _FileError(
            f"{length} bytes by its header, {len(data)} in the file: cut off or damaged"
        )
    chunks: dict[int, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > length:
            raise _FileError("a chunk runs past the file's end: cut off or damaged")
        chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    if _JSON not in chunks:
        raise _FileError("it has no header")
    return _json_of(chunks[_JSON]), chunks.get(_BIN)


def _json_of(text: bytes) -> dict[str, Any]:
    def refused(name: str) -> Any:
        raise _FileError(f"its header holds {name}, which is no number")

    try:
        header = json.loads(text.decode("utf-8"), parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise _FileError(f"its header is no JSON: {error}"[:200]) from None
    if not isinstance(header, dict):
        raise _FileError("its header is no table")
    return header


def _looked_over(header: dict[str, Any], body: bytes | None) -> dict[str, Any]:
    version = str(header["asset"]["version"])
    if version.partition(".")[0] != "2":
        raise _FileError(f"glTF of version {version[:20]}")
    for name, rows in header.items():
        if isinstance(rows, list) and len(rows) > _MOST_ENTRIES:
            raise _FileError(f"{len(rows)} {name}", f"No more than {_MOST_ENTRIES}: simplify it.")
    for name in header.get("extensionsRequired", []):
        if not str(name).startswith("KHR_materials_"):
            raise _FileError(
                f"it cannot be read without {str(name)[:60]}",
                "Export it without compression and extensions.",
            )
    sizes = [_buffer(b, k, body) for k, b in enumerate(header.get("buffers", []))]
    views = [_view(v, sizes) for v in header.get("bufferViews", [])]
    for row in header.get("accessors", []):
        _accessor(row, views)
    for image in header.get("images", []):
        uri = image.get("uri")
        if uri is not None and not str(uri).startswith("data:"):
            raise _outside(uri)
    triangles = [_triangles(m, header) for m in header.get("meshes", [])]
    total = sum(triangles[k] for k in _drawn(header))
    if total == 0:
        raise _FileError("it draws no triangle", "Export a scene that holds meshes of triangles.")
    if total > MOST_TRIANGLES:
        raise _FileError(f"{total} triangles", f"No more than {MOST_TRIANGLES}: simplify it.")
    return header


def _outside(uri: Any) -> _FileError:
    return _FileError(
        f"it refers to another file, {str(uri)[:80]!r}",
        "Put everything into one file: export it as glTF binary (.glb) or embedded.",
    )


def _buffer(row: dict[str, Any], index: int, body: bytes | None) -> int:
    """Return the bytes that a buffer holds."""
    uri, said = row.get("uri"), _count(row["byteLength"])
    if uri is None:
        if index or body is None:
            raise _FileError("a buffer is nowhere in the file")
        held = len(body)
    else:
        if not str(uri).startswith("data:") or ";base64," not in str(uri)[:200]:
            raise _outside(uri)
        try:
            held = len(base64.b64decode(str(uri).partition(";base64,")[2], validate=True))
        except binascii.Error as error:
            raise _FileError(f"a buffer inside its header is damaged: {error}") from None
    if said > held:
        raise _FileError(f"a buffer of {said} bytes holds {held}: cut off or damaged")
    return held


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
        raise _FileError(f"a size or number of {str(value)[:40]}")
    return value


def _view(row: dict[str, Any], sizes: list[int]) -> int:
    start, length = _count(row.get("byteOffset", 0)), _count(row["byteLength"])
    if start + length > sizes[_count(row["buffer"])]:
        raise _FileError("a part of its data lies past the end of what is there")
    if row.get("byteStride") is not None and not 4 <= _count(row["byteStride"]) <= 252:
        raise _FileError(f"rows of its data stand {row['byteStride']} bytes apart")
    return length


def _accessor(row: dict[str, Any], views: list[int]) -> None:
    if "sparse" in row or "bufferView" not in row:
        raise _FileError("it holds sparse or absent data", "Export it without sparse accessors.")
    count, start = _count(row["count"]), _count(row.get("byteOffset", 0))
    if count > _MOST_VERTICES:
        raise _FileError(f"{count} vertices", f"No more than {_MOST_VERTICES}: simplify it.")
    each = _WIDTH[row["componentType"]] * _PARTS[row["type"]]
    if start + each * count > views[_count(row["bufferView"])]:
        raise _FileError(f"{count} values are said to be where fewer are: cut off or damaged")


def _triangles(mesh: dict[str, Any], header: dict[str, Any]) -> int:
    """Return how many triangles a mesh draws, its indices and materials being there."""
    total = 0
    accessors = header.get("accessors", [])
    for part in mesh["primitives"]:
        mode = part.get("mode", _TRIANGLES)
        if mode == _FAN:
            raise _FileError("it draws fans of triangles", "Export plain triangles.")
        if mode not in (_TRIANGLES, _STRIP):
            continue
        place = accessors[_count(part["attributes"]["POSITION"])]
        if place["type"] != "VEC3" or place["componentType"] != 5126:
            raise _FileError("places are not vectors of single precision")
        for name in part["attributes"].values():
            accessors[_count(name)]
        if "material" in part:
            header["materials"][_count(part["material"])]
        count = place["count"]
        if "indices" in part:
            rows = accessors[_count(part["indices"])]
            if rows["type"] != "SCALAR" or rows["componentType"] not in (5121, 5123, 5125):
                raise _FileError("corners of triangles are no numbers of vertices")
            count = rows["count"]
        if mode == _TRIANGLES and count % 3:
            raise _FileError(f"triangles of {count} corners, which is no multiple of three")
        total += count // 3 if mode == _TRIANGLES else max(count - 2, 0)
    return total


def _drawn(header: dict[str, Any]) -> Iterator[int]:
    """Yield the mesh of every node that the scene shows; the nodes must be a forest."""
    nodes, scenes = header.get("nodes", []), header.get("scenes", [])
    if not scenes:
        raise _FileError("it has no scene")
    seen: set[int] = set()
    waiting = list(scenes[_count(header.get("scene", 0))].get("nodes", []))
    while waiting:
        index = _count(waiting.pop())
        if index in seen:
            raise _FileError("a node stands in two places, or inside itself")
        seen.add(index)
        node = nodes[index]
        _check_pose(node)
        waiting += node.get("children", [])
        if "mesh" in node:
            yield _count(node["mesh"])


def _check_pose(node: dict[str, Any]) -> None:
    for name, count in (("matrix", 16), ("translation", 3), ("rotation", 4), ("scale", 3)):
        values = node.get(name)
        if values is None:
            continue
        if len(values) != count or not all(
            isinstance(v, int | float) and math.isfinite(v) and abs(v) < 1e9 for v in values
        ):
            raise _FileError(f"a node's {name} is not {count} numbers")


def read_bytes(path: Path, where: str) -> bytes:
    """Return a model's bytes; raises InputError where there are too many or none may be read."""
    try:
        with path.open("rb") as handle:
            data = handle.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}", where=where, right="Give a .glb or .gltf file."
        ) from error
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{path} has more than {MOST_BYTES >> 20} MiB",
            where=where,
            right="Simplify the model, or make its textures smaller.",
        )
    return data
