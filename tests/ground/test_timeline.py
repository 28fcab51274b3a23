from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import opentimelineio as otio
import pytest
from ground_builders import FLOWN, flight_of, mission_of

from skycrane.ground.interchange import timeline_json
from skycrane.ground.timeline import Shot, coverage, film_span, plan_timeline, shot_at

FILM = mission_of().film
FLIGHT = flight_of(FLOWN)
OPENS_S = FLOWN["straighten_up_and_fly_right"] + FILM.opens_after_s
FULL = {
    "puc_a": [(238.0, 362.0)],
    "puc_b": [(238.0, 362.0)],
    "rdc": [(262.0, 438.0)],
    "ruc": [(356.0, 438.0)],
    "ddc": [(356.0, 419.6)],
}


def planned(covered=FULL, flight=FLIGHT):
    span = film_span(flight, FILM, covered)
    return span, plan_timeline(flight, FILM, covered, span)


def without(*cameras: str) -> dict:
    return {name: stretches for name, stretches in FULL.items() if name not in cameras}


@pytest.mark.parametrize(
    "covered", [FULL, without("puc_a"), without("rdc"), without("ddc", "ruc"), {"rdc": FULL["rdc"]},
                {"rdc": [(270.0, 280.0), (300.0, 340.0)]}, {}]
)  # fmt: skip
def test_shots_cover_the_film_without_gap_and_show_only_what_there_is(covered: dict) -> None:
    span, shots = planned(covered)
    assert shots[0].start_s == span.opens_s
    assert shots[-1].end_s == span.closes_s
    for before, after in itertools.pairwise(shots):
        assert before.end_s == after.start_s
        assert (before.layout, before.views) != (after.layout, after.views)
    for shot in shots:
        assert shot.end_s > shot.start_s
        assert (shot.layout == "profile") == (not shot.views)
        middle = (shot.start_s + shot.end_s) / 2
        for view in shot.views:
            assert any(a - 1 <= middle < b + 1 for a, b in covered[view])


def test_the_film_opens_and_closes_by_events() -> None:
    span, _ = planned()
    assert span.opens_s == pytest.approx(OPENS_S)
    assert 10 <= span.closes_s - 418.1 <= 15
    later = flight_of({k: v + 7.0 for k, v in FLOWN.items()})
    moved = {c: [(a + 7, b + 7) for a, b in s] for c, s in FULL.items()}
    span, _ = planned(moved, later)
    assert span.opens_s == pytest.approx(OPENS_S + 7.0)


def test_every_view_the_landing_needs_is_seen() -> None:
    _, shots = planned()
    seen = {view for shot in shots for view in shot.views}
    assert {"puc_a", "puc_b", "rdc", "ruc", "ddc"} <= seen
    hanging = shots[shot_at(shots, 410.0)]
    assert hanging.views[0] == "ddc"
    assert shots[shot_at(shots, 243.0)].views == ("puc_a",)


def test_a_stand_in_takes_a_missing_cameras_place() -> None:
    _, shots = planned(without("puc_a"))
    assert shots[shot_at(shots, 243.0)].views == ("puc_b",)


def test_a_flight_that_never_lands_is_still_shown() -> None:
    events = [e for e in FLIGHT.events if e.t_s < 300]
    crashed = dataclasses.replace(FLIGHT, events=events, outcome="crashed", reason="no engines")
    span, shots = planned(FULL, crashed)
    assert span.opens_s == pytest.approx(OPENS_S)
    assert shots[-1].end_s == span.closes_s <= crashed.t_end_s


def test_coverage_breaks_where_a_camera_pauses() -> None:
    times = np.array([1.0, 1.5, 2.0, 9.0, 9.5])
    assert coverage(times, 3.0) == [(1.0, 2.5), (9.0, 10.0)]
    assert coverage(np.array([]), 3.0) == []
    assert coverage(np.array([4.0]), 3.0) == [(4.0, 4.0)]


def test_the_edit_opens_elsewhere() -> None:
    span, shots = planned()
    text = timeline_json(shots, FLIGHT, span, title="A <landing>", frames_per_s=24)
    assert text == timeline_json(shots, FLIGHT, span, title="A <landing>", frames_per_s=24)
    timeline = otio.adapters.read_from_string(text, "otio_json")
    lengths = {track.name: track.duration().value for track in timeline.tracks}
    assert set(lengths) == {"V1", "V2", "V3", "A1"}
    assert len(set(lengths.values())) == 1
    assert lengths["V1"] == round(span.length_s * 24)
    names = {marker.name for marker in timeline.tracks.markers}
    assert {"parachute_deploy", "touchdown"} <= names
    about = json.loads(text)["metadata"]["skycrane"]
    assert about["opens_s"] == span.opens_s


def test_shot_at_finds_the_shot_on_screen() -> None:
    shots = [Shot(0.0, 2.0, "full", ("a",)), Shot(2.0, 5.0, "full", ("b",))]
    assert [shot_at(shots, t) for t in (0.0, 1.99, 2.0, 4.0, 9.0)] == [0, 0, 1, 1, 1]
