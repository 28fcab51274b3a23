"""The comments of a mission file, key by key: the grade or source of each value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Comments", "comments_of"]

_HEADER = re.compile(r"^(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?")
_KEY = re.compile(r'^([A-Za-z0-9_-]+|"[^"]*")\s*=')
_BANNER = re.compile(r"^# ----")


@dataclass
class Comments:
    """Comments by the path of their key, such as "film.edit.3.after_s"; without the sign #.

    Attributes:
        beside: the comment at the end of a key's line.
        above: the lines just above a key, or above the header of a table.
    """

    beside: dict[str, str] = field(default_factory=dict)
    above: dict[str, list[str]] = field(default_factory=dict)


def comments_of(text: str) -> Comments:
    """Return the comments of a mission file that is known to be valid TOML."""
    out = Comments()
    table, above, depth = "", list[str](), 0
    counts: dict[str, int] = {}
    for line in text.splitlines():
        content, comment = _split(line)
        if depth > 0:
            depth += _opened(content)
            continue
        stripped = content.strip()
        if not stripped:
            above = [*above, comment] if comment and not _BANNER.match(line) else []
            continue
        if header := _HEADER.match(stripped):
            table = header[2]
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
            path = table
        elif key := _KEY.match(stripped):
            path = f"{table}.{key[1].strip(chr(34))}".removeprefix(".")
            depth = _opened(content)
        else:
            continue
        if above:
            out.above[path] = above
        if comment:
            out.beside[path] = comment
        above = []
    return out


def _split(line: str) -> tuple[str, str]:
    """Return what a line says and its comment; a # within quotes is no comment."""
    quote = ""
    for i, c in enumerate(line):
        if quote:
            # A quote after a backslash ends no text; mission files hold no literal backslash else.
            if c == quote and line[i - 1] != "\\":
                quote = ""
        elif c in "\"'":
            quote = c
        elif c == "#":
            return line[:i], line[i + 1 :].strip()
    return line, ""


def _opened(content: str) -> int:
    """Return how many brackets a line opens and leaves open; less those it closes."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', "", content)
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
