"""Sections of the replay page: film, figures, plots, events, stills, sounds, relay, provenance."""

from __future__ import annotations

from skycrane.ground.captions import Caption
from skycrane.page.findings import EventRow, Findings, StillFile
from skycrane.page.markup import Html, element, joined

__all__ = [
    "events_section",
    "facts_section",
    "film_section",
    "joined_sections",
    "plots_section",
    "relay_section",
    "sounds_section",
    "stills_section",
]

_SOUNDS = {
    "raw": "As recorded",
    "clean": "Rover removed",
    "residual": "What was removed",
}


def _missing(words: str) -> Html:
    return element("p", words, class_="missing")


def _clock(t_s: float) -> str:
    whole = int(abs(t_s) + 1e-6)
    return f"{'−' if t_s < 0 else ''}{whole // 60:02d}:{whole % 60:02d}"


def _section(name: str, title: str, lead: str, *children: Html) -> Html:
    heading = element("h2", title, id=f"{name}-title")
    said = element("p", lead, class_="lead") if lead else None
    return element("section", heading, said, *children, aria_labelledby=f"{name}-title")


def film_section(found: Findings) -> Html:
    """The film with its call-outs beside it, and the moments to jump to."""
    if not found.film:
        words = "There is no film of this landing yet: skycrane cut makes it."
        return element("section", _missing(words), aria_label="Film", class_="")
    poster = next((s.address for s in found.stills if s.featured), None)
    video = element(
        "video",
        Html('Your browser shows no video: open <a href="products/landing.mp4">the film</a>.'),
        id="film",
        src="products/landing.mp4",
        poster=poster,
        controls=True,
        playsinline=True,
        preload="metadata",
    )
    said = element(
        "div",
        element("p", "Call-outs", class_="label"),
        element(
            "ol", *(_caption(i, c, found) for i, c in enumerate(found.captions)), id="transcript"
        )
        if found.captions
        else element("p", "Nothing was said.", class_="missing"),
        class_="said",
    )
    return element(
        "section",
        video,
        said,
        element("div", *_moments(found), class_="row full"),
        aria_label="Film",
        class_="theatre",
    )


def _caption(index: int, caption: Caption, found: Findings) -> Html:
    at = element("time", _clock(found.opens_s + caption.start_s))
    button = element("button", at, element("span", caption.text), type="button", data_index=index)
    return element("li", button)


def _moments(found: Findings) -> list[Html]:
    captions = element(
        "button",
        "Captions",
        type="button",
        id="captions-toggle",
        aria_pressed="false",
        hidden=True,
    )
    moments = [
        element("button", words, type="button", data_seek_s=f"{t_s:.2f}")
        for t_s, words in found.milestones
        if found.opens_s <= t_s <= found.closes_s
    ]
    return [*moments, captions]


def facts_section(found: Findings) -> Html:
    """The landing in six figures."""
    flight = found.flight
    if flight is None:
        return _section("facts", "The landing", "", _missing("Nothing has flown yet."))
    facts: list[tuple[str, str, str]] = []
    first = {row.name: row for row in reversed(found.events) if row.t_s is not None}

    def fact(event: str, label: str, figure: str, unit: str) -> None:
        if event in first:
            facts.append((label, figure, unit))

    def of(name: str) -> EventRow:
        return first[name]

    if "entry_interface" in first:
        fact("entry_interface", "Entry", f"{(of('entry_interface').speed_m_s or 0):,.0f}", "m/s")
    facts.append(("Peak load", f"{max(found.series['load_g']) if found.series else 0:.1f}", "g"))
    if "parachute_deploy" in first:
        deploy = flight.event("parachute_deploy")
        fact("parachute_deploy", "Parachute", f"{deploy.mach:.2f}", "Mach")
    if "touchdown" in first:
        touchdown = flight.event("touchdown")
        fact("touchdown", "Touchdown", f"{abs(touchdown.vertical_speed_m_s):.2f}", "m/s")
        fact("touchdown", "From entry to ground", _clock(touchdown.t_s), "min")
    cells = [
        element(
            "div",
            element("dt", label, class_="label"),
            element("dd", figure, Html(" "), element("small", unit)),
        )
        for label, figure, unit in facts
    ]
    failed = None
    if flight.outcome != "landed":
        failed = _missing(f"This landing failed: {flight.reason or 'no reason was recorded.'}")
    return element(
        "section",
        failed,
        element("dl", *cells, class_="facts"),
        aria_label="The landing in figures",
    )


def plots_section(found: Findings) -> Html:
    """Altitude, speed and load against the flight's clock."""
    lead = "The bright line is where the film stands. Click to watch that moment."
    if found.series is None or found.flight is None:
        return _section("plots", "The flight", "", _missing("There is no flight to plot yet."))
    end_s = found.flight.t_end_s
    whole = _zoom("Whole flight", 0.0, end_s, pressed=not found.film)
    ranges = [whole]
    if found.film:
        ranges.append(_zoom("The film", found.opens_s, found.closes_s, pressed=True))
    if found.flight.has_event("powered_descent_start"):
        start_s = found.flight.event("powered_descent_start").t_s - 3
        ranges.append(_zoom("Powered descent", start_s, found.closes_s, pressed=False))
    plots = [
        element(
            "div",
            element(
                "header", element("h3", title, class_="label"), element("span", data_readout="")
            ),
            element("div", id=f"plot-{name}", role="img", aria_label=f"{title} against time"),
            class_="plot",
        )
        for name, title in (("altitude", "Altitude"), ("speed", "Speed"), ("load", "Load"))
    ]
    return _section(
        "plots",
        "The flight",
        lead,
        element("div", *ranges, class_="row"),
        element("div", *plots, class_="plots"),
        element("noscript", _missing("The plots need a script.")),
    )


def _zoom(label: str, from_s: float, to_s: float, *, pressed: bool) -> Html:
    return element(
        "button",
        label,
        type="button",
        data_zoom_from=f"{from_s:.2f}",
        data_zoom_to=f"{to_s:.2f}",
        aria_pressed="true" if pressed else "false",
    )


def events_section(found: Findings) -> Html:
    """Every event, simulated beside flown."""
    if not found.events:
        return _section("events", "Events", "", _missing("No events were recorded."))
    flown = any(row.flown_s is not None for row in found.events)
    heads = ["Event", "Simulated", *(["Flown", "Difference"] if flown else []), "Altitude", "Speed"]
    head = element("tr", *(element("th", words, scope="col") for words in heads))
    rows = [_event(row, found, flown=flown) for row in found.events]
    table = element("table", element("thead", head), element("tbody", *rows))
    lead = (
        "Times count from entry interface. Nothing in the simulation is placed by the clock: each "
        "event happens when the flight brings it about."
    )
    return _section("events", "Simulated and flown" if flown else "Events", lead,
                    element("div", table, class_="scroll", tabindex=0, role="region",
                            aria_label="Table of events"))  # fmt: skip


def _event(row: EventRow, found: Findings, *, flown: bool) -> Html:
    none = element("span", "–", class_="none")
    inside = row.t_s is not None and found.film and found.opens_s <= row.t_s <= found.closes_s
    name: Html = element("span", row.label)
    if inside:
        name = element("button", row.label, type="button", data_seek_s=f"{row.t_s:.2f}")
    note = element("span", row.note, class_="note") if row.note else None
    cells = [element("td", name, note), _cell(row.t_s, "{:.1f} s", none)]
    if flown:
        cells += [_cell(row.flown_s, "{:.1f} s", none), _difference(row, none)]
    cells += [
        element("td", none if row.altitude_m is None else _altitude(row.altitude_m)),
        _cell(row.speed_m_s, "{:,.1f} m/s", none),
    ]
    return element("tr", *cells)


def _altitude(altitude_m: float) -> str:
    if abs(altitude_m) >= 1000:
        return f"{altitude_m / 1000:,.2f} km"
    return f"{round(altitude_m, 1) + 0.0:.1f} m"  # adding zero takes the sign off minus zero


def _cell(value: float | None, pattern: str, none: Html) -> Html:
    return element("td", pattern.format(value) if value is not None else none)


def _difference(row: EventRow, none: Html) -> Html:
    if row.t_s is None or row.flown_s is None:
        return element("td", none)
    off = row.t_s - row.flown_s
    near = row.tolerance_s is None or abs(off) <= row.tolerance_s
    sign = "+" if round(off, 1) >= 0 else "−"
    return element("td", f"{sign}{abs(off):.1f} s", class_="good" if near else "far")


def stills_section(found: Findings) -> Html:
    """The gallery."""
    if not found.stills:
        words = "There are no stills yet: skycrane develop makes them."
        return _section("stills", "Stills", "", _missing(words))
    items = [_still(still, large=index == 0) for index, still in enumerate(found.stills)]
    viewer = element(
        "dialog",
        element("img", src="data:,", alt=""),
        element(
            "div",
            element("span", data_words=""),
            element(
                "span",
                element("button", "Back", type="button", data_back=""),
                Html(" "),
                element("button", "Next", type="button", data_next=""),
                Html(" "),
                element("button", "Close", type="button", data_close=""),
            ),
            class_="row",
        ),
        id="viewer",
        aria_label="Still",
    )
    lead = "Single frames as the cameras took them, developed from raw Bayer data."
    return _section("stills", "Stills", lead, element("ul", *items, id="stills"), viewer)


def _still(still: StillFile, *, large: bool) -> Html:
    picture = element(
        "img",
        src=still.address,
        alt=still.title,
        loading="lazy",
        width=still.width,
        height=still.height,
    )
    words = element("span", still.title, element("small", still.description), data_caption="")
    return element(
        "li", element("a", picture, words, href=still.address), class_="large" if large else None
    )


def sounds_section(found: Findings) -> Html:
    """The recordings to compare, and their spectrogram."""
    lead = (
        "A minute from the surface: the breeze, and the rover's own pumps and clicks. Change over "
        "while it plays; the versions run in step and are made equally loud."
    )
    if not found.sounds:
        words = "There is no sound yet: skycrane record, relay and clean make it."
        return _section("sounds", "Sounds", "", _missing(words))
    singles = [
        element(
            "p",
            element("span", f"{_SOUNDS[name]} ", class_="label"),
            element("audio", src=f"products/sound/{name}.flac", controls=True, preload="auto"),
            class_="single",
        )
        for name in found.sounds
    ]
    choices = [
        element(
            "label",
            element("input", type="radio", name="sound", checked=index == 0),
            element("span", _SOUNDS[name]),
            class_="choice",
        )
        for index, name in enumerate(found.sounds)
    ]
    player = element(
        "div",
        element("button", "Play", type="button", data_play=""),
        element(
            "input",
            type="range",
            min=0,
            max=1000,
            value=0,
            aria_label="Place in the recording",
            data_seek="",
        ),
        element("span", "", data_time=""),
        data_player="",
        hidden=True,
    )
    choice = element("fieldset", element("legend", "What you hear", class_="label"), *choices)
    body = element("div", choice, player, *singles, id="sounds")
    script = element("script", src="products/sound/listening.js") if found.listening else None
    parts = [script] if script else []
    return _section("sounds", "Sounds", lead, *parts, body, *_spectrogram(found), *_landing(found))


def _landing(found: Findings) -> list[Html]:
    """The landing as it would have been heard, plainly named as made."""
    if not found.landing_sound:
        return []
    words = (
        "The landing as it would have been heard: computed from this flight. The flown microphone "
        "recorded nothing then. "
    )
    source = "products/sound/landing_as_heard.flac"
    sound = element("audio", src=source, controls=True, preload="none")
    return [element("p", element("span", words, class_="label"), sound, class_="single")]


def _spectrogram(found: Findings) -> list[Html]:
    if not found.spectrogram:
        return []
    picture = element(
        "img",
        src="products/spectrogram.png",
        alt="Spectrogram of the recording before and after the rover's noise is removed",
        loading="lazy",
    )
    return [element("figure", picture, class_="picture")]


def relay_section(found: Findings) -> Html:
    """What was sent home, lost, sent again and verified."""
    if not found.products:
        words = "Nothing has been relayed yet: skycrane relay sends it."
        return _section("relay", "The way home", "", _missing(words))
    size = sum(row.size_bytes for row in found.products)
    lost = sum(row.pdus_lost + row.pdus_corrupt for row in found.products)
    sent = sum(row.pdus_sent for row in found.products)
    verified = sum(row.verified for row in found.products)
    lead = (
        f"{len(found.products)} files, {_size(size)}, in {len(found.passes)} passes: "
        f"{lost:,} of {sent:,} packets were lost or damaged and sent again; "
        f"{verified} of {len(found.products)} files arrived with every byte as sent."
    )
    heads = ("File", "Size", "Packets", "Lost", "Damaged", "Sent again", "Arrived whole")
    head = element("tr", *(element("th", words, scope="col") for words in heads))
    rows = [
        element(
            "tr",
            element("td", row.name),
            element("td", _size(row.size_bytes)),
            *(
                element("td", f"{count:,}")
                for count in (row.pdus_sent, row.pdus_lost, row.pdus_corrupt, row.pdus_resent)
            ),
            element(
                "td", "yes" if row.verified else "no", class_="good" if row.verified else "far"
            ),
        )
        for row in found.products
    ]
    table = element("table", element("thead", head), element("tbody", *rows))
    return _section("relay", "The way home", lead,
                    element("div", table, class_="scroll", tabindex=0, role="region",
                            aria_label="Table of relayed files"))  # fmt: skip


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def joined_sections(found: Findings) -> Html:
    """All sections in the page's order."""
    return joined(
        part(found)
        for part in (
            film_section,
            facts_section,
            stills_section,
            plots_section,
            events_section,
            sounds_section,
            relay_section,
        )
    )
