"""What is told when a time has come: an event, an errand or a message, with an id made of the
schedule and the time, so that telling it again changes nothing. Pure.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.events.envelope import enveloped, timestamp
from tapwater_server.events.matching import errand_id
from tapwater_server.events.sources.ticks import Entry
from tapwater_server.model.event import Event
from tapwater_server.model.schedule import Overlap, TargetKind
from tapwater_server.ports.bus import Errand, function_line

TICK = "tapwater.schedule.tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time of one schedule. ``id`` is the same whenever it is made."""

    entry: Entry
    due: float
    id: str


def firing_of(entry: Entry, due: float) -> Firing:
    """Name a time."""
    of = entry.schedule.id if entry.schedule is not None else entry.key
    return Firing(entry=entry, due=due, id=f"tick.{of}.{due:.0f}")


def kind_of(entry: Entry) -> TargetKind:
    """Say what is told; a trigger's time is an event that the relay brings to its function."""
    if entry.timed is not None:
        return TargetKind.FUNCTION  # An errand, to whoever serves its line.
    return entry.schedule.kind if entry.schedule is not None else TargetKind.EVENT


def errand_to_watch(entry: Entry, run_at: float) -> str:
    """Name the errand of the run at ``run_at``; "" if there is none to watch."""
    if not run_at or not entry.function or entry.overlap is not Overlap.SKIP:
        return ""
    firing = firing_of(entry, run_at)
    return errand_id(event_of(firing, now=0.0), entry.function)


def event_of(firing: Firing, *, now: float) -> Event:
    """Write a time as an event."""
    entry = firing.entry
    own = entry.schedule is not None and entry.schedule.kind is TargetKind.EVENT
    source = f"/schedules/{entry.name}"
    return Event(
        id=firing.id,
        app=entry.app,
        type=entry.schedule.target if own and entry.schedule is not None else TICK,
        source=source,
        at=now,
        data=_payload(entry) if own else _data(firing),
        key="" if entry.overlap is Overlap.ALLOW else source,
        root=firing.id,
    )


def errand_of(firing: Firing, *, now: float) -> Errand:
    """Write a time as an errand to the schedule's function, or as another room says."""
    if firing.entry.timed is not None:
        return firing.entry.timed.errand(firing.due)
    entry, event = firing.entry, event_of(firing, now=now)
    return Errand(
        id=errand_id(event, entry.function),
        app=entry.app,
        line=function_line(entry.function),
        function=entry.function,
        body=enveloped(event, {}),
        key=event.key,
        root=firing.id,
    )


def _payload(entry: Entry) -> bytes:
    return entry.schedule.payload if entry.schedule is not None else b"null"


def _data(firing: Firing) -> bytes:
    said: dict[str, Any] = {
        "name": firing.entry.name,
        "due": timestamp(firing.due),
        "payload": msgspec.Raw(_payload(firing.entry)),
    }
    return msgspec.json.encode(said)
