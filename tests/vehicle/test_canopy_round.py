"""The canopy off round: as far as the mission says, most while it fills, its seams kept long."""

from __future__ import annotations

import numpy as np
import pytest

from skycrane.mission import load_mission
from skycrane.vehicle.canopy import Canopy

PHASES = np.linspace(0.0, 40.0, 60)


def canopy_of(**changes: float) -> Canopy:
    mission = load_mission("mars2020")
    shape = mission.shape.canopy.model_copy(update=changes)
    length = mission.vehicle.parachute.line_length_m
    return Canopy(shape, full_length_m=length, foot_radius_m=0.6)


def skirt_m(canopy: Canopy, inflation: float, phase_rad: float) -> np.ndarray:
    """Return the ends of the gap tapes at the band's upper edge, (80, 3)."""
    shape = canopy.shape(inflation=inflation, deployed_length_m=37.0, phase_rad=phase_rad)
    lines = shape.vertices_m[-6 * (2 * 80 + 4) :].astype(float).reshape(-1, 6, 3)
    return lines[80:160, :3].mean(axis=1)


def spread(canopy: Canopy, inflation: float) -> float:
    """Return the largest share by which a skirt's radius is off its mean, of many breaths."""
    worst = 0.0
    for phase in PHASES:
        radius = np.hypot(*skirt_m(canopy, inflation, float(phase))[:, :2].T)
        worst = max(worst, float(np.abs(radius / radius.mean() - 1.0).max()))
    return worst


def test_the_skirt_is_as_far_from_round_as_the_mission_says():
    assert spread(canopy_of(off_round=0.0, off_round_filling=0.0), 1.0) < 1e-5
    full = spread(canopy_of(off_round=0.06, off_round_filling=0.0), 1.0)
    assert 0.03 < full <= 0.0605
    assert spread(canopy_of(), 0.25) > 3.0 * spread(canopy_of(), 1.0)


@pytest.mark.parametrize("inflation", [0.3, 1.0])
def test_seams_keep_their_length_however_the_canopy_sways(inflation: float):
    lengths = []
    for off in (0.0, 0.08):
        canopy = canopy_of(off_round=off, off_round_filling=0.2)
        azimuth = np.linspace(0.0, 2 * np.pi, 24)
        _, radius, z = canopy._profiles(azimuth, inflation, 3.0)
        lengths.append(np.hypot(np.diff(radius, axis=1), np.diff(z, axis=1)).sum(axis=1))
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-9)
