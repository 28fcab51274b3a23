"""Values of a mission as a person would write them in TOML: short numbers, tables in columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

__all__ = ["toml_key", "toml_value"]

_WIDTH = 100


def toml_key(name: str) -> str:
    """Return a key, in quotes where a bare one would not do."""
    bare = name.isascii() and name.replace("-", "_").isidentifier()
    return name if bare else _text(name)


def toml_value(value: Any, *, used: int = 0) -> str:
    """Return a value in TOML; a long list in lines, `used` being what stands before it.

    Text, numbers, truth values, times, lists and mappings; the same value is read back.

    Raises:
        TypeError: TOML has no such value.
    """
    line = _line(value)
    if used + len(line) <= _WIDTH or not isinstance(value, Sequence) or isinstance(value, str):
        return line
    return "[\n" + "".join(f"  {row},\n" for row in _rows([_line(item) for item in value])) + "]"


def _rows(items: list[str]) -> list[str]:
    """Fill lines with items."""
    rows: list[str] = []
    for item in items:
        if rows and len(rows[-1]) + len(item) + 6 <= _WIDTH and not item.startswith(("{", "[")):
            rows[-1] += f", {item}"
        else:
            rows.append(item)
    return rows


def _line(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC)
        digits = "microseconds" if utc.microsecond % 1000 else "milliseconds"
        whole = utc.isoformat(timespec=digits if utc.microsecond else "seconds")
        return whole.replace("+00:00", "Z")
    if isinstance(value, Mapping):
        inside = ", ".join(f"{toml_key(k)} = {_line(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(_line(item) for item in value)}]"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but JSON lets DEL stand.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _number(value: float) -> str:
    """Write a number with the fewest digits that read back the same, powers of ten where short."""
    if value == 0 or 1e-4 <= abs(value) < 1e8:
        return repr(value)
    return np.format_float_scientific(value, trim="0").replace("e+", "e")
