"""A user's own ground: GeoTIFFs of known surfaces come back where they are; bad files are told."""

from __future__ import annotations

import hashlib
from importlib import resources

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine
from scipy.special import gamma

from skycrane.errors import InputError
from skycrane.mars import terrain as terrain_module
from skycrane.mars.terrain import terrain_of
from skycrane.mars.terrain_files import fill_holes, open_map
from skycrane.mission import dump_mission, load_mission
from skycrane.mission.load import parse_mission

R = 3396190.0
EQC = f"+proj=eqc +lat_ts=0 +lon_0=0 +R={R} +units=m +no_defs"
POLAR = f"+proj=stere +lat_0=90 +lon_0=0 +k=1 +R={R} +units=m +no_defs"
OBLATE = "+proj=eqc +lat_ts=0 +lon_0=0 +a=3396190 +b=3376200 +units=m +no_defs"


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory):
    """Make every grid small, with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(terrain_module, "_BASE", ((160.0, 128), (20.0, 256), (4.0, 256)))
        patch.setattr(terrain_module, "_FINE", ((0.8, 128), (0.2, 128)))
        patch.setattr(terrain_module, "_UNITS", (8.0, 128))
        patch.setattr(terrain_module, "_EXTRA", 256)
        yield


@pytest.fixture(scope="module")
def bare():
    """Return the built-in mission without stones, ripples and craters to hide a surface."""
    mission = load_mission("mars2020")
    ground = mission.terrain
    return mission.model_copy(
        update={
            "terrain": ground.model_copy(
                update={
                    "floor_slope": 0.0,
                    "rough_slope": 0.0,
                    "rough_fraction": 0.0,
                    "craters": ground.craters.model_copy(update={"per_km2_over_1_km": 0.0}),
                    "ripples": ground.ripples.model_copy(update={"steepness": 0.0}),
                    "rocks": ground.rocks.model_copy(update={"cover": 0.0}),
                }
            )
        }
    )


def hills(east, north):
    """Return a smooth surface, m: three kilometres from hill to hill, and a tilt."""
    return 40 * np.sin(east / 480.0) * np.cos(north / 560.0) + 0.02 * east - 0.01 * north - 2560.0


def places(mission, crs, x, y):
    """Return east and north of the target of a map's x and y, by spherical geometry alone."""
    site = mission.site
    lat0, lon0 = np.radians([site.latitude_deg, site.longitude_deg])
    if "stere" in crs:
        lat = np.pi / 2 - 2 * np.arctan(np.hypot(x, y) / (2 * R))
        lon = np.arctan2(x, -y)
    else:
        lat, lon = y / R, x / R
        if "+b=" in crs:
            # Planetographic to planetocentric.
            lat = np.arctan((3376200 / 3396190) ** 2 * np.tan(lat))
    east = np.cos(lat) * np.sin(lon - lon0)
    north = np.sin(lat) * np.cos(lat0) - np.cos(lat) * np.sin(lat0) * np.cos(lon - lon0)
    up = np.sin(lat) * np.sin(lat0) + np.cos(lat) * np.cos(lat0) * np.cos(lon - lon0)
    # Where the ray from the planet's centre meets the curved datum, up = R - r^2 / 2R.
    r = site.radius_m
    scale = r / up
    for _ in range(20):
        scale = (r - scale**2 * (east**2 + north**2) / (2 * r)) / up
    return east * scale, north * scale


def target_xy(mission, crs):
    lat, lon = np.radians([mission.site.latitude_deg, mission.site.longitude_deg])
    if "stere" in crs:
        rho = 2 * R * np.tan(np.pi / 4 - lat / 2)
        return rho * np.sin(lon), -rho * np.cos(lon)
    if "+b=" in crs:
        lat = np.arctan((3396190 / 3376200) ** 2 * np.tan(lat))
    return R * lon, R * lat


def write(path, values, mission, crs, pixel, nodata=None, centre=None):
    rows, columns = values.shape
    x, y = centre or target_xy(mission, crs)
    transform = Affine(pixel, 0, x - pixel * columns / 2, 0, -pixel, y + pixel * rows / 2)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype=values.dtype,
        crs=CRS.from_string(crs),
        transform=transform,
        nodata=nodata,
    ) as out:
        out.write(values, 1)
    return path


def grid(mission, crs, pixel, count):
    """Return east and north of the middles of a map's pixels."""
    x0, y0 = target_xy(mission, crs)
    at = (np.arange(count) - count / 2 + 0.5) * pixel
    x, y = np.meshgrid(x0 + at, y0 - at)
    return places(mission, crs, x, y)


def with_file(mission, path, name="elevation"):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    ground = mission.terrain.model_copy(update={name: str(path), f"{name}_sha256": digest})
    return mission.model_copy(update={"terrain": ground})


@pytest.mark.parametrize("crs", [EQC, POLAR, OBLATE])
def test_a_known_surface_comes_back_where_it_is(tmp_path, bare, crs):
    east, north = grid(bare, crs, 20.0, 500)
    path = write(tmp_path / "dem.tif", hills(east, north).astype(np.float32), bare, crs, 20.0)
    ground = terrain_of(with_file(bare, path), workers=1)
    e, n = np.meshgrid(np.linspace(-2200, 2200, 23), np.linspace(-2200, 2200, 23))
    expected = hills(e, n) - hills(0.0, 0.0)
    error = np.abs(ground.height_m(e, n) - expected)
    # On the 20 m grid nothing is added beneath a 20 m map; around the target unevenness finer than
    # two of its cells is, some centimetres, and broken ground.
    near = np.maximum(np.abs(e), np.abs(n)) < 520
    assert error[~near].max() < 0.02
    assert np.median(error[near]) < 0.1
    assert error.max() < 3.0
    assert "-2560.0 m at the target" in ground.told[0]
    assert f"{bare.site.radius_m:.0f}" in ground.told[0]


def test_relief_made_up_under_a_coarse_map_is_about_as_high_as_at_landing_sites(tmp_path):
    mission = load_mission("mars2020")
    craters = mission.terrain.craters.model_copy(update={"per_km2_over_1_km": 0.0})
    model = mission.terrain.model_copy(update={"craters": craters})
    mission = mission.model_copy(update={"terrain": model})
    path = write(tmp_path / "flat.tif", np.zeros((500, 500), np.float32), mission, EQC, 20.0)
    ground = terrain_of(with_file(mission, path), workers=1)
    at = np.linspace(-500, 500, 60)
    height = ground.height_m(at[None, :], at[:, None])
    found = np.median(np.abs(height - np.median(height)))
    # The map knows wavelengths over 40 m. Of a self-affine surface, deviation v(L) = c L^H, the
    # power below a wavelength W is v(W)^2 (2 pi)^-2H sin(pi H) G(2H + 1) / (2 pi H).
    hurst = 0.7
    share = (2 * np.pi) ** (-2 * hurst) * np.sin(np.pi * hurst) * gamma(2 * hurst + 1)
    share = np.sqrt(share / (2 * np.pi * hurst))
    # v(40 m) of Viking Lander 1 and Pathfinder (Shepard et al.); a normal deviate's median.
    low, high = (0.6745 * share * v for v in (0.99, 1.14))
    assert low / 1.6 < found < 1.6 * high


def test_a_metre_map_is_used_to_the_metre(tmp_path, bare):
    east, north = grid(bare, EQC, 1.0, 1400)
    waves = 0.4 * np.sin(east / 1.5) * np.sin(north / 1.9)
    path = write(tmp_path / "dem.tif", (waves + 0.01 * east).astype(np.float32), bare, EQC, 1.0)
    ground = terrain_of(with_file(bare, path), workers=1)
    e, n = np.meshgrid(np.linspace(-60, 60, 41), np.linspace(-60, 60, 41))
    expected = 0.4 * np.sin(e / 1.5) * np.sin(n / 1.9) + 0.01 * e
    error = np.abs(ground.height_m(e, n) - expected)
    # A few flat stones, finer than the map, lie on it; between them it is the map.
    assert np.median(error) < 0.01
    assert error.max() < 0.2


def test_finer_detail_lies_beneath_and_the_landform_beyond(tmp_path):
    mission = load_mission("mars2020")
    path = write(tmp_path / "flat.tif", np.zeros((400, 400), np.float32), mission, EQC, 20.0)
    ground = terrain_of(with_file(mission, path), workers=1)
    e = np.linspace(-300, 300, 1500)
    detail = ground.height_m(e, 0.0 * e)
    assert 0.03 < detail.std() < 3.0
    assert np.diff(detail).std() > 0.005
    # Beyond the file the built-in landform goes on; no step at the file's edge 4 km out.
    e = np.linspace(2200, 6000, 2000)
    beyond = ground.height_m(e, 0.0 * e + 300.0)
    assert np.abs(np.diff(beyond)).max() < 6.0
    assert beyond[-400:].std() > 1.0


def test_holes_are_filled_smoothly_and_said(tmp_path, bare):
    east, north = grid(bare, EQC, 20.0, 400)
    values = hills(east, north).astype(np.float32)
    values[190:200, 215:225] = np.nan
    values[100:105, 100:104] = -32768.0
    path = write(tmp_path / "dem.tif", values, bare, EQC, 20.0, nodata=-32768.0)
    ground = terrain_of(with_file(bare, path), workers=1)
    e, n = np.meshgrid(np.linspace(250, 550, 13), np.linspace(-50, 250, 13))
    found = ground.height_m(e, n)
    assert np.isfinite(found).all()
    assert np.abs(found - (hills(e, n) - hills(0.0, 0.0))).max() < 8.0
    filled = float(ground.told[0].rsplit(";", 1)[1].split("%")[0])
    assert 2.0 < filled < 8.0


def test_hole_filling_keeps_what_is_known():
    x, y = np.meshgrid(np.arange(65.0), np.arange(50.0))
    plane = 3.0 + 0.5 * x - 0.2 * y
    valid = np.ones(plane.shape, bool)
    valid[20:30, 30:40] = False
    filled = fill_holes(np.where(valid, plane, np.nan), valid)
    assert np.array_equal(filled[valid], plane[valid])
    assert np.abs(filled - plane).max() < 2.5


def test_brightness_lands_at_its_place(tmp_path, bare):
    east, north = grid(bare, EQC, 5.0, 1200)
    photo = np.where((np.abs(east - 120) < 40) & (np.abs(north + 80) < 40), 50, 100)
    path = write(tmp_path / "ortho.tif", photo.astype(np.uint8), bare, EQC, 5.0)
    ground = terrain_of(with_file(bare, path, "orthophoto"), workers=1)
    level = ground.levels((0.0, 0.0), [-0.6, 0.0, 0.8], workers=1)[2]
    red = (level.texels[..., 1] & 255).astype(float) ** 2

    def at(e, n):
        j, i = (round((v - o) / level.cell_m) for v, o in zip((e, n), level.origin_m, strict=True))
        return red[i - 3 : i + 4, j - 3 : j + 4].mean()

    dark = at(120, -80)
    for beside in ((200, -80), (40, -80), (120, 0), (120, -160), (-120, 80)):
        assert 0.3 < dark / at(*beside) < 0.7


def _hostile(tmp_path, mission, kind):
    path = tmp_path / "dem.tif"
    good = np.zeros((64, 64), np.float32)
    if kind == "text":
        path.write_text("no GeoTIFF at all")
    elif kind == "png":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    elif kind == "bare":
        with rasterio.open(
            path, "w", driver="GTiff", width=64, height=64, count=1, dtype="float32"
        ) as out:
            out.write(good, 1)
    elif kind == "earth":
        write(path, good, mission, "EPSG:32643", 20.0)
    elif kind == "moon":
        write(path, good, mission, EQC.replace(str(R), "1737400"), 20.0)
    elif kind == "elsewhere":
        write(path, good, mission, EQC, 20.0, centre=(0.0, 0.0))
    elif kind == "tiny":
        write(path, good[:4, :4], mission, EQC, 20.0)
    elif kind == "empty":
        write(path, np.full((64, 64), np.nan, np.float32), mission, EQC, 20.0)
    elif kind == "hole":
        good[16:48, 16:48] = np.nan
        write(path, good, mission, EQC, 20.0)
    elif kind == "wild":
        good[::2] = -3.4e38
        write(path, good, mission, EQC, 20.0)
    elif kind == "cut":
        write(path, np.random.default_rng(1).random((512, 512)), mission, EQC, 20.0)
        path.write_bytes(path.read_bytes()[:700_000])
    elif kind == "vast":
        x, y = target_xy(mission, EQC)
        with rasterio.open(
            path, "w", driver="GTiff", width=1_500_000, height=1_500_000, count=1, dtype="uint8",
            crs=CRS.from_string(EQC), transform=Affine(0.02, 0, x - 15e3, 0, -0.02, y + 15e3),
            tiled=True, blockxsize=8192, blockysize=8192, sparse_ok=True, bigtiff="yes",
        ):  # fmt: skip
            pass
    return path


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("text", "no GeoTIFF"),
        ("png", "no GeoTIFF"),
        ("bare", "no georeference"),
        ("earth", "another body: radius 6378 km"),
        ("moon", "another body: radius 1737 km"),
        ("elsewhere", "lies outside it"),
        ("tiny", "4 x 4 pixels"),
        ("empty", "says nothing|lies in a hole"),
        ("hole", "lies in a hole|says nothing"),
        ("wild", "relief of"),
        ("cut", "cannot be read|no GeoTIFF"),
        ("vast", "billion pixels"),
    ],
)
def test_a_bad_file_is_told(tmp_path, bare, kind, told):
    path = _hostile(tmp_path, bare, kind)
    with pytest.raises(InputError, match=told) as caught:
        terrain_of(with_file(bare, path), workers=1)
    assert str(path) in str(caught.value)


def test_a_file_changed_since_is_refused(tmp_path, bare):
    path = write(tmp_path / "dem.tif", np.zeros((64, 64), np.float32), bare, EQC, 20.0)
    mission = with_file(bare, path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match="changed since the mission was read"):
        terrain_of(mission, workers=1)


def test_the_ground_outlives_its_files(tmp_path, bare):
    path = write(tmp_path / "dem.tif", np.ones((64, 64), np.float32), bare, EQC, 20.0)
    mission = with_file(bare, path)
    first = terrain_of(mission, workers=1)
    moved = path.rename(tmp_path / "moved.tif")
    again = terrain_of(with_file(bare, moved), workers=1)
    assert terrain_of(mission, workers=1).told == first.told == again.told
    assert float(again.height_m(50.0, 60.0)) == float(first.height_m(50.0, 60.0))


@pytest.mark.parametrize("code", ["IAU_2015:49900", "IAU_2015:49902", "IAU_2015:49910"])
def test_systems_of_mars_are_known(tmp_path, bare, code):
    site = bare.site
    crs = CRS.from_string(code)
    x, y = site.longitude_deg, site.latitude_deg
    step = 20.0
    if not code.endswith("10"):
        step = np.degrees(20.0 / R)
    else:
        x, y = np.radians([x, y]) * R
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", width=64, height=64, count=1, dtype="float32",
        crs=crs, transform=Affine(step, 0, x - 32 * step, 0, -step, y + 32 * step),
    ) as out:  # fmt: skip
        out.write(np.zeros((64, 64), np.float32), 1)
    path = tmp_path / "dem.tif"
    with open_map(path, where="x", sha256=None, site=site, planet=bare.planet) as file:
        column, row = file.pixels_of(np.zeros(1), np.zeros(1))
        assert file.pixel_m == pytest.approx(20.0, rel=0.05)
    assert column[0] == pytest.approx(31.5, abs=0.05)
    assert row[0] == pytest.approx(31.5, abs=0.05)


# ---- in a mission file


def _mission_file(folder, lines):
    text = (resources.files("skycrane.mission") / "missions" / "mars2020.toml").read_text()
    path = folder / "mine.toml"
    path.write_text(text.replace("\n[terrain]\n", f"\n[terrain]\n{lines}\n", 1))
    return path


def test_a_mission_names_its_files_and_a_run_tells_them(tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "dem.tif").write_bytes(b"some bytes")
    digest = hashlib.sha256(b"some bytes").hexdigest()
    mission = load_mission(_mission_file(tmp_path, 'elevation = "maps/dem.tif"'))
    assert mission.terrain.elevation == str(tmp_path / "maps" / "dem.tif")
    assert mission.terrain.elevation_sha256 == digest
    # As a run writes it down, it is read again even where the file is gone.
    (tmp_path / "maps" / "dem.tif").unlink()
    again = parse_mission(dump_mission(mission), where="run")
    assert again.terrain == mission.terrain


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('elevation = "none.tif"', "none.tif is not there"),
        ('elevation = "."', "is not a file"),
        ("elevation = 7", "7 is no path"),
        ('elevation = "dem.tif"\nelevation_sha256 = "00"', "no SHA-256"),
        (f'elevation = "dem.tif"\nelevation_sha256 = "{"0" * 64}"', "is another file"),
        (f'orthophoto_sha256 = "{"0" * 64}"', "hash of no file"),
    ],
)
def test_a_wrong_file_key_is_told(tmp_path, lines, told):
    (tmp_path / "dem.tif").write_bytes(b"some bytes")
    with pytest.raises(InputError, match=told) as caught:
        load_mission(_mission_file(tmp_path, lines))
    assert "key terrain." in str(caught.value)
