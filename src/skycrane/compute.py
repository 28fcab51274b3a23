"""Starts Warp, quietly, and finds the device to compute on."""

from __future__ import annotations

import os
import sys

import warp as wp

from skycrane.errors import InputError

__all__ = ["devices", "resolve_device", "start_warp"]

_started = False


def start_warp() -> None:
    """Initialise Warp once, without its banner; the native library's warnings go nowhere either.

    Without a CUDA driver the library warns straight to file descriptor 2, which no setting
    silences; on a machine without a GPU that is no news to anyone.

    Raises:
        InputError: the cache of compiled kernels cannot be written.
    """
    global _started
    if _started:
        return
    wp.config.log_level = wp.LOG_ERROR
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        wp.init()
    except OSError as error:
        raise InputError(
            f"the cache of compiled kernels cannot be written ({error.strerror})",
            where=str(error.filename or "XDG_CACHE_HOME"),
            right="Set XDG_CACHE_HOME to a directory you may write to.",
        ) from error
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
    _started = True


def devices() -> list[str]:
    """Return the names of the devices here, such as ["cpu", "cuda:0"]."""
    start_warp()
    return [str(device) for device in wp.get_devices()]


def resolve_device(device: str) -> str:
    """Return the device meant by "auto", "cpu" or "cuda:0"; auto takes CUDA where there is one.

    Raises:
        InputError: there is no such device here.
    """
    known = devices()
    if device == "auto":
        return "cuda:0" if "cuda:0" in known else "cpu"
    if device not in known:
        raise InputError(
            f"there is no device {device!r}", where="--device", right=f"Here: {', '.join(known)}."
        )
    return device
