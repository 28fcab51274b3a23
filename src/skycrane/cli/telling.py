"""What commands print: stages as they end, comparisons with what was flown, results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from skycrane.errors import LandingError

__all__ = ["Teller", "brief", "print_comparison", "print_figures", "print_misses", "print_result"]


class Teller:
    """Tells each stage's outcome as it comes, and the whole at the end."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.console = Console(stderr=True, quiet=quiet or as_json, highlight=False)

    def told(self, name: str, entry: dict[str, Any], ran: bool) -> None:
        """Tell one stage: what it took, or that it was ready, and its figures."""
        done = f"{entry['seconds']:6.1f} s" if ran else "  ready "
        self.console.print(f"[bold]{name:<8}[/bold]{done}  {brief(entry['summary'])}", markup=True)

    def finish(
        self,
        directory: Path,
        entries: dict[str, dict[str, Any]],
        *,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Print the result; raise LandingError where the flight did not end in a landing."""
        outcome = entries.get("fly", {}).get("summary", {})
        if self.as_json:
            told = {
                n: {k: e[k] for k in ("seconds", "summary", "outputs")} for n, e in entries.items()
            }
            print(
                json.dumps({"directory": str(directory), "stages": told, **(extra or {})}, indent=2)
            )
        elif "page" in entries:
            print(f"{directory / 'index.html'}")
        if outcome.get("outcome", "landed") != "landed":
            raise LandingError(
                f"the landing failed: {outcome.get('reason', 'no reason known')}",
                where=str(directory),
                right="See flight/events.json for what happened when.",
            )


def brief(summary: dict[str, Any]) -> str:
    """Write a summary's plain figures on one line."""
    shown = []
    for key, value in summary.items():
        if isinstance(value, float):
            shown.append(f"{key} {value:.4g}")
        elif isinstance(value, int) or (isinstance(value, str) and value):
            shown.append(f"{key} {value}")
    return ", ".join(shown[:7])


def print_comparison(rows: list[dict[str, Any]]) -> None:
    """Print the events of a flight beside the flown ones."""
    if not rows:
        return
    print(f"{'event':<30}{'simulated s':>12}{'flown s':>10}{'difference':>12}{'within':>9}")
    for row in rows:
        values = [row["simulated_t_s"], row["flown_t_s"], row["difference_s"]]
        cells = ["-" if v is None else f"{v:.2f}" for v in values]
        within = f"{row['tolerance_s']:g} s" if row["within"] else "MISSED"
        print(f"{row['name']:<30}{cells[0]:>12}{cells[1]:>10}{cells[2]:>12}{within:>9}")


def print_figures(rows: list[dict[str, Any]]) -> None:
    """Print the figures of a flight beside the flown ones."""
    if not rows:
        return
    print(f"\n{'figure':<38}{'simulated':>10}{'flown':>10}{'difference':>12}{'within':>9}")
    for row in rows:
        values = [row["simulated"], row["flown"], row["difference"]]
        cells = ["-" if v is None else f"{v:.7g}" for v in values]
        within = f"{row['tolerance']:g}" if row["within"] else "MISSED"
        print(f"{row['name']:<38}{cells[0]:>10}{cells[1]:>10}{cells[2]:>12}{within:>9}")


def print_misses(rows: list[dict[str, Any]], *, dispersed: bool) -> None:
    """Say of each miss why, as far as the mission knows."""
    unknown = "this case is a dispersed one" if dispersed else "no reason known"
    for row in rows:
        if not row["within"]:
            which = f" ({row['note']})" if row["note"] else ""
            print(f"missed: {row['name']}{which}: {row['reason'] or unknown}")


def print_result(result: dict[str, Any], *, as_json: bool) -> None:
    """Print a result, one figure a line or as JSON."""
    if as_json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:<28}{value}")
