"""Interchange: the edit as OpenTimelineIO, for people's own editing tables."""

from __future__ import annotations

import json
from collections.abc import Sequence

import opentimelineio as otio

from skycrane.flight.record import Flight
from skycrane.ground.timeline import Shot, Span

__all__ = ["timeline_json"]


def timeline_json(
    shots: Sequence[Shot], flight: Flight, span: Span, *, title: str, frames_per_s: int
) -> str:
    """Return the edit as the text of an .otio file: one track a layer of views, and the sound.

    Clips refer to the cameras' raw files by relative address, their ranges counted on the flight's
    clock (seconds after entry interface); events within the film are markers.
    """
    about = {"opens_s": span.opens_s, "closes_s": span.closes_s}
    timeline = otio.schema.Timeline(name=title, metadata={"skycrane": about})
    depth = max((len(shot.views) for shot in shots), default=1) or 1
    for layer in range(depth):
        track = otio.schema.Track(name=f"V{layer + 1}", kind=otio.schema.TrackKind.Video)
        for shot in shots:
            track.append(_clip(shot, layer, span, frames_per_s))
        timeline.tracks.append(track)
    timeline.tracks.append(_sound(span, frames_per_s))
    for event in flight.events:
        if span.opens_s <= event.t_s <= span.closes_s:
            at = otio.opentime.RationalTime(_frame(event.t_s, span, frames_per_s), frames_per_s)
            marked = otio.opentime.TimeRange(at, otio.opentime.RationalTime(1, frames_per_s))
            timeline.tracks.markers.append(
                otio.schema.Marker(
                    name=event.name, marked_range=marked, metadata={"skycrane": {"t_s": event.t_s}}
                )
            )
    # Read and written again with sorted keys: the library's own order is not promised.
    text = otio.adapters.write_to_string(timeline, "otio_json")
    return json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _frame(t_s: float, span: Span, frames_per_s: int) -> int:
    return round((t_s - span.opens_s) * frames_per_s)


def _clip(shot: Shot, layer: int, span: Span, frames_per_s: int) -> otio.core.Item:
    start, end = (_frame(t, span, frames_per_s) for t in (shot.start_s, shot.end_s))
    length = otio.opentime.RationalTime(end - start, frames_per_s)
    if layer >= len(shot.views) and not (layer == 0 and not shot.views):
        zero = otio.opentime.RationalTime(0, frames_per_s)
        return otio.schema.Gap(source_range=otio.opentime.TimeRange(zero, length))
    at = otio.opentime.RationalTime(round(shot.start_s * frames_per_s), frames_per_s)
    source = otio.opentime.TimeRange(at, length)
    metadata = {"skycrane": {"layout": shot.layout, "dissolve_s": shot.dissolve_s}}
    if not shot.views:
        return otio.schema.Clip(name="profile", source_range=source, metadata=metadata)
    camera = shot.views[layer]
    reference = otio.schema.ExternalReference(target_url=f"../ground/{camera}.mcap")
    return otio.schema.Clip(camera, reference, source, metadata=metadata)


def _sound(span: Span, frames_per_s: int) -> otio.schema.Track:
    track = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
    zero = otio.opentime.RationalTime(0, frames_per_s)
    length = otio.opentime.RationalTime(_frame(span.closes_s, span, frames_per_s), frames_per_s)
    reference = otio.schema.ExternalReference(target_url="landing.mp4")
    source = otio.opentime.TimeRange(zero, length)
    track.append(otio.schema.Clip("call-outs", reference, source))
    return track
