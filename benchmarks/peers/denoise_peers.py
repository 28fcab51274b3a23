"""The peers: five that people use, and two of the textbook written out here.

Each takes a recording, a reference of the noise alone, the rate and its settings, and returns the
cleaned recording. PEERS holds with each the grid that its settings are chosen from.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import av
import noisereduce
import numpy as np
from pyroomacoustics.denoise import apply_iterative_wiener, apply_spectral_sub
from scipy.io import wavfile
from scipy.signal import istft, stft
from scipy.special import exp1

__all__ = ["PEERS"]


def gate(heard: np.ndarray, reference: np.ndarray, rate_hz: float, **given: Any) -> np.ndarray:
    """Stationary spectral gating of noisereduce."""
    return noisereduce.reduce_noise(
        heard, int(rate_hz), y_noise=reference, stationary=True, **given
    )


def moving_gate(
    heard: np.ndarray, reference: np.ndarray, rate_hz: float, **given: Any
) -> np.ndarray:
    """Non-stationary spectral gating of noisereduce, which takes no reference."""
    return noisereduce.reduce_noise(heard, int(rate_hz), stationary=False, **given)


def sox(heard: np.ndarray, reference: np.ndarray, rate_hz: float, *, amount: float) -> np.ndarray:
    """SoX noisered with a profile of the reference."""
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / n) for n in ("noise.wav", "in.wav", "out.wav", "profile")]
        for name, samples in zip(names, (reference, heard), strict=False):
            wavfile.write(name, int(rate_hz), samples.astype(np.float32))
        noise, source, out, profile = names
        subprocess.run(["sox", noise, "-n", "noiseprof", profile], check=True)
        wide = ["-b", "32", "-e", "floating-point"]
        command = ["sox", "-D", source, *wide, out, "noisered", profile, str(amount)]
        subprocess.run(command, check=True, capture_output=True)
        return wavfile.read(out)[1].astype(np.float64)


def afftdn(
    heard: np.ndarray,
    reference: np.ndarray,
    rate_hz: float,
    *,
    nr: float,
    nf: float,
    gs: int,
    level: float,
) -> np.ndarray:
    """FFmpeg's afftdn, told by its own commands to sample the noise from the reference.

    Its noise floor is on a scale of its own that ends at -20 dB: a quieter input is a higher floor.
    """
    rate = int(rate_hz)
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=rate, format="dblp", layout="mono", time_base=f"1/{rate}"
    )
    stop = reference.size / rate - 0.1
    commands = f"c='0.1 afftdn sn start; {stop} afftdn sn stop'"
    chain = [
        source,
        graph.add("asendcmd", commands),
        graph.add("afftdn", f"nr={nr}:nf={nf}:gs={gs}"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*chain).configure()
    joined = level * np.concatenate([reference, heard, np.zeros(8192)])
    out = []

    def drain() -> None:
        while True:
            try:
                out.append(graph.pull().to_ndarray()[0])
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    for start in range(0, joined.size, 4096):
        block = np.ascontiguousarray(joined[None, start : start + 4096])
        frame = av.AudioFrame.from_ndarray(block, format="dblp", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        graph.push(frame)
        drain()
    graph.push(None)
    drain()
    return np.concatenate(out).astype(np.float64)[reference.size :]


def subtraction(
    heard: np.ndarray, reference: np.ndarray, rate_hz: float, **given: Any
) -> np.ndarray:
    """Spectral subtraction or iterative Wiener of pyroomacoustics, which take no reference."""
    kind, size = given["kind"], given["size"]
    if kind == "wiener":
        return apply_iterative_wiener(
            heard, frame_len=size, lpc_order=20, iterations=2, alpha=given["a"], thresh=0.01
        )
    return apply_spectral_sub(
        heard, nfft=size, db_reduc=given["db"], lookback=given["lookback"], beta=given["beta"]
    )


def log_amplitude(
    heard: np.ndarray,
    reference: np.ndarray,
    rate_hz: float,
    *,
    size: int,
    alpha: float,
    least_db: float,
    over: float,
) -> np.ndarray:
    """MMSE log-spectral amplitude, decision-directed (Ephraim and Malah 1985, eq. 20)."""
    options: dict[str, Any] = {"fs": rate_hz, "nperseg": size, "noverlap": 3 * size // 4}
    noise = (np.abs(stft(reference, **options)[2]) ** 2).mean(axis=1) * over
    spectra = stft(heard, **options)[2]
    least = 10 ** (least_db / 10)
    before = np.ones(noise.size)
    out = np.empty_like(spectra)
    for i in range(spectra.shape[1]):
        post = np.minimum(np.abs(spectra[:, i]) ** 2 / np.maximum(noise, 1e-30), 1e4)
        prior = alpha * before + (1 - alpha) * np.maximum(post - 1, 0)
        prior = np.maximum(prior, least)
        nu = prior / (1 + prior) * post
        gain = prior / (1 + prior) * np.exp(0.5 * exp1(np.maximum(nu, 1e-8)))
        gain = np.minimum(gain, 1.0)
        before = gain**2 * post
        out[:, i] = gain * spectra[:, i]
    return istft(out, **options)[1]


def _factorise(
    power: np.ndarray, parts: np.ndarray, rows: np.ndarray, rounds: int, *, learn: int
) -> tuple[np.ndarray, np.ndarray]:
    """Itakura-Saito NMF by multiplicative updates (Fevotte et al. 2009); `learn` parts change."""
    power = power + 1e-12 * power.mean()
    for _ in range(rounds):
        model = parts @ rows
        rows = rows * (parts.T @ (power / model**2)) / (parts.T @ (1 / model))
        if learn:
            model = parts @ rows
            new, own = parts[:, :learn], rows[:learn].T
            new = new * ((power / model**2) @ own) / ((1 / model) @ own)
            size = new.sum(axis=0)
            parts = np.concatenate([new / size, parts[:, learn:]], axis=1)
            rows = np.concatenate([rows[:learn] * size[:, None], rows[learn:]])
    return parts, rows


def factors(
    heard: np.ndarray,
    reference: np.ndarray,
    rate_hz: float,
    *,
    size: int,
    noise_parts: int,
    breeze_parts: int,
    training: np.ndarray | None = None,
) -> np.ndarray:
    """Supervised NMF: the noise's parts from the reference, the breeze's from another breeze.

    Without another breeze its parts are learnt from the recording itself.
    """
    options: dict[str, Any] = {"fs": rate_hz, "nperseg": size, "noverlap": size // 2}
    rng = np.random.default_rng(0)

    def power_of(samples: np.ndarray) -> np.ndarray:
        return np.abs(stft(samples, **options)[2]) ** 2

    def guess(power: np.ndarray, count: int) -> np.ndarray:
        # The first guess has the mean spectrum, so that few rounds suffice.
        return power.mean(axis=1)[:, None] * rng.uniform(0.5, 1.5, (len(power), count))

    def learn(samples: np.ndarray, count: int) -> np.ndarray:
        power = power_of(samples)
        rows = rng.uniform(0.5, 1.5, (count, power.shape[1])) / count
        return _factorise(power, guess(power, count), rows, 40, learn=count)[0]

    noise = learn(reference, noise_parts)
    spectra = stft(heard, **options)[2]
    power = np.abs(spectra) ** 2
    known = training is not None
    breeze = learn(training, breeze_parts) if known else guess(power, breeze_parts)
    parts = np.concatenate([breeze, noise / noise.sum(axis=0)], axis=1)
    rows = rng.uniform(0.5, 1.5, (parts.shape[1], power.shape[1])) * power.mean()
    parts, rows = _factorise(power, parts, rows, 40, learn=0 if known else breeze_parts)
    wanted = parts[:, :breeze_parts] @ rows[:breeze_parts]
    return istft(spectra * wanted / (parts @ rows), **options)[1]


_PARTS = {"size": [2048, 4096, 8192], "noise_parts": [2, 8, 16], "breeze_parts": [4, 12, 24]}
PEERS: dict[str, tuple[Any, dict[str, list[Any]], bool]] = {
    "noisereduce, stationary": (
        gate,
        {
            "n_fft": [1024, 2048, 4096, 8192],
            "n_std_thresh_stationary": [0.5, 1.0, 1.5, 2.5],
            "freq_mask_smooth_hz": [100, 200, 500],
            "time_mask_smooth_ms": [100, 200, 500],
        },
        False,
    ),
    "noisereduce, non-stationary": (
        moving_gate,
        {
            "n_fft": [1024, 2048, 4096, 8192],
            "time_constant_s": [0.5, 2.0, 8.0],
            "thresh_n_mult_nonstationary": [0.5, 1.0, 2.0],
            "freq_mask_smooth_hz": [100, 200, 500],
            "time_mask_smooth_ms": [200, 500],
        },
        False,
    ),
    "FFmpeg afftdn": (
        afftdn,
        {
            "nr": [24, 40, 80],
            "nf": [-25, -20],
            "gs": [5, 20],
            "level": [1.0, 0.6, 0.35],
        },
        False,
    ),
    "pyroomacoustics": (
        subtraction,
        {
            "kind": ["subtraction", "subtraction", "wiener"],
            "size": [512, 2048, 8192],
            "db": [15, 25],
            "lookback": [12, 40],
            "beta": [5, 30],
            "a": [0.2, 0.8],
        },
        False,
    ),
    "MMSE-LSA": (
        log_amplitude,
        {
            "size": [1024, 2048, 4096, 8192],
            "alpha": [0.9, 0.96, 0.98, 0.99],
            "least_db": [-15, -25, -40],
            "over": [1.0, 1.5, 2.5],
        },
        False,
    ),
    "NMF taught the noise": (factors, _PARTS, False),
    "NMF taught the noise and a breeze": (factors, _PARTS, True),
}
if shutil.which("sox"):
    amounts = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0]
    PEERS["SoX noisered"] = (sox, {"amount": amounts}, False)
