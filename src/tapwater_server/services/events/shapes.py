"""The JSON of the events API, as types: checked on the way in, documented on the way out."""

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec

from tapwater_server.model.errors import Invalid
from tapwater_server.model.event import ORIGINAL_ID, Event
from tapwater_server.model.message import is_json
from tapwater_server.ports.bus import ErrandState, LineStats
from tapwater_server.ports.eventlog import Logged


class Taken(msgspec.Struct):
    """What was published: the ids under which the events are found again, and how many were new."""

    ids: list[str]
    new: int


class EventLine(msgspec.Struct):
    id: str
    type: str
    source: str
    subject: str
    time: str
    seq: int
    key: str = ""
    root: str = ""
    depth: int = 0
    datacontenttype: str = "application/json"
    extensions: dict[str, Any] = {}
    data: Any = None
    data_base64: str | None = None


class EventPage(msgspec.Struct):
    events: list[EventLine]
    next: int | None = None  # give it as ``after`` to read on


class DeliveryLine(msgspec.Struct):
    id: str
    function: str
    queue: str
    state: str
    attempt: int
    published_at: float
    settled_at: float = 0.0
    not_before: float = 0.0
    key: str = ""
    event: str = ""
    root: str = ""
    depth: int = 0
    reason: str = ""
    result: Any = None
    body: Any = None
    attributes: Any = None


class DeliveryPage(msgspec.Struct):
    deliveries: list[DeliveryLine]
    next: str | None = None  # give it as ``after`` to read on


class EventShown(msgspec.Struct):
    event: EventLine
    deliveries: list[DeliveryLine]


class LineShown(msgspec.Struct):
    line: str
    function: str
    queue: str
    waiting: int
    delayed: int
    leased: int
    dead: int
    oldest_at: float


class Lines(msgspec.Struct):
    lines: list[LineShown]


class DeadFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which dead letters: what is not said does not limit; ``all`` if nothing limits."""

    ids: list[str] = []
    function: str = ""
    queue: str = ""
    reason: str = ""
    since: float | str = 0.0
    until: float | str = 0.0
    all: bool = False
    count: int = 10_000


class Touched(msgspec.Struct):
    """Which ones it was done to."""

    count: int
    ids: list[str]


class ReplayAsked(msgspec.Struct, forbid_unknown_fields=True):
    since: float | str
    until: float | str = 0.0
    type: str = ""  # "shop.order.*"
    subject: str = ""
    function: str = ""  # "group/name"; all that match else


class Replayed(msgspec.Struct):
    replay: str  # its id: it is in the name of each delivery
    events: int
    deliveries: int
    seq: int  # of the last event looked at
    complete: bool  # False: there was more than one request replays; go on with ``since``


class CallAsked(msgspec.Struct, forbid_unknown_fields=True):
    function: str
    data: Any = None
    id: str = ""  # the same id again changes nothing
    delay: float = 0.0
    key: str = ""
    priority: int = 0


class Called(msgspec.Struct):
    id: str


class OnceAsked(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    scope: str = ""
    token: str = ""
    lease_s: float = 0.0
    keep_s: float = 0.0


class OnceBegun(msgspec.Struct):
    state: str  # "first", "done" or "busy"
    token: str = ""
    until: float = 0.0


def moment(said: float | str) -> float:
    """Read a time: seconds since the epoch, or as RFC 3339 has it.

    >>> moment("1970-01-01T00:01:00Z")
    60.0

    Raises:
        Invalid: it is none.
    """
    if isinstance(said, str):
        try:
            at = datetime.fromisoformat(said)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
        try:
            said = float(said)
        except ValueError:
            raise Invalid(f"{said!r:.40} is no time: write 2026-11-21T08:00:00Z") from None
    if not 0 <= said < 1e11:
        raise Invalid("a time lies between 1970 and the year 5138")
    return said


def event_says(logged: Logged, *, full: bool) -> EventLine:
    """Show an event, its data only if asked to."""
    event = logged.event
    extensions = {name: at for name, at in event.extensions.items() if name != ORIGINAL_ID}
    line = EventLine(
        id=event.id,
        type=event.type,
        source=event.source,
        subject=event.subject,
        time=datetime.fromtimestamp(event.at, UTC).isoformat().replace("+00:00", "Z"),
        seq=logged.seq,
        key=event.key,
        root=event.root,
        depth=event.depth,
        datacontenttype=event.content_type,
        extensions=extensions,
    )
    if full:
        line.data, line.data_base64 = _data(event)
    return line


def _data(event: Event) -> tuple[Any, str | None]:
    if is_json(event.content_type):
        return msgspec.Raw(event.data or b"null"), None
    try:
        return event.data.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(event.data).decode()


def delivery_says(state: ErrandState, *, full: bool = False) -> DeliveryLine:
    """Show a delivery; its body and result only if asked to."""
    return DeliveryLine(
        id=state.id,
        function=state.function.partition(":")[2],
        queue=queue_of(state.line),
        state=state.state,
        attempt=state.attempt,
        published_at=state.published_at,
        settled_at=state.settled_at,
        not_before=state.not_before,
        key=state.key,
        event=state.event,
        root=state.root,
        depth=state.depth,
        reason=state.reason,
        result=_shown(state.result) if full else None,
        body=_shown(state.body) if full else None,
        attributes=_shown(state.attributes) if full else None,
    )


def line_says(stats: LineStats) -> LineShown:
    """Show how a line stands."""
    kind, _, name = stats.line.partition(":")
    return LineShown(
        line=stats.line,
        function=name.partition(":")[2] if kind == "f" else "",
        queue=queue_of(stats.line),
        waiting=stats.waiting,
        delayed=stats.delayed,
        leased=stats.leased,
        dead=stats.dead,
        oldest_at=stats.oldest_at,
    )


def queue_of(line: str) -> str:
    """Give the queue of a line; empty for a function's.

    >>> queue_of("q:shop:emails")
    'emails'
    """
    return line.split(":", 2)[2] if line.startswith("q:") else ""


def _shown(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw.decode("utf-8", "replace")
    return msgspec.Raw(raw)
