"""The rays of a photosite: from where, whereto and when, spread over its area and the exposure."""

# ruff: noqa: UP018, RUF046 - float(0.0) tells Warp that a variable changes in a loop
from __future__ import annotations

import warp as wp

from skycrane.cameras.pupil import Pupil
from skycrane.cameras.ray_places import SPREAD
from skycrane.cameras.tree_tiles import mat43
from skycrane.mars.noise import hash2, unit

__all__ = ["Ray", "View", "aims_of", "instant_of", "moved", "ray_of", "turned"]

wp.set_module_options({"enable_backward": False})

_RIGHT, _DOWN = (wp.constant(by) for by in SPREAD)


@wp.struct
class View:
    """A camera at one moment, in the local frame.

    Attributes:
        eye: optical centre.
        turn: rotation from the optical frame (x right, y down, z forward).
        inv_fx, inv_fy: pixel size on the plane at unit distance.
        cone: angle of a pixel, rad.
        drift: how far the eye moves during the exposure, m.
        spin: how far it turns, rad, local axes.
        key: random key of camera and frame.
        samples: rays a photosite.
        body_samples: rays a photosite where a body has detail finer than a tile.
        jitter: 1 to spread rays over the photosite, 0 for its centre.
        pupil: how the entrance pupil moves, from where the rays start.
        middle: what is added to the places of a photosite's rays, photosites, right and down: to
            the first `samples`, and to those that bodies get besides (x, y, x, y).
    """

    eye: wp.vec3
    turn: wp.mat33
    inv_fx: float
    inv_fy: float
    cone: float
    drift: wp.vec3
    spin: wp.vec3
    key: int
    samples: int
    body_samples: int
    jitter: float
    pupil: Pupil
    middle: wp.vec4


@wp.struct
class Ray:
    """One ray of a photosite.

    Attributes:
        row, column: the photosite.
        d: its direction at the middle of the exposure; it starts at the view's eye.
        when: the moment that it is of, of the exposure from its middle.
        begin: before this distance it meets no ground, m.
        key: random key.
    """

    row: int
    column: int
    d: wp.vec3
    when: float
    begin: float
    key: wp.uint32


@wp.func(inline=True)
def moved(view: View, ray: Ray) -> wp.vec3:
    """Return where a ray starts at its moment."""
    return view.eye + view.drift * ray.when


@wp.func(inline=True)
def turned(view: View, ray: Ray) -> wp.vec3:
    """Return where a ray looks at its moment."""
    return wp.normalize(ray.d + wp.cross(view.spin * ray.when, ray.d))


@wp.func
def _step(first: float, by: float, n: int) -> float:
    """Return the n-th of a row of numbers, -0.5 to 0.5, that fill the range evenly."""
    x = first + by * float(n)
    return x - wp.floor(x) - 0.5


@wp.func
def aims_of(
    view: View,
    directions: wp.array2d(dtype=wp.vec3),  # type: ignore[valid-type]
    ti: int,
    tj: int,
    n: int,
) -> mat43:
    """Return the directions of a tile's n-th rays."""
    # Evenly over the photosite and the exposure: Roberts (2018), "The unreasonable effectiveness
    # of quasirandom sequences", in three dimensions. From the photosite's centre on, alike for
    # all, so that edges stay straight.
    dx = _step(0.5, _RIGHT, n) + wp.where(n < view.samples, view.middle[0], view.middle[2])
    dy = _step(0.5, _DOWN, n) + wp.where(n < view.samples, view.middle[1], view.middle[3])
    dx *= view.jitter * view.inv_fx
    dy *= view.jitter * view.inv_fy
    count = int(4)
    d = mat43()
    for k in range(count):
        i = wp.min(2 * ti + k // 2, directions.shape[0] - 1)
        j = wp.min(2 * tj + k % 2, directions.shape[1] - 1)
        d[k] = wp.normalize(view.turn * (directions[i, j] + wp.vec3(dx, dy, 0.0)))
    return d


@wp.func
def instant_of(view: View, ti: int, tj: int, n: int) -> float:
    """Return of which moment a tile's n-th rays are, of the exposure from its middle."""
    # By chance, so that what moves blurs.
    return _step(unit(hash2(ti, tj, view.key + 1), 2), 0.5497005, n) * view.jitter


@wp.func
def ray_of(view: View, d: wp.vec3, when: float, begin: float, i: int, j: int, n: int) -> Ray:
    """Return the n-th ray of a photosite; direction and moment are known."""
    ray = Ray()
    ray.row = i
    ray.column = j
    ray.d = d
    ray.when = when
    ray.begin = begin
    ray.key = hash2(j // 2 + n * 8192, i // 2, view.key)
    return ray
