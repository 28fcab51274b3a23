"""What the kernels hand on: states, samples of the record, events."""

# Warp types arrays by calls and its built-ins loosely; mypy cannot follow either.
# mypy: disable-error-code="valid-type,arg-type,call-overload,assignment"
from __future__ import annotations

import enum

import warp as wp

__all__ = [
    "BALANCE_SLOTS",
    "EVENT_COUNT",
    "EVENT_NAMES",
    "REVERSALS",
    "EventId",
    "EventSlot",
    "FallState",
    "LanderState",
    "Outcome",
    "Sample",
    "VehicleState",
    "vec8d",
]

vec8d = wp.types.vector(length=8, dtype=wp.float64)
"""One value an engine."""

REVERSALS = 6
"""Bank reversals that get an event of their own."""
BALANCE_SLOTS = 32


class EventId(enum.IntEnum):
    """Slots of the kernels' events; names in events.json are the lower-case ones."""

    ENTRY_INTERFACE = 0
    PEAK_HEATING = 1
    PEAK_DECELERATION = 2
    MAX_DYNAMIC_PRESSURE = 3
    RANGE_CONTROL_START = 4
    HEADING_ALIGNMENT_START = 5
    STRAIGHTEN_UP_AND_FLY_RIGHT = 6
    BALANCE_MASS_JETTISON = 7
    PARACHUTE_DEPLOY = 8
    LINE_STRETCH = 9
    PARACHUTE_FULL_INFLATION = 10
    PEAK_PARACHUTE_LOAD = 11
    PARACHUTE_TORN = 12
    HEAT_SHIELD_SEPARATION = 13
    BACKSHELL_SEPARATION = 14
    POWERED_DESCENT_START = 15
    CONSTANT_VELOCITY_START = 16
    CONSTANT_DECELERATION_START = 17
    SKY_CRANE_START = 18
    ROVER_SEPARATION = 19
    RAPPEL_DONE = 20
    TOUCHDOWN = 21
    BRIDLE_CUT = 22
    FLYAWAY_START = 23
    PROPELLANT_EMPTY = 24
    HEAT_SHIELD_IMPACT = 25
    BACKSHELL_IMPACT = 26
    DESCENT_STAGE_IMPACT = 27
    BALANCE_MASS_IMPACT = 28
    CRASH = 29
    ENGINE_OUT = 30
    RADAR_LOST = 31
    RADAR_FOUND = 32
    NAVIGATION_FIX = 33
    BANK_REVERSAL_START = 34
    BANK_REVERSAL_END = 34 + REVERSALS


EVENT_COUNT = 34 + 2 * REVERSALS


def event_name(slot: int) -> str:
    """Return the name in events.json of a slot."""
    if slot >= EventId.BANK_REVERSAL_END:
        return "bank_reversal_end"
    if slot >= EventId.BANK_REVERSAL_START:
        return "bank_reversal_start"
    return EventId(slot).name.lower()


EVENT_NAMES = tuple(event_name(slot) for slot in range(EVENT_COUNT))


class Outcome(enum.IntEnum):
    """How a case stands."""

    FLYING = 0
    LANDED = 1
    MISSED_ENTRY = 2
    NO_PARACHUTE_CONDITIONS = 3
    CAPSULE_HIT_GROUND = 4
    LANDER_HIT_GROUND = 5
    TOUCHDOWN_TOO_FAST = 6
    GAVE_UP = 7
    ROVER_DROPPED = 8
    TIPPED_OVER = 9


@wp.struct
class EventSlot:
    """One event; `happened` tells whether the rest means anything."""

    happened: wp.int32
    t: wp.float64
    position: wp.vec3d
    velocity: wp.vec3d
    mach: wp.float64
    pressure: wp.float64
    value: wp.float64


@wp.struct
class VehicleState:
    """The capsule, from entry interface to the backshell's separation, and its canopy."""

    t: wp.float64
    position: wp.vec3d
    velocity: wp.vec3d
    attitude: wp.quatd
    rates: wp.vec3d
    mass: wp.float64
    propellant: wp.float64
    balance_left: wp.int32
    outcome: wp.int32


@wp.struct
class LanderState:
    """Descent stage and rover as one body, at their common centre of mass."""

    t: wp.float64
    position: wp.vec3d
    velocity: wp.vec3d
    attitude: wp.quatd
    rates: wp.vec3d
    propellant: wp.float64
    fixed: wp.int32
    radar_offset: wp.float64
    radar_seen: wp.int32
    shield_gone_t: wp.float64
    started: wp.int32
    outcome: wp.int32


@wp.struct
class FallState:
    """A body on its own: at its centre of mass, rates in its own axes."""

    started: wp.int32
    t: wp.float64
    position: wp.vec3d
    velocity: wp.vec3d
    attitude: wp.quatd
    rates: wp.vec3d
    mass: wp.float64
    drag_area: wp.float64


@wp.struct
class Sample:
    """One instant of the record, of the capsule or of the lander."""

    t: wp.float64
    position: wp.vec3d
    velocity: wp.vec3d
    attitude: wp.quatd
    rates: wp.vec3d
    second_position: wp.vec3d
    second_velocity: wp.vec3d
    second_attitude: wp.quatd
    second_rates: wp.vec3d
    air_velocity: wp.vec3d
    mass: wp.float64
    propellant: wp.float64
    mach: wp.float64
    pressure: wp.float64
    bank: wp.float64
    angle_of_attack: wp.float64
    drag: wp.float64
    lift: wp.float64
    load: wp.float64
    second_load: wp.float64
    thrust: wp.float64
    engines: vec8d
    inflation: wp.float64
    length: wp.float64
    tension: wp.float64
    stage: wp.int32
