"""The ground's stages: develop (stills and frames) and cut (film, captions, edit)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from skycrane.errors import InputError
from skycrane.files import fsync_dir, write_bytes
from skycrane.flight.record import Flight, read_flight
from skycrane.ground.callouts import plan_callouts
from skycrane.ground.captions import captions_of, webvtt
from skycrane.ground.composition import Composition
from skycrane.ground.cut import write_film
from skycrane.ground.footage import Footage
from skycrane.ground.interchange import timeline_json
from skycrane.ground.landing_track import landing_track, mixed
from skycrane.ground.soundtrack import duration_s, soundtrack
from skycrane.ground.stills import ChosenStill, choose_stills, write_png
from skycrane.ground.timeline import film_span
from skycrane.stage import StageContext, StageResult

__all__ = ["cut", "develop"]


def develop(context: StageContext) -> StageResult:
    """Develop the footage that came home: products/stills/, and products/frames/ where asked for.

    The option "frames" keeps every frame. Stills are chosen by event (mission file, film.stills);
    products/stills/featured.png is the rover hanging under the descent stage.

    Raises:
        InputError: no footage, no flight, or a damaged file.
    """
    flight = read_flight(context.directory)
    stills = context.directory / "products" / "stills"
    with Footage(context.directory / "ground", context.mission) as footage:
        footage.require()
        chosen = choose_stills(flight, context.mission.film, footage)
        outputs = [stills / f"{still.still.name}.png" for still in chosen]
        _remove_others(stills, keep=outputs)
        with (
            context.progress.task("developing stills", len(chosen)) as advance,
            ThreadPoolExecutor(context.workers) as pool,
        ):
            for _ in pool.map(lambda still: _write_still(still, stills, footage), chosen):
                advance()
        summary: dict[str, Any] = {"stills": len(chosen)}
        if context.options.get("frames"):
            folder = context.directory / "products" / "frames"
            summary["frames"] = _write_frames(folder, footage, context)
            outputs.append(folder)
    return StageResult(outputs=outputs, summary=summary)


def _remove_others(folder: Path, *, keep: list[Path]) -> None:
    """Remove stills of an earlier edit, so that the folder holds this one's and no others."""
    for path in sorted(folder.glob("*.png")):
        if path not in keep:
            path.unlink()


def _write_still(chosen: ChosenStill, folder: Path, footage: Footage) -> None:
    path = folder / f"{chosen.still.name}.png"
    words = {
        "Title": chosen.still.title,
        "Description": f"{chosen.camera}, {chosen.t_s:.2f} s after entry interface",
        "Source": f"ground/{chosen.camera}.mcap, frame {chosen.index}",
        "Software": "Skycrane",
    }
    write_png(path, footage.cameras[chosen.camera].picture(chosen.index), words)


def _write_frames(folder: Path, footage: Footage, context: StageContext) -> int:
    jobs = [
        (camera, index)
        for _, camera in sorted(footage.cameras.items())
        for index in range(len(camera.times_s))
    ]
    with (
        context.progress.task("developing frames", len(jobs)) as advance,
        ThreadPoolExecutor(context.workers) as pool,
    ):
        for start in range(0, len(jobs), 64):
            batch = jobs[start : start + 64]
            written = pool.map(
                lambda job: write_png(
                    folder / job[0].name / f"{job[1]:06d}.png", job[0].picture(job[1])
                ),
                batch,
            )
            for _ in written:
                advance()
    fsync_dir(folder)
    return len(jobs)


def cut(context: StageContext) -> StageResult:
    """Cut the film: products/landing.mp4 with its sound, landing.vtt and landing.otio.

    Raises:
        InputError: no footage, no flight, or a damaged file.
    """
    flight = read_flight(context.directory)
    mission, film = context.mission, context.mission.film
    encoding = film.encoding[context.quality]
    products = context.directory / "products"
    title = film.title or mission.mission.title
    with Footage(context.directory / "ground", mission) as footage:
        footage.require()
        span = film_span(flight, film, footage.coverage(film.hold_s))
        _check_length(span.length_s)
        film_frames = Composition(mission, flight, footage, span, encoding)
        spoken = plan_callouts(
            flight,
            film,
            lambda speaker, text: duration_s(film, speaker, text),
            between_s=(span.opens_s + 0.5, span.closes_s + film.end_card_s - 0.5),
        )
        length_s = film_frames.frame_count / encoding.frames_per_s
        sound = soundtrack(spoken, film, opens_s=span.opens_s, length_s=length_s, seed=context.seed)
        heard = None
        if (choice := mission.soundscape.landing.in_film) != "none":
            heard = landing_track(
                products / "sound" / "landing_as_heard.flac",
                opens_s=span.opens_s,
                length_s=length_s,
            )
            if choice == "mixed":
                sound, heard = mixed(sound, heard), None
        with context.progress.task("cutting the film", film_frames.frame_count) as advance:
            write_film(
                products / "landing.mp4",
                film_frames.picture,
                film_frames.frame_count,
                sound,
                encoding,
                title=title,
                workers=context.workers,
                advance=advance,
                second=heard,
            )
    captions = captions_of(spoken, film, opens_s=span.opens_s)
    write_bytes(products / "landing.vtt", webvtt(captions, title=title).encode())
    edit = timeline_json(
        film_frames.shots, flight, span, title=title, frames_per_s=encoding.frames_per_s
    )
    write_bytes(products / "landing.otio", edit.encode())
    return StageResult(
        outputs=[products / f"landing.{kind}" for kind in ("mp4", "vtt", "otio")],
        summary=_summary(flight, span.opens_s, length_s, len(film_frames.shots), len(spoken)),
    )


def _check_length(length_s: float) -> None:
    if length_s > 3600:
        raise InputError(
            f"the film would be {length_s / 60:.0f} minutes long",
            where="film.opens_at",
            right="Choose an event to open at that is nearer to the touchdown.",
        )


def _summary(
    flight: Flight, opens_s: float, length_s: float, shots: int, spoken: int
) -> dict[str, Any]:
    return {
        "opens_s": round(opens_s, 3),
        "film_s": round(length_s, 3),
        "shots": shots,
        "callouts": spoken,
        "outcome": flight.outcome,
    }
