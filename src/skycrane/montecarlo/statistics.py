"""What many flights say: percentiles, landing ellipse, success rate, failures, timeline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from skycrane.flight.dispersion import NOMINAL
from skycrane.montecarlo.merge import Harvest
from skycrane.montecarlo.rows import FIGURES, INPUT, LANDED, event_order

__all__ = [
    "PERCENTS",
    "Ellipse",
    "clopper_pearson",
    "ellipse_of",
    "spread_of",
    "statistics_of",
]

Array = NDArray[np.float64]

PERCENTS = (0.135, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 99.865)
"""Percentiles told; the outermost are those of three standard deviations of a normal variable."""

_SHARE = 0.99
_CONFIDENCE = 0.95
_FIRST_CASES = 10


@dataclass(frozen=True)
class Ellipse:
    """Where a share of the touchdowns of a bivariate normal distribution lies, site axes.

    Attributes:
        share: of the touchdowns that it is drawn for.
        count: touchdowns it is made from.
        centre_east_m, centre_north_m: their mean.
        semi_major_m, semi_minor_m: half its axes.
        azimuth_deg: of the major axis, east of north, 0 to 180.
        share_inside: of those touchdowns that do lie inside.
    """

    share: float
    count: int
    centre_east_m: float
    centre_north_m: float
    semi_major_m: float
    semi_minor_m: float
    azimuth_deg: float
    share_inside: float


def ellipse_of(east_m: Array, north_m: Array, *, share: float = _SHARE) -> Ellipse | None:
    """Return the landing ellipse of touchdowns, shape (n,) each; None of fewer than three.

    Half axes are sqrt(lambda chi2), lambda the eigenvalues of the sample covariance (divided by
    n - 1) and chi2 = -2 ln(1 - share), the quantile of the chi-square distribution with two
    degrees of freedom: the set of given probability of a bivariate normal distribution with this
    mean and covariance (Johnson and Wichern, Applied Multivariate Statistical Analysis, 4.2).
    """
    points = np.stack([east_m, north_m], axis=1)
    if len(points) < 3:
        return None
    centre = points.mean(axis=0)
    covariance = np.cov(points.T)
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0.0)
    chi2 = -2 * np.log1p(-share)
    major = vectors[:, 1]
    # Of touchdowns on one line nothing lies off it but by rounding.
    along = (points - centre) @ vectors
    scaled = along**2 / np.maximum(values, 1e-12 * max(values[1], 1e-12))
    return Ellipse(
        share=share,
        count=len(points),
        centre_east_m=float(centre[0]),
        centre_north_m=float(centre[1]),
        semi_major_m=float(np.sqrt(values[1] * chi2)),
        semi_minor_m=float(np.sqrt(values[0] * chi2)),
        azimuth_deg=float(np.degrees(np.arctan2(major[0], major[1])) % 180),
        share_inside=float(np.mean(scaled.sum(axis=1) <= chi2)),
    )


def clopper_pearson(
    successes: int, trials: int, *, confidence: float = _CONFIDENCE
) -> tuple[float, float]:
    """Return the confidence interval of a probability (Clopper and Pearson 1934).

    It covers the true value at least as often as it says, also where nearly all trials succeed:
    the bounds are quantiles of beta distributions.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else betaincinv(successes, trials - successes + 1, tail)
    high = 1.0
    if successes < trials:
        high = betaincinv(successes + 1, trials - successes, 1 - tail)
    return float(low), float(high)


def spread_of(values: Array) -> dict[str, Any]:
    """Return count, mean, standard deviation, extremes and percentiles of what is not NaN.

    The standard deviation divides by n - 1; percentiles interpolate linearly between order
    statistics (Hyndman and Fan 1996, definition 7).
    """
    there = values[np.isfinite(values)]
    if not len(there):
        return {"count": 0}
    quantiles = np.percentile(there, PERCENTS)
    return {
        "count": len(there),
        "mean": float(there.mean()),
        "sigma": float(there.std(ddof=1)) if len(there) > 1 else None,
        "minimum": float(there.min()),
        "maximum": float(there.max()),
        "percentiles": {f"{p:g}": float(q) for p, q in zip(PERCENTS, quantiles, strict=True)},
    }


def statistics_of(harvest: Harvest, identity: dict[str, Any]) -> dict[str, Any]:
    """Return the statistics of all dispersed cases; the nominal one, case 0, is told apart.

    Args:
        harvest: of a merged campaign.
        identity: of the campaign, told with them.
    """
    drawn = np.arange(harvest.cases) != NOMINAL
    landed = drawn & (harvest.outcomes == LANDED)
    trials, successes = int(drawn.sum()), int(landed.sum())
    ellipse = ellipse_of(
        harvest.figure("touchdown_east_m")[landed], harvest.figure("touchdown_north_m")[landed]
    )
    nominal: dict[str, Any] = {"outcome": str(harvest.outcomes[NOMINAL])}
    spreads = {}
    for name in FIGURES:
        values = harvest.figure(name)
        nominal[name] = _plain(values[NOMINAL])
        of_landed = name.startswith(("touchdown_", "propellant_"))
        spreads[name] = spread_of(values[landed if of_landed else drawn])
    return {
        "campaign": identity,
        "nominal": nominal,
        "dispersed_cases": trials,
        "success": {
            "landed": successes,
            "rate": successes / trials if trials else None,
            "confidence": _CONFIDENCE,
            "interval": list(clopper_pearson(successes, trials)) if trials else None,
            "method": "Clopper-Pearson",
        },
        "failures": _failures(harvest, drawn),
        "landing_ellipse": asdict(ellipse) if ellipse else None,
        "figures": spreads,
        "inputs": {
            name.removeprefix(INPUT): spread_of(harvest.figure(name)[drawn])
            for name in harvest.inputs
        },
        "events": _timeline(harvest, drawn),
    }


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _failures(harvest: Harvest, drawn: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return what failed, most frequent first."""
    outcomes = harvest.outcomes
    names, counts = np.unique(outcomes[drawn & (outcomes != LANDED)], return_counts=True)
    rows = []
    for name, count in sorted(zip(names, counts, strict=True), key=lambda nc: (-nc[1], nc[0])):
        cases = np.flatnonzero(drawn & (outcomes == name))[:_FIRST_CASES]
        rows.append(
            {
                "outcome": str(name),
                "count": int(count),
                "share": float(count / drawn.sum()),
                "first_cases": cases.tolist(),
                "example": harvest.reasons.get(str(name), ""),
            }
        )
    return rows


def _timeline(harvest: Harvest, drawn: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return when events happened, in the order of a flight; of several in a case the first."""
    rows = []
    for name in event_order():
        times = harvest.times.get(name, np.full(harvest.cases, np.nan))
        mine = times[drawn & np.isfinite(times)]
        rows.append(
            {
                "event": name,
                "share": len(mine) / int(drawn.sum()) if drawn.any() else None,
                "nominal_t_s": _plain(times[NOMINAL]),
                "t_s": spread_of(mine),
            }
        )
    return rows
