"""The page stage: index.html, which opens from disk without a server or a network."""

from __future__ import annotations

from dataclasses import asdict
from importlib import resources
from typing import Any

import skycrane
from skycrane.files import write_bytes
from skycrane.mission import Mission
from skycrane.page.findings import Findings, gather
from skycrane.page.markup import Html, element, embedded_json, joined
from skycrane.page.sections import joined_sections
from skycrane.stage import StageContext, StageResult

__all__ = ["page", "page_html"]


def page(context: StageContext) -> StageResult:
    """Write index.html of a run: film, figures, stills, plots, events, sounds, relay.

    What is not there (a landing that failed, a stage that has not run) is said in a plain sentence.

    Raises:
        InputError: a file of the run is damaged, or the page cannot be written.
    """
    found = gather(context.directory, context.mission)
    path = context.directory / "index.html"
    text = page_html(context.mission, found, seed=context.seed, quality=context.quality)
    write_bytes(path, text.encode())
    summary = {
        "film": found.film,
        "stills": len(found.stills),
        "events": len(found.events),
        "sounds": len(found.sounds),
        "page_bytes": len(text.encode()),
    }
    return StageResult(outputs=[path], summary=summary)


def page_html(mission: Mission, found: Findings, *, seed: int, quality: str) -> str:
    """Return the whole page as text; script and style are within, products beside it."""
    title = mission.mission.title
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"Skycrane {skycrane.__version__}"),
        element("title", f"{title} · Skycrane"),
        element("link", rel="icon", href="data:,"),
        element("style", Html(_static("page.css"))),
    )
    body = element(
        "body",
        _header(mission),
        element("main", joined_sections(found)),
        _footer(mission, seed=seed, quality=quality),
        embedded_json("landing-data", _data(found)),
        element("script", Html(_static("page.js"))),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _static(name: str) -> str:
    text = (resources.files("skycrane.page") / "static" / name).read_text(encoding="utf-8")
    # Within a script or style element only its own end tag is special.
    return text.replace("</script", "<\\/script").replace("</style", "<\\/style")


def _header(mission: Mission) -> Html:
    name, _, rest = mission.mission.title.partition(":")
    day = mission.epoch.entry_interface_utc
    when = f"{day.day} {day:%B %Y}, {day:%H:%M} UTC"
    return element(
        "header",
        element("p", name.strip(), class_="eyebrow") if rest.strip() else None,
        element("h1", rest.strip() or name.strip()),
        element(
            "p",
            f"{mission.site.name}, {mission.planet.name}. Entry {when}, flown, filmed, relayed and "
            "listened to by simulation.",
            class_="lead",
        ),
    )


def _footer(mission: Mission, *, seed: int, quality: str) -> Html:
    facts = {
        "Mission": mission.mission.name,
        "Seed": str(seed),
        "Quality": quality,
        "Made by": f"Skycrane {skycrane.__version__}",
        "More": "run.json beside this page holds every stage's inputs, outputs and their SHA-256; "
        "mission.toml every value with its default",
    }
    pairs = joined(joined((element("dt", k), element("dd", v))) for k, v in facts.items())
    words = (
        "Every picture and sound here is computed, none is a recording. The same mission and seed "
        "give the same bytes."
    )
    return element("footer", element("p", words), element("dl", pairs))


def _data(found: Findings) -> dict[str, Any]:
    return {
        "opens_s": found.opens_s,
        "captions": [asdict(caption) for caption in found.captions],
        "events": [
            {"label": row.label, "t_s": round(row.t_s, 2)}
            for row in found.events
            if row.t_s is not None
        ],
        "series": found.series,
    }
