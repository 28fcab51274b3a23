"""A user's glTF in place of a body: sizes, axes, colours, arms; hostile files are refused."""

from __future__ import annotations

import base64
import json
import struct

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from skycrane.cli import main
from skycrane.errors import InputError
from skycrane.mission import dump_mission, load_mission
from skycrane.mission.load import parse_mission
from skycrane.mission.shape import GltfShape
from skycrane.vehicle.gltf import read_gltf
from skycrane.vehicle.materials import MATERIALS, PAINTS, material_id
from skycrane.vehicle.shapes import Bodies


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


def box(extents=(1.0, 2.0, 3.0), at=(0.0, 0.0, 0.0), **look):
    made = trimesh.creation.box(extents=extents)
    made.apply_translation(at)
    if look:
        made.visual = TextureVisuals(material=PBRMaterial(**look))
    return made


def written(tmp_path, things, name="model.glb"):
    scene = trimesh.Scene()
    for node, made in things.items():
        scene.add_geometry(made, node_name=node, geom_name=f"mesh {node}")
    path = tmp_path / name
    path.write_bytes(scene.export(file_type="glb"))
    return path


def read(path, name="rover", **keys):
    return read_gltf(GltfShape(file=str(path), **keys), name)


def with_bodies(mission, **files):
    own = {name: GltfShape(file=str(path)) for name, path in files.items()}
    shape = mission.shape.model_copy(update={"gltf": own})
    return mission.model_copy(update={"shape": shape})


def as_mission(text, folder):
    whole = dump_mission(load_mission("mars2020"))
    return parse_mission(f"{whole}\n{text}", where="mine.toml", folder=folder)


# -- size and axes ---------------------------------------------------------------------------------


def test_gltf_s_front_up_and_left_become_the_body_s(tmp_path):
    # glTF 2.0, 3.4: +Y up, +Z forward, -X right. Edge lengths 1, 2, 3 along the file's x, y, z.
    model, _ = read(written(tmp_path, {"body": box(at=(10.0, 20.0, 30.0))}))
    middle = (model.vertices_m.min(axis=0) + model.vertices_m.max(axis=0)) / 2
    assert middle == pytest.approx([30.0, -10.0, -20.0])
    assert np.ptp(model.vertices_m, axis=0) == pytest.approx([3.0, 1.0, 2.0])


def test_scale_axes_and_offset_are_the_mission_s(tmp_path):
    path = written(tmp_path, {"body": box(at=(10.0, 20.0, 30.0))})
    model, _ = read(path, scale=0.1, forward="-x", up="+z", offset_m=[0.0, 0.5, -1.0])
    middle = (model.vertices_m.min(axis=0) + model.vertices_m.max(axis=0)) / 2
    # Right of who looks along -x with z up is +y.
    assert middle == pytest.approx([-1.0, 2.5, -4.0])


@pytest.mark.parametrize("forward", ["+x", "-x", "+y", "-y", "+z", "-z"])
@pytest.mark.parametrize("up", ["+x", "-y", "+z"])
def test_solids_stay_solid_whatever_the_axes_and_mirrored_nodes(tmp_path, forward, up):
    if forward[1] == up[1]:
        with pytest.raises(ValueError, match="different axes"):
            GltfShape(file="x.glb", forward=forward, up=up)
        return
    scene = trimesh.Scene()
    scene.add_geometry(box(), transform=np.diag([-1.0, 1.0, 1.0, 1.0]), node_name="mirrored")
    path = tmp_path / "model.glb"
    path.write_bytes(scene.export(file_type="glb"))
    model, _ = read(path, forward=forward, up=up)
    mesh = trimesh.Trimesh(model.vertices_m, model.triangles, process=False)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(6.0)


def test_nodes_inside_nodes_stand_where_both_put_them(tmp_path):
    scene = trimesh.Scene()
    step = trimesh.transformations.translation_matrix([0.0, 5.0, 0.0])
    turn = trimesh.transformations.rotation_matrix(np.pi / 2, [0.0, 1.0, 0.0])
    scene.graph.update("mast", "world", matrix=turn @ step)
    scene.add_geometry(box(), node_name="head", parent_node_name="mast", transform=step)
    path = tmp_path / "model.glb"
    path.write_bytes(scene.export(file_type="glb"))
    model, _ = read(path)
    assert model.vertices_m.mean(axis=0) == pytest.approx([0.0, 0.0, -10.0], abs=1e-6)
    assert model.nodes[0][:2] == ("head", "mast")


# -- what it looks like ----------------------------------------------------------------------------


def test_metalness_and_roughness_become_gloss(tmp_path):
    for metal in (0.0, 1.0):
        look = {"baseColorFactor": [255] * 4, "metallicFactor": metal, "roughnessFactor": 0.4}
        model, paints = read(written(tmp_path, {"body": box(**look)}))
        own = np.unique(model.paint)
        specular, rough, through = paints.finish[own[0]]
        assert paints.albedo[own[0]] == pytest.approx(0.98)
        assert rough == pytest.approx(0.4, abs=0.01)
        assert through == 0.0
        # A dielectric mirrors 4 % straight on (glTF 2.0, B.3.3); ours do 0.55 of their strength.
        assert (specular * 0.55 == pytest.approx(0.04, abs=0.005)) if not metal else specular > 0.7


def test_base_colour_is_linear_and_one_paint_serves_all_faces(tmp_path):
    look = {"baseColorFactor": [128, 51, 26, 255], "metallicFactor": 0.0, "roughnessFactor": 1.0}
    model, paints = read(written(tmp_path, {"body": box(name="hull", **look)}))
    assert len(np.unique(model.paint)) == 1
    paint = model.paint[0]
    assert paints.albedo[paint] == pytest.approx([0.5, 0.2, 0.1], abs=0.02)
    assert paints.names[paints.kind[paint]] == "rover: hull"


def test_vertex_colours_are_taken_by_face(tmp_path):
    made = box()
    made.visual.vertex_colors = np.where(
        made.vertices[:, :1] > 0, [[255, 0, 0, 255]], [[0, 0, 255, 255]]
    )
    model, paints = read(written(tmp_path, {"body": made}))
    side = -model.vertices_m[model.triangles].mean(axis=1)[:, 1]
    red = paints.albedo[model.paint][:, 0]
    assert (red[side > 0.49] > 0.85).all()
    assert (red[side < -0.49] < 0.01).all()


def test_a_texture_is_averaged_over_each_face_in_linear_light(tmp_path):
    # Left half black, right half of sRGB 188 (linear 0.503), on a square of two triangles.
    texels = np.zeros((8, 16, 3), np.uint8)
    texels[:, 8:] = 188
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    square = trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False)
    square.visual = TextureVisuals(
        uv=corners[:, :2],
        material=PBRMaterial(
            baseColorTexture=Image.fromarray(texels), metallicFactor=0.0, roughnessFactor=1.0
        ),
    )
    model, paints = read(written(tmp_path, {"square": square}))
    shade = paints.albedo[model.paint][:, 0]
    right = -model.vertices_m[model.triangles].mean(axis=1)[:, 1] > 0.5
    # The lower right triangle has three quarters of its area in the bright half.
    assert shade[right] == pytest.approx(0.75 * 0.503, abs=0.05)
    assert shade[~right] == pytest.approx(0.25 * 0.503, abs=0.05)


def test_a_material_of_our_name_is_ours(tmp_path):
    look = {"baseColorFactor": [9, 9, 9, 255], "name": "nylon_orange"}
    model, paints = read(written(tmp_path, {"body": box(**look)}))
    assert set(model.paint) == {material_id("nylon_orange")}
    assert paints is PAINTS


def test_what_is_cut_out_of_a_texture_is_not_there(tmp_path):
    clear = {"baseColorFactor": [255, 255, 255, 10], "alphaMode": "MASK", "alphaCutoff": 0.5}
    solid = box(baseColorFactor=[255] * 4)
    model, _ = read(written(tmp_path, {"a": box((5, 5, 5), **clear), "b": solid}))
    assert np.ptp(model.vertices_m, axis=0)[0] == pytest.approx(5.0)
    used = model.vertices_m[np.unique(model.triangles)]
    assert np.ptp(used, axis=0) == pytest.approx([3.0, 1.0, 2.0])


def test_more_materials_than_the_truth_has_ids_for_are_refused(tmp_path):
    things = {f"n{k}": box(name=f"m{k}", baseColorFactor=[k, 0, 0, 255]) for k in range(250)}
    with pytest.raises(InputError, match="merge materials"):
        read(written(tmp_path, things))
    assert len(MATERIALS) + 250 > 254


# -- how it moves ----------------------------------------------------------------------------------


def test_named_wheels_swing_with_the_built_in_arms(mission, tmp_path):
    rover = mission.shape.rover
    x, y = rover.wheel_x_m, rover.wheel_y_m
    # In the file's axes: forward z, up y, left x.
    wheels = {
        f"{kind} {side}": box((0.3, 0.5, 0.5), (sign * y[k], 0.25, x[k]))
        for k, kind in enumerate(("Wheel.Front", "wheel_middle", "wheel_rear"))
        for sign, side in ((1.0, "left"), (-1.0, "right"))
    }
    path = written(tmp_path, {"body": box((1.2, 0.5, 1.6), (0.0, 0.9, 0.0)), **wheels})
    bodies = Bodies(with_bodies(mission, rover=path))
    down, up = (bodies.rover_shape(wheels_deployed=w).vertices_m for w in (1.0, 0.0))
    assert down[:, 2].max() == pytest.approx(0.0, abs=1e-6)
    body = np.abs(down[:, 1]) < 0.7
    assert (down[body] == up[body]).all()
    assert (np.abs(down[~body] - up[~body]).max(axis=1) > 0.02).all()
    assert up[:, 2].max() < -0.1
    # The very hinges of the built-in rover: the front wheel's middle goes where its own does.
    own = Bodies(mission)
    ours = [own.rover_shape(wheels_deployed=w) for w in (1.0, 0.0)]
    rim = np.unique(ours[0].triangles[ours[0].material == material_id("wheel")])
    places = [s.vertices_m[rim] for s in ours]
    near = np.hypot(places[0][:, 0] - x[0], places[0][:, 1] - y[0]) < 0.31
    theirs = [v[np.hypot(down[:, 0] - x[0], down[:, 1] - y[0]) < 0.5].mean(axis=0) for v in (up,)]
    middle = 0.5 * (places[1][near].min(axis=0) + places[1][near].max(axis=0))
    assert theirs[0] == pytest.approx(middle, abs=0.03)


def test_a_rover_without_names_is_rigid(mission, tmp_path):
    bodies = Bodies(with_bodies(mission, rover=written(tmp_path, {"all": box()})))
    down, up = (bodies.rover_shape(wheels_deployed=w).vertices_m for w in (1.0, 0.0))
    assert (down == up).all()


def test_a_canopy_fills_and_lines_reach_the_deck(mission, tmp_path):
    lines = box((0.1, 40.0, 0.1), (0.0, -20.0, 0.0))
    path = written(tmp_path, {"cloth": box((16.0, 8.0, 16.0), (0.0, 4.0, 0.0)), "lines": lines})
    thread = written(tmp_path, {"line": box((0.02, 1.0, 0.02), (0.0, -0.5, 0.0))}, "line.glb")
    bodies = Bodies(with_bodies(mission, parachute=path, bridles=thread))
    length = bodies.parachute_length_m
    full = bodies.canopy_shape(inflation=1.0, deployed_length_m=length)
    small = bodies.canopy_shape(inflation=0.25, deployed_length_m=0.5 * length)
    assert np.ptp(full.vertices_m[:, 0]) == pytest.approx(16.0)
    assert np.ptp(small.vertices_m[:, 0]) == pytest.approx(8.0)
    assert small.vertices_m[:, 2].max() == pytest.approx(0.5 * full.vertices_m[:, 2].max())
    feet = np.mean(mission.shape.bridles.rover_points_m, axis=0)
    place = np.array([0.3, -0.2, 7.0])
    shape = bodies.bridles_shape(rover_position_m=place, rover_rotation=np.eye(3), payout_m=6.4)
    foot = shape.vertices_m[shape.vertices_m[:, 2] > 3.0].mean(axis=0)
    assert foot == pytest.approx(place + feet, abs=0.02)


@pytest.mark.parametrize("name", ["heat_shield", "backshell", "parachute_cover", "descent_stage"])
def test_every_rigid_body_may_be_replaced(mission, tmp_path, name):
    bodies = Bodies(with_bodies(mission, **{name: written(tmp_path, {"all": box()})}))
    assert len(bodies.fixed[name].triangles) == 12
    assert bodies.fixed[name].material.max() < len(bodies.paints)


# -- in the mission file ---------------------------------------------------------------------------


def test_the_file_is_named_relative_to_the_mission_and_known_by_hash(tmp_path):
    path = written(tmp_path, {"body": box()})
    mine = as_mission('[shape.gltf.rover]\nfile = "model.glb"', tmp_path)
    given = mine.shape.gltf["rover"]
    assert given.file == str(path)
    assert len(given.file_sha256) == 64
    # As a run writes it out and reads it again, though the file is gone meanwhile.
    text = dump_mission(mine)
    data = path.read_bytes()
    path.unlink()
    again = parse_mission(text, where="run", folder=None)
    assert again == mine
    # Another model under the same name is noticed.
    path.write_bytes(data[:-1] + b"\0")
    with pytest.raises(InputError, match="has changed"):
        Bodies(again)
    with pytest.raises(InputError, match="another file"):
        parse_mission(text, where="mine.toml", folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[shape.gltf.rover]\nfile = "none.glb"', "is not there"),
        ('[shape.gltf.rover]\nfile = ""', "is no path"),
        ('[shape.gltf.rover]\nfile = "."', "is not a file"),
        ("[shape.gltf.rover]\nscale = 2.0", "missing"),
        ('[shape.gltf.wheel]\nfile = "model.glb"', "shape.gltf.wheel"),
        ('[shape.gltf.rover]\nfile = "model.glb"\nscale = 0.0', "greater than 0"),
        ('[shape.gltf.rover]\nfile = "model.glb"\nup = "y"', "shape.gltf.rover.up"),
        ('[shape.gltf.rover]\nfile = "model.glb"\nup = "-z"', "different axes"),
        (f'[shape.gltf.rover]\nfile = "model.glb"\nfile_sha256 = "{"0" * 64}"', "another file"),
        ("[shape]\ngltf = 3", "mine.toml"),
    ],
)
def test_wrong_keys_are_told(tmp_path, text, says):
    written(tmp_path, {"body": box()})
    with pytest.raises(InputError) as told:
        as_mission(text, tmp_path)
    assert says in str(told.value)


def test_check_tells_of_models_and_refuses_bad_ones(tmp_path, capsys):
    path = written(tmp_path, {"body": box()})
    mission = tmp_path / "mine.toml"
    text = dump_mission(load_mission("mars2020"))
    mission.write_text(f'{text}\n[shape.gltf.rover]\nfile = "model.glb"\nscale = 0.5\n')
    assert main(["check", str(mission)]) == 0
    assert "rover: 12 triangles, 1.50 m long, 0.50 m wide, 1.00 m high" in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:300])
    assert main(["check", str(mission)]) == 2
    assert "cut off or damaged" in capsys.readouterr().err


# -- hostile files ---------------------------------------------------------------------------------


def taken_apart(path):
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[20 + size + 8 :]


def put_together(path, header, body):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    parts = struct.pack("<II", len(text), 0x4E4F534A) + text
    parts += struct.pack("<II", len(body), 0x004E4942) + body
    path.write_bytes(struct.pack("<III", 0x46546C67, 2, 12 + len(parts)) + parts)


def _nan(header, body):
    place = header["accessors"][header["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    start = header["bufferViews"][place["bufferView"]].get("byteOffset", 0)
    return header, body[:start] + struct.pack("<f", float("nan")) + body[start + 4 :]


def _index(header, body):
    rows = header["accessors"][header["meshes"][0]["primitives"][0]["indices"]]
    start = header["bufferViews"][rows["bufferView"]].get("byteOffset", 0)
    return header, body[:start] + b"\xf0" + body[start + 1 :]


def _set(*path):
    *inner, last, value = path

    def change(header, body):
        at = header
        for part in inner:
            at = at[part]
        at[last] = value
        return header, body

    return change


SPOILT = {
    "version 1": (_set("asset", "version", "1.0"), "version 1.0"),
    "compressed": (
        _set("extensionsRequired", ["KHR_draco_mesh_compression"]),
        "KHR_draco_mesh_compression",
    ),
    "billions": (_set("accessors", 0, "count", 3_000_000_000), "vertices"),
    "more than there is": (_set("accessors", 0, "count", 900_000), "cut off"),
    "negative": (_set("accessors", 0, "count", -3), "size or number"),
    "fraction": (_set("accessors", 0, "count", 3.5), "size or number"),
    "absent": (_set("accessors", 0, {"count": 9, "componentType": 5126, "type": "VEC3"}), "sparse"),
    "huge buffer": (_set("buffers", 0, "byteLength", 4_000_000_000), "holds"),
    "leaves the folder": (_set("buffers", 0, "uri", "../../etc/passwd"), "another file"),
    "from the net": (_set("buffers", 0, "uri", "https://example.org/a.bin"), "another file"),
    "no base64": (_set("buffers", 0, "uri", "data:x;base64,***"), "damaged"),
    "image outside": (_set("images", [{"uri": "/etc/hostname"}]), "another file"),
    "no scene": (_set("scenes", []), "no scene"),
    "inside itself": (_set("nodes", 0, "children", [0]), "inside itself"),
    "no such node": (_set("scenes", 0, "nodes", [99]), "damaged"),
    "bad matrix": (_set("nodes", 0, "matrix", [1.0] * 15), "16 numbers"),
    "infinite": (_set("nodes", 0, "translation", [1e999, 0, 0]), "no number"),
    "far away": (_set("nodes", 0, "scale", [1e8, 1e8, 1e8]), "across"),
    "nothing drawn": (_set("meshes", 0, "primitives", 0, "mode", 0), "no triangle"),
    "fan": (_set("meshes", 0, "primitives", 0, "mode", 6), "fans"),
    "no material": (_set("meshes", 0, "primitives", 0, "material", 7), "damaged"),
    "many nodes": (_set("nodes", [{}] * 30_000), "nodes"),
    "not a number": (_nan, "not a number"),
    "no such corner": (_index, "corner"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_hostile_file_gets_one_clear_error(tmp_path, name):
    change, says = SPOILT[name]
    path = written(tmp_path, {"body": box()})
    put_together(path, *change(*taken_apart(path)))
    with pytest.raises(InputError) as told:
        read(path)
    assert says in str(told.value)
    assert "shape.gltf.rover" in str(told.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"solid cube\nfacet normal 0 0 1", "no glTF"),
        (b"glTF", "cut off"),
        (struct.pack("<III", 0x46546C67, 1, 12) + b"\0" * 20, "version 1"),
        (
            struct.pack("<III", 0x46546C67, 2, 28) + struct.pack("<II", 8, 1) + b"\0" * 8,
            "no header",
        ),
        (b"{" * 100_000, "no JSON"),
        (b'{"asset": 3}', "damaged"),
        (b'{"asset": {"version": NaN}}', "no number"),
        (b"[1]", "no glTF"),
    ],
)
def test_what_is_no_gltf_is_told(tmp_path, data, says):
    path = tmp_path / "model.glb"
    path.write_bytes(data)
    with pytest.raises(InputError) as told:
        read(path)
    assert says in str(told.value)


def test_a_file_with_everything_inside_its_header_is_read(tmp_path):
    header, body = taken_apart(written(tmp_path, {"body": box()}))
    length = header["buffers"][0]["byteLength"]
    inside = base64.b64encode(body[:length]).decode()
    header["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{inside}"
    path = tmp_path / "model.gltf"
    path.write_text(json.dumps(header))
    model, _ = read(path)
    assert np.ptp(model.vertices_m, axis=0) == pytest.approx([3.0, 1.0, 2.0])


def test_too_many_triangles_are_refused_before_they_are_built(tmp_path):
    path = written(tmp_path, {"body": trimesh.creation.icosphere(subdivisions=5)})
    header, body = taken_apart(path)
    mesh = next(n["mesh"] for n in header["nodes"] if "mesh" in n)
    more = [{"mesh": mesh} for _ in range(60)]
    header["nodes"] += more
    first = len(header["nodes"]) - 60
    header["scenes"][0]["nodes"] += list(range(first, first + 60))
    put_together(path, header, body)
    with pytest.raises(InputError, match="simplify"):
        read(path)


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_spoilt_byte_makes_more_than_an_input_error(tmp_path, data):
    path = written(tmp_path, {"body": box(baseColorFactor=[1, 2, 3, 255])}, "whole.glb")
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(whole), len(whole), len(whole) // 2, len(whole) - 1]))
    spoilt = tmp_path / "spoilt.glb"
    spoilt.write_bytes(bytes(whole[:end]))
    try:
        model, _ = read(spoilt)
    except InputError:
        return
    assert np.isfinite(model.vertices_m).all()
    assert model.triangles.max() < len(model.vertices_m)
