"""A user's glTF model as a body's surface: triangles, the colour of each, and what may move.

Colours follow glTF 2.0's metallic-roughness material: base colour factor times vertex colours times
base-colour texture, averaged over each triangle; metalness and roughness likewise. A metal's share
becomes mirror strength of `Material`. Emission, normal maps, transmission and animation are
not taken. A material named as one of ours ("nylon_orange") is that one.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.mission.mission import Mission
from skycrane.mission.shape import GltfShape
from skycrane.vehicle.gltf_check import MOST_PIXELS, checked_gltf, read_bytes
from skycrane.vehicle.materials import PAINTS, Paints, material_id

__all__ = ["GltfModel", "read_gltf", "told_of_models"]

Array = NDArray[np.float64]

_SMALLEST_M, _LARGEST_M = 0.02, 300.0
_WELD = 1e-5
"""Corners nearer than this share of the model's size are one."""
_LEVELS = 63
"""Steps of a colour's root that are told apart, and of metalness and roughness."""
_DIELECTRIC, _METAL = 0.073, 0.75
"""Mirror strengths: 0.04 of the light straight on, as glTF has it, and of polished foil."""
_WHITEST = 0.98
"""No surface sends back all that it gets."""
_SAMPLES = 16


@dataclass(frozen=True)
class GltfModel:
    """A model in a body's frame (x forward, y right, z down).

    Attributes:
        vertices_m: shape (n, 3).
        triangles: counter-clockwise from outside, shape (m, 3).
        paint: index into the paints that were returned with it, shape (m,).
        node: index into `nodes` by vertex, shape (n,).
        nodes: for each, names from the node itself up to the scene's root.
    """

    vertices_m: Array
    triangles: NDArray[np.int64]
    paint: NDArray[np.int32]
    node: NDArray[np.int64]
    nodes: tuple[tuple[str, ...], ...]


@dataclass
class _Piece:
    """One node's mesh: corners, triangles, and each triangle's material, colour and finish."""

    vertices: Array
    triangles: NDArray[np.int64]
    material: str
    colour: Array
    finish: Array


def read_gltf(given: GltfShape, name: str, paints: Paints = PAINTS) -> tuple[GltfModel, Paints]:
    """Return the model that a mission names for a body, and the paints with its own added.

    Args:
        given: file, its hash, axes and scale.
        name: the body's, for errors and for the names of its materials in the truth.
        paints: those there are already.

    Raises:
        InputError: the file is missing, another one, damaged, hostile, or of no likely size.
    """
    path, where = Path(given.file), f"{given.file} (shape.gltf.{name})"
    data = read_bytes(path, where)
    if given.file_sha256 not in (None, hashlib.sha256(data).hexdigest()):
        raise InputError(
            "the file has changed since the mission was read",
            where=where,
            right="Put the old one back, or begin another run with -o.",
        )
    checked_gltf(data, where)
    pieces, nodes = _pieces(data, given, where)
    model, paints = _joined(pieces, nodes, name, paints, where)
    low, high = model.vertices_m.min(axis=0), model.vertices_m.max(axis=0)
    size = float(np.max(high - low))
    if not _SMALLEST_M < size < _LARGEST_M:
        raise InputError(
            f"{size:.4g} m across",
            where=where,
            right=f"Give shape.gltf.{name}.scale, metres to a unit of the file.",
        )
    return model, paints


def told_of_models(mission: Mission) -> list[str]:
    """Return a line for each of a user's models: what it is of, how large, of how many triangles.

    Raises:
        InputError: see `read_gltf`.
    """
    lines, paints = [], PAINTS
    for name, given in sorted(mission.shape.gltf.items()):
        model, paints = read_gltf(given, name, paints)
        points = model.vertices_m[np.unique(model.triangles)]
        long, wide, high = np.ptp(points, axis=0)
        lines.append(
            f"{name}: {len(model.triangles)} triangles, {long:.2f} m long, {wide:.2f} m wide, "
            f"{high:.2f} m high, from {Path(given.file).name}"
        )
    return lines


def _pieces(data: bytes, given: GltfShape, where: str) -> tuple[list[_Piece], list[tuple]]:
    """Return every node's mesh in the body's frame, and the names above each."""
    import trimesh

    kind = "glb" if data[:4] == b"glTF" else "gltf"
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, process=False)
        above = scene.graph.transforms.parents
        pieces, nodes = [], []
        for frame in scene.graph.nodes_geometry:
            matrix, mesh = scene.graph[frame]
            geometry = scene.geometry[mesh]
            if not isinstance(geometry, trimesh.Trimesh) or not len(geometry.faces):
                continue
            pieces.append(_piece(geometry, np.asarray(matrix, float), given, where))
            names, at = [], frame
            while at is not None:
                names.append(str(at))
                at = above.get(at)
            nodes.append(tuple(names))
    except InputError:
        raise
    # What a reader of damaged files may raise has no end; all of it means the same.
    except Exception as error:
        raise InputError(
            f"damaged: {type(error).__name__}: {error}"[:200],
            where=where,
            right="Export it again as glTF 2.0 binary (.glb).",
        ) from None
    return pieces, nodes


def _axes(given: GltfShape) -> Array:
    """Return the matrix from the file's axes to the body's, scale within."""

    def unit(axis: str) -> Array:
        out = np.zeros(3)
        out["xyz".index(axis[1])] = 1.0 if axis[0] == "+" else -1.0
        return out

    forward, up = unit(given.forward), unit(given.up)
    return given.scale * np.stack([forward, np.cross(forward, up), -up])


def _piece(mesh: Any, matrix: Array, given: GltfShape, where: str) -> _Piece:
    points = np.asarray(mesh.vertices, float)
    faces = np.asarray(mesh.faces, np.int64)
    if faces.min() < 0 or faces.max() >= len(points):
        raise InputError(
            f"a triangle has corner {faces.max()} of {len(points)}",
            where=where,
            right="Export it again as glTF 2.0 binary (.glb).",
        )
    points = points @ matrix[:3, :3].T + matrix[:3, 3]
    points = points @ _axes(given).T + given.offset_m
    if not np.isfinite(points[np.unique(faces)]).all() or np.abs(points).max() > 1e12:
        raise InputError(
            "a corner is not a number, or nowhere near",
            where=where,
            right="Mend the model, and export it again.",
        )
    material, colour, finish, opaque = _look_of(mesh, faces, where)
    if np.linalg.det(matrix[:3, :3]) < 0.0:
        faces = faces[:, ::-1]
    sides = points[faces[:, 1:]] - points[faces[:, :1]]
    keep = opaque & (np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) > 0.0)
    return _Piece(points, faces[keep], material, colour[keep], finish[keep])


def _look_of(mesh: Any, faces: NDArray, where: str) -> tuple[str, Array, Array, NDArray[np.bool_]]:
    """Return material name, colour (m, 3), metalness and roughness (m, 2), and what is opaque."""
    visual = mesh.visual
    count = len(faces)
    material = getattr(visual, "material", None)
    colour = np.ones((count, 4))
    finish = np.tile([1.0, 1.0], (count, 1))
    corners: Any = None
    if visual.kind == "vertex":
        # Colours without a material: a matt paint, not the white metal of glTF's default.
        corners, finish = visual.vertex_colors, np.tile([0.0, 0.9], (count, 1))
    elif visual.kind is None:
        finish = np.tile([0.0, 0.9], (count, 1))
    if material is not None and visual.kind == "texture":
        corners = visual.vertex_attributes.get("color")
        if material.baseColorFactor is not None:
            colour = colour * np.asarray(material.baseColorFactor, float) / 255.0
        factors = (material.metallicFactor, material.roughnessFactor)
        finish = finish * [1.0 if f is None else float(np.clip(f, 0.0, 1.0)) for f in factors]
        if visual.uv is not None and len(visual.uv) == len(mesh.vertices):
            places = _spread(np.nan_to_num(np.asarray(visual.uv, float))[faces])
            if material.baseColorTexture is not None:
                texels = _texels(material.baseColorTexture, "RGBA", where)
                seen = texels.astype(float)[_where(texels, places)] / 255.0
                seen[..., :3] = _linear(seen[..., :3])
                colour = colour * seen.mean(axis=1)
            if material.metallicRoughnessTexture is not None:
                texels = _texels(material.metallicRoughnessTexture, "RGB", where)
                finish = finish * texels[_where(texels, places)].mean(axis=1)[:, [2, 1]] / 255.0
    if corners is not None and len(corners) == len(mesh.vertices):
        values = np.asarray(corners)
        most = float(np.iinfo(values.dtype).max) if values.dtype.kind in "ui" else 1.0
        shade = np.clip(np.nan_to_num(values.astype(float) / most), 0.0, 1.0)[faces].mean(axis=1)
        colour[:, : shade.shape[1]] *= shade
    mode = getattr(material, "alphaMode", None)
    cut = getattr(material, "alphaCutoff", None) if mode == "MASK" else 0.5
    limit = 0.5 if cut is None else float(cut)
    opaque = np.ones(count, bool) if mode in (None, "OPAQUE") else colour[:, 3] >= limit
    return str(getattr(material, "name", None) or "surface"), colour[:, :3], finish, opaque


def _spread(uv: Array) -> Array:
    """Return places spread evenly over triangles of a texture, (m, samples, 2) of (m, 3, 2)."""
    # The plastic number's lattice, folded into the triangle.
    k = np.arange(1, _SAMPLES + 1)
    a, b = (0.5 + k * 0.7548776662) % 1.0, (0.5 + k * 0.5698402910) % 1.0
    fold = a + b > 1.0
    a, b = np.where(fold, 1.0 - a, a), np.where(fold, 1.0 - b, b)
    weights = np.stack([1.0 - a - b, a, b], axis=-1)
    return np.einsum("sk,mkc->msc", weights, uv)


def _texels(image: Any, mode: str, where: str) -> NDArray[np.uint8]:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise InputError(
            f"a texture of {width} x {height}",
            where=where,
            right=f"No more than {MOST_PIXELS >> 20} million pixels: make it smaller.",
        )
    return np.asarray(image.convert(mode), np.uint8)


def _where(texels: NDArray, places: Array) -> tuple[NDArray, NDArray]:
    """Return rows and columns of a repeated texture; its v runs up, as trimesh turns it."""
    height, width = texels.shape[:2]
    column = np.floor((places[..., 0] % 1.0) * width).astype(np.int64) % width
    row = np.floor(((1.0 - places[..., 1]) % 1.0) * height).astype(np.int64) % height
    return row, column


def _linear(encoded: Array) -> Array:
    """Return linear light of sRGB values, 0 to 1 (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _joined(
    pieces: list[_Piece], nodes: list[tuple], name: str, paints: Paints, where: str
) -> tuple[GltfModel, Paints]:
    """Return all pieces as one model, corners welded within a node, and the paints."""
    if not sum(len(p.triangles) for p in pieces):
        raise InputError(
            "nothing of it can be seen", where=where, right="Give a model with opaque triangles."
        )
    size = max(float(np.ptp(p.vertices, axis=0).max()) for p in pieces)
    points, faces, node, at = [], [], [], 0
    for k, piece in enumerate(pieces):
        grid = np.round(piece.vertices / max(size * _WELD, 1e-12))
        _, first, group = np.unique(grid, axis=0, return_index=True, return_inverse=True)
        points.append(piece.vertices[first])
        faces.append(group.reshape(-1)[piece.triangles] + at)
        node.append(np.full(len(first), k))
        at += len(first)
    triangles = np.vstack(faces)
    whole = (triangles != np.roll(triangles, 1, axis=1)).all(axis=1)
    paint, paints = _painted(pieces, name, paints)
    model = GltfModel(
        np.vstack(points), triangles[whole], paint[whole], np.concatenate(node), tuple(nodes)
    )
    return model, paints


def _painted(pieces: list[_Piece], name: str, paints: Paints) -> tuple[NDArray[np.int32], Paints]:
    """Return each triangle's paint, and the paints with as many more as there are shades."""
    own = sorted({p.material for p in pieces} - set(PAINTS.names))
    kinds = np.concatenate(
        [np.full(len(p.colour), own.index(p.material) if p.material in own else -1) for p in pieces]
    )
    ours = np.concatenate(
        [
            np.full(len(p.colour), -1 if p.material in own else material_id(p.material))
            for p in pieces
        ]
    )
    colour = np.clip(np.concatenate([p.colour for p in pieces]), 0.0, 1.0)
    finish = np.concatenate([p.finish for p in pieces])
    code = np.column_stack([np.sqrt(colour), finish])
    rows = np.column_stack([kinds, np.round(code * _LEVELS)])[ours < 0]
    shades, which = np.unique(rows, axis=0, return_inverse=True)
    value = shades[:, 1:] / _LEVELS
    strength = _DIELECTRIC + (_METAL - _DIELECTRIC) * value[:, 3]
    albedo = np.minimum(value[:, :3] ** 2, _WHITEST)
    look = np.column_stack([strength, np.clip(value[:, 4], 0.05, 1.0), np.zeros(len(shades))])
    paint = ours.copy()
    paint[ours < 0] = len(paints) + which.reshape(-1)
    if own:
        told = [f"{name}: {material}"[:80] for material in own]
        paints = paints.with_own(told, albedo, look, shades[:, 0].astype(int))
    return paint.astype(np.int32), paints
