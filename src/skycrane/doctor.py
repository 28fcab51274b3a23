"""What this machine has for the work: devices, codecs, voices, space."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["examine"]


def examine() -> list[dict[str, Any]]:
    """Return one finding a part: {"what", "ok", "found"}."""
    parts: dict[str, Callable[[], str]] = {
        "python": lambda: (
            f"{platform.python_version()} on {platform.system()} {platform.machine()}"
        ),
        "cores": lambda: f"{os.cpu_count()}",
        "devices": _devices,
        "video": _codecs,
        "voice": _voice,
        "sound": _sound,
        "cache": _cache,
        "space": _space,
    }
    findings = []
    for what, look in parts.items():
        try:
            findings.append({"what": what, "ok": True, "found": look()})
        except Exception as error:  # a broken part of any kind is what this command is to tell
            findings.append(
                {"what": what, "ok": False, "found": f"{type(error).__name__}: {error}"}
            )
    return findings


def _devices() -> str:
    import warp as wp

    from skycrane.compute import start_warp

    start_warp()
    names = ", ".join(f"{d} ({d.name})" if d.is_cuda else str(d) for d in wp.get_devices())
    return f"warp {wp.__version__}: {names}"


def _codecs() -> str:
    import av

    for name in ("libx264", "aac"):
        av.Codec(name, "w")
    return f"PyAV {av.__version__} with H.264 and AAC"


def _voice() -> str:
    import espeakng_loader

    library = Path(espeakng_loader.get_library_path())
    if not library.exists():
        raise FileNotFoundError(library)
    return library.name


def _sound() -> str:
    import soundfile

    return f"libsndfile {soundfile.__libsndfile_version__}"


def _cache() -> str:
    from skycrane.files import check_writable

    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skycrane"
    check_writable(folder)
    return str(folder)


def _space() -> str:
    free = shutil.disk_usage(Path.cwd()).free
    if free < 2 << 30:
        raise OSError(f"{free / 1e9:.1f} GB free here; a preview landing wants 2 GB")
    return f"{free / 1e9:.0f} GB free, Python at {sys.prefix}"
