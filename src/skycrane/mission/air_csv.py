"""One column of air out of a CSV file: a header of names, then rows of numbers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.mission.air import MOST_ROWS
from skycrane.mission.air_columns import PLAIN

__all__ = ["read_csv"]

Array = NDArray[np.float64]


def read_csv(data: bytes, where: str, names: set[str]) -> dict[str, Array]:
    """Return the columns whose name, in lower case, is among `names`, by that name.

    Lines that are empty or begin with # are passed over; other columns may hold anything.

    Raises:
        InputError: it is no such text, a row is short, or a value is no finite number.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"neither NetCDF nor UTF-8 text (byte {error.start})",
            where=where,
            right="Give CSV or NetCDF.",
        ) from error
    lines = (line for line in io.StringIO(text) if line.strip() and line.lstrip()[0] != "#")
    try:
        header, values = _rows(csv.reader(lines, strict=True), where, names)
    except csv.Error as error:
        raise InputError(
            f"not CSV: {error}", where=where, right=f"Give columns {PLAIN}."
        ) from error
    table = np.array(values, dtype=np.float64).reshape(len(values), len(header))
    return {name: table[:, k] for k, name in enumerate(header)}


def _rows(
    rows: Iterator[list[str]], where: str, names: set[str]
) -> tuple[list[str], list[list[float]]]:
    header = [name.strip().lower() for name in next(rows, [])]
    wanted = [k for k, name in enumerate(header) if name in names and name not in header[:k]]
    # GRAM ends every line with a comma, header and rows alike.
    shortest = max((k for k, name in enumerate(header) if name), default=-1) + 1
    values: list[list[float]] = []
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise InputError(f"more than {MOST_ROWS} rows", where=where, right="Thin it out.")
        if len(row) < shortest:
            raise InputError(
                f"{len(row)} values where the header has {shortest}",
                where=f"{where}, row {number}",
                right="The file may be cut off; write it again.",
            )
        values.append(
            [_number(row[k], f"{where}, column {header[k]}, row {number}") for k in wanted]
        )
    return [header[k] for k in wanted], values


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        shown = ascii(text.strip()[:30])
        raise InputError(f"{shown} is no number", where=where, right="Write numbers.")
    return value
