"""Progress bars with time left, on a terminal; nothing elsewhere or when asked to be quiet."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

__all__ = ["Progress"]


class Progress:
    """What stages report to: one task at a time, a number of steps."""

    def __init__(self, *, quiet: bool = True) -> None:
        self.console = Console(file=sys.stderr)
        self.quiet = quiet or not self.console.is_terminal

    @contextlib.contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Callable[..., None]]:
        """Show a bar while the block runs; yield `advance(steps=1)`, safe to call from threads."""
        if self.quiet:
            yield lambda steps=1: None
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=self.console, transient=True) as bars:
            task = bars.add_task(description, total=total)
            yield lambda steps=1: bars.advance(task, steps)
