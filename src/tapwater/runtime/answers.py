"""What a handler returned, as an answer: status, headers, body, or a stream of pieces."""

import dataclasses
import datetime
import decimal
import enum
import inspect
import json
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tapwater.http import Response, ServerSentEvent
from tapwater.problem import CONTENT_TYPE, Problem
from tapwater.runtime import foreign
from tapwater.runtime.wire import Headers, pack_headers

Packed = tuple[int, bytes]

_NO_HEADERS = pack_headers([])
_JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"
_BYTES = b"application/octet-stream"
_EVENTS = b"text/event-stream"
_PACKED: Mapping[bytes, Packed] = {
    kind: pack_headers([(b"content-type", kind)]) for kind in (_JSON, _TEXT, _BYTES)
}


class Whole(NamedTuple):
    """An answer that is complete."""

    status: int
    headers: Packed
    body: bytes


class Pieces(NamedTuple):
    """An answer that comes piece by piece; what is yielded first says what kind it is."""

    status: int
    headers: Headers
    items: Iterator[Any] | AsyncIterator[Any]
    sent_events: bool


def plain(value: Any) -> Any:
    """What the JSON encoder does not know, as something it knows.

    Raises:
        TypeError: there is no obvious form.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for kinds, convert in _PLAIN:
        if isinstance(value, kinds):
            return convert(value)
    dumped = foreign.plain(value)
    if dumped is not NotImplemented:
        return dumped
    raise TypeError(f"a handler returned {type(value).__name__}, which has no form in JSON")


def _iso(value: datetime.date | datetime.time) -> str:
    return value.isoformat()


_PLAIN: tuple[tuple[Any, Any], ...] = (
    ((datetime.date, datetime.time), _iso),
    ((uuid.UUID, decimal.Decimal), str),
    (enum.Enum, lambda value: value.value),
    (datetime.timedelta, datetime.timedelta.total_seconds),
    ((set, frozenset), list),
    (Mapping, dict),
)

_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=plain
).encode


def dump(value: Any) -> bytes:
    """The value as JSON.

    >>> dump({"at": datetime.date(2026, 1, 2)})
    b'{"at":"2026-01-02"}'

    Raises:
        TypeError, ValueError: there is no such form.
    """
    return _encode(value).encode("utf-8", "backslashreplace")


def render(value: Any) -> Whole | Pieces:
    """Turn what a handler returned into an answer.

    >>> render("hi").body, render(None).status
    (b'hi', 204)
    """
    kind = type(value)
    if kind is str:
        return Whole(200, _PACKED[_TEXT], value.encode("utf-8", "backslashreplace"))
    if kind is dict or kind is list:
        return Whole(200, _PACKED[_JSON], dump(value))
    if value is None:
        return Whole(204, _NO_HEADERS, b"")
    if kind is Response:
        return _response(value)
    body, content_type = _content(value)
    if isinstance(body, bytes):
        return Whole(200, _PACKED[content_type], body)
    return Pieces(200, [], body, False)


def _content(value: Any) -> tuple[Any, bytes]:
    """A body and its content type; the body is an iterator when it comes in pieces."""
    if value is None:
        return b"", b""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace"), _TEXT
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value), _BYTES
    if isinstance(value, Iterator | AsyncIterator):
        return value, b""
    if inspect.isasyncgen(value):
        return value, b""
    return dump(value), _JSON


def _response(response: Response) -> Whole | Pieces:
    headers = list(response.headers)
    body, content_type = _streamed(response) if response.sent_events else _content(response.body)
    if content_type and not any(name == b"content-type" for name, _ in headers):
        headers.insert(0, (b"content-type", content_type))
    if isinstance(body, bytes):
        return Whole(response.status, pack_headers(headers), body)
    return Pieces(response.status, headers, body, response.sent_events)


def _streamed(response: Response) -> tuple[Any, bytes]:
    items = response.body
    if isinstance(items, AsyncIterator):
        return items, _EVENTS
    if isinstance(items, Iterable):
        return iter(items), _EVENTS
    raise TypeError("Response.sse() wants something to go through, not " + type(items).__name__)


def refused(problem: Problem) -> Whole:
    """A Problem as an answer."""
    headers = [(b"content-type", CONTENT_TYPE.encode())]
    headers += problem.headers
    return Whole(problem.status, pack_headers(headers), problem.body())


def kind_of_pieces(pieces: Pieces, first: Any) -> tuple[Headers, bool]:
    """The headers of a streamed answer whose first item is this; whether it is sent events."""
    sent_events = pieces.sent_events or not isinstance(first, str | bytes | bytearray | memoryview)
    if any(name == b"content-type" for name, _ in pieces.headers):
        return _uncached(pieces.headers) if pieces.sent_events else pieces.headers, sent_events
    if sent_events:
        return _uncached([*pieces.headers, (b"content-type", _EVENTS)]), True
    kind = _TEXT if isinstance(first, str) else _BYTES
    return [*pieces.headers, (b"content-type", kind)], False


def _uncached(headers: Headers) -> Headers:
    if any(name == b"cache-control" for name, _ in headers):
        return headers
    return [*headers, (b"cache-control", b"no-cache")]


def piece(item: Any, *, sent_events: bool) -> bytes:
    """One yielded item as bytes.

    >>> piece({"a": 1}, sent_events=True)
    b'data: {"a":1}\\n\\n'
    """
    if sent_events:
        return _sent_event(
            item if isinstance(item, ServerSentEvent) else ServerSentEvent(data=item)
        )
    if isinstance(item, str):
        return item.encode("utf-8", "backslashreplace")
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item)
    raise TypeError(f"a stream of text or bytes cannot go on with {type(item).__name__}")


def _sent_event(event: ServerSentEvent) -> bytes:
    lines: list[str] = []
    for name, value in (("event", event.event), ("id", event.id)):
        if value:
            if "\n" in value or "\r" in value or "\0" in value:
                raise ValueError(f"the {name} of a server-sent event has a line break in it")
            lines.append(f"{name}: {value}")
    if event.retry_ms is not None:
        lines.append(f"retry: {int(event.retry_ms)}")
    if event.data is not None:
        text = event.data if isinstance(event.data, str) else dump(event.data).decode()
        lines += [
            f"data: {line}" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        ]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "backslashreplace")
