"""The truth of one frame: rays, what they met, and where it will be in the camera's next frame."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from skycrane.cameras.bodies import SURFACES, Bodies
from skycrane.cameras.cords import Pieces
from skycrane.cameras.optics import Lens
from skycrane.cameras.pupil import pupil_of
from skycrane.cameras.renderer import Pose, Renderer
from skycrane.cameras.scene import Moment, Scene
from skycrane.cameras.strand_set import CORD_MATERIALS
from skycrane.cameras.strands import Strands
from skycrane.cameras.truth_hidden import hidden_kernel
from skycrane.cameras.truth_rays import Eye, Later, truth_kernel
from skycrane.mars.parallel import launch_rows
from skycrane.vehicle.materials import material_id

__all__ = ["TruthFrame", "View", "pose_of", "truth_of"]

Array = NDArray[np.float64]

_UNMOVED = (
    *("trees", "vertices", "turn", "radius", "first", "normal", "open", "material", "albedo"),
    *("finish", "kind", "tiles", "casters", "seen_count", "caster_count", "all_radius"),
)
"""What the kernels know of bodies that does not depend on where positions count from."""
_CORDS_UNMOVED = ("radius", "first", "plane", "run", "axis", "cord", "kind", "albedo", "count")


@dataclass(frozen=True)
class View:
    """A camera's frame to be: where everything is, and where the camera."""

    moment: Moment
    pose: Pose


@dataclass(frozen=True)
class TruthFrame:
    """The truth of one frame, each array (height, width, ...); those not asked for are None.

    Attributes:
        depth_m: distance along the ray, m; -1 for open sky.
        body: 0 sky, 1 ground, k + 2 for surface k.
        material: 0 sky, 1 ground, k + 2 for material k.
        normal: unit vectors in the optical frame toward the camera; NaN for sky.
        sun_visibility: share of the sun's disk seen from the point; NaN for sky.
        dust_transmittance: share of the point's light that comes through the engines' dust.
        flow_px: (column, row) displacement to the next frame, px; NaN where there is none.
    """

    depth_m: NDArray[np.float32] | None = None
    body: NDArray[np.uint8] | None = None
    material: NDArray[np.uint8] | None = None
    normal: NDArray[np.float16] | None = None
    sun_visibility: NDArray[np.float16] | None = None
    dust_transmittance: NDArray[np.float16] | None = None
    flow_px: NDArray[np.float32] | None = None


def pose_of(scene: Scene, view: View) -> dict[str, Any]:
    """Return the poses of camera and surfaces, plain lists by the names of their arrays.

    Positions [m] and attitudes (w, x, y, z; from the optical or surface frame) in mars_fixed and,
    with `_site` in the name, in the site's frame; `body_present` tells which surfaces exist.
    """
    shift = np.array([*scene.focus_m, 0.0])
    origin, turn = view.moment.origin_m + shift, view.moment.turn
    eye, turn_eye = view.pose.eye_m + shift, view.pose.turn
    told: dict[str, Any] = {"body_present": view.moment.present.astype(int).tolist()}
    for who, place, matrix in (("camera", eye, turn_eye), ("body", origin, turn)):
        for suffix, where, axes in (
            ("", scene.frame.position_m(place), scene.frame.axes.T @ matrix),
            ("_site", place, matrix),
        ):
            attitude = Rotation.from_matrix(axes).as_quat(scalar_first=True, canonical=True)
            told[f"{who}_position{suffix}_m"] = where.tolist()
            told[f"{who}_attitude{suffix}_wxyz"] = attitude.tolist()
    return told


def truth_of(
    renderer: Renderer,
    lens: Lens,
    now: View,
    later: View | None,
    channels: Collection[str] = ("depth", "body"),
) -> TruthFrame:
    """Return the truth of the frame `now`; `later` is the same camera's next frame, if any.

    Args:
        renderer: places bodies and cords; its scene is what is looked at.
        lens: what the camera draws with.
        now, later: the two frames. `later` matters to flow alone.
        channels: which of depth, body, material, normal, visibility, dust, flow to keep.
    """
    scene = renderer.scene
    flow = "flow" in channels and later is not None
    device, shape = scene.device, (lens.height, lens.width)
    directions, bodies, strands = _placed(renderer, now, lens)
    depth, sun, through = (wp.empty(shape, dtype=float, device=device) for _ in range(3))
    body, material = (wp.empty(shape, dtype=wp.uint8, device=device) for _ in range(2))
    normal, target = (wp.empty(shape, dtype=wp.vec3, device=device) for _ in range(2))
    eye = _eye(scene, now, lens)
    then = _later(scene, now, later if flow else None)
    dust = scene.dust.state(now.moment.t_s, origin_m=scene.focus_m)
    inputs = [eye, directions, scene.ground, bodies, strands, then, dust]
    inputs += [int("visibility" in channels), int("dust" in channels)]
    inputs += [depth, body, material, normal, sun, through, target]
    launch_rows(truth_kernel, *shape, inputs, device=device, workers=renderer.workers)
    flow_px = np.full((*shape, 2), np.nan, np.float32) if "flow" in channels else None
    if flow and later is not None:
        flow_px = _flow(renderer, lens, later, target, (body, normal, eye.turn))
    half, whole = np.float16, np.float32
    made = {
        "depth": ("depth_m", depth, whole),
        "body": ("body", body, np.uint8),
        "material": ("material", material, np.uint8),
        "normal": ("normal", normal, half),
        "visibility": ("sun_visibility", sun, half),
        "dust": ("dust_transmittance", through, half),
    }
    keep = {name: a.numpy().astype(t) for c, (name, a, t) in made.items() if c in channels}
    return TruthFrame(**keep, flow_px=flow_px)


def _eye(scene: Scene, view: View, lens: Lens) -> Any:
    eye, pose = Eye(), view.pose
    eye.at, eye.turn, eye.cone = wp.vec3(*pose.eye_m), wp.mat33(*pose.turn.ravel()), 1 / lens.fx
    eye.pupil = pupil_of(lens)
    eye.sun, eye.half_sun = wp.vec3(*scene.sun), float(np.arccos(scene.air.cos_sun))
    eye.cord_material = wp.vec3i(*(material_id(name) + 2 for name in CORD_MATERIALS))
    eye.cord_width = 4 * float(_pieces(view).radius_m.max(initial=0.0))
    return eye


def _pieces(view: View) -> Pieces:
    return Pieces.of(view.moment.cords, view.moment.ropes)


def _vectors(values: Array, device: str) -> Any:
    return wp.array(np.ascontiguousarray(values, np.float32), dtype=wp.vec3, device=device)


def _placed(renderer: Renderer, view: View, lens: Lens) -> tuple[Any, Any, Any]:
    """Return photosites' directions, and bodies and cords placed from the eye, for the kernels."""
    directions, ours, cords = renderer.placed(view.moment, view.pose, lens)
    device, eye = renderer.scene.device, view.pose.eye_m
    b = Bodies()
    for name in _UNMOVED:
        setattr(b, name, getattr(ours, name))
    b.origin = _vectors(view.moment.origin_m - eye, device)
    b.centre = _vectors(ours.centre.numpy() - eye, device)
    b.all_centre = wp.vec3(*(np.array(ours.all_centre) - eye))
    s = Strands()
    for name in _CORDS_UNMOVED:
        setattr(s, name, getattr(cords, name))
    s.start, s.end = cords.start, cords.end
    if cords.count:
        pieces = _pieces(view)
        s.start, s.end = (_vectors(e - eye, device) for e in (pieces.start_m, pieces.end_m))
    return directions, b, s


def _later(scene: Scene, now: View, later: View | None) -> Any:
    """Return what the kernel needs to know of the next frame."""
    device, n = scene.device, len(SURFACES)
    out = Later()
    out.active = int(later is not None)
    moment, pose = (now if later is None else later).moment, (now if later is None else later).pose
    out.shift = wp.vec3(*(now.pose.eye_m - pose.eye_m))
    out.back = wp.mat33(*pose.turn.T.ravel())
    out.origin = _vectors(moment.origin_m - pose.eye_m, device)
    out.turn = wp.array(moment.turn.astype(np.float32), dtype=wp.mat33, device=device)
    out.present = wp.array(moment.present.astype(np.int32), dtype=int, device=device)
    first, moved, at = np.full(n, -1, np.int32), [np.zeros((1, 3))], 1
    for k, name in enumerate(SURFACES):
        before, after = (m.moving.get(name, scene.resting[name]) for m in (now.moment, moment))
        if later is None or before is after or not moment.present[k]:
            continue
        step = after.vertices_m.astype(np.float64) - before.vertices_m
        if step.any():
            first[k] = at
            at += len(step)
            moved.append(step)
    out.first = wp.array(first, dtype=int, device=device)
    out.moved = _vectors(np.concatenate(moved), device)
    here, there = _pieces(now), _pieces(now if later is None else later)
    # Pieces are told apart by their numbers: none is where another cord has come or gone.
    out.cords = len(there.cord) if np.array_equal(here.cord, there.cord) else 0
    ends = (there.start_m, there.end_m) if out.cords else (np.zeros((1, 3)),) * 2
    out.start, out.end = (_vectors(e - pose.eye_m, device) for e in ends)
    return out


def _flow(
    renderer: Renderer, lens: Lens, later: View, target: Any, of: tuple[Any, Any, Any]
) -> NDArray[np.float32]:
    """Return the flow (height, width, 2) [px] to points placed in the next frame's optical frame.

    `of` are the points' body ids, normals, and the rotation of those into the local frame.
    """
    device, shape = renderer.scene.device, (lens.height, lens.width)
    points = target.numpy().astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        height = points[..., 2] / np.linalg.norm(points, axis=-1)
    directions, bodies, strands = _placed(renderer, later, lens)
    # Beyond the picture's corners a lens's polynomial may turn back into the picture.
    ahead = height >= directions.numpy()[..., 2].min() - 1e-3
    pixel = np.full((*shape, 2), np.nan)
    pixel[ahead] = lens.project_points(points[ahead])
    size = np.array([lens.width, lens.height])
    with np.errstate(invalid="ignore"):
        inside = ((pixel >= -0.5) & (pixel < size - 0.5)).all(axis=-1)
    pixel[~inside] = np.nan
    hidden = wp.empty(shape, dtype=wp.uint8, device=device)
    where = wp.array(pixel.astype(np.float32), dtype=wp.vec2, device=device)
    eye = _eye(renderer.scene, later, lens)
    body, normal, turn = of
    inputs = [
        eye,
        directions,
        renderer.scene.ground,
        bodies,
        strands,
        target,
        where,
        body,
        normal,
        turn,
    ]
    launch_rows(hidden_kernel, *shape, [*inputs, hidden], device=device, workers=renderer.workers)
    pixel[hidden.numpy() != 0] = np.nan
    columns, rows = np.meshgrid(np.arange(lens.width), np.arange(lens.height))
    return (pixel - np.stack([columns, rows], axis=-1)).astype(np.float32)
