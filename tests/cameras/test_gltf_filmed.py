"""A user's model in the picture and in the truth: where it is, in its colours, under its name."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial
from trust_builders import Bench, clear_air
from truth_builders import Place, lens, looking_down

from skycrane.cameras.bodies import SURFACES
from skycrane.cameras.body_set import BodySet
from skycrane.cameras.renderer import Pose, Renderer
from skycrane.cameras.scene import Moment
from skycrane.cameras.truth_about import BODY_IDS, about_of
from skycrane.cameras.truth_frame import truth_of
from skycrane.mission.shape import GltfShape
from skycrane.vehicle.shapes import Bodies

EDGE_M = 0.8
RED, BLUE = (200, 20, 10, 255), (10, 30, 180, 255)


@pytest.fixture(scope="module")
def bodies(mission, tmp_path_factory):
    """The built-in vehicle, its rover two cubes: red to the left, blue to the right."""
    scene = trimesh.Scene()
    for name, colour, x in (("red", RED, 0.5), ("blue", BLUE, -0.5)):
        cube = trimesh.creation.box(extents=[EDGE_M] * 3)
        cube.apply_translation([x * EDGE_M, 0.0, 0.0])
        look = PBRMaterial(
            name=f"{name} paint", baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=1.0
        )
        cube.visual = TextureVisuals(material=look)
        scene.add_geometry(cube, node_name=name, geom_name=name)
    path = tmp_path_factory.mktemp("gltf") / "cubes.glb"
    path.write_bytes(scene.export(file_type="glb"))
    gltf = {"rover": GltfShape(file=str(path))}
    shape = mission.shape.model_copy(update={"gltf": gltf})
    return Bodies(mission.model_copy(update={"shape": shape}))


class Painted(Place):
    """A place whose bodies wear the user's paints."""

    def __init__(self, mission, bodies):
        super().__init__(
            mission, (0.0, 0.0, 1.0), {"rover": bodies.rover_shape(wheels_deployed=1.0)}
        )
        self.vehicle = bodies

    def body_set(self):
        paints = self.vehicle.paints
        return BodySet(self.resting, device="cpu", corners=self.corners, paints=paints)


def test_truth_tells_body_and_materials_by_the_names_of_the_file(mission, bodies):
    place = Painted(mission, bodies)
    # The body's z points down and its x to the north: its right is east, as in the picture.
    turn = Rotation.from_matrix(np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1.0]]))
    moment = place.moment({"rover": (np.array([0.0, 0.0, 4.0]), turn)})
    view, glass = place.view(moment, [0.0, 0.0, 10.0], looking_down()), lens()
    truth = truth_of(Renderer(place), glass, view, None, ("depth", "body", "material"))
    on = truth.body == BODY_IDS["rover"]
    top = 10.0 - 4.0 - EDGE_M / 2
    wide = 2 * EDGE_M * glass.fx / top
    assert on.sum() == pytest.approx(wide * wide / 2, rel=0.1)
    told = about_of(place, "any", glass, "test")["materials"]
    red, blue = told["rover: red paint"], told["rover: blue paint"]
    columns = np.broadcast_to(np.arange(glass.width), on.shape)
    assert columns[truth.material == red].mean() < glass.cx - 0.2 * wide
    assert columns[truth.material == blue].mean() > glass.cx + 0.2 * wide
    assert set(np.unique(truth.material[on])) == {red, blue}
    along = truth.depth_m[on] * (glass.grid()[on][:, 2])
    assert np.median(along) == pytest.approx(top, abs=2e-3)


def test_frames_show_it_in_its_own_colours(mission, bodies):
    sun = (0.0, 0.0, 1.0)
    shape = bodies.rover_shape(wheels_deployed=1.0)
    bench = Bench(
        mission,
        shapes={"rover": shape},
        air=clear_air(sun),
        sun=sun,
        white=None,
        paints=bodies.paints,
    )
    rover = SURFACES.index("rover")
    bench.turn[rover] = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1.0]])
    glass, eye = lens(), np.array([0.0, 0.0, 6.0])
    pose = Pose(np.zeros(3), np.array([1.0, 0, 0, 0]), eye, looking_down().as_matrix())
    moment = Moment(0.0, bench.origin_m, bench.turn, bench.present, {}, None)
    row, left, right = int(glass.cy), int(glass.cx - 5), int(glass.cx + 5)
    seen = {}
    for c in range(3):
        made = bench.renderer.light(moment, pose, glass, colour=c, truth=True)
        light, _, body = (np.array(a.numpy()) for a in made)
        assert body[row, left] == body[row, right] == BODY_IDS["rover"]
        seen[c] = light[row, left], light[row, right]
    # Both faces shine alike; what is left tells the factors' differences.
    steps = [float(seen[c][0] - seen[c][1]) for c in range(3)]
    assert steps[0] / steps[2] == pytest.approx((200 - 10) / (10 - 180), rel=0.05)
    assert steps[1] / steps[2] == pytest.approx((20 - 30) / (10 - 180), abs=0.03)
    assert seen[0][0] > 5 * seen[2][0]
