"""Findings: what a run directory has to show, gathered for the page; what is missing stays out."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from skycrane.errors import InputError
from skycrane.flight.record import Flight, read_flight
from skycrane.ground.captions import Caption, read_webvtt
from skycrane.mission import Mission
from skycrane.relay.ledger import LedgerRow, read_ledger
from skycrane.relay.transfer import PassRecord

__all__ = ["EventRow", "Findings", "StillFile", "gather"]

_POINTS = 1600
"""Points of a plot: more than a screen has columns for."""
_MAX_TEXT_BYTES = 16 << 20


@dataclass(frozen=True)
class EventRow:
    """An event beside the flown one: times [s after entry interface], None where there is none."""

    name: str
    label: str
    t_s: float | None
    flown_s: float | None
    tolerance_s: float | None
    altitude_m: float | None
    speed_m_s: float | None
    note: str


@dataclass(frozen=True)
class StillFile:
    """A still: address relative to the page, title, where it is from, its size in pixels."""

    address: str
    title: str
    description: str
    width: int
    height: int
    featured: bool


@dataclass(frozen=True)
class Findings:
    """Everything the page shows. Empty or None where a stage has not run or had nothing.

    Attributes:
        milestones: (time [s after entry interface], words) of the events the film names.
        opens_s, closes_s: the film's part of the flight, s after entry interface.
        series: columns t_s, altitude_m, speed_m_s, load_g.
        sounds: file names below products/sound/.
        listening: whether there is a script that holds them equally loud.
        landing_sound: whether there is the landing as it would have been heard.
        products, passes: the relay's ledger.
    """

    flight: Flight | None
    events: list[EventRow]
    milestones: list[tuple[float, str]]
    series: dict[str, list[float]] | None
    film: bool
    opens_s: float
    closes_s: float
    captions: list[Caption]
    stills: list[StillFile]
    sounds: list[str]
    listening: bool
    landing_sound: bool
    spectrogram: bool
    products: list[LedgerRow] = field(default_factory=list)
    passes: list[PassRecord] = field(default_factory=list)


def gather(directory: Path, mission: Mission) -> Findings:
    """Read a run directory.

    Raises:
        InputError: a file is there but damaged.
    """
    products = directory / "products"
    flight = read_flight(directory) if (directory / "flight" / "flight.nc").exists() else None
    opens_s, closes_s = _film_span(products / "landing.otio", flight)
    vtt = products / "landing.vtt"
    ledger = directory / "relay" / "ledger.sqlite"
    rows, passes = read_ledger(ledger) if ledger.exists() else ([], [])
    return Findings(
        flight=flight,
        events=_events(flight, mission),
        milestones=sorted(
            (flight.event(name).t_s, words)
            for name, words in mission.film.milestones.items()
            if flight and flight.has_event(name)
        )
        if flight
        else [],
        series=_series(flight) if flight else None,
        film=(products / "landing.mp4").exists(),
        opens_s=opens_s,
        closes_s=closes_s,
        captions=read_webvtt(_text(vtt), where=str(vtt)) if vtt.exists() else [],
        stills=_stills(directory),
        sounds=[
            name
            for name in ("raw", "clean", "residual")
            if (products / "sound" / f"{name}.flac").exists()
        ],
        listening=(products / "sound" / "listening.js").exists(),
        landing_sound=(products / "sound" / "landing_as_heard.flac").exists(),
        spectrogram=(products / "spectrogram.png").exists(),
        products=rows,
        passes=passes,
    )


def _text(path: Path) -> str:
    if path.stat().st_size > _MAX_TEXT_BYTES:
        raise InputError("larger than it can be", where=str(path), right="Run cut again.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=str(path), right="Run cut again.") from error


def _film_span(path: Path, flight: Flight | None) -> tuple[float, float]:
    if not path.exists():
        end_s = flight.t_end_s if flight else 0.0
        return 0.0, end_s
    try:
        about = json.loads(_text(path))["metadata"]["skycrane"]
        return float(about["opens_s"]), float(about["closes_s"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "not an edit of this program", where=str(path), right="Run cut again."
        ) from error


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _events(flight: Flight | None, mission: Mission) -> list[EventRow]:
    """Pair the flight's events with the flown ones: the second of a name with the second."""
    flown: dict[str, list[Any]] = defaultdict(list)
    for known in mission.flown:
        flown[known.name].append(known)
    seen: Counter[str] = Counter()
    rows = []
    for event in flight.events if flight else []:
        place = seen[event.name]
        seen[event.name] += 1
        peers = flown[event.name]
        peer = peers[place] if place < len(peers) else None
        rows.append(
            EventRow(
                event.name,
                _label(event.name),
                event.t_s,
                peer.t_s if peer else None,
                peer.tolerance_s if peer else None,
                event.altitude_m,
                event.speed_m_s,
                event.note,
            )
        )
    for name, peers in flown.items():
        for peer in peers[seen[name] :]:
            row = EventRow(
                name, _label(name), None, peer.t_s, peer.tolerance_s, None, None, peer.note
            )
            rows.append(row)
    return sorted(rows, key=lambda row: row.t_s if row.t_s is not None else row.flown_s or 0.0)


def _series(flight: Flight) -> dict[str, list[float]]:
    # Evenly over the flight, and again as many over its last half, where everything happens.
    end_s = flight.t_end_s
    half = np.linspace(end_s / 2, end_s, _POINTS // 2)
    t = np.unique(np.concatenate([np.linspace(0.0, end_s, _POINTS // 2), half]).round(2))
    columns = {
        "t_s": t,
        "altitude_m": np.maximum(flight.altitude_m(t), 0.0).round(1),
        "speed_m_s": np.asarray(flight.speed_m_s(t)).round(2),
        "load_g": np.asarray(flight.load_g(t)).round(3),
    }
    return {name: [float(v) for v in np.nan_to_num(c)] for name, c in columns.items()}


def _stills(directory: Path) -> list[StillFile]:
    folder = directory / "products" / "stills"
    stills = [_still(path, directory) for path in sorted(folder.glob("*.png"))]
    # In the order of the landing, the featured one first: its description tells the time.
    return sorted(stills, key=lambda s: (not s.featured, _seconds(s.description), s.address))


def _seconds(description: str) -> float:
    for word in description.split():
        try:
            return float(word)
        except ValueError:
            continue
    return 0.0


def _still(path: Path, directory: Path) -> StillFile:
    try:
        with Image.open(path) as image:
            words = getattr(image, "text", {})
            width, height = image.size
    except (OSError, ValueError) as error:
        raise InputError(
            "not a whole PNG", where=str(path), right="Delete it and run develop."
        ) from error
    return StillFile(
        path.relative_to(directory).as_posix(),
        str(words.get("Title", _label(path.stem))),
        str(words.get("Description", "")),
        width,
        height,
        path.stem == "featured",
    )
