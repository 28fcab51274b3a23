"""The command line: one command a stage, thin."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Literal

from cyclopts import CycloptsError

from skycrane.cli import campaign, landing, tools  # noqa: F401 - they add their commands
from skycrane.cli.application import app
from skycrane.errors import SkycraneError

__all__ = ["app", "main"]


def main(arguments: list[str] | None = None) -> Literal[0, 1, 2, 130, 141]:
    """Run the command line; return its exit status (the console script's entry point)."""
    from skycrane.files import as_input_error

    before = None
    try:
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGTERM, _stop)
        app(arguments, exit_on_error=False, print_error=False, result_action="return_none")
        if sys.stdout is not None:
            sys.stdout.flush()
    except CycloptsError as error:
        return _fail(f"{error} See `skycrane --help`.", 2)
    except SkycraneError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on from here", 130)
    except BrokenPipeError:
        return _reader_gone()
    except MemoryError:
        return _fail("out of memory. Use fewer --workers, a lower --quality or a smaller input.", 2)
    except OSError as error:
        if error.errno is None:
            raise
        return _fail(str(as_input_error(error, Path(error.filename or "disk"))), 2)
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    return 0


def _reader_gone() -> Literal[141]:
    """End without a word, as programs do whose reader has had enough (`| head -1`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere
    return 141


def _stop(*_: object) -> None:
    """Treat a request to end like Ctrl-C, so that nothing half-written stays behind."""
    raise KeyboardInterrupt


def _fail(message: str, status: Any) -> Any:
    # Names and texts come from files: what would act on the terminal is shown as its escape.
    line = message.replace("\n", " ")
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
    with contextlib.suppress(OSError):
        print(f"skycrane: {plain}", file=sys.stderr)
    return status
