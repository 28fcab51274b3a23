"""A picture to compare with: spectrograms before, after, and of what was taken out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from skycrane.files import atomic_path
from skycrane.sound.recording import Recording, calibration_pa, open_recording
from skycrane.sound.streams import REFERENCE_PA

__all__ = ["levels", "spectrogram_picture"]

_PER_OCTAVE = 36
_COLUMNS = 900
_SPAN_DB = 68.0
_TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


def levels(
    recording: Recording, *, columns: int = _COLUMNS
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return times [s] (t,), frequencies [Hz] (f,) on a logarithmic grid, density [1/Hz] (f, t).

    Densities are of the mean over channels, full scale being 1; gathered in one pass with flat
    memory.
    """
    rate = recording.rate_hz
    size = max(64, int(2 ** round(np.log2(0.17 * rate))))
    hop = max(size // 4, -(-recording.frames // columns))
    window = np.hanning(size)
    scale = 2 / (rate * (window @ window))
    bins_hz = fft.rfftfreq(size, 1 / rate)
    top = min(rate / 2, 24_000.0)
    octaves = np.log2(top / 20.0)
    grid = 20.0 * 2 ** (np.arange(int(octaves * _PER_OCTAVE) + 1) / _PER_OCTAVE)
    half = 2 ** (0.5 / _PER_OCTAVE)
    full = 2.0 ** (recording.bits - 1) if recording.bits else 1.0
    rows, kept = [], np.zeros(size // 2)

    def column(samples: NDArray[np.float64]) -> NDArray[np.float64]:
        power = np.abs(fft.rfft(samples * window)) ** 2 * scale
        total = np.concatenate([[0.0], np.cumsum(power)])
        # Mean density of each band; bands narrower than a bin fall between two values.
        edge = np.interp(np.stack([grid / half, grid * half]), bins_hz, np.arange(bins_hz.size))
        whole = np.interp(edge, np.arange(total.size) - 0.5, total)
        return (whole[1] - whole[0]) / np.maximum(edge[1] - edge[0], 1e-9)

    for block in recording.blocks():
        kept = np.concatenate([kept, block.mean(axis=1) / full])
        while kept.size >= size:
            rows.append(column(kept[:size]))
            kept = kept[hop:] if hop <= kept.size else np.zeros(0)
    rows.append(column(np.pad(kept[:size], (0, max(size - kept.size, 0)))))
    return np.arange(len(rows)) * hop / rate, grid, np.array(rows).T


def spectrogram_picture(
    raw: Path, clean: Path, residual: Path, out: Path, *, title: str = ""
) -> None:
    """Draw the three recordings one above the other, on one scale, as a PNG.

    Levels are in dB re 20 uPa where the recording carries its calibration, else re full scale. The
    same recordings give the same bytes.

    Raises:
        InputError: a recording cannot be read, or the picture cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first = open_recording(raw)
    pascal = calibration_pa(first)
    offset = 20 * np.log10(pascal / REFERENCE_PA) if pascal else 0.0
    unit = "dB re 20 µPa in 1 Hz" if pascal else "dB re full scale in 1 Hz"
    panels = []
    for path in (raw, clean, residual):
        t, f, density = levels(open_recording(path))
        panels.append((t, f, 10 * np.log10(np.maximum(density, 1e-30)) + offset))
    loudest = float(np.percentile(panels[0][2], 99.8))
    loudest = 5 * np.ceil(loudest / 5)
    ink, paper = "#e9e4dc", "#14110f"
    style = {
        "font.family": "DejaVu Sans",
        "font.size": 10.5,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": "#6b625a",
        "xtick.color": ink,
        "ytick.color": ink,
        "axes.facecolor": "#000004",
    }
    with rc_context(style):
        figure = Figure(figsize=(12, 9.6), dpi=110, facecolor=paper, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(3, 1, sharex=True, sharey=True)
        names = ("Before: as recorded", "After: the breeze", "Removed: the rover")
        for axis, name, (t, f, level) in zip(axes, names, panels, strict=True):
            mesh = axis.pcolormesh(
                t, f, level, cmap="magma", vmin=loudest - _SPAN_DB, vmax=loudest, shading="nearest"
            )
            _dress(axis, name, f, t)
        axes[-1].set_xlabel("time, s")
        bar = figure.colorbar(mesh, ax=axes, pad=0.012, fraction=0.03, extend="both")
        bar.set_label(unit)
        bar.outline.set_edgecolor("#6b625a")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=13, color=ink)
        with atomic_path(out) as partial:
            figure.savefig(partial, format="png", metadata={"Software": None}, facecolor=paper)


def _dress(axis, name: str, f: NDArray[np.float64], t: NDArray[np.float64]) -> None:
    axis.set_yscale("log")
    axis.set_ylim(f[0], f[-1])
    if t.size > 1:
        axis.set_xlim(t[0], t[-1])
    ticks = [tick for tick in _TICKS_HZ if f[0] <= tick <= f[-1]]
    axis.set_yticks(ticks, [f"{tick // 1000} k" if tick >= 1000 else f"{tick}" for tick in ticks])
    axis.minorticks_off()
    axis.set_ylabel("frequency, Hz")
    axis.grid(axis="y", color="#ffffff", alpha=0.12, linewidth=0.6)
    axis.set_title(name, loc="left", fontsize=11, pad=4)
