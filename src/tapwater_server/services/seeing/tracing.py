"""One picture of a trace: calls and the steps between them, in the order they began. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tapwater_server.ports.meter import LogLine, Record, Span

_FINE = ("ok", "cancelled")
_SHOWN_MS_MIN = 0.05  # A shorter wait is no step of its own.


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One bar of the picture. ``kind``: invocation, queue, start, handler, or a Span's."""

    id: str
    parent: str
    name: str
    kind: str
    at: float
    took_ms: float
    app: str
    function: str = ""
    invocation: str = ""
    ok: bool = True
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All that is known of one trace."""

    trace: str
    at: float
    took_ms: float
    spans: Sequence[Step]
    lines: Sequence[LogLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The first call of a trace, for a list of traces."""

    trace: str
    at: float
    took_ms: float  # from the first call's beginning to the end of the last one seen
    app: str
    function: str
    invocation: str
    name: str
    calls: int
    errors: int


def trace_of(
    id: str, *, records: Sequence[Record], spans: Sequence[Span], lines: Sequence[LogLine]
) -> Trace:
    """Put a trace together. What was written down twice, around a crash, is shown once."""
    of_calls = (step for record in records for step in steps_of(record))
    each: dict[str, Step] = {}
    for step in (*of_calls, *map(_step, spans)):
        each.setdefault(step.id, step)  # Calls first: a function may give its steps any id.
    steps = sorted(each.values(), key=lambda step: step.at)
    began = min((step.at for step in steps), default=0.0)
    ended = max((step.at + step.took_ms / 1e3 for step in steps), default=0.0)
    return Trace(
        trace=id,
        at=began,
        took_ms=(ended - began) * 1e3,
        spans=steps,
        lines=sorted(lines, key=lambda line: (line.at, line.seq)),
    )


def steps_of(record: Record) -> Iterator[Step]:
    """A call, and in it what it waited for and how long its function ran."""
    span = record.span or record.id
    yield Step(
        id=span,
        parent=record.parent,
        name=name_of(record),
        kind="invocation",
        at=record.at,
        took_ms=record.queue_ms + record.wall_ms,
        app=record.app,
        function=record.function,
        invocation=record.id,
        ok=record.ending in _FINE,
        facts=_facts(record),
    )
    waited_ms = max(0.0, record.queue_ms - record.start_ms)
    if waited_ms >= _SHOWN_MS_MIN:
        yield _part(record, "queue", at=record.at, took_ms=waited_ms)
    if record.start_ms > 0:
        began = record.at + waited_ms / 1e3
        yield _part(record, "start", at=began, took_ms=record.start_ms)
    began = record.at + record.queue_ms / 1e3
    yield _part(record, "handler", at=began, took_ms=record.wall_ms)


def name_of(record: Record) -> str:
    """Say in short what a call was: ``GET /users-api/{id}``, or the event it was told of."""
    if record.verb == "event":
        return f"{record.event} → {record.function}" if record.event else record.function
    return f"{record.method} {record.route or record.path}"


def roots_of(records: Sequence[Record]) -> Sequence[Root]:
    """Find the first call of each trace among some records; the newest trace first."""
    traces: dict[str, list[Record]] = {}
    for record in records:
        if record.trace:
            traces.setdefault(record.trace, []).append(record)
    roots = [_root(trace, calls) for trace, calls in traces.items()]
    return sorted(roots, key=lambda root: root.at, reverse=True)


def _root(trace: str, calls: Sequence[Record]) -> Root:
    first = min(calls, key=lambda one: (one.depth, one.at))
    ended = max(one.at + (one.queue_ms + one.wall_ms) / 1e3 for one in calls)
    return Root(
        trace=trace,
        at=first.at,
        took_ms=(ended - first.at) * 1e3,
        app=first.app,
        function=first.function,
        invocation=first.id,
        name=name_of(first),
        calls=len(calls),
        errors=sum(one.ending not in _FINE for one in calls),
    )


def _part(record: Record, kind: str, *, at: float, took_ms: float) -> Step:
    span = record.span or record.id
    return Step(
        id=f"{span}.{kind}",
        parent=span,
        name=kind,
        kind=kind,
        at=at,
        took_ms=took_ms,
        app=record.app,
        function=record.function,
        invocation=record.id,
        ok=kind != "handler" or record.ending in _FINE,
    )


def _facts(record: Record) -> dict[str, str]:
    facts = {
        "ending": record.ending,
        "status": str(record.status) if record.status else "",
        "message": record.message,
        "revision": record.revision,
        "attempt": str(record.attempt) if record.attempt > 1 else "",
        "delivery": record.delivery,
        "user": record.user,
        "fault": record.fault,
        "cold": "true" if record.cold else "",
        "replay_of": record.replay_of,
    }
    return {name: value for name, value in facts.items() if value}


def _step(span: Span) -> Step:
    return Step(
        id=span.id,
        parent=span.parent,
        name=span.name,
        kind=span.kind,
        at=span.at,
        took_ms=span.took_ms,
        app=span.app,
        function=span.function,
        invocation=span.invocation,
        ok=span.ok,
        facts=span.facts,
    )
