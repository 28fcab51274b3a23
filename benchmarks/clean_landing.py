"""What cleaning does to a landing's own recording: `python -m benchmarks.clean_landing [MISSION]`.

Runs the two stages of sound as `skycrane land` does, but for the radio link, which delivers every
byte; prints the SI-SDR before and the gain, the change of the breeze's level, and what was removed.
The same figures stand in a landing's `run.json`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from skycrane.mission import load_mission
from skycrane.sound.stage import clean, record
from skycrane.stage import StageContext


def main(mission: str) -> None:
    """Print the figures of a mission's minute on the surface."""
    with tempfile.TemporaryDirectory() as folder:
        context = StageContext(directory=Path(folder), mission=load_mission(mission))
        recorded = record(context).summary
        shutil.copytree(context.directory / "onboard", context.directory / "ground")
        print(json.dumps({**recorded, **clean(context).summary}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mars2020")
