"""The tables of a mission as text, each key with what the schema says of it."""

from __future__ import annotations

import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from skycrane.mission.cameras import Phase, Rates
from skycrane.mission.derived import DERIVED
from skycrane.mission.dispersion import Spread, SpreadEastNorth, SpreadVector
from skycrane.mission.new_comments import Comments
from skycrane.mission.new_hints import EXAMPLE_NAMES, EXAMPLE_TABLES, EXAMPLES, HINTS, UNITS
from skycrane.mission.new_values import toml_key, toml_value

__all__ = ["Table", "array_tables", "commented_out", "sections_in", "tables_of", "unit_of"]

_WIDTH = 98
_VALUE_COLUMN = 34
_INLINE: tuple[type[BaseModel], ...] = (Phase, Rates, Spread, SpreadEastNorth, SpreadVector)
"""Sections written on one line, as mission files do."""
_INTERNAL = {
    "atmosphere.read_from",
    "shape.gltf.rover.file_sha256",
    "terrain.elevation_sha256",
    "terrain.orthophoto_sha256",
}
"""Keys that reading a file puts there, not people."""


@dataclass(frozen=True)
class Table:
    """One table: its path, such as "vehicle.masses" or "film.edit.3", and its lines."""

    path: str
    lines: list[str]


@dataclass(frozen=True)
class _Context:
    source: str
    comments: Comments
    explained: set[type[BaseModel]] = field(default_factory=set)
    """Classes written on one line whose keys have been told."""


def _comment_lines(text: str, indent: str = "") -> list[str]:
    """Return text as comment lines."""
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent="# ",
        subsequent_indent=f"# {indent}",
        break_long_words=False,
        break_on_hyphens=False,
    )


def commented_out(lines: list[str]) -> list[str]:
    """Return lines of TOML as comments; what is a comment already stays as it is."""
    return [line if not line or line.startswith("#") else f"#{line}" for line in lines]


def sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the section classes inside an annotation such as `dict[str, Camera] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        for part in typing.get_args(annotation):
            yield from sections_in(part)


def unit_of(key: str) -> str:
    """Return the unit that ends a key, or nothing."""
    for end, unit in UNITS.items():
        if key == end or key.endswith(f"_{end}"):
            return unit
    return ""


def tables_of(
    model: type[BaseModel], value: Mapping[str, Any], source: str, comments: Comments
) -> list[Table]:
    """Return the tables of a section and of all inside it; `value` as `model_dump` gives it.

    Args:
        model: the section's class.
        value: its values; a key that is not there, or None, is written as left out.
        source: name of the mission that the values are from.
        comments: that mission's comments.
    """
    context = _Context(source, comments)
    return [
        table
        for name, info in model.model_fields.items()
        for table in _inside(info, value.get(name), name, context, told=True)
    ]


def array_tables(
    model: type[BaseModel],
    items: list[dict[str, Any]],
    path: str,
    source: str,
    comments: Comments,
) -> list[Table]:
    """Return the tables of an array of one class of sections; see `tables_of`."""
    context = _Context(source, comments)
    return [
        table
        for index, item in enumerate(items)
        for table in _table(model, item, f"{path}.{index}", context, told=index == 0, array=True)
    ]


def _inside(
    info: FieldInfo, value: Any, path: str, context: _Context, *, told: bool
) -> Iterator[Table]:
    """Yield the tables that a field takes; none where it is a plain value."""
    models = [m for m in sections_in(info.annotation) if m not in _INLINE]
    said = " ".join((info.description or "").split())
    if typing.get_origin(info.annotation) is dict and not models:
        yield _plain_table(info, value or {}, path, context, told=told)
    elif not models:
        return
    elif value is None or (value == {} and typing.get_origin(info.annotation) is dict):
        if told and (example := EXAMPLE_TABLES.get(models[0].__name__)):
            at = path if value is None else f"{path}.{EXAMPLE_NAMES[models[0].__name__]}"
            for table in _table(models[0], example, at, context, told=True, said=said):
                yield Table(table.path, commented_out(table.lines))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            at, first = f"{path}.{index}", told and index == 0
            yield from _table(models[0], item, at, context, told=first, array=True, said=said)
    elif typing.get_origin(info.annotation) is dict:
        for index, (name, item) in enumerate(value.items()):
            at, first = f"{path}.{toml_key(name)}", told and index == 0
            yield from _table(models[0], item, at, context, told=first, said=said)
    else:
        yield from _table(models[0], value, path, context, told=told, said=said)


def _table(
    model: type[BaseModel],
    value: Mapping[str, Any],
    path: str,
    context: _Context,
    *,
    told: bool,
    array: bool = False,
    said: str = "",
) -> Iterator[Table]:
    """Yield a section's own table, then those inside it; `said` of it by the section around it."""
    header = f"[[{path.rpartition('.')[0]}]]" if array else f"[{path}]"
    lines = _comment_lines(said) if said and told else []
    lines += _header_lines(model.__doc__ or "", path, context, told=told)
    keys: list[str] = []
    inner: list[Table] = []
    for name, info in model.model_fields.items():
        at = f"{path}.{name}"
        within = list(_inside(info, value.get(name), at, context, told=told))
        inner += within
        is_table = any(m not in _INLINE for m in sections_in(info.annotation))
        left_out = value.get(name) is None and not told
        if not within and not is_table and not left_out and at not in _INTERNAL:
            keys += _key_lines(name, info, value.get(name), at, context, told=told)
    # A table that only holds others needs no header of its own.
    if keys or array or not inner:
        yield Table(path, [*lines, header, *keys])
    yield from inner


def _header_lines(doc: str, path: str, context: _Context, *, told: bool) -> list[str]:
    lines = []
    if told:
        for paragraph in re.sub(r"[ \t]*\n[ \t]*", "\n", doc.strip()).split("\n\n"):
            lines += _comment_lines(paragraph.replace("\n", " "))
        lines += _hint_lines(path, context)
    return lines + [f"# {context.source}: {c}" for c in context.comments.above.get(path, ())]


def _hint_lines(path: str, context: _Context) -> list[str]:
    hint = HINTS.get(path, "").format(source=context.source)
    if path in DERIVED:
        hint = f"{hint} Left out, it follows: {DERIVED[path]}.".strip()
    return _comment_lines(f"> {hint}", indent="  ") if hint else []


def _key_lines(
    name: str, info: FieldInfo, value: Any, path: str, context: _Context, *, told: bool
) -> list[str]:
    lines = []
    if told:
        lines += _comment_lines(_said_of(name, info, context))
        lines += _hint_lines(path, context)
    # A value that has no comment of its own stands under the one above it, as in its source.
    lines += [f"# {context.source}: {c}" for c in context.comments.above.get(path, ())]
    start = f"{toml_key(name)} = "
    if value is None:
        shown = toml_value(EXAMPLES[path]) if path in EXAMPLES else _example(info.annotation)
        return [*lines, f"#{start}{shown}"]
    text = f"{start}{toml_value(_tidy(value), used=len(start))}"
    beside = context.comments.beside.get(path)
    if beside:
        first, newline, rest = text.partition("\n")
        text = f"{first:<{_VALUE_COLUMN}} # {context.source}: {beside}{newline}{rest}"
    return [*lines, *text.split("\n")]


def _said_of(name: str, info: FieldInfo, context: _Context) -> str:
    """Return what the schema says of a key, its unit at least once, and what an entry holds."""
    said = " ".join((info.description or "").split()) or "Which."
    unit = unit_of(name)
    # Units are also told as "deg" and "N m per rad/s".
    spelt = {"degrees": "deg(rees)?", "N m s": "N m per rad/s"}.get(unit, re.escape(unit))
    if unit and not re.search(rf"(?<![\w'])({spelt})(?!\w)", said):
        said += f" [{unit}]"
    choices = [c for c in _choices(info.annotation) if isinstance(c, str)]
    if choices and not all(f'"{c}"' in said for c in choices):
        said += " One of: " + ", ".join(f'"{c}"' for c in choices) + "."
    for model in _INLINE:
        if model in set(_all_sections(info.annotation)) - context.explained:
            context.explained.add(model)
            told = (f"{k}: {inner.description}" for k, inner in model.model_fields.items())
            said += " In the braces: " + " ".join(" ".join(told).split())
    return said


def _all_sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the sections inside an annotation and inside those."""
    for model in sections_in(annotation):
        yield model
        for info in model.model_fields.values():
            yield from _all_sections(info.annotation)


def _choices(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is typing.Literal:
        yield from typing.get_args(annotation)
    elif typing.get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _choices(part)


def _example(annotation: Any) -> str:
    text = str(annotation)
    return "[1.0, 2.0]" if "list" in text else '"..."' if "str" in text else "1.0"


def _tidy(value: Any) -> Any:
    """Leave out what stands at nothing inside a table on one line."""
    if isinstance(value, Mapping):
        return {k: _tidy(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    return value


def _plain_table(
    info: FieldInfo, value: Mapping[str, Any], path: str, context: _Context, *, told: bool
) -> Table:
    """Return a table whose keys are names of the file's own choosing."""
    lines = _comment_lines(_said_of(path.rpartition(".")[2], info, context)) if told else []
    lines += [f"# {context.source}: {c}" for c in context.comments.above.get(path, ())]
    lines.append(f"[{path}]")
    for name, item in value.items():
        start = f"{toml_key(name)} = "
        lines += f"{start}{toml_value(_tidy(item), used=len(start))}".split("\n")
    return Table(path, lines)
