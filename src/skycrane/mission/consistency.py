"""What the sections of a mission have to agree on: places, heights, cameras, events."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skycrane.mission.base import wrong
from skycrane.mission.flown import FLOWN_FIGURES

if TYPE_CHECKING:
    from skycrane.mission.mission import Mission

__all__ = ["EVENTS", "check_consistency"]

Vector = NDArray[np.float64]

EVENTS = (
    "entry_interface",
    "peak_heating",
    "peak_deceleration",
    "max_dynamic_pressure",
    "range_control_start",
    "heading_alignment_start",
    "bank_reversal_start",
    "bank_reversal_end",
    "straighten_up_and_fly_right",
    "balance_mass_jettison",
    "parachute_deploy",
    "line_stretch",
    "parachute_full_inflation",
    "peak_parachute_load",
    "parachute_torn",
    "heat_shield_separation",
    "radar_found",
    "radar_lost",
    "navigation_fix",
    "backshell_separation",
    "powered_descent_start",
    "engine_out",
    "constant_velocity_start",
    "constant_deceleration_start",
    "sky_crane_start",
    "rover_separation",
    "rappel_done",
    "touchdown",
    "bridle_cut",
    "flyaway_start",
    "propellant_empty",
    "heat_shield_impact",
    "backshell_impact",
    "descent_stage_impact",
    "balance_mass_impact",
    "crash",
)
"""Names of the events that a flight can have."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MOST_CAMERAS = 32


def check_consistency(mission: Mission) -> None:
    """Check the sections of a mission against each other.

    Raises:
        PydanticCustomError: two of them cannot both be right; it names the key and the remedy.
    """
    _planet(mission)
    _entry(mission)
    _cameras(mission)
    _film(mission)
    kinds = [fault.kind for fault in mission.fault]
    for index, kind in enumerate(kinds):
        if kind in kinds[:index]:
            raise wrong(
                f"fault.{index}.kind",
                f"a second fault of kind {kind!r}",
                "Each kind can be injected once; the last would take the place of the others.",
            )
    for index, event in enumerate(mission.flown):
        _event(f"flown.{index}.name", event.name)
    for index, figure in enumerate(mission.flown_figure):
        if figure.name not in FLOWN_FIGURES:
            raise wrong(
                f"flown_figure.{index}.name",
                f"there is no figure {figure.name!r}",
                "",
                figure.name,
                FLOWN_FIGURES,
            )


def _planet(mission: Mission) -> None:
    planet, radius = mission.planet, mission.site.radius_m
    if not 0.8 < radius / planet.reference_radius_m < 1.25:
        raise wrong(
            "site.radius_m",
            f"{radius:g} m does not fit a planet of {planet.reference_radius_m:g} m",
            "Give the distance of the target from the planet's centre, near its reference radius.",
        )
    gravity = planet.gm_m3_s2 / radius**2
    if not 0.01 < gravity < 100:
        raise wrong(
            "planet.gm_m3_s2",
            f"gives a gravity of {gravity:.3g} m/s2 at the site",
            "Between 0.01 and 100 m/s2 can be landed in; look at gm_m3_s2 and radius_m.",
        )
    if planet.rotation_rate_rad_s**2 * radius > gravity:
        raise wrong(
            "planet.rotation_rate_rad_s",
            "at this rate the ground would fly off the planet",
            "Give radians a second; Mars turns at 7.088e-5.",
        )
    height = radius - mission.atmosphere.datum_radius_m
    if not -9_000 < height < 40_000:
        raise wrong(
            "atmosphere.datum_radius_m",
            f"puts the site {height:.0f} m above the level the air is counted from",
            "Between -9 and 40 km can be computed; compare with site.radius_m.",
        )


def _entry(mission: Mission) -> None:
    entry = mission.entry
    position, velocity = entry.state(mission.planet)
    height = float(np.linalg.norm(position)) - mission.site.radius_m
    if not 20_000 < height < 1_000_000:
        raise wrong(
            f"entry.{entry.height_key}",
            f"lies {height / 1e3:.1f} km above the level of the site",
            "Entry interface lies 20 to 1000 km above it; metres from the planet's centre.",
        )
    speed = float(np.linalg.norm(velocity))
    if speed > 30_000:
        raise wrong(
            f"entry.{entry.speed_key}",
            f"{speed:.0f} m/s is no speed to enter at",
            "Give metres a second.",
        )
    if float(position @ velocity) >= 0:
        raise wrong(
            f"entry.{entry.direction_key}",
            "moves away from the planet, not toward it",
            "Below the horizon it is negative."
            if entry.direction_key == "flight_path_angle_deg"
            else "Its part along position_m has to be negative.",
        )
    _toward_the_site(mission, position, velocity)


def _toward_the_site(mission: Mission, position: Vector, velocity: Vector) -> None:
    """Refuse an entry that flies away from its target: a sign or a frame is wrong somewhere."""
    latitude = math.radians(mission.site.latitude_deg)
    longitude = math.radians(mission.site.longitude_deg)
    target = np.array(
        [
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        ]
    )
    up = position / np.linalg.norm(position)
    away = math.degrees(math.acos(min(max(float(up @ target), -1.0), 1.0)))
    if float(velocity @ (target - up * float(up @ target))) < 0 or away > 60:
        raise wrong(
            f"entry.{mission.entry.place_key}",
            f"lies {away:.1f} degrees from the site and "
            + ("far from it" if away > 60 else "moving away from it"),
            "Compare it with site.latitude_deg and site.longitude_deg (east positive), and look at "
            "the direction of the velocity.",
        )


def _cameras(mission: Mission) -> None:
    if len(mission.cameras) > _MOST_CAMERAS:
        raise wrong(
            "cameras", f"{len(mission.cameras)} cameras", f"At most {_MOST_CAMERAS} are carried."
        )
    for name, camera in mission.cameras.items():
        if not _NAME.fullmatch(name):
            raise wrong(
                f"cameras.{name}",
                f"{name!r} cannot name a file",
                "Use up to 40 lower-case letters, digits, - and _.",
            )
        for key in ("dark_until", "lost_at"):
            if event := getattr(camera, key):
                _event(f"cameras.{name}.{key}", event)
        for index, phase in enumerate(camera.schedule):
            _event(f"cameras.{name}.schedule.{index}.event", phase.event)
            rates = phase.rates_hz
            if max(rates.preview, rates.standard, rates.flight) > 1000:
                raise wrong(
                    f"cameras.{name}.schedule.{index}.rates_hz",
                    "more than 1000 frames a second",
                    "Give frames a second.",
                )
    for quality in ("preview", "standard", "flight"):
        if quality not in mission.film_quality:
            raise wrong(f"film_quality.{quality}", "missing", "Give all three qualities.")
    for quality in mission.film_quality:
        if quality not in ("preview", "standard", "flight"):
            raise wrong(
                f"film_quality.{quality}", "unknown key", "Known: preview, standard, flight."
            )


def _film(mission: Mission) -> None:
    film = mission.film
    for index, edit in enumerate(film.edit):
        _event(f"film.edit.{index}.event", edit.event)
        _are_cameras(mission, f"film.edit.{index}.views", edit.views)
    for index, still in enumerate(film.stills):
        _event(f"film.stills.{index}.event", still.event)
        if still.not_before:
            _event(f"film.stills.{index}.not_before", still.not_before)
        _are_cameras(mission, f"film.stills.{index}.cameras", still.cameras)
        if still.name in [other.name for other in film.stills[:index]]:
            raise wrong(
                f"film.stills.{index}.name",
                f"{still.name!r} is the name of an earlier one",
                "Each needs a name of its own, since it is a file's.",
            )
    for index, callout in enumerate(film.callouts):
        _event(f"film.callouts.{index}.event", callout.event)
    for table in ("phases", "milestones"):
        for name in getattr(film, table):
            _event(f"film.{table}.{name}", name)
    _event("film.opens_at", film.opens_at)
    _event("film.closes_at", film.closes_at)
    _are_cameras(mission, "film.camera_titles", list(film.camera_titles))
    for name, others in film.stand_ins.items():
        _are_cameras(mission, f"film.stand_ins.{name}", [name, *others])
    for key in ("title_s", "end_card_s"):
        if not math.isfinite(getattr(film, key)) or getattr(film, key) > 600:
            raise wrong(f"film.{key}", "longer than ten minutes", "Give seconds.")


def _event(key: str, name: str) -> None:
    if name not in EVENTS:
        raise wrong(key, f"there is no event {name!r}", "", name, EVENTS)


def _are_cameras(mission: Mission, key: str, names: list[str]) -> None:
    for name in names:
        if name not in mission.cameras:
            raise wrong(key, f"there is no camera {name!r}", "", name, tuple(mission.cameras))
