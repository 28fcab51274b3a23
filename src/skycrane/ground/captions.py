"""Captions: the call-outs as WebVTT, on the film's own clock."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from skycrane.errors import InputError
from skycrane.ground.callouts import Spoken
from skycrane.mission.film import Film

__all__ = ["Caption", "captions_of", "read_webvtt", "webvtt"]

_LINE = 42
"""Characters in a line of captions, as broadcasters advise."""
_LINGER_S = 0.7
"""How long a caption stays after the last word, s, where nothing follows."""


@dataclass(frozen=True)
class Caption:
    """One caption: times on the film's clock [s], who speaks, the plain text."""

    start_s: float
    end_s: float
    speaker: str
    text: str


def captions_of(spoken: Sequence[Spoken], film: Film, *, opens_s: float) -> list[Caption]:
    """Return the captions of what is said in a film whose first frame is at `opens_s`."""
    captions = []
    for index, line in enumerate(spoken):
        end_s = line.end_s + _LINGER_S
        if index + 1 < len(spoken):
            end_s = min(end_s, spoken[index + 1].start_s)
        speaker = film.speakers[line.speaker].name
        captions.append(Caption(line.start_s - opens_s, end_s - opens_s, speaker, line.text))
    return captions


def webvtt(captions: Sequence[Caption], *, title: str) -> str:
    """Return captions as a WebVTT file (W3C WebVTT: The Web Video Text Tracks Format).

    Titles and texts are data: what the format would take for markup, a cue's timing or the end of
    a block is escaped or closed up.
    """
    blocks = [f"WEBVTT - {_one_line(title)}"]
    for number, caption in enumerate(captions, start=1):
        voice = _one_line(caption.speaker).replace(";", "")
        blocks.append(
            f"{number}\n{_clock(caption.start_s)} --> {_clock(caption.end_s)}\n"
            f"<v {voice}>{_wrapped(caption.text)}"
        )
    return "\n\n".join(blocks) + "\n"


_CUE = re.compile(
    r"^(\d+):(\d\d):(\d\d\.\d{3}) --> (\d+):(\d\d):(\d\d\.\d{3})\n<v ([^>\n]*)>(.*)$",
    re.MULTILINE | re.DOTALL,
)


def read_webvtt(text: str, *, where: str) -> list[Caption]:
    """Read captions that `webvtt` wrote.

    Raises:
        InputError: it is not such a file; `where` names it.
    """
    if not text.startswith("WEBVTT"):
        raise InputError("not a WebVTT file", where=where, right="Run cut again.")
    captions = []
    for block in text.rstrip("\n").split("\n\n")[1:]:
        found = _CUE.search(block)
        if not found:
            raise InputError("a cue is damaged", where=where, right="Run cut again.")
        start_s, end_s = (
            int(found[i]) * 3600 + int(found[i + 1]) * 60 + float(found[i + 2]) for i in (1, 4)
        )
        words = " ".join(html.unescape(found[8]).split())
        captions.append(Caption(start_s, end_s, html.unescape(found[7]), words))
    return captions


def _clock(t_s: float) -> str:
    ms = max(0, round(t_s * 1000))
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _one_line(text: str) -> str:
    return " ".join(_escaped(text).split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _wrapped(text: str) -> str:
    """Break a text into lines of at most `_LINE` characters, as even as their words allow."""
    words = text.split()
    lines = max(1, -(-len(" ".join(words)) // _LINE))
    goal = len(" ".join(words)) / lines
    rows: list[str] = [""]
    for word in words:
        longer = f"{rows[-1]} {word}".strip()
        full = len(longer) > _LINE or (len(rows[-1]) >= goal and len(rows) < lines)
        if rows[-1] and full:
            rows.append(word)
        else:
            rows[-1] = longer
    return "\n".join(_escaped(row) for row in rows)
