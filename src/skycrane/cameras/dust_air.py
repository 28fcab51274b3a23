"""Dust in the air over a flight: what is raised, held off, carried away by the wind, and falls.

What a layer loses a second is what settles out of it and what the wind takes past its edge; nothing
else, so that what was raised is aloft, on the ground or carried off (`lifted`, `aloft`, `fallen`,
`carried`: all as vertical optical depths over the middle, which for grains of one size go as mass).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skycrane.cameras.dust_flow import STEP_S, hold_last, leaky
from skycrane.mars.wind import layer_scale, steady_wind
from skycrane.mission.air import Wind
from skycrane.mission.dust import Dust

__all__ = ["airborne", "wind_m_s"]

Array = NDArray[np.float64]
Series = dict[str, Array]

_CARRY_M = 1.0
"""Height whose wind carries the clouds of the veil, m."""


def wind_m_s(wind: Wind, height_m: float) -> Array:
    """Return the steady wind [m/s] toward east and north at a height above the ground."""
    layer = np.log1p(height_m / wind.roughness_m) * layer_scale(wind)
    share = min(layer, 1.0) if wind.surface_layer_m else 1.0
    return share * np.array([float(x) for x in steady_wind(wind, np.array(height_m))])


def airborne(dust: Dust, wind: Wind, force: Series, excess: Array, deck_m: float) -> Series:
    """Return what is in the air and where it goes, over the times, each (n,) or (n, 2).

    Args:
        dust: the mission's table.
        wind: its wind.
        force: what drives each plume (dust_flow.gather).
        excess: each plume's excess over the threshold, in thresholds, (n, plumes).
        deck_m: height of the rover's deck over the ground.
    """
    pull = force["pull"].sum(axis=1)
    fed = _fed(dust, excess)
    free = _free(dust, pull)
    # The flow that lifts a grain from the ground sweeps it off a deck too: what falls once that is
    # over stays. Grains of this size need a friction velocity above 1 m/s to move on Mars.
    stays = dust.stick_share * (pull < dust.threshold_n_m2)
    out = _drift_off(dust, wind, force, excess, fed)
    out["lifted"] = np.cumsum(fed)
    zero = np.zeros(len(pull))
    out.update(aloft=zero.copy(), fallen=zero.copy(), carried=zero.copy(), settled=zero.copy())
    for name, share, height_m in (
        ("veil", 1.0 - dust.low_share, dust.veil_height_m),
        ("low", dust.low_share, dust.low_height_m),
    ):
        coarse, fell, went = _layer(dust, wind, share * (1.0 - dust.fine_share) * fed, height_m)
        fine = leaky(share * dust.fine_share * fed, 1.0 / dust.fine_decay_s)
        out[name] = (coarse + fine) * free
        out["aloft"] += coarse + fine
        out["fallen"] += np.cumsum(fell)
        out["carried"] += np.cumsum(went) + share * dust.fine_share * out["lifted"] - fine
        out["settled"] += np.cumsum(stays * fell * free * np.exp(-deck_m / height_m))
    out["carry"] = np.outer(np.arange(len(pull)) * STEP_S, wind_m_s(wind, _CARRY_M))
    out["met"] = np.cumsum(out["veil"] + out["low"]) * STEP_S
    return out


def _fed(dust: Dust, excess: Array) -> Array:
    """Return the optical depth that plumes raise each step: in bulk beyond the knee."""
    bulk = np.maximum(excess - dust.veil_knee, 0.0).sum(axis=1)
    fed = dust.veil_rate_hz * (bulk + dust.sheared_share * excess.sum(axis=1)) * STEP_S
    # What is loose gets less as it is blown away.
    return np.asarray(fed / (1.0 + np.cumsum(fed) / dust.veil_supply))


def _free(dust: Dust, pull: Array) -> Array:
    """Return the share of the veil that jets do not hold away from the middle."""
    hold = pull / (pull + dust.veil_hold_n_m2)
    free = np.zeros(len(pull))
    closing = 1.0 - np.exp(-STEP_S / dust.veil_fill_s)
    for k in range(1, len(pull)):
        free[k] = free[k - 1] + (1.0 - hold[k] - free[k - 1]) * closing
    return free


def _rates_hz(dust: Dust, wind: Wind, height_m: float) -> tuple[float, float]:
    """Return how fast a layer is cleared [1/s]: by what settles, and by what the wind takes."""
    taken = float(np.hypot(*wind_m_s(wind, height_m))) / dust.veil_radius_m
    return dust.settling_m_s / height_m, taken


def _layer(dust: Dust, wind: Wind, fed: Array, height_m: float) -> tuple[Array, Array, Array]:
    """Return of a layer's coarse dust what is aloft, and what falls and is carried off a step."""
    settles, taken = _rates_hz(dust, wind, height_m)
    aloft = leaky(fed, settles + taken)
    before = np.concatenate([[0.0], aloft[:-1]])
    lost = before * -np.expm1(-STEP_S * (settles + taken))
    part = settles / max(settles + taken, 1e-12)
    return aloft, part * lost, (1.0 - part) * lost


def _drift_off(dust: Dust, wind: Wind, force: Series, excess: Array, fed: Array) -> Series:
    """Return the veil's middle: where what has not gone yet was fed, carried on by the wind."""
    out: Series = {}
    rate = sum(_rates_hz(dust, wind, dust.veil_height_m))
    weight = np.maximum(excess, 1e-9)
    held = leaky(fed, rate)
    for axis, name in enumerate(("east", "north")):
        middle = (force[name] * weight).sum(axis=1) / weight.sum(axis=1)
        carried = held * float(wind_m_s(wind, dust.veil_height_m)[axis]) * STEP_S
        place = leaky(np.where(fed > 0.0, fed * middle, 0.0) + carried, rate)
        out[f"veil_{name}"] = hold_last(place / np.maximum(held, 1e-12), held > 1e-6)
    return out
