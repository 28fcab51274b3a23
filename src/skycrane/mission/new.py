"""A new mission file: a template with every key, what it means, and where its value is found."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from skycrane.errors import InputError
from skycrane.files import atomic_path
from skycrane.mission.derived import DERIVED
from skycrane.mission.entry import motion_of
from skycrane.mission.fault import Fault
from skycrane.mission.load import built_in_missions, parse_mission
from skycrane.mission.mission import Identity, Mission
from skycrane.mission.new_comments import Comments, comments_of
from skycrane.mission.new_hints import ANY_DAY, FAULTS, FIRST_LINES, LEFT_OUT, PARTS
from skycrane.mission.new_tables import (
    Table,
    array_tables,
    commented_out,
    sections_in,
    tables_of,
)

__all__ = ["mission_template", "write_mission_template"]

_RULE = "# " + "=" * 96


def write_mission_template(
    name: str, path: Path | None = None, *, source: str = "mars2020", force: bool = False
) -> Path:
    """Write a template and return where it lies, `name`.toml here if `path` is None.

    Raises:
        InputError: the name is none, the source is no built-in mission, or a file is there already
            and `force` is not given.
    """
    text = mission_template(name, source=source)
    path = Path(f"{name}.toml") if path is None else path
    if path.is_dir():
        raise InputError(
            "this is a directory", where=str(path), right=f"Give a file: -o {path / name}.toml"
        )
    if (path.exists() or path.is_symlink()) and not force:
        raise InputError(
            "there is a file of that name already",
            where=str(path),
            right="Choose another with -o, or write over it with --force.",
        )
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def mission_template(name: str, *, source: str = "mars2020") -> str:
    """Return the text of a whole mission with the values of `source`, each key commented.

    Raises:
        InputError: the name is none, or the source is no built-in mission.
    """
    _check_name(name)
    if source not in built_in_missions():
        raise InputError(
            f"there is no built-in mission {source!r}",
            where="--from",
            right=f"One of: {', '.join(built_in_missions())}.",
        )
    folder = resources.files("skycrane.mission") / "missions"
    text = (folder / f"{source}.toml").read_text(encoding="utf-8")
    mission = parse_mission(text, where=f"{source}.toml")
    lines = _head(name, source)
    for title, tables in _parts(_tables(mission, name, source, comments_of(text))):
        lines += ["", _RULE, f"# {title.format(source=source)}", _RULE]
        for table in tables:
            lines += ["", *table.lines]
    return "\n".join(lines) + "\n"


def _check_name(name: str) -> None:
    pattern = next(m.pattern for m in Identity.model_fields["name"].metadata if _has_pattern(m))
    if not re.fullmatch(pattern.strip("^$"), name):
        raise InputError(
            f"{name[:80]!r} cannot name a mission",
            where="skycrane mission new",
            right="Use up to 64 lower-case letters, digits, - and _, a letter or digit first; the "
            "file's place is given with -o.",
        )
    if name in built_in_missions():
        raise InputError(
            f"{name} is the name of a built-in mission",
            where="skycrane mission new",
            right=f"Give yours another, such as {name}-mine; --from {name} begins with its values.",
        )


def _has_pattern(metadata: Any) -> bool:
    return getattr(metadata, "pattern", None) is not None


def _tables(mission: Mission, name: str, source: str, comments: Comments) -> list[Table]:
    """Return all tables, with the new name, the entry as published, and no timeline of its own."""
    values = mission.model_dump(mode="python")
    values["mission"] = {"name": name, "title": f"{name}, after {mission.mission.title}"}
    values["entry"] = _published_entry(mission)
    # What follows from the new mission's own values shall follow from them.
    for key, value in {**dict.fromkeys(DERIVED), **ANY_DAY}.items():
        *parents, last = key.split(".")
        at = values
        for parent in parents:
            at = at[parent]
        at[last] = value
        comments.beside.pop(key, None)
        comments.above.pop(key, None)
    # The values of these are no longer those that the source's comments speak of.
    for key in ("mission.name", "mission.title"):
        comments.beside.pop(key, None)
    for key, example in LEFT_OUT.items():
        first, *others = values[key] or [example]
        # Later ones say only what they have to say.
        values[key] = [first, *({k: v for k, v in row.items() if v != ""} for row in others)]
    tables = tables_of(Mission, values, source, comments)
    tables = [_left_out(t) if t.path.partition(".")[0] in LEFT_OUT else t for t in tables]
    return [*tables, *_faults(source)]


def _head(name: str, source: str) -> list[str]:
    """Return the lines that a template begins with."""
    head = FIRST_LINES.format(title=f"The mission {name}.", source=source, file=f"{name}.toml")
    return [f"# {line}".rstrip() for line in head.splitlines()]


def _left_out(table: Table) -> Table:
    return Table(table.path, commented_out(table.lines))


def _faults(source: str) -> Iterator[Table]:
    """Yield one commented fault of each kind."""
    for model in sections_in(Fault):
        (kind,) = typing.get_args(model.model_fields["kind"].annotation)
        value = {"kind": kind, **FAULTS[kind]}
        yield from map(_left_out, array_tables(model, [value], "fault", source, Comments()))


def _published_entry(mission: Mission) -> dict[str, Any]:
    """Return the entry state with speed and angles; as it is where it is written so already."""
    entry = mission.entry
    if entry.position_m is None:
        return entry.model_dump(mode="python")
    position, velocity = entry.state(mission.planet)
    motion = motion_of(position, velocity, mission.planet, "relative")
    return {
        "radius_m": round(motion.radius_m, 2),
        "latitude_deg": round(motion.latitude_deg, 7),
        "longitude_deg": round(motion.longitude_deg, 7),
        "speed_m_s": round(motion.speed_m_s, 4),
        "flight_path_angle_deg": round(motion.flight_path_angle_deg, 6),
        "azimuth_deg": round(motion.azimuth_deg, 6),
        "frame": "relative",
        "bank_deg": entry.bank_deg,
    }


def _parts(tables: list[Table]) -> Iterator[tuple[str, list[Table]]]:
    """Yield the parts with their tables: each where the longest prefix of its path is named."""
    placed: list[list[tuple[int, Table]]] = [[] for _ in PARTS]
    for table in tables:
        part, rank = _place(table.path)
        placed[part].append((rank, table))
    for (title, _), entries in zip(PARTS, placed, strict=True):
        yield title, [table for _, table in sorted(entries, key=lambda e: e[0])]


def _place(path: str) -> tuple[int, int]:
    best, found = -1, (len(PARTS) - 1, 0)
    for part, (_, prefixes) in enumerate(PARTS):
        for rank, prefix in enumerate(prefixes):
            inside = path == prefix or path.startswith(f"{prefix}.")
            # A table named by itself stands there; what is inside it may be named elsewhere.
            if inside and (len(prefix) > best or (path != prefix and len(prefix) == best)):
                best, found = len(prefix), (part, rank)
    return found
