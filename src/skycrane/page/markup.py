"""Markup: small pieces of HTML in which everything that is data is escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

__all__ = ["Html", "element", "embedded_json", "joined"]


class Html(str):
    """Text that is HTML already; every other string is data and gets escaped."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | float | bool | None) -> Html:
    """Return an element; plain strings among children and attributes are escaped.

    Attribute names lose a trailing underscore and have the others turned to hyphens: `class_`,
    `data_seek_s`. True gives an attribute without a value; None and False leave it out.
    """
    opening = "".join(
        f" {_attribute(name)}" if value is True else f' {_attribute(name)}="{_escaped(value)}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    inner = joined(child for child in children if child is not None)
    if tag in {"img", "input", "meta", "link"}:
        return Html(f"<{tag}{opening}>")
    return Html(f"<{tag}{opening}>{inner}</{tag}>")


def joined(children: Iterable[str]) -> Html:
    """Return the children one after another, the plain strings among them escaped."""
    return Html("".join(c if isinstance(c, Html) else html.escape(c) for c in children))


def embedded_json(identifier: str, value: Any) -> Html:
    """Return a data block for scripts: JSON in which nothing can end the element.

    "<", ">" and "&" appear only in strings of JSON, where an escape means the same (HTML standard,
    "Restrictions for contents of script elements"); NaN is refused.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Html(f'<script type="application/json" id="{identifier}">{text}</script>')


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _escaped(value: str | float | bool) -> str:
    return html.escape(str(value), quote=True)
