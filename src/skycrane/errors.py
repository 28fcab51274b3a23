"""The one family of errors: what was wrong, where, and what would be right."""

from __future__ import annotations

__all__ = ["CampaignError", "InputError", "LandingError", "SkycraneError", "TransferError"]


class SkycraneError(Exception):
    """An error a user can act on.

    Attributes:
        what: what was wrong, without a full stop.
        where: the file, key or place it was found in.
        right: what would be right, as an instruction.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", right: str = "") -> None:
        self.what = what
        self.where = where
        self.right = right
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.right}" if self.right else text


class InputError(SkycraneError):
    """A mission file, medium, directory or argument that cannot be used. Exit status 2."""


class CampaignError(SkycraneError):
    """Many flights that could not be finished: their workers were lost. Exit status 1."""

    exit_code = 1


class LandingError(SkycraneError):
    """The flight ended otherwise than in a landing. Exit status 1."""

    exit_code = 1


class TransferError(SkycraneError):
    """The link could not carry everything home. Exit status 1."""

    exit_code = 1
