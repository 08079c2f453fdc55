"""Records, spans and lines as OTLP has them, in the words of its semantic conventions. Pure.

The shape is that of OTLP/JSON; ``encoding.py`` writes it as JSON or as protobuf.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from tapwater_server.ports.meter import LogLine, Record, Span

Json = dict[str, Any]
SHOWN_MS_MIN = 0.05  # A shorter wait is no span of its own.
VERSION_OF_SDK = "1"
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
_ERROR = 2
_FINE = frozenset({"ok", "cancelled"})
_KINDS: Mapping[str, int] = {
    "ask": CLIENT,
    "call": CLIENT,
    "event": PRODUCER,
    "delivery": INTERNAL,
    "mail": CLIENT,
    "user": INTERNAL,
}
_SEVERITIES: Mapping[str, int] = {
    "debug": 5,
    "info": 9,
    "warning": 13,
    "error": 17,
    "platform": 17,
}
_STREAMS: Mapping[str, str] = {"print": "stdout", "stderr": "stderr", "output": "stdout"}


def resource(app: str, *, node: str) -> Json:
    """Say whose this is: a service is an app."""
    return {
        "attributes": attributes(
            {
                "service.name": app,
                "service.namespace": "tapwater",
                "service.instance.id": node,
                "telemetry.sdk.name": "tapwater",
                "telemetry.sdk.language": "python",
                "telemetry.sdk.version": VERSION_OF_SDK,
            }
        )
    }


def spans_of_record(record: Record) -> Iterable[Json]:
    """An invocation, and in it what it waited for and how long its function ran."""
    if not record.trace or not record.span:
        return
    yield _invocation(record)
    waited_ms = max(0.0, record.queue_ms - record.start_ms)
    if waited_ms >= SHOWN_MS_MIN:
        yield _part(record, "queue", record.at, waited_ms)
    if record.start_ms > 0:
        yield _part(record, "start", record.at + waited_ms / 1e3, record.start_ms)
    if record.instance:
        yield _part(record, "handler", record.at + record.queue_ms / 1e3, record.wall_ms)


def span(one: Span) -> Json:
    """A step that is no invocation."""
    return _span(
        trace=one.trace,
        id=one.id,
        parent=one.parent,
        name=one.name,
        kind=_KINDS.get(one.kind, INTERNAL),
        at=one.at,
        took_ms=one.took_ms,
        said={
            **one.facts,
            "tapwater.kind": one.kind,
            "faas.name": one.function,
            "faas.invocation_id": one.invocation,
        },
        error=None if one.ok else one.facts.get("error", one.facts.get("reason", "")),
    )


def log_record(line: LogLine) -> Json:
    """A log line; its fields are attributes."""
    said: Json = {
        **line.fields,
        "faas.name": line.function,
        "faas.invocation_id": line.invocation,
        "faas.instance": line.instance,
        "log.iostream": _STREAMS.get(line.stream, ""),
    }
    written: Json = {
        "timeUnixNano": nanos(line.at),
        "observedTimeUnixNano": nanos(line.at),
        "severityNumber": _SEVERITIES.get(line.level, 9),
        "severityText": line.level.upper(),
        "body": _value(line.text),
        "attributes": attributes(said),
    }
    if line.trace:
        written["traceId"] = line.trace
    return written


def by_resource(
    items: Sequence[tuple[str, Json]], *, outer: str, inner: str, scoped: str, node: str
) -> Json:
    """Put items, each with its app, below their resources."""
    apps: dict[str, list[Json]] = {}
    for app, item in items:
        apps.setdefault(app, []).append(item)
    scope = {"name": "tapwater", "version": VERSION_OF_SDK}
    return {
        outer: [
            {"resource": resource(app, node=node), inner: [{"scope": scope, scoped: some}]}
            for app, some in apps.items()
        ]
    }


def attributes(said: Mapping[str, Any]) -> list[Json]:
    """Write attributes; what is empty is left out.

    >>> attributes({"a": "x", "b": "", "n": 2, "ok": True})
    [{'key': 'a', 'value': {'stringValue': 'x'}}, {'key': 'n', 'value': {'intValue': '2'}}, \
{'key': 'ok', 'value': {'boolValue': True}}]
    """
    return [
        {"key": name, "value": _value(value)}
        for name, value in said.items()
        if value is not None and value != ""
    ]


def nanos(at: float) -> str:
    """Write a time as OTLP/JSON does: 64 bits as text."""
    return str(round(at * 1e6) * 1000)


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": _text(str(value))}


def _text(said: str) -> str:
    """Half of a surrogate pair is no text that protobuf or JSON carries."""
    return said if said.isascii() else said.encode("utf-8", "replace").decode()


def _invocation(record: Record) -> Json:
    http = record.verb != "event" and bool(record.status or record.route)
    said: Json = {
        "faas.name": record.function,
        "faas.version": record.revision,
        "faas.instance": record.instance,
        "faas.invocation_id": record.id,
        "faas.coldstart": record.cold,
        "faas.trigger": _trigger(record),
        "faas.max_memory": record.memory_bytes or None,
        "enduser.id": record.user,
        "tapwater.ending": record.ending,
        "tapwater.cpu_ms": record.cpu_ms,
        "tapwater.memory_peak_bytes": record.memory_peak_bytes,
        "tapwater.delivery": record.delivery,
        "tapwater.attempt": record.attempt or None,
        "tapwater.event": record.event,
        "tapwater.replay_of": record.replay_of,
    }
    if http:
        said |= {
            "http.request.method": record.method,
            "http.response.status_code": record.status or None,
            "http.route": record.route,
            "url.path": record.path,
            "http.request.body.size": record.bytes_in,
            "http.response.body.size": record.bytes_out,
        }
    failed = record.ending not in _FINE
    if failed or record.status >= 500:
        said["error.type"] = record.error or (record.ending if failed else str(record.status))
    return _span(
        trace=record.trace,
        id=record.span,
        parent=record.parent,
        name=f"{record.method} {record.route or record.path}" if http else record.function,
        kind=CONSUMER if record.delivery else SERVER,
        at=record.at,
        took_ms=record.queue_ms + record.wall_ms,
        said=said,
        error=record.message if failed or record.status >= 500 else None,
    )


def _trigger(record: Record) -> str:
    if record.event == "tapwater.schedule.tick":
        return "timer"
    if record.event.startswith(("tapwater.document.", "tapwater.blob.")):
        return "datasource"
    if record.delivery:
        return "pubsub"
    return "http" if record.verb != "event" else "other"


def _part(record: Record, name: str, at: float, took_ms: float) -> Json:
    digest = blake2b(f"{record.span} {name}".encode(), digest_size=8)
    return _span(
        trace=record.trace,
        id=digest.hexdigest(),
        parent=record.span,
        name=name,
        kind=INTERNAL,
        at=at,
        took_ms=took_ms,
        said={"faas.name": record.function, "faas.invocation_id": record.id},
        error=None,
    )


def _span(
    *,
    trace: str,
    id: str,
    parent: str,
    name: str,
    kind: int,
    at: float,
    took_ms: float,
    said: Mapping[str, Any],
    error: str | None,
) -> Json:
    written: Json = {
        "traceId": trace,
        "spanId": id,
        "name": _text(name),
        "kind": kind,
        "startTimeUnixNano": nanos(at),
        "endTimeUnixNano": nanos(at + took_ms / 1e3),
        "attributes": attributes(said),
        "status": {} if error is None else {"code": _ERROR, "message": _text(error)},
    }
    if parent:
        written["parentSpanId"] = parent
    return written
