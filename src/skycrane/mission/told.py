"""A mission in a few lines: the figures to compare with what is published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from skycrane.mission.entry import motion_of
from skycrane.mission.trim import TRIM_MACH, trim_of

if TYPE_CHECKING:
    from skycrane.mission.mission import Mission

__all__ = ["told_of"]


def told_of(mission: Mission) -> Iterator[tuple[str, str]]:
    """Yield labels and lines: site, entry in both frames, masses, trim, cameras, flown events."""
    site = mission.site
    above = site.radius_m - mission.atmosphere.datum_radius_m
    yield "site", f"{site.name}, {site.latitude_deg} N {site.longitude_deg} E"
    yield "", f"{above:.0f} m above the level that heights of the air count from"
    yield "entry", f"{mission.epoch.entry_interface_utc:%Y-%m-%d %H:%M:%S} UTC"
    position, velocity = mission.entry.state(mission.planet)
    for frame in ("relative", "inertial"):
        motion = motion_of(position, velocity, mission.planet, frame)  # type: ignore[arg-type]
        if frame == "relative":
            yield (
                "",
                f"radius {motion.radius_m / 1e3:.1f} km, {motion.latitude_deg:.3f} N "
                f"{motion.longitude_deg:.3f} E",
            )
        yield (
            "",
            f"{frame:<9}{motion.speed_m_s:8.1f} m/s at {motion.flight_path_angle_deg:.3f} deg, "
            f"toward {motion.azimuth_deg:.3f} deg east of north",
        )
    vehicle = mission.vehicle
    yield "mass", f"{vehicle.masses.entry_kg:.1f} kg at entry"
    trim = trim_of(vehicle, vehicle.balance_mass_position_m[0])
    yield (
        "trim",
        f"angle of attack {trim.angle_deg:.1f} deg, lift over drag {trim.lift_to_drag:.3f} at Mach "
        f"{TRIM_MACH:.0f}",
    )
    yield "cameras", ", ".join(mission.cameras)
    events, figures = len(mission.flown), len(mission.flown_figure)
    yield "flown", f"{events} events and {figures} figures to compare with"
