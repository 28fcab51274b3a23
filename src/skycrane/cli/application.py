"""The application that every command belongs to."""

from __future__ import annotations

from cyclopts import App

from skycrane import __version__

__all__ = ["app"]

app = App(
    name="skycrane",
    version=__version__,
    help="Land a rover on Mars: fly it, film it, bring the film home, cut it, and listen.",
    suppress_keyboard_interrupt=False,
)
app.register_install_completion_command()
