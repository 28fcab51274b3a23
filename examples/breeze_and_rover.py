"""Hear a stretch of the surface with and without the rover: record, clean, compare with the truth.

Usage: python examples/breeze_and_rover.py [FOLDER]. Writes surface.flac, reference.flac, clean.flac
with its report, removed.flac and spectrogram.png, and prints how much nearer the breeze came.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from skycrane.mission import load_mission
from skycrane.sound.clean import clean_file
from skycrane.sound.measure import level_db, si_sdr_db
from skycrane.sound.microphone import to_samples
from skycrane.sound.picture import spectrogram_picture
from skycrane.sound.recording import Writer, open_recording
from skycrane.sound.scene import reference, surface, whole

SECONDS, SEED = 20.0, 7


def main(folder: Path) -> dict[str, float]:
    """Make the files in `folder`; return the gain and the breeze's change of level [dB]."""
    folder.mkdir(parents=True, exist_ok=True)
    mission = load_mission("mars2020")
    scene, microphone = mission.soundscape, mission.microphone
    breeze, rover = whole(surface(scene, microphone, seed=SEED, duration_s=SECONDS))
    alone = np.concatenate(list(reference(scene, microphone, seed=SEED)))
    tags = json.dumps({"full_scale_pa": microphone.full_scale_pa, "synthetic": True})
    for name, pressure_pa in (("surface", breeze + rover), ("reference", alone)):
        rate, bits = microphone.sample_rate_hz, microphone.bits
        path = folder / f"{name}.flac"
        with Writer(path, rate_hz=rate, channels=1, bits=bits, comment=tags) as writer:
            writer.write(to_samples(pressure_pa, microphone)[:, None].astype(np.float64))
    paths = [folder / f"{name}.flac" for name in ("surface", "clean", "removed")]
    report = clean_file(paths[0], paths[1], reference=folder / "reference.flac", residual=paths[2])
    spectrogram_picture(*paths, folder / "spectrogram.png", title="Twenty seconds in Jezero")
    scale = microphone.full_scale_pa / 2 ** (microphone.bits - 1)
    clean_pa = np.concatenate(list(open_recording(paths[1]).channel(0))) * scale
    gain = si_sdr_db(clean_pa, breeze) - si_sdr_db(breeze + rover, breeze)
    print("tones found, Hz:", report["tones_hz"])
    print(f"nearer to the breeze by {gain:.1f} dB")
    return {"gain_db": gain, "level_change_db": level_db(clean_pa) - level_db(breeze)}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("breeze"))
