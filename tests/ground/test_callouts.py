from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from ground_builders import FLOWN, SHORT, flight_of, mission_of
from pydantic import ValidationError

from skycrane.errors import InputError
from skycrane.ground.callouts import Spoken, figures, plan_callouts, say
from skycrane.ground.captions import Caption, captions_of, read_webvtt, webvtt
from skycrane.ground.soundtrack import RATE_HZ, duration_s, soundtrack
from skycrane.ground.voice import speak
from skycrane.mission.film import Callout, Film, Speaker

FILM = mission_of().film
FLIGHT = flight_of(FLOWN)
SPAN = (230.0, 432.0)


def letters(speaker: str, text: str) -> float:
    return len(text) / 14


def planned(flight=FLIGHT, film: Film = FILM, between_s=SPAN) -> list[Spoken]:
    return plan_callouts(flight, film, letters, between_s=between_s)


def test_nobody_speaks_over_another() -> None:
    spoken = planned()
    assert len(spoken) >= 15
    for before, after in itertools.pairwise(spoken):
        assert before.end_s < after.start_s


def test_call_outs_belong_to_events_that_happened_and_follow_them() -> None:
    spoken = planned()
    for line in spoken:
        wish = min(
            (c for c in FILM.callouts if c.event == line.event),
            key=lambda c: abs(FLIGHT.event(c.event).t_s + c.after_s - line.start_s),
        )
        late = line.start_s - FLIGHT.event(line.event).t_s - wish.after_s
        assert -1e-6 <= late <= wish.may_wait_s + 1e-6


@pytest.mark.parametrize("gone", ["touchdown", "heat_shield_separation", "sky_crane_start"])
def test_what_did_not_happen_is_not_called_out(gone: str) -> None:
    flight = dataclasses.replace(FLIGHT, events=[e for e in FLIGHT.events if e.name != gone])
    events = {line.event for line in planned(flight)}
    assert gone not in events
    assert events


def test_a_call_out_moves_with_its_event() -> None:
    later = FLOWN | {"heat_shield_separation": FLOWN["heat_shield_separation"] + 5.0}
    one, other = (
        next(s for s in planned(f) if s.event == "heat_shield_separation")
        for f in (FLIGHT, flight_of(later))
    )
    assert other.start_s - one.start_s == pytest.approx(5.0)


def test_touchdown_is_said_on_time_even_in_a_hurry() -> None:
    flight = flight_of(SHORT)
    spoken = planned(flight, between_s=(16.0, 40.0))
    touchdown = next(s for s in spoken if s.event == "touchdown")
    assert touchdown.start_s == pytest.approx(flight.event("touchdown").t_s + 1.2)


def test_figures_are_those_of_the_flight_when_spoken() -> None:
    values = figures(FLIGHT, 300.0)
    altitude_km = float(FLIGHT.altitude_m(300.0)) / 1000
    assert values["altitude"] == f"{altitude_km:.1f} kilometres"
    assert float(values["speed"]) == pytest.approx(float(FLIGHT.speed_m_s(300.0)), abs=5)
    assert values["since_entry"] == "300"
    assert float(values["to_touchdown"]) == pytest.approx(418.1 - 300, abs=5)


def test_only_known_figures_are_filled_in() -> None:
    assert say("{altitude} and {speed}", {"altitude": "1", "speed": "2"}) == "1 and 2"
    base = {"event": "touchdown", "speaker": "guidance"}
    for hostile in ("{altitude.__class__}", "{0}", "{speed:>99999999}", "{ unknown }", "a { b"):
        with pytest.raises(ValidationError):
            Callout.model_validate(base | {"says": hostile})


def test_captions_say_what_is_spoken_when_it_is_spoken() -> None:
    spoken = planned()
    captions = captions_of(spoken, FILM, opens_s=SPAN[0])
    read = read_webvtt(webvtt(captions, title="A landing"), where="landing.vtt")
    assert [c.text for c in read] == [s.text for s in spoken]
    for caption, line in zip(read, spoken, strict=True):
        assert caption.start_s == pytest.approx(line.start_s - SPAN[0], abs=0.001)
        assert caption.end_s >= line.end_s - SPAN[0] - 0.001
    for before, after in itertools.pairwise(read):
        assert before.end_s <= after.start_s + 1e-9


@pytest.mark.parametrize(
    "text",
    ["a --> b", "<script>alert(1)</script>", "R&D <v Someone>", "x\n\n2\n00:00 --> 00:09\ny"],
)
def test_hostile_captions_stay_text(text: str) -> None:
    written = webvtt([Caption(1.0, 2.0, "Gui<d>ance\n\nNOTE", text)], title="t\n\n1\n-->")
    blocks = written.strip().split("\n\n")
    assert len(blocks) == 2
    assert written.count("-->") == 1
    assert "<script" not in written
    (read,) = read_webvtt(written, where="x")
    assert read.text == " ".join(text.split())


@pytest.mark.parametrize("text", ["", "not captions", "WEBVTT\n\n1\nnonsense"])
def test_damaged_captions_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_webvtt(text, where="landing.vtt")


def test_voices_speak_and_differ_and_repeat_themselves() -> None:
    one, other = FILM.speakers["guidance"], FILM.speakers["systems"]
    said = speak("Touchdown.", one)
    assert 0.3 < duration_s(FILM, "guidance", "Touchdown.") < 3
    assert np.abs(said).max() > 0.05
    assert not np.array_equal(said, speak("Touchdown.", other))
    speak("Something else, said in between.", one)
    speak.cache_clear()
    assert np.array_equal(said, speak("Touchdown.", one))


@pytest.mark.parametrize(
    ("voice", "text"), [("klingon-9", "Hello."), ("en-us", "  "), ("en-us", "...")]
)
def test_what_cannot_be_said_is_refused(voice: str, text: str) -> None:
    speaker = Speaker(name="X", voice=voice, words_per_min=150, pitch=50)
    with pytest.raises(InputError):
        speak(text, speaker)


def level_db(signal: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(signal.astype(float) ** 2)) + 1e-12))


def test_the_sound_is_never_dead_and_voices_stand_out() -> None:
    spoken = [
        Spoken("touchdown", "guidance", "Touchdown.", 12.0, 13.0, 5),
        Spoken("touchdown", "systems", "We are down.", 15.0, 16.0, 5),
    ]
    mix = soundtrack(spoken, FILM, opens_s=10.0, length_s=8.0, seed=1)
    assert mix.shape == (8 * RATE_HZ, 2)
    assert np.abs(mix).max() <= 1
    room = mix[round(1.0 * RATE_HZ) : round(1.7 * RATE_HZ)]
    voice = mix[round(2.1 * RATE_HZ) : round(2.5 * RATE_HZ)]
    assert -60 < level_db(room) < -38
    assert level_db(voice) > level_db(room) + 15
    assert np.array_equal(mix, soundtrack(spoken, FILM, opens_s=10.0, length_s=8.0, seed=1))
    assert not np.array_equal(mix, soundtrack(spoken, FILM, opens_s=10.0, length_s=8.0, seed=2))
