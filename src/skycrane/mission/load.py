"""Reading and writing mission files: strict, with errors that teach."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError

from skycrane.errors import InputError
from skycrane.mission.air_file import resolve_air_file
from skycrane.mission.derived import with_derived
from skycrane.mission.mission import Mission
from skycrane.mission.shape_files import resolve_shape_files
from skycrane.mission.terrain_files import resolve_terrain_files

__all__ = ["built_in_missions", "dump_mission", "load_mission", "parse_mission"]

_MAX_BYTES = 4 << 20
"""A mission file is text written by people; anything larger is something else."""

_MOST_ITEMS = 10_000
_LONGEST_TEXT = 1000

_UNIT = re.compile(
    r"_(m3_s2|rad_s|deg_s|m_s2|m_s|kg_s|kg_m3|kg|m2|m|s|n|pa|k|db|dbfs|hz|deg|rad|w|j|bps)$"
)


def built_in_missions() -> list[str]:
    """Return the names of the missions that come with Skycrane."""
    folder = resources.files("skycrane.mission") / "missions"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_mission(name_or_path: str | Path) -> Mission:
    """Read a built-in mission by name, or a mission file by path.

    Raises:
        InputError: there is no such mission, it is not TOML, or a key or value is not right; the
            message gives file, key and what would be right.
    """
    names = built_in_missions()
    text_name = str(name_or_path)
    if text_name in names:
        source = resources.files("skycrane.mission") / "missions" / f"{text_name}.toml"
        return parse_mission(source.read_text(encoding="utf-8"), where=f"{text_name}.toml")
    path = Path(name_or_path)
    if not path.exists():
        near = difflib.get_close_matches(text_name, names, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise InputError(
            "there is no such mission or file",
            where=text_name,
            right=f"{hint}Give a path to a TOML file or one of: {', '.join(names)}.",
        )
    return parse_mission(_read_text(path), where=str(path), folder=path.parent)


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise InputError("this is not a file", where=str(path), right="Give a TOML file.")
    try:
        with path.open("rb") as handle:
            data = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            str(error.strerror), where=str(path), right="Give a file you may read."
        ) from error
    if len(data) > _MAX_BYTES:
        raise InputError(
            f"larger than {_MAX_BYTES >> 20} MiB", where=str(path), right="Give a mission file."
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 text (byte {error.start})", where=str(path), right="Save it as UTF-8."
        ) from error


def parse_mission(text: str, *, where: str, folder: Path | None = None) -> Mission:
    """Check the text of a mission file; `where` names it in errors.

    Files that it names are looked for in `folder` and read into it: the mission holds their rows.

    Raises:
        InputError: see `load_mission`.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            f"not valid TOML: {error}", where=where, right="Mend the syntax."
        ) from error
    _check_plain(table, where)
    table = resolve_air_file(with_derived(table), folder, where)
    table = resolve_terrain_files(table, folder, where)
    table = resolve_shape_files(table, folder, where)
    try:
        return Mission.model_validate(table)
    except ValidationError as error:
        raise _teach(error, where) from None


def _check_plain(value: Any, where: str, key: str = "", depth: int = 0) -> None:
    """Refuse what no mission holds anywhere: control characters, absurd sizes, naive times."""
    what = right = ""
    if isinstance(value, dict | list):
        if len(value) > _MOST_ITEMS or depth > 16:
            what, right = f"{len(value)} values, {depth} deep", "That is no mission file."
        else:
            named = value.items() if isinstance(value, dict) else enumerate(value)
            for name, item in named:
                inner = f"{key}.{name}".removeprefix(".")
                _check_plain(str(name), where, key=inner[:80], depth=depth + 1)
                _check_plain(item, where, key=inner, depth=depth + 1)
    elif isinstance(value, str) and not (value.isprintable() and len(value) <= _LONGEST_TEXT):
        what = "holds control characters" if len(value) <= _LONGEST_TEXT else "too long"
        right = f"Write up to {_LONGEST_TEXT} printable characters."
    elif isinstance(value, int | float) and value and not 1e-15 < abs(value) < 1e19:
        what = f"{value:.3g} is not right" if isinstance(value, float) else "this is not right"
        right = "No quantity of a mission is that large or that small; mind the unit in the key."
    elif isinstance(value, datetime) and (value.tzinfo is None or not 1950 <= value.year < 2200):
        what = f"{value} is no time of a landing"
        right = "Write UTC between 1950 and 2200 with a Z at the end: 2021-02-18T20:36:50Z."
    if what:
        raise InputError(
            what, where=f"{where}, key {_printable(key) or '(top level)'}", right=right
        )


def _printable(text: str) -> str:
    """Write characters that would act on a terminal as their escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _teach(error: ValidationError, where: str) -> InputError:
    """Turn pydantic's findings into one message: each key, what is wrong, what would be right."""
    findings = error.errors(include_url=False)
    # An unknown key is nearly always the cause of the missing one beside it, so it is told first.
    findings.sort(key=lambda f: f["type"] != "extra_forbidden")
    first, rest = findings[0], findings[1:]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "mission":
        key = first["ctx"]["key"]
    what, right = _explain(first)
    if rest:
        others = ", ".join(".".join(str(p) for p in f["loc"]) for f in rest[:4])
        more = f" and {len(rest) - 4} more" if len(rest) > 4 else ""
        right += f" Also wrong: {others}{more}."
    return InputError(what, where=f"{where}, key {key or '(top level)'}", right=right)


def _explain(finding: Any) -> tuple[str, str]:
    loc, kind, given = finding["loc"], finding["type"], finding.get("input")
    if kind == "mission":
        return finding["ctx"]["what"], finding["ctx"]["right"]
    if kind == "extra_forbidden":
        names = _fields_at(Mission, loc[:-1])
        return "unknown key", _nearest(str(loc[-1]), names)
    if kind == "missing":
        return "missing", "Add it; `skycrane mission new NAME` writes every key with what it means."
    if kind == "union_tag_invalid":
        known = re.findall(r"'([^']+)'", finding["ctx"]["expected_tags"])
        return f"there is no kind {finding['ctx']['tag']!r}", _nearest(finding["ctx"]["tag"], known)
    if kind == "union_tag_not_found":
        return "no kind is given", 'Add kind = "..."; docs/flight.md lists them.'
    if isinstance(given, str) and kind in {"float_type", "int_type", "float_parsing"}:
        unit = _UNIT.search(str(loc[-1]))
        said = f" in {unit[1].replace('_', '/', 1)}" if unit else ""
        return (
            f"{given!r} is text, not a number",
            f"Write a bare number{said}; the unit is in the key.",
        )
    message = str(finding["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    shown = repr(given)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return f"{shown} is not right", f"It {message}." if message[0].islower() else f"{message}."


def _nearest(name: str, names: list[str]) -> str:
    """Name the key most likely meant; a right name with another unit is told as such."""
    for known in names:
        stem = _UNIT.sub("", known)
        if stem != known and (name == stem or name.startswith(f"{stem}_")):
            return f"Did you mean {known}? Convert the value to that unit."
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Known here: {', '.join(sorted(names))}." if names else "Remove it."


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the section classes inside an annotation such as `dict[str, Camera] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _models(part)


def _fields_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the key names allowed in the table at `loc`."""
    models: list[type[BaseModel]] = [model]
    for part in loc:
        following = [
            found
            for m in models
            if part in m.model_fields
            for found in _models(m.model_fields[str(part)].annotation)
        ]
        # An index of a list or a name in a dictionary leads to the same class.
        models = following or models
    return sorted({name for m in models for name in m.model_fields})


def dump_mission(mission: Mission) -> str:
    """Return the mission as TOML with every default written out, always in the same bytes."""
    return tomli_w.dumps(mission.model_dump(mode="python", exclude_none=True))
