"""The two stages of sound: record on the surface, clean on the ground."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.errors import InputError
from skycrane.files import atomic_path
from skycrane.mission.sound import Microphone
from skycrane.sound.clean import clean_file
from skycrane.sound.landing import write_landing_sound
from skycrane.sound.listening import write_listening
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.microphone import to_samples
from skycrane.sound.picture import spectrogram_picture
from skycrane.sound.recording import Recording, Writer, calibration_pa, open_recording
from skycrane.sound.report import sidecar
from skycrane.sound.scene import reference, surface, whole
from skycrane.sound.streams import BLOCK
from skycrane.stage import StageContext, StageResult

__all__ = ["clean", "record"]

SURFACE = "microphone.flac"
REFERENCE = "microphone_reference.flac"
LISTENING = "listening.js"
LANDING = "landing_as_heard.flac"


def record(context: StageContext) -> StageResult:
    """Record a stretch of the surface, and the rover alone as before landing, into onboard/."""
    scene, microphone = context.mission.soundscape, context.mission.microphone
    folder = context.directory / "onboard"
    surface_path, reference_path = folder / SURFACE, folder / REFERENCE
    blocks = -(-round(scene.duration_s * microphone.sample_rate_hz) // BLOCK)
    power, peak, count = np.zeros(2), 0.0, 0
    with context.progress.task("record", blocks) as advance:
        with (
            atomic_path(surface_path) as partial,
            _writer(partial, microphone, "surface") as writer,
        ):
            for block in surface(scene, microphone, seed=context.seed):
                writer.write(to_samples(block.total_pa, microphone)[:, None].astype(np.float64))
                power += [np.sum(block.breeze_pa**2), np.sum(block.rover_pa**2)]
                peak = max(peak, float(np.abs(block.total_pa).max()))
                count += block.breeze_pa.size
                advance()
        with (
            atomic_path(reference_path) as partial,
            _writer(partial, microphone, "rover alone, before landing") as writer,
        ):
            for part in reference(scene, microphone, seed=context.seed):
                writer.write(to_samples(part, microphone)[:, None].astype(np.float64))
    breeze_db, rover_db = (round(level_db(np.sqrt([p / count])), 1) for p in power)
    summary = {
        "seconds": scene.duration_s,
        "breeze_db_re_20_upa": breeze_db,
        "rover_db_re_20_upa": rover_db,
        "peak_dbfs": round(20 * math.log10(max(peak, 1e-12) / microphone.full_scale_pa), 1),
    }
    return StageResult(outputs=[surface_path, reference_path], summary=summary)


def _writer(partial: Path, microphone: Microphone, recording: str) -> Writer:
    tags = {
        "full_scale_pa": microphone.full_scale_pa,
        "microphone": microphone.name,
        "recording": recording,
        "synthetic": True,
    }
    return Writer(
        partial,
        rate_hz=microphone.sample_rate_hz,
        channels=1,
        bits=microphone.bits,
        comment=json.dumps(tags),
    )


def clean(context: StageContext) -> StageResult:
    """Separate breeze and rover in the recording that arrived, and draw both.

    Where the mission asks for it, the landing as it would have been heard is made from the flight.

    Raises:
        InputError: the recording has not arrived or cannot be read.
    """
    source = context.directory / "ground" / SURFACE
    noise = context.directory / "ground" / REFERENCE
    for path in (source, noise):
        if not path.exists():
            raise InputError(
                "the recording has not arrived",
                where=str(path),
                right="Run the record and relay stages first.",
            )
    folder = context.directory / "products" / "sound"
    raw, cleaned, residual = (folder / f"{name}.flac" for name in ("raw", "clean", "residual"))
    with atomic_path(raw) as partial:
        shutil.copyfile(source, partial)
    # A rover's microphone hears wind and rover; what its wheels and mast do no reference holds.
    heard = context.mission.soundscape.helicopter.heard
    report = clean_file(
        source,
        cleaned,
        reference=noise,
        residual=residual,
        keep="everything" if heard else "wind",
        progress=context.progress,
    )
    picture = context.directory / "products" / "spectrogram.png"
    title = f"{context.mission.site.name}: a minute on the surface"
    spectrogram_picture(raw, cleaned, residual, picture, title=title)
    summary = {**report, **_against_truth(context, raw, cleaned)}
    listening = folder / LISTENING
    versions = {"raw": raw, "clean": cleaned, "residual": residual}
    summary["listening_gain_db"] = write_listening(versions, listening)
    outputs = [raw, cleaned, residual, sidecar(cleaned), listening, picture]
    if context.mission.soundscape.landing.in_film != "none":
        summary.update(_landing(context, folder / LANDING))
        outputs.append(folder / LANDING)
    return StageResult(outputs=outputs, summary=summary)


def _landing(context: StageContext, path: Path) -> dict[str, Any]:
    """Write the landing as it would have been heard, from the run's flight."""
    from skycrane.flight.record import read_flight  # xarray takes long to load

    return write_landing_sound(
        path,
        read_flight(context.directory),
        context.mission.soundscape,
        context.mission.microphone,
        seed=context.seed,
        progress=context.progress,
    )


def _against_truth(context: StageContext, raw: Path, cleaned: Path) -> dict[str, Any]:
    """Return how much nearer to the breeze alone the cleaned recording is than the raw one."""
    scene, microphone = context.mission.soundscape, context.mission.microphone
    first, second = open_recording(raw), open_recording(cleaned)
    if round(scene.duration_s * microphone.sample_rate_hz) != first.frames:
        return {}
    truth, _ = whole(surface(scene, microphone, seed=context.seed))
    before, after = (_pressure_pa(one, microphone) for one in (first, second))
    return {
        "si_sdr_before_db": round(si_sdr_db(before, truth), 2),
        "si_sdr_gain_db": round(si_sdr_db(after, truth) - si_sdr_db(before, truth), 2),
        "breeze_level_change_db": round(level_db(after) - level_db(truth), 2),
    }


def _pressure_pa(recording: Recording, microphone: Microphone) -> NDArray[np.float64]:
    full = calibration_pa(recording) or microphone.full_scale_pa
    samples = np.concatenate(list(recording.channel(0)))
    return samples * (full / 2.0 ** (recording.bits - 1))
