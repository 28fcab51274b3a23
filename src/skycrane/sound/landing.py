"""The landing as it would have been heard: pressure at the rover's microphone, from the flight.

The flown microphone recorded nothing during its descent; every sample here is computed. What drives
the sound is the flight record alone: dynamic pressure, thrust, distances, speeds and events.

- Entry: the turbulent boundary layer on the shell presses with a fixed share of the dynamic
  pressure (Lowson 1968: 0.006), heard through the structure as a low rumble.
- From the heat shield's separation on the microphone stands in the wind of the descent.
- Engines: a fixed share of the jets' mechanical power is sound, broadband about a Strouhal number
  of 0.2 (Lighthill 1952, NASA SP-8072), spread over the distance, absorbed by the thin air on its
  way, late and shifted by the motion apart.
- Mortar, pyrotechnics, touchdown: strikes that ring in the structure, at the flight's events.
- On the ground: breeze and rover as everywhere, and the descent stage leaving.

Shares and levels are assumptions of the mission file but the two cited; what is computed is when,
how fast each grows and falls, and how it changes with air, speed and distance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skycrane import draws
from skycrane.files import atomic_path
from skycrane.mars.acoustics import density_kg_m3, path_gain, sound_speed_m_s
from skycrane.mission.sound import Air, JetNoise, Landing, Microphone, Soundscape
from skycrane.progress import Progress
from skycrane.sound.breeze import BreezeSource
from skycrane.sound.mechanics import ringing
from skycrane.sound.microphone import Capsule, to_samples
from skycrane.sound.recording import Writer
from skycrane.sound.rover import RoverSource
from skycrane.sound.streams import BLOCK, ShapedNoise, db_to_pa

if TYPE_CHECKING:  # xarray takes long to load
    from skycrane.flight.record import Flight

__all__ = ["LandingSound", "jet_density", "write_landing_sound"]

_AFTER_S = 12.0
"""How long the track goes on after the flight's last event."""
_NEAREST_M = 1.5


def jet_density(
    jet: JetNoise, frequency_hz: NDArray[np.float64], shift: float = 1.0
) -> NDArray[np.float64]:
    """Return the share of a jet's sound power in 1 Hz [1/Hz], a hump that adds up to 1.

    Args:
        jet: nozzle and Strouhal number.
        frequency_hz: where, [n].
        shift: Doppler's factor on its frequencies.
    """
    peak_hz = shift * jet.strouhal * jet.exhaust_speed_m_s / jet.nozzle_diameter_m
    x = frequency_hz / peak_hz
    return 4 / np.pi / peak_hz * x**2 / (1 + x**2) ** 2


class LandingSound:
    """The sound at the microphone from entry to silence, block by block [Pa].

    Args:
        flight: the flight as recorded.
        scene: air, breeze, the rover, and how a landing sounds.
        microphone: where it is heard.
        seed: the run's seed.
    """

    def __init__(
        self, flight: Flight, scene: Soundscape, microphone: Microphone, *, seed: int
    ) -> None:
        self.flight, self.scene, self.landing = flight, scene, scene.landing
        self.rate_hz = float(microphone.sample_rate_hz)
        self.end_s = max(event.t_s for event in flight.events) + _AFTER_S
        self.count = round(self.end_s * self.rate_hz)
        self._open_s = self._time_of("heat_shield_separation")
        # The entry vehicle's record follows the backshell once the rover has left it.
        inside = min(self._time_of("backshell_separation"), self._time_of("touchdown"))
        self._inside_s = min(inside, flight.bodies["entry_vehicle"].time_s[-1])
        self._ground_s = self._time_of("touchdown")
        self._noise = ShapedNoise(seed, "landing noise", self.rate_hz, self._density)
        self._rover = RoverSource(scene, microphone, seed=seed, recording="landing")
        self._breeze = BreezeSource(
            scene.breeze,
            scene.air,
            rate_hz=self.rate_hz,
            diaphragm_m=microphone.diaphragm_diameter_m,
            seed=seed,
        )
        self._capsule = Capsule(microphone, seed=seed, recording="landing")
        self._strikes = list(self._rings(seed))

    def _time_of(self, name: str) -> float:
        return self.flight.event(name).t_s if self.flight.has_event(name) else np.inf

    def dynamic_pressure_pa(self, t_s: float) -> float:
        """Return the dynamic pressure of the flow past the rover [Pa]."""
        vehicle, rover = self.flight.bodies["entry_vehicle"], self.flight.bodies["rover"]
        if t_s <= self._inside_s:
            return float(np.interp(t_s, vehicle.time_s, vehicle.drivers["dynamic_pressure_pa"]))
        speed = np.linalg.norm(rover.velocity_m_s, axis=1)
        now = float(np.interp(t_s, rover.time_s, speed)) if t_s < self._ground_s else 0.0
        return 0.5 * density_kg_m3(self.scene.air) * now**2

    def air(self, t_s: float) -> Air:
        """Return the air where the rover is: thinner the higher, of the surface's temperature."""
        vehicle = self.flight.bodies["entry_vehicle"]
        ground = self.scene.air
        if t_s > self._inside_s:
            return ground
        speed = np.linalg.norm(vehicle.velocity_m_s, axis=1)
        now = max(float(np.interp(t_s, vehicle.time_s, speed)), 1.0)
        density = max(2 * self.dynamic_pressure_pa(t_s) / now**2, 1e-9)
        pressure = density * ground.gas_constant_j_kg_k * ground.temperature_k
        return ground.model_copy(update={"pressure_pa": pressure})

    def engines(self, t_s: float) -> tuple[float, float, float]:
        """Return thrust [N], distance [m] and recession [m/s] of the engines as heard at a time.

        Sound that is heard now left them a while ago.
        """
        stage, rover = self.flight.bodies["descent_stage"], self.flight.bodies["rover"]

        def apart(t: float) -> float:
            return float(np.linalg.norm(_at(stage, t) - _at(rover, t)))

        speed = float(sound_speed_m_s(self.scene.air, 1000.0))
        sent = t_s - apart(t_s) / speed
        sent -= apart(sent) / speed - (t_s - sent)
        thrust = stage.drivers["thrust_n"]
        if not stage.time_s[0] <= sent <= stage.time_s[-1]:
            return 0.0, _NEAREST_M, 0.0
        step = 0.05
        recession = (apart(sent + step) - apart(sent - step)) / (2 * step)
        now = float(np.interp(sent, stage.time_s, thrust))
        return now, max(apart(sent), _NEAREST_M), recession

    def _density(self, frequency_hz: NDArray[np.float64], t_s: float) -> NDArray[np.float64]:
        """Return the density of all that is broadband [Pa2/Hz]."""
        landing, q = self.landing, self.dynamic_pressure_pa(t_s)
        if t_s < self._open_s:
            level = landing.rumble_coefficient * q * 10 ** (-landing.rumble_loss_db / 20)
            out = level**2 * _low(frequency_hz, landing.rumble_corner_hz)
        else:
            speed = np.sqrt(2 * q / density_kg_m3(self.air(t_s)))
            corner = max(0.2 * speed / landing.flow_size_m, 1.0)
            out = (landing.flow_coefficient * q) ** 2 * _low(frequency_hz, corner)
        thrust, distance, recession = self.engines(t_s)
        if thrust > 0:
            out = out + self._jets(frequency_hz, t_s, thrust, distance, recession)
        return out

    def _jets(
        self,
        frequency_hz: NDArray[np.float64],
        t_s: float,
        thrust_n: float,
        distance_m: float,
        recession_m_s: float,
    ) -> NDArray[np.float64]:
        jet, air = self.landing.jet, self.air(t_s)
        speed = float(sound_speed_m_s(air, 1000.0))
        power_w = jet.efficiency * 0.5 * thrust_n * jet.exhaust_speed_m_s
        square = power_w * density_kg_m3(air) * speed / (4 * np.pi * distance_m**2)
        shift = 1 / (1 + max(recession_m_s, -0.9 * speed) / speed)
        some = np.geomspace(10.0, 0.5 * self.rate_hz, 48)
        loss = np.interp(frequency_hz, some, path_gain(air, some, distance_m))
        return square * jet_density(jet, frequency_hz, shift) * loss**2

    def _rings(self, seed: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the first sample and the pressure [Pa] of every strike."""
        for name, strike in sorted(self.landing.strikes.items()):
            times = [event.t_s for event in self.flight.events if event.name == strike.event]
            for index, t_s in enumerate(times):
                rng = draws.generator(seed, f"landing strike {name}", index)
                shape = db_to_pa(strike.peak_db) * ringing(strike.modes, self.rate_hz, rng)
                yield round(t_s * self.rate_hz), shape

    def _struck(self, index: int) -> NDArray[np.float64]:
        out = np.zeros(BLOCK)
        first, last = index * BLOCK, (index + 1) * BLOCK
        for start, shape in self._strikes:
            a, b = max(start, first), min(start + shape.size, last)
            if a < b:
                out[a - first : b - first] += shape[a - start : b - start]
        return out

    def blocks(self) -> Iterator[NDArray[np.float64]]:
        """Yield the pressure that the capsule measures, in order [Pa], shape [<= BLOCK]."""
        on_ground = int(np.ceil(min(self._ground_s, self.end_s) * self.rate_hz / BLOCK))
        for index in range(-(-self.count // BLOCK)):
            n = min(BLOCK, self.count - index * BLOCK)
            total = self._noise.block(index) + self._struck(index) + self._rover.block(index)
            if index >= on_ground:
                total += self._breeze.block(index - on_ground)
            heard = self._capsule.respond(total) + self._capsule.noise(index)
            yield heard[:n]


def _at(body: Any, t_s: float) -> NDArray[np.float64]:
    return np.array([np.interp(t_s, body.time_s, body.position_m[:, i]) for i in range(3)])


def _low(frequency_hz: NDArray[np.float64], corner_hz: float) -> NDArray[np.float64]:
    """Return a density that falls above a corner and adds up to 1 [1/Hz]."""
    return 4 / np.pi * np.sqrt(0.5) / corner_hz / (1 + (frequency_hz / corner_hz) ** 4)


def write_landing_sound(
    path: Path,
    flight: Flight,
    scene: Soundscape,
    microphone: Microphone,
    *,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the landing as it would have been heard, from entry on, marked as synthetic.

    Returns:
        What was written: seconds, loudest level [dB re 20 uPa], clipped samples.

    Raises:
        InputError: the file cannot be written.
    """
    landing: Landing = scene.landing
    sound = LandingSound(flight, scene, microphone, seed=seed)
    scaled = microphone.model_copy(update={"full_scale_pa": landing.full_scale_pa})
    tags = {
        "full_scale_pa": landing.full_scale_pa,
        "microphone": microphone.name,
        "recording": "the landing as it would have been heard",
        "synthetic": True,
        "note": "computed from the flight; the flown microphone recorded nothing then",
    }
    peak, clipped = 0.0, 0
    form = {"rate_hz": microphone.sample_rate_hz, "channels": 1, "bits": microphone.bits}
    blocks = -(-sound.count // BLOCK)
    with (
        (progress or Progress()).task("landing sound", blocks) as advance,
        atomic_path(path) as partial,
        Writer(partial, **form, comment=json.dumps(tags)) as writer,
    ):
        for heard in sound.blocks():
            writer.write(to_samples(heard, scaled)[:, None].astype(np.float64))
            peak = max(peak, float(np.abs(heard).max()))
            clipped += int(np.count_nonzero(np.abs(heard) > landing.full_scale_pa))
            advance()
    return {
        "landing_seconds": round(sound.count / sound.rate_hz, 2),
        "landing_peak_db_re_20_upa": round(20 * math.log10(max(peak, 1e-9) / 20e-6), 1),
        "landing_clipped_samples": clipped,
    }
