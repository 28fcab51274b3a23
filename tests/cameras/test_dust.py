"""The dust: none from high up, more with thrust, the same on both sides, gone after a while."""

import cv2
import numpy as np
import pytest
import warp as wp
from scipy.spatial.transform import Rotation

from skycrane.cameras.dust import DustState, dust_between, dust_optics, settled_tint
from skycrane.cameras.dust_history import DustHistory
from skycrane.cameras.render import Seen, _in_dust
from skycrane.flight.record import BodyTrack, Flight
from skycrane.mars.frames import SiteFrame
from skycrane.mars.sky import Air
from skycrane.mission.load import load_mission


@wp.kernel
def optics_kernel(
    state: DustState,
    start: wp.array(dtype=wp.vec3),
    end: wp.array(dtype=wp.vec3),
    out: wp.array(dtype=wp.vec3),
    seen: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    out[i] = dust_optics(state, start[i], end[i])
    behind = wp.vec3(0.05, 0.03, 0.02)
    for c in range(3):
        seen[i][c] = dust_between(state, behind[c], start[i], end[i], 1.0, 0.3, c)


def optics(state, start, end):
    start, end = np.broadcast_arrays(np.atleast_2d(start), np.atleast_2d(end))
    a = [wp.array(np.ascontiguousarray(x, np.float32), dtype=wp.vec3) for x in (start, end)]
    out, seen = (wp.zeros(len(start), dtype=wp.vec3) for _ in range(2))
    wp.launch(optics_kernel, len(start), [state, *a, out, seen])
    return out.numpy(), seen.numpy()


@pytest.fixture(scope="module")
def mission():
    return load_mission("mars2020")


def hover(mission, heights_m, *, thrust_n=8000.0, seconds=12.0, engines=range(8)):
    """A descent stage that hangs level over the target at each height in turn, then shuts down."""
    frame = SiteFrame.of(mission.site)
    t = np.arange(0.0, seconds * len(heights_m) + 40.0, 0.25)
    height = np.array(heights_m)[np.minimum((t / seconds).astype(int), len(heights_m) - 1)]
    running = t < seconds * len(heights_m)
    position = frame.position_m(np.column_stack([0 * t, 0 * t, height]))
    # x north, y east, z down.
    axes = frame.axes.T @ np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    attitude = np.tile(Rotation.from_matrix(axes).as_quat(scalar_first=True), (len(t), 1))
    on = np.isin(np.arange(8), list(engines)).astype(float)
    drivers = {
        "thrust_n": np.where(running, thrust_n, 0.0),
        "throttle": np.where(running[:, None], on[None], 0.0),
    }
    still = np.zeros(len(t), dtype=bool)
    track = BodyTrack("descent_stage", t, position, np.zeros((len(t), 3)), attitude, still, drivers)
    return Flight({"descent_stage": track}, [], mission.site.radius_m)


def looking_down(height_m, half_m=12.0, count=41):
    line = np.linspace(-half_m, half_m, count)
    east, north = (g.ravel() for g in np.meshgrid(line, line))
    start = np.column_stack([0 * east, 0 * east, np.full(len(east), height_m)])
    return start, np.column_stack([east, north, 0 * east])


def test_no_dust_from_high_up(mission):
    history = DustHistory(mission, hover(mission, [150.0, 110.0]))
    for t in (0.0, 10.0, 20.0, 30.0):
        state = history.state(t)
        assert state.active == 0
        out, seen = optics(state, *looking_down(110.0))
        assert (out[:, 0] == 0.0).all()
        assert seen == pytest.approx(np.tile([0.05, 0.03, 0.02], (len(seen), 1)))


def test_first_traces_near_the_height_that_was_observed(mission):
    # Vizcaino and Mehta: first interaction above 60 m, with all eight engines braking.
    weak = DustHistory(mission, hover(mission, [62.0], thrust_n=13_500.0)).state(10.0)
    out, _ = optics(weak, *looking_down(62.0, half_m=40.0))
    assert 0.005 < out[:, 0].max() < 0.5


def test_dust_grows_with_thrust_and_nearness(mission):
    means = []
    for thrust in (3000.0, 6000.0, 12_000.0):
        state = DustHistory(mission, hover(mission, [18.0], thrust_n=thrust)).state(10.0)
        means.append(optics(state, *looking_down(12.0))[0][:, 0].mean())
    assert means == sorted(means)
    assert means[0] < 0.9 * means[-1]
    lower = DustHistory(mission, hover(mission, [60.0, 30.0, 18.0, 9.0]))
    depths = [max(lower.state(t).depth) for t in (11.0, 23.0, 35.0, 47.0)]
    assert depths == sorted(depths)


def test_sheet_is_the_same_on_both_sides_but_for_its_texture(mission):
    state = DustHistory(mission, hover(mission, [18.0])).state(10.0)
    # The wind carries the veil to one side.
    state.ridge_depth = state.veil_depth = state.low_depth = 0.0
    start, end = looking_down(12.0)
    tau = np.zeros(len(end))
    for seed in range(60):
        state.drift, state.phase = 137.0 * seed, 11.0 * seed
        state.carry = wp.vec2(31.0 * seed, 57.0 * seed)
        tau += optics(state, start, end)[0][:, 0] / 60
    east, north = end[:, 0], end[:, 1]
    for side in (east, north):
        assert tau[side > 0.5].mean() == pytest.approx(tau[side < -0.5].mean(), rel=0.12)
    plumes = np.array(state.east), np.array(state.north)
    assert sorted(plumes[0]) == pytest.approx(sorted(-plumes[0]), abs=1e-3)
    assert plumes[1] == pytest.approx(np.zeros(4), abs=1e-3)


def test_streaks_have_no_seam_where_plumes_meet(mission):
    state = DustHistory(mission, hover(mission, [18.0])).state(10.0)
    state.ridge_depth = state.stone_share = 0.0
    # Across the middle line, in steps of a millimetre: a twentieth of the thinnest line's flank.
    east = np.arange(-4.0, 4.0, 0.001)
    for north in (-7.0, -4.0, 3.0, 6.0):
        end = np.column_stack([east, np.full_like(east, north), 0 * east])
        tau = optics(state, [[0.0, north, 12.0]], end)[0][:, 0]
        assert np.abs(np.diff(np.log(tau))).max() < 0.15
        assert np.ptp(np.log(tau)) > 0.3


def test_streaks_run_outward_and_not_across(mission):
    # On a circle around one plume the sheet changes within hand's breadths; along a ray from it,
    # over feet: streaks are much longer than wide.
    more = np.flatnonzero(np.array(mission.vehicle.engines.cant_deg) > 15.0)
    state = DustHistory(mission, hover(mission, [14.0], engines=more)).state(10.0)
    state.ridge_depth = 0.0
    plume = int(np.argmax(np.array(state.depth) * (np.array(state.east) > 0)))
    at = np.array([state.east[plume], state.north[plume]])
    ratios = []
    for angle in np.radians(np.arange(0, 360, 20)):
        out = np.array([np.cos(angle), np.sin(angle)])
        aside = np.array([-out[1], out[0]])
        spot, s = at + 2.5 * out, np.linspace(-0.3, 0.3, 61)[:, None]
        rough = []
        for way in (out, aside):
            places = np.column_stack([spot + s * way, 0 * s])
            tau = optics(state, [[*spot, 9.0]], places)[0][:, 0]
            rough.append(np.std(np.diff(np.log(tau))))
        ratios.append(rough[1] / rough[0])
    assert np.median(ratios) > 2.5


def test_two_plumes_stand_where_canted_axes_meet_the_ground(mission):
    cant = np.array(mission.vehicle.engines.cant_deg)
    more = np.flatnonzero(cant > cant.mean())
    state = DustHistory(mission, hover(mission, [18.0], engines=more)).state(10.0)
    lit = np.array(state.depth) > 0.05
    assert lit.sum() == 2
    exits = np.array(mission.shape.stage.engine_points_m)[more]
    reach = np.abs(exits[:, 1]).mean() + (18.0 - exits[0, 2]) * np.tan(np.radians(cant.max()))
    assert sorted(np.array(state.east)[lit]) == pytest.approx([-reach, reach], rel=0.01)


def outer(mission):
    """Return the engines that still run in the end: those canted more."""
    cant = np.array(mission.vehicle.engines.cant_deg)
    return np.flatnonzero(cant > cant.mean())


def test_dust_settles_after_shut_down(mission):
    flight = hover(mission, [9.0], seconds=5.0, engines=outer(mission))
    history = DustHistory(mission, flight)
    start, end = looking_down(1.0, half_m=1.0, count=9)
    tau = [optics(history.state(t), start, end)[0][:, 0].mean() for t in (6.5, 9.0, 15.0, 38.0)]
    assert tau == sorted(tau, reverse=True)
    assert tau[0] > 0.5
    assert tau[-1] < 0.1 * tau[0]


def test_a_plume_that_is_cut_off_leaves_from_the_inside_in_the_time_its_flow_takes(mission):
    # The sheet alone: seconds pass before the veil is gone.
    dust = mission.dust.model_copy(update={"veil_rate_hz": 0.0})
    history = DustHistory(mission.model_copy(update={"dust": dust}), hover(mission, [20.0]))
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)

    def depth(radius_m, t_s):
        state = history.state(t_s)
        state.ridge_depth = 0.0
        state.streak_contrast = 0.0
        i = int(np.argmax(np.array(state.depth)))
        ring = radius_m * np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
        end = ring + np.array([state.east[i], state.north[i], 0.0])
        return optics(state, [[0.0, 0.0, 15.0]], end)[0][:, 0].mean()

    before = np.array([depth(r, 11.9) for r in (2.0, 6.0, 14.0)])
    soon = np.array([depth(r, 12.35) for r in (2.0, 6.0, 14.0)]) / before
    assert soon[0] < 0.5 * soon[2]
    assert soon[0] < soon[1] < soon[2]
    assert depth(6.0, 12.9) < 0.05 * before[1]


@wp.kernel(enable_backward=False)
def shadow_kernel(
    state: DustState, sun: wp.vec3, depth: wp.array(dtype=float), out: wp.array(dtype=wp.vec2)
):
    i = wp.tid()
    air = Air()
    air.sun = sun
    before = wp.vec3(depth[i], 1.0, 0.0)
    lit = Seen()
    lit.light = wp.vec3(1.0, 1.0, 1.0)
    lit.body = 1
    dark = Seen()
    dark.light = wp.vec3(0.3, 0.3, 0.3)
    dark.kept = wp.vec3(0.7, 0.7, 0.7)
    dark.body = 1
    lit = _in_dust(lit, state, air, before, 0.0, 1.0)
    dark = _in_dust(dark, state, air, before, 0.0, 1.0)
    out[i] = wp.vec2(lit.light[1], dark.light[1])


def test_shadows_on_the_ground_fade_under_dust():
    # Dust without light of its own, so that only the ground's is compared.
    depth = np.array([0.0, 0.2, 0.6, 2.0], np.float32)
    out = wp.zeros(len(depth), dtype=wp.vec2)
    sun = wp.vec3(-0.77, 0.0, 0.637)
    inputs = [DustState(), sun, wp.array(depth, dtype=float), out]
    wp.launch(shadow_kernel, len(depth), inputs)
    lit, dark = out.numpy().T
    assert lit == pytest.approx(np.exp(-depth), rel=1e-5)
    contrast = dark / lit
    assert contrast[0] == pytest.approx(0.3)
    assert contrast[1:] == pytest.approx(
        0.3 + 0.7 * 0.9 * (1.0 - np.exp(-depth[1:] / 0.637)), rel=1e-4
    )


def test_layers_clear_by_settling_and_wind(mission):
    dust, wind = mission.dust.model_copy(update={"fine_share": 0.0}), mission.wind
    coarse = mission.model_copy(update={"dust": dust})
    history = DustHistory(coarse, hover(mission, [9.0], seconds=15.0))
    at_top = [
        np.interp(wind.surface_layer_m, wind.altitude_m, u) for u in (wind.east_m_s, wind.north_m_s)
    ]
    whole = np.log1p(wind.surface_layer_m / wind.roughness_m)
    for name, height in (("veil_depth", dust.veil_height_m), ("low_depth", dust.low_height_m)):
        speed = np.hypot(*at_top) * np.log1p(height / wind.roughness_m) / whole
        rate = dust.settling_m_s / height + speed / dust.veil_radius_m
        # By then the jets that held it off are long gone.
        early, late = (getattr(history.state(t), name) for t in (18.5, 19.0))
        assert late / early == pytest.approx(np.exp(-0.5 * rate), rel=0.02)


def test_the_veil_drifts_with_the_wind_once_nothing_feeds_it(mission):
    history = DustHistory(mission, hover(mission, [9.0], seconds=15.0))
    a, b = history.state(17.0), history.state(19.0)
    drift = np.array([b.veil_east - a.veil_east, b.veil_north - a.veil_north])
    wind = np.array([mission.wind.east_m_s[0], mission.wind.north_m_s[0]])
    assert np.linalg.norm(drift) > 0.5
    assert drift @ wind / np.linalg.norm(drift) / np.linalg.norm(wind) > 0.95


def test_the_rover_s_deck_stands_out_of_the_dust_that_hides_the_ground(mission):
    state = DustHistory(mission, hover(mission, [9.0], seconds=15.0)).state(14.9)
    deck = -mission.shape.rover.deck_z_m
    spots = np.array([[x, y, 0.0] for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)])
    state.stone_share = 0.0
    ground, top = [], []
    for drift in range(40):
        state.drift = 17.0 * drift
        ground.append(optics(state, [[0.0, 0.0, 8.0]], spots)[0][:, 0])
        top.append(optics(state, [[0.0, 0.0, 8.0]], np.add(spots, [0.0, 0.0, deck]))[0][:, 0])
    assert np.mean(ground) > 1.5
    assert np.mean(top) < 0.5 * np.mean(ground)


def test_opaque_dust_hides_the_ground_and_thin_dust_does_not(mission):
    history = DustHistory(mission, hover(mission, [9.0], seconds=15.0))
    state = history.state(14.0)
    out, seen = optics(state, *looking_down(9.0))
    share = 1.0 - np.exp(-out[:, 0])
    red = 0.05 * (1.0 - share) * (1.0 + state.scour * out[:, 2])
    red += share * out[:, 1] * state.albedo[0] * 1.3 / np.pi
    assert seen[:, 0] == pytest.approx(red, rel=1e-4)
    assert (out[:, 0] >= 0.0).all()
    assert (out[:, 1] > 0.3).all()


def test_rays_that_stay_above_the_sheet_meet_only_the_veil(mission):
    state = DustHistory(mission, hover(mission, [9.0], seconds=15.0)).state(14.0)
    up, _ = optics(state, [[0.0, 0.0, 30.0]], [[0.0, 0.0, 230.0]])
    down, _ = optics(state, [[0.0, 0.0, 30.0]], [[0.0, 0.0, 0.0]])
    assert up[0, 0] < 0.05 * down[0, 0]
    level, _ = optics(state, [[0.0, 0.0, 30.0]], [[80.0, 0.0, 30.0]])
    assert 0.0 <= level[0, 0] < 0.3


def test_the_same_flight_gives_the_same_dust(mission):
    a, b = (DustHistory(mission, hover(mission, [18.0])).state(7.77) for _ in range(2))
    rays = looking_down(12.0)
    assert (optics(a, *rays)[0] == optics(b, *rays)[0]).all()


def test_streaks_stream_outward(mission):
    history = DustHistory(mission, hover(mission, [18.0]))
    phases = [history.state(t).phase for t in (6.0, 7.0, 8.0, 9.0)]
    assert np.diff(phases).min() > 0.1
    # What stands at one place in the pattern now stands further out later, by the same factor
    # everywhere: log of the distance less the phase is what stays.
    now, later = history.state(8.0), history.state(8.0 + 0.05)
    assert np.exp(later.phase - now.phase) > 1.05


def test_stones_fly_outward_and_are_as_many_as_told(mission):
    more = np.flatnonzero(np.array(mission.vehicle.engines.cant_deg) > 15.0)
    history = DustHistory(mission, hover(mission, [9.0], engines=more))

    def stones(state):
        line = np.arange(-3.0, 3.0, 0.006)
        x, y = np.meshgrid(line, line)
        plume = int(np.argmax(np.array(state.depth) * (np.array(state.east) > 0)))
        x, y = x + state.east[plume], y + state.north[plume]
        end = np.column_stack([x.ravel(), y.ravel(), 0 * x.ravel()])
        eye = [[state.east[plume], state.north[plume], 6.0]]
        depth = optics(state, eye, end)[0][:, 0]
        state.stone_share = 0.0
        return (depth - optics(state, eye, end)[0][:, 0]).reshape(x.shape) > 1.5

    state = history.state(10.0)
    seen = stones(state)
    count = cv2.connectedComponents(seen.astype(np.uint8))[0] - 1
    assert 20 < count < 2000
    sizes = np.sqrt(seen.sum() * 0.006**2 / count / np.pi)
    assert sizes == pytest.approx(mission.dust.stone_radius_m, rel=0.5)
    assert not stones(state).any()


def test_dust_can_be_switched_off(mission):
    still = mission.model_copy(update={"dust": mission.dust.model_copy(update={"enabled": False})})
    assert DustHistory(still, hover(mission, [9.0])).state(10.0).active == 0


def test_places_are_counted_from_the_given_origin(mission):
    history = DustHistory(mission, hover(mission, [18.0]))
    here, there = history.state(10.0), history.state(10.0, origin_m=(100.0, -40.0))
    assert np.array(there.east) == pytest.approx(np.array(here.east) - 100.0, abs=1e-3)
    assert np.array(there.north) == pytest.approx(np.array(here.north) + 40.0, abs=1e-3)
    assert there.veil_east == pytest.approx(here.veil_east - 100.0, abs=1e-3)


def test_dust_under_the_rover_is_dim_and_the_sun_comes_from_its_side(mission):
    flight = hover(mission, [9.0], seconds=15.0)
    stage = flight.bodies["descent_stage"]
    frame = SiteFrame.of(mission.site)
    down = np.tile(frame.position_m([0.0, 0.0, 0.0]), (len(stage.time_s), 1))
    still = np.zeros((len(stage.time_s), 3))
    rover = BodyTrack("rover", stage.time_s, down, still, stage.attitude_wxyz, stage.attached, {})
    both = Flight({"descent_stage": stage, "rover": rover}, [], mission.site.radius_m)
    east = DustHistory(mission, both, sun_site=(0.8, 0.0, 0.6)).state(14.0)
    bare = DustHistory(mission, flight, sun_site=(0.8, 0.0, 0.6)).state(14.0)
    # With the sun in the east at a run of 4/3 the body, 0.87 m up, shades the ground 1 m west.
    spots = [[-1.0, 0.0, 0.0], [4.0, 0.0, 0.0]]
    rays = [
        np.array([optics(s, [[0.0, 0.0, 9.0]], [p])[0][0] for p in spots]) for s in (east, bare)
    ]
    shaded, full = (r[:, 1] for r in rays)
    # Deep in the dust light comes from all around.
    once = 1.0 / (1.0 + 0.7 * rays[0][0, 0])
    share = 1.0 - (1.0 - mission.dust.shadow_light) * once
    assert 0.86 < share < 0.97
    assert shaded[0] == pytest.approx(share * full[0], rel=0.02)
    assert shaded[1] == pytest.approx(full[1], rel=1e-5)


def with_rover(mission, flight):
    """Return the flight with a rover that stands on the target all the time."""
    stage = flight.bodies["descent_stage"]
    frame = SiteFrame.of(mission.site)
    down = np.tile(frame.position_m([0.0, 0.0, 0.0]), (len(stage.time_s), 1))
    still = np.zeros((len(stage.time_s), 3))
    rover = BodyTrack("rover", stage.time_s, down, still, stage.attitude_wxyz, stage.attached, {})
    return Flight({"descent_stage": stage, "rover": rover}, [], mission.site.radius_m)


def test_the_ground_goes_when_plumes_get_short_and_not_before(mission):
    # Flown: clear with the stage 12 m up, 4.4 s before touchdown; white at 9.5 m, 3 s later. Sunk
    # at 0.75 m/s as it did; the eye is under the rover, 1.9 m up by then.
    sinking = list(np.arange(16.0, 8.0, -0.75))
    engines = outer(mission)
    flight = hover(mission, sinking, thrust_n=7350.0, seconds=1.0, engines=engines)
    history = DustHistory(mission, flight)

    def through(stage_m):
        t = float(np.interp(-stage_m, -np.array(sinking), np.arange(len(sinking)) + 0.9))
        rays = looking_down(1.9, half_m=1.9, count=21)
        return np.exp(-optics(history.state(t), *rays)[0][:, 0])

    assert np.median(through(12.5)) > 0.2
    assert np.median(through(9.2)) < 0.03


def test_what_streams_is_the_same_a_frame_later_farther_out(mission):
    more = outer(mission)
    history = DustHistory(mission, hover(mission, [14.0], engines=more))
    now, later = history.state(8.0), history.state(8.0 + 1 / 30)
    plume = int(np.argmax(np.array(now.depth) * (np.array(now.east) > 0)))
    at = np.array([now.east[plume], now.north[plume]])
    angle, r = np.meshgrid(np.linspace(-1.0, 1.0, 160), np.geomspace(1.5, 4.0, 60))

    def texture(state, stretch):
        place = at + (stretch * r)[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        end = np.column_stack([place.reshape(-1, 2), np.zeros(r.size)])
        state.ridge_depth = state.veil_depth = state.low_depth = state.stone_share = 0.0
        tau = np.log(optics(state, [[*at, 10.0]], end)[0][:, 0]).reshape(r.shape)
        # Streams bend a little: the finest do not lie on a straight ray.
        return cv2.GaussianBlur(tau, (0, 0), 2.0) - cv2.GaussianBlur(tau, (0, 0), 12.0)

    def alike(a, b):
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    run = np.exp(later.phase - now.phase)
    assert 1.02 < run < 1.3
    before = texture(now, 1.0)
    moved, stood = texture(later, run), texture(later, 1.0)
    # Some of it goes over to the next finer size, and billows turn over.
    assert alike(before, moved) > 0.88
    assert alike(before, stood) < alike(before, moved) - 0.05
    # Nor does it crawl: tens of metres a second at most, some metres at least.
    speed = (later.phase - now.phase) * 30 * 5.0
    assert 5.0 < speed < 60.0


def test_a_stone_draws_a_wake_away_from_the_plume(mission):
    more = outer(mission)
    flight = hover(mission, [14.0], engines=more)
    where = DustHistory(mission, flight).state(8.0)
    plume = int(np.argmax(np.array(where.depth) * (np.array(where.east) > 0)))
    at = np.array([where.east[plume], where.north[plume]])
    stone = at + np.array([0.0, 3.0])

    def ground(east, north):
        away = np.hypot(np.asarray(east) - stone[0], np.asarray(north) - stone[1])
        return 0.25 * np.exp(-((away / 0.15) ** 2))

    def tau(height_m, spots):
        history = DustHistory(mission, flight, height_m)
        return optics(history.state(8.0), [[*at, 10.0]], spots)[0][:, 0]

    line = np.arange(0.3, 1.6, 0.1)[:, None]
    behind = np.column_stack([stone + line * [0.0, 1.0], 0 * line])
    before = np.column_stack([stone - line * [0.0, 1.0], 0 * line])
    flat = lambda e, n: 0.0 * np.asarray(e)  # noqa: E731
    assert (tau(ground, behind) / tau(flat, behind)).mean() > 1.05
    assert tau(ground, before[3:]) == pytest.approx(tau(flat, before[3:]), rel=0.02)


def test_thin_dust_is_brighter_toward_the_sun(mission):
    flight = hover(mission, [18.0])
    state = DustHistory(mission, flight, sun_site=(0.77, 0.0, 0.64)).state(8.0)
    state.streak_relief = state.ridge_depth = 0.0
    spots = [[9.0, 0.0, 0.0], [-9.0, 0.0, 0.0]]
    toward, away = optics(state, [[0.0, 0.0, 12.0]], spots)[0][:, 1]
    assert toward > 1.15 * away


@wp.kernel(enable_backward=False)
def tint_kernel(state: DustState, up: float, under: wp.vec3, out: wp.array(dtype=wp.vec3)):
    fallen = wp.vec4(state.albedo[0], state.albedo[1], state.albedo[2], state.settled)
    out[0] = settled_tint(fallen, up, under)


def test_dust_settles_on_the_rover_s_upper_sides(mission):
    engines = outer(mission)
    flight = with_rover(mission, hover(mission, [9.0], seconds=15.0, engines=engines))
    history = DustHistory(mission, flight)
    early, late = history.state(5.0), history.state(25.0)
    assert 0.0 <= early.settled < late.settled < 1.0

    def tint(state, up, under):
        out = wp.zeros(1, dtype=wp.vec3)
        wp.launch(tint_kernel, 1, [state, up, wp.vec3(*under), out])
        return out.numpy()[0]

    share = 1.0 - np.exp(-late.settled)
    white, black = tint(late, 1.0, (0.8, 0.8, 0.8)), tint(late, 1.0, (0.04, 0.04, 0.04))
    for c, dust in enumerate(late.albedo):
        assert white[c] == pytest.approx(1.0 - share + share * dust / 0.8, rel=1e-4)
        assert black[c] == pytest.approx(1.0 - share + share * dust / 0.04, rel=1e-4)
    assert tint(late, -1.0, (0.04, 0.04, 0.04)) == pytest.approx([1.0, 1.0, 1.0])


def test_an_eye_under_the_rover_is_in_what_the_fountain_holds_there(mission):
    flight = with_rover(mission, hover(mission, [9.0], seconds=15.0, engines=outer(mission)))
    state = DustHistory(mission, flight).state(14.0)
    under = optics(state, [[0.2, 0.0, 0.5]], [[1.0, 0.0, 0.5]])[0][0, 0]
    density = mission.dust.trapped_share * state.low_depth / mission.dust.low_height_m
    state.trapped = 0.0
    assert under - optics(state, [[0.2, 0.0, 0.5]], [[1.0, 0.0, 0.5]])[0][0, 0] == pytest.approx(
        0.8 * density, rel=1e-3
    )
