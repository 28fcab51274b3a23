"""The bodies' surfaces: closed, outward, of the mission's sizes, and articulated in place."""

from itertools import pairwise

import numpy as np
import pytest
import trimesh
import warp as wp
from scipy.spatial.transform import Rotation

from skycrane.mission.load import load_mission
from skycrane.vehicle.canopy import decode_pattern, pattern_of
from skycrane.vehicle.materials import MATERIALS, material_id
from skycrane.vehicle.mesh import MeshBuilder, axes_along
from skycrane.vehicle.shapes import Bodies, engine_axes, shapes_of

wp.config.quiet = True


@wp.kernel
def nearest_kernel(
    mesh: wp.uint64, eye: wp.vec3, way: wp.array(dtype=wp.vec3), out: wp.array(dtype=float)
):
    i = wp.tid()
    hit = wp.mesh_query_ray(mesh, eye, way[i], 100.0)
    out[i] = wp.where(hit.result, hit.t, 1.0e9)


@wp.kernel
def gap_kernel(mesh: wp.uint64, point: wp.vec3, out: wp.array(dtype=float)):
    q = wp.mesh_query_point_no_sign(mesh, point, 10.0)
    out[0] = wp.length(wp.mesh_eval_position(mesh, q.face, q.u, q.v) - point)


CLOSED = ("heat_shield", "backshell", "parachute_cover", "descent_stage", "rover", "bridles")


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


@pytest.fixture(scope="module")
def bodies(mission):
    return Bodies(mission)


@pytest.fixture(scope="module")
def shapes(mission):
    return shapes_of(mission)


def mesh_of(shape):
    # Welding only what coincides: every solid keeps its own vertices.
    return trimesh.Trimesh(shape.vertices_m, shape.triangles, process=False)


@pytest.mark.parametrize("name", [*CLOSED, "parachute"])
def test_every_index_and_material_exists_and_nothing_is_degenerate(shapes, name):
    shape = shapes[name]
    assert shape.vertices_m.dtype == np.float32
    assert shape.triangles.dtype == shape.material.dtype == np.int32
    assert np.isfinite(shape.vertices_m).all()
    assert shape.triangles.min() == 0
    assert shape.triangles.max() == len(shape.vertices_m) - 1
    assert len(shape.material) == len(shape.triangles)
    assert 0 <= shape.material.min() <= shape.material.max() < len(MATERIALS)
    assert len(shape.triangles) < 60_000


@pytest.mark.parametrize("name", CLOSED)
def test_solids_are_closed_and_face_outward(shapes, name):
    mesh = mesh_of(shapes[name])
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    volumes = [part.volume for part in mesh.split(only_watertight=False)]
    assert min(volumes) > 0.0


def test_materials_are_possible():
    assert len({m.name for m in MATERIALS}) == len(MATERIALS)
    for m in MATERIALS:
        assert all(0.0 < a < 1.0 for a in m.albedo)
        assert 0.0 <= m.specular <= 1.0
        assert 0.0 < m.roughness <= 1.0
        assert 0.0 <= m.translucency < 1.0


def test_aeroshell_has_the_mission_s_diameter_and_cone(mission, shapes):
    points = shapes["heat_shield"].vertices_m
    radius = np.hypot(points[:, 0], points[:, 1])
    vehicle = mission.vehicle.aeroshell
    assert radius.max() == pytest.approx(vehicle.diameter_m / 2, abs=1e-4)
    # Nose depth of a sphere-cone: shoulder, cone and spherical cap, each tangent to the next.
    half = np.radians(vehicle.cone_half_angle_deg)
    rs, rn, rim = mission.shape.aeroshell.shoulder_radius_m, vehicle.nose_radius_m, radius.max()
    run = (rim - rs + rs * np.cos(half)) - rn * np.cos(half)
    depth = rs * np.sin(half) + run / np.tan(half) + rn * (1 - np.sin(half))
    assert points[:, 2].max() == pytest.approx(depth, abs=1e-3)
    assert 0.7 < depth < 0.9
    back = shapes["backshell"].vertices_m
    assert np.hypot(back[:, 0], back[:, 1]).max() <= vehicle.diameter_m / 2 + 0.06
    assert back[:, 2].min() == pytest.approx(mission.shape.aeroshell.canister_top_z_m, abs=0.03)


def test_stack_fits_inside_the_aeroshell(mission, bodies):
    profile = np.array(mission.shape.aeroshell.backshell_profile_m)[::-1]
    stack = mission.vehicle.stack
    stage = bodies.fixed["descent_stage"].vertices_m + stack.descent_stage_position_m
    rover = bodies.rover_shape(wheels_deployed=0.0).vertices_m + stack.rover_position_m
    for points, slack in ((stage, 0.10), (rover, 0.10)):
        upper = points[points[:, 2] < 0.0]
        shell = np.interp(upper[:, 2], profile[:, 1], profile[:, 0])
        assert (np.hypot(upper[:, 0], upper[:, 1]) - shell).max() < slack
    assert np.hypot(rover[:, 0], rover[:, 1]).max() < mission.vehicle.aeroshell.diameter_m / 2
    assert rover[:, 2].max() < 0.7


def test_cover_sits_on_the_canister_then_leaves(mission, bodies):
    at, turn = bodies.cover_pose(-3.0)
    assert at[2] == mission.shape.aeroshell.canister_top_z_m
    assert np.allclose(turn, np.eye(3))
    heights = [bodies.cover_pose(t)[0][2] for t in (0.0, 0.1, 0.5, 1.0)]
    assert all(b < a for a, b in pairwise(heights))
    assert heights[-1] < -30.0
    _, turn = bodies.cover_pose(0.7)
    assert np.allclose(turn @ turn.T, np.eye(3))


# -- canopy ----------------------------------------------------------------------------------------


def test_canopy_says_what_was_published(mission):
    canopy = mission.shape.canopy
    rings = decode_pattern(
        pattern_of(canopy), canopy.message_first_group, canopy.group_bits, canopy.letter_bits
    )
    words = ["".join(chr(64 + code) for code in ring) for ring in rings[:3]]
    assert words == ["DARE", "MIGHTY", "THINGS"]
    assert rings[3] == [34, 11, 58, ord("N") - 64, 118, 10, 31, ord("W") - 64]


def test_canopy_pattern_agrees_with_gores_read_off_the_picture(mission):
    # Read by eye off the published picture of the flown canopy, gores 1 to 80 clockwise from
    # below: where the innermost ring is white, and which gores of the band are orange up to 40.
    pattern = pattern_of(mission.shape.canopy)
    assert not pattern[0, 40:43].any()
    assert pattern[0, 43:].all()
    assert list(np.flatnonzero(pattern[3, :20]) + 1) == [5, 9, 17, 19, 20]
    assert list(np.flatnonzero(pattern[2, :20]) + 1) == list(range(4, 21))


def test_canopy_colours_follow_the_pattern_clockwise_from_below(mission, bodies):
    canopy = mission.shape.canopy
    shape = bodies.canopy_shape(inflation=1.0, deployed_length_m=bodies.parachute_length_m)
    centre = shape.vertices_m[shape.triangles].mean(axis=1)
    orange, white = material_id("nylon_orange"), material_id("nylon_white")
    cloth = np.isin(shape.material, (orange, white))
    # From below (+z, looking along -z) with x up, clockwise runs from x toward -y.
    gore = (np.arctan2(-centre[:, 1], centre[:, 0]) / (2 * np.pi) * canopy.gores) % canopy.gores
    band = cloth & (centre[:, 2] > -canopy.band_m)
    seen = shape.material[band] == orange
    assert (seen == pattern_of(canopy)[3, gore[band].astype(int)]).all()


def test_full_canopy_has_its_size_gap_and_vent(mission, bodies):
    canopy = mission.shape.canopy
    shape = bodies.canopy_shape(inflation=1.0, deployed_length_m=bodies.parachute_length_m)
    cloth = np.isin(shape.material, (material_id("nylon_orange"), material_id("nylon_white")))
    used = np.unique(shape.triangles[cloth])
    points = shape.vertices_m[used]
    radius = np.hypot(points[:, 0], points[:, 1])
    assert radius.min() == pytest.approx(canopy.vent_diameter_m / 2, rel=0.1)
    assert radius.max() == pytest.approx(canopy.inflated_diameter_m / 2, rel=0.06)
    assert points[:, 2].max() == pytest.approx(0.0, abs=0.2)
    heights = np.sort(np.unique(np.round(points[:, 2], 3)))
    assert np.diff(heights).max() > 0.6 * canopy.gap_m
    lines = shape.vertices_m[np.unique(shape.triangles[~cloth])]
    end = bodies.parachute_length_m + canopy.bridle_length_m
    assert lines[:, 2].max() == pytest.approx(end, abs=0.05)


def test_canopy_is_cut_from_the_cloth_of_its_nominal_diameter(mission, bodies):
    # The nominal diameter is that of a circle of disk, gap and band together, vent and gap counted
    # (Cruz et al. 2014 for the Viking-type canopy).
    canopy, d0 = mission.shape.canopy, mission.vehicle.parachute.diameter_m
    disk = canopy.disk_diameter_m
    whole = np.pi * disk**2 / 4 + np.pi * disk * (canopy.gap_m + canopy.band_m)
    assert np.sqrt(4 * whole / np.pi) == pytest.approx(d0, rel=0.01)
    shape = bodies.canopy_shape(inflation=1.0, deployed_length_m=bodies.parachute_length_m)
    a, b, c = (shape.vertices_m[shape.triangles[:, k]].astype(float) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    cloth = np.isin(shape.material, (material_id("nylon_orange"), material_id("nylon_white")))
    band = cloth & (((a + b + c) / 3)[:, 2] > -1.1 * canopy.band_m)
    vent = np.pi * canopy.vent_diameter_m**2 / 4
    # Whatever its bulge the canopy takes no more cloth than it was cut from, and nearly all of it.
    assert area[cloth & ~band].sum() == pytest.approx(np.pi * disk**2 / 4 - vent, rel=0.05)
    assert area[band].sum() == pytest.approx(np.pi * disk * canopy.band_m, rel=0.05)


def test_canopy_has_its_gores_and_lines(mission, bodies):
    canopy = mission.shape.canopy
    assert canopy.gores == 80
    shape = bodies.canopy_shape(inflation=1.0, deployed_length_m=bodies.parachute_length_m)
    line = shape.material == material_id("line_white")
    bars = mesh_of(shape).submesh([np.flatnonzero(line)], append=True).split(only_watertight=False)
    # A tape over the gap and a suspension line to a gore, the riser, three legs.
    assert len(bars) == 2 * canopy.gores + 1 + 3
    # The skirt is scalloped: farthest out in the middle of each gore.
    cloth = np.unique(shape.triangles[~line])
    skirt = shape.vertices_m[cloth][shape.vertices_m[cloth][:, 2] > -0.3]
    turn = np.arctan2(-skirt[:, 1], skirt[:, 0]) / (2 * np.pi) * canopy.gores % 1.0
    radius = np.hypot(skirt[:, 0], skirt[:, 1])
    middle = np.abs(turn - 0.5) < 0.1
    assert radius[middle].mean() > radius[(turn < 0.02) | (turn > 0.98)].mean() + 0.02


def test_canopy_breathes_by_the_mission_s_share(mission, bodies):
    length = bodies.parachute_length_m
    sizes = [
        np.hypot(*bodies.canopy_shape(inflation=1.0, deployed_length_m=length, phase_rad=p)
                 .vertices_m[:, :2].T).max() for p in (-np.pi / 2, np.pi / 2)
    ]  # fmt: skip
    wanted = 2 * mission.shape.canopy.breathing
    assert (sizes[1] - sizes[0]) / np.mean(sizes) == pytest.approx(wanted, rel=0.3)


def test_canopy_grows_with_inflation_and_keeps_its_triangles(bodies):
    length = bodies.parachute_length_m
    sizes, first = [], None
    for inflation in (0.0, 0.05, 0.3, 0.7, 1.0):
        shape = bodies.canopy_shape(inflation=inflation, deployed_length_m=length)
        first = first or shape
        assert (shape.triangles == first.triangles).all()
        assert (shape.material == first.material).all()
        assert shape.vertices_m.shape == first.vertices_m.shape
        sizes.append(np.hypot(shape.vertices_m[:, 0], shape.vertices_m[:, 1]).max())
    assert sizes == sorted(sizes)
    assert sizes[0] < 1.0
    packed = bodies.canopy_shape(inflation=0.0, deployed_length_m=0.0)
    assert np.isfinite(packed.vertices_m).all()
    assert np.ptp(packed.vertices_m, axis=0).max() < 4.0


# -- rover, stage, bridles -------------------------------------------------------------------------


def test_wheels_touch_the_ground_when_down_and_are_clear_when_stowed(mission, bodies):
    down = bodies.rover_shape(wheels_deployed=1.0)
    up = bodies.rover_shape(wheels_deployed=0.0)
    assert (down.triangles == up.triangles).all()
    assert down.vertices_m[:, 2].max() == pytest.approx(0.0, abs=0.003)
    rover = mission.shape.rover
    wheel = down.triangles[down.material == material_id("wheel")]
    points = down.vertices_m[np.unique(wheel)]
    for x, y in zip(rover.wheel_x_m, rover.wheel_y_m, strict=True):
        for side in (-1, 1):
            near = np.hypot(points[:, 0] - x, points[:, 1] - side * y) < 0.31
            assert points[near, 2].max() == pytest.approx(0.0, abs=0.003)
    assert up.vertices_m[:, 2].max() < -0.15
    body = down.material == material_id("white_paint")
    fixed = np.unique(down.triangles[body])
    assert (down.vertices_m[fixed] == up.vertices_m[fixed]).all()


def test_rover_has_its_size(mission, bodies):
    rover = mission.shape.rover
    points = bodies.rover_shape(wheels_deployed=1.0).vertices_m
    assert np.ptp(points[:, 1]) == pytest.approx(
        2 * (max(rover.wheel_y_m) + rover.wheel_width_m / 2), abs=0.1
    )
    assert 2.7 < np.ptp(points[:, 0]) < 3.2
    deck = points[np.abs(points[:, 2] - rover.deck_z_m) < 1e-6]
    assert np.ptp(deck[:, 0]) > 0.9 * rover.body_length_m


def test_engines_point_down_and_outward_to_their_side(mission):
    axes = engine_axes(mission.shape.stage, mission.vehicle.engines)
    assert np.allclose(np.linalg.norm(axes, axis=1), 1.0)
    cant = np.degrees(np.arccos(axes[:, 2]))
    assert cant == pytest.approx(mission.vehicle.engines.cant_deg)
    points = np.array(mission.shape.stage.engine_points_m)
    assert (np.sign(axes[:, 1]) == np.sign(points[:, 1])).all()
    # All eight at equal thrust pull straight.
    assert axes.sum(axis=0)[:2] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert np.cross(points, axes).sum(axis=0) == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_bridles_join_stage_and_rover_and_hang_after_the_cut(mission, bodies):
    section = mission.shape.bridles
    place = np.array([0.2, -0.1, 8.0])
    turn = axes_along([0.05, 0.02, 1.0])
    held = bodies.bridles_shape(rover_position_m=place, rover_rotation=turn, payout_m=6.4)
    for k in range(3):
        tube = held.vertices_m[k * len(held.vertices_m) // 4 : (k + 1) * len(held.vertices_m) // 4]
        start, end = np.array(section.stage_points_m[k]), turn @ section.rover_points_m[k] + place
        for point in (start, end):
            gap = np.linalg.norm(tube - point, axis=1).min()
            assert gap == pytest.approx(section.bridle_radius_m, abs=2e-3)
    slack = bodies.bridles_shape(rover_position_m=place, rover_rotation=turn, payout_m=9.0)
    assert np.abs(slack.vertices_m - held.vertices_m).max() > 0.1
    cut = bodies.bridles_shape(
        rover_position_m=place * [1.0, 1.0, 6.0],
        rover_rotation=turn,
        payout_m=6.4,
        since_cut_s=3.0,
    )
    assert (cut.triangles == held.triangles).all()
    assert cut.vertices_m[:, 2].max() < section.cut_length_m + 0.6


def test_tube_keeps_its_radius_around_bends():
    mesh = MeshBuilder()
    t = np.linspace(0.0, 1.5 * np.pi, 60)
    mesh.tube(np.column_stack([np.cos(t), np.sin(t), 0.3 * t]), 0.05, "harness", segments=12)
    shape = mesh.build()
    path = np.column_stack([np.cos(t), np.sin(t), 0.3 * t])
    rings = shape.vertices_m[:-2].reshape(60, 12, 3)
    assert np.linalg.norm(rings - path[:, None], axis=2) == pytest.approx(0.05, abs=1e-5)
    assert mesh_of(shape).volume == pytest.approx(
        np.pi * 0.05**2 * np.hypot(1, 0.3) * t[-1], rel=0.06
    )


@pytest.mark.parametrize("name", ["ruc", "rdc", "ddc", "puc_a", "puc_b", "puc_c"])
def test_no_camera_looks_into_what_carries_it(mission, bodies, name):
    camera = mission.cameras[name]
    shape = {
        "rover": bodies.rover_shape(wheels_deployed=1.0),
        "descent_stage": bodies.fixed["descent_stage"],
        "backshell": bodies.fixed["backshell"],
    }[camera.body]
    mesh = wp.Mesh(
        wp.array(shape.vertices_m, dtype=wp.vec3),
        wp.array(shape.triangles.ravel(), dtype=int),
    )
    detector = camera.detector
    half = 0.5 * detector.pitch_m / camera.optics.focal_length_m
    u, v = np.meshgrid(
        np.linspace(-1, 1, 17) * half * detector.width,
        np.linspace(-1, 1, 17) * half * detector.height,
    )
    rays = np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3)
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    turn = Rotation.from_quat(camera.attitude_wxyz, scalar_first=True)
    way = wp.array(turn.apply(rays).astype(np.float32), dtype=wp.vec3)
    distance = wp.zeros(len(rays), dtype=float)
    wp.launch(nearest_kernel, len(rays), [mesh.id, wp.vec3(*camera.position_m), way, distance])
    blocked = distance.numpy() < 1e8
    assert distance.numpy().min() > 0.15
    assert blocked.mean() < 0.1


def test_the_stage_s_camera_is_clear_of_the_stowed_rover(mission, bodies):
    stack = mission.vehicle.stack
    eye = np.array(mission.cameras["ddc"].position_m)
    eye = eye + stack.descent_stage_position_m - np.array(stack.rover_position_m)
    shape = bodies.rover_shape(wheels_deployed=0.0)
    mesh = wp.Mesh(
        wp.array(shape.vertices_m, dtype=wp.vec3),
        wp.array(shape.triangles.ravel(), dtype=int),
    )
    gap = wp.zeros(1, dtype=float)
    wp.launch(gap_kernel, 1, [mesh.id, wp.vec3(*eye), gap])
    assert gap.numpy()[0] > 0.08


def test_the_stage_has_its_eight_nozzles_and_tanks(mission, bodies):
    stage = mission.shape.stage
    shape = bodies.fixed["descent_stage"]
    mesh = mesh_of(shape)
    axes = engine_axes(stage, mission.vehicle.engines)
    for point, axis in zip(np.array(stage.engine_points_m), axes, strict=True):
        # Around each exit stands a rim of the nozzle's radius, square to its axis.
        off = shape.vertices_m - point
        radius = np.linalg.norm(off, axis=1)
        rim = (np.abs(off @ axis) < 0.01) & (np.abs(radius / stage.nozzle_exit_radius_m - 1) < 0.03)
        across = axes_along(axis)
        angle = np.sort(np.arctan2(off[rim] @ across[:, 0], off[rim] @ across[:, 1]))
        assert np.diff([*angle, angle[0] + 2 * np.pi]).max() < np.radians(40)
    sizes = [np.ptp(part.vertices, axis=0) for part in mesh.split(only_watertight=False)]
    balls = [s.mean() / 2 for s in sizes if np.ptp(s) < 0.03 * s.mean() and s.mean() > 0.3]
    for radius, count in ((stage.propellant_tank_radius_m, 3), (stage.pressurant_tank_radius_m, 2)):
        assert sum(abs(b - radius) < 0.05 * radius for b in balls) >= count


def test_wheels_swing_down_evenly(mission, bodies):
    wheel = bodies.rover_shape(wheels_deployed=1.0).material == material_id("wheel")
    lows = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        shape = bodies.rover_shape(wheels_deployed=share)
        lows.append(shape.vertices_m[np.unique(shape.triangles[wheel])][:, 2].max())
    steps = np.diff(lows)
    assert (steps > 0.0).all()
    assert steps.max() < 2.0 * steps.min()
