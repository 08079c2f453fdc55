"""A schedule: when something is due, what happens then, and what was missed or still runs."""

from dataclasses import dataclass
from enum import StrEnum

from tapwater_server.model.cron import Times, parse
from tapwater_server.model.ids import AppId


class Missed(StrEnum):
    """What becomes of the times at which the platform did not run, or its clock jumped over."""

    SKIP = "skip"  # Nothing, unless it is only seconds late.
    ONCE = "once"  # One run makes up for all of them.
    ALL = "all"  # Each is made up for, the latest hundred.


class Overlap(StrEnum):
    """What becomes of a time that comes while the run before is not over (retries count)."""

    SKIP = "skip"
    WAIT = "wait"  # The runs come one after the other.
    ALLOW = "allow"


class TargetKind(StrEnum):
    """What can be told that a time has come."""

    FUNCTION = "function"
    QUEUE = "queue"
    TOPIC = "topic"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule that an app made by the API. ``at`` is set for what is due only once."""

    id: str  # fresh whenever its times change: no time of before counts for it
    app: AppId
    name: str
    times: str = ""  # what cron.parse() reads; "" where at is set
    at: float = 0.0  # seconds since the epoch
    zone: str = "UTC"
    kind: TargetKind
    target: str  # "group/name", a queue, a topic, or the type of an event
    payload: bytes = b"null"  # JSON
    missed: Missed = Missed.ONCE
    overlap: Overlap = Overlap.SKIP
    paused: bool = False
    since: float = 0.0  # seconds since the epoch: what was due before does not count

    def parsed(self) -> Times | None:
        """Read its times; None: it is due once."""
        return parse(self.times) if self.times else None
