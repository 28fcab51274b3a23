"""Places of the ground followed through the flown images, and where the camera was in each.

Features are matched image to image (SIFT, Lowe 2004, Int. J. Comput. Vision 60, 91) and strung
together; places, and the camera's positions and attitudes, are then found from all at once, over
the even planet, with the published model of the lens (`looks_aims` tells the frame).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial.transform import Rotation

from skycrane.cameras.optics import Lens

__all__ = ["Places", "follow"]

Array = NDArray[np.float64]
Grey = NDArray[np.uint8]

_AHEAD = 5
"""Images further apart than this are not matched with each other."""
_LABEL = (24, 84)
"""Rows and columns of the upper left corner where the time is written."""
_RATIO, _MISS = 0.8, 0.006
"""Of a match's distance to the next best (Lowe); rad by which it may miss a common plane."""
_ROBUST, _WRONG = 0.002, 0.008
"""Misses [rad] from which a sight counts less, and from which it is left out."""
_ROUNDS = 15
_LEAST_SEEN, _LEAST_SHARED = 4, 12
_PLANET_M = 3.39e6
"""Mars' radius: 15 m of sag over 10 km, less than a pixel."""


@dataclass(frozen=True)
class Places:
    """What was followed.

    Attributes:
        numbers: images by their number from 1, (n,).
        eye_m: the camera's places (n, 3), m, z up from even ground under image `numbers[start]`.
        turn: rotations (n, 3, 3) from the optical frame to those axes.
        place_m: places on the ground (p, 2).
        image, place: of each sight, index into `numbers` and into `place_m`, (s,).
        pixel: of each sight, column and row in the image (s, 2).
        miss_px: by how much each sight misses its place (s,).
    """

    numbers: NDArray[np.int64]
    eye_m: Array
    turn: Array
    place_m: Array
    image: NDArray[np.int64]
    place: NDArray[np.int64]
    pixel: Array
    miss_px: Array


def _features(picture: Grey) -> tuple[Array, Any]:
    """Return pixels (n, 2) and descriptors of a picture's features, twice enlarged, evened out."""
    even = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(6, 6)).apply(picture)
    large = cv2.resize(even, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
    mask = np.full(large.shape, 255, np.uint8)
    mask[: 2 * _LABEL[0], : 2 * _LABEL[1]] = 0
    make: Any = cv2.SIFT_create  # type: ignore[attr-defined]  # OpenCV's stubs lack it
    finder = make(nfeatures=1200, contrastThreshold=0.02)
    found, described = finder.detectAndCompute(large, mask)
    where = np.array([f.pt for f in found])
    return (where + 0.5) / 2 - 0.5, described


def _matched(a: tuple[Array, Any], b: tuple[Array, Any], lens: Lens) -> NDArray[np.int64]:
    """Return pairs of features (m, 2) that two images of one plane can share."""
    best = cv2.BFMatcher(cv2.NORM_L2).knnMatch(a[1], b[1], k=2)
    pairs = [(m.queryIdx, m.trainIdx) for m, n in best if m.distance < _RATIO * n.distance]
    if len(pairs) < _LEAST_SHARED:
        return np.zeros((0, 2), np.int64)
    both = np.array(pairs)
    flat = []
    for k, (where, _) in enumerate((a, b)):
        d = lens.directions(where[both[:, k]])
        flat.append(d[:, :2] / d[:, 2:])
    cv2.setRNGSeed(1)
    _, held = cv2.findHomography(flat[0], flat[1], cv2.USAC_MAGSAC, _MISS, maxIters=4000)
    both = both[held.ravel() > 0] if held is not None else both[:0]
    return both if len(both) >= _LEAST_SHARED else both[:0]


def _strung(matches: dict[tuple[int, int], NDArray[np.int64]]) -> list[list[tuple[int, int]]]:
    """Return chains of (image, feature) that matches connect, no two of one image."""
    chain: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (i, j), pairs in sorted(matches.items(), key=lambda m: (m[0][1] - m[0][0], m[0])):
        for p, q in pairs:
            one = chain.setdefault((i, int(p)), [(i, int(p))])
            two = chain.setdefault((j, int(q)), [(j, int(q))])
            if one is two or {k for k, _ in one} & {k for k, _ in two}:
                continue
            one.extend(two)
            for node in two:
                chain[node] = one
    whole = {id(c): c for c in chain.values() if len(c) >= _LEAST_SEEN}
    return [sorted(c) for c in whole.values()]


def _first_guess(
    rays: list[dict[int, Array]], start: int, height_m: float, turn: Array
) -> tuple[Array, Array, Array]:
    """Return eyes, turns as rotation vectors and places, from one image of known aim to the next.

    `rays`: for each image, by place, the ray in the optical frame.
    """
    n, count = len(rays), 1 + max(max(r, default=0) for r in rays)
    eye, vector = np.zeros((n, 3)), np.zeros((n, 3))
    place = np.full((count, 2), np.nan)
    eye[start], vector[start] = (0, 0, height_m), Rotation.from_matrix(turn).as_rotvec()
    for k in [start, *range(start - 1, -1, -1), *range(start + 1, n)]:
        known = [p for p in rays[k] if np.isfinite(place[p, 0])]
        if k != start:
            if len(known) < _LEAST_SHARED:
                eye[k] = np.nan  # too far from all others: left out
                continue
            flat = np.array([rays[k][p][:2] / rays[k][p][2] for p in known])
            solid = np.column_stack([place[known], np.zeros(len(known))])
            solid[:, 2] = -(solid[:, :2] ** 2).sum(axis=1) / (2 * _PLANET_M)
            _, r, t, _ = cv2.solvePnPRansac(
                solid, flat, np.eye(3), None, reprojectionError=0.01, flags=cv2.SOLVEPNP_SQPNP
            )
            own = Rotation.from_rotvec(r.ravel()).inv()
            eye[k], vector[k] = -own.apply(t.ravel()), own.as_rotvec()
        for p, ray in rays[k].items():
            d = Rotation.from_rotvec(vector[k]).apply(ray)
            if np.isnan(place[p, 0]) and d[2] < -0.1:
                place[p] = eye[k, :2] + d[:2] * (eye[k, 2] / -d[2])
    return eye, vector, place


def _toward(eye: Array, vector: Array, place: Array) -> Array:
    """Return unit directions to places, in the optical frame, (s, 3)."""
    sag = -(place**2).sum(axis=1) / (2 * _PLANET_M)
    d = Rotation.from_rotvec(vector).inv().apply(np.column_stack([place, sag]) - eye)
    return np.asarray(d / np.linalg.norm(d, axis=1, keepdims=True))


def _steps(
    image: Any, place: Any, ray: Array, first: tuple[Array, Array, Array], pull: Array
) -> tuple[tuple[Array, Array, Array], Array]:
    """Return eyes, turns and places a step of Gauss and Newton on, and each sight's miss [rad].

    `pull`: what holds each image's eye and turn where they are, (n, 6); 0 for free.
    """
    eye, vector, ground = first
    n, s, span = len(eye), len(image), 1e-6
    far = np.linalg.norm(np.column_stack([ground[place], 0 * place]) - eye[image], axis=1)
    aside = np.cross(ray, [0.0, 1.0, 0.0])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    down = np.cross(ray, aside)

    def miss(e: Array, v: Array, g: Array) -> Array:
        d = _toward(e, v, g)
        return np.concatenate([(d * aside).sum(1), (d * down).sum(1)])

    e, v, g = eye[image], vector[image], ground[place]
    here = miss(e, v, g)
    off = np.hypot(here[:s], here[s:])
    weight = 1 / np.sqrt(1 + (off / _ROBUST) ** 2)
    columns: Any = []
    values: Any = []
    for c in range(8):
        by = np.zeros((s, 8))
        by[:, c] = span
        there = miss(e + by[:, :3] * far[:, None], v + by[:, 3:6], g + by[:, 6:] * far[:, None])
        size = np.tile(far if c < 3 or c > 5 else np.ones(s), 2)
        values.append((there - here) / span / size * np.tile(weight, 2))
        columns.append(np.tile(6 * image + c if c < 6 else 6 * n + 2 * place + c - 6, 2))
    values, columns = np.array(values), np.array(columns)
    rows = np.arange(2 * s)

    def part(some: slice, first_column: int, count: int) -> Any:
        v, c = values[some], columns[some] - first_column
        at = (np.tile(rows, len(v)), c.ravel())
        return csr_matrix((v.ravel(), at), shape=(2 * s, count))

    to_camera, to_ground = part(slice(0, 6), 0, 6 * n), part(slice(6, 8), 6 * n, 2 * len(ground))
    wrong = here * np.tile(weight, 2)
    # Places hang on each other through the cameras alone: they go first (Schur's complement).
    alone = _inverse_of_pairs(to_ground.T @ to_ground)
    between = to_camera.T @ to_ground
    normal = (to_camera.T @ to_camera).toarray() + np.diag(pull.ravel())
    normal -= (between @ alone @ between.T).toarray()
    normal[np.diag_indices(6 * n)] *= 1 + 1e-9
    back = to_ground.T @ wrong
    step = np.linalg.solve(normal, between @ (alone @ back) - to_camera.T @ wrong)
    aside_m = -(alone @ (back + between.T @ step)).reshape(-1, 2)
    moved = step.reshape(n, 6)
    return (eye + moved[:, :3], vector + moved[:, 3:], ground + aside_m), off


def _inverse_of_pairs(blocks: Any) -> Any:
    """Return the inverse of a sparse matrix of blocks of two by two along its diagonal."""
    main, n = blocks.diagonal(), blocks.shape[0]
    beside = np.asarray(blocks.diagonal(1))
    a, d, b = main[0::2] * (1 + 1e-6), main[1::2] * (1 + 1e-6), beside[0::2]
    whole = a * d - b * b
    even, odd = np.arange(0, n, 2), np.arange(1, n, 2)
    rows, columns = np.concatenate([even, even, odd, odd]), np.concatenate([even, odd, even, odd])
    values = np.concatenate([d / whole, -b / whole, -b / whole, a / whole])
    return csr_matrix((values, (rows, columns)), shape=(n, n))


def _adjusted(
    image: Any, place: Any, ray: Array, first: tuple[Array, Array, Array], start: int
) -> tuple[tuple[Array, Array, Array], Array]:
    """Return eyes, turns, places and each sight's miss [rad], by robust least squares over all.

    The first image's eye and its turn about the vertical set place, size and north.
    """
    pull = np.zeros((len(first[0]), 6))
    pull[start] = [1e6, 1e6, 1e6, 0, 0, 0]
    # About the vertical: a half turn about the level axis, nearly, so that the vector's own
    # components are not the turns; one of them held does for the one that is free.
    pull[start, 3 + int(np.argmin(np.abs(first[1][start, :2])))] = 1e6
    for _ in range(_ROUNDS):
        first, off = _steps(image, place, ray, first, pull)
    return first, off


def follow(
    pictures: dict[int, Grey], lens: Lens, *, start: int, height_m: float, turn: Array
) -> Places:
    """Return places followed through images (by number) of a lens.

    `start`: the image whose attitude `turn` (3, 3, optical frame to axes with z up) and height
    above the ground [m] are given.
    """
    numbers = np.array(sorted(pictures))
    found = [_features(pictures[k]) for k in numbers]
    matches = {
        (i, j): _matched(found[i], found[j], lens)
        for i in range(len(numbers))
        for j in range(i + 1, min(i + 1 + _AHEAD, len(numbers)))
    }
    chains = _strung(matches)
    image = np.array([i for c in chains for i, _ in c])
    place = np.array([p for p, c in enumerate(chains) for _ in c])
    pixel = np.array([found[i][0][q] for c in chains for i, q in c])
    ray = lens.directions(pixel)
    rays: list[dict[int, Array]] = [{} for _ in numbers]
    for i, p, r in zip(image, place, ray, strict=True):
        rays[i][int(p)] = r
    at = int(np.searchsorted(numbers, start))
    eye, vector, ground = _first_guess(rays, at, height_m, turn)
    here, there = np.isfinite(eye[:, 0]), np.isfinite(ground[:, 0])
    seen = here[image] & there[place]
    image, pixel, ray = (np.cumsum(here) - 1)[image[seen]], pixel[seen], ray[seen]
    kept, place = np.unique(place[seen], return_inverse=True)
    numbers, first = numbers[here], (eye[here], vector[here], ground[kept])
    at = int(np.searchsorted(numbers, start))
    for _ in range(3):
        (e, v, g), off = _adjusted(image, place, ray, first, at)
        good = off < _WRONG
        counts = np.bincount(place[good], minlength=len(g))
        good &= counts[place] >= _LEAST_SEEN
        if good.all():
            break
        image, pixel, ray = image[good], pixel[good], ray[good]
        kept, place = np.unique(place[good], return_inverse=True)
        first = (e, v, g[kept])
        off = off[good]
    turns = Rotation.from_rotvec(v).as_matrix()
    return Places(numbers, e, turns, g, image, place, pixel, off * lens.width / (np.pi / 2))
