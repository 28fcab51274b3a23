"""What every section of a mission file shares: strict values, frozen, nothing unknown."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = [
    "Fraction",
    "Latitude",
    "Longitude",
    "NonNegative",
    "Positive",
    "Quaternion",
    "Section",
    "Vector3",
    "wrong",
]


class Section(BaseModel):
    """A table of a mission file: unknown keys refused, values never converted from text."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=360)]
Vector3 = Annotated[list[float], Field(min_length=3, max_length=3)]
Quaternion = Annotated[list[float], Field(min_length=4, max_length=4)]


def wrong(
    key: str, what: str, right: str, name: str = "", known: Sequence[str] = ()
) -> PydanticCustomError:
    """Return the error of a value that does not fit with others, to raise in a validator.

    Args:
        key: the value's key from the top of the file, such as "film.edit.3.views".
        what: what is wrong with it.
        right: what would be right; for a `name` that is not among the `known`, the nearest.
    """
    if known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        right = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
    return PydanticCustomError("mission", "{what}", {"key": key, "what": what, "right": right})
