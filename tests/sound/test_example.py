"""The example does what it says."""

import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "breeze_and_rover.py"


def test_the_example_brings_the_breeze_nearer(tmp_path: Path) -> None:
    found = runpy.run_path(str(EXAMPLE))["main"](tmp_path)
    assert found["gain_db"] > 9
    assert abs(found["level_change_db"]) < 2.5
    assert (tmp_path / "spectrogram.png").stat().st_size > 50_000
    assert (tmp_path / "clean.flac.json").exists()
