"""Dust along a ray: sheet, ridge and veil together, as Warp functions.

A phenomenological model for looking at, not a prediction of erosion. What it leans on:
- dust is first moved above 60 m, by viscous shear in a sheet nearly parallel to the ground;
  visibility goes near 20 m, and with four engines plumes that meet erode more (Vizcaino and
  Mehta, "Quantification of plume-soil interaction and excavation due to the sky crane descent
  stage", AIAA, NASA NTRS 20150002954); `threshold_n_m2` is set by it;
- erosion grows with what a plume brings to the ground beyond a threshold (Roberts 1963; Metzger et
  al. 2008, arXiv 2104.05198). Metzger (Icarus 417, 2024) finds the energy flux in the laminar
  sublayer, not shear, to set the rate; here a linear law in thrust over distance squared stands for
  either. Steady jets dig little, pulsed ones by far more (Mehta et al. 2011, Icarus, on Phoenix):
  these engines are throttled, and beyond a second threshold soil is let go in bulk;
- the sheet leaves at a few degrees as in the landing films of Apollo (Metzger, Smith, Lane 2011, J.
  Geophys. Res.), and thickens outward as a radial wall jet does;
- streaks run straight out from each plume to where its sheet meets another (dust_sheet,
  dust_streaks), and there a fountain leans and is carried off (dust_ridge);
- stones leave bright wakes where they stand, and small ones fly (dust_wakes);
- dust sends more light on than back (Chen-Chen et al. 2019, Icarus 330, 16, on Martian dust); deep
  in it light has forgotten where it came from (dust_light);
- the veil is fed late, when the plumes are short, and cleared by Stokes settling out of two layers
  and by the mission's wind near the ground (dust_air), and is torn to clouds (dust_veil);
- the picture is drawn from the flown descent camera's last frames.

How a renderer uses it, once a frame and once a ray:

    history = DustHistory(mission, flight, terrain.height_m, sun_site=sun)  # dust_history, a film
    state = history.state(t_s, origin_m=focus_m)              # a frame: an argument of the kernel
    light = dust_between(state, light, start, end, beam, sky, colour)       # a ray

Places are east and north of the site, less `origin_m`. For a ray to the sky `end` is any point
well up along it. `state.active` is 0 when there is nothing to see. `state.ground` is the height of
the ground under the dust, for rays that end on bodies.
"""

from __future__ import annotations

import warp as wp

from skycrane.cameras.dust_light import covered, phase, settled_tint
from skycrane.cameras.dust_sheet import Sheet, sheet_at
from skycrane.cameras.dust_state import DustState
from skycrane.cameras.dust_veil import layer, over, trapped, veil
from skycrane.cameras.dust_wakes import stones_aloft

__all__ = ["DustState", "dust_between", "dust_optics", "settled_tint"]


wp.set_module_options({"enable_backward": False})

_BACK = wp.constant(0.75)
"""Share of an optical depth that turns light back where grains scatter evenly (Eddington)."""
_THROWN = wp.constant(5.0)
"""Height of an eye over the ground below which stones fly between, m."""
_TOLD = wp.constant(0.0035)
"""What a camera tells apart: two photosites, rad."""


@wp.func
def dust_optics(state: DustState, start: wp.vec3, end: wp.vec3) -> wp.vec3:
    """Return (optical depth, brightness of the dust, swept share of the ground) along a ray.

    Args:
        state: the dust at this instant.
        start: camera: east, north, height above the local ground [m].
        end: what the ray meets, likewise.
    """
    if state.active == 0:
        return wp.vec3(0.0, 1.0, 0.0)
    way = end - start
    length = wp.max(wp.length(way), 1.0e-3)
    low = wp.max(wp.min(start[2], end[2]), 0.0)
    high = wp.max(wp.max(start[2], end[2]), 0.0)
    foot = end
    if start[2] < end[2]:
        foot = start
        way = -way
    toward = phase(state, (end - start) / length)
    if low > 8.0:
        aloft = veil(state, start, end, 0.0, _TOLD).depth
        return wp.vec3(aloft, 1.0 + (toward - 1.0) / (1.0 + 0.7 * aloft), 0.0)
    # From near there is little to tell apart in the sheet.
    clear = wp.clamp(0.3 * high, 0.2, 1.0)
    # Stones lie in the sheet for an eye above them, and fly before it for one among them.
    among = start[2] > end[2] and start[2] < _THROWN
    # Nothing of it reaches high up, and nothing is seen of it behind very much dust.
    hidden = state.low_depth * layer(low, high, length, state.low_height)
    shown = (1.0 - wp.smoothstep(1.0, 1.5, low)) * (1.0 - wp.smoothstep(4.5, 6.5, hidden))
    sheet = Sheet()
    sheet.shade = 1.0
    sheet.height = 1.0
    if shown > 0.0:
        sheet = sheet_at(state, foot[0], foot[1], clear, _TOLD * length, among)
        sheet.depth *= shown
        sheet.lift *= shown
    # A grazing ray leaves the place where the sheet was sampled; its path counts up to a few times.
    near = sheet.depth * wp.min(layer(low, high, length, sheet.height), 4.0)
    air = veil(state, start, end, sheet.lift, _TOLD)
    held = trapped(state, start, length)
    aloft = air.depth + held
    total = near + aloft
    # The sheet lies behind the veil, or before it for an eye that looks up.
    from_air = 1.0 - wp.exp(-aloft)
    from_sheet = 1.0 - wp.exp(-near)
    if start[2] < end[2]:
        from_air *= 1.0 - from_sheet
    else:
        from_sheet *= 1.0 - from_air
    shade = (from_sheet * sheet.shade + from_air * air.shade) / wp.max(
        from_air + from_sheet, 1.0e-6
    )
    up = wp.min(0.3, 0.5 * (start[2] + end[2]))
    middle = foot - way * (up / wp.max(high - low, 0.3))
    light = covered(state, wp.vec3(middle[0], middle[1], up))
    # Light that went from grain to grain has forgotten where it came from. Under much dust it is
    # darker, a two-stream share of what grains scatter back up.
    roof = over(state, wp.max(start[2], 0.0))
    shade /= 1.0 + _BACK * (1.0 - state.forward) * roof
    once = 1.0 / (1.0 + 0.7 * total)
    shade *= (1.0 + (light - 1.0) * once) * (1.0 + (toward - 1.0) * once)
    stone = sheet.stone
    seen = wp.exp(-aloft)
    if among and state.stone_share > 0.0:
        # One height stands for all that stones are thrown to.
        stone = stones_aloft(state, start + 0.45 * (end - start))
        seen = 1.0
    # A flying stone hides what is behind it, and is darker than dust in the sun.
    total += 3.0 * stone
    shade *= 1.0 - 0.2 * stone * seen
    return wp.vec3(total, shade, sheet.swept)


@wp.func
def dust_between(
    state: DustState,
    behind: float,
    start: wp.vec3,
    end: wp.vec3,
    beam: float,
    sky: float,
    colour: int,
) -> float:
    """Return the radiance that reaches `start` of what is `behind` dust at `end`, in one colour.

    Args:
        state: the dust at this instant.
        behind: radiance at the ray's end.
        start: camera: east, north, height above the ground at the ray's end [m].
        end: what the ray meets, likewise; height 0 for the ground itself.
        beam: irradiance of the sun on a level surface.
        sky: irradiance of the sky on a level surface.
        colour: 0 red, 1 green, 2 blue.
    """
    if state.active == 0:
        return behind
    optics = dust_optics(state, start, end)
    through = wp.exp(-optics[0])
    light = state.albedo[colour] * (beam + sky) * (optics[1] * 0.31830989)
    ground = behind
    if end[2] <= 0.0:
        ground = behind * (1.0 + state.scour * optics[2])
    return ground * through + light * (1.0 - through)
