"""Our landing-vision frames beside the flown ones at the same moments, and what tells them apart.

python -m skycrane.cameras.looks RUN_DIR OUT_DIR [EVERY]
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skycrane.cameras.exposure import ExposureMeter
from skycrane.cameras.frames import Filmed, film_frame
from skycrane.cameras.looks_aims import flown_aim
from skycrane.cameras.looks_figures import FIGURES, figures_of, within
from skycrane.cameras.optics import lens_of
from skycrane.cameras.renderer import Renderer, camera_pose
from skycrane.cameras.scene import Scene
from skycrane.cameras.sensor import linear_of
from skycrane.errors import InputError
from skycrane.files import write_json
from skycrane.flight.record import Flight, read_flight
from skycrane.mission import Mission, load_mission

__all__ = [
    "Flown",
    "aimed_frame",
    "compare",
    "flown_frames",
    "main",
    "moment_of",
    "our_frame",
    "reference",
]

Grey = NDArray[np.uint8]

# Local times written on the 87 published images, seconds after the first, 15:50:40.
_LABELS_S = """
0 3 6 9 13 16 19 23 26 29 32 36 39 42 45 48 52 55 58 61 65 68 71 75 76 78 79 81 82 83 84 85 86 87
88 89 90 91 92 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 109 111 112 113 114 115 116
117 118 119 120 121 122 123 124 126 129 132 135 139 142 145 148 152 155 158 162 165 168 171 175
178 181
"""
_FIRST_S = 254.37
"""Seconds after entry interface of image 1."""
_MARS_SECOND = 88775.244 / 86400
_ROWS, _COLUMNS, _SIDE = 10, 9, 256
_PHASES = (
    ("parachute", "heat_shield_separation", "backshell_separation"),
    ("powered descent", "backshell_separation", "sky_crane_start"),
    ("dust", "sky_crane_start", "touchdown"),
)
"""What the spread of the flown images is taken over: the same phase."""
_AIMED = "as flown aimed"
"""Rows of frames made once more with the flown camera's own aim, where that is known: what differs
from them is not for another way of steering, and another place of the sun in the picture."""
_CLEAR_S = 4.0
"""Images nearer than this after the heat shield's leaving show the shield, not the ground."""
_ENDS = (5.0, 249.0)
"""Where the published images' darkest and brightest half percents lie, by and large."""
_PANE, _PAIRS = 400, 4


@dataclass(frozen=True)
class Flown:
    """A flown image: its number from 1, time [s after entry interface], phase and picture."""

    number: int
    t_s: float
    phase: str
    picture: Grey


def reference() -> Path | None:
    """Return the folder of the flown images, or None where there is none.

    It is that of the variable SKYCRANE_REFERENCE, or shared/reference beside the repository.
    """
    named = os.environ.get("SKYCRANE_REFERENCE")
    place = Path(named) if named else Path(__file__).parents[4] / "shared" / "reference"
    return place / "looks" if (place / "looks" / "descent_camera_all_87.png").is_file() else None


def flown_frames(folder: Path, mission: Mission) -> list[Flown]:
    """Return the flown images of the ground, from the contact sheet of all 87."""
    sheet = cv2.imread(str(folder / "descent_camera_all_87.png"), cv2.IMREAD_GRAYSCALE)
    if sheet is None or sheet.shape != (_ROWS * _SIDE, _COLUMNS * _SIDE):
        raise InputError(
            "not the contact sheet of the 87 flown images",
            where=str(folder),
            right=f"It has {_ROWS} rows of {_COLUMNS} images of {_SIDE} pixels.",
        )
    when = _flown_events(mission)
    frames = []
    for index, label in enumerate(int(s) for s in _LABELS_S.split()):
        t_s = _FIRST_S + label * _MARS_SECOND
        row, column = divmod(index, _COLUMNS)
        cell = sheet[row * _SIDE : (row + 1) * _SIDE, column * _SIDE : (column + 1) * _SIDE]
        for phase, begin, end in _PHASES:
            after = _CLEAR_S if begin == "heat_shield_separation" else 0.0
            if when[begin] + after < t_s < when[end]:
                frames.append(Flown(index + 1, t_s, phase, np.ascontiguousarray(cell)))
    return frames


def _flown_events(mission: Mission) -> dict[str, float]:
    """Return when each event happened as flown [s]; of several the first."""
    return {e.name: e.t_s for e in reversed(mission.flown)}


def moment_of(t_s: float, mission: Mission, flight: Flight) -> float:
    """Return the time of our flight that is the same moment: as far between the same events."""
    pairs = sorted(
        (t, flight.event(name).t_s)
        for name, t in _flown_events(mission).items()
        if any(name in phase[1:] for phase in _PHASES) and flight.has_event(name)
    )
    theirs, ours = np.array(pairs).T
    inside = float(np.interp(t_s, theirs, ours))
    return inside + min(t_s - theirs[0], 0.0) + max(t_s - theirs[-1], 0.0)


def our_frame(renderer: Renderer, t_s: float, *, name: str = "lvs", scale: int = 1) -> Grey:
    """Return a grey camera's frame, linear light, (height, width) uint8."""
    camera = renderer.scene.mission.cameras[name]
    meter = ExposureMeter(camera, first_light_s=-np.inf)
    part = Filmed(name, camera, lens_of(camera, scale), 1, 2, np.array([t_s]), -np.inf, meter)
    made: Any = film_frame(part, 0, renderer, 0)
    frame = made[0] if isinstance(made, tuple) else made
    return np.asarray(255 * linear_of(frame.image, camera.detector) + 0.5).astype(np.uint8)


def aimed_frame(renderer: Renderer, t_s: float, turn: NDArray[np.float64]) -> Grey:
    """Return the landing-vision camera's frame had it looked so, (3, 3) to site axes; no bodies."""
    scene = renderer.scene
    camera = scene.mission.cameras["lvs"]
    lens, moment = lens_of(camera, 1), scene.moment(t_s)
    absent = np.zeros_like(moment.present)
    moment = replace(moment, present=absent, moving={}, cords=None, ropes=None)
    pose = replace(camera_pose(scene, camera, t_s), turn=turn)
    light, _, _ = renderer.light(moment, pose, lens, encoding=camera.detector.encoding)
    exposure_s = camera.exposure.longest_s
    image = renderer.expose(light, lens, camera, exposure_s=exposure_s, keys=(1, 2), dark=False)
    return np.asarray(255 * linear_of(image, camera.detector) + 0.5).astype(np.uint8)


def compare(ours: Grey, theirs: Flown, flown: list[Flown]) -> dict[str, Any]:
    """Return our figures, those of the image of that moment, the phase's spread, and what holds.

    Ours is stretched first as the published ones are.
    """
    mine = figures_of(_stretched(ours))
    same = [figures_of(f.picture) for f in flown if f.phase == theirs.phase]
    spread = {n: [min(f[n] for f in same), max(f[n] for f in same)] for n in FIGURES}
    return {
        "image": theirs.number,
        "phase": theirs.phase,
        "ours": mine,
        "flown": figures_of(theirs.picture),
        "spread": spread,
        "within": within(mine, same),
    }


def _stretched(picture: Grey) -> Grey:
    """Return a picture stretched as the published ones are: half a percent at either end."""
    low, high = np.percentile(picture, [0.5, 99.5])
    x = (picture.astype(np.float64) - low) / max(high - low, 1.0)
    return np.clip(_ENDS[0] + (_ENDS[1] - _ENDS[0]) * x, 0, 255).astype(np.uint8)


def _pair(ours: Grey, theirs: Flown, height_m: float) -> Grey:
    """Return the flown image above ours, both stretched the same way."""
    size = (_PANE, _PANE)
    both = [
        cv2.resize(_stretched(p), size, interpolation=cv2.INTER_AREA)
        for p in (theirs.picture, ours)
    ]
    said = (f"flown, image {theirs.number}, {theirs.t_s:.0f} s", f"ours, {height_m:.0f} m")
    for pane, text in zip(both, said, strict=True):
        cv2.rectangle(pane, (0, _PANE - 22), (_PANE, _PANE), 0, -1)
        cv2.putText(pane, text, (6, _PANE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1)
    return np.concatenate(both)


def _table(rows: list[dict[str, Any]]) -> str:
    """Return of each phase and figure: the flown spread, ours, and how many lie within."""
    lines = [f"{'phase':16}{'figure':19}{'flown':>18}{'ours':>18}   within"]
    for phase in (*(p[0] for p in _PHASES), _AIMED):
        for name in FIGURES:
            some = [r for r in rows if r["phase"] == phase]
            if not some:
                continue
            low, high = some[0]["spread"][name]
            mine = [r["ours"][name] for r in some]
            held = sum(r["within"][name] for r in some)
            flown, ours = f"{low:.2f} to {high:.2f}", f"{min(mine):.2f} to {max(mine):.2f}"
            lines.append(f"{phase:16}{name:19}{flown:>18}{ours:>18}   {held} of {len(some)}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Render every so many flown moments of a run; write contact sheets and figures."""
    folder = reference()
    if folder is None:
        print("no flown images at hand: set SKYCRANE_REFERENCE to their folder", file=sys.stderr)
        return 0
    run, out = Path(arguments[0]), Path(arguments[1])
    every = int(arguments[2]) if len(arguments) > 2 else 5
    mission = load_mission(str(run / "mission.toml"))
    renderer = Renderer(Scene(mission, read_flight(run)), workers=os.cpu_count() or 1)
    flown = flown_frames(folder, mission)
    rows, pairs = [], []
    for theirs in flown[::every]:
        t_s = moment_of(theirs.t_s, mission, renderer.scene.flight)
        ours = our_frame(renderer, t_s)
        height = camera_pose(renderer.scene, mission.cameras["lvs"], t_s).eye_m[2]
        pairs.append(_pair(ours, theirs, float(height)))
        rows.append({"t_s": t_s, **compare(ours, theirs, flown)})
        turn = flown_aim(theirs.number)
        if turn is not None:
            row = compare(aimed_frame(renderer, t_s, turn), theirs, flown)
            rows.append({"t_s": t_s, **row, "phase": _AIMED})
    out.mkdir(parents=True, exist_ok=True)
    for k in range(0, len(pairs), _PAIRS):
        cv2.imwrite(str(out / f"beside_{k // _PAIRS + 1}.png"), cv2.hconcat(pairs[k : k + _PAIRS]))
    write_json(out / "figures.json", {"figures": FIGURES, "moments": rows})
    print(_table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
