"""Pictures of many flights: footprint, deployment, touchdown, propellant, timeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skycrane.files import atomic_path
from skycrane.flight.dispersion import NOMINAL
from skycrane.mission import Mission
from skycrane.montecarlo.merge import Harvest
from skycrane.montecarlo.rows import LANDED

__all__ = ["PICTURES", "draw_all"]

Array = NDArray[np.float64]
HeightFunction = Callable[[Array, Array], Array]

_INK, _PAPER, _FAINT = "#e9e4dc", "#14110f", "#6b625a"
_CASE, _LINE, _NOMINAL, _FAILED = "#7fb2d9", "#f0a35e", "#fff3d6", "#e5484d"
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _FAINT,
    "axes.facecolor": "#1c1815",
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#ffffff",
    "grid.alpha": 0.10,
    "grid.linewidth": 0.6,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
}
_BINS = 60


class _Scene:
    """What the pictures are drawn from."""

    def __init__(
        self, harvest: Harvest, statistics: dict[str, Any], mission: Mission, height: HeightFunction
    ) -> None:
        self.figure = harvest.figure
        self.statistics = statistics
        self.mission = mission
        self.height_m = height
        self.drawn = np.arange(harvest.cases) != NOMINAL
        self.landed = self.drawn & (harvest.outcomes == LANDED)
        self.failed = self.drawn & (harvest.outcomes != LANDED)

    def of(self, name: str, rows: NDArray[np.bool_]) -> Array:
        """Return a figure of some cases, without what is missing."""
        values = self.figure(name)[rows]
        return np.asarray(values[np.isfinite(values)])

    def nominal(self, name: str) -> float | None:
        value = float(self.figure(name)[NOMINAL])
        return value if np.isfinite(value) else None


def _footprint(figure: Any, scene: _Scene) -> None:
    axis = figure.subplots()
    east, north = scene.figure("touchdown_east_m"), scene.figure("touchdown_north_m")
    ellipse = scene.statistics["landing_ellipse"]
    shown = [np.abs(v[scene.landed]) for v in (east, north)]
    reach = max([10.0, *(float(v.max()) for v in shown if len(v))])
    if ellipse:
        centre = max(abs(ellipse["centre_east_m"]), abs(ellipse["centre_north_m"]))
        reach = max(reach, centre + ellipse["semi_major_m"])
    half = 1.15 * reach
    _terrain(axis, scene, half)
    crash = np.stack([scene.figure("crash_east_m"), scene.figure("crash_north_m")])
    inside = scene.failed & (np.abs(crash) < half).all(axis=0)
    outside = int(scene.failed.sum() - inside.sum())
    size = float(np.clip(9000 / max(scene.landed.sum(), 1), 2.0, 22.0))
    axis.scatter(
        east[scene.landed],
        north[scene.landed],
        s=size,
        c=_CASE,
        linewidths=0,
        alpha=0.75,
        label=f"touchdown ({scene.landed.sum()})",
        zorder=3,
    )
    if scene.failed.any():
        note = f", {outside} outside the picture" if outside else ""
        label = f"failed ({int(scene.failed.sum())}{note})"
        axis.scatter(
            *crash[:, inside], s=28, c=_FAILED, marker="x", linewidths=1.3, label=label, zorder=4
        )
    if ellipse:
        _ellipse(axis, ellipse)
    axis.plot(0, 0, "+", color=_NOMINAL, ms=15, mew=1.6, label="target", zorder=6)
    axis.set(xlabel="east of the target, m", ylabel="north of the target, m")
    axis.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    figure.legend(loc="outside lower left", ncols=2)


def _terrain(axis: Any, scene: _Scene, half: float) -> None:
    line = np.linspace(-half, half, 500)
    height = scene.height_m(*np.meshgrid(line, line))
    step = line[1] - line[0]
    slope_north, slope_east = np.gradient(height, step)
    # Lit from the west as in the afternoon, by Lambert's law; steeper where the ground is flat.
    gain = 0.35 / max(float(np.percentile(np.hypot(slope_north, slope_east), 98)), 1e-6)
    light = (1 - gain * slope_east * -1.0 + gain * slope_north * -0.5) / np.sqrt(
        1 + gain**2 * (slope_north**2 + slope_east**2)
    )
    extent = (-half, half, -half, half)
    axis.imshow(light, extent=extent, origin="lower", cmap="copper", vmin=0.3, vmax=2.4)
    span = float(height.max() - height.min())
    if span > 0.5:
        ink = axis.contour(line, line, height, levels=8, colors="#ffffff", alpha=0.22)
        ink.set_linewidth(0.6)
        axis.clabel(ink, fmt="%g m", fontsize=7.5)


def _ellipse(axis: Any, ellipse: dict[str, Any]) -> None:
    turn = np.radians(ellipse["azimuth_deg"])
    around = np.linspace(0, 2 * np.pi, 361)
    major = ellipse["semi_major_m"] * np.cos(around)
    minor = ellipse["semi_minor_m"] * np.sin(around)
    east = ellipse["centre_east_m"] + major * np.sin(turn) + minor * np.cos(turn)
    north = ellipse["centre_north_m"] + major * np.cos(turn) - minor * np.sin(turn)
    sizes = (2 * ellipse["semi_major_m"], 2 * ellipse["semi_minor_m"])
    wide, high = (f"{size:,.0f}" if size >= 100 else f"{size:.3g}" for size in sizes)
    label = f"99 % ellipse, {wide} x {high} m ({100 * ellipse['share_inside']:.1f} % inside)"
    axis.plot(east, north, color=_LINE, lw=1.8, label=label, zorder=5)


def _deployment(figure: Any, scene: _Scene) -> None:
    grid = figure.add_gridspec(2, 2, width_ratios=(4, 1), height_ratios=(1, 4))
    middle = figure.add_subplot(grid[1, 0])
    top = figure.add_subplot(grid[0, 0], sharex=middle)
    side = figure.add_subplot(grid[1, 1], sharey=middle)
    mach = scene.figure("parachute_deploy_mach")
    altitude = scene.figure("parachute_deploy_altitude_m") / 1e3
    there = scene.drawn & np.isfinite(mach)
    size = float(np.clip(9000 / max(there.sum(), 1), 2.0, 22.0))
    pressure = scene.figure("parachute_deploy_dynamic_pressure_pa")[there]
    dots = middle.scatter(
        mach[there], altitude[there], s=size, c=pressure, cmap="viridis", linewidths=0, alpha=0.85
    )
    if np.isfinite(mach[NOMINAL]):
        middle.plot(mach[NOMINAL], altitude[NOMINAL], "+", color=_NOMINAL, ms=15, mew=1.8)
        middle.annotate(
            "nominal",
            (mach[NOMINAL], altitude[NOMINAL]),
            xytext=(8, 8),
            textcoords="offset points",
            color=_NOMINAL,
        )
    middle.set(xlabel="Mach number", ylabel="altitude above the target, km")
    middle.grid(True)
    if there.any():
        top.hist(mach[there], bins=_BINS, color=_CASE)
        side.hist(altitude[there], bins=_BINS, color=_CASE, orientation="horizontal")
    top.tick_params(labelbottom=False)
    side.tick_params(labelleft=False)
    top.set_ylabel("cases")
    side.set_xlabel("cases")
    bar = figure.colorbar(dots, ax=side, fraction=0.25, pad=0.1)
    bar.set_label("dynamic pressure, Pa")
    bar.outline.set_edgecolor(_FAINT)


def _touchdown(figure: Any, scene: _Scene) -> None:
    limits = scene.mission.vehicle
    panels = (
        ("touchdown_vertical_speed_m_s", "down, m/s", limits.touchdown_speed_limit_m_s),
        ("touchdown_horizontal_speed_m_s", "across, m/s", limits.touchdown_across_limit_m_s),
    )
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (name, label, limit) in zip(axes, panels, strict=True):
        _histogram(axis, scene, name, label, reach=(0.0, limit))
        axis.set_yscale("symlog", linthresh=1)
        axis.axvline(limit, color=_FAILED, lw=1.4)
        axis.annotate(
            f"limit {limit:g}",
            (limit, 0.97),
            xycoords=("data", "axes fraction"),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            color=_FAILED,
            rotation=90,
        )
        axis.set_xlim(left=0.0, right=1.04 * limit)
    axes[0].set_ylabel("cases, logarithmic above 1")


def _propellant(figure: Any, scene: _Scene) -> None:
    axis = figure.subplots()
    _histogram(axis, scene, "propellant_at_bridle_cut_kg", "propellant at bridle cut, kg")
    values = scene.of("propellant_at_bridle_cut_kg", scene.landed)
    axis.set_xlim(left=min(0.0, float(values.min())) if len(values) else 0.0)
    axis.axvline(0.0, color=_FAILED, lw=1.4)
    axis.set_ylabel("cases")


def _histogram(
    axis: Any, scene: _Scene, name: str, label: str, reach: tuple[float, float] | None = None
) -> None:
    """Draw landed cases, with nominal value, median, and the 1st and 99th percentile."""
    values = scene.of(name, scene.landed)
    axis.set_xlabel(label)
    axis.grid(True, axis="y")
    if not len(values):
        axis.text(0.5, 0.5, "no case landed", transform=axis.transAxes, ha="center")
        return
    bins = 2 * _BINS if reach else min(_BINS, max(10, len(values) // 10))
    axis.hist(values, bins=bins, range=reach, color=_CASE)
    low, middle, high = np.percentile(values, (1, 50, 99))
    span = f"1 to 99 %: {low:.3g} to {high:.3g}"
    axis.axvspan(low, high, color=_LINE, alpha=0.14, lw=0, label=span)
    axis.axvline(middle, color=_LINE, lw=1.6, label=f"median {middle:.3g}")
    if (nominal := scene.nominal(name)) is not None:
        axis.axvline(nominal, color=_NOMINAL, lw=1.2, ls="--", label=f"nominal {nominal:.3g}")
    axis.legend(loc="upper left", bbox_to_anchor=(0.0, -0.11), borderaxespad=0.0)


_TIMES_S = (-300, -100, -30, -20, -10, -5, 0, 5, 10, 20, 30, 100, 300)


def _timeline(figure: Any, scene: _Scene) -> None:
    rows = [row for row in scene.statistics["events"] if row["t_s"]["count"] > 0]
    rows.sort(key=lambda row: -row["t_s"]["percentiles"]["50"])
    axis = figure.subplots()
    for y, row in enumerate(rows):
        at = row["t_s"]["percentiles"]
        middle = at["50"]
        for low, high, width, alpha in (
            ("0.135", "99.865", 1.4, 0.55),
            ("1", "99", 4.0, 0.6),
            ("25", "75", 8.0, 1.0),
        ):
            span = (at[low] - middle, at[high] - middle)
            axis.plot(span, (y, y), color=_CASE, lw=width, alpha=alpha, solid_capstyle="butt")
        axis.plot(0, y, "|", color=_PAPER, ms=9, mew=1.6)
        if row["nominal_t_s"] is not None:
            axis.plot(row["nominal_t_s"] - middle, y, "d", color=_LINE, ms=5)
    names = [
        f"{row['event'].replace('_', ' ')}  {row['t_s']['percentiles']['50']:.1f} s"
        + (f"  ({100 * row['share']:.3g} %)" if row["share"] < 1 else "")
        for row in rows
    ]
    axis.set_yticks(range(len(rows)), names, fontsize=9)
    axis.set_ylim(-0.8, len(rows) - 0.2)
    left, right = axis.get_xlim()
    axis.set_xscale("symlog", linthresh=30, linscale=2.0)
    axis.set_xticks(_TIMES_S, [f"{t:+d}" if t else "0" for t in _TIMES_S])
    axis.set_xticks([], minor=True)
    axis.set_xlim(left, right)
    axis.grid(True, axis="x")
    axis.set_xlabel(
        "seconds before or after the event's median\n"
        "thick: half of the cases, medium: 1 to 99 %, thin: 0.135 to 99.865 %, diamond: nominal"
    )


PICTURES: dict[str, tuple[str, Callable[[Any, _Scene], None], tuple[float, float]]] = {
    "footprint": ("Where the rover touches down", _footprint, (8.6, 9.4)),
    "deployment": ("Where and how fast the mortar fires", _deployment, (10.0, 7.6)),
    "touchdown_speed": ("Speed at touchdown of those that landed", _touchdown, (11.5, 5.8)),
    "propellant": ("Propellant left when the rover is down", _propellant, (9.0, 5.8)),
    "timeline": (
        "When things happen: median, and in what share of the cases where not in all",
        _timeline,
        (11.5, 9.8),
    ),
}
"""What is drawn: name of the file, its title, what draws it, and its size in inches."""


def draw_all(
    directory: Path,
    harvest: Harvest,
    statistics: dict[str, Any],
    mission: Mission,
    height_m: HeightFunction,
) -> list[Path]:
    """Draw every picture into `directory`/plots as PNG; the same cases give the same bytes.

    Args:
        directory: of the campaign.
        harvest: its merged cases.
        statistics: made from them (`statistics.statistics_of`).
        mission: what was flown.
        height_m: ground over the target's sphere at (east, north) of the target.

    Raises:
        InputError: a picture cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scene = _Scene(harvest, statistics, mission, height_m)
    campaign = statistics["campaign"]
    title = f"{mission.mission.title}: {campaign['cases']} cases, seed {campaign['seed']}"
    if campaign["fidelity"] != "full":
        title += f", {campaign['fidelity'].replace('_', ' ')}"
    paths = []
    with rc_context(_STYLE):
        for name, (subject, draw, size) in PICTURES.items():
            figure = Figure(figsize=size, dpi=110, facecolor=_PAPER, layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, scene)
            heading = f"{subject}\n{title}"
            figure.suptitle(heading, x=0.01, ha="left", fontsize=12.5, color=_INK)
            path = directory / "plots" / f"{name}.png"
            with atomic_path(path) as partial:
                figure.savefig(partial, format="png", metadata={"Software": None}, facecolor=_PAPER)
            paths.append(path)
    return paths
